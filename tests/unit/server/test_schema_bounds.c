/* Depth, work and time of the schema validator, and several threads at one schema. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/schema/schema.h"
#include "shared/json/access.h"
#include "tests/support/suite.h"

/* Of the processor's time, generous. */
#ifdef __SANITIZE_THREAD__
#define SOON_MS 30000
#else
#define SOON_MS 5000
#endif
#define TEXT_MAX (4U << 20)
#define MEMBERS 100000

/* However busy the machine is with something else. */
static int64_t spent_ms(void)
{
    struct timespec spent = {0};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
    return (int64_t)spent.tv_sec * 1000 + spent.tv_nsec / 1000000;
}

static gh_schema *make(const char *text)
{
    gh_error error = {GH_OK, ""};
    gh_schema *schema = NULL;
    gh_status status = gh_schema_new(text, &schema, &error);
    ck_assert_msg(status == GH_OK, "%.200s: %s", text, error.message);
    return schema;
}

/* Checks within the time that is allowed. */
static gh_status check(const char *schema_text, const char *value_text)
{
    gh_error error = {GH_OK, ""};
    gh_schema *schema = make(schema_text);
    cJSON *value = NULL;
    ck_assert_msg(gh_json_parse(gh_view_of(value_text), NULL, &value, &error) == GH_OK, "%s", error.message);
    int64_t began = spent_ms();
    gh_status status = gh_schema_check(schema, value, "arguments", &error);
    int64_t took = spent_ms() - began;
    ck_assert_msg(took < SOON_MS, "%.200s took %lld ms", schema_text, (long long)took);
    ck_assert_int_eq(status == GH_OK, error.message[0] == '\0');
    cJSON_Delete(value);
    gh_schema_free(schema);
    return status;
}

/* OPEN, then `count` times FORMAT with its number, with commas between, then CLOSE. */
static char *list_of(const char *open, const char *format, int count, const char *close)
{
    gh_buf text = GH_BUF_INIT(TEXT_MAX);
    (void)gh_buf_append_cstr(&text, open);
    for (int i = 0; i < count; i++) {
        (void)gh_buf_append_cstr(&text, i == 0 ? "" : ",");
        for (const char *c = format; *c != '\0'; c++) {
            (void)(*c == '@' ? gh_buf_appendf(&text, "%d", i) : gh_buf_append_char(&text, *c));
        }
    }
    (void)gh_buf_append_cstr(&text, close);
    ck_assert_int_eq(gh_buf_status(&text), GH_OK);
    return gh_buf_steal(&text);
}

static gh_status check_list(const char *schema, const char *format, int count)
{
    char *value = list_of("[", format, count, "]");
    gh_status status = check(schema, value);
    free(value);
    return status;
}

START_TEST(large_bodies_of_the_usual_form_are_checked)
{
    ck_assert_int_eq(check_list("{\"items\":{\"type\":\"integer\",\"minimum\":0}}", "@", MEMBERS - 10),
                     GH_OK);
    ck_assert_int_eq(
        check_list("{\"items\":{\"pattern\":\"^[a-z]+@?\\\\d*$\"}}", "\"member@\"", MEMBERS - 10), GH_OK);
    ck_assert_int_eq(
        check_list("{\"items\":{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"integer\"}]}}", "@", MEMBERS - 10),
        GH_OK);
    char *row = list_of("{", "\"m@\":@", 19, "}");
    char *schema =
        list_of("{\"items\":{\"additionalProperties\":false,\"required\":[\"m18\"],\"properties\":{",
                "\"m@\":{\"type\":\"integer\"}", 19, "}}}");
    ck_assert_int_eq(check_list(schema, row, 4500), GH_OK);
    free(row);
    free(schema);
}
END_TEST

START_TEST(items_that_all_differ_cost_little_more_than_they_are)
{
    static const char UNIQUE[] = "{\"uniqueItems\":true}";
    ck_assert_int_eq(check_list(UNIQUE, "@", MEMBERS - 10), GH_OK);
    ck_assert_int_eq(check_list(UNIQUE, "\"item @\"", MEMBERS - 10), GH_OK);
    ck_assert_int_eq(check_list(UNIQUE, "{\"a\":1,\"b\":[@]}", 24000), GH_OK);
    ck_assert_int_eq(check_list(UNIQUE, "[[@],[],{}]", 19000), GH_OK);
    ck_assert_int_eq(check_list(UNIQUE, "[@,[]],[[],@]", 16000), GH_OK);
    ck_assert_int_eq(check_list(UNIQUE, "null", MEMBERS - 10), GH_ERR_INVALID);
    /* The last is the first again, written in another way. */
    char *value =
        list_of("[{\"a\":0,\"b\":[-0.0]},", "{\"a\":1,\"b\":[@]}", 20000, ",{\"b\":[0],\"a\":0.0e1}]");
    ck_assert_int_eq(check(UNIQUE, value), GH_ERR_INVALID);
    free(value);
}
END_TEST

START_TEST(what_grows_faster_than_the_body_ends_soon)
{
    char *schema = list_of("{\"items\":{\"enum\":[", "\"choice @\"", 15000, "]}}");
    ck_assert_int_eq(check_list(schema, "\"choice 14999\"", MEMBERS - 10), GH_ERR_TOO_LARGE);
    free(schema);
    char *object = list_of("{", "\"name@\":@", 990, "}");
    schema =
        list_of("{\"items\":{\"additionalProperties\":false,\"properties\":{", "\"name@\":true", 990, "}}}");
    ck_assert_int_eq(check_list(schema, object, 100), GH_ERR_TOO_LARGE);
    free(schema);
    schema = list_of("{\"items\":{\"additionalProperties\":false,\"patternProperties\":{",
                     "\"^(n|o)*@$\":true", 990, "}}}");
    ck_assert_int_ne(check_list(schema, object, 100), GH_OK);
    free(schema);
    free(object);
}
END_TEST

START_TEST(a_schema_that_doubles_with_each_step_ends_soon)
{
    static const char *const FORMS[] = {
        ("\"d@\":{\"allOf\":[{\"$ref\":\"#/$defs/e@\"},{\"$ref\":\"#/$defs/e@\"}]},"
         "\"e@\":{\"anyOf\":[{\"$ref\":\"#/$defs/f@\"},{\"$ref\":\"#/$defs/f@\"}]},"
         "\"f@\":{\"oneOf\":[{\"$ref\":\"#\"},{\"not\":{\"$ref\":\"#\"}}],\"unevaluatedProperties\":false}"),
        "\"d@\":{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}],\"unevaluatedProperties\":false}",
        ("\"d@\":{\"if\":{\"$ref\":\"#\"},\"then\":{\"$ref\":\"#\"},\"else\":{\"$ref\":\"#\"},"
         "\"unevaluatedItems\":false}"),
    };
    for (size_t i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++) {
        char *schema = list_of("{\"$ref\":\"#/$defs/d0\",\"$defs\":{", FORMS[i], 2, "}}");
        ck_assert_int_eq(check(schema, "{\"a\":1}"), GH_ERR_TOO_LARGE);
        free(schema);
    }
}
END_TEST

START_TEST(a_recursive_schema_takes_a_value_as_deep_as_may_arrive)
{
    const char *schema =
        "{\"type\":\"object\",\"properties\":{\"n\":{\"$ref\":\"#\"},\"leaf\":{\"type\":\"integer\"}},"
        "\"unevaluatedProperties\":false}";
    gh_buf deep = GH_BUF_INIT(TEXT_MAX);
    for (int i = 0; i < GH_JSON_DEPTH_MAX - 1; i++) {
        (void)gh_buf_append_cstr(&deep, "{\"n\":");
    }
    size_t open = deep.len;
    (void)gh_buf_append_cstr(&deep, "{\"leaf\":1}");
    for (int i = 0; i < GH_JSON_DEPTH_MAX - 1; i++) {
        (void)gh_buf_append_char(&deep, '}');
    }
    ck_assert_int_eq(check(schema, gh_buf_cstr(&deep)), GH_OK);
    memcpy(deep.data + open, "{\"leef\":1}", strlen("{\"leef\":1}"));
    ck_assert_int_eq(check(schema, gh_buf_cstr(&deep)), GH_ERR_INVALID);
    gh_buf_free(&deep);
}
END_TEST

START_TEST(schemas_are_bounded_when_they_are_made)
{
    static const char *const MANY[][3] = {
        {"{\"allOf\":[", "{\"pattern\":\"^(?:[a-z]{900}|x){20}@$\"}", "]}"},
        {"{\"allOf\":[", "{\"$ref\":\"#/allOf/@\"}", "]}"},
        {"{\"allOf\":[", "{\"$ref\":\"#a@\",\"$anchor\":\"a@\"}", "]}"},
        {"{\"$ref\":\"#/x/0\",\"x\":[", "{\"$ref\":\"#/x/@\"}", "]}"},
    };
    for (size_t i = 0; i < sizeof MANY / sizeof MANY[0]; i++) {
        char *text = list_of(MANY[i][0], MANY[i][1], 2900, MANY[i][2]);
        gh_schema *schema = NULL;
        gh_error error = {GH_OK, ""};
        int64_t began = spent_ms();
        gh_status status = gh_schema_new(text, &schema, &error);
        ck_assert_int_lt(spent_ms() - began, SOON_MS);
        ck_assert_msg(status == (i == 0 ? GH_ERR_TOO_LARGE : GH_OK), "%s: %s", MANY[i][1], error.message);
        gh_schema_free(schema);
        free(text);
    }
}
END_TEST

START_TEST(a_refused_pattern_is_named_with_the_reason)
{
    gh_error error = {GH_OK, ""};
    gh_schema *schema = NULL;
    ck_assert_int_eq(gh_schema_new("{\"properties\":{\"a\":{\"pattern\":\"^a++$\"}}}", &schema, &error),
                     GH_ERR_INVALID);
    ck_assert_str_eq(error.message,
                     "The schema's pattern ^a++$ is refused: a quantifier has nothing to repeat "
                     "(near byte 4)");
    ck_assert_int_eq(
        gh_schema_new("{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", &schema, &error),
        GH_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(error.message, "$schema) is not supported"));
    ck_assert_ptr_nonnull(strstr(error.message, "2020-12"));
    ck_assert_ptr_nonnull(strstr(error.message, "draft-07"));
}
END_TEST

static const char *const PLACES[][2] = {
    {"{\"type\":7}", ""},
    {"{\"properties\":{\"a\":{\"pattern\":\"^a++$\"}}}", "/properties/a"},
    {"{\"properties\":{\"a\":7}}", "/properties/a"},
    {"{\"properties\":{\"a/b~c\":{\"items\":{\"minimum\":\"1\"}}}}", "/properties/a~1b~0c/items"},
    {"{\"anyOf\":[true,false,{\"type\":\"text\"}]}", "/anyOf/2"},
    {"{\"properties\":{\"a\":{\"$ref\":\"#/$defs/none\"}}}", "/properties/a/$ref"},
    {"{\"$ref\":\"#/other\",\"other\":{\"not\":{\"required\":\"a\"}}}", "/other/not"},
    {"{", ""},
};

START_TEST(a_refused_schema_says_where_it_is_wrong)
{
    gh_error error = {GH_OK, ""};
    gh_schema *schema = NULL;
    gh_buf where = GH_BUF_INIT(1024);
    ck_assert_int_ne(gh_schema_read(PLACES[_i][0], &schema, &where, &error), GH_OK);
    ck_assert_ptr_null(schema);
    ck_assert_uint_eq(where.len, strlen(PLACES[_i][1]));
    ck_assert(gh_view_eq_cstr(gh_buf_view(&where), PLACES[_i][1]));
    gh_buf_free(&where);
}
END_TEST

START_TEST(a_pattern_that_costs_too_much_is_no_mere_mismatch)
{
    ck_assert_int_eq(
        check("{\"pattern\":\"^(a+)+$\"}", "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\""),
        GH_ERR_TOO_LARGE);
    ck_assert_int_eq(check("{\"not\":{\"pattern\":\"^(a+)+$\"}}",
                           "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\""),
                     GH_ERR_TOO_LARGE);
    ck_assert_int_eq(check("{\"patternProperties\":{\"^(a+)+$\":true}}",
                           "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\":1}"),
                     GH_ERR_TOO_LARGE);
}
END_TEST

#define THREADS 4
#define ROUNDS 300

static void *check_often(void *argument)
{
    const gh_schema *schema = argument;
    cJSON *good = cJSON_Parse("{\"name\":\"gate\",\"x-a\":1,\"list\":[1,2,3]}");
    cJSON *bad = cJSON_Parse("{\"name\":\"Gate\",\"x-a\":1,\"list\":[1,2,3]}");
    size_t wrong = good == NULL || bad == NULL ? 1 : 0;
    for (int i = 0; i < ROUNDS && wrong == 0; i++) {
        gh_error error = {GH_OK, ""};
        wrong += gh_schema_check(schema, good, "arguments", &error) != GH_OK;
        wrong += gh_schema_check(schema, bad, "arguments", &error) != GH_ERR_INVALID;
        wrong += strcmp(error.message, "arguments.name must match the pattern ^[a-z]+$") != 0;
    }
    cJSON_Delete(good);
    cJSON_Delete(bad);
    return wrong == 0 ? NULL : argument;
}

START_TEST(one_schema_serves_several_threads)
{
    gh_schema *schema = make("{\"type\":\"object\",\"properties\":{\"name\":{\"pattern\":\"^[a-z]+$\"},"
                             "\"list\":{\"$ref\":\"#/$defs/list\"}},\"patternProperties\":{\"^x-\":true},"
                             "\"unevaluatedProperties\":false,\"$defs\":{\"list\":{\"uniqueItems\":true}}}");
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, check_often, schema), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
    gh_schema_free(schema);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema bounds");
    TCase *tc = tcase_create("schema bounds");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, large_bodies_of_the_usual_form_are_checked);
    tcase_add_test(tc, items_that_all_differ_cost_little_more_than_they_are);
    tcase_add_test(tc, what_grows_faster_than_the_body_ends_soon);
    tcase_add_test(tc, a_schema_that_doubles_with_each_step_ends_soon);
    tcase_add_test(tc, a_recursive_schema_takes_a_value_as_deep_as_may_arrive);
    tcase_add_test(tc, schemas_are_bounded_when_they_are_made);
    tcase_add_test(tc, a_refused_pattern_is_named_with_the_reason);
    tcase_add_test(tc, a_pattern_that_costs_too_much_is_no_mere_mismatch);
    tcase_add_loop_test(tc, a_refused_schema_says_where_it_is_wrong, 0, sizeof PLACES / sizeof PLACES[0]);
    tcase_add_test(tc, one_schema_serves_several_threads);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

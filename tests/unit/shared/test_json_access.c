#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json/access.h"

#define LIT(s) GH_VIEW_LIT(s)

static cJSON *parse(const char *text)
{
    cJSON *json = NULL;

    ck_assert_int_eq(gh_json_parse(gh_view_of(text), &GH_JSON_LIMITS_DOCUMENT, &json, NULL), GH_OK);
    return json;
}

static void expect_print(const cJSON *json, const char *expected)
{
    gh_buf buf = GH_BUF_INIT(10000);

    ck_assert_int_eq(gh_json_print(json, &buf), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&buf), expected);
    gh_buf_free(&buf);
}

START_TEST(parse_goes_through_the_gate)
{
    cJSON *json = NULL;
    gh_error error = {GH_OK, ""};

    ck_assert_int_eq(gh_json_parse(LIT("{\"a\":01}"), &GH_JSON_LIMITS_DOCUMENT, &json, &error), GH_ERR_PARSE);
    ck_assert_ptr_nonnull(strstr(error.message, "byte 6"));
    ck_assert_int_eq(
        gh_json_parse(LIT("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]"), &GH_JSON_LIMITS_DOCUMENT, &json, &error),
        GH_ERR_TOO_LARGE);
    ck_assert_ptr_null(json);
    ck_assert_int_eq(
        gh_json_parse(gh_view_make("{\"a\":1} trailing", 7), &GH_JSON_LIMITS_DOCUMENT, &json, NULL), GH_OK);
    cJSON_Delete(json);
}
END_TEST

START_TEST(parse_survives_numbers_that_cjson_cannot_hold)
{
    char digits[200];
    cJSON *json = NULL;
    gh_error error = {GH_OK, ""};
    int64_t value = 0;

    memset(digits, '7', sizeof(digits) - 1);
    digits[sizeof(digits) - 1] = '\0';
    if (gh_json_parse(gh_view_of(digits), &GH_JSON_LIMITS_DOCUMENT, &json, &error) == GH_OK) {
        cJSON_Delete(json); /* newer versions of the library read them */
    } else {
        ck_assert_ptr_null(json);
        ck_assert_uint_gt(strlen(error.message), 0);
    }
    json = parse("{\"big\":1e400}");
    ck_assert(!gh_json_get_int64(json, "big", &value));
    cJSON_Delete(json);
}
END_TEST

static void *no_memory(size_t size)
{
    (void)size;
    return NULL;
}

START_TEST(a_lack_of_memory_is_not_the_senders_fault)
{
    cJSON_Hooks failing = {no_memory, free};
    cJSON *json = NULL;
    gh_error error = {GH_OK, ""};
    cJSON_InitHooks(&failing);
    gh_status status =
        gh_json_parse(GH_VIEW_LIT("{\"a\":[12,\"34\"]}"), &GH_JSON_LIMITS_DOCUMENT, &json, &error);
    cJSON_InitHooks(NULL);
    ck_assert_int_eq(status, GH_ERR_NOMEM);
    ck_assert_ptr_null(json);
    ck_assert_str_ne(error.message, "");
}
END_TEST

START_TEST(getters_do_not_guess)
{
    cJSON *json =
        parse("{\"s\":\"text\",\"n\":5,\"b\":true,\"o\":{},\"a\":[\"x\",1],\"z\":null,\"t\":\"true\"}");
    bool flag = false;
    int64_t number = 0;

    ck_assert_str_eq(gh_json_get_string(json, "s"), "text");
    ck_assert_ptr_null(gh_json_get_string(json, "S"));
    ck_assert_ptr_null(gh_json_get_string(json, "n"));
    ck_assert_ptr_null(gh_json_get_string(json, "z"));
    ck_assert_ptr_nonnull(gh_json_get_object(json, "o"));
    ck_assert_ptr_null(gh_json_get_object(json, "a"));
    ck_assert_ptr_nonnull(gh_json_get_array(json, "a"));
    ck_assert_ptr_null(gh_json_get_array(json, "o"));
    ck_assert(gh_json_get_bool(json, "b", &flag));
    ck_assert(flag);
    ck_assert(!gh_json_get_bool(json, "t", &flag));
    ck_assert(!gh_json_get_bool(json, "n", &flag));
    ck_assert(gh_json_get_int64(json, "n", &number));
    ck_assert_int_eq(number, 5);
    ck_assert(!gh_json_get_int64(json, "s", &number));
    ck_assert_ptr_null(gh_json_get(NULL, "s"));
    ck_assert_ptr_null(gh_json_get(gh_json_get(json, "a"), "x"));
    ck_assert(gh_json_array_has(json, "a", "x"));
    ck_assert(!gh_json_array_has(json, "a", "y"));
    ck_assert(!gh_json_array_has(json, "s", "text"));
    ck_assert(!gh_json_array_has(json, "none", "x"));
    cJSON_Delete(json);
}
END_TEST

START_TEST(integers_are_exact_or_refused)
{
    cJSON *json = parse("{\"max\":9007199254740992,\"over\":9007199254740994,\"min\":-9007199254740992,"
                        "\"half\":1.5,\"whole\":2.0,\"e\":1e3}");
    int64_t value = 0;

    ck_assert(gh_json_get_int64(json, "max", &value) && value == 9007199254740992);
    ck_assert(gh_json_get_int64(json, "min", &value) && value == -9007199254740992);
    ck_assert(!gh_json_get_int64(json, "over", &value));
    ck_assert(!gh_json_get_int64(json, "half", &value));
    ck_assert(gh_json_get_int64(json, "whole", &value) && value == 2);
    ck_assert(gh_json_get_int64(json, "e", &value) && value == 1000);
    cJSON_Delete(json);
}
END_TEST

START_TEST(builders_write_what_they_were_given)
{
    cJSON *json = cJSON_CreateObject();
    int64_t value = 0;

    ck_assert(gh_json_add_string(json, "s", "a\"b\n\xc3\xa4"));
    ck_assert(gh_json_add_string(json, "absent", NULL));
    ck_assert(gh_json_add_view(json, "v", gh_view_make("viewed", 4)));
    ck_assert(gh_json_add_view(json, "absent", gh_view_of(NULL)));
    ck_assert(gh_json_add_int64(json, "i", INT64_MAX));
    ck_assert(gh_json_add_int64(json, "j", -42));
    ck_assert(gh_json_add_bool(json, "b", false));
    ck_assert(gh_json_add_words(json, "w", "openid  mcp "));
    ck_assert(gh_json_add_words(json, "none", NULL));
    ck_assert(gh_json_add_words(json, "empty", ""));
    ck_assert(gh_json_add_item(json, "o", cJSON_CreateObject()));
    ck_assert(!gh_json_add_item(json, "x", NULL));
    ck_assert(gh_json_get_int64(json, "j", &value) && value == -42);
    expect_print(
        json, "{\"s\":\"a\\\"b\\n\xc3\xa4\",\"v\":\"view\",\"i\":9223372036854775807,\"j\":-42,\"b\":false,"
              "\"w\":[\"openid\",\"mcp\"],\"empty\":[],\"o\":{}}");
    cJSON_Delete(json);
}
END_TEST

START_TEST(builders_never_make_invalid_json)
{
    cJSON *json = cJSON_CreateObject();

    ck_assert(gh_json_add_string(json, "s", "bad \xff\xc3"));
    ck_assert(gh_json_add_view(json, "v", LIT("\xed\xa0\x80")));
    ck_assert(gh_json_add_words(json, "w", "a\xff b"));
    ck_assert(!gh_json_add_view(json, "nul", gh_view_make("a\0b", 3)));
    expect_print(json,
                 "{\"s\":\"bad \xef\xbf\xbd\xef\xbf\xbd\",\"v\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
                 "\"w\":[\"a\xef\xbf\xbd\",\"b\"]}");
    cJSON_Delete(json);
}
END_TEST

START_TEST(print_minds_the_ceiling)
{
    cJSON *json = parse("{\"a\":\"0123456789\"}");
    gh_buf buf = GH_BUF_INIT(5);

    ck_assert_int_eq(gh_json_print(json, &buf), GH_ERR_TOO_LARGE);
    gh_buf_free(&buf);
    cJSON_Delete(json);
}
END_TEST

START_TEST(written_strings_pass_the_gate)
{
    char all[256];
    gh_buf buf = GH_BUF_INIT(10000);

    for (int i = 0; i < 256; i++) {
        all[i] = (char)i;
    }
    ck_assert_int_eq(gh_json_write_string(&buf, LIT("q\" b\\ n\n t\t r\r e\x1b \xc3\xa4 \xff/")), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&buf), "\"q\\\" b\\\\ n\\n t\\t r\\r e\\u001b \xc3\xa4 \xef\xbf\xbd/\"");
    gh_buf_clear(&buf);
    ck_assert_int_eq(gh_json_write_string(&buf, gh_view_of(NULL)), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&buf), "\"\"");
    gh_buf_clear(&buf);
    ck_assert_int_eq(gh_json_write_string(&buf, gh_view_make(all + 1, 255)), GH_OK);
    ck_assert_int_eq(gh_json_gate(gh_buf_view(&buf), NULL, NULL), GH_OK);
    gh_buf_free(&buf);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json access");
    TCase *tc = tcase_create("all");
    SRunner *runner = NULL;
    int failed = 0;

    tcase_add_test(tc, parse_goes_through_the_gate);
    tcase_add_test(tc, parse_survives_numbers_that_cjson_cannot_hold);
    tcase_add_test(tc, a_lack_of_memory_is_not_the_senders_fault);
    tcase_add_test(tc, getters_do_not_guess);
    tcase_add_test(tc, integers_are_exact_or_refused);
    tcase_add_test(tc, builders_write_what_they_were_given);
    tcase_add_test(tc, builders_never_make_invalid_json);
    tcase_add_test(tc, print_minds_the_ceiling);
    tcase_add_test(tc, written_strings_pass_the_gate);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

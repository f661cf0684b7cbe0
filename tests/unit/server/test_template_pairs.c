/* Templates of queries, forms and JSON. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "server/toolfile/template.h"
#include "tests/support/suite.h"

static const gh_principal ADA = {.issuer = (char *)"https://id.example.org",
                                 .subject = (char *)"u-1",
                                 .name = (char *)"Ada \"the\" Lovelace"};

#define BIG "12345678901234567890"

/* --- queries and forms --- */

typedef struct pair {
    const char *text, *name;
    gh_template_style style;
    bool explode;
    const char *arguments;
    const char *before;
    const char *expected; /* or what the error says */
} pair;

static gh_status fill_pair(const pair *one, gh_buf *out, gh_error *error)
{
    gh_template *made = NULL;
    const gh_template_values values = {.arguments = gh_view_of(one->arguments), .principal = &ADA};
    ck_assert_int_eq(gh_template_new(gh_view_of(one->text), &made, NULL), GH_OK);
    (void)gh_buf_append_cstr(out, one->before);
    gh_status status =
        gh_template_fill_pairs(made, gh_view_of(one->name), one->style, one->explode, &values, out, error);
    ck_assert_msg((status == GH_OK) == (error->message[0] == '\0'), "%s", error->message);
    gh_template_free(made);
    return status;
}

static void gives(pair one)
{
    gh_buf out = GH_BUF_INIT(4000);
    gh_error error = {GH_OK, ""};
    gh_status status = fill_pair(&one, &out, &error);
    ck_assert_msg(status == GH_OK, "%s: %s", one.arguments, error.message);
    ck_assert_str_eq(gh_buf_cstr(&out), one.expected);
    gh_buf_free(&out);
}

static void refuses(pair one)
{
    gh_buf out = GH_BUF_INIT(4000);
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(fill_pair(&one, &out, &error), GH_ERR_INVALID);
    ck_assert_msg(strstr(error.message, one.expected) != NULL, "%s", error.message);
    ck_assert_str_eq(gh_buf_cstr(&out), one.before);
    gh_buf_free(&out);
}

START_TEST(a_value_cannot_become_another_parameter)
{
    gives((pair){"{q}", "q", GH_STYLE_FORM, true, "{\"q\":\"a&admin=1#x +%\"}", "",
                 "q=a%26admin%3D1%23x%20%2B%25"});
    gives((pair){"{q}", "filter[a b]", GH_STYLE_FORM, true, "{\"q\":\"\"}", "a=1", "a=1&filter%5Ba%20b%5D="});
    gives((pair){"x y{q}", "q", GH_STYLE_FORM, true, "{\"q\":\"&\"}", "/path?", "/path?q=x%20y%26"});
    gives((pair){"fixed", "q", GH_STYLE_FORM, true, "{}", "", "q=fixed"});
    gives((pair){"{@name}", "q", GH_STYLE_FORM, true, "{}", "", "q=Ada%20%22the%22%20Lovelace"});
}
END_TEST

START_TEST(what_is_absent_is_left_out)
{
    gives((pair){"{q}", "q", GH_STYLE_FORM, true, "{}", "a=1", "a=1"});
    gives((pair){"{q}", "q", GH_STYLE_FORM, true, "{\"q\":null}", "a=1", "a=1"});
    gives((pair){"x{q}", "q", GH_STYLE_FORM, true, "{}", "a=1", "a=1"});
    gives((pair){"{@email}", "q", GH_STYLE_FORM, true, "{}", "", ""});
    gives((pair){"{q}", "q", GH_STYLE_FORM, true, "{\"q\":[]}", "a=1", "a=1"});
    gives((pair){"{q}", "q", GH_STYLE_FORM, false, "{\"q\":{}}", "a=1", "a=1"});
    gives((pair){"{q}", "q", GH_STYLE_DEEP, false, "{\"q\":{\"a\":null}}", "", ""});
}
END_TEST

#define LIST "{\"q\":[\"a,b\",2,null,true]}"
#define POINT "{\"q\":{\"x\":1,\"y&\":\"b c\"}}"

START_TEST(arrays_and_objects_are_written_as_their_style_says)
{
    gives((pair){"{q}", "q", GH_STYLE_FORM, true, LIST, "", "q=a%2Cb&q=2&q=true"});
    gives((pair){"{q}", "q", GH_STYLE_FORM, false, LIST, "", "q=a%2Cb,2,true"});
    gives((pair){"{q}", "q", GH_STYLE_SIMPLE, true, LIST, "", "q=a%2Cb,2,true"});
    gives((pair){"{q}", "q", GH_STYLE_SPACE, false, LIST, "", "q=a%2Cb%202%20true"});
    gives((pair){"{q}", "q", GH_STYLE_PIPE, false, LIST, "", "q=a%2Cb%7C2%7Ctrue"});
    gives((pair){"{q}", "q", GH_STYLE_PIPE, true, LIST, "", "q=a%2Cb&q=2&q=true"});
    gives((pair){"{q}", "q", GH_STYLE_FORM, true, POINT, "z=1", "z=1&x=1&y%26=b%20c"});
    gives((pair){"{q}", "q", GH_STYLE_FORM, false, POINT, "", "q=x,1,y%26,b%20c"});
}
END_TEST

START_TEST(deep_objects_name_every_level)
{
    gives((pair){"{q}", "q", GH_STYLE_DEEP, true, POINT, "", "q%5Bx%5D=1&q%5By%26%5D=b%20c"});
    gives((pair){"{q}", "q", GH_STYLE_DEEP, true, "{\"q\":{\"a\":{\"b\":[1,2]},\"c\":" BIG "}}", "",
                 "q%5Ba%5D%5Bb%5D=1&q%5Ba%5D%5Bb%5D=2&q%5Bc%5D=" BIG});
    gives((pair){"{q}", "q", GH_STYLE_DEEP, true, "{\"q\":\"plain\"}", "", "q=plain"});
}
END_TEST

START_TEST(values_without_a_form_in_a_query_are_refused)
{
    refuses((pair){"{q}", "q", GH_STYLE_FORM, true, "{\"q\":[1,{\"a\":1}]}", "a=1",
                   "q must be a string, number or boolean here"});
    refuses((pair){"{q}", "q", GH_STYLE_FORM, false, "{\"q\":[[1]]}", "", "q must be a string"});
    refuses((pair){"{q}", "q", GH_STYLE_FORM, true, "{\"q\":\"\\u0000\"}", "a=1", "not legal"});
}
END_TEST

START_TEST(a_query_has_a_ceiling)
{
    gh_buf out = GH_BUF_INIT(8);
    gh_error error = {GH_OK, ""};
    const pair one = {"{q}", "q", GH_STYLE_FORM, true, "{\"q\":[1,2,3]}", "a=1", ""};
    ck_assert_int_eq(fill_pair(&one, &out, &error), GH_ERR_TOO_LARGE);
    ck_assert_str_eq(gh_buf_cstr(&out), "a=1");
    gh_buf_free(&out);
}
END_TEST

/* --- JSON --- */

static gh_status fill_json(const char *json, const char *arguments, gh_buf *out)
{
    gh_json_template *made = NULL;
    gh_error error = {GH_OK, ""};
    const gh_template_values values = {.arguments = gh_view_of(arguments), .principal = &ADA};
    ck_assert_msg(gh_json_template_new(gh_view_of(json), &made, &error) == GH_OK, "%s: %s", json,
                  error.message);
    gh_status status = gh_json_template_fill(made, &values, out, &error);
    ck_assert_msg((status == GH_OK) == (error.message[0] == '\0'), "%s", error.message);
    gh_json_template_free(made);
    return status;
}

static void is_json(const char *json, const char *arguments, const char *expected)
{
    gh_buf out = GH_BUF_INIT(4000);
    ck_assert_int_eq(fill_json(json, arguments, &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), expected);
    gh_buf_free(&out);
}

START_TEST(a_variable_alone_keeps_its_type_and_its_digits)
{
    const char *arguments =
        "{\"n\":" BIG ", \"l\": [ 1.50 , {\"a\" : 1e3} ], \"t\":true, \"s\":\"x\\u0041\"}";
    is_json(" { \"n\" : \"{n}\", \"l\":\"{l}\",\"t\":\"{t}\", \"s\":\"{s}\" } ", arguments,
            "{\"n\":" BIG ",\"l\":[1.50,{\"a\":1e3}],\"t\":true,\"s\":\"x\\u0041\"}");
    is_json("\"{n}\"", arguments, BIG);
    is_json("\"{@subject}\"", arguments, "\"u-1\"");
    is_json("{\"own\":" BIG ",\"f\":1.0e5}", arguments, "{\"own\":" BIG ",\"f\":1.0e5}");
}
END_TEST

START_TEST(a_variable_within_text_stays_text)
{
    is_json("{\"note\":\"From {@name}: {note}\"}", "{\"note\":\"\\\",\\\"admin\\\":true,\\\"\\n\"}",
            "{\"note\":\"From Ada \\\"the\\\" Lovelace: \\\",\\\"admin\\\":true,\\\"\\n\"}");
    is_json("[\"{{a}}\",\"n{n}\"]", "{\"n\":" BIG "}", "[\"{a}\",\"n" BIG "\"]");
}
END_TEST

START_TEST(absent_members_and_elements_are_left_out)
{
    is_json("{\"a\":\"{a}\",\"b\":\"{b}\",\"c\":\"x{c}\",\"d\":1}", "{\"b\":null}", "{\"d\":1}");
    is_json("{\"a\":[\"{a}\",\"{b}\",2],\"e\":{\"f\":\"{f}\"}}", "{\"b\":false}",
            "{\"a\":[false,2],\"e\":{}}");
    gh_buf out = GH_BUF_INIT(100);
    ck_assert_int_eq(fill_json("\"{a}\"", "{}", &out), GH_ERR_NOT_FOUND);
    ck_assert_uint_eq(out.len, 0);
    gh_buf_free(&out);
}
END_TEST

START_TEST(names_of_members_are_no_templates)
{
    is_json("{\"{a}\":\"{a}\"}", "{\"a\":1}", "{\"{a}\":1}");
}
END_TEST

START_TEST(a_json_template_that_is_wrong_is_refused)
{
    gh_json_template *made = NULL;
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(gh_json_template_new(GH_VIEW_LIT("{\"a\":[\"x {\"]}"), &made, &error), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "there is a '{' without its '}'"));
    ck_assert_int_eq(gh_json_template_new(GH_VIEW_LIT("{\"a\":01}"), &made, &error), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "not JSON"));
    ck_assert_ptr_null(made);
}
END_TEST

START_TEST(an_argument_that_does_not_fit_is_refused_and_nothing_is_written)
{
    gh_buf out = GH_BUF_INIT(20);
    ck_assert_int_eq(fill_json("{\"a\":\"x{a}\"}", "{\"a\":[1]}", &out), GH_ERR_INVALID);
    ck_assert_uint_eq(out.len, 0);
    ck_assert_int_eq(fill_json("{\"a\":\"{a}\"}", "{\"a\":\"0123456789012345\"}", &out), GH_ERR_TOO_LARGE);
    ck_assert_uint_eq(out.len, 0);
    gh_buf_free(&out);
}
END_TEST

static bool count(void *context, gh_view name)
{
    ck_assert_uint_gt(name.len, 0);
    return ++*(int *)context < 3;
}

START_TEST(names_in_json_are_told_until_somebody_has_enough)
{
    gh_json_template *made = NULL;
    int counted = 0;
    ck_assert_int_eq(
        gh_json_template_new(GH_VIEW_LIT("{\"a\":\"{a} {b}\",\"c\":[\"{c}\",\"{d}\"]}"), &made, NULL), GH_OK);
    gh_json_template_names(made, count, &counted);
    ck_assert_int_eq(counted, 3);
    gh_json_template_free(made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("template_pairs");
    TCase *pairs = tcase_create("pairs");
    TCase *json = tcase_create("json");
    tcase_add_test(pairs, a_value_cannot_become_another_parameter);
    tcase_add_test(pairs, what_is_absent_is_left_out);
    tcase_add_test(pairs, arrays_and_objects_are_written_as_their_style_says);
    tcase_add_test(pairs, deep_objects_name_every_level);
    tcase_add_test(pairs, values_without_a_form_in_a_query_are_refused);
    tcase_add_test(pairs, a_query_has_a_ceiling);
    tcase_add_test(json, a_variable_alone_keeps_its_type_and_its_digits);
    tcase_add_test(json, a_variable_within_text_stays_text);
    tcase_add_test(json, absent_members_and_elements_are_left_out);
    tcase_add_test(json, names_of_members_are_no_templates);
    tcase_add_test(json, a_json_template_that_is_wrong_is_refused);
    tcase_add_test(json, an_argument_that_does_not_fit_is_refused_and_nothing_is_written);
    tcase_add_test(json, names_in_json_are_told_until_somebody_has_enough);
    suite_add_tcase(suite, pairs);
    suite_add_tcase(suite, json);
    return gh_suite_run(suite);
}

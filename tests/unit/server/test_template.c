/* Templates: what may be written in them, and what values do where they land. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/toolfile/template.h"
#include "tests/support/suite.h"

static const gh_principal ADA = {.issuer = (char *)"https://id.example.org",
                                 .subject = (char *)"u-1",
                                 .name = (char *)"Ada \"the\" Lovelace",
                                 .client_id = (char *)"desk"};

static gh_error why; /* of the last one that was filled */
static char filled[4096];

static gh_template *make(const char *text)
{
    gh_template *made = NULL;
    gh_error error = {GH_OK, ""};
    ck_assert_msg(gh_template_new(gh_view_of(text), &made, &error) == GH_OK, "%s: %s", text, error.message);
    ck_assert_str_eq(gh_template_text(made), text);
    return made;
}

static void keep(const gh_buf *out)
{
    ck_assert_uint_lt(out->len, sizeof filled);
    memcpy(filled, gh_buf_cstr(out), out->len + 1);
}

static gh_status fill_with(const char *text, gh_template_place place, const gh_template_values *values)
{
    gh_template *made = make(text);
    gh_buf out = GH_BUF_INIT(4000);
    why = (gh_error){GH_OK, ""};
    gh_status status = gh_template_fill(made, place, values, &out, &why);
    ck_assert_msg((status == GH_OK) == (why.message[0] == '\0'), "%s: %s", text, why.message);
    ck_assert(status == GH_OK || out.len == 0);
    keep(&out);
    gh_buf_free(&out);
    gh_template_free(made);
    return status;
}

static gh_status fill(const char *text, gh_template_place place, const char *arguments)
{
    const gh_template_values values = {.arguments = gh_view_of(arguments), .principal = &ADA};
    return fill_with(text, place, &values);
}

static void gives(const char *text, gh_template_place place, const char *arguments, const char *expected)
{
    gh_status status = fill(text, place, arguments);
    ck_assert_msg(status == GH_OK, "%s with %s: %s", text, arguments, why.message);
    ck_assert_str_eq(filled, expected);
}

static void refuses(const char *text, gh_template_place place, const char *arguments, const char *sentence)
{
    gh_status status = fill(text, place, arguments);
    ck_assert_msg(status == GH_ERR_INVALID, "%s with %s: %s", text, arguments, gh_status_text(status));
    ck_assert_msg(strstr(why.message, sentence) != NULL, "%s: \"%s\" is not in \"%s\"", text, sentence,
                  why.message);
}

static void is_missing(const char *text, gh_template_place place, const char *arguments)
{
    ck_assert_int_eq(fill(text, place, arguments), GH_ERR_NOT_FOUND);
}

/* --- reading them --- */

static void is_no_template(const char *text, const char *sentence)
{
    gh_template *made = NULL;
    gh_error error = {GH_OK, ""};
    ck_assert_msg(gh_template_new(gh_view_of(text), &made, &error) == GH_ERR_INVALID, "%s", text);
    ck_assert_msg(strstr(error.message, sentence) != NULL, "%s: %s", text, error.message);
    ck_assert_ptr_null(made);
}

START_TEST(broken_braces_and_names_are_refused_with_a_sentence)
{
    is_no_template("a {id", "there is a '{' without its '}'");
    is_no_template("a } b", "there is a '}' without its '{'");
    is_no_template("{}", "{} is no variable");
    is_no_template("{a b}", "{a b} is no variable");
    is_no_template("{a..b}", "is no variable");
    is_no_template("{.a}", "is no variable");
    is_no_template("{a.}", "is no variable");
    is_no_template("{+path}", "write {{ and }} for braces");
    is_no_template("{a{b}", "is no variable");
}
END_TEST

START_TEST(there_is_no_variable_for_a_token)
{
    is_no_template("Bearer {@token}", "none for a token, which is never passed on");
    is_no_template("{@access_token}", "none for a token");
    is_no_template("{@Subject}", "{@Subject} is not known");
    is_no_template("{@subject.x}", "is not known");
}
END_TEST

START_TEST(texts_and_variables_are_bounded)
{
    static char text[GH_TEMPLATE_MAX + 2];
    memset(text, 'a', GH_TEMPLATE_MAX + 1);
    is_no_template(text, "65536 bytes, not 65537");
    for (size_t i = 0; i <= GH_TEMPLATE_VARIABLES_MAX; i++) {
        memcpy(text + 3 * i, "{a}", 3);
    }
    text[3 * ((size_t)GH_TEMPLATE_VARIABLES_MAX + 1)] = '\0';
    is_no_template(text, "more than 256 variables");
    gh_template *made = NULL;
    ck_assert_int_eq(gh_template_new(gh_view_make("a\0b", 3), &made, NULL), GH_ERR_INVALID);
}
END_TEST

START_TEST(braces_are_written_twice)
{
    gives("{{{a}}} {{}} {{a}}", GH_PLACE_TEXT, "{\"a\":1}", "{1} {} {a}");
    gives("", GH_PLACE_TEXT, "{}", "");
    gives("{{", GH_PLACE_TEXT, "{}", "{");
}
END_TEST

static bool collect(void *context, gh_view name)
{
    gh_buf *names = context;
    (void)gh_buf_append_view(names, name);
    (void)gh_buf_append_char(names, ';');
    return names->len < 8;
}

START_TEST(names_are_told_until_somebody_has_enough)
{
    gh_buf names = GH_BUF_INIT(64);
    gh_template *made = make("{a} {@name} {b.c} {dddd} {e}");
    gh_template_names(made, collect, &names);
    ck_assert_str_eq(gh_buf_cstr(&names), "a;b.c;dddd;");
    gh_buf_free(&names);
    gh_template_free(made);
}
END_TEST

/* --- what stands for what --- */

START_TEST(members_of_members_are_found_and_what_is_null_is_missing)
{
    const char *arguments = "{\"address\": {\"city\": \"Oslo\", \"zip\": null}, \"address.city\": \"wrong\"}";
    gives("{address.city}", GH_PLACE_TEXT, arguments, "Oslo");
    is_missing("{address.zip}", GH_PLACE_TEXT, arguments);
    is_missing("{address.street}", GH_PLACE_TEXT, arguments);
    is_missing("{address.city.x}", GH_PLACE_TEXT, arguments);
    is_missing("before {nothing} after", GH_PLACE_TEXT, arguments);
    ck_assert_str_eq(why.message, "nothing is missing");
}
END_TEST

START_TEST(names_of_members_may_be_written_with_escapes)
{
    gives("{id} {\xc3\xa9t\xc3\xa9}", GH_PLACE_TEXT, "{\"\\u0069d\":\"7\",\"\\u00e9t\\u00e9\":true}",
          "7 true");
}
END_TEST

START_TEST(who_asks_comes_from_the_principal_only)
{
    gives("{@subject} {@issuer} {@name} {@client}", GH_PLACE_TEXT, "{\"@subject\":\"somebody else\"}",
          "u-1 https://id.example.org Ada \"the\" Lovelace desk");
    is_missing("{@email}", GH_PLACE_TEXT, "{\"email\":\"a@b\"}");
    const gh_template_values nobody = {.arguments = GH_VIEW_LIT("{}")};
    ck_assert_int_eq(fill_with("{@subject}", GH_PLACE_TEXT, &nobody), GH_ERR_NOT_FOUND);
}
END_TEST

START_TEST(variables_of_a_uri_are_found_by_their_whole_names)
{
    const gh_template_values values = {.arguments = GH_VIEW_LIT("{}"),
                                       .variables = GH_VIEW_LIT("{\"a.b\":\"c/d\"}")};
    ck_assert_int_eq(fill_with("/{a.b}", GH_PLACE_PATH, &values), GH_OK);
    ck_assert_str_eq(filled, "/c%2Fd");
}
END_TEST

START_TEST(numbers_keep_their_digits)
{
    const char *arguments = "{\"n\":12345678901234567890,\"f\":0.10000000000000000001,\"e\":1E400}";
    gives("{n} {f} {e}", GH_PLACE_TEXT, arguments, "12345678901234567890 0.10000000000000000001 1E400");
    gives("/{n}", GH_PLACE_PATH, arguments, "/12345678901234567890");
}
END_TEST

/* --- where it lands --- */

START_TEST(a_value_in_a_path_is_one_segment)
{
    gives("/orders/{id}", GH_PLACE_PATH, "{\"id\":\"a/b?c#d e%\"}", "/orders/a%2Fb%3Fc%23d%20e%25");
    gives("/o/{id}.json", GH_PLACE_PATH, "{\"id\":\"\\u00e9\"}", "/o/%C3%A9.json");
    gives("/o/{a}/{b}", GH_PLACE_PATH, "{\"a\":true,\"b\":-1.5}", "/o/true/-1.5");
    gives("/o/{ids}", GH_PLACE_PATH, "{\"ids\":[1,\"a,b\",null,true]}", "/o/1,a%2Cb,true");
    gives("/o/{id}", GH_PLACE_PATH, "{\"id\":\"...\"}", "/o/...");
    gives("/o/{id}", GH_PLACE_PATH, "{\"id\":\".hidden\"}", "/o/.hidden");
}
END_TEST

START_TEST(a_path_cannot_be_led_elsewhere)
{
    static const char *const TRICKS[] = {"..",     ".",      "../x",       "x/..",       "%2e%2e",
                                         "%2E.",   "..%2fx", "..\\\\x",    "%2e%2e%5cx", "a/../../b",
                                         "..;x=1", ".;/x",   "%252e%252e", "..%3bx",     "%2%65%2e"};
    for (size_t i = 0; i < sizeof TRICKS / sizeof TRICKS[0]; i++) {
        char arguments[64];
        (void)snprintf(arguments, sizeof arguments, "{\"id\":\"%s\"}", TRICKS[i]);
        refuses("/orders/{id}", GH_PLACE_PATH, arguments, "would lead elsewhere");
        refuses("/orders/{id}/items", GH_PLACE_PATH, arguments, "would lead elsewhere");
    }
    /* Put together from pieces that are harmless alone. */
    refuses("/orders/.{id}", GH_PLACE_PATH, "{\"id\":\".\"}", "would lead elsewhere");
    refuses("/orders/{a}{b}", GH_PLACE_PATH, "{\"a\":\"x/.\",\"b\":\".\"}", "would lead elsewhere");
    refuses("/orders/{a}{b}", GH_PLACE_PATH, "{\"a\":\"%2\",\"b\":\"e.\"}", "would lead elsewhere");
}
END_TEST

START_TEST(a_path_has_no_empty_and_no_nul_values)
{
    refuses("/orders/{id}", GH_PLACE_PATH, "{\"id\":\"\"}", "id must not be empty");
    refuses("/orders/{id}", GH_PLACE_PATH, "{\"id\":[]}", "id must not be empty");
    refuses("/orders/{id}", GH_PLACE_PATH, "{\"id\":[\"\"]}", "id must not be empty");
    refuses("/orders/{id}", GH_PLACE_PATH, "{\"id\":\"a\\u0000b\"}", "id holds an escape that is not legal");
    refuses("/orders/{id}", GH_PLACE_PATH, "{\"id\":[{}]}", "id must be a string, number or boolean here");
    is_missing("/orders/{id}", GH_PLACE_PATH, "{}");
    is_missing("/orders/{id}", GH_PLACE_PATH, "{\"id\":null}");
}
END_TEST

START_TEST(a_header_is_one_line)
{
    gives("W/\"{etag}\"", GH_PLACE_HEADER, "{\"etag\":\"a b\"}", "W/\"a b\"");
    gives("{tags}", GH_PLACE_HEADER, "{\"tags\":[\"a\",1]}", "a,1");
    refuses("{v}", GH_PLACE_HEADER, "{\"v\":\"a\\r\\nX-Admin: 1\"}", "v holds a line break");
    refuses("{v}", GH_PLACE_HEADER, "{\"v\":\"a\\nb\"}", "cannot carry");
    refuses("{v}", GH_PLACE_HEADER, "{\"v\":\"a\\u007fb\"}", "cannot carry");
    refuses("x {v}", GH_PLACE_HEADER, "{\"v\":[\"a\",\"b\\r\"]}", "cannot carry");
    refuses("{v}", GH_PLACE_HEADER, "{\"v\":{\"a\\n\":1}}", "cannot carry");
}
END_TEST

START_TEST(the_name_of_a_person_cannot_break_a_header_either)
{
    const gh_principal odd = {.subject = (char *)"u\r\nX-Admin: 1"};
    const gh_template_values values = {.arguments = GH_VIEW_LIT("{}"), .principal = &odd};
    ck_assert_int_eq(fill_with("{@subject}", GH_PLACE_HEADER, &values), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(why.message, "@subject holds a line break"));
}
END_TEST

START_TEST(a_text_takes_only_what_reads_as_text)
{
    gives("{a} and {b}", GH_PLACE_TEXT, "{\"a\":\"x\\ny\",\"b\":\"\"}", "x\ny and ");
    refuses("{a}", GH_PLACE_TEXT, "{\"a\":[1]}", "a must be a string, number or boolean here");
    refuses("{a}", GH_PLACE_TEXT, "{\"a\":{}}", "a must be a string, number or boolean here");
}
END_TEST

START_TEST(what_is_too_long_is_not_appended)
{
    gh_template *made = make("ab{a}");
    const gh_template_values values = {.arguments = GH_VIEW_LIT("{\"a\":\"0123456789\"}")};
    gh_buf out = GH_BUF_INIT(10);
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(gh_buf_append_cstr(&out, "x"), GH_OK);
    ck_assert_int_eq(gh_template_fill(made, GH_PLACE_TEXT, &values, &out, &error), GH_ERR_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(error.message, "the 10 bytes that are allowed"));
    ck_assert_str_eq(gh_buf_cstr(&out), "x");
    gh_buf_free(&out);
    gh_template_free(made);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("template");
    TCase *reading = tcase_create("reading");
    TCase *values = tcase_create("values");
    TCase *places = tcase_create("places");
    tcase_add_test(reading, broken_braces_and_names_are_refused_with_a_sentence);
    tcase_add_test(reading, there_is_no_variable_for_a_token);
    tcase_add_test(reading, texts_and_variables_are_bounded);
    tcase_add_test(reading, braces_are_written_twice);
    tcase_add_test(reading, names_are_told_until_somebody_has_enough);
    tcase_add_test(values, members_of_members_are_found_and_what_is_null_is_missing);
    tcase_add_test(values, names_of_members_may_be_written_with_escapes);
    tcase_add_test(values, who_asks_comes_from_the_principal_only);
    tcase_add_test(values, variables_of_a_uri_are_found_by_their_whole_names);
    tcase_add_test(values, numbers_keep_their_digits);
    tcase_add_test(places, a_value_in_a_path_is_one_segment);
    tcase_add_test(places, a_path_cannot_be_led_elsewhere);
    tcase_add_test(places, a_path_has_no_empty_and_no_nul_values);
    tcase_add_test(places, a_header_is_one_line);
    tcase_add_test(places, the_name_of_a_person_cannot_break_a_header_either);
    tcase_add_test(places, a_text_takes_only_what_reads_as_text);
    tcase_add_test(places, what_is_too_long_is_not_appended);
    suite_add_tcase(suite, reading);
    suite_add_tcase(suite, values);
    suite_add_tcase(suite, places);
    return gh_suite_run(suite);
}

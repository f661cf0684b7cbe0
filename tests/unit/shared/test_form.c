#include <check.h>
#include <stdio.h>

#include "shared/net/form.h"
#include "tests/support/suite.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

static gh_form *parsed(const char *text)
{
    gh_form *form = NULL;
    ck_assert_int_eq(gh_form_parse(gh_view_of(text), &form, NULL), GH_OK);
    return form;
}

START_TEST(fields_are_decoded)
{
    gh_form *form = parsed("code=a%2Bb+c&state=x%3Dy&&n=v=w&na%6De=1&\xc3\xbc=%C3%BC");
    ck_assert_str_eq(gh_form_get(form, "code"), "a+b c");
    ck_assert_str_eq(gh_form_get(form, "state"), "x=y");
    ck_assert_str_eq(gh_form_get(form, "n"), "v=w");
    ck_assert_str_eq(gh_form_get(form, "name"), "1");
    ck_assert_str_eq(gh_form_get(form, "\xc3\xbc"), "\xc3\xbc");
    ck_assert_ptr_null(gh_form_get(form, "Code"));
    gh_form_free(form);
}
END_TEST

START_TEST(empty_values_count_as_absent)
{
    gh_form *form = parsed("a=&b&=c");
    ck_assert_ptr_null(gh_form_get(form, "a"));
    ck_assert_ptr_null(gh_form_get(form, "b"));
    ck_assert_uint_eq(gh_form_count(form, "a"), 0);
    gh_form_free(form);
    form = parsed("");
    ck_assert_ptr_null(gh_form_get(form, "a"));
    gh_form_free(form);
    gh_form_free(NULL);
}
END_TEST

START_TEST(duplicates_are_told_and_named)
{
    const char *name = NULL;
    gh_form *form = parsed("a=1&b=2&b=3");
    ck_assert(gh_form_has_duplicate(form, &name));
    ck_assert_str_eq(name, "b");
    ck_assert(gh_form_has_duplicate(form, NULL));
    gh_form_free(form);
    form = parsed("code=&code=x");
    ck_assert(gh_form_has_duplicate(form, NULL));
    gh_form_free(form);
    form = parsed("a=1&b=1");
    ck_assert(!gh_form_has_duplicate(form, NULL));
    gh_form_free(form);
}
END_TEST

START_TEST(resource_may_repeat)
{
    gh_form *form = parsed("resource=https%3A%2F%2Fa&x=1&resource=https%3A%2F%2Fb");
    ck_assert(!gh_form_has_duplicate(form, NULL));
    ck_assert_uint_eq(gh_form_count(form, "resource"), 2);
    ck_assert_str_eq(gh_form_get_nth(form, "resource", 0), "https://a");
    ck_assert_str_eq(gh_form_get_nth(form, "resource", 1), "https://b");
    ck_assert_ptr_null(gh_form_get_nth(form, "resource", 2));
    gh_form_free(form);
}
END_TEST

static const char *const BAD[] = {"a=%",    "a=%4",  "a=%zz",    "%=a",        "a=%00",
                                  "a=\xff", "a=%FF", "a=%C0%AF", "a=%ED%A0%80"};

START_TEST(broken_escapes_nul_and_invalid_utf8_are_refused)
{
    gh_form *form = NULL;
    gh_error error = {.message = ""};
    ck_assert_int_eq(gh_form_parse(gh_view_of(BAD[_i]), &form, &error), GH_ERR_PARSE);
    ck_assert_str_ne(error.message, "");
    ck_assert_ptr_null(form);
}
END_TEST

START_TEST(a_raw_nul_is_refused)
{
    gh_form *form = NULL;
    ck_assert_int_eq(gh_form_parse(GH_VIEW_LIT("a=b\0c"), &form, NULL), GH_ERR_PARSE);
}
END_TEST

START_TEST(the_number_of_fields_is_bounded)
{
    gh_buf text = GH_BUF_INIT(4096);
    gh_form *form = NULL;
    for (int i = 0; i < GH_FORM_FIELDS_MAX; i++) {
        (void)gh_buf_appendf(&text, "%sf%d=v", i > 0 ? "&" : "", i);
    }
    ck_assert_int_eq(gh_form_parse(gh_buf_view(&text), &form, NULL), GH_OK);
    ck_assert_str_eq(gh_form_get(form, "f63"), "v");
    gh_form_free(form);
    ck_assert_int_eq(gh_buf_append_cstr(&text, "&one=more"), GH_OK);
    ck_assert_int_eq(gh_form_parse(gh_buf_view(&text), &form, NULL), GH_ERR_TOO_LARGE);
    gh_buf_free(&text);
}
END_TEST

START_TEST(what_is_written_can_be_read_back)
{
    gh_buf out = GH_BUF_INIT(256);
    ck_assert_int_eq(gh_buf_append_cstr(&out, "https://h/a?"), GH_OK);
    ck_assert_int_eq(gh_form_add(&out, "redirect_uri", "http://127.0.0.1:1/cb?a=b&c"), GH_OK);
    ck_assert_int_eq(gh_form_add(&out, "left_out", NULL), GH_OK);
    ck_assert_int_eq(gh_form_add(&out, "scope", "a b"), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out),
                     "https://h/a?redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcb%3Fa%3Db%26c&scope=a%20b");
    gh_form *form = parsed(gh_buf_cstr(&out) + sizeof "https://h/a?" - 1);
    ck_assert_str_eq(gh_form_get(form, "redirect_uri"), "http://127.0.0.1:1/cb?a=b&c");
    ck_assert_str_eq(gh_form_get(form, "scope"), "a b");
    gh_form_free(form);
    gh_buf_clear(&out);
    ck_assert_int_eq(gh_form_add(&out, "a", "1"), GH_OK);
    ck_assert_int_eq(gh_form_add(&out, "b", ""), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), "a=1&b=");
    gh_buf_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("form");
    TCase *tests = tcase_create("form");
    tcase_add_test(tests, fields_are_decoded);
    tcase_add_test(tests, empty_values_count_as_absent);
    tcase_add_test(tests, duplicates_are_told_and_named);
    tcase_add_test(tests, resource_may_repeat);
    tcase_add_loop_test(tests, broken_escapes_nul_and_invalid_utf8_are_refused, 0, COUNT(BAD));
    tcase_add_test(tests, a_raw_nul_is_refused);
    tcase_add_test(tests, the_number_of_fields_is_bounded);
    tcase_add_test(tests, what_is_written_can_be_read_back);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

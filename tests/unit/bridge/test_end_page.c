#include <check.h>
#include <stdio.h>
#include <string.h>

#include "bridge/end_page.h"
#include "tests/support/suite.h"

static gh_buf page;

static void setup(void)
{
    gh_buf_init(&page, 65536);
}

static void teardown(void)
{
    gh_buf_free(&page);
}

static bool shows(const char *text)
{
    return strstr(gh_buf_cstr(&page), text) != NULL;
}

START_TEST(success_is_a_whole_response)
{
    ck_assert_int_eq(gh_end_page_write(&page, 200, true, "You are signed in."), GH_OK);
    ck_assert_int_eq(strncmp(gh_buf_cstr(&page), "HTTP/1.1 200 OK\r\n", 17), 0);
    const char *body = strstr(gh_buf_cstr(&page), "\r\n\r\n");
    ck_assert_ptr_nonnull(body);
    char length[64];
    (void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(body + 4));
    ck_assert(shows(length));
    ck_assert(shows("<h1>Signed in</h1>"));
    ck_assert(shows("You are signed in."));
    ck_assert(!shows("Not signed in"));
}
END_TEST

START_TEST(failure_says_so)
{
    ck_assert_int_eq(gh_end_page_write(&page, 400, false, "access was refused"), GH_OK);
    ck_assert_int_eq(strncmp(gh_buf_cstr(&page), "HTTP/1.1 400 Bad Request\r\n", 26), 0);
    ck_assert(shows("<h1>Not signed in</h1>"));
    ck_assert(shows(">Access was refused.<"));
}
END_TEST

START_TEST(what_a_server_wrote_is_shown_as_text)
{
    ck_assert_int_eq(
        gh_end_page_write(&page, 400, false, "<script>alert('1')</script><a href=\"https://evil.example\">"),
        GH_OK);
    ck_assert(!shows("<script"));
    ck_assert(!shows("<a href=\"https://evil"));
    ck_assert(shows("&lt;script&gt;"));
}
END_TEST

START_TEST(the_page_can_do_nothing_and_is_not_kept)
{
    ck_assert_int_eq(gh_end_page_write(&page, 200, true, "x"), GH_OK);
    ck_assert(shows("Content-Security-Policy: default-src 'none'"));
    ck_assert(shows("frame-ancestors 'none'"));
    ck_assert(shows("Referrer-Policy: no-referrer\r\n")); /* the address holds the code */
    ck_assert(shows("Cache-Control: no-store\r\n"));
    ck_assert(shows("X-Content-Type-Options: nosniff\r\n"));
    ck_assert(shows("Connection: close\r\n"));
    ck_assert(!shows("src=\"http"));
}
END_TEST

START_TEST(a_page_that_does_not_fit_is_an_error)
{
    gh_buf small = GH_BUF_INIT(100);
    ck_assert_int_eq(gh_end_page_write(&small, 200, true, "x"), GH_ERR_TOO_LARGE);
    gh_buf_free(&small);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("end_page");
    TCase *tests = tcase_create("end_page");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, success_is_a_whole_response);
    tcase_add_test(tests, failure_says_so);
    tcase_add_test(tests, what_a_server_wrote_is_shown_as_text);
    tcase_add_test(tests, the_page_can_do_nothing_and_is_not_kept);
    tcase_add_test(tests, a_page_that_does_not_fit_is_an_error);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

/* Methods besides GET and POST, and where bodies go. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/http_probe.h"
#include "tests/support/suite.h"

static void run(const gh_http_fixture *fixture, const char *method, const char *body, gh_http_probe *s)
{
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request(method, url, s);
    request.body = gh_view_of(body);
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    gh_http_client_free(client);
}

static const char *const UPLOADS[] = {"POST", "PUT", "PATCH", "DELETE"};

START_TEST(a_body_goes_with_every_method_that_may_have_one)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .repeat = true});
    gh_http_probe s = {0};
    const char *method = UPLOADS[_i];
    run(fixture, method, "{\"a\":1}", &s);
    ck_assert_int_eq(s.result.status, GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&s.body), "{}");
    gh_view head = gh_http_fixture_head(fixture, 0);
    ck_assert(gh_view_starts_with(head, gh_view_of(method)));
    ck_assert_int_eq(head.ptr[strlen(method)], ' ');
    ck_assert(gh_http_fixture_has_line(fixture, 0, "Content-Length: 7"));
    ck_assert(gh_view_eq_cstr(gh_http_fixture_body(fixture, 0), "{\"a\":1}"));
    gh_buf_free(&s.body);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(an_upload_without_a_body_says_that_it_is_empty)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .repeat = true});
    gh_http_probe s = {0};
    run(fixture, UPLOADS[_i], "", &s);
    ck_assert_int_eq(s.result.status, GH_OK);
    /* A DELETE has no need to (RFC 9110, 8.6). */
    ck_assert_int_eq(gh_http_fixture_has_line(fixture, 0, "Content-Length: 0"), _i < 3);
    gh_buf_free(&s.body);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(a_large_body_arrives_whole)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .repeat = true});
    gh_http_probe s = {0};
    size_t size = (size_t)3 * 1024 * 1024;
    char *body = malloc(size + 1);
    ck_assert_ptr_nonnull(body);
    memset(body, 'b', size);
    body[size] = '\0';
    run(fixture, "PUT", body, &s);
    ck_assert_int_eq(s.result.status, GH_OK);
    ck_assert(gh_view_eq_cstr(gh_http_fixture_body(fixture, 0), body));
    free(body);
    gh_buf_free(&s.body);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(a_head_ends_with_the_head_whatever_length_it_names)
{
    GH_HTTP_FIXTURE(
        {.method = "HEAD",
         .reply = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 99999999\r\n\r\n",
         .repeat = true});
    gh_http_probe s = {0};
    run(fixture, "HEAD", "", &s);
    ck_assert_int_eq(s.result.status, GH_OK);
    ck_assert_int_eq(s.status, 200);
    ck_assert_str_eq(s.type, "text/plain");
    ck_assert_uint_eq(s.body.len, 0);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(get_and_head_have_no_body)
{
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_request request = gh_http_probe_request("GET", "http://127.0.0.1:9/", &s);
    request.body = GH_VIEW_LIT("x");
    ck_assert_int_eq(gh_http_start(client, &request, NULL, NULL), GH_ERR_INVALID);
    request.method = "HEAD";
    ck_assert_int_eq(gh_http_start(client, &request, NULL, NULL), GH_ERR_INVALID);
    gh_http_client_free(client);
}
END_TEST

/* The connection is used again and dies without a byte: the library alone would send a second time. */
START_TEST(an_upload_is_never_sent_twice)
{
    GH_HTTP_FIXTURE({.method = "GET", .reply = GH_HTTP_PROBE_OK}, {.reply = NULL, .repeat = true});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe get = {0};
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("GET", url, &get);
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    request = gh_http_probe_request(UPLOADS[_i], url, &s);
    request.body = GH_VIEW_LIT("once");
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_int_eq(s.result.status, GH_ERR_CLOSED);
    ck_assert(s.result.maybe_delivered);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
    gh_buf_free(&get.body);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_methods");
    TCase *tests = tcase_create("methods");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_body_goes_with_every_method_that_may_have_one, 0, 4);
    tcase_add_loop_test(tests, an_upload_without_a_body_says_that_it_is_empty, 0, 4);
    tcase_add_test(tests, a_large_body_arrives_whole);
    tcase_add_test(tests, a_head_ends_with_the_head_whatever_length_it_names);
    tcase_add_test(tests, get_and_head_have_no_body);
    tcase_add_loop_test(tests, an_upload_is_never_sent_twice, 0, 4);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

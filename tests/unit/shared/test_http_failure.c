#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/http_probe.h"
#include "tests/support/suite.h"

START_TEST(the_whole_time_is_bounded)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .delay_ms = 4000});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_fixture_url(fixture, "/mcp?code=secret", url);
    gh_http_request request = gh_http_probe_request("POST", url, &s);
    request.timeout_ms = 120;
    int64_t begin = gh_clock_mono_ms();
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    int64_t took = gh_clock_mono_ms() - begin;
    ck_assert_int_ge(took, 115);
    ck_assert_int_lt(took, 2000);
    ck_assert_int_eq(s.result.status, GH_ERR_TIMEOUT);
    ck_assert(s.result.maybe_delivered);
    ck_assert_ptr_nonnull(strstr(s.result.error.message, "/mcp did not answer in time"));
    ck_assert_ptr_null(strstr(s.result.error.message, "secret"));
    ck_assert_int_eq(s.dones, 1);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(silence_is_bounded_but_a_slow_stream_is_not)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_STREAM "data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n",
                     .piece = 5,
                     .piece_delay_ms = 60,
                     .stall_ms = 12000});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("GET", url, &s);
    request.timeout_ms = 0;
    request.idle_timeout_ms = 1000;
    int64_t begin = gh_clock_mono_ms();
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_int_eq(s.result.status, GH_ERR_TIMEOUT);
    ck_assert_int_eq(s.result.http_status, 200);
    ck_assert_str_eq(gh_buf_cstr(&s.body), "data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\n");
    ck_assert_int_ge(gh_clock_mono_ms() - begin, 1100);
    ck_assert_int_lt(gh_clock_mono_ms() - begin, 9000);
    gh_buf_free(&s.body);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(too_large_replies_are_cut)
{
    GH_HTTP_FIXTURE(
        {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"},
        {.reply =
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"},
        {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    for (int i = 0; i < 2; i++) {
        gh_http_probe s = {0};
        gh_http_request request = gh_http_probe_request("GET", url, &s);
        request.max_response = 10;
        gh_http_probe_start(client, &request);
        gh_http_probe_run(client);
        ck_assert_int_eq(s.result.status, GH_ERR_TOO_LARGE);
        ck_assert_uint_le(s.body.len, 10);
        gh_buf_free(&s.body);
    }
    gh_http_probe s = {0};
    gh_http_request request = gh_http_probe_request("GET", url, &s);
    request.max_response = 11;
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_int_eq(s.result.status, GH_OK);
    gh_buf_free(&s.body);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(a_refused_connection_says_so_in_words)
{
    char url[GH_HTTP_FIXTURE_URL_MAX];
    char expected[256];
    unsigned port = gh_http_fixture_free_port();
    gh_http_probe s = {0};
    (void)snprintf(url, sizeof url, "http://localhost:%u/mcp?code=secret#f", port);
    (void)snprintf(
        expected, sizeof expected,
        "could not connect to http://localhost:%u/mcp (connection refused): is the server running?", port);
    gh_http_probe_run_one("POST", url, &s);
    ck_assert_int_eq(s.result.status, GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(s.result.http_status, 0);
    ck_assert(!s.result.maybe_delivered);
    ck_assert_str_eq(s.result.error.message, expected);
}
END_TEST

START_TEST(an_unknown_host_was_never_reached)
{
    gh_http_probe s = {0};
    gh_http_probe_run_one("POST", "http://no-such-host.invalid/mcp", &s);
    ck_assert_int_eq(s.result.status, GH_ERR_UNAVAILABLE);
    ck_assert(!s.result.maybe_delivered);
    ck_assert_ptr_nonnull(strstr(s.result.error.message, "no-such-host.invalid"));
}
END_TEST

START_TEST(tls_to_a_plain_server_fails_before_anything_is_delivered)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/mcp", (unsigned)gh_http_fixture_port(fixture));
    gh_http_request request = gh_http_probe_request("POST", url, &s);
    request.connect_timeout_ms = 300; /* the server waits for the end of a head that never comes */
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert(s.result.status == GH_ERR_UNAVAILABLE || s.result.status == GH_ERR_TIMEOUT);
    ck_assert(!s.result.maybe_delivered);
    ck_assert_ptr_nonnull(strstr(s.result.error.message, "https://127.0.0.1"));
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(heads_without_end_are_cut)
{
    gh_buf many = GH_BUF_INIT(1 << 20);
    gh_buf big = GH_BUF_INIT(1 << 20);
    (void)gh_buf_append_cstr(&many, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 129; i++) {
        (void)gh_buf_appendf(&many, "X-H%d: v\r\n", i);
    }
    (void)gh_buf_append_cstr(&many, "Content-Length: 0\r\n\r\n");
    (void)gh_buf_append_cstr(&big, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 100; i++) {
        (void)gh_buf_appendf(&big, "X-Same: %0700d\r\n", i);
    }
    (void)gh_buf_append_cstr(&big, "Content-Length: 0\r\n\r\n");
    const gh_http_fixture_step steps[] = {{.reply = gh_buf_cstr(&many)}, {.reply = gh_buf_cstr(&big)}};
    gh_http_fixture *fixture = gh_http_fixture_start(steps, 2);
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe_url(fixture, url);
    for (int i = 0; i < 2; i++) {
        gh_http_probe s = {0};
        gh_http_probe_run_one("GET", url, &s);
        ck_assert_int_eq(s.result.status, GH_ERR_TOO_LARGE);
        ck_assert_int_eq(s.heads, 0);
    }
    gh_http_fixture_stop(fixture);
    gh_buf_free(&many);
    gh_buf_free(&big);
}
END_TEST

static const char *const NOT_HTTP[] = {"SSH-2.0-OpenSSH_9\r\n\r\n", "hello", "HTTP/1.1 abc\r\n\r\n",
                                       "HTTP/9.9 200 OK\r\n\r\n"};

START_TEST(what_is_not_http_is_an_error)
{
    const gh_http_fixture_step steps[] = {{.reply = NOT_HTTP[_i], .close = true, .repeat = true}};
    gh_http_fixture *fixture = gh_http_fixture_start(steps, 1);
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_probe_url(fixture, url);
    gh_http_probe_run_one("GET", url, &s);
    ck_assert_int_ne(s.result.status, GH_OK);
    ck_assert_str_ne(s.result.error.message, "");
    ck_assert_int_eq(s.heads, 0);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(a_reply_that_breaks_off_is_closed)
{
    GH_HTTP_FIXTURE({.reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", .close = true},
                    {.reply = NULL});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_probe_url(fixture, url);
    gh_http_probe_run_one("GET", url, &s);
    ck_assert_int_eq(s.result.status, GH_ERR_CLOSED);
    ck_assert_int_eq(s.result.http_status, 200);
    ck_assert(s.result.maybe_delivered);
    gh_buf_free(&s.body);
    gh_http_probe silent = {0};
    gh_http_probe_run_one("POST", url, &silent);
    ck_assert_int_eq(silent.result.status, GH_ERR_CLOSED);
    ck_assert_int_eq(silent.result.http_status, 0);
    ck_assert(silent.result.maybe_delivered);
    gh_http_fixture_stop(fixture);
}
END_TEST

static const char *const BODIES[] = {"{\"id\":2}", ""};

START_TEST(a_post_is_not_sent_again_when_a_reused_connection_dies)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK}, {.reply = NULL},
                    {.reply = GH_HTTP_PROBE_OK, .repeat = true});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe first = {0};
    gh_http_probe second = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("POST", url, &first);
    request.body = GH_VIEW_LIT("{\"id\":1}");
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_int_eq(first.result.status, GH_OK);
    request = gh_http_probe_request("POST", url, &second);
    request.body = gh_view_of(BODIES[_i]);
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_int_eq(second.result.status, GH_ERR_CLOSED);
    ck_assert(second.result.maybe_delivered);
    ck_assert_int_eq(second.result.http_status, 0);
    ck_assert_ptr_nonnull(strstr(second.result.error.message, "closed the connection without a reply"));
    ck_assert(!gh_http_fixture_wait(fixture, 3, 150));
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
    ck_assert_uint_eq(gh_http_fixture_connection_of(fixture, 1), 0); /* it was reused */
    gh_buf_free(&first.body);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(a_connection_that_was_closed_while_idle_is_replaced)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .close = true}, {.reply = GH_HTTP_PROBE_OK});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    for (int i = 0; i < 2; i++) {
        gh_http_probe s = {0};
        gh_http_request request = gh_http_probe_request("POST", url, &s);
        request.body = GH_VIEW_LIT("x");
        gh_http_probe_start(client, &request);
        gh_http_probe_run(client);
        ck_assert_int_eq(s.result.status, GH_OK);
        gh_buf_free(&s.body);
        (void)usleep(100 * 1000);
    }
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
    ck_assert_uint_eq(gh_http_fixture_connections(fixture), 2);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_failure");
    TCase *tests = tcase_create("failure");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, the_whole_time_is_bounded);
    tcase_add_test(tests, silence_is_bounded_but_a_slow_stream_is_not);
    tcase_add_test(tests, too_large_replies_are_cut);
    tcase_add_test(tests, heads_without_end_are_cut);
    tcase_add_loop_test(tests, what_is_not_http_is_an_error, 0, (int)(sizeof NOT_HTTP / sizeof *NOT_HTTP));
    tcase_add_test(tests, a_refused_connection_says_so_in_words);
    tcase_add_test(tests, an_unknown_host_was_never_reached);
    tcase_add_test(tests, tls_to_a_plain_server_fails_before_anything_is_delivered);
    tcase_add_test(tests, a_reply_that_breaks_off_is_closed);
    tcase_add_loop_test(tests, a_post_is_not_sent_again_when_a_reused_connection_dies, 0, 2);
    tcase_add_test(tests, a_connection_that_was_closed_while_idle_is_replaced);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

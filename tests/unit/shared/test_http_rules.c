#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/http_probe.h"
#include "tests/support/suite.h"

START_TEST(redirects_are_not_followed_by_default)
{
    GH_HTTP_FIXTURE(
        {.path = "/mcp", .reply = "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n"});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_probe_url(fixture, url);
    gh_http_probe_run_one("GET", url, &s);
    ck_assert_int_eq(s.result.status, GH_OK);
    ck_assert_int_eq(s.status, 302);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 1);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(a_redirect_on_the_same_origin_is_followed_when_asked)
{
    GH_HTTP_FIXTURE({.path = "/mcp",
                     .reply = "HTTP/1.1 302 Found\r\nLocation: sub/next?x=1\r\nContent-Length: 3\r\n\r\nold"},
                    {.path = "/sub/next?x=1", .reply = GH_HTTP_PROBE_OK});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("GET", url, &s);
    request.follow_redirects = true;
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_int_eq(s.result.status, GH_OK);
    ck_assert_int_eq(s.heads, 1);
    ck_assert_int_eq(s.status, 200);
    ck_assert_str_eq(gh_buf_cstr(&s.body), "{}");
    gh_buf_free(&s.body);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

static const char *const FOREIGN[] = {
    "https://127.0.0.1/x",    "http://localhost/x", "//example.com/x", "file:///etc/passwd",
    "http://u:p@127.0.0.1/x", "ftp://127.0.0.1/",   "http://[bad",     "\x01"};

START_TEST(a_redirect_elsewhere_is_not_followed)
{
    char reply[256];
    (void)snprintf(reply, sizeof reply, "HTTP/1.1 301 Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                   FOREIGN[_i]);
    const gh_http_fixture_step steps[] = {{.path = "/mcp", .reply = reply}};
    gh_http_fixture *fixture = gh_http_fixture_start(steps, 1);
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("GET", url, &s);
    request.follow_redirects = true;
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_int_eq(s.result.status, GH_OK);
    ck_assert_int_eq(s.status, 301);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 1);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(at_most_three_redirects_are_followed_and_no_post)
{
    GH_HTTP_FIXTURE(
        {.path = "/mcp",
         .reply = "HTTP/1.1 307 Temporary Redirect\r\nLocation: /mcp\r\nContent-Length: 0\r\n\r\n",
         .repeat = true});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_probe get = {0};
    gh_http_request request = gh_http_probe_request("GET", url, &get);
    request.follow_redirects = true;
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_int_eq(get.status, 307);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 4);
    gh_http_probe post = {0};
    request = gh_http_probe_request("POST", url, &post);
    request.follow_redirects = true;
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_int_eq(post.status, 307);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 5);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

static gh_status cancel_on_head(void *context, gh_http_transfer *transfer, const gh_http_response_head *head)
{
    gh_http_probe *s = context;
    (void)head;
    s->heads++;
    gh_http_cancel(transfer);
    return GH_OK;
}

static gh_status cancel_on_body(void *context, gh_http_transfer *transfer, gh_view bytes)
{
    gh_http_probe *s = context;
    (void)bytes;
    s->chunks++;
    gh_http_cancel(transfer);
    gh_http_cancel(s->victim);
    s->victim = NULL;
    return GH_OK;
}

START_TEST(a_transfer_may_cancel_itself_and_others_in_its_callbacks)
{
    GH_HTTP_FIXTURE({.path = "/slow", .reply = GH_HTTP_PROBE_OK, .delay_ms = 3000},
                    {.path = "/mcp", .reply = GH_HTTP_PROBE_OK, .repeat = true});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    char slow_url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe slow = {0};
    gh_http_probe body = {0};
    gh_http_probe head = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_fixture_url(fixture, "/slow", slow_url);
    gh_http_request request = gh_http_probe_request("GET", slow_url, &slow);
    ck_assert_int_eq(gh_http_start(client, &request, &body.victim, NULL), GH_OK);
    request = gh_http_probe_request("GET", url, &body);
    request.on_body = cancel_on_body;
    gh_http_probe_start(client, &request);
    request = gh_http_probe_request("GET", url, &head);
    request.on_head = cancel_on_head;
    gh_http_probe_start(client, &request);
    ck_assert_uint_eq(gh_http_client_active(client), 3);
    gh_http_probe_run(client);
    ck_assert_int_eq(body.chunks, 1);
    ck_assert_int_eq(head.heads, 1);
    ck_assert_int_eq(head.chunks + head.dones + body.dones + slow.heads + slow.dones, 0);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

static void start_next(gh_http_probe *s)
{
    if (s->next != NULL) {
        const gh_http_request *next = s->next;
        s->next = NULL;
        gh_http_probe_start(s->client, next);
    }
}

static gh_status start_on_body(void *context, gh_http_transfer *transfer, gh_view bytes)
{
    gh_http_probe *s = context;
    (void)transfer;
    start_next(s);
    return gh_buf_append_view(&s->body, bytes);
}

static void start_and_cancel_on_done(void *context, gh_http_transfer *transfer, const gh_http_result *result)
{
    gh_http_probe *s = context;
    s->dones++;
    s->result = *result;
    start_next(s);
    gh_http_cancel(s->victim);
    gh_http_cancel(transfer); /* harmless: it is over */
}

START_TEST(callbacks_may_start_transfers)
{
    GH_HTTP_FIXTURE({.path = "/slow", .reply = GH_HTTP_PROBE_OK, .delay_ms = 3000},
                    {.reply = GH_HTTP_PROBE_OK, .repeat = true});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    char slow_url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe slow = {0};
    gh_http_probe first = {0};
    gh_http_probe second = {0};
    gh_http_probe third = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_fixture_url(fixture, "/slow", slow_url);
    gh_http_request third_request = gh_http_probe_request("GET", url, &third);
    gh_http_request second_request = gh_http_probe_request("GET", url, &second);
    second.client = client;
    second.next = &third_request;
    second_request.on_done = start_and_cancel_on_done;
    gh_http_request request = gh_http_probe_request("GET", slow_url, &slow);
    ck_assert_int_eq(gh_http_start(client, &request, &second.victim, NULL), GH_OK);
    request = gh_http_probe_request("GET", url, &first);
    first.client = client;
    first.next = &second_request;
    request.on_body = start_on_body;
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_int_eq(first.result.status, GH_OK);
    ck_assert_int_eq(second.result.status, GH_OK);
    ck_assert_int_eq(third.result.status, GH_OK);
    ck_assert_int_eq(slow.dones, 0);
    gh_buf_free(&first.body);
    gh_buf_free(&second.body);
    gh_buf_free(&third.body);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

static gh_status refuse_head(void *context, gh_http_transfer *transfer, const gh_http_response_head *head)
{
    gh_http_probe *s = context;
    (void)transfer;
    (void)head;
    s->heads++;
    return s->answer;
}

START_TEST(a_callback_can_end_its_transfer_with_a_status)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {.answer = GH_ERR_DENIED};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("GET", url, &s);
    request.on_head = refuse_head;
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_int_eq(s.result.status, GH_ERR_DENIED);
    ck_assert_int_eq(s.result.http_status, 200);
    ck_assert_int_eq(s.chunks, 0);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

static const char *const BAD_URLS[] = {"",         "ftp://h/",          "http://u:p@h/", "http://h/ x",
                                       "http:///", "file:///etc/passwd"};

START_TEST(bad_urls_are_refused_at_the_start)
{
    gh_http_probe s = {0};
    gh_error error = {.message = ""};
    gh_http_client *client = gh_http_probe_client();
    gh_http_request request = gh_http_probe_request("GET", BAD_URLS[_i], &s);
    ck_assert_int_ne(gh_http_start(client, &request, NULL, &error), GH_OK);
    ck_assert_str_ne(error.message, "");
    ck_assert_ptr_null(strstr(error.message, "u:p"));
    ck_assert_uint_eq(gh_http_client_active(client), 0);
    gh_http_client_free(client);
}
END_TEST

static const gh_http_header BAD_HEADERS[] = {{"X", "a\r\nY: b"}, {"X", "a\nb"}, {"X", "a\rb"},
                                             {"X\r\nY", "a"},    {"X:", "a"},   {"", "a"},
                                             {"X y", "a"},       {"X", "a\x01"}};

START_TEST(headers_that_smuggle_lines_are_refused)
{
    gh_http_probe s = {0};
    gh_error error = {.message = ""};
    gh_http_client *client = gh_http_probe_client();
    gh_http_request request = gh_http_probe_request("GET", "http://127.0.0.1:9/", &s);
    request.headers = &BAD_HEADERS[_i];
    request.header_count = 1;
    ck_assert_int_eq(gh_http_start(client, &request, NULL, &error), GH_ERR_INVALID);
    ck_assert_str_ne(error.message, "");
    gh_http_client_free(client);
}
END_TEST

START_TEST(other_methods_and_unbounded_collecting_are_refused)
{
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_request request = gh_http_probe_request("TRACE", "http://127.0.0.1:9/", &s);
    ck_assert_int_eq(gh_http_start(client, &request, NULL, NULL), GH_ERR_INVALID);
    request = gh_http_probe_request("GET", "http://127.0.0.1:9/", &s);
    request.on_body = NULL;
    request.max_response = SIZE_MAX;
    ck_assert_int_eq(gh_http_start(client, &request, NULL, NULL), GH_ERR_INVALID);
    gh_http_client_free(client);
    gh_http_client_free(NULL);
    gh_http_cancel(NULL);
}
END_TEST

START_TEST(a_poll_wakes_for_other_descriptors)
{
    int ends[2];
    gh_http_client *client = gh_http_probe_client();
    ck_assert_int_eq(pipe(ends), 0);
    struct pollfd extra[2] = {{.fd = -1, .events = POLLIN, .revents = 99}, {.fd = ends[0], .events = POLLIN}};
    int64_t begin = gh_clock_mono_ms();
    ck_assert_int_eq(gh_http_client_poll(client, extra, 2, 60), GH_OK);
    ck_assert_int_ge(gh_clock_mono_ms() - begin, 50);
    ck_assert_int_eq(extra[1].revents, 0);
    ck_assert_int_eq(extra[0].revents, 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    begin = gh_clock_mono_ms();
    ck_assert_int_eq(gh_http_client_poll(client, extra, 2, 5000), GH_OK);
    ck_assert_int_lt(gh_clock_mono_ms() - begin, 2000);
    ck_assert_int_eq(extra[1].revents, POLLIN);
    char byte;
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    ck_assert_int_eq(close(ends[1]), 0);
    begin = gh_clock_mono_ms();
    ck_assert_int_eq(gh_http_client_poll(client, extra, 2, 5000), GH_OK);
    ck_assert_int_lt(gh_clock_mono_ms() - begin, 2000);
    ck_assert_int_eq(extra[1].revents & POLLHUP, POLLHUP);
    (void)close(ends[0]);
    gh_http_client_free(client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_rules");
    TCase *tests = tcase_create("rules");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, redirects_are_not_followed_by_default);
    tcase_add_test(tests, a_redirect_on_the_same_origin_is_followed_when_asked);
    tcase_add_loop_test(tests, a_redirect_elsewhere_is_not_followed, 0,
                        (int)(sizeof FOREIGN / sizeof *FOREIGN));
    tcase_add_test(tests, at_most_three_redirects_are_followed_and_no_post);
    tcase_add_test(tests, a_transfer_may_cancel_itself_and_others_in_its_callbacks);
    tcase_add_test(tests, callbacks_may_start_transfers);
    tcase_add_test(tests, a_callback_can_end_its_transfer_with_a_status);
    tcase_add_loop_test(tests, bad_urls_are_refused_at_the_start, 0,
                        (int)(sizeof BAD_URLS / sizeof *BAD_URLS));
    tcase_add_loop_test(tests, headers_that_smuggle_lines_are_refused, 0,
                        (int)(sizeof BAD_HEADERS / sizeof *BAD_HEADERS));
    tcase_add_test(tests, other_methods_and_unbounded_collecting_are_refused);
    tcase_add_test(tests, a_poll_wakes_for_other_descriptors);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

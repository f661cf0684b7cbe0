#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/http_probe.h"
#include "tests/support/suite.h"

START_TEST(a_get_brings_head_and_body)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_probe_url(fixture, url);
    gh_http_probe_run_one("GET", url, &s);
    ck_assert_int_eq(s.result.status, GH_OK);
    ck_assert_int_eq(s.result.http_status, 200);
    ck_assert_int_eq(s.heads, 1);
    ck_assert_int_eq(s.dones, 1);
    ck_assert_str_eq(s.type, "application/json");
    ck_assert_int_eq((int)s.retry_after_s, -1);
    ck_assert_str_eq(gh_buf_cstr(&s.body), "{}");
    ck_assert(!s.result.maybe_delivered);
    ck_assert(gh_http_fixture_has_line(fixture, 0, "GET /mcp HTTP/1.1"));
    ck_assert(gh_http_fixture_has_line(fixture, 0, "User-Agent: gatehouse-test/1"));
    gh_buf_free(&s.body);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(a_post_sends_its_body_once_and_its_headers_as_given)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    static const gh_http_header headers[] = {{"Content-Type", "application/json"},
                                             {"Accept", "application/json, text/event-stream"},
                                             {"X-Empty", ""}};
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("POST", url, &s);
    request.headers = headers;
    request.header_count = 3;
    request.body = GH_VIEW_LIT("{\"a\":\"\0\"}");
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_int_eq(s.result.status, GH_OK);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 1);
    ck_assert(gh_view_eq(gh_http_fixture_body(fixture, 0), request.body));
    ck_assert(gh_http_fixture_has_line(fixture, 0, "POST /mcp HTTP/1.1"));
    ck_assert(gh_http_fixture_has_line(fixture, 0, "Content-Type: application/json"));
    ck_assert(gh_http_fixture_has_line(fixture, 0, "Accept: application/json, text/event-stream"));
    ck_assert(gh_http_fixture_has_line(fixture, 0, "X-Empty:"));
    ck_assert(gh_http_fixture_has_line(fixture, 0, "Content-Length: 9"));
    ck_assert(!gh_http_fixture_has_line(fixture, 0, "Expect: 100-continue"));
    gh_buf_free(&s.body);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(a_large_post_arrives_whole_and_without_expect)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    const size_t size = 3 * 1024 * 1024;
    char *body = malloc(size);
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    ck_assert_ptr_nonnull(body);
    for (size_t i = 0; i < size; i++) {
        body[i] = (char)('a' + i % 26);
    }
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("POST", url, &s);
    request.body = gh_view_make(body, size);
    gh_http_probe_start(client, &request);
    body[0] = 'X'; /* it was copied */
    gh_http_probe_run(client);
    ck_assert_int_eq(s.result.status, GH_OK);
    body[0] = 'a';
    ck_assert(gh_view_eq(gh_http_fixture_body(fixture, 0), gh_view_make(body, size)));
    gh_view head = gh_http_fixture_head(fixture, 0);
    ck_assert_ptr_null(memmem(head.ptr, head.len, "Expect", 6));
    ck_assert_ptr_null(memmem(head.ptr, head.len, "Content-Type", 12));
    gh_buf_free(&s.body);
    free(body);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(a_delete_has_no_body)
{
    GH_HTTP_FIXTURE({.method = "DELETE", .reply = "HTTP/1.1 204 No Content\r\n\r\n"});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_probe_url(fixture, url);
    gh_http_probe_run_one("DELETE", url, &s);
    ck_assert_int_eq(s.result.status, GH_OK);
    ck_assert_int_eq(s.result.http_status, 204);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(a_chunked_reply_is_put_together_however_it_is_split)
{
    GH_HTTP_FIXTURE({.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\n\r\n"
                              "5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\nX-Late: 1\r\n\r\n",
                     .piece = 1});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_probe_url(fixture, url);
    gh_http_probe_run_one("GET", url, &s);
    ck_assert_int_eq(s.result.status, GH_OK);
    ck_assert_int_eq(s.heads, 1);
    ck_assert_str_eq(gh_buf_cstr(&s.body), "hello world");
    gh_buf_free(&s.body);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(events_of_a_stream_arrive_before_it_ends)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_STREAM "data: one\n\n", .stall_ms = 3000, .close = true});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("GET", url, &s);
    request.max_response = SIZE_MAX;
    request.timeout_ms = 0;
    int64_t begin = gh_clock_mono_ms();
    gh_http_probe_start(client, &request);
    while (s.body.len < 11 && gh_clock_mono_ms() - begin < 2000) {
        ck_assert_int_eq(gh_http_client_poll(client, NULL, 0, 100), GH_OK);
    }
    ck_assert_str_eq(gh_buf_cstr(&s.body), "data: one\n\n");
    ck_assert_str_eq(s.type, "text/event-stream");
    ck_assert_int_eq(s.dones, 0);
    ck_assert_uint_eq(gh_http_client_active(client), 1);
    gh_http_client_free(client); /* cancels without a callback */
    ck_assert_int_eq(s.dones, 0);
    gh_buf_free(&s.body);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(localhost_is_this_machine)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    (void)setenv("http_proxy", "http://127.0.0.1:9", 1); /* must not be used for loopback */
    (void)snprintf(url, sizeof url, "http://LocalHost:%u/", (unsigned)gh_http_fixture_port(fixture));
    gh_http_probe_run_one("GET", url, &s);
    ck_assert_int_eq(s.result.status, GH_OK);
    gh_buf_free(&s.body);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(a_proxy_of_the_environment_is_used_for_other_hosts)
{
    GH_HTTP_FIXTURE({.path = "http://server.example/x", .reply = GH_HTTP_PROBE_OK});
    char proxy[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_fixture_url(fixture, "", proxy);
    (void)setenv("http_proxy", proxy, 1);
    gh_http_probe_run_one("GET", "http://server.example/x", &s);
    ck_assert_int_eq(s.result.http_status, 200);
    gh_buf_free(&s.body);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(headers_are_found_without_case_and_joined)
{
    GH_HTTP_FIXTURE({.reply =
                         "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                         "www-authenticate: Bearer\r\nX-Folded: a\r\n b\r\nX-Empty:\r\nRetry-After: 7\r\n"
                         "Content-Length: 0\r\n\r\n"});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_transfer *transfer = NULL;
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("GET", url, &s);
    ck_assert_int_eq(gh_http_start(client, &request, &transfer, NULL), GH_OK);
    while (s.heads == 0) {
        ck_assert_ptr_null(gh_http_transfer_header(transfer, "X-Absent").ptr);
        ck_assert_int_eq(gh_http_client_poll(client, NULL, 0, 1000), GH_OK);
    }
    ck_assert_int_eq(s.status, 401);
    ck_assert_int_eq((int)s.retry_after_s, 7);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

static gh_status check_headers(void *context, gh_http_transfer *transfer, const gh_http_response_head *head)
{
    gh_http_probe *s = context;
    s->heads++;
    s->retry_after_s = head->retry_after_s;
    ck_assert(
        gh_view_eq_cstr(gh_http_transfer_header(transfer, "WWW-AUTHENTICATE"), "Basic realm=\"x\", Bearer"));
    ck_assert(gh_view_eq_cstr(gh_http_transfer_header(transfer, "x-folded"), "a b"));
    ck_assert_ptr_nonnull(gh_http_transfer_header(transfer, "X-Empty").ptr);
    ck_assert_uint_eq(gh_http_transfer_header(transfer, "X-Empty").len, 0);
    ck_assert_ptr_null(gh_http_transfer_header(transfer, "X-Early").ptr);
    ck_assert_ptr_null(head->content_type.ptr);
    return GH_OK;
}

START_TEST(headers_belong_to_the_final_reply_only)
{
    GH_HTTP_FIXTURE({.reply = "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
                              "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n"
                              "www-authenticate: Bearer\r\nX-Folded: a\r\n b\r\nX-Empty:\r\n"
                              "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 0\r\n\r\n"});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("GET", url, &s);
    request.on_head = check_headers;
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_int_eq(s.heads, 1);
    ck_assert_int_eq((int)s.retry_after_s, 0);
    ck_assert_int_eq(s.result.http_status, 401);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

static void keep_body(void *context, gh_http_transfer *transfer, const gh_http_result *result)
{
    gh_http_probe *s = context;
    s->result = *result;
    ck_assert_int_eq(gh_buf_append_view(&s->body, gh_http_transfer_body(transfer)), GH_OK);
}

START_TEST(a_body_without_reader_is_collected)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("GET", url, &s);
    request.on_body = NULL;
    request.on_done = keep_body;
    gh_http_probe_start(client, &request);
    gh_http_probe_run(client);
    ck_assert_str_eq(gh_buf_cstr(&s.body), "{}");
    gh_buf_free(&s.body);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(perform_runs_one_request_to_its_end)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK}, {.reply = GH_HTTP_PROBE_OK},
                    {.reply = GH_HTTP_PROBE_OK, .delay_ms = 3000});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_client *client = gh_http_probe_client();
    gh_http_result result;
    gh_http_probe_url(fixture, url);
    gh_http_request request = {.method = "GET", .url = url};
    gh_buf body = GH_BUF_INIT(16);
    ck_assert_int_eq(gh_http_perform(client, &request, &body, &result), GH_OK);
    ck_assert_int_eq(result.http_status, 200);
    ck_assert_str_eq(gh_buf_cstr(&body), "{}");
    gh_buf small = GH_BUF_INIT(1);
    ck_assert_int_eq(gh_http_perform(client, &request, &small, &result), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(result.status, GH_ERR_TOO_LARGE);
    request.timeout_ms = 100;
    gh_buf_clear(&body);
    ck_assert_int_eq(gh_http_perform(client, &request, &body, &result), GH_ERR_TIMEOUT);
    request.url = "gopher://h/";
    ck_assert_int_eq(gh_http_perform(client, &request, &body, &result), GH_ERR_INVALID);
    ck_assert_str_ne(result.error.message, "");
    ck_assert_uint_eq(gh_http_client_active(client), 0);
    gh_buf_free(&body);
    gh_buf_free(&small);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(a_held_client_reads_nothing_and_loses_nothing)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .repeat = true});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("GET", url, &s);
    request.idle_timeout_ms = 200;
    gh_http_client_hold(client, true);
    gh_http_probe_start(client, &request);
    gh_http_probe_start(client, &request);
    for (int64_t end = gh_clock_mono_ms() + 500; gh_clock_mono_ms() < end;) {
        ck_assert_int_eq(gh_http_client_poll(client, NULL, 0, 20), GH_OK);
    }
    ck_assert_int_eq(s.heads, 2);
    ck_assert_int_eq(s.chunks, 0);
    ck_assert_int_eq(s.dones, 0);
    gh_http_client_hold(client, false);
    gh_http_probe_run(client);
    ck_assert_int_eq(s.dones, 2);
    ck_assert_int_eq(s.result.status, GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&s.body), "{}{}");
    gh_buf_free(&s.body);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(transfers_run_side_by_side)
{
    GH_HTTP_FIXTURE({.reply = GH_HTTP_PROBE_OK, .delay_ms = 200, .repeat = true});
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_probe s = {0};
    gh_http_client *client = gh_http_probe_client();
    gh_http_probe_url(fixture, url);
    gh_http_request request = gh_http_probe_request("GET", url, &s);
    int64_t begin = gh_clock_mono_ms();
    for (int i = 0; i < 8; i++) {
        gh_http_probe_start(client, &request);
    }
    gh_http_probe_run(client);
    ck_assert_int_eq(s.dones, 8);
    ck_assert_int_lt(gh_clock_mono_ms() - begin, 1200);
    gh_buf_free(&s.body);
    gh_http_client_free(client);
    gh_http_fixture_stop(fixture);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_client");
    TCase *tests = tcase_create("exchange");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, a_get_brings_head_and_body);
    tcase_add_test(tests, a_post_sends_its_body_once_and_its_headers_as_given);
    tcase_add_test(tests, a_large_post_arrives_whole_and_without_expect);
    tcase_add_test(tests, a_delete_has_no_body);
    tcase_add_test(tests, a_chunked_reply_is_put_together_however_it_is_split);
    tcase_add_test(tests, events_of_a_stream_arrive_before_it_ends);
    tcase_add_test(tests, headers_are_found_without_case_and_joined);
    tcase_add_test(tests, headers_belong_to_the_final_reply_only);
    tcase_add_test(tests, a_body_without_reader_is_collected);
    tcase_add_test(tests, perform_runs_one_request_to_its_end);
    tcase_add_test(tests, a_held_client_reads_nothing_and_loses_nothing);
    tcase_add_test(tests, transfers_run_side_by_side);
    tcase_add_test(tests, localhost_is_this_machine);
    tcase_add_test(tests, a_proxy_of_the_environment_is_used_for_other_hosts);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

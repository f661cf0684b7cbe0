#include "tests/unit/bridge/remote_world.h"

#include <stdio.h>

#include "shared/core/clock.h"

#define JSON_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define SSE_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"
#define PONG JSON_HEAD "Content-Length: 36\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"
#define DENIED(challenge)                                                                                    \
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: " challenge "\r\nContent-Length: 0\r\n\r\n"
#define NEEDS_SCOPE                                                                                          \
    "HTTP/1.1 403 Forbidden\r\nWWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"more\"\r\n"    \
    "Content-Length: 0\r\n\r\n"

static void serve(const gh_http_fixture_step *steps, size_t count)
{
    serve_at("/mcp?key=hidden", steps, count);
}

static void send_ping(void)
{
    send((gh_exchange_request){.body = GH_VIEW_LIT(PING), .id = GH_VIEW_LIT("1")});
}

START_TEST(a_json_answer_arrives_as_one_compact_line)
{
    const gh_http_fixture_step steps[] = {
        {.reply = JSON_HEAD "\r\n{ \"jsonrpc\": \"2.0\",\n \"id\": 1, \"result\": {\"n\":1.0} }",
         .close = true}};
    serve(steps, 1);
    send_ping();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert_str_eq(gh_buf_cstr(&seen), "!{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"n\":1.0}}|");
    ck_assert(gh_http_fixture_has_line(fixture, 0, "POST /mcp?key=hidden HTTP/1.1"));
    ck_assert(gh_http_fixture_has_line(fixture, 0, "Content-Type: application/json"));
    ck_assert(gh_http_fixture_has_line(fixture, 0, "Accept: application/json, text/event-stream"));
    ck_assert(gh_http_fixture_has_line(fixture, 0, "Authorization: Bearer token-1"));
    ck_assert(gh_view_eq_cstr(gh_http_fixture_body(fixture, 0), PING));
}
END_TEST

START_TEST(events_arrive_one_by_one_and_the_answer_ends_it)
{
    const gh_http_fixture_step steps[] = {
        {.reply = SSE_HEAD
         "\r\n: hello\n\nid: 7\ndata:\n\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"method\":\"n\"}\n\n"
         "event: other\ndata: x\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":{}}\n\n"
         "data: junk\n\n"
         "data: {\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"roots/list\"}\n\n"
         "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n"
         "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"twice\":1}}\n\n",
         .piece = 11,
         .close = true}};
    serve(steps, 1);
    send_ping();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert_str_eq(gh_buf_cstr(&seen), "{\"jsonrpc\":\"2.0\",\"method\":\"n\"}|"
                                         "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"roots/list\"}|"
                                         "!{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}|");
}
END_TEST

#define ERROR_BODY "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"no\"}}"

static const struct {
    const char *reply, *line;
} ERRORS[] = {
    {"HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\n\r\n" ERROR_BODY,
     "!{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32600,\"message\":\"no\"}}|"},
    {"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" ERROR_BODY,
     "!{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32600,\"message\":\"no\"}}|"},
    {"HTTP/1.1 500 Bad\r\nContent-Type: application/json\r\n\r\n"
     "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32603,\"message\":\"no\"}}     ",
     "!{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"no\"}}|"},
    {"HTTP/1.1 404 No\r\nContent-Type: application/json\r\n\r\n"
     "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"what?\"}}  ",
     "!{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32601,\"message\":\"what?\"}}|"},
};

START_TEST(a_json_rpc_error_passes_whatever_the_http_status)
{
    const gh_http_fixture_step steps[] = {{.reply = ERRORS[_i].reply, .close = true}};
    serve(steps, 1);
    send_ping();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert_str_eq(gh_buf_cstr(&seen), ERRORS[_i].line);
}
END_TEST

static const struct {
    const char *reply;
    gh_verdict_kind kind;
    const char *says;
} FAILURES[] = {
    {"HTTP/1.1 502 Bad\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", GH_VERDICT_FAILED,
     "502"},
    {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>", GH_VERDICT_FAILED,
     "text/html"},
    {"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", GH_VERDICT_FAILED, "202"},
    {"HTTP/1.1 307 Away\r\nLocation: https://evil.example/x?code=s3cret\r\nContent-Length: 0\r\n\r\n",
     GH_VERDICT_FAILED, "https://evil.example/x"},
    {JSON_HEAD "Content-Length: 100\r\n\r\n{\"jsonrpc\":", GH_VERDICT_CUT, "broke off"},
    {JSON_HEAD "Content-Length: 4\r\n\r\nnull", GH_VERDICT_FAILED, "not the JSON-RPC response"},
    {JSON_HEAD "Content-Length: 36\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}", GH_VERDICT_FAILED,
     "not the JSON-RPC response"},
    {SSE_HEAD "\r\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"resu", GH_VERDICT_CUT, "without an answer"},
    {"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", GH_VERDICT_FAILED, "403"},
    {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", GH_VERDICT_FAILED, "no MCP endpoint"},
    {"HTTP/1.1 421 No\r\nContent-Length: 0\r\n\r\n", GH_VERDICT_FAILED, "does not go by the host name"},
    {"HTTP/1.1 400 No\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n{\"error\":\"wrong\"}",
     GH_VERDICT_FAILED, "400"},
    {"HTTP/1.1 503 No\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n", GH_VERDICT_FAILED, "3600"},
    {"nonsense\r\n\r\n", GH_VERDICT_UNSENT, "lost"},
    {NULL, GH_VERDICT_UNSENT, "may have been carried out"},
};

START_TEST(every_failure_is_told_in_a_sentence)
{
    const gh_http_fixture_step steps[] = {{.reply = FAILURES[_i].reply, .close = true, .repeat = true}};
    serve(steps, 1);
    send_ping();
    run();
    ck_assert_msg(verdict.kind == FAILURES[_i].kind, "%d: %s", (int)verdict.kind, verdict.error.message);
    ck_assert_msg(strstr(verdict.error.message, FAILURES[_i].says) != NULL, "%s", verdict.error.message);
    ck_assert_ptr_null(strstr(verdict.error.message, "s3cret"));
    ck_assert_ptr_null(strstr(verdict.error.message, "hidden"));
    ck_assert_uint_eq(seen.len, 0);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 1);
    ck_assert_int_eq(dones, 1);
}
END_TEST

START_TEST(an_answer_over_the_limit_is_no_answer)
{
    static char reply[70000];
    (void)snprintf(reply, sizeof(reply), JSON_HEAD "Content-Length: 69000\r\n\r\n");
    size_t head = strlen(reply);
    memset(reply + head, ' ', sizeof(reply) - head - 1);
    const gh_http_fixture_step steps[] = {{.reply = reply, .close = true}};
    serve(steps, 1);
    send_ping();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_FAILED);
    ck_assert_ptr_nonnull(strstr(verdict.error.message, "--max-message"));
}
END_TEST

START_TEST(silence_ends_with_a_sentence_after_the_request_timeout)
{
    const gh_http_fixture_step steps[] = {{.reply = PONG, .delay_ms = 3000}};
    settings.request_timeout_ms = 200;
    serve(steps, 1);
    send_ping();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_UNSENT);
    ck_assert_ptr_nonnull(strstr(verdict.error.message, "--request-timeout"));
}
END_TEST

START_TEST(after_a_401_the_request_is_sent_once_more_with_the_new_token)
{
    const gh_http_fixture_step steps[] = {
        {.reply = DENIED("Bearer error=\"invalid_token\", resource_metadata=\"http://x/y\"")},
        {.reply = PONG}};
    serve(steps, 2);
    send_ping();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert_int_eq(authorizer.asked, 1);
    ck_assert_int_eq(authorizer.last_status, 401);
    ck_assert(authorizer.last_interactive);
    ck_assert_str_eq(authorizer.last_rejected, "token-1");
    ck_assert_str_eq(authorizer.last_challenge,
                     "Bearer error=\"invalid_token\", resource_metadata=\"http://x/y\"");
    ck_assert(gh_http_fixture_has_line(fixture, 1, "Authorization: Bearer token-2"));
}
END_TEST

START_TEST(a_second_401_is_a_failure)
{
    const gh_http_fixture_step steps[] = {{.reply = DENIED("Bearer"), .repeat = true}};
    serve(steps, 1);
    send_ping();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_UNAUTHORIZED);
    ck_assert_int_eq(verdict.code, GH_RPC_LOCAL_AUTH_REQUIRED);
    ck_assert_int_eq(authorizer.asked, 1);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
}
END_TEST

START_TEST(a_missing_scope_is_asked_for_twice_at_most)
{
    const gh_http_fixture_step steps[] = {{.reply = NEEDS_SCOPE, .repeat = true}};
    serve(steps, 1);
    send_ping();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_UNAUTHORIZED);
    ck_assert_int_eq(authorizer.last_status, 403);
    ck_assert_int_eq(authorizer.asked, 2);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 3);
}
END_TEST

START_TEST(a_login_that_fails_is_told_with_its_reason)
{
    const gh_http_fixture_step steps[] = {{.reply = DENIED("Bearer")}};
    authorizer.token = NULL;
    authorizer.result = GH_ERR_TIMEOUT;
    serve(steps, 1);
    send_ping();
    run();
    ck_assert_int_eq(verdict.code, GH_RPC_LOCAL_AUTH_REQUIRED);
    ck_assert_str_eq(verdict.error.message, "nobody signed in");
    ck_assert(!gh_http_fixture_has_line(fixture, 0, "Authorization: Bearer token-1"));
}
END_TEST

START_TEST(an_expired_token_is_refreshed_before_anything_is_sent)
{
    const gh_http_fixture_step steps[] = {{.reply = PONG}};
    authorizer.token = NULL;
    authorizer.can_refresh = true;
    serve(steps, 1);
    send_ping();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert_int_eq(authorizer.last_status, 0);
    ck_assert(!authorizer.last_interactive);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 1);
    ck_assert(gh_http_fixture_has_line(fixture, 0, "Authorization: Bearer token-2"));
}
END_TEST

START_TEST(when_the_refresh_fails_the_servers_challenge_decides)
{
    const gh_http_fixture_step steps[] = {{.reply = DENIED("Bearer scope=\"mcp\"")}};
    authorizer.token = NULL;
    authorizer.can_refresh = true;
    authorizer.result = GH_ERR_DENIED;
    serve(steps, 1);
    send_ping();
    run();
    ck_assert_int_eq(authorizer.asked, 2);
    ck_assert_int_eq(authorizer.last_status, 401);
    ck_assert(authorizer.last_interactive);
    ck_assert_int_eq(verdict.code, GH_RPC_LOCAL_AUTH_REQUIRED);
}
END_TEST

START_TEST(while_a_login_is_pending_nothing_is_sent)
{
    const gh_http_fixture_step steps[] = {{.reply = PONG}};
    authorizer.token = NULL;
    authorizer.pending = true;
    authorizer.delay_ms = 100;
    serve(steps, 1);
    send_ping();
    run_for(50);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 0);
    ck_assert(!gh_exchange_is_sent(exchange));
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert_int_eq(authorizer.asked, 1);
}
END_TEST

START_TEST(a_server_that_is_away_for_a_moment_is_waited_for)
{
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/mcp", gh_http_fixture_free_port());
    send_ping();
    run_for(300);
    ck_assert_int_eq(dones, 0);
    ck_assert_ptr_nonnull(gh_exchange_trouble(exchange));
    ck_assert_ptr_nonnull(strstr(gh_exchange_trouble(exchange)->message, "connection refused"));
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_UNSENT);
    ck_assert_ptr_nonnull(strstr(verdict.error.message, "cannot be reached"));
}
END_TEST

START_TEST(what_may_have_been_delivered_is_repeated_only_when_that_is_safe)
{
    const gh_http_fixture_step steps[] = {{.reply = NULL}, {.reply = PONG}};
    serve(steps, 2);
    send((gh_exchange_request){.body = GH_VIEW_LIT(PING), .id = GH_VIEW_LIT("1"), .repeatable = true});
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
}
END_TEST

START_TEST(retry_after_is_waited_out_when_it_is_short)
{
    const gh_http_fixture_step steps[] = {
        {.reply = "HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"}, {.reply = PONG}};
    int64_t before = gh_clock_mono_ms();
    serve(steps, 2);
    send_ping();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert_int_ge(gh_clock_mono_ms() - before, 1000);
}
END_TEST

START_TEST(a_legacy_stream_that_broke_off_is_resumed_where_it_ended)
{
    const gh_http_fixture_step steps[] = {
        {.method = "POST", .reply = SSE_HEAD "\r\nid: e-1\nretry: 20\ndata:\n\n", .close = true},
        {.method = "GET",
         .reply = SSE_HEAD "\r\nid: e-2\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n",
         .close = true}};
    serve(steps, 2);
    send((gh_exchange_request){.body = GH_VIEW_LIT(PING), .id = GH_VIEW_LIT("1"), .resumable = true});
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert_str_eq(gh_buf_cstr(&seen), "!{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}|");
    ck_assert(gh_http_fixture_has_line(fixture, 1, "Last-Event-ID: e-1"));
    ck_assert(gh_http_fixture_has_line(fixture, 1, "Accept: text/event-stream"));
}
END_TEST

START_TEST(a_resumption_that_is_refused_tells_of_the_first_failure)
{
    const gh_http_fixture_step steps[] = {
        {.method = "POST", .reply = SSE_HEAD "\r\nid: e-1\nretry: 20\ndata:\n\n", .close = true},
        {.method = "GET", .reply = "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"}};
    serve(steps, 2);
    send((gh_exchange_request){.body = GH_VIEW_LIT(PING), .id = GH_VIEW_LIT("1"), .resumable = true});
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_CUT);
    ck_assert_ptr_nonnull(strstr(verdict.error.message, "without an answer"));
}
END_TEST

START_TEST(the_listening_stream_comes_back_after_an_interruption)
{
    const gh_http_fixture_step steps[] = {
        {.reply = SSE_HEAD "\r\nid: a\nretry: 20\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"one\"}\n\n",
         .close = true},
        {.reply = SSE_HEAD "\r\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"two\"}\n\n", .close = true},
        {.reply = "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"}};
    serve(steps, 3);
    send((gh_exchange_request){.kind = GH_EXCHANGE_LISTEN});
    run();
    ck_assert_str_eq(gh_buf_cstr(&seen), "{\"jsonrpc\":\"2.0\",\"method\":\"one\"}|"
                                         "{\"jsonrpc\":\"2.0\",\"method\":\"two\"}|");
    ck_assert(gh_http_fixture_has_line(fixture, 0, "GET /mcp?key=hidden HTTP/1.1"));
    ck_assert(gh_http_fixture_has_line(fixture, 1, "Last-Event-ID: a"));
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 3);
}
END_TEST

START_TEST(a_server_without_a_listening_stream_is_asked_once)
{
    const gh_http_fixture_step steps[] = {{.reply = "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"}};
    serve(steps, 1);
    send((gh_exchange_request){.kind = GH_EXCHANGE_LISTEN});
    run();
    ck_assert_int_eq(dones, 1);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 1);
}
END_TEST

START_TEST(a_404_within_a_session_means_that_it_is_lost)
{
    const gh_http_fixture_step steps[] = {
        {.reply =
             "HTTP/1.1 404 No\r\nContent-Type: application/json\r\nContent-Length: 71\r\n\r\n" ERROR_BODY}};
    serve(steps, 1);
    send((gh_exchange_request){.body = GH_VIEW_LIT(PING), .id = GH_VIEW_LIT("1"), .in_session = true});
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_SESSION_LOST);
    ck_assert_uint_eq(seen.len, 0);
}
END_TEST

START_TEST(a_cancelled_exchange_says_nothing_more)
{
    const gh_http_fixture_step steps[] = {{.reply = PONG, .delay_ms = 100}, {.reply = PONG}};
    serve(steps, 2);
    send_ping();
    run_for(30);
    ck_assert(gh_exchange_is_sent(exchange));
    gh_exchange_cancel(exchange);
    send_ping();
    gh_exchange_release(exchange);
    run_for(200);
    ck_assert_uint_eq(seen.len, 0);
    ck_assert_int_eq(dones, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("remote");
    TCase *tests = tcase_create("remote");
    tcase_set_timeout(tests, 20);
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_test(tests, a_json_answer_arrives_as_one_compact_line);
    tcase_add_test(tests, events_arrive_one_by_one_and_the_answer_ends_it);
    tcase_add_loop_test(tests, a_json_rpc_error_passes_whatever_the_http_status, 0,
                        (int)(sizeof(ERRORS) / sizeof(ERRORS[0])));
    tcase_add_loop_test(tests, every_failure_is_told_in_a_sentence, 0,
                        (int)(sizeof(FAILURES) / sizeof(FAILURES[0])));
    tcase_add_test(tests, an_answer_over_the_limit_is_no_answer);
    tcase_add_test(tests, silence_ends_with_a_sentence_after_the_request_timeout);
    tcase_add_test(tests, after_a_401_the_request_is_sent_once_more_with_the_new_token);
    tcase_add_test(tests, a_second_401_is_a_failure);
    tcase_add_test(tests, a_missing_scope_is_asked_for_twice_at_most);
    tcase_add_test(tests, a_login_that_fails_is_told_with_its_reason);
    tcase_add_test(tests, an_expired_token_is_refreshed_before_anything_is_sent);
    tcase_add_test(tests, when_the_refresh_fails_the_servers_challenge_decides);
    tcase_add_test(tests, while_a_login_is_pending_nothing_is_sent);
    tcase_add_test(tests, a_server_that_is_away_for_a_moment_is_waited_for);
    tcase_add_test(tests, what_may_have_been_delivered_is_repeated_only_when_that_is_safe);
    tcase_add_test(tests, retry_after_is_waited_out_when_it_is_short);
    tcase_add_test(tests, a_legacy_stream_that_broke_off_is_resumed_where_it_ended);
    tcase_add_test(tests, a_resumption_that_is_refused_tells_of_the_first_failure);
    tcase_add_test(tests, the_listening_stream_comes_back_after_an_interruption);
    tcase_add_test(tests, a_server_without_a_listening_stream_is_asked_once);
    tcase_add_test(tests, a_404_within_a_session_means_that_it_is_lost);
    tcase_add_test(tests, a_cancelled_exchange_says_nothing_more);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

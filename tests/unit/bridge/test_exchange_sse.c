/* The old HTTP+SSE transport behind remote.h. */
#include <stdio.h>

#include "shared/rpc/mcp.h"
#include "tests/unit/bridge/remote_world.h"

#define SSE_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
#define ENDPOINT "event: endpoint\ndata: /messages?id=1\n\n"
#define OPENED                                                                                               \
    "event: message\ndata: "                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2024-11-05\"}}\n\n"
#define ACCEPTED "HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\nAccepted"
#define NOT_ALLOWED "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"
/* A stream that answers `initialize` when so many requests have arrived, and ends when the server hangs up.
 */
#define STREAM(requests)                                                                                     \
    {                                                                                                        \
        .method = "GET", .reply = SSE_HEAD ENDPOINT OPENED, .piece = sizeof(SSE_HEAD ENDPOINT) - 1,          \
        .after = (requests), .stall_ms = WORLD_PATIENCE_MS, .close = true                                    \
    }
#define INITIALIZE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}"
#define CALL "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\"}"

static void serve(const gh_http_fixture_step *steps, size_t count)
{
    serve_at("/sse", steps, count);
}

static void initialize(void)
{
    send((gh_exchange_request){
        .body = GH_VIEW_LIT(INITIALIZE), .id = GH_VIEW_LIT("1"), .opens_session = true, .repeatable = true});
}

START_TEST(a_refused_post_leads_to_the_stream_and_its_endpoint)
{
    const gh_http_fixture_step steps[] = {{.method = "POST", .path = "/sse", .reply = NOT_ALLOWED},
                                          STREAM(3),
                                          {.method = "POST", .path = "/messages?id=1", .reply = ACCEPTED}};
    serve(steps, 3);
    initialize();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert_str_eq(gh_buf_cstr(&seen),
                     "!{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2024-11-05\"}}|");
    ck_assert(gh_http_fixture_has_line(fixture, 1, "GET /sse HTTP/1.1"));
    ck_assert(gh_http_fixture_has_line(fixture, 1, "Accept: text/event-stream"));
    ck_assert(gh_http_fixture_has_line(fixture, 1, "Authorization: Bearer token-1"));
    ck_assert(gh_http_fixture_has_line(fixture, 2, "POST /messages?id=1 HTTP/1.1"));
    ck_assert(gh_http_fixture_has_line(fixture, 2, "Authorization: Bearer token-1"));
    ck_assert(gh_view_eq_cstr(gh_http_fixture_body(fixture, 2), INITIALIZE));
}
END_TEST

START_TEST(only_what_opens_a_session_falls_back)
{
    const gh_http_fixture_step steps[] = {{.reply = NOT_ALLOWED, .repeat = true}};
    serve(steps, 1);
    send((gh_exchange_request){.body = GH_VIEW_LIT(CALL), .id = GH_VIEW_LIT("2")});
    run();
    ck_assert_int_eq(verdict.http_status, 405);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 1);
}
END_TEST

START_TEST(when_there_is_no_stream_the_first_failure_counts)
{
    const gh_http_fixture_step steps[] = {
        {.method = "POST", .reply = NOT_ALLOWED},
        {.method = "GET", .reply = "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"}};
    serve(steps, 2);
    initialize();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_FAILED);
    ck_assert_int_eq(verdict.http_status, 405);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
}
END_TEST

START_TEST(a_server_that_is_expected_to_be_old_gets_no_post_first)
{
    const gh_http_fixture_step steps[] = {STREAM(2),
                                          {.method = "POST", .path = "/messages?id=1", .reply = ACCEPTED}};
    serve(steps, 2);
    ck_assert_int_eq(gh_remote_new(loop, &authorizer, &settings, &remote), GH_OK);
    gh_remote_expect_sse(remote);
    ck_assert(!gh_remote_is_over_sse(remote));
    initialize();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert(gh_remote_is_over_sse(remote));
    ck_assert(gh_http_fixture_has_line(fixture, 0, "GET /sse HTTP/1.1"));
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
}
END_TEST

#define ANSWER                                                                                               \
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n"                         \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"

START_TEST(one_that_has_moved_on_is_found_and_every_request_is_answered)
{
    const gh_http_fixture_step steps[] = {{.method = "GET", .reply = NOT_ALLOWED},
                                          {.method = "POST", .reply = ANSWER, .close = true, .repeat = true}};
    serve(steps, 2);
    ck_assert_int_eq(gh_remote_new(loop, &authorizer, &settings, &remote), GH_OK);
    gh_remote_expect_sse(remote);
    initialize();
    send((gh_exchange_request){.body = GH_VIEW_LIT(CALL), .id = GH_VIEW_LIT("1")});
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    if (dones < 2) {
        run();
    }
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert_int_eq(dones, 2);
    ck_assert(!gh_remote_is_over_sse(remote));
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 3);
}
END_TEST

START_TEST(one_whose_stream_is_out_of_order_for_a_moment_is_found_in_the_usual_order)
{
    const gh_http_fixture_step steps[] = {
        {.method = "GET", .reply = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"},
        {.method = "POST", .path = "/sse", .reply = NOT_ALLOWED},
        STREAM(4),
        {.method = "POST", .reply = ACCEPTED}};
    serve(steps, 4);
    ck_assert_int_eq(gh_remote_new(loop, &authorizer, &settings, &remote), GH_OK);
    gh_remote_expect_sse(remote);
    initialize();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert(gh_remote_is_over_sse(remote));
}
END_TEST

#define ERROR_BODY(code) "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":" code ",\"message\":\"no\"}}"
#define BAD_REQUEST(code)                                                                                    \
    "HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\nContent-Length: 63\r\n\r\n" ERROR_BODY(code)

START_TEST(a_foreign_json_rpc_error_waits_for_the_outcome)
{
    const gh_http_fixture_step steps[] = {{.method = "POST", .reply = BAD_REQUEST("-32000")},
                                          {.method = "GET", .reply = NOT_ALLOWED}};
    serve(steps, 2);
    initialize();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert_str_eq(gh_buf_cstr(&seen), "!" ERROR_BODY("-32000") "|");
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
}
END_TEST

START_TEST(a_modern_json_rpc_error_is_an_answer)
{
    const gh_http_fixture_step steps[] = {{.method = "POST", .reply = BAD_REQUEST("-32022")}};
    serve(steps, 1);
    initialize();
    run();
    ck_assert_str_eq(gh_buf_cstr(&seen), "!" ERROR_BODY("-32022") "|");
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 1);
}
END_TEST

START_TEST(the_streams_401_asks_for_another_token)
{
    const gh_http_fixture_step steps[] = {
        {.method = "GET",
         .reply = "HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer scope=\"mcp\"\r\nContent-Length: 0\r\n\r\n"},
        STREAM(3),
        {.method = "POST", .reply = ACCEPTED}};
    settings.transport = GH_BRIDGE_SSE_ONLY;
    serve(steps, 3);
    initialize();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    ck_assert_int_eq(authorizer.asked, 1);
    ck_assert_str_eq(authorizer.last_rejected, "token-1");
    ck_assert_str_eq(authorizer.last_challenge, "Bearer scope=\"mcp\"");
    ck_assert(gh_http_fixture_has_line(fixture, 2, "Authorization: Bearer token-2"));
}
END_TEST

static const struct {
    const char *reply, *says;
} NO_STREAMS[] = {
    {SSE_HEAD "event: endpoint\ndata: http://example.org/messages\n\n", "own origin"},
    {SSE_HEAD ": nothing\n\n", "endpoint"},
    {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", "no stream of events"},
    {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "404"},
};

START_TEST(a_stream_that_is_none_is_told)
{
    const gh_http_fixture_step steps[] = {{.method = "GET", .reply = NO_STREAMS[_i].reply, .stall_ms = 2500}};
    settings.transport = GH_BRIDGE_SSE_ONLY;
    settings.connect_timeout_ms = 1000;
    serve(steps, 1);
    initialize();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_FAILED);
    ck_assert_msg(strstr(verdict.error.message, NO_STREAMS[_i].says) != NULL, "%s", verdict.error.message);
}
END_TEST

/* Opens a session over a stream that has `more` to say after its answer. */
static void open_session(const char *more)
{
    static char events[1024];
    static gh_http_fixture_step steps[] = {STREAM(2), {.method = "POST", .reply = ACCEPTED, .repeat = true}};
    (void)snprintf(events, sizeof(events), "%s%s", SSE_HEAD ENDPOINT OPENED, more);
    steps[0].reply = events;
    steps[0].piece = sizeof(SSE_HEAD ENDPOINT) - 1;
    settings.transport = GH_BRIDGE_SSE_ONLY;
    serve(steps, 2);
    initialize();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ANSWERED);
    gh_buf_clear(&seen);
    dones = 0;
}

START_TEST(a_lost_stream_ends_a_call_with_an_error_and_a_harmless_one_with_its_session)
{
    open_session("");
    send((gh_exchange_request){.body = GH_VIEW_LIT(CALL), .id = GH_VIEW_LIT("2")});
    run_until_requests(3);
    gh_http_fixture_hang_up(fixture);
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_CUT);
    ck_assert(verdict.maybe_delivered);
    dones = 0;
    send((gh_exchange_request){.body = GH_VIEW_LIT(CALL), .id = GH_VIEW_LIT("3")});
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_SESSION_LOST);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 3);
}
END_TEST

START_TEST(what_may_be_repeated_comes_back_as_a_lost_session)
{
    open_session("");
    send((gh_exchange_request){.body = GH_VIEW_LIT(CALL), .id = GH_VIEW_LIT("2"), .repeatable = true});
    run_until_requests(3);
    gh_http_fixture_hang_up(fixture);
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_SESSION_LOST);
}
END_TEST

START_TEST(what_came_before_the_listener_is_handed_to_it)
{
    open_session("data: {\"jsonrpc\":\"2.0\",\"method\":\"early\"}\n\ndata: junk\n\n"
                 "data: {\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}\n\n");
    run_for(50);
    send((gh_exchange_request){.kind = GH_EXCHANGE_LISTEN});
    for (int i = 0; i < WORLD_PATIENCE_MS && seen.len == 0; i++) {
        run_for(1);
    }
    ck_assert_str_eq(gh_buf_cstr(&seen), "{\"jsonrpc\":\"2.0\",\"method\":\"early\"}|");
    gh_http_fixture_hang_up(fixture);
    run(); /* the stream ends, and the listener learns of it */
    ck_assert_int_eq(dones, 1);
}
END_TEST

START_TEST(a_modern_request_is_told_that_there_is_no_place_for_it)
{
    gh_exchange_request request = {.body = GH_VIEW_LIT(CALL), .id = GH_VIEW_LIT("2")};
    open_session("");
    request.headers.count = 1;
    request.headers.list[0] = (gh_http_header){GH_MCP_HEADER_METHOD, "tools/call"};
    send(request);
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_FAILED);
    ck_assert_int_eq(verdict.http_status, 405);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
}
END_TEST

START_TEST(a_cancelled_call_says_nothing_more)
{
    open_session("");
    send((gh_exchange_request){.body = GH_VIEW_LIT(CALL), .id = GH_VIEW_LIT("2")});
    run_until_requests(3);
    ck_assert(gh_exchange_is_sent(exchange));
    gh_exchange_release(exchange);
    gh_http_fixture_hang_up(fixture);
    run_for(300);
    ck_assert_int_eq(dones, 0);
    ck_assert_uint_eq(seen.len, 0);
}
END_TEST

START_TEST(the_end_of_a_session_needs_no_request)
{
    open_session("");
    send((gh_exchange_request){.kind = GH_EXCHANGE_DELETE});
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ACCEPTED);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exchange_sse");
    TCase *tests = tcase_create("exchange_sse");
    tcase_set_timeout(tests, 40);
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_test(tests, a_refused_post_leads_to_the_stream_and_its_endpoint);
    tcase_add_test(tests, only_what_opens_a_session_falls_back);
    tcase_add_test(tests, when_there_is_no_stream_the_first_failure_counts);
    tcase_add_test(tests, a_server_that_is_expected_to_be_old_gets_no_post_first);
    tcase_add_test(tests, one_that_has_moved_on_is_found_and_every_request_is_answered);
    tcase_add_test(tests, one_whose_stream_is_out_of_order_for_a_moment_is_found_in_the_usual_order);
    tcase_add_test(tests, a_foreign_json_rpc_error_waits_for_the_outcome);
    tcase_add_test(tests, a_modern_json_rpc_error_is_an_answer);
    tcase_add_test(tests, the_streams_401_asks_for_another_token);
    tcase_add_loop_test(tests, a_stream_that_is_none_is_told, 0,
                        (int)(sizeof(NO_STREAMS) / sizeof(NO_STREAMS[0])));
    tcase_add_test(tests, a_lost_stream_ends_a_call_with_an_error_and_a_harmless_one_with_its_session);
    tcase_add_test(tests, what_may_be_repeated_comes_back_as_a_lost_session);
    tcase_add_test(tests, what_came_before_the_listener_is_handed_to_it);
    tcase_add_test(tests, a_modern_request_is_told_that_there_is_no_place_for_it);
    tcase_add_test(tests, a_cancelled_call_says_nothing_more);
    tcase_add_test(tests, the_end_of_a_session_needs_no_request);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

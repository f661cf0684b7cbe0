/* The old HTTP+SSE transport behind remote.h. */
#include <stdio.h>
#include <string.h>

#include "bridge/remote.h"
#include "fake_authorizer.h"
#include "shared/core/bytes.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/rpc/mcp.h"
#include "tests/support/http_fixture.h"
#include "tests/support/suite.h"

#define SSE_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
#define ENDPOINT "event: endpoint\ndata: /messages?id=1\n\n"
#define OPENED                                                                                               \
    "event: message\ndata: "                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2024-11-05\"}}\n\n"
#define ACCEPTED "HTTP/1.1 202 Accepted\r\nContent-Length: 8\r\n\r\nAccepted"
#define NOT_ALLOWED "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"
#define INITIALIZE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}"
#define CALL "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\"}"

static gh_http_client *client;
static gh_loop *loop;
static gh_authorizer authorizer;
static gh_bridge_settings settings;
static gh_remote *remote;
static gh_http_fixture *fixture;
static char url[GH_HTTP_FIXTURE_URL_MAX];
static gh_buf seen; /* lines, each followed by '|', the answers' with '!' before */
static gh_verdict verdict;
static int dones, stop_after;

static void start(void)
{
    gh_http_client_options options = {.user_agent = "test"};
    gh_log_set_level(GH_LOG_ERROR);
    ck_assert_int_eq(gh_http_client_new(&options, &client, NULL), GH_OK);
    ck_assert_int_eq(gh_loop_new(client, &loop), GH_OK);
    authorizer = (gh_authorizer){.loop = loop, .token = "token-1", .next_token = "token-2"};
    memset(&settings, 0, sizeof(settings));
    settings.url = url;
    settings.connect_timeout_ms = 1000;
    settings.request_timeout_ms = 5000;
    settings.max_message = 65536;
    gh_buf_init(&seen, 1024 * 1024);
    memset(&verdict, 0, sizeof(verdict));
    dones = 0;
    stop_after = 1;
}

static void finish(void)
{
    gh_remote_free(remote);
    remote = NULL;
    gh_http_fixture_stop(fixture);
    fixture = NULL;
    gh_loop_free(loop);
    gh_http_client_free(client);
    gh_buf_free(&seen);
}

static void on_message(void *context, gh_exchange *from, const gh_rpc_message *message, gh_view line,
                       bool is_answer)
{
    (void)context;
    (void)from;
    (void)message;
    (void)gh_buf_append_cstr(&seen, is_answer ? "!" : "");
    (void)gh_buf_append_view(&seen, line);
    (void)gh_buf_append_char(&seen, '|');
}

static void on_done(void *context, gh_exchange *from, const gh_verdict *given)
{
    (void)context;
    (void)from;
    verdict = *given;
    if (++dones == stop_after) {
        gh_loop_stop(loop, 0);
    }
}

static void serve(const gh_http_fixture_step *steps, size_t count)
{
    static gh_http_fixture_step kept[8];
    ck_assert_uint_le(count, 8);
    memcpy(kept, steps, count * sizeof(*steps));
    fixture = gh_http_fixture_start(kept, count);
    ck_assert_ptr_nonnull(fixture);
    gh_http_fixture_url(fixture, "/sse", url);
}

static gh_exchange *send(gh_exchange_request request)
{
    gh_exchange *exchange = NULL;
    request.on_message = on_message;
    request.on_done = on_done;
    if (remote == NULL) {
        ck_assert_int_eq(gh_remote_new(loop, &authorizer, &settings, &remote), GH_OK);
    }
    ck_assert_int_eq(gh_remote_send(remote, &request, &exchange), GH_OK);
    return exchange;
}

static void initialize(void)
{
    (void)send((gh_exchange_request){
        .body = GH_VIEW_LIT(INITIALIZE), .id = GH_VIEW_LIT("1"), .opens_session = true, .repeatable = true});
}

static void stop_loop(void *context)
{
    (void)context;
    gh_loop_stop(loop, 99);
}

static int run_for(int ms)
{
    gh_loop_timer *timer = NULL;
    ck_assert_int_eq(gh_loop_timer_add(loop, ms, stop_loop, NULL, &timer), GH_OK);
    int code = gh_loop_run(loop);
    if (code == 0) {
        gh_loop_timer_remove(timer);
    }
    return code;
}

static void run(void)
{
    ck_assert_int_eq(run_for(8000), 0);
}

START_TEST(a_refused_post_leads_to_the_stream_and_its_endpoint)
{
    const gh_http_fixture_step steps[] = {{.method = "POST", .path = "/sse", .reply = NOT_ALLOWED},
                                          {.method = "GET",
                                           .reply = SSE_HEAD ENDPOINT OPENED,
                                           .piece = 70,
                                           .piece_delay_ms = 60,
                                           .stall_ms = 3000},
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
    (void)send((gh_exchange_request){.body = GH_VIEW_LIT(CALL), .id = GH_VIEW_LIT("2")});
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
        {.method = "GET",
         .reply = SSE_HEAD ENDPOINT OPENED,
         .piece = 70,
         .piece_delay_ms = 60,
         .stall_ms = 3000},
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
    serve(steps, 1);
    initialize();
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_FAILED);
    ck_assert_msg(strstr(verdict.error.message, NO_STREAMS[_i].says) != NULL, "%s", verdict.error.message);
}
END_TEST

/* Opens a session over a stream that ends 300 ms after its answer. */
static void open_session(const char *more)
{
    static char events[1024];
    static gh_http_fixture_step steps[4];
    (void)snprintf(events, sizeof(events), "%s", SSE_HEAD ENDPOINT);
    size_t head = strlen(events);
    (void)snprintf(events + head, sizeof(events) - head, "%s%s", OPENED, more);
    steps[0] = (gh_http_fixture_step){.method = "GET",
                                      .reply = events,
                                      .piece = head,
                                      .piece_delay_ms = 100,
                                      .stall_ms = 300,
                                      .close = true};
    steps[1] = (gh_http_fixture_step){.method = "POST", .reply = ACCEPTED, .repeat = true};
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
    (void)send((gh_exchange_request){.body = GH_VIEW_LIT(CALL), .id = GH_VIEW_LIT("2")});
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_CUT);
    ck_assert(verdict.maybe_delivered);
    dones = 0;
    (void)send((gh_exchange_request){.body = GH_VIEW_LIT(CALL), .id = GH_VIEW_LIT("3")});
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_SESSION_LOST);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 3);
}
END_TEST

START_TEST(what_may_be_repeated_comes_back_as_a_lost_session)
{
    open_session("");
    (void)send((gh_exchange_request){.body = GH_VIEW_LIT(CALL), .id = GH_VIEW_LIT("2"), .repeatable = true});
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_SESSION_LOST);
}
END_TEST

START_TEST(what_came_before_the_listener_is_handed_to_it)
{
    open_session("data: {\"jsonrpc\":\"2.0\",\"method\":\"early\"}\n\ndata: junk\n\n"
                 "data: {\"jsonrpc\":\"2.0\",\"id\":77,\"result\":{}}\n\n");
    (void)run_for(150);
    (void)send((gh_exchange_request){.kind = GH_EXCHANGE_LISTEN});
    (void)run_for(50);
    ck_assert_str_eq(gh_buf_cstr(&seen), "{\"jsonrpc\":\"2.0\",\"method\":\"early\"}|");
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
    (void)send(request);
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_FAILED);
    ck_assert_int_eq(verdict.http_status, 405);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
}
END_TEST

START_TEST(a_cancelled_call_says_nothing_more)
{
    open_session("");
    gh_exchange *exchange = send((gh_exchange_request){.body = GH_VIEW_LIT(CALL), .id = GH_VIEW_LIT("2")});
    (void)run_for(100);
    ck_assert(gh_exchange_is_sent(exchange));
    gh_exchange_release(exchange);
    ck_assert_int_eq(run_for(600), 99);
    ck_assert_int_eq(dones, 0);
    ck_assert_uint_eq(seen.len, 0);
}
END_TEST

START_TEST(the_end_of_a_session_needs_no_request)
{
    open_session("");
    (void)send((gh_exchange_request){.kind = GH_EXCHANGE_DELETE});
    run();
    ck_assert_int_eq(verdict.kind, GH_VERDICT_ACCEPTED);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exchange_sse");
    TCase *tests = tcase_create("exchange_sse");
    tcase_set_timeout(tests, 20);
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_test(tests, a_refused_post_leads_to_the_stream_and_its_endpoint);
    tcase_add_test(tests, only_what_opens_a_session_falls_back);
    tcase_add_test(tests, when_there_is_no_stream_the_first_failure_counts);
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

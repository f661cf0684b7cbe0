#include "bridge/relay.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fake_authorizer.h"
#include "shared/core/bytes.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "tests/support/http_fixture.h"
#include "tests/support/suite.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"
#define JSON(body)                                                                                           \
    {                                                                                                        \
        .method = "POST", .reply = OK_HEAD "\r\n" body, .close = true                                        \
    }
#define ACCEPTED                                                                                             \
    {                                                                                                        \
        .method = "POST", .reply = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"                      \
    }
#define NO_STREAM                                                                                            \
    {                                                                                                        \
        .method = "GET", .reply = "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"                             \
    }
#define DELETED                                                                                              \
    {                                                                                                        \
        .method = "DELETE", .reply = "HTTP/1.1 204 Gone\r\n\r\n"                                             \
    }
#define DENIED                                                                                               \
    {                                                                                                        \
        .method = "POST", .reply = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"                            \
    }
#define LOST                                                                                                 \
    {                                                                                                        \
        .method = "POST", .reply = "HTTP/1.1 404 Lost\r\nContent-Length: 0\r\n\r\n"                          \
    }
#define OPENED(session)                                                                                      \
    {                                                                                                        \
        .method = "POST",                                                                                    \
        .reply = OK_HEAD "Mcp-Session-Id: " session "\r\n\r\n"                                               \
                         "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\"}}",   \
        .close = true                                                                                        \
    }
#define REOPENED(session)                                                                                    \
    {                                                                                                        \
        .method = "POST",                                                                                    \
        .reply = OK_HEAD "Mcp-Session-Id: " session                                                          \
                         "\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":\"gatehouse-bridge-initialize\","              \
                         "\"result\":{\"protocolVersion\":\"2025-11-25\"}}",                                 \
        .close = true                                                                                        \
    }
/* An error without an id answers whatever was asked. */
#define ANY_ANSWER                                                                                           \
    "HTTP/1.1 400 Bad\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n"                        \
    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":\"x\"}}"

#define INITIALIZE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"a\":1}}"
#define INITIALIZED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"
#define CALL(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"name\":\"t\"}}"
#define MODERN_CALL(id)                                                                                      \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"name\":\"t\",\"_meta\":{"    \
    "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}"
#define CANCEL(id)                                                                                           \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":" id "}}"
#define RESULT(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}"

static gh_http_client *client;
static gh_loop *loop;
static gh_authorizer authorizer;
static gh_bridge_settings settings;
static gh_remote *remote;
static gh_relay *relay;
static gh_http_fixture *fixture;
static char url[GH_HTTP_FIXTURE_URL_MAX];
static int in[2], out[2];
static gh_buf output;
static int64_t started_ms, took_ms;

static void start(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    gh_log_set_level(GH_LOG_ERROR);
    gh_http_client_options options = {.user_agent = "test"};
    ck_assert_int_eq(gh_http_client_new(&options, &client, NULL), GH_OK);
    ck_assert_int_eq(gh_loop_new(client, &loop), GH_OK);
    memset(&authorizer, 0, sizeof(authorizer));
    authorizer.loop = loop;
    authorizer.token = "token-1";
    memset(&settings, 0, sizeof(settings));
    settings.url = url;
    settings.connect_timeout_ms = 2000;
    settings.request_timeout_ms = 10000;
    settings.eof_wait_ms = 6000;
    settings.max_message = 65536;
    gh_buf_init(&output, 1024 * 1024);
    ck_assert_int_eq(pipe(in), 0);
    ck_assert_int_eq(pipe(out), 0);
}

static void finish(void)
{
    gh_relay_free(relay);
    gh_remote_free(remote);
    relay = NULL;
    remote = NULL;
    gh_http_fixture_stop(fixture);
    fixture = NULL;
    gh_loop_free(loop);
    gh_http_client_free(client);
    gh_buf_free(&output);
    for (int i = 0; i < 2; i++) {
        (void)close(in[i]);
        (void)close(out[i]);
    }
}

static void serve(const gh_http_fixture_step *steps, size_t count)
{
    fixture = gh_http_fixture_start(steps, count);
    ck_assert_ptr_nonnull(fixture);
    gh_http_fixture_url(fixture, "/mcp", url);
}
#define SERVE(...)                                                                                           \
    static const gh_http_fixture_step steps[] = {__VA_ARGS__};                                               \
    serve(steps, sizeof(steps) / sizeof(steps[0]))

static void say(const char *line)
{
    gh_buf text = GH_BUF_INIT(1024 * 1024);
    (void)gh_buf_append_cstr(&text, line);
    (void)gh_buf_append_char(&text, '\n');
    ck_assert_int_eq(write(in[1], text.data, text.len), (ssize_t)text.len);
    gh_buf_free(&text);
}

static void end_input(void *context)
{
    (void)context;
    (void)close(in[1]);
    in[1] = -1;
}

static void say_later(void *context)
{
    say(context);
}

static void shut_down(void *context)
{
    (void)context;
    gh_relay_shutdown(relay);
}

static void at(int ms, void (*act)(void *context), const char *line)
{
    gh_loop_timer *timer = NULL;
    ck_assert_int_eq(gh_loop_timer_add(loop, ms, act, (void *)(uintptr_t)line, &timer), GH_OK);
}

/* Runs until the relay stops the loop, and collects what it wrote. */
static int run(void)
{
    char block[4096];
    ssize_t count = 0;
    ck_assert_int_eq(gh_remote_new(loop, &authorizer, &settings, &remote), GH_OK);
    ck_assert_int_eq(gh_relay_new(loop, remote, &settings, in[0], out[1], &relay), GH_OK);
    started_ms = gh_clock_mono_ms();
    int exit_code = gh_loop_run(loop);
    took_ms = gh_clock_mono_ms() - started_ms;
    ck_assert_int_eq(fcntl(out[0], F_SETFL, O_NONBLOCK), 0);
    while ((count = read(out[0], block, sizeof(block))) > 0) {
        (void)gh_buf_append(&output, block, (size_t)count);
    }
    return exit_code;
}

static int run_to_end(void)
{
    end_input(NULL);
    return run();
}

static bool wrote(const char *text)
{
    return strstr(gh_buf_cstr(&output), text) != NULL;
}

static size_t lines(void)
{
    size_t count = 0;
    for (size_t i = 0; i < output.len; i++) {
        count += output.data[i] == '\n' ? 1 : 0;
    }
    return count;
}

static bool sent(size_t request, const char *body)
{
    return gh_view_eq_cstr(gh_http_fixture_body(fixture, request), body);
}

START_TEST(an_answer_comes_back_with_the_id_byte_for_byte)
{
    SERVE(JSON("{\"jsonrpc\":\"2.0\",\n\"id\":123456789012345678901,\"result\":{\"n\":1e400}}"));
    say(CALL("123456789012345678901"));
    ck_assert_int_eq(run_to_end(), 0);
    ck_assert_str_eq(gh_buf_cstr(&output),
                     "{\"jsonrpc\":\"2.0\",\"id\":123456789012345678901,\"result\":{\"n\":1e400}}\n");
    ck_assert_int_lt(took_ms, 2000);
}
END_TEST

static const struct {
    const char *line, *answer;
} BAD_LINES[] = {
    {"this is no JSON", "\"id\":null,\"error\":{\"code\":-32700"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"", "\"id\":null,\"error\":{\"code\":-32700"},
    {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xff\"}", "\"id\":null,\"error\":{\"code\":-32700"},
    {"[" RESULT("1") "]", "\"id\":null,\"error\":{\"code\":-32600"},
    {"{\"jsonrpc\":\"1.0\",\"id\":7,\"method\":\"x\"}", "\"id\":7,\"error\":{\"code\":-32600"},
    {"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"x\"}", "\"id\":null,\"error\":{\"code\":-32600"},
    {"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":5}", "\"id\":\"a\",\"error\":{\"code\":-32600"},
};

START_TEST(a_bad_line_gets_an_error_and_the_next_one_works)
{
    SERVE(JSON(RESULT("2")));
    say(BAD_LINES[_i].line);
    say(CALL("2"));
    ck_assert_int_eq(run_to_end(), 0);
    ck_assert_msg(wrote(BAD_LINES[_i].answer), "%s", gh_buf_cstr(&output));
    ck_assert(wrote(RESULT("2")));
    ck_assert_uint_eq(lines(), 2);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 1);
}
END_TEST

START_TEST(a_line_over_the_limit_gets_an_error_and_the_next_one_works)
{
    static char line[66000];
    SERVE(JSON(RESULT("2")));
    settings.max_message = 2000;
    memset(line, 'x', 2100);
    say(line);
    say(CALL("2"));
    ck_assert_int_eq(run_to_end(), 0);
    ck_assert(wrote("\"id\":null,\"error\":{\"code\":-32700"));
    ck_assert(wrote("--max-message"));
    ck_assert(wrote(RESULT("2")));
}
END_TEST

START_TEST(a_legacy_session_goes_its_course)
{
    SERVE(OPENED("s-1"), ACCEPTED, JSON(RESULT("2")), NO_STREAM, DELETED);
    say(INITIALIZE);
    say(INITIALIZED);
    say(CALL("2"));
    ck_assert_int_eq(run_to_end(), 0);
    ck_assert_uint_eq(lines(), 2);
    ck_assert(sent(0, INITIALIZE));
    ck_assert(sent(1, INITIALIZED));
    ck_assert(!gh_http_fixture_has_line(fixture, 0, "Mcp-Session-Id: s-1"));
    size_t count = gh_http_fixture_requests(fixture);
    for (size_t i = 1; i < count; i++) {
        ck_assert(gh_http_fixture_has_line(fixture, i, "Mcp-Session-Id: s-1"));
        ck_assert(gh_http_fixture_has_line(fixture, i, "MCP-Protocol-Version: 2025-11-25"));
        ck_assert(gh_http_fixture_has_line(fixture, i, "Authorization: Bearer token-1"));
    }
    ck_assert(gh_http_fixture_has_line(fixture, count - 1, "DELETE /mcp HTTP/1.1"));
}
END_TEST

START_TEST(the_servers_own_messages_come_through_its_stream)
{
    SERVE(
        OPENED("s-1"), ACCEPTED,
        {.method = "GET",
         .reply =
             "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"jsonrpc\":\"2.0\",\"id\":9,"
             "\"method\":\"roots/list\"}\n\n",
         .stall_ms = 3000},
        ACCEPTED, DELETED);
    say(INITIALIZE);
    say(INITIALIZED);
    at(200, say_later, RESULT("9"));
    at(300, end_input, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert(wrote("{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"roots/list\"}\n"));
    ck_assert(gh_http_fixture_has_line(fixture, 2, "GET /mcp HTTP/1.1"));
    ck_assert(gh_http_fixture_has_line(fixture, 2, "Accept: text/event-stream"));
    ck_assert(sent(3, RESULT("9")));
    ck_assert_int_lt(took_ms, 1500);
}
END_TEST

START_TEST(nothing_overtakes_initialize)
{
    SERVE({.method = "POST",
           .reply = OK_HEAD "\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
           .delay_ms = 150,
           .close = true},
          JSON(RESULT("2")));
    say(INITIALIZE);
    say(CALL("2"));
    at(100, end_input, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert_str_eq(gh_buf_cstr(&output), RESULT("1") "\n" RESULT("2") "\n");
}
END_TEST

static size_t requests_seen;

static void count_requests(void *context)
{
    (void)context;
    requests_seen = gh_http_fixture_requests(fixture);
}

START_TEST(at_most_32_calls_run_at_once_and_all_are_answered)
{
    SERVE({.method = "POST", .reply = ANY_ANSWER, .delay_ms = 1500, .close = true, .repeat = true});
    for (int i = 0; i < 40; i++) {
        char line[128];
        (void)snprintf(line, sizeof(line), "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"tools/call\"}", i);
        say(line);
    }
    at(1000, count_requests, NULL);
    ck_assert_int_eq(run_to_end(), 0);
    ck_assert_uint_eq(requests_seen, GH_RELAY_CALLS_MAX);
    ck_assert_uint_eq(lines(), 40);
    for (int i = 0; i < 40; i++) {
        char answer[128];
        (void)snprintf(answer, sizeof(answer), "\"id\":%d,\"error\":{\"code\":1,", i);
        ck_assert(wrote(answer));
    }
}
END_TEST

START_TEST(an_id_that_is_in_use_is_refused_without_taking_the_first_answer)
{
    SERVE({.method = "POST", .reply = OK_HEAD "\r\n" RESULT("\"a\""), .delay_ms = 100, .close = true});
    say(CALL("\"a\""));
    say(CALL("\"\\u0061\""));
    say("{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"result\":1,\"error\":{}}");
    ck_assert_int_eq(run_to_end(), 0);
    ck_assert(wrote("\"id\":null,\"error\":{\"code\":-32600"));
    ck_assert(wrote(RESULT("\"a\"")));
    ck_assert_uint_eq(lines(), 3);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 1);
}
END_TEST

START_TEST(a_cancelled_call_that_was_not_sent_is_dropped)
{
    SERVE({.method = "POST", .reply = OK_HEAD "\r\n" RESULT("1"), .delay_ms = 150, .close = true});
    say(INITIALIZE);
    say(CALL("2"));
    say(CANCEL("2"));
    ck_assert_int_eq(run_to_end(), 0);
    ck_assert_str_eq(gh_buf_cstr(&output), RESULT("1") "\n");
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 1);
}
END_TEST

START_TEST(a_legacy_call_is_cancelled_by_the_notification_and_never_answered)
{
    SERVE({.method = "POST", .reply = OK_HEAD "\r\n" RESULT("2"), .delay_ms = 300, .close = true}, ACCEPTED);
    say(CALL("2"));
    at(100, say_later, CANCEL("2"));
    at(700, end_input, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert_uint_eq(output.len, 0);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
    ck_assert(sent(1, CANCEL("2")));
}
END_TEST

START_TEST(a_modern_call_is_cancelled_by_closing_and_never_answered)
{
    SERVE(JSON("{\"jsonrpc\":\"2.0\",\"id\":\"gatehouse-bridge-1\",\"result\":{\"resultType\":\"complete\","
               "\"tools\":[]}}"),
          {.method = "POST", .reply = OK_HEAD "\r\n" RESULT("2"), .delay_ms = 300, .close = true});
    say(MODERN_CALL("2"));
    at(150, say_later, CANCEL("2"));
    at(500, end_input, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert_uint_eq(output.len, 0);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
    ck_assert(gh_http_fixture_has_line(fixture, 0, "Mcp-Method: tools/list"));
    ck_assert(gh_http_fixture_has_line(fixture, 1, "MCP-Protocol-Version: 2026-07-28"));
    ck_assert(gh_http_fixture_has_line(fixture, 1, "Mcp-Method: tools/call"));
    ck_assert(gh_http_fixture_has_line(fixture, 1, "Mcp-Name: t"));
}
END_TEST

START_TEST(a_cancelled_initialize_is_not_answered_but_opens_the_session)
{
    SERVE({.method = "POST",
           .reply = OK_HEAD "Mcp-Session-Id: s-1\r\n\r\n" RESULT("1"),
           .delay_ms = 200,
           .close = true},
          JSON(RESULT("2")), DELETED);
    say(INITIALIZE);
    at(50, say_later, CANCEL("1"));
    at(60, say_later, CALL("2"));
    at(100, end_input, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert_str_eq(gh_buf_cstr(&output), RESULT("2") "\n");
    ck_assert(gh_http_fixture_has_line(fixture, 1, "Mcp-Session-Id: s-1"));
}
END_TEST

START_TEST(at_the_end_of_input_calls_get_a_moment_and_then_an_error)
{
    SERVE({.method = "POST", .reply = OK_HEAD "\r\n" RESULT("2"), .delay_ms = 5000, .close = true});
    settings.eof_wait_ms = 300;
    say(CALL("2"));
    ck_assert_int_eq(run_to_end(), 0);
    ck_assert(wrote("\"id\":2,\"error\":{\"code\":-31002"));
    ck_assert_uint_eq(lines(), 1);
    ck_assert_int_ge(took_ms, 295);
    ck_assert_int_lt(took_ms, 1300);
}
END_TEST

START_TEST(an_empty_input_ends_at_once)
{
    SERVE(JSON(RESULT("2")));
    ck_assert_int_eq(run_to_end(), 0);
    ck_assert_uint_eq(output.len, 0);
    ck_assert_int_lt(took_ms, 1000);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 0);
}
END_TEST

START_TEST(told_to_stop_it_answers_everything_deletes_the_session_and_goes)
{
    SERVE(OPENED("s-1"),
          {.method = "POST", .reply = OK_HEAD "\r\n" RESULT("2"), .delay_ms = 5000, .repeat = true}, DELETED);
    say(INITIALIZE);
    say(CALL("2"));
    say(CALL("\"three\""));
    at(200, shut_down, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert(wrote("\"id\":2,\"error\":{\"code\":-31002"));
    ck_assert(wrote("\"id\":\"three\",\"error\":{\"code\":-31002"));
    ck_assert_uint_eq(lines(), 3);
    ck_assert_int_lt(took_ms, 1200);
    ck_assert(gh_http_fixture_wait(fixture, 4, 2000)); /* it may be read after the bridge has gone */
    ck_assert(gh_http_fixture_has_line(fixture, 3, "DELETE /mcp HTTP/1.1"));
}
END_TEST

START_TEST(a_server_that_ignores_the_end_of_the_session_delays_nothing)
{
    SERVE(OPENED("s-1"), {.method = "DELETE", .reply = "HTTP/1.1 204 Gone\r\n\r\n", .delay_ms = 5000});
    say(INITIALIZE);
    at(100, shut_down, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert_int_lt(took_ms, 1100);
}
END_TEST

START_TEST(a_lost_session_is_opened_anew_and_the_client_sees_nothing)
{
    SERVE(OPENED("s-1"), ACCEPTED, LOST, REOPENED("s-2"), ACCEPTED, JSON(RESULT("2")), NO_STREAM, DELETED);
    say(INITIALIZE);
    say(INITIALIZED);
    at(100, say_later, CALL("2"));
    at(500, end_input, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert_uint_eq(lines(), 2);
    ck_assert(wrote(RESULT("2")));
    size_t call = 0;
    for (size_t i = 0; i < gh_http_fixture_requests(fixture); i++) {
        call = sent(i, CALL("2")) ? i : call;
    }
    ck_assert(gh_http_fixture_has_line(fixture, call, "Mcp-Session-Id: s-2"));
}
END_TEST

#define SHORT_STREAM                                                                                         \
    {                                                                                                        \
        .method = "GET", .close = true,                                                                      \
        .reply = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 20\n\n"                   \
    }
#define STREAM_LOST                                                                                          \
    {                                                                                                        \
        .method = "GET", .reply = "HTTP/1.1 404 Lost\r\nContent-Length: 0\r\n\r\n"                           \
    }

static struct {
    size_t requests;
    void (*act)(void *context);
} awaited;

/* Acts once so many requests have arrived. */
static void look(void *context)
{
    if (gh_http_fixture_requests(fixture) >= awaited.requests) {
        awaited.act(context);
    } else {
        at(10, look, context);
    }
}

static void after_requests(size_t count, void (*act)(void *context), const char *line)
{
    awaited.requests = count;
    awaited.act = act;
    at(10, look, line);
}

START_TEST(a_client_that_waits_for_changes_gets_its_lost_session_back)
{
    SERVE(OPENED("s-1"), ACCEPTED, SHORT_STREAM, STREAM_LOST, REOPENED("s-2"), ACCEPTED, NO_STREAM, DELETED);
    say(INITIALIZE);
    say(INITIALIZED);
    after_requests(7, end_input, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert_uint_eq(lines(), 1);
    ck_assert(gh_http_fixture_wait(fixture, 8, 2000));
    ck_assert(gh_http_fixture_has_line(fixture, 7, "DELETE /mcp HTTP/1.1"));
    ck_assert(gh_http_fixture_has_line(fixture, 7, "Mcp-Session-Id: s-2"));
}
END_TEST

static bool asked_a_person;

static void call_and_end(void *context)
{
    asked_a_person = authorizer.last_interactive;
    say(context);
    end_input(NULL);
}

START_TEST(for_that_alone_nobody_is_asked_to_sign_in)
{
    SERVE(OPENED("s-1"), ACCEPTED, SHORT_STREAM, STREAM_LOST,
          {.method = "POST", .reply = "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", .repeat = true});
    authorizer.result = GH_ERR_DENIED;
    say(INITIALIZE);
    say(INITIALIZED);
    after_requests(6, call_and_end, CALL("2"));
    ck_assert_int_eq(run(), 0);
    ck_assert(!asked_a_person);
    ck_assert(authorizer.last_interactive);
    ck_assert(wrote("\"id\":2,\"error\":{\"code\":-31001"));
    ck_assert_uint_eq(lines(), 2);
}
END_TEST

START_TEST(a_session_that_cannot_be_opened_anew_is_an_error_for_each_call)
{
    SERVE(OPENED("s-1"),
          {.method = "POST", .reply = "HTTP/1.1 404 Lost\r\nContent-Length: 0\r\n\r\n", .repeat = true});
    say(INITIALIZE);
    say(CALL("2"));
    say(CALL("3"));
    at(300, say_later, CALL("4"));
    at(500, end_input, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert(wrote("\"id\":2,\"error\":{\"code\":-31000"));
    ck_assert(wrote("\"id\":3,\"error\":{\"code\":-31000"));
    ck_assert(wrote("\"id\":4,\"error\":{\"code\":-31000"));
    ck_assert_uint_eq(lines(), 4);
}
END_TEST

START_TEST(a_notification_that_fails_has_no_reply)
{
    SERVE({.method = "POST", .reply = "HTTP/1.1 500 Bad\r\nContent-Length: 0\r\n\r\n"}, JSON(RESULT("2")));
    say("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{}}");
    at(100, say_later, CALL("2"));
    at(200, end_input, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert_str_eq(gh_buf_cstr(&output), RESULT("2") "\n");
}
END_TEST

START_TEST(a_login_that_is_still_pending_at_the_end_is_told_with_its_url)
{
    SERVE(JSON(RESULT("2")));
    authorizer.token = NULL;
    authorizer.pending = true;
    authorizer.never = true;
    settings.eof_wait_ms = 100;
    say(INITIALIZE);
    say(CALL("2"));
    ck_assert_int_eq(run_to_end(), 0);
    ck_assert(wrote("\"id\":1,\"error\":{\"code\":-31001"));
    ck_assert(wrote("\"id\":2,\"error\":{\"code\":-31001"));
    ck_assert(wrote("gatehouse-bridge login"));
    ck_assert(wrote("\"loginUrl\":\"http://127.0.0.1:1/authorize?client_id=x\""));
    ck_assert_uint_eq(lines(), 2);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 0);
    ck_assert_int_lt(took_ms, 1100);
}
END_TEST

static void sign_in(void *context)
{
    (void)context;
    authorizer.pending = false;
}

START_TEST(initialize_is_answered_while_a_login_is_pending)
{
    SERVE(OPENED("s-1"), ACCEPTED, JSON(RESULT("2")), NO_STREAM, DELETED);
    authorizer.token = NULL;
    authorizer.next_token = "token-2";
    authorizer.pending = true;
    authorizer.delay_ms = 900;
    say(INITIALIZE);
    at(600, say_later, INITIALIZED);
    at(610, say_later, CALL("2"));
    at(700, count_requests, NULL);
    at(850, sign_in, NULL);
    at(1300, end_input, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert_uint_eq(requests_seen, 0);
    const char *first = strchr(gh_buf_cstr(&output), '\n');
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_nonnull(
        strstr(gh_buf_cstr(&output), "\"id\":1,\"result\":{\"protocolVersion\":\"2025-11-25\""));
    ck_assert(wrote("\"serverInfo\":{\"name\":\"gatehouse-bridge\""));
    ck_assert_ptr_null(strstr(first, "\"id\":1,"));
    ck_assert(wrote("notifications/tools/list_changed"));
    ck_assert(wrote("notifications/resources/list_changed"));
    ck_assert(wrote("notifications/prompts/list_changed"));
    ck_assert(wrote(RESULT("2")));
    ck_assert_uint_eq(lines(), 5);
}
END_TEST

static void forgive(void *context)
{
    (void)context;
    authorizer.result = GH_OK;
    authorizer.next_token = "token-2";
}

START_TEST(a_login_that_times_out_is_an_error_for_what_waits_and_the_next_call_tries_again)
{
    SERVE(DENIED, REOPENED("s-2"), ACCEPTED, JSON(RESULT("3")), NO_STREAM, DELETED);
    authorizer.token = NULL;
    authorizer.result = GH_ERR_TIMEOUT;
    authorizer.delay_ms = 700;
    say(INITIALIZE);
    say(INITIALIZED);
    say(CALL("2"));
    at(900, forgive, NULL);
    at(1000, say_later, CALL("3"));
    at(2500, end_input, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert(wrote("\"id\":1,\"result\""));
    ck_assert(wrote("\"id\":2,\"error\":{\"code\":-31001,\"message\":\"nobody signed in\""));
    ck_assert(wrote(RESULT("3")));
    ck_assert(wrote("notifications/tools/list_changed"));
    ck_assert_uint_eq(lines(), 6);
}
END_TEST

START_TEST(a_server_that_is_down_is_an_error_that_says_so)
{
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/mcp", gh_http_fixture_free_port());
    settings.eof_wait_ms = 200;
    say(CALL("2"));
    ck_assert_int_eq(run_to_end(), 0);
    ck_assert(wrote("\"id\":2,\"error\":{\"code\":-31000"));
    ck_assert(wrote("connection refused"));
}
END_TEST

START_TEST(a_subscription_does_not_hold_up_the_end_and_gets_its_one_reply)
{
    SERVE({.method = "POST",
           .reply = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: "
                    "{\"jsonrpc\":\"2.0\",\"method\":"
                    "\"notifications/subscriptions/acknowledged\"}\n\n",
           .stall_ms = 5000});
    say("{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"subscriptions/listen\",\"params\":{\"_meta\":{"
        "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"}}}");
    at(200, end_input, NULL);
    ck_assert_int_eq(run(), 0);
    ck_assert(wrote("acknowledged"));
    ck_assert(wrote("\"id\":5,\"error\":{\"code\":-31002"));
    ck_assert_uint_eq(lines(), 2);
    ck_assert_int_lt(took_ms, 1200);
}
END_TEST

START_TEST(without_a_reader_it_ends)
{
    SERVE(JSON(RESULT("2")));
    (void)close(out[0]);
    say(CALL("2"));
    ck_assert_int_eq(gh_remote_new(loop, &authorizer, &settings, &remote), GH_OK);
    ck_assert_int_eq(gh_relay_new(loop, remote, &settings, in[0], out[1], &relay), GH_OK);
    ck_assert_int_eq(gh_loop_run(loop), 1);
    out[0] = -1;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("relay");
    TCase *tests = tcase_create("relay");
    tcase_set_timeout(tests, 20);
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_test(tests, an_answer_comes_back_with_the_id_byte_for_byte);
    tcase_add_loop_test(tests, a_bad_line_gets_an_error_and_the_next_one_works, 0,
                        (int)(sizeof(BAD_LINES) / sizeof(BAD_LINES[0])));
    tcase_add_test(tests, a_line_over_the_limit_gets_an_error_and_the_next_one_works);
    tcase_add_test(tests, a_legacy_session_goes_its_course);
    tcase_add_test(tests, the_servers_own_messages_come_through_its_stream);
    tcase_add_test(tests, nothing_overtakes_initialize);
    tcase_add_test(tests, at_most_32_calls_run_at_once_and_all_are_answered);
    tcase_add_test(tests, an_id_that_is_in_use_is_refused_without_taking_the_first_answer);
    tcase_add_test(tests, a_cancelled_call_that_was_not_sent_is_dropped);
    tcase_add_test(tests, a_legacy_call_is_cancelled_by_the_notification_and_never_answered);
    tcase_add_test(tests, a_modern_call_is_cancelled_by_closing_and_never_answered);
    tcase_add_test(tests, a_cancelled_initialize_is_not_answered_but_opens_the_session);
    tcase_add_test(tests, at_the_end_of_input_calls_get_a_moment_and_then_an_error);
    tcase_add_test(tests, an_empty_input_ends_at_once);
    tcase_add_test(tests, told_to_stop_it_answers_everything_deletes_the_session_and_goes);
    tcase_add_test(tests, a_server_that_ignores_the_end_of_the_session_delays_nothing);
    tcase_add_test(tests, a_lost_session_is_opened_anew_and_the_client_sees_nothing);
    tcase_add_test(tests, a_client_that_waits_for_changes_gets_its_lost_session_back);
    tcase_add_test(tests, for_that_alone_nobody_is_asked_to_sign_in);
    tcase_add_test(tests, a_session_that_cannot_be_opened_anew_is_an_error_for_each_call);
    tcase_add_test(tests, a_notification_that_fails_has_no_reply);
    tcase_add_test(tests, a_login_that_is_still_pending_at_the_end_is_told_with_its_url);
    tcase_add_test(tests, initialize_is_answered_while_a_login_is_pending);
    tcase_add_test(tests, a_login_that_times_out_is_an_error_for_what_waits_and_the_next_call_tries_again);
    tcase_add_test(tests, a_server_that_is_down_is_an_error_that_says_so);
    tcase_add_test(tests, a_subscription_does_not_hold_up_the_end_and_gets_its_one_reply);
    tcase_add_test(tests, without_a_reader_it_ends);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

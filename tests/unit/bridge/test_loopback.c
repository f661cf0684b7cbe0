#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bridge/loop.h"
#include "bridge/loopback.h"
#include "shared/core/bytes.h"
#include "tests/support/suite.h"

static gh_http_client *http;
static gh_loop *loop;
static gh_loopback *loopback;
static unsigned port;
static int called;
static char code[64];

/* Accepts state=good, and answers at once. */
static gh_loopback_verdict on_callback(void *context, const gh_form *query)
{
    (void)context;
    const char *state = gh_form_get(query, "state");
    called++;
    if (state == NULL || strcmp(state, "good") != 0) {
        return GH_LOOPBACK_REFUSE;
    }
    (void)snprintf(code, sizeof(code), "%s", gh_form_get(query, "code"));
    gh_loopback_finish(loopback, true, "You are <signed> in.");
    return GH_LOOPBACK_HOLD;
}

static void setup(void)
{
    gh_http_client_options options = {.user_agent = "test"};
    called = 0;
    code[0] = '\0';
    ck_assert_int_eq(gh_http_client_new(&options, &http, NULL), GH_OK);
    ck_assert_int_eq(gh_loop_new(http, &loop), GH_OK);
    ck_assert_int_eq(gh_loopback_new(loop, 0, on_callback, NULL, &loopback, NULL), GH_OK);
    ck_assert_int_eq(sscanf(gh_loopback_redirect_uri(loopback), "http://127.0.0.1:%u/callback", &port), 1);
}

static void teardown(void)
{
    gh_loopback_free(loopback);
    gh_loop_free(loop);
    gh_http_client_free(http);
}

static int connect_loopback(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

typedef struct exchange {
    int fd;
    gh_buf reply;
    gh_loop_watch *watch;
    gh_loop_timer *timer;
} exchange;

static void stop_soon(void *context)
{
    exchange *running = context;
    running->timer = NULL;
    gh_loop_stop(loop, 1);
}

static void reply_ready(void *context, int fd, short revents)
{
    exchange *running = context;
    char chunk[4096];
    (void)revents;
    ssize_t got = recv(fd, chunk, sizeof(chunk), 0);
    if (got <= 0) {
        gh_loop_stop(loop, 0);
        return;
    }
    (void)gh_buf_append(&running->reply, chunk, (size_t)got);
}

/* Sends `request` in pieces of `step` bytes and returns the reply's status, 0 without one within 2 s. */
static int ask(const char *request, size_t step, gh_buf *reply)
{
    exchange running = {.fd = connect_loopback(), .reply = GH_BUF_INIT(65536)};
    size_t length = strlen(request);
    for (size_t sent = 0; sent < length; sent += step) {
        size_t piece = length - sent < step ? length - sent : step;
        ck_assert_int_eq(send(running.fd, request + sent, piece, MSG_NOSIGNAL), (ssize_t)piece);
    }
    ck_assert_int_eq(gh_loop_watch_add(loop, running.fd, POLLIN, reply_ready, &running, &running.watch),
                     GH_OK);
    ck_assert_int_eq(gh_loop_timer_add(loop, 2000, stop_soon, &running, &running.timer), GH_OK);
    (void)gh_loop_run(loop);
    gh_loop_timer_remove(running.timer);
    gh_loop_watch_remove(running.watch);
    (void)close(running.fd);
    int status = 0;
    (void)sscanf(gh_buf_cstr(&running.reply), "HTTP/1.1 %d", &status);
    if (reply != NULL) {
        *reply = running.reply;
    } else {
        gh_buf_free(&running.reply);
    }
    return status;
}

static char *request_with(const char *line, const char *host)
{
    static char text[1024];
    (void)snprintf(text, sizeof(text), "%s\r\nHost: %s\r\nAccept: */*\r\n\r\n", line, host);
    return text;
}

static const char *own_host(void)
{
    static char host[64];
    (void)snprintf(host, sizeof(host), "127.0.0.1:%u", port);
    return host;
}

START_TEST(the_answer_arrives_and_the_page_is_friendly_and_escaped)
{
    gh_buf reply;
    ck_assert_int_eq(ask(request_with("GET /callback?code=abc&state=good HTTP/1.1", own_host()), 7, &reply),
                     200);
    ck_assert_str_eq(code, "abc");
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&reply), "<h1>Signed in</h1>"));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&reply), "You are &lt;signed&gt; in."));
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&reply), "Content-Security-Policy: default-src 'none'"));
    gh_buf_free(&reply);
}
END_TEST

START_TEST(wrong_or_missing_state_is_refused_and_the_login_stays_pending)
{
    ck_assert_int_eq(ask(request_with("GET /callback?code=abc&state=bad HTTP/1.1", own_host()), 4096, NULL),
                     400);
    ck_assert_int_eq(ask(request_with("GET /callback?code=junk HTTP/1.1", own_host()), 4096, NULL), 400);
    ck_assert_int_eq(ask(request_with("GET /callback?code=abc&state=good HTTP/1.1", own_host()), 4096, NULL),
                     200);
    ck_assert_int_eq(called, 3);
}
END_TEST

START_TEST(requests_that_are_not_the_callback_never_reach_the_login)
{
    const char *lines[] = {"POST /callback?code=a&state=good HTTP/1.1",
                           "GET /other?code=a&state=good HTTP/1.1",
                           "GET /callback/?code=a&state=good HTTP/1.1",
                           "GET /favicon.ico HTTP/1.1",
                           "HEAD /callback?code=a&state=good HTTP/1.1",
                           "GET /callback?code=%zz&state=good HTTP/1.1",
                           "GET /callback?state=good&state=good&code=a HTTP/1.1",
                           "nonsense",
                           "GET /callback HTTP/3"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        ck_assert_msg(ask(request_with(lines[i], own_host()), 4096, NULL) == 400, "%s", lines[i]);
    }
    ck_assert_int_eq(called, 0);
}
END_TEST

START_TEST(a_request_for_another_host_is_refused)
{
    const char *hosts[] = {"localhost", "evil.example:80", "127.0.0.1", "127.0.0.1:1"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        ck_assert_int_eq(ask(request_with("GET /callback?code=a&state=good HTTP/1.1", hosts[i]), 4096, NULL),
                         400);
    }
    ck_assert_int_eq(ask("GET /callback?code=a&state=good HTTP/1.1\r\n\r\n", 4096, NULL), 400);
    ck_assert_int_eq(called, 0);
}
END_TEST

START_TEST(a_huge_head_is_refused)
{
    gh_buf request = GH_BUF_INIT(65536);
    gh_buf_appendf(&request, "GET /callback?state=good HTTP/1.1\r\nHost: %s\r\nX: ", own_host());
    while (request.len < 16384 + 100) {
        gh_buf_append_char(&request, 'x');
    }
    ck_assert_int_eq(ask(gh_buf_cstr(&request), 4096, NULL), 431);
    ck_assert_int_eq(called, 0);
    gh_buf_free(&request);
}
END_TEST

START_TEST(a_port_in_use_is_said_to_be_in_use)
{
    gh_loopback *second = NULL;
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(gh_loopback_new(loop, (uint16_t)port, on_callback, NULL, &second, &error),
                     GH_ERR_CONFLICT);
    ck_assert_ptr_nonnull(strstr(error.message, "--callback-port"));
}
END_TEST

START_TEST(idle_connections_do_not_keep_the_browser_out)
{
    int idle[16]; /* as many as there may be at once */
    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
        idle[i] = connect_loopback();
    }
    ck_assert_int_eq(ask(request_with("GET /callback?code=abc&state=good HTTP/1.1", own_host()), 4096, NULL),
                     200);
    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
        (void)close(idle[i]);
    }
}
END_TEST

static void finish_later(void *context)
{
    (void)context;
    gh_loopback_finish(loopback, true, "Done.");
}

static gh_loopback_verdict hold(void *context, const gh_form *query)
{
    gh_loop_timer *timer = NULL;
    (void)context;
    (void)query;
    ck_assert_int_eq(gh_loop_timer_add(loop, 100, finish_later, NULL, &timer), GH_OK);
    return GH_LOOPBACK_HOLD;
}

START_TEST(a_held_page_reaches_who_has_finished_sending)
{
    gh_loopback_free(loopback);
    ck_assert_int_eq(gh_loopback_new(loop, 0, hold, NULL, &loopback, NULL), GH_OK);
    ck_assert_int_eq(sscanf(gh_loopback_redirect_uri(loopback), "http://127.0.0.1:%u/callback", &port), 1);
    const char *request = request_with("GET /callback?state=x HTTP/1.1", own_host());
    exchange running = {.fd = connect_loopback(), .reply = GH_BUF_INIT(65536)};
    ck_assert_int_eq(send(running.fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    /* More than the listener reads before it answers. */
    ck_assert_int_eq(send(running.fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
    ck_assert_int_eq(shutdown(running.fd, SHUT_WR), 0);
    ck_assert_int_eq(gh_loop_watch_add(loop, running.fd, POLLIN, reply_ready, &running, &running.watch),
                     GH_OK);
    ck_assert_int_eq(gh_loop_timer_add(loop, 2000, stop_soon, &running, &running.timer), GH_OK);
    (void)gh_loop_run(loop);
    gh_loop_timer_remove(running.timer);
    gh_loop_watch_remove(running.watch);
    (void)close(running.fd);
    ck_assert_int_eq(strncmp(gh_buf_cstr(&running.reply), "HTTP/1.1 200", 12), 0);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&running.reply), "</html>"));
    gh_buf_free(&running.reply);
}
END_TEST

START_TEST(the_same_port_can_be_had_again_at_once)
{
    ck_assert_int_eq(ask(request_with("GET /callback?code=abc&state=good HTTP/1.1", own_host()), 4096, NULL),
                     200);
    gh_loopback_free(loopback);
    loopback = NULL;
    ck_assert_int_eq(gh_loopback_new(loop, (uint16_t)port, on_callback, NULL, &loopback, NULL), GH_OK);
    ck_assert_int_eq(ask(request_with("GET /callback?code=abc&state=good HTTP/1.1", own_host()), 4096, NULL),
                     200);
}
END_TEST

START_TEST(the_port_is_free_again_afterwards)
{
    int silent = connect_loopback();
    gh_loopback_free(loopback);
    loopback = NULL;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_ne(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    (void)close(fd);
    (void)close(silent);
}
END_TEST

START_TEST(the_redirect_may_have_another_name_and_path)
{
    gh_loopback *named = NULL;
    gh_loopback_address address = {.host = "localhost", .path = "/oauth/callback"};
    unsigned bound = 0;
    char expected[96];
    ck_assert_int_eq(gh_loopback_new_at(loop, &address, on_callback, NULL, &named, NULL), GH_OK);
    const char *uri = gh_loopback_redirect_uri(named);
    ck_assert_int_eq(sscanf(uri, "http://localhost:%u/oauth/callback", &bound), 1);
    (void)snprintf(expected, sizeof(expected), "http://localhost:%u/oauth/callback", bound);
    ck_assert_str_eq(uri, expected);
    gh_loopback_free(named);
    address = (gh_loopback_address){.host = "::1"};
    if (gh_loopback_new_at(loop, &address, on_callback, NULL, &named, NULL) == GH_OK) {
        ck_assert_int_eq(strncmp(gh_loopback_redirect_uri(named), "http://[::1]:", 13), 0);
        gh_loopback_free(named);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loopback");
    TCase *tests = tcase_create("loopback");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_answer_arrives_and_the_page_is_friendly_and_escaped);
    tcase_add_test(tests, wrong_or_missing_state_is_refused_and_the_login_stays_pending);
    tcase_add_test(tests, requests_that_are_not_the_callback_never_reach_the_login);
    tcase_add_test(tests, a_request_for_another_host_is_refused);
    tcase_add_test(tests, a_huge_head_is_refused);
    tcase_add_test(tests, a_port_in_use_is_said_to_be_in_use);
    tcase_add_test(tests, idle_connections_do_not_keep_the_browser_out);
    tcase_add_test(tests, a_held_page_reaches_who_has_finished_sending);
    tcase_add_test(tests, the_same_port_can_be_had_again_at_once);
    tcase_add_test(tests, the_port_is_free_again_afterwards);
    tcase_add_test(tests, the_redirect_may_have_another_name_and_path);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

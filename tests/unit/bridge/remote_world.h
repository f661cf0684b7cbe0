/* A remote between a scripted server and a test that plays the relay. Include it in one source file per
 * program. */
#ifndef GH_TESTS_UNIT_BRIDGE_REMOTE_WORLD_H
#define GH_TESTS_UNIT_BRIDGE_REMOTE_WORLD_H

#include <string.h>

#include "bridge/remote.h"
#include "shared/core/bytes.h"
#include "shared/core/log.h"
#include "tests/support/http_fixture.h"
#include "tests/support/suite.h"
#include "tests/unit/bridge/fake_authorizer.h"

#define WORLD_PATIENCE_MS 15000
#define WORLD_STEPS_MAX 8

static gh_http_client *client;
static gh_loop *loop;
static gh_authorizer authorizer;
static gh_bridge_settings settings;
static gh_remote *remote;
static gh_http_fixture *fixture;
static char url[GH_HTTP_FIXTURE_URL_MAX];
static gh_exchange *exchange; /* that was sent last */
static gh_buf seen;           /* lines, each followed by '|', the answers' with '!' before */
static gh_verdict verdict;
static int dones;

static void start(void)
{
    gh_http_client_options options = {.user_agent = "test"};
    gh_log_set_level(GH_LOG_ERROR);
    ck_assert_int_eq(gh_http_client_new(&options, &client, NULL), GH_OK);
    ck_assert_int_eq(gh_loop_new(client, &loop), GH_OK);
    authorizer = (gh_authorizer){.loop = loop, .token = "token-1", .next_token = "token-2"};
    settings = (gh_bridge_settings){
        .url = url, .connect_timeout_ms = 2000, .request_timeout_ms = 5000, .max_message = 65536};
    gh_buf_init(&seen, 1024 * 1024);
    memset(&verdict, 0, sizeof(verdict));
    exchange = NULL;
    dones = 0;
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
    dones++;
    gh_loop_stop(loop, 0);
}

/* The steps have to outlive the test's own frame: the server is stopped after it. */
static void serve_at(const char *path, const gh_http_fixture_step *steps, size_t count)
{
    static gh_http_fixture_step kept[WORLD_STEPS_MAX];
    ck_assert_uint_le(count, WORLD_STEPS_MAX);
    memcpy(kept, steps, count * sizeof(*steps));
    fixture = gh_http_fixture_start(kept, count);
    ck_assert_ptr_nonnull(fixture);
    gh_http_fixture_url(fixture, path, url);
}

static void send(gh_exchange_request request)
{
    request.context = NULL;
    request.on_message = on_message;
    request.on_done = on_done;
    if (remote == NULL) {
        ck_assert_int_eq(gh_remote_new(loop, &authorizer, &settings, &remote), GH_OK);
    }
    ck_assert_int_eq(gh_remote_send(remote, &request, &exchange), GH_OK);
}

static void stop_loop(void *context)
{
    (void)context;
    gh_loop_stop(loop, 99);
}

/* Runs until an exchange is done (0), or so long (99). */
static int run_at_most(int ms)
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
    ck_assert_int_eq(run_at_most(WORLD_PATIENCE_MS), 0);
}

static void run_for(int ms)
{
    ck_assert_int_eq(run_at_most(ms), 99);
}

/* Until so many requests have arrived in all. */
static inline void run_until_requests(size_t count)
{
    for (int i = 0; gh_http_fixture_requests(fixture) < count; i++) {
        ck_assert_int_lt(i, WORLD_PATIENCE_MS / 5);
        run_for(5);
    }
}

#endif

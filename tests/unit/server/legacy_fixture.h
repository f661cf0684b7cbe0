/* An engine with handlers that stream, ask and take their time, and clients of sessions on threads of their
 * own: each reads one reply, which may be a stream. */
#ifndef GH_TESTS_UNIT_SERVER_LEGACY_FIXTURE_H
#define GH_TESTS_UNIT_SERVER_LEGACY_FIXTURE_H

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/call/call.h"
#include "server/mcp/engine.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/rpc/mcp.h"

#define SECRET GH_VIEW_LIT("01234567890123456789012345678901")
#define REQUEST(id, method, params)                                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"" method "\",\"params\":" params "}"
#define NOTE(method, params) "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"params\":" params "}"
#define TOOL(id, name) REQUEST(id, "tools/call", "{\"name\":\"" name "\",\"_meta\":{\"progressToken\":7}}")
#define OPEN(version, capabilities)                                                                          \
    REQUEST("1", "initialize",                                                                               \
            "{\"protocolVersion\":\"" version "\",\"capabilities\":" capabilities                            \
            ",\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}")
#define ABLE "{\"elicitation\":{},\"sampling\":{},\"roots\":{}}"
#define LONG_MS 30000 /* for what must come, however busy the machine is */

__attribute__((unused)) static gh_principal ADA = {.issuer = (char[]){"https://id.example"},
                                                   .subject = (char[]){"u-1"},
                                                   .name = (char[]){"Ada"},
                                                   .client_id = (char[]){"client-1"},
                                                   .scope = (char[]){"mcp"},
                                                   .expires_at = INT64_C(4102444800)};
__attribute__((unused)) static gh_principal GRACE = {.issuer = (char[]){"https://id.example"},
                                                     .subject = (char[]){"u-2"},
                                                     .client_id = (char[]){"client-1"},
                                                     .scope = (char[]){"mcp"},
                                                     .expires_at = INT64_C(4102444800)};

static gh_mcp_registry *registry;
static gh_executor *executor;
static gh_mcp_engine *engine;
static gatehouse_host host;
static char session[100];
static atomic_bool released; /* what the tool `slow` waits for */
static atomic_int running;   /* calls of `slow` */
static atomic_int cancelled; /* of these */

static inline void pause_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};
    (void)nanosleep(&pause, NULL);
}

static inline bool reaches(const atomic_int *counter, int value)
{
    gh_deadline deadline = gh_deadline_in(LONG_MS);
    while (atomic_load(counter) < value && !gh_deadline_passed(deadline)) {
        pause_ms(2);
    }
    return atomic_load(counter) >= value;
}

/* --- handlers --- */

static inline int slow(void *data, gatehouse_call *call)
{
    (void)data;
    atomic_fetch_add(&running, 1);
    while (!atomic_load(&released)) {
        if (host.wait(call, 5) != 0) {
            atomic_fetch_add(&cancelled, 1);
            break;
        }
    }
    return host.set_text(call, "done");
}

static inline int chatty(void *data, gatehouse_call *call)
{
    (void)data;
    host.progress(call, 1, 3, NULL);
    host.log(call, GATEHOUSE_DEBUG, NULL, "\"fine print\"");
    host.log(call, GATEHOUSE_WARNING, NULL, "\"watch out\"");
    host.progress(call, 2, 3, NULL);
    while (!atomic_load(&released) && host.wait(call, 5) == 0) {
    }
    host.progress(call, 3, 3, NULL);
    return host.set_text(call, "done");
}

static inline int let_go(void *data, gatehouse_call *call)
{
    (void)data;
    host.progress(call, 1, 2, NULL);
    host.release_connection(call, 123);
    while (!atomic_load(&released) && host.wait(call, 5) == 0) {
    }
    host.progress(call, 2, 2, NULL);
    return host.set_text(call, "after the break");
}

static inline int ask_name(void *data, gatehouse_call *call)
{
    char text[200];
    (void)data;
    if (host.client_can(call, "elicitation") == 0) {
        return host.set_text(call, "nobody to ask");
    }
    const char *action = host.answer_action(call, "who");
    if (action == NULL) {
        return host.ask(call, "who", "elicitation/create",
                        "{\"message\":\"Who?\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{"
                        "\"name\":{\"type\":\"string\"}}}}");
    }
    const char *name = host.answer_text(call, "who", "name");
    (void)snprintf(text, sizeof text, "%s %s", action, name == NULL ? "-" : name);
    return host.set_text(call, text);
}

static inline int insatiable(void *data, gatehouse_call *call)
{
    (void)data;
    return host.ask(call, "who", "roots/list", NULL);
}

static inline int quick(void *data, gatehouse_call *call)
{
    (void)data;
    return host.set_text(call, "quick");
}

static inline int read_it(void *data, gatehouse_call *call)
{
    (void)data;
    return host.add_resource_text(call, NULL, NULL, "content");
}

static inline void add_items(void)
{
    static const gatehouse_tool tools[] = {
        {.size = sizeof(gatehouse_tool),
         .name = "slow",
         .input_schema = "{\"type\":\"object\"}",
         .call = slow},
        {.size = sizeof(gatehouse_tool),
         .name = "chatty",
         .input_schema = "{\"type\":\"object\"}",
         .call = chatty},
        {.size = sizeof(gatehouse_tool),
         .name = "let_go",
         .input_schema = "{\"type\":\"object\"}",
         .call = let_go},
        {.size = sizeof(gatehouse_tool),
         .name = "ask_name",
         .input_schema = "{\"type\":\"object\"}",
         .call = ask_name},
        {.size = sizeof(gatehouse_tool),
         .name = "insatiable",
         .input_schema = "{\"type\":\"object\"}",
         .call = insatiable},
        {.size = sizeof(gatehouse_tool),
         .name = "quick",
         .input_schema = "{\"type\":\"object\"}",
         .call = quick,
         .flags = GATEHOUSE_QUICK},
    };
    static const gatehouse_resource resource = {
        .size = sizeof resource, .uri = "test://a", .name = "a", .read = read_it};
    const gh_mcp_owner owner = {.who = &host, .label = "test"};
    gh_error error = {GH_OK, ""};
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++) {
        ck_assert_msg(gh_mcp_registry_add_tool(registry, owner, &tools[i], &error) == GH_OK, "%s",
                      error.message);
    }
    ck_assert_msg(gh_mcp_registry_add_resource(registry, owner, &resource, &error) == GH_OK, "%s",
                  error.message);
}

static inline void start_engine(int64_t input_timeout_ms)
{
    const gh_mcp_registry_options lists = {.key = SECRET};
    const gh_executor_options threads = {.threads = 8, .queue = 32, .spare = 4};
    gh_log_set_level(GH_LOG_ERROR);
    host = (gatehouse_host){.size = sizeof host, .abi = GATEHOUSE_PLUGIN_ABI};
    gh_call_fill_host(&host);
    atomic_store(&released, false);
    ck_assert_int_eq(gh_mcp_registry_new(&lists, &registry), GH_OK);
    add_items();
    ck_assert_int_eq(gh_executor_new(&threads, &executor), GH_OK);
    const gh_mcp_options options = {.server_name = "gatehouse",
                                    .server_version = "1",
                                    .executor = executor,
                                    .key = SECRET,
                                    .max_sessions = 20,
                                    .max_sessions_per_principal = 20,
                                    .session_idle_ms = 60000,
                                    .call_timeout_ms = 20000,
                                    .input_timeout_ms = input_timeout_ms,
                                    .keep_alive_ms = 15000,
                                    .task_ttl_ms = 60000,
                                    .max_tasks = 10,
                                    .max_tasks_per_principal = 10};
    ck_assert_int_eq(gh_mcp_engine_new(&options, registry, &engine), GH_OK);
}

static inline void stop_engine(void)
{
    ck_assert(gh_executor_stop(executor, LONG_MS));
    gh_mcp_engine_free(engine);
    gh_executor_free(executor);
    gh_mcp_registry_free(registry);
}

/* --- clients --- */

typedef struct client {
    pthread_t thread;
    pthread_mutex_t lock;
    const gh_principal *principal;
    const char *method; /* "POST", "GET" */
    const char *body;
    const char *last_event;
    const char *accept;
    char session[100];
    gh_buf text; /* of a stream, or the body; under the lock */
    int status;
    bool streamed;
    atomic_bool gone; /* it does not read any more */
    atomic_bool over; /* the engine has answered */
} client;

static inline void on_json(void *context, int status, gh_view id, gh_view body)
{
    client *c = context;
    (void)pthread_mutex_lock(&c->lock);
    c->status = status;
    (void)gh_buf_append_view(&c->text, body);
    (void)pthread_mutex_unlock(&c->lock);
    if (id.len > 0) {
        (void)snprintf(session, sizeof session, "%.*s", (int)id.len, id.ptr);
    }
}

static inline void on_empty(void *context, int status)
{
    client *c = context;
    c->status = status;
}

static inline gh_status on_stream(void *context, gh_view text)
{
    client *c = context;
    if (atomic_load(&c->gone)) {
        return GH_ERR_CLOSED;
    }
    (void)pthread_mutex_lock(&c->lock);
    c->status = 200;
    c->streamed = true;
    (void)gh_buf_append_view(&c->text, text);
    (void)pthread_mutex_unlock(&c->lock);
    return GH_OK;
}

static inline bool on_closed(void *context)
{
    client *c = context;
    return atomic_load(&c->gone);
}

static inline void *serve_client(void *context)
{
    client *c = context;
    const gh_mcp_reply reply = {
        .context = c, .json = on_json, .empty = on_empty, .stream = on_stream, .closed = on_closed};
    const gh_mcp_headers headers = {.session = gh_view_of(c->session[0] == '\0' ? NULL : c->session),
                                    .accept = gh_view_of(c->accept),
                                    .last_event = gh_view_of(c->last_event)};
    if (strcmp(c->method, "GET") == 0) {
        gh_mcp_engine_get(engine, c->principal, &headers, &reply);
    } else {
        gh_mcp_engine_post(engine, c->principal, &headers, gh_view_of(c->body), &reply);
    }
    atomic_store(&c->over, true);
    return NULL;
}

static inline client *new_client(const char *method, const char *body, const char *last_event)
{
    client *c = calloc(1, sizeof *c);
    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(pthread_mutex_init(&c->lock, NULL), 0);
    c->text = GH_BUF_INIT(4000000);
    c->principal = &ADA;
    c->method = method;
    c->body = body;
    c->last_event = last_event;
    c->accept = "application/json, text/event-stream";
    memcpy(c->session, session, sizeof session);
    return c;
}

static inline client *begin(client *c)
{
    ck_assert_int_eq(pthread_create(&c->thread, NULL, serve_client, c), 0);
    return c;
}

static inline client *begin_post(const char *body)
{
    return begin(new_client("POST", body, NULL));
}

static inline client *begin_get(const char *last_event)
{
    return begin(new_client("GET", NULL, last_event));
}

static inline bool saw(client *c, const char *part)
{
    (void)pthread_mutex_lock(&c->lock);
    bool found = strstr(gh_buf_cstr(&c->text), part) != NULL;
    (void)pthread_mutex_unlock(&c->lock);
    return found;
}

/* Waits until it was sent `part`. */
static inline bool sees(client *c, const char *part)
{
    gh_deadline deadline = gh_deadline_in(LONG_MS);
    while (!saw(c, part) && !gh_deadline_passed(deadline)) {
        pause_ms(2);
    }
    return saw(c, part);
}

/* Waits until the engine has answered; its status. */
static inline int wait_over(client *c)
{
    gh_deadline deadline = gh_deadline_in(LONG_MS);
    while (!atomic_load(&c->over) && !gh_deadline_passed(deadline)) {
        pause_ms(2);
    }
    ck_assert_msg(atomic_load(&c->over), "no end; so far: %s", gh_buf_cstr(&c->text));
    ck_assert_int_eq(pthread_join(c->thread, NULL), 0);
    c->thread = 0;
    return c->status;
}

static inline void drop(client *c)
{
    if (c->thread != 0) {
        atomic_store(&c->gone, true);
        (void)wait_over(c);
    }
    gh_buf_free(&c->text);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

/* One exchange that is over at once. Returns the status; the text goes to `out` (may be NULL). */
static inline int exchange(const char *body, char *out, size_t size)
{
    client *c = begin_post(body);
    int status = wait_over(c);
    if (out != NULL) {
        (void)snprintf(out, size, "%s", gh_buf_cstr(&c->text));
    }
    drop(c);
    return status;
}

static inline void enter(const char *initialize)
{
    session[0] = '\0';
    ck_assert_int_eq(exchange(initialize, NULL, 0), 200);
    ck_assert_uint_gt(strlen(session), 20);
    ck_assert_int_eq(exchange(NOTE("notifications/initialized", "{}"), NULL, 0), 202);
}

#endif

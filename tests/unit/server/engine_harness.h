/* Drives the MCP engine without sockets: one call in, one captured reply out, whether it is a JSON body, a
 * status or a stream. A call that streams while the test goes on runs on a thread of its own (call_start). */
#ifndef GH_TESTS_UNIT_SERVER_ENGINE_HARNESS_H
#define GH_TESTS_UNIT_SERVER_ENGINE_HARNESS_H

#include <check.h>
#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/call/call.h"
#include "server/exec/executor.h"
#include "server/mcp/engine.h"
#include "server/plugin/plugin.h"
#include "server/tools/builtin.h"
#include "shared/core/bytes.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/rpc/mcp.h"

#define NO_HEADERS ((gh_mcp_headers){.accept = GH_VIEW_LIT("application/json, text/event-stream")})
#define PATIENCE_MS 10000 /* for what should happen at once */

/* `text` is what came on a stream; read it under the lock while a call runs. */
typedef struct captured {
    pthread_mutex_t lock;
    int calls; /* of json and empty */
    int status;
    char *body; /* NULL for an empty reply */
    cJSON *json;
    char session[80];
    bool streamed;
    gh_buf text;
    atomic_bool gone; /* set by a test: the client is not there any more */
} captured;

typedef struct harness {
    gh_mcp_registry *registry;
    gh_plugins *plugins; /* NULL unless add_builtin was called */
    gh_executor *executor;
    gh_mcp_engine *engine;
    captured reply;
} harness;

/* NULL-terminated pairs for the Mcp-Param headers. */
typedef struct params {
    const char *pairs[16];
} params;

__attribute__((unused)) static gh_principal ADA = {.issuer = (char[]){"https://id.example"},
                                                   .subject = (char[]){"u-1"},
                                                   .name = (char[]){"Ada"},
                                                   .email = (char[]){"ada@example.org"},
                                                   .client_id = (char[]){"client-1"},
                                                   .scope = (char[]){"mcp"},
                                                   .expires_at = INT64_C(4102444800)};
__attribute__((unused)) static gh_principal GRACE = {.issuer = (char[]){"https://id.example"},
                                                     .subject = (char[]){"u-2"},
                                                     .name = (char[]){"Grace"},
                                                     .client_id = (char[]){"client-1"},
                                                     .scope = (char[]){"mcp"},
                                                     .expires_at = INT64_C(4102444800)};

/* What handlers of a test call. Filled by start_with. */
__attribute__((unused)) static gatehouse_host HOST;

/* --- the reply --- */

static inline void forget(captured *reply)
{
    free(reply->body);
    cJSON_Delete(reply->json);
    gh_buf_free(&reply->text);
    memset(reply, 0, sizeof *reply);
    (void)pthread_mutex_init(&reply->lock, NULL);
    gh_buf_init(&reply->text, (size_t)64 * 1024 * 1024);
}

static inline void on_json(void *context, int status, gh_view session, gh_view body)
{
    captured *reply = context;
    reply->calls++;
    reply->status = status;
    reply->body = gh_view_dup(body);
    reply->json = cJSON_Parse(reply->body);
    ck_assert_msg(reply->json != NULL, "no JSON: %s", reply->body);
    ck_assert_uint_lt(session.len, sizeof reply->session);
    memcpy(reply->session, session.len == 0 ? "" : session.ptr, session.len);
    reply->session[session.len] = '\0';
}

static inline void on_empty(void *context, int status)
{
    captured *reply = context;
    reply->calls++;
    reply->status = status;
}

static inline gh_status on_stream(void *context, gh_view text)
{
    captured *reply = context;
    if (atomic_load(&reply->gone)) {
        return GH_ERR_CLOSED;
    }
    (void)pthread_mutex_lock(&reply->lock);
    reply->streamed = true;
    reply->status = 200;
    (void)gh_buf_append_view(&reply->text, text);
    (void)pthread_mutex_unlock(&reply->lock);
    return GH_OK;
}

static inline bool on_closed(void *context)
{
    captured *reply = context;
    return atomic_load(&reply->gone);
}

static inline gh_mcp_reply capture_into(captured *reply)
{
    return (gh_mcp_reply){
        .context = reply, .json = on_json, .empty = on_empty, .stream = on_stream, .closed = on_closed};
}

static inline gh_view find_param(void *context, const char *name)
{
    const params *list = context;
    for (size_t i = 0; list->pairs[i] != NULL; i += 2) {
        if (strcmp(list->pairs[i], name) == 0) {
            return gh_view_of(list->pairs[i + 1]);
        }
    }
    return (gh_view){NULL, 0};
}

/* --- start and stop --- */

static inline gh_mcp_options usual_options(void)
{
    return (gh_mcp_options){.server_name = "gatehouse",
                            .server_title = "Gatehouse",
                            .server_version = "0.1.0",
                            .instructions = "Say \"hello\".",
                            .key = GH_VIEW_LIT("0123456789abcdef0123456789abcdef"),
                            .max_sessions = 100,
                            .max_sessions_per_principal = 50,
                            .session_idle_ms = 60000,
                            .call_timeout_ms = 5000,
                            .input_timeout_ms = 5000,
                            .keep_alive_ms = 15000,
                            .task_ttl_ms = 60000,
                            .max_tasks = 100,
                            .max_tasks_per_principal = 50};
}

/* An engine without items; add_... them before or after. */
static inline void start_empty(harness *h, const gh_mcp_options *options)
{
    const gh_executor_options threads = {.threads = 8, .queue = 16, .spare = 8};
    const gh_mcp_registry_options lists = {.page_size = 0,
                                           .key = GH_VIEW_LIT("0123456789abcdef0123456789abcdef")};
    memset(h, 0, sizeof *h);
    forget(&h->reply);
    gh_log_set_level(GH_LOG_ERROR);
    HOST.size = sizeof HOST;
    HOST.abi = GATEHOUSE_PLUGIN_ABI;
    gh_call_fill_host(&HOST);
    ck_assert_int_eq(gh_executor_new(&threads, &h->executor), GH_OK);
    ck_assert_int_eq(gh_mcp_registry_new(&lists, &h->registry), GH_OK);
    gh_mcp_options with = *options;
    with.executor = h->executor;
    ck_assert_int_eq(gh_mcp_engine_new(&with, h->registry, &h->engine), GH_OK);
}

static inline gh_mcp_owner test_owner(void)
{
    static const int who = 0;
    return (gh_mcp_owner){.who = &who, .label = "test"};
}

static inline void add_tool(harness *h, gatehouse_tool tool)
{
    gh_error error = {GH_OK, ""};
    tool.size = sizeof tool;
    gh_status status = gh_mcp_registry_add_tool(h->registry, test_owner(), &tool, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
}

static inline void add_resource(harness *h, gatehouse_resource resource)
{
    gh_error error = {GH_OK, ""};
    resource.size = sizeof resource;
    gh_status status = gh_mcp_registry_add_resource(h->registry, test_owner(), &resource, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
}

static inline void add_template(harness *h, gatehouse_resource_template item)
{
    gh_error error = {GH_OK, ""};
    item.size = sizeof item;
    gh_status status = gh_mcp_registry_add_template(h->registry, test_owner(), &item, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
}

static inline void add_prompt(harness *h, gatehouse_prompt prompt)
{
    gh_error error = {GH_OK, ""};
    prompt.size = sizeof prompt;
    gh_status status = gh_mcp_registry_add_prompt(h->registry, test_owner(), &prompt, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
}

/* The tools that come with the server: sayHello and whoami. */
static inline void add_builtin(harness *h)
{
    gh_error error = {GH_OK, ""};
    h->plugins = gh_plugins_new(h->registry);
    ck_assert_ptr_nonnull(h->plugins);
    gh_status status = gh_plugins_add(h->plugins, "builtin", gh_builtin_init, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
}

static inline void start_with(harness *h, const gatehouse_tool *tools, size_t count,
                              const gh_mcp_options *options)
{
    start_empty(h, options);
    for (size_t i = 0; i < count; i++) {
        add_tool(h, tools[i]);
    }
}

static inline void stop(harness *h)
{
    ck_assert(gh_executor_stop(h->executor, PATIENCE_MS));
    gh_mcp_engine_free(h->engine);
    gh_plugins_free(h->plugins);
    gh_mcp_registry_free(h->registry);
    gh_executor_free(h->executor);
    forget(&h->reply);
    gh_buf_free(&h->reply.text);
    (void)pthread_mutex_destroy(&h->reply.lock);
}

/* --- one call, from beginning to end --- */

/* Exactly one answer, whatever was sent. Returns the HTTP status. */
static inline int check_answered(const captured *reply)
{
    ck_assert_int_eq(reply->calls + (reply->streamed ? 1 : 0), 1);
    return reply->status;
}

static inline int post_as(harness *h, const gh_principal *principal, gh_mcp_headers headers, gh_view body)
{
    forget(&h->reply);
    const gh_mcp_reply reply = capture_into(&h->reply);
    gh_mcp_engine_post(h->engine, principal, &headers, body, &reply);
    return check_answered(&h->reply);
}

static inline int post(harness *h, gh_mcp_headers headers, const char *body)
{
    return post_as(h, &ADA, headers, gh_view_of(body));
}

static inline int get_as(harness *h, const gh_principal *principal, gh_mcp_headers headers)
{
    forget(&h->reply);
    const gh_mcp_reply reply = capture_into(&h->reply);
    gh_mcp_engine_get(h->engine, principal, &headers, &reply);
    return check_answered(&h->reply);
}

static inline int delete_as(harness *h, const gh_principal *principal, gh_mcp_headers headers)
{
    forget(&h->reply);
    const gh_mcp_reply reply = capture_into(&h->reply);
    gh_mcp_engine_delete(h->engine, principal, &headers, &reply);
    return check_answered(&h->reply);
}

/* --- a call that runs while the test goes on --- */

/* From call_start to call_join; headers and body are borrowed for so long. */
typedef struct running {
    harness *h;
    const gh_principal *principal;
    gh_mcp_headers headers;
    gh_view body;
    bool get;
    captured reply;
    pthread_t thread;
} running;

static inline void *run_call(void *context)
{
    running *call = context;
    const gh_mcp_reply reply = capture_into(&call->reply);
    if (call->get) {
        gh_mcp_engine_get(call->h->engine, call->principal, &call->headers, &reply);
    } else {
        gh_mcp_engine_post(call->h->engine, call->principal, &call->headers, call->body, &reply);
    }
    return NULL;
}

static inline void start_running(running *call, harness *h, const gh_principal *principal,
                                 gh_mcp_headers headers, const char *body)
{
    memset(call, 0, sizeof *call);
    call->h = h;
    call->principal = principal;
    call->headers = headers;
    call->body = gh_view_of(body);
    call->get = body == NULL;
    forget(&call->reply);
    ck_assert_int_eq(pthread_create(&call->thread, NULL, run_call, call), 0);
}

static inline void call_start(running *call, harness *h, gh_mcp_headers headers, const char *body)
{
    start_running(call, h, &ADA, headers, body);
}

static inline void get_start(running *call, harness *h, gh_mcp_headers headers)
{
    start_running(call, h, &ADA, headers, NULL);
}

static inline void nap(void)
{
    const struct timespec pause = {0, 2000000};
    (void)nanosleep(&pause, NULL);
}

static inline bool stream_has(captured *reply, const char *part)
{
    (void)pthread_mutex_lock(&reply->lock);
    bool found = strstr(gh_buf_cstr(&reply->text), part) != NULL;
    (void)pthread_mutex_unlock(&reply->lock);
    return found;
}

/* Waits until the stream holds `part`. */
static inline void await_stream(running *call, const char *part)
{
    gh_deadline deadline = gh_deadline_in(PATIENCE_MS);
    while (!stream_has(&call->reply, part)) {
        ck_assert_msg(!gh_deadline_passed(deadline), "%s did not come, but: %s", part,
                      gh_buf_cstr(&call->reply.text));
        nap();
    }
}

/* The client closes its connection. */
static inline void call_hang_up(running *call)
{
    atomic_store(&call->reply.gone, true);
}

/* Waits for the end of the call; its reply stays for reading until running_forget. */
static inline void call_join(running *call)
{
    ck_assert_int_eq(pthread_join(call->thread, NULL), 0);
}

static inline void running_forget(running *call)
{
    forget(&call->reply);
    gh_buf_free(&call->reply.text);
    (void)pthread_mutex_destroy(&call->reply.lock);
}

/* --- reading replies --- */

/* The message with number `index` (from 0) on the stream, parsed: the caller frees it. NULL when there are
 * not so many. Events without data do not count. */
static inline cJSON *stream_message(const captured *reply, size_t index)
{
    const char *at = gh_buf_cstr(&reply->text);
    while ((at = strstr(at, "data:")) != NULL) {
        at += strlen("data:");
        size_t length = strcspn(at, "\n");
        while (length > 0 && *at == ' ') {
            at++;
            length--;
        }
        if (length > 0 && index-- == 0) {
            return cJSON_ParseWithLength(at, length);
        }
    }
    return NULL;
}

static inline size_t stream_count(const captured *reply)
{
    size_t count = 0;
    for (cJSON *message = NULL; (message = stream_message(reply, count)) != NULL; count++) {
        cJSON_Delete(message);
    }
    return count;
}

/* 0 when the reply is no error. */
static inline int error_code(const harness *h)
{
    int64_t code = 0;
    (void)gh_json_get_int64(gh_json_get(h->reply.json, "error"), "code", &code);
    return (int)code;
}

static inline const char *error_text(const harness *h)
{
    const char *text = gh_json_get_string(gh_json_get(h->reply.json, "error"), "message");
    return text == NULL ? "" : text;
}

static inline const cJSON *error_data(const harness *h)
{
    return gh_json_get(gh_json_get(h->reply.json, "error"), "data");
}

static inline const cJSON *result_of(const harness *h)
{
    return gh_json_get_object(h->reply.json, "result");
}

/* The text of the first content block, "" without one. */
static inline const char *content_text(const harness *h)
{
    const cJSON *content = gh_json_get_array(result_of(h), "content");
    const char *text = gh_json_get_string(cJSON_GetArrayItem(content, 0), "text");
    return text == NULL ? "" : text;
}

static inline bool is_tool_error(const harness *h)
{
    bool wrong = false;
    return gh_json_get_bool(result_of(h), "isError", &wrong) && wrong;
}

static inline bool body_has(const harness *h, const char *part)
{
    return h->reply.body != NULL && strstr(h->reply.body, part) != NULL;
}

#endif

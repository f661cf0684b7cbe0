/* subscriptions/listen (2026-07-28, basic/patterns/subscriptions): one long stream of what changed, as far as
 * the client asked for it. */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/work.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define SUBJECTS_MAX 1000 /* URIs, and as many tasks */
#define FILTER_MAX ((size_t)4 * 1024 * 1024)
/* A client that falls further behind loses its stream, and learns by that to look again. */
#define QUEUE_MESSAGES 1024
#define QUEUE_BYTES ((size_t)GH_MCP_TASK_PAYLOAD_MAX + (size_t)1024 * 1024)

typedef struct subjects {
    char **names;
    size_t count;
} subjects;

typedef struct gh_mcp_listen {
    struct gh_mcp_listen *next, *previous; /* in engine->listens, under the engine's lock */
    gh_mcp_listener listener;
    gh_mcp_outbox *outbox;
    gh_view id; /* raw */
    bool lists[GH_MCP_TOPIC_RESOURCES + 1];
    subjects uris;
    subjects tasks;
    gh_buf farewell;
} gh_mcp_listen_stream;

/* --- what is asked for --- */

static bool read_flag(gh_mcp_request *request, gh_view filter, const char *name, bool *wanted)
{
    gh_view value = {NULL, 0};
    if (gh_json_slice_member(filter, name, &value)) {
        if (gh_json_slice_type(value) != GH_JSON_BOOL) {
            gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                                "params.notifications.%s must be a boolean, not %s", name,
                                gh_mcp_type_name(value));
            return false;
        }
        *wanted = value.ptr[0] == 't';
    }
    return true;
}

static bool has_subject(const subjects *list, gh_view name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (gh_view_eq_cstr(name, list->names[i])) {
            return true;
        }
    }
    return false;
}

static bool read_one(gh_mcp_request *request, gh_view raw, const char *name, subjects *into)
{
    if (gh_json_slice_type(raw) != GH_JSON_STRING || into->count == SUBJECTS_MAX) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                            "params.notifications.%s must hold strings, at most %d", name, SUBJECTS_MAX);
        return false;
    }
    gh_status status = gh_json_slice_string(raw, &into->names[into->count]);
    if (status == GH_OK && has_subject(into, gh_view_of(into->names[into->count]))) {
        /* Each costs a look at its state. */
        free(into->names[into->count]);
    } else if (status == GH_OK) {
        into->count++;
    } else if (status == GH_ERR_NOMEM) {
        gh_mcp_request_fail_status(request, status);
    } else {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                            "params.notifications.%s has characters that are not allowed", name);
    }
    return status == GH_OK;
}

static bool read_subjects(gh_mcp_request *request, gh_view filter, const char *name, subjects *into)
{
    gh_json_iter iter;
    gh_view value = {NULL, 0};
    gh_view raw = {NULL, 0};
    bool fine = true;
    if (!gh_json_slice_member(filter, name, &value)) {
        return true;
    }
    if (gh_json_slice_type(value) != GH_JSON_ARRAY || !gh_json_iter_start(value, &iter)) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                            "params.notifications.%s must be an array, not %s", name,
                            gh_mcp_type_name(value));
        return false;
    }
    into->names = calloc(SUBJECTS_MAX, sizeof *into->names);
    if (into->names == NULL) {
        gh_mcp_request_fail_status(request, GH_ERR_NOMEM);
        return false;
    }
    while (fine && gh_json_iter_next(&iter, NULL, &raw)) {
        fine = read_one(request, raw, name, into);
    }
    return fine;
}

/* Only their own, and of tools that they may call: to others a task is not there. */
static void keep_own_tasks(const gh_mcp_request *request, subjects *tasks)
{
    size_t kept = 0;
    for (size_t i = 0; i < tasks->count; i++) {
        gh_buf scopes = GH_BUF_INIT(GH_MCP_SCOPES_MAX);
        char *id = tasks->names[i];
        if (gh_mcp_task_scopes(request, id, &scopes) == GH_OK &&
            (scopes.len == 0 || gh_mcp_may(request, gh_buf_cstr(&scopes)))) {
            tasks->names[kept++] = id;
        } else {
            free(id);
        }
        gh_buf_free(&scopes);
    }
    tasks->count = kept;
}

/* What the caller may not read changes unseen. */
static void keep_readable(const gh_mcp_request *request, subjects *uris)
{
    size_t kept = 0;
    for (size_t i = 0; i < uris->count; i++) {
        char *uri = uris->names[i];
        if (gh_mcp_may(request, gh_mcp_resource_scopes(request->catalog, gh_view_of(uri)))) {
            uris->names[kept++] = uri;
        } else {
            free(uri);
        }
    }
    uris->count = kept;
}

static bool read_filter(gh_mcp_request *request, gh_mcp_listen_stream *listen)
{
    const gh_mcp_catalog *catalog = request->catalog;
    gh_view filter = gh_mcp_request_param(request, "notifications");
    gh_view ignored = {NULL, 0};
    if (gh_json_slice_type(filter) != GH_JSON_OBJECT) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                            "params.notifications must be an object, not %s", gh_mcp_type_name(filter));
        return false;
    }
    if (!read_flag(request, filter, "toolsListChanged", &listen->lists[GH_MCP_TOPIC_TOOLS]) ||
        !read_flag(request, filter, "promptsListChanged", &listen->lists[GH_MCP_TOPIC_PROMPTS]) ||
        !read_flag(request, filter, "resourcesListChanged", &listen->lists[GH_MCP_TOPIC_RESOURCES]) ||
        (gh_json_slice_member(filter, "taskIds", &ignored) && !gh_mcp_check_tasks(request)) ||
        !read_subjects(request, filter, "resourceSubscriptions", &listen->uris) ||
        !read_subjects(request, filter, "taskIds", &listen->tasks)) {
        return false;
    }
    bool resources =
        gh_mcp_catalog_has(catalog, GH_MCP_RESOURCES) || gh_mcp_catalog_has(catalog, GH_MCP_TEMPLATES);
    listen->lists[GH_MCP_TOPIC_TOOLS] &= gh_mcp_catalog_has(catalog, GH_MCP_TOOLS);
    listen->lists[GH_MCP_TOPIC_PROMPTS] &= gh_mcp_catalog_has(catalog, GH_MCP_PROMPTS);
    listen->lists[GH_MCP_TOPIC_RESOURCES] &= resources;
    while (!resources && listen->uris.count > 0) {
        free(listen->uris.names[--listen->uris.count]);
    }
    keep_readable(request, &listen->uris);
    keep_own_tasks(request, &listen->tasks);
    return true;
}

/* --- what is said --- */

static void write_id(gh_view id, gh_buf *out)
{
    (void)gh_buf_append_cstr(out, "\"_meta\":{\"" GH_MCP_META_SUBSCRIPTION_ID "\":");
    (void)gh_buf_append_view(out, id);
    (void)gh_buf_append_char(out, '}');
}

/* `rest`: further members of params, compact; empty for none. */
static void say(const gh_mcp_listen_stream *listen, const char *method, gh_view rest)
{
    gh_buf message = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    (void)gh_buf_append_cstr(&message, "{\"jsonrpc\":\"2.0\",\"method\":\"");
    (void)gh_buf_append_cstr(&message, method);
    (void)gh_buf_append_cstr(&message, "\",\"params\":{");
    write_id(listen->id, &message);
    if (rest.len > 0) {
        (void)gh_buf_append_char(&message, ',');
        (void)gh_buf_append_view(&message, rest);
    }
    (void)gh_buf_append_cstr(&message, "}}");
    if (gh_buf_status(&message) == GH_OK) {
        (void)gh_mcp_outbox_put(listen->outbox, gh_buf_view(&message));
    } else {
        gh_mcp_outbox_close(listen->outbox);
    }
    gh_buf_free(&message);
}

static void write_names(gh_buf *out, const char *name, const subjects *list)
{
    if (list->names == NULL) {
        return;
    }
    (void)gh_buf_appendf(out, "%s\"%s\":[", out->data[out->len - 1] == '{' ? "" : ",", name);
    for (size_t i = 0; i < list->count; i++) {
        (void)gh_buf_append_cstr(out, i == 0 ? "" : ",");
        (void)gh_json_write_string(out, gh_view_of(list->names[i]));
    }
    (void)gh_buf_append_char(out, ']');
}

static void acknowledge(const gh_mcp_listen_stream *listen)
{
    static const char *const LISTS[] = {[GH_MCP_TOPIC_TOOLS] = "\"toolsListChanged\":true",
                                        [GH_MCP_TOPIC_PROMPTS] = "\"promptsListChanged\":true",
                                        [GH_MCP_TOPIC_RESOURCES] = "\"resourcesListChanged\":true"};
    gh_buf rest = GH_BUF_INIT(FILTER_MAX * 2);
    const char *before = "";
    (void)gh_buf_append_cstr(&rest, "\"notifications\":{");
    for (size_t i = 0; i < sizeof LISTS / sizeof LISTS[0]; i++) {
        if (listen->lists[i]) {
            (void)gh_buf_append_cstr(&rest, before);
            (void)gh_buf_append_cstr(&rest, LISTS[i]);
            before = ",";
        }
    }
    write_names(&rest, "resourceSubscriptions", &listen->uris);
    write_names(&rest, "taskIds", &listen->tasks);
    (void)gh_buf_append_char(&rest, '}');
    say(listen, "notifications/subscriptions/acknowledged", gh_buf_view(&rest));
    gh_buf_free(&rest);
}

static void say_updated(const gh_mcp_listen_stream *listen, gh_view uri)
{
    gh_buf rest = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    (void)gh_buf_append_cstr(&rest, "\"uri\":");
    (void)gh_json_write_string(&rest, uri);
    say(listen, "notifications/resources/updated", gh_buf_view(&rest));
    gh_buf_free(&rest);
}

/* `detail` is an object: its members are wanted. */
static void say_task(const gh_mcp_listen_stream *listen, gh_view detail)
{
    gh_view object = gh_view_trim(detail);
    if (object.len > 2) {
        say(listen, "notifications/tasks", gh_view_make(object.ptr + 1, object.len - 2));
    }
}

static void hear(void *context, gh_mcp_topic topic, gh_view subject, gh_view detail)
{
    static const char *const METHODS[] = {
        [GH_MCP_TOPIC_TOOLS] = "notifications/tools/list_changed",
        [GH_MCP_TOPIC_PROMPTS] = "notifications/prompts/list_changed",
        [GH_MCP_TOPIC_RESOURCES] = "notifications/resources/list_changed",
    };
    const gh_mcp_listen_stream *listen = context;
    if (topic == GH_MCP_TOPIC_UPDATED) {
        if (has_subject(&listen->uris, subject)) {
            say_updated(listen, subject);
        }
    } else if (topic == GH_MCP_TOPIC_TASK) {
        if (has_subject(&listen->tasks, subject)) {
            say_task(listen, detail);
        }
    } else if (listen->lists[topic]) {
        say(listen, METHODS[topic], (gh_view){NULL, 0});
    }
}

/* --- the stream --- */

/* "Graceful Closure". */
static void write_farewell(gh_mcp_listen_stream *listen, const gh_mcp_engine *engine)
{
    gh_buf *out = &listen->farewell;
    const char *meta = engine->texts.modern_meta;
    (void)gh_buf_append_cstr(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    (void)gh_buf_append_view(out, listen->id);
    (void)gh_buf_append_cstr(out, ",\"result\":{\"resultType\":\"complete\",");
    (void)gh_buf_append(out, meta, strlen(meta) - 1);
    (void)gh_buf_append_cstr(out, ",\"" GH_MCP_META_SUBSCRIPTION_ID "\":");
    (void)gh_buf_append_view(out, listen->id);
    (void)gh_buf_append_cstr(out, "}}}");
}

/* After the lock a drain finds it, or it finds the drain. */
static void enlist(gh_mcp_engine *engine, gh_mcp_listen_stream *listen)
{
    (void)pthread_mutex_lock(&engine->lock);
    listen->next = engine->listens;
    if (listen->next != NULL) {
        listen->next->previous = listen;
    }
    engine->listens = listen;
    bool draining = atomic_load(&engine->draining);
    (void)pthread_mutex_unlock(&engine->lock);
    if (draining) {
        (void)gh_mcp_outbox_finish(listen->outbox, 200, gh_buf_view(&listen->farewell));
    }
}

static void delist(gh_mcp_engine *engine, gh_mcp_listen_stream *listen)
{
    (void)pthread_mutex_lock(&engine->lock);
    *(listen->previous == NULL ? &engine->listens : &listen->previous->next) = listen->next;
    if (listen->next != NULL) {
        listen->next->previous = listen->previous;
    }
    (void)pthread_mutex_unlock(&engine->lock);
}

void gh_mcp_listens_drain(gh_mcp_engine *engine)
{
    (void)pthread_mutex_lock(&engine->lock);
    for (const gh_mcp_listen_stream *at = engine->listens; at != NULL; at = at->next) {
        (void)gh_mcp_outbox_finish(at->outbox, 200, gh_buf_view(&at->farewell));
    }
    (void)pthread_mutex_unlock(&engine->lock);
}

/* So that a task that ended before anybody listened is no riddle. */
static void say_tasks_now(const gh_mcp_request *request, const gh_mcp_listen_stream *listen)
{
    for (size_t i = 0; i < listen->tasks.count; i++) {
        /* One that has been forgotten meanwhile has nothing to tell. */
        gh_status status = gh_mcp_tasks_tell(request->engine->tasks, request->principal,
                                             gh_view_of(listen->tasks.names[i]), &listen->listener);
        (void)status;
    }
}

static void serve(gh_mcp_request *request, gh_mcp_listen_stream *listen)
{
    gh_mcp_engine *engine = request->engine;
    const gh_mcp_delivery delivery = {.engine = engine,
                                      .principal = request->principal,
                                      .outbox = listen->outbox,
                                      .open = true,
                                      .lapses = true,
                                      .farewell = gh_buf_view(&listen->farewell),
                                      .reply = request->reply};
    listen->listener = (gh_mcp_listener){.context = listen, .hear = hear};
    acknowledge(listen);
    gh_mcp_hub_add(engine->hub, &listen->listener);
    say_tasks_now(request, listen);
    enlist(engine, listen);
    request->delivered = true;
    (void)gh_mcp_deliver(&delivery);
    delist(engine, listen);
    gh_mcp_hub_remove(engine->hub, &listen->listener);
}

static void forget(subjects *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->names[i]);
    }
    free(list->names);
}

void gh_mcp_listen(gh_mcp_request *request)
{
    const gh_mcp_outbox_options options = {.max_messages = QUEUE_MESSAGES, .max_bytes = QUEUE_BYTES};
    gh_mcp_listen_stream listen = {.id = request->message->id, .farewell = GH_BUF_INIT(FILTER_MAX)};
    if (!request->streams) {
        gh_mcp_request_fail(request, 406, GH_RPC_INVALID_REQUEST,
                            "The Accept header must name text/event-stream for a stream");
        return;
    }
    if (read_filter(request, &listen)) {
        write_farewell(&listen, request->engine);
        gh_status status = gh_buf_status(&listen.farewell);
        if (status == GH_OK) {
            status = gh_mcp_outbox_new(&options, &listen.outbox);
        }
        if (status == GH_OK) {
            serve(request, &listen);
        } else {
            gh_mcp_request_fail_status(request, status);
        }
        gh_mcp_outbox_release(listen.outbox);
    }
    forget(&listen.uris);
    forget(&listen.tasks);
    gh_buf_free(&listen.farewell);
}

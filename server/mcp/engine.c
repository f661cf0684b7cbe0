#include "server/mcp/engine.h"

#include <stdlib.h>
#include <string.h>

#include "server/mcp/engine_private.h"
#include "server/mcp/work.h"
#include "shared/core/clock.h"
#include "shared/json/slice.h"

#define TASK_POLL_MS 1000
#define CALLS_PER_PRINCIPAL 1024
#define TASK_TTL_MAX_MS ((int64_t)24 * 60 * 60 * 1000)

static const char OUT_OF_MEMORY[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32603,\"message\":"
                                    "\"Internal error: the reply could not "
                                    "be written\"}}";

/* --- life --- */

static gh_mcp_topic topic_of(gh_mcp_kind kind)
{
    return kind == GH_MCP_TOOLS     ? GH_MCP_TOPIC_TOOLS
           : kind == GH_MCP_PROMPTS ? GH_MCP_TOPIC_PROMPTS
                                    : GH_MCP_TOPIC_RESOURCES;
}

void gh_mcp_engine_changed(gh_mcp_engine *engine, gh_mcp_kind kind)
{
    gh_mcp_hub_announce(engine->hub, topic_of(kind), (gh_view){NULL, 0}, (gh_view){NULL, 0});
}

void gh_mcp_engine_updated(gh_mcp_engine *engine, gh_view uri)
{
    gh_mcp_hub_announce(engine->hub, GH_MCP_TOPIC_UPDATED, uri, (gh_view){NULL, 0});
}

static void on_changed(void *context, gh_mcp_kind kind)
{
    gh_mcp_engine_changed(context, kind);
}

static gh_status make_tables(gh_mcp_engine *engine)
{
    const gh_mcp_options *options = &engine->options;
    const gh_mcp_tasks_options tasks = {
        .hub = engine->hub,
        .max = options->max_tasks,
        .max_per_principal = options->max_tasks_per_principal,
        .ttl_ms = options->task_ttl_ms,
        .ttl_max_ms = options->task_ttl_ms > TASK_TTL_MAX_MS ? options->task_ttl_ms : TASK_TTL_MAX_MS,
        .poll_ms = TASK_POLL_MS};
    gh_status status = gh_mcp_sessions_new(options->max_sessions, options->max_sessions_per_principal,
                                           options->session_idle_ms, engine->hub, &engine->sessions);
    if (status == GH_OK) {
        status = gh_mcp_tasks_new(&tasks, &engine->tasks);
    }
    if (status == GH_OK) {
        status = gh_sealer_new(options->key, &engine->sealer);
    }
    return status;
}

gh_status gh_mcp_engine_new(const gh_mcp_options *options, gh_mcp_registry *registry, gh_mcp_engine **engine)
{
    gh_mcp_engine *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        return GH_ERR_NOMEM;
    }
    if (pthread_mutex_init(&fresh->lock, NULL) != 0) {
        free(fresh);
        return GH_ERR_NOMEM;
    }
    fresh->options = *options;
    if (options->limits == NULL) {
        fresh->options.limits = &GH_JSON_LIMITS_MESSAGE;
    }
    if (options->max_calls_per_principal == 0) {
        fresh->options.max_calls_per_principal = CALLS_PER_PRINCIPAL;
    }
    fresh->registry = registry;
    atomic_init(&fresh->draining, false);
    fresh->hub = gh_mcp_hub_new();
    gh_status status = fresh->hub == NULL ? GH_ERR_NOMEM : make_tables(fresh);
    if (status == GH_OK) {
        status = gh_mcp_texts_render(&fresh->texts, options);
    }
    if (status != GH_OK) {
        gh_mcp_engine_free(fresh);
        return status;
    }
    /* They were copied, or belong to the caller. */
    fresh->options.key = (gh_view){NULL, 0};
    fresh->options.server_name = NULL;
    fresh->options.server_title = NULL;
    fresh->options.server_version = NULL;
    fresh->options.instructions = NULL;
    gh_mcp_registry_watch(registry, fresh, on_changed);
    *engine = fresh;
    return GH_OK;
}

void gh_mcp_engine_free(gh_mcp_engine *engine)
{
    if (engine == NULL) {
        return;
    }
    if (engine->texts.server_info != NULL) {
        gh_mcp_registry_watch(engine->registry, NULL, NULL);
    }
    gh_mcp_works_drain(engine);
    gh_mcp_tasks_free(engine->tasks);
    gh_mcp_sessions_free(engine->sessions);
    gh_mcp_hub_free(engine->hub);
    gh_sealer_free(engine->sealer);
    gh_mcp_texts_clear(&engine->texts);
    (void)pthread_mutex_destroy(&engine->lock);
    free(engine);
}

void gh_mcp_engine_drain(gh_mcp_engine *engine)
{
    atomic_store(&engine->draining, true);
    gh_mcp_listens_drain(engine);
    gh_mcp_sessions_drain(engine->sessions);
    gh_mcp_works_drain(engine);
}

void gh_mcp_engine_sweep(gh_mcp_engine *engine)
{
    gh_mcp_sessions_sweep(engine->sessions);
    gh_mcp_tasks_sweep(engine->tasks);
}

size_t gh_mcp_engine_sessions(gh_mcp_engine *engine)
{
    return gh_mcp_sessions_count(engine->sessions);
}

size_t gh_mcp_engine_tasks(gh_mcp_engine *engine)
{
    return gh_mcp_tasks_count(engine->tasks);
}

bool gh_mcp_is_modern(const gh_mcp_headers *headers, const gh_rpc_message *message)
{
    gh_view claim = {NULL, 0};
    return gh_mcp_version_looks_modern(gh_view_trim(headers->version)) ||
           (message->params.len > 0 &&
            gh_json_slice_path(message->params, &claim, "_meta", GH_MCP_META_VERSION, (const char *)NULL));
}

static bool contains_nocase(gh_view text, gh_view part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (gh_view_eq_nocase(gh_view_make(text.ptr + i, part.len), part)) {
            return true;
        }
    }
    return false;
}

/* No header means anything (RFC 9110, 12.5.1). A client that only names event streams could not read the
 * replies that are JSON; beyond that, what a client accepts is not policed. */
static bool accepts(gh_view accept, const char *type, const char *group)
{
    return accept.ptr == NULL || contains_nocase(accept, gh_view_of(type)) ||
           contains_nocase(accept, gh_view_of(group)) || contains_nocase(accept, GH_VIEW_LIT("*/*"));
}

static bool accepts_streams(gh_view accept)
{
    return accepts(accept, "text/event-stream", "text/*");
}

/* --- answers --- */

static void send(const gh_mcp_request *request)
{
    const gh_mcp_reply *reply = request->reply;
    gh_view session = {NULL, 0};
    if (request->delivered) {
        return;
    }
    if (gh_buf_status(request->out) != GH_OK) {
        reply->json(reply->context, 500, session, GH_VIEW_LIT(OUT_OF_MEMORY));
    } else if (request->out->len == 0) {
        reply->empty(reply->context, request->http_status);
    } else {
        if (request->opened) {
            session = gh_view_of(gh_mcp_session_id(request->session));
        }
        reply->json(reply->context, request->http_status, session, gh_buf_view(request->out));
    }
}

/* 2026-07-28: a client that went away has cancelled. Before, it may come back (2025-11-25, transports:
 * "Disconnection SHOULD NOT be interpreted as the client cancelling its request"). */
static void deliver(gh_mcp_request *request)
{
    const gh_mcp_delivery delivery = {.engine = request->engine,
                                      .principal = request->principal,
                                      .outbox = gh_mcp_work_outbox(request->work),
                                      /* A handler that said a lot may have lost the first of it by now. */
                                      .after = GH_MCP_OUTBOX_UNREAD,
                                      .numbered = request->session != NULL,
                                      .session = request->session,
                                      .prime = request->session != NULL &&
                                               strcmp(request->version, GH_MCP_VERSION_2025_11) >= 0,
                                      .reply = request->reply};
    request->delivered = true;
    if (!gh_mcp_deliver(&delivery) && request->modern) {
        gh_mcp_work_cancel(request->work);
    }
    request->code = gh_mcp_work_error(request->work, &request->error);
}

static void refuse(gh_mcp_request *request, gh_status parsed, const gh_error *error)
{
    if (parsed == GH_ERR_NOMEM) {
        gh_mcp_request_fail_status(request, parsed);
    } else if (parsed == GH_ERR_INVALID) {
        gh_mcp_request_fail(request, 400, GH_RPC_INVALID_REQUEST, "Invalid request: %s", error->message);
    } else {
        gh_mcp_request_fail(request, 400, GH_RPC_PARSE_ERROR, "Parse error: %s", error->message);
    }
}

static void serve(gh_mcp_request *request)
{
    if (!accepts(request->headers->accept, "application/json", "application/*")) {
        gh_mcp_request_fail(request, 406, GH_RPC_INVALID_REQUEST,
                            "The Accept header must name application/json and text/event-stream");
    } else if (request->message->kind == GH_RPC_BATCH) {
        gh_mcp_batch_serve(request);
    } else if (request->modern) {
        gh_mcp_modern_serve(request);
    } else {
        gh_mcp_legacy_serve(request);
    }
}

void gh_mcp_engine_post(gh_mcp_engine *engine, const gh_principal *principal, const gh_mcp_headers *headers,
                        gh_view body, const gh_mcp_reply *reply)
{
    int64_t started = gh_clock_mono_ns();
    gh_error error = {GH_OK, ""};
    gh_rpc_message message = {.method = NULL};
    gh_buf out = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    gh_status parsed = gh_rpc_parse(body, engine->options.limits, &message, &error);
    gh_mcp_request request = {.engine = engine,
                              .principal = principal,
                              .headers = headers,
                              .message = &message,
                              .catalog = gh_mcp_registry_catalog(engine->registry),
                              .reply = reply,
                              .streams = accepts_streams(headers->accept),
                              .out = &out,
                              .http_status = 200};
    bool batch = parsed == GH_OK && message.kind == GH_RPC_BATCH;
    request.modern = parsed == GH_OK ? gh_mcp_is_modern(headers, &message)
                                     : gh_mcp_version_looks_modern(gh_view_trim(headers->version));
    if (parsed == GH_OK) {
        serve(&request);
    } else {
        refuse(&request, parsed, &error);
    }
    if (request.work != NULL) {
        deliver(&request);
    }
    if (!batch) {
        gh_mcp_trace_response(&request, started);
    }
    send(&request);
    gh_mcp_work_release(request.work);
    gh_mcp_sessions_release(engine->sessions, request.session);
    gh_mcp_catalog_release(request.catalog);
    gh_rpc_message_clear(&message);
    gh_buf_free(&out);
}

/* --- GET and DELETE --- */

static const gh_rpc_message NO_MESSAGE = {.kind = GH_RPC_NOTIFICATION};

static void serve_get(gh_mcp_request *request)
{
    const gh_mcp_headers *headers = request->headers;
    if (gh_mcp_version_looks_modern(gh_view_trim(headers->version))) {
        gh_mcp_request_fail(request, 405, GH_RPC_INVALID_REQUEST,
                            "There is no GET since " GH_MCP_VERSION_MODERN
                            ": use " GH_MCP_SUBSCRIPTIONS_LISTEN);
    } else if (gh_view_trim(headers->session).len == 0) {
        gh_mcp_request_fail(request, 405, GH_RPC_INVALID_REQUEST,
                            "A stream needs the " GH_MCP_HEADER_SESSION " header: send initialize first");
    } else if (!request->streams) {
        gh_mcp_request_fail(request, 406, GH_RPC_INVALID_REQUEST,
                            "The Accept header must name text/event-stream");
    } else if (gh_mcp_legacy_enter(request)) {
        gh_mcp_legacy_get(request);
    }
}

void gh_mcp_engine_get(gh_mcp_engine *engine, const gh_principal *principal, const gh_mcp_headers *headers,
                       const gh_mcp_reply *reply)
{
    gh_buf out = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    gh_mcp_request request = {.engine = engine,
                              .principal = principal,
                              .headers = headers,
                              .message = &NO_MESSAGE,
                              .reply = reply,
                              .streams = accepts_streams(headers->accept),
                              .out = &out,
                              .http_status = 200};
    serve_get(&request);
    send(&request);
    gh_mcp_sessions_release(engine->sessions, request.session);
    gh_buf_free(&out);
}

static void end_session(gh_mcp_request *request)
{
    gh_view version = gh_view_trim(request->headers->version);
    gh_view session = gh_view_trim(request->headers->session);
    if (gh_mcp_version_looks_modern(version)) {
        gh_mcp_request_fail(request, 405, GH_RPC_INVALID_REQUEST,
                            "There are no sessions since " GH_MCP_VERSION_MODERN);
    } else if (session.len == 0) {
        gh_mcp_request_fail(request, 400, GH_RPC_INVALID_REQUEST,
                            "The " GH_MCP_HEADER_SESSION " header is missing");
    } else if (version.len > 0 && gh_mcp_legacy_version(version) == NULL) {
        gh_mcp_request_fail(request, 400, GH_RPC_INVALID_REQUEST,
                            "The " GH_MCP_HEADER_VERSION " header names a version that is not supported");
    } else if (gh_mcp_sessions_end(request->engine->sessions, request->principal, session) != GH_OK) {
        gh_mcp_request_fail(request, 404, GH_RPC_INVALID_REQUEST, "There is no such session");
    }
}

void gh_mcp_engine_delete(gh_mcp_engine *engine, const gh_principal *principal, const gh_mcp_headers *headers,
                          const gh_mcp_reply *reply)
{
    gh_buf out = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    gh_mcp_request request = {.engine = engine,
                              .principal = principal,
                              .headers = headers,
                              .message = &NO_MESSAGE,
                              .reply = reply,
                              .out = &out,
                              .http_status = 204};
    end_session(&request);
    send(&request);
    gh_buf_free(&out);
}

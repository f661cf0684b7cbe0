#include "server/mcp/engine.h"

#include <stdlib.h>
#include <string.h>

#include "server/mcp/engine_private.h"
#include "shared/core/clock.h"
#include "shared/json/slice.h"

static const char OUT_OF_MEMORY[] = "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32603,\"message\":"
                                    "\"Internal error: the reply could not "
                                    "be written\"}}";

gh_status gh_mcp_engine_new(const gh_mcp_options *options, const gh_mcp_registry *registry,
                            gh_mcp_engine **engine)
{
    gh_status status = GH_ERR_NOMEM;
    gh_mcp_engine *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        goto out;
    }
    fresh->registry = registry;
    status = gh_mcp_sessions_new(options->max_sessions, options->max_sessions_per_principal,
                                 options->session_idle_ms, &fresh->sessions);
    if (status == GH_OK) {
        status = gh_mcp_texts_render(&fresh->texts, options, registry);
    }
    if (status == GH_OK) {
        *engine = fresh;
        fresh = NULL;
    }
out:
    gh_mcp_engine_free(fresh);
    return status;
}

void gh_mcp_engine_free(gh_mcp_engine *engine)
{
    if (engine != NULL) {
        gh_mcp_sessions_free(engine->sessions);
        gh_mcp_texts_clear(&engine->texts);
        free(engine);
    }
}

size_t gh_mcp_engine_sessions(gh_mcp_engine *engine)
{
    return gh_mcp_sessions_count(engine->sessions);
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

/* No header means anything (RFC 9110, 12.5.1). Replies are JSON here, so a client that only names event
 * streams could not read them; beyond that, what a client accepts is not policed. */
static bool accepts_json(gh_view accept)
{
    return accept.ptr == NULL || contains_nocase(accept, GH_VIEW_LIT("application/json")) ||
           contains_nocase(accept, GH_VIEW_LIT("application/*")) ||
           contains_nocase(accept, GH_VIEW_LIT("*/*"));
}

static void send(const gh_mcp_request *request, const gh_mcp_reply *reply)
{
    gh_view session = {NULL, 0};
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

void gh_mcp_engine_post(gh_mcp_engine *engine, const gh_principal *principal, const gh_mcp_headers *headers,
                        gh_view body, const gh_mcp_reply *reply)
{
    int64_t started = gh_clock_mono_ns();
    gh_error error = {GH_OK, ""};
    gh_rpc_message message = {.method = NULL};
    gh_buf out = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    gh_status parsed = gh_rpc_parse(body, &GH_JSON_LIMITS_MESSAGE, &message, &error);
    gh_mcp_request request = {.engine = engine,
                              .principal = principal,
                              .headers = headers,
                              .message = &message,
                              .out = &out,
                              .http_status = 200};
    bool batch = parsed == GH_OK && message.kind == GH_RPC_BATCH;
    request.modern = parsed == GH_OK ? gh_mcp_is_modern(headers, &message)
                                     : gh_mcp_version_looks_modern(gh_view_trim(headers->version));
    if (parsed != GH_OK) {
        refuse(&request, parsed, &error);
    } else if (!accepts_json(headers->accept)) {
        gh_mcp_request_fail(&request, 406, GH_RPC_INVALID_REQUEST,
                            "The Accept header must name application/json and text/event-stream");
    } else if (batch) {
        gh_mcp_batch_serve(&request);
    } else if (request.modern) {
        gh_mcp_modern_serve(&request);
    } else {
        gh_mcp_legacy_serve(&request);
    }
    if (!batch) {
        gh_mcp_trace_response(&request, started);
    }
    send(&request, reply);
    gh_mcp_sessions_release(engine->sessions, request.session);
    gh_rpc_message_clear(&message);
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
    const gh_rpc_message none = {.kind = GH_RPC_NOTIFICATION};
    gh_mcp_request request = {.engine = engine,
                              .principal = principal,
                              .headers = headers,
                              .message = &none,
                              .out = &out,
                              .http_status = 204};
    end_session(&request);
    send(&request, reply);
    gh_buf_free(&out);
}

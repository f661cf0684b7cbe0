/* The legacy era: 2025-03-26, 2025-06-18 and 2025-11-25 (basic/lifecycle, basic/transports). Requests are
 * served before notifications/initialized, too: clients in the field do not wait with them. */
#include <string.h>

#include "server/mcp/engine_private.h"
#include "server/mcp/legacy.h"
#include "shared/json/slice.h"

static const char *const VERSIONS[] = {GH_MCP_VERSION_2025_11, GH_MCP_VERSION_2025_06,
                                       GH_MCP_VERSION_2025_03};

static void ping(gh_mcp_request *request)
{
    gh_mcp_request_result(request, GH_VIEW_LIT("{}"));
}

/* What may be asked within a session. */
static const gh_mcp_method METHODS[] = {
    {GH_MCP_PING, ping, NULL},
    {GH_MCP_TOOLS_LIST, gh_mcp_tools_list, NULL},
    {GH_MCP_TOOLS_CALL, gh_mcp_tools_call, NULL},
    {GH_MCP_RESOURCES_LIST, gh_mcp_resources_list, NULL},
    {GH_MCP_TEMPLATES_LIST, gh_mcp_templates_list, NULL},
    {GH_MCP_RESOURCES_READ, gh_mcp_resources_read, NULL},
    {GH_MCP_RESOURCES_SUBSCRIBE, gh_mcp_legacy_subscribe, NULL},
    {"resources/unsubscribe", gh_mcp_legacy_unsubscribe, NULL},
    {GH_MCP_PROMPTS_LIST, gh_mcp_prompts_list, NULL},
    {GH_MCP_PROMPTS_GET, gh_mcp_prompts_get, NULL},
    {GH_MCP_COMPLETE, gh_mcp_complete, NULL},
    {"logging/setLevel", gh_mcp_legacy_set_level, NULL},
};

const char *gh_mcp_legacy_version(gh_view version)
{
    for (size_t i = 0; i < sizeof VERSIONS / sizeof VERSIONS[0]; i++) {
        if (gh_view_eq_cstr(version, VERSIONS[i])) {
            return VERSIONS[i];
        }
    }
    return NULL;
}

bool gh_mcp_legacy_enter(gh_mcp_request *request)
{
    gh_view session = gh_view_trim(request->headers->session);
    gh_view version = gh_view_trim(request->headers->version);
    if (version.len > 0 && gh_mcp_legacy_version(version) == NULL) {
        gh_mcp_request_fail(request, 400, GH_RPC_INVALID_REQUEST,
                            "The " GH_MCP_HEADER_VERSION
                            " header names a version that is not supported; sessions speak %s, %s or %s",
                            VERSIONS[0], VERSIONS[1], VERSIONS[2]);
        return false;
    }
    if (session.len == 0) {
        gh_mcp_request_fail(request, 400, GH_RPC_INVALID_REQUEST,
                            "The " GH_MCP_HEADER_SESSION " header is missing: send initialize first, or the "
                            "per-request metadata of " GH_MCP_VERSION_MODERN);
        return false;
    }
    if (gh_mcp_sessions_hold(request->engine->sessions, request->principal, session, &request->session) !=
        GH_OK) {
        gh_mcp_request_fail(
            request, 404, GH_RPC_INVALID_REQUEST,
            "There is no such session: it has ended, or it is not yours; send initialize again");
        return false;
    }
    request->version = gh_mcp_session_version(request->session);
    return true;
}

/* --- what gets no response --- */

static void on_initialized(gh_mcp_request *request)
{
    gh_mcp_session_initialized(request->session);
}

static void on_cancelled(gh_mcp_request *request)
{
    gh_view id = gh_mcp_request_param(request, "requestId");
    if (id.len > 0) {
        gh_mcp_session_cancel(request->session, id);
    }
}

/* What means anything here. All others are accepted as well: a client tells what it likes. */
static const gh_mcp_method NOTIFICATIONS[] = {
    {GH_MCP_INITIALIZED, on_initialized, NULL},
    {GH_MCP_CANCELLED, on_cancelled, NULL},
};

static void take_notification(gh_mcp_request *request)
{
    const gh_mcp_method *found = gh_mcp_method_find(
        NOTIFICATIONS, sizeof NOTIFICATIONS / sizeof NOTIFICATIONS[0], request->message->method);
    request->http_status = 202;
    if (found != NULL) {
        found->serve(request);
    }
}

/* One that nothing was asked for, or that comes too late, is accepted: its sender could do nothing about it.
 */
static void take_response(gh_mcp_request *request)
{
    const gh_rpc_message *message = request->message;
    gh_view result = message->kind == GH_RPC_RESULT ? message->result : gh_view_of(NULL);
    gh_status status = gh_mcp_session_response(request->session, message->id, result);
    request->http_status = status == GH_OK || status == GH_ERR_NOT_FOUND ? 202 : 503;
}

void gh_mcp_legacy_dispatch(gh_mcp_request *request)
{
    if (request->message->kind == GH_RPC_NOTIFICATION) {
        take_notification(request);
        return;
    }
    if (!gh_mcp_wants_response(request)) {
        take_response(request);
        return;
    }
    const char *name = request->message->method;
    const gh_mcp_method *method = gh_mcp_method_find(METHODS, sizeof METHODS / sizeof METHODS[0], name);
    if (method == NULL) {
        gh_mcp_request_fail(request, 200, GH_RPC_METHOD_NOT_FOUND, "Method not found: %.64s", name);
        return;
    }
    if (gh_mcp_session_busy(request->session, request->message->id)) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_REQUEST,
                            "Invalid request: another request with this id is in flight");
        return;
    }
    method->serve(request);
}

void gh_mcp_legacy_serve(gh_mcp_request *request)
{
    if (gh_mcp_wants_response(request) && strcmp(request->message->method, GH_MCP_INITIALIZE) == 0) {
        gh_mcp_trace_request(request);
        gh_mcp_legacy_initialize(request);
        return;
    }
    bool entered = gh_mcp_legacy_enter(request);
    gh_mcp_trace_request(request);
    if (entered) {
        gh_mcp_legacy_dispatch(request);
    }
}

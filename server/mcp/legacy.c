/* The legacy era: 2025-03-26, 2025-06-18 and 2025-11-25 (basic/lifecycle, basic/transports). */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/engine_private.h"
#include "shared/json/access.h"
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

/* --- initialize --- */

static bool want(gh_mcp_request *request, gh_view object, const char *path, const char *name,
                 gh_json_type type, gh_view *value)
{
    gh_view found = {NULL, 0};
    if (object.len > 0) {
        (void)gh_json_slice_member(object, name, &found);
    }
    if (gh_json_slice_type(found) != type) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "%s.%s must be %s, not %s", path, name,
                            type == GH_JSON_STRING ? "a string" : "an object", gh_mcp_kind(found));
        return false;
    }
    *value = found;
    return true;
}

/* The version to speak: the requested one, or the newest when that one is not spoken here; NULL after an
 * answer. */
static const char *negotiate(gh_mcp_request *request)
{
    gh_view params = request->message->params;
    gh_view version = {NULL, 0};
    gh_view client = {NULL, 0};
    gh_view ignored = {NULL, 0};
    if (!want(request, params, "params", "protocolVersion", GH_JSON_STRING, &version) ||
        !want(request, params, "params", "capabilities", GH_JSON_OBJECT, &ignored) ||
        !want(request, params, "params", "clientInfo", GH_JSON_OBJECT, &client) ||
        !want(request, client, "params.clientInfo", "name", GH_JSON_STRING, &ignored) ||
        !want(request, client, "params.clientInfo", "version", GH_JSON_STRING, &ignored)) {
        return NULL;
    }
    char *text = NULL;
    gh_status status = gh_json_slice_string(version, &text);
    if (status != GH_OK) {
        gh_mcp_request_fail_status(request, status);
        return NULL;
    }
    const char *spoken = gh_mcp_legacy_version(gh_view_of(text));
    free(text);
    return spoken == NULL ? VERSIONS[0] : spoken;
}

static void initialize(gh_mcp_request *request)
{
    const char *version = negotiate(request);
    if (version == NULL) {
        return;
    }
    gh_mcp_engine *engine = request->engine;
    gh_status status = gh_mcp_sessions_open(engine->sessions, request->principal, version, &request->session);
    if (status != GH_OK) {
        gh_mcp_request_fail_status(request, status);
        return;
    }
    request->opened = true;
    request->version = version;
    gh_buf result = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    (void)gh_buf_appendf(&result, "{\"protocolVersion\":\"%s\",", version);
    (void)gh_buf_append_cstr(&result, engine->texts.initialize);
    if (gh_buf_status(&result) == GH_OK) {
        gh_mcp_request_result(request, gh_buf_view(&result));
    } else {
        gh_mcp_request_fail_status(request, gh_buf_status(&result));
    }
    gh_buf_free(&result);
}

/* --- within a session --- */

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

void gh_mcp_legacy_dispatch(gh_mcp_request *request)
{
    if (!gh_mcp_wants_response(request)) {
        request->http_status = 202;
        return;
    }
    const char *name = request->message->method;
    const gh_mcp_method *method = gh_mcp_method_find(METHODS, sizeof METHODS / sizeof METHODS[0], name);
    if (method == NULL) {
        gh_mcp_request_fail(request, 200, GH_RPC_METHOD_NOT_FOUND, "Method not found: %.64s", name);
        return;
    }
    method->serve(request);
}

void gh_mcp_legacy_serve(gh_mcp_request *request)
{
    if (gh_mcp_wants_response(request) && strcmp(request->message->method, GH_MCP_INITIALIZE) == 0) {
        gh_mcp_trace_request(request);
        initialize(request);
        return;
    }
    bool entered = gh_mcp_legacy_enter(request);
    gh_mcp_trace_request(request);
    if (entered) {
        gh_mcp_legacy_dispatch(request);
    }
}

/* initialize (2025-11-25, basic/lifecycle). */
#include <stdlib.h>

#include "server/mcp/legacy.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define NEWEST GH_MCP_VERSION_2025_11
#define CAPABILITIES_MAX ((size_t)64 * 1024) /* each session keeps them */

static bool want(gh_mcp_request *request, gh_view object, const char *path, const char *name,
                 gh_json_type type, gh_view *value)
{
    gh_view found = {NULL, 0};
    if (object.len > 0) {
        (void)gh_json_slice_member(object, name, &found);
    }
    if (gh_json_slice_type(found) != type) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "%s.%s must be %s, not %s", path, name,
                            type == GH_JSON_STRING ? "a string" : "an object", gh_mcp_type_name(found));
        return false;
    }
    *value = found;
    return true;
}

static bool read_params(gh_mcp_request *request, gh_view *version, gh_view *capabilities)
{
    gh_view params = request->message->params;
    gh_view client = {NULL, 0};
    gh_view ignored = {NULL, 0};
    if (!want(request, params, "params", "protocolVersion", GH_JSON_STRING, version) ||
        !want(request, params, "params", "capabilities", GH_JSON_OBJECT, capabilities) ||
        !want(request, params, "params", "clientInfo", GH_JSON_OBJECT, &client) ||
        !want(request, client, "params.clientInfo", "name", GH_JSON_STRING, &ignored) ||
        !want(request, client, "params.clientInfo", "version", GH_JSON_STRING, &ignored)) {
        return false;
    }
    if (capabilities->len > CAPABILITIES_MAX) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "params.capabilities is larger than 64 KiB");
        return false;
    }
    return true;
}

/* The version to speak: the requested one, or the newest when that one is not spoken here. */
static gh_status negotiate(gh_view requested, const char **version)
{
    char *text = NULL;
    gh_status status = gh_json_slice_string(requested, &text);
    if (status == GH_OK) {
        const char *spoken = gh_mcp_legacy_version(gh_view_of(text));
        *version = spoken == NULL ? NEWEST : spoken;
    }
    free(text);
    return status;
}

static void answer(gh_mcp_request *request)
{
    gh_buf result = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    (void)gh_buf_appendf(&result, "{\"protocolVersion\":\"%s\",", request->version);
    gh_mcp_write_initialize(request, &result);
    if (gh_buf_status(&result) == GH_OK) {
        gh_mcp_request_result(request, gh_buf_view(&result));
    } else {
        gh_mcp_request_fail_status(request, gh_buf_status(&result));
    }
    gh_buf_free(&result);
}

void gh_mcp_legacy_initialize(gh_mcp_request *request)
{
    gh_mcp_sessions *sessions = request->engine->sessions;
    gh_view requested = {NULL, 0};
    gh_view capabilities = {NULL, 0};
    gh_mcp_session *session = NULL;
    if (!read_params(request, &requested, &capabilities)) {
        return;
    }
    gh_status status = negotiate(requested, &request->version);
    if (status == GH_OK) {
        status = gh_mcp_sessions_open(sessions, request->principal, request->version, capabilities, &session);
    }
    if (status != GH_OK) {
        gh_mcp_request_fail_status(request, status);
        return;
    }
    request->session = session;
    request->opened = true;
    answer(request);
}

/* The modern era: 2026-07-28 (basic/index "_meta", basic/versioning, streamable-http, server/discover). Every
 * request stands alone.
 *
 * Order of the checks: the version first, for everything else depends on it; then the method, so that a
 * client which sends initialize hears that there is none rather than which header it forgot; then metadata,
 * then the headers that repeat the body. */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/engine_private.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

static const gh_mcp_method METHODS[] = {
    {GH_MCP_DISCOVER, gh_mcp_discover, NULL},
    {GH_MCP_TOOLS_LIST, gh_mcp_tools_list, NULL},
    {GH_MCP_TOOLS_CALL, gh_mcp_tools_call, "name"},
    {GH_MCP_RESOURCES_LIST, gh_mcp_resources_list, NULL},
    {GH_MCP_TEMPLATES_LIST, gh_mcp_templates_list, NULL},
    {GH_MCP_RESOURCES_READ, gh_mcp_resources_read, "uri"},
    {GH_MCP_PROMPTS_LIST, gh_mcp_prompts_list, NULL},
    {GH_MCP_PROMPTS_GET, gh_mcp_prompts_get, "name"},
    {GH_MCP_COMPLETE, gh_mcp_complete, NULL},
    {GH_MCP_SUBSCRIPTIONS_LISTEN, gh_mcp_listen, NULL},
    {GH_MCP_TASKS_GET, gh_mcp_tasks_method_get, "taskId"},
    {GH_MCP_TASKS_UPDATE, gh_mcp_tasks_method_update, "taskId"},
    {GH_MCP_TASKS_CANCEL, gh_mcp_tasks_method_cancel, "taskId"},
};

static void fail_version(gh_mcp_request *request, gh_view version)
{
    gh_buf data = GH_BUF_INIT(4096);
    (void)gh_buf_append_cstr(&data, "{\"supported\":[\"" GH_MCP_VERSION_MODERN "\"],\"requested\":");
    (void)gh_json_write_string(&data, gh_view_make(version.ptr, version.len > 256 ? 256 : version.len));
    (void)gh_buf_append_char(&data, '}');
    (void)gh_error_set(
        &request->error, GH_ERR_UNSUPPORTED,
        "Unsupported protocol version; requests with metadata of their own speak %s here, older "
        "versions start with initialize",
        GH_MCP_VERSION_MODERN);
    gh_mcp_request_fail_data(request, 400, GH_MCP_UNSUPPORTED_VERSION, gh_buf_view(&data));
    gh_buf_free(&data);
}

/* What `_meta` says of the request; NULL ptr for what is not there. */
typedef struct claims {
    gh_view meta;
    gh_view version;
    gh_view capabilities;
    gh_view client_info;
    gh_view level;
} claims;

static void read_claims(const gh_mcp_request *request, claims *of)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    of->meta = gh_mcp_request_param(request, "_meta");
    if (gh_json_slice_type(of->meta) != GH_JSON_OBJECT || !gh_json_iter_start(of->meta, &iter)) {
        return;
    }
    while (gh_json_iter_next(&iter, &key, &value)) {
        if (gh_json_slice_is(key, GH_VIEW_LIT(GH_MCP_META_VERSION))) {
            of->version = value;
        } else if (gh_json_slice_is(key, GH_VIEW_LIT(GH_MCP_META_CLIENT_CAPABILITIES))) {
            of->capabilities = value;
        } else if (gh_json_slice_is(key, GH_VIEW_LIT(GH_MCP_META_CLIENT_INFO))) {
            of->client_info = value;
        } else if (gh_json_slice_is(key, GH_VIEW_LIT(GH_MCP_META_LOG_LEVEL))) {
            of->level = value;
        }
    }
}

/* The header is there, says what the body says (when that says anything), and is a version spoken here. */
static bool check_version(gh_mcp_request *request, const claims *of)
{
    gh_view header = gh_view_trim(request->headers->version);
    bool claimed = of->version.ptr != NULL;
    if (claimed && gh_json_slice_type(of->version) != GH_JSON_STRING) {
        gh_mcp_request_fail(request, 400, GH_RPC_INVALID_PARAMS,
                            "params._meta[\"" GH_MCP_META_VERSION "\"] must be a string, not %s",
                            gh_mcp_type_name(of->version));
    } else if (header.len == 0) {
        gh_mcp_request_fail(request, 400, GH_MCP_HEADER_MISMATCH,
                            "Header mismatch: the " GH_MCP_HEADER_VERSION " header is missing");
    } else if (claimed && !gh_json_slice_is(of->version, header)) {
        gh_mcp_request_fail(request, 400, GH_MCP_HEADER_MISMATCH,
                            "Header mismatch: " GH_MCP_HEADER_VERSION " does not match params._meta");
    } else if (!gh_view_eq_cstr(header, GH_MCP_VERSION_MODERN)) {
        fail_version(request, header);
    }
    request->version = GH_MCP_VERSION_MODERN;
    return request->code == 0;
}

static bool check_member(gh_mcp_request *request, const char *key, gh_view value, gh_json_type type,
                         bool required)
{
    if ((value.ptr == NULL && !required) || gh_json_slice_type(value) == type) {
        return true;
    }
    gh_mcp_request_fail(request, 400, GH_RPC_INVALID_PARAMS, "params._meta[\"%s\"] must be %s, not %s", key,
                        type == GH_JSON_STRING ? "a string" : "an object", gh_mcp_type_name(value));
    return false;
}

/* What every request must carry; clientInfo is optional. A log level that does not exist is worth an error
 * (server/utilities/logging). */
static bool check_meta(gh_mcp_request *request, const claims *of)
{
    gatehouse_level ignored = GATEHOUSE_DEBUG;
    if (gh_json_slice_type(of->meta) != GH_JSON_OBJECT) {
        gh_mcp_request_fail(request, 400, GH_RPC_INVALID_PARAMS, "params._meta must be an object, not %s",
                            gh_mcp_type_name(of->meta));
        return false;
    }
    if (!check_member(request, GH_MCP_META_VERSION, of->version, GH_JSON_STRING, true) ||
        !check_member(request, GH_MCP_META_CLIENT_CAPABILITIES, of->capabilities, GH_JSON_OBJECT, true) ||
        !check_member(request, GH_MCP_META_CLIENT_INFO, of->client_info, GH_JSON_OBJECT, false)) {
        return false;
    }
    if (of->level.ptr != NULL && !gh_mcp_level_of(of->level, &ignored)) {
        gh_mcp_request_fail(request, 400, GH_RPC_INVALID_PARAMS,
                            "params._meta[\"" GH_MCP_META_LOG_LEVEL "\"] is not a log level");
        return false;
    }
    request->capabilities = of->capabilities;
    return true;
}

static void serve_request(gh_mcp_request *request, const claims *of)
{
    const char *name = request->message->method;
    const gh_mcp_method *method = gh_mcp_method_find(METHODS, sizeof METHODS / sizeof METHODS[0], name);
    if (method == NULL) {
        gh_mcp_request_fail(request, 404, GH_RPC_METHOD_NOT_FOUND, "Method not found: %.64s", name);
    } else if (check_meta(request, of) && gh_mcp_mirror_method(request) &&
               (method->mirrored == NULL || gh_mcp_mirror_name(request, method->mirrored))) {
        method->serve(request);
    }
}

/* No notification means anything here over HTTP, and which headers one needs is not defined: a method header
 * must only not lie. */
static void serve_notification(gh_mcp_request *request)
{
    if (gh_view_trim(request->headers->method).len == 0 || gh_mcp_mirror_method(request)) {
        request->http_status = 202;
    }
}

void gh_mcp_modern_serve(gh_mcp_request *request)
{
    claims of = {.meta = {NULL, 0}};
    gh_mcp_trace_request(request);
    read_claims(request, &of);
    if (request->message->kind != GH_RPC_REQUEST && request->message->kind != GH_RPC_NOTIFICATION) {
        gh_mcp_request_fail(
            request, 400, GH_RPC_INVALID_REQUEST,
            "Responses are not accepted: this server sends no requests in " GH_MCP_VERSION_MODERN);
    } else if (check_version(request, &of)) {
        if (gh_mcp_wants_response(request)) {
            serve_request(request, &of);
        } else {
            serve_notification(request);
        }
    }
}

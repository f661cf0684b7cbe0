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

static void discover(gh_mcp_request *request)
{
    gh_mcp_request_result(request, gh_view_of(request->engine->texts.discover));
}

static const gh_mcp_method METHODS[] = {
    {GH_MCP_DISCOVER, discover, NULL},
    {GH_MCP_TOOLS_LIST, gh_mcp_tools_list, NULL},
    {GH_MCP_TOOLS_CALL, gh_mcp_tools_call, "name"},
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

/* The header is there, says what the body says (when that says anything), and is a version spoken here. */
static bool check_version(gh_mcp_request *request)
{
    gh_view header = gh_view_trim(request->headers->version);
    gh_view raw = {NULL, 0};
    char *body = NULL;
    bool claimed =
        request->message->params.len > 0 &&
        gh_json_slice_path(request->message->params, &raw, "_meta", GH_MCP_META_VERSION, (const char *)NULL);
    if (claimed && gh_json_slice_string(raw, &body) != GH_OK) {
        gh_mcp_request_fail(request, 400, GH_RPC_INVALID_PARAMS,
                            "params._meta[\"" GH_MCP_META_VERSION "\"] must be a string, not %s",
                            gh_mcp_kind(raw));
    } else if (header.len == 0) {
        gh_mcp_request_fail(request, 400, GH_MCP_HEADER_MISMATCH,
                            "Header mismatch: the " GH_MCP_HEADER_VERSION " header is missing");
    } else if (claimed && !gh_view_eq_cstr(header, body)) {
        gh_mcp_request_fail(request, 400, GH_MCP_HEADER_MISMATCH,
                            "Header mismatch: " GH_MCP_HEADER_VERSION " does not match params._meta");
    } else if (!gh_view_eq_cstr(header, GH_MCP_VERSION_MODERN)) {
        fail_version(request, header);
    }
    free(body);
    request->version = GH_MCP_VERSION_MODERN;
    return request->code == 0;
}

/* What every request must carry; clientInfo is optional. */
static bool check_meta(gh_mcp_request *request)
{
    static const struct {
        const char *key;
        gh_json_type type;
        bool required;
    } MEMBERS[] = {
        {GH_MCP_META_VERSION, GH_JSON_STRING, true},
        {GH_MCP_META_CLIENT_CAPABILITIES, GH_JSON_OBJECT, true},
        {GH_MCP_META_CLIENT_INFO, GH_JSON_OBJECT, false},
    };
    gh_view meta = {NULL, 0};
    if (request->message->params.len > 0) {
        (void)gh_json_slice_member(request->message->params, "_meta", &meta);
    }
    if (gh_json_slice_type(meta) != GH_JSON_OBJECT) {
        gh_mcp_request_fail(request, 400, GH_RPC_INVALID_PARAMS, "params._meta must be an object, not %s",
                            gh_mcp_kind(meta));
        return false;
    }
    for (size_t i = 0; i < sizeof MEMBERS / sizeof MEMBERS[0]; i++) {
        gh_view value = {NULL, 0};
        bool there = gh_json_slice_member(meta, MEMBERS[i].key, &value);
        if ((there || MEMBERS[i].required) && gh_json_slice_type(value) != MEMBERS[i].type) {
            gh_mcp_request_fail(request, 400, GH_RPC_INVALID_PARAMS,
                                "params._meta[\"%s\"] must be %s, not %s", MEMBERS[i].key,
                                MEMBERS[i].type == GH_JSON_STRING ? "a string" : "an object",
                                gh_mcp_kind(value));
            return false;
        }
    }
    return true;
}

static void serve_request(gh_mcp_request *request)
{
    const char *name = request->message->method;
    const gh_mcp_method *method = gh_mcp_method_find(METHODS, sizeof METHODS / sizeof METHODS[0], name);
    if (method == NULL) {
        gh_mcp_request_fail(request, 404, GH_RPC_METHOD_NOT_FOUND, "Method not found: %.64s", name);
    } else if (check_meta(request) && gh_mcp_mirror_method(request) &&
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
    gh_mcp_trace_request(request);
    if (request->message->kind != GH_RPC_REQUEST && request->message->kind != GH_RPC_NOTIFICATION) {
        gh_mcp_request_fail(
            request, 400, GH_RPC_INVALID_REQUEST,
            "Responses are not accepted: this server sends no requests in " GH_MCP_VERSION_MODERN);
    } else if (check_version(request)) {
        if (gh_mcp_wants_response(request)) {
            serve_request(request);
        } else {
            serve_notification(request);
        }
    }
}

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/engine_private.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

const gh_mcp_method *gh_mcp_method_find(const gh_mcp_method *methods, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(methods[i].name, name) == 0) {
            return &methods[i];
        }
    }
    return NULL;
}

bool gh_mcp_wants_response(const gh_mcp_request *request)
{
    return request->message->kind == GH_RPC_REQUEST;
}

const char *gh_mcp_type_name(gh_view value)
{
    switch (gh_json_slice_type(value)) {
    case GH_JSON_OBJECT:
        return "an object";
    case GH_JSON_ARRAY:
        return "an array";
    case GH_JSON_STRING:
        return "a string";
    case GH_JSON_NUMBER:
        return "a number";
    case GH_JSON_BOOL:
        return "a boolean";
    case GH_JSON_NULL:
        return "null";
    default:
        return "nothing";
    }
}

void gh_mcp_request_result(gh_mcp_request *request, gh_view result)
{
    (void)gh_rpc_write_result(request->out, request->message->id, result);
}

void gh_mcp_request_answer(gh_mcp_request *request, const gh_buf *result)
{
    if (gh_buf_status(result) == GH_OK) {
        gh_mcp_request_result(request, gh_buf_view(result));
    } else {
        gh_mcp_request_fail_status(request, gh_buf_status(result));
    }
}

/* The modern schema has no null ids: an error whose request could not be read has none at all. */
static void write_without_id(gh_buf *out, int code, gh_view message, gh_view data)
{
    (void)gh_buf_appendf(out, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":%d,\"message\":", code);
    (void)gh_json_write_string(out, message);
    if (data.len > 0) {
        (void)gh_buf_append_cstr(out, ",\"data\":");
        (void)gh_buf_append_view(out, data);
    }
    (void)gh_buf_append_cstr(out, "}}");
}

void gh_mcp_request_fail_data(gh_mcp_request *request, int http_status, int code, gh_view data)
{
    gh_view message = gh_view_of(request->error.message);
    request->http_status = http_status;
    request->code = code;
    if (request->modern && request->message->id.len == 0) {
        write_without_id(request->out, code, message, data);
    } else {
        (void)gh_rpc_write_error(request->out, request->message->id, code, message, data);
    }
}

void gh_mcp_request_fail(gh_mcp_request *request, int http_status, int code, const char *format, ...)
{
    char message[GH_ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    (void)gh_error_set(&request->error, GH_ERR_INVALID, "%s", message);
    gh_mcp_request_fail_data(request, http_status, code, (gh_view){NULL, 0});
}

void gh_mcp_request_fail_status(gh_mcp_request *request, gh_status status)
{
    if (status == GH_ERR_UNAVAILABLE) {
        gh_mcp_request_fail(request, 503, GH_RPC_INTERNAL_ERROR, "The server is too busy; try again later");
    } else {
        gh_mcp_request_fail(request, 500, GH_RPC_INTERNAL_ERROR, "Internal error: %s",
                            gh_status_text(status));
    }
}

/* --- params --- */

gh_view gh_mcp_request_param(const gh_mcp_request *request, const char *name)
{
    gh_view value = {NULL, 0};
    if (request->message->params.len > 0) {
        (void)gh_json_slice_member(request->message->params, name, &value);
    }
    return value;
}

char *gh_mcp_request_string(gh_mcp_request *request, gh_view object, const char *path, const char *name)
{
    gh_view raw = {NULL, 0};
    char *text = NULL;
    if (object.len > 0) {
        (void)gh_json_slice_member(object, name, &raw);
    }
    if (gh_json_slice_type(raw) != GH_JSON_STRING) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "%s.%s must be a string, not %s", path, name,
                            gh_mcp_type_name(raw));
        return NULL;
    }
    gh_status status = gh_json_slice_string(raw, &text);
    if (status == GH_OK) {
        return text;
    }
    if (status != GH_ERR_NOMEM) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "%s.%s has characters that are not allowed",
                            path, name);
    } else {
        gh_mcp_request_fail_status(request, status);
    }
    return NULL;
}

bool gh_mcp_request_offers(gh_mcp_request *request, bool declared)
{
    if (!declared) {
        gh_mcp_request_fail(request, request->modern ? 404 : 200, GH_RPC_METHOD_NOT_FOUND,
                            "Method not found: %.64s", request->message->method);
    }
    return declared;
}

/* --- the client --- */

gh_view gh_mcp_request_capabilities(const gh_mcp_request *request)
{
    if (request->session != NULL) {
        return gh_view_of(gh_mcp_session_capabilities(request->session));
    }
    return request->capabilities.len > 0 ? request->capabilities : GH_VIEW_LIT("{}");
}

static void append_plain(gh_buf *out, gh_view raw)
{
    if (gh_json_slice_unescape(raw, out) != GH_OK) {
        (void)gh_buf_append_char(out, '?');
    }
}

/* "elicitation.url", "extensions/NAME"; a capability without members is its name alone. */
static void write_lacks(gh_view required, gh_buf *out)
{
    gh_json_iter iter;
    gh_json_iter members;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    gh_view member = {NULL, 0};
    gh_view inner = {NULL, 0};
    if (!gh_json_iter_start(required, &iter)) {
        return;
    }
    while (gh_json_iter_next(&iter, &key, &value)) {
        bool extension = gh_json_slice_is(key, GH_VIEW_LIT("extensions"));
        bool any = false;
        if (gh_json_slice_type(value) == GH_JSON_OBJECT && gh_json_iter_start(value, &members)) {
            while (gh_json_iter_next(&members, &member, &inner)) {
                any = true;
                (void)gh_buf_append_cstr(out, out->len > 0 ? ", " : "");
                append_plain(out, key);
                (void)gh_buf_append_char(out, extension ? '/' : '.');
                append_plain(out, member);
            }
        }
        if (!any) {
            (void)gh_buf_append_cstr(out, out->len > 0 ? ", " : "");
            append_plain(out, key);
        }
    }
}

void gh_mcp_request_lacks(gh_mcp_request *request, const char *kind, const char *name, gh_view required)
{
    gh_buf names = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    gh_buf data = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    (void)gh_buf_append_cstr(&data, "{\"requiredCapabilities\":");
    (void)gh_buf_append_view(&data, required);
    (void)gh_buf_append_char(&data, '}');
    write_lacks(required, &names);
    (void)gh_error_set(&request->error, GH_ERR_UNSUPPORTED,
                       "%s %.128s needs a client with the capability %.256s", kind, name,
                       names.len > 0 ? gh_buf_cstr(&names) : "that requiredCapabilities names");
    gh_buf_free(&names);
    gh_mcp_request_fail_data(request, request->modern ? 400 : 200, GH_MCP_MISSING_CAPABILITY,
                             gh_buf_view(&data));
    gh_buf_free(&data);
}

/* --- levels --- */

static const char *const LEVELS[] = {
    [GATEHOUSE_DEBUG] = "debug",     [GATEHOUSE_INFO] = "info",           [GATEHOUSE_NOTICE] = "notice",
    [GATEHOUSE_WARNING] = "warning", [GATEHOUSE_ERROR] = "error",         [GATEHOUSE_CRITICAL] = "critical",
    [GATEHOUSE_ALERT] = "alert",     [GATEHOUSE_EMERGENCY] = "emergency",
};

bool gh_mcp_level_of(gh_view raw, gatehouse_level *level)
{
    for (size_t i = 0; i < sizeof LEVELS / sizeof LEVELS[0]; i++) {
        if (gh_json_slice_is(raw, gh_view_of(LEVELS[i]))) {
            *level = (gatehouse_level)i;
            return true;
        }
    }
    return false;
}

const char *gh_mcp_level_name(gatehouse_level level)
{
    return LEVELS[level];
}

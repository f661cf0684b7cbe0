#include <stdarg.h>
#include <stdio.h>
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

const char *gh_mcp_kind(gh_view value)
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

/* tools/list and tools/call of both eras (server/tools). */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/engine_private.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

void gh_mcp_tools_list(gh_mcp_request *request)
{
    const gh_mcp_texts *texts = &request->engine->texts;
    gh_view cursor = {NULL, 0};
    if (request->message->params.len > 0 &&
        gh_json_slice_member(request->message->params, "cursor", &cursor)) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                            "params.cursor is unknown: the list of tools is one page");
        return;
    }
    gh_mcp_request_result(request,
                          gh_view_of(request->modern ? texts->modern_listing : texts->legacy_listing));
}

/* --- the result --- */

static void write_content(gh_buf *out, const char *text)
{
    (void)gh_buf_append_cstr(out, "\"content\":[");
    if (text != NULL) {
        (void)gh_buf_append_cstr(out, "{\"type\":\"text\",\"text\":");
        (void)gh_json_write_string(out, gh_view_of(text));
        (void)gh_buf_append_char(out, '}');
    }
    (void)gh_buf_append_char(out, ']');
}

static void answer(gh_mcp_request *request, const gh_tool_result *result)
{
    gh_buf out = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    (void)gh_buf_append_cstr(&out, request->modern ? "{\"resultType\":\"complete\"," : "{");
    write_content(&out, result->text);
    if (result->structured != NULL) {
        (void)gh_buf_append_cstr(&out, ",\"structuredContent\":");
        if (gh_json_print(result->structured, &out) != GH_OK) {
            out.status = out.status == GH_OK ? GH_ERR_NOMEM : out.status;
        }
    }
    (void)gh_buf_append_cstr(&out, result->is_error ? ",\"isError\":true" : ",\"isError\":false");
    if (request->modern) {
        (void)gh_buf_append_char(&out, ',');
        (void)gh_buf_append_cstr(&out, request->engine->texts.modern_meta);
    }
    (void)gh_buf_append_char(&out, '}');
    if (gh_buf_status(&out) == GH_OK) {
        gh_mcp_request_result(request, gh_buf_view(&out));
    } else {
        gh_mcp_request_fail_status(request, gh_buf_status(&out));
    }
    gh_buf_free(&out);
}

/* Since 2025-11-25 wrong arguments are a result that the model can learn from; before, an error of the
 * protocol. */
static void answer_wrong_arguments(gh_mcp_request *request, gh_error *why)
{
    if (strcmp(request->version, GH_MCP_VERSION_2025_11) >= 0) {
        const gh_tool_result result = {why->message, NULL, true};
        answer(request, &result);
    } else {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "Invalid arguments: %s", why->message);
    }
}

/* --- the call --- */

static const gh_mcp_tool *find_tool(gh_mcp_request *request)
{
    gh_view raw = {NULL, 0};
    char *name = NULL;
    if (request->message->params.len > 0) {
        (void)gh_json_slice_member(request->message->params, "name", &raw);
    }
    if (gh_json_slice_type(raw) != GH_JSON_STRING || gh_json_slice_string(raw, &name) != GH_OK) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "params.name must be a string, not %s",
                            gh_mcp_kind(raw));
        return NULL;
    }
    const gh_mcp_tool *tool = gh_mcp_registry_find(request->engine->registry, gh_view_of(name));
    if (tool == NULL) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "Unknown tool: %.128s", name);
    }
    free(name);
    return tool;
}

/* The arguments as a tree that the caller owns; NULL after an answer. */
static cJSON *read_arguments(gh_mcp_request *request)
{
    gh_view raw = {NULL, 0};
    if (!gh_json_slice_member(request->message->params, "arguments", &raw)) {
        raw = GH_VIEW_LIT("{}");
    }
    if (gh_json_slice_type(raw) != GH_JSON_OBJECT) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "params.arguments must be an object, not %s",
                            gh_mcp_kind(raw));
        return NULL;
    }
    cJSON *arguments = NULL;
    gh_error error = {GH_OK, ""};
    gh_status status = gh_json_parse(raw, &GH_JSON_LIMITS_MESSAGE, &arguments, &error);
    if (status == GH_ERR_NOMEM) {
        gh_mcp_request_fail_status(request, status);
    } else if (status != GH_OK) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "params.arguments: %s", error.message);
    }
    return status == GH_OK ? arguments : NULL;
}

/* A tool that breaks its own promise is a fault of the server, which must not reach the client as data. */
static gh_status check_output(const gh_mcp_tool *tool, const gh_tool_result *result, gh_error *error)
{
    if (tool->output == NULL || result->is_error) {
        return GH_OK;
    }
    if (result->structured == NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "structuredContent is missing");
    }
    return gh_schema_check(tool->output, result->structured, "structuredContent", error);
}

static void call_tool(gh_mcp_request *request, const gh_mcp_tool *tool, const cJSON *arguments)
{
    gh_error error = {GH_OK, ""};
    gh_tool_result result = {NULL, NULL, false};
    const gh_tool_call call = {request->principal, arguments, tool->tool->data};
    gh_status status = tool->tool->call(&call, &result);
    if (status != GH_OK) {
        gh_mcp_request_fail(request, 200, GH_RPC_INTERNAL_ERROR, "Tool %s failed: %s", tool->tool->name,
                            gh_status_text(status));
    } else if (check_output(tool, &result, &error) != GH_OK) {
        gh_log_error("Tool %s broke its output schema: %s", tool->tool->name, error.message);
        gh_mcp_request_fail(request, 200, GH_RPC_INTERNAL_ERROR,
                            "Tool %s failed: its result is not what it promises", tool->tool->name);
    } else {
        answer(request, &result);
    }
    free(result.text);
    cJSON_Delete(result.structured);
}

void gh_mcp_tools_call(gh_mcp_request *request)
{
    const gh_mcp_tool *tool = find_tool(request);
    if (tool == NULL) {
        return;
    }
    cJSON *arguments = read_arguments(request);
    if (arguments == NULL) {
        return;
    }
    gh_error why = {GH_OK, ""};
    if (!request->modern || gh_mcp_mirror_params(request, tool, arguments)) {
        if (gh_schema_check(tool->input, arguments, "arguments", &why) == GH_OK) {
            call_tool(request, tool, arguments);
        } else {
            answer_wrong_arguments(request, &why);
        }
    }
    cJSON_Delete(arguments);
}

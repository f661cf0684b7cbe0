/* The responses to what handlers said. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/state.h"
#include "server/mcp/work_private.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

/* --- the frame --- */

/* All that goes in is compact JSON already, so that it is not looked at again. */
static void begin(const gh_mcp_request *request)
{
    gh_buf *out = request->out;
    (void)gh_buf_append_cstr(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    (void)gh_buf_append_view(out, request->message->id);
    (void)gh_buf_append_cstr(out, ",\"result\":{");
    if (request->modern) {
        (void)gh_buf_append_cstr(out, "\"resultType\":\"complete\",");
    }
}

static void end(const gh_mcp_request *request, const char *meta)
{
    gh_buf *out = request->out;
    if (request->modern) {
        (void)gh_buf_append_char(out, ',');
        gh_mcp_write_meta(request->engine, meta, out);
    } else if (meta != NULL) {
        (void)gh_buf_append_cstr(out, ",\"_meta\":");
        (void)gh_buf_append_cstr(out, meta);
    }
    (void)gh_buf_append_cstr(out, "}}");
}

static void write_list(gh_buf *out, const char *name, const gh_buf *content)
{
    (void)gh_buf_append_char(out, '"');
    (void)gh_buf_append_cstr(out, name);
    (void)gh_buf_append_cstr(out, "\":[");
    (void)gh_buf_append_view(out, gh_buf_view(content));
    (void)gh_buf_append_char(out, ']');
}

/* --- tools --- */

void gh_mcp_write_tool_error(gh_mcp_request *request, const char *text)
{
    begin(request);
    (void)gh_buf_append_cstr(request->out, "\"content\":[{\"type\":\"text\",\"text\":");
    (void)gh_json_write_string(request->out, gh_view_of(text));
    (void)gh_buf_append_cstr(request->out, "}],\"isError\":true");
    end(request, NULL);
}

/* A tool that breaks its own promise is a fault of the server, which must not reach the client as data. */
static gh_status check_output(const gh_mcp_tool *tool, const gh_call_told *told, gh_error *error)
{
    cJSON *structured = NULL;
    if (tool == NULL || tool->output == NULL || told->is_error) {
        return GH_OK;
    }
    if (told->structured == NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "structuredContent is missing");
    }
    gh_status status =
        gh_json_parse(gh_view_of(told->structured), &GH_JSON_LIMITS_MESSAGE, &structured, error);
    if (status == GH_OK) {
        status = gh_schema_check(tool->output, structured, "structuredContent", error);
    }
    cJSON_Delete(structured);
    return status;
}

static void write_tool(gh_mcp_request *request, const gh_mcp_work *work, const gh_call_told *told)
{
    gh_error error = {GH_OK, ""};
    if (check_output(work->tool, told, &error) != GH_OK) {
        gh_log_error("%s broke its output schema: %s", work->question.item, error.message);
        gh_mcp_request_fail(request, 200, GH_RPC_INTERNAL_ERROR,
                            "Tool %.128s failed: its result is not what it promises", work->question.target);
        return;
    }
    begin(request);
    write_list(request->out, "content", &told->content);
    /* Until 2025-11-25 it is an object. */
    if (told->structured != NULL && (request->modern || told->structured[0] == '{')) {
        (void)gh_buf_append_cstr(request->out, ",\"structuredContent\":");
        (void)gh_buf_append_cstr(request->out, told->structured);
    }
    (void)gh_buf_append_cstr(request->out, told->is_error ? ",\"isError\":true" : ",\"isError\":false");
    end(request, told->meta);
}

/* --- the others --- */

static void write_resource(gh_mcp_request *request, const gh_call_told *told)
{
    begin(request);
    write_list(request->out, "contents", &told->content);
    if (request->modern) {
        (void)gh_buf_append_char(request->out, ',');
        (void)gh_buf_append_cstr(request->out, GH_MCP_CACHE_READ);
    }
    end(request, told->meta);
}

static void write_prompt(gh_mcp_request *request, const gh_call_told *told)
{
    begin(request);
    if (told->description != NULL) {
        (void)gh_buf_append_cstr(request->out, "\"description\":");
        (void)gh_json_write_string(request->out, gh_view_of(told->description));
        (void)gh_buf_append_char(request->out, ',');
    }
    write_list(request->out, "messages", &told->content);
    end(request, told->meta);
}

static void write_completion(gh_mcp_request *request, const gh_call_told *told)
{
    begin(request);
    (void)gh_buf_append_cstr(request->out, "\"completion\":{");
    write_list(request->out, "values", &told->content);
    if (told->total > 0) {
        (void)gh_buf_appendf(request->out, ",\"total\":%" PRIu64, told->total);
    }
    (void)gh_buf_append_cstr(request->out,
                             told->total > told->count ? ",\"hasMore\":true}" : ",\"hasMore\":false}");
    end(request, told->meta);
}

static void write_answer(gh_mcp_request *request, const gh_mcp_work *work, const gh_call_told *told)
{
    switch (work->question.kind) {
    case GH_CALL_TOOL:
        write_tool(request, work, told);
        break;
    case GH_CALL_RESOURCE:
        write_resource(request, told);
        break;
    case GH_CALL_PROMPT:
        write_prompt(request, told);
        break;
    case GH_CALL_COMPLETION:
        write_completion(request, told);
        break;
    }
}

/* InputRequiredResult (2026-07-28, basic/patterns/mrtr). */
static void write_asks(gh_mcp_request *request, const gh_mcp_work *work, const gh_call_told *told)
{
    gh_buf *out = request->out;
    (void)gh_buf_append_cstr(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    (void)gh_buf_append_view(out, request->message->id);
    (void)gh_buf_append_cstr(out, ",\"result\":{\"resultType\":\"input_required\",\"inputRequests\":");
    for (size_t i = 0; i < told->ask_count; i++) {
        (void)gh_buf_append_char(out, i == 0 ? '{' : ',');
        (void)gh_json_write_string(out, gh_view_of(told->asks[i].key));
        (void)gh_buf_append_cstr(out, ":{\"method\":\"");
        (void)gh_buf_append_cstr(out, told->asks[i].method);
        (void)gh_buf_append_cstr(out, "\",\"params\":");
        (void)gh_buf_append_cstr(out, told->asks[i].params);
        (void)gh_buf_append_char(out, '}');
    }
    (void)gh_buf_append_char(out, '}');
    if (told->has_state) {
        (void)gh_buf_append_cstr(out, ",\"requestState\":");
        gh_status status = gh_mcp_state_seal(work, work->question.principal, gh_buf_view(&told->state), out);
        if (status != GH_OK && gh_buf_status(out) == GH_OK) {
            out->status = status;
        }
    }
    end(request, NULL);
}

static void write_protocol_error(gh_mcp_request *request, const gh_call_told *told)
{
    (void)gh_error_set(&request->error, GH_ERR_INVALID, "%s", told->message);
    gh_mcp_request_fail_data(request, 200, told->code, gh_view_of(told->data));
}

void gh_mcp_write_outcome(gh_mcp_request *request, const gh_mcp_work *work, gh_call *call)
{
    static const char *const KINDS[] = {[GH_CALL_TOOL] = "Tool",
                                        [GH_CALL_RESOURCE] = "Resource",
                                        [GH_CALL_PROMPT] = "Prompt",
                                        [GH_CALL_COMPLETION] = "The completion for"};
    const gh_call_told *told = &call->told;
    switch (told->outcome) {
    case GH_CALL_ANSWERED:
        write_answer(request, work, told);
        break;
    case GH_CALL_ASKS:
        write_asks(request, work, told);
        break;
    case GH_CALL_NOT_FOUND:
        gh_mcp_resource_unknown(request, gh_view_of(work->question.target));
        break;
    case GH_CALL_PROTOCOL_ERROR:
        write_protocol_error(request, told);
        break;
    case GH_CALL_LACKS:
        gh_mcp_request_lacks(request, KINDS[work->question.kind], work->question.target,
                             gh_view_of(told->lacking));
        break;
    case GH_CALL_FAULT:
        gh_mcp_request_fail(request, 200, GH_RPC_INTERNAL_ERROR, "%s %.128s failed",
                            KINDS[work->question.kind], work->question.target);
        break;
    }
}

/* A prompt's answer, a completion's, and what any answer may have. */
#include <stdlib.h>
#include <string.h>

#include "server/call/call_private.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"
#include "shared/rpc/mcp.h"

#define RESERVED_FROM (-32768) /* JSON-RPC 2.0, 5.1: codes that are not an application's */
#define RESERVED_TO (-32000)

static int add_item(gatehouse_call *call, const char *before, gh_view json, const char *after,
                    const char *function)
{
    gh_buf *out = &call->told.content;
    if (call->told.count++ > 0) {
        (void)gh_buf_append_char(out, ',');
    }
    (void)gh_buf_append_cstr(out, before);
    int code = gh_call_write_json(call, json, function);
    (void)gh_buf_append_cstr(out, after);
    return code != 0 ? code : gh_call_written(call, function);
}

/* --- prompts --- */

static gh_status check_role(gatehouse_call *call, const char *role, const char *function)
{
    gh_status status = gh_call_allowed(call, GH_CALL_IN(GH_CALL_PROMPT), function);
    if (status == GH_OK && (role == NULL || (strcmp(role, "user") != 0 && strcmp(role, "assistant") != 0))) {
        status = (gh_status)gh_call_refuse(call, GH_ERR_INVALID, function,
                                           "the role is neither \"user\" nor \"assistant\"");
    }
    return status;
}

static const char *opening_of(const char *role)
{
    return strcmp(role, "user") == 0 ? "{\"role\":\"user\",\"content\":"
                                     : "{\"role\":\"assistant\",\"content\":";
}

static int add_message(gatehouse_call *call, const char *role, const char *text)
{
    static const char FUNCTION[] = "add_message";
    gh_view view = {NULL, 0};
    gh_status status = check_role(call, role, FUNCTION);
    if (status == GH_OK) {
        status = gh_call_text(call, text, FUNCTION, &view);
    }
    if (status != GH_OK) {
        return (int)status;
    }
    gh_buf *out = &call->told.content;
    if (call->told.count++ > 0) {
        (void)gh_buf_append_char(out, ',');
    }
    (void)gh_buf_append_cstr(out, opening_of(role));
    (void)gh_buf_append_cstr(out, "{\"type\":\"text\",\"text\":");
    (void)gh_json_write_string(out, view);
    (void)gh_buf_append_cstr(out, "}}");
    return gh_call_written(call, FUNCTION);
}

static int add_message_content(gatehouse_call *call, const char *role, const char *json)
{
    static const char FUNCTION[] = "add_message_content";
    gh_view view = {NULL, 0};
    gh_status status = check_role(call, role, FUNCTION);
    if (status == GH_OK) {
        status = gh_call_json(call, json, GH_JSON_NONE, FUNCTION, &view);
    }
    if (status != GH_OK) {
        return (int)status;
    }
    const char *complaint = gh_call_block_complaint(view);
    if (complaint != NULL) {
        return gh_call_refuse(call, GH_ERR_INVALID, FUNCTION, complaint);
    }
    return add_item(call, opening_of(role), view, "}", FUNCTION);
}

static int set_description(gatehouse_call *call, const char *text)
{
    static const char FUNCTION[] = "set_description";
    gh_view view = {NULL, 0};
    gh_status status = gh_call_allowed(call, GH_CALL_IN(GH_CALL_PROMPT), FUNCTION);
    if (status == GH_OK) {
        status = gh_call_text(call, text, FUNCTION, &view);
    }
    if (status == GH_OK) {
        status = gh_call_replace_text(call, &call->told.description, view, FUNCTION);
    }
    return (int)status;
}

/* --- completions --- */

static int add_completion(gatehouse_call *call, const char *value)
{
    static const char FUNCTION[] = "add_completion";
    gh_view view = {NULL, 0};
    gh_status status = gh_call_allowed(call, GH_CALL_IN(GH_CALL_COMPLETION), FUNCTION);
    if (status == GH_OK) {
        status = gh_call_text(call, value, FUNCTION, &view);
    }
    if (status != GH_OK) {
        return (int)status;
    }
    if (call->told.count >= GH_CALL_COMPLETIONS_MAX) {
        call->beyond++;
        return 0;
    }
    gh_buf *out = &call->told.content;
    if (call->told.count++ > 0) {
        (void)gh_buf_append_char(out, ',');
    }
    (void)gh_json_write_string(out, view);
    return gh_call_written(call, FUNCTION);
}

static int set_completion_total(gatehouse_call *call, uint64_t total)
{
    gh_status status = gh_call_allowed(call, GH_CALL_IN(GH_CALL_COMPLETION), "set_completion_total");
    if (status == GH_OK) {
        call->told.total = total;
    }
    return (int)status;
}

/* --- any answer --- */

/* The server writes members of that prefix itself, and nothing may stand there twice. */
static bool has_reserved_member(gh_view meta)
{
    static const gh_view PREFIX = {"\"io.modelcontextprotocol/", sizeof "\"io.modelcontextprotocol/" - 1};
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    bool reserved = false;
    if (gh_json_iter_start(meta, &iter)) {
        while (!reserved && gh_json_iter_next(&iter, &key, &value)) {
            /* An escape in a name could hide the prefix, and no name needs one. */
            reserved = gh_view_starts_with(key, PREFIX) || gh_view_find(key, '\\') < key.len;
        }
    }
    return reserved;
}

static int set_meta(gatehouse_call *call, const char *json)
{
    static const char FUNCTION[] = "set_meta";
    gh_view view = {NULL, 0};
    gh_status status = gh_call_json(call, json, GH_JSON_OBJECT, FUNCTION, &view);
    if (status == GH_OK && has_reserved_member(view)) {
        status = (gh_status)gh_call_refuse(call, GH_ERR_INVALID, FUNCTION,
                                           "names with io.modelcontextprotocol/ or escapes are the server's");
    }
    if (status == GH_OK) {
        status = gh_call_replace_json(call, &call->told.meta, view, FUNCTION);
    }
    return (int)status;
}

static bool is_free_code(int code)
{
    return code < RESERVED_FROM || code > RESERVED_TO || code == GH_RPC_INVALID_PARAMS ||
           code == GH_RPC_INTERNAL_ERROR;
}

static int set_protocol_error(gatehouse_call *call, int code, const char *message, const char *data)
{
    static const char FUNCTION[] = "set_protocol_error";
    gh_view text = {NULL, 0};
    gh_view json = {NULL, 0};
    if (!is_free_code(code)) {
        return gh_call_refuse(call, GH_ERR_INVALID, FUNCTION, "the code is reserved by JSON-RPC or MCP");
    }
    gh_status status = gh_call_text(call, message, FUNCTION, &text);
    if (status == GH_OK && data != NULL) {
        status = gh_call_json(call, data, GH_JSON_NONE, FUNCTION, &json);
    }
    if (status == GH_OK) {
        status = gh_call_replace_text(call, &call->told.message, text, FUNCTION);
    }
    if (status == GH_OK && data != NULL) {
        status = gh_call_replace_json(call, &call->told.data, json, FUNCTION);
    } else if (status == GH_OK) {
        free(call->told.data);
        call->told.data = NULL;
    }
    if (status == GH_OK) {
        call->told.code = code;
    }
    return (int)status;
}

void gh_call_fill_result(gatehouse_host *host)
{
    host->add_message = add_message;
    host->add_message_content = add_message_content;
    host->set_description = set_description;
    host->add_completion = add_completion;
    host->set_completion_total = set_completion_total;
    host->set_meta = set_meta;
    host->set_protocol_error = set_protocol_error;
}

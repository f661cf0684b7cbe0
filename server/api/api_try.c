/* One entry's handler, outside a server: for `gatehouse tools call`. */
#include <stdlib.h>
#include <string.h>

#include "server/api/api_private.h"
#include "server/mcp/uri_template.h"
#include "shared/json/access.h"

#define VARIABLES_MAX ((size_t)256 * 1024)

/* Tools and prompts by name, resources by URI, then templates that the URI matches. */
static bool is_meant(const gh_entry *entry, gh_view name, gh_buf *variables)
{
    gh_uri_template *pattern = NULL;
    bool matches = false;
    switch (entry->kind) {
    case GH_ENTRY_TOOL:
    case GH_ENTRY_PROMPT:
        return gh_view_eq_cstr(name, entry->name);
    case GH_ENTRY_RESOURCE:
        return gh_view_eq_cstr(name, entry->uri);
    case GH_ENTRY_TEMPLATE:
        matches = gh_uri_template_new(gh_view_of(entry->uri), &pattern, NULL) == GH_OK &&
                  gh_uri_template_match(pattern, name, variables) == GH_OK;
        gh_uri_template_free(pattern);
        break;
    }
    return matches;
}

static size_t find(const gh_toolset *tools, gh_view name, gh_buf *variables)
{
    size_t found = tools->entry_count;
    for (int templates = 0; templates < 2; templates++) {
        for (size_t i = 0; i < tools->entry_count && found == tools->entry_count; i++) {
            bool is_template = tools->entries[i].kind == GH_ENTRY_TEMPLATE;
            if (is_template == (templates == 1) && is_meant(&tools->entries[i], name, variables)) {
                found = i;
            }
        }
    }
    return found;
}

static gh_status check_arguments(const gh_entry *entry, const char *arguments, gh_error *error)
{
    gh_schema *schema = NULL;
    cJSON *json = NULL;
    gh_error why = {GH_OK, ""};
    gh_status status = gh_json_parse(gh_view_of(arguments), &GH_JSON_LIMITS_MESSAGE, &json, &why);
    if (status != GH_OK) {
        status = gh_error_set(error, status, "the arguments are %s; write '{\"NAME\": VALUE}'", why.message);
    }
    if (status == GH_OK && !cJSON_IsObject(json)) {
        status = gh_error_set(error, GH_ERR_INVALID, "the arguments must be a JSON object");
    }
    if (status == GH_OK && entry->kind == GH_ENTRY_TOOL) {
        status = gh_schema_new(entry->input_schema, &schema, error);
    }
    if (status == GH_OK && schema != NULL) {
        status = gh_schema_check(schema, json, "arguments", error);
    }
    gh_schema_free(schema);
    cJSON_Delete(json);
    return status;
}

static void write_result(const gh_entry *entry, const gh_call_told *told, gh_buf *out)
{
    static const char *const MEMBERS[] = {[GH_ENTRY_TOOL] = "content",
                                          [GH_ENTRY_RESOURCE] = "contents",
                                          [GH_ENTRY_TEMPLATE] = "contents",
                                          [GH_ENTRY_PROMPT] = "messages"};
    (void)gh_buf_appendf(out, "{\"%s\":[", MEMBERS[entry->kind]);
    (void)gh_buf_append_view(out, gh_buf_view(&told->content));
    (void)gh_buf_append_char(out, ']');
    if (told->structured != NULL) {
        (void)gh_buf_append_cstr(out, ",\"structuredContent\":");
        (void)gh_buf_append_cstr(out, told->structured);
    }
    if (told->description != NULL) {
        (void)gh_buf_append_cstr(out, ",\"description\":");
        (void)gh_json_write_string(out, gh_view_of(told->description));
    }
    (void)gh_buf_append_cstr(out, told->is_error ? ",\"isError\":true}" : "}");
}

static gh_status read_outcome(const gh_entry *entry, const gh_call *call, gh_buf *out, bool *failed,
                              gh_error *error)
{
    switch (call->told.outcome) {
    case GH_CALL_ANSWERED:
        write_result(entry, &call->told, out);
        *failed = call->told.is_error;
        return gh_buf_status(out);
    case GH_CALL_NOT_FOUND:
        return gh_error_set(error, GH_ERR_NOT_FOUND, "there is no such resource");
    case GH_CALL_PROTOCOL_ERROR:
        return gh_error_set(error, GH_ERR_DENIED, "%s", call->told.message);
    case GH_CALL_ASKS:
    case GH_CALL_LACKS:
    case GH_CALL_FAULT:
        break;
    }
    return gh_error_set(error, GH_ERR_IO, "the call failed: %s", call->why.message);
}

static gh_status run(gh_api_slot *slot, const gh_entry *entry, const gh_api_trial *trial,
                     const gh_buf *variables, gh_buf *out, bool *failed, gh_error *error)
{
    static const gh_call_kind KINDS[] = {[GH_ENTRY_TOOL] = GH_CALL_TOOL,
                                         [GH_ENTRY_RESOURCE] = GH_CALL_RESOURCE,
                                         [GH_ENTRY_TEMPLATE] = GH_CALL_RESOURCE,
                                         [GH_ENTRY_PROMPT] = GH_CALL_PROMPT};
    static const gh_call_hooks NO_HOOKS = {0};
    gh_call call;
    const gh_call_question question = {.kind = KINDS[entry->kind],
                                       .principal = trial->principal,
                                       .item = trial->name,
                                       .target = trial->name,
                                       .arguments = trial->arguments != NULL ? trial->arguments : "{}",
                                       .variables = variables->len > 0 ? gh_buf_cstr(variables) : NULL,
                                       .mime_type = entry->mime_type,
                                       .capabilities = "{}",
                                       .deadline = trial->timeout_ms > 0 ? gh_deadline_in(trial->timeout_ms)
                                                                         : gh_deadline_never()};
    gh_status status = check_arguments(entry, question.arguments, error);
    if (status != GH_OK) {
        return status;
    }
    gh_call_init(&call, &question, &NO_HOOKS);
    gh_call_run(&call, gh_api_handler_of(entry), slot);
    status = read_outcome(entry, &call, out, failed, error);
    gh_call_clear(&call);
    return status;
}

gh_status gh_api_try(gh_api *api, gh_toolset *tools, const gh_api_trial *trial, gh_buf *out, bool *failed,
                     gh_error *error)
{
    gh_api_set *set = NULL;
    gh_api_slot *slot = NULL;
    gh_buf variables = GH_BUF_INIT(VARIABLES_MAX);
    *failed = false;
    size_t index = find(tools, gh_view_of(trial->name), &variables);
    gh_status status = index < tools->entry_count
                           ? gh_api_set_new(api, tools, &set, error)
                           : gh_error_set(error, GH_ERR_NOT_FOUND,
                                          "there is no tool, resource or prompt %.200s; gatehouse tools "
                                          "check FILE shows what there is",
                                          trial->name);
    if (status == GH_OK) {
        slot = gh_api_slot_new(api, set, index);
        status = slot != NULL ? run(slot, &tools->entries[index], trial, &variables, out, failed, error)
                              : gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    gh_api_slot_release(slot);
    gh_api_set_release(set);
    gh_buf_free(&variables);
    return status;
}

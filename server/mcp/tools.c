/* tools/call of both eras (server/tools). */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/work.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define TASKS_NEEDED "{\"extensions\":{\"" GH_MCP_TASKS_EXTENSION "\":{}}}"
#define PATH_MAX_LEN 256

/* --- what the client must be able to do --- */

/* Is `name`, and each member of `value` below it, among the capabilities? */
static bool has_capability(gh_view capabilities, const char *prefix, gh_view key, gh_view value)
{
    gh_buf path = GH_BUF_INIT(PATH_MAX_LEN);
    gh_json_iter iter;
    gh_view name = {NULL, 0};
    gh_view inner = {NULL, 0};
    (void)gh_buf_append_cstr(&path, prefix);
    bool has =
        gh_json_slice_unescape(key, &path) == GH_OK && gh_call_capability(capabilities, gh_buf_cstr(&path));
    if (has && prefix[0] == '\0' && gh_json_slice_type(value) == GH_JSON_OBJECT &&
        gh_json_iter_start(value, &iter)) {
        (void)gh_buf_append_char(&path, '.');
        while (has && gh_json_iter_next(&iter, &name, &inner)) {
            has = has_capability(capabilities, gh_buf_cstr(&path), name, inner);
        }
    }
    gh_buf_free(&path);
    return has;
}

static bool has_all(gh_view capabilities, gh_view needs)
{
    gh_json_iter iter;
    gh_json_iter names;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    gh_view name = {NULL, 0};
    gh_view settings = {NULL, 0};
    bool has = true;
    if (!gh_json_iter_start(needs, &iter)) {
        return true;
    }
    while (has && gh_json_iter_next(&iter, &key, &value)) {
        if (!gh_json_slice_is(key, GH_VIEW_LIT("extensions"))) {
            has = has_capability(capabilities, "", key, value);
        } else if (gh_json_iter_start(value, &names)) {
            while (has && gh_json_iter_next(&names, &name, &settings)) {
                has = has_capability(capabilities, "extensions/", name, settings);
            }
        }
    }
    return has;
}

/* Before the handler runs, so that nothing has happened when the client hears of it. */
static bool check_client(gh_mcp_request *request, const gatehouse_tool *item)
{
    if (item->needs == NULL && (item->flags & GATEHOUSE_TASK_REQUIRED) == 0) {
        return true;
    }
    gh_view capabilities = gh_mcp_request_capabilities(request);
    if (item->needs != NULL && !has_all(capabilities, gh_view_of(item->needs))) {
        gh_mcp_request_lacks(request, "Tool", item->name, gh_view_of(item->needs));
        return false;
    }
    if (request->modern && (item->flags & GATEHOUSE_TASK_REQUIRED) != 0 &&
        !gh_call_capability(capabilities, "extensions/" GH_MCP_TASKS_EXTENSION)) {
        gh_mcp_request_lacks(request, "Tool", item->name, GH_VIEW_LIT(TASKS_NEEDED));
        return false;
    }
    return true;
}

/* --- the call --- */

/* Since 2025-11-25 wrong arguments are a result that the model can learn from; before, an error of the
 * protocol. */
static void answer_wrong_arguments(gh_mcp_request *request, const gh_error *why)
{
    if (strcmp(request->version, GH_MCP_VERSION_2025_11) >= 0) {
        gh_mcp_write_tool_error(request, why->message);
    } else {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "Invalid arguments: %s", why->message);
    }
}

/* The arguments as a tree that the caller owns, and raw; NULL after an answer. */
static cJSON *read_arguments(gh_mcp_request *request, gh_view *raw)
{
    *raw = gh_mcp_request_param(request, "arguments");
    if (raw->ptr == NULL) {
        *raw = GH_VIEW_LIT("{}");
    }
    if (gh_json_slice_type(*raw) != GH_JSON_OBJECT) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "params.arguments must be an object, not %s",
                            gh_mcp_type_name(*raw));
        return NULL;
    }
    cJSON *arguments = NULL;
    gh_error error = {GH_OK, ""};
    gh_status status = gh_json_parse(*raw, request->engine->options.limits, &arguments, &error);
    if (status == GH_ERR_NOMEM) {
        gh_mcp_request_fail_status(request, status);
    } else if (status != GH_OK) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "params.arguments: %s", error.message);
    }
    return status == GH_OK ? arguments : NULL;
}

/* True when the handler may see them. */
static bool check_arguments(gh_mcp_request *request, const gh_mcp_tool *tool, gh_view *raw)
{
    gh_error why = {GH_OK, ""};
    cJSON *arguments = read_arguments(request, raw);
    bool fine = arguments != NULL;
    if (fine && request->modern) {
        fine = gh_mcp_mirror_params(request, tool, arguments);
    }
    if (fine && gh_schema_check(tool->input, arguments, "arguments", &why) != GH_OK) {
        answer_wrong_arguments(request, &why);
        fine = false;
    }
    cJSON_Delete(arguments);
    return fine;
}

static void call_tool(gh_mcp_request *request, const char *name)
{
    gh_view arguments = {NULL, 0};
    const gh_mcp_tool *tool = gh_mcp_catalog_tool(request->catalog, gh_view_of(name));
    if (tool == NULL) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "Unknown tool: %.128s", name);
    } else if (!gh_mcp_require_scopes(request, "tool", tool->item.scopes) ||
               !check_client(request, &tool->item) || !check_arguments(request, tool, &arguments)) {
        gh_metrics *metrics = request->engine->options.metrics;
        gh_metrics_count(metrics, GH_METRIC_CALLS, gh_metrics_tool(metrics, gh_view_of(name)),
                         GH_CALLS_REFUSED);
    } else {
        const gh_mcp_aim aim = {.kind = GH_CALL_TOOL,
                                .item = tool->label,
                                .target = gh_view_of(name),
                                .arguments = arguments,
                                .handler = tool->item.call,
                                .data = tool->item.data,
                                .tool = tool,
                                .flags = tool->item.flags,
                                .timeout_ms = tool->item.timeout_ms};
        gh_mcp_work_start(request, &aim);
    }
}

void gh_mcp_tools_call(gh_mcp_request *request)
{
    if (!gh_mcp_request_offers(request, gh_mcp_catalog_has(request->catalog, GH_MCP_TOOLS))) {
        return;
    }
    char *name = gh_mcp_request_string(request, request->message->params, "params", "name");
    if (name != NULL) {
        call_tool(request, name);
        free(name);
    }
}

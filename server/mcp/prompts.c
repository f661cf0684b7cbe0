/* prompts/get of both eras (server/prompts). */
#include <stdlib.h>

#include "server/mcp/work.h"
#include "shared/json/slice.h"

/* Every value is a string, and what is required is there. Answers and returns false when not. */
static bool check_arguments(gh_mcp_request *request, const gh_mcp_prompt *prompt, gh_view arguments)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    if (!gh_mcp_check_strings(request, arguments, "params.arguments")) {
        return false;
    }
    for (size_t i = 0; i < prompt->argument_count; i++) {
        const gh_mcp_prompt_argument *argument = &prompt->arguments[i];
        bool there = !argument->required;
        if (!there && arguments.len > 0 && gh_json_iter_start(arguments, &iter)) {
            while (!there && gh_json_iter_next(&iter, &key, &value)) {
                there = gh_json_slice_is(key, gh_view_of(argument->name));
            }
        }
        if (!there) {
            gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "params.arguments.%.128s is missing",
                                argument->name);
            return false;
        }
    }
    return true;
}

static void get_prompt(gh_mcp_request *request, const char *name)
{
    const gh_mcp_prompt *prompt = gh_mcp_catalog_prompt(request->catalog, gh_view_of(name));
    gh_view arguments = gh_mcp_request_param(request, "arguments");
    if (prompt == NULL) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "Unknown prompt: %.128s", name);
    } else if (gh_mcp_require_scopes(request, "prompt", prompt->item.scopes) &&
               check_arguments(request, prompt, arguments)) {
        const gh_mcp_aim aim = {.kind = GH_CALL_PROMPT,
                                .item = prompt->label,
                                .target = gh_view_of(name),
                                .arguments = arguments,
                                .handler = prompt->item.get,
                                .data = prompt->item.data,
                                .flags = prompt->item.flags,
                                .timeout_ms = prompt->item.timeout_ms};
        gh_mcp_work_start(request, &aim);
    }
}

void gh_mcp_prompts_get(gh_mcp_request *request)
{
    if (!gh_mcp_request_offers(request, gh_mcp_catalog_has(request->catalog, GH_MCP_PROMPTS))) {
        return;
    }
    char *name = gh_mcp_request_string(request, request->message->params, "params", "name");
    if (name != NULL) {
        get_prompt(request, name);
        free(name);
    }
}

/* completion/complete of both eras (server/utilities/completion). */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/work.h"
#include "shared/json/slice.h"

bool gh_mcp_check_strings(gh_mcp_request *request, gh_view object, const char *path)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    if (object.ptr == NULL) {
        return true;
    }
    if (gh_json_slice_type(object) != GH_JSON_OBJECT || !gh_json_iter_start(object, &iter)) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "%s must be an object, not %s", path,
                            gh_mcp_type_name(object));
        return false;
    }
    while (gh_json_iter_next(&iter, &key, &value)) {
        if (gh_json_slice_type(value) != GH_JSON_STRING) {
            gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "%s must hold strings, not %s", path,
                                gh_mcp_type_name(value));
            return false;
        }
    }
    return true;
}

static bool has_argument(const gh_mcp_prompt *prompt, const char *name)
{
    for (size_t i = 0; i < prompt->argument_count; i++) {
        if (strcmp(prompt->arguments[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void complete_nothing(gh_mcp_request *request)
{
    gh_buf out = GH_BUF_INIT(4096);
    (void)gh_buf_append_cstr(&out, request->modern ? "{\"resultType\":\"complete\"," : "{");
    (void)gh_buf_append_cstr(&out, "\"completion\":{\"values\":[],\"hasMore\":false}");
    if (request->modern) {
        (void)gh_buf_append_char(&out, ',');
        (void)gh_buf_append_cstr(&out, request->engine->texts.modern_meta);
    }
    (void)gh_buf_append_char(&out, '}');
    gh_mcp_request_answer(request, &out);
    gh_buf_free(&out);
}

/* The rest of the aim is filled by whoever found the item. */
static void run(gh_mcp_request *request, gh_mcp_aim *aim, gh_view argument)
{
    gh_view context = gh_mcp_request_param(request, "context");
    gh_view known = {NULL, 0};
    if (context.ptr != NULL && gh_json_slice_type(context) != GH_JSON_OBJECT) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "params.context must be an object, not %s",
                            gh_mcp_type_name(context));
        return;
    }
    if (context.ptr != NULL) {
        (void)gh_json_slice_member(context, "arguments", &known);
    }
    if (!gh_mcp_check_strings(request, known, "params.context.arguments")) {
        return;
    }
    char *typed = gh_mcp_request_string(request, argument, "params.argument", "value");
    if (typed == NULL) {
        return;
    }
    if (aim->handler == NULL) {
        complete_nothing(request);
    } else {
        aim->kind = GH_CALL_COMPLETION;
        aim->arguments = known;
        aim->typed = gh_view_of(typed);
        gh_mcp_work_start(request, aim);
    }
    free(typed);
}

static void complete_prompt(gh_mcp_request *request, const char *prompt, gh_view argument, const char *name)
{
    const gh_mcp_prompt *found = gh_mcp_catalog_prompt(request->catalog, gh_view_of(prompt));
    if (found == NULL) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "Unknown prompt: %.128s", prompt);
    } else if (!has_argument(found, name)) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "The prompt has no argument %.128s", name);
    } else if (gh_mcp_require_scopes(request, "prompt", found->item.scopes)) {
        gh_mcp_aim aim = {.item = found->label,
                          .target = gh_view_of(prompt),
                          .completing = gh_view_of(name),
                          .handler = found->item.complete,
                          .data = found->item.data,
                          .flags = found->item.flags,
                          .timeout_ms = found->item.timeout_ms};
        run(request, &aim, argument);
    }
}

static void complete_template(gh_mcp_request *request, const char *uri, gh_view argument, const char *name)
{
    const gh_mcp_template *found = gh_mcp_catalog_template(request->catalog, gh_view_of(uri));
    if (found == NULL) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "Unknown resource template: %.256s", uri);
    } else if (!gh_mcp_template_has_variable(found, gh_view_of(name))) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS, "The template has no variable %.128s", name);
    } else if (gh_mcp_require_scopes(request, "resource template", found->item.scopes)) {
        gh_mcp_aim aim = {.item = found->label,
                          .target = gh_view_of(uri),
                          .completing = gh_view_of(name),
                          .handler = found->item.complete,
                          .data = found->item.data,
                          .flags = found->item.flags,
                          .timeout_ms = found->item.timeout_ms};
        run(request, &aim, argument);
    }
}

static void complete(gh_mcp_request *request, gh_view ref, gh_view argument, const char *name)
{
    gh_view type = {NULL, 0};
    char *target = NULL;
    (void)gh_json_slice_member(ref, "type", &type);
    if (gh_json_slice_is(type, GH_VIEW_LIT("ref/prompt"))) {
        target = gh_mcp_request_string(request, ref, "params.ref", "name");
        if (target != NULL) {
            complete_prompt(request, target, argument, name);
        }
    } else if (gh_json_slice_is(type, GH_VIEW_LIT("ref/resource"))) {
        target = gh_mcp_request_string(request, ref, "params.ref", "uri");
        if (target != NULL) {
            complete_template(request, target, argument, name);
        }
    } else {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                            "params.ref.type must be \"ref/prompt\" or \"ref/resource\"");
    }
    free(target);
}

void gh_mcp_complete(gh_mcp_request *request)
{
    if (!gh_mcp_request_offers(request, gh_mcp_catalog_completes(request->catalog))) {
        return;
    }
    gh_view ref = gh_mcp_request_param(request, "ref");
    gh_view argument = gh_mcp_request_param(request, "argument");
    if (gh_json_slice_type(ref) != GH_JSON_OBJECT || gh_json_slice_type(argument) != GH_JSON_OBJECT) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                            "params.ref and params.argument must be objects");
        return;
    }
    char *name = gh_mcp_request_string(request, argument, "params.argument", "name");
    if (name != NULL) {
        complete(request, ref, argument, name);
        free(name);
    }
}

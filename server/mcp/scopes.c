/* Scopes that items need (2026-07-28, basic/authorization, "Scope Challenge Handling"): looked at when the
 * item of a request is found, before its arguments are read or its handler runs. A batch is looked through
 * before its first message is served, so that a refusal leaves nothing half done. */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/engine_private.h"
#include "shared/json/slice.h"

#define NEEDED_MAX ((size_t)64 * 1024)

bool gh_mcp_may(const gh_mcp_request *request, const char *scopes)
{
    return request->engine->options.ignore_scopes ||
           gh_mcp_catalog_allows(request->catalog, request->principal->scope, scopes);
}

const char *gh_mcp_shown_to(const gh_mcp_request *request)
{
    const gh_mcp_options *options = &request->engine->options;
    const char *granted = request->principal->scope;
    if (!options->hide_unscoped || options->ignore_scopes) {
        return NULL;
    }
    return granted != NULL ? granted : "";
}

static void refuse(gh_mcp_request *request, const char *noun, const char *scopes)
{
    const gh_mcp_reply *reply = request->reply;
    gh_error why = {GH_OK, ""};
    (void)gh_error_set(&why, GH_ERR_DENIED, "The access token does not allow what this %s needs: %.256s%s",
                       noun, scopes, strlen(scopes) > 256 ? "..." : "");
    if (reply == NULL || reply->insufficient_scope == NULL) {
        gh_mcp_request_fail(request, 403, GH_RPC_INVALID_REQUEST, "%s", why.message);
        return;
    }
    request->error = why;
    request->code = GH_RPC_INVALID_REQUEST; /* for the log */
    request->http_status = 403;
    request->delivered = true;
    reply->insufficient_scope(reply->context, scopes, why.message);
}

bool gh_mcp_require_scopes(gh_mcp_request *request, const char *noun, const char *scopes)
{
    bool may = gh_mcp_may(request, scopes);
    if (!may) {
        refuse(request, noun, scopes);
    }
    return may;
}

/* --- batches --- */

/* Methods whose item may need scopes, and where each says which item it is about. */
static const struct {
    const char *method;
    const char *outer; /* NULL: the member is one of params */
    const char *member;
    gh_mcp_kind kind;
} ABOUT[] = {
    {GH_MCP_TOOLS_CALL, NULL, "name", GH_MCP_TOOLS},
    {GH_MCP_PROMPTS_GET, NULL, "name", GH_MCP_PROMPTS},
    {GH_MCP_RESOURCES_READ, NULL, "uri", GH_MCP_RESOURCES},
    {GH_MCP_RESOURCES_SUBSCRIBE, NULL, "uri", GH_MCP_RESOURCES},
    {GH_MCP_COMPLETE, "ref", "name", GH_MCP_PROMPTS},
    {GH_MCP_COMPLETE, "ref", "uri", GH_MCP_TEMPLATES},
};

const char *gh_mcp_resource_scopes(const gh_mcp_catalog *catalog, gh_view uri)
{
    gh_buf variables = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    const gh_mcp_template *matching = NULL;
    const gh_mcp_resource *found = gh_mcp_catalog_resource(catalog, uri);
    if (found == NULL) {
        matching = gh_mcp_catalog_match(catalog, uri, &variables);
    }
    gh_buf_free(&variables);
    return found != NULL ? found->item.scopes : (matching != NULL ? matching->item.scopes : NULL);
}

static const char *scopes_of(const gh_mcp_catalog *catalog, gh_mcp_kind kind, gh_view name)
{
    const gh_mcp_tool *tool = NULL;
    const gh_mcp_prompt *prompt = NULL;
    const gh_mcp_template *completed = NULL;
    switch (kind) {
    case GH_MCP_TOOLS:
        tool = gh_mcp_catalog_tool(catalog, name);
        return tool != NULL ? tool->item.scopes : NULL;
    case GH_MCP_PROMPTS:
        prompt = gh_mcp_catalog_prompt(catalog, name);
        return prompt != NULL ? prompt->item.scopes : NULL;
    case GH_MCP_RESOURCES:
        return gh_mcp_resource_scopes(catalog, name);
    case GH_MCP_TEMPLATES:
        completed = gh_mcp_catalog_template(catalog, name);
        return completed != NULL ? completed->item.scopes : NULL;
    case GH_MCP_KINDS:
        break;
    }
    return NULL;
}

static void add_needed(const gh_mcp_catalog *catalog, const gh_rpc_message *message, gh_buf *needed)
{
    for (size_t i = 0; i < sizeof ABOUT / sizeof ABOUT[0]; i++) {
        gh_view in = message->params;
        gh_view raw = {NULL, 0};
        char *name = NULL;
        if (strcmp(message->method, ABOUT[i].method) != 0 || gh_json_slice_type(in) != GH_JSON_OBJECT ||
            (ABOUT[i].outer != NULL &&
             (!gh_json_slice_member(in, ABOUT[i].outer, &in) || gh_json_slice_type(in) != GH_JSON_OBJECT)) ||
            !gh_json_slice_member(in, ABOUT[i].member, &raw) || gh_json_slice_type(raw) != GH_JSON_STRING) {
            continue;
        }
        if (gh_json_slice_string(raw, &name) == GH_OK) {
            gh_scope_unite(needed, scopes_of(catalog, ABOUT[i].kind, gh_view_of(name)));
        }
        free(name);
    }
}

static bool any_scoped(const gh_mcp_catalog *catalog)
{
    bool any = false;
    for (int kind = 0; kind < GH_MCP_KINDS; kind++) {
        any = any || gh_mcp_catalog_scoped(catalog, (gh_mcp_kind)kind);
    }
    return any;
}

/* A message that cannot be read needs nothing: it will not run. Should memory lack here, each message is
 * still looked at before it runs. */
bool gh_mcp_require_batch_scopes(gh_mcp_request *request)
{
    gh_json_iter iter;
    gh_view raw = {NULL, 0};
    gh_buf needed = GH_BUF_INIT(NEEDED_MAX);
    bool may = true;
    if (!any_scoped(request->catalog) || !gh_json_iter_start(request->message->raw, &iter)) {
        return true;
    }
    while (gh_json_iter_next(&iter, NULL, &raw)) {
        gh_rpc_message message = {.method = NULL};
        if (gh_rpc_parse(raw, request->engine->options.limits, &message, NULL) == GH_OK &&
            message.kind == GH_RPC_REQUEST) {
            add_needed(request->catalog, &message, &needed);
        }
        gh_rpc_message_clear(&message);
    }
    if (needed.len > 0 && gh_buf_status(&needed) == GH_OK) {
        may = gh_mcp_require_scopes(request, "batch", gh_buf_cstr(&needed));
    }
    gh_buf_free(&needed);
    return may;
}

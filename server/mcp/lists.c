/* The lists of both eras (server/tools, server/resources, server/prompts, server/utilities/pagination). */
#include "server/mcp/engine_private.h"

void gh_mcp_list(gh_mcp_request *request, gh_mcp_kind kind)
{
    gh_view cursor = gh_mcp_request_param(request, "cursor");
    gh_buf out = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    (void)gh_buf_append_cstr(&out, request->modern ? "{\"resultType\":\"complete\"," : "{");
    gh_status status = gh_mcp_catalog_list_for(request->catalog, kind, cursor, request->modern,
                                               gh_mcp_shown_to(request), &out);
    if (request->modern) {
        (void)gh_buf_append_char(&out, ',');
        (void)gh_buf_append_cstr(&out, GH_MCP_CACHE_LIST);
        (void)gh_buf_append_char(&out, ',');
        (void)gh_buf_append_cstr(&out, request->engine->texts.modern_meta);
    }
    (void)gh_buf_append_char(&out, '}');
    if (status == GH_OK) {
        gh_mcp_request_answer(request, &out);
    } else if (status == GH_ERR_INVALID) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                            "params.cursor is not one that this list gave out: start again without it");
    } else {
        gh_mcp_request_fail_status(request, status);
    }
    gh_buf_free(&out);
}

void gh_mcp_tools_list(gh_mcp_request *request)
{
    if (gh_mcp_request_offers(request, gh_mcp_catalog_has(request->catalog, GH_MCP_TOOLS))) {
        gh_mcp_list(request, GH_MCP_TOOLS);
    }
}

bool gh_mcp_offers_resources(gh_mcp_request *request)
{
    return gh_mcp_request_offers(request, gh_mcp_catalog_has(request->catalog, GH_MCP_RESOURCES) ||
                                              gh_mcp_catalog_has(request->catalog, GH_MCP_TEMPLATES));
}

void gh_mcp_resources_list(gh_mcp_request *request)
{
    if (gh_mcp_offers_resources(request)) {
        gh_mcp_list(request, GH_MCP_RESOURCES);
    }
}

void gh_mcp_templates_list(gh_mcp_request *request)
{
    if (gh_mcp_offers_resources(request)) {
        gh_mcp_list(request, GH_MCP_TEMPLATES);
    }
}

void gh_mcp_prompts_list(gh_mcp_request *request)
{
    if (gh_mcp_request_offers(request, gh_mcp_catalog_has(request->catalog, GH_MCP_PROMPTS))) {
        gh_mcp_list(request, GH_MCP_PROMPTS);
    }
}

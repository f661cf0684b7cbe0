/* Methods that only sessions have: logging/setLevel, resources/subscribe and resources/unsubscribe
 * (2025-11-25, server/utilities/logging, server/resources). */
#include <stdlib.h>

#include "server/mcp/legacy.h"

void gh_mcp_legacy_set_level(gh_mcp_request *request)
{
    gatehouse_level level = GATEHOUSE_INFO;
    if (gh_mcp_level_of(gh_mcp_request_param(request, "level"), &level)) {
        gh_mcp_session_set_level(request->session, level);
        gh_mcp_request_result(request, GH_VIEW_LIT("{}"));
    } else {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                            "params.level must be debug, info, notice, warning, error, critical, alert or "
                            "emergency");
    }
}

static bool offers_resources(gh_mcp_request *request)
{
    return gh_mcp_request_offers(request, gh_mcp_catalog_has(request->catalog, GH_MCP_RESOURCES) ||
                                              gh_mcp_catalog_has(request->catalog, GH_MCP_TEMPLATES));
}

/* There is such a resource, or a template has room for it. */
static bool is_known(const gh_mcp_request *request, gh_view uri)
{
    gh_buf variables = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    bool known = gh_mcp_catalog_resource(request->catalog, uri) != NULL ||
                 gh_mcp_catalog_match(request->catalog, uri, &variables) != NULL;
    gh_buf_free(&variables);
    return known;
}

static void subscribe_to(gh_mcp_request *request, gh_view uri)
{
    if (!is_known(request, uri)) {
        gh_mcp_resource_unknown(request, uri);
        return;
    }
    if (!gh_mcp_require_scopes(request, "resource", gh_mcp_resource_scopes(request->catalog, uri))) {
        return;
    }
    gh_status status = gh_mcp_session_subscribe(request->session, uri);
    if (status == GH_ERR_TOO_LARGE) {
        gh_mcp_request_fail(
            request, 200, GH_RPC_INVALID_PARAMS,
            "A session can subscribe to %d resources, with URIs of up to 8 KiB, and all sessions "
            "of one user to URIs of %zu MiB together",
            GH_MCP_SESSION_SUBSCRIPTIONS_MAX, GH_MCP_SESSION_SUBSCRIBED_BYTES >> 20);
    } else if (status != GH_OK) {
        gh_mcp_request_fail_status(request, status);
    } else {
        gh_mcp_request_result(request, GH_VIEW_LIT("{}"));
    }
}

void gh_mcp_legacy_subscribe(gh_mcp_request *request)
{
    char *uri = NULL;
    if (offers_resources(request)) {
        uri = gh_mcp_request_string(request, request->message->params, "params", "uri");
    }
    if (uri != NULL) {
        subscribe_to(request, gh_view_of(uri));
    }
    free(uri);
}

void gh_mcp_legacy_unsubscribe(gh_mcp_request *request)
{
    char *uri = NULL;
    if (offers_resources(request)) {
        uri = gh_mcp_request_string(request, request->message->params, "params", "uri");
    }
    if (uri != NULL) {
        gh_mcp_session_unsubscribe(request->session, gh_view_of(uri));
        gh_mcp_request_result(request, GH_VIEW_LIT("{}"));
    }
    free(uri);
}

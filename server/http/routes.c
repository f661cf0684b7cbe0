#include "server/http/routes.h"

#include <string.h>

size_t gh_routes_fill(gh_pages *pages, gh_oauth_server *oauth, gh_mcp_endpoint *endpoint, size_t max_body,
                      gh_route routes[GH_ROUTES_MAX])
{
    /* clang-format off */
    const gh_route table[] = {
        {"POST", "/mcp", GH_ROUTE_SHARED, gh_mcp_handle_post, endpoint, false, max_body, gh_mcp_admit},
        {"GET", "/mcp", GH_ROUTE_SHARED, gh_mcp_handle_get, endpoint, false, 0, NULL},
        {"DELETE", "/mcp", GH_ROUTE_SHARED, gh_mcp_handle_delete, endpoint, false, 0, NULL},

        {"GET", "/.well-known/oauth-protected-resource", GH_ROUTE_OPEN, gh_pages_handle_resource_metadata, pages, false, 0, NULL},
        {"GET", "/.well-known/oauth-protected-resource/mcp", GH_ROUTE_OPEN, gh_pages_handle_resource_metadata, pages, false, 0, NULL},
        /* The issuer has no path; clients look below the resource's path all the same, before and after it. */
        {"GET", "/.well-known/oauth-authorization-server", GH_ROUTE_OPEN, gh_oauth_handle_metadata, oauth, false, 0, NULL},
        {"GET", "/.well-known/oauth-authorization-server/mcp", GH_ROUTE_OPEN, gh_oauth_handle_metadata, oauth, false, 0, NULL},
        {"GET", "/mcp/.well-known/oauth-authorization-server", GH_ROUTE_OPEN, gh_oauth_handle_metadata, oauth, false, 0, NULL},
        {"GET", "/.well-known/openid-configuration", GH_ROUTE_OPEN, gh_oauth_handle_openid_metadata, oauth, false, 0, NULL},
        {"GET", "/.well-known/openid-configuration/mcp", GH_ROUTE_OPEN, gh_oauth_handle_openid_metadata, oauth, false, 0, NULL},
        {"GET", "/mcp/.well-known/openid-configuration", GH_ROUTE_OPEN, gh_oauth_handle_openid_metadata, oauth, false, 0, NULL},
        {"GET", "/jwks", GH_ROUTE_OPEN, gh_oauth_handle_jwks, oauth, false, 0, NULL},

        {"POST", "/register", GH_ROUTE_SHARED, gh_oauth_handle_register, oauth, false, 0, NULL},
        {"POST", "/token", GH_ROUTE_SHARED, gh_oauth_handle_token, oauth, false, 0, NULL},
        {"POST", "/revoke", GH_ROUTE_SHARED, gh_oauth_handle_revoke, oauth, false, 0, NULL},
        {"GET", "/authorize", GH_ROUTE_OPEN, gh_oauth_handle_authorize, oauth, false, 0, NULL},
        {"GET", "/authorize/login", GH_ROUTE_OPEN, gh_oauth_handle_login, oauth, false, 0, NULL},
        {"POST", "/authorize/login", GH_ROUTE_OWN, gh_oauth_handle_login, oauth, false, 0, NULL},
        {"GET", "/authorize/consent", GH_ROUTE_OPEN, gh_oauth_handle_consent, oauth, false, 0, NULL},
        {"POST", "/authorize/consent", GH_ROUTE_OWN, gh_oauth_handle_consent, oauth, false, 0, NULL},

        {"GET", "/healthz", GH_ROUTE_OPEN, gh_pages_handle_health, pages, true, 0, NULL},
        {"GET", "/readyz", GH_ROUTE_OPEN, gh_pages_handle_ready, pages, true, 0, NULL},
        {"GET", "/", GH_ROUTE_OPEN, gh_pages_handle_home, pages, false, 0, NULL},
        {"GET", "/favicon.ico", GH_ROUTE_OPEN, gh_pages_handle_icon, pages, false, 0, NULL},
    };
    /* clang-format on */
    _Static_assert(sizeof table <= sizeof(gh_route[GH_ROUTES_MAX]), "GH_ROUTES_MAX is too small");
    memcpy(routes, table, sizeof table);
    return sizeof table / sizeof table[0];
}

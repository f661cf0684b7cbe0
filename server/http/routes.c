#include "server/http/routes.h"

#include <string.h>

typedef struct filling {
    gh_route *routes;
    size_t count;
} filling;

static void add(filling *to, const gh_route *rows, size_t count)
{
    if (to->count + count <= GH_ROUTES_MAX) {
        memcpy(to->routes + to->count, rows, count * sizeof *rows);
        to->count += count;
    }
}

#define ADD(to, rows) add((to), (rows), sizeof(rows) / sizeof((rows)[0]))

/* clang-format off */
static void add_common(filling *to, const gh_routes_parts *parts)
{
    gh_pages *pages = parts->pages;
    gh_mcp_endpoint *endpoint = parts->endpoint;
    const gh_route rows[] = {
        {"POST", "/mcp", GH_ROUTE_SHARED, gh_mcp_handle_post, endpoint, false, parts->max_body, gh_mcp_admit},
        {"GET", "/mcp", GH_ROUTE_SHARED, gh_mcp_handle_get, endpoint, false, 0, NULL},
        {"DELETE", "/mcp", GH_ROUTE_SHARED, gh_mcp_handle_delete, endpoint, false, 0, NULL},
        {"GET", "/healthz", GH_ROUTE_OPEN, gh_pages_handle_health, pages, true, 0, NULL},
        {"GET", "/readyz", GH_ROUTE_OPEN, gh_pages_handle_ready, pages, true, 0, NULL},
        {"GET", "/", GH_ROUTE_OPEN, gh_pages_handle_home, pages, false, 0, NULL},
        {"GET", "/favicon.ico", GH_ROUTE_OPEN, gh_pages_handle_icon, pages, false, 0, NULL},
    };
    ADD(to, rows);
}

static void add_resource_metadata(filling *to, gh_pages *pages)
{
    const gh_route rows[] = {
        {"GET", "/.well-known/oauth-protected-resource", GH_ROUTE_OPEN, gh_pages_handle_resource_metadata, pages, false, 0, NULL},
        {"GET", "/.well-known/oauth-protected-resource/mcp", GH_ROUTE_OPEN, gh_pages_handle_resource_metadata, pages, false, 0, NULL},
    };
    ADD(to, rows);
}

/* The issuer has no path; clients look below the resource's path all the same, before and after it. */
static void add_metadata(filling *to, gh_handler plain, gh_handler openid, void *context)
{
    const gh_route rows[] = {
        {"GET", "/.well-known/oauth-authorization-server", GH_ROUTE_OPEN, plain, context, false, 0, NULL},
        {"GET", "/.well-known/oauth-authorization-server/mcp", GH_ROUTE_OPEN, plain, context, false, 0, NULL},
        {"GET", "/mcp/.well-known/oauth-authorization-server", GH_ROUTE_OPEN, plain, context, false, 0, NULL},
        {"GET", "/.well-known/openid-configuration", GH_ROUTE_OPEN, openid, context, false, 0, NULL},
        {"GET", "/.well-known/openid-configuration/mcp", GH_ROUTE_OPEN, openid, context, false, 0, NULL},
        {"GET", "/mcp/.well-known/openid-configuration", GH_ROUTE_OPEN, openid, context, false, 0, NULL},
    };
    ADD(to, rows);
}

static void add_authorization_server(filling *to, gh_oauth_server *oauth)
{
    const gh_route rows[] = {
        {"GET", "/jwks", GH_ROUTE_OPEN, gh_oauth_handle_jwks, oauth, false, 0, NULL},
        {"POST", "/register", GH_ROUTE_SHARED, gh_oauth_handle_register, oauth, false, 0, NULL},
        {"POST", "/token", GH_ROUTE_SHARED, gh_oauth_handle_token, oauth, false, 0, NULL},
        {"POST", "/revoke", GH_ROUTE_SHARED, gh_oauth_handle_revoke, oauth, false, 0, NULL},
        {"GET", "/authorize", GH_ROUTE_OPEN, gh_oauth_handle_authorize, oauth, false, 0, NULL},
        {"GET", "/authorize/consent", GH_ROUTE_OPEN, gh_oauth_handle_consent, oauth, false, 0, NULL},
        {"POST", "/authorize/consent", GH_ROUTE_OWN, gh_oauth_handle_consent, oauth, false, 0, NULL},
        {"POST", "/device_authorization", GH_ROUTE_SHARED, gh_oauth_handle_device_authorization, oauth, false, 0, NULL},
        {"GET", "/device", GH_ROUTE_OPEN, gh_oauth_handle_device, oauth, false, 0, NULL},
        {"POST", "/device", GH_ROUTE_OWN, gh_oauth_handle_device, oauth, false, 0, NULL},
    };
    ADD(to, rows);
    add_metadata(to, gh_oauth_handle_metadata, gh_oauth_handle_openid_metadata, oauth);
}

static void add_dev_login(filling *to, gh_oauth_server *oauth)
{
    const gh_route rows[] = {
        {"GET", "/authorize/login", GH_ROUTE_OPEN, gh_oauth_handle_login, oauth, false, 0, NULL},
        {"POST", "/authorize/login", GH_ROUTE_OWN, gh_oauth_handle_login, oauth, false, 0, NULL},
    };
    ADD(to, rows);
}

static void add_callback(filling *to, gh_oauth_server *oauth)
{
    const gh_route rows[] = {
        {"GET", "/callback", GH_ROUTE_OPEN, gh_oauth_handle_callback, oauth, false, 0, NULL},
    };
    ADD(to, rows);
}

static void add_facade(filling *to, gh_facade *facade)
{
    const gh_route rows[] = {
        {"POST", "/register", GH_ROUTE_SHARED, gh_facade_handle_register, facade, false, 0, NULL},
    };
    ADD(to, rows);
    add_metadata(to, gh_facade_handle_metadata, gh_facade_handle_openid_metadata, facade);
}
/* clang-format on */

size_t gh_routes_fill(const gh_routes_parts *parts, gh_route routes[GH_ROUTES_MAX])
{
    filling to = {routes, 0};
    add_common(&to, parts);
    if (!parts->open) {
        add_resource_metadata(&to, parts->pages);
    }
    if (parts->oauth != NULL) {
        add_authorization_server(&to, parts->oauth);
        if (parts->dev_login) {
            add_dev_login(&to, parts->oauth);
        } else {
            add_callback(&to, parts->oauth);
        }
    }
    if (parts->facade != NULL) {
        add_facade(&to, parts->facade);
    }
    return to.count;
}

#include "server/http/router.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/http/cors.h"

struct gh_router {
    const gh_site *site;
    const gh_route *routes;
    size_t count;
};

gh_status gh_router_new(const gh_site *site, const gh_route *routes, size_t count, gh_router **router)
{
    *router = calloc(1, sizeof **router);
    if (*router == NULL) {
        return GH_ERR_NOMEM;
    }
    **router = (gh_router){.site = site, .routes = routes, .count = count};
    return GH_OK;
}

void gh_router_free(gh_router *router)
{
    free(router);
}

static bool method_matches(const gh_route *route, gh_view method)
{
    return gh_view_eq_cstr(method, route->method) ||
           (gh_view_eq_cstr(method, "HEAD") && strcmp(route->method, "GET") == 0);
}

/* The row for path and method, or NULL; *known is any row of that path, or NULL. */
static const gh_route *find(const gh_router *router, const gh_request *request, const gh_route **known)
{
    *known = NULL;
    for (size_t i = 0; i < router->count; i++) {
        const gh_route *route = &router->routes[i];
        if (!gh_view_eq_cstr(request->path, route->path)) {
            continue;
        }
        *known = route;
        if (method_matches(route, request->method)) {
            return route;
        }
    }
    return NULL;
}

size_t gh_router_index(const gh_router *router, const gh_request *request)
{
    const gh_route *known;
    const gh_route *route = find(router, request, &known);
    return route != NULL ? (size_t)(route - router->routes) : SIZE_MAX;
}

static bool is_preflight(const gh_request *request)
{
    return gh_view_eq_cstr(request->method, "OPTIONS") && gh_request_header(request, "Origin").ptr != NULL &&
           gh_request_header(request, "Access-Control-Request-Method").ptr != NULL;
}

bool gh_router_is_unlimited(const gh_router *router, const gh_request *request)
{
    const gh_route *known;
    const gh_route *route = find(router, request, &known);
    return (route != NULL && route->any_host) || is_preflight(request);
}

size_t gh_router_body_limit(const gh_router *router, const gh_request *request)
{
    const gh_route *known;
    const gh_route *route = find(router, request, &known);
    return route != NULL && route->large_body > GH_ROUTE_BODY_MAX ? route->large_body : GH_ROUTE_BODY_MAX;
}

bool gh_router_admits_large(const gh_router *router, const gh_request *request)
{
    const gh_route *known;
    const gh_route *route = find(router, request, &known);
    return route != NULL && route->admit != NULL && route->admit(route->context, request);
}

/* "GET, HEAD, POST, OPTIONS" of a path. */
static void write_methods(const gh_router *router, gh_view path, gh_buf *out)
{
    for (size_t i = 0; i < router->count; i++) {
        const gh_route *route = &router->routes[i];
        if (gh_view_eq_cstr(path, route->path)) {
            (void)gh_buf_append_cstr(out, route->method);
            (void)gh_buf_append_cstr(out, strcmp(route->method, "GET") == 0 ? ", HEAD, " : ", ");
        }
    }
    (void)gh_buf_append_cstr(out, "OPTIONS");
}

static void answer_wrong_host(const gh_router *router, gh_site_host host, gh_response *response)
{
    gh_buf text = GH_BUF_INIT(1024);
    if (host == GH_SITE_HOST_INVALID) {
        gh_response_error(response, 400, "invalid_request",
                          "The Host header is not a host name with a port.");
    } else {
        (void)gh_buf_appendf(&text, "This server is %s and answers under that name only. Use %s",
                             gh_site_origin(router->site), gh_site_mcp_url(router->site));
        gh_response_error(response, 421, "misdirected_request", gh_buf_cstr(&text));
    }
    response->close = true;
    gh_buf_free(&text);
}

static bool origin_passes(const gh_router *router, const gh_route *route, gh_view origin)
{
    if (origin.ptr == NULL) {
        return true;
    }
    switch (route->origin) {
    case GH_ROUTE_OPEN:
        return true;
    case GH_ROUTE_SHARED:
        return gh_site_allows_origin(router->site, origin);
    case GH_ROUTE_OWN:
        break;
    }
    return gh_site_is_own_origin(router->site, origin);
}

static void refuse_origin(gh_response *response)
{
    gh_response_error(response, 403, "origin_not_allowed",
                      "Pages of this origin may not call this server. Its administrator can allow the origin "
                      "with --allow-origin.");
}

static void answer_options(const gh_router *router, const gh_route *known, const gh_request *request,
                           gh_response *response)
{
    gh_buf methods = GH_BUF_INIT(256);
    gh_view origin = gh_request_header(request, "Origin");
    write_methods(router, request->path, &methods);
    if (!is_preflight(request)) {
        gh_response_header(response, "Allow", gh_buf_view(&methods));
        gh_response_empty(response, 204);
    } else if (known->origin == GH_ROUTE_OWN || !gh_site_allows_origin(router->site, origin)) {
        gh_response_header_cstr(response, "Vary", "Origin");
        refuse_origin(response);
    } else {
        gh_cors_preflight(request, origin, gh_buf_view(&methods), response);
        gh_response_empty(response, 204);
    }
    gh_buf_free(&methods);
}

static void answer_wrong_method(const gh_router *router, const gh_request *request, gh_response *response)
{
    gh_buf methods = GH_BUF_INIT(256);
    write_methods(router, request->path, &methods);
    gh_response_header(response, "Allow", gh_buf_view(&methods));
    gh_response_error(response, 405, "method_not_allowed",
                      "This path does not know that method; the Allow header lists those it knows.");
    gh_buf_free(&methods);
}

static void add_cors(const gh_router *router, const gh_route *route, gh_view origin, gh_response *response)
{
    if (route->origin != GH_ROUTE_OWN) {
        bool allowed = origin.ptr != NULL && gh_site_allows_origin(router->site, origin);
        gh_cors_headers(allowed ? origin : gh_view_of(NULL), response);
    }
}

static void call(const gh_router *router, const gh_route *route, const gh_request *request,
                 gh_response *response)
{
    gh_view origin = gh_request_header(request, "Origin");
    if (!origin_passes(router, route, origin)) {
        refuse_origin(response);
        return;
    }
    add_cors(router, route, origin, response);
    gh_request asked = *request;
    if (gh_view_eq_cstr(asked.method, "HEAD")) {
        asked.method = GH_VIEW_LIT("GET");
    }
    route->handler(route->context, &asked, response);
}

void gh_router_add_cors(const gh_router *router, const gh_request *request, gh_response *response)
{
    const gh_route *known;
    const gh_route *route = find(router, request, &known);
    gh_view origin = gh_request_header(request, "Origin");
    if (route != NULL && origin_passes(router, route, origin) &&
        (route->any_host ||
         gh_site_check_host(router->site, gh_request_header(request, "Host")) == GH_SITE_HOST_OURS)) {
        add_cors(router, route, origin, response);
    }
}

void gh_router_serve(const gh_router *router, const gh_request *request, gh_response *response)
{
    const gh_route *known;
    const gh_route *route = find(router, request, &known);
    if (known == NULL || !known->any_host) {
        gh_site_host host = gh_site_check_host(router->site, gh_request_header(request, "Host"));
        if (host != GH_SITE_HOST_OURS) {
            answer_wrong_host(router, host, response);
            return;
        }
    }
    if (known == NULL) {
        gh_response_error(response, 404, "not_found",
                          "There is nothing at this path. The MCP endpoint is /mcp.");
    } else if (route != NULL) {
        call(router, route, request, response);
    } else if (gh_view_eq_cstr(request->method, "OPTIONS")) {
        answer_options(router, known, request, response);
    } else {
        answer_wrong_method(router, request, response);
    }
}

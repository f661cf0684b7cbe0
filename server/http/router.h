/* The router: exact path and method to handler, from a table; Host and Origin rules; CORS; what has no
 * handler gets its JSON answer here. Immutable after creation; serves any number of threads. */
#ifndef GH_SERVER_HTTP_ROUTER_H
#define GH_SERVER_HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>

#include "server/exchange/exchange.h"
#include "server/http/site.h"
#include "shared/core/status.h"

/* Who may call a route from a browser. A request without an Origin header is no browser's cross-origin call
 * and passes everywhere. */
typedef enum gh_route_origin {
    GH_ROUTE_OPEN,   /* navigation and public documents: any origin passes, CORS only for allowed ones */
    GH_ROUTE_SHARED, /* own origin and --allow-origin, with CORS; others 403 */
    GH_ROUTE_OWN     /* own origin only: forms. No CORS; others, "null" included, 403 */
} gh_route_origin;

#define GH_ROUTE_BODY_MAX ((size_t)64 * 1024)

typedef struct gh_route {
    const char *method; /* GET serves HEAD too */
    const char *path;
    gh_route_origin origin;
    gh_handler handler;
    void *context;
    bool any_host;     /* probes ask by address */
    size_t large_body; /* 0: GH_ROUTE_BODY_MAX; else the limit for callers that `admit` lets through */
    bool (*admit)(void *context, const gh_request *request); /* sees the head only */
} gh_route;

typedef struct gh_router gh_router;

/* `site` and `routes` are borrowed and outlive the router. */
GH_MUST_USE gh_status gh_router_new(const gh_site *site, const gh_route *routes, size_t count,
                                    gh_router **router);
void gh_router_free(gh_router *router);

/* The row for this path and method, or SIZE_MAX when there is none. */
size_t gh_router_index(const gh_router *router, const gh_request *request);
/* Limits by address are not for it: a probe, which asks by address itself, or a browser's preflight, without
 * which it could not read that a limit was reached. */
bool gh_router_is_unlimited(const gh_router *router, const gh_request *request);
/* The CORS headers that its reply would have, for one that is given before it is served. */
void gh_router_add_cors(const gh_router *router, const gh_request *request, gh_response *response);
/* The largest body that the route of this request takes at all, from its head. */
size_t gh_router_body_limit(const gh_router *router, const gh_request *request);
/* Whether this caller may send more than GH_ROUTE_BODY_MAX. */
bool gh_router_admits_large(const gh_router *router, const gh_request *request);
void gh_router_serve(const gh_router *router, const gh_request *request, gh_response *response);

#endif

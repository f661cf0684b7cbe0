/* The routes of the server: one table. */
#ifndef GH_SERVER_HTTP_ROUTES_H
#define GH_SERVER_HTTP_ROUTES_H

#include <stddef.h>

#include "server/http/mcp_endpoint.h"
#include "server/http/pages.h"
#include "server/http/router.h"
#include "server/oauth/server.h"

#define GH_ROUTES_MAX 40

/* Fills `routes` and returns their number. The contexts are borrowed by the rows; `max_body` is for /mcp. */
size_t gh_routes_fill(gh_pages *pages, gh_oauth_server *oauth, gh_mcp_endpoint *endpoint, size_t max_body,
                      gh_route routes[GH_ROUTES_MAX]);

#endif

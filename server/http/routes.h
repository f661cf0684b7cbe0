/* The routes of the server: one table. */
#ifndef GH_SERVER_HTTP_ROUTES_H
#define GH_SERVER_HTTP_ROUTES_H

#include <stdbool.h>
#include <stddef.h>

#include "server/http/mcp_endpoint.h"
#include "server/http/pages.h"
#include "server/http/router.h"
#include "server/oauth/facade.h"
#include "server/oauth/server.h"

#define GH_ROUTES_MAX 48

/* What there is to route to; all borrowed. */
typedef struct gh_routes_parts {
    gh_pages *pages;
    gh_mcp_endpoint *endpoint;
    gh_oauth_server *oauth; /* the modes dev and proxy; else NULL */
    bool dev_login;         /* dev: the server's own login page */
    gh_facade *facade;      /* the facade mode; else NULL */
    bool open;              /* nobody signs in: there is no metadata that says where */
    size_t max_body;        /* at /mcp */
} gh_routes_parts;

/* Fills `routes` and returns their number. The contexts are borrowed by the rows. */
size_t gh_routes_fill(const gh_routes_parts *parts, gh_route routes[GH_ROUTES_MAX]);

#endif

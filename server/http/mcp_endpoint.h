/* The MCP endpoint over HTTP: bearer token, media types, and the way from the engine's reply to a response
 * (MCP 2025-03-26 to 2026-07-28, "Streamable HTTP" and "Authorization"; RFC 6750; RFC 9728, 5.1).
 *
 * Authentication comes first: nothing is parsed and nothing shown before it. Streams without an end (GET,
 * subscriptions/listen) are bounded in number, since each holds a worker, and so are the requests of one
 * user; DELETE does not count, for it is a way to end some. What asks for a subscription is held in memory
 * for as long as that lasts, so it may not be larger than GH_MCP_LONG_BODY_MAX. Any thread. */
#ifndef GH_SERVER_HTTP_MCP_ENDPOINT_H
#define GH_SERVER_HTTP_MCP_ENDPOINT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/auth/bearer.h"
#include "server/exchange/exchange.h"
#include "server/http/rates.h"
#include "server/http/share.h"
#include "server/mcp/engine.h"
#include "server/metrics/metrics.h"

#define GH_MCP_LONG_BODY_MAX ((size_t)256 * 1024)

/* The context of the handlers; everything is borrowed. */
typedef struct gh_mcp_endpoint {
    const gh_bearer *bearer;
    gh_mcp_engine *engine;
    const char *resource_metadata; /* URL for the challenge */
    const char *scope;             /* what is commonly needed, for the 401: "mcp" */
    const char *required_scope;    /* what every call needs, for the 403 */
    size_t max_streams;            /* 0: no bound */
    atomic_size_t streams;         /* open now; its own */
    gh_share *share;               /* NULL: no bound for one user */
    gh_rates *rates;               /* likewise, for requests a minute */
    gh_metrics *metrics;           /* NULL: nothing is counted */
} gh_mcp_endpoint;

void gh_mcp_handle_post(void *context, const gh_request *request, gh_response *response);
/* The streams of sessions; 405 where there is none to offer. */
void gh_mcp_handle_get(void *context, const gh_request *request, gh_response *response);
void gh_mcp_handle_delete(void *context, const gh_request *request, gh_response *response);
/* For gh_route.admit: the token is good. */
bool gh_mcp_admit(void *context, const gh_request *request);

#endif

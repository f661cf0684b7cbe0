/* Cross-origin headers (Fetch standard, "CORS protocol"). Which origins are allowed is the caller's business.
 * Thread-safe. */
#ifndef GH_SERVER_HTTP_CORS_H
#define GH_SERVER_HTTP_CORS_H

#include "server/exchange/exchange.h"

/* On an actual reply: `Vary: Origin`, and for an allowed `origin` (NULL ptr otherwise) the permission to read
 * it with WWW-Authenticate, Mcp-Session-Id and Retry-After. */
void gh_cors_headers(gh_view origin, gh_response *response);
/* On the reply to a preflight of an allowed origin. */
void gh_cors_preflight(const gh_request *request, gh_view origin, gh_view methods, gh_response *response);

#endif

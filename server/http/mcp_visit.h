/* What the server can hold of a user's requests at /mcp: a rate, a share of the workers, streams. Any thread.
 */
#ifndef GH_SERVER_HTTP_MCP_VISIT_H
#define GH_SERVER_HTTP_MCP_VISIT_H

#include <stdbool.h>

#include "server/http/mcp_endpoint.h"

/* Takes the principal, which lives until gh_response_clear: so does the request's place in the user's share,
 * for somebody who does not read the reply holds a worker, too. False, and the reply says why, when the
 * request is turned away. A stream that was let in must be ended. */
bool gh_mcp_visit_begin(gh_mcp_endpoint *endpoint, gh_principal *principal, const gh_request *request,
                        bool stream, gh_response *response);
/* Nothing for what is none. */
void gh_mcp_visit_end_stream(gh_mcp_endpoint *endpoint, bool stream);

#endif

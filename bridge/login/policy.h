/* Where a server may lead this client (MCP authorization, SSRF considerations; RFC 9728, 3.3).
 * Thread-safe. */
#ifndef GH_BRIDGE_LOGIN_POLICY_H
#define GH_BRIDGE_LOGIN_POLICY_H

#include <stdbool.h>

#include "shared/core/status.h"
#include "shared/net/url.h"

/* May `target`, which `mcp_url` or a document it led to named as its `what` ("token endpoint"), be fetched or
 * opened? http only to loopback (or anywhere with allow_http); a server that is not loopback itself may not
 * lead to a loopback or link-local host; never userinfo or a fragment. GH_ERR_DENIED with a sentence. */
GH_MUST_USE gh_status gh_policy_check(const char *mcp_url, const char *target, const char *what,
                                      bool allow_http, gh_error *error);

#endif

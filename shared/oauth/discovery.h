/* Where metadata documents may be: the candidate URLs in the order of the MCP specification
 * (authorization-server-discovery), without fetching anything. Thread-safe. */
#ifndef GH_SHARED_OAUTH_DISCOVERY_H
#define GH_SHARED_OAUTH_DISCOVERY_H

#include <stddef.h>

#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_DISCOVERY_MAX 4

typedef struct gh_discovery {
    char *urls[GH_DISCOVERY_MAX]; /* owned */
    size_t count;
} gh_discovery;

/* RFC 9728 well-known URLs for an MCP URL: with the path inserted, then at the root. */
GH_MUST_USE gh_status gh_discovery_resource(gh_view mcp_url, gh_discovery *out, gh_error *error);
/* For an issuer: oauth-authorization-server with the path inserted, openid-configuration inserted,
 * openid-configuration appended; two URLs for an issuer without a path. */
GH_MUST_USE gh_status gh_discovery_issuer(gh_view issuer, gh_discovery *out, gh_error *error);
void gh_discovery_clear(gh_discovery *discovery);

#endif

/* Which authorization server it is. Thread-safe. */
#ifndef GH_BRIDGE_LOGIN_ISSUER_H
#define GH_BRIDGE_LOGIN_ISSUER_H

#include "bridge/options.h"
#include "shared/core/status.h"
#include "shared/oauth/metadata.h"

/* The one of the resource's authorization servers that the person named, else the first; borrowed.
 * GH_ERR_DENIED when the person named another. */
GH_MUST_USE gh_status gh_issuer_choose(const gh_bridge_settings *settings,
                                       const gh_resource_metadata *resource, const char **issuer,
                                       gh_error *error);

/* The origin of `mcp_url` with `path` after it; owned by the caller, NULL on lack of memory. */
char *gh_issuer_at_origin(const char *mcp_url, const char *path);

/* Fills empty metadata with the endpoints of a server that has none (2025-03-26, Fallbacks for Servers
 * without Metadata Discovery). */
GH_MUST_USE gh_status gh_issuer_guess(const char *mcp_url, gh_server_metadata *server, gh_error *error);

#endif

/* Methods of the legacy era alone. Private to mcp. */
#ifndef GH_SERVER_MCP_LEGACY_H
#define GH_SERVER_MCP_LEGACY_H

#include "server/mcp/engine_private.h"

/* legacy_initialize.c: opens a session and sets request->opened. */
void gh_mcp_legacy_initialize(gh_mcp_request *request);

/* legacy_methods.c: within a session. */
void gh_mcp_legacy_set_level(gh_mcp_request *request);
void gh_mcp_legacy_subscribe(gh_mcp_request *request);
void gh_mcp_legacy_unsubscribe(gh_mcp_request *request);

#endif

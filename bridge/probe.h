/* One harmless request to the MCP endpoint (`server/discover`), to see whether it answers and lets us in.
 * Belongs to the loop's thread. */
#ifndef GH_BRIDGE_PROBE_H
#define GH_BRIDGE_PROBE_H

#include <stdbool.h>

#include "bridge/authorizer.h"
#include "bridge/loop.h"
#include "bridge/options.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_probe_result {
    gh_status status; /* GH_OK: some HTTP answer came */
    int http_status;
    gh_view challenge; /* WWW-Authenticate; NULL ptr when absent; borrowed during the call */
    gh_error error;
} gh_probe_result;

typedef void (*gh_probe_done)(void *context, const gh_probe_result *result);

/* True for an answer that no MCP endpoint gives to the request: the URL leads to something else. */
bool gh_probe_is_elsewhere(int http_status);

/* Where no POST is taken, and the settings allow it, a GET looks for the old HTTP+SSE transport; its answer
 * counts when it is a stream, 401 or 403. `token` NULL for none; copied, and presented as `authorizer` has
 * it; NULL: as a bearer token. Calls `done` once from the loop. */
GH_MUST_USE gh_status gh_probe_start(gh_loop *loop, const gh_bridge_settings *settings, const char *token,
                                     const gh_authorizer *authorizer, gh_probe_done done, void *context,
                                     gh_error *error);

#endif

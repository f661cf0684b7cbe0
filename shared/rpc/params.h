/* `x-mcp-header` annotations in a tool's input schema: arguments that clients mirror into
 * `Mcp-Param-{header}` (MCP 2026-07-28, streamable-http, "Custom Headers from Tool Parameters"). Both
 * programs read them by these rules. Thread-safe. */
#ifndef GH_SHARED_RPC_PARAMS_H
#define GH_SHARED_RPC_PARAMS_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "shared/core/status.h"

#define GH_MCP_PARAM_PATH_MAX 16 /* nested `properties` */

/* All text is borrowed from the parsed schema. */
typedef struct gh_mcp_param {
    const char *header;
    const char *path[GH_MCP_PARAM_PATH_MAX];
    size_t depth;
} gh_mcp_param;

/* GH_ERR_INVALID, with what is wrong, for an annotation that breaks the rules: the whole tool is invalid
 * then. *params is the caller's (free); NULL when there are none. */
GH_MUST_USE gh_status gh_mcp_params_read(const cJSON *schema, gh_mcp_param **params, size_t *count,
                                         gh_error *error);

#endif

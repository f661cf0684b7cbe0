/* The registry as the engine sees it; see registry.h. Everything here is read-only once the engine runs. */
#ifndef GH_SERVER_MCP_REGISTRY_PRIVATE_H
#define GH_SERVER_MCP_REGISTRY_PRIVATE_H

#include "server/mcp/registry.h"
#include "server/mcp/schema.h"
#include "shared/core/bytes.h"

#define GH_MCP_PARAM_PATH_MAX 16 /* nested `properties` */

/* An argument that clients mirror into `Mcp-Param-{header}` (MCP 2026-07-28, streamable-http, "Custom Headers
 * from Tool Parameters"). All text is borrowed from the tool's parsed input schema. */
typedef struct gh_mcp_param {
    const char *header;
    const char *path[GH_MCP_PARAM_PATH_MAX];
    size_t depth;
} gh_mcp_param;

typedef struct gh_mcp_tool {
    const gh_tool *tool;
    gh_schema *input;
    gh_schema *output; /* NULL for none */
    gh_mcp_param *params;
    size_t params_count;
    char *listing; /* the tool as tools/list shows it, one JSON object */
} gh_mcp_tool;

/* NULL when there is no such tool. */
const gh_mcp_tool *gh_mcp_registry_find(const gh_mcp_registry *registry, gh_view name);
/* Appends the array of all tools, in the order in which they were added. */
gh_status gh_mcp_registry_write_tools(const gh_mcp_registry *registry, gh_buf *out);

/* The x-mcp-header annotations of an input schema. GH_ERR_INVALID for one that breaks the rules. *params is
 * owned (free), NULL when there are none. */
GH_MUST_USE gh_status gh_mcp_params_read(const cJSON *schema, gh_mcp_param **params, size_t *count,
                                         gh_error *error);

#endif

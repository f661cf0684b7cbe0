/* The registry: the tools that a server has, with parsed schemas. Filled before the engine starts, then
 * read-only and safe from any thread. */
#ifndef GH_SERVER_MCP_REGISTRY_H
#define GH_SERVER_MCP_REGISTRY_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "server/tools/tool.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_mcp_registry gh_mcp_registry;

gh_mcp_registry *gh_mcp_registry_new(void);
void gh_mcp_registry_free(gh_mcp_registry *registry);
/* `tool` is borrowed. GH_ERR_CONFLICT for a name that is there; GH_ERR_INVALID, GH_ERR_PARSE,
 * GH_ERR_TOO_LARGE or GH_ERR_UNSUPPORTED for a bad name, schema (see schema.h), x-mcp-header or annotations.
 * Both schemas describe an object. */
GH_MUST_USE gh_status gh_mcp_registry_add(gh_mcp_registry *registry, const gh_tool *tool, gh_error *error);

#endif

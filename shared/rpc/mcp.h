/* The names of the Model Context Protocol: versions, methods, headers, error codes, _meta keys. */
#ifndef GH_SHARED_RPC_MCP_H
#define GH_SHARED_RPC_MCP_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef enum gh_mcp_era { GH_MCP_ERA_UNKNOWN, GH_MCP_ERA_LEGACY, GH_MCP_ERA_MODERN } gh_mcp_era;

#define GH_MCP_VERSION_MODERN "2026-07-28"
#define GH_MCP_VERSION_2025_11 "2025-11-25"
#define GH_MCP_VERSION_2025_06 "2025-06-18"
#define GH_MCP_VERSION_2025_03 "2025-03-26"
#define GH_MCP_VERSION_2024_11 "2024-11-05"

/* Newest first: those of the Streamable HTTP transport, which leaves 2024-11-05 out. */
extern const char *const GH_MCP_VERSIONS[];
extern const size_t GH_MCP_VERSIONS_COUNT;
/* Era of a version string this build speaks; GH_MCP_ERA_UNKNOWN for others. Dates at or after
 * 2026-07-28 that are not spoken are still "modern in form": gh_mcp_version_looks_modern. */
gh_mcp_era gh_mcp_version_era(gh_view version);
bool gh_mcp_version_looks_modern(gh_view version);

#define GH_RPC_PARSE_ERROR (-32700)
#define GH_RPC_INVALID_REQUEST (-32600)
#define GH_RPC_METHOD_NOT_FOUND (-32601)
#define GH_RPC_INVALID_PARAMS (-32602)
#define GH_RPC_INTERNAL_ERROR (-32603)
#define GH_MCP_HEADER_MISMATCH (-32020)
#define GH_MCP_MISSING_CAPABILITY (-32021)
#define GH_MCP_UNSUPPORTED_VERSION (-32022)
/* Outside the reserved range, for what is local to these programs. */
#define GH_RPC_LOCAL_ERROR (-31000)         /* the bridge could not get an answer */
#define GH_RPC_LOCAL_AUTH_REQUIRED (-31001) /* sign-in is needed, pending, refused or timed out */
#define GH_RPC_LOCAL_SHUTDOWN (-31002)      /* the program is ending */

#define GH_MCP_HEADER_SESSION "Mcp-Session-Id"
#define GH_MCP_HEADER_VERSION "MCP-Protocol-Version"
#define GH_MCP_HEADER_METHOD "Mcp-Method"
#define GH_MCP_HEADER_NAME "Mcp-Name"
#define GH_MCP_HEADER_PARAM_PREFIX "Mcp-Param-"

#define GH_MCP_META_VERSION "io.modelcontextprotocol/protocolVersion"
#define GH_MCP_META_CLIENT_INFO "io.modelcontextprotocol/clientInfo"
#define GH_MCP_META_CLIENT_CAPABILITIES "io.modelcontextprotocol/clientCapabilities"
#define GH_MCP_META_SERVER_INFO "io.modelcontextprotocol/serverInfo"
#define GH_MCP_META_LOG_LEVEL "io.modelcontextprotocol/logLevel"
#define GH_MCP_META_SUBSCRIPTION_ID "io.modelcontextprotocol/subscriptionId"

#define GH_MCP_INITIALIZE "initialize"
#define GH_MCP_INITIALIZED "notifications/initialized"
#define GH_MCP_CANCELLED "notifications/cancelled"
#define GH_MCP_PING "ping"
#define GH_MCP_DISCOVER "server/discover"
#define GH_MCP_TOOLS_LIST "tools/list"
#define GH_MCP_TOOLS_CALL "tools/call"
#define GH_MCP_RESOURCES_READ "resources/read"
#define GH_MCP_PROMPTS_GET "prompts/get"
#define GH_MCP_SUBSCRIPTIONS_LISTEN "subscriptions/listen"

/* Header values by the Base64 sentinel rule of 2026-07-28 (=?base64?…?=): encode appends either the
 * plain value or the sentinel form; decode accepts both, GH_ERR_INVALID for illegal characters, bad
 * Base64 or encoded text that is not UTF-8. */
GH_MUST_USE gh_status gh_mcp_header_encode(gh_view value, gh_buf *out);
GH_MUST_USE gh_status gh_mcp_header_decode(gh_view header, gh_buf *out);

#endif

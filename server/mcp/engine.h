/* The MCP engine: messages in, replies out, both eras at one endpoint. It knows principals, headers and
 * bodies, and nothing of sockets or routes.
 *
 * Legacy (2025-03-26 to 2025-11-25): `initialize`, sessions bound to the principal, notifications.
 * Modern (2026-07-28): stateless, per-request `_meta`, header checks, server/discover.
 * Every function may be called from many threads at once. */
#ifndef GH_SERVER_MCP_ENGINE_H
#define GH_SERVER_MCP_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/auth/principal.h"
#include "server/mcp/registry.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_mcp_engine gh_mcp_engine;

typedef struct gh_mcp_options {
    const char *server_name;           /* copied */
    const char *server_title;          /* copied; NULL for none */
    const char *server_version;        /* copied */
    const char *instructions;          /* copied; NULL for none */
    size_t max_sessions;               /* in all */
    size_t max_sessions_per_principal; /* the oldest idle one makes room */
    int64_t session_idle_ms;
} gh_mcp_options;

/* What the engine needs of the HTTP request. Views have a NULL ptr when the header was absent. */
typedef struct gh_mcp_headers {
    gh_view version; /* MCP-Protocol-Version */
    gh_view session; /* Mcp-Session-Id */
    gh_view method;  /* Mcp-Method */
    gh_view name;    /* Mcp-Name */
    gh_view accept;
    void *context;
    gh_view (*param)(void *context, const char *name); /* Mcp-Param-{name}, given {name} alone; may be NULL */
} gh_mcp_headers;

/* Where the answer goes: one JSON body, nothing but a status, or a stream of events that ends with the
 * response. Exactly one of `json` and `empty` is called, or `event` one or more times. `session` is set
 * (for the Mcp-Session-Id header) only on the reply to `initialize`. */
typedef struct gh_mcp_reply {
    void *context;
    void (*json)(void *context, int http_status, gh_view session, gh_view body);
    void (*empty)(void *context, int http_status);
    gh_status (*event)(void *context, gh_view message);
    bool (*closed)(void *context); /* the client went away */
} gh_mcp_reply;

/* `registry` is borrowed and outlives the engine. */
GH_MUST_USE gh_status gh_mcp_engine_new(const gh_mcp_options *options, const gh_mcp_registry *registry,
                                        gh_mcp_engine **engine);
void gh_mcp_engine_free(gh_mcp_engine *engine);

void gh_mcp_engine_post(gh_mcp_engine *engine, const gh_principal *principal, const gh_mcp_headers *headers,
                        gh_view body, const gh_mcp_reply *reply);
/* Ends a session: 204, or 400 without the header, 404 for one that is not the principal's, 405 with a modern
 * version. */
void gh_mcp_engine_delete(gh_mcp_engine *engine, const gh_principal *principal, const gh_mcp_headers *headers,
                          const gh_mcp_reply *reply);
size_t gh_mcp_engine_sessions(gh_mcp_engine *engine);

#endif

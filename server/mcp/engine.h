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
#include "server/exec/executor.h"
#include "server/mcp/registry.h"
#include "server/metrics/metrics.h"
#include "shared/core/status.h"
#include "shared/core/text.h"
#include "shared/json/gate.h"
#include "shared/net/trace.h"

typedef struct gh_mcp_engine gh_mcp_engine;

typedef struct gh_mcp_options {
    const char *server_name;           /* copied */
    const char *server_title;          /* copied; NULL for none */
    const char *server_version;        /* copied */
    const char *instructions;          /* copied; NULL for none */
    gh_executor *executor;             /* borrowed; outlives the engine */
    gh_view key;                       /* 32 bytes that request states are sealed with; copied */
    size_t max_sessions;               /* in all */
    size_t max_sessions_per_principal; /* the oldest idle one makes room */
    int64_t session_idle_ms;
    int64_t call_timeout_ms; /* of a handler, unless it says otherwise */
    int64_t
        input_timeout_ms;  /* how long a client may take for what it was asked, and a request state lives */
    int64_t keep_alive_ms; /* silence on a stream after which a comment is sent */
    int64_t task_ttl_ms;   /* unless the handler says otherwise */
    size_t max_tasks;
    size_t max_tasks_per_principal;
    bool hide_unscoped;             /* lists leave out what the caller's token does not allow */
    bool ignore_scopes;             /* nobody signs in: every caller may use everything */
    size_t max_calls_per_principal; /* accepted and not ended, whatever the client; 0: 1024 */
    const gh_json_limits *limits;   /* of a message; borrowed; NULL: GH_JSON_LIMITS_MESSAGE */
    gh_metrics *metrics;            /* borrowed; NULL: nothing is counted */
    /* Is the grant behind this principal still good? Asked now and then by long streams. NULL: always. */
    bool (*alive)(void *context, const gh_principal *principal);
    void *context;
} gh_mcp_options;

/* What the engine needs of the HTTP request. Views have a NULL ptr when the header was absent. */
typedef struct gh_mcp_headers {
    gh_view version; /* MCP-Protocol-Version */
    gh_view session; /* Mcp-Session-Id */
    gh_view method;  /* Mcp-Method */
    gh_view name;    /* Mcp-Name */
    gh_view accept;
    gh_view last_event;    /* Last-Event-ID */
    const gh_trace *trace; /* traceparent; NULL or empty for none */
    void *context;
    gh_view (*param)(void *context, const char *name); /* Mcp-Param-{name}, given {name} alone; may be NULL */
} gh_mcp_headers;

/* Where the answer goes: one JSON body, nothing but a status, or a stream. Exactly one of `json` and `empty`
 * is called, or `stream` one or more times, or `insufficient_scope`; nothing when the client went away
 * before. `session` is set (for the Mcp-Session-Id header) only on the reply to `initialize`. */
typedef struct gh_mcp_reply {
    void *context;
    void (*json)(void *context, int http_status, gh_view session, gh_view body);
    void (*empty)(void *context, int http_status);
    /* Text of an event stream. The first opens it, with status 200; empty text just does that. GH_ERR_CLOSED
     * when the client went away. */
    gh_status (*stream)(void *context, gh_view text);
    /* Text likewise, and the end: nothing follows, and nothing is missing. Not called when a stream breaks
     * off. NULL: `stream` for the text. */
    gh_status (*stream_end)(void *context, gh_view text);
    bool (*closed)(void *context); /* the client went away */
    /* Instead of all of these: the caller's token lacks scopes that the request needs, and nothing was done.
     * `scopes` are all that the items asked for need, those that the token has included; `description` is a
     * sentence for people. The client should hear it by HTTP status 403 with a challenge. NULL: `json` with
     * status 403 and a JSON-RPC error. */
    void (*insufficient_scope)(void *context, const char *scopes, const char *description);
} gh_mcp_reply;

/* `registry` is borrowed and outlives the engine, which watches it. */
GH_MUST_USE gh_status gh_mcp_engine_new(const gh_mcp_options *options, gh_mcp_registry *registry,
                                        gh_mcp_engine **engine);
/* Nothing is being served any more, and the executor has stopped. */
void gh_mcp_engine_free(gh_mcp_engine *engine);

/* Returns when the reply is complete, which for streams may take hours. */
void gh_mcp_engine_post(gh_mcp_engine *engine, const gh_principal *principal, const gh_mcp_headers *headers,
                        gh_view body, const gh_mcp_reply *reply);
/* The stream of a session, or the rest of one (Last-Event-ID); 405 with a modern version, and without a
 * session; 404 for one that is not the principal's. */
void gh_mcp_engine_get(gh_mcp_engine *engine, const gh_principal *principal, const gh_mcp_headers *headers,
                       const gh_mcp_reply *reply);
/* Ends a session: 204, or 400 without the header, 404 for one that is not the principal's, 405 with a modern
 * version. */
void gh_mcp_engine_delete(gh_mcp_engine *engine, const gh_principal *principal, const gh_mcp_headers *headers,
                          const gh_mcp_reply *reply);

/* A resource holds something else: subscribers are told. */
void gh_mcp_engine_updated(gh_mcp_engine *engine, gh_view uri);
/* A list says something else although no item came or went. */
void gh_mcp_engine_changed(gh_mcp_engine *engine, gh_mcp_kind kind);

/* The server stops: streams of announcements end well, calls that wait for their client fail, those that run
 * may finish. */
void gh_mcp_engine_drain(gh_mcp_engine *engine);
/* Idle sessions, tasks and questions whose time has passed. Every second or so. */
void gh_mcp_engine_sweep(gh_mcp_engine *engine);
size_t gh_mcp_engine_sessions(gh_mcp_engine *engine);
size_t gh_mcp_engine_tasks(gh_mcp_engine *engine);

#endif

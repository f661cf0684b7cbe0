/* Legacy sessions (MCP 2025-11-25, basic/transports, "Session Management"): a table of live ones, each bound
 * to the principal that opened it.
 *
 * Bounded in all and per principal. When a bound is reached, the session that has been idle longest makes
 * room: the principal's own when its bound is reached, else anybody's. A session that is held (a request is
 * being served) never makes room; when all are held, opening one more is GH_ERR_UNAVAILABLE. Idle sessions
 * end after the idle time. Ids carry 256 random bits in visible ASCII and are never logged whole. Every
 * function is safe from any thread; no lock is held when they return. */
#ifndef GH_SERVER_MCP_SESSION_H
#define GH_SERVER_MCP_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "server/auth/principal.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_MCP_SESSION_ID_MAX 64 /* with the NUL */

typedef struct gh_mcp_sessions gh_mcp_sessions;
typedef struct gh_mcp_session gh_mcp_session;

/* GH_ERR_INVALID when a bound or the idle time is not above 0. */
GH_MUST_USE gh_status gh_mcp_sessions_new(size_t max, size_t max_per_principal, int64_t idle_ms,
                                          gh_mcp_sessions **sessions);
/* Nothing may be held any more. */
void gh_mcp_sessions_free(gh_mcp_sessions *sessions);

/* A fresh session that speaks `version` (a constant, borrowed), held for the caller. */
GH_MUST_USE gh_status gh_mcp_sessions_open(gh_mcp_sessions *sessions, const gh_principal *principal,
                                           const char *version, gh_mcp_session **session);
/* GH_ERR_NOT_FOUND for an id that never was, has ended, or belongs to another principal: the caller cannot
 * tell which. */
GH_MUST_USE gh_status gh_mcp_sessions_hold(gh_mcp_sessions *sessions, const gh_principal *principal,
                                           gh_view id, gh_mcp_session **session);
void gh_mcp_sessions_release(gh_mcp_sessions *sessions, gh_mcp_session *session); /* NULL is fine */
/* Nobody finds it from now on; whoever holds it may finish. GH_ERR_NOT_FOUND as above. */
GH_MUST_USE gh_status gh_mcp_sessions_end(gh_mcp_sessions *sessions, const gh_principal *principal,
                                          gh_view id);
size_t gh_mcp_sessions_count(gh_mcp_sessions *sessions);

/* Valid while held. */
const char *gh_mcp_session_id(const gh_mcp_session *session);
const char *gh_mcp_session_version(const gh_mcp_session *session);

#endif

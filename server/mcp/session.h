/* Legacy sessions (MCP 2025-11-25, basic/transports, "Session Management"): a table of live ones, each bound
 * to the principal that opened it.
 *
 * Bounded in all and per user, through whatever clients. When a bound is reached, the session that has been
 * idle longest makes room: the principal's own when its bound is reached, else anybody's. A session that is
 * held (a request is being served) never makes room; when all are held, opening one more is
 * GH_ERR_UNAVAILABLE. Idle sessions end after the idle time. Ids carry 256 random bits in visible ASCII and
 * are never logged whole. Every function is safe from any thread; no lock is held when they return. */
#ifndef GH_SERVER_MCP_SESSION_H
#define GH_SERVER_MCP_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "server/auth/principal.h"
#include "server/call/call.h"
#include "server/mcp/hub.h"
#include "server/mcp/outbox.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_MCP_SESSION_ID_MAX 64 /* with the NUL */

typedef struct gh_mcp_sessions gh_mcp_sessions;
typedef struct gh_mcp_session gh_mcp_session;

/* `hub` is borrowed: announcements reach the sessions. GH_ERR_INVALID when a bound or the idle time is not
 * above 0. */
GH_MUST_USE gh_status gh_mcp_sessions_new(size_t max, size_t max_per_principal, int64_t idle_ms,
                                          gh_mcp_hub *hub, gh_mcp_sessions **sessions);
/* Nothing may be held any more. */
void gh_mcp_sessions_free(gh_mcp_sessions *sessions);

/* A fresh session that speaks `version` (a constant, borrowed), of a client with the raw ClientCapabilities
 * `capabilities` (copied; empty for none); held for the caller. */
GH_MUST_USE gh_status gh_mcp_sessions_open(gh_mcp_sessions *sessions, const gh_principal *principal,
                                           const char *version, gh_view capabilities,
                                           gh_mcp_session **session);
/* GH_ERR_NOT_FOUND for an id that never was, has ended, or belongs to another principal: the caller cannot
 * tell which. */
GH_MUST_USE gh_status gh_mcp_sessions_hold(gh_mcp_sessions *sessions, const gh_principal *principal,
                                           gh_view id, gh_mcp_session **session);
void gh_mcp_sessions_release(gh_mcp_sessions *sessions, gh_mcp_session *session); /* NULL is fine */
/* Nobody finds it from now on; its works are cancelled and its streams end; whoever holds it may finish.
 * GH_ERR_NOT_FOUND as above. */
GH_MUST_USE gh_status gh_mcp_sessions_end(gh_mcp_sessions *sessions, const gh_principal *principal,
                                          gh_view id);
size_t gh_mcp_sessions_count(gh_mcp_sessions *sessions);
/* Ends those that were idle too long (none that is held), and fails what waited too long for the client. */
void gh_mcp_sessions_sweep(gh_mcp_sessions *sessions);
/* The streams of announcements end, works that wait for their client fail, and nothing is asked any more. */
void gh_mcp_sessions_drain(gh_mcp_sessions *sessions);

/* Valid while held. */
const char *gh_mcp_session_id(const gh_mcp_session *session);
const char *gh_mcp_session_version(const gh_mcp_session *session);

/* --- what the client said; all functions from here on need a session that is held --- */

/* It has sent notifications/initialized: announcements reach it from now on. */
void gh_mcp_session_initialized(gh_mcp_session *session);
const char *gh_mcp_session_capabilities(const gh_mcp_session *session); /* "{}" for none */
void gh_mcp_session_set_level(gh_mcp_session *session, gatehouse_level level);
gatehouse_level gh_mcp_session_level(const gh_mcp_session *session); /* INFO before */

/* resources/subscribe. At most GH_MCP_SESSION_SUBSCRIPTIONS_MAX, and so many bytes of URIs in all sessions of
 * one user: then GH_ERR_TOO_LARGE. Subscribing twice is one subscription. */
#define GH_MCP_SESSION_SUBSCRIPTIONS_MAX 256
#define GH_MCP_SESSION_SUBSCRIBED_BYTES ((size_t)4 * 1024 * 1024)
GH_MUST_USE gh_status gh_mcp_session_subscribe(gh_mcp_session *session, gh_view uri);
void gh_mcp_session_unsubscribe(gh_mcp_session *session, gh_view uri);

/* --- requests in flight, for notifications/cancelled and against ids that are used twice --- */

struct gh_mcp_work;
/* GH_ERR_CONFLICT when a request of that id is in flight. Until it leaves, the session holds the work and the
 * work holds the session, however long its own request is served. */
GH_MUST_USE gh_status gh_mcp_session_enter(gh_mcp_session *session, struct gh_mcp_work *work);
/* What it had asked is forgotten. Harmless when it never entered; otherwise the caller may hold the session
 * no longer afterwards. */
void gh_mcp_session_leave(gh_mcp_session *session, struct gh_mcp_work *work);
/* Is a request of that raw id in flight? */
bool gh_mcp_session_busy(gh_mcp_session *session, gh_view id);
/* Cancels the request of that raw id, if it is in flight. */
void gh_mcp_session_cancel(gh_mcp_session *session, gh_view id);

/* --- what the server asks the client --- */

/* Sends the asks as requests on the work's stream and remembers them; when the last response is there,
 * gh_mcp_work_answer is called, perhaps before this returns: the work waits by then. An error response counts
 * as declined (elicitation), or as an empty object. Unanswered within the time, the work fails.
 * GH_ERR_CLOSED when the stream or the session has ended, GH_ERR_UNAVAILABLE after a drain. */
GH_MUST_USE gh_status gh_mcp_session_ask(gh_mcp_session *session, struct gh_mcp_work *work,
                                         const gh_call_ask *asks, size_t count, int64_t timeout_ms);
/* A response from the client. GH_ERR_NOT_FOUND when nothing was asked under that id. `result` empty: it was
 * an error. */
GH_MUST_USE gh_status gh_mcp_session_response(gh_mcp_session *session, gh_view id, gh_view result);

/* --- streams --- */

/* Remembers the stream of a request, so that the client may come back to it; returns its number (2 and up).
 * The oldest that have ended are forgotten beyond GH_MCP_SESSION_STREAMS_MAX. 0 when it cannot be remembered:
 * not resumable. Adding one twice gives its number again. */
#define GH_MCP_SESSION_STREAMS_MAX 32
uint64_t gh_mcp_session_add_stream(gh_mcp_session *session, gh_mcp_outbox *outbox);
/* The one that GET opens: announcements go there. Borrowed. */
#define GH_MCP_SESSION_STANDALONE 1 /* its number */
gh_mcp_outbox *gh_mcp_session_standalone(gh_mcp_session *session);
/* From a Last-Event-ID, "STREAM-NUMBER". GH_ERR_NOT_FOUND, GH_ERR_INVALID. *outbox is held for the caller. */
GH_MUST_USE gh_status gh_mcp_session_resume(gh_mcp_session *session, gh_view event_id, gh_mcp_outbox **outbox,
                                            uint64_t *stream, uint64_t *after);

#endif

/* The MCP server as the bridge sees it: exchanges, each one message sent and what comes back of it.
 *
 * An exchange sends its message with the access token, asks the authorizer for another one when the server
 * refuses it (once for 401, twice for 403 with insufficient_scope), repeats what surely was not delivered for
 * some seconds while the server is away, resumes a legacy stream that broke off (Last-Event-ID), and ends
 * with exactly one verdict.
 *
 * Behind it is Streamable HTTP or, by --transport or by the specification's fall-back (2026-07-28, "HTTP+SSE
 * Transport (2024-11-05)"), the old HTTP+SSE transport: then LISTEN gets what the shared stream carries
 * beyond the answers, DELETE does nothing, and the session ends with the stream. Belongs to the loop's
 * thread. */
#ifndef GH_BRIDGE_REMOTE_H
#define GH_BRIDGE_REMOTE_H

#include <stdbool.h>

#include "bridge/authorizer.h"
#include "bridge/era.h"
#include "bridge/loop.h"
#include "bridge/options.h"
#include "bridge/verdict.h"
#include "shared/core/status.h"
#include "shared/core/text.h"
#include "shared/rpc/message.h"

typedef struct gh_remote gh_remote;
typedef struct gh_exchange gh_exchange;

/* All are borrowed and outlive the remote. */
GH_MUST_USE gh_status gh_remote_new(gh_loop *loop, gh_authorizer *authorizer,
                                    const gh_bridge_settings *settings, gh_remote **remote);
/* Cancels every exchange. */
void gh_remote_free(gh_remote *remote);

/* What a person has to open to go on; NULL when no login is pending. Borrowed, briefly. */
const char *gh_remote_login_url(const gh_remote *remote);
/* The server's URL without its query, for words. */
const char *gh_remote_name(const gh_remote *remote);

/* The server was reached over the old transport the last time: unless --transport says otherwise that is
 * tried first, and Streamable HTTP where it does not work. */
void gh_remote_expect_sse(gh_remote *remote);
/* The transport that the server was found to speak. */
bool gh_remote_is_over_sse(const gh_remote *remote);

typedef enum gh_exchange_kind {
    GH_EXCHANGE_POST,   /* a message */
    GH_EXCHANGE_LISTEN, /* the legacy GET stream; comes back after an interruption */
    GH_EXCHANGE_DELETE  /* the end of a legacy session; tried once */
} gh_exchange_kind;

typedef struct gh_exchange_request {
    gh_exchange_kind kind;
    gh_view body;           /* of a POST; borrowed until the exchange has ended */
    gh_view id;             /* raw, copied; empty when no answer is expected */
    gh_era_headers headers; /* taken over, also on failure */
    bool in_session;        /* the headers carry a session id */
    bool opens_session;     /* a legacy `initialize`: shows which transport the server speaks */
    bool repeatable;        /* may be sent again although it may have been delivered */
    bool resumable;         /* legacy: a stream that broke off may be taken up again */
    bool endless;           /* a subscription: silence is no failure */
    bool unattended;        /* nobody is asked to sign in for its sake */
    void *context;
    /* A message from the server, `is_answer` for the response to `id`. May release the exchange. */
    void (*on_message)(void *context, gh_exchange *exchange, const gh_rpc_message *message, gh_view line,
                       bool is_answer);
    /* LISTEN, once: the server's stream is there. May be NULL. */
    void (*on_open)(void *context, gh_exchange *exchange);
    /* Exactly once unless cancelled or released; the exchange is gone afterwards. */
    void (*on_done)(void *context, gh_exchange *exchange, const gh_verdict *verdict);
} gh_exchange_request;

/* *exchange is valid until on_done returns, or it is cancelled or released. */
GH_MUST_USE gh_status gh_remote_send(gh_remote *remote, const gh_exchange_request *request,
                                     gh_exchange **exchange);
/* Stops it at once, without a callback. NULL is fine. */
void gh_exchange_cancel(gh_exchange *exchange);
/* Nobody listens any more: no further callback, the body is not used again, and the server gets a moment to
 * end its reply in order, so that the connection can serve again. */
void gh_exchange_release(gh_exchange *exchange);

/* The server has, or may have, the message now: a cancellation is worth sending. */
bool gh_exchange_is_sent(const gh_exchange *exchange);
/* LISTEN: the stream is there. */
bool gh_exchange_is_open(const gh_exchange *exchange);
/* The authorizer was asked for a token, and the answer may take a person. */
bool gh_exchange_awaits_login(const gh_exchange *exchange);
/* HTTP status of the response that is under way, or was last; 0 before one. */
int gh_exchange_http_status(const gh_exchange *exchange);
/* Session id of the response that is under way; empty when there is none. Borrowed, within on_message. */
gh_view gh_exchange_session_id(const gh_exchange *exchange);
/* Why it is still trying; NULL when nothing went wrong so far. */
const gh_error *gh_exchange_trouble(const gh_exchange *exchange);

#endif

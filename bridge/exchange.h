/* Private to remote: an exchange, the step that starts a request and the steps that may follow one. */
#ifndef GH_BRIDGE_EXCHANGE_H
#define GH_BRIDGE_EXCHANGE_H

#include "bridge/legacy_sse.h"
#include "bridge/remote.h"
#include "bridge/reply.h"

/* Which transport the server speaks. */
typedef enum gh_remote_transport {
    GH_REMOTE_UNDECIDED,
    GH_REMOTE_HTTP, /* Streamable HTTP */
    GH_REMOTE_SSE   /* HTTP+SSE, 2024-11-05 */
} gh_remote_transport;

/* A message for which there is nobody yet. */
typedef struct gh_remote_line {
    struct gh_remote_line *next;
    size_t len;
    char text[];
} gh_remote_line;

struct gh_remote {
    gh_loop *loop;
    gh_authorizer *authorizer;
    const gh_bridge_settings *settings;
    char *name;             /* the URL without its query */
    gh_exchange *exchanges; /* all that exist */
    gh_remote_transport transport;
    bool sse_expected;       /* from the last time */
    gh_legacy_sse *sse;      /* NULL before it is needed */
    bool sse_was_open;       /* at least once */
    gh_remote_line *backlog; /* of the stream of events, the oldest first */
    size_t backlog_count, backlog_bytes;
};

/* Where an exchange over the old HTTP+SSE transport stands. */
typedef enum gh_sse_place {
    GH_SSE_NONE,   /* Streamable HTTP, or nothing is under way */
    GH_SSE_PARKED, /* waits for the stream to be opened */
    GH_SSE_POSTED, /* the message is on its way */
    GH_SSE_WAITING /* it was accepted; the answer will be on the stream. Or LISTEN */
} gh_sse_place;

struct gh_exchange {
    gh_remote *remote;
    gh_exchange *previous, *next;
    gh_exchange_request request;
    gh_reply *reply;
    char *token; /* that was sent last; wiped */
    /* At most one of these is under way. */
    gh_http_transfer *transfer;
    gh_authorizer_wait *wait;
    gh_loop_timer *timer;
    gh_loop_timer *drain_timer; /* beside a transfer, after release */
    bool busy;                  /* within a callback: freeing waits for its end */
    bool dead;
    bool released;
    bool sent;
    bool opened;   /* LISTEN: was a stream once */
    bool resuming; /* POST: goes on as a GET with Last-Event-ID */
    bool asked_ahead;
    bool waits_for_person;
    bool nonce_tried;            /* the server asked for a nonce in the proof of possession, and got one */
    int unauthorized, forbidden; /* refusals so far */
    int retries;
    int http_status; /* of the response that is under way */
    gh_sse_place place;
    bool over_sse;   /* sent, or to be sent, over the old transport */
    bool falls_back; /* over_sse is only tried: `trouble` says why */
    bool sse_first;  /* over_sse is tried before Streamable HTTP */
    bool due;        /* has yet to learn what became of the stream */
    char *held;      /* a JSON-RPC error that counts only when the server does not speak the old transport */
    gh_verdict end;  /* for gh_exchange_finish_soon */
    gh_verdict trouble; /* the last one that did not end it; kind ANSWERED when none */
};

/* Sends the request now, or asks for a token first. On failure nothing is under way. */
GH_MUST_USE gh_status gh_exchange_go(gh_exchange *exchange);
/* A response ended with `verdict`: goes on, or ends the exchange, which is gone then. `challenge` is the
 * WWW-Authenticate value. */
void gh_exchange_next(gh_exchange *exchange, const gh_verdict *verdict, gh_view challenge);
/* Calls on_done and frees it. */
void gh_exchange_finish(gh_exchange *exchange, const gh_verdict *verdict);
/* Asks the authorizer first when there is no token but one can be had. *asked tells whether it was. */
GH_MUST_USE gh_status gh_exchange_ask_ahead(gh_exchange *exchange, bool *asked);
/* Ends what is under way and frees it. */
void gh_exchange_destroy(gh_exchange *exchange);
/* Sends the message to `url`, or opens the stream that this is about. */
GH_MUST_USE gh_status gh_exchange_start(gh_exchange *exchange, const char *url);
/* gh_exchange_finish, from the loop. */
GH_MUST_USE gh_status gh_exchange_finish_soon(gh_exchange *exchange, const gh_verdict *verdict);
/* gh_exchange_go, and the exchange's end when that fails; after `ms` when that is not 0. */
void gh_exchange_go_on(gh_exchange *exchange, int64_t ms);
/* After a refusal for want of a token, or of a better one: asks for it and goes on later, or says why that
 * cannot be. False when the verdict is none of these, or that was tried often enough. */
bool gh_exchange_gets_in(gh_exchange *exchange, const gh_verdict *verdict, gh_view challenge);
/* The delay before the next try of what the server did not get, or -1 for none. */
int64_t gh_exchange_retry_delay(const gh_exchange *exchange, const gh_verdict *verdict);
/* Tries again after `delay`, or finishes when that is -1. */
void gh_exchange_retry(gh_exchange *exchange, const gh_verdict *verdict, int64_t delay);

/* exchange_sse.c: the old HTTP+SSE transport. */
/* True when the exchange is to go, or may go first, over the old transport. */
bool gh_exchange_prefers_sse(const gh_exchange *exchange);
/* Sends it over the old transport, once the stream is open. */
GH_MUST_USE gh_status gh_exchange_go_sse(gh_exchange *exchange);
/* What gh_exchange_next is for the others. */
void gh_exchange_next_sse(gh_exchange *exchange, const gh_verdict *verdict);
/* True when the answer `message` is kept back, for the server may speak the old transport only. */
bool gh_exchange_holds(gh_exchange *exchange, const gh_rpc_message *message, gh_view line);
/* After a POST that shows that: tries the old transport and returns true. */
bool gh_exchange_falls_back(gh_exchange *exchange, const gh_verdict *verdict);
/* Frees what the remote keeps for it. */
void gh_remote_forget_sse(gh_remote *remote);

#endif

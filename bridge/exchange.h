/* Private to remote: an exchange, the step that starts a request and the steps that may follow one. */
#ifndef GH_BRIDGE_EXCHANGE_H
#define GH_BRIDGE_EXCHANGE_H

#include "bridge/remote.h"
#include "bridge/reply.h"

struct gh_remote {
    gh_loop *loop;
    gh_authorizer *authorizer;
    const gh_bridge_settings *settings;
    char *name;             /* the URL without its query */
    gh_exchange *exchanges; /* all that exist */
};

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
    int unauthorized, forbidden; /* refusals so far */
    int retries;
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

#endif

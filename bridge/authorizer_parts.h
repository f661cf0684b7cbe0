/* Private to the authorizer's own files: its state, and what its halves ask of each other. */
#ifndef GH_BRIDGE_AUTHORIZER_PARTS_H
#define GH_BRIDGE_AUTHORIZER_PARTS_H

#include "bridge/authorizer.h"
#include "bridge/cause.h"
#include "bridge/credentials/credentials.h"
#include "bridge/login/discover.h"
#include "bridge/login/fetch.h"
#include "bridge/login/login.h"
#include "bridge/login/token.h"
#include "bridge/wait_list.h"
#include "shared/core/clock.h"

/* What the attempt under way is doing. */
typedef enum gh_attempt_phase {
    GH_PHASE_IDLE,
    GH_PHASE_LOCK,
    GH_PHASE_RECHECK, /* does the server still send sign-ins to the same place? */
    GH_PHASE_REFRESH,
    GH_PHASE_LOGIN
} gh_attempt_phase;

/* Where the access token came from in this process. */
typedef enum gh_token_origin { GH_ORIGIN_STORE, GH_ORIGIN_REFRESH, GH_ORIGIN_LOGIN } gh_token_origin;

struct gh_authorizer {
    gh_loop *loop;
    const gh_bridge_settings *settings;
    gh_keeper *keeper;
    gh_credentials credentials;
    bool unsaved; /* the credentials in memory could not be stored: they count, not the store */
    gh_token_origin origin;
    int64_t given_at_ms; /* unless GH_ORIGIN_STORE */
    char *stepped_up;    /* the scope that the latest step-up asked for and the server granted */
    char *token;         /* NUL-terminated copy of the access token, for the caller */
    gh_wait_list *waits;

    gh_attempt_phase phase;
    void (*after_recheck)(gh_authorizer *authorizer);
    gh_cause cause;
    int64_t begun_wall_ms;
    gh_deadline silent;       /* until when those wait for the lock who do not wait for a person */
    bool said_locked;         /* the person was told of the sibling */
    gh_loop_timer *tick;      /* first step, and polling for the lock */
    gh_loop_timer *deadline;  /* --login-timeout */
    gh_loop_timer *dismissal; /* tells those who do not wait for a person that one is needed */
    gh_discover *recheck;
    gh_token_call *refresh;
    gh_login *login;

    char nonce[GH_FETCH_NONCE_MAX]; /* the MCP server's latest */

    char *told_url;            /* of a login that timed out, while those who waited are told */
    gh_loop_timer *forget_url; /* soon after */
    gh_error refusal;          /* what a grant without a person met with */
    gh_deadline refused_until; /* until when it is not tried again */
    unsigned logins;           /* begun for a person since a while, ... */
    gh_deadline logins_end;    /* ... which ends then */
};

/* Ends the attempt and tells everyone who waited; the authorizer may be gone afterwards. A callback may ask
 * again: that is a new attempt. `error` may be NULL on GH_OK. */
void gh_authorizer_conclude(gh_authorizer *authorizer, gh_status status, const gh_error *error);
/* Stores the credentials in memory; a failure is logged, and they count on in memory. */
void gh_authorizer_save(gh_authorizer *authorizer);
void gh_authorizer_note_origin(gh_authorizer *authorizer, gh_token_origin origin);

/* Asks the server anew who gives tokens for it (a token was refused), then goes on with `next`. What was
 * given by another issuer, or for another resource, is forgotten on the way. May conclude the attempt. */
void gh_authorizer_recheck(gh_authorizer *authorizer, void (*next)(gh_authorizer *authorizer));

/* The silent ways are exhausted: a login, if somebody waits who allows it. May conclude the attempt. */
void gh_authorizer_start_login(gh_authorizer *authorizer);
/* During a login those who may not wait for a person are told so, from the loop. */
void gh_authorizer_dismiss_soon(gh_authorizer *authorizer);

#endif

/* Private to the authorizer's own files: its state, and what its halves ask of each other. */
#ifndef GH_BRIDGE_AUTHORIZER_PARTS_H
#define GH_BRIDGE_AUTHORIZER_PARTS_H

#include "bridge/authorizer.h"
#include "bridge/cause.h"
#include "bridge/credentials/credentials.h"
#include "bridge/login/code_flow.h"
#include "bridge/login/token.h"
#include "bridge/wait_list.h"
#include "shared/core/clock.h"

/* What the attempt under way is doing. */
typedef enum gh_attempt_phase {
    GH_PHASE_IDLE,
    GH_PHASE_LOCK,
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
    gh_cause cause;
    gh_deadline silent;       /* until when those wait for the lock who do not wait for a person */
    bool said_locked;         /* the person was told of the sibling */
    gh_loop_timer *tick;      /* first step, and polling for the lock */
    gh_loop_timer *deadline;  /* --login-timeout */
    gh_loop_timer *dismissal; /* tells those who do not wait for a person that one is needed */
    gh_token_call *refresh;
    gh_code_flow *flow;
};

/* Ends the attempt and tells everyone who waited; the authorizer may be gone afterwards. A callback may ask
 * again: that is a new attempt. `error` may be NULL on GH_OK. */
void gh_authorizer_conclude(gh_authorizer *authorizer, gh_status status, const gh_error *error);
/* Stores the credentials in memory; a failure is logged, and they count on in memory. */
void gh_authorizer_save(gh_authorizer *authorizer);
void gh_authorizer_note_origin(gh_authorizer *authorizer, gh_token_origin origin);

/* The silent ways are exhausted: a login, if somebody waits who allows it. May conclude the attempt. */
void gh_authorizer_start_login(gh_authorizer *authorizer);
/* During a login those who may not wait for a person are told so, from the loop. */
void gh_authorizer_dismiss_soon(gh_authorizer *authorizer);

#endif

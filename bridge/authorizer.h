/* The authorizer: gets access tokens for one MCP server and keeps them fresh.
 *
 * Stored token -> silent refresh -> login in the browser; discovery and registration on the way. There is
 * one attempt under way at most: whoever asks meanwhile shares its outcome. Before a refresh or a login it
 * takes the credentials' lock and reads the store again, for a sibling process may have done it already.
 * Belongs to the loop's thread. */
#ifndef GH_BRIDGE_AUTHORIZER_H
#define GH_BRIDGE_AUTHORIZER_H

#include <stdbool.h>

#include "bridge/loop.h"
#include "bridge/options.h"
#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_authorizer gh_authorizer;

/* `settings` is borrowed and outlives it. Loads what is stored; does no network I/O. */
GH_MUST_USE gh_status gh_authorizer_new(gh_loop *loop, const gh_bridge_settings *settings,
                                        gh_authorizer **authorizer, gh_error *error);
/* Stops whatever is under way: listener closed, transfers cancelled, lock released; no callback. */
void gh_authorizer_free(gh_authorizer *authorizer);

/* The access token to send now; NULL when there is none or it is known to have expired. Borrowed until
 * the next call of any function here. */
const char *gh_authorizer_token(gh_authorizer *authorizer);

/* The Authorization value for that token ("Bearer ..." or "DPoP ...") and, when it is bound to a key, a proof
 * for one request to `url` (RFC 9449, 7.1; empty otherwise). Both buffers are the caller's to wipe. */
GH_MUST_USE gh_status gh_authorizer_present(const gh_authorizer *authorizer, const char *token,
                                            const char *method, const char *url, gh_buf *authorization,
                                            gh_buf *proof);
/* The reply's DPoP-Nonce, for the next proof; empty for none. */
void gh_authorizer_note_nonce(gh_authorizer *authorizer, gh_view nonce);

/* True when gh_authorizer_token gives NULL although a token could be had without a person: an expired one
 * with a refresh token beside it, or a grant that needs none. */
bool gh_authorizer_can_refresh(const gh_authorizer *authorizer);

/* Why a token is asked for. When a wait that allows interaction joins an attempt that does not, the attempt
 * goes on to a login if the silent part fails; those that do not allow it then fail, the other waits on. */
typedef struct gh_authorizer_need {
    int http_status;      /* 401, 403, or 0 when gh_authorizer_token gave NULL before any request */
    gh_view challenge;    /* the WWW-Authenticate value; copied; NULL ptr for none */
    const char *rejected; /* the token that was refused, copied; NULL for none: when the store holds
                             another one meanwhile, that is the answer */
    bool interactive;     /* a login in the browser is allowed, or, when one is under way, waited for */
} gh_authorizer_need;

/* An attempt ends after --login-timeout, counted from its beginning: waiting for a sibling's login included,
 * so that siblings who wait for the same person give up together and do not ask one after the other. A
 * login is not begun when it cannot help: nobody who allows it waits any more, the server refuses a token
 * that a login gave less than a minute ago, or asks again for permissions that a step-up has just asked
 * for. */

typedef void (*gh_authorizer_done)(void *context, gh_status status, const gh_error *error);
typedef struct gh_authorizer_wait gh_authorizer_wait;

/* Calls `done` exactly once from the loop (never before this returns) unless the wait is cancelled:
 * GH_OK (ask gh_authorizer_token), GH_ERR_DENIED, GH_ERR_TIMEOUT, GH_ERR_UNAVAILABLE...; the error is a
 * sentence for the person, with the login URL where opening it would help. */
GH_MUST_USE gh_status gh_authorizer_obtain(gh_authorizer *authorizer, const gh_authorizer_need *need,
                                           gh_authorizer_done done, void *context, gh_authorizer_wait **wait);
/* NULL is fine; not after done. A login that is under way goes on: the next caller profits from it. */
void gh_authorizer_wait_cancel(gh_authorizer_wait *wait);

/* True while a person has to do something in a browser; then the URL to open. When nobody did it in time,
 * that still holds while those who waited are told. */
bool gh_authorizer_login_pending(const gh_authorizer *authorizer);
const char *gh_authorizer_login_url(const gh_authorizer *authorizer);

/* Takes the URL that the browser ended at, for a login that is under way; GH_ERR_INVALID with a sentence
 * leaves it pending. */
GH_MUST_USE gh_status gh_authorizer_paste(gh_authorizer *authorizer, gh_view url, gh_error *error);

/* The subcommands; each runs the loop to its end and returns an exit code. Output for people goes to
 * stdout, progress to stderr. */
int gh_command_login(gh_loop *loop, const gh_bridge_settings *settings);
int gh_command_logout(gh_loop *loop, const gh_bridge_settings *settings); /* revokes, then forgets */
int gh_command_status(const gh_bridge_settings *settings);                /* who, where, until when */
int gh_command_check(gh_loop *loop, const gh_bridge_settings *settings);  /* every step, a tick each */

#endif

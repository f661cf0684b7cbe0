/* One request for a JSON document, with its reply in one callback: metadata, registration, tokens.
 * Never follows a redirect; the reply is bounded to 256 KB and 20 s. Belongs to the loop's thread. */
#ifndef GH_BRIDGE_LOGIN_FETCH_H
#define GH_BRIDGE_LOGIN_FETCH_H

#include "bridge/loop.h"
#include "bridge/options.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_FETCH_NONCE_MAX 256

typedef struct gh_fetch gh_fetch;

/* status GH_OK: a reply of any HTTP status, whose body is borrowed; else the cause is in `error`. */
typedef void (*gh_fetch_done)(void *context, gh_status status, int http_status, gh_view body,
                              const gh_error *error);

typedef struct gh_fetch_request {
    const char *url;
    const char *content_type;  /* NULL: a GET */
    gh_view body;              /* copied */
    const char *authorization; /* NULL for none */
    const char *dpop;          /* a proof; NULL for none */
    char *nonce; /* GH_FETCH_NONCE_MAX bytes that get the reply's DPoP-Nonce, if it has one; NULL for
                    nobody asks; borrowed until `done` */
} gh_fetch_request;

/* Starts it; `done` is called once, from the loop, and the fetch is gone then; or gh_fetch_cancel. */
GH_MUST_USE gh_status gh_fetch_start(gh_loop *loop, const gh_bridge_settings *settings,
                                     const gh_fetch_request *request, gh_fetch_done done, void *context,
                                     gh_fetch **fetch, gh_error *error);
void gh_fetch_cancel(gh_fetch *fetch); /* NULL is fine */

#endif

/* Requests to the token and revocation endpoints (RFC 6749, 4.1.3 and 6; RFC 7009; RFC 8707).
 * Belongs to the loop's thread. */
#ifndef GH_BRIDGE_LOGIN_TOKEN_H
#define GH_BRIDGE_LOGIN_TOKEN_H

#include <stdint.h>

#include "bridge/credentials/credentials.h"
#include "bridge/loop.h"
#include "bridge/options.h"
#include "shared/core/status.h"

typedef struct gh_token_call gh_token_call;

/* GH_OK: the new tokens were put into the credentials given at the start. GH_ERR_DENIED: the server said
 * no (invalid_grant and the like). GH_ERR_NOT_FOUND: it does not know the client (invalid_client). Anything
 * else: no usable answer; what is stored may still be good. */
typedef void (*gh_token_done)(void *context, gh_status status, const gh_error *error);

#define GH_TOKEN_FIELDS_MAX 8
#define GH_TOKEN_REFUSAL_MAX 64

/* A field of the form; one with neither text nor secret is left out. */
typedef struct gh_token_field {
    const char *name;
    const char *text;
    const gh_secret *secret;
} gh_token_field;

typedef struct gh_token_request {
    const char *grant_type;
    gh_token_field fields[GH_TOKEN_FIELDS_MAX];
    size_t count;
    char *refusal; /* GH_TOKEN_REFUSAL_MAX bytes that get the server's error code; NULL for none; borrowed
                      until `done` */
    const char *issued_type; /* static: the token type that is asked for, when it is no access token to be
                                used as it is (RFC 8693, 2.2.1); NULL for a bearer token */
} gh_token_request;

/* A request of any grant type; the resource (unless the settings forbid it) and the client's proof are added.
 * `credentials` is borrowed until `done`, and changed only on GH_OK. */
GH_MUST_USE gh_status gh_token_obtain(gh_loop *loop, const gh_bridge_settings *settings,
                                      gh_credentials *credentials, const gh_token_request *request,
                                      gh_token_done done, void *context, gh_token_call **call,
                                      gh_error *error);
/* Exchanges a code. `credentials` is borrowed until `done`, and changed only on GH_OK. */
GH_MUST_USE gh_status gh_token_exchange(gh_loop *loop, const gh_bridge_settings *settings,
                                        gh_credentials *credentials, const char *code,
                                        const char *redirect_uri, gh_view verifier, gh_token_done done,
                                        void *context, gh_token_call **call, gh_error *error);
/* Refreshes; a reply without a refresh token keeps the one that was used. */
GH_MUST_USE gh_status gh_token_refresh(gh_loop *loop, const gh_bridge_settings *settings,
                                       gh_credentials *credentials, gh_token_done done, void *context,
                                       gh_token_call **call, gh_error *error);
/* Revokes the refresh token, else the access token; `credentials` stays as it is. GH_ERR_UNSUPPORTED when
 * there is no token or no endpoint. */
GH_MUST_USE gh_status gh_token_revoke(gh_loop *loop, const gh_bridge_settings *settings,
                                      gh_credentials *credentials, gh_token_done done, void *context,
                                      gh_token_call **call, gh_error *error);
void gh_token_cancel(gh_token_call *call); /* NULL is fine */

#endif

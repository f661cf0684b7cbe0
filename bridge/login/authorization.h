/* The authorization request (RFC 6749, 4.1.1; RFC 7636, 4.3; RFC 8707, 2): its scope and its URL; and the
 * response to it (RFC 6749, 4.1.2; RFC 9207). Thread-safe. */
#ifndef GH_BRIDGE_LOGIN_AUTHORIZATION_H
#define GH_BRIDGE_LOGIN_AUTHORIZATION_H

#include <stdbool.h>

#include "shared/config/options.h"
#include "shared/core/secret.h"
#include "shared/core/status.h"
#include "shared/net/form.h"

/* Scopes as space-separated words; NULL where there are none. */
typedef struct gh_scope_sources {
    const char *settings;  /* given by the person: these and no others */
    const char *challenge; /* of the 401 or 403 */
    const char *resource;  /* scopes_supported of the resource metadata, when the challenge names none */
    const char *granted;   /* before, by the same issuer: asked for again, so that nothing is lost */
    const char *server;    /* scopes_supported of the server: whether it has offline_access */
} gh_scope_sources;

/* *scope is owned by the caller, NULL when nothing is to be asked for. */
GH_MUST_USE gh_status gh_authorization_scope(const gh_scope_sources *sources, char **scope, gh_error *error);

typedef struct gh_authorization_request {
    const char *endpoint; /* may have a query, but no fragment */
    const char *client_id;
    const char *redirect_uri;
    const char *state;
    const char *code_challenge; /* S256 */
    const char *resource;       /* NULL for none */
    const char *scope;          /* NULL for none */
    const gh_text_list *more;   /* NAME=VALUE, which no other member sets; NULL for none */
} gh_authorization_request;

/* *url is owned by the caller and at most GH_URL_MAX long. */
GH_MUST_USE gh_status gh_authorization_url(const gh_authorization_request *request, char **url,
                                           gh_error *error);

typedef struct gh_authorization_issuer {
    const char *issuer; /* that was asked */
    bool promised;      /* it announced the iss parameter */
} gh_authorization_issuer;

/* The code of a response whose state is right; owned by the caller. GH_ERR_CONFLICT: the server refused the
 * scope. GH_ERR_DENIED: it, or the person, refused; or the response is another server's: then nothing that
 * its sender wrote is in the error. */
GH_MUST_USE gh_status gh_authorization_response(const gh_form *query, const gh_authorization_issuer *issuer,
                                                gh_secret **code, gh_error *error);

#endif

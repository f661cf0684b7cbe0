/* From an Authorization header to a principal (RFC 6750, RFC 9068). Thread-safe. */
#ifndef GH_SERVER_AUTH_BEARER_H
#define GH_SERVER_AUTH_BEARER_H

#include <stdbool.h>
#include <stddef.h>

#include "server/auth/jwt.h"
#include "server/auth/principal.h"
#include "server/auth/scope_table.h"
#include "shared/core/status.h"

typedef enum gh_bearer_outcome {
    GH_BEARER_OK,
    GH_BEARER_MISSING,    /* no credentials: 401, a challenge without `error` */
    GH_BEARER_INVALID,    /* malformed, unknown, expired, revoked…: 401 invalid_token */
    GH_BEARER_SCOPE,      /* 403 insufficient_scope; *principal is set */
    GH_BEARER_FORBIDDEN,  /* a good token of somebody who may not enter: 403 access_denied; a new token would
                             not help, so there is no challenge */
    GH_BEARER_UNAVAILABLE /* keys or store cannot be reached: 503 */
} gh_bearer_outcome;

/* Verified tokens that are remembered. */
#define GH_BEARER_CACHE_ENTRIES 4096

typedef struct gh_bearer_options {
    const char *issuer;         /* borrowed for the life of the gh_bearer, like all of these */
    const char *resource;       /* the audience */
    const char *required_scope; /* space-separated; NULL or "" for none */
    void *context;
    /* Which scopes stand for others, with a reference for the caller; may give NULL, and be NULL. */
    gh_scope_table *(*scopes)(void *context);
    /* The current keys, with a reference for the caller; NULL when there are none yet. The same set must be
     * the same pointer from call to call, for it is what a remembered token depends on. */
    gh_keyset *(*keys)(void *context);
    /* For tokens of our own, whose grant is the claim `gid`: GH_OK when the grant lives, GH_ERR_NOT_FOUND
     * when it was revoked or never was, GH_ERR_UNAVAILABLE. A token without `gid` is refused then. NULL:
     * tokens of another issuer; a `gid` of theirs means nothing here. */
    gh_status (*grant_alive)(void *context, const char *grant_id);

    /* Tokens that an identity provider made, by the rules of gh_bearer_check's second paragraph. */
    bool foreign;
    /* The client id when it is accepted as audience beside the resource (--accept-client-id-audience). */
    const char *client_id_audience;
    /* Who may enter: rules of gh_claims_allow. */
    const char *const *required_claims;
    size_t required_claim_count;
    /* Called when a token names a key that is not in the set: asks for the keys anew, may wait, and returns
     * what is known then, with a reference, or NULL when that cannot be told now (GH_BEARER_UNAVAILABLE).
     * NULL: the set is complete. */
    gh_keyset *(*keys_missed)(void *context);
    /* Nobody signs in (--auth none): every caller is one and the same principal, whatever credentials it
     * shows. Nothing else of these counts then. */
    bool anonymous;
} gh_bearer_options;

typedef struct gh_bearer gh_bearer;

GH_MUST_USE gh_status gh_bearer_new(const gh_bearer_options *options, gh_bearer **bearer);
void gh_bearer_free(gh_bearer *bearer);
/* Whether principals carry their token from now on, because it is exchanged at the provider that made it (see
 * gh_principal). Only tokens of an identity provider are kept, never our own. */
void gh_bearer_keep_tokens(gh_bearer *bearer, bool keep);

/* Credentials of another scheme count as missing (RFC 6750, 3.1). Beyond gh_jwt_verify, with type `at+jwt`,
 * the claims `sub`, `client_id` and `scope` are required, and what an ID token carries (`nonce`, `at_hash`,
 * `c_hash`) is refused.
 *
 * A foreign token may be of type `JWT` or of none, but then needs a scope claim (`scope` or `scp`, words or
 * array) to tell it from an ID token; the client is `client_id`, `azp` or `cid`, and may be missing. The
 * required claims must hold.
 *
 * A token that was verified is remembered: while its key set stands, a further request looks at its expiry,
 * its scopes and its grant only. `authorization` is the header's value, NULL ptr when absent. *principal is
 * the caller's own (gh_principal_free) when the outcome is OK or SCOPE. `error` gets the description for the
 * challenge (never the token). */
gh_bearer_outcome gh_bearer_check(const gh_bearer *bearer, gh_view authorization, gh_principal **principal,
                                  gh_error *error);

#endif

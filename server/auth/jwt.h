/* Compact JWS with JWT claims: signing, and verification by explicit rules (RFC 7519, RFC 8725, RFC 9068).
 * Thread-safe. */
#ifndef GH_SERVER_AUTH_JWT_H
#define GH_SERVER_AUTH_JWT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/auth/key.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_JWT_MAX 16384 /* bytes of a token */
#define GH_JWT_SKEW_S 60

typedef struct gh_jwt_rules {
    const char *issuer;   /* exact */
    const char *audience; /* must be `aud` or one of its elements */
    const char *type;     /* "at+jwt": required `typ` ("application/at+jwt" counts too); NULL: any but then
                             the caller must tell an ID token from an access token by its claims */
    const gh_keyset *keys;
    const char *other_audience; /* accepted in place of `audience`; NULL for none */
} gh_jwt_rules;

/* Signs `claims` with header {"alg","typ","kid"}; *token is owned (gh_wipe_free). */
GH_MUST_USE gh_status gh_jwt_sign(const gh_key *key, const char *type, const cJSON *claims, char **token);

/* Checks form, header (`alg` of a known key, no `crit`, no `b64`, `typ`), signature, then `iss`, `aud`, `exp`
 * (required), `nbf`, `iat` against the wall clock with GH_JWT_SKEW_S. GH_ERR_PARSE (not a JWT),
 * GH_ERR_NOT_FOUND (an accepted algorithm, but no key of that kid and alg), GH_ERR_DENIED, GH_ERR_EXPIRED;
 * GH_ERR_NOMEM and GH_ERR_CRYPTO say nothing about the token. The error names the claim, never repeats what
 * the token says, and keeps to the characters of an error_description (RFC 6750, 3). *claims is owned
 * (cJSON_Delete). */
GH_MUST_USE gh_status gh_jwt_verify(gh_view token, const gh_jwt_rules *rules, cJSON **claims,
                                    gh_error *error);

/* Whether `iss`, `aud` and the times would pass if the signature did. Anybody can write such a token: this is
 * for not going to any trouble for one that would be refused anyway. True as well when memory lacks. */
bool gh_jwt_might_pass(gh_view token, const gh_jwt_rules *rules);

/* The header as it stands, for what verification does not look at. Nothing in it is to be trusted unless the
 * token has been verified. GH_ERR_PARSE; *header is owned (cJSON_Delete). */
GH_MUST_USE gh_status gh_jwt_header(gh_view token, cJSON **header);
/* True when this header's `typ` is `type`, compared as a media type (RFC 7515, 4.1.9). */
bool gh_jwt_header_has_type(const cJSON *header, const char *type);

#endif

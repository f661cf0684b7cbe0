/* The identity provider that this server stands beside: an OpenID Connect issuer such as Authentik.
 *
 * It is found by its discovery document (OpenID Connect Discovery 1.0; RFC 8414), by a thread that waits for
 * it with back-off and keeps metadata and keys fresh afterwards; the last good keys survive an outage. What
 * cannot work is said in a sentence with a remedy. Everything is thread-safe; functions that reach out block,
 * for at most GH_IDP_CALL_MS, and run on threads with 512 KB of stack or more. */
#ifndef GH_SERVER_IDP_IDP_H
#define GH_SERVER_IDP_IDP_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/auth/key.h"
#include "shared/config/options.h"
#include "shared/core/bytes.h"
#include "shared/core/secret.h"
#include "shared/core/status.h"
#include "shared/oauth/metadata.h"

#define GH_IDP_CALL_MS 10000
#define GH_IDP_REVOKE_MS 3000 /* of a revocation, which is a courtesy */

typedef struct gh_idp gh_idp;

typedef struct gh_idp_options {
    const char *issuer; /* exactly as its tokens say, trailing slash included */
    const char *client_id;
    const gh_secret *client_secret; /* NULL for a public client */
    const char *redirect_uri; /* "http://localhost:8080/callback"; NULL when nobody logs in through us */
    const char *scopes;       /* "openid profile email offline_access" */
    const char *connect_to;   /* HOST:PORT:HOST:PORT as curl's --connect-to; NULL */
    const char *ca_file;      /* PEM; NULL for the system's */
    bool allow_insecure_http; /* a plain-http issuer that is not loopback */
    bool needs_pkce;          /* S256 must be offered (proxy, facade) */
    bool renamed;             /* clients are given its metadata under another issuer's name (facade) */
} gh_idp_options;

/* Copies the options and starts nothing. GH_ERR_INVALID for what can never work (an issuer that is no URL,
 * plain http off loopback without leave). */
GH_MUST_USE gh_status gh_idp_new(const gh_idp_options *options, gh_idp **idp, gh_error *error);
/* Starts the thread. */
GH_MUST_USE gh_status gh_idp_start(gh_idp *idp);
/* Ends the thread's work and every call under way (GH_ERR_UNAVAILABLE) within a second, and later ones at
 * once; for a shutdown that has to wait for the threads that make them. NULL and twice are fine. */
void gh_idp_stop(gh_idp *idp);
void gh_idp_free(gh_idp *idp); /* within a second; no other call may be under way */

typedef enum gh_idp_state {
    GH_IDP_WAITING, /* not reached yet; the error says what was tried */
    GH_IDP_READY,
    GH_IDP_REFUSED /* reached, and it cannot work as configured; the error says why and what to change */
} gh_idp_state;
gh_idp_state gh_idp_state_get(gh_idp *idp, gh_error *why);
/* True after READY while the last attempt to confirm metadata or keys failed: the last good ones are served,
 * and the error says what is wrong now. Never true in another state. */
bool gh_idp_degraded(gh_idp *idp, gh_error *why);
/* Waits for a state other than WAITING, at most `ms`. */
gh_idp_state gh_idp_wait(gh_idp *idp, int64_t ms, gh_error *why);

/* Metadata as it is now, copied; GH_ERR_UNAVAILABLE before the first contact. Clear it. */
GH_MUST_USE gh_status gh_idp_metadata(gh_idp *idp, gh_server_metadata *out);
/* The verification keys, with a reference; NULL before the first contact. */
gh_keyset *gh_idp_keys(gh_idp *idp);
/* A token named a key that is not there: asks for the keys anew, waits for the answer at most 5 s, and
 * returns what is known then (with a reference, or NULL). So often at most: three times running, then every
 * 10 s. NULL as well, and at once, when too many wait already: whoever makes keys up must not hold every
 * thread. */
gh_keyset *gh_idp_keys_missed(gh_idp *idp);
int64_t gh_idp_keys_age_s(gh_idp *idp); /* since they were last confirmed; -1 for never */

/* What a login or refresh at the provider gave. */
typedef struct gh_idp_tokens {
    gh_secret *access_token;
    gh_secret *refresh_token; /* NULL when it gave none */
    int64_t expires_at;       /* of the access token, seconds since the epoch; 0 unknown */
    cJSON *claims; /* of the verified ID token merged with userinfo; NULL after a refresh without one */
} gh_idp_tokens;
void gh_idp_tokens_clear(gh_idp_tokens *tokens);

/* Appends the authorization URL for one login: code flow, S256, state, nonce. */
GH_MUST_USE gh_status gh_idp_authorize_url(gh_idp *idp, const char *state, const char *nonce,
                                           const char *challenge, gh_buf *out);
/* Exchanges the code and verifies the ID token (signature, iss, aud, azp, exp, nonce, at_hash when there);
 * claims that it lacks come from userinfo, whose `sub` must agree (OpenID Connect Core, 3.1.3.7, 5.3.2).
 * GH_ERR_DENIED: refused or not trustworthy; GH_ERR_UNAVAILABLE: an outage. */
GH_MUST_USE gh_status gh_idp_exchange(gh_idp *idp, const char *code, gh_view verifier, const char *nonce,
                                      gh_idp_tokens *tokens, gh_error *error);
/* GH_ERR_DENIED: the account or the session ended there (invalid_grant); GH_ERR_UNAVAILABLE: an outage,
 * nothing was used up as far as is known. */
GH_MUST_USE gh_status gh_idp_refresh(gh_idp *idp, const gh_secret *refresh_token, gh_idp_tokens *tokens,
                                     gh_error *error);
/* What a token for an API is wanted for; borrowed, NULL members are not sent. */
typedef struct gh_idp_target {
    const char *audience; /* RFC 8693, 2.1 */
    const char *resource; /* RFC 8707 */
    const char *scope;
} gh_idp_target;

/* Token exchange (RFC 8693): an access token of somebody for one with that target, as impersonation: the
 * token that comes back is the same person's. Only access_token and expires_at of *tokens are set.
 * GH_ERR_EXPIRED: the subject token is not accepted (any more); GH_ERR_DENIED: the provider does not do that
 * for this person, client or target; GH_ERR_UNAVAILABLE: an outage. */
GH_MUST_USE gh_status gh_idp_exchange_token(gh_idp *idp, const gh_secret *subject_token,
                                            const gh_idp_target *target, gh_idp_tokens *tokens,
                                            gh_error *error);

/* Which client asks, and where; borrowed. */
typedef struct gh_idp_client {
    const char *client_id;      /* NULL: the own one; */
    const gh_secret *secret;    /* its secret then */
    const char *token_endpoint; /* NULL: the provider's; else https, or http on loopback, and the own client
                                   is never named there */
    const char *ca_file;        /* for that one without a provider; NULL for the system's */
} gh_idp_client;

/* Client credentials (RFC 6749, 4.4). `idp` may be NULL when the client is complete. Where no metadata tells
 * how to authenticate, client_secret_basic is tried, then client_secret_post. Only access_token and
 * expires_at of *tokens are set. GH_ERR_DENIED, GH_ERR_UNAVAILABLE; GH_ERR_INVALID when the client is
 * incomplete. */
GH_MUST_USE gh_status gh_idp_client_credentials(gh_idp *idp, const gh_idp_client *as,
                                                const gh_idp_target *target, gh_idp_tokens *tokens,
                                                gh_error *error);
/* Best effort, within GH_IDP_REVOKE_MS; GH_ERR_UNSUPPORTED without a revocation endpoint. */
GH_MUST_USE gh_status gh_idp_revoke(gh_idp *idp, const gh_secret *token);

/* One line of `gatehouse check`. `remedy` is NULL for a tick. */
typedef void (*gh_idp_report)(void *context, bool good, const char *what, const char *detail,
                              const char *remedy);
/* Runs every check once, without the thread, and reports each: reachable, issuer, keys, algorithm, S256,
 * endpoints, the name in its answers when it is renamed, and the redirect URI (an authorization request with
 * prompt=none that must not be answered by an error page about the redirect). GH_OK when all is good. */
GH_MUST_USE gh_status gh_idp_check(gh_idp *idp, gh_idp_report report, void *context);

#endif

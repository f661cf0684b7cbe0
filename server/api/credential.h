/* Where the tokens for an API come from. The token that the MCP client sent is never one of them: it was made
 * for this server (MCP, "Token passthrough"; RFC 8707). Thread-safe; functions block and are for the
 * executor's threads. Nothing is waited for longer than GH_CREDENTIAL_MS; a request to the provider that
 * began within that time is brought to its end (GH_IDP_CALL_MS), since a refresh that is cut off may be lost.
 */
#ifndef GH_SERVER_API_CREDENTIAL_H
#define GH_SERVER_API_CREDENTIAL_H

#include <stdbool.h>

#include "server/auth/principal.h"
#include "server/toolfile/toolfile.h"
#include "shared/core/secret.h"
#include "shared/core/status.h"

#define GH_CREDENTIAL_MS 10000

/* What the auth mode offers; NULL members: it does not. `stale` is a token that the API just refused (401):
 * another one is wanted, or GH_ERR_DENIED. The error is for the person who asks: "Your sign-in at
 * id.example.org ended. Sign in again." GH_ERR_DENIED: sign in again or ask somebody; GH_ERR_UNAVAILABLE: the
 * provider is out of reach. *token is owned; *expires_at in seconds since the epoch, 0 unknown. */
typedef struct gh_credential_source {
    void *context;
    /* The user's own access token at the identity provider, refreshed when it is about to end. */
    gh_status (*user)(void *context, const gh_principal *principal, const gh_secret *stale, gh_secret **token,
                      int64_t *expires_at, gh_error *error);
    /* RFC 8693: `subject_token` for a token with the credential's audience, resource and scope. The subject
     * is what `user` gives; without `user`, the principal's own token, if it carries it
     * (gh_bearer_keep_tokens). GH_ERR_EXPIRED: the subject token is not accepted (any more); another one of
     * `user` is tried, once. */
    gh_status (*exchange)(void *context, const gh_secret *subject_token, const gh_credential *credential,
                          gh_secret **token, int64_t *expires_at, gh_error *error);
    /* RFC 6749, 4.4. */
    gh_status (*client)(void *context, const gh_credential *credential, gh_secret **token,
                        int64_t *expires_at, gh_error *error);
    const char *auth;  /* the mode, for messages: "dev" */
    bool has_provider; /* which can be asked by "client" without a token endpoint of its own */
    bool has_secret;   /* this server's own client there has one */
} gh_credential_source;

/* Tokens that were got, by upstream and user (issuer, subject, client and grant), until shortly before they
 * end; bounded, wiped. One request for one token at a time: others of the same wait for it. After a failure
 * the same is said for a while, from 1 s to 30 s, and nobody is asked. Whether a principal's grant still
 * lives is not looked at here: whoever takes the request does that. */
typedef struct gh_credential_cache gh_credential_cache;
GH_MUST_USE gh_status gh_credential_cache_new(const gh_credential_source *source,
                                              gh_credential_cache **cache);
void gh_credential_cache_free(gh_credential_cache *cache);

/* GH_ERR_INVALID with a sentence when this auth mode cannot give that credential: 'credential "user" needs
 * --auth proxy (...)', to be put after "upstream NAME: ". */
GH_MUST_USE gh_status gh_credential_check(const gh_credential_source *source, const gh_credential *credential,
                                          gh_error *error);

/* What to send: `*value` is the header's whole value ("Bearer ..."), owned; NULL for GH_CREDENTIAL_NONE, and
 * `*name` (borrowed from the credential, or static) the header's name. `stale`: the value that the API just
 * refused, or NULL: it is replaced, at most once in 30 s, else GH_ERR_DENIED. Name, URL and credential of
 * `upstream` are the cache's key, so that a reload that changes them gets tokens of its own.
 * GH_ERR_DENIED: sign in again or ask somebody; GH_ERR_UNAVAILABLE: try again; both with a sentence for the
 * person who asks. A value has no character that a header cannot carry, and ends with a NUL. */
GH_MUST_USE gh_status gh_credential_get(gh_credential_cache *cache, const gh_upstream *upstream,
                                        const gh_principal *principal, const gh_secret *stale,
                                        const char **name, gh_secret **value, gh_error *error);

#endif

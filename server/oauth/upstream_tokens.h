/* The provider's secrets at rest: sealed, each bound to the row that it belongs to. Thread-safe. */
#ifndef GH_SERVER_OAUTH_UPSTREAM_TOKENS_H
#define GH_SERVER_OAUTH_UPSTREAM_TOKENS_H

#include "server/oauth/internal.h"

/* The PKCE verifier of the login that is kept under `key`. *sealed is owned. */
GH_MUST_USE gh_status gh_upstream_seal_verifier(const gh_oauth_server *server, const char *key,
                                                const gh_secret *verifier, char **sealed);
GH_MUST_USE gh_status gh_upstream_open_verifier(const gh_oauth_server *server, const char *key,
                                                const char *sealed, gh_secret **verifier);

/* The provider's tokens of a grant, opened. */
typedef struct gh_upstream_secrets {
    gh_secret *access_token;
    gh_secret *refresh_token; /* NULL when the provider gave none */
    int64_t expires_at;       /* of the access token; 0 unknown */
    int64_t version;          /* of what is stored; 0: nothing yet */
} gh_upstream_secrets;
void gh_upstream_secrets_clear(gh_upstream_secrets *secrets);

/* GH_ERR_NOT_FOUND when the grant has none, GH_ERR_DENIED when they cannot be opened. */
GH_MUST_USE gh_status gh_upstream_secrets_get(const gh_oauth_server *server, const char *grant_id,
                                              gh_upstream_secrets *secrets);
/* GH_ERR_CONFLICT when the stored version is another one, GH_ERR_NOT_FOUND when the grant is gone. */
GH_MUST_USE gh_status gh_upstream_secrets_put(const gh_oauth_server *server, const char *grant_id,
                                              const gh_upstream_secrets *secrets);

/* Tells the provider that the token will not be used again; best effort, NULL is fine. */
void gh_upstream_forget(const gh_oauth_server *server, const gh_secret *token);

#endif

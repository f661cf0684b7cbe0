/* What the files of the credentials share: credential.c (what an API is sent), credential_cache.c (tokens
 * that are remembered), credential_fetch.c (where they come from). */
#ifndef GH_SERVER_API_CREDENTIAL_PRIVATE_H
#define GH_SERVER_API_CREDENTIAL_PRIVATE_H

#include "server/api/credential.h"
#include "shared/core/digest.h"

#define GH_CREDENTIAL_ENTRIES_MAX 4096
#define GH_CREDENTIAL_WAITERS_MAX 64
#define GH_CREDENTIAL_TOKEN_MAX ((size_t)64 * 1024)

/* A token that is wanted; borrowed. */
typedef struct gh_credential_wish {
    const gh_upstream *upstream;
    const gh_principal *principal; /* may be NULL */
    const gh_secret *stale;        /* the header value that was refused, or NULL */
} gh_credential_wish;

/* credential_fetch.c */
/* Two wishes with the same key may have the same token: it is made of all that decides about it, so that
 * nobody gets another user's, nor one that was made for an upstream as it was before a reload. */
GH_MUST_USE gh_status gh_credential_key(const gh_credential_wish *wish, unsigned char key[GH_SHA256_LEN]);
/* Asks the source. *value is the header's value, owned; *ends_at in seconds since the epoch, 0 for unknown.
 * Only GH_ERR_DENIED and GH_ERR_UNAVAILABLE, with a sentence. */
GH_MUST_USE gh_status gh_credential_fetch(const gh_credential_source *source, const gh_credential_wish *wish,
                                          gh_secret **value, int64_t *ends_at, gh_error *error);

/* credential_cache.c */
/* The value that is remembered, or a new one; *value is owned. */
GH_MUST_USE gh_status gh_credential_cached(gh_credential_cache *cache, const gh_credential_wish *wish,
                                           gh_secret **value, gh_error *error);
/* Tokens that are held, for tests. */
size_t gh_credential_cache_count(gh_credential_cache *cache);

#endif

/* Access tokens that were verified before, so that a request costs no signature check: a bounded map from the
 * SHA-256 of a token to its principal. An entry counts only under the very key set that verified it, so it
 * dies when keys change, and only until the token expires by the same rule as in gh_jwt_verify. What may
 * change without the token (a revoked grant) is the caller's to look at again. Thread-safe. */
#ifndef GH_SERVER_AUTH_TOKEN_CACHE_H
#define GH_SERVER_AUTH_TOKEN_CACHE_H

#include <stddef.h>

#include "server/auth/key.h"
#include "server/auth/principal.h"
#include "shared/core/digest.h"
#include "shared/core/status.h"

typedef struct gh_token_cache gh_token_cache;

/* Room for at least `entries` tokens; the one that was unused for longest goes when there is none left
 * among the eight places that a token may take. */
GH_MUST_USE gh_status gh_token_cache_new(size_t entries, gh_token_cache **cache);
void gh_token_cache_free(gh_token_cache *cache);

/* A copy for the caller, or NULL when there is no such entry (or no memory). */
gh_principal *gh_token_cache_get(gh_token_cache *cache, const unsigned char digest[GH_SHA256_LEN],
                                 const gh_keyset *keys);
/* Remembers a copy, with a reference to `keys`. Without memory, or for a principal of more than 4 KB, nothing
 * happens. */
void gh_token_cache_put(gh_token_cache *cache, const unsigned char digest[GH_SHA256_LEN], gh_keyset *keys,
                        const gh_principal *principal);
/* Entries in use, for tests and metrics. */
size_t gh_token_cache_count(gh_token_cache *cache);

#endif

/* HTTP clients to share between threads that block: each request takes a client of its own and gives it back
 * with its connections still open, so the next request to the same place finds one. Whoever shares a
 * connection can be given the rest of another one's answer, should the server's answers be longer than they
 * say: so only requests of the same owner, such as a user, share one. Thread-safe. */
#ifndef GH_SHARED_NET_HTTP_POOL_H
#define GH_SHARED_NET_HTTP_POOL_H

#include "shared/net/http_client.h"

typedef struct gh_http_pool gh_http_pool;

/* `options` as for every client of the pool; copied; what is wrong with them is found at once. At most `keep`
 * idle clients are kept, those that were given back last; more are made when needed. One that was idle for a
 * minute is freed when the pool is used next. */
GH_MUST_USE gh_status gh_http_pool_new(const gh_http_client_options *options, size_t keep,
                                       gh_http_pool **pool, gh_error *error);
void gh_http_pool_free(gh_http_pool *pool); /* nothing is taken; NULL is fine */

/* The one of this owner that was given back last, or a new one. */
GH_MUST_USE gh_status gh_http_pool_take(gh_http_pool *pool, uint64_t owner, gh_http_client **client,
                                        gh_error *error);
/* `client` has no transfer under way; NULL is fine. */
void gh_http_pool_give(gh_http_pool *pool, uint64_t owner, gh_http_client *client);

#endif

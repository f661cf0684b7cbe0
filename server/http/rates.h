/* How many requests a minute one address, and one user, may send: a token bucket each, which holds a minute's
 * worth, so that bursts pass and only what lasts is held back.
 *
 * The memory is fixed: so many buckets, in sets of eight. Where a ninth is needed, the one that is fullest
 * (whose owner has been quiet the longest) is forgotten, which gives nothing away as long as it was full. An
 * address is one of IPv4, or the /64 that one of IPv6 lies in. Any thread. */
#ifndef GH_SERVER_HTTP_RATES_H
#define GH_SERVER_HTTP_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "server/auth/principal.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_RATES_BUCKETS 8192 /* of addresses, and as many of users */

typedef struct gh_rates gh_rates;

typedef struct gh_rates_options {
    int64_t per_address; /* a minute; 0: no bound */
    int64_t per_user;    /* likewise */
    /* What comes from a loopback address is not counted by the address, or by the user: the first may be a
     * proxy that stands for many. A header that says so is not believed. */
    bool spares_local_addresses, spares_local_users;
} gh_rates_options;

GH_MUST_USE gh_status gh_rates_new(const gh_rates_options *options, gh_rates **rates);
void gh_rates_free(gh_rates *rates); /* NULL is fine */

/* One more request. `forwarded`: a proxy said whose it is. False when it is one too many: *retry_after_s (at
 * least 1) is when another will be taken.
 * What is no address passes. The log says now and then that requests were refused. */
bool gh_rates_enter_address(gh_rates *rates, gh_view address, bool forwarded, int64_t *retry_after_s);
/* The same for a user, whose request comes from `address`. */
bool gh_rates_enter_user(gh_rates *rates, const gh_principal *principal, gh_view address, bool forwarded,
                         int64_t *retry_after_s);
/* A request of `peer`, which no option calls a proxy, says that it was forwarded. For one of this machine,
 * whose clients are then not told apart, the log says so, once. */
void gh_rates_notice_forwarded(gh_rates *rates, gh_view peer);

#endif

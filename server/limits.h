/* The limits that settings make: what one message, one address, one user and all together may have. For the
 * main thread; the parts are thread-safe. */
#ifndef GH_SERVER_LIMITS_H
#define GH_SERVER_LIMITS_H

#include "server/http/rates.h"
#include "server/http/share.h"
#include "server/options.h"
#include "shared/json/gate.h"

typedef struct gh_limits {
    gh_json_limits message;
    size_t call_share; /* threads for the calls of one user alone; 0: no bound */
    gh_share *share;   /* NULL where all are one user */
    gh_rates *rates;
    gh_rates *user_rates; /* NULL where all are one user; borrowed */
} gh_limits;

/* Zeroed by the caller; gh_limits_clear in every case. */
GH_MUST_USE gh_status gh_limits_open(const gh_settings *settings, gh_limits *limits);
void gh_limits_clear(gh_limits *limits); /* nobody uses them any more */

#endif

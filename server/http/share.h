/* How much of the server one user has: requests that are being served, counted by user whatever the client.
 * Each holds a worker, and some for as long as a person takes to answer; without a bound one user could take
 * all of them. Any thread. */
#ifndef GH_SERVER_HTTP_SHARE_H
#define GH_SERVER_HTTP_SHARE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/auth/principal.h"
#include "shared/core/status.h"

/* One request, from enter to leave; the caller's. */
typedef struct gh_share_seat {
    struct gh_share_seat *next, *previous;
    const gh_principal *principal; /* borrowed */
} gh_share_seat;

typedef struct gh_share {
    pthread_mutex_t lock;
    gh_share_seat *first;
    size_t max;
} gh_share;

/* `max`: of one user. GH_ERR_NOMEM. */
GH_MUST_USE gh_status gh_share_init(gh_share *share, size_t max);
void gh_share_clear(gh_share *share); /* nobody is in */
/* False when the user has `max` seats already. */
bool gh_share_enter(gh_share *share, gh_share_seat *seat, const gh_principal *principal);
void gh_share_leave(gh_share *share, gh_share_seat *seat);

#endif

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

#define GH_SHARE_BUCKETS 256

typedef struct gh_share_user gh_share_user;

/* One request, from enter to leave; the caller's. */
typedef struct gh_share_seat {
    struct gh_share_seat *next, *previous; /* of the same user */
    const gh_principal *principal;         /* borrowed */
    gh_share_user *user;
    bool stream;
} gh_share_seat;

typedef enum gh_share_answer {
    GH_SHARE_IN,
    GH_SHARE_FULL,   /* the user has as many seats as one may have, or there is no memory */
    GH_SHARE_STREAMS /* as many of its seats are streams as may be */
} gh_share_answer;

typedef struct gh_share {
    pthread_mutex_t lock;
    gh_share_user *users[GH_SHARE_BUCKETS]; /* by user, so that many open streams slow nobody down */
    size_t max;
    size_t max_streams;
} gh_share;

/* `max`: seats of one user; `max_streams`: those among them that are streams without an end. GH_ERR_NOMEM. */
GH_MUST_USE gh_status gh_share_init(gh_share *share, size_t max, size_t max_streams);
void gh_share_clear(gh_share *share); /* nobody is in */
gh_share_answer gh_share_enter(gh_share *share, gh_share_seat *seat, const gh_principal *principal,
                               bool stream);
void gh_share_leave(gh_share *share, gh_share_seat *seat);

#endif

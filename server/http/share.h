/* How much of the server one user has: requests that are being served, counted by user whatever the client.
 * Each holds a worker, and some for as long as a person takes to answer; without a bound one user could take
 * all of them, and with a fixed one a few users together. So it depends on what is left (shared/core/fair.h),
 * and whoever has no call under way may begin one: its request has a worker already. So may who has one, if
 * he leaves a worker: the next call may come before the place of the last one is given back. Connections on
 * which no user's request is served do not count as taken: patience.h sees to those.
 *
 * A call beyond that need not be refused at once: its request has a worker, and where all are busy with short
 * calls there is a place within milliseconds. So it may wait, as long as nobody else waits for its worker;
 * places that are given back go to those who wait, the first first. Any thread. */
#ifndef GH_SERVER_HTTP_SHARE_H
#define GH_SERVER_HTTP_SHARE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/auth/principal.h"
#include "shared/core/fair.h"
#include "shared/core/status.h"

#define GH_SHARE_BUCKETS 256
#define GH_SHARE_TICK_MS 20 /* how often a call that waits asks whether it may go on to */

typedef struct gh_share_user gh_share_user;

/* One request, from enter to leave; the caller's. */
typedef struct gh_share_seat {
    struct gh_share_seat *next, *previous; /* of the same user; while it waits, of all that do */
    const gh_principal *principal;         /* borrowed */
    gh_share_user *user;
    pthread_cond_t given; /* while it waits: it need not any more */
    bool waits;
    bool stream;
} gh_share_seat;

typedef enum gh_share_answer {
    GH_SHARE_IN,
    GH_SHARE_FULL,        /* the user has as many seats as one may ever have, or there is no memory */
    GH_SHARE_LEFT,        /* as many as one may have of what others left */
    GH_SHARE_STREAMS,     /* as many of its seats are streams as may ever be */
    GH_SHARE_STREAMS_LEFT /* as may be of what others left */
} gh_share_answer;

typedef struct gh_share_bounds {
    gh_fair workers;
    gh_fair streams;         /* of these, streams without an end */
    size_t max_streams_user; /* of one user, however many are left */
    int64_t wait_ms;         /* at most, of a call for its place */
} gh_share_bounds;

typedef struct gh_share {
    pthread_mutex_t lock;
    gh_share_user *users[GH_SHARE_BUCKETS]; /* by user, so that many open streams slow nobody down */
    gh_share_bounds bounds;
    gh_share_seat *first, *last; /* that wait */
    size_t taken;                /* seats, of all users */
    size_t streams;              /* among them */
} gh_share;

GH_MUST_USE gh_status gh_share_init(gh_share *share, const gh_share_bounds *bounds); /* GH_ERR_NOMEM */
void gh_share_clear(gh_share *share);                                                /* nobody is in */
/* A stream is let in even when there are as many as there may be, unless it is the user who has too many. */
gh_share_answer gh_share_enter(gh_share *share, gh_share_seat *seat, const gh_principal *principal,
                               bool stream);
/* Of a call: waits for its place as long as `may_wait` says yes; it is asked every GH_SHARE_TICK_MS with the
 * lock held, so it must be quick. */
gh_share_answer gh_share_enter_call(gh_share *share, gh_share_seat *seat, const gh_principal *principal,
                                    bool (*may_wait)(const void *context), const void *context);
void gh_share_leave(gh_share *share, gh_share_seat *seat);

#endif

/* What the files of the executor share. Everything in it is guarded by `lock`. */
#ifndef GH_SERVER_EXEC_EXECUTOR_PRIVATE_H
#define GH_SERVER_EXEC_EXECUTOR_PRIVATE_H

#include <pthread.h>

#include "server/exec/executor.h"

/* A place for a thread. */
typedef struct gh_executor_seat {
    gh_executor *executor;
    pthread_t thread;
    bool taken; /* a thread was started here and has not been joined */
    bool ended; /* it has nothing left to do but to be joined */
    bool busy;  /* `run` runs; the next four count */
    bool late;  /* past its deadline, and reported */
    bool expiring;
    gh_deadline deadline;
    uint64_t key;
    void *context;
    void (*expired)(void *context);
} gh_executor_seat;

struct gh_executor {
    pthread_mutex_t lock;
    pthread_cond_t work;    /* the queue, or `stopping` */
    pthread_cond_t watch;   /* an earlier deadline, or `quit` */
    pthread_cond_t settled; /* `expiring` became false, or `live` 0 */
    gh_executor_options options;
    bool stopping;
    bool quit; /* for the watcher */
    bool watched;
    pthread_t watcher;
    int64_t wakes_at_ms; /* the watcher, by itself */
    gh_executor_job *first;
    gh_executor_job *last;
    size_t queued;
    bool held_back; /* some of these wait though there was a thread: their keys have their parts */
    size_t live;    /* threads */
    size_t running; /* of these: in `run`, and not late */
    size_t late;    /* of these: in `run`, and late */
    size_t seat_count;
    gh_executor_seat *seats;
};

/* All with the lock held. */

/* How many threads that are not late there may be, and how many of these run nothing. */
size_t gh_executor_places(const gh_executor *executor);
size_t gh_executor_free_places(const gh_executor *executor);
/* Threads that run jobs of that key and are not late. */
size_t gh_executor_held_by(const gh_executor *executor, uint64_t key);
/* Starts a thread when jobs wait for which there is none, and a place is free. */
void gh_executor_grow(gh_executor *executor, size_t queued);
/* GH_ERR_UNAVAILABLE when the thread cannot be started. */
GH_MUST_USE gh_status gh_executor_start_watcher(gh_executor *executor);
void gh_executor_join_ended(gh_executor *executor);
void gh_executor_wake_watcher(gh_executor *executor, gh_deadline deadline);

#endif

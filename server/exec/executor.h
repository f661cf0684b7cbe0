/* The executor: threads for what may block or needs stack, so that the workers which hold connections are
 * never blocked by a handler.
 *
 * A fixed number of threads takes jobs from one bounded queue. A job that runs past its deadline is reported
 * as expired once, its thread is written off and replaced, at most `spare` times; beyond that
 * gh_executor_exhausted is true, and jobs wait for the threads that are left. A written-off thread that comes
 * back ends by itself and gives its place back (or goes on, when a place is free). How many threads, and
 * places of the queue, the jobs of one key may have depends on what is left (shared/core/fair.h), so that a
 * few keys together cannot have all of them. Deadlines are met within
 * 100 ms, by one thread that sleeps while nothing runs. Waits are in real time, whatever the source of
 * clock.h is. No callback is called with a lock held. Thread-safe. */
#ifndef GH_SERVER_EXEC_EXECUTOR_H
#define GH_SERVER_EXEC_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/core/clock.h"
#include "shared/core/status.h"

#define GH_EXECUTOR_STACK ((size_t)1024 * 1024)

typedef struct gh_executor gh_executor;

typedef struct gh_executor_options {
    size_t threads; /* started when they are first needed, 1 to 1024 */
    size_t queue;   /* jobs that wait */
    size_t spare;   /* threads that may be written off at the same time */
    /* Threads, and of the queue as large a part, for the jobs of one key while there are no others. With only
     * one thread that is it; of the queue it has three quarters. 0: no bound. */
    size_t share;
} gh_executor_options;

/* Owned by the caller, who keeps it and its context until `finished` is called, or `dropped`, or
 * gh_executor_submit failed. Exactly one of these three comes, and nothing after it. */
typedef struct gh_executor_job {
    void *context;
    void (*run)(void *context);
    /* The deadline passed while `run` runs (on the watching thread: short, and no waiting), or before it
     * began (then `run` is not called any more, and `dropped` is next). May be NULL. */
    void (*expired)(void *context);
    /* It will not be run: it expired in the queue, or the executor stops. May be NULL. */
    void (*dropped)(void *context);
    /* `run` has returned, and `expired` neither runs nor will: the place to free, or to release a reference
     * (within `run` it would be too early, for `expired` may run beside it). May be NULL: then `run` may free
     * the job at its end if `expired` is NULL too. */
    void (*finished)(void *context);
    gh_deadline deadline;
    uint64_t key; /* on whose behalf: beyond the part of one, the jobs of others go first; 0 for nobody's */
    /* --- the executor's own --- */
    struct gh_executor_job *next;
    void *seat;
} gh_executor_job;

GH_MUST_USE gh_status gh_executor_new(const gh_executor_options *options, gh_executor **executor);
/* GH_ERR_UNAVAILABLE when the queue, or what one key may have of it now, is full, or the executor stops. */
GH_MUST_USE gh_status gh_executor_submit(gh_executor *executor, gh_executor_job *job);
/* Of a job that runs: from now on this is its deadline (it became a task). On its own thread only. False when
 * it has expired already. */
bool gh_executor_extend(gh_executor *executor, gh_executor_job *job, gh_deadline deadline);
/* More jobs are past their deadline and still run than there are spare threads. */
bool gh_executor_exhausted(gh_executor *executor);
typedef struct gh_executor_state {
    size_t threads; /* that there are */
    size_t busy;    /* of these: run a job that is within its time */
    size_t late;    /* of these: run one that is not */
    size_t queued;  /* jobs that wait */
} gh_executor_state;
gh_executor_state gh_executor_look(gh_executor *executor);
/* Takes no more jobs, drops those in the queue, waits up to `ms` for those that run. False when some still
 * run: then the executor must not be freed, for they use it; stopping it once more waits once more. Not from
 * a job. */
bool gh_executor_stop(gh_executor *executor, int64_t ms);
void gh_executor_free(
    gh_executor *executor); /* after a stop that returned true, or never used; NULL is fine */

#endif

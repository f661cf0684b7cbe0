#include "server/exec/executor.h"

#include <stdlib.h>

#include "server/exec/executor_private.h"
#include "shared/core/cond.h"
#include "shared/core/fair.h"

#define THREADS_MAX 1024
#define QUEUE_MAX 1000000

static bool init_locks(gh_executor *executor)
{
    if (pthread_mutex_init(&executor->lock, NULL) != 0) {
        return false;
    }
    if (gh_cond_init(&executor->work) != GH_OK) {
        goto no_work;
    }
    if (gh_cond_init(&executor->watch) != GH_OK) {
        goto no_watch;
    }
    if (gh_cond_init(&executor->settled) == GH_OK) {
        return true;
    }
    (void)pthread_cond_destroy(&executor->watch);
no_watch:
    (void)pthread_cond_destroy(&executor->work);
no_work:
    (void)pthread_mutex_destroy(&executor->lock);
    return false;
}

gh_status gh_executor_new(const gh_executor_options *options, gh_executor **executor)
{
    gh_executor *fresh = NULL;

    if (options->threads == 0 || options->threads > THREADS_MAX || options->spare > THREADS_MAX ||
        options->queue > QUEUE_MAX) {
        return GH_ERR_INVALID;
    }
    fresh = calloc(1, sizeof *fresh);
    if (!fresh) {
        return GH_ERR_NOMEM;
    }
    fresh->options = *options;
    fresh->wakes_at_ms = INT64_MAX;
    fresh->seat_count = options->threads + options->spare;
    fresh->seats = calloc(fresh->seat_count, sizeof *fresh->seats);
    if (!fresh->seats || !init_locks(fresh)) {
        free(fresh->seats);
        free(fresh);
        return GH_ERR_NOMEM;
    }
    *executor = fresh;
    return GH_OK;
}

static void append(gh_executor *executor, gh_executor_job *job)
{
    job->next = NULL;
    job->seat = NULL;
    *(executor->last ? &executor->last->next : &executor->first) = job;
    executor->last = job;
    executor->queued++;
}

/* Threads and queue together. The part of the queue that one key may have is as large as that of the threads.
 */
static gh_fair both(const gh_executor_options *options)
{
    size_t part = options->share < options->threads ? options->queue * options->share / options->threads
                                                    : options->queue * 3 / 4;

    return (gh_fair){.total = options->threads + options->queue, .alone = options->share + part};
}

static bool has_place(const gh_executor *executor, uint64_t key)
{
    /* A job that a free thread will take at once does not count as waiting. */
    size_t places = executor->options.queue + gh_executor_free_places(executor);
    size_t left = places > executor->queued ? places - executor->queued : 0;

    if (left == 0 || key == 0 || executor->options.share == 0) {
        return left > 0;
    }
    size_t held = gh_executor_held_by(executor, key);
    for (const gh_executor_job *job = executor->first; job; job = job->next) {
        held += job->key == key ? 1 : 0;
    }
    return gh_fair_allows(both(&executor->options), held, left);
}

gh_status gh_executor_submit(gh_executor *executor, gh_executor_job *job)
{
    gh_status status = GH_ERR_UNAVAILABLE;

    (void)pthread_mutex_lock(&executor->lock);
    if (executor->stopping || !has_place(executor, job->key)) {
        goto out;
    }
    if (job->deadline.at_ms != INT64_MAX && gh_executor_start_watcher(executor) != GH_OK) {
        goto out;
    }
    gh_executor_grow(executor, executor->queued + 1);
    if (executor->live == 0) {
        goto out;
    }
    append(executor, job);
    gh_executor_wake_watcher(executor, job->deadline);
    (void)pthread_cond_signal(&executor->work);
    status = GH_OK;
out:
    (void)pthread_mutex_unlock(&executor->lock);
    return status;
}

gh_executor_state gh_executor_look(gh_executor *executor)
{
    (void)pthread_mutex_lock(&executor->lock);
    gh_executor_state state = {.threads = executor->live,
                               .busy = executor->running,
                               .late = executor->late,
                               .queued = executor->queued};
    (void)pthread_mutex_unlock(&executor->lock);
    return state;
}

bool gh_executor_extend(gh_executor *executor, gh_executor_job *job, gh_deadline deadline)
{
    gh_executor_seat *seat = job->seat;
    bool in_time = false;

    (void)pthread_mutex_lock(&executor->lock);
    if (!seat->late && (deadline.at_ms == INT64_MAX || gh_executor_start_watcher(executor) == GH_OK)) {
        seat->deadline = deadline;
        gh_executor_wake_watcher(executor, deadline);
        in_time = true;
    }
    (void)pthread_mutex_unlock(&executor->lock);
    return in_time;
}

bool gh_executor_exhausted(gh_executor *executor)
{
    (void)pthread_mutex_lock(&executor->lock);
    bool exhausted = executor->late > executor->options.spare;
    (void)pthread_mutex_unlock(&executor->lock);
    return exhausted;
}

static void drop_all(gh_executor_job *job)
{
    while (job) {
        gh_executor_job *next = job->next;
        if (job->dropped) {
            job->dropped(job->context);
        }
        job = next;
    }
}

bool gh_executor_stop(gh_executor *executor, int64_t ms)
{
    gh_deadline deadline = gh_deadline_in(ms);
    gh_executor_job *queue = NULL;
    bool join = false;
    bool idle = false;

    (void)pthread_mutex_lock(&executor->lock);
    executor->stopping = true;
    queue = executor->first;
    executor->first = NULL;
    executor->last = NULL;
    executor->queued = 0;
    (void)pthread_cond_broadcast(&executor->work);
    (void)pthread_mutex_unlock(&executor->lock);
    drop_all(queue);

    (void)pthread_mutex_lock(&executor->lock);
    while (executor->live > 0 && gh_cond_wait_until(&executor->settled, &executor->lock, deadline)) {
    }
    gh_executor_join_ended(executor);
    idle = executor->live == 0;
    if (idle && executor->watched) {
        /* Jobs that are still running need the watcher, so it only goes once there are none. */
        join = true;
        executor->watched = false;
        executor->quit = true;
        (void)pthread_cond_signal(&executor->watch);
    }
    (void)pthread_mutex_unlock(&executor->lock);
    if (join) {
        (void)pthread_join(executor->watcher, NULL);
    }
    return idle;
}

void gh_executor_free(gh_executor *executor)
{
    if (!executor) {
        return;
    }
    (void)pthread_cond_destroy(&executor->settled);
    (void)pthread_cond_destroy(&executor->watch);
    (void)pthread_cond_destroy(&executor->work);
    (void)pthread_mutex_destroy(&executor->lock);
    free(executor->seats);
    free(executor);
}

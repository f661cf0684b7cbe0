/* The threads of the executor: those that run jobs, and the one that watches their deadlines. */
#include <signal.h>
#include <string.h>

#include "server/exec/executor_private.h"
#include "server/exec/signal_stack.h"
#include "shared/core/cond.h"
#include "shared/core/fair.h"

#define REFUSED_MAX 8

size_t gh_executor_places(const gh_executor *executor)
{
    size_t spare = executor->options.spare;
    size_t lost = executor->late > spare ? executor->late - spare : 0;

    return executor->options.threads > lost ? executor->options.threads - lost : 0;
}

size_t gh_executor_free_places(const gh_executor *executor)
{
    size_t places = gh_executor_places(executor);

    return places > executor->running ? places - executor->running : 0;
}

/* Signals belong to the main thread, which waits for them; but what a thread brings on itself is its own. */
static void block_all(sigset_t *set)
{
    static const int OWN[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};

    (void)sigfillset(set);
    for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++) {
        (void)sigdelset(set, OWN[i]);
    }
}

static bool start(pthread_t *thread, void *(*routine)(void *), void *argument)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    bool started = false;

    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    block_all(&all);
    if (pthread_attr_setstacksize(&attributes, GH_EXECUTOR_STACK) == 0 &&
        pthread_sigmask(SIG_SETMASK, &all, &before) == 0) {
        started = pthread_create(thread, &attributes, routine, argument) == 0;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    (void)pthread_attr_destroy(&attributes);
    return started;
}

/* --- the threads that run jobs --- */

/* Takes a job out of the queue; `before` is the one in front of it. */
static gh_executor_job *take_out(gh_executor *executor, gh_executor_job *before)
{
    gh_executor_job **at = before ? &before->next : &executor->first;
    gh_executor_job *job = *at;

    *at = job->next;
    if (executor->last == job) {
        executor->last = before;
    }
    job->next = NULL;
    executor->queued--;
    return job;
}

size_t gh_executor_held_by(const gh_executor *executor, uint64_t key)
{
    size_t held = 0;

    for (size_t i = 0; i < executor->seat_count; i++) {
        const gh_executor_seat *seat = &executor->seats[i];
        held += seat->taken && seat->busy && !seat->late && seat->key == key ? 1 : 0;
    }
    return held;
}

static bool has_share(const gh_executor *executor, uint64_t key)
{
    const gh_fair threads = {executor->options.threads, executor->options.share};

    return key == 0 || threads.alone == 0 ||
           gh_fair_allows(threads, gh_executor_held_by(executor, key), gh_executor_free_places(executor));
}

/* Keys of one look at the queue: a flood is of few, so each is judged once. */
typedef struct refused {
    uint64_t keys[REFUSED_MAX];
    size_t count;
} refused;

static bool may_run(const gh_executor *executor, uint64_t key, refused *known)
{
    for (size_t i = 0; i < known->count; i++) {
        if (known->keys[i] == key) {
            return false;
        }
    }
    if (has_share(executor, key)) {
        return true;
    }
    if (known->count < REFUSED_MAX) {
        known->keys[known->count++] = key;
    }
    return false;
}

/* The first in the queue that may run now, and the one in front of it; NULL when there is none. */
static gh_executor_job *find_next(gh_executor *executor, gh_executor_job **before)
{
    refused known = {.count = 0};
    gh_executor_job *job = executor->first;

    *before = NULL;
    while (job && !may_run(executor, job->key, &known)) {
        *before = job;
        job = job->next;
    }
    executor->held_back = known.count > 0 || (job && executor->held_back);
    return job;
}

static gh_executor_job *take_next(gh_executor *executor)
{
    gh_executor_job *before;

    return find_next(executor, &before) ? take_out(executor, before) : NULL;
}

/* Who ends a job of one key and takes one of another leaves more to the first. */
static void wake_for_held_back(gh_executor *executor)
{
    gh_executor_job *before;

    if (executor->held_back && executor->live - executor->late > executor->running &&
        find_next(executor, &before)) {
        (void)pthread_cond_signal(&executor->work);
    }
}

/* Releases the lock meanwhile. */
static void expire_unrun(gh_executor *executor, const gh_executor_job *job)
{
    void *context = job->context;
    void (*expired)(void *) = job->expired;
    void (*dropped)(void *) = job->dropped;

    (void)pthread_mutex_unlock(&executor->lock);
    if (expired) {
        expired(context);
    }
    if (dropped) {
        dropped(context);
    }
    (void)pthread_mutex_lock(&executor->lock);
}

/* Releases the lock meanwhile. After `run` the job may be gone, so nothing of it is touched any more. */
static void run(gh_executor_seat *seat, gh_executor_job *job)
{
    gh_executor *executor = seat->executor;
    void *context = job->context;
    void (*finished)(void *) = job->finished;

    seat->busy = true;
    seat->late = false;
    seat->deadline = job->deadline;
    seat->key = job->key;
    seat->context = context;
    seat->expired = job->expired;
    job->seat = seat;
    executor->running++;
    wake_for_held_back(executor);
    (void)pthread_mutex_unlock(&executor->lock);
    job->run(context);
    (void)pthread_mutex_lock(&executor->lock);
    while (seat->expiring) {
        (void)pthread_cond_wait(&executor->settled, &executor->lock);
    }
    seat->busy = false;
    *(seat->late ? &executor->late : &executor->running) -= 1;
    if (finished) {
        (void)pthread_mutex_unlock(&executor->lock);
        finished(context);
        (void)pthread_mutex_lock(&executor->lock);
    }
}

/* Is this thread one too many, because it was written off, replaced, and came back? */
static bool surplus(const gh_executor *executor)
{
    return executor->live - executor->late > gh_executor_places(executor);
}

static void *work(void *argument)
{
    gh_executor_seat *seat = argument;
    gh_executor *executor = seat->executor;
    void *signal_stack = gh_signal_stack_new();

    (void)pthread_setname_np(pthread_self(), "gh-exec");
    (void)pthread_mutex_lock(&executor->lock);
    while (!executor->stopping && !surplus(executor)) {
        gh_executor_job *job = take_next(executor);
        if (!job) {
            (void)pthread_cond_wait(&executor->work, &executor->lock);
        } else if (gh_deadline_passed(job->deadline)) {
            expire_unrun(executor, job);
        } else {
            run(seat, job);
        }
    }
    gh_signal_stack_free(signal_stack);
    seat->ended = true;
    executor->live--;
    (void)pthread_cond_broadcast(&executor->settled);
    (void)pthread_mutex_unlock(&executor->lock);
    return NULL;
}

void gh_executor_join_ended(gh_executor *executor)
{
    for (size_t i = 0; i < executor->seat_count; i++) {
        gh_executor_seat *seat = &executor->seats[i];
        if (seat->taken && seat->ended) {
            (void)pthread_join(seat->thread, NULL); /* at its last instruction: no wait */
            seat->taken = false;
        }
    }
}

void gh_executor_grow(gh_executor *executor, size_t queued)
{
    size_t usable = executor->live - executor->late;

    if (queued <= usable - executor->running || usable >= gh_executor_places(executor)) {
        return;
    }
    gh_executor_join_ended(executor);
    for (size_t i = 0; i < executor->seat_count; i++) {
        gh_executor_seat *seat = &executor->seats[i];
        if (seat->taken) {
            continue;
        }
        memset(seat, 0, sizeof *seat);
        seat->executor = executor;
        if (start(&seat->thread, work, seat)) {
            seat->taken = true;
            executor->live++;
        }
        return;
    }
}

/* --- the one that watches --- */

/* The first job in the queue whose deadline has passed, or NULL; else *earliest is brought forward. */
static gh_executor_job *take_out_expired(gh_executor *executor, gh_deadline *earliest)
{
    gh_executor_job *before = NULL;

    for (gh_executor_job *job = executor->first; job; before = job, job = job->next) {
        if (gh_deadline_passed(job->deadline)) {
            return take_out(executor, before);
        }
        *earliest = gh_deadline_earlier(*earliest, job->deadline);
    }
    return NULL;
}

static gh_executor_seat *find_expired(gh_executor *executor, gh_deadline *earliest)
{
    for (size_t i = 0; i < executor->seat_count; i++) {
        gh_executor_seat *seat = &executor->seats[i];
        if (!seat->taken || seat->ended || !seat->busy || seat->late) {
            continue;
        }
        if (gh_deadline_passed(seat->deadline)) {
            return seat;
        }
        *earliest = gh_deadline_earlier(*earliest, seat->deadline);
    }
    return NULL;
}

/* Releases the lock meanwhile; `expiring` keeps the job. */
static void write_off(gh_executor *executor, gh_executor_seat *seat)
{
    seat->late = true;
    executor->late++;
    executor->running--;
    gh_executor_grow(executor, executor->queued);
    (void)pthread_cond_broadcast(&executor->work); /* one more of its key may run */
    if (!seat->expired) {
        return;
    }
    seat->expiring = true;
    (void)pthread_mutex_unlock(&executor->lock);
    seat->expired(seat->context);
    (void)pthread_mutex_lock(&executor->lock);
    seat->expiring = false;
    (void)pthread_cond_broadcast(&executor->settled);
}

static void *watch(void *argument)
{
    gh_executor *executor = argument;

    (void)pthread_setname_np(pthread_self(), "gh-exec-watch");
    (void)pthread_mutex_lock(&executor->lock);
    while (!executor->quit) {
        gh_deadline earliest = gh_deadline_never();
        gh_executor_job *job = take_out_expired(executor, &earliest);
        gh_executor_seat *seat = job ? NULL : find_expired(executor, &earliest);

        if (job) {
            expire_unrun(executor, job);
        } else if (seat) {
            write_off(executor, seat);
        } else {
            executor->wakes_at_ms = earliest.at_ms;
            (void)gh_cond_wait_until(&executor->watch, &executor->lock, earliest);
        }
    }
    (void)pthread_mutex_unlock(&executor->lock);
    return NULL;
}

gh_status gh_executor_start_watcher(gh_executor *executor)
{
    if (!executor->watched) {
        executor->watched = start(&executor->watcher, watch, executor);
    }
    return executor->watched ? GH_OK : GH_ERR_UNAVAILABLE;
}

void gh_executor_wake_watcher(gh_executor *executor, gh_deadline deadline)
{
    if (deadline.at_ms < executor->wakes_at_ms) {
        executor->wakes_at_ms = deadline.at_ms;
        (void)pthread_cond_signal(&executor->watch);
    }
}

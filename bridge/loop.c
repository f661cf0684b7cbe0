#include "bridge/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "shared/core/clock.h"

/* The longest sleep; nothing depends on it, it only bounds a lost wake-up. */
#define SLEEP_MAX_MS 60000

struct gh_loop_watch {
    gh_loop *loop;
    int fd;
    short events;
    bool removed; /* freed when no dispatch can still hold it */
    void (*ready)(void *context, int fd, short revents);
    void *context;
};

struct gh_loop_timer {
    gh_loop *loop;
    gh_loop_timer *next;
    int64_t at_ms;
    uint64_t sequence; /* those added while others fire wait for the next round */
    void (*fire)(void *context);
    void *context;
};

struct gh_loop {
    gh_http_client *client; /* borrowed */
    gh_loop_watch *watches[GH_LOOP_WATCHES_MAX];
    size_t watch_count;
    bool some_removed;
    gh_loop_timer *timers; /* the earliest first */
    uint64_t sequence;
    bool stopped;
    int exit_code;
};

gh_status gh_loop_new(gh_http_client *client, gh_loop **loop)
{
    gh_loop *made = calloc(1, sizeof(*made));

    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->client = client;
    *loop = made;
    return GH_OK;
}

void gh_loop_free(gh_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    for (size_t i = 0; i < loop->watch_count; i++) {
        free(loop->watches[i]);
    }
    while (loop->timers != NULL) {
        gh_loop_timer *next = loop->timers->next;

        free(loop->timers);
        loop->timers = next;
    }
    free(loop);
}

gh_http_client *gh_loop_http(gh_loop *loop)
{
    return loop->client;
}

gh_status gh_loop_watch_add(gh_loop *loop, int fd, short events,
                            void (*ready)(void *context, int fd, short revents), void *context,
                            gh_loop_watch **watch)
{
    gh_loop_watch *made;

    if (loop->watch_count == GH_LOOP_WATCHES_MAX) {
        return GH_ERR_TOO_LARGE;
    }
    made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->loop = loop;
    made->fd = fd;
    made->events = events;
    made->ready = ready;
    made->context = context;
    loop->watches[loop->watch_count++] = made;
    *watch = made;
    return GH_OK;
}

void gh_loop_watch_set(gh_loop_watch *watch, short events)
{
    watch->events = events;
}

void gh_loop_watch_remove(gh_loop_watch *watch)
{
    if (watch != NULL) {
        watch->removed = true;
        watch->loop->some_removed = true;
    }
}

static void free_removed(gh_loop *loop)
{
    size_t kept = 0;

    if (!loop->some_removed) {
        return;
    }
    for (size_t i = 0; i < loop->watch_count; i++) {
        if (loop->watches[i]->removed) {
            free(loop->watches[i]);
        } else {
            loop->watches[kept++] = loop->watches[i];
        }
    }
    loop->watch_count = kept;
    loop->some_removed = false;
}

gh_status gh_loop_timer_add(gh_loop *loop, int64_t ms, void (*fire)(void *context), void *context,
                            gh_loop_timer **timer)
{
    gh_loop_timer *made = calloc(1, sizeof(*made));
    gh_loop_timer **at = &loop->timers;

    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->loop = loop;
    made->at_ms = gh_deadline_in(ms).at_ms;
    made->sequence = ++loop->sequence;
    made->fire = fire;
    made->context = context;
    while (*at != NULL && (*at)->at_ms <= made->at_ms) {
        at = &(*at)->next;
    }
    made->next = *at;
    *at = made;
    *timer = made;
    return GH_OK;
}

void gh_loop_timer_remove(gh_loop_timer *timer)
{
    gh_loop_timer **at;

    if (timer == NULL) {
        return;
    }
    at = &timer->loop->timers;
    while (*at != timer) {
        at = &(*at)->next;
    }
    *at = timer->next;
    free(timer);
}

static void fire_due(gh_loop *loop)
{
    int64_t now = gh_clock_mono_ms();
    uint64_t last = loop->sequence;

    while (!loop->stopped && loop->timers != NULL) {
        gh_loop_timer *timer = loop->timers;
        void (*fire)(void *context) = timer->fire;
        void *context = timer->context;

        if (timer->at_ms > now || timer->sequence > last) {
            break;
        }
        loop->timers = timer->next;
        free(timer);
        fire(context);
    }
}

static int sleep_ms(const gh_loop *loop)
{
    if (loop->timers == NULL) {
        return SLEEP_MAX_MS;
    }
    return gh_deadline_poll_ms((gh_deadline){loop->timers->at_ms}, SLEEP_MAX_MS);
}

static gh_status wait_for(gh_loop *loop, struct pollfd *fds, size_t count)
{
    if (loop->client != NULL) {
        return gh_http_client_poll(loop->client, fds, count, sleep_ms(loop));
    }
    return poll(fds, (nfds_t)count, sleep_ms(loop)) < 0 && errno != EINTR ? GH_ERR_IO : GH_OK;
}

static gh_status poll_once(gh_loop *loop)
{
    struct pollfd fds[GH_LOOP_WATCHES_MAX];
    gh_loop_watch *watches[GH_LOOP_WATCHES_MAX];
    size_t count = 0;
    gh_status status;

    free_removed(loop);
    for (size_t i = 0; i < loop->watch_count; i++) {
        if (loop->watches[i]->events != 0) {
            watches[count] = loop->watches[i];
            fds[count++] = (struct pollfd){.fd = loop->watches[i]->fd, .events = loop->watches[i]->events};
        }
    }
    status = wait_for(loop, fds, count);
    /* Transfers' callbacks ran meanwhile: a watch may have been removed or paused. */
    for (size_t i = 0; status == GH_OK && i < count && !loop->stopped; i++) {
        if (fds[i].revents != 0 && !watches[i]->removed && watches[i]->events != 0) {
            watches[i]->ready(watches[i]->context, watches[i]->fd, fds[i].revents);
        }
    }
    return status;
}

int gh_loop_run(gh_loop *loop)
{
    loop->stopped = false;
    while (!loop->stopped) {
        fire_due(loop);
        if (!loop->stopped && poll_once(loop) != GH_OK) {
            gh_loop_stop(loop, 1);
        }
    }
    return loop->exit_code;
}

void gh_loop_stop(gh_loop *loop, int exit_code)
{
    loop->stopped = true;
    loop->exit_code = exit_code;
}

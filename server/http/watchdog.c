#include "server/http/watchdog.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "server/http/attendant.h"
#include "shared/core/cond.h"

struct gh_watchdog {
    gh_attendant attendant;
    gh_watch *first;
    bool ticking; /* the thread looks again within a tick and needs no signal */
};

/* Shuts `fd` down when a watch that is due means it. */
static void cut_if_due(void *context, int fd)
{
    gh_watchdog *watchdog = context;
    gh_endpoint peer;
    if (!gh_sockets_peer(fd, &peer)) {
        return;
    }
    for (gh_watch *watch = watchdog->first; watch != NULL; watch = watch->next) {
        if (gh_socket_is_called(fd, &peer, &watch->name) && gh_deadline_passed(watch->deadline)) {
            watch->fired = true;
            (void)shutdown(fd, watch->side == GH_WATCH_READ ? SHUT_RD : SHUT_RDWR);
        }
    }
}

static bool any_due(const gh_watchdog *watchdog)
{
    for (const gh_watch *watch = watchdog->first; watch != NULL; watch = watch->next) {
        if (!watch->fired && gh_deadline_passed(watch->deadline)) {
            return true;
        }
    }
    return false;
}

static void *run(void *context)
{
    gh_watchdog *watchdog = context;
    (void)pthread_mutex_lock(&watchdog->attendant.lock);
    while (!watchdog->attendant.stop) {
        if (watchdog->first == NULL) {
            watchdog->ticking = false;
            (void)pthread_cond_wait(&watchdog->attendant.wake, &watchdog->attendant.lock);
            watchdog->ticking = true;
        }
        if (watchdog->attendant.stop) {
            break;
        }
        (void)gh_cond_wait_until(&watchdog->attendant.wake, &watchdog->attendant.lock,
                                 gh_deadline_in(GH_WATCHDOG_TICK_MS));
        /* Under the lock: a connection with a due watch cannot close, so its descriptor is still its own. */
        if (any_due(watchdog)) {
            gh_sockets_each(cut_if_due, watchdog);
        }
    }
    (void)pthread_mutex_unlock(&watchdog->attendant.lock);
    return NULL;
}

gh_status gh_watchdog_start(gh_watchdog **watchdog)
{
    gh_watchdog *made = calloc(1, sizeof *made);
    *watchdog = NULL;
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->ticking = true;
    gh_status status = gh_attendant_start(&made->attendant, run, made);
    if (status != GH_OK) {
        free(made);
        return status;
    }
    *watchdog = made;
    return GH_OK;
}

void gh_watchdog_stop(gh_watchdog *watchdog)
{
    if (watchdog != NULL) {
        gh_attendant_stop(&watchdog->attendant);
        free(watchdog);
    }
}

void gh_watchdog_add(gh_watchdog *watchdog, gh_watch *watch, gh_socket_name name, gh_watch_side side,
                     gh_deadline deadline)
{
    *watch = (gh_watch){.name = name, .side = side, .deadline = deadline};
    (void)pthread_mutex_lock(&watchdog->attendant.lock);
    watch->next = watchdog->first;
    if (watch->next != NULL) {
        watch->next->previous = watch;
    }
    watchdog->first = watch;
    if (!watchdog->ticking) {
        watchdog->ticking = true;
        (void)pthread_cond_signal(&watchdog->attendant.wake);
    }
    (void)pthread_mutex_unlock(&watchdog->attendant.lock);
}

bool gh_watchdog_remove(gh_watchdog *watchdog, gh_watch *watch)
{
    (void)pthread_mutex_lock(&watchdog->attendant.lock);
    if (watch->previous != NULL) {
        watch->previous->next = watch->next;
    } else {
        watchdog->first = watch->next;
    }
    if (watch->next != NULL) {
        watch->next->previous = watch->previous;
    }
    bool fired = watch->fired;
    (void)pthread_mutex_unlock(&watchdog->attendant.lock);
    return fired;
}

typedef struct search {
    gh_socket_name name;
    int found;
} search;

static void match(void *context, int fd)
{
    search *wanted = context;
    gh_endpoint peer;
    if (wanted->found < 0 && gh_sockets_peer(fd, &peer) && gh_socket_is_called(fd, &peer, &wanted->name)) {
        wanted->found = fd;
    }
}

int gh_watchdog_socket(gh_socket_name name)
{
    search wanted = {.name = name, .found = -1};
    gh_sockets_each(match, &wanted);
    return wanted.found;
}

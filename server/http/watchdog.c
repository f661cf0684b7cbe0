#include "server/http/watchdog.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http/sockets.h"
#include "shared/core/cond.h"

struct gh_watchdog {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    gh_watch *first;
    bool ticking; /* the thread looks again within a tick and needs no signal */
    bool stop;
};

/* Shuts `fd` down when a watch that is due has its peer. */
static void cut_if_due(void *context, int fd)
{
    gh_watchdog *watchdog = context;
    gh_endpoint peer;
    if (!gh_sockets_peer(fd, &peer)) {
        return;
    }
    for (gh_watch *watch = watchdog->first; watch != NULL; watch = watch->next) {
        if (watch->port == peer.port && gh_deadline_passed(watch->deadline) &&
            gh_view_eq_cstr(watch->host, peer.host)) {
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
    (void)pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->stop) {
        if (watchdog->first == NULL) {
            watchdog->ticking = false;
            (void)pthread_cond_wait(&watchdog->wake, &watchdog->lock);
            watchdog->ticking = true;
        }
        if (watchdog->stop) {
            break;
        }
        (void)gh_cond_wait_until(&watchdog->wake, &watchdog->lock, gh_deadline_in(GH_WATCHDOG_TICK_MS));
        /* Under the lock: a connection with a due watch cannot close, so its descriptor is still its own. */
        if (any_due(watchdog)) {
            gh_sockets_each(cut_if_due, watchdog);
        }
    }
    (void)pthread_mutex_unlock(&watchdog->lock);
    return NULL;
}

gh_status gh_watchdog_start(gh_watchdog **watchdog)
{
    gh_watchdog *made = calloc(1, sizeof *made);
    *watchdog = NULL;
    if (made == NULL || gh_cond_init(&made->wake) != GH_OK) {
        free(made);
        return GH_ERR_NOMEM;
    }
    (void)pthread_mutex_init(&made->lock, NULL);
    made->ticking = true;
    if (pthread_create(&made->thread, NULL, run, made) != 0) {
        (void)pthread_cond_destroy(&made->wake);
        (void)pthread_mutex_destroy(&made->lock);
        free(made);
        return GH_ERR_UNAVAILABLE;
    }
    *watchdog = made;
    return GH_OK;
}

void gh_watchdog_stop(gh_watchdog *watchdog)
{
    if (watchdog == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&watchdog->lock);
    watchdog->stop = true;
    (void)pthread_cond_signal(&watchdog->wake);
    (void)pthread_mutex_unlock(&watchdog->lock);
    (void)pthread_join(watchdog->thread, NULL);
    (void)pthread_cond_destroy(&watchdog->wake);
    (void)pthread_mutex_destroy(&watchdog->lock);
    free(watchdog);
}

void gh_watchdog_add(gh_watchdog *watchdog, gh_watch *watch, gh_view host, uint16_t port, gh_watch_side side,
                     gh_deadline deadline)
{
    *watch = (gh_watch){.host = host, .port = port, .side = side, .deadline = deadline};
    (void)pthread_mutex_lock(&watchdog->lock);
    watch->next = watchdog->first;
    if (watch->next != NULL) {
        watch->next->previous = watch;
    }
    watchdog->first = watch;
    if (!watchdog->ticking) {
        watchdog->ticking = true;
        (void)pthread_cond_signal(&watchdog->wake);
    }
    (void)pthread_mutex_unlock(&watchdog->lock);
}

bool gh_watchdog_remove(gh_watchdog *watchdog, gh_watch *watch)
{
    (void)pthread_mutex_lock(&watchdog->lock);
    if (watch->previous != NULL) {
        watch->previous->next = watch->next;
    } else {
        watchdog->first = watch->next;
    }
    if (watch->next != NULL) {
        watch->next->previous = watch->previous;
    }
    bool fired = watch->fired;
    (void)pthread_mutex_unlock(&watchdog->lock);
    return fired;
}

typedef struct search {
    gh_view host;
    uint16_t port;
    int found;
} search;

static void match_peer(void *context, int fd)
{
    search *wanted = context;
    gh_endpoint peer;
    if (wanted->found < 0 && gh_sockets_peer(fd, &peer) && peer.port == wanted->port &&
        gh_view_eq_cstr(wanted->host, peer.host)) {
        wanted->found = fd;
    }
}

int gh_watchdog_socket(gh_view host, uint16_t port)
{
    /* A link-local address may name its interface, which is none of the socket's. */
    search wanted = {.host = gh_view_make(host.ptr, gh_view_find(host, '%')), .port = port, .found = -1};
    gh_sockets_each(match_peer, &wanted);
    return wanted.found;
}

static bool is_local(int fd, uint16_t port)
{
    gh_endpoint local;
    return gh_sockets_local(fd, &local) && local.port == port;
}

/* -1 when it is not. Workers close their connections meanwhile, and the number may be somebody else's socket
 * a moment later: one of our own stays what it was when it was looked at. */
static int duplicate_if_local(int fd, uint16_t port)
{
    int own = is_local(fd, port) ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (own >= 0 && !is_local(own, port)) {
        (void)close(own);
        own = -1;
    }
    return own;
}

typedef struct intake {
    uint16_t port;
    gh_intake step;
    size_t connections;
} intake;

static void step_intake(intake *at, int fd)
{
    gh_endpoint peer;
    if (gh_sockets_is_listening(fd)) {
        (void)(at->step == GH_INTAKE_BACKLOG ? listen(fd, 0) : shutdown(fd, SHUT_RD));
        return;
    }
    at->connections += gh_sockets_peer(fd, &peer) ? 1 : 0;
    if (at->step == GH_INTAKE_READ) {
        (void)shutdown(fd, SHUT_RD);
    }
}

static void close_intake_if_local(void *context, int fd)
{
    intake *at = context;
    int own = duplicate_if_local(fd, at->port);
    if (own >= 0) {
        step_intake(at, own);
        (void)close(own);
    }
}

size_t gh_watchdog_close_intake(uint16_t port, gh_intake step)
{
    intake at = {.port = port, .step = step};
    gh_sockets_each(close_intake_if_local, &at);
    return at.connections;
}

static void shut_if_local(void *context, int fd)
{
    const uint16_t *port = context;
    int own = duplicate_if_local(fd, *port);
    if (own >= 0) {
        (void)shutdown(own, SHUT_RDWR);
        (void)close(own);
    }
}

void gh_watchdog_shut_port(uint16_t port)
{
    gh_sockets_each(shut_if_local, &port);
}

void gh_watchdog_pause(void)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000000L};
    (void)nanosleep(&pause, NULL);
}

void gh_watchdog_close_all(uint16_t port, gh_deadline latest)
{
    static const struct {
        gh_intake step;
        int64_t ms; /* how long it may take */
    } steps[] = {{GH_INTAKE_BACKLOG, 20}, {GH_INTAKE_LISTEN, 150}, {GH_INTAKE_READ, 1000}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        gh_deadline deadline = gh_deadline_earlier(latest, gh_deadline_in(steps[i].ms));
        while (gh_watchdog_close_intake(port, steps[i].step) > 0 && !gh_deadline_passed(deadline)) {
            gh_watchdog_pause();
        }
    }
}

#include "server/http/intake.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/http/sockets.h"

typedef enum closing_step {
    STEP_BOLT,     /* nobody begins to connect, and the queue of those to be accepted is emptied */
    STEP_LISTEN,   /* whoever still knocks is refused */
    STEP_ANSWERED, /* no more is read of who had a reply before */
    STEP_ALL       /* nor of anybody */
} closing_step;

typedef struct look {
    uint16_t port;
    closing_step step;
    size_t queued; /* connections that were not accepted yet */
    size_t open;
} look;

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

static void take(look *at, int fd)
{
    gh_endpoint peer;
    if (gh_sockets_is_listening(fd)) {
        if (at->step == STEP_BOLT) {
            (void)gh_sockets_bolt(fd); /* what else there is to be done is done in any case */
        }
        size_t queued = gh_sockets_queued(fd);
        at->queued += queued;
        /* Where there is no bolt somebody may be in it again; shutting it down would reset him. */
        if (at->step > STEP_LISTEN || (at->step == STEP_LISTEN && queued == 0)) {
            (void)shutdown(fd, SHUT_RD);
        }
        return;
    }
    at->open += gh_sockets_peer(fd, &peer) ? 1 : 0;
    if (at->step == STEP_ALL || (at->step == STEP_ANSWERED && gh_sockets_was_answered(fd))) {
        (void)shutdown(fd, SHUT_RD);
    }
}

static void take_if_local(void *context, int fd)
{
    look *at = context;
    int own = duplicate_if_local(fd, at->port);
    if (own >= 0) {
        take(at, own);
        (void)close(own);
    }
}

typedef struct closing_plan {
    closing_step step;
    int64_t least_ms; /* while there is time */
    int64_t most_ms;
} closing_plan;

/* One that is accepted during a look may be missed by it, so nothing is over after the first. A handshake
 * that has begun is in no queue; most are over within a tenth of a second. */
static void take_step(uint16_t port, const closing_plan *plan, gh_deadline latest)
{
    gh_deadline least = gh_deadline_earlier(latest, gh_deadline_in(plan->least_ms));
    gh_deadline most = gh_deadline_earlier(latest, gh_deadline_in(plan->most_ms));
    for (;;) {
        look at = {.port = port, .step = plan->step};
        gh_sockets_each(take_if_local, &at);
        size_t left = at.queued + (plan->step == STEP_BOLT ? 0 : at.open);
        if (gh_deadline_passed(most) || (left == 0 && gh_deadline_passed(least))) {
            return;
        }
        gh_intake_pause();
    }
}

void gh_intake_close(uint16_t port, gh_deadline latest)
{
    static const closing_plan plans[] = {
        {STEP_BOLT, 100, 1000}, {STEP_LISTEN, 5, 150}, {STEP_ANSWERED, 5, 750}, {STEP_ALL, 5, 1000}};
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        take_step(port, &plans[i], latest);
    }
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

void gh_intake_shut(uint16_t port)
{
    gh_sockets_each(shut_if_local, &port);
}

void gh_intake_pause(void)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000000L};
    (void)nanosleep(&pause, NULL);
}

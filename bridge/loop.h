/* The bridge's one event loop: descriptors, timers, and HTTP transfers over gh_http_client_poll.
 *
 * Everything belongs to one thread. Callbacks may add, change and remove watches and timers, their own
 * included, and may start and cancel transfers. Signals arrive as a descriptor (signalfd or a pipe). */
#ifndef GH_BRIDGE_LOOP_H
#define GH_BRIDGE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/core/status.h"
#include "shared/net/http_client.h"

typedef struct gh_loop gh_loop;
typedef struct gh_loop_watch gh_loop_watch;
typedef struct gh_loop_timer gh_loop_timer;

#define GH_LOOP_WATCHES_MAX 64

/* `client` is borrowed and outlives the loop; NULL for a loop without HTTP. */
GH_MUST_USE gh_status gh_loop_new(gh_http_client *client, gh_loop **loop);
void gh_loop_free(gh_loop *loop);
gh_http_client *gh_loop_http(gh_loop *loop);

/* Calls `ready` with revents whenever `fd` (borrowed) has one of `events` (POLLIN, POLLOUT). */
GH_MUST_USE gh_status gh_loop_watch_add(gh_loop *loop, int fd, short events,
                                        void (*ready)(void *context, int fd, short revents), void *context,
                                        gh_loop_watch **watch);
void gh_loop_watch_set(gh_loop_watch *watch, short events); /* 0 pauses it */
void gh_loop_watch_remove(gh_loop_watch *watch);            /* NULL is fine */

/* Calls `fire` once after `ms`; the timer is gone before the call. */
GH_MUST_USE gh_status gh_loop_timer_add(gh_loop *loop, int64_t ms, void (*fire)(void *context), void *context,
                                        gh_loop_timer **timer);
void gh_loop_timer_remove(gh_loop_timer *timer); /* NULL is fine; not after it fired */

/* Runs until gh_loop_stop, whose value it returns. */
int gh_loop_run(gh_loop *loop);
void gh_loop_stop(gh_loop *loop, int exit_code);

#endif

/* The watchdog: cuts a peer that sends its body, or takes its reply, too slowly.
 *
 * The HTTP library has no deadline for either and no way to reach a connection's socket, so a thread finds
 * the descriptor by the addresses of its ends and shuts it down. A watch must be removed by the thread that
 * added it before the connection can close: the lock makes that safe. Deadlines are met within
 * GH_WATCHDOG_TICK_MS. Nothing runs while nobody is watched. Thread-safe. */
#ifndef GH_SERVER_HTTP_WATCHDOG_H
#define GH_SERVER_HTTP_WATCHDOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/sockets.h"
#include "shared/core/clock.h"
#include "shared/core/status.h"

#define GH_WATCHDOG_TICK_MS 100

typedef struct gh_watchdog gh_watchdog;

typedef enum gh_watch_side {
    GH_WATCH_READ, /* reading ends; a reply can still be written */
    GH_WATCH_WRITE /* both ways end */
} gh_watch_side;

/* Owned by the watching thread, normally on its stack. Filled by gh_watchdog_add. */
typedef struct gh_watch {
    struct gh_watch *next, *previous;
    gh_socket_name name; /* its host is borrowed until removal */
    gh_watch_side side;
    gh_deadline deadline;
    bool fired;
} gh_watch;

GH_MUST_USE gh_status gh_watchdog_start(gh_watchdog **watchdog);
/* No watch may be left. NULL is fine. */
void gh_watchdog_stop(gh_watchdog *watchdog);

void gh_watchdog_add(gh_watchdog *watchdog, gh_watch *watch, gh_socket_name name, gh_watch_side side,
                     gh_deadline deadline);
/* True when it fired. */
bool gh_watchdog_remove(gh_watchdog *watchdog, gh_watch *watch);

/* The descriptor of that connection; -1 when there is none, such as after it reset it. Looks at
 * every descriptor of the process, so ask once. It stays the connection's while the thread that serves it is
 * in its handler. */
int gh_watchdog_socket(gh_socket_name name);

#endif

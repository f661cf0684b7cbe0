/* Patience: how long a worker waits for a peer that does not send its request or take its reply.
 *
 * A worker serves one connection at a time, so peers that send nothing, or byte by byte, or do not take their
 * reply, would hold all of them until the usual timeouts, and whoever has a request would wait in the queue.
 * As long as few workers are free (gh_admission_is_full), nobody is waited for longer than
 * GH_PATIENCE_MS: a client's request follows its connection at once. Otherwise this does nothing. Of a large
 * body, which takes a token, and of a large reply each GH_ROUTE_BODY_MAX has that time. What is served is not
 * waited for in this sense: there is a share per user instead.
 *
 * Thread-safe; the functions of one guest are called by the thread that serves it. */
#ifndef GH_SERVER_HTTP_PATIENCE_H
#define GH_SERVER_HTTP_PATIENCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/http/admission.h"
#include "server/http/sockets.h"
#include "server/http/waiting_room.h"
#include "shared/core/status.h"

#define GH_PATIENCE_TICK_MS 20

typedef struct gh_patience gh_patience;

typedef enum gh_expects {
    GH_EXPECTS_NOTHING,
    GH_EXPECTS_BYTES, /* a head, or a body; when patience ends so does reading, and a reply can still be sent
                       */
    GH_EXPECTS_TAKING /* of a reply; when patience ends so does the connection */
} gh_expects;

/* A connection that a worker holds. Owned by that worker; filled by gh_patience_enter. */
typedef struct gh_guest {
    struct gh_guest *next, *previous;
    const void *connection;  /* borrowed until gh_patience_leave */
    gh_socket_name name;     /* once asked for */
    _Atomic int64_t waiting; /* what for and since when */
    bool cut;
} gh_guest;

/* What a connection is known by; the text lives as long as it. False when it is not known yet. */
typedef bool (*gh_name_finder)(const void *connection, gh_socket_name *name);

/* `admission` and `room` are borrowed; the one tells how many workers are taken, the other may be NULL.
 * `find_name` is called on a thread of its own. */
GH_MUST_USE gh_status gh_patience_start(const gh_admission *admission, gh_name_finder find_name,
                                        gh_waiting_room *room, gh_patience **patience);
/* No guest may be left. NULL is fine. */
void gh_patience_stop(gh_patience *patience);

/* From here on the guest is waited for: GH_EXPECTS_BYTES. After gh_admission_enter. */
void gh_patience_enter(gh_patience *patience, gh_guest *guest, const void *connection);
/* Before its socket is closed. */
void gh_patience_leave(gh_patience *patience, gh_guest *guest);
/* What the guest is waited for from now on. False when patience with it has ended. */
bool gh_guest_expect(gh_guest *guest, gh_expects what);

#endif

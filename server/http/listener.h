/* The listener: sockets, threads and HTTP parsing by civetweb, which is included nowhere else. Each request
 * becomes one gh_transaction_run on the worker thread that holds its connection.
 *
 * Start, drain and stop are for one thread; what runs between them is safe by construction. TLS is not
 * offered: it is broken in the civetweb releases that distributions ship, so it ends in a proxy. */
#ifndef GH_SERVER_HTTP_LISTENER_H
#define GH_SERVER_HTTP_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/http/address.h"
#include "server/http/transaction.h"
#include "shared/core/status.h"

typedef struct gh_listener gh_listener;

typedef struct gh_listener_options {
    size_t workers;             /* threads; as many connections are served at once */
    size_t waiting;             /* connections that may wait for one; 0: 256 */
    size_t max_head;            /* bytes of a request head; 0: 16 KiB */
    int64_t request_timeout_ms; /* for a whole request head, and for silence within a body or reply */
    const gh_transaction_setting *setting; /* borrowed; outlives the listener */
} gh_listener_options;

bool gh_listener_has_ipv6(void);

/* Signals must be blocked by then: threads start here. The reservation is settled on success. */
GH_MUST_USE gh_status gh_listener_start(const gh_listener_options *options, gh_reservation *reservation,
                                        gh_listener **listener, gh_error *error);
/* Connections that hold a worker. */
size_t gh_listener_connections(const gh_listener *listener);
/* From now on requests get 503 and their connections close. True when those in flight ended within `ms`; then
 * the port is closed, and what was received on it before has its answer, too. */
bool gh_listener_drain(gh_listener *listener, int64_t ms);
/* Ends it; what is still in flight is cut. NULL is fine. */
void gh_listener_stop(gh_listener *listener);

#endif

/* The loopback listener that receives the authorization response (RFC 8252, 7.3).
 *
 * Bound to 127.0.0.1 ([::1] where there is no IPv4) before the authorization URL is built, so that the
 * redirect's port is always the bound one. It understands just enough HTTP: one GET a connection, head of at
 * most 16 KB, 10 s, 16 connections at once, of which the oldest gives way to a new one. A request of another
 * method, path or Host gets a 4xx page and changes nothing. Belongs to the loop's thread. */
#ifndef GH_BRIDGE_LOOPBACK_H
#define GH_BRIDGE_LOOPBACK_H

#include <stdint.h>

#include "bridge/loop.h"
#include "shared/core/status.h"
#include "shared/net/form.h"

typedef struct gh_loopback gh_loopback;

typedef enum gh_loopback_verdict {
    GH_LOOPBACK_REFUSE, /* not ours (state): 400, the login stays pending */
    GH_LOOPBACK_HOLD    /* ours: the page waits for gh_loopback_finish */
} gh_loopback_verdict;

/* Called for each well-formed request to the callback path; `query` is borrowed. */
typedef gh_loopback_verdict (*gh_loopback_handler)(void *context, const gh_form *query);

/* `port` 0 for any free one; with another, a port in use is an error that says so. */
GH_MUST_USE gh_status gh_loopback_new(gh_loop *loop, uint16_t port, gh_loopback_handler handler,
                                      void *context, gh_loopback **loopback, gh_error *error);
/* The same with another name and path in the redirect. */
typedef struct gh_loopback_address {
    uint16_t port;
    const char
        *host; /* "127.0.0.1", "::1" or "localhost" (then bound to 127.0.0.1); NULL as above; borrowed */
    const char *path; /* NULL for "/callback"; at most 100 characters; copied */
} gh_loopback_address;
GH_MUST_USE gh_status gh_loopback_new_at(gh_loop *loop, const gh_loopback_address *address,
                                         gh_loopback_handler handler, void *context, gh_loopback **loopback,
                                         gh_error *error);
/* Closes the port and every connection at once; not from within the handler. */
void gh_loopback_free(gh_loopback *loopback);

/* "http://127.0.0.1:PORT/callback", borrowed. */
const char *gh_loopback_redirect_uri(const gh_loopback *loopback);

/* Answers the held request, if its browser still waits, with the end page, blocking for half a second
 * at most: the page is small and the socket's buffer takes it. */
void gh_loopback_finish(gh_loopback *loopback, bool success, const char *message);

#endif

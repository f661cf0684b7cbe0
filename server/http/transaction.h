/* One request on one connection, from its head to its reply: guard, body within limits and deadlines,
 * service, one write, access log. It knows no HTTP library: the owner of the socket lends it three functions.
 */
#ifndef GH_SERVER_HTTP_TRANSACTION_H
#define GH_SERVER_HTTP_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/exchange/exchange.h"
#include "server/http/patience.h"
#include "server/http/proxies.h"
#include "server/http/rates.h"
#include "server/http/router.h"
#include "server/http/watchdog.h"
#include "server/http/wire.h"
#include "server/metrics/metrics.h"

/* What every transaction of a listener shares; immutable, borrowed. */
typedef struct gh_transaction_setting {
    const gh_router *router;
    const gh_proxies *proxies;
    gh_watchdog *watchdog;
    int64_t body_timeout_ms;
    int64_t write_timeout_ms; /* how long a peer may not take what is sent, however little; 0: 10 s */
    gh_metrics *metrics;      /* NULL: nothing is counted */
    gh_rates *rates;          /* by address; NULL: no bound */
    bool quiet;               /* only what was refused is logged */
} gh_transaction_setting;

typedef struct gh_transaction_peer {
    void *context;
    gh_socket_name name; /* its host is the socket's peer, not what a proxy says */
    /* Next bytes of the body as framed: > 0, 0 at its end or when none came for long, < 0 when it broke off
     * or broke the framing. */
    int (*read)(void *context, void *buffer, size_t len);
    gh_status (*write)(void *context, gh_view bytes);
    /* What the peer is waited for from now on; false when patience with it has ended. NULL: without end. */
    bool (*expect)(void *context, gh_expects what);
    /* Somebody else waits for the worker that has this connection, which is then not kept. NULL: nobody. */
    bool (*is_awaited)(void *context);
} gh_transaction_peer;

typedef struct gh_transaction_state {
    bool clean;     /* gh_wire_is_clean */
    bool long_head; /* larger than is taken */
    bool cut;       /* patience with the peer has ended: nothing more can be read of it */
    bool draining;  /* the server is stopping: no new work */
} gh_transaction_state;

typedef struct gh_transaction_result {
    int status;
    bool keep_alive; /* false: the connection must be closed */
} gh_transaction_result;

gh_transaction_result gh_transaction_run(const gh_transaction_setting *setting, const gh_wire *wire,
                                         const gh_transaction_peer *peer, gh_transaction_state state);

/* For a request that never became one: sends the error as JSON, counts it, and logs both lines. */
void gh_transaction_refuse(const gh_transaction_setting *setting, const gh_transaction_peer *peer,
                           gh_view method, gh_view path, int status, const char *code,
                           const char *description);

#endif

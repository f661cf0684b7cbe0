/* /metrics: what the server counts and what its parts say of themselves, on a listener of its own, so that
 * nothing of it can be reached where clients come in. Start and stop are for the main thread. */
#ifndef GH_SERVER_OBSERVE_H
#define GH_SERVER_OBSERVE_H

#include "server/exec/executor.h"
#include "server/http/listener.h"
#include "server/http/mcp_endpoint.h"
#include "server/identity.h"
#include "server/mcp/engine.h"
#include "server/metrics/metrics.h"
#include "server/options.h"

typedef struct gh_observe gh_observe;

/* What there is to look at; all borrowed, and outliving it. */
typedef struct gh_observe_parts {
    const gh_settings *settings;
    gh_metrics *metrics;
    const gh_identity *identity;
    gh_mcp_engine *engine;
    gh_executor *executor;
    gh_mcp_endpoint *endpoint;
    const gh_listener *listener; /* of the clients */
    gh_watchdog *watchdog;
    const gh_proxies *proxies;
    void *context;
    gh_status (*ready)(void *context, gh_error *error);
} gh_observe_parts;

/* Listens at --metrics-listen. With --metrics-token-file callers must show that token; without, they must
 * call it by an address or as localhost, so that no web page can read it under a name of its own. Signals
 * must be blocked. */
GH_MUST_USE gh_status gh_observe_start(const gh_observe_parts *parts, gh_observe **observe, gh_error *error);
void gh_observe_stop(gh_observe *observe); /* NULL is fine */

#endif

/* What the server counts of itself, and the text that tells it (Prometheus, "Text-based format" 0.0.4).
 *
 * One table of metrics: a new one is a row in metrics_table.c and a name below. A metric has one cell for
 * each combination of its labels, and no other: what a caller sends never makes a label, so memory and text
 * are bounded. Counting is one relaxed atomic addition, and takes no lock. Every function may be called from
 * any thread, and does nothing when the gh_metrics is NULL. */
#ifndef GH_SERVER_METRICS_METRICS_H
#define GH_SERVER_METRICS_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_metrics gh_metrics;

typedef enum gh_metric {
    GH_METRIC_BUILD,          /* by mode */
    GH_METRIC_READY,          /* gauges are set by gh_metrics_set, right before they are written */
    GH_METRIC_REQUESTS,       /* by route, status */
    GH_METRIC_REQUEST_TIME,   /* by route */
    GH_METRIC_CONNECTIONS,    /* gauge */
    GH_METRIC_WORKERS,        /* gauge */
    GH_METRIC_LIMITED,        /* by limit */
    GH_METRIC_BEARER,         /* by outcome */
    GH_METRIC_TOKENS,         /* by grant type, outcome */
    GH_METRIC_SESSIONS,       /* gauge */
    GH_METRIC_STREAMS,        /* gauge */
    GH_METRIC_TASKS,          /* gauge */
    GH_METRIC_CALLS,          /* by tool, outcome */
    GH_METRIC_CALL_TIME,      /* by tool */
    GH_METRIC_THREADS,        /* gauge */
    GH_METRIC_THREADS_BUSY,   /* gauge */
    GH_METRIC_THREADS_LATE,   /* gauge */
    GH_METRIC_QUEUE,          /* gauge */
    GH_METRIC_STORE_UP,       /* gauge */
    GH_METRIC_STORE_USES,     /* set like a gauge */
    GH_METRIC_STORE_FAILURES, /* set like a gauge */
    GH_METRIC_PROVIDER_UP,    /* gauge */
    GH_METRIC_KEYS_AGE,       /* gauge */
    GH_METRIC_LOG_DROPPED,    /* set like a gauge */
    GH_METRIC_PROCESS_START,  /* milliseconds; of these the process's, see gh_metrics_set_process */
    GH_METRIC_PROCESS_CPU,    /* microseconds */
    GH_METRIC_PROCESS_RSS,
    GH_METRIC_PROCESS_VIRTUAL,
    GH_METRIC_PROCESS_FDS,
    GH_METRIC_PROCESS_FDS_MAX,
    GH_METRIC_PROCESS_THREADS,
    GH_METRIC_COUNT
} gh_metric;

/* Labels with a fixed set of values. */
typedef enum gh_metrics_limit {
    GH_LIMIT_REQUESTS_OF_ADDRESS, /* a minute */
    GH_LIMIT_REQUESTS_OF_USER,    /* a minute */
    GH_LIMIT_WORKERS_OF_USER,     /* at once */
    GH_LIMIT_WORKERS_LEFT,        /* at once, of what others left */
    GH_LIMIT_CALLS_OF_USER,       /* at once */
    GH_LIMIT_STREAMS,
    GH_LIMIT_STREAMS_OF_USER,
    GH_LIMIT_STREAMS_LEFT, /* of what others left */
    GH_LIMIT_COUNT
} gh_metrics_limit;

typedef enum gh_metrics_bearer { /* the outcomes of gh_bearer_check, in its order */
                                 GH_BEARERS_OK,
                                 GH_BEARERS_COUNT = 6
} gh_metrics_bearer;

typedef enum gh_metrics_grant {
    GH_GRANTS_CODE,
    GH_GRANTS_REFRESH,
    GH_GRANTS_DEVICE,
    GH_GRANTS_OTHER, /* of a request that named none of these, or whose client was refused */
    GH_GRANTS_COUNT
} gh_metrics_grant;

typedef enum gh_metrics_token {
    GH_TOKENS_ISSUED,
    GH_TOKENS_PENDING, /* nobody has decided yet (device grant) */
    GH_TOKENS_REFUSED,
    GH_TOKENS_FAILED, /* by no fault of the client */
    GH_TOKENS_COUNT
} gh_metrics_token;

typedef enum gh_metrics_call {
    GH_CALLS_OK,
    GH_CALLS_ERROR,     /* a result with isError */
    GH_CALLS_FAILED,    /* a JSON-RPC error, running out of time included */
    GH_CALLS_CANCELLED, /* by the client */
    GH_CALLS_INPUT,     /* ended with what the client is asked (2026-07-28); it calls again */
    GH_CALLS_REFUSED,   /* the handler did not run: wrong arguments, a lacking client, no room */
    GH_CALLS_COUNT
} gh_metrics_call;

/* Routes and tools have names that are told at run time. Those beyond are counted together as "other". */
#define GH_METRICS_ROUTES_MAX 64
#define GH_METRICS_TOOLS_MAX 64

/* `mode` is --auth, a label of the build (copied). */
GH_MUST_USE gh_status gh_metrics_new(const char *version, const char *mode, gh_metrics **metrics);
void gh_metrics_free(gh_metrics *metrics); /* nobody counts any more; NULL is fine */

/* Gives the route `index` its name; before anybody counts. Copied; NULL memory leaves it without one. */
void gh_metrics_name_route(gh_metrics *metrics, size_t index, const char *method, const char *path);
/* The label of a tool that exists: the first GH_METRICS_TOOLS_MAX that are asked for have one of their own.
 */
size_t gh_metrics_tool(gh_metrics *metrics, gh_view name);
/* The label of a status code. */
size_t gh_metrics_status(int status);

/* Labels in the order of the comments above; 0 where there is none. One that is too large counts as the last,
 * which is "other" where there may be such. */
void gh_metrics_count(gh_metrics *metrics, gh_metric metric, size_t first, size_t second);
/* Into a histogram of durations. */
void gh_metrics_observe(gh_metrics *metrics, gh_metric metric, size_t first, int64_t ns);
void gh_metrics_set(gh_metrics *metrics, gh_metric metric, int64_t value);
/* It is not written until it is set again. All gauges begin so. */
void gh_metrics_unset(gh_metrics *metrics, gh_metric metric);

/* Sets what the system says of this process. */
void gh_metrics_set_process(gh_metrics *metrics);

#define GH_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
GH_MUST_USE gh_status gh_metrics_write(gh_metrics *metrics, gh_buf *out);

#endif

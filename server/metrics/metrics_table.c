#include <stdbool.h>

#include "server/metrics/metrics_private.h"

#define MS INT64_C(1000000)
#define S (1000 * MS)

const int64_t GH_METRICS_BOUNDS[GH_METRICS_BUCKETS] = {
    MS / 10,  MS / 4,   MS / 2,   MS,    5 * MS / 2, 5 * MS, 10 * MS, 25 * MS, 50 * MS,
    100 * MS, 250 * MS, 500 * MS, 1 * S, 5 * S / 2,  5 * S,  10 * S,  60 * S};

/* The codes that this server answers with; gh_metrics_status finds them. */
static const char *const STATUSES[] = {"200", "202", "204", "302", "303", "400", "401",  "403",
                                       "404", "405", "406", "408", "413", "415", "421",  "429",
                                       "431", "499", "500", "501", "503", "505", "other"};
static const char *const LIMITS[GH_LIMIT_COUNT] = {
    [GH_LIMIT_REQUESTS_OF_ADDRESS] = "requests-per-minute",
    [GH_LIMIT_REQUESTS_OF_USER] = "requests-per-minute-user",
    [GH_LIMIT_WORKERS_OF_USER] = "workers-user",
    [GH_LIMIT_WORKERS_LEFT] = "workers-left",
    [GH_LIMIT_CALLS_OF_USER] = "max-calls-user",
    [GH_LIMIT_STREAMS] = "max-streams",
    [GH_LIMIT_STREAMS_OF_USER] = "max-streams-user",
    [GH_LIMIT_STREAMS_LEFT] = "streams-left",
};
static const char *const BEARERS[GH_BEARERS_COUNT] = {"ok",    "missing",   "invalid",
                                                      "scope", "forbidden", "unavailable"};
static const char *const GRANTS[GH_GRANTS_COUNT] = {"authorization_code", "refresh_token", "device_code",
                                                    "other"};
static const char *const TOKENS[GH_TOKENS_COUNT] = {"issued", "pending", "refused", "failed"};
static const char *const CALLS[GH_CALLS_COUNT] = {"ok", "error", "failed", "cancelled", "input", "refused"};

#define FIXED(values) (sizeof(values) / sizeof((values)[0]))

const gh_metrics_dimension_row GH_METRICS_DIMENSIONS[GH_DIMENSION_COUNT] = {
    [GH_DIMENSION_NONE] = {1, NULL, NULL, false},
    [GH_DIMENSION_BUILD] = {1, NULL, NULL, false},
    [GH_DIMENSION_ROUTE] = {GH_METRICS_ROUTES_MAX + 1, NULL, NULL, true},
    [GH_DIMENSION_STATUS] = {FIXED(STATUSES), "status", STATUSES, true},
    [GH_DIMENSION_LIMIT] = {FIXED(LIMITS), "limit", LIMITS, false},
    [GH_DIMENSION_BEARER] = {FIXED(BEARERS), "outcome", BEARERS, false},
    [GH_DIMENSION_GRANT] = {FIXED(GRANTS), "grant_type", GRANTS, false},
    [GH_DIMENSION_TOKEN] = {FIXED(TOKENS), "outcome", TOKENS, false},
    [GH_DIMENSION_TOOL] = {GH_METRICS_TOOLS_MAX + 1, "tool", NULL, true},
    [GH_DIMENSION_CALL] = {FIXED(CALLS), "outcome", CALLS, false},
};

#define COUNTER GH_METRICS_COUNTER
#define GAUGE GH_METRICS_GAUGE
#define HISTOGRAM GH_METRICS_HISTOGRAM
#define BY(dimension) GH_DIMENSION_##dimension

/* clang-format off */
const gh_metrics_row GH_METRICS_ROWS[GH_METRIC_COUNT] = {
    [GH_METRIC_BUILD] = {"gatehouse_build_info", "What runs here; always 1.", GAUGE, BY(BUILD), BY(NONE), 0, true},
    [GH_METRIC_READY] = {"gatehouse_ready", "1 when /readyz says 200.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_REQUESTS] = {"gatehouse_http_requests_total", "HTTP requests that were answered; 499: the client left before.", COUNTER, BY(ROUTE), BY(STATUS), 0, false},
    [GH_METRIC_REQUEST_TIME] = {"gatehouse_http_request_duration_seconds", "From a request's head to its reply; streams that last are left out.", HISTOGRAM, BY(ROUTE), BY(NONE), 9, false},
    [GH_METRIC_CONNECTIONS] = {"gatehouse_http_connections", "Connections that hold a worker.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_WORKERS] = {"gatehouse_http_workers", "Worker threads (--workers).", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_LIMITED] = {"gatehouse_limited_total", "Requests that were refused because of a limit.", COUNTER, BY(LIMIT), BY(NONE), 0, false},
    [GH_METRIC_BEARER] = {"gatehouse_bearer_checks_total", "Access tokens that callers of /mcp showed, by outcome.", COUNTER, BY(BEARER), BY(NONE), 0, false},
    [GH_METRIC_TOKENS] = {"gatehouse_token_requests_total", "Requests for tokens of this server, by outcome.", COUNTER, BY(GRANT), BY(TOKEN), 0, false},
    [GH_METRIC_SESSIONS] = {"gatehouse_mcp_sessions", "MCP sessions (protocol versions before 2026-07-28).", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_STREAMS] = {"gatehouse_mcp_streams", "Event streams that last: GET, subscriptions/listen.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_TASKS] = {"gatehouse_mcp_tasks", "Tasks that are remembered.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_CALLS] = {"gatehouse_tool_calls_total", "Tool calls that ended.", COUNTER, BY(TOOL), BY(CALL), 0, false},
    [GH_METRIC_CALL_TIME] = {"gatehouse_tool_call_duration_seconds", "From a tool call's acceptance to its end, waiting included.", HISTOGRAM, BY(TOOL), BY(NONE), 9, false},
    [GH_METRIC_THREADS] = {"gatehouse_call_threads", "Threads for calls of plugins that were started.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_THREADS_BUSY] = {"gatehouse_call_threads_busy", "Of these: in a call that is within its time.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_THREADS_LATE] = {"gatehouse_call_threads_written_off", "Of these: in a call that has run out of time and goes on.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_QUEUE] = {"gatehouse_call_queue", "Calls that wait for a thread.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_STORE_UP] = {"gatehouse_store_up", "1 when the store can be read and written.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_STORE_USES] = {"gatehouse_store_operations_total", "Operations of the store.", COUNTER, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_STORE_FAILURES] = {"gatehouse_store_operations_failed_total", "Operations of the store that failed by no fault of the caller.", COUNTER, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_PROVIDER_UP] = {"gatehouse_idp_up", "1 when the identity provider confirmed its metadata and keys at the last attempt.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_KEYS_AGE] = {"gatehouse_jwks_age_seconds", "Since the identity provider's keys were last confirmed.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_LOG_DROPPED] = {"gatehouse_log_lines_dropped_total", "Log lines that found no room.", COUNTER, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_PROCESS_START] = {"process_start_time_seconds", "When the process began, since the epoch.", GAUGE, BY(NONE), BY(NONE), 3, true},
    [GH_METRIC_PROCESS_CPU] = {"process_cpu_seconds_total", "Processor time, user and system.", COUNTER, BY(NONE), BY(NONE), 6, true},
    [GH_METRIC_PROCESS_RSS] = {"process_resident_memory_bytes", "Resident memory.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_PROCESS_VIRTUAL] = {"process_virtual_memory_bytes", "Virtual memory.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_PROCESS_FDS] = {"process_open_fds", "Open descriptors.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_PROCESS_FDS_MAX] = {"process_max_fds", "Descriptors that may be open.", GAUGE, BY(NONE), BY(NONE), 0, true},
    [GH_METRIC_PROCESS_THREADS] = {"process_threads", "Threads.", GAUGE, BY(NONE), BY(NONE), 0, true},
};
/* clang-format on */

size_t gh_metrics_status(int status)
{
    const size_t other = sizeof STATUSES / sizeof STATUSES[0] - 1;
    for (size_t i = 0; i < other; i++) {
        const char *text = STATUSES[i];
        if (status == (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0')) {
            return i;
        }
    }
    return other;
}

size_t gh_metrics_size(gh_metrics_dimension dimension)
{
    return GH_METRICS_DIMENSIONS[dimension].size;
}

size_t gh_metrics_cells(const gh_metrics_row *row)
{
    size_t each = row->kind == GH_METRICS_HISTOGRAM ? GH_METRICS_CELLS_OF_HISTOGRAM : 1;
    return gh_metrics_size(row->first) * gh_metrics_size(row->second) * each;
}

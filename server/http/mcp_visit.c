#include "server/http/mcp_visit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* 429 or 503, with the time to wait. */
static void turn_away(const gh_mcp_endpoint *endpoint, gh_metrics_limit limit, int64_t wait_s,
                      gh_response *response)
{
    static const char *const WHY[GH_LIMIT_COUNT] = {
        [GH_LIMIT_REQUESTS_OF_USER] =
            "You sent more requests than one user may in a minute. Wait for as long as Retry-After says.",
        [GH_LIMIT_WORKERS_OF_USER] = "You have as many requests under way as one user may. Wait for some to "
                                     "end, or close their connections.",
        [GH_LIMIT_WORKERS_LEFT] = "Others have most of the server, and you have as many requests under way "
                                  "as one user may of what is left. Wait for some to end, or close their "
                                  "connections.",
        [GH_LIMIT_STREAMS] = "The server holds as many event streams open as it can. Try again later; all "
                             "else works without one.",
        [GH_LIMIT_STREAMS_OF_USER] = "You have as many event streams open as one user may. Close some; all "
                                     "else works without one.",
        [GH_LIMIT_STREAMS_LEFT] = "Others have most of the event streams, and you have as many open as one "
                                  "user may of what is left. Close some; all else works without one.",
    };
    char wait[24];
    (void)snprintf(wait, sizeof wait, "%lld", (long long)wait_s);
    gh_response_header_cstr(response, "Retry-After", wait);
    if (limit == GH_LIMIT_STREAMS) {
        gh_response_error(response, 503, "temporarily_unavailable", WHY[limit]);
    } else {
        gh_response_error(response, 429, "too_many_requests", WHY[limit]);
    }
    gh_metrics_count(endpoint->metrics, GH_METRIC_LIMITED, (size_t)limit, 0);
}

/* Streams that may last for hours hold a worker each. */
static bool enter_streams(gh_mcp_endpoint *endpoint, gh_response *response)
{
    size_t others = atomic_fetch_add(&endpoint->streams, 1);
    if (endpoint->max_streams == 0 || others < endpoint->max_streams) {
        return true;
    }
    atomic_fetch_sub(&endpoint->streams, 1);
    turn_away(endpoint, GH_LIMIT_STREAMS, 30, response);
    return false;
}

static bool may_wait(const void *response)
{
    return !gh_response_awaited(response);
}

/* One user's share of the workers, and of the streams among them. */
static bool enter_share(const gh_mcp_endpoint *endpoint, gh_share_seat *seat, const gh_principal *principal,
                        bool stream, gh_response *response)
{
    static const struct {
        gh_metrics_limit limit;
        int64_t wait_s;
    } refusals[] = {[GH_SHARE_FULL] = {GH_LIMIT_WORKERS_OF_USER, 5},
                    [GH_SHARE_LEFT] = {GH_LIMIT_WORKERS_LEFT, 5},
                    [GH_SHARE_STREAMS] = {GH_LIMIT_STREAMS_OF_USER, 30},
                    [GH_SHARE_STREAMS_LEFT] = {GH_LIMIT_STREAMS_LEFT, 30}};
    gh_share_answer answer = GH_SHARE_IN;
    if (endpoint->share != NULL) {
        answer = stream ? gh_share_enter(endpoint->share, seat, principal, true)
                        : gh_share_enter_call(endpoint->share, seat, principal, may_wait, response);
    }
    if (answer != GH_SHARE_IN) {
        turn_away(endpoint, refusals[answer].limit, refusals[answer].wait_s, response);
    }
    return answer == GH_SHARE_IN;
}

static void leave_share(const gh_mcp_endpoint *endpoint, gh_share_seat *seat)
{
    if (endpoint->share != NULL) {
        gh_share_leave(endpoint->share, seat);
    }
}

/* Of a request that was let in, until its reply has been sent: somebody who does not read holds a worker,
 * too.
 */
typedef struct visit {
    const gh_mcp_endpoint *endpoint;
    gh_principal *principal; /* owned */
    gh_share_seat seat;
} visit;

static void end_visit(void *context)
{
    visit *gone = context;
    leave_share(gone->endpoint, &gone->seat);
    gh_principal_free(gone->principal);
    free(gone);
}

/* The principal is the response's from then on. */
static bool begin_visit(const gh_mcp_endpoint *endpoint, gh_principal *principal, bool stream,
                        gh_response *response)
{
    visit *made = calloc(1, sizeof *made);
    if (made == NULL) {
        gh_response_header_cstr(response, "Retry-After", "5");
        gh_response_error(response, 503, "temporarily_unavailable",
                          "The server has no memory for this request. Try again later.");
        return false;
    }
    if (!enter_share(endpoint, &made->seat, principal, stream, response)) {
        free(made);
        return false;
    }
    made->endpoint = endpoint;
    made->principal = principal;
    response->done = end_visit;
    response->done_context = made;
    return true;
}

bool gh_mcp_visit_begin(gh_mcp_endpoint *endpoint, gh_principal *principal, const gh_request *request,
                        bool stream, gh_response *response)
{
    int64_t wait_s = 0;
    bool in_rate =
        endpoint->rates == NULL || gh_rates_enter_user(endpoint->rates, principal, request->remote_host,
                                                       request->remote_port == 0, &wait_s);
    if (!in_rate) {
        turn_away(endpoint, GH_LIMIT_REQUESTS_OF_USER, wait_s, response);
    }
    if (!in_rate || !begin_visit(endpoint, principal, stream, response)) {
        gh_principal_free(principal);
        return false;
    }
    if (stream && !enter_streams(endpoint, response)) {
        return false;
    }
    response->lasting = stream;
    return true;
}

void gh_mcp_visit_end_stream(gh_mcp_endpoint *endpoint, bool stream)
{
    if (stream) {
        atomic_fetch_sub(&endpoint->streams, 1);
    }
}

#include "server/limits.h"

#include <stdlib.h>
#include <string.h>

#define SHARE_WAIT_MS 1000 /* a client that is refused waits for longer */

/* What one user leaves for others who come while nobody else is there, of however few there are. */
static size_t all_but(size_t total, size_t part)
{
    size_t rest = total / part > 0 ? total / part : 1;
    return total > rest ? total - rest : total;
}

/* A stream holds a worker for as long as it is open, and one user may have many requests under way. Who may
 * have more than half of the streams was given them by an option; fewer are a bound beside the fair part. */
static gh_share_bounds share_bounds(const gh_settings *settings)
{
    size_t workers = (size_t)settings->workers;
    size_t streams = (size_t)settings->max_streams;
    size_t half = (streams + 1) / 2;
    size_t most = (size_t)settings->max_streams_user;
    return (gh_share_bounds){.workers = {workers, all_but(workers, 5)},
                             .streams = {streams, most > half ? most : half},
                             .max_streams_user = most,
                             .wait_ms = SHARE_WAIT_MS};
}

/* However many calls users start, there are threads for the next one. */
static size_t call_share(const gh_settings *settings)
{
    return all_but((size_t)settings->call_threads, 4);
}

static gh_status open_rates(const gh_settings *settings, gh_limits *limits)
{
    const gh_rates_options options = {.per_address = settings->requests_per_minute,
                                      .per_user = settings->requests_per_minute_user,
                                      .spares_local_addresses = !settings->counts_local,
                                      .spares_local_users = !settings->counts_local_users};
    return gh_rates_new(&options, &limits->rates);
}

static gh_status open_share(const gh_settings *settings, gh_limits *limits)
{
    const gh_share_bounds bounds = share_bounds(settings);
    gh_share *share = calloc(1, sizeof *share);
    if (share == NULL || gh_share_init(share, &bounds) != GH_OK) {
        free(share);
        return GH_ERR_NOMEM;
    }
    limits->share = share;
    return GH_OK;
}

gh_status gh_limits_open(const gh_settings *settings, gh_limits *limits)
{
    bool one_user = strcmp(settings->auth, "none") == 0;
    limits->message = (gh_json_limits){.size = (size_t)settings->max_body,
                                       .depth = (size_t)settings->max_depth,
                                       .members = (size_t)settings->max_members,
                                       .object_members = GH_JSON_LIMITS_MESSAGE.object_members};
    gh_status status = open_rates(settings, limits);
    if (status == GH_OK && !one_user) {
        limits->call_share = call_share(settings);
        limits->user_rates = limits->rates;
        status = open_share(settings, limits);
    }
    return status;
}

void gh_limits_clear(gh_limits *limits)
{
    if (limits->share != NULL) {
        gh_share_clear(limits->share);
        free(limits->share);
    }
    gh_rates_free(limits->rates);
    memset(limits, 0, sizeof *limits);
}

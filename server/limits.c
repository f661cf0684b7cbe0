#include "server/limits.h"

#include <stdlib.h>
#include <string.h>

/* A stream holds a worker for as long as it is open, and one user may have many requests under way; the rest
 * stays for everybody else. */
static size_t worker_share(const gh_settings *settings)
{
    size_t workers = (size_t)settings->workers;
    return workers - workers / 5;
}

/* However many calls one user starts, there are threads for the next one. */
static size_t call_share(const gh_settings *settings)
{
    size_t threads = (size_t)settings->call_threads;
    return threads - threads / 4;
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
    gh_share *share = calloc(1, sizeof *share);
    if (share == NULL ||
        gh_share_init(share, worker_share(settings), (size_t)settings->max_streams_user) != GH_OK) {
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

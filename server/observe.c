#include "server/observe.h"

#include <stdlib.h>
#include <string.h>

#include "shared/core/log.h"
#include "shared/net/url.h"

#define WORKERS 3 /* a scraper holds one at a time */
#define WAITING 16
#define TIMEOUT_MS 5000
#define TEXT_MAX ((size_t)4 * 1024 * 1024)

struct gh_observe {
    gh_observe_parts parts;
    gh_reservation reservation;
    gh_site *site;
    gh_route routes[1];
    gh_router *router;
    gh_transaction_setting transactions;
    gh_listener *listener;
};

/* --- what the parts say --- */

static void set_server(const gh_observe_parts *parts)
{
    gh_metrics *metrics = parts->metrics;
    gh_error error = {0};
    gh_executor_state threads = gh_executor_look(parts->executor);
    gh_metrics_set(metrics, GH_METRIC_READY, parts->ready(parts->context, &error) == GH_OK ? 1 : 0);
    gh_metrics_set(metrics, GH_METRIC_CONNECTIONS, (int64_t)gh_listener_connections(parts->listener));
    gh_metrics_set(metrics, GH_METRIC_WORKERS, parts->settings->workers);
    gh_metrics_set(metrics, GH_METRIC_SESSIONS, (int64_t)gh_mcp_engine_sessions(parts->engine));
    gh_metrics_set(metrics, GH_METRIC_TASKS, (int64_t)gh_mcp_engine_tasks(parts->engine));
    gh_metrics_set(metrics, GH_METRIC_STREAMS, (int64_t)atomic_load(&parts->endpoint->streams));
    gh_metrics_set(metrics, GH_METRIC_THREADS, (int64_t)threads.threads);
    gh_metrics_set(metrics, GH_METRIC_THREADS_BUSY, (int64_t)threads.busy);
    gh_metrics_set(metrics, GH_METRIC_THREADS_LATE, (int64_t)threads.late);
    gh_metrics_set(metrics, GH_METRIC_QUEUE, (int64_t)threads.queued);
    gh_metrics_set(metrics, GH_METRIC_LOG_DROPPED, (int64_t)gh_log_dropped());
}

static void set_identity(const gh_observe_parts *parts)
{
    gh_metrics *metrics = parts->metrics;
    const gh_identity *identity = parts->identity;
    if (identity->store != NULL) {
        uint64_t uses = 0;
        uint64_t failures = 0;
        gh_error error = {0};
        gh_metrics_set(metrics, GH_METRIC_STORE_UP, gh_store_ping(identity->store, &error) == GH_OK ? 1 : 0);
        gh_store_counts(identity->store, &uses, &failures);
        gh_metrics_set(metrics, GH_METRIC_STORE_USES, (int64_t)uses);
        gh_metrics_set(metrics, GH_METRIC_STORE_FAILURES, (int64_t)failures);
    }
    if (identity->idp != NULL) {
        gh_error error = {0};
        bool up = gh_idp_state_get(identity->idp, &error) == GH_IDP_READY &&
                  !gh_idp_degraded(identity->idp, &error);
        int64_t age = gh_idp_keys_age_s(identity->idp);
        gh_metrics_set(metrics, GH_METRIC_PROVIDER_UP, up ? 1 : 0);
        if (age >= 0) {
            gh_metrics_set(metrics, GH_METRIC_KEYS_AGE, age);
        }
    }
}

/* --- who may look --- */

static bool has_token(const gh_secret *token, const gh_request *request)
{
    static const char scheme[] = "Bearer ";
    gh_view shown = gh_view_trim(gh_request_header(request, "Authorization"));
    if (!gh_view_starts_with_nocase(shown, GH_VIEW_LIT(scheme))) {
        return false;
    }
    const size_t length = sizeof scheme - 1;
    return gh_secret_equals(token, gh_view_trim(gh_view_make(shown.ptr + length, shown.len - length)));
}

/* A web page that had its own name resolve to this machine would call it by that name. */
static bool is_plain_host(gh_view host)
{
    gh_url url;
    gh_buf text = GH_BUF_INIT(1024);
    (void)gh_buf_append_cstr(&text, "http://");
    (void)gh_buf_append_view(&text, host);
    bool plain = gh_buf_status(&text) == GH_OK && gh_url_parse(gh_buf_view(&text), &url, NULL) == GH_OK &&
                 gh_url_is_loopback(&url);
    gh_buf_free(&text);
    return plain;
}

static bool admit(const gh_observe *observe, const gh_request *request, gh_response *response)
{
    const gh_secret *token = observe->parts.settings->metrics_token;
    if (token == NULL && !is_plain_host(gh_request_header(request, "Host"))) {
        gh_response_error(response, 421, "misdirected_request",
                          "Metrics are served under loopback addresses and localhost only.");
        return false;
    }
    if (token != NULL && !has_token(token, request)) {
        gh_response_header_cstr(response, "WWW-Authenticate", "Bearer realm=\"metrics\"");
        gh_response_error(response, 401, "unauthorized",
                          "Send the token of --metrics-token-file: Authorization: Bearer TOKEN.");
        return false;
    }
    return true;
}

static void handle(void *context, const gh_request *request, gh_response *response)
{
    const gh_observe *observe = context;
    gh_buf text = GH_BUF_INIT(TEXT_MAX);
    if (!admit(observe, request, response)) {
        return;
    }
    set_server(&observe->parts);
    set_identity(&observe->parts);
    gh_metrics_set_process(observe->parts.metrics);
    if (gh_metrics_write(observe->parts.metrics, &text) == GH_OK) {
        gh_response_text(response, 200, gh_buf_cstr(&text));
        response->type = GH_METRICS_TYPE;
    } else {
        gh_response_error(response, 503, "temporarily_unavailable", "There is no memory for the text.");
    }
    gh_buf_free(&text);
}

/* --- start and stop --- */

static gh_status take_address(gh_observe *observe, gh_error *error)
{
    gh_address address;
    gh_status status = gh_address_parse(observe->parts.settings->metrics_listen, &address, error);
    if (status == GH_OK) {
        status = gh_reservation_take(&address, gh_listener_has_ipv6(), &observe->reservation, error);
    }
    return status;
}

static gh_status make_router(gh_observe *observe, gh_error *error)
{
    const gh_address *address = &observe->reservation.address;
    gh_buf url = GH_BUF_INIT(256);
    (void)gh_buf_appendf(&url, strchr(address->host, ':') != NULL ? "http://[%s]:%u" : "http://%s:%u",
                         address->host, (unsigned)address->port);
    gh_status status = gh_site_new(gh_buf_cstr(&url), NULL, &observe->site, error);
    gh_buf_free(&url);
    /* No page of any other origin may read it. */
    observe->routes[0] = (gh_route){.method = "GET",
                                    .path = "/metrics",
                                    .origin = GH_ROUTE_OWN,
                                    .handler = handle,
                                    .context = observe,
                                    .any_host = true};
    return status == GH_OK ? gh_router_new(observe->site, observe->routes, 1, &observe->router) : status;
}

static gh_status listen_now(gh_observe *observe, gh_error *error)
{
    observe->transactions = (gh_transaction_setting){.router = observe->router,
                                                     .proxies = observe->parts.proxies,
                                                     .watchdog = observe->parts.watchdog,
                                                     .body_timeout_ms = TIMEOUT_MS,
                                                     .quiet = true};
    const gh_listener_options options = {.workers = WORKERS,
                                         .waiting = WAITING,
                                         .request_timeout_ms = TIMEOUT_MS,
                                         .setting = &observe->transactions};
    gh_status status = gh_listener_start(&options, &observe->reservation, &observe->listener, error);
    if (status == GH_OK) {
        gh_log_info("metrics at %s/metrics", gh_site_origin(observe->site));
    }
    return status;
}

gh_status gh_observe_start(const gh_observe_parts *parts, gh_observe **observe, gh_error *error)
{
    gh_observe *made = calloc(1, sizeof *made);
    *observe = NULL;
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->parts = *parts;
    made->reservation = (gh_reservation){.ipv4 = -1, .ipv6 = -1};
    gh_status status = take_address(made, error);
    if (status == GH_OK) {
        status = make_router(made, error);
    }
    if (status == GH_OK) {
        status = listen_now(made, error);
    }
    if (status != GH_OK) {
        gh_observe_stop(made);
        return status;
    }
    *observe = made;
    return GH_OK;
}

void gh_observe_stop(gh_observe *observe)
{
    if (observe == NULL) {
        return;
    }
    gh_listener_stop(observe->listener);
    gh_reservation_release(&observe->reservation);
    gh_router_free(observe->router);
    gh_site_free(observe->site);
    free(observe);
}

#include "server/http/transaction_private.h"

#include <stdio.h>

#include "server/http/access_log.h"
#include "server/http/sending.h"
#include "shared/core/clock.h"
#include "shared/core/secret.h"

bool gh_transaction_expect(const gh_transaction *t, gh_expects what)
{
    return t->peer->expect == NULL || t->peer->expect(t->peer->context, what);
}

bool gh_transaction_awaited(const gh_transaction *t)
{
    return t->peer->is_awaited != NULL && t->peer->is_awaited(t->peer->context);
}

bool gh_transaction_keeps(const gh_transaction *t)
{
    return t->keep_alive && !t->response.close && !t->deaf && !gh_transaction_awaited(t);
}

void gh_transaction_refuse_with(gh_transaction *t, int status, const char *code, const char *description)
{
    gh_response_error(&t->response, status, code, description);
    t->response.close = true;
}

static void reply(gh_transaction *t)
{
    gh_buf message = GH_BUF_INIT(GH_RESPONSE_BODY_MAX + (size_t)64 * 1024);
    if (t->response.streaming || (t->response.status == 0 && t->stream_gone)) {
        t->keep_alive = t->response.chunked && t->response.ended && !t->stream_gone;
        return;
    }
    t->keep_alive = gh_transaction_keeps(t);
    bool head_only = gh_view_eq_cstr(t->wire->method, "HEAD");
    (void)gh_buf_reserve(&message, t->response.head.len + t->response.body.len + 512);
    gh_status status = gh_response_format(&t->response, head_only, t->keep_alive, &message);
    if (status == GH_OK) {
        status = gh_sending_reply(t->setting, t->peer, gh_buf_view(&message));
    }
    if (status != GH_OK) {
        t->keep_alive = false;
    } else if (!t->keep_alive) {
        gh_transaction_linger(t);
    }
    gh_buf_wipe_free(&message);
}

static void find_client(gh_transaction *t)
{
    gh_view peer = t->peer->name.host;
    t->request.remote_host = peer;
    if (gh_proxies_trust(t->setting->proxies, peer)) {
        t->request.remote_host =
            gh_proxies_client(t->setting->proxies, peer, gh_wire_forwarded(t->wire, &t->forwarded));
    } else if (t->setting->rates != NULL && gh_wire_is_forwarded(t->wire)) {
        gh_rates_notice_forwarded(t->setting->rates, peer);
    }
    t->request.remote_port = t->request.remote_host.ptr == peer.ptr ? t->peer->name.port : 0;
}

/* False when this address has had its share. Whoever asks whether the server is there gets an answer. */
static bool enter_rate(gh_transaction *t)
{
    int64_t retry_after_s = 0;
    char text[24];
    const gh_request *of = &t->request;
    if (t->setting->rates == NULL || gh_router_is_unlimited(t->setting->router, of) ||
        gh_rates_enter_address(t->setting->rates, of->remote_host, of->remote_port == 0, &retry_after_s)) {
        return true;
    }
    (void)snprintf(text, sizeof text, "%lld", (long long)retry_after_s);
    gh_router_add_cors(t->setting->router, of, &t->response);
    gh_response_header_cstr(&t->response, "Retry-After", text);
    gh_response_error(&t->response, 429, "too_many_requests",
                      "Too many requests came from this address. Wait for as long as Retry-After says.");
    t->response.close = t->body_unread;
    gh_metrics_count(t->setting->metrics, GH_METRIC_LIMITED, GH_LIMIT_REQUESTS_OF_ADDRESS, 0);
    return false;
}

static void serve(gh_transaction *t, const gh_transaction_state *state)
{
    if (t->verdict.status != 0) {
        gh_transaction_refuse_with(t, t->verdict.status, t->verdict.code, t->verdict.description);
    } else if (state->long_head) {
        gh_transaction_refuse_with(t, 431, "invalid_request",
                                   "The request head is larger than this server takes.");
    } else if (state->draining) {
        gh_response_header_cstr(&t->response, "Retry-After", "2");
        gh_transaction_refuse_with(t, 503, "temporarily_unavailable",
                                   "The server is stopping. Try again in a moment.");
    } else if (enter_rate(t) && gh_transaction_read_body(t)) {
        gh_router_serve(t->setting->router, &t->request, &t->response);
    }
}

/* Who hung up before there was anything to say is no fault of the server. */
static int final_status(const gh_transaction *t)
{
    if (t->response.status != 0) {
        return t->response.status;
    }
    return t->stream_gone ? GH_ACCESS_LOG_CLIENT_LEFT : 500;
}

static void log_request(const gh_transaction *t)
{
    gh_access_log_request(t->wire->method, t->wire->target, t->request.remote_host, t->request.remote_port,
                          &t->trace);
}

static void account(const gh_transaction *t, int status, int64_t duration_ns)
{
    gh_metrics *metrics = t->setting->metrics;
    if (metrics != NULL) {
        size_t route = gh_router_index(t->setting->router, &t->request);
        gh_metrics_count(metrics, GH_METRIC_REQUESTS, route, gh_metrics_status(status));
        if (!t->response.lasting) {
            gh_metrics_observe(metrics, GH_METRIC_REQUEST_TIME, route, duration_ns);
        }
    }
    if (t->setting->quiet) {
        if (status < 400) {
            return;
        }
        log_request(t);
    }
    gh_access_log_response(t->wire->method, t->wire->target, status, duration_ns, &t->trace);
}

gh_transaction_result gh_transaction_run(const gh_transaction_setting *setting, const gh_wire *wire,
                                         const gh_transaction_peer *peer, gh_transaction_state state)
{
    int64_t started = gh_clock_mono_ns();
    gh_transaction t = {.setting = setting, .peer = peer, .wire = wire, .deaf = state.cut};
    const gh_response_sink sink = gh_transaction_sink(&t);
    t.verdict = gh_guard_check(wire, state.clean);
    t.request = (gh_request){.method = wire->method,
                             .path = wire->target,
                             .query = wire->query,
                             .trace = &t.trace,
                             .headers = wire->headers,
                             .header_count = wire->header_count};
    find_client(&t);
    gh_wire_trace(wire, &t.trace);
    t.keep_alive = t.verdict.keep_alive;
    t.body_unread = t.verdict.body != GH_GUARD_BODY_NONE;
    gh_response_init(&t.response, &sink);
    if (!setting->quiet) {
        log_request(&t);
    }
    serve(&t, &state);
    reply(&t);
    gh_transaction_result result = {.status = final_status(&t), .keep_alive = t.keep_alive};
    account(&t, result.status, gh_clock_mono_ns() - started);
    gh_response_clear(&t.response);
    gh_buf_wipe_free(&t.body);
    gh_buf_free(&t.forwarded);
    return result;
}

void gh_transaction_refuse(const gh_transaction_setting *setting, const gh_transaction_peer *peer,
                           gh_view method, gh_view path, int status, const char *code,
                           const char *description)
{
    int64_t started = gh_clock_mono_ns();
    gh_buf message = GH_BUF_INIT(4096);
    gh_response response;
    gh_response_init(&response, NULL);
    gh_access_log_request(method, path, peer->name.host, peer->name.port, NULL);
    gh_response_error(&response, status, code, description);
    if (gh_response_format(&response, false, false, &message) == GH_OK) {
        (void)peer->write(peer->context, gh_buf_view(&message));
    }
    gh_metrics_count(setting->metrics, GH_METRIC_REQUESTS, GH_METRICS_ROUTES_MAX, gh_metrics_status(status));
    gh_access_log_response(method, path, status, gh_clock_mono_ns() - started, NULL);
    gh_response_clear(&response);
    gh_buf_free(&message);
}

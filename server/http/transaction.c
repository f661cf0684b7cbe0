#include "server/http/transaction.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "server/http/access_log.h"
#include "server/http/guard.h"
#include "server/http/sending.h"
#include "shared/core/clock.h"
#include "shared/core/secret.h"

#define READ_STEP ((size_t)16 * 1024)
#define SILENT_PEER_MS 30000 /* how long a stream's peer may leave bytes without a sign of having them */
/* How much of a refused body is read so that the client sees the reply and not a reset connection. */
#define LINGER_MS 1000
#define LINGER_BYTES ((size_t)16 * 1024 * 1024)

typedef struct transaction {
    const gh_transaction_setting *setting;
    const gh_transaction_peer *peer;
    const gh_wire *wire;
    gh_guard_verdict verdict;
    gh_request request;
    gh_response response;
    gh_buf body;
    bool body_unread; /* bytes of this request may still be on the way */
    bool keep_alive;
    bool stream_gone;
    bool deaf;   /* patience with the peer has ended: what it sent may be served, nothing more is read */
    bool minded; /* the socket has its options for streams */
    bool socket_known;
    int socket;       /* the connection's, once looked for; -1 when it was not found */
    gh_buf forwarded; /* what request.remote_host may point into */
    gh_trace trace;
} transaction;

static int socket_of(transaction *t)
{
    if (!t->socket_known) {
        t->socket = gh_watchdog_socket(t->peer->host, t->peer->port);
        t->socket_known = true;
    }
    return t->socket;
}

/* A peer that vanished from the network says nothing: on a quiet stream the system would wait for it for a
 * quarter of an hour. */
static void mind_silence(transaction *t)
{
    unsigned ms = SILENT_PEER_MS;
    if (!t->minded && socket_of(t) >= 0) {
        (void)setsockopt(t->socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
    }
    t->minded = true;
}

/* Every event is watched: a stream lives long, its buffer may be full at any time. Between events nothing is.
 */
static gh_status stream_write(void *context, gh_view bytes)
{
    transaction *t = context;
    gh_watch watch;
    if (t->stream_gone) {
        return GH_ERR_CLOSED;
    }
    gh_deadline deadline = gh_sending_deadline(t->setting, bytes.len);
    gh_watchdog_add(t->setting->watchdog, &watch, t->peer->host, t->peer->port, GH_WATCH_WRITE, deadline);
    gh_status status = t->peer->write(t->peer->context, bytes);
    t->stream_gone = gh_watchdog_remove(t->setting->watchdog, &watch) || status != GH_OK;
    return t->stream_gone ? GH_ERR_CLOSED : GH_OK;
}

/* Also when the peer has only ended its side: no client does that and then reads on. That of one who is not
 * read any more looks ended in any case. Who has reset the connection is no peer of any socket. */
static bool is_hung_up(int fd, bool deaf)
{
    struct pollfd state = {.fd = fd, .events = deaf ? 0 : POLLRDHUP};
    return poll(&state, 1, 0) > 0 && state.revents != 0;
}

/* Asked when a stream has been quiet for a moment; those that end before cost no look for their socket. */
static bool stream_closed(void *context)
{
    transaction *t = context;
    mind_silence(t);
    t->stream_gone = t->stream_gone || socket_of(t) < 0 || is_hung_up(t->socket, t->deaf);
    return t->stream_gone;
}

static void refuse(transaction *t, int status, const char *code, const char *description)
{
    gh_response_error(&t->response, status, code, description);
    t->response.close = true;
}

static bool expect(const transaction *t, gh_expects what)
{
    return t->peer->expect == NULL || t->peer->expect(t->peer->context, what);
}

static void refuse_busy(transaction *t)
{
    gh_response_header_cstr(&t->response, "Retry-After", "5");
    refuse(t, 503, "temporarily_unavailable",
           "The server is very busy and does not wait for slow requests. Try again later.");
}

/* Reads on up to `limit` bytes in all. GH_OK when the body is complete, GH_ERR_TOO_LARGE when there is more.
 * In a crowd patience is for each GH_ROUTE_BODY_MAX of them, so that no body may trickle. */
static gh_status read_up_to(transaction *t, size_t limit)
{
    char step[READ_STEP];
    while (t->body.len <= limit) {
        size_t want = limit + 1 - t->body.len;
        int got = t->peer->read(t->peer->context, step, want < sizeof step ? want : sizeof step);
        if (got < 0) {
            return GH_ERR_CLOSED;
        }
        if (got == 0) {
            bool whole = t->verdict.body == GH_GUARD_BODY_CHUNKED || t->body.len == t->verdict.length;
            return whole ? GH_OK : GH_ERR_TIMEOUT;
        }
        if (t->body.len % GH_ROUTE_BODY_MAX + (size_t)got >= GH_ROUTE_BODY_MAX) {
            (void)expect(t, GH_EXPECTS_BYTES);
        }
        if (gh_buf_append(&t->body, step, (size_t)got) != GH_OK) {
            return GH_ERR_NOMEM;
        }
        if (t->verdict.body == GH_GUARD_BODY_LENGTH && t->body.len == t->verdict.length) {
            return GH_OK;
        }
    }
    return GH_ERR_TOO_LARGE;
}

/* Bodies of common size are read at once. A larger one takes memory and time only for callers that the route
 * lets through by their head; a route answers the others without the body (401 before 413). */
static gh_status read_in_two_steps(transaction *t, size_t limit)
{
    bool announced = t->verdict.body == GH_GUARD_BODY_LENGTH && t->verdict.length > GH_ROUTE_BODY_MAX;
    gh_status status = announced ? GH_ERR_TOO_LARGE : read_up_to(t, GH_ROUTE_BODY_MAX);
    if (status != GH_ERR_TOO_LARGE || limit <= GH_ROUTE_BODY_MAX) {
        return status;
    }
    (void)expect(t, GH_EXPECTS_NOTHING);
    if (!gh_router_admits_large(t->setting->router, &t->request)) {
        gh_buf_clear(&t->body);
        t->response.close = true;
        return GH_OK;
    }
    (void)expect(t, GH_EXPECTS_BYTES);
    if (t->verdict.body == GH_GUARD_BODY_LENGTH && t->verdict.length > limit) {
        return GH_ERR_TOO_LARGE;
    }
    if (announced && t->verdict.expects_continue) {
        (void)t->peer->write(t->peer->context, GH_VIEW_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    return read_up_to(t, limit);
}

/* True when the service may be called. */
static bool read_body(transaction *t)
{
    gh_watch watch;
    if (t->verdict.body == GH_GUARD_BODY_NONE) {
        return true;
    }
    size_t limit = gh_router_body_limit(t->setting->router, &t->request);
    bool small = t->verdict.body == GH_GUARD_BODY_CHUNKED || t->verdict.length <= GH_ROUTE_BODY_MAX;
    gh_buf_init(&t->body, limit + READ_STEP);
    if (t->verdict.expects_continue && small) {
        (void)t->peer->write(t->peer->context, GH_VIEW_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    gh_watchdog_add(t->setting->watchdog, &watch, t->peer->host, t->peer->port, GH_WATCH_READ,
                    gh_deadline_in(t->setting->body_timeout_ms));
    (void)expect(t, GH_EXPECTS_BYTES);
    gh_status status = read_in_two_steps(t, limit);
    t->deaf = !expect(t, GH_EXPECTS_NOTHING) || t->deaf;
    bool late = gh_watchdog_remove(t->setting->watchdog, &watch);
    if (status == GH_OK && !t->response.close) {
        t->body_unread = false;
    }
    if (t->deaf && status != GH_OK) {
        t->body_unread = false;
        refuse_busy(t);
    } else if (late || status == GH_ERR_TIMEOUT) {
        t->body_unread = false;
        refuse(t, 408, "request_timeout", "The body did not arrive in time.");
    } else if (status == GH_ERR_TOO_LARGE) {
        refuse(t, 413, "request_too_large", "The body is larger than this path takes.");
    } else if (status == GH_ERR_CLOSED) {
        t->body_unread = false;
        refuse(t, 400, "invalid_request", "The body ended early or its framing is broken.");
    } else if (status != GH_OK) {
        refuse(t, 503, "temporarily_unavailable", "The server has no memory for this body. Try again later.");
    }
    t->request.body = gh_buf_view(&t->body);
    return status == GH_OK && !late;
}

/* Takes what the client still sends, for a moment: closing a socket with unread bytes resets it, and the
 * reply would be lost on its way. */
static void linger(transaction *t)
{
    char step[READ_STEP];
    size_t taken = 0;
    gh_watch watch;
    if (!t->body_unread || t->verdict.expects_continue || t->verdict.status != 0) {
        return;
    }
    gh_watchdog_add(t->setting->watchdog, &watch, t->peer->host, t->peer->port, GH_WATCH_READ,
                    gh_deadline_in(LINGER_MS));
    (void)expect(t, GH_EXPECTS_BYTES);
    while (taken < LINGER_BYTES) {
        int got = t->peer->read(t->peer->context, step, sizeof step);
        if (got <= 0) {
            break;
        }
        taken += (size_t)got;
    }
    (void)gh_watchdog_remove(t->setting->watchdog, &watch);
}

static void reply(transaction *t)
{
    gh_buf message = GH_BUF_INIT(GH_RESPONSE_BODY_MAX + (size_t)64 * 1024);
    if (t->response.streaming || (t->response.status == 0 && t->stream_gone)) {
        t->keep_alive = false;
        return;
    }
    t->keep_alive = t->keep_alive && !t->response.close && !t->deaf;
    bool head_only = gh_view_eq_cstr(t->wire->method, "HEAD");
    (void)gh_buf_reserve(&message, t->response.head.len + t->response.body.len + 512);
    gh_status status = gh_response_format(&t->response, head_only, t->keep_alive, &message);
    if (status == GH_OK) {
        status = gh_sending_reply(t->setting, t->peer, gh_buf_view(&message));
    }
    if (status != GH_OK) {
        t->keep_alive = false;
    } else if (!t->keep_alive) {
        linger(t);
    }
    gh_buf_wipe_free(&message);
}

static void find_client(transaction *t)
{
    gh_view peer = t->peer->host;
    t->request.remote_host = peer;
    if (gh_proxies_trust(t->setting->proxies, peer)) {
        t->request.remote_host =
            gh_proxies_client(t->setting->proxies, peer, gh_wire_forwarded(t->wire, &t->forwarded));
    } else if (t->setting->rates != NULL && gh_wire_is_forwarded(t->wire)) {
        gh_rates_notice_forwarded(t->setting->rates, peer);
    }
    t->request.remote_port = t->request.remote_host.ptr == peer.ptr ? t->peer->port : 0;
}

/* False when this address has had its share. Whoever asks whether the server is there gets an answer, and so
 * do browsers that ask for a page whether it may see the refusal. */
static bool enter_rate(transaction *t)
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

static void serve(transaction *t, const gh_transaction_state *state)
{
    if (t->verdict.status != 0) {
        refuse(t, t->verdict.status, t->verdict.code, t->verdict.description);
    } else if (state->long_head) {
        refuse(t, 431, "invalid_request", "The request head is larger than this server takes.");
    } else if (state->draining) {
        gh_response_header_cstr(&t->response, "Retry-After", "2");
        refuse(t, 503, "temporarily_unavailable", "The server is stopping. Try again in a moment.");
    } else if (enter_rate(t) && read_body(t)) {
        gh_router_serve(t->setting->router, &t->request, &t->response);
    }
}

/* Who hung up before there was anything to say is no fault of the server. */
static int final_status(const transaction *t)
{
    if (t->response.status != 0) {
        return t->response.status;
    }
    return t->stream_gone ? GH_ACCESS_LOG_CLIENT_LEFT : 500;
}

static void log_request(const transaction *t)
{
    gh_access_log_request(t->wire->method, t->wire->target, t->request.remote_host, t->request.remote_port,
                          &t->trace);
}

static void account(const transaction *t, int status, int64_t duration_ns)
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
    transaction t = {.setting = setting, .peer = peer, .wire = wire, .deaf = state.cut};
    const gh_response_sink sink = {.context = &t, .write = stream_write, .closed = stream_closed};
    t.verdict = gh_guard_check(wire, state.clean);
    t.request = (gh_request){.method = wire->method,
                             .path = wire->target,
                             .query = wire->query,
                             .trace = &t.trace,
                             .headers = wire->headers,
                             .header_count = wire->header_count};
    find_client(&t);
    gh_wire_trace(wire, &t.trace);
    t.keep_alive = t.verdict.keep_alive && !state.crowded;
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
    gh_access_log_request(method, path, peer->host, peer->port, NULL);
    gh_response_error(&response, status, code, description);
    if (gh_response_format(&response, false, false, &message) == GH_OK) {
        (void)peer->write(peer->context, gh_buf_view(&message));
    }
    gh_metrics_count(setting->metrics, GH_METRIC_REQUESTS, GH_METRICS_ROUTES_MAX, gh_metrics_status(status));
    gh_access_log_response(method, path, status, gh_clock_mono_ns() - started, NULL);
    gh_response_clear(&response);
    gh_buf_free(&message);
}

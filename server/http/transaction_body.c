/* The body of a request, within limits and deadlines. */
#include "server/http/transaction_private.h"

#define READ_STEP ((size_t)16 * 1024)
/* How much of a refused body is read so that the client sees the reply and not a reset connection. */
#define LINGER_MS 1000
#define LINGER_BYTES ((size_t)16 * 1024 * 1024)

static void refuse_busy(gh_transaction *t)
{
    gh_response_header_cstr(&t->response, "Retry-After", "5");
    gh_transaction_refuse_with(
        t, 503, "temporarily_unavailable",
        "The server is very busy and does not wait for slow requests. Try again later.");
}

/* Reads on up to `limit` bytes in all. GH_OK when the body is complete, GH_ERR_TOO_LARGE when there is more.
 * In a crowd patience is for each GH_ROUTE_BODY_MAX of them, so that no body may trickle. */
static gh_status read_up_to(gh_transaction *t, size_t limit)
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
            (void)gh_transaction_expect(t, GH_EXPECTS_BYTES);
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
static gh_status read_in_two_steps(gh_transaction *t, size_t limit)
{
    bool announced = t->verdict.body == GH_GUARD_BODY_LENGTH && t->verdict.length > GH_ROUTE_BODY_MAX;
    gh_status status = announced ? GH_ERR_TOO_LARGE : read_up_to(t, GH_ROUTE_BODY_MAX);
    if (status != GH_ERR_TOO_LARGE || limit <= GH_ROUTE_BODY_MAX) {
        return status;
    }
    (void)gh_transaction_expect(t, GH_EXPECTS_NOTHING);
    if (!gh_router_admits_large(t->setting->router, &t->request)) {
        gh_buf_clear(&t->body);
        t->response.close = true;
        return GH_OK;
    }
    (void)gh_transaction_expect(t, GH_EXPECTS_BYTES);
    if (t->verdict.body == GH_GUARD_BODY_LENGTH && t->verdict.length > limit) {
        return GH_ERR_TOO_LARGE;
    }
    if (announced && t->verdict.expects_continue) {
        (void)t->peer->write(t->peer->context, GH_VIEW_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    return read_up_to(t, limit);
}

bool gh_transaction_read_body(gh_transaction *t)
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
    gh_watchdog_add(t->setting->watchdog, &watch, t->peer->name, GH_WATCH_READ,
                    gh_deadline_in(t->setting->body_timeout_ms));
    (void)gh_transaction_expect(t, GH_EXPECTS_BYTES);
    gh_status status = read_in_two_steps(t, limit);
    t->deaf = !gh_transaction_expect(t, GH_EXPECTS_NOTHING) || t->deaf;
    bool late = gh_watchdog_remove(t->setting->watchdog, &watch);
    if (status == GH_OK && !t->response.close) {
        t->body_unread = false;
    }
    if (t->deaf && status != GH_OK) {
        t->body_unread = false;
        refuse_busy(t);
    } else if (late || status == GH_ERR_TIMEOUT) {
        t->body_unread = false;
        gh_transaction_refuse_with(t, 408, "request_timeout", "The body did not arrive in time.");
    } else if (status == GH_ERR_TOO_LARGE) {
        gh_transaction_refuse_with(t, 413, "request_too_large", "The body is larger than this path takes.");
    } else if (status == GH_ERR_CLOSED) {
        t->body_unread = false;
        gh_transaction_refuse_with(t, 400, "invalid_request",
                                   "The body ended early or its framing is broken.");
    } else if (status != GH_OK) {
        gh_transaction_refuse_with(t, 503, "temporarily_unavailable",
                                   "The server has no memory for this body. Try again later.");
    }
    t->request.body = gh_buf_view(&t->body);
    return status == GH_OK && !late;
}

void gh_transaction_linger(gh_transaction *t)
{
    char step[READ_STEP];
    size_t taken = 0;
    gh_watch watch;
    if (!t->body_unread || t->verdict.expects_continue || t->verdict.status != 0) {
        return;
    }
    gh_watchdog_add(t->setting->watchdog, &watch, t->peer->name, GH_WATCH_READ, gh_deadline_in(LINGER_MS));
    (void)gh_transaction_expect(t, GH_EXPECTS_BYTES);
    while (taken < LINGER_BYTES) {
        int got = t->peer->read(t->peer->context, step, sizeof step);
        if (got <= 0) {
            break;
        }
        taken += (size_t)got;
    }
    (void)gh_watchdog_remove(t->setting->watchdog, &watch);
}

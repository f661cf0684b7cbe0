/* The steps of an exchange over the old HTTP+SSE transport: fall back to it, wait for the stream, post, wait
 * for the answer on the stream, and what happens when the stream is lost, which ends the session. */
#include <stdlib.h>
#include <string.h>

#include "bridge/exchange.h"
#include "bridge/exchange_sse.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"
#include "shared/rpc/mcp.h"

static gh_bridge_transport wanted(const gh_exchange *exchange)
{
    return exchange->remote->settings->transport;
}

bool gh_exchange_prefers_sse(const gh_exchange *exchange)
{
    const gh_remote *remote = exchange->remote;

    return remote->transport == GH_REMOTE_SSE || exchange->falls_back ||
           wanted(exchange) == GH_BRIDGE_SSE_ONLY ||
           (remote->transport == GH_REMOTE_UNDECIDED &&
            (wanted(exchange) == GH_BRIDGE_SSE_FIRST || remote->sse_expected));
}

static gh_verdict verdict_of(gh_verdict_kind kind, int http_status, gh_status status, const char *sentence)
{
    gh_verdict verdict = {
        .kind = kind, .http_status = http_status, .code = GH_RPC_LOCAL_ERROR, .retry_after_s = -1};

    if (sentence != NULL) {
        (void)gh_error_set(&verdict.error, status, "%s", sentence);
    }
    return verdict;
}

static gh_verdict session_lost(void)
{
    return verdict_of(GH_VERDICT_SESSION_LOST, 0, GH_ERR_CLOSED,
                      "The server ended its stream of events, and with it the session. Restart the client.");
}

static bool is_modern(const gh_exchange *exchange)
{
    for (size_t i = 0; i < exchange->request.headers.count; i++) {
        if (strcmp(exchange->request.headers.list[i].name, GH_MCP_HEADER_METHOD) == 0) {
            return true;
        }
    }
    return false;
}

/* The reply to a POST says nothing here: the answer comes on the stream. */
static gh_status renew_reply(gh_exchange *exchange)
{
    gh_remote *remote = exchange->remote;
    gh_reply *reply = NULL;
    gh_status status = gh_reply_new(&(gh_reply_options){.url = remote->name,
                                                        .program = gh_bridge_program(remote->settings),
                                                        .max_message = (size_t)remote->settings->max_message,
                                                        .context = exchange,
                                                        .on_message = gh_sse_ignore},
                                    &reply);

    if (status == GH_OK) {
        gh_reply_free(exchange->reply);
        exchange->reply = reply;
    }
    return status;
}

static gh_status post(gh_exchange *exchange)
{
    gh_status status = renew_reply(exchange);

    if (status == GH_OK) {
        status = gh_exchange_start(exchange, gh_legacy_sse_endpoint(exchange->remote->sse));
    }
    exchange->place = status == GH_OK ? GH_SSE_POSTED : GH_SSE_NONE;
    return status;
}

static gh_status park(gh_exchange *exchange)
{
    gh_remote *remote = exchange->remote;
    gh_status status = remote->sse != NULL ? GH_OK : gh_sse_new(remote);

    exchange->sse_first = remote->transport == GH_REMOTE_UNDECIDED && !exchange->falls_back &&
                          wanted(exchange) != GH_BRIDGE_SSE_ONLY;
    if (status == GH_OK) {
        status = gh_legacy_sse_open(remote->sse, exchange->token);
    }
    exchange->place = status == GH_OK ? GH_SSE_PARKED : GH_SSE_NONE;
    return status;
}

gh_status gh_exchange_go_sse(gh_exchange *exchange)
{
    gh_remote *remote = exchange->remote;
    bool open = remote->sse != NULL && gh_legacy_sse_endpoint(remote->sse) != NULL;
    gh_verdict verdict;

    exchange->over_sse = true;
    if (exchange->request.kind == GH_EXCHANGE_LISTEN && open) {
        exchange->place = GH_SSE_WAITING;
        return gh_sse_listen(exchange);
    }
    if (exchange->request.kind != GH_EXCHANGE_POST) {
        verdict = verdict_of(GH_VERDICT_ACCEPTED, 0, GH_OK, NULL); /* it ends with the stream */
        return gh_exchange_finish_soon(exchange, &verdict);
    }
    if (is_modern(exchange) && (open || remote->sse_was_open)) {
        verdict = verdict_of(GH_VERDICT_FAILED, 405, GH_ERR_UNSUPPORTED,
                             "The server only speaks the old HTTP+SSE transport (2024-11-05), which has no "
                             "place for this request.");
        return gh_exchange_finish_soon(exchange, &verdict);
    }
    if (open) {
        return post(exchange);
    }
    if (remote->sse_was_open && !exchange->request.opens_session) {
        verdict = session_lost();
        return gh_exchange_finish_soon(exchange, &verdict);
    }
    return park(exchange);
}

static void on_answer_late(void *context)
{
    gh_exchange *exchange = context;
    int64_t left = gh_legacy_sse_heard_ms(exchange->remote->sse) +
                   exchange->remote->settings->request_timeout_ms - gh_clock_mono_ms();
    gh_verdict verdict =
        verdict_of(GH_VERDICT_UNSENT, 0, GH_ERR_TIMEOUT,
                   "The server did not answer in time. The request may have been carried out; "
                   "--request-timeout sets how long to wait.");

    exchange->timer = NULL;
    verdict.maybe_delivered = true;
    if (left <= 0 || gh_loop_timer_add(exchange->remote->loop, left, on_answer_late, exchange,
                                       &exchange->timer) != GH_OK) {
        gh_exchange_finish(exchange, &verdict);
    }
}

/* The message was accepted. */
static void await(gh_exchange *exchange, const gh_verdict *verdict)
{
    int64_t ms = exchange->remote->settings->request_timeout_ms;

    if (exchange->request.id.len == 0) {
        gh_exchange_finish(exchange, verdict);
        return;
    }
    exchange->place = GH_SSE_WAITING;
    if (ms > 0 &&
        gh_loop_timer_add(exchange->remote->loop, ms, on_answer_late, exchange, &exchange->timer) != GH_OK) {
        gh_log_warn("Out of memory: a request waits for its answer without a limit.");
    }
}

void gh_exchange_next_sse(gh_exchange *exchange, const gh_verdict *verdict)
{
    gh_verdict lost = session_lost();

    if (verdict->kind == GH_VERDICT_ACCEPTED) {
        await(exchange, verdict);
    } else if (verdict->http_status == 404 && !exchange->request.opens_session) {
        gh_sse_drop(exchange->remote, exchange); /* the session is gone, whatever the stream looks like */
        gh_exchange_finish(exchange, &lost);
    } else {
        gh_exchange_retry(exchange, verdict, gh_exchange_retry_delay(exchange, verdict));
    }
}

/* The statuses with which a server of the old transport answers a POST to its stream's URL. */
static bool is_telling(int http_status)
{
    return http_status == 400 || http_status == 404 || http_status == 405;
}

static bool may_fall_back(const gh_exchange *exchange)
{
    return exchange->request.opens_session && !exchange->over_sse &&
           exchange->remote->transport == GH_REMOTE_UNDECIDED && wanted(exchange) == GH_BRIDGE_HTTP_FIRST &&
           is_telling(exchange->http_status);
}

static bool is_modern_error(const gh_rpc_message *message)
{
    static const int64_t CODES[] = {GH_RPC_METHOD_NOT_FOUND, GH_MCP_HEADER_MISMATCH,
                                    GH_MCP_MISSING_CAPABILITY, GH_MCP_UNSUPPORTED_VERSION};
    gh_view raw;
    int64_t code = 0;

    if (!gh_json_slice_member(message->error, "code", &raw) ||
        gh_view_to_int64(raw, INT32_MIN, INT32_MAX, &code) != GH_OK) {
        return false;
    }
    for (size_t i = 0; i < sizeof(CODES) / sizeof(CODES[0]); i++) {
        if (code == CODES[i]) {
            return true;
        }
    }
    return false;
}

bool gh_exchange_holds(gh_exchange *exchange, const gh_rpc_message *message, gh_view line)
{
    if (exchange->released || exchange->dead || message->kind != GH_RPC_ERROR || !may_fall_back(exchange) ||
        is_modern_error(message)) {
        return false;
    }
    exchange->held = gh_view_dup(line);
    return exchange->held != NULL;
}

bool gh_exchange_falls_back(gh_exchange *exchange, const gh_verdict *verdict)
{
    if (!exchange->request.opens_session || exchange->remote->transport != GH_REMOTE_UNDECIDED) {
        return false;
    }
    if (verdict->kind == GH_VERDICT_ANSWERED && exchange->held == NULL) {
        exchange->remote->transport = GH_REMOTE_HTTP;
        return false;
    }
    if (!may_fall_back(exchange) ||
        (verdict->kind != GH_VERDICT_FAILED && verdict->kind != GH_VERDICT_ANSWERED)) {
        return false;
    }
    gh_log_debug("The server answers HTTP %d: trying the old HTTP+SSE transport.", exchange->http_status);
    exchange->trouble = *verdict;
    exchange->falls_back = true;
    exchange->sent = false;
    gh_exchange_go_on(exchange, 0);
    return true;
}

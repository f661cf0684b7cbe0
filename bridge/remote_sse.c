/* The stream that all exchanges over the old HTTP+SSE transport share: to whom its messages go, and what its
 * loss means to each. */
#include <stdlib.h>
#include <string.h>

#include "bridge/exchange_sse.h"
#include "shared/core/log.h"
#include "shared/rpc/mcp.h"

/* What is kept for the LISTEN exchange until there is one. */
#define BACKLOG_MAX 64

void gh_sse_ignore(void *context, const gh_rpc_message *message, gh_view line, bool is_answer)
{
    (void)context;
    (void)message;
    (void)line;
    (void)is_answer;
    gh_log_debug("What the server sent in reply to a POST over the old transport is left out.");
}

static bool takes_part(const gh_exchange *exchange)
{
    return exchange->over_sse && !exchange->dead && !exchange->released && exchange->place != GH_SSE_NONE;
}

/* The oldest one that takes part and fits; the list has the newest first. */
static gh_exchange *oldest(const gh_remote *remote, bool (*fits)(const gh_exchange *, gh_view), gh_view id)
{
    gh_exchange *found = NULL;

    for (gh_exchange *exchange = remote->exchanges; exchange != NULL; exchange = exchange->next) {
        found = takes_part(exchange) && fits(exchange, id) ? exchange : found;
    }
    return found;
}

static bool awaits(const gh_exchange *exchange, gh_view id)
{
    return (exchange->place == GH_SSE_POSTED || exchange->place == GH_SSE_WAITING) &&
           gh_rpc_id_equals(exchange->request.id, id);
}

static bool listens(const gh_exchange *exchange, gh_view id)
{
    (void)id;
    return exchange->request.kind == GH_EXCHANGE_LISTEN;
}

static bool is_under_way(const gh_exchange *exchange, gh_view id)
{
    (void)id;
    return exchange->place == GH_SSE_POSTED || exchange->place == GH_SSE_WAITING;
}

static bool is_due(const gh_exchange *exchange, gh_view id)
{
    (void)id;
    return exchange->due;
}

/* True when the exchange is still there afterwards. */
static bool hand_on(gh_exchange *exchange, const gh_rpc_message *message, gh_view line, bool is_answer)
{
    exchange->busy = true;
    exchange->request.on_message(exchange->request.context, exchange, message, line, is_answer);
    exchange->busy = false;
    if (exchange->dead) {
        gh_exchange_destroy(exchange);
        return false;
    }
    return true;
}

static void answer(gh_exchange *exchange, const gh_rpc_message *message, gh_view line)
{
    gh_verdict verdict = {.kind = GH_VERDICT_ANSWERED, .retry_after_s = -1};

    gh_loop_timer_remove(exchange->timer);
    exchange->timer = NULL;
    exchange->place = GH_SSE_NONE;
    if (hand_on(exchange, message, line, true) && !exchange->released) {
        gh_exchange_finish(exchange, &verdict);
    }
}

static void keep(gh_remote *remote, gh_view line)
{
    gh_remote_line **at = &remote->backlog;
    gh_remote_line *kept = NULL;

    if (remote->backlog_count < BACKLOG_MAX &&
        remote->backlog_bytes + line.len <= (size_t)remote->settings->max_message) {
        kept = malloc(sizeof(*kept) + line.len);
    }
    if (kept == NULL) {
        gh_log_warn("A message of the server was dropped: nobody is there for it yet.");
        return;
    }
    kept->next = NULL;
    kept->len = line.len;
    memcpy(kept->text, line.ptr, line.len);
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = kept;
    remote->backlog_count++;
    remote->backlog_bytes += line.len;
}

static void on_message(void *context, const gh_rpc_message *message, gh_view line)
{
    gh_remote *remote = context;
    bool responds = message->kind == GH_RPC_RESULT || message->kind == GH_RPC_ERROR;
    gh_exchange *exchange = oldest(remote, responds ? awaits : listens, message->id);

    if (responds && exchange != NULL) {
        answer(exchange, message, line);
        return;
    }
    if (responds) {
        gh_log_debug("The server sent a response whose id nobody is waiting for.");
        return;
    }
    if (exchange == NULL) {
        exchange = oldest(remote, is_under_way, message->id);
    }
    if (exchange == NULL) {
        keep(remote, line);
    } else {
        (void)hand_on(exchange, message, line, false);
    }
}

static gh_remote_line *take_backlog(gh_remote *remote)
{
    gh_remote_line *first = remote->backlog;

    if (first != NULL) {
        remote->backlog = first->next;
        remote->backlog_count--;
        remote->backlog_bytes -= first->len;
    }
    return first;
}

static void on_listening(void *context)
{
    gh_exchange *exchange = context;
    gh_json_limits limits = {.size = (size_t)exchange->remote->settings->max_message,
                             .depth = GH_JSON_DEPTH_MAX,
                             .members = (size_t)exchange->remote->settings->max_message,
                             .object_members = (size_t)exchange->remote->settings->max_message};
    bool there = true;

    exchange->timer = NULL;
    while (there && exchange->remote->backlog != NULL) {
        gh_remote_line *kept = take_backlog(exchange->remote);
        gh_view line = gh_view_make(kept->text, kept->len);
        gh_rpc_message message = {0};

        if (gh_rpc_parse(line, &limits, &message, NULL) == GH_OK) {
            there = hand_on(exchange, &message, line, false) && !exchange->released;
        }
        gh_rpc_message_clear(&message);
        free(kept);
    }
}

gh_status gh_sse_listen(gh_exchange *exchange)
{
    return gh_loop_timer_add(exchange->remote->loop, 0, on_listening, exchange, &exchange->timer);
}

static void mark_due(gh_remote *remote, bool parked_only, const gh_exchange *except)
{
    for (gh_exchange *exchange = remote->exchanges; exchange != NULL; exchange = exchange->next) {
        exchange->due =
            takes_part(exchange) && exchange != except && (!parked_only || exchange->place == GH_SSE_PARKED);
    }
}

/* The next one that was marked, unmarked and out of its place. */
static gh_exchange *next_due(gh_remote *remote, gh_sse_place *place)
{
    gh_exchange *exchange = oldest(remote, is_due, gh_view_make(NULL, 0));

    if (exchange != NULL) {
        *place = exchange->place;
        exchange->due = false;
        exchange->place = GH_SSE_NONE;
        gh_loop_timer_remove(exchange->timer);
        exchange->timer = NULL;
    }
    return exchange;
}

static void on_open(void *context)
{
    gh_remote *remote = context;
    gh_sse_place place = GH_SSE_PARKED;
    gh_exchange *exchange;

    if (remote->transport != GH_REMOTE_SSE) {
        gh_log_info("The server speaks the old HTTP+SSE transport (2024-11-05).");
    }
    remote->transport = GH_REMOTE_SSE;
    remote->sse_was_open = true;
    mark_due(remote, true, NULL);
    while ((exchange = next_due(remote, &place)) != NULL) {
        exchange->falls_back = false;
        exchange->sse_first = false;
        exchange->retries = 0;
        gh_exchange_go_on(exchange, 0);
    }
}

/* The server does not speak the old transport: what its first answer said counts after all. */
static void fall_forward(gh_exchange *exchange)
{
    gh_verdict first = exchange->trouble;
    gh_json_limits limits = {.size = (size_t)exchange->remote->settings->max_message + 1024,
                             .depth = GH_JSON_DEPTH_MAX,
                             .members = (size_t)exchange->remote->settings->max_message,
                             .object_members = (size_t)exchange->remote->settings->max_message};
    gh_rpc_message message = {0};
    gh_view line = gh_view_of(exchange->held);
    bool there = true;

    if (exchange->held != NULL && gh_rpc_parse(line, &limits, &message, NULL) == GH_OK) {
        there = hand_on(exchange, &message, line, true) && !exchange->released;
    }
    gh_rpc_message_clear(&message);
    if (there) {
        gh_exchange_finish(exchange, &first);
    }
}

/* Where the old transport was only tried first. A stream that ends before it says where to post may be
 * Streamable HTTP's; unless it is --transport that wants the old one, there is no use in another look. */
static bool goes_forward(const gh_exchange *exchange, const gh_verdict *verdict)
{
    bool wanted = exchange->remote->settings->transport == GH_BRIDGE_SSE_FIRST;

    if (!exchange->sse_first) {
        return false;
    }
    return verdict->kind == GH_VERDICT_FAILED ||
           (verdict->kind == GH_VERDICT_CUT && (!wanted || gh_exchange_retry_delay(exchange, verdict) < 0));
}

/* The stream could not be opened. */
static void refuse(gh_exchange *exchange, const gh_verdict *verdict, gh_view challenge)
{
    gh_remote *remote = exchange->remote;

    if (gh_exchange_gets_in(exchange, verdict, challenge)) {
        return;
    }
    if (exchange->falls_back) {
        fall_forward(exchange);
    } else if (goes_forward(exchange, verdict)) {
        /* Where it was only expected, the usual order begins. */
        remote->transport =
            remote->settings->transport == GH_BRIDGE_SSE_FIRST ? GH_REMOTE_HTTP : remote->transport;
        remote->sse_expected = false;
        exchange->over_sse = false;
        gh_exchange_go_on(exchange, 0);
    } else {
        gh_exchange_retry(exchange, verdict, gh_exchange_retry_delay(exchange, verdict));
    }
}

/* The stream was lost after the exchange's message had gone out, or may have. */
static void lose(gh_exchange *exchange, const gh_verdict *verdict)
{
    gh_verdict cut = *verdict;
    bool sent = exchange->request.kind == GH_EXCHANGE_POST;

    gh_http_cancel(exchange->transfer);
    exchange->transfer = NULL;
    cut.maybe_delivered = sent;
    if (!sent) {
        gh_exchange_finish(exchange, &cut);
    } else if (exchange->request.opens_session) {
        cut.kind = GH_VERDICT_CUT;
        gh_exchange_retry(exchange, &cut, gh_exchange_retry_delay(exchange, &cut));
    } else {
        /* In a new session it is sent again only where that is safe. */
        cut.kind = exchange->request.repeatable ? GH_VERDICT_SESSION_LOST : GH_VERDICT_CUT;
        gh_exchange_finish(exchange, &cut);
    }
}

static void tell_lost(gh_remote *remote, const gh_exchange *except, const gh_verdict *verdict,
                      gh_view challenge)
{
    gh_sse_place place = GH_SSE_NONE;
    gh_exchange *exchange;

    mark_due(remote, false, except);
    while ((exchange = next_due(remote, &place)) != NULL) {
        if (place == GH_SSE_PARKED) {
            refuse(exchange, verdict, challenge);
        } else {
            lose(exchange, verdict);
        }
    }
}

static void on_lost(void *context, const gh_verdict *verdict, gh_view challenge)
{
    gh_remote *remote = context;

    gh_log_debug("There is no stream of events any more: %s", verdict->error.message);
    tell_lost(remote, NULL, verdict, challenge);
}

void gh_sse_drop(gh_remote *remote, const gh_exchange *except)
{
    gh_verdict verdict = {.kind = GH_VERDICT_CUT, .code = GH_RPC_LOCAL_ERROR, .retry_after_s = -1};

    (void)gh_error_set(
        &verdict.error, GH_ERR_CLOSED,
        "The server has forgotten the session. The request may have been carried out: look before "
        "you repeat it.");
    gh_legacy_sse_close(remote->sse);
    tell_lost(remote, except, &verdict, gh_view_make(NULL, 0));
}

gh_status gh_sse_new(gh_remote *remote)
{
    return gh_legacy_sse_new(&(gh_legacy_sse_options){.loop = remote->loop,
                                                      .authorizer = remote->authorizer,
                                                      .settings = remote->settings,
                                                      .name = remote->name,
                                                      .context = remote,
                                                      .on_open = on_open,
                                                      .on_message = on_message,
                                                      .on_lost = on_lost},
                             &remote->sse);
}

void gh_remote_expect_sse(gh_remote *remote)
{
    remote->sse_expected = remote->settings->transport == GH_BRIDGE_HTTP_FIRST;
}

bool gh_remote_is_over_sse(const gh_remote *remote)
{
    return remote->transport == GH_REMOTE_SSE;
}

void gh_remote_forget_sse(gh_remote *remote)
{
    gh_legacy_sse_free(remote->sse);
    remote->sse = NULL;
    while (remote->backlog != NULL) {
        free(take_backlog(remote));
    }
}

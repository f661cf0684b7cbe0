#include <string.h>

#include "bridge/relay_parts.h"
#include "shared/core/log.h"
#include "shared/rpc/mcp.h"

/* Reading stops when this much waits for its turn. */
#define QUEUE_MAX 2048
#define TICK_MS 1000

/* What the relay's own state depends on, beyond the one reply. */
static bool carries_session(const gh_relay_item *item)
{
    return item->role == GH_RELAY_INITIALIZE && (item->internal || item->ahead);
}

static void tell_failed(gh_relay *relay, bool quiet, int code, const char *sentence)
{
    if (quiet) {
        gh_relay_session_reopen_later(relay);
    } else {
        gh_relay_session_failed(relay, code, sentence);
    }
}

static void on_message(void *context, gh_exchange *exchange, const gh_rpc_message *message, gh_view line,
                       bool is_answer)
{
    gh_relay_item *item = context;
    gh_relay *relay = item->relay;
    bool failed = false;
    bool quiet = item->quiet;

    if (!is_answer) {
        gh_relay_hand_on(relay, message, line, item->message.id);
        if (relay->inbox.count > 0) {
            gh_relay_pump(relay);
        }
        return;
    }
    if (item->role == GH_RELAY_INITIALIZE && message->kind == GH_RPC_RESULT) {
        gh_relay_session_opened(item, gh_exchange_session_id(exchange), message->result);
    } else {
        failed = carries_session(item);
    }
    gh_relay_answer(item, message, line, gh_exchange_http_status(exchange));
    if (failed) {
        tell_failed(relay, quiet, GH_RPC_LOCAL_ERROR,
                    "The server refused to open a session. Restart the client.");
    }
    gh_relay_pump(relay);
}

static void on_note_done(gh_relay_item *item, const gh_verdict *verdict)
{
    gh_relay *relay = item->relay;
    bool ready = item->role == GH_RELAY_INITIALIZED && verdict->kind == GH_VERDICT_ACCEPTED;

    if (verdict->kind != GH_VERDICT_ACCEPTED) {
        gh_log_warn("A %s could not be delivered: %s",
                    item->role == GH_RELAY_RESPONSE ? "response of the client" : "notification of the client",
                    verdict->error.message);
    }
    bool renewed = ready && item->internal;
    bool failed = !ready && item->role == GH_RELAY_INITIALIZED && item->quiet &&
                  item->generation == relay->generation && !relay->session_lost;

    gh_relay_drop(item);
    if (failed) {
        gh_relay_session_lose(relay);
    }
    if (ready) {
        gh_relay_session_ready(relay);
    }
    if (renewed) {
        gh_translator_session_renewed(relay->translator);
    }
}

static void on_done(void *context, gh_exchange *exchange, const gh_verdict *verdict)
{
    gh_relay_item *item = context;
    gh_relay *relay = item->relay;

    (void)exchange;
    item->http_status = verdict->http_status;
    if (!gh_relay_item_is_request(item)) {
        on_note_done(item, verdict);
    } else if (verdict->kind == GH_VERDICT_SESSION_LOST) {
        gh_relay_session_refused(item, verdict);
    } else {
        bool failed = carries_session(item);
        bool quiet = item->quiet;

        gh_relay_answer_error(item, verdict->code, verdict->error.message);
        if (failed) {
            tell_failed(relay, quiet, verdict->code, verdict->error.message);
        }
    }
    gh_relay_pump(relay);
}

static bool may_start(const gh_relay *relay, const gh_relay_item *item)
{
    switch (item->role) {
    case GH_RELAY_CALL:
        return item->endless || relay->calls < GH_RELAY_CALLS_MAX;
    case GH_RELAY_NOTE:
        return relay->notes == 0;
    default:
        return true;
    }
}

static void set_out(gh_relay *relay, gh_relay_item *item, gh_exchange *exchange)
{
    gh_relay_list_remove(&relay->queue, item);
    item->exchange = exchange;
    gh_relay_list_append(&relay->active, item);
    relay->calls += item->role == GH_RELAY_CALL && !item->endless ? 1 : 0;
    relay->notes += item->role == GH_RELAY_NOTE ? 1 : 0;
    if (item->role == GH_RELAY_INITIALIZE || item->role == GH_RELAY_INITIALIZED) {
        relay->barrier = item;
    }
    if (gh_relay_is_opening(item)) {
        gh_relay_session_watch(relay);
    }
}

static void give_up(gh_relay_item *item, gh_status status, const gh_error *error)
{
    const char *sentence =
        error->message[0] != '\0' ? error->message : "No memory is left to send this message.";
    gh_relay *relay = item->relay;
    bool failed = carries_session(item);
    bool quiet = item->quiet;

    if (gh_relay_item_is_request(item)) {
        gh_relay_answer_error(item, status == GH_ERR_INVALID ? GH_RPC_INVALID_REQUEST : GH_RPC_INTERNAL_ERROR,
                              sentence);
    } else {
        gh_log_warn("A message of the client could not be sent: %s", sentence);
        gh_relay_drop(item);
    }
    if (failed) {
        tell_failed(relay, quiet, GH_RPC_INTERNAL_ERROR, sentence);
    }
}

/* Nobody is asked to sign in for what no person brought about. */
static bool is_unattended(const gh_relay_item *item)
{
    const gh_relay *relay = item->relay;

    if (item->role == GH_RELAY_RESPONSE) {
        return relay->calls == 0; /* a server may ask at any time */
    }
    return item->quiet || (item->message.kind == GH_RPC_REQUEST &&
                           gh_translator_is_look(relay->translator, item->message.id));
}

static void start(gh_relay *relay, gh_relay_item *item)
{
    bool legacy = gh_era_of(relay->era, &item->message) != GH_MCP_ERA_MODERN;
    gh_exchange_request request = {
        .kind = GH_EXCHANGE_POST,
        .body = item->message.raw,
        .id = gh_relay_item_is_request(item) ? item->message.id : gh_view_make(NULL, 0),
        .in_session = legacy && gh_era_has_session(relay->era) && item->role != GH_RELAY_INITIALIZE,
        .opens_session = item->role == GH_RELAY_INITIALIZE,
        .repeatable = gh_era_is_repeatable(item->message.method),
        .resumable = legacy && gh_relay_item_is_request(item),
        .endless = item->endless,
        .unattended = is_unattended(item),
        .context = item,
        .on_message = on_message,
        .on_done = on_done,
    };
    gh_exchange *exchange = NULL;
    gh_error error = {0};
    gh_status status = gh_era_headers_for(relay->era, &item->message, &request.headers, &error);

    item->generation = relay->generation;
    if (status == GH_OK && !legacy) {
        status = gh_translator_headers(relay->translator, &item->message, &request.headers);
        if (status != GH_OK) {
            gh_era_headers_clear(&request.headers);
            (void)gh_error_set(&error, status, "The arguments of this call do not fit into HTTP headers.");
        }
    }
    if (status == GH_OK) {
        status = gh_remote_send(relay->remote, &request, &exchange);
    }
    if (status == GH_OK) {
        set_out(relay, item, exchange);
    } else {
        give_up(item, status, &error);
    }
}

/* True when a session has to be opened anew before this item can go. */
static bool needs_session(const gh_relay *relay, const gh_relay_item *item)
{
    return relay->session_lost && !item->modern && item->role != GH_RELAY_INITIALIZE &&
           item->role != GH_RELAY_INITIALIZED;
}

static void take_inbox(gh_relay *relay)
{
    while (relay->inbox.first != NULL) {
        gh_relay_item *item = relay->inbox.first;

        gh_relay_list_remove(&relay->inbox, item);
        gh_relay_take(item);
    }
}

static void on_tick(void *context)
{
    gh_relay *relay = context;

    relay->ticks = NULL;
    gh_translator_tick(relay->translator);
    gh_relay_pump(relay);
}

static void walk(gh_relay *relay)
{
    gh_relay_item *item = relay->queue.first;

    while (item != NULL && !relay->ending) {
        gh_relay_item *next = item->next;

        if ((relay->barrier != NULL || relay->settling != NULL) && item->role != GH_RELAY_RESPONSE) {
            break;
        }
        relay->emptied = false;
        if (needs_session(relay, item) && item->role == GH_RELAY_RESPONSE) {
            gh_log_debug("A response was left out: the session of its request is lost.");
            gh_relay_drop(item);
        } else if (needs_session(relay, item)) {
            gh_relay_session_reopen(relay);
            next = relay->queue.first;
        } else if (may_start(relay, item)) {
            start(relay, item);
        } else if (relay->calls >= GH_RELAY_CALLS_MAX && relay->notes > 0) {
            break;
        }
        item = relay->emptied ? relay->queue.first : next;
    }
}

void gh_relay_pump(gh_relay *relay)
{
    size_t count, bytes;

    do {
        take_inbox(relay);
        walk(relay);
    } while (relay->inbox.count > 0 && !relay->ending);
    count = relay->queue.count + gh_translator_held_count(relay->translator);
    bytes = relay->queue.bytes + gh_translator_held_bytes(relay->translator);
    gh_stdio_pause(relay->stdio,
                   count > QUEUE_MAX || bytes > 2 * (size_t)relay->settings->max_message || relay->ending);
    if (relay->ticks == NULL && !relay->ending && gh_translator_needs_tick(relay->translator) &&
        gh_loop_timer_add(relay->loop, TICK_MS, on_tick, relay, &relay->ticks) != GH_OK) {
        relay->ticks = NULL; /* what waits for time then waits for the next message */
    }
    gh_relay_end_if_idle(relay);
}

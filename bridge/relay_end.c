#include "bridge/relay_parts.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/rpc/mcp.h"

/* The session's DELETE: shorter after a wait, so that the end takes less than a second in all. */
#define FAREWELL_MS 300
#define FAREWELL_LATE_MS 120
#define LATE_MS 500
#define FLUSH_MS 250

static void stop(gh_relay *relay)
{
    gh_stdio_flush(relay->stdio, FLUSH_MS);
    gh_loop_stop(relay->loop, relay->broken ? 1 : relay->exit_code);
}

void gh_relay_break(void *context)
{
    gh_relay *relay = context;

    if (!relay->broken) {
        gh_log_error("A message was lost for lack of memory: the bridge ends.");
    }
    relay->broken = true;
    relay->ending = true;
    gh_loop_stop(relay->loop, 1);
}

static const char *reason_of(const gh_relay *relay, gh_relay_cause cause)
{
    if (relay->broken) {
        return "The bridge ends, for it has no memory left.";
    }
    return cause == GH_RELAY_INPUT_ENDED
               ? "The input ended before the server had answered. --eof-wait sets how long to wait for it."
               : "The bridge was told to stop before the server had answered.";
}

static void answer_open(gh_relay_item *item, gh_relay_cause cause)
{
    const gh_error *trouble = item->exchange != NULL ? gh_exchange_trouble(item->exchange) : NULL;
    gh_error error = {0};

    if (gh_remote_login_url(item->relay->remote) != NULL) {
        (void)gh_error_set(&error, GH_ERR_DENIED,
                           "Signing in was not completed. Run `%.100s login %s`, then try again.",
                           gh_bridge_program(item->relay->settings), gh_remote_name(item->relay->remote));
        gh_relay_answer_error(item, GH_RPC_LOCAL_AUTH_REQUIRED, error.message);
    } else if (trouble != NULL) {
        error = *trouble;
        gh_relay_answer_error(item, GH_RPC_LOCAL_ERROR, error.message);
    } else {
        gh_relay_answer_error(item, GH_RPC_LOCAL_SHUTDOWN, reason_of(item->relay, cause));
    }
}

static void answer_all(gh_relay_list *list, gh_relay_cause cause)
{
    while (list->first != NULL) {
        if (gh_relay_item_is_request(list->first)) {
            answer_open(list->first, cause);
        } else {
            gh_relay_drop(list->first);
        }
    }
}

static void answer_everything(gh_relay *relay, gh_relay_cause cause)
{
    do {
        while (relay->inbox.first != NULL) {
            gh_relay_item *item = relay->inbox.first;

            gh_relay_list_remove(&relay->inbox, item);
            gh_relay_list_append(&relay->queue, item);
        }
        answer_all(&relay->active, cause);
        answer_all(&relay->queue, cause);
    } while (relay->inbox.first != NULL);
    gh_translator_end(relay->translator, GH_RPC_LOCAL_SHUTDOWN, reason_of(relay, cause));
}

void gh_relay_end_broken(gh_relay *relay)
{
    if (relay->broken && relay->stdio != NULL && relay->translator != NULL) {
        answer_everything(relay, GH_RELAY_STOPPED);
        gh_stdio_flush(relay->stdio, FLUSH_MS);
    }
}

static void on_farewell_message(void *context, gh_exchange *exchange, const gh_rpc_message *message,
                                gh_view line, bool is_answer)
{
    (void)context;
    (void)exchange;
    (void)message;
    (void)line;
    (void)is_answer;
}

static void on_farewell_done(void *context, gh_exchange *exchange, const gh_verdict *verdict)
{
    gh_relay *relay = context;

    (void)exchange;
    relay->farewell = NULL;
    gh_log_debug("The session was deleted (HTTP %d).", verdict->http_status);
    stop(relay);
}

static void on_farewell_late(void *context)
{
    gh_relay *relay = context;

    relay->end_timer = NULL;
    gh_log_debug("The server did not confirm the end of the session in time.");
    stop(relay);
}

/* False when there is no session to delete. */
static bool say_farewell(gh_relay *relay, int64_t ms)
{
    gh_exchange_request request = {
        .kind = GH_EXCHANGE_DELETE,
        .in_session = true,
        .context = relay,
        .on_message = on_farewell_message,
        .on_done = on_farewell_done,
    };

    if (!gh_era_has_session(relay->era) ||
        gh_era_headers_for(relay->era, NULL, &request.headers, NULL) != GH_OK ||
        gh_remote_send(relay->remote, &request, &relay->farewell) != GH_OK) {
        return false;
    }
    return gh_loop_timer_add(relay->loop, ms, on_farewell_late, relay, &relay->end_timer) == GH_OK;
}

void gh_relay_end(gh_relay *relay, gh_relay_cause cause)
{
    int64_t waited = relay->ended ? relay->settings->eof_wait_ms : 0;

    if (relay->ending) {
        return;
    }
    relay->ending = true;
    gh_stdio_pause(relay->stdio, true);
    gh_loop_timer_remove(relay->end_timer);
    relay->end_timer = NULL;
    relay->exit_code = cause == GH_RELAY_UNREAD && !relay->ended ? 1 : 0;
    answer_everything(relay, cause);
    gh_exchange_cancel(relay->stream);
    relay->stream = NULL;
    if (!say_farewell(relay, waited > LATE_MS ? FAREWELL_LATE_MS : FAREWELL_MS)) {
        stop(relay);
    }
}

static bool is_idle(const gh_relay *relay)
{
    for (const gh_relay_item *item = relay->active.first; item != NULL; item = item->next) {
        if (!item->endless && !item->quiet) {
            return false;
        }
    }
    return relay->queue.count == 0 && relay->inbox.count == 0;
}

void gh_relay_end_if_idle(gh_relay *relay)
{
    if (relay->ended && !relay->ending && is_idle(relay)) {
        gh_relay_end(relay, GH_RELAY_INPUT_ENDED);
    }
}

static void on_waited(void *context)
{
    gh_relay *relay = context;

    relay->end_timer = NULL;
    gh_relay_end(relay, GH_RELAY_INPUT_ENDED);
}

void gh_relay_input_ended(void *context)
{
    gh_relay *relay = context;

    relay->ended = true;
    if (relay->ending) {
        return;
    }
    gh_translator_input_ended(relay->translator);
    if (gh_loop_timer_add(relay->loop, relay->settings->eof_wait_ms, on_waited, relay, &relay->end_timer) !=
        GH_OK) {
        gh_relay_end(relay, GH_RELAY_INPUT_ENDED);
        return;
    }
    gh_relay_pump(relay);
}

void gh_relay_output_closed(void *context)
{
    gh_relay *relay = context;

    gh_log_warn("Nobody reads the output any more.");
    gh_relay_end(relay, GH_RELAY_UNREAD);
}

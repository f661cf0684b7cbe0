#include <stdlib.h>
#include <string.h>

#include "bridge/relay_parts.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/json/slice.h"
#include "shared/rpc/mcp.h"

/* How often an `initialize` on its way is looked at, and how many looks a wait may take without a sign-in
 * page (a sibling process may be signing in) before it is answered ahead. */
#define LOOK_MS 250
#define LOOKS_MAX 2
/* How long calls wait for the server's own stream. */
#define SETTLE_MS 250
/* How soon a lost session is opened anew when nothing else asks for it, and how slowly in the end. */
#define REOPEN_FIRST_MS 250
#define REOPEN_LAST_MS 60000
/* Ids of the relay's own requests; they never reach the client. */
#define REOPEN_ID "\"gatehouse-bridge-initialize\""

/* The client's parameters, to open a session with them again. */
static void remember(gh_relay *relay, const gh_relay_item *initialize)
{
    if (!initialize->internal) {
        free(relay->initialize_params);
        relay->initialize_params = gh_view_dup(initialize->message.params);
    }
}

static gh_status queue_own(gh_relay *relay, const gh_buf *text, bool quiet)
{
    gh_relay_item *item = NULL;
    gh_status status = gh_relay_item_new(relay, gh_buf_view(text), &relay->limits, &item, NULL);

    if (status != GH_OK) {
        gh_relay_item_free(item);
        return status;
    }
    item->internal = true;
    item->quiet = quiet;
    gh_relay_list_prepend(&relay->queue, item);
    return GH_OK;
}

void gh_relay_session_opened(gh_relay_item *initialize, gh_view session_id, gh_view result)
{
    gh_relay *relay = initialize->relay;
    gh_buf text = GH_BUF_INIT(256);

    gh_exchange_cancel(relay->stream); /* of the session before */
    relay->stream = NULL;
    relay->session_lost = false;
    relay->opened_ms = gh_clock_mono_ms();
    relay->generation++;
    if (gh_era_open(relay->era, session_id, result) != GH_OK) {
        gh_log_warn("The server's session id is not of a legal form and is not used.");
    }
    if (relay->settings->transport == GH_BRIDGE_HTTP_FIRST) {
        gh_translator_note_sse(relay->translator, gh_remote_is_over_sse(relay->remote));
    }
    remember(relay, initialize);
    if (initialize->internal) {
        gh_log_info("A new session is open in place of the one that was lost.");
        if (gh_rpc_write_notification(&text, GH_MCP_INITIALIZED, gh_view_make(NULL, 0)) != GH_OK ||
            queue_own(relay, &text, initialize->quiet) != GH_OK) {
            gh_log_error("No memory is left to complete the new session.");
        }
    }
    gh_buf_free(&text);
}

/* Hosts give up on an opening that waits for a person. */
static void answer_ahead(gh_relay_item *item)
{
    gh_relay *relay = item->relay;

    if (!gh_translator_answer_ahead(relay->translator)) {
        return;
    }
    item->muted = true;
    if (item->role == GH_RELAY_INITIALIZE) {
        remember(relay, item);
        item->ahead = true;
        relay->lists_promised = true;
    }
}

bool gh_relay_is_opening(const gh_relay_item *item)
{
    return (item->role == GH_RELAY_INITIALIZE && !item->internal) ||
           (item->role == GH_RELAY_CALL && strcmp(item->message.method, GH_MCP_DISCOVER) == 0);
}

/* What the client waits for to be opened; NULL when there is none that is on its way. */
static gh_relay_item *opening_of(const gh_relay *relay)
{
    for (gh_relay_item *item = relay->active.first; item != NULL; item = item->next) {
        if (gh_relay_is_opening(item) && !item->muted) {
            return item;
        }
    }
    return NULL;
}

static void on_look(void *context)
{
    gh_relay *relay = context;
    gh_relay_item *item = opening_of(relay);

    relay->patience = NULL;
    if (item == NULL || relay->ended) {
        return;
    }
    if (gh_exchange_awaits_login(item->exchange) &&
        (gh_remote_login_url(relay->remote) != NULL || ++relay->looks >= LOOKS_MAX)) {
        answer_ahead(item);
        return;
    }
    gh_relay_session_watch(relay);
}

void gh_relay_session_watch(gh_relay *relay)
{
    if (relay->patience == NULL &&
        gh_loop_timer_add(relay->loop, LOOK_MS, on_look, relay, &relay->patience) != GH_OK) {
        relay->patience = NULL; /* then the client waits for the server */
    }
}

static void announce_lists(gh_relay *relay)
{
    static const char *const METHODS[] = {"notifications/tools/list_changed",
                                          "notifications/resources/list_changed",
                                          "notifications/prompts/list_changed"};

    for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++) {
        gh_buf line = GH_BUF_INIT(256);

        if (gh_rpc_write_notification(&line, METHODS[i], gh_view_make(NULL, 0)) == GH_OK) {
            gh_relay_hand_on(relay, NULL, gh_buf_view(&line), gh_view_make(NULL, 0));
        }
        gh_buf_free(&line);
    }
    relay->lists_promised = false;
}

static void settled(gh_relay *relay)
{
    if (relay->settling != NULL) {
        gh_loop_timer_remove(relay->settling);
        relay->settling = NULL;
        gh_relay_pump(relay);
    }
}

static void on_settled_late(void *context)
{
    gh_relay *relay = context;

    relay->settling = NULL;
    gh_relay_pump(relay);
}

static void on_stream_open(void *context, gh_exchange *exchange)
{
    gh_relay *relay = context;

    (void)exchange;
    relay->listened = true;
    settled(relay);
}

static void on_stream_message(void *context, gh_exchange *exchange, const gh_rpc_message *message,
                              gh_view line, bool is_answer)
{
    gh_relay *relay = context;

    (void)exchange;
    (void)is_answer;
    gh_relay_hand_on(relay, message, line, gh_view_make(NULL, 0));
    if (relay->inbox.count > 0) {
        gh_relay_pump(relay);
    }
}

/* The end of the stream shows it: Streamable HTTP forgot the session, or the old transport's stream was it.
 */
static bool shows_loss(const gh_relay *relay, const gh_exchange *exchange, const gh_verdict *verdict)
{
    return (verdict->kind == GH_VERDICT_SESSION_LOST && gh_exchange_is_open(exchange)) ||
           (verdict->kind == GH_VERDICT_CUT && gh_remote_is_over_sse(relay->remote));
}

/* What was said again in a session that is lost, too, will be said in the next one. */
static void drop_repeats(gh_relay_list *list)
{
    gh_relay_item *item = list->first;

    while (item != NULL) {
        gh_relay_item *next = item->next;

        if (item->quiet && item->role == GH_RELAY_CALL) {
            gh_relay_answer_error(item, GH_RPC_LOCAL_ERROR, "The server lost the session.");
        }
        item = next;
    }
}

static void lose_session(gh_relay *relay)
{
    relay->session_lost = true;
    gh_era_close(relay->era);
    gh_exchange_cancel(relay->stream);
    relay->stream = NULL;
    relay->emptied = true;
    drop_repeats(&relay->active);
    drop_repeats(&relay->queue);
}

void gh_relay_session_lose(gh_relay *relay)
{
    lose_session(relay);
    if (gh_clock_mono_ms() - relay->opened_ms > REOPEN_LAST_MS) {
        relay->reopen_ms = 0; /* one that lasted; others must not come and go at full speed */
    }
    gh_relay_session_reopen_later(relay);
}

static void on_stream_done(void *context, gh_exchange *exchange, const gh_verdict *verdict)
{
    gh_relay *relay = context;

    relay->stream = NULL;
    gh_log_debug("There is no stream for the server's own messages (HTTP %d).", verdict->http_status);
    if (!relay->session_lost && relay->initialize_params != NULL && shows_loss(relay, exchange, verdict)) {
        relay->listened = true;
        gh_relay_session_lose(relay);
    }
    settled(relay);
}

void gh_relay_session_ready(gh_relay *relay)
{
    gh_exchange_request request = {
        .kind = GH_EXCHANGE_LISTEN,
        .in_session = gh_era_has_session(relay->era),
        .context = relay,
        .on_message = on_stream_message,
        .on_open = on_stream_open,
        .on_done = on_stream_done,
    };

    if (relay->lists_promised) {
        announce_lists(relay);
    }
    if (relay->stream != NULL || relay->ended || relay->ending) {
        return;
    }
    if (gh_era_headers_for(relay->era, NULL, &request.headers, NULL) != GH_OK ||
        gh_remote_send(relay->remote, &request, &relay->stream) != GH_OK) {
        gh_log_warn("The stream for the server's own messages could not be opened.");
    } else if (!gh_exchange_is_open(relay->stream) && relay->settling == NULL &&
               gh_loop_timer_add(relay->loop, SETTLE_MS, on_settled_late, relay, &relay->settling) != GH_OK) {
        relay->settling = NULL; /* then they do not wait */
    }
}

/* Not sent again: the next session has it said anew. The stream, where there is one, knows better whether
 * this one is lost. */
static void repeat_refused(gh_relay_item *item, const gh_verdict *verdict)
{
    gh_relay *relay = item->relay;
    bool lost = item->generation == relay->generation && !relay->session_lost &&
                (relay->stream == NULL || !gh_exchange_is_open(relay->stream));

    gh_relay_answer_error(item, verdict->code, verdict->error.message);
    if (lost) {
        gh_relay_session_lose(relay);
    }
}

void gh_relay_session_refused(gh_relay_item *item, const gh_verdict *verdict)
{
    gh_relay *relay = item->relay;

    if (item->quiet && item->role == GH_RELAY_CALL) {
        repeat_refused(item, verdict);
        return;
    }
    if (relay->initialize_params == NULL || item->internal || item->role == GH_RELAY_INITIALIZE ||
        item->sessions_lost++ > 0) {
        gh_relay_answer_error(item, verdict->code, verdict->error.message);
        return;
    }
    gh_relay_list_remove(&relay->active, item);
    relay->calls -= item->endless ? 0 : 1;
    item->exchange = NULL; /* it ended with this verdict */
    gh_relay_list_prepend(&relay->queue, item);
    if (item->generation == relay->generation && !relay->session_lost) {
        lose_session(relay);
    }
}

static void reopen(gh_relay *relay, bool quiet)
{
    gh_buf text = GH_BUF_INIT((size_t)relay->settings->max_message + 1024);
    gh_status status = gh_rpc_write_request(&text, GH_VIEW_LIT(REOPEN_ID), GH_MCP_INITIALIZE,
                                            gh_view_of(relay->initialize_params));

    relay->session_lost = false; /* until this attempt fails */
    if (status == GH_OK) {
        status = queue_own(relay, &text, quiet);
    }
    gh_buf_free(&text);
    if (status != GH_OK) {
        gh_relay_session_failed(relay, GH_RPC_INTERNAL_ERROR,
                                "The server lost this session, and no memory is left to open a new one.");
    }
}

void gh_relay_session_reopen(gh_relay *relay)
{
    reopen(relay, false);
}

static void on_reopen(void *context)
{
    gh_relay *relay = context;

    relay->reopen_timer = NULL;
    /* A call of the client may have been quicker. */
    if (relay->session_lost && relay->barrier == NULL && !relay->ended && !relay->ending) {
        reopen(relay, true);
        gh_relay_pump(relay);
    }
}

void gh_relay_session_reopen_later(gh_relay *relay)
{
    int64_t ms = relay->reopen_ms == 0 ? REOPEN_FIRST_MS : relay->reopen_ms * 2;

    relay->session_lost = true;
    relay->reopen_ms = ms < REOPEN_LAST_MS ? ms : REOPEN_LAST_MS;
    if (relay->reopen_timer == NULL && !relay->ended && !relay->ending &&
        gh_loop_timer_add(relay->loop, relay->reopen_ms, on_reopen, relay, &relay->reopen_timer) != GH_OK) {
        relay->reopen_timer = NULL; /* then the next call opens it */
    }
}

void gh_relay_session_failed(gh_relay *relay, int code, const char *sentence)
{
    gh_relay_item *item;

    relay->session_lost = true;
    relay->emptied = true;
    while (relay->inbox.first != NULL) {
        item = relay->inbox.first;
        gh_relay_list_remove(&relay->inbox, item);
        gh_relay_take(item);
    }
    item = relay->queue.first;
    while (item != NULL) {
        gh_relay_item *next = item->next;

        if (!item->modern && item->role == GH_RELAY_CALL) {
            gh_relay_answer_error(item, code, sentence);
        } else if (!item->modern && item->role != GH_RELAY_INITIALIZE) {
            gh_log_warn("A message of the client was left out: %s", sentence);
            gh_relay_drop(item);
        }
        item = next;
    }
    if (relay->listened) {
        gh_relay_session_reopen_later(relay); /* the client may have nothing more to say */
    }
}

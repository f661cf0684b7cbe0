#include "bridge/relay.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/relay_parts.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"
#include "shared/rpc/mcp.h"

#define ERROR_TEXT_MAX (64 * 1024)

/* For what the translator has not seen. */
static void write_error(gh_relay *relay, gh_view id, int code, const char *sentence)
{
    gh_buf line = GH_BUF_INIT(ERROR_TEXT_MAX);

    if (gh_rpc_write_error(&line, id, code, gh_view_of(sentence), gh_view_make(NULL, 0)) == GH_OK) {
        gh_stdio_write_line(relay->stdio, gh_buf_view(&line));
    } else {
        gh_relay_break(relay);
    }
    gh_buf_free(&line);
}

static void from_server(gh_relay *relay, const gh_rpc_message *message, gh_view line,
                        const gh_translator_origin *origin)
{
    gh_rpc_message parsed = {0};

    if (gh_translator_is_idle(relay->translator)) {
        gh_stdio_write_line(relay->stdio, line);
    } else if (message != NULL) {
        gh_translator_from_server(relay->translator, message, line, origin);
    } else if (gh_rpc_parse(line, &relay->limits, &parsed, NULL) == GH_OK) {
        gh_translator_from_server(relay->translator, &parsed, line, origin);
    } else {
        gh_relay_break(relay);
    }
    gh_rpc_message_clear(&parsed);
}

void gh_relay_hand_on(gh_relay *relay, const gh_rpc_message *message, gh_view line, gh_view request)
{
    gh_translator_origin origin = {.request = request};

    from_server(relay, message, line, &origin);
}

/* Out of its list, and out of what counts against the caps. */
static void take_out(gh_relay_item *item)
{
    gh_relay *relay = item->relay;

    gh_relay_list_remove(item->exchange != NULL ? &relay->active : &relay->queue, item);
    if (item->exchange != NULL) {
        relay->calls -= item->role == GH_RELAY_CALL && !item->endless ? 1 : 0;
        relay->notes -= item->role == GH_RELAY_NOTE ? 1 : 0;
    }
    if (relay->barrier == item) {
        relay->barrier = NULL;
        gh_loop_timer_remove(relay->patience);
        relay->patience = NULL;
    }
}

void gh_relay_drop(gh_relay_item *item)
{
    take_out(item);
    if (!item->relay->ending) {
        gh_exchange_release(item->exchange);
        item->exchange = NULL;
    }
    gh_relay_item_free(item);
}

void gh_relay_answer(gh_relay_item *item, const gh_rpc_message *message, gh_view line, int http_status)
{
    gh_translator_origin origin = {
        .request = item->message.id, .is_answer = true, .http_status = http_status};

    if (!item->internal) {
        from_server(item->relay, message, line, &origin);
    }
    gh_relay_drop(item);
}

/* An answer of our own. `named`: with the request's id. */
static void answer_locally(gh_relay_item *item, int code, const char *sentence, gh_view data, bool named)
{
    gh_buf line = GH_BUF_INIT(ERROR_TEXT_MAX);
    gh_translator_origin origin = {
        .request = item->message.id, .is_answer = true, .http_status = item->http_status, .local = true};

    if (gh_rpc_write_error(&line, named ? item->message.id : gh_view_make(NULL, 0), code,
                           gh_view_of(sentence), data) == GH_OK) {
        from_server(item->relay, NULL, gh_buf_view(&line), &origin);
    } else {
        gh_relay_break(item->relay);
    }
    gh_buf_free(&line);
}

void gh_relay_answer_error(gh_relay_item *item, int code, const char *sentence)
{
    gh_buf data = GH_BUF_INIT(ERROR_TEXT_MAX / 2);
    const char *url = code == GH_RPC_LOCAL_AUTH_REQUIRED ? gh_remote_login_url(item->relay->remote) : NULL;

    if (url != NULL) {
        (void)gh_buf_append_cstr(&data, "{\"loginUrl\":");
        (void)gh_json_write_string(&data, gh_view_of(url));
        (void)gh_buf_append_char(&data, '}');
    }
    if (!item->internal) {
        answer_locally(item, code, sentence,
                       data.status == GH_OK ? gh_buf_view(&data) : gh_view_make(NULL, 0), true);
    }
    gh_buf_free(&data);
    gh_relay_drop(item);
}

static gh_relay_item *find(const gh_relay *relay, gh_view id)
{
    gh_relay_item *item = id.len > 0 ? gh_relay_list_find(&relay->active, id) : NULL;

    return item == NULL && id.len > 0 ? gh_relay_list_find(&relay->queue, id) : item;
}

/* Refuses what cannot be sent. The id of an open request is not named: its own reply is yet to come. */
static void refuse(gh_relay *relay, gh_relay_item *item, int code, const char *sentence)
{
    bool in_use =
        find(relay, item->message.id) != NULL || gh_translator_has_open(relay->translator, item->message.id);

    write_error(relay, in_use ? gh_view_make(NULL, 0) : item->message.id, code, sentence);
    gh_relay_item_free(item);
}

static void take_cancel(gh_relay *relay, gh_relay_item *note)
{
    gh_view id;
    gh_relay_item *item = NULL;

    if (note->message.params.len > 0 && gh_json_slice_member(note->message.params, "requestId", &id)) {
        item = find(relay, id);
    }
    if (item == NULL) {
        gh_log_debug("A cancellation came for a request that is not open.");
        gh_relay_item_free(note);
    } else if (item->role == GH_RELAY_INITIALIZE && item->exchange != NULL) {
        item->muted = true; /* what comes after it depends on it */
        gh_relay_item_free(note);
    } else if (item->exchange != NULL && !item->modern && gh_exchange_is_sent(item->exchange)) {
        gh_relay_drop(item);
        gh_relay_list_append(&relay->queue, note);
    } else {
        /* Not sent yet, or modern, where closing the stream is what cancels. */
        take_out(item);
        gh_relay_item_free(item);
        gh_relay_item_free(note);
    }
}

static void take_request(gh_relay *relay, gh_relay_item *item)
{
    if (find(relay, item->message.id) != NULL) {
        answer_locally(item, GH_RPC_INVALID_REQUEST,
                       "The id of this request is in use by another one that has not been answered yet.",
                       gh_view_make(NULL, 0), false);
        gh_relay_item_free(item);
        return;
    }
    gh_era_note(relay->era, &item->message);
    item->modern = gh_era_of(relay->era, &item->message) == GH_MCP_ERA_MODERN;
    item->endless = item->modern && strcmp(item->message.method, GH_MCP_SUBSCRIPTIONS_LISTEN) == 0;
    gh_relay_list_append(&relay->queue, item);
}

void gh_relay_take(gh_relay_item *item)
{
    gh_relay *relay = item->relay;

    switch (item->role) {
    case GH_RELAY_CALL:
    case GH_RELAY_INITIALIZE:
        take_request(relay, item);
        break;
    case GH_RELAY_NOTE:
        if (strcmp(item->message.method, GH_MCP_CANCELLED) == 0) {
            take_cancel(relay, item);
            break;
        }
        gh_relay_list_append(&relay->queue, item);
        break;
    case GH_RELAY_RESPONSE:
        /* A call may be waiting for it: it overtakes what is queued. */
        gh_relay_list_prepend(&relay->queue, item);
        break;
    case GH_RELAY_INITIALIZED:
        gh_relay_list_append(&relay->queue, item);
        break;
    }
}

/* Reading the id takes none. */
static void refuse_for_memory(gh_relay *relay, gh_view line)
{
    gh_rpc_message message = {0};

    if (gh_rpc_parse(line, &relay->limits, &message, NULL) == GH_OK && message.kind != GH_RPC_REQUEST) {
        gh_log_warn("A message of the client was left out for lack of memory.");
    } else if (find(relay, message.id) == NULL && !gh_translator_has_open(relay->translator, message.id)) {
        write_error(relay, message.id, GH_RPC_INTERNAL_ERROR, "No memory is left for this message.");
    }
    gh_rpc_message_clear(&message);
}

static void on_line(void *context, gh_view line)
{
    gh_relay *relay = context;
    gh_relay_item *item = NULL;
    gh_error error = {0};
    gh_status status;

    if (relay->ending) {
        return;
    }
    status = gh_relay_item_new(relay, line, &relay->limits, &item, &error);
    if (item == NULL || status == GH_ERR_NOMEM) {
        gh_relay_item_free(item);
        refuse_for_memory(relay, line);
    } else if (status != GH_OK) {
        refuse(relay, item, status == GH_ERR_INVALID ? GH_RPC_INVALID_REQUEST : GH_RPC_PARSE_ERROR,
               error.message);
    } else if (item->message.kind == GH_RPC_BATCH) {
        refuse(relay, item, GH_RPC_INVALID_REQUEST,
               "Batches are not supported: send each message on a line of its own.");
    } else {
        relay->line = item;
        gh_translator_from_client(relay->translator, &item->message);
        gh_relay_item_free(relay->line);
        relay->line = NULL;
    }
    gh_relay_pump(relay);
}

static void on_too_long(void *context)
{
    gh_relay *relay = context;
    gh_error error = {0};

    (void)gh_error_set(&error, GH_ERR_TOO_LARGE,
                       "A message of more than %lld bytes was left out. Raise --max-message to let it pass.",
                       (long long)relay->settings->max_message);
    if (!relay->ending) {
        write_error(relay, gh_view_make(NULL, 0), GH_RPC_PARSE_ERROR, error.message);
    }
}

gh_status gh_relay_new(gh_loop *loop, gh_remote *remote, const gh_bridge_settings *settings, int in, int out,
                       gh_relay **relay)
{
    size_t max = (size_t)settings->max_message;
    gh_relay *made = calloc(1, sizeof(*made));
    gh_stdio_options options = {
        .in = in,
        .out = out,
        .max_line = max,
        .max_unread = 4 * max + ERROR_TEXT_MAX,
        .context = made,
        .on_line = on_line,
        .on_too_long = on_too_long,
        .on_end = gh_relay_input_ended,
        .on_closed = gh_relay_output_closed,
        .on_lost = gh_relay_break,
    };
    gh_status status;

    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->loop = loop;
    made->remote = remote;
    made->settings = settings;
    made->limits =
        (gh_json_limits){.size = max, .depth = GH_JSON_DEPTH_MAX, .members = max, .object_members = max};
    status = gh_era_new(&made->era);
    if (status == GH_OK) {
        status = gh_relay_make_translator(made);
    }
    if (status == GH_OK) {
        status = gh_stdio_new(loop, &options, &made->stdio);
    }
    if (status != GH_OK) {
        gh_relay_free(made);
        return status;
    }
    *relay = made;
    return GH_OK;
}

static void free_items(gh_relay_list *list)
{
    while (list->first != NULL) {
        gh_relay_item *item = list->first;

        gh_relay_list_remove(list, item);
        gh_relay_item_free(item);
    }
}

void gh_relay_free(gh_relay *relay)
{
    if (relay == NULL) {
        return;
    }
    gh_relay_end_broken(relay);
    free_items(&relay->inbox);
    free_items(&relay->queue);
    free_items(&relay->active);
    gh_exchange_cancel(relay->stream);
    gh_exchange_cancel(relay->farewell);
    gh_loop_timer_remove(relay->end_timer);
    gh_loop_timer_remove(relay->patience);
    gh_loop_timer_remove(relay->ticks);
    gh_loop_timer_remove(relay->settling);
    gh_loop_timer_remove(relay->reopen_timer);
    gh_stdio_free(relay->stdio);
    gh_translator_free(relay->translator);
    gh_era_free(relay->era);
    free(relay->initialize_params);
    free(relay->memory_key);
    free(relay);
}

void gh_relay_shutdown(gh_relay *relay)
{
    if (relay->ending) {
        gh_loop_stop(relay->loop, relay->broken ? 1 : relay->exit_code);
    } else {
        gh_relay_end(relay, GH_RELAY_STOPPED);
    }
}

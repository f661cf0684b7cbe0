/* What a legacy client hears of changes, from the modern server's subscriptions/listen: one stream, which is
 * opened anew when the client subscribes to other resources. The new one is acknowledged before the old one
 * is closed, so that nothing is missed. */
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define URIS_MAX 1024
#define RETRY_FIRST_MS 1000
#define RETRY_LAST_MS 60000
#define ACKNOWLEDGED "notifications/subscriptions/acknowledged"

static void free_waiter(gh_waiter *waiter)
{
    free(waiter->client_id);
    free(waiter->uri);
    free(waiter);
}

/* Takes it out of the list. */
static void detach(gh_up *up, gh_waiter **at)
{
    *at = (*at)->next;
    up->waiter_count--;
}

static bool lists_uri(gh_view uris, const char *uri)
{
    gh_json_iter iter;
    gh_view item;

    if (gh_json_slice_type(uris) == GH_JSON_ARRAY && gh_json_iter_start(uris, &iter)) {
        while (gh_json_iter_next(&iter, NULL, &item)) {
            if (gh_json_slice_is(item, gh_view_of(uri))) {
                return true;
            }
        }
    }
    return false;
}

static void answer(gh_translator *translator, const gh_waiter *waiter, gh_view acknowledged, gh_view error)
{
    gh_buf line = GH_BUF_INIT(gh_translator_room(translator));

    if (error.len > 0) {
        (void)gh_buf_appendf(&line, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":", waiter->client_id);
        (void)gh_buf_append_view(&line, error);
        (void)gh_buf_append_char(&line, '}');
    } else if (waiter->uri != NULL && !lists_uri(acknowledged, waiter->uri)) {
        (void)gh_rpc_write_error(&line, gh_view_of(waiter->client_id), GH_RPC_INVALID_PARAMS,
                                 GH_VIEW_LIT("The server does not tell of changes of this resource."),
                                 gh_view_make(NULL, 0));
    } else {
        (void)gh_rpc_write_result(&line, gh_view_of(waiter->client_id), gh_view_make(NULL, 0));
    }
    gh_translator_say(translator, &line, true);
    gh_buf_free(&line);
}

/* Answers who waits for the listening that was just opened, and whom the next one will serve moves up; with a
 * raw `error`, all of them. */
static void answer_waiters(gh_translator *translator, gh_view acknowledged, gh_view error)
{
    gh_waiter **at = &translator->up.waiters;

    while (*at != NULL) {
        gh_waiter *waiter = *at;

        if (waiter->later && error.len == 0) {
            waiter->later = false;
            at = &waiter->next;
            continue;
        }
        detach(&translator->up, at);
        answer(translator, waiter, acknowledged, error);
        free_waiter(waiter);
    }
}

static void retry_later(gh_translator *translator)
{
    gh_up *up = &translator->up;

    up->retry_ms = up->retry_ms == 0 ? RETRY_FIRST_MS : up->retry_ms * 2;
    up->retry_ms = up->retry_ms < RETRY_LAST_MS ? up->retry_ms : RETRY_LAST_MS;
    up->retry_at = translator->ended ? 0 : gh_clock_mono_ms() + up->retry_ms;
}

/* The stream ended, or could not be opened. */
static void ended(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    gh_up *up = &translator->up;
    bool refused = arrival->message->kind == GH_RPC_ERROR &&
                   (gh_compose_error_code(arrival->message->error) == GH_RPC_METHOD_NOT_FOUND ||
                    arrival->origin.http_status / 100 == 4);

    if (up->opening != NULL && strcmp(up->opening, call->server_id) == 0) {
        free(up->opening);
        up->opening = NULL;
        answer_waiters(translator, gh_view_make(NULL, 0),
                       arrival->message->kind == GH_RPC_ERROR
                           ? arrival->message->error
                           : GH_VIEW_LIT("{\"code\":-31000,\"message\":\"The server ended the stream of "
                                         "changes before it had acknowledged it.\"}"));
        if (!refused) {
            retry_later(translator);
        }
    } else if (up->listening != NULL && strcmp(up->listening, call->server_id) == 0) {
        free(up->listening);
        up->listening = NULL;
        if (up->opening == NULL) {
            retry_later(translator);
        }
    }
    gh_call_free(call);
}

static void write_filter(const gh_up *up, gh_buf *filter)
{
    static const char *const NAMES[] = {"toolsListChanged", "promptsListChanged", "resourcesListChanged"};
    const bool wanted[] = {up->tools, up->prompts, up->resources};

    for (size_t i = 0; i < 3; i++) {
        if (wanted[i]) {
            gh_compose_name(filter, NAMES[i]);
            (void)gh_buf_append_cstr(filter, "true");
        }
    }
    for (size_t i = 0; i < up->uris.count; i++) {
        if (i == 0) {
            gh_compose_name(filter, "resourceSubscriptions");
        }
        (void)gh_buf_append_char(filter, i == 0 ? '[' : ',');
        (void)gh_json_write_string(filter, gh_view_of(up->uris.items[i]));
    }
    if (up->uris.count > 0) {
        (void)gh_buf_append_char(filter, ']');
    }
}

static void close_old(gh_translator *translator)
{
    gh_up *up = &translator->up;
    gh_call *call = up->listening != NULL ? gh_call_of_server(translator, gh_view_of(up->listening)) : NULL;

    if (call != NULL) {
        gh_translator_cancel(translator, up->listening);
        gh_call_remove(translator, call);
        gh_call_free(call);
    }
    free(up->listening);
    up->listening = NULL;
}

static void open_stream(gh_translator *translator, gh_view filter)
{
    gh_up *up = &translator->up;
    gh_buf members = GH_BUF_INIT(gh_translator_room(translator));
    gh_buf params = GH_BUF_INIT(gh_translator_room(translator));
    gh_call *call = NULL;

    (void)gh_buf_append_cstr(&members, "\"_meta\":{");
    gh_buf meta = GH_BUF_INIT(gh_translator_room(translator));
    (void)gh_up_meta(translator, &meta);
    (void)gh_buf_append_view(&members, gh_buf_view(&meta));
    (void)gh_buf_append_cstr(&members, "},\"notifications\":{");
    (void)gh_buf_append_view(&members, filter);
    (void)gh_buf_append_char(&members, '}');
    if (gh_buf_status(&members) == GH_OK &&
        gh_compose_object(&params, gh_view_make(NULL, 0), NULL, gh_buf_view(&members)) == GH_OK) {
        call = gh_call_own(translator, GH_MCP_SUBSCRIPTIONS_LISTEN, gh_buf_view(&params), ended);
    }
    up->opening = call != NULL ? gh_text_dup(call->server_id) : NULL;
    if (up->opening == NULL) {
        gh_log_warn("The stream of changes could not be opened for lack of memory.");
    }
    gh_buf_free(&meta);
    gh_buf_free(&members);
    gh_buf_free(&params);
}

void gh_up_listen(gh_translator *translator)
{
    gh_up *up = &translator->up;
    gh_buf filter = GH_BUF_INIT(gh_translator_room(translator));

    if (up->opening != NULL) {
        up->stale = true;
        return;
    }
    up->stale = false;
    up->retry_at = 0;
    write_filter(up, &filter);
    if (filter.len == 0) {
        close_old(translator);
        answer_waiters(translator, gh_view_make(NULL, 0), gh_view_make(NULL, 0));
    } else {
        open_stream(translator, gh_buf_view(&filter));
    }
    gh_buf_free(&filter);
}

static void acknowledged(gh_translator *translator, gh_view notifications)
{
    gh_up *up = &translator->up;

    close_old(translator);
    up->listening = up->opening;
    up->opening = NULL;
    up->retry_ms = 0;
    answer_waiters(translator, gh_compose_member(notifications, "resourceSubscriptions"),
                   gh_view_make(NULL, 0));
    if (up->stale) {
        gh_up_listen(translator);
    }
}

/* True when the message is about listening itself, or came on a stream that is not the current one. */
bool gh_up_listen_message(gh_translator *translator, const gh_arrival *arrival)
{
    gh_up *up = &translator->up;
    gh_view params = arrival->message->params;
    gh_view id = gh_compose_member(gh_compose_member(params, "_meta"), GH_MCP_META_SUBSCRIPTION_ID);

    if (strcmp(arrival->message->method, ACKNOWLEDGED) == 0) {
        if (up->opening != NULL && gh_rpc_id_equals(gh_view_of(up->opening), id)) {
            acknowledged(translator, gh_compose_member(params, "notifications"));
        }
        return true;
    }
    if (strcmp(arrival->message->method, GH_MCP_CANCELLED) == 0) {
        return true; /* the end of the stream says the same */
    }
    return id.len > 0 && up->listening != NULL && !gh_rpc_id_equals(gh_view_of(up->listening), id);
}

void gh_up_subscribe(gh_translator *translator, const gh_rpc_message *message, bool on)
{
    gh_up *up = &translator->up;
    gh_waiter *waiter = NULL;
    char *uri = NULL;

    if (!up->subscribe) {
        gh_translator_refuse(translator, message->id, GH_RPC_METHOD_NOT_FOUND,
                             "The server does not tell of changes of resources.");
        return;
    }
    if (gh_json_slice_string(gh_compose_member(message->params, "uri"), &uri) != GH_OK) {
        gh_translator_refuse(translator, message->id, GH_RPC_INVALID_PARAMS, "\"uri\" must be a string.");
        return;
    }
    waiter = up->waiter_count < GH_TRANSLATOR_WAITERS_MAX ? calloc(1, sizeof(*waiter)) : NULL;
    if (waiter != NULL) {
        waiter->client_id = gh_view_dup(message->id);
        waiter->later = up->opening != NULL;
        waiter->until = gh_clock_mono_ms() + GH_TRANSLATOR_WAITER_MS;
    }
    if (waiter == NULL || waiter->client_id == NULL ||
        (on && !gh_compose_set_add(&up->uris, uri, URIS_MAX))) {
        gh_translator_refuse(translator, message->id, GH_RPC_INTERNAL_ERROR,
                             "There are too many subscriptions.");
        if (waiter != NULL) {
            free_waiter(waiter);
        }
        free(uri);
        return;
    }
    if (on) {
        waiter->uri = uri;
    } else {
        (void)gh_compose_set_remove(&up->uris, uri);
        free(uri);
    }
    waiter->next = up->waiters;
    up->waiters = waiter;
    up->waiter_count++;
    gh_up_listen(translator);
}

bool gh_up_listen_awaits(const gh_translator *translator, gh_view client_id)
{
    for (const gh_waiter *waiter = translator->up.waiters; waiter != NULL; waiter = waiter->next) {
        if (gh_rpc_id_equals(gh_view_of(waiter->client_id), client_id)) {
            return true;
        }
    }
    return false;
}

bool gh_up_listen_cancel(gh_translator *translator, gh_view client_id)
{
    for (gh_waiter **at = &translator->up.waiters; *at != NULL; at = &(*at)->next) {
        gh_waiter *waiter = *at;

        if (gh_rpc_id_equals(gh_view_of(waiter->client_id), client_id)) {
            detach(&translator->up, at);
            free_waiter(waiter);
            return true;
        }
    }
    return false;
}

/* A server that never acknowledges must not leave a request without a reply. */
static void give_up_waiters(gh_translator *translator, int64_t now)
{
    gh_waiter **at = &translator->up.waiters;

    while (*at != NULL) {
        gh_waiter *waiter = *at;

        if (waiter->until > now) {
            at = &waiter->next;
            continue;
        }
        detach(&translator->up, at);
        gh_translator_refuse(translator, gh_view_of(waiter->client_id), GH_RPC_LOCAL_ERROR,
                             "The server did not acknowledge the subscription in time.");
        free_waiter(waiter);
    }
}

void gh_up_listen_tick(gh_translator *translator, int64_t now)
{
    give_up_waiters(translator, now);
    if (translator->up.retry_at > 0 && now >= translator->up.retry_at) {
        translator->up.retry_at = 0;
        gh_up_listen(translator);
    }
}

void gh_up_listen_clear(gh_translator *translator, int code, const char *sentence)
{
    while (translator->up.waiters != NULL) {
        gh_waiter *waiter = translator->up.waiters;

        detach(&translator->up, &translator->up.waiters);
        gh_translator_refuse(translator, gh_view_of(waiter->client_id), code, sentence);
        free_waiter(waiter);
    }
}

/* What a legacy server asks in the middle of a call, told to a modern client as an input-required result,
 * while the server's call stays open; the client's retry takes it over. */
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/core/random.h"
#include "shared/core/secret.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define TOKEN_BYTES 24
#define KEY_MAX 8192

void gh_down_refuse_server(gh_translator *translator, gh_view id, int code, const char *sentence)
{
    gh_buf line = GH_BUF_INIT(gh_translator_room(translator));

    (void)gh_rpc_write_error(&line, id, code, gh_view_of(sentence), gh_view_make(NULL, 0));
    gh_translator_say(translator, &line, false);
    gh_buf_free(&line);
}

static gh_view capabilities_of(const gh_call *call)
{
    return gh_compose_member(gh_compose_member(call->message.params, "_meta"),
                             GH_MCP_META_CLIENT_CAPABILITIES);
}

static bool can_be_asked(const gh_call *call, const gh_rpc_message *asks)
{
    return call->replied == gh_down_replied && call->server_id != NULL &&
           gh_translator_is_askable(call->message.method) &&
           gh_ask_is_supported(capabilities_of(call), asks->method, asks->params);
}

/* The call on whose stream it came; else the oldest that can be asked, one that waits for nothing first. */
static gh_call *target_of(gh_translator *translator, const gh_arrival *arrival)
{
    gh_call *call =
        arrival->origin.request.len > 0 ? gh_call_of_server(translator, arrival->origin.request) : NULL;
    gh_call *parked = NULL;

    if (call != NULL && call->replied == gh_down_replied && gh_translator_is_askable(call->message.method)) {
        return can_be_asked(call, arrival->message) ? call : NULL;
    }
    for (call = translator->calls; call != NULL; call = call->next) {
        if (can_be_asked(call, arrival->message)) {
            if (call->state == GH_CALL_SENT) {
                return call;
            }
            parked = parked == NULL ? call : parked;
        }
    }
    return parked;
}

static bool has_key(const gh_call *call, gh_view key)
{
    for (const gh_ask *ask = call->asks; ask != NULL; ask = ask->next) {
        if (gh_json_slice_same_string(gh_view_of(ask->key), key)) {
            return true;
        }
    }
    return false;
}

static bool is_asked(const gh_call *call, gh_view id)
{
    for (const gh_ask *ask = call->asks; ask != NULL; ask = ask->next) {
        if (gh_rpc_id_equals(gh_view_of(ask->id), id)) {
            return true;
        }
    }
    return false;
}

/* The server's id as the name of its question; where 1 and "1" are two ids, with spaces behind, until it is
 * the only one of that name in the call. */
static char *key_of(const gh_call *call, gh_view id)
{
    gh_buf name = GH_BUF_INIT(KEY_MAX);
    gh_buf key = GH_BUF_INIT(KEY_MAX);
    char *text = gh_compose_text(id);

    (void)gh_buf_append_cstr(&name, text != NULL ? text : "");
    for (size_t i = 0; text != NULL && i <= GH_ASKS_MAX; i++) {
        gh_buf_clear(&key);
        (void)gh_json_write_string(&key, gh_buf_view(&name));
        if (!has_key(call, gh_buf_view(&key))) {
            break;
        }
        (void)gh_buf_append_char(&name, ' ');
    }
    free(text);
    text = key.len > 0 ? gh_buf_steal(&key) : NULL;
    gh_buf_free(&name);
    gh_buf_free(&key);
    return text;
}

void gh_down_asked(gh_translator *translator, const gh_arrival *arrival)
{
    const gh_rpc_message *message = arrival->message;
    gh_call *call = target_of(translator, arrival);
    gh_ask *ask = NULL;

    if (call == NULL || translator->ended) {
        gh_down_refuse_server(translator, message->id, GH_RPC_METHOD_NOT_FOUND,
                              "The client cannot be asked this.");
        return;
    }
    if (is_asked(call, message->id)) {
        gh_log_warn("A request of the server was dropped: its id is in use by another one.");
        return;
    }
    if (gh_ask_count(call->asks) < GH_ASKS_MAX) {
        ask = gh_ask_new(message->method, message->params);
    }
    if (ask != NULL) {
        ask->id = gh_view_dup(message->id);
        ask->key = key_of(call, message->id);
    }
    if (ask == NULL || ask->id == NULL || ask->key == NULL) {
        gh_ask_free(ask);
        gh_down_refuse_server(translator, message->id, GH_RPC_INTERNAL_ERROR,
                              "No more questions can be asked now.");
        return;
    }
    gh_ask_append(&call->asks, ask);
    if (call->state == GH_CALL_SENT) {
        gh_call_remove(translator, call);
        gh_down_park(translator, call);
    }
}

static void write_result(const gh_call *call, gh_buf *result)
{
    (void)gh_buf_append_cstr(result, "{\"resultType\":\"input_required\",\"inputRequests\":");
    for (const gh_ask *ask = call->asks; ask != NULL; ask = ask->next) {
        (void)gh_buf_append_char(result, ask == call->asks ? '{' : ',');
        (void)gh_buf_append_cstr(result, ask->key);
        (void)gh_buf_append_cstr(result, ":{\"method\":");
        (void)gh_json_write_string(result, gh_view_of(ask->method));
        if (ask->params != NULL) {
            (void)gh_buf_append_cstr(result, ",\"params\":");
            (void)gh_compose_object(result, gh_view_of(ask->params), NULL, gh_view_make(NULL, 0));
        }
        (void)gh_buf_append_char(result, '}');
    }
    (void)gh_buf_append_cstr(result, "},\"requestState\":");
    (void)gh_json_write_string(result, gh_view_of(call->token));
    (void)gh_buf_append_char(result, '}');
}

static void drop(gh_translator *translator, gh_call *call)
{
    gh_call_remove(translator, call);
    if (call->server_id != NULL) {
        gh_translator_cancel(translator, call->server_id);
    }
    translator->down.parked--;
    gh_call_free(call);
}

static gh_call *oldest_parked(const gh_translator *translator)
{
    gh_call *oldest = NULL;

    for (gh_call *call = translator->calls; call != NULL; call = call->next) {
        if (call->state == GH_CALL_PARKED && (oldest == NULL || call->parked_at < oldest->parked_at)) {
            oldest = call;
        }
    }
    return oldest;
}

void gh_down_park(gh_translator *translator, gh_call *call)
{
    gh_buf result = GH_BUF_INIT(gh_translator_room(translator) * 2);
    gh_buf line = GH_BUF_INIT(gh_translator_room(translator) * 2);

    if (gh_random_token(TOKEN_BYTES, &call->token) == GH_OK) {
        write_result(call, &result);
        (void)gh_rpc_write_result(&line, gh_view_of(call->client_id), gh_buf_view(&result));
    }
    if (call->token == NULL || gh_buf_status(&line) != GH_OK || line.len == 0) {
        gh_translator_cancel(translator, call->server_id);
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR, "What the server asks could not be passed on.");
    } else {
        free(call->client_id);
        call->client_id = NULL;
        call->parked_at = gh_clock_mono_ms();
        translator->down.parked++;
        gh_call_add(translator, call, GH_CALL_PARKED);
        gh_translator_say(translator, &line, true);
        if (translator->down.parked > GH_TRANSLATOR_PARKED_MAX) {
            gh_log_warn("Too many calls wait for input: the oldest one is cancelled.");
            drop(translator, oldest_parked(translator));
        }
    }
    gh_buf_free(&result);
    gh_buf_free(&line);
}

void gh_down_drop_parked(gh_translator *translator, int64_t before)
{
    gh_call *call = translator->calls;

    while (call != NULL) {
        gh_call *next = call->next;

        if (call->state == GH_CALL_PARKED && call->parked_at < before) {
            drop(translator, call);
        }
        call = next;
    }
}

void gh_down_unasked(gh_translator *translator, gh_view server_request)
{
    for (gh_call *call = translator->calls; call != NULL; call = call->next) {
        for (gh_ask **at = call->text != NULL ? &call->asks : NULL; at != NULL && *at != NULL;
             at = &(*at)->next) {
            if (gh_rpc_id_equals(gh_view_of((*at)->id), server_request)) {
                gh_ask *ask = *at;

                *at = ask->next;
                gh_ask_free(ask);
                return;
            }
        }
    }
}

/* Hands the client's responses to the server; what it left out stays asked. */
static void respond(gh_translator *translator, gh_call *call, gh_view responses)
{
    gh_ask **at = &call->asks;

    while (*at != NULL) {
        gh_ask *ask = *at;
        char *key = NULL;
        gh_view value = gh_view_make(NULL, 0);
        gh_buf line = GH_BUF_INIT(gh_translator_room(translator));

        if (gh_json_slice_string(gh_view_of(ask->key), &key) == GH_OK) {
            value = gh_compose_member(responses, key);
        }
        free(key);
        if (value.len == 0) {
            at = &ask->next;
            continue;
        }
        (void)gh_rpc_write_result(&line, gh_view_of(ask->id), value);
        gh_translator_say(translator, &line, false);
        gh_buf_free(&line);
        *at = ask->next;
        gh_ask_free(ask);
    }
}

static bool is_same_request(const gh_call *call, const gh_rpc_message *message)
{
    static const char *const NAMES[] = {"name", "uri"};

    for (size_t i = 0; i < 2; i++) {
        gh_view a = gh_compose_member(call->message.params, NAMES[i]);
        gh_view b = gh_compose_member(message->params, NAMES[i]);

        if (a.len + b.len > 0 && !gh_json_slice_same_string(a, b)) {
            return false;
        }
    }
    return strcmp(call->message.method, message->method) == 0;
}

static gh_call *find_parked(const gh_translator *translator, gh_view state)
{
    for (gh_call *call = translator->calls; call != NULL; call = call->next) {
        if (call->state == GH_CALL_PARKED && gh_json_slice_is(state, gh_view_of(call->token))) {
            return call;
        }
    }
    return NULL;
}

void gh_down_retry(gh_translator *translator, const gh_rpc_message *message, gh_view state)
{
    gh_call *call = find_parked(translator, state);
    char *client_id = gh_view_dup(message->id);

    if (call == NULL || client_id == NULL || !is_same_request(call, message)) {
        free(client_id);
        gh_translator_refuse(translator, message->id, GH_RPC_INVALID_PARAMS,
                             "\"requestState\" is not that of a request that waits for input: it was "
                             "answered, given up, or is of another one. Send the request anew.");
        return;
    }
    gh_call_remove(translator, call);
    translator->down.parked--;
    gh_wipe_free(call->token);
    call->token = NULL;
    call->client_id = client_id;
    respond(translator, call, gh_compose_member(message->params, "inputResponses"));
    if (call->final != NULL) {
        char *final = call->final;

        call->final = NULL;
        gh_down_finish(translator, call, call->final_is_error, gh_view_of(final));
        free(final);
    } else if (call->asks != NULL) {
        gh_down_park(translator, call);
    } else {
        gh_call_add(translator, call, GH_CALL_SENT);
    }
}

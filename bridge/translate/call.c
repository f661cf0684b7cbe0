#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/core/log.h"
#include "shared/json/slice.h"

/* Beside what the message itself takes. */
#define EXTRA_MAX ((size_t)256 * 1024)

size_t gh_translator_room(const gh_translator *translator)
{
    return translator->options.max_message + EXTRA_MAX;
}

char *gh_translator_new_id(gh_translator *translator)
{
    gh_buf text = GH_BUF_INIT(64);

    (void)gh_buf_appendf(&text, "\"gatehouse-bridge-%llu\"", ++translator->last_id);
    return gh_buf_steal(&text);
}

static void free_asks(gh_ask *ask)
{
    while (ask != NULL) {
        gh_ask *next = ask->next;

        gh_ask_free(ask);
        ask = next;
    }
}

void gh_call_free(gh_call *call)
{
    if (call == NULL) {
        return;
    }
    gh_rpc_message_clear(&call->message);
    free_asks(call->asks);
    free(call->client_id);
    free(call->server_id);
    free(call->text);
    free(call->original);
    free(call->request_state);
    free(call->responses);
    free(call->token);
    free(call->final);
    free(call);
}

gh_call *gh_call_new(gh_translator *translator, const gh_rpc_message *message)
{
    gh_call *call = calloc(1, sizeof(*call));

    if (call == NULL) {
        return NULL;
    }
    call->client_id = gh_view_dup(message->id);
    call->text = gh_view_dup(message->raw);
    if (call->client_id == NULL || call->text == NULL ||
        gh_rpc_parse(gh_view_of(call->text), &translator->limits, &call->message, NULL) != GH_OK) {
        gh_call_free(call);
        return NULL;
    }
    return call;
}

void gh_call_add(gh_translator *translator, gh_call *call, gh_call_state state)
{
    call->state = state;
    call->next = NULL;
    *translator->calls_end = call;
    translator->calls_end = &call->next;
}

void gh_call_remove(gh_translator *translator, gh_call *call)
{
    for (gh_call **at = &translator->calls; *at != NULL; at = &(*at)->next) {
        if (*at == call) {
            *at = call->next;
            if (*at == NULL) {
                translator->calls_end = at;
            }
            call->next = NULL;
            return;
        }
    }
}

gh_call *gh_call_detach(gh_translator *translator, gh_call_state state)
{
    gh_call *first = NULL;
    gh_call **last = &first;
    gh_call **at = &translator->calls;

    while (*at != NULL) {
        gh_call *call = *at;

        if (call->state != state) {
            at = &call->next;
            continue;
        }
        *at = call->next;
        call->next = NULL;
        *last = call;
        last = &call->next;
    }
    translator->calls_end = at;
    return first;
}

gh_call *gh_call_of_server(const gh_translator *translator, gh_view id)
{
    for (gh_call *call = translator->calls; call != NULL; call = call->next) {
        if (call->server_id != NULL && gh_rpc_id_equals(gh_view_of(call->server_id), id)) {
            return call;
        }
    }
    return NULL;
}

gh_call *gh_call_of_client(const gh_translator *translator, gh_view id)
{
    for (gh_call *call = translator->calls; call != NULL; call = call->next) {
        if (call->client_id != NULL && !call->answered && gh_rpc_id_equals(gh_view_of(call->client_id), id)) {
            return call;
        }
    }
    return NULL;
}

bool gh_call_is_answered(const gh_translator *translator, gh_view id)
{
    for (const gh_call *call = translator->calls; call != NULL; call = call->next) {
        if (call->answered && call->client_id != NULL && gh_rpc_id_equals(gh_view_of(call->client_id), id)) {
            return true;
        }
    }
    return false;
}

void gh_translator_say(gh_translator *translator, const gh_buf *line, bool to_client)
{
    if (gh_buf_status(line) == GH_ERR_NOMEM) {
        gh_translator_lose(translator);
    } else if (gh_buf_status(line) != GH_OK) {
        gh_log_error("A message was lost: %s.", gh_status_text(line->status));
    } else if (to_client) {
        translator->options.to_client(translator->options.context, gh_buf_view(line));
    } else {
        translator->options.to_server(translator->options.context, gh_buf_view(line));
    }
}

void gh_translator_notify(gh_translator *translator, bool to_client, const char *method, gh_view params)
{
    gh_buf line = GH_BUF_INIT(gh_translator_room(translator));

    (void)gh_rpc_write_notification(&line, method, params);
    gh_translator_say(translator, &line, to_client);
    gh_buf_free(&line);
}

void gh_translator_refuse(gh_translator *translator, gh_view id, int code, const char *sentence)
{
    gh_buf line = GH_BUF_INIT(gh_translator_room(translator));

    (void)gh_rpc_write_error(&line, id, code, gh_view_of(sentence), gh_view_make(NULL, 0));
    gh_translator_say(translator, &line, true);
    gh_buf_free(&line);
}

void gh_translator_refuse_twin(gh_translator *translator)
{
    gh_translator_refuse(translator, gh_view_make(NULL, 0), GH_RPC_INVALID_REQUEST,
                         "The id of this request is in use by another one that has not been answered yet.");
}

void gh_translator_cancel(gh_translator *translator, const char *server_id)
{
    gh_buf params = GH_BUF_INIT(4096);

    (void)gh_buf_appendf(&params, "{\"requestId\":%s}", server_id);
    if (gh_buf_status(&params) == GH_OK) {
        gh_translator_notify(translator, false, GH_MCP_CANCELLED, gh_buf_view(&params));
    }
    gh_buf_free(&params);
}

void gh_call_answer(gh_translator *translator, gh_call *call, const char *kind, gh_view value)
{
    gh_buf line = GH_BUF_INIT(gh_translator_room(translator));

    if (call->client_id != NULL && !call->answered) {
        (void)gh_buf_appendf(&line, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"%s\":", call->client_id, kind);
        if (gh_json_slice_compact(value, &line) == GH_OK) {
            (void)gh_buf_append_char(&line, '}');
            gh_translator_say(translator, &line, true);
        } else {
            gh_translator_refuse(translator, gh_view_of(call->client_id), GH_RPC_INTERNAL_ERROR,
                                 "No memory is left for this reply.");
        }
    }
    gh_buf_free(&line);
    gh_call_free(call);
}

void gh_call_answer_original(gh_translator *translator, gh_call *call)
{
    char *original = call->original;

    call->original = NULL;
    gh_call_answer(translator, call, "error", gh_view_of(original));
    free(original);
}

void gh_call_fail(gh_translator *translator, gh_call *call, int code, const char *sentence)
{
    if (call->client_id != NULL && !call->answered) {
        gh_translator_refuse(translator, gh_view_of(call->client_id), code, sentence);
    }
    gh_call_free(call);
}

void gh_call_pass(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    bool error = arrival->message->kind == GH_RPC_ERROR;

    gh_call_answer(translator, call, error ? "error" : "result",
                   error ? arrival->message->error : arrival->message->result);
}

bool gh_call_send(gh_translator *translator, gh_call *call, const char *method, gh_view params)
{
    gh_buf line = GH_BUF_INIT(gh_translator_room(translator));
    bool sent = false;

    free(call->server_id);
    call->server_id = gh_translator_new_id(translator);
    if (call->server_id == NULL || params.len == 0 ||
        gh_rpc_write_request(&line, gh_view_of(call->server_id), method, params) != GH_OK) {
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR, "No memory is left to send this request.");
    } else {
        gh_call_add(translator, call, GH_CALL_SENT);
        gh_translator_say(translator, &line, false);
        sent = true;
    }
    gh_buf_free(&line);
    return sent;
}

gh_call *gh_call_own(gh_translator *translator, const char *method, gh_view params,
                     void (*replied)(gh_translator *, gh_call *, const gh_arrival *))
{
    gh_call *call = calloc(1, sizeof(*call));
    gh_buf line = GH_BUF_INIT(gh_translator_room(translator));

    if (call == NULL) {
        return NULL;
    }
    call->replied = replied;
    call->message.method = gh_text_dup(method);
    call->server_id = gh_translator_new_id(translator);
    if (call->message.method == NULL || call->server_id == NULL || params.len == 0 ||
        gh_rpc_write_request(&line, gh_view_of(call->server_id), method, params) != GH_OK) {
        gh_call_free(call);
        call = NULL;
    } else {
        gh_call_add(translator, call, GH_CALL_SENT);
        gh_translator_say(translator, &line, false);
    }
    gh_buf_free(&line);
    return call;
}

bool gh_translator_is_askable(const char *method)
{
    return method != NULL &&
           (strcmp(method, GH_MCP_TOOLS_CALL) == 0 || strcmp(method, GH_MCP_RESOURCES_READ) == 0 ||
            strcmp(method, GH_MCP_PROMPTS_GET) == 0);
}

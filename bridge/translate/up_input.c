/* What a modern server asks for in the middle of a call, put to a legacy client as requests, and the call
 * said again with the answers (2026-07-28, "Multi Round-Trip Requests"). */
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/core/log.h"
#include "shared/json/slice.h"

#define ROUNDS_MAX 16

static void clear_asks(gh_call *call)
{
    while (call->asks != NULL) {
        gh_ask *ask = call->asks;

        call->asks = ask->next;
        gh_ask_free(ask);
    }
}

/* With a URL to open, 2025-11-25 has an id, and 2026-07-28 none. */
static void write_params(gh_buf *out, const gh_ask *ask)
{
    gh_view params = gh_view_of(ask->params);
    gh_buf extra = GH_BUF_INIT(256);

    if (gh_json_slice_is(gh_compose_member(params, "mode"), GH_VIEW_LIT("url")) &&
        gh_compose_member(params, "elicitationId").len == 0) {
        (void)gh_buf_appendf(&extra, "\"elicitationId\":%s", ask->id);
    }
    (void)gh_compose_object(out, params, NULL, gh_buf_view(&extra));
    gh_buf_free(&extra);
}

static void put(gh_translator *translator, const gh_ask *ask)
{
    gh_buf params = GH_BUF_INIT(gh_translator_room(translator));
    gh_buf line = GH_BUF_INIT(gh_translator_room(translator));

    if (ask->params != NULL) {
        write_params(&params, ask);
    }
    (void)gh_rpc_write_request(&line, gh_view_of(ask->id), ask->method, gh_buf_view(&params));
    gh_translator_say(translator, &line, true);
    gh_buf_free(&params);
    gh_buf_free(&line);
}

/* Appends one of the server's questions to the call's. GH_ERR_UNSUPPORTED when the client cannot be asked and
 * nothing can be said in its place. */
static gh_status add(gh_translator *translator, gh_call *call, gh_view key, gh_view request)
{
    gh_view params = gh_compose_member(request, "params");
    char *method = NULL;
    gh_ask *ask = NULL;
    bool supported;
    gh_status status = GH_ERR_NOMEM;

    if (gh_json_slice_string(gh_compose_member(request, "method"), &method) != GH_OK) {
        return GH_ERR_UNSUPPORTED;
    }
    supported = gh_ask_is_supported(gh_view_of(translator->up.asked), method, params);
    if (!supported && strcmp(method, "elicitation/create") != 0) {
        status = GH_ERR_UNSUPPORTED;
        goto out;
    }
    ask = gh_ask_new(method, params);
    if (ask == NULL) {
        goto out;
    }
    ask->key = gh_view_dup(key);
    ask->id = gh_translator_new_id(translator);
    ask->response = supported ? NULL : gh_text_dup("{\"action\":\"decline\"}");
    if (ask->key == NULL || ask->id == NULL || (!supported && ask->response == NULL)) {
        goto out;
    }
    gh_ask_append(&call->asks, ask);
    ask = NULL;
    status = GH_OK;

out:
    gh_ask_free(ask);
    free(method);
    return status;
}

static bool is_open(const gh_call *call)
{
    for (const gh_ask *ask = call->asks; ask != NULL; ask = ask->next) {
        if (ask->response == NULL) {
            return true;
        }
    }
    return false;
}

/* The next round: the call with what the client said. */
static void go_on(gh_translator *translator, gh_call *call)
{
    gh_buf members = GH_BUF_INIT(gh_translator_room(translator));

    if (call->asks != NULL) {
        gh_compose_name(&members, "inputResponses");
        for (const gh_ask *ask = call->asks; ask != NULL; ask = ask->next) {
            (void)gh_buf_append_char(&members, ask == call->asks ? '{' : ',');
            (void)gh_buf_append_cstr(&members, ask->key);
            (void)gh_buf_append_char(&members, ':');
            (void)gh_buf_append_cstr(&members, ask->response);
        }
        (void)gh_buf_append_char(&members, '}');
    }
    if (call->request_state != NULL) {
        gh_compose_name(&members, "requestState");
        (void)gh_buf_append_cstr(&members, call->request_state);
    }
    clear_asks(call);
    free(call->responses);
    call->responses = members.len > 0 ? gh_buf_steal(&members) : gh_text_dup("");
    gh_buf_free(&members);
    if (call->responses == NULL) {
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR, "No memory is left for this call.");
    } else {
        gh_up_send(translator, call);
    }
}

static gh_status read_asks(gh_translator *translator, gh_call *call, gh_view requests)
{
    gh_json_iter iter;
    gh_view key, request;
    gh_status status = GH_OK;

    if (gh_json_slice_type(requests) != GH_JSON_OBJECT || !gh_json_iter_start(requests, &iter)) {
        return GH_OK;
    }
    while (status == GH_OK && gh_json_iter_next(&iter, &key, &request)) {
        status =
            gh_ask_count(call->asks) < GH_ASKS_MAX ? add(translator, call, key, request) : GH_ERR_TOO_LARGE;
    }
    return status;
}

void gh_up_ask(gh_translator *translator, gh_call *call, gh_view result)
{
    gh_view state = gh_compose_member(result, "requestState");
    gh_status status;

    clear_asks(call);
    free(call->request_state);
    call->request_state = state.len > 0 ? gh_view_dup(state) : NULL;
    status = state.len > 0 && call->request_state == NULL
                 ? GH_ERR_NOMEM
                 : read_asks(translator, call, gh_compose_member(result, "inputRequests"));
    if (status != GH_OK) {
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR,
                     status == GH_ERR_UNSUPPORTED
                         ? "The server asks for something that this client cannot give."
                         : "The server asks for more than this bridge passes on.");
    } else if (++call->rounds > ROUNDS_MAX) {
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR, "The server asks without end for more input.");
    } else if (!is_open(call)) {
        go_on(translator, call);
    } else if (translator->ended) {
        gh_call_fail(translator, call, GH_RPC_LOCAL_SHUTDOWN,
                     "The input ended before the client could answer what the server asks.");
    } else {
        free(call->server_id);
        call->server_id = NULL;
        gh_call_add(translator, call, GH_CALL_ASKING);
        for (const gh_ask *ask = call->asks; ask != NULL; ask = ask->next) {
            if (ask->response == NULL) {
                put(translator, ask);
            }
        }
    }
}

static gh_ask *find(const gh_translator *translator, gh_view id, gh_call **owner)
{
    for (gh_call *call = translator->calls; call != NULL; call = call->next) {
        for (gh_ask *ask = call->state == GH_CALL_ASKING ? call->asks : NULL; ask != NULL; ask = ask->next) {
            if (ask->response == NULL && gh_rpc_id_equals(gh_view_of(ask->id), id)) {
                *owner = call;
                return ask;
            }
        }
    }
    return NULL;
}

bool gh_up_take_response(gh_translator *translator, const gh_rpc_message *message)
{
    gh_call *call = NULL;
    gh_ask *ask = find(translator, message->id, &call);
    gh_buf text = GH_BUF_INIT(gh_translator_room(translator));

    if (ask == NULL) {
        return false;
    }
    if (message->kind == GH_RPC_RESULT) {
        if (gh_json_slice_compact(message->result, &text) != GH_OK) {
            gh_buf_free(&text);
        }
    } else if (strcmp(ask->method, "elicitation/create") == 0) {
        (void)gh_buf_append_cstr(&text, "{\"action\":\"cancel\"}");
    } else {
        ask->response = gh_text_dup("{}"); /* it is not asked any more */
        gh_call_remove(translator, call);
        gh_up_withdraw(translator, call);
        gh_call_answer(translator, call, "error", message->error);
        return true;
    }
    ask->response = gh_buf_steal(&text);
    gh_buf_free(&text);
    if (ask->response == NULL) {
        gh_call_remove(translator, call);
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR, "No memory is left for this call.");
    } else if (!is_open(call)) {
        gh_call_remove(translator, call);
        go_on(translator, call);
    }
    return true;
}

void gh_up_withdraw(gh_translator *translator, gh_call *call)
{
    for (const gh_ask *ask = call->asks; ask != NULL; ask = ask->next) {
        gh_buf params = GH_BUF_INIT(4096);

        if (ask->response == NULL) {
            (void)gh_buf_appendf(&params, "{\"requestId\":%s}", ask->id);
            gh_translator_notify(translator, true, GH_MCP_CANCELLED, gh_buf_view(&params));
        }
        gh_buf_free(&params);
    }
}

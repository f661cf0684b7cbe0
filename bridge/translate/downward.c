/* A modern client before a server that only speaks the legacy era: the session is the bridge's, and every
 * request goes into it without what the modern era puts into its `_meta`. */
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/core/log.h"
#include "shared/json/slice.h"

#define RESOURCE_NOT_FOUND (-32002)       /* 2025-11-25 and before */
#define URL_ELICITATION_REQUIRED (-32042) /* 2025-11-25 only */

static const char *const INPUT[] = {"inputResponses", "requestState", NULL};

static void request(gh_translator *translator, const gh_rpc_message *message);

static gh_view meta_of(const gh_rpc_message *message, const char *name)
{
    return gh_compose_member(gh_compose_member(message->params, "_meta"), name);
}

static void ignore(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    (void)translator;
    (void)arrival;
    gh_call_free(call);
}

/* The session is open, or known not to open: what waited for it goes on. */
static void go_on(gh_translator *translator)
{
    gh_call *call = gh_call_detach(translator, GH_CALL_DECIDING);

    while (call != NULL) {
        gh_call *next = call->next;

        call->next = NULL;
        if (!call->answered) {
            request(translator, &call->message);
        }
        gh_call_free(call);
        call = next;
    }
}

/* The server, remembered as legacy, is not (any more). */
static void start_over(gh_translator *translator)
{
    gh_call *call = gh_call_detach(translator, GH_CALL_DECIDING);

    gh_log_info("The server is not the one that it was last time: its era is looked for anew.");
    gh_translator_set_only(translator, GH_MCP_ERA_UNKNOWN, false);
    translator->holding = false;
    while (call != NULL) {
        gh_call *next = call->next;
        gh_call *again;

        gh_same_request(translator, &call->message, GH_MCP_ERA_MODERN);
        again = gh_call_of_client(translator, gh_view_of(call->client_id));
        if (again != NULL) {
            again->answered = call->answered;
        }
        gh_call_free(call);
        call = next;
    }
}

static void give_up(gh_translator *translator, gh_view error)
{
    gh_call *call = gh_call_detach(translator, GH_CALL_DECIDING);

    while (call != NULL) {
        gh_call *next = call->next;

        if (call->original != NULL) {
            gh_call_answer_original(translator, call);
        } else {
            gh_call_answer(translator, call, "error", error);
        }
        call = next;
    }
    gh_translator_fail_held(translator, error);
}

static void opened(gh_translator *translator, gh_call *own, const gh_arrival *arrival)
{
    const gh_rpc_message *message = arrival->message;
    gh_view result = message->result;

    gh_call_free(own);
    translator->down.opening = false;
    if (gh_compose_member(result, "protocolVersion").len > 0) {
        gh_translator_note_server(translator, gh_compose_member(result, "capabilities"),
                                  gh_compose_member(result, "serverInfo"),
                                  gh_compose_member(result, "instructions"));
        gh_translator_set_only(translator, GH_MCP_ERA_LEGACY, true);
        translator->down.open = true;
        translator->holding = false;
        gh_translator_notify(translator, false, GH_MCP_INITIALIZED, gh_view_make(NULL, 0));
        go_on(translator);
    } else if (translator->remembered && gh_decide_initialize(arrival) == GH_SHOWS_MODERN) {
        start_over(translator);
    } else if (gh_ahead_asks_to_sign_in(arrival) && gh_ahead_answer_looks(translator)) {
        translator->holding = false;
    } else if (message->kind == GH_RPC_ERROR) {
        give_up(translator, message->error);
    } else {
        give_up(translator, GH_VIEW_LIT("{\"code\":-31000,\"message\":\"The server opened no session.\"}"));
    }
}

/* False when nothing could be asked. */
static bool initialize(gh_translator *translator, const gh_rpc_message *message)
{
    gh_view info = meta_of(message, GH_MCP_META_CLIENT_INFO);
    gh_view capabilities = meta_of(message, GH_MCP_META_CLIENT_CAPABILITIES);
    gh_buf members = GH_BUF_INIT(gh_translator_room(translator));
    gh_buf params = GH_BUF_INIT(gh_translator_room(translator));
    bool asked = false;

    (void)gh_buf_append_cstr(&members,
                             "\"protocolVersion\":\"" GH_MCP_VERSION_2025_11 "\",\"capabilities\":");
    (void)gh_compose_object(&members, capabilities, NULL, gh_view_make(NULL, 0));
    gh_compose_name(&members, "clientInfo");
    (void)gh_compose_object(
        &members,
        info.len > 0 ? info
                     : GH_VIEW_LIT("{\"name\":\"gatehouse-bridge\",\"version\":\"" GATEHOUSE_VERSION "\"}"),
        NULL, gh_view_make(NULL, 0));
    if (gh_buf_status(&members) == GH_OK &&
        gh_compose_object(&params, gh_view_make(NULL, 0), NULL, gh_buf_view(&members)) == GH_OK) {
        asked = gh_call_own(translator, GH_MCP_INITIALIZE, gh_buf_view(&params), opened) != NULL;
    }
    gh_buf_free(&members);
    gh_buf_free(&params);
    return asked;
}

void gh_down_open(gh_translator *translator, gh_call *call)
{
    free(call->server_id);
    call->server_id = NULL;
    if (translator->down.open) {
        if (!call->answered) {
            request(translator, &call->message);
        }
        gh_call_free(call);
        return;
    }
    if (!translator->down.opening) {
        translator->down.opening = initialize(translator, &call->message);
        translator->holding = translator->down.opening;
    }
    if (translator->down.opening) {
        gh_call_add(translator, call, GH_CALL_DECIDING);
    } else {
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR, "No memory is left to open a session.");
    }
}

/* Before a call that wants log messages of another level than the session has. */
static void set_level(gh_translator *translator, const gh_rpc_message *message)
{
    gh_view level = meta_of(message, GH_MCP_META_LOG_LEVEL);
    gh_view logging = gh_compose_member(gh_view_of(translator->memory.capabilities), "logging");
    gh_buf params = GH_BUF_INIT(4096);

    if (gh_json_slice_type(level) != GH_JSON_STRING || logging.len == 0 ||
        (translator->down.level != NULL && gh_view_eq_cstr(level, translator->down.level))) {
        return;
    }
    free(translator->down.level);
    translator->down.level = gh_view_dup(level);
    (void)gh_buf_append_cstr(&params, "{\"level\":");
    (void)gh_buf_append_view(&params, level);
    (void)gh_buf_append_char(&params, '}');
    if (gh_buf_status(&params) == GH_OK) {
        (void)gh_call_own(translator, "logging/setLevel", gh_buf_view(&params), ignore);
    }
    gh_buf_free(&params);
}

static void call_on(gh_translator *translator, const gh_rpc_message *message)
{
    gh_buf params = GH_BUF_INIT(gh_translator_room(translator));
    gh_call *call = gh_call_new(translator, message);

    set_level(translator, message);
    if (call == NULL || gh_compose_params(&params, message->params, gh_view_make(NULL, 0), INPUT,
                                          gh_view_make(NULL, 0)) != GH_OK) {
        gh_call_free(call);
        gh_translator_refuse(translator, message->id, GH_RPC_INTERNAL_ERROR,
                             "No memory is left for this message.");
    } else {
        call->replied = gh_down_replied;
        call->wants_log = meta_of(message, GH_MCP_META_LOG_LEVEL).len > 0;
        (void)gh_call_send(translator, call, message->method, gh_buf_view(&params));
    }
    gh_buf_free(&params);
}

static void discover(gh_translator *translator, const gh_rpc_message *message)
{
    gh_buf result = GH_BUF_INIT(gh_translator_room(translator));
    gh_buf line = GH_BUF_INIT(gh_translator_room(translator));

    line.status = gh_ahead_discover(&translator->memory, &result);
    (void)gh_rpc_write_result(&line, message->id, gh_buf_view(&result));
    gh_translator_say(translator, &line, true);
    gh_buf_free(&result);
    gh_buf_free(&line);
}

/* The session is open. */
static void request(gh_translator *translator, const gh_rpc_message *message)
{
    gh_view state = gh_compose_member(message->params, "requestState");

    if (strcmp(message->method, GH_MCP_DISCOVER) == 0) {
        discover(translator, message);
    } else if (strcmp(message->method, GH_MCP_SUBSCRIPTIONS_LISTEN) == 0) {
        gh_down_listen(translator, message);
    } else if (gh_view_starts_with(gh_view_of(message->method), GH_VIEW_LIT("tasks/"))) {
        gh_translator_refuse(translator, message->id, GH_RPC_METHOD_NOT_FOUND,
                             "The server has no tasks of this version of the protocol.");
    } else if (state.len > 0) {
        gh_down_retry(translator, message, state);
    } else {
        call_on(translator, message);
    }
}

void gh_down_take(gh_translator *translator, const gh_rpc_message *message)
{
    gh_buf params = GH_BUF_INIT(gh_translator_room(translator));
    gh_call *call;

    if (message->kind != GH_RPC_REQUEST) {
        if (message->params.len > 0) {
            (void)gh_compose_params(&params, message->params, gh_view_make(NULL, 0), NULL,
                                    gh_view_make(NULL, 0));
        }
        if (translator->down.open && gh_buf_status(&params) == GH_OK &&
            strcmp(message->method, GH_MCP_CANCELLED) != 0) {
            gh_translator_notify(translator, false, message->method, gh_buf_view(&params));
        }
    } else if (gh_call_of_client(translator, message->id) != NULL) {
        gh_translator_refuse_twin(translator);
    } else if (translator->down.open) {
        request(translator, message);
    } else {
        call = gh_call_new(translator, message);
        if (call != NULL) {
            gh_down_open(translator, call);
        } else {
            gh_translator_refuse(translator, message->id, GH_RPC_INTERNAL_ERROR,
                                 "No memory is left for this message.");
        }
    }
    gh_buf_free(&params);
}

static bool is_cacheable(const char *method)
{
    static const char *const METHODS[] = {GH_MCP_TOOLS_LIST, GH_MCP_RESOURCES_READ, "resources/list",
                                          "resources/templates/list", "prompts/list"};

    for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++) {
        if (strcmp(method, METHODS[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A result as the modern era has it. */
gh_status gh_down_complete(const char *method, gh_view result, gh_buf *out)
{
    gh_buf extra = GH_BUF_INIT(256);
    gh_status status;

    if (gh_compose_member(result, "resultType").len == 0) {
        gh_compose_name(&extra, "resultType");
        (void)gh_buf_append_cstr(&extra, "\"complete\"");
    }
    if (is_cacheable(method) && gh_compose_member(result, "ttlMs").len == 0) {
        gh_compose_name(&extra, "ttlMs");
        (void)gh_buf_append_char(&extra, '0');
    }
    if (is_cacheable(method) && gh_compose_member(result, "cacheScope").len == 0) {
        gh_compose_name(&extra, "cacheScope");
        (void)gh_buf_append_cstr(&extra, "\"private\"");
    }
    status = gh_compose_object(out, result, NULL, gh_buf_view(&extra));
    gh_buf_free(&extra);
    return status;
}

static void finish_not_found(gh_translator *translator, gh_call *call, gh_view error)
{
    static const char *const CODE[] = {"code", NULL};
    static const char *const DATA[] = {"code", "data", NULL};
    gh_view uri = gh_compose_member(call->message.params, "uri");
    bool has_data = gh_compose_member(error, "data").len > 0;
    gh_buf extra = GH_BUF_INIT(gh_translator_room(translator));
    gh_buf composed = GH_BUF_INIT(gh_translator_room(translator));

    (void)gh_buf_append_cstr(&extra, "\"code\":-32602");
    if (uri.len > 0 && gh_compose_member(gh_compose_member(error, "data"), "uri").len == 0) {
        (void)gh_buf_append_cstr(&extra, ",\"data\":{\"uri\":");
        (void)gh_buf_append_view(&extra, uri);
        (void)gh_buf_append_char(&extra, '}');
        has_data = false;
    }
    (void)gh_compose_object(&composed, error, has_data ? CODE : DATA, gh_buf_view(&extra));
    gh_call_answer(translator, call, "error",
                   gh_buf_status(&composed) == GH_OK ? gh_buf_view(&composed) : error);
    gh_buf_free(&extra);
    gh_buf_free(&composed);
}

/* 2025-11-25 ended a call with a list of URLs to open first; to say it again is the client's part in both. */
static bool finish_with_urls(gh_translator *translator, gh_call *call, gh_view error)
{
    gh_view list = gh_compose_member(gh_compose_member(error, "data"), "elicitations");
    gh_buf requests = GH_BUF_INIT(gh_translator_room(translator));
    gh_json_iter iter;
    gh_view item;
    bool any = false;

    if (gh_json_slice_type(list) != GH_JSON_ARRAY || !gh_json_iter_start(list, &iter)) {
        return false;
    }
    (void)gh_buf_append_cstr(&requests, "{\"resultType\":\"input_required\",\"inputRequests\":{");
    while (gh_json_iter_next(&iter, NULL, &item)) {
        gh_view id = gh_compose_member(item, "elicitationId");

        if (gh_json_slice_type(id) == GH_JSON_STRING) {
            (void)gh_buf_append_cstr(&requests, any ? "," : "");
            (void)gh_buf_append_view(&requests, id);
            (void)gh_buf_append_cstr(&requests, ":{\"method\":\"elicitation/create\",\"params\":");
            (void)gh_compose_object(&requests, item, NULL, gh_view_make(NULL, 0));
            (void)gh_buf_append_char(&requests, '}');
            any = true;
        }
    }
    (void)gh_buf_append_cstr(&requests, "}}");
    any = any && gh_buf_status(&requests) == GH_OK;
    if (any) {
        gh_call_answer(translator, call, "result", gh_buf_view(&requests));
    }
    gh_buf_free(&requests);
    return any;
}

void gh_down_finish(gh_translator *translator, gh_call *call, bool error, gh_view value)
{
    gh_buf shown = GH_BUF_INIT(gh_translator_room(translator));
    gh_buf complete = GH_BUF_INIT(gh_translator_room(translator));
    long code = error ? gh_compose_error_code(value) : 0;

    if (error && code == RESOURCE_NOT_FOUND) {
        finish_not_found(translator, call, value);
    } else if (error) {
        if (code != URL_ELICITATION_REQUIRED || !gh_translator_is_askable(call->message.method) ||
            !finish_with_urls(translator, call, value)) {
            gh_call_answer(translator, call, "error", value);
        }
    } else {
        if (strcmp(call->message.method, GH_MCP_TOOLS_LIST) == 0) {
            value = gh_lists_result(translator, value, false, &shown);
        }
        (void)gh_down_complete(call->message.method, value, &complete);
        gh_call_answer(translator, call, "result",
                       gh_buf_status(&complete) == GH_OK ? gh_buf_view(&complete) : value);
    }
    gh_buf_free(&shown);
    gh_buf_free(&complete);
}

void gh_down_replied(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    bool error = arrival->message->kind == GH_RPC_ERROR;
    gh_view value = error ? arrival->message->error : arrival->message->result;

    if (call->token == NULL) {
        gh_down_finish(translator, call, error, value);
        return;
    }
    /* The client was told to come again: it gets this then. */
    free(call->server_id);
    call->server_id = NULL;
    call->final = gh_view_dup(value);
    call->final_is_error = error;
    gh_call_add(translator, call, GH_CALL_PARKED);
}

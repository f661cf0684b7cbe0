/* A legacy client before a server that only speaks the modern era: the session lives here, and every request
 * carries what the modern era wants in its `_meta`. */
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

static const char *const LEVELS[] = {"debug", "info",     "notice", "warning",
                                     "error", "critical", "alert",  "emergency"};

/* Raw members of `_meta`, without the log level, from the client's `initialize`. */
static char *meta_of(const gh_translator *translator, gh_view params, char **asked)
{
    static const char *const OTHERWISE[] = {"extensions", "tasks", NULL};
    gh_buf meta = GH_BUF_INIT(gh_translator_room(translator));
    gh_buf capabilities = GH_BUF_INIT(gh_translator_room(translator));
    gh_view info = gh_compose_member(params, "clientInfo");

    (void)gh_compose_object(&capabilities, gh_compose_member(params, "capabilities"), OTHERWISE,
                            gh_view_make(NULL, 0));
    (void)gh_buf_append_cstr(&meta, "\"" GH_MCP_META_VERSION "\":\"" GH_MCP_VERSION_MODERN
                                    "\",\"" GH_MCP_META_CLIENT_CAPABILITIES "\":");
    (void)gh_buf_append_view(&meta, gh_buf_view(&capabilities));
    if (gh_json_slice_type(info) == GH_JSON_OBJECT) {
        gh_compose_name(&meta, GH_MCP_META_CLIENT_INFO);
        (void)gh_compose_object(&meta, info, NULL, gh_view_make(NULL, 0));
    }
    *asked = gh_buf_steal(&capabilities);
    gh_buf_free(&capabilities);
    if (*asked == NULL) {
        gh_buf_free(&meta);
        return NULL;
    }
    char *text = gh_buf_steal(&meta);

    gh_buf_free(&meta);
    return text;
}

gh_status gh_up_meta(const gh_translator *translator, gh_buf *members)
{
    const gh_up *up = &translator->up;

    (void)gh_buf_append_cstr(members, up->meta != NULL ? up->meta
                                                       : "\"" GH_MCP_META_VERSION
                                                         "\":\"" GH_MCP_VERSION_MODERN
                                                         "\",\"" GH_MCP_META_CLIENT_CAPABILITIES "\":{}");
    if (up->level != NULL) {
        gh_compose_name(members, GH_MCP_META_LOG_LEVEL);
        (void)gh_json_write_string(members, gh_view_of(up->level));
    }
    return gh_buf_status(members);
}

/* Sends the call (which is gone when that fails) as `method` with its params, the modern `_meta` and the
 * members `extra`. */
static bool send(gh_translator *translator, gh_call *call, const char *method, gh_view params, gh_view extra)
{
    static const char *const NEW[] = {"inputResponses", "requestState", NULL};
    gh_buf meta = GH_BUF_INIT(gh_translator_room(translator));
    gh_buf composed = GH_BUF_INIT(gh_translator_room(translator) * 2);
    gh_status status = gh_up_meta(translator, &meta);

    if (status == GH_OK) {
        status = gh_compose_params(&composed, params, gh_buf_view(&meta), NEW, extra);
    }
    bool sent = gh_call_send(translator, call, method,
                             status == GH_OK ? gh_buf_view(&composed) : gh_view_make(NULL, 0));

    gh_buf_free(&meta);
    gh_buf_free(&composed);
    return sent;
}

void gh_up_send(gh_translator *translator, gh_call *call)
{
    if (!gh_lists_wait(translator, call)) {
        (void)send(translator, call, call->message.method, call->message.params, gh_view_of(call->responses));
    }
}

/* The server, remembered as modern, is not (any more): the client's own era is tried as at first contact. */
static void start_over(gh_translator *translator, gh_call *call)
{
    gh_call *again;

    gh_log_info("The server is not the one that it was last time: its era is looked for anew.");
    gh_translator_set_only(translator, GH_MCP_ERA_UNKNOWN, false);
    translator->holding = false;
    gh_same_request(translator, &call->message, GH_MCP_ERA_LEGACY);
    again = gh_call_of_client(translator, gh_view_of(call->client_id));
    if (again != NULL) {
        again->answered = call->answered;
    }
    gh_call_free(call);
}

static void note_offers(gh_translator *translator, gh_view capabilities)
{
    gh_up *up = &translator->up;
    gh_view resources = gh_compose_member(capabilities, "resources");
    gh_view tools = gh_compose_member(capabilities, "tools");
    gh_view prompts = gh_compose_member(capabilities, "prompts");

    up->tools = gh_view_eq_cstr(gh_compose_member(tools, "listChanged"), "true");
    up->prompts = gh_view_eq_cstr(gh_compose_member(prompts, "listChanged"), "true");
    up->resources = gh_view_eq_cstr(gh_compose_member(resources, "listChanged"), "true");
    up->subscribe = gh_view_eq_cstr(gh_compose_member(resources, "subscribe"), "true");
}

static void opened(gh_translator *translator, gh_call *call, gh_view result)
{
    bool modern_only = !gh_decide_lists(gh_compose_member(result, "supportedVersions"), GH_MCP_ERA_LEGACY);

    gh_translator_note_server(translator, gh_compose_member(result, "capabilities"),
                              gh_compose_member(gh_compose_member(result, "_meta"), GH_MCP_META_SERVER_INFO),
                              gh_compose_member(result, "instructions"));
    gh_translator_set_only(translator, GH_MCP_ERA_MODERN, modern_only);
    translator->modern_seen = true;
    translator->holding = false;
    note_offers(translator, gh_compose_member(result, "capabilities"));
    if (call->answered) {
        gh_ahead_announce_legacy(translator);
    } else {
        gh_ahead_answer(translator, call);
    }
    if (!call->answered) {
        gh_translator_refuse(translator, gh_view_of(call->client_id), GH_RPC_INTERNAL_ERROR,
                             "No memory is left for this reply.");
    }
    gh_call_free(call);
}

static void discovered(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    gh_judgement judgement = gh_decide_discover(arrival);
    gh_view error = arrival->message->error;

    if (judgement == GH_SHOWS_MODERN && arrival->message->kind == GH_RPC_RESULT) {
        opened(translator, call, arrival->message->result);
        return;
    }
    if (call->original == NULL && judgement == GH_SHOWS_LEGACY) {
        start_over(translator, call);
        return;
    }
    if (call->original != NULL) {
        error = gh_view_of(call->original);
    } else if (error.len == 0) {
        error = GH_VIEW_LIT("{\"code\":-31000,\"message\":\"The server does not say which versions of the "
                            "protocol it speaks.\"}");
    }
    gh_translator_fail_held(translator, error);
    if (call->original != NULL) {
        gh_call_answer_original(translator, call);
    } else {
        gh_call_answer(translator, call, "error", error);
    }
}

void gh_up_initialize(gh_translator *translator, gh_call *call)
{
    char *asked = NULL;
    char *meta = meta_of(translator, call->message.params, &asked);

    if (meta == NULL) {
        free(asked);
        translator->holding = false;
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR, "No memory is left for this message.");
        return;
    }
    free(translator->up.meta);
    free(translator->up.asked);
    translator->up.meta = meta;
    translator->up.asked = asked;
    translator->holding = true;
    call->replied = discovered;
    translator->holding =
        send(translator, call, GH_MCP_DISCOVER, gh_view_make(NULL, 0), gh_view_make(NULL, 0));
}

static void ping_replied(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    if (arrival->message->kind == GH_RPC_RESULT) {
        gh_call_answer(translator, call, "result", GH_VIEW_LIT("{}"));
    } else {
        gh_call_pass(translator, call, arrival);
    }
}

static void set_level(gh_translator *translator, const gh_rpc_message *message)
{
    gh_view asked = gh_compose_member(message->params, "level");
    gh_buf line = GH_BUF_INIT(4096);

    for (size_t i = 0; i < sizeof(LEVELS) / sizeof(LEVELS[0]); i++) {
        if (gh_json_slice_is(asked, gh_view_of(LEVELS[i]))) {
            free(translator->up.level);
            translator->up.level = gh_text_dup(LEVELS[i]);
            (void)gh_rpc_write_result(&line, message->id, gh_view_make(NULL, 0));
            gh_translator_say(translator, &line, true);
            gh_buf_free(&line);
            return;
        }
    }
    gh_translator_refuse(translator, message->id, GH_RPC_INVALID_PARAMS,
                         "The level must be one of debug, info, notice, warning, error, critical, alert and "
                         "emergency.");
}

static void take_request(gh_translator *translator, const gh_rpc_message *message)
{
    const char *method = message->method;
    bool ping = strcmp(method, GH_MCP_PING) == 0;
    gh_call *call;

    if (strcmp(method, "logging/setLevel") == 0) {
        set_level(translator, message);
        return;
    }
    if (strcmp(method, "resources/subscribe") == 0 || strcmp(method, "resources/unsubscribe") == 0) {
        gh_up_subscribe(translator, message, strcmp(method, "resources/subscribe") == 0);
        return;
    }
    call = gh_call_new(translator, message);
    if (call == NULL) {
        gh_translator_refuse(translator, message->id, GH_RPC_INTERNAL_ERROR,
                             "No memory is left for this message.");
    } else if (strcmp(method, GH_MCP_INITIALIZE) == 0) {
        gh_up_initialize(translator, call);
    } else if (ping) {
        call->replied = ping_replied;
        (void)send(translator, call, GH_MCP_DISCOVER, message->params, gh_view_make(NULL, 0));
    } else {
        call->replied = gh_up_replied;
        call->send = gh_up_send;
        gh_up_send(translator, call);
    }
}

void gh_up_take(gh_translator *translator, const gh_rpc_message *message)
{
    if (message->kind == GH_RPC_REQUEST && gh_translator_has_open(translator, message->id)) {
        gh_translator_refuse_twin(translator);
    } else if (message->kind == GH_RPC_REQUEST) {
        take_request(translator, message);
    } else if (strcmp(message->method, GH_MCP_INITIALIZED) == 0) {
        translator->up.initialized = true;
        gh_up_listen(translator);
    } else {
        /* The modern era has no notification of the client but the cancellation, which was seen to. */
        gh_log_debug("A %s of the client means nothing to this server.", message->method);
    }
}

/* A result as the legacy era has it. */
static void answer(gh_translator *translator, gh_call *call, gh_view result)
{
    static const char *const NEW[] = {"resultType", NULL};
    gh_buf plain = GH_BUF_INIT(gh_translator_room(translator));
    gh_buf shown = GH_BUF_INIT(gh_translator_room(translator));

    if (strcmp(call->message.method, GH_MCP_TOOLS_LIST) == 0) {
        result = gh_lists_result(translator, result, true, &shown);
    }
    if (gh_compose_object(&plain, result, NEW, gh_view_make(NULL, 0)) == GH_OK) {
        gh_call_answer(translator, call, "result", gh_buf_view(&plain));
    } else {
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR, "No memory is left for this reply.");
    }
    gh_buf_free(&plain);
    gh_buf_free(&shown);
}

void gh_up_replied(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    gh_view result = arrival->message->result;
    gh_view type = gh_compose_member(result, "resultType");

    if (arrival->message->kind != GH_RPC_RESULT) {
        if (!gh_lists_repeat(translator, call, arrival)) {
            gh_call_pass(translator, call, arrival);
        }
    } else if (type.len == 0 || gh_json_slice_is(type, GH_VIEW_LIT("complete"))) {
        answer(translator, call, result);
    } else if (gh_json_slice_is(type, GH_VIEW_LIT("input_required")) &&
               gh_translator_is_askable(call->message.method)) {
        gh_up_ask(translator, call, result);
    } else {
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR,
                     "The server answered with a kind of result that this client's version of the protocol "
                     "does not have.");
    }
}

void gh_up_message(gh_translator *translator, const gh_arrival *arrival)
{
    const gh_rpc_message *message = arrival->message;
    gh_buf params = GH_BUF_INIT(gh_translator_room(translator));

    if (message->kind != GH_RPC_NOTIFICATION) {
        gh_log_warn("A request of the server was dropped: servers of this version must not send any.");
    } else if (!gh_up_listen_message(translator, arrival)) {
        if (message->params.len > 0) {
            (void)gh_compose_params(&params, message->params, gh_view_make(NULL, 0), NULL,
                                    gh_view_make(NULL, 0));
        }
        if (gh_buf_status(&params) == GH_OK) {
            gh_translator_notify(translator, true, message->method, gh_buf_view(&params));
        }
    }
    gh_buf_free(&params);
}

/* Client and server of the same era, or of eras that are not known yet: lines go through as they are, and
 * what comes back is watched. */
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/core/log.h"

static void pass_line(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    if (!call->answered) {
        translator->options.to_client(translator->options.context, arrival->line);
    }
    gh_call_free(call);
}

static void send_text(gh_translator *translator, gh_call *call)
{
    free(call->server_id);
    call->server_id = gh_text_dup(call->client_id);
    if (call->server_id == NULL) {
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR, "No memory is left to send this request.");
        return;
    }
    gh_call_add(translator, call, GH_CALL_SENT);
    translator->options.to_server(translator->options.context, gh_view_of(call->text));
}

static void initialize_replied(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    gh_view result = arrival->message->result;

    if (!translator->options.legacy_only && gh_decide_initialize(arrival) == GH_SHOWS_MODERN) {
        call->original = gh_view_dup(arrival->message->error);
        gh_up_initialize(translator, call);
        return;
    }
    translator->holding = false;
    if (arrival->message->kind == GH_RPC_RESULT) {
        gh_session_clear(translator); /* of the session before */
        gh_translator_note_server(translator, gh_compose_member(result, "capabilities"),
                                  gh_compose_member(result, "serverInfo"),
                                  gh_compose_member(result, "instructions"));
    }
    pass_line(translator, call, arrival);
}

static void list_replied(gh_translator *translator, gh_call *call, const gh_arrival *arrival, bool modern)
{
    gh_buf shown = GH_BUF_INIT(gh_translator_room(translator));
    gh_view result = gh_lists_result(translator, arrival->message->result, modern, &shown);

    if (shown.len > 0) {
        gh_call_answer(translator, call, "result", result);
    } else {
        pass_line(translator, call, arrival);
    }
    gh_buf_free(&shown);
}

static void lasting_replied(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    if (arrival->message->kind == GH_RPC_RESULT) {
        gh_session_note(translator, &call->message);
    }
    pass_line(translator, call, arrival);
}

static void legacy_list_replied(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    if (arrival->message->kind == GH_RPC_RESULT) {
        list_replied(translator, call, arrival, false);
    } else {
        pass_line(translator, call, arrival);
    }
}

static void modern_replied(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    const char *method = call->message.method;
    gh_view result = arrival->message->result;
    bool discovery = strcmp(method, GH_MCP_DISCOVER) == 0;

    if (discovery && gh_ahead_asks_to_sign_in(arrival) && !call->answered) {
        gh_ahead_answer(translator, call);
    }
    if (discovery && arrival->message->kind == GH_RPC_RESULT) {
        gh_translator_note_server(
            translator, gh_compose_member(result, "capabilities"),
            gh_compose_member(gh_compose_member(result, "_meta"), GH_MCP_META_SERVER_INFO),
            gh_compose_member(result, "instructions"));
    }
    if (gh_lists_repeat(translator, call, arrival)) {
        return;
    }
    if (strcmp(method, GH_MCP_TOOLS_LIST) == 0 && arrival->message->kind == GH_RPC_RESULT) {
        list_replied(translator, call, arrival, true);
    } else {
        pass_line(translator, call, arrival);
    }
}

static void undecided_replied(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    bool discovery = strcmp(call->message.method, GH_MCP_DISCOVER) == 0;
    gh_judgement judgement = GH_SHOWS_NOTHING;

    if (!translator->modern_seen) {
        judgement = discovery ? gh_decide_discover(arrival) : gh_decide_request(arrival);
    }
    switch (judgement) {
    case GH_SHOWS_LEGACY:
        if (arrival->message->kind == GH_RPC_ERROR) {
            call->original = gh_view_dup(arrival->message->error);
        }
        gh_down_open(translator, call);
        break;
    case GH_SHOWS_DOUBT:
        gh_same_probe(translator, call, arrival);
        break;
    case GH_SHOWS_MODERN:
        translator->modern_seen = true;
        /* fall through */
    case GH_SHOWS_NOTHING:
        modern_replied(translator, call, arrival);
        break;
    }
}

static void settle(gh_translator *translator, gh_call *call, gh_judgement judgement,
                   const gh_arrival *arrival)
{
    if (judgement == GH_SHOWS_LEGACY) {
        gh_down_open(translator, call);
    } else if (call->original != NULL) {
        gh_call_answer_original(translator, call);
    } else if (judgement == GH_SHOWS_MODERN) {
        call->send(translator, call);
    } else {
        gh_call_pass(translator, call, arrival);
    }
}

static void probed(gh_translator *translator, gh_call *asked, const gh_arrival *arrival)
{
    gh_judgement judgement = gh_decide_discover(arrival);
    gh_call *call = gh_call_detach(translator, GH_CALL_DECIDING);

    gh_call_free(asked);
    translator->holding = false;
    translator->modern_seen = translator->modern_seen || judgement == GH_SHOWS_MODERN;
    while (call != NULL) {
        gh_call *next = call->next;

        settle(translator, call, judgement, arrival);
        call = next;
    }
}

/* False when nothing could be asked. */
static bool probe(gh_translator *translator, gh_view meta)
{
    gh_buf members = GH_BUF_INIT(gh_translator_room(translator));
    gh_buf params = GH_BUF_INIT(gh_translator_room(translator));
    bool asked = false;

    gh_compose_name(&members, "_meta");
    (void)gh_buf_append_view(&members, meta);
    if (gh_buf_status(&members) == GH_OK &&
        gh_compose_object(&params, gh_view_make(NULL, 0), NULL, gh_buf_view(&members)) == GH_OK) {
        translator->holding = true;
        asked = gh_call_own(translator, GH_MCP_DISCOVER, gh_buf_view(&params), probed) != NULL;
        translator->holding = asked;
    }
    gh_buf_free(&members);
    gh_buf_free(&params);
    return asked;
}

void gh_same_probe(gh_translator *translator, gh_call *call, const gh_arrival *arrival)
{
    if (arrival != NULL && arrival->message->kind == GH_RPC_ERROR) {
        free(call->original);
        call->original = gh_view_dup(arrival->message->error);
    }
    if (translator->holding || probe(translator, gh_compose_member(call->message.params, "_meta"))) {
        gh_call_add(translator, call, GH_CALL_DECIDING);
    } else {
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR, "No memory is left to ask the server.");
    }
}

static bool is_watched(const gh_translator *translator, const gh_rpc_message *message, gh_mcp_era era)
{
    bool list = strcmp(message->method, GH_MCP_TOOLS_LIST) == 0;

    if (era == GH_MCP_ERA_LEGACY) {
        return strcmp(message->method, GH_MCP_INITIALIZE) == 0 || gh_session_is_lasting(message->method) ||
               (list && gh_tools_has_patterns(translator->tools));
    }
    return !translator->modern_seen || list || strcmp(message->method, GH_MCP_TOOLS_CALL) == 0 ||
           strcmp(message->method, GH_MCP_DISCOVER) == 0;
}

static void (*replied_of(const char *method, gh_mcp_era era))(gh_translator *, gh_call *, const gh_arrival *)
{
    if (era == GH_MCP_ERA_MODERN) {
        return undecided_replied;
    }
    if (strcmp(method, GH_MCP_INITIALIZE) == 0) {
        return initialize_replied;
    }
    return strcmp(method, GH_MCP_TOOLS_LIST) == 0 ? legacy_list_replied : lasting_replied;
}

void gh_same_request(gh_translator *translator, const gh_rpc_message *message, gh_mcp_era era)
{
    bool opens = strcmp(message->method, GH_MCP_INITIALIZE) == 0;
    gh_call *call;

    if (gh_call_of_client(translator, message->id) != NULL) {
        gh_translator_refuse_twin(translator);
        return;
    }
    if (!is_watched(translator, message, era)) {
        translator->options.to_server(translator->options.context, message->raw);
        return;
    }
    call = gh_call_new(translator, message);
    if (call == NULL) {
        gh_translator_refuse(translator, message->id, GH_RPC_INTERNAL_ERROR,
                             "No memory is left for this message.");
        return;
    }
    call->replied = replied_of(message->method, era);
    call->send = send_text;
    if (era == GH_MCP_ERA_MODERN && gh_lists_wait(translator, call)) {
        return;
    }
    call->server_id = gh_text_dup(call->client_id);
    if (call->server_id == NULL) {
        gh_call_fail(translator, call, GH_RPC_INTERNAL_ERROR, "No memory is left for this message.");
        return;
    }
    gh_call_add(translator, call, GH_CALL_SENT);
    translator->holding = translator->holding || opens;
    translator->options.to_server(translator->options.context, message->raw);
}

void gh_same_notification(gh_translator *translator, const gh_arrival *arrival)
{
    const gh_rpc_message *message = arrival->message;

    translator->options.to_client(translator->options.context, arrival->line);
    if (translator->announce && message->kind == GH_RPC_NOTIFICATION &&
        strcmp(message->method, "notifications/subscriptions/acknowledged") == 0) {
        gh_ahead_announce_modern(translator, message->params);
        translator->announce = false;
    }
}

/* What a legacy server says of its own accord, to a modern client. */
#include <string.h>

#include "bridge/translate/parts.h"
#include "shared/core/log.h"

static bool ends_with(const char *method, const char *suffix)
{
    return gh_view_ends_with(gh_view_of(method), gh_view_of(suffix));
}

static void take_request(gh_translator *translator, const gh_arrival *arrival)
{
    const gh_rpc_message *message = arrival->message;
    gh_buf line = GH_BUF_INIT(8192);

    if (strcmp(message->method, GH_MCP_PING) == 0) {
        /* The bridge is this server's client: modern clients are sent no requests. */
        (void)gh_rpc_write_result(&line, message->id, gh_view_make(NULL, 0));
        gh_translator_say(translator, &line, false);
    } else if (strcmp(message->method, "elicitation/create") == 0 ||
               strcmp(message->method, "sampling/createMessage") == 0 ||
               strcmp(message->method, "roots/list") == 0) {
        gh_down_asked(translator, arrival);
    } else {
        gh_down_refuse_server(translator, message->id, GH_RPC_METHOD_NOT_FOUND,
                              "The client does not have this method.");
    }
    gh_buf_free(&line);
}

/* Log messages are for requests that asked for them. */
static bool wants_log(const gh_translator *translator, const gh_call *origin)
{
    if (origin != NULL) {
        return origin->wants_log;
    }
    for (const gh_call *call = translator->calls; call != NULL; call = call->next) {
        if (call->wants_log && call->client_id != NULL) {
            return true;
        }
    }
    return false;
}

static void take_notification(gh_translator *translator, const gh_arrival *arrival)
{
    const gh_rpc_message *message = arrival->message;
    const char *method = message->method;
    const gh_call *origin =
        arrival->origin.request.len > 0 ? gh_call_of_server(translator, arrival->origin.request) : NULL;

    if (strcmp(method, GH_MCP_CANCELLED) == 0) {
        gh_down_unasked(translator, gh_compose_member(message->params, "requestId"));
    } else if (ends_with(method, "/list_changed") || strcmp(method, "notifications/resources/updated") == 0) {
        gh_down_publish(translator, message);
    } else if (strcmp(method, "notifications/elicitation/complete") == 0 ||
               strcmp(method, "notifications/tasks/status") == 0 ||
               (origin != NULL && origin->state == GH_CALL_PARKED) ||
               (strcmp(method, "notifications/message") == 0 && !wants_log(translator, origin))) {
        gh_log_debug("A %s of the server means nothing to this client.", method);
    } else {
        translator->options.to_client(translator->options.context, arrival->line);
    }
}

void gh_down_message(gh_translator *translator, const gh_arrival *arrival)
{
    if (arrival->message->kind == GH_RPC_REQUEST) {
        take_request(translator, arrival);
    } else if (arrival->message->kind == GH_RPC_NOTIFICATION) {
        take_notification(translator, arrival);
    }
}

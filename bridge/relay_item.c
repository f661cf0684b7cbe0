#include "bridge/relay_item.h"

#include <stdlib.h>
#include <string.h>

#include "shared/rpc/mcp.h"

static gh_relay_role role_of(const gh_rpc_message *message)
{
    switch (message->kind) {
    case GH_RPC_REQUEST:
        return strcmp(message->method, GH_MCP_INITIALIZE) == 0 ? GH_RELAY_INITIALIZE : GH_RELAY_CALL;
    case GH_RPC_NOTIFICATION:
        return strcmp(message->method, GH_MCP_INITIALIZED) == 0 ? GH_RELAY_INITIALIZED : GH_RELAY_NOTE;
    default:
        return GH_RELAY_RESPONSE;
    }
}

gh_status gh_relay_item_new(gh_relay *relay, gh_view text, const gh_json_limits *limits, gh_relay_item **item,
                            gh_error *error)
{
    gh_relay_item *made = calloc(1, sizeof(*made));
    gh_view trimmed = gh_view_trim(text);
    gh_status status;

    *item = NULL;
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->relay = relay;
    made->text = malloc(trimmed.len + 1);
    if (made->text == NULL) {
        free(made);
        return GH_ERR_NOMEM;
    }
    memcpy(made->text, trimmed.ptr, trimmed.len);
    made->text[trimmed.len] = '\0';
    status = gh_rpc_parse(gh_view_make(made->text, trimmed.len), limits, &made->message, error);
    if (status == GH_OK) {
        made->role = role_of(&made->message);
    }
    *item = made;
    return status;
}

void gh_relay_item_free(gh_relay_item *item)
{
    if (item != NULL) {
        gh_exchange_cancel(item->exchange);
        gh_rpc_message_clear(&item->message);
        free(item->text);
        free(item);
    }
}

static void count_in(gh_relay_list *list, const gh_relay_item *item)
{
    list->count++;
    list->bytes += item->message.raw.len;
}

void gh_relay_list_append(gh_relay_list *list, gh_relay_item *item)
{
    item->next = NULL;
    item->previous = list->last;
    if (list->last != NULL) {
        list->last->next = item;
    } else {
        list->first = item;
    }
    list->last = item;
    count_in(list, item);
}

void gh_relay_list_prepend(gh_relay_list *list, gh_relay_item *item)
{
    item->previous = NULL;
    item->next = list->first;
    if (list->first != NULL) {
        list->first->previous = item;
    } else {
        list->last = item;
    }
    list->first = item;
    count_in(list, item);
}

void gh_relay_list_remove(gh_relay_list *list, gh_relay_item *item)
{
    if (item->previous != NULL) {
        item->previous->next = item->next;
    } else {
        list->first = item->next;
    }
    if (item->next != NULL) {
        item->next->previous = item->previous;
    } else {
        list->last = item->previous;
    }
    item->previous = NULL;
    item->next = NULL;
    list->count--;
    list->bytes -= item->message.raw.len;
}

gh_relay_item *gh_relay_list_find(const gh_relay_list *list, gh_view id)
{
    for (gh_relay_item *item = list->first; item != NULL; item = item->next) {
        if (gh_relay_item_is_request(item) && !item->internal && gh_rpc_id_equals(item->message.id, id)) {
            return item;
        }
    }
    return NULL;
}

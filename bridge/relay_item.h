/* Private to relay: one message of the client on its way, and lists of them. */
#ifndef GH_BRIDGE_RELAY_ITEM_H
#define GH_BRIDGE_RELAY_ITEM_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/relay.h"
#include "bridge/remote.h"
#include "shared/rpc/message.h"

typedef enum gh_relay_role {
    GH_RELAY_CALL,        /* any request */
    GH_RELAY_INITIALIZE,  /* the request that opens a legacy session */
    GH_RELAY_INITIALIZED, /* the notification that completes it */
    GH_RELAY_NOTE,        /* any other notification */
    GH_RELAY_RESPONSE     /* to a request of the server */
} gh_relay_role;

typedef struct gh_relay_item {
    struct gh_relay_item *previous, *next;
    gh_relay *relay;
    gh_relay_role role;
    char *text; /* owned; `message` borrows from it */
    gh_rpc_message message;
    gh_exchange *exchange; /* NULL while queued */
    bool modern;
    bool endless;        /* a subscription */
    bool internal;       /* the relay's own: its answer is for nobody else */
    bool quiet;          /* not the client's: nobody is asked to sign in for it, and nobody waits for it */
    bool ahead;          /* an `initialize` that was answered before the server did */
    bool muted;          /* cancelled, but it has to go on */
    int http_status;     /* of the response that it failed with */
    unsigned generation; /* of the session that it was sent in */
    int sessions_lost;
} gh_relay_item;

/* Copies and parses `text`. On GH_ERR_PARSE, GH_ERR_TOO_LARGE and GH_ERR_INVALID there is an item, too, with
 * what could be read of the id. */
GH_MUST_USE gh_status gh_relay_item_new(gh_relay *relay, gh_view text, const gh_json_limits *limits,
                                        gh_relay_item **item, gh_error *error);
void gh_relay_item_free(gh_relay_item *item); /* cancels its exchange; not in a list any more */

typedef struct gh_relay_list {
    gh_relay_item *first, *last;
    size_t count;
    size_t bytes;
} gh_relay_list;

void gh_relay_list_append(gh_relay_list *list, gh_relay_item *item);
void gh_relay_list_prepend(gh_relay_list *list, gh_relay_item *item);
void gh_relay_list_remove(gh_relay_list *list, gh_relay_item *item);
/* The request with this raw id that is the client's own. */
gh_relay_item *gh_relay_list_find(const gh_relay_list *list, gh_view id);

static inline bool gh_relay_item_is_request(const gh_relay_item *item)
{
    return item->role == GH_RELAY_CALL || item->role == GH_RELAY_INITIALIZE;
}

#endif

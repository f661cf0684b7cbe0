#include "server/mcp/hub.h"

#include <pthread.h>
#include <stdlib.h>

struct gh_mcp_hub {
    pthread_mutex_t lock;
    gh_mcp_listener *first;
};

gh_mcp_hub *gh_mcp_hub_new(void)
{
    gh_mcp_hub *hub = calloc(1, sizeof *hub);

    if (hub && pthread_mutex_init(&hub->lock, NULL) != 0) {
        free(hub);
        return NULL;
    }
    return hub;
}

void gh_mcp_hub_free(gh_mcp_hub *hub)
{
    if (hub) {
        (void)pthread_mutex_destroy(&hub->lock);
        free(hub);
    }
}

void gh_mcp_hub_add(gh_mcp_hub *hub, gh_mcp_listener *listener)
{
    (void)pthread_mutex_lock(&hub->lock);
    listener->previous = NULL;
    listener->next = hub->first;
    if (hub->first) {
        hub->first->previous = listener;
    }
    hub->first = listener;
    (void)pthread_mutex_unlock(&hub->lock);
}

void gh_mcp_hub_remove(gh_mcp_hub *hub, gh_mcp_listener *listener)
{
    (void)pthread_mutex_lock(&hub->lock);
    /* One that was never added, or was removed before, has no neighbours and is not the first. */
    if (listener->previous) {
        listener->previous->next = listener->next;
    } else if (hub->first == listener) {
        hub->first = listener->next;
    }
    if (listener->next) {
        listener->next->previous = listener->previous;
    }
    listener->next = NULL;
    listener->previous = NULL;
    (void)pthread_mutex_unlock(&hub->lock);
}

void gh_mcp_hub_announce(gh_mcp_hub *hub, gh_mcp_topic topic, gh_view subject, gh_view detail)
{
    (void)pthread_mutex_lock(&hub->lock);
    for (gh_mcp_listener *at = hub->first; at; at = at->next) {
        at->hear(at->context, topic, subject, detail);
    }
    (void)pthread_mutex_unlock(&hub->lock);
}

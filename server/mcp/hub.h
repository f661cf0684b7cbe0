/* The hub: from what changed to the streams that asked to hear of it. `subscriptions/listen` of 2026-07-28
 * and the sessions before it register here; announcements come from any thread and only put messages into
 * outboxes. Thread-safe. */
#ifndef GH_SERVER_MCP_HUB_H
#define GH_SERVER_MCP_HUB_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/status.h"
#include "shared/core/text.h"

typedef enum gh_mcp_topic {
    GH_MCP_TOPIC_TOOLS,     /* the list changed */
    GH_MCP_TOPIC_PROMPTS,   /* likewise */
    GH_MCP_TOPIC_RESOURCES, /* likewise, templates as well */
    GH_MCP_TOPIC_UPDATED,   /* one resource: its URI */
    GH_MCP_TOPIC_TASK       /* one task: its id */
} gh_mcp_topic;

typedef struct gh_mcp_hub gh_mcp_hub;

/* Who listens; owned by the caller, unchanged from add to remove. `hear` is called on the announcing thread
 * with the hub's lock held: it decides whether the topic is wanted, puts into an outbox, and does nothing
 * else. `subject` is the URI or task id, empty for lists; `detail` is the raw JSON of a task's state, else
 * empty. */
typedef struct gh_mcp_listener {
    struct gh_mcp_listener *next, *previous;
    void *context;
    void (*hear)(void *context, gh_mcp_topic topic, gh_view subject, gh_view detail);
} gh_mcp_listener;

gh_mcp_hub *gh_mcp_hub_new(void);
void gh_mcp_hub_free(gh_mcp_hub *hub); /* nobody may listen any more; NULL is fine */
void gh_mcp_hub_add(gh_mcp_hub *hub, gh_mcp_listener *listener);
/* When it returns, `hear` neither runs nor will. */
void gh_mcp_hub_remove(gh_mcp_hub *hub, gh_mcp_listener *listener);
void gh_mcp_hub_announce(gh_mcp_hub *hub, gh_mcp_topic topic, gh_view subject, gh_view detail);

#endif

#include <stdlib.h>

#include "server/store/store_memory.h"
#include "shared/core/clock.h"

void memory_drop_client(memory_store *memory, memory_client *client)
{
    gh_table_remove(&memory->clients, &client->entry);
    gh_client_clear(&client->client);
    free(client);
}

void memory_drop_flow(memory_store *memory, memory_flow *flow)
{
    gh_table_remove(&memory->flows, &flow->entry);
    gh_flow_clear(&flow->flow);
    free(flow);
}

static void mark_granted(memory_store *memory, int64_t now)
{
    for (gh_table_entry *entry = memory->clients.oldest; entry != NULL; entry = entry->newer) {
        ((memory_client *)entry)->granted = false;
    }
    for (gh_table_entry *entry = memory->grants.oldest; entry != NULL; entry = entry->newer) {
        const gh_grant *grant = &((const memory_grant *)entry)->grant;
        memory_client *client = (memory_client *)gh_table_find(&memory->clients, grant->client_id);
        if (client != NULL && grant->expires_at > now) {
            client->granted = true;
        }
    }
}

/* The idle client without a grant that was used the longest ago, or never; NULL. */
static memory_client *dispensable_client(const memory_store *memory, int64_t idle_since)
{
    memory_client *chosen = NULL;
    for (gh_table_entry *entry = memory->clients.oldest; entry != NULL; entry = entry->newer) {
        memory_client *client = (memory_client *)entry;
        if (!client->granted && client->seen_at <= idle_since &&
            (chosen == NULL || client->client.used_at < chosen->client.used_at)) {
            chosen = client;
        }
    }
    return chosen;
}

static gh_status make_room(memory_store *memory, size_t cap, int64_t idle_s)
{
    int64_t now = gh_clock_wall_s();
    if (memory->clients.count >= cap) {
        mark_granted(memory, now);
    }
    while (memory->clients.count >= cap) {
        memory_client *client = dispensable_client(memory, now - idle_s);
        if (client == NULL) {
            return GH_ERR_TOO_LARGE;
        }
        memory_drop_client(memory, client);
    }
    return GH_OK;
}

gh_status memory_client_add(gh_store *store, const gh_client *client, size_t cap, int64_t idle_s)
{
    memory_client *made = calloc(1, sizeof(*made));
    if (made == NULL || gh_client_copy(client, &made->client) != GH_OK) {
        free(made);
        return GH_ERR_NOMEM;
    }
    made->seen_at = client->created_at;
    memory_store *memory = memory_lock(store);
    gh_status status = GH_ERR_CONFLICT;
    if (gh_table_find(&memory->clients, client->id) == NULL) {
        status = make_room(memory, cap, idle_s);
    }
    if (status == GH_OK) {
        status = gh_table_add(&memory->clients, &made->entry, made->client.id);
    }
    memory_unlock(memory);
    if (status != GH_OK) {
        gh_client_clear(&made->client);
        free(made);
    }
    return status;
}

gh_status memory_client_get(gh_store *store, const char *id, gh_client *client)
{
    memory_store *memory = memory_lock(store);
    const memory_client *found = (const memory_client *)gh_table_find(&memory->clients, id);
    gh_status status = found == NULL ? GH_ERR_NOT_FOUND : gh_client_copy(&found->client, client);
    memory_unlock(memory);
    return status;
}

gh_status memory_flow_add(gh_store *store, const gh_flow *flow, size_t cap)
{
    memory_flow *made = calloc(1, sizeof(*made));
    if (made == NULL || gh_flow_copy(flow, &made->flow) != GH_OK) {
        free(made);
        return GH_ERR_NOMEM;
    }
    memory_store *memory = memory_lock(store);
    gh_status status = gh_table_add(&memory->flows, &made->entry, made->flow.id_hash);
    if (status == GH_OK) {
        while (memory->flows.count > cap && memory->flows.oldest != &made->entry) {
            memory_drop_flow(memory, (memory_flow *)memory->flows.oldest);
        }
        memory_client *client = (memory_client *)gh_table_find(&memory->clients, flow->client_id);
        if (client != NULL) {
            client->seen_at = gh_clock_wall_s();
        }
    }
    memory_unlock(memory);
    if (status != GH_OK) {
        gh_flow_clear(&made->flow);
        free(made);
    }
    return status;
}

static memory_flow *live_flow(const memory_store *memory, const char *id_hash)
{
    memory_flow *flow = (memory_flow *)gh_table_find(&memory->flows, id_hash);
    return flow != NULL && flow->flow.expires_at > gh_clock_wall_s() ? flow : NULL;
}

gh_status memory_flow_get(gh_store *store, const char *id_hash, gh_flow *flow)
{
    memory_store *memory = memory_lock(store);
    const memory_flow *found = live_flow(memory, id_hash);
    gh_status status = found == NULL ? GH_ERR_NOT_FOUND : gh_flow_copy(&found->flow, flow);
    memory_unlock(memory);
    return status;
}

gh_status memory_flow_identify(gh_store *store, const char *id_hash, const char *subject, const char *name,
                               const char *email)
{
    memory_store *memory = memory_lock(store);
    memory_flow *found = live_flow(memory, id_hash);
    gh_status status = found == NULL ? GH_ERR_NOT_FOUND : GH_OK;
    if (status == GH_OK) {
        status = gh_store_replace_text(&found->flow.subject, subject);
    }
    if (status == GH_OK) {
        status = gh_store_replace_text(&found->flow.name, name);
    }
    if (status == GH_OK) {
        status = gh_store_replace_text(&found->flow.email, email);
    }
    memory_unlock(memory);
    return status;
}

gh_status memory_flow_take(gh_store *store, const char *id_hash, gh_flow *flow)
{
    memory_store *memory = memory_lock(store);
    memory_flow *found = live_flow(memory, id_hash);
    gh_status status = found == NULL ? GH_ERR_NOT_FOUND : gh_flow_copy(&found->flow, flow);
    if (status == GH_OK) {
        memory_drop_flow(memory, found);
    }
    memory_unlock(memory);
    return status;
}

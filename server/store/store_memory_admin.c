#include <stdlib.h>
#include <string.h>

#include "server/store/store_memory.h"
#include "shared/core/clock.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static gh_status copy_grants(const memory_store *memory, size_t max, gh_grant *copies, size_t *count)
{
    int64_t now = gh_clock_wall_s();
    for (gh_table_entry *entry = memory->grants.newest; entry != NULL && *count < max; entry = entry->older) {
        const memory_grant *grant = (const memory_grant *)entry;
        if (grant->grant.expires_at > now) {
            gh_status status = gh_grant_copy(&grant->grant, &copies[*count]);
            if (status != GH_OK) {
                return status;
            }
            (*count)++;
        }
    }
    return GH_OK;
}

gh_status memory_grants(gh_store *store, size_t max, gh_grant **grants, size_t *count)
{
    memory_store *memory = memory_lock(store);
    size_t found = 0;
    gh_grant *copies = calloc(smaller(max, memory->grants.count) + 1, sizeof(*copies));
    gh_status status = copies == NULL ? GH_ERR_NOMEM : copy_grants(memory, max, copies, &found);
    memory_unlock(memory);
    if (status == GH_OK) {
        *grants = copies;
        *count = found;
        return GH_OK;
    }
    for (size_t i = 0; i < found; i++) {
        gh_grant_clear(&copies[i]);
    }
    free(copies);
    return status;
}

static gh_status copy_clients(const memory_store *memory, size_t max, gh_client *copies, size_t *count)
{
    for (gh_table_entry *entry = memory->clients.newest; entry != NULL && *count < max;
         entry = entry->older) {
        gh_status status = gh_client_copy(&((const memory_client *)entry)->client, &copies[*count]);
        if (status != GH_OK) {
            return status;
        }
        (*count)++;
    }
    return GH_OK;
}

gh_status memory_clients(gh_store *store, size_t max, gh_client **clients, size_t *count)
{
    memory_store *memory = memory_lock(store);
    size_t found = 0;
    gh_client *copies = calloc(smaller(max, memory->clients.count) + 1, sizeof(*copies));
    gh_status status = copies == NULL ? GH_ERR_NOMEM : copy_clients(memory, max, copies, &found);
    memory_unlock(memory);
    if (status == GH_OK) {
        *clients = copies;
        *count = found;
        return GH_OK;
    }
    for (size_t i = 0; i < found; i++) {
        gh_client_clear(&copies[i]);
    }
    free(copies);
    return status;
}

static size_t drop_grants_of(memory_store *memory, const char *client_id)
{
    size_t dropped = 0;
    for (gh_table_entry *entry = memory->grants.oldest; entry != NULL;) {
        memory_grant *grant = (memory_grant *)entry;
        entry = entry->newer;
        if (strcmp(grant->grant.client_id, client_id) == 0) {
            memory_drop_grant(memory, grant);
            dropped++;
        }
    }
    for (gh_table_entry *entry = memory->devices.oldest; entry != NULL;) {
        memory_device *device = (memory_device *)entry;
        entry = entry->newer;
        if (strcmp(device->device.client_id, client_id) == 0) {
            memory_drop_device(memory, device);
            dropped++;
        }
    }
    return dropped;
}

static void drop_logins_of(memory_store *memory, const char *client_id)
{
    for (gh_table_entry *entry = memory->flows.oldest; entry != NULL;) {
        memory_flow *flow = (memory_flow *)entry;
        entry = entry->newer;
        if (strcmp(flow->flow.client_id, client_id) == 0) {
            memory_drop_flow(memory, flow);
        }
    }
    for (gh_table_entry *entry = memory->codes.oldest; entry != NULL;) {
        memory_code *code = (memory_code *)entry;
        entry = entry->newer;
        if (strcmp(code->code.client_id, client_id) == 0) {
            memory_drop_code(memory, code);
        }
    }
}

gh_status memory_client_remove(gh_store *store, const char *id)
{
    memory_store *memory = memory_lock(store);
    memory_client *client = (memory_client *)gh_table_find(&memory->clients, id);
    size_t dropped = drop_grants_of(memory, id);
    drop_logins_of(memory, id);
    if (client != NULL) {
        memory_drop_client(memory, client);
        dropped++;
    }
    memory_unlock(memory);
    return dropped > 0 ? GH_OK : GH_ERR_NOT_FOUND;
}

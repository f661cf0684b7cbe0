#include <stdlib.h>
#include <string.h>

#include "server/store/store_memory.h"
#include "shared/core/clock.h"

static void free_device(memory_device *device)
{
    gh_device_clear(&device->device);
    free(device);
}

void memory_drop_device(memory_store *memory, memory_device *device)
{
    gh_table_remove(&memory->devices, &device->entry);
    gh_table_remove(&memory->user_codes, &device->user_code.entry);
    free_device(device);
}

static gh_status make_room(memory_store *memory, size_t cap)
{
    while (memory->devices.count >= cap) {
        gh_table_entry *entry = memory->devices.oldest;
        while (entry != NULL && ((const memory_device *)entry)->device.state == GH_DEVICE_APPROVED) {
            entry = entry->newer;
        }
        if (entry == NULL) {
            return GH_ERR_TOO_LARGE;
        }
        memory_drop_device(memory, (memory_device *)entry);
    }
    return GH_OK;
}

static gh_status link_device(memory_store *memory, memory_device *device, size_t cap)
{
    if (gh_table_find(&memory->devices, device->device.device_hash) != NULL ||
        gh_table_find(&memory->user_codes, device->device.user_code_hash) != NULL) {
        return GH_ERR_CONFLICT;
    }
    gh_status status = make_room(memory, cap);
    if (status == GH_OK) {
        status = gh_table_add(&memory->devices, &device->entry, device->device.device_hash);
    }
    if (status == GH_OK) {
        status = gh_table_add(&memory->user_codes, &device->user_code.entry, device->device.user_code_hash);
        if (status != GH_OK) {
            gh_table_remove(&memory->devices, &device->entry);
        }
    }
    return status;
}

gh_status memory_device_add(gh_store *store, const gh_device *device, size_t cap)
{
    memory_device *made = calloc(1, sizeof(*made));
    gh_device fresh = *device;
    fresh.state = GH_DEVICE_PENDING;
    fresh.grant_id = NULL;
    fresh.polled_at = 0;
    if (made == NULL || gh_device_copy(&fresh, &made->device) != GH_OK) {
        free(made);
        return GH_ERR_NOMEM;
    }
    made->user_code.device = made;
    memory_store *memory = memory_lock(store);
    gh_status status = link_device(memory, made, cap);
    memory_unlock(memory);
    if (status != GH_OK) {
        free_device(made);
    }
    return status;
}

static memory_device *live_by_user_code(const memory_store *memory, const char *hash)
{
    const memory_user_code *found = (const memory_user_code *)gh_table_find(&memory->user_codes, hash);
    return found != NULL && found->device->device.expires_at > gh_clock_wall_s() ? found->device : NULL;
}

gh_status memory_device_by_user_code(gh_store *store, const char *user_code_hash, gh_device *device)
{
    memory_store *memory = memory_lock(store);
    const memory_device *found = live_by_user_code(memory, user_code_hash);
    gh_status status = found == NULL ? GH_ERR_NOT_FOUND : gh_device_copy(&found->device, device);
    memory_unlock(memory);
    return status;
}

/* Takes over *grant on success. */
static gh_status approve(memory_store *memory, gh_device *device, memory_grant **grant)
{
    if (strcmp(device->client_id, (*grant)->grant.client_id) != 0) {
        return GH_ERR_INVALID;
    }
    char *id = gh_text_dup((*grant)->grant.id);
    if (id == NULL) {
        return GH_ERR_NOMEM;
    }
    gh_status status = memory_link_grant(memory, *grant);
    if (status != GH_OK) {
        free(id);
        return status;
    }
    *grant = NULL;
    device->grant_id = id;
    device->state = GH_DEVICE_APPROVED;
    return GH_OK;
}

gh_status memory_device_decide(gh_store *store, const char *user_code_hash, const gh_grant *grant)
{
    memory_grant *made = NULL;
    gh_status status = grant == NULL ? GH_OK : memory_new_grant(grant, &made);
    if (status != GH_OK) {
        return status;
    }
    memory_store *memory = memory_lock(store);
    memory_device *found = live_by_user_code(memory, user_code_hash);
    if (found == NULL || found->device.state != GH_DEVICE_PENDING) {
        status = GH_ERR_NOT_FOUND;
    } else if (made != NULL) {
        status = approve(memory, &found->device, &made);
    } else {
        found->device.state = GH_DEVICE_DENIED;
    }
    memory_unlock(memory);
    memory_free_grant(made);
    return status;
}

static gh_device_poll poll_pending(gh_device *device)
{
    int64_t now = gh_clock_wall_s();
    bool soon = device->polled_at != 0 && now - device->polled_at < device->interval_s;
    device->polled_at = now;
    if (soon) {
        device->interval_s += GH_STORE_INTERVAL_STEP_S;
    }
    return soon ? GH_DEVICE_POLL_SLOW_DOWN : GH_DEVICE_POLL_PENDING;
}

static gh_status answer_poll(memory_store *memory, memory_device *found, gh_device_poll *outcome,
                             gh_grant *grant)
{
    gh_status status = GH_OK;
    if (found->device.state == GH_DEVICE_PENDING) {
        *outcome = poll_pending(&found->device);
        return GH_OK;
    }
    *outcome = GH_DEVICE_POLL_DENIED;
    if (found->device.state == GH_DEVICE_APPROVED) {
        const memory_grant *made = memory_live_grant(memory, found->device.grant_id);
        *outcome = made == NULL ? GH_DEVICE_POLL_UNKNOWN : GH_DEVICE_POLL_GRANTED;
        status = made == NULL ? GH_OK : gh_grant_copy(&made->grant, grant);
    }
    if (status == GH_OK) {
        memory_drop_device(memory, found);
    }
    return status;
}

gh_status memory_device_poll(gh_store *store, const char *device_hash, const char *client_id,
                             gh_device_poll *outcome, gh_grant *grant)
{
    gh_status status = GH_OK;
    memory_store *memory = memory_lock(store);
    memory_device *found = (memory_device *)gh_table_find(&memory->devices, device_hash);
    if (found == NULL || found->device.expires_at <= gh_clock_wall_s() ||
        strcmp(found->device.client_id, client_id) != 0) {
        *outcome = GH_DEVICE_POLL_UNKNOWN;
    } else {
        status = answer_poll(memory, found, outcome, grant);
    }
    memory_unlock(memory);
    return status;
}

void memory_sweep_devices(memory_store *memory, int64_t now)
{
    size_t left = GH_STORE_SWEEP_MAX;
    for (gh_table_entry *entry = memory->devices.oldest; entry != NULL && left > 0;) {
        memory_device *device = (memory_device *)entry;
        entry = entry->newer;
        if (device->device.expires_at > now) {
            continue;
        }
        memory_grant *unused = device->device.grant_id == NULL
                                   ? NULL
                                   : (memory_grant *)gh_table_find(&memory->grants, device->device.grant_id);
        if (unused != NULL) {
            memory_drop_grant(memory, unused);
        }
        memory_drop_device(memory, device);
        left--;
    }
}

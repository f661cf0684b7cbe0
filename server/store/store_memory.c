#include "server/store/store_memory.h"

#include <stdlib.h>

#include "shared/core/clock.h"

memory_store *memory_lock(gh_store *store)
{
    memory_store *memory = (memory_store *)store;
    pthread_mutex_lock(&memory->lock);
    return memory;
}

void memory_unlock(memory_store *memory)
{
    pthread_mutex_unlock(&memory->lock);
}

static void memory_close(gh_store *store)
{
    memory_store *memory = (memory_store *)store;
    while (memory->clients.oldest != NULL) {
        memory_drop_client(memory, (memory_client *)memory->clients.oldest);
    }
    while (memory->flows.oldest != NULL) {
        memory_drop_flow(memory, (memory_flow *)memory->flows.oldest);
    }
    while (memory->codes.oldest != NULL) {
        memory_drop_code(memory, (memory_code *)memory->codes.oldest);
    }
    while (memory->grants.oldest != NULL) {
        memory_drop_grant(memory, (memory_grant *)memory->grants.oldest);
    }
    while (memory->upstream_logins.oldest != NULL) {
        memory_drop_upstream_login(memory, (memory_upstream_login *)memory->upstream_logins.oldest);
    }
    while (memory->devices.oldest != NULL) {
        memory_drop_device(memory, (memory_device *)memory->devices.oldest);
    }
    while (memory->leases.oldest != NULL) {
        memory_drop_lease(memory, (memory_lease *)memory->leases.oldest);
    }
    memory_free_keys(memory);
    gh_table_free(&memory->clients);
    gh_table_free(&memory->flows);
    gh_table_free(&memory->codes);
    gh_table_free(&memory->grants);
    gh_table_free(&memory->refresh);
    gh_table_free(&memory->upstream_logins);
    gh_table_free(&memory->devices);
    gh_table_free(&memory->user_codes);
    gh_table_free(&memory->leases);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

static gh_status memory_ping(gh_store *store, gh_error *error)
{
    (void)store;
    (void)error;
    return GH_OK;
}

static gh_status memory_sweep(gh_store *store)
{
    int64_t now = gh_clock_wall_s();
    memory_store *memory = memory_lock(store);
    gh_table_entry *entry = memory->flows.oldest;
    size_t left = GH_STORE_SWEEP_MAX;
    while (entry != NULL && left > 0) {
        memory_flow *flow = (memory_flow *)entry;
        entry = entry->newer;
        if (flow->flow.expires_at <= now) {
            memory_drop_flow(memory, flow);
            left--;
        }
    }
    memory_sweep_devices(memory, now);
    memory_sweep_grants(memory, now);
    memory_sweep_upstream(memory, now);
    memory_unlock(memory);
    return GH_OK;
}

static const gh_store_ops MEMORY_OPS = {
    .close = memory_close,
    .ping = memory_ping,
    .client_add = memory_client_add,
    .client_get = memory_client_get,
    .flow_add = memory_flow_add,
    .flow_get = memory_flow_get,
    .flow_identify = memory_flow_identify,
    .flow_take = memory_flow_take,
    .grant_add = memory_grant_add,
    .code_take = memory_code_take,
    .grant_get = memory_grant_get,
    .grant_alive = memory_grant_alive,
    .grant_revoke = memory_grant_revoke,
    .refresh_add = memory_refresh_add,
    .refresh_rotate = memory_refresh_rotate,
    .refresh_find = memory_refresh_find,
    .keys = memory_keys,
    .key_add = memory_key_add,
    .secret = memory_secret_get,
    .upstream_login_add = memory_upstream_login_add,
    .upstream_login_take = memory_upstream_login_take,
    .upstream_tokens_get = memory_upstream_tokens_get,
    .upstream_tokens_put = memory_upstream_tokens_put,
    .lease_take = memory_lease_take,
    .lease_drop = memory_lease_drop,
    .device_add = memory_device_add,
    .device_by_user_code = memory_device_by_user_code,
    .device_decide = memory_device_decide,
    .device_poll = memory_device_poll,
    .grants = memory_grants,
    .clients = memory_clients,
    .client_remove = memory_client_remove,
    .key_rotate = memory_key_rotate,
    .keys_version = memory_keys_version,
    .pin = memory_pin_check,
    .sweep = memory_sweep,
};

static gh_status init_tables(memory_store *memory)
{
    const struct {
        gh_table *table;
        size_t max;
    } tables[] = {
        {&memory->clients, MEMORY_CLIENTS_MAX}, {&memory->flows, MEMORY_FLOWS_MAX},
        {&memory->grants, MEMORY_GRANTS_MAX},   {&memory->codes, MEMORY_CODES_MAX},
        {&memory->refresh, MEMORY_REFRESH_MAX}, {&memory->upstream_logins, MEMORY_UPSTREAM_LOGINS_MAX},
        {&memory->devices, MEMORY_DEVICES_MAX}, {&memory->user_codes, MEMORY_DEVICES_MAX},
        {&memory->leases, MEMORY_LEASES_MAX}};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        gh_status status = gh_table_init(tables[i].table, tables[i].max);
        if (status != GH_OK) {
            return status;
        }
    }
    return GH_OK;
}

gh_status gh_store_memory_open(gh_store **store, gh_error *error)
{
    memory_store *memory = calloc(1, sizeof(*memory));
    if (memory == NULL || pthread_mutex_init(&memory->lock, NULL) != 0) {
        free(memory);
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory while opening the store.");
    }
    memory->base.ops = &MEMORY_OPS;
    if (init_tables(memory) != GH_OK) {
        memory_close(&memory->base);
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory while opening the store.");
    }
    *store = &memory->base;
    return GH_OK;
}

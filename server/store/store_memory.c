#include "server/store/store_memory.h"

#include <stdlib.h>
#include <string.h>

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
    for (size_t i = 0; i < memory->key_count; i++) {
        gh_stored_key_clear(&memory->keys[i]);
    }
    for (size_t i = 0; i < memory->secret_count; i++) {
        free(memory->secrets[i].name);
        gh_secret_free(memory->secrets[i].secret);
    }
    gh_table_free(&memory->clients);
    gh_table_free(&memory->flows);
    gh_table_free(&memory->codes);
    gh_table_free(&memory->grants);
    gh_table_free(&memory->refresh);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

static gh_status memory_ping(gh_store *store)
{
    (void)store;
    return GH_OK;
}

static gh_status copy_keys(const memory_store *memory, gh_stored_key *copies)
{
    for (size_t i = 0; i < memory->key_count; i++) {
        gh_status status = gh_stored_key_copy(&memory->keys[memory->key_count - 1 - i], &copies[i]);
        if (status != GH_OK) {
            while (i > 0) {
                gh_stored_key_clear(&copies[--i]);
            }
            return status;
        }
    }
    return GH_OK;
}

static gh_status memory_keys(gh_store *store, gh_stored_key **keys, size_t *count)
{
    memory_store *memory = memory_lock(store);
    gh_stored_key *copies = calloc(memory->key_count + 1, sizeof(*copies));
    gh_status status = copies == NULL ? GH_ERR_NOMEM : copy_keys(memory, copies);
    if (status == GH_OK) {
        *keys = copies;
        *count = memory->key_count;
        copies = NULL;
    }
    memory_unlock(memory);
    free(copies);
    return status;
}

static gh_status memory_key_add(gh_store *store, const gh_stored_key *key)
{
    memory_store *memory = memory_lock(store);
    gh_status status = memory->key_count < MEMORY_KEYS_MAX ? GH_OK : GH_ERR_UNAVAILABLE;
    for (size_t i = 0; i < memory->key_count; i++) {
        if (memory->keys[i].active || strcmp(memory->keys[i].kid, key->kid) == 0) {
            status = GH_ERR_CONFLICT;
        }
    }
    if (status == GH_OK) {
        status = gh_stored_key_copy(key, &memory->keys[memory->key_count]);
    }
    if (status == GH_OK) {
        memory->keys[memory->key_count].active = true;
        memory->key_count++;
    }
    memory_unlock(memory);
    return status;
}

static gh_status add_secret(memory_store *memory, const char *name, size_t bytes)
{
    memory_secret *slot = &memory->secrets[memory->secret_count];
    if (memory->secret_count >= MEMORY_SECRETS_MAX) {
        return GH_ERR_UNAVAILABLE;
    }
    gh_status status = gh_store_random_secret(bytes, &slot->secret);
    if (status != GH_OK) {
        return status;
    }
    slot->name = gh_text_dup(name);
    if (slot->name == NULL) {
        gh_secret_free(slot->secret);
        return GH_ERR_NOMEM;
    }
    memory->secret_count++;
    return GH_OK;
}

static gh_status memory_secret_get(gh_store *store, const char *name, size_t bytes, gh_secret **secret)
{
    memory_store *memory = memory_lock(store);
    gh_status status = GH_OK;
    size_t i = 0;
    while (i < memory->secret_count && strcmp(memory->secrets[i].name, name) != 0) {
        i++;
    }
    if (i == memory->secret_count) {
        status = add_secret(memory, name, bytes);
    }
    if (status == GH_OK) {
        *secret = gh_secret_new(gh_secret_view(memory->secrets[i].secret));
        status = *secret == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    memory_unlock(memory);
    return status;
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
    memory_sweep_grants(memory, now);
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
    .sweep = memory_sweep,
};

static gh_status init_tables(memory_store *memory)
{
    const struct {
        gh_table *table;
        size_t max;
    } tables[] = {{&memory->clients, MEMORY_CLIENTS_MAX},
                  {&memory->flows, MEMORY_FLOWS_MAX},
                  {&memory->grants, MEMORY_GRANTS_MAX},
                  {&memory->codes, MEMORY_CODES_MAX},
                  {&memory->refresh, MEMORY_REFRESH_MAX}};
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

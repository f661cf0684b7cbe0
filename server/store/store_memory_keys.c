#include <stdlib.h>
#include <string.h>

#include "server/store/store_memory.h"
#include "shared/core/clock.h"

static gh_status copy_keys(const memory_store *memory, gh_stored_key *copies)
{
    for (size_t i = 0; i < memory->key_count; i++) {
        gh_status status = gh_stored_key_copy(&memory->keys[memory->key_count - 1 - i].key, &copies[i]);
        if (status != GH_OK) {
            while (i > 0) {
                gh_stored_key_clear(&copies[--i]);
            }
            return status;
        }
    }
    return GH_OK;
}

gh_status memory_keys(gh_store *store, gh_stored_key **keys, size_t *count)
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

static memory_key *active_key(memory_store *memory)
{
    for (size_t i = 0; i < memory->key_count; i++) {
        if (memory->keys[i].key.active) {
            return &memory->keys[i];
        }
    }
    return NULL;
}

static bool has_key(const memory_store *memory, const char *kid)
{
    for (size_t i = 0; i < memory->key_count; i++) {
        if (strcmp(memory->keys[i].key.kid, kid) == 0) {
            return true;
        }
    }
    return false;
}

/* There is room, and no key of that kid. */
static gh_status append_key(memory_store *memory, const gh_stored_key *key)
{
    memory_key made = {0};
    gh_status status = gh_stored_key_copy(key, &made.key);
    if (status == GH_OK) {
        made.key.active = true;
        memory->keys[memory->key_count++] = made;
        memory->keys_added++;
    }
    return status;
}

gh_status memory_key_add(gh_store *store, const gh_stored_key *key)
{
    memory_store *memory = memory_lock(store);
    gh_status status = GH_ERR_CONFLICT;
    if (memory->key_count >= GH_STORE_KEYS_MAX) {
        status = GH_ERR_UNAVAILABLE;
    } else if (active_key(memory) == NULL && !has_key(memory, key->kid)) {
        status = append_key(memory, key);
    }
    memory_unlock(memory);
    return status;
}

static bool is_outdated(const memory_key *key, int64_t retired_before)
{
    return !key->key.active && key->retired_at < retired_before;
}

static void delete_outdated(memory_store *memory, int64_t retired_before)
{
    size_t kept = 0;
    for (size_t i = 0; i < memory->key_count; i++) {
        memory_key *key = &memory->keys[i];
        if (is_outdated(key, retired_before)) {
            gh_stored_key_clear(&key->key);
        } else {
            memory->keys[kept++] = *key;
        }
    }
    memory->key_count = kept;
}

static gh_status rotate_key(memory_store *memory, const gh_stored_key *key, int64_t retired_before)
{
    size_t kept = 0;
    for (size_t i = 0; i < memory->key_count; i++) {
        kept += is_outdated(&memory->keys[i], retired_before) ? 0 : 1;
    }
    if (has_key(memory, key->kid)) {
        return GH_ERR_CONFLICT;
    }
    if (kept >= GH_STORE_KEYS_MAX) {
        return GH_ERR_TOO_LARGE;
    }
    delete_outdated(memory, retired_before);
    memory_key *active = active_key(memory);
    gh_status status = append_key(memory, key);
    if (status == GH_OK && active != NULL) {
        active->key.active = false;
        active->retired_at = gh_clock_wall_s();
    }
    return status;
}

gh_status memory_key_rotate(gh_store *store, const gh_stored_key *key, int64_t retired_before)
{
    memory_store *memory = memory_lock(store);
    gh_status status = rotate_key(memory, key, retired_before);
    memory_unlock(memory);
    return status;
}

gh_status memory_keys_version(gh_store *store, int64_t *version)
{
    memory_store *memory = memory_lock(store);
    *version = memory->keys_added;
    memory_unlock(memory);
    return GH_OK;
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

gh_status memory_secret_get(gh_store *store, const char *name, size_t bytes, gh_secret **secret)
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

static gh_status add_pin(memory_store *memory, const char *name, const char *value)
{
    memory_pin pin = {gh_text_dup(name), gh_text_dup(value)};
    if (pin.name == NULL || pin.value == NULL) {
        free(pin.name);
        free(pin.value);
        return GH_ERR_NOMEM;
    }
    memory->pins[memory->pin_count++] = pin;
    return GH_OK;
}

gh_status memory_pin_check(gh_store *store, const char *name, const char *value)
{
    memory_store *memory = memory_lock(store);
    gh_status status = GH_OK;
    size_t i = 0;
    while (i < memory->pin_count && strcmp(memory->pins[i].name, name) != 0) {
        i++;
    }
    if (i < memory->pin_count) {
        status = strcmp(memory->pins[i].value, value) == 0 ? GH_OK : GH_ERR_CONFLICT;
    } else if (i == MEMORY_PINS_MAX) {
        status = GH_ERR_UNAVAILABLE;
    } else {
        status = add_pin(memory, name, value);
    }
    memory_unlock(memory);
    return status;
}

void memory_free_keys(memory_store *memory)
{
    for (size_t i = 0; i < memory->key_count; i++) {
        gh_stored_key_clear(&memory->keys[i].key);
    }
    for (size_t i = 0; i < memory->secret_count; i++) {
        free(memory->secrets[i].name);
        gh_secret_free(memory->secrets[i].secret);
    }
    for (size_t i = 0; i < memory->pin_count; i++) {
        free(memory->pins[i].name);
        free(memory->pins[i].value);
    }
}

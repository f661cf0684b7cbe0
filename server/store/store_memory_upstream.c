#include <stdlib.h>
#include <string.h>

#include "server/store/store_memory.h"
#include "shared/core/clock.h"

void memory_drop_upstream_login(memory_store *memory, memory_upstream_login *login)
{
    gh_table_remove(&memory->upstream_logins, &login->entry);
    gh_upstream_login_clear(&login->login);
    free(login);
}

static void free_lease(memory_lease *lease)
{
    free(lease->name);
    free(lease->holder);
    free(lease);
}

void memory_drop_lease(memory_store *memory, memory_lease *lease)
{
    gh_table_remove(&memory->leases, &lease->entry);
    free_lease(lease);
}

gh_status memory_upstream_login_add(gh_store *store, const gh_upstream_login *login, size_t cap)
{
    memory_upstream_login *made = calloc(1, sizeof(*made));
    if (made == NULL || gh_upstream_login_copy(login, &made->login) != GH_OK) {
        free(made);
        return GH_ERR_NOMEM;
    }
    memory_store *memory = memory_lock(store);
    gh_table *table = &memory->upstream_logins;
    gh_status status = gh_table_add(table, &made->entry, made->login.state_hash);
    while (status == GH_OK && table->count > cap && table->oldest != &made->entry) {
        memory_drop_upstream_login(memory, (memory_upstream_login *)table->oldest);
    }
    memory_unlock(memory);
    if (status != GH_OK) {
        gh_upstream_login_clear(&made->login);
        free(made);
    }
    return status;
}

gh_status memory_upstream_login_take(gh_store *store, const char *state_hash, gh_upstream_login *login)
{
    memory_store *memory = memory_lock(store);
    memory_upstream_login *found =
        (memory_upstream_login *)gh_table_find(&memory->upstream_logins, state_hash);
    gh_status status = GH_ERR_NOT_FOUND;
    if (found != NULL && found->login.expires_at > gh_clock_wall_s()) {
        status = gh_upstream_login_copy(&found->login, login);
    }
    if (status == GH_OK) {
        memory_drop_upstream_login(memory, found);
    }
    memory_unlock(memory);
    return status;
}

gh_status memory_upstream_tokens_get(gh_store *store, const char *grant_id, gh_upstream_tokens *tokens)
{
    memory_store *memory = memory_lock(store);
    const memory_grant *grant = memory_live_grant(memory, grant_id);
    gh_status status = grant == NULL || grant->upstream.version == 0
                           ? GH_ERR_NOT_FOUND
                           : gh_upstream_tokens_copy(&grant->upstream, tokens);
    memory_unlock(memory);
    return status;
}

static gh_status put_tokens(memory_grant *grant, const gh_upstream_tokens *tokens)
{
    gh_upstream_tokens copy = {0};
    if (grant->upstream.version != tokens->version) {
        return GH_ERR_CONFLICT;
    }
    gh_status status = gh_upstream_tokens_copy(tokens, &copy);
    if (status == GH_OK) {
        copy.version++;
        gh_upstream_tokens_clear(&grant->upstream);
        grant->upstream = copy;
    }
    return status;
}

gh_status memory_upstream_tokens_put(gh_store *store, const gh_upstream_tokens *tokens)
{
    memory_store *memory = memory_lock(store);
    memory_grant *grant = memory_live_grant(memory, tokens->grant_id);
    gh_status status = grant == NULL ? GH_ERR_NOT_FOUND : put_tokens(grant, tokens);
    memory_unlock(memory);
    return status;
}

static gh_status new_lease(const char *name, const char *holder, memory_lease **lease)
{
    memory_lease *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->name = gh_text_dup(name);
    made->holder = gh_text_dup(holder);
    if (made->name == NULL || made->holder == NULL) {
        free_lease(made);
        return GH_ERR_NOMEM;
    }
    *lease = made;
    return GH_OK;
}

static bool is_free(const memory_lease *lease, const char *holder, int64_t now_ms)
{
    return strcmp(lease->holder, holder) == 0 || lease->expires_at_ms <= now_ms ||
           lease->expires_at_ms > now_ms + GH_STORE_LEASE_MAX_S * 1000; /* the clock was set back */
}

gh_status memory_lease_take(gh_store *store, const char *name, const char *holder, int64_t ttl_s)
{
    memory_lease *made = NULL;
    gh_status status = new_lease(name, holder, &made);
    if (status != GH_OK) {
        return status;
    }
    memory_store *memory = memory_lock(store);
    int64_t now_ms = gh_clock_wall_ms();
    memory_lease *old = (memory_lease *)gh_table_find(&memory->leases, name);
    made->expires_at_ms = now_ms + ttl_s * 1000;
    if (old != NULL && !is_free(old, holder, now_ms)) {
        status = GH_ERR_CONFLICT;
    } else {
        if (old != NULL) {
            memory_drop_lease(memory, old);
        }
        status = gh_table_add(&memory->leases, &made->entry, made->name);
    }
    memory_unlock(memory);
    if (status != GH_OK) {
        free_lease(made);
    }
    return status;
}

gh_status memory_lease_drop(gh_store *store, const char *name, const char *holder)
{
    memory_store *memory = memory_lock(store);
    memory_lease *lease = (memory_lease *)gh_table_find(&memory->leases, name);
    if (lease != NULL && strcmp(lease->holder, holder) == 0) {
        memory_drop_lease(memory, lease);
    }
    memory_unlock(memory);
    return GH_OK;
}

void memory_sweep_upstream(memory_store *memory, int64_t now)
{
    size_t left = GH_STORE_SWEEP_MAX;
    for (gh_table_entry *entry = memory->upstream_logins.oldest; entry != NULL && left > 0;) {
        memory_upstream_login *login = (memory_upstream_login *)entry;
        entry = entry->newer;
        if (login->login.expires_at <= now) {
            memory_drop_upstream_login(memory, login);
            left--;
        }
    }
    left = GH_STORE_SWEEP_MAX;
    for (gh_table_entry *entry = memory->leases.oldest; entry != NULL && left > 0;) {
        memory_lease *lease = (memory_lease *)entry;
        entry = entry->newer;
        if (lease->expires_at_ms <= now * 1000) {
            memory_drop_lease(memory, lease);
            left--;
        }
    }
}

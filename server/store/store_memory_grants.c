#include <stdlib.h>
#include <string.h>

#include "server/store/store_memory.h"
#include "shared/core/clock.h"

void memory_drop_code(memory_store *memory, memory_code *code)
{
    gh_table_remove(&memory->codes, &code->entry);
    gh_code_clear(&code->code);
    free(code);
}

static void free_refresh(memory_refresh *token)
{
    free(token->hash);
    free(token->successor);
    free(token);
}

void memory_drop_refresh(memory_store *memory, memory_refresh *token)
{
    gh_table_remove(&memory->refresh, &token->entry);
    if (token->previous != NULL) {
        token->previous->next = token->next;
    } else {
        token->grant->tokens = token->next;
    }
    if (token->next != NULL) {
        token->next->previous = token->previous;
    }
    free_refresh(token);
}

void memory_free_grant(memory_grant *grant)
{
    if (grant != NULL) {
        gh_upstream_tokens_clear(&grant->upstream);
        gh_grant_clear(&grant->grant);
        free(grant);
    }
}

gh_status memory_new_grant(const gh_grant *grant, memory_grant **made)
{
    memory_grant *copy = calloc(1, sizeof(*copy));
    if (copy == NULL || gh_grant_copy(grant, &copy->grant) != GH_OK) {
        free(copy);
        return GH_ERR_NOMEM;
    }
    *made = copy;
    return GH_OK;
}

void memory_drop_grant(memory_store *memory, memory_grant *grant)
{
    memory_refresh *token = grant->tokens;
    while (token != NULL) {
        memory_refresh *next = token->next;
        gh_table_remove(&memory->refresh, &token->entry);
        free_refresh(token);
        token = next;
    }
    gh_table_remove(&memory->grants, &grant->entry);
    memory_free_grant(grant);
}

memory_grant *memory_live_grant(const memory_store *memory, const char *id)
{
    memory_grant *grant = (memory_grant *)gh_table_find(&memory->grants, id);
    return grant != NULL && grant->grant.expires_at > gh_clock_wall_s() ? grant : NULL;
}

gh_status memory_link_grant(memory_store *memory, memory_grant *grant)
{
    gh_status status = gh_table_add(&memory->grants, &grant->entry, grant->grant.id);
    memory_client *client = (memory_client *)gh_table_find(&memory->clients, grant->grant.client_id);
    if (status == GH_OK && client != NULL) {
        client->client.used_at = gh_clock_wall_s();
    }
    return status;
}

static gh_status add_both(memory_store *memory, memory_grant *grant, memory_code *code)
{
    gh_status status = gh_table_add(&memory->codes, &code->entry, code->code.hash);
    if (status != GH_OK) {
        return status;
    }
    status = memory_link_grant(memory, grant);
    if (status != GH_OK) {
        gh_table_remove(&memory->codes, &code->entry);
    }
    return status;
}

gh_status memory_grant_add(gh_store *store, const gh_grant *grant, const gh_code *code)
{
    memory_grant *new_grant = NULL;
    memory_code *new_code = calloc(1, sizeof(*new_code));
    gh_status status = new_code == NULL ? GH_ERR_NOMEM : memory_new_grant(grant, &new_grant);
    if (status == GH_OK) {
        status = gh_code_copy(code, &new_code->code);
    }
    if (status == GH_OK) {
        memory_store *memory = memory_lock(store);
        status = add_both(memory, new_grant, new_code);
        memory_unlock(memory);
    }
    if (status != GH_OK) {
        memory_free_grant(new_grant);
        if (new_code != NULL) {
            gh_code_clear(&new_code->code);
        }
        free(new_code);
    }
    return status;
}

static void revoke(memory_store *memory, const char *grant_id)
{
    memory_grant *grant = (memory_grant *)gh_table_find(&memory->grants, grant_id);
    if (grant != NULL) {
        memory_drop_grant(memory, grant);
    }
}

static void extend(memory_store *memory, const gh_code *code)
{
    memory_grant *grant = (memory_grant *)gh_table_find(&memory->grants, code->grant_id);
    if (grant != NULL) {
        grant->grant.expires_at = code->granted_until;
    }
}

static gh_status take(memory_store *memory, memory_code *found, gh_code *code)
{
    if (found == NULL) {
        return GH_ERR_NOT_FOUND;
    }
    if (found->taken) {
        revoke(memory, found->code.grant_id);
        return GH_ERR_CONFLICT;
    }
    if (found->code.expires_at <= gh_clock_wall_s() ||
        memory_live_grant(memory, found->code.grant_id) == NULL) {
        return GH_ERR_NOT_FOUND;
    }
    gh_status status = gh_code_copy(&found->code, code);
    found->taken = status == GH_OK;
    if (status == GH_OK) {
        extend(memory, &found->code);
    }
    return status;
}

gh_status memory_code_take(gh_store *store, const char *hash, gh_code *code)
{
    memory_store *memory = memory_lock(store);
    gh_status status = take(memory, (memory_code *)gh_table_find(&memory->codes, hash), code);
    memory_unlock(memory);
    return status;
}

gh_status memory_grant_get(gh_store *store, const char *id, gh_grant *grant)
{
    memory_store *memory = memory_lock(store);
    const memory_grant *found = memory_live_grant(memory, id);
    gh_status status = found == NULL ? GH_ERR_NOT_FOUND : gh_grant_copy(&found->grant, grant);
    memory_unlock(memory);
    return status;
}

gh_status memory_grant_alive(gh_store *store, const char *id)
{
    memory_store *memory = memory_lock(store);
    gh_status status = memory_live_grant(memory, id) == NULL ? GH_ERR_NOT_FOUND : GH_OK;
    memory_unlock(memory);
    return status;
}

gh_status memory_grant_revoke(gh_store *store, const char *id)
{
    memory_store *memory = memory_lock(store);
    revoke(memory, id);
    memory_unlock(memory);
    return GH_OK;
}

static gh_status add_token(memory_store *memory, memory_grant *grant, const char *hash, int64_t expires_at)
{
    memory_refresh *token = calloc(1, sizeof(*token));
    if (token == NULL) {
        return GH_ERR_NOMEM;
    }
    token->hash = gh_text_dup(hash);
    token->grant = grant;
    token->expires_at = expires_at;
    gh_status status =
        token->hash == NULL ? GH_ERR_NOMEM : gh_table_add(&memory->refresh, &token->entry, token->hash);
    if (status != GH_OK) {
        free_refresh(token);
        return status;
    }
    token->next = grant->tokens;
    if (token->next != NULL) {
        token->next->previous = token;
    }
    grant->tokens = token;
    return GH_OK;
}

gh_status memory_refresh_add(gh_store *store, const char *hash, const char *grant_id, const char *client_id)
{
    memory_store *memory = memory_lock(store);
    memory_grant *grant = memory_live_grant(memory, grant_id);
    gh_status status = GH_OK;
    if (grant == NULL || strcmp(grant->grant.client_id, client_id) != 0) {
        status = GH_ERR_NOT_FOUND;
    } else if (grant->tokens != NULL) {
        status = GH_ERR_CONFLICT;
    } else {
        status = add_token(memory, grant, hash, grant->grant.expires_at);
    }
    memory_unlock(memory);
    return status;
}

/* A token of this client whose grant lives and which has not expired. */
static memory_refresh *known_token(const memory_store *memory, const char *hash, const char *client_id)
{
    memory_refresh *token = (memory_refresh *)gh_table_find(&memory->refresh, hash);
    int64_t now = gh_clock_wall_s();
    if (token == NULL || token->expires_at <= now || token->grant->grant.expires_at <= now ||
        strcmp(token->grant->grant.client_id, client_id) != 0) {
        return NULL;
    }
    return token;
}

static bool is_repeat(const memory_store *memory, const memory_refresh *token, const char *new_hash,
                      int64_t grace_s)
{
    const memory_refresh *successor =
        (const memory_refresh *)gh_table_find(&memory->refresh, token->successor);
    return successor != NULL && successor->successor == NULL && strcmp(token->successor, new_hash) == 0 &&
           grace_s > 0 && gh_clock_wall_s() - token->rotated_at <= grace_s;
}

static void forget_old_tokens(memory_store *memory, const memory_grant *grant)
{
    size_t kept = 0;
    for (memory_refresh *token = grant->tokens; token != NULL;) {
        memory_refresh *older = token->next;
        if (++kept > GH_STORE_REFRESH_KEPT) {
            memory_drop_refresh(memory, token);
        }
        token = older;
    }
}

static gh_status advance(memory_store *memory, memory_refresh *token, const char *new_hash,
                         int64_t expires_at)
{
    char *successor = gh_text_dup(new_hash);
    if (successor == NULL) {
        return GH_ERR_NOMEM;
    }
    gh_status status = add_token(memory, token->grant, new_hash, expires_at);
    if (status != GH_OK) {
        free(successor);
        return status;
    }
    token->successor = successor;
    token->rotated_at = gh_clock_wall_s();
    token->grant->grant.expires_at = expires_at;
    forget_old_tokens(memory, token->grant);
    return GH_OK;
}

gh_status memory_refresh_rotate(gh_store *store, const char *hash, const char *new_hash,
                                const char *client_id, int64_t grace_s, int64_t grant_expires_at,
                                gh_refresh_outcome *outcome, gh_grant *grant)
{
    gh_status status = GH_OK;
    gh_grant copy = {0};
    memory_store *memory = memory_lock(store);
    memory_refresh *token = known_token(memory, hash, client_id);
    if (token == NULL) {
        *outcome = GH_REFRESH_UNKNOWN;
    } else if (token->successor != NULL && !is_repeat(memory, token, new_hash, grace_s)) {
        memory_drop_grant(memory, token->grant);
        *outcome = GH_REFRESH_REUSED;
    } else {
        *outcome = token->successor == NULL ? GH_REFRESH_ROTATED : GH_REFRESH_REPEATED;
        status = gh_grant_copy(&token->grant->grant, &copy);
        if (status == GH_OK && *outcome == GH_REFRESH_ROTATED) {
            copy.expires_at = grant_expires_at;
            status = advance(memory, token, new_hash, grant_expires_at);
        }
        if (status == GH_OK) {
            *grant = copy;
        } else {
            gh_grant_clear(&copy);
        }
    }
    memory_unlock(memory);
    return status;
}

gh_status memory_refresh_find(gh_store *store, const char *hash, const char *client_id, char **grant_id)
{
    memory_store *memory = memory_lock(store);
    const memory_refresh *token = known_token(memory, hash, client_id);
    gh_status status = GH_ERR_NOT_FOUND;
    if (token != NULL) {
        *grant_id = gh_text_dup(token->grant->grant.id);
        status = *grant_id == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    memory_unlock(memory);
    return status;
}

void memory_sweep_grants(memory_store *memory, int64_t now)
{
    size_t left = GH_STORE_SWEEP_MAX;
    for (gh_table_entry *entry = memory->codes.oldest; entry != NULL && left > 0;) {
        memory_code *code = (memory_code *)entry;
        entry = entry->newer;
        if (code->code.expires_at + GH_STORE_CODE_MEMORY_S <= now) {
            memory_drop_code(memory, code);
            left--;
        }
    }
    left = GH_STORE_SWEEP_MAX;
    for (gh_table_entry *entry = memory->refresh.oldest; entry != NULL && left > 0;) {
        memory_refresh *token = (memory_refresh *)entry;
        entry = entry->newer;
        if (token->expires_at <= now) {
            memory_drop_refresh(memory, token);
            left--;
        }
    }
    left = GH_STORE_SWEEP_MAX;
    for (gh_table_entry *entry = memory->grants.oldest; entry != NULL && left > 0;) {
        memory_grant *grant = (memory_grant *)entry;
        entry = entry->newer;
        if (grant->grant.expires_at <= now) {
            memory_drop_grant(memory, grant);
            left--;
        }
    }
}

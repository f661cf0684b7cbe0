#include "server/store/store.h"

#include <string.h>

#include "server/store/store_private.h"

gh_status gh_store_open(const char *spec, gh_store **store, gh_error *error)
{
    return gh_store_open_with(spec, NULL, store, error);
}

gh_status gh_store_open_with(const char *spec, const gh_store_options *options, gh_store **store,
                             gh_error *error)
{
    static const char sqlite[] = "sqlite:";
    if (options != NULL &&
        (options->seal == NULL || options->unseal == NULL || options->fingerprint == NULL)) {
        return gh_error_set(error, GH_ERR_INVALID, "The store's sealing is incomplete.");
    }
    if (strcmp(spec, "memory") == 0) {
        return gh_store_memory_open(store, error);
    }
    if (strncmp(spec, sqlite, sizeof(sqlite) - 1) == 0 && spec[sizeof(sqlite) - 1] != '\0') {
        return gh_store_sqlite_open(spec + sizeof(sqlite) - 1, options, store, error);
    }
    return gh_error_set(error, GH_ERR_INVALID, "'%s' is not a store; use 'memory' or 'sqlite:PATH'.", spec);
}

/* Misses and the like are answers; the rest is what an operator should know of. */
static gh_status note(gh_store *store, gh_status status)
{
    bool failed = status == GH_ERR_NOMEM || status == GH_ERR_IO || status == GH_ERR_CRYPTO ||
                  status == GH_ERR_UNAVAILABLE || status == GH_ERR_TIMEOUT;
    (void)atomic_fetch_add_explicit(&store->uses, 1, memory_order_relaxed);
    if (failed) {
        (void)atomic_fetch_add_explicit(&store->failures, 1, memory_order_relaxed);
    }
    return status;
}

void gh_store_counts(const gh_store *store, uint64_t *uses, uint64_t *failures)
{
    *uses = atomic_load_explicit(&store->uses, memory_order_relaxed);
    *failures = atomic_load_explicit(&store->failures, memory_order_relaxed);
}

void gh_store_close(gh_store *store)
{
    if (store != NULL) {
        store->ops->close(store);
    }
}

gh_status gh_store_ping(gh_store *store, gh_error *error)
{
    return note(store, store->ops->ping(store, error));
}

gh_status gh_store_client_add(gh_store *store, const gh_client *client, size_t cap, int64_t idle_s)
{
    if (client->id == NULL || client->redirect_uris == NULL || client->grant_types == NULL) {
        return GH_ERR_INVALID;
    }
    return note(store, store->ops->client_add(store, client, cap, idle_s));
}

gh_status gh_store_client_get(gh_store *store, const char *id, gh_client *client)
{
    return note(store, store->ops->client_get(store, id, client));
}

gh_status gh_store_flow_add(gh_store *store, const gh_flow *flow, size_t cap)
{
    if (flow->id_hash == NULL || flow->cookie_hash == NULL || flow->client_id == NULL ||
        flow->redirect_uri == NULL || flow->scope == NULL || flow->resource == NULL ||
        flow->challenge == NULL) {
        return GH_ERR_INVALID;
    }
    return note(store, store->ops->flow_add(store, flow, cap));
}

gh_status gh_store_flow_get(gh_store *store, const char *id_hash, gh_flow *flow)
{
    return note(store, store->ops->flow_get(store, id_hash, flow));
}

gh_status gh_store_flow_identify(gh_store *store, const char *id_hash, const char *subject, const char *name,
                                 const char *email)
{
    return note(store, store->ops->flow_identify(store, id_hash, subject, name, email));
}

gh_status gh_store_flow_take(gh_store *store, const char *id_hash, gh_flow *flow)
{
    return note(store, store->ops->flow_take(store, id_hash, flow));
}

static bool is_grant(const gh_grant *grant)
{
    return grant->id != NULL && grant->client_id != NULL && grant->subject != NULL && grant->scope != NULL &&
           grant->resource != NULL;
}

gh_status gh_store_grant_add(gh_store *store, const gh_grant *grant, const gh_code *code)
{
    if (!is_grant(grant)) {
        return GH_ERR_INVALID;
    }
    if (code->hash == NULL || code->client_id == NULL || code->redirect_uri == NULL ||
        code->challenge == NULL || code->resource == NULL || code->grant_id == NULL ||
        strcmp(code->grant_id, grant->id) != 0) {
        return GH_ERR_INVALID;
    }
    gh_grant held = *grant;
    gh_code bound = *code;
    bound.granted_until = grant->expires_at;
    if (held.expires_at > code->expires_at) {
        held.expires_at = code->expires_at;
    }
    return note(store, store->ops->grant_add(store, &held, &bound));
}

gh_status gh_store_code_take(gh_store *store, const char *hash, gh_code *code)
{
    return note(store, store->ops->code_take(store, hash, code));
}

gh_status gh_store_grant_get(gh_store *store, const char *id, gh_grant *grant)
{
    return note(store, store->ops->grant_get(store, id, grant));
}

gh_status gh_store_grant_alive(gh_store *store, const char *id)
{
    return note(store, store->ops->grant_alive(store, id));
}

gh_status gh_store_grant_revoke(gh_store *store, const char *id)
{
    return note(store, store->ops->grant_revoke(store, id));
}

gh_status gh_store_refresh_add(gh_store *store, const char *hash, const char *grant_id, const char *client_id)
{
    return note(store, store->ops->refresh_add(store, hash, grant_id, client_id));
}

gh_status gh_store_refresh_rotate(gh_store *store, const char *hash, const char *new_hash,
                                  const char *client_id, int64_t grace_s, int64_t grant_expires_at,
                                  gh_refresh_outcome *outcome, gh_grant *grant)
{
    if (strcmp(hash, new_hash) == 0) {
        return GH_ERR_INVALID;
    }
    return note(store, store->ops->refresh_rotate(store, hash, new_hash, client_id, grace_s, grant_expires_at,
                                                  outcome, grant));
}

gh_status gh_store_refresh_find(gh_store *store, const char *hash, const char *client_id, char **grant_id)
{
    return note(store, store->ops->refresh_find(store, hash, client_id, grant_id));
}

gh_status gh_store_keys(gh_store *store, gh_stored_key **keys, size_t *count)
{
    return note(store, store->ops->keys(store, keys, count));
}

gh_status gh_store_key_add(gh_store *store, const gh_stored_key *key)
{
    if (key->kid == NULL || key->alg == NULL || key->pem == NULL) {
        return GH_ERR_INVALID;
    }
    return note(store, store->ops->key_add(store, key));
}

gh_status gh_store_secret(gh_store *store, const char *name, size_t bytes, gh_secret **secret)
{
    if (bytes == 0 || bytes > GH_STORE_SECRET_MAX) {
        return GH_ERR_INVALID;
    }
    return note(store, store->ops->secret(store, name, bytes, secret));
}

gh_status gh_store_sweep(gh_store *store)
{
    return note(store, store->ops->sweep(store));
}

gh_status gh_store_upstream_login_add(gh_store *store, const gh_upstream_login *login, size_t cap)
{
    if (login->state_hash == NULL || login->cookie_hash == NULL || login->flow_hash == NULL ||
        login->nonce == NULL || login->sealed_verifier == NULL) {
        return GH_ERR_INVALID;
    }
    return note(store, store->ops->upstream_login_add(store, login, cap));
}

gh_status gh_store_upstream_login_take(gh_store *store, const char *state_hash, gh_upstream_login *login)
{
    return note(store, store->ops->upstream_login_take(store, state_hash, login));
}

gh_status gh_store_upstream_tokens_get(gh_store *store, const char *grant_id, gh_upstream_tokens *tokens)
{
    return note(store, store->ops->upstream_tokens_get(store, grant_id, tokens));
}

gh_status gh_store_upstream_tokens_put(gh_store *store, const gh_upstream_tokens *tokens)
{
    if (tokens->grant_id == NULL || tokens->sealed == NULL || tokens->version < 0) {
        return GH_ERR_INVALID;
    }
    return note(store, store->ops->upstream_tokens_put(store, tokens));
}

gh_status gh_store_lease_take(gh_store *store, const char *name, const char *holder, int64_t ttl_s)
{
    if (ttl_s < 1 || ttl_s > GH_STORE_LEASE_MAX_S) {
        return GH_ERR_INVALID;
    }
    return note(store, store->ops->lease_take(store, name, holder, ttl_s));
}

gh_status gh_store_lease_drop(gh_store *store, const char *name, const char *holder)
{
    return note(store, store->ops->lease_drop(store, name, holder));
}

gh_status gh_store_device_add(gh_store *store, const gh_device *device, size_t cap)
{
    if (device->device_hash == NULL || device->user_code_hash == NULL || device->client_id == NULL ||
        device->scope == NULL || device->resource == NULL || device->interval_s < 0) {
        return GH_ERR_INVALID;
    }
    return note(store, store->ops->device_add(store, device, cap));
}

gh_status gh_store_device_by_user_code(gh_store *store, const char *user_code_hash, gh_device *device)
{
    return note(store, store->ops->device_by_user_code(store, user_code_hash, device));
}

gh_status gh_store_device_decide(gh_store *store, const char *user_code_hash, const gh_grant *grant)
{
    if (grant != NULL && !is_grant(grant)) {
        return GH_ERR_INVALID;
    }
    return note(store, store->ops->device_decide(store, user_code_hash, grant));
}

gh_status gh_store_device_poll(gh_store *store, const char *device_hash, const char *client_id,
                               gh_device_poll *outcome, gh_grant *grant)
{
    return note(store, store->ops->device_poll(store, device_hash, client_id, outcome, grant));
}

gh_status gh_store_grants(gh_store *store, size_t max, gh_grant **grants, size_t *count)
{
    return note(store, store->ops->grants(store, max, grants, count));
}

gh_status gh_store_clients(gh_store *store, size_t max, gh_client **clients, size_t *count)
{
    return note(store, store->ops->clients(store, max, clients, count));
}

gh_status gh_store_client_remove(gh_store *store, const char *id)
{
    return note(store, store->ops->client_remove(store, id));
}

gh_status gh_store_key_rotate(gh_store *store, const gh_stored_key *key, int64_t retired_before)
{
    if (key->kid == NULL || key->alg == NULL || key->pem == NULL) {
        return GH_ERR_INVALID;
    }
    return note(store, store->ops->key_rotate(store, key, retired_before));
}

gh_status gh_store_keys_version(gh_store *store, int64_t *version)
{
    return note(store, store->ops->keys_version(store, version));
}

gh_status gh_store_pin(gh_store *store, const char *name, const char *value)
{
    return note(store, store->ops->pin(store, name, value));
}

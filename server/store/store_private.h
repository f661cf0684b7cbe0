/* What a back end of the store implements. */
#ifndef GH_SERVER_STORE_STORE_PRIVATE_H
#define GH_SERVER_STORE_STORE_PRIVATE_H

#include <stdatomic.h>

#include "server/store/store.h"

/* A used code is remembered this long after its expiry, so that its reuse is noticed. */
#define GH_STORE_CODE_MEMORY_S 600
/* Rows of a kind that one sweep deletes at most. */
#define GH_STORE_SWEEP_MAX 200
#define GH_STORE_SECRET_MAX 4096
#define GH_STORE_KEYS_MAX 64

/* One row per operation of store.h, with the same contract. Each back end's struct starts with a gh_store. */
typedef struct gh_store_ops {
    void (*close)(gh_store *store);
    gh_status (*ping)(gh_store *store, gh_error *error);
    gh_status (*client_add)(gh_store *store, const gh_client *client, size_t cap, int64_t idle_s);
    gh_status (*client_get)(gh_store *store, const char *id, gh_client *client);
    gh_status (*flow_add)(gh_store *store, const gh_flow *flow, size_t cap);
    gh_status (*flow_get)(gh_store *store, const char *id_hash, gh_flow *flow);
    gh_status (*flow_identify)(gh_store *store, const char *id_hash, const char *subject, const char *name,
                               const char *email);
    gh_status (*flow_take)(gh_store *store, const char *id_hash, gh_flow *flow);
    gh_status (*grant_add)(gh_store *store, const gh_grant *grant, const gh_code *code);
    gh_status (*code_take)(gh_store *store, const char *hash, gh_code *code);
    gh_status (*grant_get)(gh_store *store, const char *id, gh_grant *grant);
    gh_status (*grant_alive)(gh_store *store, const char *id);
    gh_status (*grant_revoke)(gh_store *store, const char *id);
    gh_status (*refresh_add)(gh_store *store, const char *hash, const char *grant_id, const char *client_id);
    gh_status (*refresh_rotate)(gh_store *store, const char *hash, const char *new_hash,
                                const char *client_id, int64_t grace_s, int64_t grant_expires_at,
                                gh_refresh_outcome *outcome, gh_grant *grant);
    gh_status (*refresh_find)(gh_store *store, const char *hash, const char *client_id, char **grant_id);
    gh_status (*keys)(gh_store *store, gh_stored_key **keys, size_t *count);
    gh_status (*key_add)(gh_store *store, const gh_stored_key *key);
    gh_status (*secret)(gh_store *store, const char *name, size_t bytes, gh_secret **secret);
    gh_status (*upstream_login_add)(gh_store *store, const gh_upstream_login *login, size_t cap);
    gh_status (*upstream_login_take)(gh_store *store, const char *state_hash, gh_upstream_login *login);
    gh_status (*upstream_tokens_get)(gh_store *store, const char *grant_id, gh_upstream_tokens *tokens);
    gh_status (*upstream_tokens_put)(gh_store *store, const gh_upstream_tokens *tokens);
    gh_status (*lease_take)(gh_store *store, const char *name, const char *holder, int64_t ttl_s);
    gh_status (*lease_drop)(gh_store *store, const char *name, const char *holder);
    gh_status (*device_add)(gh_store *store, const gh_device *device, size_t cap);
    gh_status (*device_by_user_code)(gh_store *store, const char *user_code_hash, gh_device *device);
    gh_status (*device_decide)(gh_store *store, const char *user_code_hash, const gh_grant *grant);
    gh_status (*device_poll)(gh_store *store, const char *device_hash, const char *client_id,
                             gh_device_poll *outcome, gh_grant *grant);
    gh_status (*grants)(gh_store *store, size_t max, gh_grant **grants, size_t *count);
    gh_status (*clients)(gh_store *store, size_t max, gh_client **clients, size_t *count);
    gh_status (*client_remove)(gh_store *store, const char *id);
    gh_status (*key_rotate)(gh_store *store, const gh_stored_key *key, int64_t retired_before);
    gh_status (*keys_version)(gh_store *store, int64_t *version);
    gh_status (*pin)(gh_store *store, const char *name, const char *value);
    gh_status (*sweep)(gh_store *store);
} gh_store_ops;

struct gh_store {
    const gh_store_ops *ops;
    atomic_uint_least64_t uses, failures;
    gh_store_options sealing; /* `seal` NULL: without; the fingerprint is not kept */
};

/* The name under which the fingerprint of the sealing key is pinned. */
#define GH_STORE_SEALING_PIN "secret-key"
#define GH_STORE_INTERVAL_STEP_S 5 /* RFC 8628, 3.5: what slow_down adds */

GH_MUST_USE gh_status gh_store_memory_open(gh_store **store, gh_error *error);
GH_MUST_USE gh_status gh_store_sqlite_open(const char *path, const gh_store_options *options,
                                           gh_store **store, gh_error *error);

/* What is written to the disk for `plain`, which belongs to `kind` ("key:", "secret:") and `name`: sealed
 * when the store seals (*sealed), else a copy. And back. */
GH_MUST_USE gh_status gh_store_seal(const gh_store *store, const char *kind, const char *name,
                                    const gh_secret *plain, gh_secret **kept, bool *sealed);
GH_MUST_USE gh_status gh_store_unseal(const gh_store *store, const char *kind, const char *name,
                                      const gh_secret *kept, bool sealed, gh_secret **plain);

/* Deep copies; on failure *to is cleared. */
GH_MUST_USE gh_status gh_client_copy(const gh_client *from, gh_client *to);
GH_MUST_USE gh_status gh_flow_copy(const gh_flow *from, gh_flow *to);
GH_MUST_USE gh_status gh_grant_copy(const gh_grant *from, gh_grant *to);
GH_MUST_USE gh_status gh_code_copy(const gh_code *from, gh_code *to);
GH_MUST_USE gh_status gh_upstream_login_copy(const gh_upstream_login *from, gh_upstream_login *to);
GH_MUST_USE gh_status gh_upstream_tokens_copy(const gh_upstream_tokens *from, gh_upstream_tokens *to);
GH_MUST_USE gh_status gh_device_copy(const gh_device *from, gh_device *to);
GH_MUST_USE gh_status gh_stored_key_copy(const gh_stored_key *from, gh_stored_key *to);
/* Replaces *slot by a copy of `text` (NULL is a value too). */
GH_MUST_USE gh_status gh_store_replace_text(char **slot, const char *text);
/* `bytes` random bytes. */
GH_MUST_USE gh_status gh_store_random_secret(size_t bytes, gh_secret **secret);

#endif

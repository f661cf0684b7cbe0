/* The memory back end: what its files share. Everything is guarded by `lock`, which is never held across I/O.
 */
#ifndef GH_SERVER_STORE_STORE_MEMORY_H
#define GH_SERVER_STORE_STORE_MEMORY_H

#include <pthread.h>

#include "server/store/store_private.h"
#include "server/store/table.h"

/* Ceilings, far above what the callers' own caps and the sweep leave; beyond them the store is "full". */
#define MEMORY_CLIENTS_MAX 100000
#define MEMORY_FLOWS_MAX 100000
#define MEMORY_GRANTS_MAX 100000
#define MEMORY_CODES_MAX 100000
#define MEMORY_REFRESH_MAX 1000000
#define MEMORY_SECRETS_MAX 16
#define MEMORY_PINS_MAX 16
#define MEMORY_UPSTREAM_LOGINS_MAX 100000
#define MEMORY_DEVICES_MAX 100000
#define MEMORY_LEASES_MAX 100000

typedef struct memory_client {
    gh_table_entry entry;
    gh_client client;
    int64_t seen_at; /* registration or the start of the last login */
    bool granted;    /* has a live grant; only up to date while room is made */
} memory_client;

typedef struct memory_flow {
    gh_table_entry entry;
    gh_flow flow;
} memory_flow;

typedef struct memory_code {
    gh_table_entry entry;
    gh_code code;
    bool taken;
} memory_code;

typedef struct memory_refresh {
    gh_table_entry entry;
    char *hash;
    struct memory_grant *grant;
    char *successor; /* NULL while it is the current one */
    int64_t rotated_at;
    int64_t expires_at;
    struct memory_refresh *previous, *next; /* of the same grant */
} memory_refresh;

typedef struct memory_grant {
    gh_table_entry entry;
    gh_grant grant;
    memory_refresh *tokens;
    gh_upstream_tokens upstream; /* version 0: none */
} memory_grant;

typedef struct memory_upstream_login {
    gh_table_entry entry;
    gh_upstream_login login;
} memory_upstream_login;

/* The way to a device by its user code. */
typedef struct memory_user_code {
    gh_table_entry entry;
    struct memory_device *device;
} memory_user_code;

typedef struct memory_device {
    gh_table_entry entry;
    memory_user_code user_code;
    gh_device device;
} memory_device;

typedef struct memory_lease {
    gh_table_entry entry;
    char *name, *holder;
    int64_t expires_at_ms;
} memory_lease;

typedef struct memory_key {
    gh_stored_key key;
    int64_t retired_at;
} memory_key;

typedef struct memory_pin {
    char *name, *value;
} memory_pin;

typedef struct memory_secret {
    char *name;
    gh_secret *secret;
} memory_secret;

typedef struct memory_store {
    gh_store base;
    pthread_mutex_t lock;
    gh_table clients, flows, grants, codes, refresh, upstream_logins, devices, user_codes, leases;
    memory_key keys[GH_STORE_KEYS_MAX]; /* oldest first */
    size_t key_count;
    int64_t keys_added;
    memory_pin pins[MEMORY_PINS_MAX];
    size_t pin_count;
    memory_secret secrets[MEMORY_SECRETS_MAX];
    size_t secret_count;
} memory_store;

memory_store *memory_lock(gh_store *store);
void memory_unlock(memory_store *memory);

/* Unlink and free; the lock is held. A grant takes its refresh tokens with it. */
void memory_drop_client(memory_store *memory, memory_client *client);
void memory_drop_flow(memory_store *memory, memory_flow *flow);
void memory_drop_code(memory_store *memory, memory_code *code);
void memory_drop_refresh(memory_store *memory, memory_refresh *token);
void memory_drop_grant(memory_store *memory, memory_grant *grant);
void memory_drop_upstream_login(memory_store *memory, memory_upstream_login *login);
void memory_drop_device(memory_store *memory, memory_device *device);
void memory_drop_lease(memory_store *memory, memory_lease *lease);
/* An unexpired one, or NULL. */
memory_grant *memory_live_grant(const memory_store *memory, const char *id);
/* Adds to the table and marks the client as used; on failure the grant is still the caller's. */
GH_MUST_USE gh_status memory_link_grant(memory_store *memory, memory_grant *grant);
GH_MUST_USE gh_status memory_new_grant(const gh_grant *grant, memory_grant **made);
void memory_free_grant(memory_grant *grant); /* an unlinked one; NULL is fine */
/* Deletes expired grants, codes and refresh tokens. */
void memory_sweep_grants(memory_store *memory, int64_t now);
/* Deletes expired upstream logins, devices (an approved one with its grant, which nobody fetched) and leases.
 */
void memory_sweep_upstream(memory_store *memory, int64_t now);
void memory_sweep_devices(memory_store *memory, int64_t now);
/* Keys, secrets and pins. */
void memory_free_keys(memory_store *memory);

gh_status memory_client_add(gh_store *store, const gh_client *client, size_t cap, int64_t idle_s);
gh_status memory_client_get(gh_store *store, const char *id, gh_client *client);
gh_status memory_flow_add(gh_store *store, const gh_flow *flow, size_t cap);
gh_status memory_flow_get(gh_store *store, const char *id_hash, gh_flow *flow);
gh_status memory_flow_identify(gh_store *store, const char *id_hash, const char *subject, const char *name,
                               const char *email);
gh_status memory_flow_take(gh_store *store, const char *id_hash, gh_flow *flow);

gh_status memory_grant_add(gh_store *store, const gh_grant *grant, const gh_code *code);
gh_status memory_code_take(gh_store *store, const char *hash, gh_code *code);
gh_status memory_grant_get(gh_store *store, const char *id, gh_grant *grant);
gh_status memory_grant_alive(gh_store *store, const char *id);
gh_status memory_grant_revoke(gh_store *store, const char *id);
gh_status memory_refresh_add(gh_store *store, const char *hash, const char *grant_id, const char *client_id);
gh_status memory_refresh_rotate(gh_store *store, const char *hash, const char *new_hash,
                                const char *client_id, int64_t grace_s, int64_t grant_expires_at,
                                gh_refresh_outcome *outcome, gh_grant *grant);
gh_status memory_refresh_find(gh_store *store, const char *hash, const char *client_id, char **grant_id);

gh_status memory_upstream_login_add(gh_store *store, const gh_upstream_login *login, size_t cap);
gh_status memory_upstream_login_take(gh_store *store, const char *state_hash, gh_upstream_login *login);
gh_status memory_upstream_tokens_get(gh_store *store, const char *grant_id, gh_upstream_tokens *tokens);
gh_status memory_upstream_tokens_put(gh_store *store, const gh_upstream_tokens *tokens);
gh_status memory_lease_take(gh_store *store, const char *name, const char *holder, int64_t ttl_s);
gh_status memory_lease_drop(gh_store *store, const char *name, const char *holder);
gh_status memory_device_add(gh_store *store, const gh_device *device, size_t cap);
gh_status memory_device_by_user_code(gh_store *store, const char *user_code_hash, gh_device *device);
gh_status memory_device_decide(gh_store *store, const char *user_code_hash, const gh_grant *grant);
gh_status memory_device_poll(gh_store *store, const char *device_hash, const char *client_id,
                             gh_device_poll *outcome, gh_grant *grant);

gh_status memory_grants(gh_store *store, size_t max, gh_grant **grants, size_t *count);
gh_status memory_clients(gh_store *store, size_t max, gh_client **clients, size_t *count);
gh_status memory_client_remove(gh_store *store, const char *id);

gh_status memory_keys(gh_store *store, gh_stored_key **keys, size_t *count);
gh_status memory_key_add(gh_store *store, const gh_stored_key *key);
gh_status memory_key_rotate(gh_store *store, const gh_stored_key *key, int64_t retired_before);
gh_status memory_keys_version(gh_store *store, int64_t *version);
gh_status memory_secret_get(gh_store *store, const char *name, size_t bytes, gh_secret **secret);
gh_status memory_pin_check(gh_store *store, const char *name, const char *value);

#endif

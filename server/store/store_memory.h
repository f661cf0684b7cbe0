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
#define MEMORY_KEYS_MAX 64
#define MEMORY_SECRETS_MAX 16

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
} memory_grant;

typedef struct memory_secret {
    char *name;
    gh_secret *secret;
} memory_secret;

typedef struct memory_store {
    gh_store base;
    pthread_mutex_t lock;
    gh_table clients, flows, grants, codes, refresh;
    gh_stored_key keys[MEMORY_KEYS_MAX]; /* oldest first */
    size_t key_count;
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
/* Deletes expired grants, codes and refresh tokens. */
void memory_sweep_grants(memory_store *memory, int64_t now);

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

#endif

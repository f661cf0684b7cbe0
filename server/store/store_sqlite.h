/* The sqlite back end: what its files share.
 *
 * Two connections to one file, each behind its own lock: look-ups on the reader never wait for the disk that
 * a commit on the writer waits for. Every operation that changes something is one BEGIN IMMEDIATE … COMMIT,
 * so that several processes may share the file. */
#ifndef GH_SERVER_STORE_STORE_SQLITE_H
#define GH_SERVER_STORE_STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "server/store/store_private.h"

#define SQLITE_STORE_BUSY_MS 4000       /* for another process's transaction */
#define SQLITE_STORE_LOCK_MS 5000       /* for another thread's */
#define SQLITE_STORE_STATEMENTS_MAX 128 /* more than there are */
#define SQLITE_STORE_PROVED_MS 10000    /* a write proves for so long that the next one will do */
#define SQLITE_STORE_RETRY_MS 1000      /* between attempts to write while that fails */

typedef struct sqlite_cached {
    const char *sql; /* the caller's literal: compared by address */
    sqlite3_stmt *stmt;
} sqlite_cached;

typedef struct sqlite_conn {
    sqlite3 *db;
    /* A lock that is waited for with a deadline on the monotonic clock: `busy` is the owner's. */
    pthread_mutex_t mutex;
    pthread_cond_t released;
    bool busy;
    sqlite_cached cache[SQLITE_STORE_STATEMENTS_MAX];
    size_t cached;
    int changes;                     /* SQLite's count at the last commit; with the lock */
    atomic_int failure;              /* SQLite's code of the outage that it is in; 0: none is known */
    atomic_int_least64_t written_ms; /* when something was written last, by the monotonic clock */
    atomic_int_least64_t tried_ms;   /* when writing was tried last for no other reason */
} sqlite_conn;

typedef struct sqlite_store {
    gh_store base;
    sqlite_conn writer, reader;
    int presence; /* descriptor that tells other processes that the store is open, or -1 */
} sqlite_store;

/* Locks the writer and begins a transaction; every success is followed by one sqlite_end, which commits when
 * `status` is GH_OK and rolls back otherwise, unlocks, and returns what became of it. */
GH_MUST_USE gh_status sqlite_begin(gh_store *store, sqlite_conn **conn);
GH_MUST_USE gh_status sqlite_end(sqlite_conn *conn, gh_status status);
/* With the lock: ends a transaction that is open, if any. */
GH_MUST_USE gh_status sqlite_roll_back(sqlite_conn *conn);
/* Reads, and writes when nothing has been written for a while or the last time failed. A lock that another
 * thread or program holds is no outage. */
gh_status sqlite_ping(gh_store *store, gh_error *error);
/* Locks the reader, for one query. */
GH_MUST_USE gh_status sqlite_read(gh_store *store, sqlite_conn **conn);
void sqlite_unlock(sqlite_conn *conn);
/* Locks it only if that needs no waiting. */
GH_MUST_USE bool sqlite_lock_free(sqlite_conn *conn);

/* `types` has a letter per parameter: 't' const char * (NULL is NULL), 'i' int64_t, 's' const gh_secret *.
 * `sql` must be a literal: its prepared statement is kept. GH_ERR_CONFLICT when a row exists already,
 * GH_ERR_UNAVAILABLE for an outage (logged). */
GH_MUST_USE gh_status sqlite_run(sqlite_conn *conn, const char *sql, const char *types, ...);
/* First row: GH_OK and then sqlite_done(*row) after reading it, GH_ERR_NOT_FOUND without one. */
GH_MUST_USE gh_status sqlite_row(sqlite_conn *conn, sqlite3_stmt **row, const char *sql, const char *types,
                                 ...);
/* Next row of the same query: as sqlite_row. */
GH_MUST_USE gh_status sqlite_next(sqlite_conn *conn, sqlite3_stmt *row);
void sqlite_done(sqlite3_stmt *row);
/* Copies text columns `first`… into the slots, NULL as NULL; all or none. */
GH_MUST_USE gh_status sqlite_texts(sqlite3_stmt *row, int first, char **const *slots, size_t count);
GH_MUST_USE gh_status sqlite_blob(sqlite3_stmt *row, int column, gh_secret **secret);
/* Maps an error code, logs an outage and notes it. */
gh_status sqlite_failure(sqlite_conn *conn, int code);
/* Prepares it before it is used first. */
GH_MUST_USE gh_status sqlite_prepare(sqlite_conn *conn, const char *sql);
void sqlite_finalize(sqlite_conn *conn);

/* Makes or checks the file (regular, ours, private) and gives its absolute path, owned by the caller. */
GH_MUST_USE gh_status sqlite_file_prepare(const char *path, char **real, gh_error *error);
/* The schema: created in an empty file, brought up to date in an older one. And the settings of a connection.
 */
GH_MUST_USE gh_status sqlite_schema_prepare(sqlite3 *db, const char *path, gh_error *error);
GH_MUST_USE gh_status sqlite_connect(const char *path, bool reader, sqlite3 **db, gh_error *error);

/* Tells other processes that this one has the store open, until store->presence is closed. When nobody else
 * has, leases that a killed process left are dropped. */
GH_MUST_USE gh_status sqlite_presence_take(sqlite_store *store, const char *path, gh_error *error);

gh_status sqlite_client_add(gh_store *store, const gh_client *client, size_t cap, int64_t idle_s);
gh_status sqlite_client_get(gh_store *store, const char *id, gh_client *client);
#define SQLITE_CLIENT_COLUMNS "id, name, redirect_uris, grant_types, scope, uri, created_at, used_at"
GH_MUST_USE gh_status sqlite_client_columns(sqlite3_stmt *row, gh_client *client);
/* Inside a transaction: the number that a SELECT count(*) gives. */
GH_MUST_USE gh_status sqlite_count(sqlite_conn *conn, const char *sql, size_t *count);
gh_status sqlite_flow_add(gh_store *store, const gh_flow *flow, size_t cap);
gh_status sqlite_flow_get(gh_store *store, const char *id_hash, gh_flow *flow);
gh_status sqlite_flow_identify(gh_store *store, const char *id_hash, const char *subject, const char *name,
                               const char *email);
gh_status sqlite_flow_take(gh_store *store, const char *id_hash, gh_flow *flow);

gh_status sqlite_grant_add(gh_store *store, const gh_grant *grant, const gh_code *code);
gh_status sqlite_code_take(gh_store *store, const char *hash, gh_code *code);
gh_status sqlite_grant_get(gh_store *store, const char *id, gh_grant *grant);
gh_status sqlite_grant_alive(gh_store *store, const char *id);
gh_status sqlite_grant_revoke(gh_store *store, const char *id);
/* Inside a transaction. Inserting marks the client as used. */
GH_MUST_USE gh_status sqlite_grant_insert(sqlite_conn *conn, const gh_grant *grant);
GH_MUST_USE gh_status sqlite_grant_delete(sqlite_conn *conn, const char *id);
#define SQLITE_GRANT_COLUMNS                                                                                 \
    "g.id, g.client_id, g.subject, g.name, g.email, g.scope, g.resource, g.created_at, g.expires_at"
/* Reads SQLITE_GRANT_COLUMNS from column `first` on. */
GH_MUST_USE gh_status sqlite_grant_columns(sqlite3_stmt *row, int first, gh_grant *grant);

gh_status sqlite_refresh_add(gh_store *store, const char *hash, const char *grant_id, const char *client_id);
gh_status sqlite_refresh_rotate(gh_store *store, const char *hash, const char *new_hash,
                                const char *client_id, int64_t grace_s, int64_t grant_expires_at,
                                gh_refresh_outcome *outcome, gh_grant *grant);
gh_status sqlite_refresh_find(gh_store *store, const char *hash, const char *client_id, char **grant_id);

gh_status sqlite_keys(gh_store *store, gh_stored_key **keys, size_t *count);
gh_status sqlite_key_add(gh_store *store, const gh_stored_key *key);
gh_status sqlite_secret(gh_store *store, const char *name, size_t bytes, gh_secret **secret);
gh_status sqlite_key_rotate(gh_store *store, const gh_stored_key *key, int64_t retired_before);
gh_status sqlite_keys_version(gh_store *store, int64_t *version);
gh_status sqlite_pin(gh_store *store, const char *name, const char *value);
/* Pins the sealing key and seals what is not, or refuses a store that was sealed with another key. */
GH_MUST_USE gh_status sqlite_sealing_prepare(sqlite_store *store, const char *path, const char *fingerprint,
                                             gh_error *error);

gh_status sqlite_upstream_login_add(gh_store *store, const gh_upstream_login *login, size_t cap);
gh_status sqlite_upstream_login_take(gh_store *store, const char *state_hash, gh_upstream_login *login);
gh_status sqlite_upstream_tokens_get(gh_store *store, const char *grant_id, gh_upstream_tokens *tokens);
gh_status sqlite_upstream_tokens_put(gh_store *store, const gh_upstream_tokens *tokens);
gh_status sqlite_lease_take(gh_store *store, const char *name, const char *holder, int64_t ttl_s);
gh_status sqlite_lease_drop(gh_store *store, const char *name, const char *holder);
gh_status sqlite_device_add(gh_store *store, const gh_device *device, size_t cap);
gh_status sqlite_device_by_user_code(gh_store *store, const char *user_code_hash, gh_device *device);
gh_status sqlite_device_decide(gh_store *store, const char *user_code_hash, const gh_grant *grant);
gh_status sqlite_device_poll(gh_store *store, const char *device_hash, const char *client_id,
                             gh_device_poll *outcome, gh_grant *grant);

gh_status sqlite_grants(gh_store *store, size_t max, gh_grant **grants, size_t *count);
gh_status sqlite_clients(gh_store *store, size_t max, gh_client **clients, size_t *count);
gh_status sqlite_client_remove(gh_store *store, const char *id);

gh_status sqlite_sweep(gh_store *store);

#endif

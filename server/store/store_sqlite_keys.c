#include <stdlib.h>

#include "server/store/store_sqlite.h"
#include "shared/core/clock.h"

#define KEYS_MAX 64

static gh_status read_key(sqlite3_stmt *row, gh_stored_key *key)
{
    char **const slots[] = {&key->kid, &key->alg};
    gh_status status = sqlite_texts(row, 0, slots, 2);
    if (status == GH_OK) {
        status = sqlite_blob(row, 2, &key->pem);
    }
    key->created_at = sqlite3_column_int64(row, 3);
    key->active = sqlite3_column_int(row, 4) != 0;
    return status;
}

static gh_status select_keys(sqlite_conn *conn, gh_stored_key *keys, size_t *count)
{
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_row(conn, &row,
                                  "SELECT kid, alg, pem, created_at, active FROM keys"
                                  " ORDER BY created_at DESC, rowid DESC",
                                  "");
    while (status == GH_OK && *count < KEYS_MAX) {
        status = read_key(row, &keys[*count]);
        (*count)++; /* also a half-read one: the caller clears all of them */
        if (status != GH_OK) {
            sqlite_done(row);
            return status;
        }
        status = sqlite_next(conn, row);
    }
    if (status == GH_OK) {
        sqlite_done(row);
    }
    return status == GH_ERR_NOT_FOUND ? GH_OK : status;
}

gh_status sqlite_keys(gh_store *store, gh_stored_key **keys, size_t *count)
{
    sqlite_conn *conn = NULL;
    size_t found = 0;
    gh_stored_key *made = calloc(KEYS_MAX, sizeof(*made));
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    gh_status status = sqlite_read(store, &conn);
    if (status == GH_OK) {
        status = select_keys(conn, made, &found);
        sqlite_unlock(conn);
    }
    if (status == GH_OK) {
        *keys = made;
        *count = found;
        return GH_OK;
    }
    for (size_t i = 0; i < found; i++) {
        gh_stored_key_clear(&made[i]);
    }
    free(made);
    return status;
}

gh_status sqlite_key_add(gh_store *store, const gh_stored_key *key)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    /* A unique index allows one active key only. */
    status = sqlite_run(conn, "INSERT INTO keys VALUES (?1, ?2, ?3, ?4, 1)", "ttsi", key->kid, key->alg,
                        key->pem, key->created_at);
    return sqlite_end(conn, status);
}

static gh_status select_secret(sqlite_conn *conn, const char *name, gh_secret **secret)
{
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_row(conn, &row, "SELECT value FROM secrets WHERE name = ?1", "t", name);
    if (status == GH_OK) {
        status = sqlite_blob(row, 0, secret);
        sqlite_done(row);
    }
    return status;
}

gh_status sqlite_secret(gh_store *store, const char *name, size_t bytes, gh_secret **secret)
{
    sqlite_conn *conn = NULL;
    gh_secret *found = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = select_secret(conn, name, &found);
    if (status == GH_ERR_NOT_FOUND) {
        status = gh_store_random_secret(bytes, &found);
        if (status == GH_OK) {
            status = sqlite_run(conn, "INSERT INTO secrets VALUES (?1, ?2)", "ts", name, found);
        }
    }
    status = sqlite_end(conn, status);
    if (status != GH_OK) {
        gh_secret_free(found);
        return status;
    }
    *secret = found;
    return GH_OK;
}

static gh_status delete_expired(sqlite_conn *conn, int64_t now)
{
    const int64_t limit = GH_STORE_SWEEP_MAX;
    gh_status status = sqlite_run(conn,
                                  "DELETE FROM flows WHERE rowid IN"
                                  " (SELECT rowid FROM flows WHERE expires_at <= ?1 LIMIT ?2)",
                                  "ii", now, limit);
    if (status == GH_OK) {
        status = sqlite_run(conn,
                            "DELETE FROM codes WHERE rowid IN"
                            " (SELECT rowid FROM codes WHERE expires_at <= ?1 LIMIT ?2)",
                            "ii", now - GH_STORE_CODE_MEMORY_S, limit);
    }
    if (status == GH_OK) {
        status = sqlite_run(conn,
                            "DELETE FROM refresh_tokens WHERE rowid IN"
                            " (SELECT rowid FROM refresh_tokens WHERE expires_at <= ?1 LIMIT ?2)",
                            "ii", now, limit);
    }
    if (status == GH_OK) {
        /* Tokens first: a grant with thousands of them must not make one long transaction. */
        status = sqlite_run(conn,
                            "DELETE FROM grants WHERE rowid IN"
                            " (SELECT rowid FROM grants WHERE expires_at <= ?1 AND NOT EXISTS"
                            " (SELECT 1 FROM refresh_tokens WHERE grant_id = grants.id) LIMIT ?2)",
                            "ii", now, limit);
    }
    return status;
}

gh_status sqlite_sweep(gh_store *store)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, delete_expired(conn, gh_clock_wall_s()));
}

#include <stdlib.h>

#include "server/store/store_sqlite.h"
#include "shared/core/clock.h"

static const char KEY[] = "key:";
static const char SECRET[] = "secret:";

/* Columns: kid, alg, created_at, active, pem, sealed. */
static gh_status read_key(const gh_store *store, sqlite3_stmt *row, gh_stored_key *key)
{
    char **const slots[] = {&key->kid, &key->alg};
    gh_secret *kept = NULL;
    gh_status status = sqlite_texts(row, 0, slots, 2);
    if (status == GH_OK) {
        status = sqlite_blob(row, 4, &kept);
    }
    if (status == GH_OK) {
        status = gh_store_unseal(store, KEY, key->kid, kept, sqlite3_column_int(row, 5) != 0, &key->pem);
    }
    key->created_at = sqlite3_column_int64(row, 2);
    key->active = sqlite3_column_int(row, 3) != 0;
    gh_secret_free(kept);
    return status;
}

static gh_status select_keys(const gh_store *store, sqlite_conn *conn, gh_stored_key *keys, size_t *count)
{
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_row(conn, &row,
                                  "SELECT kid, alg, created_at, active, pem, sealed FROM keys"
                                  " ORDER BY created_at DESC, rowid DESC",
                                  "");
    while (status == GH_OK && *count < GH_STORE_KEYS_MAX) {
        status = read_key(store, row, &keys[*count]);
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
    gh_stored_key *made = calloc(GH_STORE_KEYS_MAX, sizeof(*made));
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    gh_status status = sqlite_read(store, &conn);
    if (status == GH_OK) {
        status = select_keys(store, conn, made, &found);
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

/* A unique index allows one active key only. */
static gh_status insert_key(const gh_store *store, sqlite_conn *conn, const gh_stored_key *key)
{
    gh_secret *kept = NULL;
    bool sealed = false;
    gh_status status = gh_store_seal(store, KEY, key->kid, key->pem, &kept, &sealed);
    if (status == GH_OK) {
        status = sqlite_run(conn,
                            "INSERT INTO keys(kid, alg, pem, created_at, active, retired_at, sealed)"
                            " VALUES (?1, ?2, ?3, ?4, 1, 0, ?5)",
                            "ttsii", key->kid, key->alg, kept, key->created_at, (int64_t)sealed);
    }
    gh_secret_free(kept);
    return status;
}

gh_status sqlite_key_add(gh_store *store, const gh_stored_key *key)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, insert_key(store, conn, key));
}

static gh_status rotate_key(const gh_store *store, sqlite_conn *conn, const gh_stored_key *key,
                            int64_t retired_before)
{
    size_t count = 0;
    gh_status status = sqlite_run(conn, "DELETE FROM keys WHERE active = 0 AND retired_at < ?1 AND kid <> ?2",
                                  "it", retired_before, key->kid);
    if (status == GH_OK) {
        status = sqlite_run(conn, "UPDATE keys SET active = 0, retired_at = ?1 WHERE active = 1", "i",
                            gh_clock_wall_s());
    }
    if (status == GH_OK) {
        status = insert_key(store, conn, key);
    }
    if (status == GH_OK) {
        status = sqlite_count(conn, "SELECT count(*) FROM keys", &count);
    }
    return status == GH_OK && count > GH_STORE_KEYS_MAX ? GH_ERR_TOO_LARGE : status;
}

gh_status sqlite_key_rotate(gh_store *store, const gh_stored_key *key, int64_t retired_before)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, rotate_key(store, conn, key, retired_before));
}

gh_status sqlite_keys_version(gh_store *store, int64_t *version)
{
    sqlite_conn *conn = NULL;
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_read(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    /* The newest key is never deleted, so that its row's number is not given again. */
    status = sqlite_row(conn, &row, "SELECT coalesce(max(rowid), 0) FROM keys", "");
    if (status == GH_OK) {
        *version = sqlite3_column_int64(row, 0);
        sqlite_done(row);
    }
    sqlite_unlock(conn);
    return status;
}

static gh_status select_secret(const gh_store *store, sqlite_conn *conn, const char *name, gh_secret **secret)
{
    sqlite3_stmt *row = NULL;
    gh_secret *kept = NULL;
    gh_status status = sqlite_row(conn, &row, "SELECT value, sealed FROM secrets WHERE name = ?1", "t", name);
    if (status == GH_OK) {
        bool sealed = sqlite3_column_int(row, 1) != 0;
        status = sqlite_blob(row, 0, &kept);
        sqlite_done(row);
        if (status == GH_OK) {
            status = gh_store_unseal(store, SECRET, name, kept, sealed, secret);
        }
    }
    gh_secret_free(kept);
    return status;
}

static gh_status make_secret(const gh_store *store, sqlite_conn *conn, const char *name, size_t bytes,
                             gh_secret **secret)
{
    gh_secret *kept = NULL;
    bool sealed = false;
    gh_status status = gh_store_random_secret(bytes, secret);
    if (status == GH_OK) {
        status = gh_store_seal(store, SECRET, name, *secret, &kept, &sealed);
    }
    if (status == GH_OK) {
        status = sqlite_run(conn, "INSERT INTO secrets(name, value, sealed) VALUES (?1, ?2, ?3)", "tsi", name,
                            kept, (int64_t)sealed);
    }
    gh_secret_free(kept);
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
    status = select_secret(store, conn, name, &found);
    if (status == GH_ERR_NOT_FOUND) {
        status = make_secret(store, conn, name, bytes, &found);
    }
    status = sqlite_end(conn, status);
    if (status != GH_OK) {
        gh_secret_free(found);
        return status;
    }
    *secret = found;
    return GH_OK;
}

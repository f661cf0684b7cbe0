/* Sealing at rest: which key a store was sealed with, and the first sealing of one that was not. */
#include <stdlib.h>
#include <string.h>

#include "server/store/store_sqlite.h"

static gh_status select_pin(sqlite_conn *conn, const char *name, char **value)
{
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_row(conn, &row, "SELECT value FROM pins WHERE name = ?1", "t", name);
    if (status == GH_OK) {
        char **const slots[] = {value};
        status = sqlite_texts(row, 0, slots, 1);
        sqlite_done(row);
    }
    return status;
}

/* *fresh: nothing was pinned before. */
static gh_status check_pin(sqlite_conn *conn, const char *name, const char *value, bool *fresh)
{
    char *pinned = NULL;
    gh_status status = select_pin(conn, name, &pinned);
    *fresh = status == GH_ERR_NOT_FOUND;
    if (*fresh) {
        status = sqlite_run(conn, "INSERT INTO pins VALUES (?1, ?2)", "tt", name, value);
    } else if (status == GH_OK && strcmp(pinned, value) != 0) {
        status = GH_ERR_CONFLICT;
    }
    free(pinned);
    return status;
}

gh_status sqlite_pin(gh_store *store, const char *name, const char *value)
{
    sqlite_conn *conn = NULL;
    bool fresh = false;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, check_pin(conn, name, value, &fresh));
}

typedef struct table_texts {
    const char *kind; /* of the label */
    const char *count, *select, *update;
} table_texts;

static const table_texts TABLES[] = {
    {"key:", "SELECT count(*) FROM keys WHERE sealed = 0",
     "SELECT kid, pem FROM keys WHERE sealed = 0 LIMIT 1",
     "UPDATE keys SET pem = ?2, sealed = 1 WHERE kid = ?1"},
    {"secret:", "SELECT count(*) FROM secrets WHERE sealed = 0",
     "SELECT name, value FROM secrets WHERE sealed = 0 LIMIT 1",
     "UPDATE secrets SET value = ?2, sealed = 1 WHERE name = ?1"},
};

static gh_status seal_row(const gh_store *store, sqlite_conn *conn, const table_texts *table)
{
    sqlite3_stmt *row = NULL;
    char *name = NULL;
    gh_secret *plain = NULL;
    gh_secret *kept = NULL;
    bool sealed = false;
    gh_status status = sqlite_row(conn, &row, table->select, "");
    if (status == GH_OK) {
        char **const slots[] = {&name};
        status = sqlite_texts(row, 0, slots, 1);
        if (status == GH_OK) {
            status = sqlite_blob(row, 1, &plain);
        }
        sqlite_done(row);
    }
    if (status == GH_OK) {
        status = gh_store_seal(store, table->kind, name, plain, &kept, &sealed);
    }
    if (status == GH_OK) {
        status = sqlite_run(conn, table->update, "ts", name, kept);
    }
    free(name);
    gh_secret_free(plain);
    gh_secret_free(kept);
    return status;
}

static gh_status seal_all(const gh_store *store, sqlite_conn *conn)
{
    gh_status status = GH_OK;
    for (size_t i = 0; status == GH_OK && i < sizeof(TABLES) / sizeof(TABLES[0]); i++) {
        size_t left = 0;
        status = sqlite_count(conn, TABLES[i].count, &left);
        for (; status == GH_OK && left > 0; left--) {
            status = seal_row(store, conn, &TABLES[i]);
        }
    }
    return status;
}

static gh_status pin_and_seal(sqlite_store *store, const char *fingerprint, bool *sealed)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(&store->base, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = check_pin(conn, GH_STORE_SEALING_PIN, fingerprint, sealed);
    if (status == GH_OK && *sealed) {
        status = seal_all(&store->base, conn);
    }
    return sqlite_end(conn, status);
}

/* GH_ERR_CONFLICT when the store is sealed. */
static gh_status check_unsealed(sqlite_store *store)
{
    char *pinned = NULL;
    gh_status status = select_pin(&store->writer, GH_STORE_SEALING_PIN, &pinned);
    free(pinned);
    if (status == GH_ERR_NOT_FOUND) {
        return GH_OK;
    }
    return status == GH_OK ? GH_ERR_CONFLICT : status;
}

gh_status sqlite_sealing_prepare(sqlite_store *store, const char *path, const char *fingerprint,
                                 gh_error *error)
{
    bool first = false;
    gh_status status = fingerprint == NULL ? check_unsealed(store) : pin_and_seal(store, fingerprint, &first);
    if (status == GH_OK && first) {
        /* The log beside the file still has what was unsealed; another process may keep it for a while. */
        (void)sqlite3_wal_checkpoint_v2(store->writer.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
    if (status == GH_OK) {
        return GH_OK;
    }
    if (status != GH_ERR_CONFLICT) {
        return gh_error_set(error, status, "The store %s could not be read or sealed: %s.", path,
                            gh_status_text(status));
    }
    return gh_error_set(
        error, GH_ERR_DENIED,
        fingerprint == NULL
            ? "The store %s is sealed with a secret key: give the file of that key with --secret-key-file. "
              "If it is lost, move the store away and start again; clients then register and sign in anew."
            : "The store %s was sealed with another key than --secret-key-file holds: give the file that was "
              "used before. If it is lost, move the store away and start again; clients then register and "
              "sign in anew.",
        path);
}

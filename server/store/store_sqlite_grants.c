#include "server/store/store_sqlite.h"
#include "shared/core/clock.h"

gh_status sqlite_grant_columns(sqlite3_stmt *row, int first, gh_grant *grant)
{
    char **const slots[] = {&grant->id,    &grant->client_id, &grant->subject, &grant->name,
                            &grant->email, &grant->scope,     &grant->resource};
    grant->created_at = sqlite3_column_int64(row, first + 7);
    grant->expires_at = sqlite3_column_int64(row, first + 8);
    return sqlite_texts(row, first, slots, 7);
}

gh_status sqlite_grant_insert(sqlite_conn *conn, const gh_grant *grant)
{
    gh_status status =
        sqlite_run(conn, "INSERT INTO grants VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", "tttttttii",
                   grant->id, grant->client_id, grant->subject, grant->name, grant->email, grant->scope,
                   grant->resource, grant->created_at, grant->expires_at);
    if (status == GH_OK) {
        status = sqlite_run(conn, "UPDATE clients SET used_at = ?2 WHERE id = ?1", "ti", grant->client_id,
                            gh_clock_wall_s());
    }
    return status;
}

static gh_status insert_both(sqlite_conn *conn, const gh_grant *grant, const gh_code *code)
{
    gh_status status = sqlite_grant_insert(conn, grant);
    if (status == GH_OK) {
        status = sqlite_run(conn, "INSERT INTO codes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)", "ttttttii",
                            code->hash, code->grant_id, code->client_id, code->redirect_uri, code->challenge,
                            code->resource, code->expires_at, code->granted_until);
    }
    return status;
}

gh_status sqlite_grant_add(gh_store *store, const gh_grant *grant, const gh_code *code)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, insert_both(conn, grant, code));
}

gh_status sqlite_grant_delete(sqlite_conn *conn, const char *id)
{
    return sqlite_run(conn, "DELETE FROM grants WHERE id = ?1", "t", id);
}

/* *alive: untaken, unexpired, of a living grant. */
static gh_status select_code(sqlite_conn *conn, const char *hash, gh_code *code, bool *taken, bool *alive)
{
    int64_t now = gh_clock_wall_s();
    sqlite3_stmt *row = NULL;
    gh_status status =
        sqlite_row(conn, &row,
                   "SELECT hash, grant_id, client_id, redirect_uri, challenge, resource, expires_at, taken,"
                   " EXISTS (SELECT 1 FROM grants WHERE id = grant_id AND expires_at > ?2), granted_until"
                   " FROM codes WHERE hash = ?1",
                   "ti", hash, now);
    if (status == GH_OK) {
        char **const slots[] = {&code->hash,         &code->grant_id,  &code->client_id,
                                &code->redirect_uri, &code->challenge, &code->resource};
        code->expires_at = sqlite3_column_int64(row, 6);
        *taken = sqlite3_column_int(row, 7) != 0;
        *alive = !*taken && code->expires_at > now && sqlite3_column_int(row, 8) != 0;
        code->granted_until = sqlite3_column_int64(row, 9);
        status = sqlite_texts(row, 0, slots, 6);
        sqlite_done(row);
    }
    return status;
}

gh_status sqlite_code_take(gh_store *store, const char *hash, gh_code *code)
{
    sqlite_conn *conn = NULL;
    gh_code found = {0};
    bool taken = false;
    bool alive = false;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = select_code(conn, hash, &found, &taken, &alive);
    if (status == GH_OK && taken) {
        status = sqlite_grant_delete(conn, found.grant_id);
    } else if (status == GH_OK && alive) {
        status = sqlite_run(conn, "UPDATE codes SET taken = 1 WHERE hash = ?1", "t", hash);
        if (status == GH_OK) {
            status = sqlite_run(conn, "UPDATE grants SET expires_at = ?2 WHERE id = ?1", "ti", found.grant_id,
                                found.granted_until);
        }
    }
    status = sqlite_end(conn, status);
    if (status == GH_OK && alive) {
        *code = found;
        return GH_OK;
    }
    gh_code_clear(&found);
    if (status != GH_OK) {
        return status;
    }
    return taken ? GH_ERR_CONFLICT : GH_ERR_NOT_FOUND;
}

gh_status sqlite_grant_get(gh_store *store, const char *id, gh_grant *grant)
{
    sqlite_conn *conn = NULL;
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_read(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = sqlite_row(conn, &row,
                        "SELECT " SQLITE_GRANT_COLUMNS " FROM grants g WHERE g.id = ?1 AND g.expires_at > ?2",
                        "ti", id, gh_clock_wall_s());
    if (status == GH_OK) {
        status = sqlite_grant_columns(row, 0, grant);
        sqlite_done(row);
    }
    sqlite_unlock(conn);
    return status;
}

gh_status sqlite_grant_alive(gh_store *store, const char *id)
{
    sqlite_conn *conn = NULL;
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_read(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = sqlite_row(conn, &row, "SELECT 1 FROM grants WHERE id = ?1 AND expires_at > ?2", "ti", id,
                        gh_clock_wall_s());
    if (status == GH_OK) {
        sqlite_done(row);
    }
    sqlite_unlock(conn);
    return status;
}

gh_status sqlite_grant_revoke(gh_store *store, const char *id)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, sqlite_grant_delete(conn, id));
}

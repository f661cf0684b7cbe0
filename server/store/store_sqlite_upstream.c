#include "server/store/store_sqlite.h"
#include "shared/core/clock.h"

static gh_status insert_login(sqlite_conn *conn, const gh_upstream_login *login, size_t cap)
{
    size_t count = 0;
    gh_status status = sqlite_run(conn, "INSERT INTO upstream_logins VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                                  "ttttti", login->state_hash, login->cookie_hash, login->flow_hash,
                                  login->nonce, login->sealed_verifier, login->expires_at);
    if (status == GH_OK) {
        status = sqlite_count(conn, "SELECT count(*) FROM upstream_logins", &count);
    }
    if (status == GH_OK && count > cap) {
        status = sqlite_run(conn,
                            "DELETE FROM upstream_logins WHERE rowid IN (SELECT rowid FROM upstream_logins"
                            " WHERE state_hash <> ?1 ORDER BY rowid LIMIT ?2)",
                            "ti", login->state_hash, (int64_t)(count - cap));
    }
    return status;
}

gh_status sqlite_upstream_login_add(gh_store *store, const gh_upstream_login *login, size_t cap)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, insert_login(conn, login, cap));
}

static gh_status select_login(sqlite_conn *conn, const char *state_hash, gh_upstream_login *login)
{
    sqlite3_stmt *row = NULL;
    gh_status status =
        sqlite_row(conn, &row,
                   "SELECT state_hash, cookie_hash, flow_hash, nonce, sealed_verifier, expires_at"
                   " FROM upstream_logins WHERE state_hash = ?1 AND expires_at > ?2",
                   "ti", state_hash, gh_clock_wall_s());
    if (status == GH_OK) {
        char **const slots[] = {&login->state_hash, &login->cookie_hash, &login->flow_hash, &login->nonce,
                                &login->sealed_verifier};
        login->expires_at = sqlite3_column_int64(row, 5);
        status = sqlite_texts(row, 0, slots, 5);
        sqlite_done(row);
    }
    return status;
}

gh_status sqlite_upstream_login_take(gh_store *store, const char *state_hash, gh_upstream_login *login)
{
    sqlite_conn *conn = NULL;
    gh_upstream_login taken = {0};
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = select_login(conn, state_hash, &taken);
    if (status == GH_OK) {
        status = sqlite_run(conn, "DELETE FROM upstream_logins WHERE state_hash = ?1", "t", state_hash);
    }
    status = sqlite_end(conn, status);
    if (status != GH_OK) {
        gh_upstream_login_clear(&taken);
        return status;
    }
    *login = taken;
    return GH_OK;
}

gh_status sqlite_upstream_tokens_get(gh_store *store, const char *grant_id, gh_upstream_tokens *tokens)
{
    sqlite_conn *conn = NULL;
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_read(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = sqlite_row(conn, &row,
                        "SELECT t.grant_id, t.sealed, t.expires_at, t.version"
                        " FROM upstream_tokens t JOIN grants g ON g.id = t.grant_id"
                        " WHERE t.grant_id = ?1 AND g.expires_at > ?2",
                        "ti", grant_id, gh_clock_wall_s());
    if (status == GH_OK) {
        char **const slots[] = {&tokens->grant_id, &tokens->sealed};
        tokens->expires_at = sqlite3_column_int64(row, 2);
        tokens->version = sqlite3_column_int64(row, 3);
        status = sqlite_texts(row, 0, slots, 2);
        sqlite_done(row);
    }
    sqlite_unlock(conn);
    return status;
}

/* Version 0 means that there is no row yet: its insertion then is the comparison. */
static gh_status write_tokens(sqlite_conn *conn, const gh_upstream_tokens *tokens)
{
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_row(conn, &row, "SELECT 1 FROM grants WHERE id = ?1 AND expires_at > ?2", "ti",
                                  tokens->grant_id, gh_clock_wall_s());
    if (status != GH_OK) {
        return status;
    }
    sqlite_done(row);
    if (tokens->version == 0) {
        return sqlite_run(conn, "INSERT INTO upstream_tokens VALUES (?1, ?2, ?3, 1)", "tti", tokens->grant_id,
                          tokens->sealed, tokens->expires_at);
    }
    status = sqlite_run(conn,
                        "UPDATE upstream_tokens SET sealed = ?2, expires_at = ?3, version = version + 1"
                        " WHERE grant_id = ?1 AND version = ?4",
                        "ttii", tokens->grant_id, tokens->sealed, tokens->expires_at, tokens->version);
    return status == GH_OK && sqlite3_changes(conn->db) == 0 ? GH_ERR_CONFLICT : status;
}

gh_status sqlite_upstream_tokens_put(gh_store *store, const gh_upstream_tokens *tokens)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, write_tokens(conn, tokens));
}

/* A lease that ends later than any can was taken before the clock was set back. */
static gh_status upsert_lease(sqlite_conn *conn, const char *name, const char *holder, int64_t ttl_s)
{
    int64_t now_ms = gh_clock_wall_ms();
    gh_status status = sqlite_run(
        conn,
        "INSERT INTO leases VALUES (?1, ?2, ?3) ON CONFLICT(name) DO UPDATE"
        " SET holder = excluded.holder, expires_at_ms = excluded.expires_at_ms"
        " WHERE leases.holder = excluded.holder OR leases.expires_at_ms <= ?4 OR leases.expires_at_ms > ?5",
        "ttiii", name, holder, now_ms + ttl_s * 1000, now_ms, now_ms + GH_STORE_LEASE_MAX_S * (int64_t)1000);
    return status == GH_OK && sqlite3_changes(conn->db) == 0 ? GH_ERR_CONFLICT : status;
}

gh_status sqlite_lease_take(gh_store *store, const char *name, const char *holder, int64_t ttl_s)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, upsert_lease(conn, name, holder, ttl_s));
}

gh_status sqlite_lease_drop(gh_store *store, const char *name, const char *holder)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = sqlite_run(conn, "DELETE FROM leases WHERE name = ?1 AND holder = ?2", "tt", name, holder);
    return sqlite_end(conn, status);
}

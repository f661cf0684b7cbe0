#include <stdlib.h>
#include <string.h>

#include "server/store/store_sqlite.h"
#include "shared/core/clock.h"

/* GH_OK when the grant lives and is this client's. */
static gh_status grant_of_client(sqlite_conn *conn, const char *grant_id, const char *client_id,
                                 int64_t *expires_at, bool *has_token)
{
    sqlite3_stmt *row = NULL;
    gh_status status =
        sqlite_row(conn, &row,
                   "SELECT expires_at, EXISTS (SELECT 1 FROM refresh_tokens WHERE grant_id = ?1)"
                   " FROM grants WHERE id = ?1 AND client_id = ?2 AND expires_at > ?3",
                   "tti", grant_id, client_id, gh_clock_wall_s());
    if (status == GH_OK) {
        *expires_at = sqlite3_column_int64(row, 0);
        *has_token = sqlite3_column_int(row, 1) != 0;
        sqlite_done(row);
    }
    return status;
}

static gh_status insert_token(sqlite_conn *conn, const char *hash, const char *grant_id, int64_t expires_at)
{
    return sqlite_run(conn, "INSERT INTO refresh_tokens(hash, grant_id, expires_at) VALUES (?1, ?2, ?3)",
                      "tti", hash, grant_id, expires_at);
}

gh_status sqlite_refresh_add(gh_store *store, const char *hash, const char *grant_id, const char *client_id)
{
    sqlite_conn *conn = NULL;
    int64_t expires_at = 0;
    bool has_token = false;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = grant_of_client(conn, grant_id, client_id, &expires_at, &has_token);
    if (status == GH_OK) {
        status = has_token ? GH_ERR_CONFLICT : insert_token(conn, hash, grant_id, expires_at);
    }
    return sqlite_end(conn, status);
}

typedef struct known_token {
    char *successor; /* NULL while it is the current one */
    int64_t rotated_at;
    gh_grant grant;
} known_token;

static void clear_token(known_token *token)
{
    free(token->successor);
    token->successor = NULL;
    gh_grant_clear(&token->grant);
}

/* A token of this client whose grant lives and which has not expired. */
static gh_status select_token(sqlite_conn *conn, const char *hash, const char *client_id, known_token *token)
{
    sqlite3_stmt *row = NULL;
    gh_status status =
        sqlite_row(conn, &row,
                   "SELECT r.successor, r.rotated_at, " SQLITE_GRANT_COLUMNS
                   " FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id"
                   " WHERE r.hash = ?1 AND g.client_id = ?2 AND r.expires_at > ?3 AND g.expires_at > ?3",
                   "tti", hash, client_id, gh_clock_wall_s());
    if (status == GH_OK) {
        char **const slots[] = {&token->successor};
        token->rotated_at = sqlite3_column_int64(row, 1);
        status = sqlite_texts(row, 0, slots, 1);
        if (status == GH_OK) {
            status = sqlite_grant_columns(row, 2, &token->grant);
        }
        sqlite_done(row);
    }
    return status;
}

static gh_status is_current(sqlite_conn *conn, const char *hash, bool *current)
{
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_row(
        conn, &row, "SELECT 1 FROM refresh_tokens WHERE hash = ?1 AND successor IS NULL", "t", hash);
    *current = status == GH_OK;
    if (status == GH_OK) {
        sqlite_done(row);
    }
    return status == GH_ERR_NOT_FOUND ? GH_OK : status;
}

/* A row that is added gets the highest rowid, so that these are in the order of rotation. */
static gh_status forget_old_tokens(sqlite_conn *conn, const char *grant_id)
{
    return sqlite_run(conn,
                      "DELETE FROM refresh_tokens WHERE grant_id = ?1 AND rowid <= (SELECT rowid"
                      " FROM refresh_tokens WHERE grant_id = ?1 ORDER BY rowid DESC LIMIT 1 OFFSET ?2)",
                      "ti", grant_id, (int64_t)GH_STORE_REFRESH_KEPT);
}

static gh_status advance(sqlite_conn *conn, const char *hash, const char *new_hash, known_token *token,
                         int64_t expires_at)
{
    gh_status status = insert_token(conn, new_hash, token->grant.id, expires_at);
    if (status == GH_OK) {
        status = sqlite_run(conn, "UPDATE refresh_tokens SET successor = ?2, rotated_at = ?3 WHERE hash = ?1",
                            "tti", hash, new_hash, gh_clock_wall_s());
    }
    if (status == GH_OK) {
        status = sqlite_run(conn, "UPDATE grants SET expires_at = ?2 WHERE id = ?1", "ti", token->grant.id,
                            expires_at);
        token->grant.expires_at = expires_at;
    }
    return status == GH_OK ? forget_old_tokens(conn, token->grant.id) : status;
}

static gh_status rotate(sqlite_conn *conn, const char *hash, const char *new_hash, int64_t grace_s,
                        int64_t expires_at, known_token *token, gh_refresh_outcome *outcome)
{
    bool unused = false;
    if (token->successor == NULL) {
        *outcome = GH_REFRESH_ROTATED;
        return advance(conn, hash, new_hash, token, expires_at);
    }
    gh_status status = is_current(conn, token->successor, &unused);
    if (status != GH_OK) {
        return status;
    }
    bool in_time = grace_s > 0 && gh_clock_wall_s() - token->rotated_at <= grace_s;
    if (unused && in_time && strcmp(token->successor, new_hash) == 0) {
        *outcome = GH_REFRESH_REPEATED;
        return GH_OK;
    }
    *outcome = GH_REFRESH_REUSED;
    return sqlite_grant_delete(conn, token->grant.id);
}

gh_status sqlite_refresh_rotate(gh_store *store, const char *hash, const char *new_hash,
                                const char *client_id, int64_t grace_s, int64_t grant_expires_at,
                                gh_refresh_outcome *outcome, gh_grant *grant)
{
    sqlite_conn *conn = NULL;
    known_token token = {0};
    gh_refresh_outcome result = GH_REFRESH_UNKNOWN;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = select_token(conn, hash, client_id, &token);
    if (status == GH_OK) {
        status = rotate(conn, hash, new_hash, grace_s, grant_expires_at, &token, &result);
    } else if (status == GH_ERR_NOT_FOUND) {
        status = GH_OK;
    }
    status = sqlite_end(conn, status);
    if (status == GH_OK) {
        *outcome = result;
        if (result == GH_REFRESH_ROTATED || result == GH_REFRESH_REPEATED) {
            *grant = token.grant;
            token.grant = (gh_grant){0};
        }
    }
    clear_token(&token);
    return status;
}

gh_status sqlite_refresh_find(gh_store *store, const char *hash, const char *client_id, char **grant_id)
{
    sqlite_conn *conn = NULL;
    known_token token = {0};
    gh_status status = sqlite_read(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = select_token(conn, hash, client_id, &token);
    sqlite_unlock(conn);
    if (status == GH_OK) {
        *grant_id = token.grant.id;
        token.grant.id = NULL;
    }
    clear_token(&token);
    return status;
}

#include "server/store/store_sqlite.h"
#include "shared/core/clock.h"

gh_status sqlite_count(sqlite_conn *conn, const char *sql, size_t *count)
{
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_row(conn, &row, sql, "");
    if (status == GH_OK) {
        *count = (size_t)sqlite3_column_int64(row, 0);
        sqlite_done(row);
    }
    return status;
}

static gh_status make_room(sqlite_conn *conn, size_t cap, int64_t idle_s)
{
    size_t count = 0;
    int64_t now = gh_clock_wall_s();
    gh_status status = sqlite_count(conn, "SELECT count(*) FROM clients", &count);
    if (status != GH_OK || count < cap) {
        return status;
    }
    int64_t excess = (int64_t)(count - cap) + 1;
    status = sqlite_run(conn,
                        "DELETE FROM clients WHERE rowid IN (SELECT rowid FROM clients"
                        " WHERE seen_at <= ?1 AND NOT EXISTS"
                        " (SELECT 1 FROM grants g WHERE g.client_id = clients.id AND g.expires_at > ?3)"
                        " ORDER BY used_at, created_at, rowid LIMIT ?2)",
                        "iii", now - idle_s, excess, now);
    if (status == GH_OK && sqlite3_changes(conn->db) < excess) {
        status = GH_ERR_TOO_LARGE;
    }
    return status;
}

static gh_status client_exists(sqlite_conn *conn, const char *id)
{
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_row(conn, &row, "SELECT 1 FROM clients WHERE id = ?1", "t", id);
    if (status == GH_OK) {
        sqlite_done(row);
    }
    return status;
}

static gh_status insert_client(sqlite_conn *conn, const gh_client *client, size_t cap, int64_t idle_s)
{
    gh_status status = client_exists(conn, client->id);
    if (status != GH_ERR_NOT_FOUND) {
        return status == GH_OK ? GH_ERR_CONFLICT : status;
    }
    status = make_room(conn, cap, idle_s);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_run(conn, "INSERT INTO clients VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?7)", "ttttttii",
                      client->id, client->name, client->redirect_uris, client->grant_types, client->scope,
                      client->uri, client->created_at, client->used_at);
}

gh_status sqlite_client_add(gh_store *store, const gh_client *client, size_t cap, int64_t idle_s)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, insert_client(conn, client, cap, idle_s));
}

gh_status sqlite_client_columns(sqlite3_stmt *row, gh_client *client)
{
    char **const slots[] = {&client->id,          &client->name,  &client->redirect_uris,
                            &client->grant_types, &client->scope, &client->uri};
    client->created_at = sqlite3_column_int64(row, 6);
    client->used_at = sqlite3_column_int64(row, 7);
    return sqlite_texts(row, 0, slots, 6);
}

gh_status sqlite_client_get(gh_store *store, const char *id, gh_client *client)
{
    sqlite_conn *conn = NULL;
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_read(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = sqlite_row(conn, &row, "SELECT " SQLITE_CLIENT_COLUMNS " FROM clients WHERE id = ?1", "t", id);
    if (status == GH_OK) {
        status = sqlite_client_columns(row, client);
        sqlite_done(row);
    }
    sqlite_unlock(conn);
    return status;
}

static gh_status insert_flow(sqlite_conn *conn, const gh_flow *flow, size_t cap)
{
    size_t count = 0;
    gh_status status = sqlite_run(
        conn, "INSERT INTO flows VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)", "ttttttttttti",
        flow->id_hash, flow->cookie_hash, flow->client_id, flow->redirect_uri, flow->state, flow->scope,
        flow->resource, flow->challenge, flow->subject, flow->name, flow->email, flow->expires_at);
    if (status == GH_OK) {
        status = sqlite_count(conn, "SELECT count(*) FROM flows", &count);
    }
    if (status == GH_OK && count > cap) {
        status = sqlite_run(conn,
                            "DELETE FROM flows WHERE rowid IN (SELECT rowid FROM flows WHERE id_hash <> ?1"
                            " ORDER BY rowid LIMIT ?2)",
                            "ti", flow->id_hash, (int64_t)(count - cap));
    }
    if (status == GH_OK) {
        status = sqlite_run(conn, "UPDATE clients SET seen_at = ?2 WHERE id = ?1", "ti", flow->client_id,
                            gh_clock_wall_s());
    }
    return status;
}

gh_status sqlite_flow_add(gh_store *store, const gh_flow *flow, size_t cap)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, insert_flow(conn, flow, cap));
}

static gh_status select_flow(sqlite_conn *conn, const char *id_hash, gh_flow *flow)
{
    sqlite3_stmt *row = NULL;
    gh_status status =
        sqlite_row(conn, &row,
                   "SELECT id_hash, cookie_hash, client_id, redirect_uri, state, scope, resource,"
                   " challenge, subject, name, email, expires_at"
                   " FROM flows WHERE id_hash = ?1 AND expires_at > ?2",
                   "ti", id_hash, gh_clock_wall_s());
    if (status == GH_OK) {
        char **const slots[] = {&flow->id_hash, &flow->cookie_hash, &flow->client_id, &flow->redirect_uri,
                                &flow->state,   &flow->scope,       &flow->resource,  &flow->challenge,
                                &flow->subject, &flow->name,        &flow->email};
        flow->expires_at = sqlite3_column_int64(row, 11);
        status = sqlite_texts(row, 0, slots, 11);
        sqlite_done(row);
    }
    return status;
}

gh_status sqlite_flow_get(gh_store *store, const char *id_hash, gh_flow *flow)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_read(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = select_flow(conn, id_hash, flow);
    sqlite_unlock(conn);
    return status;
}

static gh_status update_flow(sqlite_conn *conn, const char *id_hash, const char *subject, const char *name,
                             const char *email)
{
    gh_status status = sqlite_run(conn,
                                  "UPDATE flows SET subject = ?2, name = ?3, email = ?4"
                                  " WHERE id_hash = ?1 AND expires_at > ?5",
                                  "tttti", id_hash, subject, name, email, gh_clock_wall_s());
    return status == GH_OK && sqlite3_changes(conn->db) == 0 ? GH_ERR_NOT_FOUND : status;
}

gh_status sqlite_flow_identify(gh_store *store, const char *id_hash, const char *subject, const char *name,
                               const char *email)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, update_flow(conn, id_hash, subject, name, email));
}

gh_status sqlite_flow_take(gh_store *store, const char *id_hash, gh_flow *flow)
{
    sqlite_conn *conn = NULL;
    gh_flow taken = {0};
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = select_flow(conn, id_hash, &taken);
    if (status == GH_OK) {
        status = sqlite_run(conn, "DELETE FROM flows WHERE id_hash = ?1", "t", id_hash);
    }
    status = sqlite_end(conn, status);
    if (status != GH_OK) {
        gh_flow_clear(&taken);
        return status;
    }
    *flow = taken;
    return GH_OK;
}

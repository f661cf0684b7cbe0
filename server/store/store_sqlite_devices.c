#include <string.h>

#include "server/store/store_sqlite.h"
#include "shared/core/clock.h"

#define DEVICE_COLUMNS                                                                                       \
    "device_hash, user_code_hash, client_id, scope, resource, grant_id, state, interval_s, polled_at,"       \
    " expires_at"

static gh_status device_columns(sqlite3_stmt *row, gh_device *device)
{
    char **const slots[] = {&device->device_hash, &device->user_code_hash, &device->client_id,
                            &device->scope,       &device->resource,       &device->grant_id};
    device->state = (gh_device_state)sqlite3_column_int(row, 6);
    device->interval_s = sqlite3_column_int64(row, 7);
    device->polled_at = sqlite3_column_int64(row, 8);
    device->expires_at = sqlite3_column_int64(row, 9);
    return sqlite_texts(row, 0, slots, 6);
}

static gh_status by_user_code(sqlite_conn *conn, const char *hash, gh_device *device)
{
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_row(
        conn, &row, "SELECT " DEVICE_COLUMNS " FROM devices WHERE user_code_hash = ?1 AND expires_at > ?2",
        "ti", hash, gh_clock_wall_s());
    if (status == GH_OK) {
        status = device_columns(row, device);
        sqlite_done(row);
    }
    return status;
}

static gh_status by_device_code(sqlite_conn *conn, const char *hash, const char *client_id, gh_device *device)
{
    sqlite3_stmt *row = NULL;
    gh_status status =
        sqlite_row(conn, &row,
                   "SELECT " DEVICE_COLUMNS " FROM devices WHERE device_hash = ?1 AND client_id = ?2"
                   " AND expires_at > ?3",
                   "tti", hash, client_id, gh_clock_wall_s());
    if (status == GH_OK) {
        status = device_columns(row, device);
        sqlite_done(row);
    }
    return status;
}

static gh_status insert_device(sqlite_conn *conn, const gh_device *device, size_t cap)
{
    size_t count = 0;
    gh_status status =
        sqlite_run(conn, "INSERT INTO devices VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, ?7, 0, ?8)", "tttttiii",
                   device->device_hash, device->user_code_hash, device->client_id, device->scope,
                   device->resource, (int64_t)GH_DEVICE_PENDING, device->interval_s, device->expires_at);
    if (status == GH_OK) {
        status = sqlite_count(conn, "SELECT count(*) FROM devices", &count);
    }
    if (status != GH_OK || count <= cap) {
        return status;
    }
    int64_t excess = (int64_t)(count - cap);
    status = sqlite_run(conn,
                        "DELETE FROM devices WHERE rowid IN (SELECT rowid FROM devices"
                        " WHERE state <> ?1 AND device_hash <> ?2 ORDER BY rowid LIMIT ?3)",
                        "iti", (int64_t)GH_DEVICE_APPROVED, device->device_hash, excess);
    return status == GH_OK && sqlite3_changes(conn->db) < excess ? GH_ERR_TOO_LARGE : status;
}

gh_status sqlite_device_add(gh_store *store, const gh_device *device, size_t cap)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, insert_device(conn, device, cap));
}

gh_status sqlite_device_by_user_code(gh_store *store, const char *user_code_hash, gh_device *device)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_read(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = by_user_code(conn, user_code_hash, device);
    sqlite_unlock(conn);
    return status;
}

static gh_status decide(sqlite_conn *conn, const char *user_code_hash, const gh_grant *grant)
{
    gh_device device = {0};
    gh_status status = by_user_code(conn, user_code_hash, &device);
    if (status == GH_OK && device.state != GH_DEVICE_PENDING) {
        status = GH_ERR_NOT_FOUND;
    }
    if (status == GH_OK && grant != NULL) {
        status = strcmp(device.client_id, grant->client_id) == 0 ? sqlite_grant_insert(conn, grant)
                                                                 : GH_ERR_INVALID;
    }
    if (status == GH_OK) {
        status =
            sqlite_run(conn, "UPDATE devices SET state = ?2, grant_id = ?3 WHERE user_code_hash = ?1", "tit",
                       user_code_hash, (int64_t)(grant != NULL ? GH_DEVICE_APPROVED : GH_DEVICE_DENIED),
                       grant != NULL ? grant->id : (const char *)NULL);
    }
    gh_device_clear(&device);
    return status;
}

gh_status sqlite_device_decide(gh_store *store, const char *user_code_hash, const gh_grant *grant)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, decide(conn, user_code_hash, grant));
}

static gh_status poll_pending(sqlite_conn *conn, const gh_device *device, gh_device_poll *outcome)
{
    int64_t now = gh_clock_wall_s();
    bool soon = device->polled_at != 0 && now - device->polled_at < device->interval_s;
    *outcome = soon ? GH_DEVICE_POLL_SLOW_DOWN : GH_DEVICE_POLL_PENDING;
    return sqlite_run(
        conn, "UPDATE devices SET polled_at = ?2, interval_s = interval_s + ?3 WHERE device_hash = ?1", "tii",
        device->device_hash, now, (int64_t)(soon ? GH_STORE_INTERVAL_STEP_S : 0));
}

static gh_status select_grant(sqlite_conn *conn, const char *id, gh_grant *grant)
{
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_row(
        conn, &row, "SELECT " SQLITE_GRANT_COLUMNS " FROM grants g WHERE g.id = ?1 AND g.expires_at > ?2",
        "ti", id, gh_clock_wall_s());
    if (status == GH_OK) {
        status = sqlite_grant_columns(row, 0, grant);
        sqlite_done(row);
    }
    return status;
}

static gh_status answer_poll(sqlite_conn *conn, const gh_device *device, gh_device_poll *outcome,
                             gh_grant *grant)
{
    gh_status status = GH_OK;
    if (device->state == GH_DEVICE_PENDING) {
        return poll_pending(conn, device, outcome);
    }
    *outcome = GH_DEVICE_POLL_DENIED;
    if (device->state == GH_DEVICE_APPROVED) {
        status = select_grant(conn, device->grant_id, grant);
        *outcome = status == GH_OK ? GH_DEVICE_POLL_GRANTED : GH_DEVICE_POLL_UNKNOWN;
        status = status == GH_ERR_NOT_FOUND ? GH_OK : status;
    }
    if (status == GH_OK) {
        status = sqlite_run(conn, "DELETE FROM devices WHERE device_hash = ?1", "t", device->device_hash);
    }
    return status;
}

gh_status sqlite_device_poll(gh_store *store, const char *device_hash, const char *client_id,
                             gh_device_poll *outcome, gh_grant *grant)
{
    sqlite_conn *conn = NULL;
    gh_device device = {0};
    gh_grant found = {0};
    gh_device_poll result = GH_DEVICE_POLL_UNKNOWN;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = by_device_code(conn, device_hash, client_id, &device);
    if (status == GH_OK) {
        status = answer_poll(conn, &device, &result, &found);
    } else if (status == GH_ERR_NOT_FOUND) {
        status = GH_OK;
    }
    status = sqlite_end(conn, status);
    if (status == GH_OK) {
        *outcome = result;
        if (result == GH_DEVICE_POLL_GRANTED) {
            *grant = found;
            found = (gh_grant){0};
        }
    }
    gh_grant_clear(&found);
    gh_device_clear(&device);
    return status;
}

/* Lists, the removal of a client, and the sweep. */
#include <stdlib.h>

#include "server/store/store_sqlite.h"
#include "shared/core/clock.h"

#define LIST_STEP 32

/* Room for one more in an array of `count` zeroed elements, whose capacity is *room. */
static gh_status extend(void **items, size_t *room, size_t count, size_t size)
{
    if (count < *room) {
        return GH_OK;
    }
    size_t wanted = *room == 0 ? LIST_STEP : *room * 2;
    void *grown = reallocarray(*items, wanted, size);
    if (grown == NULL) {
        return GH_ERR_NOMEM;
    }
    *items = grown;
    *room = wanted;
    return GH_OK;
}

static int64_t limit_of(size_t max)
{
    return max > INT64_MAX ? INT64_MAX : (int64_t)max;
}

static gh_status append_grant(sqlite3_stmt *row, gh_grant **grants, size_t *room, size_t *count)
{
    void *items = *grants;
    gh_status status = extend(&items, room, *count, sizeof(**grants));
    *grants = items;
    if (status == GH_OK) {
        (*grants)[*count] = (gh_grant){0};
        status = sqlite_grant_columns(row, 0, &(*grants)[*count]);
    }
    if (status == GH_OK) {
        (*count)++;
    }
    return status;
}

static gh_status select_grants(sqlite_conn *conn, size_t max, gh_grant **grants, size_t *count)
{
    sqlite3_stmt *row = NULL;
    size_t room = 0;
    gh_status status = sqlite_row(conn, &row,
                                  "SELECT " SQLITE_GRANT_COLUMNS " FROM grants g WHERE g.expires_at > ?1"
                                  " ORDER BY g.created_at DESC, g.rowid DESC LIMIT ?2",
                                  "ii", gh_clock_wall_s(), limit_of(max));
    while (status == GH_OK) {
        status = append_grant(row, grants, &room, count);
        if (status != GH_OK) {
            sqlite_done(row);
            return status;
        }
        status = sqlite_next(conn, row);
    }
    return status == GH_ERR_NOT_FOUND ? GH_OK : status;
}

gh_status sqlite_grants(gh_store *store, size_t max, gh_grant **grants, size_t *count)
{
    sqlite_conn *conn = NULL;
    gh_grant *made = NULL;
    size_t found = 0;
    gh_status status = sqlite_read(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = select_grants(conn, max, &made, &found);
    sqlite_unlock(conn);
    if (status == GH_OK) {
        *grants = made;
        *count = found;
        return GH_OK;
    }
    for (size_t i = 0; i < found; i++) {
        gh_grant_clear(&made[i]);
    }
    free(made);
    return status;
}

static gh_status append_client(sqlite3_stmt *row, gh_client **clients, size_t *room, size_t *count)
{
    void *items = *clients;
    gh_status status = extend(&items, room, *count, sizeof(**clients));
    *clients = items;
    if (status == GH_OK) {
        (*clients)[*count] = (gh_client){0};
        status = sqlite_client_columns(row, &(*clients)[*count]);
    }
    if (status == GH_OK) {
        (*count)++;
    }
    return status;
}

static gh_status select_clients(sqlite_conn *conn, size_t max, gh_client **clients, size_t *count)
{
    sqlite3_stmt *row = NULL;
    size_t room = 0;
    gh_status status = sqlite_row(conn, &row,
                                  "SELECT " SQLITE_CLIENT_COLUMNS
                                  " FROM clients ORDER BY created_at DESC, rowid DESC LIMIT ?1",
                                  "i", limit_of(max));
    while (status == GH_OK) {
        status = append_client(row, clients, &room, count);
        if (status != GH_OK) {
            sqlite_done(row);
            return status;
        }
        status = sqlite_next(conn, row);
    }
    return status == GH_ERR_NOT_FOUND ? GH_OK : status;
}

gh_status sqlite_clients(gh_store *store, size_t max, gh_client **clients, size_t *count)
{
    sqlite_conn *conn = NULL;
    gh_client *made = NULL;
    size_t found = 0;
    gh_status status = sqlite_read(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = select_clients(conn, max, &made, &found);
    sqlite_unlock(conn);
    if (status == GH_OK) {
        *clients = made;
        *count = found;
        return GH_OK;
    }
    for (size_t i = 0; i < found; i++) {
        gh_client_clear(&made[i]);
    }
    free(made);
    return status;
}

static gh_status delete_client(sqlite_conn *conn, const char *id)
{
    static const struct {
        const char *sql;
        bool counts;
    } steps[] = {{"DELETE FROM grants WHERE client_id = ?1", true},
                 {"DELETE FROM devices WHERE client_id = ?1", true},
                 {"DELETE FROM clients WHERE id = ?1", true},
                 {"DELETE FROM flows WHERE client_id = ?1", false},
                 {"DELETE FROM codes WHERE client_id = ?1", false}};
    gh_status status = GH_OK;
    int64_t removed = 0;
    for (size_t i = 0; status == GH_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        status = sqlite_run(conn, steps[i].sql, "t", id);
        removed += status == GH_OK && steps[i].counts ? sqlite3_changes(conn->db) : 0;
    }
    return status == GH_OK && removed == 0 ? GH_ERR_NOT_FOUND : status;
}

gh_status sqlite_client_remove(gh_store *store, const char *id)
{
    sqlite_conn *conn = NULL;
    gh_status status = sqlite_begin(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    return sqlite_end(conn, delete_client(conn, id));
}

/* A statement's parameters: the time, and how many rows. */
typedef struct sweep_step {
    const char *sql;
    int64_t before;
} sweep_step;

static gh_status delete_expired(sqlite_conn *conn, int64_t now)
{
    const sweep_step steps[] = {
        {"DELETE FROM flows WHERE rowid IN (SELECT rowid FROM flows WHERE expires_at <= ?1 LIMIT ?2)", now},
        {"DELETE FROM upstream_logins WHERE rowid IN"
         " (SELECT rowid FROM upstream_logins WHERE expires_at <= ?1 LIMIT ?2)",
         now},
        {"DELETE FROM leases WHERE rowid IN (SELECT rowid FROM leases WHERE expires_at_ms <= ?1 LIMIT ?2)",
         now * 1000},
        /* What was approved and never fetched goes with its grant. */
        {"DELETE FROM grants WHERE id IN (SELECT grant_id FROM devices"
         " WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
         now},
        {"DELETE FROM devices WHERE rowid IN (SELECT rowid FROM devices"
         " WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
         now},
        {"DELETE FROM codes WHERE rowid IN (SELECT rowid FROM codes WHERE expires_at <= ?1 LIMIT ?2)",
         now - GH_STORE_CODE_MEMORY_S},
        {"DELETE FROM refresh_tokens WHERE rowid IN"
         " (SELECT rowid FROM refresh_tokens WHERE expires_at <= ?1 LIMIT ?2)",
         now},
        /* Tokens first: a grant with thousands of them must not make one long transaction. */
        {"DELETE FROM grants WHERE rowid IN"
         " (SELECT rowid FROM grants WHERE expires_at <= ?1 AND NOT EXISTS"
         " (SELECT 1 FROM refresh_tokens WHERE grant_id = grants.id) LIMIT ?2)",
         now},
    };
    gh_status status = GH_OK;
    for (size_t i = 0; status == GH_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
        status = sqlite_run(conn, steps[i].sql, "ii", steps[i].before, (int64_t)GH_STORE_SWEEP_MAX);
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

/* Does the store still read and write? */
#include "server/store/store_sqlite.h"
#include "shared/core/clock.h"

static gh_status refuse(sqlite_conn *conn, const char *what, gh_error *error)
{
    int code = atomic_load(&conn->failure);
    return gh_error_set(error, GH_ERR_UNAVAILABLE,
                        "The store cannot be %s: %s. Check the disk and the permissions.", what,
                        code != 0 ? sqlite3_errstr(code) : "it does not answer");
}

static gh_status read_something(gh_store *store)
{
    sqlite_conn *conn = NULL;
    sqlite3_stmt *row = NULL;
    gh_status status = sqlite_read(store, &conn);
    if (status != GH_OK) {
        return status;
    }
    status = sqlite_row(conn, &row, "SELECT count(*) FROM keys", "");
    if (status == GH_OK) {
        sqlite_done(row);
        atomic_store(&conn->failure, 0);
    }
    sqlite_unlock(conn);
    return status;
}

/* A row that is written anew: a transaction that changes nothing would not get as far as the disk. */
static void write_something(sqlite_conn *conn)
{
    gh_status status = sqlite_roll_back(conn);
    (void)sqlite3_busy_timeout(conn->db, 0);
    int code = status == GH_OK ? sqlite3_exec(conn->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) : SQLITE_BUSY;
    (void)sqlite3_busy_timeout(conn->db, SQLITE_STORE_BUSY_MS);
    if (code == SQLITE_OK) {
        status = sqlite_run(conn, "INSERT OR REPLACE INTO pins VALUES ('written', 'a moment ago')", "");
        status = sqlite_end(conn, status);
        (void)status; /* it has been noted */
        return;
    }
    if ((code & 0xff) != SQLITE_BUSY) { /* which is another program that writes */
        (void)sqlite_failure(conn, code);
    }
    sqlite_unlock(conn);
}

/* Is it time to try? Once for all who ask. */
static bool is_due(sqlite_conn *conn)
{
    int64_t now = gh_clock_mono_ms();
    int64_t tried = atomic_load(&conn->tried_ms);
    bool failing = atomic_load(&conn->failure) != 0;
    bool due = failing ? now - tried >= SQLITE_STORE_RETRY_MS
                       : now - atomic_load(&conn->written_ms) >= SQLITE_STORE_PROVED_MS;
    return due && atomic_compare_exchange_strong(&conn->tried_ms, &tried, now);
}

gh_status sqlite_ping(gh_store *store, gh_error *error)
{
    sqlite_store *sqlite = (sqlite_store *)store;
    sqlite_conn *writer = &sqlite->writer;
    if (read_something(store) != GH_OK) {
        return refuse(&sqlite->reader, "read", error);
    }
    if (is_due(writer) && sqlite_lock_free(writer)) {
        write_something(writer);
    }
    return atomic_load(&writer->failure) == 0 ? GH_OK : refuse(writer, "written", error);
}

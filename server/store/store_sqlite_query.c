#include <stdarg.h>
#include <stdlib.h>

#include "server/store/store_sqlite.h"
#include "shared/core/log.h"

gh_status sqlite_failure(sqlite_conn *conn, int code)
{
    if (code == SQLITE_IOERR_NOMEM) {
        return GH_ERR_NOMEM;
    }
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return GH_ERR_CONFLICT;
    case SQLITE_NOMEM:
        return GH_ERR_NOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        gh_log_error("The store is locked by another program for too long (sqlite code %d).", code);
        return GH_ERR_UNAVAILABLE;
    default:
        atomic_store(&conn->failure, code);
        gh_log_error("The store failed: %s (sqlite code %d). Check the disk and the file's permissions.",
                     sqlite3_errmsg(conn->db), code);
        return GH_ERR_UNAVAILABLE;
    }
}

static gh_status prepare(sqlite_conn *conn, const char *sql, sqlite3_stmt **stmt)
{
    for (size_t i = 0; i < conn->cached; i++) {
        if (conn->cache[i].sql == sql) {
            *stmt = conn->cache[i].stmt;
            return GH_OK;
        }
    }
    if (conn->cached == SQLITE_STORE_STATEMENTS_MAX) {
        return GH_ERR_UNAVAILABLE;
    }
    int code = sqlite3_prepare_v3(conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    if (code != SQLITE_OK) {
        return sqlite_failure(conn, code);
    }
    conn->cache[conn->cached++] = (sqlite_cached){sql, *stmt};
    return GH_OK;
}

gh_status sqlite_prepare(sqlite_conn *conn, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    return prepare(conn, sql, &stmt);
}

void sqlite_finalize(sqlite_conn *conn)
{
    for (size_t i = 0; i < conn->cached; i++) {
        sqlite3_finalize(conn->cache[i].stmt);
    }
    conn->cached = 0;
}

static int bind_secret(sqlite3_stmt *stmt, int index, const gh_secret *secret)
{
    gh_view view = gh_secret_view(secret);
    return sqlite3_bind_blob64(stmt, index, view.ptr, view.len, SQLITE_STATIC);
}

/* The caller's values outlive the step, and sqlite_done unbinds them. */
static int bind(sqlite3_stmt *stmt, const char *types, va_list args)
{
    int code = SQLITE_OK;
    for (int index = 1; types[index - 1] != '\0' && code == SQLITE_OK; index++) {
        switch (types[index - 1]) {
        case 't':
            code = sqlite3_bind_text(stmt, index, va_arg(args, const char *), -1, SQLITE_STATIC);
            break;
        case 's':
            code = bind_secret(stmt, index, va_arg(args, const gh_secret *));
            break;
        default:
            code = sqlite3_bind_int64(stmt, index, va_arg(args, int64_t));
            break;
        }
    }
    return code;
}

gh_status sqlite_next(sqlite_conn *conn, sqlite3_stmt *row)
{
    int code = sqlite3_step(row);
    if (code == SQLITE_ROW) {
        return GH_OK;
    }
    gh_status status = code == SQLITE_DONE ? GH_ERR_NOT_FOUND : sqlite_failure(conn, code);
    sqlite_done(row);
    return status;
}

static gh_status start(sqlite_conn *conn, sqlite3_stmt **row, const char *sql, const char *types,
                       va_list args)
{
    gh_status status = prepare(conn, sql, row);
    if (status != GH_OK) {
        return status;
    }
    int code = bind(*row, types, args);
    if (code != SQLITE_OK) {
        sqlite_done(*row);
        return sqlite_failure(conn, code);
    }
    return sqlite_next(conn, *row);
}

gh_status sqlite_row(sqlite_conn *conn, sqlite3_stmt **row, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    gh_status status = start(conn, row, sql, types, args);
    va_end(args);
    return status;
}

gh_status sqlite_run(sqlite_conn *conn, const char *sql, const char *types, ...)
{
    sqlite3_stmt *row = NULL;
    va_list args;
    va_start(args, types);
    gh_status status = start(conn, &row, sql, types, args);
    va_end(args);
    if (status == GH_OK) {
        sqlite_done(row);
        return GH_OK;
    }
    return status == GH_ERR_NOT_FOUND ? GH_OK : status;
}

void sqlite_done(sqlite3_stmt *row)
{
    sqlite3_reset(row);
    sqlite3_clear_bindings(row);
}

gh_status sqlite_texts(sqlite3_stmt *row, int first, char **const *slots, size_t count)
{
    bool complete = true;
    for (size_t i = 0; i < count; i++) {
        int column = first + (int)i;
        bool null = sqlite3_column_type(row, column) == SQLITE_NULL;
        *slots[i] = null ? NULL : gh_text_dup((const char *)sqlite3_column_text(row, column));
        complete = complete && (null || *slots[i] != NULL);
    }
    for (size_t i = 0; i < count && !complete; i++) {
        free(*slots[i]);
        *slots[i] = NULL;
    }
    return complete ? GH_OK : GH_ERR_NOMEM;
}

gh_status sqlite_blob(sqlite3_stmt *row, int column, gh_secret **secret)
{
    const char *bytes = sqlite3_column_blob(row, column);
    int len = sqlite3_column_bytes(row, column);
    *secret = gh_secret_new(gh_view_make(bytes, bytes == NULL ? 0 : (size_t)len));
    return *secret == NULL ? GH_ERR_NOMEM : GH_OK;
}

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/store/store_sqlite.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"

#define APPLICATION_ID 0x47415445 /* "GATE" */
#define QUICK_CHECK_BYTES_MAX ((int64_t)64 * 1024 * 1024)

static const char SCHEMA_1[] =
    "CREATE TABLE clients("
    "  id TEXT PRIMARY KEY, name TEXT, redirect_uris TEXT NOT NULL, grant_types TEXT NOT NULL,"
    "  scope TEXT, uri TEXT, created_at INTEGER NOT NULL, used_at INTEGER NOT NULL,"
    "  seen_at INTEGER NOT NULL) STRICT;" /* registration or the start of the last login */
    "CREATE INDEX clients_use ON clients(used_at, created_at);"
    "CREATE TABLE flows("
    "  id_hash TEXT PRIMARY KEY, cookie_hash TEXT NOT NULL, client_id TEXT NOT NULL,"
    "  redirect_uri TEXT NOT NULL, state TEXT, scope TEXT NOT NULL, resource TEXT NOT NULL,"
    "  challenge TEXT NOT NULL, subject TEXT, name TEXT, email TEXT,"
    "  expires_at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX flows_expiry ON flows(expires_at);"
    "CREATE TABLE grants("
    "  id TEXT PRIMARY KEY, client_id TEXT NOT NULL, subject TEXT NOT NULL, name TEXT, email TEXT,"
    "  scope TEXT NOT NULL, resource TEXT NOT NULL, created_at INTEGER NOT NULL,"
    "  expires_at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX grants_expiry ON grants(expires_at);"
    "CREATE INDEX grants_live ON grants(client_id, expires_at);"
    /* Not tied to grants: a used code is remembered when its grant is gone. */
    "CREATE TABLE codes("
    "  hash TEXT PRIMARY KEY, grant_id TEXT NOT NULL, client_id TEXT NOT NULL,"
    "  redirect_uri TEXT NOT NULL, challenge TEXT NOT NULL, resource TEXT NOT NULL,"
    "  expires_at INTEGER NOT NULL, taken INTEGER NOT NULL DEFAULT 0,"
    "  granted_until INTEGER NOT NULL) STRICT;" /* the grant's expiry from the exchange on */
    "CREATE INDEX codes_expiry ON codes(expires_at);"
    "CREATE TABLE refresh_tokens("
    "  hash TEXT PRIMARY KEY, grant_id TEXT NOT NULL REFERENCES grants(id) ON DELETE CASCADE,"
    "  successor TEXT, rotated_at INTEGER NOT NULL DEFAULT 0, expires_at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX refresh_tokens_grant ON refresh_tokens(grant_id);"
    "CREATE INDEX refresh_tokens_expiry ON refresh_tokens(expires_at);"
    "CREATE TABLE keys("
    "  kid TEXT PRIMARY KEY, alg TEXT NOT NULL, pem BLOB NOT NULL, created_at INTEGER NOT NULL,"
    "  active INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX keys_active ON keys(active) WHERE active = 1;"
    "CREATE TABLE secrets(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"
    "PRAGMA application_id = 0x47415445;"
    "PRAGMA user_version = 1;";

static const char SCHEMA_2[] =
    "CREATE TABLE upstream_logins("
    "  state_hash TEXT PRIMARY KEY, cookie_hash TEXT NOT NULL, flow_hash TEXT NOT NULL,"
    "  nonce TEXT NOT NULL, sealed_verifier TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX upstream_logins_expiry ON upstream_logins(expires_at);"
    "CREATE TABLE upstream_tokens("
    "  grant_id TEXT PRIMARY KEY REFERENCES grants(id) ON DELETE CASCADE, sealed TEXT NOT NULL,"
    "  expires_at INTEGER NOT NULL, version INTEGER NOT NULL) STRICT;"
    "CREATE TABLE leases("
    "  name TEXT PRIMARY KEY, holder TEXT NOT NULL, expires_at_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX leases_expiry ON leases(expires_at_ms);"
    "CREATE TABLE devices("
    "  device_hash TEXT PRIMARY KEY, user_code_hash TEXT NOT NULL UNIQUE, client_id TEXT NOT NULL,"
    "  scope TEXT NOT NULL, resource TEXT NOT NULL, state INTEGER NOT NULL, grant_id TEXT,"
    "  interval_s INTEGER NOT NULL, polled_at INTEGER NOT NULL, expires_at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX devices_expiry ON devices(expires_at);"
    "CREATE TABLE pins(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
    "ALTER TABLE keys ADD COLUMN retired_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE keys ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;"
    "UPDATE keys SET retired_at = CAST(strftime('%s', 'now') AS INTEGER) WHERE active = 0;"
    "ALTER TABLE secrets ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 2;";

/* Step i brings a file of schema i to schema i + 1. Never changed once released: a new schema is a new step.
 */
static const char *const STEPS[] = {SCHEMA_1, SCHEMA_2};
#define SCHEMA_VERSION ((int64_t)(sizeof(STEPS) / sizeof(STEPS[0])))

static int read_int(sqlite3 *db, const char *sql, int64_t *value)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
        if (code == SQLITE_ROW) {
            *value = sqlite3_column_int64(stmt, 0);
            code = SQLITE_OK;
        } else if (code == SQLITE_DONE) {
            code = SQLITE_ERROR;
        }
    }
    sqlite3_finalize(stmt);
    return code;
}

static gh_status explain(sqlite3 *db, int code, const char *path, gh_error *error)
{
    switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return gh_error_set(
            error, GH_ERR_PARSE,
            "The store %s is damaged or not an SQLite database; move it away and start again. "
            "Clients then register and sign in anew.",
            path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return gh_error_set(
            error, GH_ERR_UNAVAILABLE,
            "The store %s is locked by another program; end that one, or give another file with "
            "--store sqlite:PATH.",
            path);
    case SQLITE_NOMEM:
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory while opening the store %s.", path);
    default:
        return gh_error_set(
            error, GH_ERR_IO,
            "The store %s cannot be used: %s. Check the disk and the permissions, or give another "
            "file with --store sqlite:PATH.",
            path, sqlite3_errmsg(db));
    }
}

/* *version: 0 for an empty file. Looks only, so that another program's database stays as it is. */
static gh_status identify(sqlite3 *db, const char *path, int64_t *version, gh_error *error)
{
    int64_t application = 0;
    int64_t tables = 0;
    int code = read_int(db, "PRAGMA application_id", &application);
    if (code == SQLITE_OK) {
        code = read_int(db, "PRAGMA user_version", version);
    }
    if (code == SQLITE_OK) {
        code = read_int(db, "SELECT count(*) FROM sqlite_master", &tables);
    }
    if (code != SQLITE_OK) {
        return explain(db, code, path, error);
    }
    if (application == 0 && *version == 0 && tables == 0) {
        return GH_OK;
    }
    if (application != APPLICATION_ID || *version < 1) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "The store %s is the database of another program; give another file with --store "
                            "sqlite:PATH.",
                            path);
    }
    if (*version > SCHEMA_VERSION) {
        return gh_error_set(
            error, GH_ERR_UNSUPPORTED,
            "The store %s was written by a newer gatehouse (schema %lld, this one knows %lld); update "
            "gatehouse, or give another file with --store sqlite:PATH.",
            path, (long long)*version, (long long)SCHEMA_VERSION);
    }
    return GH_OK;
}

/* Switching the journal needs the file for a moment; SQLite does not always wait for another process then. */
static int use_wal(sqlite3 *db)
{
    gh_deadline deadline = gh_deadline_in(SQLITE_STORE_BUSY_MS);
    const struct timespec pause = {0, 10 * 1000 * 1000};
    for (;;) {
        int code = sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if ((code & 0xff) != SQLITE_BUSY || gh_deadline_passed(deadline)) {
            return code;
        }
        nanosleep(&pause, NULL);
    }
}

/* One transaction from whatever schema there is to the newest. */
static gh_status upgrade(sqlite3 *db, const char *path, gh_error *error)
{
    int64_t version = 0;
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK) {
        return explain(db, code, path, error);
    }
    /* Another process may have been first. */
    gh_status status = identify(db, path, &version, error);
    bool migrates = version > 0 && version < SCHEMA_VERSION;
    for (int64_t step = version; status == GH_OK && step < SCHEMA_VERSION; step++) {
        code = sqlite3_exec(db, STEPS[step], NULL, NULL, NULL);
        status = code == SQLITE_OK ? GH_OK : explain(db, code, path, error);
    }
    if (status == GH_OK) {
        code = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
        status = code == SQLITE_OK ? GH_OK : explain(db, code, path, error);
    }
    if (sqlite3_get_autocommit(db) == 0) {
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    if (status == GH_OK && migrates) {
        gh_log_info("The store %s was brought from schema %lld to %lld; an older gatehouse cannot open it "
                    "any more.",
                    path, (long long)version, (long long)SCHEMA_VERSION);
    }
    return status;
}

/* Finds damage at start and not in the middle of a login; large files are left to their use. */
static gh_status quick_check(sqlite3 *db, const char *path, gh_error *error)
{
    int64_t pages = 0;
    int64_t page_size = 0;
    int code = read_int(db, "PRAGMA page_count", &pages);
    if (code == SQLITE_OK) {
        code = read_int(db, "PRAGMA page_size", &page_size);
    }
    if (code != SQLITE_OK) {
        return explain(db, code, path, error);
    }
    if (pages * page_size > QUICK_CHECK_BYTES_MAX) {
        return GH_OK;
    }
    sqlite3_stmt *stmt = NULL;
    code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
        const char *verdict = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
        if (code == SQLITE_ROW) {
            code = verdict != NULL && strcmp(verdict, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
        }
    }
    sqlite3_finalize(stmt);
    return code == SQLITE_OK ? GH_OK : explain(db, code, path, error);
}

gh_status sqlite_schema_prepare(sqlite3 *db, const char *path, gh_error *error)
{
    int64_t version = 0;
    gh_status status = identify(db, path, &version, error);
    if (status != GH_OK) {
        return status;
    }
    int code = use_wal(db);
    if (code != SQLITE_OK) {
        return explain(db, code, path, error);
    }
    if (version > 0) {
        status = quick_check(db, path, error);
    }
    return status == GH_OK && version < SCHEMA_VERSION ? upgrade(db, path, error) : status;
}

gh_status sqlite_connect(const char *path, bool reader, sqlite3 **db, gh_error *error)
{
    /* FULL: a code or a rotated token that was answered for stays used after a power cut, too. The page limit
     * (1 GiB of 4 KiB pages) is the store's ceiling. */
    static const char settings[] =
        "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON;"
        "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; PRAGMA cell_size_check = ON;"
        "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304;"
        "PRAGMA max_page_count = 262144;";
    /* Every connection has its own lock, hence NOMUTEX. */
    int code =
        sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    if (*db == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory while opening the store %s.", path);
    }
    if (code == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(*db, 1);
        (void)sqlite3_db_config(*db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        code = sqlite3_busy_timeout(*db, SQLITE_STORE_BUSY_MS);
    }
    if (code == SQLITE_OK) {
        code = sqlite3_exec(*db, settings, NULL, NULL, NULL);
    }
    if (code == SQLITE_OK && reader) {
        code = sqlite3_exec(*db, "PRAGMA query_only = ON", NULL, NULL, NULL);
    }
    return code == SQLITE_OK ? GH_OK : explain(*db, code, path, error);
}

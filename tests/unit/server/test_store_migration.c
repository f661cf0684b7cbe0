/* Files of older schemas, made with the statements of the version that wrote them. */
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/server/store_fixture.h"

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

static const char ROWS_1[] =
    "INSERT INTO clients VALUES ('client', 'Cursor', 'http://localhost/a', 'authorization_code', NULL, NULL,"
    "  1794999000, 1794999500, 1794999000);"
    "INSERT INTO flows VALUES ('f1', 'cookie', 'client', 'http://localhost/a', NULL, 'mcp', 'r', 'challenge',"
    "  NULL, NULL, NULL, 1795000600);"
    "INSERT INTO grants VALUES ('g1', 'client', 'alice', 'Alice', NULL, 'mcp', 'r', 1794999500, 1795003600);"
    "INSERT INTO codes VALUES ('used', 'g1', 'client', 'http://localhost/a', 'challenge', 'r', 1795000050,"
    "  1, 1795003600);"
    "INSERT INTO grants VALUES ('g2', 'client', 'bob', NULL, NULL, 'mcp', 'r', 1794999990, 1795000050);"
    "INSERT INTO codes VALUES ('open', 'g2', 'client', 'http://localhost/a', 'challenge', 'r', 1795000050,"
    "  0, 1795003590);"
    "INSERT INTO refresh_tokens VALUES ('r1', 'g1', 'r2', 1794999990, 1795003600);"
    "INSERT INTO refresh_tokens VALUES ('r2', 'g1', NULL, 0, 1795003600);"
    "INSERT INTO keys VALUES ('k1', 'ES256', x'70656d', 1794999000, 1);"
    "INSERT INTO keys VALUES ('k0', 'ES256', x'6f6c64', 1794990000, 0);"
    "INSERT INTO secrets VALUES ('csrf', x'00112233445566778899aabbccddeeff');";

static char db_path[128];
static char db_spec[160];

static void run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(db_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static int64_t number(const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    ck_assert_int_eq(sqlite3_open(db_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    return value;
}

static void make_schema_1(void)
{
    run_sql("PRAGMA journal_mode = WAL");
    ck_assert_int_eq(chmod(db_path, 0600), 0);
    run_sql(SCHEMA_1);
    run_sql(ROWS_1);
    ck_assert_int_eq(number("PRAGMA user_version"), 1);
}

static void setup(void)
{
    fixture_start();
    (void)snprintf(db_path, sizeof(db_path), "%s/test.db", fixture_folder);
    (void)snprintf(db_spec, sizeof(db_spec), "sqlite:%s", db_path);
}

static void assert_keys_are_there(gh_store *store)
{
    gh_stored_key *keys = NULL;
    size_t count = 0;
    ck_assert_int_eq(gh_store_keys(store, &keys, &count), GH_OK);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(keys[0].kid, "k1");
    ck_assert(keys[0].active);
    ck_assert(gh_view_eq_cstr(gh_secret_view(keys[0].pem), "pem"));
    ck_assert_str_eq(keys[1].kid, "k0");
    ck_assert(!keys[1].active);
    gh_stored_key_clear(&keys[0]);
    gh_stored_key_clear(&keys[1]);
    free(keys);
}

START_TEST(everything_of_schema_1_is_there_afterwards)
{
    make_schema_1();
    gh_store *store = open_spec(db_spec);
    gh_client client = {0};
    gh_flow flow = {0};
    gh_secret *secret = NULL;
    ck_assert_int_eq(gh_store_client_get(store, "client", &client), GH_OK);
    ck_assert_str_eq(client.name, "Cursor");
    ck_assert_int_eq(client.used_at, 1794999500);
    gh_client_clear(&client);
    ck_assert_int_eq(gh_store_flow_take(store, "f1", &flow), GH_OK);
    gh_flow_clear(&flow);
    assert_keys_are_there(store);
    ck_assert_int_eq(gh_store_secret(store, "csrf", 16, &secret), GH_OK);
    ck_assert(
        gh_view_eq(gh_secret_view(secret),
                   gh_view_make("\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff", 16)));
    gh_secret_free(secret);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_REPEATED);
    ck_assert_int_eq(rotate(store, "r2", "r3"), GH_REFRESH_ROTATED);
    ck_assert_int_eq(take_code(store, "used"), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(take_code(store, "open"), GH_OK);
    fixture_now_s = 1795003589; /* the exchange made the grant last */
    ck_assert_int_eq(gh_store_grant_alive(store, "g2"), GH_OK);
    gh_store_close(store);
    ck_assert_int_eq(number("PRAGMA user_version"), 2);
    ck_assert_int_eq(number("SELECT count(*) FROM pragma_quick_check WHERE quick_check <> 'ok'"), 0);
}
END_TEST

START_TEST(what_is_new_works_in_a_migrated_file)
{
    make_schema_1();
    gh_store *store = open_spec(db_spec);
    const gh_upstream_tokens tokens = {lit("g1"), lit("sealed"), 0, 0};
    gh_upstream_tokens read = {0};
    gh_secret *pem = gh_secret_new(gh_view_of("new"));
    const gh_stored_key key = {lit("k2"), lit("ES256"), pem, NOW, true};
    ck_assert_int_eq(gh_store_upstream_tokens_put(store, &tokens), GH_OK);
    /* k0 was retired at an unknown time: it counts from the migration and is not deleted at once. */
    ck_assert_int_eq(gh_store_key_rotate(store, &key, 1600000000), GH_OK);
    gh_stored_key *keys = NULL;
    size_t count = 0;
    ck_assert_int_eq(gh_store_keys(store, &keys, &count), GH_OK);
    ck_assert_uint_eq(count, 3);
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(keys[i].active, i == 0);
        gh_stored_key_clear(&keys[i]);
    }
    free(keys);
    ck_assert_int_eq(gh_store_client_remove(store, "client"), GH_OK);
    ck_assert_int_eq(gh_store_upstream_tokens_get(store, "g1", &read), GH_ERR_NOT_FOUND);
    gh_store_close(store);
    ck_assert_int_eq(number("SELECT count(*) FROM upstream_tokens"), 0);
    gh_secret_free(pem);
}
END_TEST

START_TEST(a_migrated_file_has_the_schema_of_a_new_one)
{
    char attach[256];
    make_schema_1();
    gh_store_close(open_spec(db_spec));
    char fresh[200];
    (void)snprintf(fresh, sizeof(fresh), "sqlite:%s/fresh.db", fixture_folder);
    gh_store_close(open_spec(fresh));
    (void)snprintf(attach, sizeof(attach), "ATTACH '%s/fresh.db' AS fresh", fixture_folder);
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    ck_assert_int_eq(sqlite3_open(db_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, attach, NULL, NULL, NULL), SQLITE_OK);
    static const char differences[] =
        "SELECT (SELECT count(*) FROM (SELECT type, name, sql FROM main.sqlite_master EXCEPT"
        " SELECT type, name, sql FROM fresh.sqlite_master)) + (SELECT count(*) FROM"
        " (SELECT type, name, sql FROM fresh.sqlite_master EXCEPT"
        " SELECT type, name, sql FROM main.sqlite_master)), (SELECT count(*) FROM main.sqlite_master)";
    ck_assert_int_eq(sqlite3_prepare_v2(db, differences, -1, &row, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(row), SQLITE_ROW);
    ck_assert_int_eq(sqlite3_column_int(row, 0), 0);
    ck_assert_int_gt(sqlite3_column_int(row, 1), 20);
    sqlite3_finalize(row);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}
END_TEST

START_TEST(a_migration_that_fails_changes_nothing)
{
    gh_store *store = NULL;
    gh_error error = {0};
    make_schema_1();
    run_sql("CREATE TABLE devices(in_the_way)"); /* stops the new schema in its middle */
    ck_assert_int_ne(gh_store_open(db_spec, &store, &error), GH_OK);
    ck_assert_ptr_null(store);
    ck_assert_ptr_nonnull(strstr(error.message, db_path));
    ck_assert_int_eq(number("PRAGMA user_version"), 1);
    ck_assert_int_eq(number("SELECT count(*) FROM sqlite_master WHERE name IN ('leases', 'pins')"), 0);
    run_sql("DROP TABLE devices");
    gh_store_close(open_spec(db_spec));
    ck_assert_int_eq(number("PRAGMA user_version"), 2);
}
END_TEST

START_TEST(several_processes_migrate_one_file_together)
{
    pid_t children[4];
    make_schema_1();
    for (size_t i = 0; i < 4; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0) {
            gh_store *store = NULL;
            bool opened = gh_store_open(db_spec, &store, NULL) == GH_OK;
            bool works = opened && gh_store_pin(store, "x", "y") == GH_OK;
            gh_store_close(store);
            _exit(works ? 0 : 1);
        }
    }
    for (size_t i = 0; i < 4; i++) {
        int status = 0;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    gh_store *store = open_spec(db_spec);
    assert_keys_are_there(store);
    gh_store_close(store);
}
END_TEST

START_TEST(a_migration_that_is_killed_happened_or_did_not)
{
    for (long round = 0; round < 12; round++) {
        make_schema_1();
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            gh_store *store = NULL;
            _exit(gh_store_open(db_spec, &store, NULL) == GH_OK ? 0 : 1);
        }
        const struct timespec pause = {0, round * 700000L};
        nanosleep(&pause, NULL);
        (void)kill(child, SIGKILL);
        int status = 0;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        int64_t version = number("PRAGMA user_version");
        int64_t added = number("SELECT count(*) FROM sqlite_master WHERE name IN"
                               " ('upstream_logins', 'upstream_tokens', 'leases', 'devices', 'pins')");
        ck_assert(version == 1 || version == 2);
        ck_assert_int_eq(added, version == 1 ? 0 : 5);
        gh_store *store = open_spec(db_spec);
        assert_keys_are_there(store);
        gh_store_close(store);
        ck_assert_int_eq(unlink(db_path), 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_migration");
    TCase *tests = tcase_create("store_migration");
    tcase_add_checked_fixture(tests, setup, fixture_end);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, everything_of_schema_1_is_there_afterwards);
    tcase_add_test(tests, what_is_new_works_in_a_migrated_file);
    tcase_add_test(tests, a_migrated_file_has_the_schema_of_a_new_one);
    tcase_add_test(tests, a_migration_that_fails_changes_nothing);
    tcase_add_test(tests, several_processes_migrate_one_file_together);
    tcase_add_test(tests, a_migration_that_is_killed_happened_or_did_not);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

/* The store in a file when memory runs out, at every single allocation, SQLite's own included: nothing
 * crashes or leaks, a failed operation changes nothing, and the next attempt works. */
#include "tests/unit/server/no_memory.h"

#include "shared/core/log.h"
#include "tests/unit/server/bent_files.h"
#include "tests/unit/server/store_fixture.h"

/* --- SQLite's memory, by way of ours --- */

#define HEAD 16 /* where the size is kept; what follows is aligned for anything */

static void *take(int size)
{
    char *block = malloc((size_t)size + HEAD);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &size, sizeof size);
    return block + HEAD;
}

static void give_back(void *memory)
{
    free(memory == NULL ? NULL : (char *)memory - HEAD);
}

static void *resize(void *memory, int size)
{
    char *block = realloc((char *)memory - HEAD, (size_t)size + HEAD);
    if (block == NULL) {
        return NULL;
    }
    memcpy(block, &size, sizeof size);
    return block + HEAD;
}

static int size_of(void *memory)
{
    int size = 0;
    memcpy(&size, (char *)memory - HEAD, sizeof size);
    return size;
}

static int round_up(int size)
{
    return (size + 7) & ~7;
}

static int nothing_to_start(void *context)
{
    (void)context;
    return SQLITE_OK;
}

static void nothing_to_end(void *context)
{
    (void)context;
}

static void install(void)
{
    const sqlite3_mem_methods memory = {.xMalloc = take,
                                        .xFree = give_back,
                                        .xRealloc = resize,
                                        .xSize = size_of,
                                        .xRoundup = round_up,
                                        .xInit = nothing_to_start,
                                        .xShutdown = nothing_to_end};
    no_memory_install();
    /* Without stocks of its own every allocation comes here. */
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0) != SQLITE_OK) {
        (void)fprintf(stderr, "SQLite has its memory already\n");
        abort();
    }
    bent_install(true);
}

/* --- operations --- */

static gh_status add(gh_store *store)
{
    return add_grant(store, "g2", "code2");
}

static gh_status take_the_code(gh_store *store)
{
    return take_code(store, "code1");
}

static gh_status add_refresh(gh_store *store)
{
    return gh_store_refresh_add(store, "r1", "g1", "client");
}

static gh_status refresh(gh_store *store)
{
    gh_grant grant = {0};
    gh_refresh_outcome outcome = GH_REFRESH_UNKNOWN;
    gh_status status =
        gh_store_refresh_rotate(store, "r1", "r2", "client", 30, gh_clock_wall_s() + 7200, &outcome, &grant);
    /* Check must not be called here. */
    if (status == GH_OK && (outcome != GH_REFRESH_ROTATED || grant.subject == NULL)) {
        status = GH_ERR_CONFLICT;
    }
    if (status != GH_OK && (outcome != GH_REFRESH_UNKNOWN || grant.id != NULL)) {
        status = GH_ERR_PARSE; /* half an answer */
    }
    gh_grant_clear(&grant);
    return status;
}

static gh_status take_back(gh_store *store)
{
    return gh_store_grant_revoke(store, "g1");
}

static gh_status add_a_client(gh_store *store)
{
    return add_client(store, "c1", 10, 0);
}

static gh_status look(gh_store *store)
{
    gh_grant grant = {0};
    gh_status status = gh_store_grant_get(store, "g1", &grant);
    gh_grant_clear(&grant);
    return status == GH_OK ? gh_store_grant_alive(store, "g1") : status;
}

static gh_status ask(gh_store *store)
{
    return gh_store_ping(store, NULL);
}

/* What is there before: g1 with code1 or, once that was taken, with r1. */
typedef enum start { NEW_GRANT, TAKEN_CODE, WITH_REFRESH } start;

static const struct {
    const char *name;
    gh_status (*run)(gh_store *store);
    start from;
    int grants, codes_taken, tokens, clients; /* in the file, when it worked */
} OPERATIONS[] = {
    {"grant_add", add, NEW_GRANT, 2, 0, 0, 0},
    {"code_take", take_the_code, NEW_GRANT, 1, 1, 0, 0},
    {"refresh_add", add_refresh, TAKEN_CODE, 1, 1, 1, 0},
    {"refresh_rotate", refresh, WITH_REFRESH, 1, 1, 2, 0},
    {"grant_revoke", take_back, WITH_REFRESH, 0, 1, 0, 0},
    {"client_add", add_a_client, NEW_GRANT, 1, 0, 0, 1},
    {"grant_get", look, NEW_GRANT, 1, 0, 0, 0},
    {"ping", ask, NEW_GRANT, 1, 0, 0, 0},
};
#define OPERATION_COUNT ((int)(sizeof(OPERATIONS) / sizeof(OPERATIONS[0])))

typedef struct counts {
    int grants, codes_taken, tokens, clients;
} counts;

static char path[128];
static char spec[160];

static void setup(void)
{
    fixture_start();
    gh_log_set_level(GH_LOG_ERROR);
    (void)snprintf(path, sizeof(path), "%s/test.db", fixture_folder);
    (void)snprintf(spec, sizeof(spec), "sqlite:%s", path);
}

/* One connection of our own, which stays. */
static sqlite3 *look_in(void)
{
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

static int number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    int value = sqlite3_column_int(stmt, 0);
    ck_assert_int_eq(sqlite3_finalize(stmt), SQLITE_OK);
    return value;
}

static counts count(sqlite3 *db)
{
    return (counts){
        number(db, "SELECT count(*) FROM grants"), number(db, "SELECT count(*) FROM codes WHERE taken = 1"),
        number(db, "SELECT count(*) FROM refresh_tokens"), number(db, "SELECT count(*) FROM clients")};
}

static void put_back(sqlite3 *db, start what)
{
    ck_assert_int_eq(sqlite3_exec(db,
                                  "DELETE FROM grants; DELETE FROM codes; DELETE FROM refresh_tokens;"
                                  "DELETE FROM clients; DELETE FROM pins;",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    char sql[1024];
    (void)snprintf(
        sql, sizeof(sql),
        "INSERT INTO grants VALUES ('g1', 'client', 'alice', 'Alice', NULL, 'mcp', 'r', %d, %d);"
        "INSERT INTO codes VALUES ('code1', 'g1', 'client', 'http://localhost/', 'c', 'r', %d, %d, %d);",
        NOW, NOW + 3600, NOW + 60, what == NEW_GRANT ? 0 : 1, NOW + 3600);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    if (what == WITH_REFRESH) {
        (void)snprintf(sql, sizeof(sql),
                       "INSERT INTO refresh_tokens(hash, grant_id, expires_at) VALUES ('r1', 'g1', %d)",
                       NOW + 3600);
        ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    }
}

static bool same(const counts *a, const counts *b)
{
    return a->grants == b->grants && a->codes_taken == b->codes_taken && a->tokens == b->tokens &&
           a->clients == b->clients;
}

/* The n-th allocation fails (and all after it). False when there are fewer. */
static bool fail_at(sqlite3 *db, int which, long n, bool lasts, bool opened_anew, gh_store **store)
{
    const counts worked = {OPERATIONS[which].grants, OPERATIONS[which].codes_taken, OPERATIONS[which].tokens,
                           OPERATIONS[which].clients};
    put_back(db, OPERATIONS[which].from);
    const counts before = count(db);
    if (opened_anew) { /* so that statements have to be prepared */
        gh_store_close(*store);
        *store = open_spec(spec);
    }
    no_memory_from(n, lasts);
    gh_status status = OPERATIONS[which].run(*store);
    bool hit = no_memory_end();
    ck_assert_msg(status == GH_OK || (hit && (status == GH_ERR_NOMEM || status == GH_ERR_UNAVAILABLE)),
                  "%s, allocation %ld: %s", OPERATIONS[which].name, n, gh_status_text(status));
    counts after = count(db);
    ck_assert_msg(same(&after, status == GH_OK ? &worked : &before),
                  "%s, allocation %ld: %s, and then %d grants, %d codes taken, %d tokens, %d clients",
                  OPERATIONS[which].name, n, gh_status_text(status), after.grants, after.codes_taken,
                  after.tokens, after.clients);
    if (status != GH_OK) {
        status = OPERATIONS[which].run(*store);
        ck_assert_msg(status == GH_OK, "%s, after allocation %ld: %s", OPERATIONS[which].name, n,
                      gh_status_text(status));
        after = count(db);
        ck_assert(same(&after, &worked));
    }
    return hit;
}

START_TEST(an_operation)
{
    gh_store *store = open_spec(spec);
    sqlite3 *db = look_in();
    for (int anew = 0; anew < 2; anew++) {
        long n = 1;
        for (bool hit = true; hit; n++) {
            ck_assert_int_lt(n, NO_MEMORY_LIMIT);
            hit = fail_at(db, _i, n, n % 2 == 0, anew != 0, &store);
            if (anew == 0) {
                hit = fail_at(db, _i, n, n % 2 != 0, false, &store) || hit;
            }
        }
        ck_assert_int_gt(n, anew != 0 ? 20 : 1);
    }
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    gh_store_close(store);
}
END_TEST

/* SQLite 3.46 compares row counts that it has not made when memory stays away during PRAGMA quick_check,
 * which is at the start only; 3.40 has none of these counts. */
static bool may_stay_away(void)
{
    return sqlite3_libversion_number() < 3041000;
}

START_TEST(opening)
{
    bool hit = true;
    gh_store *keeper = open_spec(spec);
    for (long n = 1; hit; n++) {
        gh_store *store = NULL;
        gh_error error = {0};
        ck_assert_int_lt(n, NO_MEMORY_LIMIT);
        no_memory_from(n, n % 2 == 0 && may_stay_away());
        gh_status status = gh_store_open(spec, &store, &error);
        hit = no_memory_end();
        ck_assert_msg((status == GH_OK) == (store != NULL), "allocation %ld: %s", n, gh_status_text(status));
        ck_assert_msg(status == GH_OK || (hit && error.message[0] != '\0'), "allocation %ld: %s", n,
                      gh_status_text(status));
        gh_store_close(store);
    }
    gh_store_close(keeper);
}
END_TEST

int main(void)
{
    install();
    Suite *suite = suite_create("no_memory_store");
    TCase *tests = tcase_create("core");
    tcase_add_checked_fixture(tests, setup, fixture_end);
    tcase_set_timeout(tests, 100);
    tcase_add_loop_test(tests, an_operation, 0, OPERATION_COUNT);
    tcase_add_test(tests, opening);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/server/store_kill.h"

static char db_path[128];
static char db_spec[160];

static void setup(void)
{
    fixture_start();
    (void)snprintf(db_path, sizeof(db_path), "%s/test.db", fixture_folder);
    (void)snprintf(db_spec, sizeof(db_spec), "sqlite:%s", db_path);
}

static void assert_not_opened(const char *spec, gh_status expected, const char *hint)
{
    gh_store *store = NULL;
    gh_error error = {0};
    gh_status status = gh_store_open(spec, &store, &error);
    ck_assert_msg(status == expected, "%s: %s (%s)", spec, gh_status_text(status), error.message);
    ck_assert_ptr_null(store);
    ck_assert_msg(strstr(error.message, hint) != NULL, "'%s' says nothing of '%s'", error.message, hint);
}

static void raw_sql(const char *sql)
{
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(db_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    return info.st_mode & 07777;
}

static void write_file(const char *path, long at, const char *data, size_t len)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, data, len, at), (ssize_t)len);
    close(fd);
}

/* ---- the file ---- */

START_TEST(file_and_folder_are_private_whatever_the_umask)
{
    char spec[256];
    char path[256];
    umask(0);
    (void)snprintf(spec, sizeof(spec), "sqlite:%s/new/deeper/dev.db", fixture_folder);
    gh_store *store = open_spec(spec);
    ck_assert_int_eq(add_client(store, "c1", 10, 0), GH_OK);
    static const char *const names[] = {"dev.db", "dev.db-wal", "dev.db-shm", "dev.db.lock"};
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof(path), "%s/new/deeper/%s", fixture_folder, names[i]);
        ck_assert_int_eq(mode_of(path), 0600);
    }
    (void)snprintf(path, sizeof(path), "%s/new/deeper", fixture_folder);
    ck_assert_int_eq(mode_of(path), 0700);
    gh_store_close(store);
    for (size_t i = 0; i < 4; i += 3) {
        (void)snprintf(path, sizeof(path), "%s/new/deeper/%s", fixture_folder, names[i]);
        ck_assert_int_eq(unlink(path), 0);
    }
    (void)snprintf(path, sizeof(path), "%s/new/deeper", fixture_folder);
    ck_assert_int_eq(rmdir(path), 0);
    (void)snprintf(path, sizeof(path), "%s/new", fixture_folder);
    ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

START_TEST(a_file_that_others_may_open_is_refused)
{
    static const mode_t modes[] = {0644, 0640, 0660, 0604, 0601};
    gh_store_close(open_spec(db_spec));
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        ck_assert_int_eq(chmod(db_path, modes[i]), 0);
        assert_not_opened(db_spec, GH_ERR_DENIED, "chmod 600");
    }
    ck_assert_int_eq(chmod(db_path, 0600), 0);
    gh_store_close(open_spec(db_spec));
}
END_TEST

START_TEST(links_folders_and_devices_are_refused)
{
    char link[256];
    char spec[300];
    gh_store_close(open_spec(db_spec));
    (void)snprintf(link, sizeof(link), "%s/link.db", fixture_folder);
    (void)snprintf(spec, sizeof(spec), "sqlite:%s", link);
    ck_assert_int_eq(symlink(db_path, link), 0);
    assert_not_opened(spec, GH_ERR_DENIED, "link");
    ck_assert_int_eq(unlink(link), 0);
    ck_assert_int_eq(symlink("/nowhere/x", link), 0); /* dangling: nothing may be made there */
    assert_not_opened(spec, GH_ERR_DENIED, "link");
    ck_assert_int_eq(unlink(link), 0);
    ck_assert_int_eq(linkat(AT_FDCWD, db_path, AT_FDCWD, link, 0), 0);
    assert_not_opened(spec, GH_ERR_DENIED, "link");
    ck_assert_int_eq(unlink(link), 0);
    (void)snprintf(spec, sizeof(spec), "sqlite:%s/", fixture_folder);
    assert_not_opened(spec, GH_ERR_INVALID, "folder");
    (void)snprintf(spec, sizeof(spec), "sqlite:%s/.", fixture_folder);
    assert_not_opened(spec, GH_ERR_INVALID, "folder");
    ck_assert_int_eq(mkdir(link, 0700), 0);
    (void)snprintf(spec, sizeof(spec), "sqlite:%s", link);
    assert_not_opened(spec, GH_ERR_DENIED, "regular file");
    ck_assert_int_eq(rmdir(link), 0);
}
END_TEST

START_TEST(the_folder_may_be_reached_by_a_link)
{
    char folder[128];
    char link[128];
    char spec[256];
    (void)snprintf(folder, sizeof(folder), "%s/real", fixture_folder);
    (void)snprintf(link, sizeof(link), "%s/home", fixture_folder);
    (void)snprintf(spec, sizeof(spec), "sqlite:%s/dev.db", link);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    ck_assert_int_eq(symlink(folder, link), 0);
    gh_store_close(open_spec(spec));
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/dev.db", folder);
    ck_assert_int_eq(unlink(path), 0);
    (void)snprintf(path, sizeof(path), "%s/dev.db.lock", folder);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(a_folder_that_others_may_write_is_refused)
{
    ck_assert_int_eq(chmod(fixture_folder, 0777), 0);
    assert_not_opened(db_spec, GH_ERR_DENIED, fixture_folder);
    ck_assert_int_eq(access(db_path, F_OK), -1);
    ck_assert_int_eq(chmod(fixture_folder, 0700), 0);
}
END_TEST

START_TEST(another_users_file_is_refused)
{
    gh_store_close(open_spec(db_spec));
    if (chown(db_path, 12345, (gid_t)-1) != 0) {
        ck_assert_int_ne(geteuid(), 0); /* only root can prepare this case */
        return;
    }
    assert_not_opened(db_spec, GH_ERR_DENIED, "another user");
}
END_TEST

/* Whoever may open that file may lock it, and the server would wait for that in vain. */
START_TEST(the_lock_file_is_made_private_and_nothing_else_is_waited_for)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s.lock", db_path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fchmod(fd, 0666), 0);
    close(fd);
    gh_store_close(open_spec(db_spec));
    ck_assert_int_eq(mode_of(path), 0600);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    assert_not_opened(db_spec, GH_ERR_DENIED, path);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("/dev/null", path), 0);
    assert_not_opened(db_spec, GH_ERR_IO, path);
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(a_relative_path_is_in_the_current_folder)
{
    ck_assert_int_eq(chdir(fixture_folder), 0);
    gh_store_close(open_spec("sqlite:test.db"));
    ck_assert_int_eq(access(db_path, R_OK), 0);
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* ---- what is in it ---- */

START_TEST(a_newer_schema_is_refused_and_left_alone)
{
    gh_store_close(open_spec(db_spec));
    raw_sql("PRAGMA user_version = 3; CREATE TABLE future(x)");
    assert_not_opened(db_spec, GH_ERR_UNSUPPORTED, "newer gatehouse");
    raw_sql("DROP TABLE future; PRAGMA user_version = 2");
    gh_store_close(open_spec(db_spec));
}
END_TEST

START_TEST(another_programs_database_is_refused_and_left_alone)
{
    raw_sql("CREATE TABLE places(url TEXT)");
    ck_assert_int_eq(chmod(db_path, 0600), 0);
    assert_not_opened(db_spec, GH_ERR_DENIED, "another program");
    char header[100];
    int fd = open(db_path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(pread(fd, header, sizeof(header), 0), (ssize_t)sizeof(header));
    close(fd);
    ck_assert_int_eq(header[18], 1); /* still with a rollback journal */
    raw_sql("INSERT INTO places VALUES ('x')");
}
END_TEST

START_TEST(a_damaged_file_is_refused_with_a_remedy)
{
    char garbage[8192];
    memset(garbage, 'G', sizeof(garbage));
    write_file(db_path, 0, garbage, sizeof(garbage));
    assert_not_opened(db_spec, GH_ERR_PARSE, "move it away");
    ck_assert_int_eq(unlink(db_path), 0);

    gh_store *store = open_spec(db_spec);
    ck_assert_int_eq(add_client(store, "c1", 10, 0), GH_OK);
    gh_store_close(store);
    write_file(db_path, 4096, garbage, sizeof(garbage));
    assert_not_opened(db_spec, GH_ERR_PARSE, "move it away");
    ck_assert_int_eq(unlink(db_path), 0);

    store = open_spec(db_spec);
    ck_assert_int_eq(add_client(store, "c1", 10, 0), GH_OK);
    gh_store_close(store);
    ck_assert_int_eq(truncate(db_path, 5000), 0);
    assert_not_opened(db_spec, GH_ERR_PARSE, "move it away");
}
END_TEST

START_TEST(everything_survives_a_restart)
{
    gh_store *store = open_spec(db_spec);
    gh_secret *secret = NULL;
    gh_secret *again = NULL;
    gh_secret *pem = gh_secret_new(gh_view_of("pem"));
    const gh_stored_key key = {lit("k1"), lit("ES256"), pem, NOW, true};
    ck_assert_int_eq(add_client(store, "client", 10, 0), GH_OK);
    ck_assert_int_eq(add_flow(store, "f1", 10), GH_OK);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_add(store, "r1", "g1", "client"), GH_OK);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_ROTATED);
    ck_assert_int_eq(add_grant(store, "g2", "code2"), GH_OK);
    ck_assert_int_eq(gh_store_grant_revoke(store, "g2"), GH_OK);
    ck_assert_int_eq(gh_store_key_add(store, &key), GH_OK);
    ck_assert_int_eq(gh_store_secret(store, "csrf", 32, &secret), GH_OK);
    gh_store_close(store);

    store = open_spec(db_spec);
    gh_client client = {0};
    gh_flow flow = {0};
    gh_stored_key *keys = NULL;
    size_t count = 0;
    ck_assert_int_eq(gh_store_client_get(store, "client", &client), GH_OK);
    ck_assert_int_eq(client.used_at, NOW);
    gh_client_clear(&client);
    ck_assert_int_eq(gh_store_flow_take(store, "f1", &flow), GH_OK);
    gh_flow_clear(&flow);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    ck_assert_int_eq(gh_store_grant_alive(store, "g2"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_REPEATED);
    ck_assert_int_eq(rotate(store, "r2", "r3"), GH_REFRESH_ROTATED);
    ck_assert_int_eq(gh_store_key_add(store, &key), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_keys(store, &keys, &count), GH_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert(gh_view_eq_cstr(gh_secret_view(keys[0].pem), "pem"));
    gh_stored_key_clear(&keys[0]);
    free(keys);
    ck_assert_int_eq(gh_store_secret(store, "csrf", 32, &again), GH_OK);
    ck_assert(gh_secret_equals(secret, gh_secret_view(again)));
    ck_assert_int_eq(take_code(store, "code1"), GH_ERR_CONFLICT);
    gh_store_close(store);
    gh_secret_free(secret);
    gh_secret_free(again);
    gh_secret_free(pem);
}
END_TEST

/* ---- several processes ---- */

#define SHARED_CODES 30
#define PROCESSES 3

static void take_all_and_report(int fd)
{
    gh_store *store = NULL;
    if (gh_store_open(db_spec, &store, NULL) != GH_OK) {
        _exit(2);
    }
    for (int i = 0; i < SHARED_CODES; i++) {
        char hash[16];
        name_of(hash, sizeof(hash), "code", i);
        gh_status status = take_code(store, hash);
        unsigned char won = (unsigned char)i;
        if (status == GH_OK && write(fd, &won, 1) != 1) {
            _exit(3);
        }
        if (status != GH_OK && status != GH_ERR_CONFLICT) {
            _exit(4);
        }
    }
    gh_store_close(store);
    _exit(0);
}

START_TEST(of_several_processes_one_gets_the_code)
{
    int fds[2];
    int wins[SHARED_CODES] = {0};
    pid_t children[PROCESSES];
    gh_store *store = open_spec(db_spec);
    for (int i = 0; i < SHARED_CODES; i++) {
        char grant[16];
        char hash[16];
        name_of(grant, sizeof(grant), "g", i);
        name_of(hash, sizeof(hash), "code", i);
        ck_assert_int_eq(add_grant(store, grant, hash), GH_OK);
    }
    gh_store_close(store);
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0) {
            take_all_and_report(fds[1]);
        }
    }
    close(fds[1]);
    unsigned char won = 0;
    while (read(fds[0], &won, 1) == 1) {
        ck_assert_uint_lt(won, SHARED_CODES);
        wins[won]++;
    }
    close(fds[0]);
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    for (int i = 0; i < SHARED_CODES; i++) {
        ck_assert_int_eq(wins[i], 1);
    }
}
END_TEST

START_TEST(several_processes_create_one_file_together)
{
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        ck_assert_int_ge(children[i], 0);
        if (children[i] == 0) {
            char id[16];
            gh_store *store = NULL;
            name_of(id, sizeof(id), "client", i);
            int failed = gh_store_open(db_spec, &store, NULL) != GH_OK ? 1 : 0;
            if (failed == 0) {
                failed = add_client(store, id, 10, 0) != GH_OK ? 2 : 0;
                gh_store_close(store);
            }
            _exit(failed);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
        ck_assert(WIFEXITED(status));
        ck_assert_int_eq(WEXITSTATUS(status), 0);
    }
    gh_store *store = open_spec(db_spec);
    for (int i = 0; i < PROCESSES; i++) {
        char id[16];
        gh_client client = {0};
        name_of(id, sizeof(id), "client", i);
        ck_assert_int_eq(gh_store_client_get(store, id, &client), GH_OK);
        gh_client_clear(&client);
    }
    gh_store_close(store);
}
END_TEST

/* ---- kill -9 ---- */

typedef struct report {
    int round;
    int step; /* 1: code taken, 2: token rotated */
} report;

/* Works until it is killed, and reports what has been answered for. */
static void work_until_killed(int fd, int first)
{
    gh_store *store = NULL;
    if (gh_store_open(db_spec, &store, NULL) != GH_OK) {
        _exit(2);
    }
    for (int i = first;; i++) {
        char grant[16];
        char code[16];
        char token[16];
        char next[16];
        name_of(grant, sizeof(grant), "g", i);
        name_of(code, sizeof(code), "code", i);
        name_of(token, sizeof(token), "r", i);
        name_of(next, sizeof(next), "n", i);
        report taken = {i, 1};
        report rotated = {i, 2};
        gh_grant out = {0};
        gh_refresh_outcome outcome = GH_REFRESH_UNKNOWN;
        if (add_grant(store, grant, code) != GH_OK || take_code(store, code) != GH_OK ||
            write(fd, &taken, sizeof(taken)) != sizeof(taken) ||
            gh_store_refresh_add(store, token, grant, "client") != GH_OK ||
            gh_store_refresh_rotate(store, token, next, "client", 30, NOW + 7200, &outcome, &out) != GH_OK ||
            outcome != GH_REFRESH_ROTATED || write(fd, &rotated, sizeof(rotated)) != sizeof(rotated)) {
            _exit(3);
        }
        gh_grant_clear(&out);
    }
}

static void assert_nothing_is_spent_twice(const report *reports, size_t count)
{
    gh_store *store = open_spec(db_spec);
    for (size_t i = 0; i < count; i++) {
        char name[16];
        if (reports[i].step == 2) {
            name_of(name, sizeof(name), "r", reports[i].round);
            ck_assert_int_eq(rotate(store, name, "thief"), GH_REFRESH_REUSED);
        }
    }
    for (size_t i = 0; i < count; i++) {
        char name[16];
        if (reports[i].step == 1) {
            name_of(name, sizeof(name), "code", reports[i].round);
            ck_assert_int_eq(take_code(store, name), GH_ERR_CONFLICT);
        }
    }
    ck_assert_int_eq(gh_store_ping(store, NULL), GH_OK);
    gh_store_close(store);
}

START_TEST(a_killed_process_leaves_nothing_that_can_be_spent_twice)
{
    for (int round = 0; round < 6; round++) {
        report reports[KILL_REPORTS];
        size_t count = work_and_kill(work_until_killed, round, reports, sizeof(report));
        assert_nothing_is_spent_twice(reports, count);
    }
}
END_TEST

/* ---- outages ---- */

START_TEST(a_lock_that_is_held_too_long_is_an_outage_for_writers_only)
{
    gh_store *store = open_spec(db_spec);
    sqlite3 *other = NULL;
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(sqlite3_open(db_path, &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    int64_t start = gh_clock_mono_ms();
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    ck_assert_int_eq(gh_store_ping(store, NULL), GH_OK);
    ck_assert_int_lt(gh_clock_mono_ms() - start, 1000);
    ck_assert_int_eq(take_code(store, "code1"), GH_ERR_UNAVAILABLE);
    ck_assert_int_lt(gh_clock_mono_ms() - start, 15000);
    ck_assert_int_eq(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    ck_assert_int_eq(sqlite3_close(other), SQLITE_OK);
    gh_store_close(store);
}
END_TEST

START_TEST(a_full_disk_is_an_outage_that_changes_nothing_and_passes)
{
    gh_store *store = open_spec(db_spec);
    struct rlimit limit;
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    rlim_t kept = limit.rlim_cur;
    ck_assert_ptr_ne((void *)signal(SIGXFSZ, SIG_IGN), (void *)SIG_ERR);
    limit.rlim_cur = 160 * 1024;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    gh_status status = GH_OK;
    int added = 0;
    for (; added < 2000 && status == GH_OK; added++) {
        char id[16];
        name_of(id, sizeof(id), "f", added);
        status = add_flow(store, id, 100000);
    }
    ck_assert_int_eq(status, GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    limit.rlim_cur = kept;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    char id[16];
    gh_flow flow = {0};
    name_of(id, sizeof(id), "f", added - 1);
    ck_assert_int_eq(gh_store_flow_get(store, id, &flow), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(add_flow(store, id, 100000), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    gh_store_close(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_sqlite");
    TCase *tests = tcase_create("store_sqlite");
    tcase_add_checked_fixture(tests, setup, fixture_end);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, file_and_folder_are_private_whatever_the_umask);
    tcase_add_test(tests, a_file_that_others_may_open_is_refused);
    tcase_add_test(tests, links_folders_and_devices_are_refused);
    tcase_add_test(tests, the_folder_may_be_reached_by_a_link);
    tcase_add_test(tests, a_folder_that_others_may_write_is_refused);
    tcase_add_test(tests, another_users_file_is_refused);
    tcase_add_test(tests, the_lock_file_is_made_private_and_nothing_else_is_waited_for);
    tcase_add_test(tests, a_relative_path_is_in_the_current_folder);
    tcase_add_test(tests, a_newer_schema_is_refused_and_left_alone);
    tcase_add_test(tests, another_programs_database_is_refused_and_left_alone);
    tcase_add_test(tests, a_damaged_file_is_refused_with_a_remedy);
    tcase_add_test(tests, everything_survives_a_restart);
    tcase_add_test(tests, of_several_processes_one_gets_the_code);
    tcase_add_test(tests, several_processes_create_one_file_together);
    tcase_add_test(tests, a_killed_process_leaves_nothing_that_can_be_spent_twice);
    tcase_add_test(tests, a_lock_that_is_held_too_long_is_an_outage_for_writers_only);
    tcase_add_test(tests, a_full_disk_is_an_outage_that_changes_nothing_and_passes);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

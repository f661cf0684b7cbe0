#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bridge/credentials/codec.h"
#include "bridge/credentials/credentials.h"
#include "shared/core/bytes.h"
#include "shared/core/clock.h"
#include "tests/support/suite.h"

static char folder[64];
static char state_dir[96];
static gh_keeper *keeper;

static void setup(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/gh_keeper_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(state_dir, sizeof(state_dir), "%s/state", folder);
    ck_assert_int_eq(gh_keeper_open(state_dir, "http://localhost:8080/mcp", &keeper, NULL), GH_OK);
}

static void teardown(void)
{
    char command[128];
    gh_keeper_close(keeper);
    keeper = NULL;
    (void)snprintf(command, sizeof(command), "%s", folder);
    pid_t pid = fork();
    if (pid == 0) {
        (void)execlp("rm", "rm", "-rf", command, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(pid, NULL, 0);
}

static gh_credentials sample(void)
{
    gh_credentials made = {
        .mcp_url = strdup("http://localhost:8080/mcp"),
        .resource = strdup("http://localhost:8080/mcp"),
        .issuer = strdup("http://localhost:8080"),
        .authorization_endpoint = strdup("http://localhost:8080/authorize"),
        .token_endpoint = strdup("http://localhost:8080/token"),
        .client_id = strdup("client \"quoted\" \xc3\xa9"),
        .scope = strdup("mcp"),
        .access_token = gh_secret_new(GH_VIEW_LIT("access")),
        .refresh_token = gh_secret_new(GH_VIEW_LIT("refresh")),
        .expires_at = 1763800000,
        .iss_parameter_supported = true,
        .client_in_doubt = true,
    };
    return made;
}

/* The one .json file of the state folder. */
static char *stored_path(void)
{
    static char path[256];
    char pattern[160];
    (void)snprintf(pattern, sizeof(pattern), "ls %s/*.json", state_dir);
    FILE *list = popen(pattern, "r");
    ck_assert_ptr_nonnull(list);
    ck_assert_ptr_nonnull(fgets(path, sizeof(path), list));
    (void)pclose(list);
    path[strcspn(path, "\n")] = '\0';
    return path;
}

START_TEST(what_was_saved_comes_back)
{
    gh_credentials saved = sample();
    gh_credentials loaded;
    ck_assert_int_eq(gh_keeper_save(keeper, &saved, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_load(keeper, &loaded, NULL), GH_OK);
    ck_assert_str_eq(loaded.client_id, saved.client_id);
    ck_assert_str_eq(loaded.issuer, saved.issuer);
    ck_assert_ptr_null(loaded.registration_endpoint);
    ck_assert(gh_secret_equals(loaded.access_token, GH_VIEW_LIT("access")));
    ck_assert(gh_secret_equals(loaded.refresh_token, GH_VIEW_LIT("refresh")));
    ck_assert_ptr_null(loaded.client_secret);
    ck_assert_int_eq(loaded.expires_at, 1763800000);
    ck_assert(loaded.iss_parameter_supported);
    ck_assert(loaded.client_in_doubt);
    gh_credentials_clear(&saved);
    gh_credentials_clear(&loaded);
}
END_TEST

START_TEST(files_are_private)
{
    gh_credentials saved = sample();
    struct stat info;
    ck_assert_int_eq(gh_keeper_save(keeper, &saved, NULL), GH_OK);
    ck_assert_int_eq(stat(state_dir, &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0700);
    ck_assert_int_eq(stat(stored_path(), &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0600);
    gh_credentials_clear(&saved);
}
END_TEST

START_TEST(a_file_that_others_can_read_is_refused)
{
    gh_credentials saved = sample();
    gh_credentials loaded;
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(gh_keeper_save(keeper, &saved, NULL), GH_OK);
    ck_assert_int_eq(chmod(stored_path(), 0644), 0);
    ck_assert_int_eq(gh_keeper_load(keeper, &loaded, &error), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(error.message, "0600"));
    gh_credentials_clear(&saved);
}
END_TEST

START_TEST(a_folder_that_others_can_read_is_refused)
{
    gh_error error = {GH_OK, ""};
    gh_keeper *second = NULL;
    ck_assert_int_eq(chmod(state_dir, 0755), 0);
    ck_assert_int_ne(gh_keeper_open(state_dir, "http://localhost:8080/mcp", &second, &error), GH_OK);
    ck_assert_ptr_nonnull(strstr(error.message, state_dir));
}
END_TEST

START_TEST(nothing_stored_is_not_found)
{
    gh_credentials loaded;
    ck_assert_int_eq(gh_keeper_load(keeper, &loaded, NULL), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_keeper_forget(keeper, NULL), GH_OK);
}
END_TEST

START_TEST(a_damaged_file_counts_as_absent)
{
    gh_credentials saved = sample();
    gh_credentials loaded;
    ck_assert_int_eq(gh_keeper_save(keeper, &saved, NULL), GH_OK);
    int fd = open(stored_path(), O_WRONLY | O_TRUNC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "{\"version\": 1, ", 15), 15);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_eq(gh_keeper_load(keeper, &loaded, NULL), GH_ERR_NOT_FOUND);
    gh_credentials_clear(&saved);
}
END_TEST

START_TEST(servers_do_not_share_credentials)
{
    gh_credentials saved = sample();
    gh_credentials loaded;
    gh_keeper *other = NULL;
    ck_assert_int_eq(gh_keeper_save(keeper, &saved, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_open(state_dir, "http://localhost:8081/mcp", &other, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_load(other, &loaded, NULL), GH_ERR_NOT_FOUND);
    gh_keeper_close(other);
    gh_credentials_clear(&saved);
}
END_TEST

START_TEST(forgotten_credentials_are_gone)
{
    gh_credentials saved = sample();
    gh_credentials loaded;
    ck_assert_int_eq(gh_keeper_save(keeper, &saved, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_forget(keeper, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_load(keeper, &loaded, NULL), GH_ERR_NOT_FOUND);
    gh_credentials_clear(&saved);
}
END_TEST

START_TEST(the_lock_has_one_holder_and_dies_with_it)
{
    int ready[2];
    ck_assert_int_eq(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        gh_keeper *mine = NULL;
        if (gh_keeper_open(state_dir, "http://localhost:8080/mcp", &mine, NULL) != GH_OK ||
            gh_keeper_try_lock(mine, NULL) != GH_OK || write(ready[1], "x", 1) != 1) {
            _exit(1);
        }
        (void)pause();
        _exit(0);
    }
    char byte;
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_eq(gh_keeper_try_lock(keeper, NULL), GH_ERR_CONFLICT);
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    ck_assert_int_eq(gh_keeper_try_lock(keeper, NULL), GH_OK);
    gh_keeper_unlock(keeper);
    ck_assert_int_eq(close(ready[0]), 0);
    ck_assert_int_eq(close(ready[1]), 0);
}
END_TEST

START_TEST(word_of_a_failed_login_is_for_those_who_were_there_before)
{
    gh_error told = {GH_OK, ""};
    int64_t before = gh_clock_wall_ms() - 1;
    gh_error reason = {GH_ERR_DENIED, "access was refused in the browser"};
    ck_assert_int_eq(gh_keeper_try_lock(keeper, NULL), GH_OK);
    ck_assert(!gh_keeper_failed_since(keeper, 0, &told));
    gh_keeper_note_failure(keeper, &reason);
    ck_assert(gh_keeper_failed_since(keeper, before, &told));
    ck_assert_int_eq(told.status, GH_ERR_DENIED);
    ck_assert_str_eq(told.message, reason.message);
    ck_assert(!gh_keeper_failed_since(keeper, gh_clock_wall_ms() + 1, &told));
    gh_keeper_unlock(keeper);
}
END_TEST

START_TEST(decoding_refuses_what_it_does_not_know)
{
    gh_credentials decoded;
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(gh_credentials_decode(GH_VIEW_LIT("{\"version\":2}"), &decoded, &error),
                     GH_ERR_UNSUPPORTED);
    ck_assert_int_eq(gh_credentials_decode(GH_VIEW_LIT("[]"), &decoded, &error), GH_ERR_UNSUPPORTED);
    ck_assert_int_eq(
        gh_credentials_decode(GH_VIEW_LIT("{\"version\":1,\"mcp_url\":\"x\"}"), &decoded, &error),
        GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "resource"));
    ck_assert_ptr_null(decoded.mcp_url);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("credentials");
    TCase *tests = tcase_create("credentials");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_was_saved_comes_back);
    tcase_add_test(tests, files_are_private);
    tcase_add_test(tests, a_file_that_others_can_read_is_refused);
    tcase_add_test(tests, a_folder_that_others_can_read_is_refused);
    tcase_add_test(tests, nothing_stored_is_not_found);
    tcase_add_test(tests, a_damaged_file_counts_as_absent);
    tcase_add_test(tests, servers_do_not_share_credentials);
    tcase_add_test(tests, forgotten_credentials_are_gone);
    tcase_add_test(tests, the_lock_has_one_holder_and_dies_with_it);
    tcase_add_test(tests, word_of_a_failed_login_is_for_those_who_were_there_before);
    tcase_add_test(tests, decoding_refuses_what_it_does_not_know);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

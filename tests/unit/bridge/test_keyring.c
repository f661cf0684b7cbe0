#include "bridge/credentials/keyring.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/credentials/credentials.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "tests/support/suite.h"

static char library[4096];
static char secrets[64], states[64];

/* The tests' own libsecret is built beside this program. */
static void start(void)
{
    char program[3072];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    ck_assert_int_gt(len, 0);
    program[len] = '\0';
    char *slash = strrchr(program, '/');
    ck_assert_ptr_nonnull(slash);
    *slash = '\0';
    (void)snprintf(library, sizeof(library), "%s/libsecret/libsecret-1.so.0", program);
    (void)snprintf(secrets, sizeof(secrets), "/tmp/gatehouse-keyring-XXXXXX");
    (void)snprintf(states, sizeof(states), "/tmp/gatehouse-keyring-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(secrets));
    ck_assert_ptr_nonnull(mkdtemp(states));
    ck_assert_int_eq(setenv("FAKE_SECRET_DIR", secrets, 1), 0);
    ck_assert_int_eq(unsetenv("FAKE_SECRET_MODE"), 0);
    gh_log_set_level(GH_LOG_ERROR);
}

/* The names of the files in a folder that hold something; those are removed when asked for. */
static int files(const char *folder, const char *ending, bool remove_them)
{
    int count = 0;
    DIR *list = opendir(folder);
    ck_assert_ptr_nonnull(list);
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        size_t len = strlen(entry->d_name);
        char path[512];
        (void)snprintf(path, sizeof(path), "%s/%.300s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && len >= strlen(ending) &&
            strcmp(entry->d_name + len - strlen(ending), ending) == 0) {
            count++;
        }
        if (remove_them) {
            (void)unlink(path);
        }
    }
    (void)closedir(list);
    return count;
}

static void finish(void)
{
    (void)files(secrets, "", true);
    (void)files(states, "", true);
    (void)rmdir(secrets);
    (void)rmdir(states);
}

static gh_keyring *open_keyring(const char *account)
{
    gh_keyring *keyring = NULL;
    ck_assert_int_eq(gh_keyring_open(library, account, "label", GH_KEYRING_MS, &keyring, NULL), GH_OK);
    return keyring;
}

START_TEST(a_text_is_found_again_under_its_account_only)
{
    gh_keyring *mine = open_keyring("a");
    gh_keyring *other = open_keyring("b");
    gh_buf text = GH_BUF_INIT(1024);
    ck_assert_int_eq(gh_keyring_read(mine, &text, NULL), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_keyring_write(mine, "{\"x\": \"y\"}", NULL), GH_OK);
    ck_assert_int_eq(gh_keyring_read(mine, &text, NULL), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&text), "{\"x\": \"y\"}");
    ck_assert_int_eq(gh_keyring_read(other, &text, NULL), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_keyring_remove(mine, NULL), GH_OK);
    ck_assert_int_eq(gh_keyring_remove(mine, NULL), GH_OK);
    ck_assert_int_eq(gh_keyring_read(mine, &text, NULL), GH_ERR_NOT_FOUND);
    gh_buf_free(&text);
    gh_keyring_close(mine);
    gh_keyring_close(other);
}
END_TEST

START_TEST(a_library_that_is_not_there_is_said)
{
    gh_keyring *keyring = NULL;
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(gh_keyring_open("libsecret-absent.so.0", "a", "l", GH_KEYRING_MS, &keyring, &error),
                     GH_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(error.message, "libsecret-absent"));
    ck_assert_int_eq(gh_keyring_open("libc.so.6", "a", "l", GH_KEYRING_MS, &keyring, &error),
                     GH_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(error.message, "lacks"));
    ck_assert_ptr_null(keyring);
}
END_TEST

START_TEST(a_service_that_refuses_is_unavailable_with_its_reason)
{
    gh_keyring *keyring = open_keyring("a");
    gh_error error = {GH_OK, ""};
    gh_buf text = GH_BUF_INIT(64);
    ck_assert_int_eq(setenv("FAKE_SECRET_MODE", "refuse", 1), 0);
    ck_assert_int_eq(gh_keyring_read(keyring, &text, &error), GH_ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(error.message, "No such interface"));
    ck_assert_int_eq(gh_keyring_write(keyring, "x", &error), GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(gh_keyring_remove(keyring, &error), GH_ERR_UNAVAILABLE);
    gh_keyring_close(keyring);
}
END_TEST

START_TEST(a_service_that_does_not_answer_is_left_after_the_deadline)
{
    gh_keyring *keyring = open_keyring("a");
    gh_error error = {GH_OK, ""};
    gh_buf text = GH_BUF_INIT(64);
    int64_t before = gh_clock_mono_ms();
    ck_assert_int_eq(setenv("FAKE_SECRET_MODE", "stuck", 1), 0);
    ck_assert_int_eq(gh_keyring_read(keyring, &text, &error), GH_ERR_TIMEOUT);
    ck_assert_int_lt(gh_clock_mono_ms() - before, GH_KEYRING_MS + 1500);
    before = gh_clock_mono_ms();
    ck_assert_int_eq(gh_keyring_read(keyring, &text, &error), GH_ERR_UNAVAILABLE);
    ck_assert_int_lt(gh_clock_mono_ms() - before, 500);
    gh_keyring_close(keyring);
    (void)sleep(8); /* the late call ends on its own */
}
END_TEST

static gh_credentials made(void)
{
    return (gh_credentials){.mcp_url = (char *)(uintptr_t) "http://localhost/mcp",
                            .resource = (char *)(uintptr_t) "http://localhost/mcp",
                            .issuer = (char *)(uintptr_t) "http://localhost",
                            .authorization_endpoint = (char *)(uintptr_t) "http://localhost/a",
                            .token_endpoint = (char *)(uintptr_t) "http://localhost/t",
                            .client_id = (char *)(uintptr_t) "client"};
}

START_TEST(a_keeper_with_a_keyring_has_its_file_only_in_need)
{
    gh_keeper *keeper = NULL;
    gh_credentials credentials = made();
    gh_credentials found = {0};
    ck_assert_int_eq(gh_keeper_open(states, "http://localhost/mcp", &keeper, NULL), GH_OK);
    ck_assert_int_eq(
        gh_keeper_use_keyring(keeper, library, "http://localhost/mcp?key=hidden", GH_KEYRING_MS, NULL),
        GH_OK);
    ck_assert_int_eq(gh_keeper_load(keeper, &found, NULL), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(setenv("FAKE_SECRET_MODE", "refuse", 1), 0);
    ck_assert_int_eq(gh_keeper_save(keeper, &credentials, NULL), GH_OK);
    ck_assert_int_eq(files(states, ".json", false), 1);
    ck_assert_int_eq(unsetenv("FAKE_SECRET_MODE"), 0);
    ck_assert_int_eq(gh_keeper_load(keeper, &found, NULL), GH_OK);
    ck_assert_str_eq(found.client_id, "client");
    gh_credentials_clear(&found);
    ck_assert_int_eq(gh_keeper_save(keeper, &credentials, NULL), GH_OK);
    ck_assert_int_eq(files(states, ".json", false), 0);
    ck_assert_int_eq(files(secrets, "", false), 1);
    ck_assert_int_eq(gh_keeper_load(keeper, &found, NULL), GH_OK);
    gh_credentials_clear(&found);
    ck_assert_int_eq(gh_keeper_forget(keeper, NULL), GH_OK);
    ck_assert_int_eq(files(secrets, "", false), 0);
    ck_assert_int_eq(gh_keeper_load(keeper, &found, NULL), GH_ERR_NOT_FOUND);
    gh_keeper_close(keeper);
}
END_TEST

START_TEST(forgetting_says_when_the_keyring_keeps_the_tokens)
{
    gh_keeper *keeper = NULL;
    gh_error error = {GH_OK, ""};
    ck_assert_int_eq(gh_keeper_open(states, "http://localhost/mcp", &keeper, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_use_keyring(keeper, library, "http://localhost/mcp", GH_KEYRING_MS, NULL),
                     GH_OK);
    ck_assert_int_eq(setenv("FAKE_SECRET_MODE", "refuse", 1), 0);
    ck_assert_int_ne(gh_keeper_forget(keeper, &error), GH_OK);
    ck_assert_ptr_nonnull(strstr(error.message, "keyring"));
    gh_keeper_close(keeper);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keyring");
    TCase *tests = tcase_create("keyring");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_test(tests, a_text_is_found_again_under_its_account_only);
    tcase_add_test(tests, a_library_that_is_not_there_is_said);
    tcase_add_test(tests, a_service_that_refuses_is_unavailable_with_its_reason);
    tcase_add_test(tests, a_service_that_does_not_answer_is_left_after_the_deadline);
    tcase_add_test(tests, a_keeper_with_a_keyring_has_its_file_only_in_need);
    tcase_add_test(tests, forgetting_says_when_the_keyring_keeps_the_tokens);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/core/file.h"

static char folder[64];
static char path[128];
static gh_error error;

static void make_folder(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/gatehouse-test-file-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    memset(&error, 0, sizeof(error));
}

static int remove_entry(const char *name, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(name);
}

static void remove_folder(void)
{
    (void)nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *text, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

static mode_t mode_of(const char *name)
{
    struct stat info;

    ck_assert_int_eq(stat(name, &info), 0);
    return info.st_mode & 07777;
}

START_TEST(read_gives_the_whole_file)
{
    static char big[100000];
    gh_buf buf = GH_BUF_INIT(200000);

    memset(big, 'b', sizeof(big));
    write_file(big, sizeof(big), 0644);
    ck_assert_int_eq(gh_file_read(path, &buf, &error), GH_OK);
    ck_assert_uint_eq(buf.len, sizeof(big));
    ck_assert_int_eq(memcmp(buf.data, big, sizeof(big)), 0);
    gh_buf_free(&buf);
}
END_TEST

START_TEST(read_stops_at_the_ceiling)
{
    gh_buf buf = GH_BUF_INIT(10);

    write_file("0123456789", 10, 0600);
    ck_assert_int_eq(gh_file_read(path, &buf, &error), GH_OK);
    gh_buf_clear(&buf);
    write_file("0123456789a", 11, 0600);
    ck_assert_int_eq(gh_file_read(path, &buf, &error), GH_ERR_TOO_LARGE);
    ck_assert_ptr_nonnull(strstr(error.message, path));
    ck_assert_ptr_nonnull(strstr(error.message, "10 bytes"));
    gh_buf_free(&buf);
}
END_TEST

START_TEST(read_of_a_missing_file_names_it)
{
    gh_buf buf = GH_BUF_INIT(10);

    ck_assert_int_eq(gh_file_read(path, &buf, &error), GH_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(error.message, path));
    gh_buf_free(&buf);
}
END_TEST

START_TEST(read_refuses_folders_and_pipes_at_once)
{
    gh_buf buf = GH_BUF_INIT(10);

    ck_assert_int_eq(gh_file_read(folder, &buf, &error), GH_ERR_INVALID);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(gh_file_read(path, &buf, &error), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "not a regular file"));
    gh_buf_free(&buf);
}
END_TEST

static void expect_secret(const char *content, const char *expected)
{
    gh_secret *secret = NULL;

    write_file(content, strlen(content), 0600);
    ck_assert_int_eq(gh_file_read_secret(path, false, &secret, &error), GH_OK);
    ck_assert(gh_secret_equals(secret, gh_view_of(expected)));
    gh_secret_free(secret);
}

START_TEST(secret_loses_one_newline)
{
    expect_secret("hush\n", "hush");
    expect_secret("hush\r\n", "hush");
    expect_secret("hush\n\n", "hush\n");
    expect_secret("hush", "hush");
    expect_secret(" hush \n", " hush ");
}
END_TEST

START_TEST(secret_that_others_can_read_is_refused)
{
    static const mode_t modes[] = {0640, 0604, 0644, 0444};
    gh_secret *secret = NULL;

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        (void)unlink(path);
        write_file("hush", 4, modes[i]);
        ck_assert_int_eq(gh_file_read_secret(path, false, &secret, &error), GH_ERR_DENIED);
        ck_assert_ptr_nonnull(strstr(error.message, "chmod 600"));
        ck_assert_ptr_null(secret);
        ck_assert_int_eq(gh_file_read_secret(path, true, &secret, &error), GH_OK);
        gh_secret_free(secret);
        secret = NULL;
    }
}
END_TEST

START_TEST(empty_or_huge_secret_is_refused)
{
    static char huge[65537];
    gh_secret *secret = NULL;

    write_file("", 0, 0600);
    ck_assert_int_eq(gh_file_read_secret(path, false, &secret, &error), GH_ERR_INVALID);
    write_file("\n", 1, 0600);
    ck_assert_int_eq(gh_file_read_secret(path, false, &secret, &error), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "empty"));
    memset(huge, 's', sizeof(huge));
    write_file(huge, sizeof(huge), 0600);
    ck_assert_int_eq(gh_file_read_secret(path, false, &secret, &error), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(gh_file_read_secret("/nonexistent/x", false, &secret, &error), GH_ERR_NOT_FOUND);
    ck_assert_ptr_null(secret);
}
END_TEST

START_TEST(private_write_replaces_with_mode_0600)
{
    gh_buf buf = GH_BUF_INIT(100);

    write_file("old and longer", 14, 0644);
    (void)umask(0);
    ck_assert_int_eq(gh_file_write_private(path, gh_view_of("new"), &error), GH_OK);
    ck_assert_uint_eq(mode_of(path), 0600);
    ck_assert_int_eq(gh_file_read(path, &buf, &error), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&buf), "new");
    gh_buf_free(&buf);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_msg(rmdir(folder) == 0, "the temporary file was left behind");
    ck_assert_int_eq(mkdir(folder, 0700), 0);
}
END_TEST

START_TEST(private_write_leaves_nothing_when_it_fails)
{
    char missing[160];

    (void)snprintf(missing, sizeof(missing), "%s/none/file", folder);
    ck_assert_int_eq(gh_file_write_private(missing, gh_view_of("x"), &error), GH_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(error.message, missing));
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_ne(gh_file_write_private(path, gh_view_of("x"), &error), GH_OK);
    (void)snprintf(missing, sizeof(missing), "%s/", folder);
    ck_assert_int_eq(gh_file_write_private(missing, gh_view_of("x"), &error), GH_ERR_INVALID);
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_msg(rmdir(folder) == 0, "the temporary file was left behind");
    ck_assert_int_eq(mkdir(folder, 0700), 0);
}
END_TEST

START_TEST(private_write_does_not_follow_a_link)
{
    char target[160];
    struct stat info;

    (void)snprintf(target, sizeof(target), "%s/target", folder);
    ck_assert_int_eq(symlink(target, path), 0);
    ck_assert_int_eq(gh_file_write_private(path, gh_view_of("x"), &error), GH_OK);
    ck_assert_int_ne(stat(target, &info), 0);
    ck_assert_int_eq(lstat(path, &info), 0);
    ck_assert(S_ISREG(info.st_mode));
}
END_TEST

START_TEST(private_folder_is_made_with_its_parents)
{
    char deep[160];
    char middle[160];

    (void)snprintf(middle, sizeof(middle), "%s/a", folder);
    (void)snprintf(deep, sizeof(deep), "%s/a//b/c/", folder);
    (void)umask(0);
    ck_assert_int_eq(gh_file_make_private_dir(deep, true, &error), GH_OK);
    ck_assert_uint_eq(mode_of(middle), 0700);
    ck_assert_uint_eq(mode_of(deep), 0700);
    ck_assert_int_eq(gh_file_make_private_dir(deep, true, &error), GH_OK);
}
END_TEST

START_TEST(folder_that_others_use_is_refused)
{
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(chmod(path, 0755), 0);
    ck_assert_int_eq(gh_file_make_private_dir(path, false, &error), GH_OK);
    ck_assert_int_eq(gh_file_make_private_dir(path, true, &error), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(error.message, "chmod 700"));
    ck_assert_int_eq(chmod(path, 0770), 0);
    ck_assert_int_eq(gh_file_make_private_dir(path, false, &error), GH_ERR_DENIED);
    ck_assert_int_eq(chmod(path, 0702), 0);
    ck_assert_int_eq(gh_file_make_private_dir(path, false, &error), GH_ERR_DENIED);
}
END_TEST

START_TEST(folder_of_another_user_is_refused)
{
    if (geteuid() != 0) {
        ck_assert_int_eq(gh_file_make_private_dir("/", false, &error), GH_ERR_DENIED);
        return;
    }
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(chown(path, 12345, 12345), 0);
    ck_assert_int_eq(gh_file_make_private_dir(path, false, &error), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(error.message, "another user"));
}
END_TEST

START_TEST(file_in_place_of_a_folder_is_refused)
{
    char below[160];

    write_file("x", 1, 0600);
    ck_assert_int_eq(gh_file_make_private_dir(path, false, &error), GH_ERR_INVALID);
    (void)snprintf(below, sizeof(below), "%s/below", path);
    ck_assert_int_ne(gh_file_make_private_dir(below, false, &error), GH_OK);
    ck_assert_int_eq(gh_file_make_private_dir("", false, &error), GH_ERR_INVALID);
}
END_TEST

static void expect_state_dir(const char *expected)
{
    char *result = NULL;

    ck_assert_int_eq(gh_file_state_dir("gatehouse", &result, &error), GH_OK);
    ck_assert_str_eq(result, expected);
    free(result);
}

START_TEST(state_folder_follows_the_xdg_rules)
{
    char *result = NULL;

    (void)setenv("HOME", "/home/someone", 1);
    (void)setenv("XDG_STATE_HOME", "/var/state", 1);
    expect_state_dir("/var/state/gatehouse");
    (void)setenv("XDG_STATE_HOME", "relative/state", 1);
    expect_state_dir("/home/someone/.local/state/gatehouse");
    (void)setenv("XDG_STATE_HOME", "", 1);
    expect_state_dir("/home/someone/.local/state/gatehouse");
    (void)unsetenv("XDG_STATE_HOME");
    (void)unsetenv("HOME");
    ck_assert_int_eq(gh_file_state_dir("gatehouse", &result, &error), GH_OK);
    ck_assert_int_eq(result[0], '/');
    ck_assert_ptr_nonnull(strstr(result, "/.local/state/gatehouse"));
    free(result);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("file");
    TCase *tc = tcase_create("all");
    SRunner *runner = NULL;
    int failed = 0;

    tcase_add_test(tc, read_gives_the_whole_file);
    tcase_add_test(tc, read_stops_at_the_ceiling);
    tcase_add_test(tc, read_of_a_missing_file_names_it);
    tcase_add_test(tc, read_refuses_folders_and_pipes_at_once);
    tcase_add_test(tc, secret_loses_one_newline);
    tcase_add_test(tc, secret_that_others_can_read_is_refused);
    tcase_add_test(tc, empty_or_huge_secret_is_refused);
    tcase_add_test(tc, private_write_replaces_with_mode_0600);
    tcase_add_test(tc, private_write_leaves_nothing_when_it_fails);
    tcase_add_test(tc, private_write_does_not_follow_a_link);
    tcase_add_test(tc, private_folder_is_made_with_its_parents);
    tcase_add_test(tc, folder_that_others_use_is_refused);
    tcase_add_test(tc, folder_of_another_user_is_refused);
    tcase_add_test(tc, file_in_place_of_a_folder_is_refused);
    tcase_add_test(tc, state_folder_follows_the_xdg_rules);
    tcase_add_checked_fixture(tc, make_folder, remove_folder);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Which key file goes with which store, and what happens when one of them is missing. */
#include "server/identity.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/server/store_fixture.h"

static char db_path[128];
static char db_spec[160];
static char beside[160]; /* where the key is by default */
static char other[128];

static void setup(void)
{
    fixture_start();
    (void)snprintf(db_path, sizeof db_path, "%s/proxy.db", fixture_folder);
    (void)snprintf(db_spec, sizeof db_spec, "sqlite:%s", db_path);
    (void)snprintf(beside, sizeof beside, "%s.key", db_path);
    (void)snprintf(other, sizeof other, "%s/other.key", fixture_folder);
}

static gh_status open_as(const char *mode, const char *spec, const char *key_file, gh_error *error)
{
    const gh_settings settings = {.auth = lit(mode), .store = lit(spec), .secret_key_file = lit(key_file)};
    gh_sealer *sealer = NULL;
    gh_store *store = NULL;
    memset(error, 0, sizeof *error);
    gh_status status = gh_identity_open_store(&settings, &sealer, &store, error);
    ck_assert((status == GH_OK) == (store != NULL));
    ck_assert(status != GH_OK || (sealer != NULL) == (strcmp(mode, "proxy") == 0));
    if (store != NULL) {
        gh_secret *secret = NULL; /* unreadable with any key but the one that sealed it */
        ck_assert_int_eq(gh_store_secret(store, "csrf", 32, &secret), GH_OK);
        gh_secret_free(secret);
    }
    gh_store_close(store);
    gh_sealer_free(sealer);
    return status;
}

static void assert_opens(const char *mode, const char *spec, const char *key_file)
{
    gh_error error;
    ck_assert_msg(open_as(mode, spec, key_file, &error) == GH_OK, "%s", error.message);
}

static void assert_refused(const char *mode, const char *key_file, const char *word)
{
    gh_error error;
    ck_assert_int_eq(open_as(mode, db_spec, key_file, &error), GH_ERR_DENIED);
    ck_assert_msg(strstr(error.message, word) != NULL, "'%s' says nothing of %s", error.message, word);
}

static bool exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    return info.st_mode & 07777;
}

/* Files in the folder with this in their names, drafts of key files among them. */
static size_t files_with(const char *part)
{
    size_t count = 0;
    DIR *folder = opendir(fixture_folder);
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        count += strstr(entry->d_name, part) != NULL ? 1U : 0U;
    }
    closedir(folder);
    return count;
}

START_TEST(the_first_start_makes_a_private_key_beside_the_store)
{
    assert_opens("proxy", db_spec, NULL);
    ck_assert_uint_eq(mode_of(beside), 0600);
    ck_assert_uint_eq(files_with(".key"), 1);
    assert_opens("proxy", db_spec, NULL);
    ck_assert_uint_eq(files_with(".key"), 1);
}
END_TEST

START_TEST(a_key_file_that_is_named_is_made_there_and_nowhere_else)
{
    assert_opens("proxy", db_spec, other);
    ck_assert_uint_eq(mode_of(other), 0600);
    ck_assert(!exists(beside));
    assert_opens("proxy", db_spec, other);
}
END_TEST

START_TEST(a_lost_key_is_said_and_no_new_one_takes_its_place)
{
    char kept[160];
    (void)snprintf(kept, sizeof kept, "%s/kept", fixture_folder);
    assert_opens("proxy", db_spec, NULL);
    ck_assert_int_eq(rename(beside, kept), 0);
    assert_refused("proxy", NULL, "--secret-key-file");
    assert_refused("proxy", NULL, db_path);
    assert_refused("proxy", other, "--secret-key-file");
    ck_assert_uint_eq(files_with(".key"), 0);
    ck_assert_int_eq(rename(kept, beside), 0);
    assert_opens("proxy", db_spec, NULL);
}
END_TEST

START_TEST(another_key_is_refused_and_changes_nothing)
{
    char elsewhere[160];
    (void)snprintf(elsewhere, sizeof elsewhere, "sqlite:%s/second.db", fixture_folder);
    assert_opens("proxy", elsewhere, other);
    assert_opens("proxy", db_spec, NULL);
    assert_refused("proxy", other, "another key");
    assert_opens("proxy", db_spec, NULL);
    assert_opens("proxy", elsewhere, other);
}
END_TEST

START_TEST(a_store_of_dev_mode_is_sealed_when_a_provider_comes_and_stays_so)
{
    assert_opens("dev", db_spec, NULL);
    ck_assert(!exists(beside));
    assert_opens("proxy", db_spec, NULL);
    ck_assert(exists(beside));
    assert_refused("dev", NULL, "sealed");
    assert_opens("proxy", db_spec, NULL);
}
END_TEST

START_TEST(a_key_that_others_can_read_is_refused)
{
    gh_error error;
    assert_opens("proxy", db_spec, NULL);
    ck_assert_int_eq(chmod(beside, 0644), 0);
    ck_assert_int_ne(open_as("proxy", db_spec, NULL, &error), GH_OK);
    ck_assert_ptr_nonnull(strstr(error.message, beside));
    ck_assert_int_eq(chmod(beside, 0600), 0);
    assert_opens("proxy", db_spec, NULL);
}
END_TEST

START_TEST(a_file_that_holds_no_key_is_left_as_it_is)
{
    gh_error error;
    int fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "not a key\n", 10), 10);
    ck_assert_int_eq(close(fd), 0);
    ck_assert_int_ne(open_as("proxy", db_spec, other, &error), GH_OK);
    ck_assert_ptr_nonnull(strstr(error.message, other));
    ck_assert_ptr_nonnull(strstr(error.message, "64 hexadecimal digits"));
    struct stat info;
    ck_assert_int_eq(stat(other, &info), 0);
    ck_assert_int_eq(info.st_size, 10);
    ck_assert(!exists(db_path));
}
END_TEST

START_TEST(a_store_in_memory_needs_no_file)
{
    assert_opens("proxy", "memory", NULL);
    assert_opens("dev", "memory", NULL);
    ck_assert_uint_eq(files_with(".key"), 0);
}
END_TEST

START_TEST(modes_that_leave_everything_to_the_provider_have_no_store)
{
    assert_refused("direct", NULL, "direct");
    assert_refused("facade", NULL, "facade");
    ck_assert(!exists(db_path));
    ck_assert(!exists(beside));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identity");
    TCase *tests = tcase_create("identity");
    tcase_add_checked_fixture(tests, setup, fixture_end);
    tcase_add_test(tests, the_first_start_makes_a_private_key_beside_the_store);
    tcase_add_test(tests, a_key_file_that_is_named_is_made_there_and_nowhere_else);
    tcase_add_test(tests, a_lost_key_is_said_and_no_new_one_takes_its_place);
    tcase_add_test(tests, another_key_is_refused_and_changes_nothing);
    tcase_add_test(tests, a_store_of_dev_mode_is_sealed_when_a_provider_comes_and_stays_so);
    tcase_add_test(tests, a_key_that_others_can_read_is_refused);
    tcase_add_test(tests, a_file_that_holds_no_key_is_left_as_it_is);
    tcase_add_test(tests, a_store_in_memory_needs_no_file);
    tcase_add_test(tests, modes_that_leave_everything_to_the_provider_have_no_store);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

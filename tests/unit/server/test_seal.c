#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/auth/seal.h"
#include "shared/net/base64.h"
#include "tests/support/suite.h"

static char folder[64];
static char path[96];

static void setup(void)
{
    (void)snprintf(folder, sizeof folder, "/tmp/gh_seal_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/key", folder);
}

static void teardown(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
}

static gh_sealer *sealer_of(char fill)
{
    char key[32];
    gh_sealer *sealer = NULL;
    memset(key, fill, sizeof key);
    ck_assert_int_eq(gh_sealer_new(gh_view_make(key, sizeof key), &sealer), GH_OK);
    return sealer;
}

static char *seal(const gh_sealer *sealer, const char *context, gh_view plain)
{
    gh_buf out = GH_BUF_INIT(1 << 20);
    ck_assert_int_eq(gh_sealer_seal(sealer, gh_view_of(context), plain, &out), GH_OK);
    char *text = gh_buf_steal(&out);
    ck_assert_ptr_nonnull(text);
    return text;
}

static gh_status open_status(const gh_sealer *sealer, const char *context, const char *sealed)
{
    gh_secret *plain = NULL;
    gh_status status = gh_sealer_open_text(sealer, gh_view_of(context), gh_view_of(sealed), &plain);
    ck_assert((plain != NULL) == (status == GH_OK));
    gh_secret_free(plain);
    return status;
}

static void write_file(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
}

static gh_status open_file(bool create, gh_sealer **sealer, gh_error *error)
{
    memset(error, 0, sizeof *error);
    return gh_sealer_open(path, create, sealer, error);
}

START_TEST(what_was_sealed_opens_again)
{
    const gh_view plains[] = {GH_VIEW_LIT("refresh-token"), GH_VIEW_LIT(""), GH_VIEW_LIT("a\0b\xff"),
                              GH_VIEW_LIT("x")};
    gh_sealer *sealer = sealer_of(7);
    for (size_t i = 0; i < sizeof plains / sizeof plains[0]; i++) {
        gh_secret *plain = NULL;
        char *sealed = seal(sealer, "grant:1", plains[i]);
        ck_assert_int_eq(gh_sealer_open_text(sealer, GH_VIEW_LIT("grant:1"), gh_view_of(sealed), &plain),
                         GH_OK);
        ck_assert(gh_view_eq(gh_secret_view(plain), plains[i]));
        gh_secret_free(plain);
        free(sealed);
    }
    gh_sealer_free(sealer);
}
END_TEST

START_TEST(the_text_does_not_show_and_never_seals_the_same_way_twice)
{
    gh_sealer *sealer = sealer_of(7);
    char *one = seal(sealer, "c", GH_VIEW_LIT("hello hello hello"));
    char *two = seal(sealer, "c", GH_VIEW_LIT("hello hello hello"));
    gh_buf raw = GH_BUF_INIT(4096);
    ck_assert_str_ne(one, two);
    ck_assert_int_eq(gh_base64url_decode(gh_view_of(one), &raw), GH_OK);
    ck_assert_uint_eq(raw.len, 1 + 12 + 17 + 16);
    ck_assert_ptr_null(memmem(raw.data, raw.len, "hello", 5));
    gh_buf_free(&raw);
    free(one);
    free(two);
    gh_sealer_free(sealer);
}
END_TEST

START_TEST(another_context_or_key_opens_nothing)
{
    gh_sealer *sealer = sealer_of(7);
    gh_sealer *other = sealer_of(8);
    char *sealed = seal(sealer, "grant:1", GH_VIEW_LIT("secret"));
    ck_assert_int_eq(open_status(sealer, "grant:1", sealed), GH_OK);
    ck_assert_int_eq(open_status(sealer, "grant:2", sealed), GH_ERR_DENIED);
    ck_assert_int_eq(open_status(sealer, "", sealed), GH_ERR_DENIED);
    ck_assert_int_eq(open_status(other, "grant:1", sealed), GH_ERR_DENIED);
    free(sealed);
    gh_sealer_free(sealer);
    gh_sealer_free(other);
}
END_TEST

START_TEST(a_change_to_any_character_is_noticed)
{
    gh_sealer *sealer = sealer_of(7);
    char *sealed = seal(sealer, "c", GH_VIEW_LIT("a refresh token"));
    size_t len = strlen(sealed);
    for (size_t i = 0; i < len; i++) {
        char kept = sealed[i];
        sealed[i] = kept == 'A' ? 'B' : 'A';
        ck_assert_int_eq(open_status(sealer, "c", sealed), GH_ERR_DENIED);
        sealed[i] = kept;
    }
    for (size_t cut = 0; cut < len; cut++) {
        char kept = sealed[cut];
        sealed[cut] = '\0';
        ck_assert_int_eq(open_status(sealer, "c", sealed), GH_ERR_DENIED);
        sealed[cut] = kept;
    }
    ck_assert_int_eq(open_status(sealer, "c", sealed), GH_OK);
    ck_assert_int_eq(open_status(sealer, "c", "not base64url!"), GH_ERR_DENIED);
    free(sealed);
    gh_sealer_free(sealer);
}
END_TEST

START_TEST(a_key_has_32_bytes)
{
    gh_sealer *sealer = NULL;
    char key[33] = {0};
    ck_assert_int_eq(gh_sealer_new(gh_view_make(key, 31), &sealer), GH_ERR_INVALID);
    ck_assert_int_eq(gh_sealer_new(gh_view_make(key, 33), &sealer), GH_ERR_INVALID);
    ck_assert_int_eq(gh_sealer_new(gh_view_make(NULL, 0), &sealer), GH_ERR_INVALID);
    gh_sealer_free(NULL);
}
END_TEST

START_TEST(fingerprints_tell_keys_apart)
{
    char a[44];
    char b[44];
    char again[44];
    gh_sealer *one = sealer_of(7);
    gh_sealer *two = sealer_of(8);
    ck_assert_int_eq(gh_sealer_fingerprint(one, a), GH_OK);
    ck_assert_int_eq(gh_sealer_fingerprint(one, again), GH_OK);
    ck_assert_int_eq(gh_sealer_fingerprint(two, b), GH_OK);
    ck_assert_str_eq(a, again);
    ck_assert_str_ne(a, b);
    ck_assert_uint_eq(strlen(a), 43);
    gh_sealer_free(one);
    gh_sealer_free(two);
}
END_TEST

START_TEST(a_missing_file_is_created_for_its_owner_only)
{
    gh_sealer *first = NULL;
    gh_sealer *second = NULL;
    gh_error error;
    struct stat info;
    ck_assert_int_eq(open_file(false, &first, &error), GH_ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(error.message, path));
    ck_assert_int_eq(access(path, F_OK), -1);
    (void)umask(0);
    ck_assert_int_eq(open_file(true, &first, &error), GH_OK);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq(info.st_mode & 07777, 0600);
    ck_assert_int_eq(info.st_size, 65);
    ck_assert_uint_eq(info.st_nlink, 1);
    ck_assert_int_eq(open_file(true, &second, &error), GH_OK);
    char *sealed = seal(first, "c", GH_VIEW_LIT("secret"));
    ck_assert_int_eq(open_status(second, "c", sealed), GH_OK);
    free(sealed);
    gh_sealer_free(first);
    gh_sealer_free(second);
}
END_TEST

static void *open_it(void *context)
{
    gh_sealer **sealer = context;
    gh_status status = gh_sealer_open(path, true, sealer, NULL);
    return status == GH_OK ? sealer : NULL;
}

START_TEST(those_who_create_it_at_once_share_one_key)
{
    pthread_t threads[8];
    gh_sealer *sealers[8] = {NULL};
    char mark[44];
    char other[44];
    for (size_t i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, open_it, &sealers[i]), 0);
    }
    for (size_t i = 0; i < 8; i++) {
        void *result = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_nonnull(result);
        ck_assert_int_eq(gh_sealer_fingerprint(sealers[i], i == 0 ? mark : other), GH_OK);
        ck_assert(i == 0 || strcmp(mark, other) == 0);
        gh_sealer_free(sealers[i]);
    }
}
END_TEST

START_TEST(a_file_that_others_can_read_is_refused)
{
    gh_sealer *sealer = NULL;
    gh_error error;
    write_file("0123456789abcdef0123456789abcdef0123456789abcdef0123456789ABCDEF\n", 0640);
    ck_assert_int_eq(open_file(true, &sealer, &error), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(error.message, "chmod 600"));
    ck_assert_int_eq(chmod(path, 0400), 0);
    ck_assert_int_eq(open_file(true, &sealer, &error), GH_OK);
    gh_sealer_free(sealer);
}
END_TEST

START_TEST(a_file_without_64_digits_is_refused_and_kept)
{
    static const char *const bad[] = {
        "abc",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg",
    };
    gh_sealer *sealer = NULL;
    gh_error error;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char kept[80] = "";
        write_file(bad[i], 0600);
        ck_assert_int_eq(open_file(true, &sealer, &error), GH_ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(error.message, "64 hexadecimal digits"));
        ck_assert_ptr_null(strstr(error.message, bad[i]));
        FILE *file = fopen(path, "r");
        ck_assert_ptr_nonnull(file);
        ck_assert_ptr_nonnull(fgets(kept, sizeof kept, file));
        (void)fclose(file);
        ck_assert_str_eq(kept, bad[i]);
    }
    write_file("", 0600);
    ck_assert_int_eq(open_file(true, &sealer, &error), GH_ERR_INVALID);
    ck_assert_ptr_null(sealer);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_named)
{
    gh_sealer *sealer = NULL;
    gh_error error = {0};
    ck_assert_int_ne(gh_sealer_open("/tmp/gh_no_such_folder/key", true, &sealer, &error), GH_OK);
    ck_assert_ptr_nonnull(strstr(error.message, "/tmp/gh_no_such_folder/key"));
}
END_TEST

START_TEST(every_purpose_has_a_key_of_its_own)
{
    char bytes[32];
    unsigned char keys[3][32];
    gh_sealer *first = NULL;
    gh_sealer *second = NULL;
    memset(bytes, 7, sizeof bytes);
    ck_assert_int_eq(gh_sealer_new(gh_view_make(bytes, sizeof bytes), &first), GH_OK);
    ck_assert_int_eq(gh_sealer_new(gh_view_make(bytes, sizeof bytes), &second), GH_OK);
    ck_assert_int_eq(gh_sealer_derive(first, "one", keys[0]), GH_OK);
    ck_assert_int_eq(gh_sealer_derive(second, "one", keys[1]), GH_OK);
    ck_assert_int_eq(gh_sealer_derive(first, "two", keys[2]), GH_OK);
    ck_assert_mem_eq(keys[0], keys[1], sizeof keys[0]);
    ck_assert_mem_ne(keys[0], keys[2], sizeof keys[0]);
    ck_assert_mem_ne(keys[0], bytes, sizeof keys[0]);
    gh_sealer_free(first);
    gh_sealer_free(second);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("seal");
    TCase *tests = tcase_create("seal");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_was_sealed_opens_again);
    tcase_add_test(tests, the_text_does_not_show_and_never_seals_the_same_way_twice);
    tcase_add_test(tests, another_context_or_key_opens_nothing);
    tcase_add_test(tests, a_change_to_any_character_is_noticed);
    tcase_add_test(tests, a_key_has_32_bytes);
    tcase_add_test(tests, fingerprints_tell_keys_apart);
    tcase_add_test(tests, a_missing_file_is_created_for_its_owner_only);
    tcase_add_loop_test(tests, those_who_create_it_at_once_share_one_key, 0, 20);
    tcase_add_test(tests, a_file_that_others_can_read_is_refused);
    tcase_add_test(tests, a_file_without_64_digits_is_refused_and_kept);
    tcase_add_test(tests, a_folder_that_is_not_there_is_named);
    tcase_add_test(tests, every_purpose_has_a_key_of_its_own);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

/* What lies on the disk when a key is given, and when it is another one or lost. */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "tests/unit/server/store_fixture.h"

#define PEM "-----BEGIN PRIVATE KEY-----readable"

static char db_path[128];
static char db_spec[160];

/* A stand-in for the real sealer: it binds key and label, and its output does not show the text. */
typedef struct toy_key {
    char name;
} toy_key;

static gh_status toy_prefix(const toy_key *key, gh_view label, gh_buf *out)
{
    return gh_buf_appendf(out, "%c|%.*s|", key->name, (int)label.len, label.ptr);
}

static gh_status toy_seal(void *context, gh_view label, gh_view plain, gh_buf *out)
{
    gh_status status = toy_prefix(context, label, out);
    for (size_t i = 0; status == GH_OK && i < plain.len; i++) {
        status = gh_buf_append_char(out, (char)(plain.ptr[i] ^ 0x5a));
    }
    return status;
}

static gh_status toy_unseal(void *context, gh_view label, gh_view sealed, gh_secret **plain)
{
    gh_buf prefix = GH_BUF_INIT(1024);
    gh_buf text = GH_BUF_INIT(8192);
    gh_status status = toy_prefix(context, label, &prefix);
    if (status == GH_OK && !gh_view_starts_with(sealed, gh_buf_view(&prefix))) {
        status = GH_ERR_DENIED;
    }
    for (size_t i = prefix.len; status == GH_OK && i < sealed.len; i++) {
        status = gh_buf_append_char(&text, (char)(sealed.ptr[i] ^ 0x5a));
    }
    if (status == GH_OK) {
        *plain = gh_secret_new(gh_buf_view(&text));
        status = *plain == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_free(&prefix);
    gh_buf_free(&text);
    return status;
}

static toy_key key_a = {'a'};
static toy_key key_b = {'b'};

static gh_store_options with_key(toy_key *key)
{
    return (gh_store_options){toy_seal, toy_unseal, key, key == &key_a ? "fingerprint-a" : "fingerprint-b"};
}

static gh_store *open_with(const char *spec, toy_key *key)
{
    gh_store_options options = with_key(key);
    gh_store *store = NULL;
    gh_error error = {0};
    ck_assert_msg(gh_store_open_with(spec, &options, &store, &error) == GH_OK, "%s", error.message);
    return store;
}

static void assert_refused(toy_key *key)
{
    gh_store_options options = with_key(key);
    gh_store *store = NULL;
    gh_error error = {0};
    ck_assert_int_eq(gh_store_open_with(db_spec, key == NULL ? NULL : &options, &store, &error),
                     GH_ERR_DENIED);
    ck_assert_ptr_null(store);
    ck_assert_ptr_nonnull(strstr(error.message, "--secret-key-file"));
    ck_assert_ptr_nonnull(strstr(error.message, "sealed"));
    ck_assert_ptr_nonnull(strstr(error.message, db_path));
}

static void setup(void)
{
    fixture_start();
    (void)snprintf(db_path, sizeof(db_path), "%s/test.db", fixture_folder);
    (void)snprintf(db_spec, sizeof(db_spec), "sqlite:%s", db_path);
}

static gh_status add_key(gh_store *store, const char *kid, bool rotates)
{
    gh_secret *pem = gh_secret_new(gh_view_of(PEM));
    const gh_stored_key key = {lit(kid), lit("ES256"), pem, NOW, true};
    gh_status status = rotates ? gh_store_key_rotate(store, &key, 0) : gh_store_key_add(store, &key);
    gh_secret_free(pem);
    return status;
}

static void assert_key(gh_store *store, size_t expected)
{
    gh_stored_key *keys = NULL;
    size_t count = 0;
    ck_assert_int_eq(gh_store_keys(store, &keys, &count), GH_OK);
    ck_assert_uint_eq(count, expected);
    for (size_t i = 0; i < count; i++) {
        ck_assert(gh_view_eq_cstr(gh_secret_view(keys[i].pem), PEM));
        gh_stored_key_clear(&keys[i]);
    }
    free(keys);
}

/* In the database or its log. */
static bool disk_has(gh_view needle)
{
    static const char *const endings[] = {"", "-wal"};
    bool found = false;
    for (size_t i = 0; i < 2; i++) {
        char path[160];
        (void)snprintf(path, sizeof(path), "%s%s", db_path, endings[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat info = {0};
        if (fd < 0 || fstat(fd, &info) != 0 || info.st_size == 0) {
            close(fd);
            continue;
        }
        char *bytes = malloc((size_t)info.st_size);
        ck_assert_ptr_nonnull(bytes);
        ck_assert_int_eq(pread(fd, bytes, (size_t)info.st_size, 0), info.st_size);
        found = found || memmem(bytes, (size_t)info.st_size, needle.ptr, needle.len) != NULL;
        free(bytes);
        close(fd);
    }
    return found;
}

START_TEST(both_back_ends_give_back_what_they_were_given)
{
    char spec[160];
    fixture_spec(spec, sizeof(spec));
    gh_store *store = open_with(_i == 0 ? "memory" : spec, &key_a);
    gh_secret *first = NULL;
    gh_secret *again = NULL;
    ck_assert_int_eq(add_key(store, "k1", false), GH_OK);
    ck_assert_int_eq(add_key(store, "k2", true), GH_OK);
    assert_key(store, 2);
    ck_assert_int_eq(gh_store_secret(store, "csrf", 32, &first), GH_OK);
    ck_assert_int_eq(gh_store_secret(store, "csrf", 32, &again), GH_OK);
    ck_assert_uint_eq(gh_secret_view(first).len, 32);
    ck_assert(gh_secret_equals(first, gh_secret_view(again)));
    gh_secret_free(first);
    gh_secret_free(again);
    gh_store_close(store);
}
END_TEST

START_TEST(incomplete_sealing_is_invalid)
{
    char spec[160];
    fixture_spec(spec, sizeof(spec));
    for (int missing = 0; missing < 3; missing++) {
        gh_store_options options = with_key(&key_a);
        gh_store *store = NULL;
        options.seal = missing == 0 ? NULL : options.seal;
        options.unseal = missing == 1 ? NULL : options.unseal;
        options.fingerprint = missing == 2 ? NULL : options.fingerprint;
        ck_assert_int_eq(gh_store_open_with(_i == 0 ? "memory" : spec, &options, &store, NULL),
                         GH_ERR_INVALID);
        ck_assert_ptr_null(store);
    }
}
END_TEST

START_TEST(nothing_readable_reaches_the_disk)
{
    gh_store *store = open_with(db_spec, &key_a);
    gh_secret *secret = NULL;
    ck_assert_int_eq(add_key(store, "k1", false), GH_OK);
    ck_assert_int_eq(add_key(store, "k2", true), GH_OK);
    ck_assert_int_eq(gh_store_secret(store, "csrf", 32, &secret), GH_OK);
    ck_assert(!disk_has(gh_view_of("readable")));
    ck_assert(!disk_has(gh_secret_view(secret)));
    gh_store_close(store);
    ck_assert(!disk_has(gh_view_of("readable")));
    ck_assert(!disk_has(gh_secret_view(secret)));
    ck_assert(disk_has(gh_view_of("a|key:k1|")));
    ck_assert(disk_has(gh_view_of("a|key:k2|")));
    ck_assert(disk_has(gh_view_of("a|secret:csrf|")));

    gh_secret *again = NULL;
    store = open_with(db_spec, &key_a);
    assert_key(store, 2);
    ck_assert_int_eq(gh_store_secret(store, "csrf", 32, &again), GH_OK);
    ck_assert(gh_secret_equals(secret, gh_secret_view(again)));
    gh_secret_free(again);
    gh_secret_free(secret);
    gh_store_close(store);
}
END_TEST

START_TEST(without_the_key_or_with_another_one_a_sealed_store_stays_shut)
{
    gh_store *store = open_with(db_spec, &key_a);
    ck_assert_int_eq(add_key(store, "k1", false), GH_OK);
    gh_store_close(store);
    assert_refused(NULL);
    assert_refused(&key_b);
    store = open_with(db_spec, &key_a); /* the attempts changed nothing */
    assert_key(store, 1);
    gh_store_close(store);
}
END_TEST

START_TEST(a_store_that_was_opened_with_a_key_belongs_to_it_even_when_empty)
{
    gh_store_close(open_with(db_spec, &key_a));
    assert_refused(NULL);
    assert_refused(&key_b);
    gh_store_close(open_with(db_spec, &key_a));
}
END_TEST

START_TEST(what_was_there_unsealed_is_sealed_the_first_time)
{
    gh_secret *secret = NULL;
    gh_secret *again = NULL;
    gh_store *store = open_spec(db_spec);
    ck_assert_int_eq(add_key(store, "k1", false), GH_OK);
    ck_assert_int_eq(add_key(store, "k2", true), GH_OK);
    ck_assert_int_eq(gh_store_secret(store, "csrf", 32, &secret), GH_OK);
    ck_assert_int_eq(gh_store_secret(store, "refresh", 32, &again), GH_OK);
    gh_secret_free(again);
    gh_store_close(store);
    ck_assert(disk_has(gh_view_of("readable")));
    ck_assert(disk_has(gh_secret_view(secret)));

    store = open_with(db_spec, &key_a);
    ck_assert(!disk_has(gh_view_of("readable")));
    ck_assert(!disk_has(gh_secret_view(secret)));
    assert_key(store, 2);
    ck_assert_int_eq(gh_store_secret(store, "csrf", 32, &again), GH_OK);
    ck_assert(gh_secret_equals(secret, gh_secret_view(again)));
    gh_store_close(store);
    assert_refused(NULL);
    gh_secret_free(secret);
    gh_secret_free(again);
}
END_TEST

static void raw_sql(const char *sql)
{
    sqlite3 *db = NULL;
    ck_assert_int_eq(sqlite3_open(db_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

START_TEST(a_sealed_entry_that_was_moved_is_refused)
{
    gh_store *store = open_with(db_spec, &key_a);
    gh_secret *secret = NULL;
    ck_assert_int_eq(gh_store_secret(store, "csrf", 32, &secret), GH_OK);
    gh_secret_free(secret);
    secret = NULL;
    ck_assert_int_eq(add_key(store, "k1", false), GH_OK);
    gh_store_close(store);
    raw_sql("UPDATE secrets SET name = 'refresh'; UPDATE keys SET kid = 'k9'");
    store = open_with(db_spec, &key_a);
    gh_stored_key *keys = NULL;
    size_t count = 0;
    ck_assert_int_eq(gh_store_secret(store, "refresh", 32, &secret), GH_ERR_DENIED);
    ck_assert_ptr_null(secret);
    ck_assert_int_eq(gh_store_keys(store, &keys, &count), GH_ERR_DENIED);
    ck_assert_ptr_null(keys);
    gh_store_close(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_sealing");
    TCase *tests = tcase_create("store_sealing");
    tcase_add_checked_fixture(tests, setup, fixture_end);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, both_back_ends_give_back_what_they_were_given, 0, BACKENDS);
    tcase_add_loop_test(tests, incomplete_sealing_is_invalid, 0, BACKENDS);
    tcase_add_test(tests, nothing_readable_reaches_the_disk);
    tcase_add_test(tests, without_the_key_or_with_another_one_a_sealed_store_stays_shut);
    tcase_add_test(tests, a_store_that_was_opened_with_a_key_belongs_to_it_even_when_empty);
    tcase_add_test(tests, what_was_there_unsealed_is_sealed_the_first_time);
    tcase_add_test(tests, a_sealed_entry_that_was_moved_is_refused);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

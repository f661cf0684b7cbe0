/* `gatehouse grants|clients|keys …` as a person sees it. */
#include "server/admin_commands.h"
#include "server/admin_table.h"
#include "server/oauth/keys.h"
#include "tests/unit/server/store_fixture.h"

typedef struct outcome {
    int code;
    char *out, *err;
} outcome;

static outcome run(gh_store *store, const char *first, const char *second, const char *third)
{
    char *items[3] = {lit(first), lit(second), lit(third)};
    const gh_text_list words = {items, third != NULL ? 3U : second != NULL ? 2U : 1U};
    outcome result = {0};
    size_t out_len = 0;
    size_t err_len = 0;
    FILE *out = open_memstream(&result.out, &out_len);
    FILE *err = open_memstream(&result.err, &err_len);
    ck_assert_ptr_nonnull(out);
    ck_assert_ptr_nonnull(err);
    result.code = gh_admin_run(store, &words, out, err);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_int_eq(fclose(err), 0);
    return result;
}

static void clear(outcome *result)
{
    free(result->out);
    free(result->err);
}

static void assert_says(const char *text, const char *what)
{
    ck_assert_msg(strstr(text, what) != NULL, "'%s' says nothing of '%s'", text, what);
}

START_TEST(words_that_mean_nothing_are_answered_by_the_ones_that_do)
{
    static const char *const bad[][3] = {{"grants", NULL, NULL},      {"grants", "show", NULL},
                                         {"grants", "revoke", NULL},  {"grants", "revoke", ""},
                                         {"grants", "list", "x"},     {"keys", "list", NULL},
                                         {"clients", "remove", NULL}, {"users", "list", NULL},
                                         {"keys", "rotate", "ES256"}, {"clients", "revoke", "x"}};
    gh_store *store = open_store(1);
    ck_assert_int_eq(add_grant(store, "x", "code"), GH_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        outcome result = run(store, bad[i][0], bad[i][1], bad[i][2]);
        ck_assert_int_eq(result.code, GH_ADMIN_USAGE);
        ck_assert_str_eq(result.out, "");
        assert_says(result.err, "gatehouse grants list\n");
        assert_says(result.err, "gatehouse grants revoke ID\n");
        assert_says(result.err, "gatehouse clients list\n");
        assert_says(result.err, "gatehouse clients remove ID\n");
        assert_says(result.err, "gatehouse keys rotate\n");
        clear(&result);
    }
    ck_assert_int_eq(gh_store_grant_alive(store, "x"), GH_OK);
    gh_store_close(store);
}
END_TEST

START_TEST(grants_are_listed_in_aligned_columns)
{
    gh_store *store = open_store(_i);
    outcome result = run(store, "grants", "list", NULL);
    ck_assert_int_eq(result.code, 0);
    ck_assert_str_eq(result.out, "There are no grants.\n");
    clear(&result);
    ck_assert_int_eq(add_client(store, "client", 10, 0), GH_OK);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    fixture_now_s += 60;
    ck_assert_int_eq(add_grant(store, "a-much-longer-id-of-a-grant", "code2"), GH_OK);
    ck_assert_int_eq(take_code(store, "code2"), GH_OK);
    result = run(store, "grants", "list", NULL);
    ck_assert_int_eq(result.code, 0);
    ck_assert_str_eq(result.err, "");
    ck_assert_str_eq(
        result.out,
        "GRANT                        USER   NAME   CLIENT  CLIENT NAME  SCOPE               SINCE (UTC)     "
        "  "
        "UNTIL (UTC)\n"
        "a-much-longer-id-of-a-grant  alice  Alice  client  Cursor \"x\"   mcp offline_access  2026-11-18 "
        "11:07  2026-11-18 12:07\n"
        "g1                           alice  Alice  client  Cursor \"x\"   mcp offline_access  2026-11-18 "
        "11:06  2026-11-18 12:06\n");
    clear(&result);
    gh_store_close(store);
}
END_TEST

START_TEST(a_list_of_grants_shows_no_secret)
{
    gh_store *store = open_store(_i);
    const gh_upstream_tokens tokens = {lit("g1"), lit("sealed-upstream"), 0, 0};
    ck_assert_int_eq(add_grant(store, "g1", "hash-of-code"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_add(store, "hash-of-refresh", "g1", "client"), GH_OK);
    ck_assert_int_eq(gh_store_upstream_tokens_put(store, &tokens), GH_OK);
    outcome result = run(store, "grants", "list", NULL);
    ck_assert_int_eq(result.code, 0);
    ck_assert_ptr_null(strstr(result.out, "hash-of"));
    ck_assert_ptr_null(strstr(result.out, "sealed"));
    clear(&result);
    gh_store_close(store);
}
END_TEST

START_TEST(a_revoked_grant_is_gone_and_an_unknown_one_is_an_error)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(add_grant(store, "g2", "code2"), GH_OK);
    outcome result = run(store, "grants", "revoke", "g1");
    ck_assert_int_eq(result.code, 0);
    assert_says(result.out, "Revoked grant g1");
    clear(&result);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_grant_alive(store, "g2"), GH_OK);
    result = run(store, "grants", "revoke", "g1");
    ck_assert_int_eq(result.code, 1);
    ck_assert_str_eq(result.out, "");
    assert_says(result.err, "there is no grant g1");
    assert_says(result.err, "gatehouse grants list");
    clear(&result);
    gh_store_close(store);
}
END_TEST

START_TEST(clients_are_listed_with_their_last_login)
{
    gh_store *store = open_store(_i);
    outcome result = run(store, "clients", "list", NULL);
    ck_assert_int_eq(result.code, 0);
    ck_assert_str_eq(result.out, "There are no clients.\n");
    clear(&result);
    ck_assert_int_eq(add_client(store, "client", 10, 0), GH_OK);
    ck_assert_int_eq(add_client(store, "c2", 10, 0), GH_OK);
    fixture_now_s += 3600;
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    result = run(store, "clients", "list", NULL);
    ck_assert_int_eq(result.code, 0);
    ck_assert_str_eq(result.out,
                     "CLIENT  NAME        REGISTERED (UTC)  LAST LOGIN (UTC)  REDIRECTS\n"
                     "c2      Cursor \"x\"  2026-11-18 11:06  never             http://localhost/a "
                     "http://localhost/b\n"
                     "client  Cursor \"x\"  2026-11-18 11:06  2026-11-18 12:06  http://localhost/a "
                     "http://localhost/b\n");
    clear(&result);
    gh_store_close(store);
}
END_TEST

START_TEST(what_a_client_calls_itself_cannot_command_the_terminal)
{
    static const char *const names[] = {"\x1b[2J\x1b]0;owned\x07", "a\nclient  forged line",
                                        "a\xc2\x9b"
                                        "31m",
                                        "\xe2\x80\xaegnp.exe", "\xff\xfe"};
    gh_store *store = open_store(_i);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "c%zu", i);
        const gh_client client = {.id = id,
                                  .name = lit(names[i]),
                                  .redirect_uris = lit("http://localhost/"),
                                  .grant_types = lit("authorization_code"),
                                  .created_at = NOW};
        ck_assert_int_eq(gh_store_client_add(store, &client, 10, 0), GH_OK);
    }
    outcome result = run(store, "clients", "list", NULL);
    size_t lines = 0;
    ck_assert_int_eq(result.code, 0);
    for (const char *at = result.out; *at != '\0'; at++) {
        lines += *at == '\n' ? 1 : 0;
        ck_assert(*at == '\n' || (unsigned char)*at >= 0x20);
    }
    ck_assert_uint_eq(lines, 1 + sizeof names / sizeof names[0]);
    ck_assert_ptr_null(strstr(result.out, "\xc2\x9b"));
    ck_assert_ptr_null(strstr(result.out, "\xe2\x80\xae"));
    ck_assert_ptr_null(strchr(result.out, '\xff'));
    clear(&result);
    gh_store_close(store);
}
END_TEST

START_TEST(long_names_are_cut_and_ids_are_whole)
{
    char id[200];
    char name[200];
    gh_store *store = open_store(_i);
    memset(id, 'i', sizeof id);
    id[sizeof id - 1] = '\0';
    for (size_t i = 0; i + 2 < sizeof name; i += 2) {
        memcpy(name + i, "\xc3\xab", 3);
    }
    const gh_client client = {.id = id,
                              .name = name,
                              .redirect_uris = lit("http://localhost/"),
                              .grant_types = lit("authorization_code"),
                              .created_at = NOW};
    ck_assert_int_eq(gh_store_client_add(store, &client, 10, 0), GH_OK);
    outcome result = run(store, "clients", "list", NULL);
    ck_assert_int_eq(result.code, 0);
    assert_says(result.out, id);
    assert_says(result.out, "\xc3\xab...  ");
    ck_assert_ptr_null(strstr(result.out, name));
    ck_assert(gh_text_is_utf8(gh_view_of(result.out)));
    clear(&result);
    gh_store_close(store);
}
END_TEST

START_TEST(a_removed_client_takes_its_grants_along)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_client(store, "client", 10, 0), GH_OK);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    outcome result = run(store, "clients", "remove", "client");
    ck_assert_int_eq(result.code, 0);
    assert_says(result.out, "Removed client client");
    clear(&result);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    result = run(store, "clients", "remove", "client");
    ck_assert_int_eq(result.code, 1);
    assert_says(result.err, "there is no client client");
    clear(&result);
    gh_store_close(store);
}
END_TEST

static char *signing_kid(gh_store *store, size_t *count)
{
    gh_key *signing = NULL;
    gh_keyset *all = NULL;
    gh_error error = {0};
    ck_assert_msg(gh_signing_keys_load(store, &signing, &all, &error) == GH_OK, "%s", error.message);
    char *kid = gh_text_dup(gh_key_kid(signing));
    *count = gh_keyset_count(all);
    gh_key_free(signing);
    gh_keyset_free(all);
    return kid;
}

START_TEST(rotating_the_keys_keeps_the_old_one_for_its_tokens)
{
    gh_store *store = open_store(_i);
    size_t count = 0;
    char *first = signing_kid(store, &count);
    ck_assert_uint_eq(count, 1);
    outcome result = run(store, "keys", "rotate", NULL);
    ck_assert_int_eq(result.code, 0);
    char *second = signing_kid(store, &count);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_ne(first, second);
    assert_says(result.out, second);
    ck_assert_ptr_null(strstr(result.out, "PRIVATE"));
    clear(&result);
    fixture_now_s += (int64_t)24 * 3600; /* the longest life of an access token */
    result = run(store, "keys", "rotate", NULL);
    ck_assert_int_eq(result.code, 0);
    clear(&result);
    free(signing_kid(store, &count));
    ck_assert_uint_eq(count, 3);
    fixture_now_s += (int64_t)26 * 3600;
    result = run(store, "keys", "rotate", NULL);
    ck_assert_int_eq(result.code, 0);
    clear(&result);
    free(signing_kid(store, &count));
    ck_assert_uint_eq(count, 2); /* the new one, and the one until now */
    free(first);
    free(second);
    gh_store_close(store);
}
END_TEST

START_TEST(too_many_rotations_are_refused_with_the_reason)
{
    gh_store *store = open_store(_i);
    outcome result = {0};
    for (int i = 0; i < 64; i++) {
        clear(&result);
        result = run(store, "keys", "rotate", NULL);
        ck_assert_int_eq(result.code, 0);
    }
    clear(&result);
    result = run(store, "keys", "rotate", NULL);
    ck_assert_int_eq(result.code, 1);
    assert_says(result.err, "too often");
    clear(&result);
    gh_store_close(store);
}
END_TEST

START_TEST(output_that_cannot_be_written_is_an_error)
{
    gh_store *store = open_store(_i);
    char *items[2] = {lit("grants"), lit("list")};
    const gh_text_list words = {items, 2};
    FILE *out = fopen("/dev/full", "we");
    FILE *err = fopen("/dev/null", "we");
    ck_assert_ptr_nonnull(out);
    ck_assert_ptr_nonnull(err);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(gh_admin_run(store, &words, out, err), 1);
    (void)fclose(out);
    (void)fclose(err);
    gh_store_close(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("admin");
    TCase *tests = tcase_create("admin");
    tcase_add_checked_fixture(tests, fixture_start, fixture_end);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, words_that_mean_nothing_are_answered_by_the_ones_that_do);
    tcase_add_loop_test(tests, grants_are_listed_in_aligned_columns, 0, BACKENDS);
    tcase_add_loop_test(tests, a_list_of_grants_shows_no_secret, 0, BACKENDS);
    tcase_add_loop_test(tests, a_revoked_grant_is_gone_and_an_unknown_one_is_an_error, 0, BACKENDS);
    tcase_add_loop_test(tests, clients_are_listed_with_their_last_login, 0, BACKENDS);
    tcase_add_loop_test(tests, what_a_client_calls_itself_cannot_command_the_terminal, 0, BACKENDS);
    tcase_add_loop_test(tests, long_names_are_cut_and_ids_are_whole, 0, BACKENDS);
    tcase_add_loop_test(tests, a_removed_client_takes_its_grants_along, 0, BACKENDS);
    tcase_add_loop_test(tests, rotating_the_keys_keeps_the_old_one_for_its_tokens, 0, BACKENDS);
    tcase_add_loop_test(tests, too_many_rotations_are_refused_with_the_reason, 0, BACKENDS);
    tcase_add_loop_test(tests, output_that_cannot_be_written_is_an_error, 0, BACKENDS);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

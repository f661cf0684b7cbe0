#include "tests/unit/server/store_races.h"

static size_t grants(gh_store *store, size_t max, char *ids, size_t size)
{
    gh_grant *list = NULL;
    size_t count = 99;
    ids[0] = '\0';
    ck_assert_int_eq(gh_store_grants(store, max, &list, &count), GH_OK);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(ids + strlen(ids), size - strlen(ids), "%s ", list[i].id);
        gh_grant_clear(&list[i]);
    }
    free(list);
    return count;
}

static size_t clients(gh_store *store, size_t max, char *ids, size_t size)
{
    gh_client *list = NULL;
    size_t count = 99;
    ids[0] = '\0';
    ck_assert_int_eq(gh_store_clients(store, max, &list, &count), GH_OK);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(ids + strlen(ids), size - strlen(ids), "%s ", list[i].id);
        gh_client_clear(&list[i]);
    }
    free(list);
    return count;
}

/* ---- lists ---- */

START_TEST(living_grants_are_listed_newest_first_up_to_the_limit)
{
    gh_store *store = open_store(_i);
    char ids[256];
    ck_assert_uint_eq(grants(store, 10, ids, sizeof(ids)), 0);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    fixture_now_s += 3590;
    ck_assert_int_eq(add_grant(store, "g2", "code2"), GH_OK);
    ck_assert_int_eq(add_grant(store, "g3", "code3"), GH_OK);
    (void)grants(store, 10, ids, sizeof(ids));
    ck_assert_str_eq(ids, "g3 g2 g1 ");
    (void)grants(store, 2, ids, sizeof(ids));
    ck_assert_str_eq(ids, "g3 g2 ");
    ck_assert_uint_eq(grants(store, 0, ids, sizeof(ids)), 0);
    fixture_now_s += 10;
    ck_assert_int_eq(gh_store_grant_revoke(store, "g3"), GH_OK);
    (void)grants(store, 10, ids, sizeof(ids));
    ck_assert_str_eq(ids, "g2 ");
    gh_store_close(store);
}
END_TEST

START_TEST(a_grant_whose_code_nobody_took_is_listed_as_long_as_the_code)
{
    gh_store *store = open_store(_i);
    char ids[256];
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(add_grant(store, "g2", "code2"), GH_OK);
    ck_assert_int_eq(take_code(store, "code2"), GH_OK);
    fixture_now_s += 59;
    (void)grants(store, 10, ids, sizeof(ids));
    ck_assert_str_eq(ids, "g2 g1 ");
    fixture_now_s += 1;
    (void)grants(store, 10, ids, sizeof(ids));
    ck_assert_str_eq(ids, "g2 ");
    gh_store_close(store);
}
END_TEST

START_TEST(clients_are_listed_newest_first_up_to_the_limit)
{
    gh_store *store = open_store(_i);
    char ids[2048];
    ck_assert_uint_eq(clients(store, 10, ids, sizeof(ids)), 0);
    for (int i = 0; i < 100; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "c%d", i);
        ck_assert_int_eq(add_client(store, id, 1000, 0), GH_OK);
    }
    ck_assert_uint_eq(clients(store, SIZE_MAX, ids, sizeof(ids)), 100);
    ck_assert_uint_eq(clients(store, 3, ids, sizeof(ids)), 3);
    ck_assert_str_eq(ids, "c99 c98 c97 ");
    gh_store_close(store);
}
END_TEST

/* ---- removing a client ---- */

static gh_status add_device(gh_store *store, const char *client)
{
    const gh_device device = {.device_hash = lit("d1"),
                              .user_code_hash = lit("u1"),
                              .client_id = lit(client),
                              .scope = lit("mcp"),
                              .resource = lit("r"),
                              .interval_s = 5,
                              .expires_at = gh_clock_wall_s() + 600};
    return gh_store_device_add(store, &device, 10);
}

static gh_status add_other_grant(gh_store *store)
{
    const gh_grant grant = {.id = lit("other-grant"),
                            .client_id = lit("other"),
                            .subject = lit("bob"),
                            .scope = lit("mcp"),
                            .resource = lit("r"),
                            .created_at = NOW,
                            .expires_at = NOW + 3600};
    const gh_code code = {.hash = lit("other-code"),
                          .grant_id = lit("other-grant"),
                          .client_id = lit("other"),
                          .redirect_uri = lit("http://localhost/"),
                          .challenge = lit("challenge"),
                          .resource = lit("r"),
                          .expires_at = NOW + 60};
    return gh_store_grant_add(store, &grant, &code);
}

START_TEST(a_removed_client_leaves_nothing_and_others_stay)
{
    gh_store *store = open_store(_i);
    gh_client client = {0};
    gh_flow flow = {0};
    gh_device device = {0};
    ck_assert_int_eq(add_client(store, "client", 10, 0), GH_OK);
    ck_assert_int_eq(add_client(store, "other", 10, 0), GH_OK);
    ck_assert_int_eq(add_flow(store, "f1", 10), GH_OK);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(add_grant(store, "g2", "code2"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_add(store, "r1", "g1", "client"), GH_OK);
    ck_assert_int_eq(add_device(store, "client"), GH_OK);
    ck_assert_int_eq(add_other_grant(store), GH_OK);

    ck_assert_int_eq(gh_store_client_remove(store, "client"), GH_OK);
    ck_assert_int_eq(gh_store_client_get(store, "client", &client), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_flow_get(store, "f1", &flow), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_grant_alive(store, "g2"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_UNKNOWN);
    ck_assert_int_eq(take_code(store, "code2"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_device_by_user_code(store, "u1", &device), GH_ERR_NOT_FOUND);

    ck_assert_int_eq(gh_store_client_get(store, "other", &client), GH_OK);
    gh_client_clear(&client);
    ck_assert_int_eq(gh_store_grant_alive(store, "other-grant"), GH_OK);
    ck_assert_int_eq(take_code(store, "other-code"), GH_OK);
    ck_assert_int_eq(gh_store_client_remove(store, "client"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

START_TEST(a_client_that_only_has_grants_can_be_removed)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK); /* "client" is known by a document elsewhere */
    ck_assert_int_eq(gh_store_client_remove(store, "nobody"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_client_remove(store, "client"), GH_OK);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_client_remove(store, "client"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

/* ---- keys ---- */

static gh_status change_key(gh_store *store, const char *kid, bool rotates, int64_t retired_before)
{
    gh_secret *pem = gh_secret_new(gh_view_of(kid));
    const gh_stored_key key = {lit(kid), lit("ES256"), pem, gh_clock_wall_s(), true};
    gh_status status =
        rotates ? gh_store_key_rotate(store, &key, retired_before) : gh_store_key_add(store, &key);
    gh_secret_free(pem);
    return status;
}

/* "k2* k1 ": newest first, the active one with a star. */
static size_t keys(gh_store *store, char *out, size_t size)
{
    gh_stored_key *list = NULL;
    size_t count = 0;
    out[0] = '\0';
    ck_assert_int_eq(gh_store_keys(store, &list, &count), GH_OK);
    for (size_t i = 0; i < count; i++) {
        ck_assert(gh_view_eq_cstr(gh_secret_view(list[i].pem), list[i].kid));
        (void)snprintf(out + strlen(out), size - strlen(out), "%s%s ", list[i].kid,
                       list[i].active ? "*" : "");
        gh_stored_key_clear(&list[i]);
    }
    free(list);
    return count;
}

START_TEST(a_rotation_makes_one_key_active_and_the_old_ones_stay_for_their_time)
{
    gh_store *store = open_store(_i);
    char text[256];
    ck_assert_int_eq(change_key(store, "k1", false, 0), GH_OK);
    fixture_now_s += 100;
    ck_assert_int_eq(change_key(store, "k2", true, NOW), GH_OK); /* k1 is retired now, at NOW + 100 */
    (void)keys(store, text, sizeof(text));
    ck_assert_str_eq(text, "k2* k1 ");
    ck_assert_int_eq(change_key(store, "k2", true, NOW), GH_ERR_CONFLICT);
    ck_assert_int_eq(change_key(store, "k1", true, NOW + 1000), GH_ERR_CONFLICT);
    (void)keys(store, text, sizeof(text));
    ck_assert_str_eq(text, "k2* k1 ");
    fixture_now_s += 100;
    ck_assert_int_eq(change_key(store, "k3", true, NOW + 100), GH_OK); /* not before: k1 stays */
    (void)keys(store, text, sizeof(text));
    ck_assert_str_eq(text, "k3* k2 k1 ");
    ck_assert_int_eq(change_key(store, "k4", true, NOW + 101), GH_OK);
    (void)keys(store, text, sizeof(text));
    ck_assert_str_eq(text, "k4* k3 k2 ");
    ck_assert_int_eq(change_key(store, "k5", false, 0), GH_ERR_CONFLICT);
    gh_store_close(store);
}
END_TEST

START_TEST(a_rotation_of_an_empty_store_adds_the_first_key)
{
    gh_store *store = open_store(_i);
    char text[64];
    ck_assert_int_eq(change_key(store, "k1", true, NOW), GH_OK);
    (void)keys(store, text, sizeof(text));
    ck_assert_str_eq(text, "k1* ");
    gh_store_close(store);
}
END_TEST

START_TEST(keys_that_verify_are_bounded)
{
    gh_store *store = open_store(_i);
    char text[1024];
    for (int i = 0; i < 64; i++) {
        char kid[16];
        (void)snprintf(kid, sizeof(kid), "k%d", i);
        ck_assert_int_eq(change_key(store, kid, true, 0), GH_OK);
    }
    ck_assert_int_eq(change_key(store, "k64", true, 0), GH_ERR_TOO_LARGE);
    ck_assert_uint_eq(keys(store, text, sizeof(text)), 64);
    ck_assert(strncmp(text, "k63* ", 5) == 0);
    ck_assert_int_eq(change_key(store, "k64", true, NOW + 1), GH_OK);
    (void)keys(store, text, sizeof(text));
    ck_assert_str_eq(text, "k64* k63 ");
    gh_store_close(store);
}
END_TEST

START_TEST(the_version_tells_of_every_new_key)
{
    gh_store *store = open_store(_i);
    int64_t seen[4] = {-1, -1, -1, -1};
    ck_assert_int_eq(gh_store_keys_version(store, &seen[0]), GH_OK);
    ck_assert_int_eq(seen[0], 0);
    ck_assert_int_eq(change_key(store, "k1", false, 0), GH_OK);
    ck_assert_int_eq(gh_store_keys_version(store, &seen[1]), GH_OK);
    ck_assert_int_eq(change_key(store, "k2", true, NOW + 100), GH_OK);
    ck_assert_int_eq(gh_store_keys_version(store, &seen[2]), GH_OK);
    ck_assert_int_eq(change_key(store, "k3", true, NOW + 100), GH_OK);
    ck_assert_int_eq(gh_store_keys_version(store, &seen[3]), GH_OK);
    ck_assert_int_ne(seen[1], seen[0]);
    ck_assert_int_ne(seen[2], seen[1]);
    ck_assert_int_ne(seen[3], seen[2]);
    ck_assert_int_ne(seen[3], seen[1]);
    ck_assert_int_eq(change_key(store, "k3", true, 0), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_keys_version(store, &seen[0]), GH_OK);
    ck_assert_int_eq(seen[0], seen[3]);
    gh_store_close(store);
}
END_TEST

/* ---- pins ---- */

START_TEST(a_pin_keeps_its_first_value)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(gh_store_pin(store, "issuer", "https://a.example/"), GH_OK);
    ck_assert_int_eq(gh_store_pin(store, "issuer", "https://a.example/"), GH_OK);
    ck_assert_int_eq(gh_store_pin(store, "issuer", "https://a.example"), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_pin(store, "issuer", ""), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_pin(store, "client", "https://a.example"), GH_OK);
    ck_assert_int_eq(gh_store_pin(store, "issuer", "https://a.example/"), GH_OK);
    gh_store_close(store);
}
END_TEST

/* ---- races ---- */

#define PIN_ROUNDS 5

static gh_status rotate_and_pin(gh_store *store, int thread, int round)
{
    char kid[16];
    char name[16];
    (void)snprintf(kid, sizeof(kid), "k%d-%d", thread, round);
    (void)snprintf(name, sizeof(name), "pin%d", round);
    gh_status status = change_key(store, kid, true, 0);
    return status == GH_OK ? gh_store_pin(store, name, kid) : GH_ERR_IO;
}

START_TEST(of_eight_threads_one_pins_and_one_key_is_active)
{
    gh_store *store = open_store(_i);
    assert_one_winner(store, PIN_ROUNDS, rotate_and_pin, GH_ERR_CONFLICT);
    char text[1024];
    ck_assert_uint_eq(keys(store, text, sizeof(text)), RACE_THREADS * PIN_ROUNDS);
    const char *star = strchr(text, '*');
    ck_assert_ptr_nonnull(star);
    ck_assert_ptr_null(strchr(star + 1, '*'));
    gh_store_close(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_admin");
    TCase *tests = tcase_create("store_admin");
    tcase_add_checked_fixture(tests, fixture_start, fixture_end);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, living_grants_are_listed_newest_first_up_to_the_limit, 0, BACKENDS);
    tcase_add_loop_test(tests, a_grant_whose_code_nobody_took_is_listed_as_long_as_the_code, 0, BACKENDS);
    tcase_add_loop_test(tests, clients_are_listed_newest_first_up_to_the_limit, 0, BACKENDS);
    tcase_add_loop_test(tests, a_removed_client_leaves_nothing_and_others_stay, 0, BACKENDS);
    tcase_add_loop_test(tests, a_client_that_only_has_grants_can_be_removed, 0, BACKENDS);
    tcase_add_loop_test(tests, a_rotation_makes_one_key_active_and_the_old_ones_stay_for_their_time, 0,
                        BACKENDS);
    tcase_add_loop_test(tests, a_rotation_of_an_empty_store_adds_the_first_key, 0, BACKENDS);
    tcase_add_loop_test(tests, keys_that_verify_are_bounded, 0, BACKENDS);
    tcase_add_loop_test(tests, the_version_tells_of_every_new_key, 0, BACKENDS);
    tcase_add_loop_test(tests, a_pin_keeps_its_first_value, 0, BACKENDS);
    tcase_add_loop_test(tests, of_eight_threads_one_pins_and_one_key_is_active, 0, BACKENDS);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

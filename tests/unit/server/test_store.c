#include "server/store/table.h"
#include "tests/unit/server/store_races.h"

/* ---- opening ---- */

START_TEST(an_unknown_kind_of_store_is_refused_with_the_known_ones)
{
    static const char *const bad[] = {"", "redis", "Memory", "memory:", "sqlite", "sqlite:", "/var/lib/x.db"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        gh_store *store = NULL;
        gh_error error = {0};
        ck_assert_int_eq(gh_store_open(bad[i], &store, &error), GH_ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(error.message, "memory"));
        ck_assert_ptr_nonnull(strstr(error.message, "sqlite:PATH"));
    }
    gh_store_close(NULL);
}
END_TEST

START_TEST(an_open_store_answers_a_ping)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(gh_store_ping(store, NULL), GH_OK);
    gh_store_close(store);
}
END_TEST

/* ---- clients ---- */

START_TEST(a_client_comes_back_as_it_was)
{
    gh_store *store = open_store(_i);
    const gh_client given = {.id = lit("c1"),
                             .name = lit("Zo\xc3\xab's 'client'"),
                             .redirect_uris = lit("http://localhost/a\nhttp://localhost/b"),
                             .grant_types = lit("authorization_code"),
                             .scope = lit("mcp"),
                             .uri = lit("https://example.org"),
                             .created_at = NOW - 5};
    gh_client read = {0};
    ck_assert_int_eq(gh_store_client_add(store, &given, 10, 0), GH_OK);
    ck_assert_int_eq(gh_store_client_get(store, "c1", &read), GH_OK);
    ck_assert_str_eq(read.id, given.id);
    ck_assert_str_eq(read.name, given.name);
    ck_assert_str_eq(read.redirect_uris, given.redirect_uris);
    ck_assert_str_eq(read.grant_types, given.grant_types);
    ck_assert_str_eq(read.scope, given.scope);
    ck_assert_str_eq(read.uri, given.uri);
    ck_assert_int_eq(read.created_at, NOW - 5);
    ck_assert_int_eq(read.used_at, 0);
    gh_client_clear(&read);
    ck_assert_int_eq(add_client(store, "c2", 10, 0), GH_OK);
    ck_assert_int_eq(gh_store_client_get(store, "c2", &read), GH_OK);
    ck_assert_ptr_null(read.scope);
    ck_assert_ptr_null(read.uri);
    gh_client_clear(&read);
    ck_assert_int_eq(gh_store_client_get(store, "C1", &read), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_client_get(store, "' OR 1=1 --", &read), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_client_get(store, "", &read), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

static bool has_client(gh_store *store, const char *id)
{
    gh_client client = {0};
    gh_status status = gh_store_client_get(store, id, &client);
    gh_client_clear(&client);
    ck_assert(status == GH_OK || status == GH_ERR_NOT_FOUND);
    return status == GH_OK;
}

START_TEST(a_client_id_is_taken_once)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_client(store, "c1", 10, 0), GH_OK);
    ck_assert_int_eq(add_client(store, "c1", 10, 0), GH_ERR_CONFLICT);
    ck_assert_int_eq(add_client(store, "c1", 1, 0), GH_ERR_CONFLICT);
    ck_assert(has_client(store, "c1"));
    gh_store_close(store);
}
END_TEST

START_TEST(at_the_cap_the_oldest_idle_client_makes_room)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_client(store, "c1", 3, 100), GH_OK);
    fixture_now_s += 10;
    ck_assert_int_eq(add_client(store, "c2", 3, 100), GH_OK);
    fixture_now_s += 10;
    ck_assert_int_eq(add_client(store, "c3", 3, 100), GH_OK);
    ck_assert_int_eq(add_client(store, "c4", 3, 100), GH_ERR_TOO_LARGE); /* nobody is idle */
    fixture_now_s += 79;
    ck_assert_int_eq(add_client(store, "c4", 3, 100), GH_ERR_TOO_LARGE);
    fixture_now_s += 1;
    ck_assert_int_eq(add_client(store, "c4", 3, 100), GH_OK);
    ck_assert(!has_client(store, "c1"));
    ck_assert(has_client(store, "c2") && has_client(store, "c3") && has_client(store, "c4"));
    gh_store_close(store);
}
END_TEST

START_TEST(a_client_with_a_live_grant_is_never_evicted)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_client(store, "client", 2, 100), GH_OK);
    ck_assert_int_eq(add_client(store, "c2", 2, 100), GH_OK);
    fixture_now_s += 50;
    ck_assert_int_eq(add_grant(store, "g1", "code"), GH_OK);
    ck_assert_int_eq(take_code(store, "code"), GH_OK);
    gh_client read = {0};
    ck_assert_int_eq(gh_store_client_get(store, "client", &read), GH_OK);
    ck_assert_int_eq(read.used_at, NOW + 50);
    gh_client_clear(&read);
    fixture_now_s += 3599;
    ck_assert_int_eq(add_client(store, "c3", 2, 100), GH_OK);
    ck_assert(has_client(store, "client"));
    ck_assert(!has_client(store, "c2"));
    ck_assert_int_eq(add_client(store, "c4", 2, 100), GH_ERR_TOO_LARGE);
    fixture_now_s += 1;
    ck_assert_int_eq(add_client(store, "c4", 2, 100), GH_OK);
    ck_assert(!has_client(store, "client"));
    gh_store_close(store);
}
END_TEST

/* A finished login of that client: a grant for an hour, whose code was taken. */
static void finish_login(gh_store *store, const char *client_id, const char *grant_id)
{
    const gh_grant grant = {.id = lit(grant_id),
                            .client_id = lit(client_id),
                            .subject = lit("alice"),
                            .scope = lit("mcp"),
                            .resource = lit("http://localhost:8080/mcp"),
                            .created_at = gh_clock_wall_s(),
                            .expires_at = gh_clock_wall_s() + 3600};
    const gh_code code = {.hash = lit(grant_id),
                          .grant_id = lit(grant_id),
                          .client_id = lit(client_id),
                          .redirect_uri = lit("http://localhost:3118/callback"),
                          .challenge = lit("challenge"),
                          .resource = lit("http://localhost:8080/mcp"),
                          .expires_at = gh_clock_wall_s() + 60};
    ck_assert_int_eq(gh_store_grant_add(store, &grant, &code), GH_OK);
    ck_assert_int_eq(take_code(store, grant_id), GH_OK);
    fixture_now_s += 10;
}

START_TEST(at_the_cap_the_least_recently_used_client_without_a_grant_makes_room)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_client(store, "c1", 3, 100), GH_OK);
    ck_assert_int_eq(add_client(store, "c2", 3, 100), GH_OK);
    ck_assert_int_eq(add_client(store, "client", 3, 100), GH_OK);
    finish_login(store, "c2", "g2");
    finish_login(store, "c1", "g1");
    finish_login(store, "client", "g3");
    fixture_now_s += 1000;
    ck_assert_int_eq(add_client(store, "c4", 3, 100), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(gh_store_grant_revoke(store, "g3"), GH_OK);
    ck_assert_int_eq(gh_store_grant_revoke(store, "g1"), GH_OK);
    ck_assert_int_eq(add_client(store, "c4", 3, 100), GH_OK);
    ck_assert(!has_client(store, "c1"));
    ck_assert(has_client(store, "c2") && has_client(store, "client"));
    fixture_now_s += 3600; /* the grants have ended, but who never signed in goes first */
    ck_assert_int_eq(add_client(store, "c5", 3, 100), GH_OK);
    ck_assert(!has_client(store, "c4"));
    ck_assert_int_eq(add_client(store, "c6", 3, 100), GH_OK);
    ck_assert(!has_client(store, "c2"));
    ck_assert_int_eq(add_flow(store, "f1", 10), GH_OK); /* and who is signing in again stays */
    ck_assert_int_eq(add_client(store, "c7", 3, 100), GH_ERR_TOO_LARGE);
    ck_assert(has_client(store, "client") && has_client(store, "c5") && has_client(store, "c6"));
    gh_store_close(store);
}
END_TEST

START_TEST(a_client_with_a_login_under_way_is_not_idle)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_client(store, "client", 2, 100), GH_OK);
    ck_assert_int_eq(add_client(store, "c2", 2, 100), GH_OK);
    fixture_now_s += 200;
    ck_assert_int_eq(add_flow(store, "f1", 10), GH_OK);
    ck_assert_int_eq(add_client(store, "c3", 2, 100), GH_OK);
    ck_assert(has_client(store, "client"));
    ck_assert(!has_client(store, "c2"));
    gh_store_close(store);
}
END_TEST

START_TEST(a_client_without_the_necessary_parts_is_invalid)
{
    gh_store *store = open_store(_i);
    gh_client client = {.id = lit("c1"), .redirect_uris = lit("http://localhost/"), .created_at = NOW};
    ck_assert_int_eq(gh_store_client_add(store, &client, 10, 0), GH_ERR_INVALID);
    ck_assert(!has_client(store, "c1"));
    gh_store_close(store);
}
END_TEST

/* ---- flows ---- */

static gh_status get_flow(gh_store *store, const char *id)
{
    gh_flow flow = {0};
    gh_status status = gh_store_flow_get(store, id, &flow);
    gh_flow_clear(&flow);
    return status;
}

START_TEST(a_flow_comes_back_and_remembers_who_signed_in)
{
    gh_store *store = open_store(_i);
    gh_flow flow = {0};
    ck_assert_int_eq(add_flow(store, "f1", 10), GH_OK);
    ck_assert_int_eq(gh_store_flow_get(store, "f1", &flow), GH_OK);
    ck_assert_str_eq(flow.id_hash, "f1");
    ck_assert_str_eq(flow.cookie_hash, "cookie");
    ck_assert_str_eq(flow.client_id, "client");
    ck_assert_str_eq(flow.redirect_uri, "http://localhost:3118/callback");
    ck_assert_str_eq(flow.challenge, "challenge");
    ck_assert_ptr_null(flow.state);
    ck_assert_ptr_null(flow.subject);
    ck_assert_int_eq(flow.expires_at, NOW + 600);
    gh_flow_clear(&flow);

    ck_assert_int_eq(gh_store_flow_identify(store, "f1", "alice", "Alice", "a@example.org"), GH_OK);
    ck_assert_int_eq(gh_store_flow_identify(store, "f1", "bob", "Bob", NULL), GH_OK);
    ck_assert_int_eq(gh_store_flow_identify(store, "f2", "alice", NULL, NULL), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_flow_take(store, "f1", &flow), GH_OK);
    ck_assert_str_eq(flow.subject, "bob");
    ck_assert_str_eq(flow.name, "Bob");
    ck_assert_ptr_null(flow.email);
    gh_flow_clear(&flow);
    gh_store_close(store);
}
END_TEST

START_TEST(a_flow_is_taken_once)
{
    gh_store *store = open_store(_i);
    gh_flow flow = {0};
    ck_assert_int_eq(add_flow(store, "f1", 10), GH_OK);
    ck_assert_int_eq(add_flow(store, "f1", 10), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_flow_take(store, "f1", &flow), GH_OK);
    gh_flow_clear(&flow);
    ck_assert_int_eq(gh_store_flow_take(store, "f1", &flow), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(get_flow(store, "f1"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

START_TEST(an_expired_flow_is_not_found)
{
    gh_store *store = open_store(_i);
    gh_flow flow = {0};
    ck_assert_int_eq(add_flow(store, "f1", 10), GH_OK);
    fixture_now_s += 599;
    ck_assert_int_eq(get_flow(store, "f1"), GH_OK);
    fixture_now_s += 1;
    ck_assert_int_eq(get_flow(store, "f1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_flow_identify(store, "f1", "alice", NULL, NULL), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_flow_take(store, "f1", &flow), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

START_TEST(at_the_cap_the_oldest_flow_goes)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_flow(store, "f1", 2), GH_OK);
    ck_assert_int_eq(add_flow(store, "f2", 2), GH_OK);
    ck_assert_int_eq(add_flow(store, "f3", 2), GH_OK);
    ck_assert_int_eq(get_flow(store, "f1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(get_flow(store, "f2"), GH_OK);
    ck_assert_int_eq(add_flow(store, "f4", 1), GH_OK);
    ck_assert_int_eq(get_flow(store, "f2"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(get_flow(store, "f3"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(get_flow(store, "f4"), GH_OK);
    gh_store_close(store);
}
END_TEST

static gh_status race_for_flow(gh_store *store, int thread, int round)
{
    (void)thread;
    char id[16];
    gh_flow flow = {0};
    (void)snprintf(id, sizeof(id), "f%d", round);
    gh_status status = gh_store_flow_take(store, id, &flow);
    gh_flow_clear(&flow);
    return status;
}

START_TEST(of_eight_threads_one_gets_the_flow)
{
    gh_store *store = open_store(_i);
    for (int i = 0; i < RACE_ROUNDS; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "f%d", i);
        ck_assert_int_eq(add_flow(store, id, 1000), GH_OK);
    }
    assert_one_winner(store, RACE_ROUNDS, race_for_flow, GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

static gh_status race_to_register(gh_store *store, int thread, int round)
{
    char id[32];
    (void)snprintf(id, sizeof(id), "c%d-%d", thread, round);
    return add_client(store, id, 50, 3600);
}

START_TEST(the_cap_holds_when_eight_threads_register)
{
    gh_store *store = open_store(_i);
    atomic_int added[RACE_ROUNDS] = {0};
    race(store, RACE_ROUNDS, race_to_register, GH_ERR_TOO_LARGE, added);
    int all = 0;
    for (int i = 0; i < RACE_ROUNDS; i++) {
        all += added[i];
    }
    ck_assert_int_eq(all, 50);
    gh_store_close(store);
}
END_TEST

/* ---- keys and secrets ---- */

static gh_status add_key(gh_store *store, const char *kid, int64_t created_at)
{
    gh_secret *pem = gh_secret_new(gh_view_of("-----BEGIN PRIVATE KEY-----"));
    const gh_stored_key key = {lit(kid), lit("ES256"), pem, created_at, true};
    gh_status status = gh_store_key_add(store, &key);
    gh_secret_free(pem);
    return status;
}

START_TEST(there_is_one_active_key_at_most)
{
    gh_store *store = open_store(_i);
    gh_stored_key *keys = NULL;
    size_t count = 9;
    ck_assert_int_eq(gh_store_keys(store, &keys, &count), GH_OK);
    ck_assert_uint_eq(count, 0);
    free(keys);
    ck_assert_int_eq(add_key(store, "k1", NOW), GH_OK);
    ck_assert_int_eq(add_key(store, "k2", NOW + 1), GH_ERR_CONFLICT);
    ck_assert_int_eq(add_key(store, "k1", NOW + 1), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_keys(store, &keys, &count), GH_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_str_eq(keys[0].kid, "k1");
    ck_assert_str_eq(keys[0].alg, "ES256");
    ck_assert(gh_view_eq_cstr(gh_secret_view(keys[0].pem), "-----BEGIN PRIVATE KEY-----"));
    ck_assert_int_eq(keys[0].created_at, NOW);
    ck_assert(keys[0].active);
    gh_stored_key_clear(&keys[0]);
    free(keys);
    gh_store_close(store);
}
END_TEST

START_TEST(a_secret_is_made_once_and_stays)
{
    gh_store *store = open_store(_i);
    gh_secret *first = NULL;
    gh_secret *again = NULL;
    gh_secret *other = NULL;
    ck_assert_int_eq(gh_store_secret(store, "csrf", 32, &first), GH_OK);
    ck_assert_int_eq(gh_store_secret(store, "csrf", 32, &again), GH_OK);
    ck_assert_int_eq(gh_store_secret(store, "refresh", 32, &other), GH_OK);
    ck_assert_uint_eq(gh_secret_view(first).len, 32);
    ck_assert(gh_secret_equals(first, gh_secret_view(again)));
    ck_assert(!gh_secret_equals(first, gh_secret_view(other)));
    gh_secret_free(first);
    gh_secret_free(again);
    gh_secret_free(other);
    ck_assert_int_eq(gh_store_secret(store, "x", 0, &first), GH_ERR_INVALID);
    ck_assert_int_eq(gh_store_secret(store, "x", 1 << 20, &first), GH_ERR_INVALID);
    gh_store_close(store);
}
END_TEST

/* ---- sweep ---- */

START_TEST(a_sweep_keeps_what_is_alive)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_client(store, "client", 10, 0), GH_OK);
    ck_assert_int_eq(add_flow(store, "old", 1000), GH_OK);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_add(store, "r1", "g1", "client"), GH_OK);
    ck_assert_int_eq(add_key(store, "k1", NOW), GH_OK);
    fixture_now_s += 3500;
    ck_assert_int_eq(add_flow(store, "new", 1000), GH_OK);
    ck_assert_int_eq(gh_store_sweep(store), GH_OK);
    ck_assert_int_eq(get_flow(store, "new"), GH_OK);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_ROTATED);
    ck_assert(has_client(store, "client"));
    /* What was swept is gone for good: the id is free again. */
    ck_assert_int_eq(add_flow(store, "old", 1000), GH_OK);
    fixture_now_s += 7200;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(gh_store_sweep(store), GH_OK);
    }
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_add(store, "r1", "g1", "client"), GH_OK);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_ROTATED);
    gh_store_close(store);
}
END_TEST

START_TEST(a_sweep_is_short_and_several_finish_the_work)
{
    gh_store *store = open_store(_i);
    for (int i = 0; i < 500; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "f%d", i);
        ck_assert_int_eq(add_flow(store, id, 1000), GH_OK);
    }
    fixture_now_s += 600;
    int again = 0;
    for (int sweeps = 1; sweeps <= 3; sweeps++) {
        ck_assert_int_eq(gh_store_sweep(store), GH_OK);
        again = 0;
        fixture_now_s -= 600;
        for (int i = 0; i < 500; i++) {
            char id[16];
            (void)snprintf(id, sizeof(id), "f%d", i);
            again += get_flow(store, id) == GH_OK ? 1 : 0;
        }
        fixture_now_s += 600;
        ck_assert_int_eq(again, sweeps == 1 ? 300 : sweeps == 2 ? 100 : 0);
    }
    gh_store_close(store);
}
END_TEST

START_TEST(a_used_code_outlives_sweeps_for_ten_minutes)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    fixture_now_s += 60 + 599;
    ck_assert_int_eq(gh_store_sweep(store), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    fixture_now_s += 1;
    ck_assert_int_eq(gh_store_sweep(store), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

/* ---- the table under the memory back end ---- */

START_TEST(a_table_finds_all_of_ten_thousand_and_keeps_their_order)
{
    enum { COUNT = 10000 };
    typedef struct item {
        gh_table_entry entry;
        char key[16];
    } item;
    gh_table table;
    item *items = calloc(COUNT, sizeof(*items));
    ck_assert_ptr_nonnull(items);
    ck_assert_int_eq(gh_table_init(&table, COUNT), GH_OK);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(items[i].key, sizeof(items[i].key), "key-%d", i);
        ck_assert_int_eq(gh_table_add(&table, &items[i].entry, items[i].key), GH_OK);
    }
    item extra = {.key = "extra"};
    ck_assert_int_eq(gh_table_add(&table, &extra.entry, extra.key), GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(gh_table_add(&table, &extra.entry, "key-5"), GH_ERR_CONFLICT);
    for (int i = 0; i < COUNT; i += 2) {
        gh_table_remove(&table, &items[i].entry);
    }
    ck_assert_uint_eq(table.count, COUNT / 2);
    ck_assert_ptr_eq(table.oldest, &items[1].entry);
    ck_assert_ptr_eq(table.newest, &items[COUNT - 1].entry);
    for (int i = 0; i < COUNT; i++) {
        const gh_table_entry *found = gh_table_find(&table, items[i].key);
        ck_assert_ptr_eq(found, i % 2 == 0 ? NULL : &items[i].entry);
    }
    gh_table_free(&table);
    free(items);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store");
    TCase *tests = tcase_create("store");
    tcase_add_checked_fixture(tests, fixture_start, fixture_end);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, an_unknown_kind_of_store_is_refused_with_the_known_ones);
    tcase_add_loop_test(tests, an_open_store_answers_a_ping, 0, BACKENDS);
    tcase_add_loop_test(tests, a_client_comes_back_as_it_was, 0, BACKENDS);
    tcase_add_loop_test(tests, a_client_id_is_taken_once, 0, BACKENDS);
    tcase_add_loop_test(tests, at_the_cap_the_oldest_idle_client_makes_room, 0, BACKENDS);
    tcase_add_loop_test(tests, a_client_with_a_live_grant_is_never_evicted, 0, BACKENDS);
    tcase_add_loop_test(tests, at_the_cap_the_least_recently_used_client_without_a_grant_makes_room, 0,
                        BACKENDS);
    tcase_add_loop_test(tests, a_client_with_a_login_under_way_is_not_idle, 0, BACKENDS);
    tcase_add_loop_test(tests, a_client_without_the_necessary_parts_is_invalid, 0, BACKENDS);
    tcase_add_loop_test(tests, a_flow_comes_back_and_remembers_who_signed_in, 0, BACKENDS);
    tcase_add_loop_test(tests, a_flow_is_taken_once, 0, BACKENDS);
    tcase_add_loop_test(tests, an_expired_flow_is_not_found, 0, BACKENDS);
    tcase_add_loop_test(tests, at_the_cap_the_oldest_flow_goes, 0, BACKENDS);
    tcase_add_loop_test(tests, of_eight_threads_one_gets_the_flow, 0, BACKENDS);
    tcase_add_loop_test(tests, the_cap_holds_when_eight_threads_register, 0, BACKENDS);
    tcase_add_loop_test(tests, there_is_one_active_key_at_most, 0, BACKENDS);
    tcase_add_loop_test(tests, a_secret_is_made_once_and_stays, 0, BACKENDS);
    tcase_add_loop_test(tests, a_sweep_keeps_what_is_alive, 0, BACKENDS);
    tcase_add_loop_test(tests, a_sweep_is_short_and_several_finish_the_work, 0, BACKENDS);
    tcase_add_loop_test(tests, a_used_code_outlives_sweeps_for_ten_minutes, 0, BACKENDS);
    tcase_add_test(tests, a_table_finds_all_of_ten_thousand_and_keeps_their_order);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include "tests/unit/server/store_races.h"

static gh_status add_login(gh_store *store, const char *state, size_t cap)
{
    const gh_upstream_login login = {.state_hash = lit(state),
                                     .cookie_hash = lit("cookie"),
                                     .flow_hash = lit("flow"),
                                     .nonce = lit("nonce"),
                                     .sealed_verifier = lit("sealed"),
                                     .expires_at = gh_clock_wall_s() + 600};
    return gh_store_upstream_login_add(store, &login, cap);
}

static gh_status take_login(gh_store *store, const char *state)
{
    gh_upstream_login login = {0};
    gh_status status = gh_store_upstream_login_take(store, state, &login);
    gh_upstream_login_clear(&login);
    return status;
}

static gh_status put(gh_store *store, const char *grant, const char *sealed, int64_t version)
{
    const gh_upstream_tokens tokens = {lit(grant), lit(sealed), NOW + 300, version};
    return gh_store_upstream_tokens_put(store, &tokens);
}

static int64_t version_of(gh_store *store, const char *grant, const char *sealed)
{
    gh_upstream_tokens tokens = {0};
    ck_assert_int_eq(gh_store_upstream_tokens_get(store, grant, &tokens), GH_OK);
    ck_assert_str_eq(tokens.grant_id, grant);
    ck_assert_str_eq(tokens.sealed, sealed);
    ck_assert_int_eq(tokens.expires_at, NOW + 300);
    int64_t version = tokens.version;
    gh_upstream_tokens_clear(&tokens);
    return version;
}

static gh_status get(gh_store *store, const char *grant)
{
    gh_upstream_tokens tokens = {0};
    gh_status status = gh_store_upstream_tokens_get(store, grant, &tokens);
    gh_upstream_tokens_clear(&tokens);
    return status;
}

/* ---- logins at the provider ---- */

START_TEST(a_login_comes_back_once_and_as_it_was)
{
    gh_store *store = open_store(_i);
    gh_upstream_login login = {0};
    ck_assert_int_eq(add_login(store, "s1", 10), GH_OK);
    ck_assert_int_eq(add_login(store, "s1", 10), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_upstream_login_take(store, "s1", &login), GH_OK);
    ck_assert_str_eq(login.state_hash, "s1");
    ck_assert_str_eq(login.cookie_hash, "cookie");
    ck_assert_str_eq(login.flow_hash, "flow");
    ck_assert_str_eq(login.nonce, "nonce");
    ck_assert_str_eq(login.sealed_verifier, "sealed");
    ck_assert_int_eq(login.expires_at, NOW + 600);
    gh_upstream_login_clear(&login);
    ck_assert_int_eq(take_login(store, "s1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(take_login(store, "S1"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

START_TEST(an_expired_login_is_not_found)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_login(store, "s1", 10), GH_OK);
    ck_assert_int_eq(add_login(store, "s2", 10), GH_OK);
    fixture_now_s += 599;
    ck_assert_int_eq(take_login(store, "s1"), GH_OK);
    fixture_now_s += 1;
    ck_assert_int_eq(take_login(store, "s2"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_sweep(store), GH_OK);
    ck_assert_int_eq(add_login(store, "s2", 10), GH_OK); /* swept: the state is free again */
    ck_assert_int_eq(take_login(store, "s2"), GH_OK);
    gh_store_close(store);
}
END_TEST

START_TEST(at_the_cap_the_oldest_login_goes)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_login(store, "s1", 2), GH_OK);
    ck_assert_int_eq(add_login(store, "s2", 2), GH_OK);
    ck_assert_int_eq(add_login(store, "s3", 2), GH_OK);
    ck_assert_int_eq(take_login(store, "s1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(add_login(store, "s4", 1), GH_OK);
    ck_assert_int_eq(take_login(store, "s2"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(take_login(store, "s3"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(take_login(store, "s4"), GH_OK);
    gh_store_close(store);
}
END_TEST

START_TEST(a_login_without_its_bindings_is_invalid)
{
    gh_store *store = open_store(_i);
    const gh_upstream_login login = {
        .state_hash = lit("s1"), .cookie_hash = lit("c"), .flow_hash = lit("f"), .expires_at = NOW + 600};
    ck_assert_int_eq(gh_store_upstream_login_add(store, &login, 10), GH_ERR_INVALID);
    ck_assert_int_eq(take_login(store, "s1"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

static gh_status race_login(gh_store *store, int thread, int round)
{
    char state[16];
    (void)thread;
    name_of(state, sizeof(state), "s", round);
    return take_login(store, state);
}

START_TEST(of_eight_threads_one_gets_the_login)
{
    gh_store *store = open_store(_i);
    for (int i = 0; i < RACE_ROUNDS; i++) {
        char state[16];
        name_of(state, sizeof(state), "s", i);
        ck_assert_int_eq(add_login(store, state, 1000), GH_OK);
    }
    assert_one_winner(store, RACE_ROUNDS, race_login, GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

/* ---- the provider's tokens ---- */

START_TEST(tokens_are_written_over_what_was_read_only)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(get(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(put(store, "g1", "early", 1), GH_ERR_CONFLICT);
    ck_assert_int_eq(get(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(put(store, "g1", "first", 0), GH_OK);
    ck_assert_int_eq(put(store, "g1", "again", 0), GH_ERR_CONFLICT);
    ck_assert_int_eq(version_of(store, "g1", "first"), 1);
    ck_assert_int_eq(put(store, "g1", "second", 1), GH_OK);
    ck_assert_int_eq(put(store, "g1", "late", 1), GH_ERR_CONFLICT);
    ck_assert_int_eq(put(store, "g1", "future", 3), GH_ERR_CONFLICT);
    ck_assert_int_eq(version_of(store, "g1", "second"), 2);
    ck_assert_int_eq(put(store, "g1", "bad", -1), GH_ERR_INVALID);
    ck_assert_int_eq(put(store, "g1", NULL, 2), GH_ERR_INVALID);
    gh_store_close(store);
}
END_TEST

START_TEST(tokens_go_with_their_grant)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(put(store, "g1", "x", 0), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(add_grant(store, "g2", "code2"), GH_OK);
    ck_assert_int_eq(put(store, "g1", "x", 0), GH_OK);
    ck_assert_int_eq(put(store, "g2", "y", 0), GH_OK);
    ck_assert_int_eq(gh_store_grant_revoke(store, "g1"), GH_OK);
    ck_assert_int_eq(get(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(put(store, "g1", "x", 1), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(add_grant(store, "g1", "code3"), GH_OK); /* nothing of the old one comes back */
    ck_assert_int_eq(get(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(version_of(store, "g2", "y"), 1);
    fixture_now_s += 3600;
    ck_assert_int_eq(get(store, "g2"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(put(store, "g2", "z", 1), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_sweep(store), GH_OK);
    gh_store_close(store);
}
END_TEST

START_TEST(a_code_used_twice_takes_the_providers_tokens_along)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(put(store, "g1", "x", 0), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_ERR_CONFLICT);
    ck_assert_int_eq(get(store, "g1"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

static gh_status race_put(gh_store *store, int thread, int round)
{
    char grant[16];
    char sealed[16];
    name_of(grant, sizeof(grant), "g", round);
    name_of(sealed, sizeof(sealed), "t", thread);
    return put(store, grant, sealed, 1);
}

START_TEST(of_eight_threads_one_writes_the_next_version)
{
    gh_store *store = open_store(_i);
    for (int i = 0; i < RACE_ROUNDS; i++) {
        char grant[16];
        char code[16];
        name_of(grant, sizeof(grant), "g", i);
        name_of(code, sizeof(code), "code", i);
        ck_assert_int_eq(add_grant(store, grant, code), GH_OK);
        ck_assert_int_eq(put(store, grant, "first", 0), GH_OK);
    }
    assert_one_winner(store, RACE_ROUNDS, race_put, GH_ERR_CONFLICT);
    gh_store_close(store);
}
END_TEST

/* ---- leases ---- */

START_TEST(a_lease_has_one_holder_until_it_is_dropped_or_ends)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "a", 10), GH_OK);
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "b", 10), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_lease_take(store, "g2", "b", 10), GH_OK);
    ck_assert_int_eq(gh_store_lease_drop(store, "g1", "b"), GH_OK); /* not b's: stays */
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "b", 10), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_lease_drop(store, "g1", "a"), GH_OK);
    ck_assert_int_eq(gh_store_lease_drop(store, "g1", "a"), GH_OK);
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "b", 10), GH_OK);
    fixture_now_s += 9;
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "a", 10), GH_ERR_CONFLICT);
    fixture_now_s += 1;
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "a", 10), GH_OK);
    gh_store_close(store);
}
END_TEST

START_TEST(the_holder_may_prolong_its_lease)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "a", 10), GH_OK);
    fixture_now_s += 9;
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "a", 10), GH_OK);
    fixture_now_s += 9;
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "b", 10), GH_ERR_CONFLICT);
    gh_store_close(store);
}
END_TEST

START_TEST(a_lease_is_neither_endless_nor_empty)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "a", 0), GH_ERR_INVALID);
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "a", -1), GH_ERR_INVALID);
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "a", GH_STORE_LEASE_MAX_S + 1), GH_ERR_INVALID);
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "a", GH_STORE_LEASE_MAX_S), GH_OK);
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "b", 10), GH_ERR_CONFLICT);
    fixture_now_s -= 86400; /* the clock is set back: nobody waits a day */
    ck_assert_int_eq(gh_store_lease_take(store, "g1", "b", 10), GH_OK);
    gh_store_close(store);
}
END_TEST

START_TEST(a_sweep_keeps_running_leases)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(gh_store_lease_take(store, "short", "a", 5), GH_OK);
    ck_assert_int_eq(gh_store_lease_take(store, "long", "a", 60), GH_OK);
    fixture_now_s += 5;
    ck_assert_int_eq(gh_store_sweep(store), GH_OK);
    ck_assert_int_eq(gh_store_lease_take(store, "short", "b", 5), GH_OK);
    ck_assert_int_eq(gh_store_lease_take(store, "long", "b", 5), GH_ERR_CONFLICT);
    gh_store_close(store);
}
END_TEST

static gh_status race_lease(gh_store *store, int thread, int round)
{
    char name[16];
    char holder[16];
    name_of(name, sizeof(name), "l", round);
    name_of(holder, sizeof(holder), "t", thread);
    return gh_store_lease_take(store, name, holder, 60);
}

START_TEST(of_eight_threads_one_gets_the_lease)
{
    gh_store *store = open_store(_i);
    assert_one_winner(store, RACE_ROUNDS, race_lease, GH_ERR_CONFLICT);
    gh_store_close(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_upstream");
    TCase *tests = tcase_create("store_upstream");
    tcase_add_checked_fixture(tests, fixture_start, fixture_end);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_login_comes_back_once_and_as_it_was, 0, BACKENDS);
    tcase_add_loop_test(tests, an_expired_login_is_not_found, 0, BACKENDS);
    tcase_add_loop_test(tests, at_the_cap_the_oldest_login_goes, 0, BACKENDS);
    tcase_add_loop_test(tests, a_login_without_its_bindings_is_invalid, 0, BACKENDS);
    tcase_add_loop_test(tests, of_eight_threads_one_gets_the_login, 0, BACKENDS);
    tcase_add_loop_test(tests, tokens_are_written_over_what_was_read_only, 0, BACKENDS);
    tcase_add_loop_test(tests, tokens_go_with_their_grant, 0, BACKENDS);
    tcase_add_loop_test(tests, a_code_used_twice_takes_the_providers_tokens_along, 0, BACKENDS);
    tcase_add_loop_test(tests, of_eight_threads_one_writes_the_next_version, 0, BACKENDS);
    tcase_add_loop_test(tests, a_lease_has_one_holder_until_it_is_dropped_or_ends, 0, BACKENDS);
    tcase_add_loop_test(tests, the_holder_may_prolong_its_lease, 0, BACKENDS);
    tcase_add_loop_test(tests, a_lease_is_neither_endless_nor_empty, 0, BACKENDS);
    tcase_add_loop_test(tests, a_sweep_keeps_running_leases, 0, BACKENDS);
    tcase_add_loop_test(tests, of_eight_threads_one_gets_the_lease, 0, BACKENDS);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include "tests/unit/server/store_races.h"

/* ---- codes ---- */

START_TEST(a_code_comes_back_with_its_binding)
{
    gh_store *store = open_store(_i);
    gh_code code = {0};
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(gh_store_code_take(store, "code1", &code), GH_OK);
    ck_assert_str_eq(code.hash, "code1");
    ck_assert_str_eq(code.grant_id, "g1");
    ck_assert_str_eq(code.client_id, "client");
    ck_assert_str_eq(code.redirect_uri, "http://localhost:3118/callback");
    ck_assert_str_eq(code.challenge, "challenge");
    ck_assert_str_eq(code.resource, "http://localhost:8080/mcp");
    ck_assert_int_eq(code.expires_at, NOW + 60);
    gh_code_clear(&code);
    ck_assert_int_eq(take_code(store, "code2"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

START_TEST(a_code_used_twice_revokes_its_grant_and_tokens)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(add_grant(store, "g2", "code2"), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_add(store, "r1", "g1", "client"), GH_OK);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_UNKNOWN);
    ck_assert_int_eq(take_code(store, "code1"), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_grant_alive(store, "g2"), GH_OK);
    gh_store_close(store);
}
END_TEST

START_TEST(a_code_expires_and_one_used_before_is_still_recognised)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(add_grant(store, "g2", "code2"), GH_OK);
    fixture_now_s += 59;
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    fixture_now_s += 1;
    ck_assert_int_eq(take_code(store, "code2"), GH_ERR_NOT_FOUND);
    fixture_now_s += 600;
    ck_assert_int_eq(take_code(store, "code1"), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

START_TEST(a_code_of_a_revoked_grant_is_worth_nothing)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(gh_store_grant_revoke(store, "g1"), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

static gh_status race_for_code(gh_store *store, int thread, int round)
{
    (void)thread;
    char hash[16];
    name_of(hash, sizeof(hash), "code", round);
    return take_code(store, hash);
}

START_TEST(of_eight_threads_one_gets_the_code)
{
    gh_store *store = open_store(_i);
    for (int i = 0; i < RACE_ROUNDS; i++) {
        char grant[16];
        char hash[16];
        name_of(grant, sizeof(grant), "g", i);
        name_of(hash, sizeof(hash), "code", i);
        ck_assert_int_eq(add_grant(store, grant, hash), GH_OK);
    }
    assert_one_winner(store, RACE_ROUNDS, race_for_code, GH_ERR_CONFLICT);
    for (int i = 0; i < RACE_ROUNDS; i++) {
        char grant[16];
        name_of(grant, sizeof(grant), "g", i);
        ck_assert_int_eq(gh_store_grant_alive(store, grant), GH_ERR_NOT_FOUND);
    }
    gh_store_close(store);
}
END_TEST

/* ---- grants ---- */

START_TEST(a_grant_comes_back_until_it_expires)
{
    gh_store *store = open_store(_i);
    gh_grant grant = {0};
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    ck_assert_int_eq(gh_store_grant_get(store, "g1", &grant), GH_OK);
    ck_assert_str_eq(grant.id, "g1");
    ck_assert_str_eq(grant.client_id, "client");
    ck_assert_str_eq(grant.subject, "alice");
    ck_assert_str_eq(grant.name, "Alice");
    ck_assert_ptr_null(grant.email);
    ck_assert_str_eq(grant.scope, "mcp offline_access");
    ck_assert_str_eq(grant.resource, "http://localhost:8080/mcp");
    ck_assert_int_eq(grant.created_at, NOW);
    ck_assert_int_eq(grant.expires_at, NOW + 3600);
    gh_grant_clear(&grant);
    fixture_now_s += 3599;
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    fixture_now_s += 1;
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_grant_get(store, "g1", &grant), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

START_TEST(a_grant_whose_code_is_not_redeemed_ends_with_it)
{
    gh_store *store = open_store(_i);
    gh_grant grant = {0};
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(add_grant(store, "g2", "code2"), GH_OK);
    fixture_now_s += 59;
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    ck_assert_int_eq(take_code(store, "code2"), GH_OK);
    fixture_now_s += 1;
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_grant_get(store, "g1", &grant), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_refresh_add(store, "r1", "g1", "client"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_grant_get(store, "g2", &grant), GH_OK);
    ck_assert_int_eq(grant.expires_at, NOW + 3600);
    gh_grant_clear(&grant);
    ck_assert_int_eq(gh_store_sweep(store), GH_OK);
    ck_assert_int_eq(add_grant(store, "g1", "code3"), GH_OK); /* swept: the id is free again */
    ck_assert_int_eq(add_grant(store, "g2", "code4"), GH_ERR_CONFLICT);
    gh_store_close(store);
}
END_TEST

START_TEST(revoking_is_final_and_may_be_repeated)
{
    gh_store *store = open_store(_i);
    gh_grant grant = {0};
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_add(store, "r1", "g1", "client"), GH_OK);
    ck_assert_int_eq(gh_store_grant_revoke(store, "g1"), GH_OK);
    ck_assert_int_eq(gh_store_grant_revoke(store, "g1"), GH_OK);
    ck_assert_int_eq(gh_store_grant_revoke(store, "never"), GH_OK);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_grant_get(store, "g1", &grant), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_UNKNOWN);
    gh_store_close(store);
}
END_TEST

START_TEST(grant_and_code_are_stored_together_or_not_at_all)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(add_grant(store, "g2", "code1"), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_grant_alive(store, "g2"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(add_grant(store, "g1", "code2"), GH_ERR_CONFLICT);
    ck_assert_int_eq(take_code(store, "code2"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    gh_store_close(store);
}
END_TEST

/* ---- refresh tokens ---- */

/* A store with grant "g1" of "client" and its first refresh token "r1". */
static gh_store *open_with_token(int backend)
{
    gh_store *store = open_store(backend);
    ck_assert_int_eq(add_grant(store, "g1", "code1"), GH_OK);
    ck_assert_int_eq(take_code(store, "code1"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_add(store, "r1", "g1", "client"), GH_OK);
    return store;
}

START_TEST(the_first_token_belongs_to_a_living_grant_of_that_client)
{
    gh_store *store = open_with_token(_i);
    ck_assert_int_eq(gh_store_refresh_add(store, "r9", "g1", "client"), GH_ERR_CONFLICT);
    ck_assert_int_eq(gh_store_refresh_add(store, "r9", "none", "client"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(add_grant(store, "g2", "code2"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_add(store, "r9", "g2", "thief"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_refresh_add(store, "r1", "g2", "client"), GH_ERR_CONFLICT);
    fixture_now_s += 3600;
    ck_assert_int_eq(gh_store_refresh_add(store, "r9", "g2", "client"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

START_TEST(rotation_gives_the_grant_and_slides_it)
{
    gh_store *store = open_with_token(_i);
    gh_grant grant = {0};
    gh_refresh_outcome outcome = GH_REFRESH_UNKNOWN;
    fixture_now_s += 1800;
    ck_assert_int_eq(gh_store_refresh_rotate(store, "r1", "r2", "client", 30, NOW + 9000, &outcome, &grant),
                     GH_OK);
    ck_assert_int_eq(outcome, GH_REFRESH_ROTATED);
    ck_assert_str_eq(grant.id, "g1");
    ck_assert_str_eq(grant.subject, "alice");
    ck_assert_str_eq(grant.scope, "mcp offline_access");
    ck_assert_int_eq(grant.expires_at, NOW + 9000);
    gh_grant_clear(&grant);
    fixture_now_s = NOW + 8999;
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    ck_assert_int_eq(rotate(store, "r2", "r3"), GH_REFRESH_ROTATED);
    gh_store_close(store);
}
END_TEST

START_TEST(a_token_rotates_again_and_again)
{
    gh_store *store = open_with_token(_i);
    for (int i = 1; i < 60; i++) {
        char from[16];
        char to[16];
        name_of(from, sizeof(from), "r", i);
        name_of(to, sizeof(to), "r", i + 1);
        fixture_now_s += 600;
        ck_assert_int_eq(rotate(store, from, to), GH_REFRESH_ROTATED);
    }
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    gh_store_close(store);
}
END_TEST

static gh_status find_numbered(gh_store *store, int i)
{
    char name[16];
    char *id = NULL;
    name_of(name, sizeof(name), "r", i);
    gh_status status = gh_store_refresh_find(store, name, "client", &id);
    free(id);
    return status;
}

START_TEST(the_newest_hundred_tokens_of_a_grant_are_remembered)
{
    gh_store *store = open_with_token(_i);
    ck_assert_int_eq(add_grant(store, "g2", "code2"), GH_OK);
    ck_assert_int_eq(take_code(store, "code2"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_add(store, "other", "g2", "client"), GH_OK);
    for (int i = 1; i < 130; i++) {
        char from[16];
        char to[16];
        name_of(from, sizeof(from), "r", i);
        name_of(to, sizeof(to), "r", i + 1);
        ck_assert_int_eq(rotate(store, from, to), GH_REFRESH_ROTATED);
        ck_assert_int_eq(rotate(store, from, to), GH_REFRESH_REPEATED);
        ck_assert_int_eq(find_numbered(store, 1), i < 100 ? GH_OK : GH_ERR_NOT_FOUND);
    }
    ck_assert_int_eq(find_numbered(store, 30), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(find_numbered(store, 31), GH_OK);
    ck_assert_int_eq(rotate(store, "r30", "r31"), GH_REFRESH_UNKNOWN);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    ck_assert_int_eq(rotate(store, "r31", "r32"), GH_REFRESH_REUSED);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(rotate(store, "other", "other2"), GH_REFRESH_ROTATED);
    gh_store_close(store);
}
END_TEST

START_TEST(a_repeat_within_the_grace_time_gets_the_same_successor)
{
    gh_store *store = open_with_token(_i);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_ROTATED);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_REPEATED);
    fixture_now_s += 30;
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_REPEATED);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    ck_assert_int_eq(rotate(store, "r2", "r3"), GH_REFRESH_ROTATED);
    gh_store_close(store);
}
END_TEST

static void assert_family_is_dead(gh_store *store)
{
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(rotate(store, "r1", "x1"), GH_REFRESH_UNKNOWN);
    ck_assert_int_eq(rotate(store, "r2", "x2"), GH_REFRESH_UNKNOWN);
    ck_assert_int_eq(rotate(store, "r3", "x3"), GH_REFRESH_UNKNOWN);
}

START_TEST(a_repeat_after_the_grace_time_revokes_the_family)
{
    gh_store *store = open_with_token(_i);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_ROTATED);
    fixture_now_s += 31;
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_REUSED);
    assert_family_is_dead(store);
    gh_store_close(store);
}
END_TEST

START_TEST(a_repeat_after_the_successor_was_used_revokes_the_family)
{
    gh_store *store = open_with_token(_i);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_ROTATED);
    ck_assert_int_eq(rotate(store, "r2", "r3"), GH_REFRESH_ROTATED);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_REUSED);
    assert_family_is_dead(store);
    gh_store_close(store);
}
END_TEST

START_TEST(a_repeat_with_another_successor_revokes_the_family)
{
    gh_store *store = open_with_token(_i);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_ROTATED);
    ck_assert_int_eq(rotate(store, "r1", "other"), GH_REFRESH_REUSED);
    assert_family_is_dead(store);
    gh_store_close(store);
}
END_TEST

START_TEST(without_grace_time_every_repeat_is_a_reuse)
{
    gh_store *store = open_with_token(_i);
    gh_grant grant = {0};
    gh_refresh_outcome outcome = GH_REFRESH_UNKNOWN;
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_ROTATED);
    ck_assert_int_eq(gh_store_refresh_rotate(store, "r1", "r2", "client", 0, NOW + 9000, &outcome, &grant),
                     GH_OK);
    ck_assert_int_eq(outcome, GH_REFRESH_REUSED);
    assert_family_is_dead(store);
    gh_store_close(store);
}
END_TEST

START_TEST(another_client_learns_and_breaks_nothing)
{
    gh_store *store = open_with_token(_i);
    ck_assert_int_eq(rotate_for(store, "thief", "r1", "x"), GH_REFRESH_UNKNOWN);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_ROTATED);
    ck_assert_int_eq(rotate_for(store, "thief", "r1", "r2"), GH_REFRESH_UNKNOWN);
    ck_assert_int_eq(rotate_for(store, "thief", "r2", "x"), GH_REFRESH_UNKNOWN);
    fixture_now_s += 100;
    ck_assert_int_eq(rotate_for(store, "thief", "r1", "r2"), GH_REFRESH_UNKNOWN);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    ck_assert_int_eq(rotate(store, "r2", "r3"), GH_REFRESH_ROTATED);
    gh_store_close(store);
}
END_TEST

START_TEST(an_unknown_or_expired_token_is_unknown)
{
    gh_store *store = open_with_token(_i);
    ck_assert_int_eq(rotate(store, "never", "x"), GH_REFRESH_UNKNOWN);
    ck_assert_int_eq(rotate(store, "", "x"), GH_REFRESH_UNKNOWN);
    fixture_now_s += 3600;
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_UNKNOWN);
    gh_store_close(store);
}
END_TEST

START_TEST(a_successor_must_be_new)
{
    gh_store *store = open_with_token(_i);
    gh_grant grant = {0};
    gh_refresh_outcome outcome = GH_REFRESH_UNKNOWN;
    ck_assert_int_eq(add_grant(store, "g2", "code2"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_add(store, "taken", "g2", "client"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_rotate(store, "r1", "r1", "client", 30, NOW + 9000, &outcome, &grant),
                     GH_ERR_INVALID);
    ck_assert_int_eq(
        gh_store_refresh_rotate(store, "r1", "taken", "client", 30, NOW + 9000, &outcome, &grant),
        GH_ERR_CONFLICT);
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_ROTATED); /* nothing had changed */
    gh_store_close(store);
}
END_TEST

START_TEST(a_token_leads_its_own_client_to_the_grant)
{
    gh_store *store = open_with_token(_i);
    char *id = NULL;
    ck_assert_int_eq(rotate(store, "r1", "r2"), GH_REFRESH_ROTATED);
    static const char *const tokens[] = {"r1", "r2"};
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(gh_store_refresh_find(store, tokens[i], "client", &id), GH_OK);
        ck_assert_str_eq(id, "g1");
        free(id);
        ck_assert_int_eq(gh_store_refresh_find(store, tokens[i], "thief", &id), GH_ERR_NOT_FOUND);
    }
    ck_assert_int_eq(gh_store_refresh_find(store, "never", "client", &id), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_grant_revoke(store, "g1"), GH_OK);
    ck_assert_int_eq(gh_store_refresh_find(store, "r2", "client", &id), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

/* A repeat, which is no loss for a client, counts as one here. */
static gh_status race_to_rotate(gh_store *store, int thread, int round)
{
    (void)thread;
    (void)round;
    gh_grant grant = {0};
    gh_refresh_outcome outcome = GH_REFRESH_UNKNOWN;
    gh_status status = gh_store_refresh_rotate(store, "r1", "r2", "client", 30, NOW + 9000, &outcome, &grant);
    gh_grant_clear(&grant);
    if (status == GH_OK && outcome != GH_REFRESH_ROTATED) {
        status = outcome == GH_REFRESH_REPEATED ? GH_ERR_CONFLICT : GH_ERR_INVALID;
    }
    return status;
}

START_TEST(of_two_rotations_at_once_one_rotates_and_the_other_repeats)
{
    gh_store *store = open_with_token(_i);
    assert_one_winner(store, 1, race_to_rotate, GH_ERR_CONFLICT);
    ck_assert_int_eq(rotate(store, "r2", "r3"), GH_REFRESH_ROTATED);
    gh_store_close(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_grants");
    TCase *tests = tcase_create("store_grants");
    tcase_add_checked_fixture(tests, fixture_start, fixture_end);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_code_comes_back_with_its_binding, 0, BACKENDS);
    tcase_add_loop_test(tests, a_code_used_twice_revokes_its_grant_and_tokens, 0, BACKENDS);
    tcase_add_loop_test(tests, a_code_expires_and_one_used_before_is_still_recognised, 0, BACKENDS);
    tcase_add_loop_test(tests, a_code_of_a_revoked_grant_is_worth_nothing, 0, BACKENDS);
    tcase_add_loop_test(tests, of_eight_threads_one_gets_the_code, 0, BACKENDS);
    tcase_add_loop_test(tests, a_grant_comes_back_until_it_expires, 0, BACKENDS);
    tcase_add_loop_test(tests, a_grant_whose_code_is_not_redeemed_ends_with_it, 0, BACKENDS);
    tcase_add_loop_test(tests, revoking_is_final_and_may_be_repeated, 0, BACKENDS);
    tcase_add_loop_test(tests, grant_and_code_are_stored_together_or_not_at_all, 0, BACKENDS);
    tcase_add_loop_test(tests, the_first_token_belongs_to_a_living_grant_of_that_client, 0, BACKENDS);
    tcase_add_loop_test(tests, rotation_gives_the_grant_and_slides_it, 0, BACKENDS);
    tcase_add_loop_test(tests, a_token_rotates_again_and_again, 0, BACKENDS);
    tcase_add_loop_test(tests, the_newest_hundred_tokens_of_a_grant_are_remembered, 0, BACKENDS);
    tcase_add_loop_test(tests, a_repeat_within_the_grace_time_gets_the_same_successor, 0, BACKENDS);
    tcase_add_loop_test(tests, a_repeat_after_the_grace_time_revokes_the_family, 0, BACKENDS);
    tcase_add_loop_test(tests, a_repeat_after_the_successor_was_used_revokes_the_family, 0, BACKENDS);
    tcase_add_loop_test(tests, a_repeat_with_another_successor_revokes_the_family, 0, BACKENDS);
    tcase_add_loop_test(tests, without_grace_time_every_repeat_is_a_reuse, 0, BACKENDS);
    tcase_add_loop_test(tests, another_client_learns_and_breaks_nothing, 0, BACKENDS);
    tcase_add_loop_test(tests, an_unknown_or_expired_token_is_unknown, 0, BACKENDS);
    tcase_add_loop_test(tests, a_successor_must_be_new, 0, BACKENDS);
    tcase_add_loop_test(tests, a_token_leads_its_own_client_to_the_grant, 0, BACKENDS);
    tcase_add_loop_test(tests, of_two_rotations_at_once_one_rotates_and_the_other_repeats, 0, BACKENDS);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

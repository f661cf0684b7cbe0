#include "tests/unit/server/store_races.h"

static gh_status add_device_for(gh_store *store, const char *client, const char *device_hash,
                                const char *user_code_hash, size_t cap)
{
    const gh_device device = {.device_hash = lit(device_hash),
                              .user_code_hash = lit(user_code_hash),
                              .client_id = lit(client),
                              .scope = lit("mcp"),
                              .resource = lit("http://localhost:8080/mcp"),
                              .state = GH_DEVICE_APPROVED, /* the store knows better */
                              .grant_id = lit("forged"),
                              .interval_s = 5,
                              .polled_at = 7,
                              .expires_at = gh_clock_wall_s() + 600};
    return gh_store_device_add(store, &device, cap);
}

static gh_status add_device(gh_store *store, const char *device_hash, const char *user_code_hash, size_t cap)
{
    return add_device_for(store, "client", device_hash, user_code_hash, cap);
}

static gh_grant grant_of(const char *id, const char *client)
{
    return (gh_grant){.id = lit(id),
                      .client_id = lit(client),
                      .subject = lit("alice"),
                      .name = lit("Alice"),
                      .scope = lit("mcp"),
                      .resource = lit("http://localhost:8080/mcp"),
                      .created_at = gh_clock_wall_s(),
                      .expires_at = gh_clock_wall_s() + 3600};
}

static gh_status approve(gh_store *store, const char *user_code_hash, const char *grant_id)
{
    const gh_grant grant = grant_of(grant_id, "client");
    return gh_store_device_decide(store, user_code_hash, &grant);
}

static gh_device_poll poll_for(gh_store *store, const char *client, const char *device_hash)
{
    gh_grant grant = {0};
    gh_device_poll outcome = GH_DEVICE_POLL_UNKNOWN;
    ck_assert_int_eq(gh_store_device_poll(store, device_hash, client, &outcome, &grant), GH_OK);
    ck_assert((grant.id != NULL) == (outcome == GH_DEVICE_POLL_GRANTED));
    gh_grant_clear(&grant);
    return outcome;
}

static gh_device_poll poll(gh_store *store, const char *device_hash)
{
    return poll_for(store, "client", device_hash);
}

static gh_status find(gh_store *store, const char *user_code_hash)
{
    gh_device device = {0};
    gh_status status = gh_store_device_by_user_code(store, user_code_hash, &device);
    gh_device_clear(&device);
    return status;
}

static gh_device_state state_of(gh_store *store, const char *user_code_hash)
{
    gh_device device = {0};
    ck_assert_int_eq(gh_store_device_by_user_code(store, user_code_hash, &device), GH_OK);
    gh_device_state state = device.state;
    gh_device_clear(&device);
    return state;
}

START_TEST(a_device_comes_back_by_its_user_code_as_pending)
{
    gh_store *store = open_store(_i);
    gh_device device = {0};
    ck_assert_int_eq(add_device(store, "d1", "u1", 10), GH_OK);
    ck_assert_int_eq(gh_store_device_by_user_code(store, "u1", &device), GH_OK);
    ck_assert_str_eq(device.device_hash, "d1");
    ck_assert_str_eq(device.user_code_hash, "u1");
    ck_assert_str_eq(device.client_id, "client");
    ck_assert_str_eq(device.scope, "mcp");
    ck_assert_str_eq(device.resource, "http://localhost:8080/mcp");
    ck_assert_int_eq(device.state, GH_DEVICE_PENDING);
    ck_assert_ptr_null(device.grant_id);
    ck_assert_int_eq(device.interval_s, 5);
    ck_assert_int_eq(device.polled_at, 0);
    ck_assert_int_eq(device.expires_at, NOW + 600);
    gh_device_clear(&device);
    ck_assert_int_eq(find(store, "d1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(find(store, "U1"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

START_TEST(both_codes_are_taken_once)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_device(store, "d1", "u1", 10), GH_OK);
    ck_assert_int_eq(add_device(store, "d1", "u2", 10), GH_ERR_CONFLICT);
    ck_assert_int_eq(add_device(store, "d2", "u1", 10), GH_ERR_CONFLICT);
    ck_assert_int_eq(add_device(store, "d2", "u1", 1), GH_ERR_CONFLICT);
    ck_assert_int_eq(find(store, "u1"), GH_OK);
    ck_assert_int_eq(find(store, "u2"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(poll(store, "d2"), GH_DEVICE_POLL_UNKNOWN);
    gh_store_close(store);
}
END_TEST

START_TEST(a_device_without_the_necessary_parts_is_invalid)
{
    gh_store *store = open_store(_i);
    gh_device device = {.device_hash = lit("d1"),
                        .user_code_hash = lit("u1"),
                        .client_id = lit("client"),
                        .scope = lit("mcp"),
                        .resource = lit("r"),
                        .interval_s = -1,
                        .expires_at = NOW + 600};
    ck_assert_int_eq(gh_store_device_add(store, &device, 10), GH_ERR_INVALID);
    device.interval_s = 5;
    device.client_id = NULL;
    ck_assert_int_eq(gh_store_device_add(store, &device, 10), GH_ERR_INVALID);
    ck_assert_int_eq(find(store, "u1"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

START_TEST(at_the_cap_the_oldest_undecided_goes_and_an_approved_one_stays)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_device(store, "d1", "u1", 3), GH_OK);
    ck_assert_int_eq(approve(store, "u1", "g1"), GH_OK);
    ck_assert_int_eq(add_device(store, "d2", "u2", 3), GH_OK);
    ck_assert_int_eq(add_device(store, "d3", "u3", 3), GH_OK);
    ck_assert_int_eq(add_device(store, "d4", "u4", 3), GH_OK);
    ck_assert_int_eq(find(store, "u2"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(find(store, "u3"), GH_OK);
    ck_assert_int_eq(add_device(store, "d5", "u5", 1), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(find(store, "u5"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_GRANTED);
    gh_store_close(store);
}
END_TEST

START_TEST(who_asks_too_soon_is_slowed_down_and_the_interval_grows)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_device(store, "d1", "u1", 10), GH_OK);
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_PENDING);
    fixture_now_s += 5;
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_PENDING);
    fixture_now_s += 4;
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_SLOW_DOWN); /* 10 s now, from here */
    fixture_now_s += 9;
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_SLOW_DOWN); /* 15 s */
    fixture_now_s += 15;
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_PENDING);
    gh_device device = {0};
    ck_assert_int_eq(gh_store_device_by_user_code(store, "u1", &device), GH_OK);
    ck_assert_int_eq(device.interval_s, 15);
    ck_assert_int_eq(device.polled_at, fixture_now_s);
    gh_device_clear(&device);
    gh_store_close(store);
}
END_TEST

START_TEST(an_approval_gives_the_grant_once)
{
    gh_store *store = open_store(_i);
    gh_grant grant = {0};
    gh_device_poll outcome = GH_DEVICE_POLL_UNKNOWN;
    gh_client client = {0};
    ck_assert_int_eq(add_client(store, "client", 10, 0), GH_OK);
    fixture_now_s += 10;
    ck_assert_int_eq(add_device(store, "d1", "u1", 10), GH_OK);
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_PENDING);
    ck_assert_int_eq(approve(store, "u1", "g1"), GH_OK);
    ck_assert_int_eq(state_of(store, "u1"), GH_DEVICE_APPROVED);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_OK);
    ck_assert_int_eq(gh_store_device_poll(store, "d1", "client", &outcome, &grant), GH_OK); /* at once */
    ck_assert_int_eq(outcome, GH_DEVICE_POLL_GRANTED);
    ck_assert_str_eq(grant.id, "g1");
    ck_assert_str_eq(grant.subject, "alice");
    ck_assert_str_eq(grant.scope, "mcp");
    gh_grant_clear(&grant);
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_UNKNOWN);
    ck_assert_int_eq(find(store, "u1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_refresh_add(store, "r1", "g1", "client"), GH_OK);
    ck_assert_int_eq(gh_store_client_get(store, "client", &client), GH_OK);
    ck_assert_int_eq(client.used_at, NOW + 10);
    gh_client_clear(&client);
    gh_store_close(store);
}
END_TEST

START_TEST(a_denial_is_told_once)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_device(store, "d1", "u1", 10), GH_OK);
    ck_assert_int_eq(gh_store_device_decide(store, "u1", NULL), GH_OK);
    ck_assert_int_eq(state_of(store, "u1"), GH_DEVICE_DENIED);
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_DENIED);
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_UNKNOWN);
    gh_store_close(store);
}
END_TEST

START_TEST(what_is_decided_stays_decided)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_device(store, "d1", "u1", 10), GH_OK);
    ck_assert_int_eq(add_device(store, "d2", "u2", 10), GH_OK);
    ck_assert_int_eq(gh_store_device_decide(store, "u1", NULL), GH_OK);
    ck_assert_int_eq(approve(store, "u1", "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(approve(store, "u2", "g2"), GH_OK);
    ck_assert_int_eq(gh_store_device_decide(store, "u2", NULL), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_DENIED);
    ck_assert_int_eq(poll(store, "d2"), GH_DEVICE_POLL_GRANTED);
    ck_assert_int_eq(approve(store, "nobody", "g3"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_grant_alive(store, "g3"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

START_TEST(a_grant_that_does_not_fit_decides_nothing)
{
    gh_store *store = open_store(_i);
    const gh_grant foreign = grant_of("g1", "other");
    gh_grant incomplete = grant_of("g1", "client");
    incomplete.subject = NULL;
    ck_assert_int_eq(add_device(store, "d1", "u1", 10), GH_OK);
    ck_assert_int_eq(gh_store_device_decide(store, "u1", &foreign), GH_ERR_INVALID);
    ck_assert_int_eq(gh_store_device_decide(store, "u1", &incomplete), GH_ERR_INVALID);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(add_grant(store, "taken", "code1"), GH_OK);
    ck_assert_int_eq(approve(store, "u1", "taken"), GH_ERR_CONFLICT);
    ck_assert_int_eq(state_of(store, "u1"), GH_DEVICE_PENDING);
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_PENDING);
    ck_assert_int_eq(approve(store, "u1", "g1"), GH_OK);
    gh_store_close(store);
}
END_TEST

START_TEST(another_client_learns_and_breaks_nothing)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_device(store, "d1", "u1", 10), GH_OK);
    ck_assert_int_eq(poll_for(store, "other", "d1"), GH_DEVICE_POLL_UNKNOWN);
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_PENDING); /* the other's question did not count */
    ck_assert_int_eq(approve(store, "u1", "g1"), GH_OK);
    ck_assert_int_eq(poll_for(store, "other", "d1"), GH_DEVICE_POLL_UNKNOWN);
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_GRANTED);
    gh_store_close(store);
}
END_TEST

START_TEST(an_expired_device_is_unknown_and_undecidable)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_device(store, "d1", "u1", 10), GH_OK);
    fixture_now_s += 599;
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_PENDING);
    fixture_now_s += 1;
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_UNKNOWN);
    ck_assert_int_eq(find(store, "u1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(approve(store, "u1", "g1"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_grant_alive(store, "g1"), GH_ERR_NOT_FOUND);
    gh_store_close(store);
}
END_TEST

START_TEST(a_revoked_grant_is_not_handed_out)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_device(store, "d1", "u1", 10), GH_OK);
    ck_assert_int_eq(approve(store, "u1", "g1"), GH_OK);
    ck_assert_int_eq(gh_store_grant_revoke(store, "g1"), GH_OK);
    ck_assert_int_eq(poll(store, "d1"), GH_DEVICE_POLL_UNKNOWN);
    gh_store_close(store);
}
END_TEST

START_TEST(a_sweep_takes_what_expired_and_the_grant_that_nobody_fetched)
{
    gh_store *store = open_store(_i);
    ck_assert_int_eq(add_device(store, "d1", "u1", 10), GH_OK);
    ck_assert_int_eq(approve(store, "u1", "unfetched"), GH_OK);
    ck_assert_int_eq(add_device(store, "d2", "u2", 10), GH_OK);
    ck_assert_int_eq(approve(store, "u2", "fetched"), GH_OK);
    ck_assert_int_eq(poll(store, "d2"), GH_DEVICE_POLL_GRANTED);
    fixture_now_s += 300;
    ck_assert_int_eq(add_device(store, "d3", "u3", 10), GH_OK);
    fixture_now_s += 300;
    ck_assert_int_eq(gh_store_sweep(store), GH_OK);
    ck_assert_int_eq(gh_store_grant_alive(store, "unfetched"), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_store_grant_alive(store, "fetched"), GH_OK);
    ck_assert_int_eq(find(store, "u3"), GH_OK);
    ck_assert_int_eq(add_device(store, "d1", "u1", 10), GH_OK); /* both codes are free again */
    gh_store_close(store);
}
END_TEST

/* ---- races ---- */

static void names_of(int i, char device[16], char user[16])
{
    (void)snprintf(device, 16, "d%d", i);
    (void)snprintf(user, 16, "u%d", i);
}

static gh_status race_to_poll(gh_store *store, int thread, int round)
{
    (void)thread;
    char device[16];
    char user[16];
    gh_grant grant = {0};
    gh_device_poll outcome = GH_DEVICE_POLL_UNKNOWN;
    names_of(round, device, user);
    gh_status status = gh_store_device_poll(store, device, "client", &outcome, &grant);
    gh_grant_clear(&grant);
    if (status == GH_OK && outcome != GH_DEVICE_POLL_GRANTED) {
        status = outcome == GH_DEVICE_POLL_UNKNOWN ? GH_ERR_CONFLICT : GH_ERR_INVALID;
    }
    return status;
}

/* Half approve, half deny. */
static gh_status race_to_decide(gh_store *store, int thread, int round)
{
    char device[16];
    char user[16];
    char id[32];
    names_of(round, device, user);
    (void)snprintf(id, sizeof(id), "g%d-%d", round, thread);
    return thread % 2 == 0 ? approve(store, user, id) : gh_store_device_decide(store, user, NULL);
}

static void add_all(gh_store *store)
{
    for (int i = 0; i < RACE_ROUNDS; i++) {
        char device[16];
        char user[16];
        names_of(i, device, user);
        ck_assert_int_eq(add_device(store, device, user, 1000), GH_OK);
    }
}

START_TEST(of_eight_polls_one_gets_the_grant)
{
    gh_store *store = open_store(_i);
    add_all(store);
    for (int i = 0; i < RACE_ROUNDS; i++) {
        char device[16];
        char user[16];
        names_of(i, device, user);
        ck_assert_int_eq(approve(store, user, user), GH_OK);
    }
    assert_one_winner(store, RACE_ROUNDS, race_to_poll, GH_ERR_CONFLICT);
    gh_store_close(store);
}
END_TEST

START_TEST(of_eight_decisions_one_counts)
{
    gh_store *store = open_store(_i);
    add_all(store);
    assert_one_winner(store, RACE_ROUNDS, race_to_decide, GH_ERR_NOT_FOUND);
    size_t approved = 0;
    for (int i = 0; i < RACE_ROUNDS; i++) {
        char device[16];
        char user[16];
        names_of(i, device, user);
        approved += state_of(store, user) == GH_DEVICE_APPROVED ? 1 : 0;
    }
    gh_grant *grants = NULL;
    size_t count = 0;
    ck_assert_int_eq(gh_store_grants(store, 1000, &grants, &count), GH_OK);
    ck_assert_uint_eq(count, approved); /* no loser left a grant behind */
    for (size_t i = 0; i < count; i++) {
        gh_grant_clear(&grants[i]);
    }
    free(grants);
    gh_store_close(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_device");
    TCase *tests = tcase_create("store_device");
    tcase_add_checked_fixture(tests, fixture_start, fixture_end);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, a_device_comes_back_by_its_user_code_as_pending, 0, BACKENDS);
    tcase_add_loop_test(tests, both_codes_are_taken_once, 0, BACKENDS);
    tcase_add_loop_test(tests, a_device_without_the_necessary_parts_is_invalid, 0, BACKENDS);
    tcase_add_loop_test(tests, at_the_cap_the_oldest_undecided_goes_and_an_approved_one_stays, 0, BACKENDS);
    tcase_add_loop_test(tests, who_asks_too_soon_is_slowed_down_and_the_interval_grows, 0, BACKENDS);
    tcase_add_loop_test(tests, an_approval_gives_the_grant_once, 0, BACKENDS);
    tcase_add_loop_test(tests, a_denial_is_told_once, 0, BACKENDS);
    tcase_add_loop_test(tests, what_is_decided_stays_decided, 0, BACKENDS);
    tcase_add_loop_test(tests, a_grant_that_does_not_fit_decides_nothing, 0, BACKENDS);
    tcase_add_loop_test(tests, another_client_learns_and_breaks_nothing, 0, BACKENDS);
    tcase_add_loop_test(tests, an_expired_device_is_unknown_and_undecidable, 0, BACKENDS);
    tcase_add_loop_test(tests, a_revoked_grant_is_not_handed_out, 0, BACKENDS);
    tcase_add_loop_test(tests, a_sweep_takes_what_expired_and_the_grant_that_nobody_fetched, 0, BACKENDS);
    tcase_add_loop_test(tests, of_eight_polls_one_gets_the_grant, 0, BACKENDS);
    tcase_add_loop_test(tests, of_eight_decisions_one_counts, 0, BACKENDS);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include "server/http/rates.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "tests/support/suite.h"

#define SECOND INT64_C(1000000000)
#define ALICE (&(const gh_principal){.issuer = ISSUER, .subject = TEXT("alice"), .scope = TEXT("")})
#define BOB (&(const gh_principal){.issuer = ISSUER, .subject = TEXT("bob"), .scope = TEXT("")})
#define TEXT(literal) (char *)(uintptr_t)literal
#define ISSUER TEXT("https://id.example")

static int64_t now_ns;
static gh_rates *rates;

static int64_t read_clock(void)
{
    return now_ns;
}

static void open_rates(int64_t per_address, int64_t per_user, bool spares_local)
{
    const gh_rates_options options = {.per_address = per_address,
                                      .per_user = per_user,
                                      .spares_local_addresses = spares_local,
                                      .spares_local_users = spares_local};
    ck_assert_int_eq(gh_rates_new(&options, &rates), GH_OK);
}

static void set_up(void)
{
    now_ns = 1000 * SECOND;
    gh_clock_set_source(read_clock, NULL);
    gh_log_set_level(GH_LOG_ERROR);
}

static void tear_down(void)
{
    gh_rates_free(rates);
    rates = NULL;
    gh_clock_set_source(NULL, NULL);
}

static bool enters(const char *address)
{
    int64_t wait_s = -1;
    bool in = gh_rates_enter_address(rates, gh_view_of(address), false, &wait_s);
    ck_assert(in ? wait_s == 0 : wait_s >= 1);
    return in;
}

START_TEST(a_minutes_worth_may_come_at_once_then_the_rate_counts)
{
    open_rates(60, 0, false);
    for (int i = 0; i < 60; i++) {
        ck_assert_msg(enters("203.0.113.7"), "request %d", i);
    }
    ck_assert(!enters("203.0.113.7"));
    now_ns += SECOND;
    ck_assert(enters("203.0.113.7"));
    ck_assert(!enters("203.0.113.7"));
    now_ns += 30 * SECOND;
    for (int i = 0; i < 30; i++) {
        ck_assert_msg(enters("203.0.113.7"), "request %d", i);
    }
    ck_assert(!enters("203.0.113.7"));
    now_ns += 3600 * SECOND;
    for (int i = 0; i < 60; i++) {
        ck_assert_msg(enters("203.0.113.7"), "request %d after an hour", i);
    }
    ck_assert(!enters("203.0.113.7"));
}
END_TEST

START_TEST(the_time_to_wait_is_enough)
{
    int64_t wait_s = 0;
    open_rates(2, 0, false);
    ck_assert(enters("203.0.113.7") && enters("203.0.113.7"));
    ck_assert(!gh_rates_enter_address(rates, GH_VIEW_LIT("203.0.113.7"), false, &wait_s));
    ck_assert_int_eq(wait_s, 30);
    now_ns += wait_s * SECOND - 1;
    ck_assert(!enters("203.0.113.7"));
    now_ns += 1;
    ck_assert(enters("203.0.113.7"));
}
END_TEST

START_TEST(refusals_cost_nothing)
{
    open_rates(1, 0, false);
    ck_assert(enters("203.0.113.7"));
    for (int i = 0; i < 1000; i++) {
        ck_assert(!enters("203.0.113.7"));
    }
    now_ns += 60 * SECOND;
    ck_assert(enters("203.0.113.7"));
}
END_TEST

START_TEST(addresses_are_apart_but_spellings_and_neighbours_are_not)
{
    open_rates(1, 0, false);
    ck_assert(enters("203.0.113.7"));
    ck_assert(enters("203.0.113.8"));
    ck_assert(!enters("::ffff:203.0.113.7"));
    ck_assert(enters("2001:db8:1:2::1"));
    ck_assert(!enters("2001:db8:1:2:ffff::9"));
    ck_assert(!enters("2001:0DB8:1:2::1"));
    ck_assert(enters("2001:db8:1:3::1"));
    ck_assert(enters("junk") && enters("junk") && enters(""));
}
END_TEST

START_TEST(this_machine_is_spared_where_told)
{
    open_rates(1, 1, true);
    static const char *const own[] = {"127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"};
    int64_t wait_s = 0;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        ck_assert(enters(own[i]) && enters(own[i]));
        ck_assert(gh_rates_enter_user(rates, ALICE, gh_view_of(own[i]), false, &wait_s));
    }
    ck_assert(enters("::2"));
    ck_assert(!enters("::2"));
    tear_down();
    set_up();
    open_rates(1, 1, false);
    ck_assert(enters("127.0.0.1"));
    ck_assert(!enters("127.0.0.1"));
    ck_assert(gh_rates_enter_user(rates, ALICE, GH_VIEW_LIT("127.0.0.1"), false, &wait_s));
    ck_assert(!gh_rates_enter_user(rates, ALICE, GH_VIEW_LIT("127.0.0.1"), false, &wait_s));
}
END_TEST

START_TEST(a_header_does_not_make_anybody_of_this_machine)
{
    int64_t wait_s = 0;
    gh_view claimed = GH_VIEW_LIT("127.0.0.1");
    open_rates(1, 1, true);
    ck_assert(gh_rates_enter_address(rates, claimed, true, &wait_s));
    ck_assert(!gh_rates_enter_address(rates, claimed, true, &wait_s));
    ck_assert(gh_rates_enter_user(rates, ALICE, claimed, true, &wait_s));
    ck_assert(!gh_rates_enter_user(rates, ALICE, claimed, true, &wait_s));
    ck_assert(gh_rates_enter_address(rates, claimed, false, &wait_s));
}
END_TEST

START_TEST(users_are_apart_whatever_their_address)
{
    int64_t wait_s = 0;
    open_rates(0, 2, false);
    ck_assert(gh_rates_enter_user(rates, ALICE, GH_VIEW_LIT("203.0.113.7"), false, &wait_s));
    ck_assert(gh_rates_enter_user(rates, ALICE, GH_VIEW_LIT("203.0.113.8"), false, &wait_s));
    ck_assert(!gh_rates_enter_user(rates, ALICE, GH_VIEW_LIT("203.0.113.9"), false, &wait_s));
    ck_assert_int_eq(wait_s, 30);
    ck_assert(gh_rates_enter_user(rates, BOB, GH_VIEW_LIT("203.0.113.7"), false, &wait_s));
    for (int i = 0; i < 10; i++) {
        ck_assert(enters("203.0.113.7"));
    }
}
END_TEST

/* Addresses come and go by the million; who is held back stays so unless a set overflows with others that
 * are. */
START_TEST(a_flood_of_addresses_is_bounded_and_frees_nobody_who_was_held_back)
{
    char address[32];
    open_rates(10, 0, false);
    for (int i = 0; i < 11; i++) {
        (void)enters("203.0.113.7");
    }
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, (i >> 8) & 255, i & 255);
        ck_assert(enters(address));
    }
    ck_assert(!enters("203.0.113.7"));
}
END_TEST

static void *enter_many(void *context)
{
    atomic_int *entered = context;
    int64_t wait_s = 0;
    for (int i = 0; i < 5000; i++) {
        if (gh_rates_enter_address(rates, GH_VIEW_LIT("203.0.113.7"), false, &wait_s)) {
            atomic_fetch_add(entered, 1);
        }
    }
    return NULL;
}

START_TEST(side_by_side_no_more_get_in)
{
    pthread_t threads[4];
    atomic_int entered = 0;
    open_rates(1000, 0, false);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, enter_many, &entered), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    ck_assert_int_eq(atomic_load(&entered), 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rates");
    TCase *tests = tcase_create("rates");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, a_minutes_worth_may_come_at_once_then_the_rate_counts);
    tcase_add_test(tests, the_time_to_wait_is_enough);
    tcase_add_test(tests, refusals_cost_nothing);
    tcase_add_test(tests, addresses_are_apart_but_spellings_and_neighbours_are_not);
    tcase_add_test(tests, this_machine_is_spared_where_told);
    tcase_add_test(tests, a_header_does_not_make_anybody_of_this_machine);
    tcase_add_test(tests, users_are_apart_whatever_their_address);
    tcase_add_test(tests, a_flood_of_addresses_is_bounded_and_frees_nobody_who_was_held_back);
    tcase_add_test(tests, side_by_side_no_more_get_in);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

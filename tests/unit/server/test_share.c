#include "server/http/share.h"

#include <stdio.h>

#include "tests/support/suite.h"

#define WORKERS 256
#define USERS 5

/* One user who takes whatever is to be had. */
typedef struct greedy {
    char name[16];
    gh_principal principal;
    gh_share_seat seats[WORKERS];
    size_t count;
} greedy;

static gh_share share;
static greedy users[USERS];

static void open_share(gh_share_bounds bounds)
{
    ck_assert_int_eq(gh_share_init(&share, &bounds), GH_OK);
    for (size_t i = 0; i < USERS; i++) {
        users[i] = (greedy){.count = 0};
        (void)snprintf(users[i].name, sizeof users[i].name, "user-%zu", i);
        users[i].principal =
            (gh_principal){.issuer = (char *)(uintptr_t) "https://id.example/", .subject = users[i].name};
    }
}

static gh_share_answer ask(greedy *user, bool stream)
{
    gh_share_answer answer = gh_share_enter(&share, &user->seats[user->count], &user->principal, stream);
    user->count += answer == GH_SHARE_IN ? 1 : 0;
    return answer;
}

static void leave_last(greedy *user)
{
    gh_share_leave(&share, &user->seats[--user->count]);
}

/* The first so many, in turn, until all are refused. */
static void fill(size_t count, bool stream)
{
    for (bool any = true; any;) {
        any = false;
        for (size_t i = 0; i < count; i++) {
            any = (ask(&users[i], stream) == GH_SHARE_IN) || any;
        }
    }
}

static void close_share(void)
{
    for (size_t i = 0; i < USERS; i++) {
        while (users[i].count > 0) {
            leave_last(&users[i]);
        }
    }
    ck_assert_uint_eq(share.taken + share.streams, 0);
    for (size_t i = 0; i < GH_SHARE_BUCKETS; i++) {
        ck_assert_ptr_null(share.users[i]);
    }
    gh_share_clear(&share);
}

static const gh_share_bounds USUAL = {{WORKERS, 205}, {205, 103}, 103};

START_TEST(one_user_alone_has_four_fifths_and_others_have_theirs)
{
    open_share(USUAL);
    fill(1, false);
    ck_assert_uint_eq(users[0].count, 205);
    ck_assert_int_eq(ask(&users[0], false), GH_SHARE_FULL);
    ck_assert_int_eq(ask(&users[1], false), GH_SHARE_IN);
    leave_last(&users[0]);
    ck_assert_int_eq(ask(&users[0], false), GH_SHARE_LEFT);
    leave_last(&users[1]);
    ck_assert_int_eq(ask(&users[0], false), GH_SHARE_IN);
    close_share();
}
END_TEST

START_TEST(four_users_together_leave_workers_for_the_fifth)
{
    open_share(USUAL);
    fill(4, false);
    ck_assert_uint_eq(share.taken, WORKERS - 32);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(users[i].count, 56);
        ck_assert_int_eq(ask(&users[i], false), GH_SHARE_LEFT);
    }
    ck_assert_int_eq(ask(&users[4], false), GH_SHARE_IN);
    close_share();
    open_share(USUAL);
    for (size_t i = 1; i <= 4; i++) {
        fill(i, false); /* one after the other */
    }
    ck_assert_uint_le(share.taken, WORKERS - 28);
    ck_assert_int_eq(ask(&users[4], true), GH_SHARE_IN);
    ck_assert_int_eq(ask(&users[4], false), GH_SHARE_IN);
    ck_assert_int_eq(ask(&users[4], false), GH_SHARE_IN); /* the first may have had its reply just now */
    ck_assert_int_eq(ask(&users[4], false), GH_SHARE_LEFT);
    close_share();
}
END_TEST

START_TEST(who_has_much_when_others_come_gets_no_more_until_some_ended)
{
    open_share(USUAL);
    fill(1, false);
    fill(2, false);
    ck_assert_uint_eq(users[0].count, 205);
    ck_assert_uint_eq(users[1].count, 19);
    while (users[0].count > 100) {
        leave_last(&users[0]);
    }
    ck_assert_int_eq(ask(&users[0], false), GH_SHARE_IN);
    ck_assert_int_eq(ask(&users[1], false), GH_SHARE_IN);
    close_share();
}
END_TEST

START_TEST(of_few_workers_one_user_leaves_one_and_who_has_no_call_may_call)
{
    open_share((gh_share_bounds){{4, 3}, {2, 1}, 1});
    ck_assert_int_eq(ask(&users[0], true), GH_SHARE_IN);
    ck_assert_int_eq(ask(&users[1], true), GH_SHARE_IN);
    ck_assert_int_eq(ask(&users[0], true), GH_SHARE_STREAMS);
    ck_assert_int_eq(ask(&users[0], false), GH_SHARE_IN);
    ck_assert_int_eq(ask(&users[0], false), GH_SHARE_LEFT);
    ck_assert_int_eq(ask(&users[1], false), GH_SHARE_IN); /* with nothing but its stream */
    close_share();
    open_share((gh_share_bounds){{4, 3}, {2, 1}, 1});
    fill(1, false);
    ck_assert_uint_eq(users[0].count, 3);
    close_share();
    open_share((gh_share_bounds){{1, 1}, {1, 1}, 1});
    ck_assert_int_eq(ask(&users[0], false), GH_SHARE_IN);
    ck_assert_int_eq(ask(&users[0], false), GH_SHARE_FULL);
    ck_assert_int_eq(ask(&users[1], false), GH_SHARE_IN); /* it has a worker to ask with */
    close_share();
}
END_TEST

START_TEST(streams_are_bounded_by_themselves)
{
    open_share(USUAL);
    fill(1, true);
    ck_assert_uint_eq(users[0].count, 103);
    ck_assert_int_eq(ask(&users[0], true), GH_SHARE_STREAMS);
    ck_assert_int_eq(ask(&users[0], false), GH_SHARE_IN);
    leave_last(&users[0]);
    fill(4, true);
    ck_assert_uint_le(share.streams, 205 - 25);
    ck_assert_int_eq(ask(&users[3], true), GH_SHARE_STREAMS_LEFT);
    ck_assert_int_eq(ask(&users[3], false), GH_SHARE_IN);
    ck_assert_int_eq(ask(&users[4], true), GH_SHARE_IN);
    close_share();
}
END_TEST

START_TEST(an_option_bounds_the_streams_of_a_user_besides)
{
    open_share((gh_share_bounds){{WORKERS, 205}, {205, 103}, 2});
    fill(4, true);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(users[i].count, 2);
        ck_assert_int_eq(ask(&users[i], true), GH_SHARE_STREAMS);
    }
    close_share();
    open_share((gh_share_bounds){{WORKERS, 205}, {10, 10}, 10});
    fill(1, true);
    ck_assert_uint_eq(users[0].count, 10);
    /* There are none: that is not the user's doing, and whoever counts them all says so. */
    ck_assert_int_eq(ask(&users[1], true), GH_SHARE_IN);
    close_share();
}
END_TEST

/* The principal of a seat is the request's own: others of the user outlive it. */
START_TEST(a_user_is_the_same_through_any_seat)
{
    const gh_principal again = {.issuer = (char[]){"https://id.example/"}, .subject = (char[]){"user-0"}};
    gh_share_seat seats[3];
    open_share((gh_share_bounds){{4, 3}, {2, 1}, 1});
    ck_assert_int_eq(ask(&users[0], false), GH_SHARE_IN);
    ck_assert_int_eq(gh_share_enter(&share, &seats[0], &again, false), GH_SHARE_IN);
    leave_last(&users[0]);
    users[0].principal.subject = (char *)(uintptr_t) "somebody else";
    ck_assert_int_eq(gh_share_enter(&share, &seats[1], &again, false), GH_SHARE_IN);
    ck_assert_int_eq(gh_share_enter(&share, &seats[2], &again, false), GH_SHARE_IN);
    gh_share_seat more;
    ck_assert_int_eq(gh_share_enter(&share, &more, &again, false), GH_SHARE_FULL);
    for (int i = 0; i < 3; i++) {
        gh_share_leave(&share, &seats[i]);
    }
    close_share();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("share");
    TCase *cases = tcase_create("all");
    tcase_add_test(cases, one_user_alone_has_four_fifths_and_others_have_theirs);
    tcase_add_test(cases, four_users_together_leave_workers_for_the_fifth);
    tcase_add_test(cases, who_has_much_when_others_come_gets_no_more_until_some_ended);
    tcase_add_test(cases, of_few_workers_one_user_leaves_one_and_who_has_no_call_may_call);
    tcase_add_test(cases, streams_are_bounded_by_themselves);
    tcase_add_test(cases, an_option_bounds_the_streams_of_a_user_besides);
    tcase_add_test(cases, a_user_is_the_same_through_any_seat);
    suite_add_tcase(suite, cases);
    return gh_suite_run(suite);
}

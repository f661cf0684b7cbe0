#include "server/http/share.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "shared/core/clock.h"
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

static const gh_share_bounds USUAL = {{WORKERS, 205}, {205, 103}, 103, 0};

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
    open_share((gh_share_bounds){{4, 3}, {2, 1}, 1, 0});
    ck_assert_int_eq(ask(&users[0], true), GH_SHARE_IN);
    ck_assert_int_eq(ask(&users[1], true), GH_SHARE_IN);
    ck_assert_int_eq(ask(&users[0], true), GH_SHARE_STREAMS);
    ck_assert_int_eq(ask(&users[0], false), GH_SHARE_IN);
    ck_assert_int_eq(ask(&users[0], false), GH_SHARE_LEFT);
    ck_assert_int_eq(ask(&users[1], false), GH_SHARE_IN); /* with nothing but its stream */
    close_share();
    open_share((gh_share_bounds){{4, 3}, {2, 1}, 1, 0});
    fill(1, false);
    ck_assert_uint_eq(users[0].count, 3);
    close_share();
    open_share((gh_share_bounds){{1, 1}, {1, 1}, 1, 0});
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
    open_share((gh_share_bounds){{WORKERS, 205}, {205, 103}, 2, 0});
    fill(4, true);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_uint_eq(users[i].count, 2);
        ck_assert_int_eq(ask(&users[i], true), GH_SHARE_STREAMS);
    }
    close_share();
    open_share((gh_share_bounds){{WORKERS, 205}, {10, 10}, 10, 0});
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
    open_share((gh_share_bounds){{4, 3}, {2, 1}, 1, 0});
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

/* --- calls that wait --- */

#define SOON_MS 10000

typedef struct patient {
    pthread_t thread;
    const gh_principal *principal;
    gh_share_seat seat;
    atomic_bool hurried; /* somebody else waits for its worker */
    atomic_int asked;
    atomic_int answer;
} patient;

static bool may_wait(const void *context)
{
    patient *self = (patient *)(uintptr_t)context;
    atomic_fetch_add(&self->asked, 1);
    return !atomic_load(&self->hurried);
}

static void *call(void *context)
{
    patient *self = context;
    atomic_store(&self->answer,
                 (int)gh_share_enter_call(&share, &self->seat, self->principal, may_wait, self));
    return NULL;
}

static void come(patient *self, const greedy *user)
{
    self->principal = &user->principal;
    atomic_init(&self->hurried, false);
    atomic_init(&self->asked, 0);
    atomic_init(&self->answer, -1);
    ck_assert_int_eq(pthread_create(&self->thread, NULL, call, self), 0);
    for (gh_deadline end = gh_deadline_in(SOON_MS); atomic_load(&self->asked) == 0;) {
        (void)nanosleep(&(struct timespec){0, 1000000}, NULL);
        ck_assert(!gh_deadline_passed(end));
    }
}

static gh_share_answer answer_of(patient *self)
{
    ck_assert_int_eq(pthread_join(self->thread, NULL), 0);
    return (gh_share_answer)atomic_load(&self->answer);
}

static const gh_share_bounds PATIENT = {{10, 8}, {8, 4}, 4, SOON_MS};

START_TEST(a_call_beyond_the_part_waits_for_a_place)
{
    patient late;
    open_share(PATIENT);
    fill(1, false);
    come(&late, &users[0]);
    ck_assert_int_eq(atomic_load(&late.answer), -1);
    leave_last(&users[0]);
    ck_assert_int_eq(answer_of(&late), GH_SHARE_IN);
    ck_assert_uint_eq(share.taken, 8);
    gh_share_leave(&share, &late.seat);
    close_share();
}
END_TEST

START_TEST(who_waits_longest_gets_the_place_unless_it_is_not_for_him)
{
    patient late[3];
    open_share(PATIENT);
    fill(1, false);
    fill(2, false);
    ck_assert_uint_eq(users[1].count, 1);
    come(&late[0], &users[0]);
    come(&late[1], &users[1]);
    come(&late[2], &users[1]);
    leave_last(&users[0]); /* what is left is not for him who has seven */
    ck_assert_int_eq(answer_of(&late[1]), GH_SHARE_IN);
    ck_assert_int_eq(atomic_load(&late[0].answer), -1);
    ck_assert_int_eq(atomic_load(&late[2].answer), -1);
    while (users[0].count > 0) {
        leave_last(&users[0]);
    }
    ck_assert_int_eq(answer_of(&late[0]), GH_SHARE_IN);
    ck_assert_int_eq(answer_of(&late[2]), GH_SHARE_IN);
    for (int i = 0; i < 3; i++) {
        gh_share_leave(&share, &late[i].seat);
    }
    close_share();
}
END_TEST

START_TEST(nobody_waits_for_longer_than_was_said_or_while_another_waits_for_the_worker)
{
    patient late;
    open_share((gh_share_bounds){{10, 8}, {8, 4}, 4, 50});
    fill(1, false);
    int64_t before = gh_clock_mono_ms();
    come(&late, &users[0]);
    ck_assert_int_eq(answer_of(&late), GH_SHARE_FULL);
    ck_assert_int_ge(gh_clock_mono_ms() - before, 50);
    close_share();
    open_share(PATIENT);
    fill(1, false);
    come(&late, &users[0]);
    atomic_store(&late.hurried, true);
    before = gh_clock_mono_ms();
    ck_assert_int_eq(answer_of(&late), GH_SHARE_FULL);
    ck_assert_int_lt(gh_clock_mono_ms() - before, SOON_MS / 2);
    ck_assert_ptr_null(share.first);
    ck_assert_ptr_null(share.last);
    close_share();
}
END_TEST

#define CALLERS 12
#define CALLS 200

static void *call_often(void *context)
{
    patient *self = context;
    for (int i = 0; i < CALLS; i++) {
        if (gh_share_enter_call(&share, &self->seat, self->principal, may_wait, self) != GH_SHARE_IN) {
            return NULL;
        }
        (void)nanosleep(&(struct timespec){0, 20000}, NULL);
        gh_share_leave(&share, &self->seat);
        atomic_fetch_add(&self->answer, 1);
    }
    return NULL;
}

START_TEST(where_all_workers_are_busy_with_short_calls_each_has_its_turn)
{
    patient callers[CALLERS];
    open_share(PATIENT);
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i].principal = &users[i % USERS].principal;
        atomic_init(&callers[i].hurried, false);
        atomic_init(&callers[i].asked, 0);
        atomic_init(&callers[i].answer, 0);
        ck_assert_int_eq(pthread_create(&callers[i].thread, NULL, call_often, &callers[i]), 0);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        ck_assert_int_eq((int)answer_of(&callers[i]), CALLS);
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
    tcase_add_test(cases, a_call_beyond_the_part_waits_for_a_place);
    tcase_add_test(cases, who_waits_longest_gets_the_place_unless_it_is_not_for_him);
    tcase_add_test(cases, nobody_waits_for_longer_than_was_said_or_while_another_waits_for_the_worker);
    tcase_add_test(cases, where_all_workers_are_busy_with_short_calls_each_has_its_turn);
    suite_add_tcase(suite, cases);
    return gh_suite_run(suite);
}

/* Patience with real sockets: who is cut when the workers are taken, and who is not. */
#include "server/http/patience.h"

#include <poll.h>

#include "shared/core/clock.h"
#include "tests/support/suite.h"
#include "tests/support/tcp_pair.h"

typedef struct pair {
    tcp_pair tcp;
    gh_guest guest;
} pair;

static bool find_name(const void *connection, gh_socket_name *name)
{
    *name = ((const pair *)connection)->tcp.name;
    return true;
}

/* Reading on the server's side has ended, within `ms`. */
static bool is_cut(const pair *one, int ms)
{
    struct pollfd state = {.fd = one->tcp.served, .events = POLLIN | POLLRDHUP};
    return poll(&state, 1, ms) > 0 && (state.revents & POLLRDHUP) != 0;
}

static void enter(gh_admission *admission, gh_patience *patience, pair *one)
{
    gh_admission_enter(admission);
    gh_patience_enter(patience, &one->guest, one);
}

static void leave(gh_admission *admission, gh_patience *patience, pair *one)
{
    gh_admission_leave(admission);
    gh_patience_leave(patience, &one->guest);
}

START_TEST(while_workers_are_free_everybody_is_waited_for)
{
    gh_admission admission;
    gh_patience *patience = NULL;
    pair one = {0};
    one.tcp = tcp_pair_open();
    gh_admission_init(&admission, 4);
    ck_assert_int_eq(gh_patience_start(&admission, find_name, NULL, &patience), GH_OK);
    enter(&admission, patience, &one);
    ck_assert(!is_cut(&one, 4 * GH_PATIENCE_MS));
    ck_assert(gh_guest_expect(&one.guest, GH_EXPECTS_NOTHING));
    leave(&admission, patience, &one);
    gh_patience_stop(patience);
    tcp_pair_close(&one.tcp);
}
END_TEST

START_TEST(when_they_are_taken_who_keeps_them_waiting_is_cut)
{
    gh_admission admission;
    gh_patience *patience = NULL;
    pair slow = {0}, served = {0}, taking = {0};
    pair *all[] = {&slow, &served, &taking};
    gh_admission_init(&admission, 3);
    ck_assert_int_eq(gh_patience_start(&admission, find_name, NULL, &patience), GH_OK);
    for (size_t i = 0; i < 3; i++) {
        all[i]->tcp = tcp_pair_open();
        enter(&admission, patience, all[i]);
    }
    ck_assert(gh_guest_expect(&served.guest, GH_EXPECTS_NOTHING));
    ck_assert(gh_guest_expect(&taking.guest, GH_EXPECTS_TAKING));
    ck_assert(is_cut(&slow, 10000));
    ck_assert(is_cut(&taking, 10000));
    ck_assert(!is_cut(&served, 4 * GH_PATIENCE_MS));
    ck_assert(!gh_guest_expect(&slow.guest, GH_EXPECTS_NOTHING));
    ck_assert(!gh_guest_expect(&slow.guest, GH_EXPECTS_TAKING));
    ck_assert(!gh_guest_expect(&taking.guest, GH_EXPECTS_BYTES));
    ck_assert(gh_guest_expect(&served.guest, GH_EXPECTS_BYTES));
    /* A reply can still be sent to the one, and no longer to the other. */
    ck_assert_int_eq(send(slow.tcp.served, "x", 1, MSG_NOSIGNAL), 1);
    ck_assert_int_eq(send(taking.tcp.served, "x", 1, MSG_NOSIGNAL), -1);
    for (size_t i = 0; i < 3; i++) {
        leave(&admission, patience, all[i]);
        tcp_pair_close(&all[i]->tcp);
    }
    gh_patience_stop(patience);
}
END_TEST

START_TEST(patience_begins_anew_with_each_thing_that_is_waited_for)
{
    gh_admission admission;
    gh_patience *patience = NULL;
    pair one = {0};
    gh_admission_init(&admission, 1);
    ck_assert_int_eq(gh_patience_start(&admission, find_name, NULL, &patience), GH_OK);
    one.tcp = tcp_pair_open();
    enter(&admission, patience, &one);
    gh_deadline end = gh_deadline_in(5L * GH_PATIENCE_MS);
    for (int64_t since = gh_clock_mono_ms(); !gh_deadline_passed(end); since = gh_clock_mono_ms()) {
        bool kept =
            gh_guest_expect(&one.guest, GH_EXPECTS_NOTHING) && gh_guest_expect(&one.guest, GH_EXPECTS_BYTES);
        /* On a busy machine this very thread may be the one that is late. */
        ck_assert(kept || gh_clock_mono_ms() - since >= GH_PATIENCE_MS);
        if (!kept) {
            break;
        }
    }
    leave(&admission, patience, &one);
    gh_patience_stop(patience);
    tcp_pair_close(&one.tcp);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patience");
    TCase *tests = tcase_create("core");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, while_workers_are_free_everybody_is_waited_for);
    tcase_add_test(tests, when_they_are_taken_who_keeps_them_waiting_is_cut);
    tcase_add_test(tests, patience_begins_anew_with_each_thing_that_is_waited_for);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include "bridge/loop.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "shared/core/clock.h"
#include "tests/support/suite.h"

static gh_loop *loop;
static char order[64];
static size_t order_len;
static int pipes[2];
static gh_loop_watch *watch;
static int ready_count;

static void start(void)
{
    ck_assert_int_eq(gh_loop_new(NULL, &loop), GH_OK);
    ck_assert_int_eq(pipe(pipes), 0);
    order_len = 0;
    ready_count = 0;
}

static void finish(void)
{
    gh_loop_free(loop);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}

static void note(void *context)
{
    order[order_len++] = *(const char *)context;
    order[order_len] = '\0';
}

static void stop_with_7(void *context)
{
    (void)context;
    gh_loop_stop(loop, 7);
}

static void add(int64_t ms, void (*fire)(void *context), const char *name, gh_loop_timer **timer)
{
    gh_loop_timer *ignored = NULL;
    ck_assert_int_eq(
        gh_loop_timer_add(loop, ms, fire, (void *)(uintptr_t)name, timer != NULL ? timer : &ignored), GH_OK);
}

START_TEST(timers_fire_in_the_order_of_their_time)
{
    gh_loop_timer *removed = NULL;
    add(30, note, "c", NULL);
    add(10, note, "a", NULL);
    add(20, note, "x", &removed);
    add(10, note, "b", NULL);
    add(50, stop_with_7, NULL, NULL);
    gh_loop_timer_remove(removed);
    int64_t before = gh_clock_mono_ms();
    ck_assert_int_eq(gh_loop_run(loop), 7);
    ck_assert_str_eq(order, "abc");
    ck_assert_int_ge(gh_clock_mono_ms() - before, 49);
}
END_TEST

static void again(void *context)
{
    add(0, again, context, NULL);
}

START_TEST(a_timer_that_renews_itself_does_not_starve_the_rest)
{
    add(0, again, "z", NULL);
    add(5, stop_with_7, NULL, NULL);
    ck_assert_int_eq(gh_loop_run(loop), 7);
}
END_TEST

static void read_one(void *context, int fd, short revents)
{
    char byte = 0;
    (void)context;
    ck_assert_int_ne(revents & POLLIN, 0);
    ck_assert_int_eq(read(fd, &byte, 1), 1);
    if (++ready_count == 2) {
        gh_loop_watch_remove(watch);
        watch = NULL;
        gh_loop_stop(loop, 0);
    }
}

START_TEST(a_watch_reports_until_it_is_removed_within_its_own_callback)
{
    ck_assert_int_eq(gh_loop_watch_add(loop, pipes[0], POLLIN, read_one, NULL, &watch), GH_OK);
    ck_assert_int_eq(write(pipes[1], "abc", 3), 3);
    ck_assert_int_eq(gh_loop_run(loop), 0);
    ck_assert_int_eq(ready_count, 2);
    add(20, stop_with_7, NULL, NULL);
    ck_assert_int_eq(gh_loop_run(loop), 7);
    ck_assert_int_eq(ready_count, 2);
}
END_TEST

static void wake_watch(void *context)
{
    (void)context;
    ck_assert_int_eq(ready_count, 0);
    gh_loop_watch_set(watch, POLLIN);
}

START_TEST(a_paused_watch_is_silent_until_it_is_set_again)
{
    ck_assert_int_eq(gh_loop_watch_add(loop, pipes[0], 0, read_one, NULL, &watch), GH_OK);
    ck_assert_int_eq(write(pipes[1], "ab", 2), 2);
    add(20, wake_watch, NULL, NULL);
    ck_assert_int_eq(gh_loop_run(loop), 0);
    ck_assert_int_eq(ready_count, 2);
}
END_TEST

static void see_end(void *context, int fd, short revents)
{
    (void)context;
    (void)fd;
    ck_assert_int_ne(revents & POLLHUP, 0);
    gh_loop_stop(loop, 3);
}

START_TEST(the_end_of_a_pipe_is_reported)
{
    ck_assert_int_eq(gh_loop_watch_add(loop, pipes[0], POLLIN, see_end, NULL, &watch), GH_OK);
    (void)close(pipes[1]);
    pipes[1] = -1;
    ck_assert_int_eq(gh_loop_run(loop), 3);
}
END_TEST

START_TEST(there_is_a_limit_to_the_watches)
{
    gh_loop_watch *one = NULL;
    for (int i = 0; i < GH_LOOP_WATCHES_MAX; i++) {
        ck_assert_int_eq(gh_loop_watch_add(loop, pipes[0], 0, read_one, NULL, &one), GH_OK);
    }
    ck_assert_int_eq(gh_loop_watch_add(loop, pipes[0], 0, read_one, NULL, &one), GH_ERR_TOO_LARGE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loop");
    TCase *tests = tcase_create("loop");
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_test(tests, timers_fire_in_the_order_of_their_time);
    tcase_add_test(tests, a_timer_that_renews_itself_does_not_starve_the_rest);
    tcase_add_test(tests, a_watch_reports_until_it_is_removed_within_its_own_callback);
    tcase_add_test(tests, a_paused_watch_is_silent_until_it_is_set_again);
    tcase_add_test(tests, the_end_of_a_pipe_is_reported);
    tcase_add_test(tests, there_is_a_limit_to_the_watches);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/core/clock.h"

static int64_t fake_ns;
static int64_t fake_ms;

static int64_t read_fake_ns(void)
{
    return fake_ns;
}

static int64_t read_fake_ms(void)
{
    return fake_ms;
}

START_TEST(system_clocks_run)
{
    int64_t before = gh_clock_mono_ns();
    struct timespec pause = {0, 2000000};

    nanosleep(&pause, NULL);
    ck_assert_int_ge(gh_clock_mono_ns() - before, 2000000);
    ck_assert_int_gt(gh_clock_wall_s(), 1700000000);
    ck_assert_int_le(gh_clock_wall_ms() / 1000 - gh_clock_wall_s(), 0);
}
END_TEST

START_TEST(tests_can_replace_the_source)
{
    fake_ns = 5000000;
    fake_ms = 1234567;
    gh_clock_set_source(read_fake_ns, read_fake_ms);
    ck_assert_int_eq(gh_clock_mono_ms(), 5);
    ck_assert_int_eq(gh_clock_wall_s(), 1234);
    ck_assert_int_eq(gh_clock_wall_ms(), 1234567);
    gh_clock_set_source(NULL, NULL);
    ck_assert_int_gt(gh_clock_wall_s(), 1700000000);
}
END_TEST

START_TEST(deadlines_pass_at_their_time)
{
    gh_deadline deadline;

    fake_ns = 1000000000;
    gh_clock_set_source(read_fake_ns, NULL);
    deadline = gh_deadline_in(500);
    ck_assert(!gh_deadline_passed(deadline));
    ck_assert_int_eq(gh_deadline_poll_ms(deadline, 10000), 500);
    ck_assert_int_eq(gh_deadline_poll_ms(deadline, 100), 100);
    fake_ns += 499000000;
    ck_assert(!gh_deadline_passed(deadline));
    fake_ns += 1000000;
    ck_assert(gh_deadline_passed(deadline));
    ck_assert_int_eq(gh_deadline_poll_ms(deadline, 100), 0);
    fake_ns += 10000000000;
    ck_assert_int_eq(gh_deadline_poll_ms(deadline, 100), 0);
    gh_clock_set_source(NULL, NULL);
}
END_TEST

START_TEST(never_does_not_pass_nor_overflow)
{
    gh_deadline never = gh_deadline_never();

    ck_assert(!gh_deadline_passed(never));
    ck_assert_int_eq(gh_deadline_poll_ms(never, -1), -1);
    ck_assert_int_eq(gh_deadline_poll_ms(never, 250), 250);
    ck_assert(gh_deadline_in(INT64_MAX).at_ms == INT64_MAX);
    ck_assert(gh_deadline_passed(gh_deadline_in(INT64_MIN)));
    ck_assert(gh_deadline_earlier(never, gh_deadline_in(5)).at_ms != INT64_MAX);
    ck_assert(gh_deadline_passed(gh_deadline_earlier(gh_deadline_in(-1), never)));
}
END_TEST

START_TEST(utc_text_is_rfc3339_with_milliseconds)
{
    char text[GH_CLOCK_TEXT_MAX];

    gh_clock_format_utc(1795369216123, text);
    ck_assert_str_eq(text, "2026-11-22T17:40:16.123Z");
    gh_clock_format_utc(0, text);
    ck_assert_str_eq(text, "1970-01-01T00:00:00.000Z");
    gh_clock_format_utc(-1, text);
    ck_assert_str_eq(text, "1969-12-31T23:59:59.999Z");
    gh_clock_format_utc(INT64_MAX, text);
    ck_assert_uint_lt(strlen(text), GH_CLOCK_TEXT_MAX);
}
END_TEST

START_TEST(local_text_follows_the_time_zone)
{
    char text[GH_CLOCK_TEXT_MAX];

    ck_assert_int_eq(setenv("TZ", "XST-2", 1), 0);
    tzset();
    gh_clock_format_local(1795369216123, text);
    ck_assert_str_eq(text, "2026/11/22 19:40:16");
}
END_TEST

START_TEST(durations_read_as_go_prints_them)
{
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {
        {0, "0s"},
        {1, "1ns"},
        {999, "999ns"},
        {1000, "1µs"},
        {13980, "13.98µs"},
        {458581, "458.581µs"},
        {1200000, "1.2ms"},
        {999999999, "999.999ms"},
        {1000000000, "1s"},
        {3040000000, "3.04s"},
        {59999999999, "59.999s"},
        {60000000000, "1m0s"},
        {61500000000, "1m1.5s"},
        {3600000000000, "1h0m0s"},
        {93784005000000, "26h3m4.005s"},
        {-1500, "-1.5µs"},
        {-61000000000, "-1m1s"},
    };
    char text[GH_CLOCK_TEXT_MAX];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gh_clock_format_duration(cases[i].ns, text);
        ck_assert_str_eq(text, cases[i].text);
    }
    gh_clock_format_duration(INT64_MIN, text);
    ck_assert_str_eq(text, "-2562047h47m16.854s");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clock");
    TCase *tc = tcase_create("all");
    SRunner *runner = NULL;
    int failed = 0;

    tcase_add_test(tc, system_clocks_run);
    tcase_add_test(tc, tests_can_replace_the_source);
    tcase_add_test(tc, deadlines_pass_at_their_time);
    tcase_add_test(tc, never_does_not_pass_nor_overflow);
    tcase_add_test(tc, utc_text_is_rfc3339_with_milliseconds);
    tcase_add_test(tc, local_text_follows_the_time_zone);
    tcase_add_test(tc, durations_read_as_go_prints_them);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

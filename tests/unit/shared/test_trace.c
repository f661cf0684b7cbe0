#include "shared/net/trace.h"

#include <string.h>

#include "tests/support/suite.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "00f067aa0ba902b7"

START_TEST(a_traceparent_names_trace_and_span)
{
    static const char *const good[] = {"00-" TRACE "-" SPAN "-01",          "00-" TRACE "-" SPAN "-00",
                                       "00-" TRACE "-" SPAN "-ff",          "01-" TRACE "-" SPAN "-01",
                                       "cc-" TRACE "-" SPAN "-01-and more", "01-" TRACE "-" SPAN "-01-"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        gh_trace trace;
        ck_assert_msg(gh_trace_parse(gh_view_of(good[i]), &trace), "%s", good[i]);
        ck_assert_str_eq(trace.trace_id, TRACE);
        ck_assert_str_eq(trace.span_id, SPAN);
    }
}
END_TEST

START_TEST(what_is_not_exactly_one_is_none)
{
    static const char *const bad[] = {
        "",
        "00",
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN "-01-",
        "00-" TRACE "-" SPAN "-01-more",
        "00-" TRACE "-" SPAN "-011",
        "01-" TRACE "-" SPAN "-01x",
        " 00-" TRACE "-" SPAN "-01",
        "00-" TRACE "-" SPAN "-01 ",
        "ff-" TRACE "-" SPAN "-01",
        "0x-" TRACE "-" SPAN "-01",
        "00_" TRACE "-" SPAN "-01",
        "00-" TRACE "_" SPAN "-01",
        "00-" TRACE "-" SPAN "_01",
        "00-" TRACE "-" SPAN "-0g",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
        "00-" TRACE "-00F067AA0BA902B7-01",
        "00-0af7651916cd43dd8448eb211c80319\n-" SPAN "-01",
        "00-0af7651916cd43dd8448eb211c80319\"-" SPAN "-01",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        gh_trace trace = {"x", "x"};
        ck_assert_msg(!gh_trace_parse(gh_view_of(bad[i]), &trace), "'%s' passed", bad[i]);
        ck_assert_str_eq(trace.trace_id, "");
        ck_assert_str_eq(trace.span_id, "");
    }
}
END_TEST

START_TEST(bytes_beyond_the_view_do_not_count)
{
    static const char text[] = "00-" TRACE "-" SPAN "-01";
    gh_trace trace;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        ck_assert(!gh_trace_parse(gh_view_make(text, len), &trace));
    }
    ck_assert(gh_trace_parse(gh_view_make(text, sizeof text - 1), &trace));
    ck_assert(!gh_trace_parse(gh_view_of(NULL), &trace));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *tests = tcase_create("trace");
    tcase_add_test(tests, a_traceparent_names_trace_and_span);
    tcase_add_test(tests, what_is_not_exactly_one_is_none);
    tcase_add_test(tests, bytes_beyond_the_view_do_not_count);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

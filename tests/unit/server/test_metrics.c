/* What is counted and how it is written; prometheus_text.h is a reader of the format that takes nothing on
 * trust. */
#include "server/metrics/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"
#include "tests/unit/server/prometheus_text.h"

static gh_metrics *metrics;
static gh_buf text;

static void set_up(void)
{
    text = GH_BUF_INIT((size_t)16 * 1024 * 1024);
    ck_assert_int_eq(gh_metrics_new("1.2.3", "dev", &metrics), GH_OK);
    gh_metrics_name_route(metrics, 0, "POST", "/mcp");
    gh_metrics_name_route(metrics, 1, "GET", "/");
}

static void tear_down(void)
{
    gh_metrics_free(metrics);
    gh_buf_free(&text);
}

static const char *written(void)
{
    gh_buf_clear(&text);
    ck_assert_int_eq(gh_metrics_write(metrics, &text), GH_OK);
    prometheus_check(gh_buf_cstr(&text));
    return gh_buf_cstr(&text);
}

static bool has(const char *line)
{
    return prometheus_has_line(written(), line);
}

START_TEST(an_idle_server_says_what_it_is)
{
    ck_assert(has("gatehouse_build_info{version=\"1.2.3\",auth=\"dev\"} 1"));
    ck_assert(has("gatehouse_bearer_checks_total{outcome=\"invalid\"} 0"));
    ck_assert(has("gatehouse_limited_total{limit=\"max-streams\"} 0"));
    ck_assert_ptr_null(strstr(written(), "route="));
    ck_assert_ptr_null(strstr(written(), "gatehouse_store_up"));
}
END_TEST

START_TEST(requests_are_counted_by_route_and_status)
{
    gh_metrics_count(metrics, GH_METRIC_REQUESTS, 0, gh_metrics_status(200));
    gh_metrics_count(metrics, GH_METRIC_REQUESTS, 0, gh_metrics_status(200));
    gh_metrics_count(metrics, GH_METRIC_REQUESTS, 1, gh_metrics_status(401));
    gh_metrics_count(metrics, GH_METRIC_REQUESTS, 1, gh_metrics_status(999));
    gh_metrics_count(metrics, GH_METRIC_REQUESTS, SIZE_MAX, gh_metrics_status(404));
    ck_assert(has("gatehouse_http_requests_total{method=\"POST\",route=\"/mcp\",status=\"200\"} 2"));
    ck_assert(has("gatehouse_http_requests_total{method=\"GET\",route=\"/\",status=\"401\"} 1"));
    ck_assert(has("gatehouse_http_requests_total{method=\"GET\",route=\"/\",status=\"other\"} 1"));
    ck_assert(has("gatehouse_http_requests_total{method=\"other\",route=\"other\",status=\"404\"} 1"));
}
END_TEST

START_TEST(durations_fall_into_buckets_up_to_their_bound)
{
    static const char series[] = "gatehouse_http_request_duration_seconds";
    char line[256];
    const int64_t ns[] = {0, 100000, 100001, 1000000, 59999999999, 60000000000, 60000000001, -5};
    for (size_t i = 0; i < sizeof ns / sizeof ns[0]; i++) {
        gh_metrics_observe(metrics, GH_METRIC_REQUEST_TIME, 0, ns[i]);
    }
    static const struct {
        const char *le;
        int count;
    } expected[] = {{"0.0001", 3}, {"0.00025", 4}, {"0.001", 5}, {"10", 5}, {"60", 7}, {"+Inf", 8}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        (void)snprintf(line, sizeof line, "%s_bucket{method=\"POST\",route=\"/mcp\",le=\"%s\"} %d", series,
                       expected[i].le, expected[i].count);
        ck_assert_msg(has(line), "%s not in %s", line, gh_buf_cstr(&text));
    }
    ck_assert(has("gatehouse_http_request_duration_seconds_count{method=\"POST\",route=\"/mcp\"} 8"));
    ck_assert(
        has("gatehouse_http_request_duration_seconds_sum{method=\"POST\",route=\"/mcp\"} 180.001200001"));
}
END_TEST

START_TEST(tools_get_a_name_each_until_there_are_too_many)
{
    char name[32];
    for (int i = 0; i < GH_METRICS_TOOLS_MAX + 10; i++) {
        (void)snprintf(name, sizeof name, "tool%d", i);
        size_t tool = gh_metrics_tool(metrics, gh_view_of(name));
        ck_assert_uint_eq(tool, i < GH_METRICS_TOOLS_MAX ? (size_t)i : GH_METRICS_TOOLS_MAX);
        ck_assert_uint_eq(gh_metrics_tool(metrics, gh_view_of(name)), tool);
        gh_metrics_count(metrics, GH_METRIC_CALLS, tool, GH_CALLS_OK);
        gh_metrics_observe(metrics, GH_METRIC_CALL_TIME, tool, 1000000);
    }
    ck_assert(has("gatehouse_tool_calls_total{tool=\"tool0\",outcome=\"ok\"} 1"));
    ck_assert(has("gatehouse_tool_calls_total{tool=\"tool63\",outcome=\"ok\"} 1"));
    ck_assert(has("gatehouse_tool_calls_total{tool=\"other\",outcome=\"ok\"} 10"));
    ck_assert(has("gatehouse_tool_call_duration_seconds_count{tool=\"other\"} 10"));
    ck_assert_ptr_null(strstr(gh_buf_cstr(&text), "tool64"));
}
END_TEST

START_TEST(names_are_escaped)
{
    gh_metrics_count(metrics, GH_METRIC_CALLS, gh_metrics_tool(metrics, GH_VIEW_LIT("a\"b\\c\nd\xc3\xa4")),
                     GH_CALLS_ERROR);
    ck_assert(has("gatehouse_tool_calls_total{tool=\"a\\\"b\\\\c\\nd\xc3\xa4\",outcome=\"error\"} 1"));
}
END_TEST

START_TEST(gauges_are_written_while_they_are_set)
{
    ck_assert_ptr_null(strstr(written(), "gatehouse_jwks_age_seconds"));
    gh_metrics_set(metrics, GH_METRIC_KEYS_AGE, 7);
    gh_metrics_set(metrics, GH_METRIC_PROCESS_START, 1700000000250);
    gh_metrics_set(metrics, GH_METRIC_PROCESS_CPU, 3000000);
    ck_assert(has("gatehouse_jwks_age_seconds 7"));
    ck_assert(has("process_start_time_seconds 1700000000.25"));
    ck_assert(has("process_cpu_seconds_total 3"));
    gh_metrics_unset(metrics, GH_METRIC_KEYS_AGE);
    ck_assert_ptr_null(strstr(written(), "gatehouse_jwks_age_seconds"));
}
END_TEST

START_TEST(the_process_tells_of_itself)
{
    gh_metrics_set_process(metrics);
    const char *all = written();
    double rss = prometheus_value(all, "process_resident_memory_bytes");
    ck_assert_msg(rss > 100e3 && rss < 1e12, "%f", rss);
    ck_assert(prometheus_value(all, "process_virtual_memory_bytes") >= rss);
    ck_assert(prometheus_value(all, "process_open_fds") >= 3);
    ck_assert(prometheus_value(all, "process_max_fds") >= prometheus_value(all, "process_open_fds"));
    ck_assert(prometheus_value(all, "process_threads") >= 1);
    ck_assert(prometheus_value(all, "process_start_time_seconds") > 1.5e9);
}
END_TEST

START_TEST(every_metric_can_be_full)
{
    for (size_t metric = 0; metric < GH_METRIC_COUNT; metric++) {
        gh_metrics_set(metrics, (gh_metric)metric, 1);
    }
    for (size_t first = 0; first <= GH_METRICS_ROUTES_MAX; first++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/route%zu", first);
        gh_metrics_name_route(metrics, first, "GET", path);
        gh_metrics_observe(metrics, GH_METRIC_REQUEST_TIME, first, 1);
        for (int status = 200; status < 600; status++) {
            gh_metrics_count(metrics, GH_METRIC_REQUESTS, first, gh_metrics_status(status));
        }
    }
    ck_assert_uint_lt(strlen(written()), 1024 * 1024);
}
END_TEST

START_TEST(without_metrics_nothing_happens)
{
    gh_metrics_count(NULL, GH_METRIC_REQUESTS, 0, 0);
    gh_metrics_observe(NULL, GH_METRIC_REQUEST_TIME, 0, 1);
    gh_metrics_set(NULL, GH_METRIC_WORKERS, 1);
    gh_metrics_name_route(NULL, 0, "GET", "/");
    ck_assert_uint_eq(gh_metrics_tool(NULL, GH_VIEW_LIT("x")), 0);
    gh_metrics_free(NULL);
}
END_TEST

static void *count_many(void *context)
{
    (void)context;
    for (int i = 0; i < 20000; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%d", i % 80);
        size_t tool = gh_metrics_tool(metrics, gh_view_of(name));
        gh_metrics_count(metrics, GH_METRIC_CALLS, tool, GH_CALLS_OK);
        gh_metrics_observe(metrics, GH_METRIC_REQUEST_TIME, 0, i * 1000);
    }
    return NULL;
}

START_TEST(nothing_is_lost_side_by_side)
{
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, count_many, NULL), 0);
    }
    for (int i = 0; i < 20; i++) {
        (void)written();
    }
    for (size_t i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    ck_assert(has("gatehouse_http_request_duration_seconds_count{method=\"POST\",route=\"/mcp\"} 80000"));
    ck_assert(has("gatehouse_tool_calls_total{tool=\"other\",outcome=\"ok\"} 16000"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tests = tcase_create("metrics");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, an_idle_server_says_what_it_is);
    tcase_add_test(tests, requests_are_counted_by_route_and_status);
    tcase_add_test(tests, durations_fall_into_buckets_up_to_their_bound);
    tcase_add_test(tests, tools_get_a_name_each_until_there_are_too_many);
    tcase_add_test(tests, names_are_escaped);
    tcase_add_test(tests, gauges_are_written_while_they_are_set);
    tcase_add_test(tests, the_process_tells_of_itself);
    tcase_add_test(tests, every_metric_can_be_full);
    tcase_add_test(tests, without_metrics_nothing_happens);
    tcase_add_test(tests, nothing_is_lost_side_by_side);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

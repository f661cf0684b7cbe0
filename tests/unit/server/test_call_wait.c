/* While a handler works: progress, log, waiting and being cancelled, tasks. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "shared/core/clock.h"
#include "tests/support/suite.h"
#include "tests/unit/server/call_fixture.h"

typedef struct heard {
    char text[2048];
    bool tasks; /* the client knows them */
    int asked_for_task;
} heard;

static void note(heard *ear, const char *format, ...) GH_PRINTF(2, 3);
static void note(heard *ear, const char *format, ...)
{
    size_t len = strlen(ear->text);
    va_list values;
    va_start(values, format);
    (void)vsnprintf(ear->text + len, sizeof ear->text - len, format, values);
    va_end(values);
}

static void on_progress(void *context, double progress, double total, const char *message)
{
    note(context, "progress %g/%g %s;", progress, total, message == NULL ? "-" : message);
}

static void on_log(void *context, gatehouse_level level, const char *logger, gh_view json)
{
    note(context, "log %d %s %.*s;", (int)level, logger == NULL ? "-" : logger, (int)json.len, json.ptr);
}

static void on_release(void *context, uint32_t retry_ms)
{
    note(context, "release %u;", retry_ms);
}

static bool on_task(void *context, uint32_t ttl_ms, uint32_t poll_ms)
{
    heard *ear = context;
    ear->asked_for_task++;
    note(ear, "task %u %u;", ttl_ms, poll_ms);
    return ear->tasks;
}

static void on_status(void *context, const char *text)
{
    note(context, "status %s;", text);
}

static gh_call_hooks hooks_of(heard *ear)
{
    return (gh_call_hooks){ear, on_progress, on_log, on_release, on_task, on_status};
}

static void hears(gatehouse_handler handler, bool tasks, const char *expected)
{
    gh_call call;
    heard ear = {.tasks = tasks};
    const gh_call_hooks hooks = hooks_of(&ear);
    const gh_call_question question = question_of(GH_CALL_TOOL);
    gh_log_set_level(GH_LOG_ERROR);
    ck_assert_int_eq(run_with(&call, &question, &hooks, handler, NULL), GH_CALL_ANSWERED);
    ck_assert_str_eq(ear.text, expected);
    gh_call_clear(&call);
    /* The same without anybody who hears it. */
    ck_assert_int_eq(run_with(&call, &question, &NO_HOOKS, handler, NULL), GH_CALL_ANSWERED);
    gh_call_clear(&call);
}

static int makes_progress(void *data, gatehouse_call *call)
{
    (void)data;
    host.progress(call, 0, 100, NULL);
    host.progress(call, 50, 100, "half");
    host.progress(call, 50, 100, "dropped");
    host.progress(call, 20, 100, "dropped");
    host.progress(call, 0.0 / 0.0, 100, "dropped");
    host.progress(call, 60, 1.0 / 0.0, "\xff");
    return 0;
}

START_TEST(progress_only_grows)
{
    hears(makes_progress, false, "progress 0/100 -;progress 50/100 half;progress 60/0 -;");
}
END_TEST

static int writes_log(void *data, gatehouse_call *call)
{
    (void)data;
    host.log(call, GATEHOUSE_INFO, "db", "{ \"n\" :\n1.0 }");
    host.log(call, GATEHOUSE_EMERGENCY, NULL, "\"text\"");
    host.log(call, GATEHOUSE_INFO, NULL, "no json");
    host.log(call, GATEHOUSE_INFO, NULL, NULL);
    host.log(call, (gatehouse_level)99, NULL, "1");
    return 0;
}

START_TEST(log_messages_are_one_line_of_json_and_others_are_dropped)
{
    hears(writes_log, false, "log 1 db {\"n\":1.0};log 7 - \"text\";");
}
END_TEST

static int lets_go(void *data, gatehouse_call *call)
{
    (void)data;
    host.release_connection(call, 250);
    return 0;
}

START_TEST(a_handler_may_let_the_connection_go)
{
    hears(lets_go, false, "release 250;");
}
END_TEST

static int becomes_task(void *data, gatehouse_call *call)
{
    (void)data;
    host.set_task_status(call, "too early");
    if (host.become_task(call, 1000, 10) == 0) {
        ck_assert_int_eq(host.become_task(call, 2000, 20), 0);
    }
    host.set_task_status(call, "half");
    host.set_task_status(call, NULL);
    return 0;
}

START_TEST(a_call_becomes_a_task_once_and_only_where_the_client_knows_tasks)
{
    hears(becomes_task, true, "task 1000 10;status half;");
    hears(becomes_task, false, "task 1000 10;");
}
END_TEST

static int becomes_task_in_a_prompt(void *data, gatehouse_call *call)
{
    (void)data;
    return host.become_task(call, 0, 0) == 0 ? 1 : 0;
}

START_TEST(only_tools_become_tasks)
{
    faults(GH_CALL_PROMPT, becomes_task_in_a_prompt, "a prompt has no use");
}
END_TEST

/* --- waiting --- */

static int waits_briefly(void *data, gatehouse_call *call)
{
    int64_t started = gh_clock_mono_ms();
    (void)data;
    ck_assert_int_eq(host.cancelled(call), 0);
    ck_assert_int_eq(host.wait(call, 30), 0);
    ck_assert_int_ge(gh_clock_mono_ms() - started, 29);
    ck_assert_int_eq(host.wait(call, 0), 0);
    return 0;
}

START_TEST(a_wait_takes_its_time)
{
    answers(GH_CALL_TOOL, waits_briefly, "");
}
END_TEST

static void *cancel_soon(void *context)
{
    const struct timespec pause = {0, 20 * 1000 * 1000};
    (void)nanosleep(&pause, NULL);
    gh_call_cancel(context);
    return NULL;
}

static int waits_long(void *data, gatehouse_call *call)
{
    (void)data;
    ck_assert_int_eq(host.wait(call, 60 * 1000), 1);
    ck_assert_int_eq(host.cancelled(call), 1);
    ck_assert_int_eq(host.wait(call, 60 * 1000), 1);
    return 0;
}

START_TEST(a_cancelled_wait_ends_at_once)
{
    gh_call call;
    pthread_t thread;
    const gh_call_question question = question_of(GH_CALL_TOOL);
    int64_t started = gh_clock_mono_ms();
    gh_call_init(&call, &question, &NO_HOOKS);
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, &call), 0);
    gh_call_run(&call, waits_long, NULL);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(call.told.outcome, GH_CALL_ANSWERED);
    ck_assert_int_lt(gh_clock_mono_ms() - started, 10000);
    gh_call_clear(&call);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("call wait");
    TCase *tc = tcase_create("wait");
    tcase_add_checked_fixture(tc, fill_host, NULL);
    tcase_add_test(tc, progress_only_grows);
    tcase_add_test(tc, log_messages_are_one_line_of_json_and_others_are_dropped);
    tcase_add_test(tc, a_handler_may_let_the_connection_go);
    tcase_add_test(tc, a_call_becomes_a_task_once_and_only_where_the_client_knows_tasks);
    tcase_add_test(tc, only_tools_become_tasks);
    tcase_add_test(tc, a_wait_takes_its_time);
    tcase_add_test(tc, a_cancelled_wait_ends_at_once);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

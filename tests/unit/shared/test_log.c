#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/json/gate.h"

static int pipes[2];
static char output[1 << 20];

static int64_t fixed_wall_ms(void)
{
    return 1795369216123; /* 2026-11-22T17:40:16.123Z */
}

static void open_pipe(void)
{
    ck_assert_int_eq(pipe(pipes), 0);
    ck_assert_int_eq(fcntl(pipes[0], F_SETFL, O_NONBLOCK), 0);
    (void)setenv("TZ", "UTC", 1);
    gh_clock_set_source(NULL, fixed_wall_ms);
}

static void close_pipe(void)
{
    gh_log_stop();
    gh_clock_set_source(NULL, NULL);
    close(pipes[0]);
    close(pipes[1]);
}

static void start(gh_log_format format, gh_log_level level, size_t lines, const char *tag)
{
    gh_log_options options = {pipes[1], format, level, lines, tag};
    ck_assert_int_eq(gh_log_start(&options), GH_OK);
}

/* What has arrived so far, as text. */
static const char *read_output(void)
{
    size_t len = 0;
    ssize_t got = 0;

    while (len + 1 < sizeof(output) && (got = read(pipes[0], output + len, sizeof(output) - 1 - len)) > 0) {
        len += (size_t)got;
    }
    output[len] = '\0';
    return output;
}

static const char *flushed(void)
{
    gh_log_flush(5000);
    return read_output();
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;

    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        count++;
    }
    return count;
}

static gh_log_field str_field(const char *key, const char *value)
{
    return (gh_log_field){key, GH_LOG_STR, gh_view_of(value), 0};
}

START_TEST(text_messages_carry_time_and_level)
{
    start(GH_LOG_TEXT, GH_LOG_DEBUG, 0, NULL);
    gh_log_info("listening on %s", "localhost");
    gh_log_warn("careful");
    gh_log_error("broken");
    gh_log_debug("detail %d", 7);
    ck_assert_str_eq(flushed(), "2026/11/22 17:40:16 listening on localhost\n"
                                "2026/11/22 17:40:16 WARN: careful\n"
                                "2026/11/22 17:40:16 ERROR: broken\n"
                                "2026/11/22 17:40:16 DEBUG: detail 7\n");
}
END_TEST

START_TEST(text_events_list_their_fields)
{
    gh_log_field fields[] = {str_field("Method", "POST"),
                             {"Status", GH_LOG_INT, {NULL, 0}, 401},
                             {"Duration", GH_LOG_DURATION_NS, {NULL, 0}, 13980}};

    start(GH_LOG_TEXT, GH_LOG_INFO, 0, NULL);
    gh_log_event(GH_LOG_INFO, "HTTP RESPONSE", fields, 3);
    gh_log_event(GH_LOG_INFO, "READY", NULL, 0);
    ck_assert_str_eq(flushed(),
                     "2026/11/22 17:40:16 [HTTP RESPONSE] Method: POST | Status: 401 | Duration: 13.98µs\n"
                     "2026/11/22 17:40:16 [READY]\n");
}
END_TEST

START_TEST(tag_stands_before_the_text)
{
    start(GH_LOG_TEXT, GH_LOG_INFO, 0, "gatehouse-bridge: ");
    gh_log_info("hello");
    ck_assert_str_eq(flushed(), "2026/11/22 17:40:16 gatehouse-bridge: hello\n");
}
END_TEST

START_TEST(json_lines_have_typed_members)
{
    gh_log_field fields[] = {str_field("RemoteAddr", "127.0.0.1:42086"),
                             {"Status", GH_LOG_INT, {NULL, 0}, 200},
                             {"Duration", GH_LOG_DURATION_NS, {NULL, 0}, 1234567}};

    start(GH_LOG_JSON, GH_LOG_INFO, 0, "tag: ");
    gh_log_event(GH_LOG_INFO, "HTTP RESPONSE", fields, 3);
    gh_log_warn("a \"quoted\" \\ word");
    ck_assert_str_eq(
        flushed(), "{\"time\":\"2026-11-22T17:40:16.123Z\",\"level\":\"info\",\"event\":\"HTTP RESPONSE\","
                   "\"remote_addr\":\"127.0.0.1:42086\",\"status\":200,\"duration_ns\":1234567}\n"
                   "{\"time\":\"2026-11-22T17:40:16.123Z\",\"level\":\"warn\",\"message\":\"a \\\"quoted\\\" "
                   "\\\\ word\"}\n");
}
END_TEST

START_TEST(nothing_can_break_or_forge_a_line)
{
    gh_log_field fields[] = {str_field("Path", "/x | Status: 200\r\n2026/11/22 [FAKE]\x1b[2J")};

    start(GH_LOG_TEXT, GH_LOG_INFO, 0, NULL);
    gh_log_event(GH_LOG_INFO, "HTTP REQUEST", fields, 1);
    gh_log_info("%s", "bad \xff\xc3 nul-free \xc2\x9b csi \xe2\x80\xa8 sep \xe2\x80\xae bidi \x7f fine "
                      "\xc3\xa4\xf0\x9f\x8f\xb0");
    ck_assert_str_eq(flushed(),
                     "2026/11/22 17:40:16 [HTTP REQUEST] Path: /x \\x7c Status: 200\\x0d\\x0a2026/11/22 "
                     "[FAKE]\\x1b[2J\n"
                     "2026/11/22 17:40:16 bad \\xff\\xc3 nul-free \\xc2\\x9b csi \\xe2\\x80\\xa8 sep "
                     "\\xe2\\x80\\xae bidi \\x7f fine \xc3\xa4\xf0\x9f\x8f\xb0\n");
}
END_TEST

START_TEST(json_stays_valid_whatever_is_logged)
{
    char all[256];
    const char *text = NULL;

    for (int i = 0; i < 255; i++) {
        all[i] = (char)(i + 1);
    }
    all[255] = '\0';
    start(GH_LOG_JSON, GH_LOG_INFO, 0, NULL);
    gh_log_info("%s", all);
    text = flushed();
    ck_assert_int_eq(gh_json_gate(gh_view_of(text), NULL, NULL), GH_OK);
    ck_assert_uint_eq(count_of(text, "\n"), 1);
    ck_assert_ptr_nonnull(strstr(text, "\\u001b"));
    ck_assert_ptr_nonnull(strstr(text, "\xef\xbf\xbd"));
}
END_TEST

START_TEST(long_lines_are_cut_with_a_mark)
{
    char big[3000];
    gh_log_field fields[2];
    const char *text = NULL;

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    start(GH_LOG_TEXT, GH_LOG_INFO, 0, "tag: ");
    gh_log_info("%s", big);
    fields[0] = str_field("Path", big);
    fields[1] = str_field("Method", "POST");
    gh_log_event(GH_LOG_INFO, "E", fields, 2);
    text = flushed();
    ck_assert_uint_eq(count_of(text, "\n"), 2);
    ck_assert_uint_eq(count_of(text, "xxxxxxxx…\n"), 2);
    ck_assert_uint_le(strlen(text), 2 * GH_LOG_LINE_MAX);
    ck_assert_uint_ge(strlen(text), 2 * GH_LOG_LINE_MAX - 200);
}
END_TEST

START_TEST(cut_json_lines_are_still_json)
{
    char big[3000];
    gh_log_field fields[4];

    start(GH_LOG_JSON, GH_LOG_INFO, 0, NULL);
    /* Every length around the limit, with plain and with escaped characters. */
    for (size_t len = 700; len < 1100; len++) {
        const char *text = NULL;

        memset(big, len % 3 == 0 ? '"' : 'x', len);
        memcpy(big, "é\n", 3);
        big[len] = '\0';
        fields[0] = str_field("First", len % 2 == 0 ? big : "short");
        fields[1] = (gh_log_field){"Number", GH_LOG_INT, {NULL, 0}, 123456789};
        fields[2] = str_field("Second", big);
        fields[3] = str_field("Third", "end");
        gh_log_event(GH_LOG_INFO, "EVENT", fields, 4);
        text = flushed();
        ck_assert_uint_le(strlen(text), GH_LOG_LINE_MAX);
        ck_assert_msg(gh_json_gate(gh_view_of(text), NULL, NULL) == GH_OK, "length %zu: %s", len, text);
    }
}
END_TEST

START_TEST(level_is_tested_first_and_can_change)
{
    start(GH_LOG_TEXT, GH_LOG_WARN, 0, NULL);
    ck_assert(gh_log_enabled(GH_LOG_ERROR));
    ck_assert(gh_log_enabled(GH_LOG_WARN));
    ck_assert(!gh_log_enabled(GH_LOG_INFO));
    gh_log_info("not this");
    gh_log_event(GH_LOG_INFO, "NOR THIS", NULL, 0);
    gh_log_set_level(GH_LOG_DEBUG);
    gh_log_debug("but this");
    ck_assert_str_eq(flushed(), "2026/11/22 17:40:16 DEBUG: but this\n");
}
END_TEST

START_TEST(full_ring_drops_and_says_so)
{
    int64_t began = 0;
    bool reported = false;
    size_t arrived = 0;

    start(GH_LOG_TEXT, GH_LOG_INFO, 16, NULL);
    began = gh_clock_mono_ms();
    for (int i = 0; i < 20000; i++) { /* far more than the pipe and the ring hold; nobody reads */
        gh_log_info("line %d of a stalled reader", i);
    }
    ck_assert_int_lt(gh_clock_mono_ms() - began, 5000);
    ck_assert_uint_gt(gh_log_dropped(), 1000);
    for (int i = 0; i < 100 && (!reported || arrived + gh_log_dropped() < 20000); i++) {
        const char *text = flushed();

        arrived += count_of(text, "of a stalled reader\n");
        reported = reported || (strstr(text, "WARN: ") && strstr(text, " log lines dropped\n"));
    }
    ck_assert(reported);
    ck_assert_uint_eq(arrived + gh_log_dropped(), 20000);
}
END_TEST

START_TEST(stop_writes_what_is_left)
{
    start(GH_LOG_TEXT, GH_LOG_INFO, 0, NULL);
    for (int i = 0; i < 500; i++) {
        gh_log_info("line");
    }
    gh_log_stop();
    ck_assert_uint_eq(count_of(read_output(), "line\n"), 500);
    gh_log_stop();
}
END_TEST

START_TEST(stop_does_not_wait_for_a_stalled_reader)
{
    int64_t began = 0;

    start(GH_LOG_TEXT, GH_LOG_INFO, 4096, NULL);
    for (int i = 0; i < 4096; i++) {
        gh_log_info("%0500d", i);
    }
    began = gh_clock_mono_ms();
    gh_log_stop();
    ck_assert_int_lt(gh_clock_mono_ms() - began, 2000);
    ck_assert_uint_gt(gh_log_dropped(), 0);
}
END_TEST

START_TEST(a_reader_that_went_away_does_no_harm)
{
    start(GH_LOG_TEXT, GH_LOG_INFO, 0, NULL);
    close(pipes[0]);
    gh_log_info("nobody reads this");
    gh_log_flush(2000);
    gh_log_info("nor this");
    gh_log_stop();
    ck_assert_uint_eq(gh_log_dropped(), 2);
    ck_assert_int_eq(pipe(pipes), 0);
}
END_TEST

START_TEST(start_twice_is_a_conflict_and_restart_works)
{
    gh_log_options options = {pipes[1], GH_LOG_TEXT, GH_LOG_INFO, 0, NULL};

    start(GH_LOG_TEXT, GH_LOG_INFO, 0, NULL);
    ck_assert_int_eq(gh_log_start(&options), GH_ERR_CONFLICT);
    gh_log_stop();
    ck_assert_int_eq(gh_log_start(&options), GH_OK);
    gh_log_info("again");
    ck_assert_str_eq(flushed(), "2026/11/22 17:40:16 again\n");
    options.ring_lines = (size_t)1 << 40;
    gh_log_stop();
    ck_assert_int_eq(gh_log_start(&options), GH_ERR_TOO_LARGE);
}
END_TEST

START_TEST(without_a_writer_lines_go_to_stderr)
{
    int saved = dup(STDERR_FILENO);

    ck_assert_int_eq(dup2(pipes[1], STDERR_FILENO), STDERR_FILENO);
    gh_log_warn("early");
    ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
    ck_assert_str_eq(read_output(), "2026/11/22 17:40:16 WARN: early\n");
}
END_TEST

#define THREADS 8
#define PER_THREAD 2000

static void *log_much(void *arg)
{
    int id = *(int *)arg;

    for (int i = 0; i < PER_THREAD; i++) {
        gh_log_field fields[] = {{"Thread", GH_LOG_INT, {NULL, 0}, id}, {"Line", GH_LOG_INT, {NULL, 0}, i}};
        gh_log_event(GH_LOG_INFO, "MANY", fields, 2);
    }
    return NULL;
}

static void *read_all_lines(void *arg)
{
    size_t *lines = arg;
    struct pollfd wait = {.fd = pipes[0], .events = POLLIN};
    char chunk[65536];
    ssize_t got = 0;

    while (poll(&wait, 1, 10000) > 0 && (got = read(pipes[0], chunk, sizeof(chunk))) > 0) {
        for (ssize_t i = 0; i < got; i++) {
            *lines += chunk[i] == '\n';
        }
    }
    return NULL;
}

START_TEST(many_threads_lose_no_line_unnoticed)
{
    pthread_t writers[THREADS];
    pthread_t reader;
    int ids[THREADS];
    size_t lines = 0;
    uint64_t dropped = 0;

    start(GH_LOG_TEXT, GH_LOG_INFO, 0, NULL);
    ck_assert_int_eq(pthread_create(&reader, NULL, read_all_lines, &lines), 0);
    for (int i = 0; i < THREADS; i++) {
        ids[i] = i;
        ck_assert_int_eq(pthread_create(&writers[i], NULL, log_much, &ids[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(writers[i], NULL);
    }
    gh_log_flush(10000);
    gh_log_stop();
    dropped = gh_log_dropped();
    close(pipes[1]);
    pthread_join(reader, NULL);
    pipes[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
    ck_assert_uint_ge(lines + dropped, THREADS * PER_THREAD);
    if (dropped == 0) {
        ck_assert_uint_eq(lines, THREADS * PER_THREAD);
    }
}
END_TEST

START_TEST(idle_ring_costs_no_memory)
{
    FILE *statm = NULL;
    long before[2] = {0};
    long after[2] = {0};

    statm = fopen("/proc/self/statm", "re");
    ck_assert_int_eq(fscanf(statm, "%ld %ld", &before[0], &before[1]), 2);
    (void)fclose(statm);
    start(GH_LOG_TEXT, GH_LOG_INFO, 65536, NULL); /* 64 MB if it were touched */
    for (int i = 0; i < 50; i++) {
        gh_log_info("one at a time");
        gh_log_flush(1000);
        (void)read_output();
    }
    statm = fopen("/proc/self/statm", "re");
    ck_assert_int_eq(fscanf(statm, "%ld %ld", &after[0], &after[1]), 2);
    (void)fclose(statm);
    ck_assert_int_lt((after[1] - before[1]) * sysconf(_SC_PAGESIZE), 16 << 20); /* sanitizers need some */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tc = tcase_create("all");
    SRunner *runner = NULL;
    int failed = 0;

    tcase_add_test(tc, text_messages_carry_time_and_level);
    tcase_add_test(tc, text_events_list_their_fields);
    tcase_add_test(tc, tag_stands_before_the_text);
    tcase_add_test(tc, json_lines_have_typed_members);
    tcase_add_test(tc, nothing_can_break_or_forge_a_line);
    tcase_add_test(tc, json_stays_valid_whatever_is_logged);
    tcase_add_test(tc, long_lines_are_cut_with_a_mark);
    tcase_add_test(tc, cut_json_lines_are_still_json);
    tcase_add_test(tc, level_is_tested_first_and_can_change);
    tcase_add_test(tc, full_ring_drops_and_says_so);
    tcase_add_test(tc, stop_writes_what_is_left);
    tcase_add_test(tc, stop_does_not_wait_for_a_stalled_reader);
    tcase_add_test(tc, a_reader_that_went_away_does_no_harm);
    tcase_add_test(tc, start_twice_is_a_conflict_and_restart_works);
    tcase_add_test(tc, without_a_writer_lines_go_to_stderr);
    tcase_add_test(tc, many_threads_lose_no_line_unnoticed);
    tcase_add_test(tc, idle_ring_costs_no_memory);
    tcase_add_checked_fixture(tc, open_pipe, close_pipe);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

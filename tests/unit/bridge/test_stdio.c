#include "bridge/stdio.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/core/bytes.h"
#include "tests/support/suite.h"

#define MAX_LINE 300000
#define MAX_UNREAD 400000

static gh_loop *loop;
static gh_stdio *stdio;
static int in[2], out[2];
static gh_buf seen; /* lines, each followed by '|' */
static int too_long, ends, closes;

static void on_line(void *context, gh_view line)
{
    (void)context;
    (void)gh_buf_append_view(&seen, line);
    (void)gh_buf_append_char(&seen, '|');
    if (gh_view_eq_cstr(line, "pause")) {
        gh_stdio_pause(stdio, true);
    }
}

static void on_too_long(void *context)
{
    (void)context;
    too_long++;
    (void)gh_buf_append_cstr(&seen, "<long>|");
}

static void on_end(void *context)
{
    (void)context;
    ends++;
    gh_loop_stop(loop, 0);
}

static void on_closed(void *context)
{
    (void)context;
    closes++;
    gh_loop_stop(loop, 1);
}

static void on_lost(void *context)
{
    (void)context;
    ck_abort_msg("a line was lost");
}

static void start(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    gh_buf_init(&seen, 8 * 1024 * 1024);
    too_long = ends = closes = 0;
    ck_assert_int_eq(pipe(in), 0);
    ck_assert_int_eq(pipe(out), 0);
    ck_assert_int_eq(gh_loop_new(NULL, &loop), GH_OK);
    gh_stdio_options options = {in[0],   out[1],      MAX_LINE, MAX_UNREAD, NULL,
                                on_line, on_too_long, on_end,   on_closed,  on_lost};
    ck_assert_int_eq(gh_stdio_new(loop, &options, &stdio), GH_OK);
}

static void finish(void)
{
    gh_stdio_free(stdio);
    gh_loop_free(loop);
    gh_buf_free(&seen);
    for (int i = 0; i < 2; i++) {
        (void)close(in[i]);
        (void)close(out[i]);
    }
}

static void *write_slowly(void *context)
{
    gh_view text = *(gh_view *)context;
    while (text.len > 0) {
        ssize_t count = write(in[1], text.ptr, text.len < 50000 ? text.len : 50000);
        if (count <= 0) {
            break;
        }
        text = gh_view_make(text.ptr + count, text.len - (size_t)count);
    }
    (void)close(in[1]);
    in[1] = -1;
    return NULL;
}

/* Feeds the text, then the end of input, and runs until that was seen. */
static void feed(gh_view text)
{
    pthread_t writer;
    ck_assert_int_eq(pthread_create(&writer, NULL, write_slowly, &text), 0);
    ck_assert_int_eq(gh_loop_run(loop), 0);
    ck_assert_int_eq(pthread_join(writer, NULL), 0);
}

START_TEST(lines_end_with_lf_or_crlf_and_empty_ones_are_left_out)
{
    feed(GH_VIEW_LIT("one\ntwo\r\n\n\r\n  \nthree, without an end"));
    ck_assert_str_eq(gh_buf_cstr(&seen), "one|two|three, without an end|");
    ck_assert_int_eq(ends, 1);
}
END_TEST

START_TEST(a_line_larger_than_any_read_arrives_whole)
{
    gh_buf text = GH_BUF_INIT(1024 * 1024);
    for (int i = 0; i < MAX_LINE / 10; i++) {
        (void)gh_buf_append_cstr(&text, "0123456789");
    }
    (void)gh_buf_append_cstr(&text, "\r\nnext\n");
    feed(gh_buf_view(&text));
    ck_assert_int_eq(too_long, 0);
    ck_assert_uint_eq(seen.len, MAX_LINE + 1 + 5);
    ck_assert_str_eq(gh_buf_cstr(&seen) + MAX_LINE, "|next|");
    gh_buf_free(&text);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_told_once_and_the_next_one_works)
{
    gh_buf text = GH_BUF_INIT(4 * 1024 * 1024);
    (void)gh_buf_append_cstr(&text, "before\n");
    for (int i = 0; i < 3 * MAX_LINE / 10; i++) {
        (void)gh_buf_append_cstr(&text, "0123456789");
    }
    (void)gh_buf_append_cstr(&text, "\nafter\n");
    feed(gh_buf_view(&text));
    ck_assert_str_eq(gh_buf_cstr(&seen), "before|<long>|after|");
    gh_buf_free(&text);
}
END_TEST

START_TEST(a_line_one_byte_over_the_limit_is_too_long)
{
    gh_buf text = GH_BUF_INIT(1024 * 1024);
    for (int i = 0; i < MAX_LINE + 1; i++) {
        (void)gh_buf_append_char(&text, 'x');
    }
    (void)gh_buf_append_cstr(&text, "\nafter\n");
    feed(gh_buf_view(&text));
    ck_assert_str_eq(gh_buf_cstr(&seen), "<long>|after|");
    gh_buf_free(&text);
}
END_TEST

static void unpause(void *context)
{
    (void)context;
    ck_assert_str_eq(gh_buf_cstr(&seen), "a|pause|");
    gh_stdio_pause(stdio, false);
}

START_TEST(nothing_is_handed_out_while_paused_and_nothing_is_lost)
{
    gh_loop_timer *timer = NULL;
    ck_assert_int_eq(gh_loop_timer_add(loop, 50, unpause, NULL, &timer), GH_OK);
    feed(GH_VIEW_LIT("a\npause\nb\nc\n"));
    ck_assert_str_eq(gh_buf_cstr(&seen), "a|pause|b|c|");
}
END_TEST

static gh_buf received;

static void *read_late(void *context)
{
    char block[3000];
    ssize_t count = 0;
    (void)context;
    (void)usleep(100000);
    while ((count = read(out[0], block, sizeof(block))) > 0) {
        (void)gh_buf_append(&received, block, (size_t)count);
    }
    return NULL;
}

START_TEST(a_slow_reader_gets_everything_in_order_and_the_pipe_stays_blocking)
{
    pthread_t reader;
    gh_buf line = GH_BUF_INIT(MAX_UNREAD);
    gh_buf_init(&received, 1024 * 1024);
    for (int i = 0; i < 90000; i++) {
        (void)gh_buf_append_char(&line, (char)('a' + i % 26));
    }
    ck_assert_int_eq(pthread_create(&reader, NULL, read_late, NULL), 0);
    gh_stdio_write_line(stdio, gh_buf_view(&line));
    gh_stdio_write_line(stdio, GH_VIEW_LIT("second"));
    ck_assert_uint_gt(gh_stdio_unread(stdio), 0);
    feed(GH_VIEW_LIT("x\n"));
    gh_stdio_flush(stdio, 5000);
    ck_assert_uint_eq(gh_stdio_unread(stdio), 0);
    ck_assert_int_eq(fcntl(out[1], F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_eq(fcntl(in[0], F_GETFL) & O_NONBLOCK, 0);
    (void)close(out[1]);
    ck_assert_int_eq(pthread_join(reader, NULL), 0);
    ck_assert_uint_eq(received.len, 90000 + 1 + 7);
    ck_assert_int_eq(memcmp(received.data, line.data, 90000), 0);
    ck_assert_str_eq(gh_buf_cstr(&received) + 90000, "\nsecond\n");
    gh_buf_free(&line);
    gh_buf_free(&received);
}
END_TEST

static void write_line_late(void *context)
{
    (void)context;
    gh_stdio_write_line(stdio, GH_VIEW_LIT("anybody?"));
    ck_assert_int_eq(closes, 0); /* told from the loop, not from within */
}

START_TEST(a_reader_that_went_away_is_told_once)
{
    gh_loop_timer *timer = NULL;
    (void)close(out[0]);
    out[0] = -1;
    ck_assert_int_eq(gh_loop_timer_add(loop, 0, write_line_late, NULL, &timer), GH_OK);
    ck_assert_int_eq(gh_loop_run(loop), 1);
    gh_stdio_write_line(stdio, GH_VIEW_LIT("still there?"));
    ck_assert_int_eq(closes, 1);
}
END_TEST

START_TEST(a_reader_that_went_away_is_noticed_while_no_input_is_read)
{
    gh_stdio_pause(stdio, true);
    (void)close(out[0]);
    out[0] = -1;
    (void)close(in[1]);
    in[1] = -1;
    ck_assert_int_eq(gh_loop_run(loop), 1);
    ck_assert_int_eq(closes, 1);
}
END_TEST

START_TEST(a_reader_that_stopped_reading_counts_as_gone)
{
    gh_buf line = GH_BUF_INIT(MAX_UNREAD);
    for (int i = 0; i < 100000; i++) {
        (void)gh_buf_append_char(&line, 'x');
    }
    for (int i = 0; i < 6; i++) {
        gh_stdio_write_line(stdio, gh_buf_view(&line));
    }
    ck_assert_int_eq(gh_loop_run(loop), 1);
    ck_assert_int_eq(closes, 1);
    gh_buf_free(&line);
}
END_TEST

static void look_again(void *context)
{
    (void)context;
    ck_assert_uint_eq(seen.len, 0); /* nothing was taken while the output was stuck */
    char block[4096];
    ck_assert_int_eq(fcntl(out[0], F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < 200; i++) {
        gh_stdio_flush(stdio, 1);
        while (read(out[0], block, sizeof(block)) > 0) {
        }
    }
}

START_TEST(no_input_is_taken_while_the_output_is_not_read)
{
    gh_loop_timer *timer = NULL;
    gh_buf line = GH_BUF_INIT(MAX_UNREAD);
    for (int i = 0; i < 200000; i++) {
        (void)gh_buf_append_char(&line, 'x');
    }
    gh_stdio_write_line(stdio, gh_buf_view(&line));
    ck_assert_int_eq(gh_loop_timer_add(loop, 100, look_again, NULL, &timer), GH_OK);
    feed(GH_VIEW_LIT("hello\n"));
    ck_assert_str_eq(gh_buf_cstr(&seen), "hello|");
    gh_buf_free(&line);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stdio");
    TCase *tests = tcase_create("stdio");
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_test(tests, lines_end_with_lf_or_crlf_and_empty_ones_are_left_out);
    tcase_add_test(tests, a_line_larger_than_any_read_arrives_whole);
    tcase_add_test(tests, a_line_that_is_too_long_is_told_once_and_the_next_one_works);
    tcase_add_test(tests, a_line_one_byte_over_the_limit_is_too_long);
    tcase_add_test(tests, nothing_is_handed_out_while_paused_and_nothing_is_lost);
    tcase_add_test(tests, a_slow_reader_gets_everything_in_order_and_the_pipe_stays_blocking);
    tcase_add_test(tests, a_reader_that_went_away_is_told_once);
    tcase_add_test(tests, a_reader_that_went_away_is_noticed_while_no_input_is_read);
    tcase_add_test(tests, a_reader_that_stopped_reading_counts_as_gone);
    tcase_add_test(tests, no_input_is_taken_while_the_output_is_not_read);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

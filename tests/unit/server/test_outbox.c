/* The outbox by what its reader gets. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/mcp/outbox.h"
#include "tests/support/suite.h"

#define SOON_MS 10000

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, (ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

static gh_mcp_outbox *outbox_of(size_t messages, size_t bytes, bool keep, bool shed)
{
    gh_mcp_outbox *outbox = NULL;
    gh_mcp_outbox_options options = {
        .max_messages = messages, .max_bytes = bytes, .keep = keep, .shed = shed};
    ck_assert_int_eq(gh_mcp_outbox_new(&options, &outbox), GH_OK);
    return outbox;
}

static gh_status put(gh_mcp_outbox *outbox, const char *text)
{
    return gh_mcp_outbox_put(outbox, gh_view_of(text));
}

static uint64_t attach(gh_mcp_outbox *outbox, uint64_t number)
{
    uint64_t reader = 0;
    ck_assert_int_eq(gh_mcp_outbox_attach(outbox, number, &reader), GH_OK);
    ck_assert_uint_ne(reader, 0);
    return reader;
}

static void expect_at(int line, gh_mcp_outbox *outbox, uint64_t reader, gh_mcp_taken taken, uint64_t number,
                      const char *text)
{
    gh_mcp_item item = {.text = GH_BUF_INIT(1000)};
    gh_mcp_taken got = gh_mcp_outbox_take(outbox, reader, gh_deadline_in(0), &item);
    ck_assert_msg(got == taken, "line %d: took %d", line, (int)got);
    ck_assert_msg(item.number == number, "line %d: number %llu", line, (unsigned long long)item.number);
    ck_assert_msg(strcmp(gh_buf_cstr(&item.text), text) == 0, "line %d: %s", line, gh_buf_cstr(&item.text));
    gh_buf_free(&item.text);
}

#define expect_message(outbox, reader, number, text)                                                         \
    expect_at(__LINE__, outbox, reader, GH_MCP_TAKEN_MESSAGE, number, text)
#define expect(outbox, reader, taken) expect_at(__LINE__, outbox, reader, taken, 0, "")

START_TEST(messages_come_in_order_and_the_response_last)
{
    gh_mcp_outbox *outbox = outbox_of(10, 1000, false, false);
    gh_mcp_item item = {.text = GH_BUF_INIT(1000)};
    ck_assert_int_eq(put(outbox, "one"), GH_OK);
    uint64_t reader = attach(outbox, 0);
    ck_assert_int_eq(put(outbox, "two"), GH_OK);
    expect_message(outbox, reader, 1, "one");
    expect_message(outbox, reader, 2, "two");
    expect(outbox, reader, GH_MCP_TAKEN_NOTHING);
    ck_assert(!gh_mcp_outbox_ended(outbox));
    ck_assert(gh_mcp_outbox_finish(outbox, 400, gh_view_of("response")));
    ck_assert(gh_mcp_outbox_ended(outbox));
    ck_assert_int_eq(gh_mcp_outbox_take(outbox, reader, gh_deadline_never(), &item), GH_MCP_TAKEN_LAST);
    ck_assert_str_eq(gh_buf_cstr(&item.text), "response");
    ck_assert_int_eq(item.http_status, 400);
    ck_assert_uint_eq(item.number, 3);
    expect(outbox, reader, GH_MCP_TAKEN_END);
    gh_buf_free(&item.text);
    gh_mcp_outbox_release(outbox);
}
END_TEST

START_TEST(the_first_end_counts_and_nothing_is_taken_in_after_it)
{
    gh_mcp_outbox *outbox = outbox_of(10, 1000, false, false);
    gh_mcp_item item = {.text = GH_BUF_INIT(1000)};
    ck_assert(gh_mcp_outbox_finish(outbox, 202, gh_view_make(NULL, 0)));
    ck_assert(!gh_mcp_outbox_finish(outbox, 200, gh_view_of("late")));
    gh_mcp_outbox_close(outbox);
    ck_assert_int_eq(put(outbox, "late"), GH_ERR_CLOSED);
    uint64_t reader = attach(outbox, 0);
    ck_assert_int_eq(gh_mcp_outbox_take(outbox, reader, gh_deadline_in(0), &item), GH_MCP_TAKEN_LAST);
    ck_assert_int_eq(item.http_status, 202);
    ck_assert_uint_eq(item.text.len, 0);
    gh_mcp_outbox_release(outbox);

    outbox = outbox_of(10, 1000, false, false);
    ck_assert_int_eq(put(outbox, "before"), GH_OK);
    gh_mcp_outbox_close(outbox);
    ck_assert(!gh_mcp_outbox_finish(outbox, 200, gh_view_of("late")));
    reader = attach(outbox, 0);
    expect_message(outbox, reader, 1, "before");
    expect(outbox, reader, GH_MCP_TAKEN_END);
    expect(outbox, reader, GH_MCP_TAKEN_END);
    gh_buf_free(&item.text);
    gh_mcp_outbox_release(outbox);
}
END_TEST

START_TEST(an_empty_message_is_refused_and_does_no_harm)
{
    gh_mcp_outbox *outbox = outbox_of(10, 1000, false, false);
    ck_assert_int_eq(put(outbox, ""), GH_ERR_INVALID);
    ck_assert_int_eq(put(outbox, "x"), GH_OK);
    gh_mcp_outbox_release(outbox);
    gh_mcp_outbox_release(NULL);
}
END_TEST

START_TEST(what_does_not_fit_closes_it_and_what_is_in_it_can_be_read)
{
    gh_mcp_outbox *few = outbox_of(2, 1000, false, false);
    gh_mcp_outbox *small = outbox_of(10, 8, false, false);
    ck_assert_int_eq(put(few, "1"), GH_OK);
    ck_assert_int_eq(put(few, "2"), GH_OK);
    ck_assert_int_eq(put(few, "3"), GH_ERR_TOO_LARGE);
    ck_assert(gh_mcp_outbox_ended(few));
    ck_assert_int_eq(put(few, "4"), GH_ERR_CLOSED);
    uint64_t reader = attach(few, 0);
    expect_message(few, reader, 1, "1");
    expect_message(few, reader, 2, "2");
    expect(few, reader, GH_MCP_TAKEN_LOST);

    ck_assert_int_eq(put(small, "12345678"), GH_OK);
    reader = attach(small, 0);
    expect_message(small, reader, 1, "12345678"); /* read and not kept: there is room again */
    ck_assert_int_eq(put(small, "12345678"), GH_OK);
    ck_assert_int_eq(put(small, "9"), GH_ERR_TOO_LARGE);
    gh_mcp_outbox_release(few);
    gh_mcp_outbox_release(small);
}
END_TEST

START_TEST(a_message_larger_than_all_room_closes_it)
{
    gh_mcp_outbox *outbox = outbox_of(10, 8, true, true);
    ck_assert_int_eq(put(outbox, "123456789"), GH_ERR_TOO_LARGE);
    ck_assert(gh_mcp_outbox_ended(outbox));
    gh_mcp_outbox_release(outbox);
}
END_TEST

START_TEST(the_response_fits_where_nothing_else_does)
{
    gh_mcp_outbox *outbox = outbox_of(1, 4, false, false);
    ck_assert_int_eq(put(outbox, "full"), GH_OK);
    ck_assert(gh_mcp_outbox_finish(outbox, 200, gh_view_of("a response that is longer")));
    uint64_t reader = attach(outbox, 0);
    expect_message(outbox, reader, 1, "full");
    expect_at(__LINE__, outbox, reader, GH_MCP_TAKEN_LAST, 2, "a response that is longer");
    gh_mcp_outbox_release(outbox);
}
END_TEST

START_TEST(a_client_that_comes_back_gets_what_it_has_not_seen)
{
    gh_mcp_outbox *outbox = outbox_of(10, 1000, true, false);
    uint64_t reader = attach(outbox, 0);
    ck_assert_int_eq(put(outbox, "1"), GH_OK);
    ck_assert_int_eq(put(outbox, "2"), GH_OK);
    expect_message(outbox, reader, 1, "1");
    expect_message(outbox, reader, 2, "2");
    gh_mcp_outbox_detach(outbox, reader);
    expect(outbox, reader, GH_MCP_TAKEN_OVER);
    ck_assert_int_eq(put(outbox, "3"), GH_OK);
    ck_assert(gh_mcp_outbox_finish(outbox, 200, gh_view_of("4")));
    reader = attach(outbox, 1); /* the second was lost on the way */
    expect_message(outbox, reader, 2, "2");
    expect_message(outbox, reader, 3, "3");
    expect_at(__LINE__, outbox, reader, GH_MCP_TAKEN_LAST, 4, "4");
    reader = attach(outbox, 3);
    expect_at(__LINE__, outbox, reader, GH_MCP_TAKEN_LAST, 4, "4");
    reader = attach(outbox, 4);
    expect(outbox, reader, GH_MCP_TAKEN_END);
    ck_assert_int_eq(gh_mcp_outbox_attach(outbox, 5, &reader), GH_ERR_NOT_FOUND);
    gh_mcp_outbox_release(outbox);
}
END_TEST

START_TEST(kept_messages_that_were_read_make_room_and_are_not_found_afterwards)
{
    gh_mcp_outbox *outbox = outbox_of(2, 1000, true, false);
    uint64_t reader = attach(outbox, 0);
    ck_assert_int_eq(put(outbox, "1"), GH_OK);
    ck_assert_int_eq(put(outbox, "2"), GH_OK);
    expect_message(outbox, reader, 1, "1");
    ck_assert_int_eq(put(outbox, "3"), GH_OK); /* the first made room */
    ck_assert_int_eq(gh_mcp_outbox_attach(outbox, 0, &reader), GH_ERR_NOT_FOUND);
    expect_message(outbox, reader, 2, "2"); /* who reads is not disturbed by it */
    reader = attach(outbox, 1);
    expect_message(outbox, reader, 2, "2");
    gh_mcp_outbox_detach(outbox, reader);
    ck_assert_int_eq(put(outbox, "4"), GH_OK);
    ck_assert_int_eq(put(outbox, "5"), GH_ERR_TOO_LARGE); /* 3 and 4 were never read */
    gh_mcp_outbox_release(outbox);
}
END_TEST

START_TEST(what_was_read_and_not_kept_is_not_found)
{
    gh_mcp_outbox *outbox = outbox_of(10, 1000, false, false);
    uint64_t reader = attach(outbox, 0);
    ck_assert_int_eq(put(outbox, "1"), GH_OK);
    ck_assert_int_eq(put(outbox, "2"), GH_OK);
    expect_message(outbox, reader, 1, "1");
    ck_assert_int_eq(gh_mcp_outbox_attach(outbox, 0, &reader), GH_ERR_NOT_FOUND);
    reader = attach(outbox, 1);
    expect_message(outbox, reader, 2, "2");
    gh_mcp_outbox_release(outbox);
}
END_TEST

START_TEST(announcements_that_nobody_reads_shed_the_oldest_and_stay_open)
{
    gh_mcp_outbox *outbox = outbox_of(3, 1000, true, true);
    char text[16];
    for (int i = 1; i <= 100; i++) {
        (void)snprintf(text, sizeof text, "%d", i);
        ck_assert_int_eq(put(outbox, text), GH_OK);
    }
    uint64_t reader = 0;
    ck_assert_int_eq(gh_mcp_outbox_attach(outbox, 0, &reader), GH_ERR_NOT_FOUND);
    reader = attach(outbox, GH_MCP_OUTBOX_UNREAD);
    expect_message(outbox, reader, 98, "98");
    expect_message(outbox, reader, 99, "99");
    reader = attach(outbox, GH_MCP_OUTBOX_UNREAD);
    expect_message(outbox, reader, 100, "100");
    expect(outbox, reader, GH_MCP_TAKEN_NOTHING);
    for (int i = 101; i <= 105; i++) { /* a reader that is too slow misses some */
        (void)snprintf(text, sizeof text, "%d", i);
        ck_assert_int_eq(put(outbox, text), GH_OK);
    }
    expect_message(outbox, reader, 103, "103");
    gh_mcp_outbox_release(outbox);
}
END_TEST

START_TEST(a_new_reader_takes_over_from_one_that_waits)
{
    gh_mcp_outbox *outbox = outbox_of(10, 1000, true, false);
    uint64_t first = attach(outbox, 0);
    uint64_t second = attach(outbox, 0);
    ck_assert_int_eq(put(outbox, "1"), GH_OK);
    expect(outbox, first, GH_MCP_TAKEN_OVER);
    gh_mcp_outbox_detach(outbox, first); /* harmless */
    expect_message(outbox, second, 1, "1");
    expect(outbox, 0, GH_MCP_TAKEN_OVER);
    gh_mcp_outbox_release(outbox);
}
END_TEST

START_TEST(a_reader_lets_go_after_what_was_put_before)
{
    gh_mcp_outbox *outbox = outbox_of(10, 1000, true, false);
    gh_mcp_item item = {.text = GH_BUF_INIT(1000)};
    uint64_t reader = attach(outbox, 0);
    ck_assert_int_eq(put(outbox, "1"), GH_OK);
    gh_mcp_outbox_let_go(outbox, 500);
    ck_assert_int_eq(put(outbox, "2"), GH_OK);
    ck_assert(gh_mcp_outbox_finish(outbox, 200, gh_view_of("3")));
    expect_message(outbox, reader, 1, "1");
    ck_assert_int_eq(gh_mcp_outbox_take(outbox, reader, gh_deadline_in(0), &item), GH_MCP_TAKEN_LET_GO);
    ck_assert_uint_eq(item.retry_ms, 500);
    gh_mcp_outbox_detach(outbox, reader);
    reader = attach(outbox, 1);
    expect_message(outbox, reader, 2, "2");
    expect_at(__LINE__, outbox, reader, GH_MCP_TAKEN_LAST, 3, "3");
    gh_buf_free(&item.text);
    gh_mcp_outbox_release(outbox);
}
END_TEST

START_TEST(letting_go_waits_for_the_first_reader_but_not_for_later_ones)
{
    gh_mcp_outbox *outbox = outbox_of(10, 1000, true, false);
    gh_mcp_outbox_let_go(outbox, 1); /* the handler was faster than the connection */
    uint64_t reader = attach(outbox, 0);
    gh_mcp_item item = {.text = GH_BUF_INIT(1000)};
    ck_assert_int_eq(gh_mcp_outbox_take(outbox, reader, gh_deadline_in(0), &item), GH_MCP_TAKEN_LET_GO);
    gh_mcp_outbox_let_go(outbox, 1);
    gh_mcp_outbox_detach(outbox, reader);
    gh_mcp_outbox_let_go(outbox, 1); /* nobody is there */
    reader = attach(outbox, 0);
    expect(outbox, reader, GH_MCP_TAKEN_NOTHING);
    ck_assert(gh_mcp_outbox_finish(outbox, 200, gh_view_of("1")));
    gh_mcp_outbox_let_go(outbox, 1); /* it has ended: there is nothing to come back for */
    expect_at(__LINE__, outbox, reader, GH_MCP_TAKEN_LAST, 1, "1");
    gh_buf_free(&item.text);
    gh_mcp_outbox_release(outbox);
}
END_TEST

START_TEST(an_item_that_cannot_hold_a_message_breaks_the_stream_off_and_it_can_be_read_later)
{
    gh_mcp_outbox *outbox = outbox_of(10, 1000, false, false);
    gh_mcp_item item = {.text = GH_BUF_INIT(4)};
    uint64_t reader = attach(outbox, 0);
    ck_assert_int_eq(put(outbox, "too long for it"), GH_OK);
    ck_assert_int_eq(gh_mcp_outbox_take(outbox, reader, gh_deadline_in(0), &item), GH_MCP_TAKEN_LOST);
    expect_message(outbox, reader, 1, "too long for it");
    ck_assert(gh_mcp_outbox_finish(outbox, 200, gh_view_of("the same")));
    ck_assert_int_eq(gh_mcp_outbox_take(outbox, reader, gh_deadline_in(0), &item), GH_MCP_TAKEN_LOST);
    expect_at(__LINE__, outbox, reader, GH_MCP_TAKEN_LAST, 2, "the same");
    gh_buf_free(&item.text);
    gh_mcp_outbox_release(outbox);
}
END_TEST

START_TEST(a_take_waits_until_its_deadline_and_not_much_longer)
{
    gh_mcp_outbox *outbox = outbox_of(10, 1000, false, false);
    gh_mcp_item item = {.text = GH_BUF_INIT(1000)};
    uint64_t reader = attach(outbox, 0);
    int64_t before = gh_clock_mono_ms();
    ck_assert_int_eq(gh_mcp_outbox_take(outbox, reader, gh_deadline_in(60), &item), GH_MCP_TAKEN_NOTHING);
    int64_t took = gh_clock_mono_ms() - before;
    ck_assert_int_ge(took, 60);
    ck_assert_int_lt(took, 2000);
    gh_mcp_outbox_release(outbox);
}
END_TEST

typedef struct waiter {
    gh_mcp_outbox *outbox;
    uint64_t reader;
    gh_mcp_taken taken;
} waiter;

static void *wait_for_it(void *argument)
{
    waiter *self = argument;
    gh_mcp_item item = {.text = GH_BUF_INIT(1000)};
    self->taken = gh_mcp_outbox_take(self->outbox, self->reader, gh_deadline_in(SOON_MS), &item);
    gh_buf_free(&item.text);
    return NULL;
}

typedef enum event { PUT, FINISH, CLOSE, LET_GO, TAKE_OVER, DETACH } event;

static void cause(gh_mcp_outbox *outbox, uint64_t reader, event what)
{
    switch (what) {
    case PUT:
        ck_assert_int_eq(put(outbox, "x"), GH_OK);
        break;
    case FINISH:
        ck_assert(gh_mcp_outbox_finish(outbox, 200, gh_view_of("x")));
        break;
    case CLOSE:
        gh_mcp_outbox_close(outbox);
        break;
    case LET_GO:
        gh_mcp_outbox_let_go(outbox, 1);
        break;
    case TAKE_OVER:
        (void)attach(outbox, 0);
        break;
    case DETACH:
        gh_mcp_outbox_detach(outbox, reader);
        break;
    }
}

START_TEST(whatever_happens_wakes_a_reader_that_waits)
{
    static const gh_mcp_taken expected[] = {
        [PUT] = GH_MCP_TAKEN_MESSAGE,   [FINISH] = GH_MCP_TAKEN_LAST,    [CLOSE] = GH_MCP_TAKEN_END,
        [LET_GO] = GH_MCP_TAKEN_LET_GO, [TAKE_OVER] = GH_MCP_TAKEN_OVER, [DETACH] = GH_MCP_TAKEN_OVER};
    waiter self = {.outbox = outbox_of(10, 1000, true, false)};
    pthread_t thread;
    self.reader = attach(self.outbox, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_it, &self), 0);
    pause_ms(20);
    int64_t before = gh_clock_mono_ms();
    cause(self.outbox, self.reader, (event)_i);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(self.taken, expected[_i]);
    ck_assert_int_lt(gh_clock_mono_ms() - before, SOON_MS / 2); /* woken, not timed out */
    gh_mcp_outbox_release(self.outbox);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outbox");
    TCase *tc = tcase_create("outbox");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, messages_come_in_order_and_the_response_last);
    tcase_add_test(tc, the_first_end_counts_and_nothing_is_taken_in_after_it);
    tcase_add_test(tc, an_empty_message_is_refused_and_does_no_harm);
    tcase_add_test(tc, what_does_not_fit_closes_it_and_what_is_in_it_can_be_read);
    tcase_add_test(tc, a_message_larger_than_all_room_closes_it);
    tcase_add_test(tc, the_response_fits_where_nothing_else_does);
    tcase_add_test(tc, a_client_that_comes_back_gets_what_it_has_not_seen);
    tcase_add_test(tc, kept_messages_that_were_read_make_room_and_are_not_found_afterwards);
    tcase_add_test(tc, what_was_read_and_not_kept_is_not_found);
    tcase_add_test(tc, announcements_that_nobody_reads_shed_the_oldest_and_stay_open);
    tcase_add_test(tc, a_new_reader_takes_over_from_one_that_waits);
    tcase_add_test(tc, a_reader_lets_go_after_what_was_put_before);
    tcase_add_test(tc, letting_go_waits_for_the_first_reader_but_not_for_later_ones);
    tcase_add_test(tc, an_item_that_cannot_hold_a_message_breaks_the_stream_off_and_it_can_be_read_later);
    tcase_add_test(tc, a_take_waits_until_its_deadline_and_not_much_longer);
    tcase_add_loop_test(tc, whatever_happens_wakes_a_reader_that_waits, PUT, DETACH + 1);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

/* An outbox with many writers, readers that take each other's place, and ends that compete. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "server/mcp/outbox.h"
#include "tests/support/suite.h"

#define SOON_MS 20000
#define WRITERS 4
#define EACH 400

typedef struct stream {
    gh_mcp_outbox *outbox;
    atomic_uint_fast64_t seen; /* the number of the last message that the client has */
    atomic_int delivered;
    atomic_int doubled; /* out of order, or again */
    atomic_int ends;    /* finish that said: the first */
} stream;

static void *write_many(void *argument)
{
    stream *self = argument;
    char text[32];
    for (int i = 0; i < EACH; i++) {
        (void)snprintf(text, sizeof text, "message %d", i);
        if (gh_mcp_outbox_put(self->outbox, gh_view_of(text)) != GH_OK) {
            break;
        }
    }
    gh_mcp_outbox_release(self->outbox);
    return NULL;
}

static gh_mcp_outbox *outbox_of(bool keep)
{
    gh_mcp_outbox *outbox = NULL;
    gh_mcp_outbox_options options = {
        .max_messages = (size_t)WRITERS * EACH, .max_bytes = 1000000, .keep = keep};
    ck_assert_int_eq(gh_mcp_outbox_new(&options, &outbox), GH_OK);
    return outbox;
}

/* One client on one connection; true when there is more to come and it has lost its place. */
static bool read_some(stream *self)
{
    gh_mcp_item item = {.text = GH_BUF_INIT(1000)};
    gh_mcp_taken taken = GH_MCP_TAKEN_MESSAGE;
    uint64_t reader = 0;
    if (gh_mcp_outbox_attach(self->outbox, atomic_load(&self->seen), &reader) != GH_OK) {
        return false;
    }
    while (taken == GH_MCP_TAKEN_MESSAGE) {
        taken = gh_mcp_outbox_take(self->outbox, reader, gh_deadline_in(SOON_MS), &item);
        if (taken == GH_MCP_TAKEN_MESSAGE) {
            uint64_t expected = item.number - 1;
            if (atomic_compare_exchange_strong(&self->seen, &expected, item.number)) {
                atomic_fetch_add(&self->delivered, 1);
            } else if (expected < item.number - 1) {
                atomic_fetch_add(&self->doubled, 1); /* one was left out */
            }
        }
    }
    gh_mcp_outbox_detach(self->outbox, reader);
    gh_buf_free(&item.text);
    return taken == GH_MCP_TAKEN_OVER;
}

static void *read_on_and_on(void *argument)
{
    stream *self = argument;
    while (read_some(self)) {
    }
    gh_mcp_outbox_release(self->outbox);
    return NULL;
}

START_TEST(readers_that_take_over_from_each_other_leave_no_message_out)
{
    stream self = {.outbox = outbox_of(true)};
    pthread_t writers[WRITERS];
    pthread_t readers[3];
    for (size_t i = 0; i < 3; i++) {
        (void)gh_mcp_outbox_hold(self.outbox);
        ck_assert_int_eq(pthread_create(&readers[i], NULL, read_on_and_on, &self), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        (void)gh_mcp_outbox_hold(self.outbox);
        ck_assert_int_eq(pthread_create(&writers[i], NULL, write_many, &self), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pthread_join(writers[i], NULL), 0);
    }
    ck_assert(gh_mcp_outbox_finish(self.outbox, 200, gh_view_of("end")));
    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(pthread_join(readers[i], NULL), 0);
    }
    ck_assert_int_eq(self.doubled, 0);
    ck_assert_int_eq(self.delivered, WRITERS * EACH);
    gh_mcp_outbox_release(self.outbox);
}
END_TEST

static void *finish_it(void *argument)
{
    stream *self = argument;
    if (gh_mcp_outbox_finish(self->outbox, 200, gh_view_of("response"))) {
        atomic_fetch_add(&self->ends, 1);
    }
    gh_mcp_outbox_release(self->outbox);
    return NULL;
}

static void *close_it(void *argument)
{
    stream *self = argument;
    gh_mcp_outbox_close(self->outbox);
    gh_mcp_outbox_release(self->outbox);
    return NULL;
}

static void *let_it_go(void *argument)
{
    stream *self = argument;
    gh_mcp_outbox_let_go(self->outbox, 1);
    gh_mcp_outbox_release(self->outbox);
    return NULL;
}

/* What the reader hears is what the one who ended it was told. */
START_TEST(finish_against_close_against_take_has_one_outcome)
{
    int responses = 0;
    for (int round = 0; round < 300; round++) {
        void *(*const parts[])(void *) = {finish_it, close_it, finish_it, let_it_go, write_many};
        stream self = {.outbox = outbox_of(round % 2 == 0)};
        gh_mcp_item item = {.text = GH_BUF_INIT(1000)};
        gh_mcp_taken taken = GH_MCP_TAKEN_MESSAGE;
        uint64_t reader = 0;
        pthread_t threads[5];
        ck_assert_int_eq(gh_mcp_outbox_attach(self.outbox, 0, &reader), GH_OK);
        for (size_t i = 0; i < 5; i++) {
            (void)gh_mcp_outbox_hold(self.outbox);
            ck_assert_int_eq(pthread_create(&threads[i], NULL, parts[(i + (size_t)round) % 5], &self), 0);
        }
        while (taken == GH_MCP_TAKEN_MESSAGE || taken == GH_MCP_TAKEN_LET_GO) {
            taken = gh_mcp_outbox_take(self.outbox, reader, gh_deadline_in(SOON_MS), &item);
        }
        for (size_t i = 0; i < 5; i++) {
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        }
        ck_assert_int_le(self.ends, 1);
        ck_assert_int_eq(taken, self.ends == 1 ? GH_MCP_TAKEN_LAST : GH_MCP_TAKEN_END);
        ck_assert(gh_mcp_outbox_ended(self.outbox));
        responses += self.ends;
        gh_buf_free(&item.text);
        gh_mcp_outbox_release(self.outbox);
    }
    ck_assert_int_gt(responses, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outbox_races");
    TCase *tc = tcase_create("races");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, readers_that_take_over_from_each_other_leave_no_message_out);
    tcase_add_test(tc, finish_against_close_against_take_has_one_outcome);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

/* Event streams by their ends: only one from which nothing is missing says that it is whole. */
#include <check.h>
#include <string.h>

#include "server/mcp/engine_private.h"
#include "server/mcp/work.h"
#include "tests/support/suite.h"

typedef struct client {
    char text[1000]; /* of the stream */
    size_t ends;
    int status; /* of a reply without a stream */
} client;

static client heard;

static gh_status hear(void *context, gh_view text)
{
    client *one = context;
    ck_assert_uint_eq(one->ends, 0);
    ck_assert_uint_lt(strlen(one->text) + text.len, sizeof one->text);
    memcpy(one->text + strlen(one->text), text.ptr, text.len);
    return GH_OK;
}

static gh_status hear_end(void *context, gh_view text)
{
    gh_status status = text.len > 0 ? hear(context, text) : GH_OK;
    ((client *)context)->ends++;
    return status;
}

static void hear_json(void *context, int http_status, gh_view session, gh_view body)
{
    (void)session;
    (void)body;
    ((client *)context)->status = http_status;
}

static void hear_empty(void *context, int http_status)
{
    ((client *)context)->status = http_status;
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static gh_mcp_outbox *outbox_of_bytes(size_t bytes)
{
    const gh_mcp_outbox_options options = {.max_messages = 10, .max_bytes = bytes};
    gh_mcp_outbox *outbox = NULL;
    ck_assert_int_eq(gh_mcp_outbox_new(&options, &outbox), GH_OK);
    ck_assert_int_eq(gh_mcp_outbox_put(outbox, GH_VIEW_LIT("{\"n\":1}")), GH_OK);
    return outbox;
}

static void deliver(gh_mcp_outbox *outbox)
{
    static gh_mcp_engine engine;
    const gh_mcp_reply reply = {.context = &heard,
                                .json = hear_json,
                                .empty = hear_empty,
                                .stream = hear,
                                .stream_end = hear_end,
                                .closed = never};
    const gh_mcp_delivery delivery = {.engine = &engine, .outbox = outbox, .reply = &reply};
    memset(&heard, 0, sizeof heard);
    ck_assert(gh_mcp_deliver(&delivery));
    gh_mcp_outbox_release(outbox);
}

START_TEST(a_stream_with_its_response_is_whole)
{
    gh_mcp_outbox *outbox = outbox_of_bytes(1000);
    ck_assert(gh_mcp_outbox_finish(outbox, 200, GH_VIEW_LIT("{\"result\":{}}")));
    deliver(outbox);
    ck_assert_str_eq(heard.text, "data: {\"n\":1}\n\ndata: {\"result\":{}}\n\n");
    ck_assert_uint_eq(heard.ends, 1);
}
END_TEST

START_TEST(a_stream_that_was_closed_is_whole)
{
    gh_mcp_outbox *outbox = outbox_of_bytes(1000);
    gh_mcp_outbox_close(outbox);
    deliver(outbox);
    ck_assert_str_eq(heard.text, "data: {\"n\":1}\n\n");
    ck_assert_uint_eq(heard.ends, 1);
}
END_TEST

START_TEST(a_stream_that_overflowed_breaks_off)
{
    gh_mcp_outbox *outbox = outbox_of_bytes(10);
    ck_assert_int_eq(gh_mcp_outbox_put(outbox, GH_VIEW_LIT("{\"n\":2}")), GH_ERR_TOO_LARGE);
    deliver(outbox);
    ck_assert_str_eq(heard.text, "data: {\"n\":1}\n\n");
    ck_assert_uint_eq(heard.ends, 0);
}
END_TEST

/* That is what the outbox makes of a response for which there is no memory. */
START_TEST(a_stream_without_its_response_breaks_off)
{
    gh_mcp_outbox *outbox = outbox_of_bytes(1000);
    ck_assert(gh_mcp_outbox_finish(outbox, 500, gh_view_of("")));
    deliver(outbox);
    ck_assert_str_eq(heard.text, "data: {\"n\":1}\n\n");
    ck_assert_uint_eq(heard.ends, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("deliver");
    TCase *cases = tcase_create("all");
    tcase_add_test(cases, a_stream_with_its_response_is_whole);
    tcase_add_test(cases, a_stream_that_was_closed_is_whole);
    tcase_add_test(cases, a_stream_that_overflowed_breaks_off);
    tcase_add_test(cases, a_stream_without_its_response_breaks_off);
    suite_add_tcase(suite, cases);
    return gh_suite_run(suite);
}

#include <check.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/net/sse.h"
#include "tests/support/suite.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

/* Writes each event as "[event|data|id|retry]". */
static gh_status note(void *context, const gh_sse_event *event)
{
    gh_buf *out = context;
    (void)gh_buf_append_char(out, '[');
    (void)gh_buf_append_view(out, event->event);
    (void)gh_buf_append_char(out, '|');
    (void)gh_buf_append_view(out, event->data);
    (void)gh_buf_append_char(out, '|');
    (void)gh_buf_append_view(out, event->id);
    return gh_buf_appendf(out, "|%" PRId64 "]", event->retry_ms);
}

/* Feeds `stream` in two parts, each in a block of its own so that overreads are seen. */
static void feed_split(gh_view stream, size_t at, gh_buf *out)
{
    gh_sse_parser *parser = gh_sse_parser_new(1024, note, out);
    char *first = malloc(at > 0 ? at : 1);
    char *second = malloc(stream.len > at ? stream.len - at : 1);
    ck_assert(parser != NULL && first != NULL && second != NULL);
    memcpy(first, stream.ptr, at);
    memcpy(second, stream.ptr + at, stream.len - at);
    ck_assert_int_eq(gh_sse_parser_feed(parser, gh_view_make(first, at)), GH_OK);
    ck_assert_int_eq(gh_sse_parser_feed(parser, gh_view_make(second, stream.len - at)), GH_OK);
    gh_sse_parser_free(parser);
    free(first);
    free(second);
}

static const struct {
    const char *stream;
    const char *events;
} SAMPLES[] = {
    {"data: one\n\n", "[message|one||-1]"},
    {"data: one\r\rdata: two\r\n\r\ndata:three\n\n", "[message|one||-1][message|two||-1][message|three||-1]"},
    {"data: a\ndata: b\r\ndata:  c\rdata\n\n", "[message|a\nb\n c\n||-1]"},
    {"event: note\nid: 7\ndata: x\n\ndata: y\n\n", "[note|x|7|-1][message|y|7|-1]"},
    {"\xEF\xBB\xBF"
     "data: x\n\n",
     "[message|x||-1]"},
    {"data: x\n\n\xEF\xBB\xBF"
     "data: y\n\n",
     "[message|x||-1]"},
    {"\xEF\xBB"
     "data: x\n\n",
     ""},
    {": a comment\n:\ndata: x\n: another\n\n", "[message|x||-1]"},
    {"data:\n\n", "[message|||-1]"},
    {"event: lonely\n\n", ""},
    {"id: 3\n\n", "[message||3|-1]"},
    {"id: 3\n\nid\ndata: x\n\n", "[message||3|-1][message|x||-1]"},
    {"retry: 2500\n\n", "[message||"
                        "|2500]"},
    {"retry: 2500x\ndata: x\n\n", "[message|x||-1]"},
    {"retry: -5\ndata: x\n\n", "[message|x||-1]"},
    {"Data: x\nfoo: bar\ndata: y\n\n", "[message|y||-1]"},
    {"data: unfinished\n", ""},
    {"data: done\n\ndata: unfinished", "[message|done||-1]"},
    {"\n\n\r\n\rdata: x\n\n", "[message|x||-1]"},
    {"data: {\"a\":1}\n\n", "[message|{\"a\":1}||-1]"},
    {"data: a:b\n\n", "[message|a:b||-1]"},
};

START_TEST(events_are_the_same_at_every_split)
{
    gh_view stream = gh_view_of(SAMPLES[_i].stream);
    for (size_t at = 0; at <= stream.len; at++) {
        gh_buf out = GH_BUF_INIT(4096);
        feed_split(stream, at, &out);
        ck_assert_msg(gh_view_eq_cstr(gh_buf_view(&out), SAMPLES[_i].events), "split at %zu: %s", at,
                      gh_buf_cstr(&out));
        gh_buf_free(&out);
    }
}
END_TEST

START_TEST(events_are_the_same_byte_by_byte)
{
    gh_buf out = GH_BUF_INIT(4096);
    gh_sse_parser *parser = gh_sse_parser_new(1024, note, &out);
    for (const char *c = SAMPLES[_i].stream; *c != '\0'; c++) {
        ck_assert_int_eq(gh_sse_parser_feed(parser, gh_view_make(c, 1)), GH_OK);
    }
    ck_assert_str_eq(gh_buf_cstr(&out), SAMPLES[_i].events);
    gh_sse_parser_free(parser);
    gh_buf_free(&out);
}
END_TEST

START_TEST(an_id_with_nul_is_ignored)
{
    gh_buf out = GH_BUF_INIT(256);
    feed_split(GH_VIEW_LIT("id: 1\ndata: a\n\nid: 2\0x\ndata: b\n\n"), 0, &out);
    ck_assert_str_eq(gh_buf_cstr(&out), "[message|a|1|-1][message|b|1|-1]");
    gh_buf_free(&out);
}
END_TEST

START_TEST(an_event_has_a_ceiling_and_the_stream_has_none)
{
    gh_buf out = GH_BUF_INIT(1 << 20);
    gh_sse_parser *parser = gh_sse_parser_new(32, note, &out);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(gh_sse_parser_feed(parser, GH_VIEW_LIT("data: 01234567890123456789\n\n")), GH_OK);
    }
    ck_assert_int_eq(gh_sse_parser_feed(parser, GH_VIEW_LIT("data: 0123456789\n")), GH_OK);
    ck_assert_int_eq(gh_sse_parser_feed(parser, GH_VIEW_LIT("data: 0123456789\n")), GH_OK);
    ck_assert_int_eq(gh_sse_parser_feed(parser, GH_VIEW_LIT("x")), GH_ERR_TOO_LARGE);
    ck_assert_int_eq(gh_sse_parser_feed(parser, GH_VIEW_LIT("\n\n")), GH_ERR_TOO_LARGE);
    gh_sse_parser_free(parser);
    gh_buf_free(&out);
}
END_TEST

START_TEST(a_line_without_end_hits_the_ceiling)
{
    gh_buf out = GH_BUF_INIT(64);
    gh_sse_parser *parser = gh_sse_parser_new(100, note, &out);
    gh_status status = GH_OK;
    int fed = 0;
    while (status == GH_OK && fed < 1000) {
        status = gh_sse_parser_feed(parser, GH_VIEW_LIT(":::"));
        fed += 3;
    }
    ck_assert_int_eq(status, GH_ERR_TOO_LARGE);
    ck_assert_int_le(fed, 104);
    gh_sse_parser_free(parser);
    gh_buf_free(&out);
}
END_TEST

static gh_status refuse(void *context, const gh_sse_event *event)
{
    int *calls = context;
    (void)event;
    ++*calls;
    return GH_ERR_CANCELLED;
}

START_TEST(a_handler_can_stop_the_feed)
{
    int calls = 0;
    gh_sse_parser *parser = gh_sse_parser_new(100, refuse, &calls);
    ck_assert_int_eq(gh_sse_parser_feed(parser, GH_VIEW_LIT("data: a\n\ndata: b\n\n")), GH_ERR_CANCELLED);
    ck_assert_int_eq(calls, 1);
    gh_sse_parser_free(parser);
    gh_sse_parser_free(NULL);
}
END_TEST

START_TEST(events_are_written_in_full)
{
    gh_buf out = GH_BUF_INIT(256);
    ck_assert_int_eq(gh_sse_write(&out, GH_VIEW_LIT("message"), GH_VIEW_LIT("9"), GH_VIEW_LIT("{}")), GH_OK);
    ck_assert_int_eq(gh_sse_write(&out, gh_view_of(NULL), gh_view_of(NULL), gh_view_of(NULL)), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), "event: message\nid: 9\ndata: {}\n\ndata: \n\n");
    gh_buf_free(&out);
}
END_TEST

static const char *const DATA[][2] = {{"a\nb", "a\nb"}, {"a\r\nb", "a\nb"}, {"a\rb", "a\nb"},
                                      {"a\n", "a\n"},   {"\n\na", "\n\na"}, {" a", " a"}};

START_TEST(written_data_is_read_back_with_its_lines)
{
    gh_buf text = GH_BUF_INIT(256);
    gh_buf out = GH_BUF_INIT(256);
    gh_buf expected = GH_BUF_INIT(256);
    ck_assert_int_eq(gh_sse_write(&text, gh_view_of(NULL), GH_VIEW_LIT("1"), gh_view_of(DATA[_i][0])), GH_OK);
    feed_split(gh_buf_view(&text), 3, &out);
    ck_assert_int_eq(gh_buf_appendf(&expected, "[message|%s|1|-1]", DATA[_i][1]), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), gh_buf_cstr(&expected));
    gh_buf_free(&text);
    gh_buf_free(&out);
    gh_buf_free(&expected);
}
END_TEST

START_TEST(names_and_ids_cannot_smuggle_lines)
{
    gh_buf out = GH_BUF_INIT(256);
    const gh_view none = GH_VIEW_LIT("");
    ck_assert_int_eq(gh_sse_write(&out, GH_VIEW_LIT("a\nb"), none, none), GH_ERR_INVALID);
    ck_assert_int_eq(gh_sse_write(&out, none, GH_VIEW_LIT("a\rb"), none), GH_ERR_INVALID);
    ck_assert_int_eq(gh_sse_write(&out, none, GH_VIEW_LIT("a\0b"), none), GH_ERR_INVALID);
    ck_assert_uint_eq(out.len, 0);
    gh_buf_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sse");
    TCase *tests = tcase_create("sse");
    tcase_add_loop_test(tests, events_are_the_same_at_every_split, 0, COUNT(SAMPLES));
    tcase_add_loop_test(tests, events_are_the_same_byte_by_byte, 0, COUNT(SAMPLES));
    tcase_add_test(tests, an_id_with_nul_is_ignored);
    tcase_add_test(tests, an_event_has_a_ceiling_and_the_stream_has_none);
    tcase_add_test(tests, a_line_without_end_hits_the_ceiling);
    tcase_add_test(tests, a_handler_can_stop_the_feed);
    tcase_add_test(tests, events_are_written_in_full);
    tcase_add_loop_test(tests, written_data_is_read_back_with_its_lines, 0, COUNT(DATA));
    tcase_add_test(tests, names_and_ids_cannot_smuggle_lines);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

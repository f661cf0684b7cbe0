#include "server/exchange/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/clock.h"
#include "tests/support/suite.h"

static gh_response response;
static gh_buf message;

static void set_up(void)
{
    gh_response_init(&response, NULL);
    gh_buf_init(&message, (size_t)64 * 1024);
}

static void tear_down(void)
{
    gh_response_clear(&response);
    gh_buf_free(&message);
}

static const char *format(bool head_only, bool keep_alive)
{
    gh_buf_clear(&message);
    ck_assert_int_eq(gh_response_format(&response, head_only, keep_alive, &message), GH_OK);
    return gh_buf_cstr(&message);
}

static void assert_has(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "no \"%s\" in:\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) == NULL, "\"%s\" in:\n%s", part, text);
}

static gh_request request_with(const gh_header *headers, size_t count)
{
    return (gh_request){
        .method = GH_VIEW_LIT("GET"), .path = GH_VIEW_LIT("/"), .headers = headers, .header_count = count};
}

static int64_t now_s;

static int64_t fixed_clock(void)
{
    return now_s * 1000 + 999;
}

START_TEST(the_date_is_right_in_every_century)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } dates[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},          {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {946684799, "Fri, 31 Dec 1999 23:59:59 GMT"},  {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {1709164800, "Thu, 29 Feb 2024 00:00:00 GMT"}, {1795422600, "Mon, 23 Nov 2026 08:30:00 GMT"},
        {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"}, {4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"}};
    gh_response_empty(&response, 204);
    gh_clock_set_source(NULL, fixed_clock);
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        char line[64];
        now_s = dates[i].seconds;
        (void)snprintf(line, sizeof line, "\r\nDate: %s\r\n", dates[i].text);
        assert_has(format(false, true), line);
    }
    gh_clock_set_source(NULL, NULL);
}
END_TEST

START_TEST(a_json_reply_is_one_whole_message)
{
    gh_response_json(&response, 201, GH_VIEW_LIT("{\"a\":1}"));
    const char *text = format(false, true);
    ck_assert(gh_view_starts_with(gh_buf_view(&message), GH_VIEW_LIT("HTTP/1.1 201 Created\r\nDate: ")));
    assert_has(text, " GMT\r\n");
    assert_has(text, "\r\nContent-Type: application/json\r\n");
    assert_has(text, "\r\nContent-Length: 7\r\n");
    assert_has(text, "\r\nConnection: keep-alive\r\n");
    assert_has(text, "\r\nX-Content-Type-Options: nosniff\r\n");
    assert_has(text, "\r\nCache-Control: no-store\r\n");
    assert_has(text, "\r\n\r\n{\"a\":1}");
}
END_TEST

START_TEST(a_cache_control_of_the_handler_is_kept_alone)
{
    gh_response_header_cstr(&response, "cache-control", "max-age=60");
    gh_response_json(&response, 200, GH_VIEW_LIT("{}"));
    assert_has(format(false, true), "\r\ncache-control: max-age=60\r\n");
    assert_lacks(gh_buf_cstr(&message), "no-store");
}
END_TEST

START_TEST(head_tells_the_length_without_the_body)
{
    gh_response_text(&response, 200, "hello");
    assert_has(format(true, true), "\r\nContent-Length: 5\r\n\r\n");
    ck_assert(gh_view_ends_with(gh_buf_view(&message), GH_VIEW_LIT("\r\n\r\n")));
}
END_TEST

START_TEST(no_content_has_no_length_and_no_type)
{
    gh_response_empty(&response, 204);
    assert_lacks(format(false, true), "Content-Length");
    assert_lacks(gh_buf_cstr(&message), "Content-Type:");
}
END_TEST

START_TEST(closing_wins_over_keeping_alive)
{
    gh_response_empty(&response, 202);
    response.close = true;
    assert_has(format(false, true), "\r\nConnection: close\r\n");
    response.close = false;
    assert_has(format(false, false), "\r\nConnection: close\r\n");
}
END_TEST

START_TEST(the_last_body_wins_and_headers_stay)
{
    gh_response_header_cstr(&response, "X-One", "1");
    gh_response_html(&response, 200, GH_VIEW_LIT("<p>"));
    gh_response_error(&response, 400, "bad", "a \"quoted\" thing");
    const char *text = format(false, true);
    assert_has(text, "HTTP/1.1 400 Bad Request\r\n");
    assert_has(text, "X-One: 1\r\n");
    assert_has(text, "{\"error\":\"bad\",\"error_description\":\"a \\\"quoted\\\" thing\"}");
    assert_lacks(text, "<p>");
    assert_lacks(text, "text/html");
}
END_TEST

START_TEST(a_header_that_would_split_the_response_makes_it_a_500)
{
    static const struct {
        const char *name;
        gh_view value;
    } bad[] = {{"X-A", GH_VIEW_LIT("a\r\nSet-Cookie: x=y")},
               {"X-A", GH_VIEW_LIT("a\nb")},
               {"X-A", GH_VIEW_LIT("a\0b")},
               {"X A", GH_VIEW_LIT("a")},
               {"X-A:", GH_VIEW_LIT("a")},
               {"", GH_VIEW_LIT("a")}};
    tear_down();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        set_up();
        gh_response_header_cstr(&response, "X-Secret", "s");
        gh_response_header(&response, bad[i].name, bad[i].value);
        gh_response_json(&response, 200, GH_VIEW_LIT("{\"token\":\"t\"}"));
        const char *text = format(false, true);
        assert_has(text, "HTTP/1.1 500 ");
        assert_has(text, "server_error");
        assert_has(text, "Connection: close");
        assert_lacks(text, "Set-Cookie");
        assert_lacks(text, "token");
        tear_down();
    }
    set_up();
}
END_TEST

START_TEST(a_redirect_is_not_stored)
{
    gh_response_redirect(&response, 303, GH_VIEW_LIT("http://localhost:1/cb?code=x"));
    const char *text = format(false, true);
    assert_has(text, "HTTP/1.1 303 See Other\r\n");
    assert_has(text, "\r\nLocation: http://localhost:1/cb?code=x\r\n");
    assert_has(text, "\r\nCache-Control: no-store\r\n");
    assert_has(text, "\r\nContent-Length: 0\r\n");
}
END_TEST

START_TEST(a_handler_that_says_nothing_is_a_500)
{
    assert_has(format(false, true), "HTTP/1.1 500 Internal Server Error\r\n");
}
END_TEST

START_TEST(headers_are_found_without_case)
{
    const gh_header headers[] = {
        {GH_VIEW_LIT("CONTENT-type"), GH_VIEW_LIT("Application/JSON; charset=utf-8")},
        {GH_VIEW_LIT("X-Empty"), {NULL, 0}},
        {GH_VIEW_LIT("X-Two"), GH_VIEW_LIT("1")},
        {GH_VIEW_LIT("x-two"), GH_VIEW_LIT("2")}};
    gh_request request = request_with(headers, 4);
    ck_assert(gh_request_is_type(&request, "application/json"));
    ck_assert(!gh_request_is_type(&request, "application/jso"));
    ck_assert(gh_view_eq_cstr(gh_request_header(&request, "X-Two"), "1"));
    ck_assert_ptr_nonnull(gh_request_header(&request, "x-empty").ptr);
    ck_assert_ptr_null(gh_request_header(&request, "X-None").ptr);
}
END_TEST

START_TEST(cookies_are_found_by_exact_name)
{
    const gh_header headers[] = {{GH_VIEW_LIT("Cookie"), GH_VIEW_LIT("xa=0; a=1;b=two=2 ; c")},
                                 {GH_VIEW_LIT("cookie"), GH_VIEW_LIT("d=4; a=5")}};
    gh_request request = request_with(headers, 2);
    ck_assert(gh_view_eq_cstr(gh_request_cookie(&request, "a"), "1"));
    ck_assert(gh_view_eq_cstr(gh_request_cookie(&request, "b"), "two=2"));
    ck_assert(gh_view_eq_cstr(gh_request_cookie(&request, "d"), "4"));
    ck_assert_ptr_null(gh_request_cookie(&request, "c").ptr);
    ck_assert_ptr_null(gh_request_cookie(&request, "A").ptr);
}
END_TEST

typedef struct wire {
    gh_buf bytes;
    int writes;
    bool gone;
} wire;

static gh_status wire_write(void *context, gh_view bytes)
{
    wire *out = context;
    out->writes++;
    return out->gone ? GH_ERR_CLOSED : gh_buf_append_view(&out->bytes, bytes);
}

static bool wire_closed(void *context)
{
    return ((const wire *)context)->gone;
}

static bool wire_keeps(void *context)
{
    (void)context;
    return true;
}

/* A stream whose connection is kept. */
static wire kept;
static gh_response stream_of_kept;
static const gh_response_sink KEPT = {
    .context = &kept, .write = wire_write, .closed = wire_closed, .keeps = wire_keeps};

static gh_response *keep(void)
{
    kept = (wire){.bytes = GH_BUF_INIT((size_t)1 << 20)};
    gh_response_init(&stream_of_kept, &KEPT);
    return &stream_of_kept;
}

/* Where the body begins. */
static const char *sent_body(void)
{
    const char *end = strstr(gh_buf_cstr(&kept.bytes), "\r\n\r\n");
    return end == NULL ? "" : end + 4;
}

static void forget_kept(void)
{
    gh_response_clear(&stream_of_kept);
    gh_buf_free(&kept.bytes);
}

START_TEST(a_stream_on_a_connection_that_is_kept_goes_out_in_chunks)
{
    gh_response *stream = keep();
    ck_assert_int_eq(gh_response_stream_begin(stream, 200, GH_VIEW_LIT("data: 1\n\n")), GH_OK);
    ck_assert_int_eq(kept.writes, 1);
    assert_has(gh_buf_cstr(&kept.bytes), "\r\nTransfer-Encoding: chunked\r\n");
    assert_has(gh_buf_cstr(&kept.bytes), "\r\nConnection: keep-alive\r\n");
    assert_lacks(gh_buf_cstr(&kept.bytes), "Content-Length");
    ck_assert_str_eq(sent_body(), "9\r\ndata: 1\n\n\r\n");
    ck_assert_int_eq(gh_response_stream_write(stream, GH_VIEW_LIT("data: 0123456789\n\n")), GH_OK);
    ck_assert_int_eq(gh_response_stream_end(stream, GH_VIEW_LIT("data: 2\n\n")), GH_OK);
    ck_assert_int_eq(kept.writes, 3);
    ck_assert_str_eq(sent_body(), "9\r\ndata: 1\n\n\r\n12\r\ndata: 0123456789\n\n\r\n"
                                  "9\r\ndata: 2\n\n\r\n0\r\n\r\n");
    ck_assert(stream->ended);
    ck_assert(gh_response_stream_closed(stream));
    ck_assert_int_eq(gh_response_stream_write(stream, GH_VIEW_LIT("x")), GH_ERR_CLOSED);
    ck_assert_int_eq(gh_response_stream_end(stream, GH_VIEW_LIT("x")), GH_ERR_CLOSED);
    ck_assert_int_eq(kept.writes, 3);
    forget_kept();
}
END_TEST

START_TEST(no_text_is_no_chunk)
{
    gh_response *stream = keep();
    ck_assert_int_eq(gh_response_stream_begin(stream, 200, gh_view_of("")), GH_OK);
    ck_assert_int_eq(gh_response_stream_write(stream, gh_view_of("")), GH_OK);
    ck_assert_str_eq(sent_body(), "");
    ck_assert_int_eq(gh_response_stream_end(stream, gh_view_of("")), GH_OK);
    ck_assert_str_eq(sent_body(), "0\r\n\r\n");
    forget_kept();
}
END_TEST

START_TEST(large_texts_are_chunks_like_all)
{
    static char text[200001];
    gh_response *stream = keep();
    memset(text, 'v', sizeof text - 1);
    ck_assert_int_eq(gh_response_stream_begin(stream, 200, gh_view_of("")), GH_OK);
    ck_assert_int_eq(gh_response_stream_write(stream, gh_view_of(text)), GH_OK);
    ck_assert_int_eq(gh_response_stream_end(stream, gh_view_of(text)), GH_OK);
    const char *body = sent_body();
    const char *second = body + strlen("30d40\r\n") + 200000;
    ck_assert_int_eq(strncmp(body, "30d40\r\nvv", 9), 0);
    ck_assert_int_eq(strncmp(second, "\r\n30d40\r\nvv", 11), 0);
    ck_assert_str_eq(second + strlen("\r\n30d40\r\n") + 200000, "\r\n0\r\n\r\n");
    forget_kept();
}
END_TEST

START_TEST(a_stream_that_could_not_be_sent_has_no_end)
{
    gh_response *stream = keep();
    ck_assert_int_eq(gh_response_stream_begin(stream, 200, GH_VIEW_LIT("data: 1\n\n")), GH_OK);
    kept.gone = true;
    ck_assert_int_eq(gh_response_stream_end(stream, GH_VIEW_LIT("data: 2\n\n")), GH_ERR_CLOSED);
    ck_assert(!stream->ended);
    forget_kept();
}
END_TEST

START_TEST(a_response_that_is_to_close_its_connection_has_no_chunks)
{
    gh_response *stream = keep();
    stream->close = true;
    ck_assert_int_eq(gh_response_stream_begin(stream, 200, GH_VIEW_LIT("data: 1\n\n")), GH_OK);
    ck_assert_int_eq(gh_response_stream_end(stream, GH_VIEW_LIT("data: 2\n\n")), GH_OK);
    assert_has(gh_buf_cstr(&kept.bytes), "\r\nConnection: close\r\n");
    assert_lacks(gh_buf_cstr(&kept.bytes), "Transfer-Encoding");
    ck_assert_str_eq(sent_body(), "data: 1\n\ndata: 2\n\n");
    forget_kept();
}
END_TEST

START_TEST(a_stream_sends_its_head_first_and_then_what_is_written)
{
    wire out = {.bytes = GH_BUF_INIT(4096)};
    const gh_response_sink sink = {.context = &out, .write = wire_write, .closed = wire_closed};
    gh_response stream;
    gh_response_init(&stream, &sink);
    gh_response_header_cstr(&stream, "X-One", "1");
    ck_assert_int_eq(gh_response_stream_begin(&stream, 200, gh_view_of("")), GH_OK);
    ck_assert_int_eq(gh_response_stream_write(&stream, GH_VIEW_LIT("data: 1\n\n")), GH_OK);
    gh_response_json(&stream, 500, GH_VIEW_LIT("{}"));
    const char *text = gh_buf_cstr(&out.bytes);
    assert_has(text, "HTTP/1.1 200 OK\r\n");
    assert_has(text, "Content-Type: text/event-stream\r\n");
    assert_has(text, "Cache-Control: no-store\r\n");
    assert_has(text, "X-Accel-Buffering: no\r\n");
    assert_has(text, "Connection: close\r\n");
    assert_has(text, "X-One: 1\r\n");
    assert_has(text, "\r\n\r\ndata: 1\n\n");
    assert_lacks(text, "Content-Length");
    ck_assert_int_eq(stream.status, 200);
    ck_assert(!gh_response_stream_closed(&stream));
    out.gone = true;
    ck_assert(gh_response_stream_closed(&stream));
    ck_assert_int_eq(gh_response_stream_write(&stream, GH_VIEW_LIT("x")), GH_ERR_CLOSED);
    gh_response_clear(&stream);
    gh_buf_free(&out.bytes);
}
END_TEST

START_TEST(headers_of_any_size_stay_whole_up_to_the_ceiling)
{
    static char value[9001];
    memset(value, 'v', sizeof value - 1);
    for (int i = 0; i < 3; i++) {
        gh_response_header_cstr(&response, "Set-Cookie", value);
        gh_response_header_cstr(&response, "X-Short", "s");
    }
    gh_response_empty(&response, 200);
    gh_view head = gh_buf_view(&response.head);
    ck_assert_uint_eq(head.len,
                      3 * (strlen("Set-Cookie: \r\n") + sizeof value - 1 + strlen("X-Short: s\r\n")));
    ck_assert(gh_view_ends_with(head, GH_VIEW_LIT("vv\r\nX-Short: s\r\n")));
    ck_assert_int_eq(response.status, 200);
    gh_response_header_cstr(&response, "Set-Cookie", value);
    ck_assert_int_eq(response.status, 500);
    assert_lacks(format(false, true), "vv");
}
END_TEST

START_TEST(a_stream_needs_a_beginning_and_a_peer)
{
    ck_assert_int_eq(gh_response_stream_write(&response, GH_VIEW_LIT("x")), GH_ERR_INVALID);
    ck_assert_int_eq(gh_response_stream_begin(&response, 200, gh_view_of("")), GH_ERR_CLOSED);
    ck_assert(gh_response_stream_closed(&response));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exchange");
    TCase *tests = tcase_create("exchange");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, the_date_is_right_in_every_century);
    tcase_add_test(tests, a_json_reply_is_one_whole_message);
    tcase_add_test(tests, a_cache_control_of_the_handler_is_kept_alone);
    tcase_add_test(tests, head_tells_the_length_without_the_body);
    tcase_add_test(tests, no_content_has_no_length_and_no_type);
    tcase_add_test(tests, closing_wins_over_keeping_alive);
    tcase_add_test(tests, the_last_body_wins_and_headers_stay);
    tcase_add_test(tests, a_header_that_would_split_the_response_makes_it_a_500);
    tcase_add_test(tests, a_redirect_is_not_stored);
    tcase_add_test(tests, a_handler_that_says_nothing_is_a_500);
    tcase_add_test(tests, headers_are_found_without_case);
    tcase_add_test(tests, cookies_are_found_by_exact_name);
    tcase_add_test(tests, a_stream_sends_its_head_first_and_then_what_is_written);
    tcase_add_test(tests, a_stream_on_a_connection_that_is_kept_goes_out_in_chunks);
    tcase_add_test(tests, no_text_is_no_chunk);
    tcase_add_test(tests, large_texts_are_chunks_like_all);
    tcase_add_test(tests, a_stream_that_could_not_be_sent_has_no_end);
    tcase_add_test(tests, a_response_that_is_to_close_its_connection_has_no_chunks);
    tcase_add_test(tests, headers_of_any_size_stay_whole_up_to_the_ceiling);
    tcase_add_test(tests, a_stream_needs_a_beginning_and_a_peer);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include "server/http/guard.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

#define HOST                                                                                                 \
    {                                                                                                        \
        GH_VIEW_LIT("Host"), GH_VIEW_LIT("localhost:8080")                                                   \
    }

typedef struct request {
    const char *version;
    const char *target;
    const char *query;
    gh_header headers[GH_WIRE_HEADERS_MAX];
    size_t count;
} request;

static gh_guard_verdict check(const request *asked)
{
    gh_wire wire = {.method = GH_VIEW_LIT("POST"),
                    .target = gh_view_of(asked->target != NULL ? asked->target : "/mcp"),
                    .query = gh_view_of(asked->query),
                    .version = gh_view_of(asked->version != NULL ? asked->version : "1.1"),
                    .header_count = asked->count};
    memcpy(wire.headers, asked->headers, sizeof wire.headers);
    gh_guard_verdict verdict = gh_guard_check(&wire, true);
    if (verdict.status != 0) {
        ck_assert_ptr_nonnull(verdict.code);
        ck_assert_ptr_nonnull(verdict.description);
        ck_assert(!verdict.keep_alive);
    }
    return verdict;
}

static gh_guard_verdict check_header(const char *name, const char *value)
{
    request asked = {.headers = {HOST, {gh_view_of(name), gh_view_of(value)}}, .count = 2};
    return check(&asked);
}

static int status_of(const char *name, const char *value)
{
    return check_header(name, value).status;
}

static int status_of_target(const char *target, const char *query)
{
    request asked = {.target = target, .query = query, .headers = {HOST}, .count = 1};
    return check(&asked).status;
}

START_TEST(a_plain_request_passes)
{
    gh_guard_verdict verdict = check(&(request){.headers = {HOST}, .count = 1});
    ck_assert_int_eq(verdict.status, 0);
    ck_assert_int_eq(verdict.body, GH_GUARD_BODY_NONE);
    ck_assert(verdict.keep_alive);
}
END_TEST

START_TEST(a_length_is_digits_only)
{
    static const char *const bad[] = {"40abc", "+1", "-1", "0x10", "1 1", "1,1", "", "1.0", "\xd9\xa1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(status_of("Content-Length", bad[i]) == 400, "\"%s\" passed", bad[i]);
    }
    gh_guard_verdict verdict = check_header("Content-Length", "0017");
    ck_assert_int_eq(verdict.status, 0);
    ck_assert_int_eq(verdict.body, GH_GUARD_BODY_LENGTH);
    ck_assert_uint_eq(verdict.length, 17);
    ck_assert_int_eq(check_header("Content-Length", "0").body, GH_GUARD_BODY_NONE);
}
END_TEST

START_TEST(a_length_beyond_numbers_is_too_large)
{
    ck_assert_int_eq(status_of("Content-Length", "99999999999999999999999"), 413);
    ck_assert_int_eq(status_of("Content-Length", "9223372036854775808"), 413);
    ck_assert_int_eq(status_of("Content-Length", "9223372036854775807"), 0);
}
END_TEST

START_TEST(length_and_chunks_exclude_each_other)
{
    request asked = {.headers = {HOST,
                                 {GH_VIEW_LIT("Content-Length"), GH_VIEW_LIT("5")},
                                 {GH_VIEW_LIT("transfer-encoding"), GH_VIEW_LIT("chunked")}},
                     .count = 3};
    ck_assert_int_eq(check(&asked).status, 400);
}
END_TEST

START_TEST(the_only_transfer_encoding_is_chunked)
{
    static const char *const bad[] = {"gzip",     "chunked, gzip", "gzip, chunked",
                                      "identity", "xchunked",      "chunked, chunked",
                                      "",         "chunked;q=1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(status_of("Transfer-Encoding", bad[i]) == 400, "\"%s\" passed", bad[i]);
    }
    ck_assert_int_eq(check_header("Transfer-Encoding", "Chunked").body, GH_GUARD_BODY_CHUNKED);
    ck_assert_int_eq(status_of("Transfer-Encoding", "Chunked"), 0);
    request old = {.version = "1.0",
                   .headers = {HOST, {GH_VIEW_LIT("Transfer-Encoding"), GH_VIEW_LIT("chunked")}},
                   .count = 2};
    ck_assert_int_eq(check(&old).status, 400);
}
END_TEST

START_TEST(headers_with_one_meaning_occur_once)
{
    static const char *const names[] = {
        "Host",     "content-length", "TRANSFER-ENCODING", "Content-Type",         "Authorization",
        "Origin",   "Expect",         "Mcp-Session-Id",    "MCP-Protocol-Version", "Mcp-Method",
        "Mcp-Name", "Last-Event-ID",  "mcp-param-A"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        request asked = {.headers = {HOST,
                                     {gh_view_of(names[i]), GH_VIEW_LIT("1")},
                                     {gh_view_of(names[i]), GH_VIEW_LIT("1")}},
                         .count = 3};
        ck_assert_msg(check(&asked).status == 400, "two %s passed", names[i]);
    }
    request params = {.headers = {HOST,
                                  {GH_VIEW_LIT("Mcp-Param-A"), GH_VIEW_LIT("1")},
                                  {GH_VIEW_LIT("Mcp-Param-B"), GH_VIEW_LIT("1")}},
                      .count = 3};
    ck_assert_int_eq(check(&params).status, 0);
    request accept = {.headers = {HOST,
                                  {GH_VIEW_LIT("Accept"), GH_VIEW_LIT("a/b")},
                                  {GH_VIEW_LIT("Accept"), GH_VIEW_LIT("c/d")}},
                      .count = 3};
    ck_assert_int_eq(check(&accept).status, 0);
}
END_TEST

START_TEST(a_host_is_required_by_http_1_1)
{
    ck_assert_int_eq(check(&(request){.count = 0}).status, 400);
    gh_guard_verdict old = check(&(request){.version = "1.0", .count = 0});
    ck_assert_int_eq(old.status, 0);
    ck_assert(!old.keep_alive);
    ck_assert_int_eq(check(&(request){.version = "2.0", .headers = {HOST}, .count = 1}).status, 505);
}
END_TEST

START_TEST(header_names_are_tokens_and_values_printable)
{
    ck_assert_int_eq(status_of("X(A)", "1"), 400);
    ck_assert_int_eq(status_of("X A", "1"), 400);
    ck_assert_int_eq(status_of("", "1"), 400);
    ck_assert_int_eq(status_of("X-A", "a\x01"
                                      "b"),
                     400);
    ck_assert_int_eq(status_of("X-A", "caf\xc3\xa9"), 0);
}
END_TEST

START_TEST(too_many_headers_are_431)
{
    request asked = {.headers = {HOST}, .count = 61};
    for (size_t i = 1; i < 61; i++) {
        asked.headers[i] = (gh_header){GH_VIEW_LIT("X-A"), GH_VIEW_LIT("1")};
    }
    ck_assert_int_eq(check(&asked).status, 431);
    asked.count = 60;
    ck_assert_int_eq(check(&asked).status, 0);
}
END_TEST

START_TEST(targets_are_paths)
{
    static const char *const bad[] = {"http://localhost:8080/mcp",
                                      "*",
                                      "mcp",
                                      "",
                                      "/a#b",
                                      "/a%00b",
                                      "/a%0ab",
                                      "/a%7f",
                                      "/a%zz",
                                      "/a%2",
                                      "/a\\b",
                                      "/a b",
                                      "/caf\xc3\xa9",
                                      "/a\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(status_of_target(bad[i], NULL) == 400, "\"%s\" passed", bad[i]);
    }
    ck_assert_int_eq(status_of_target("/a/../b;c=d,e@:!$&'()*+~", "x=%20&y"), 0);
    ck_assert_int_eq(status_of_target("/a", "b#c"), 400);
    char path[GH_GUARD_PATH_MAX + 2];
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    ck_assert_int_eq(status_of_target(path, NULL), 414);
    path[sizeof path - 2] = '\0';
    ck_assert_int_eq(status_of_target(path, NULL), 0);
}
END_TEST

START_TEST(only_100_continue_is_expected)
{
    ck_assert(check_header("Expect", "100-Continue").expects_continue);
    ck_assert_int_eq(status_of("Expect", "200-ok"), 417);
    request old = {.version = "1.0",
                   .headers = {HOST, {GH_VIEW_LIT("Expect"), GH_VIEW_LIT("100-continue")}},
                   .count = 2};
    ck_assert(!check(&old).expects_continue);
}
END_TEST

START_TEST(the_client_says_whether_to_keep_the_connection)
{
    ck_assert(check_header("Connection", "Keep-Alive").keep_alive);
    ck_assert(!check_header("Connection", "close").keep_alive);
    ck_assert(!check_header("Connection", "keep-alive, Close").keep_alive);
    request old = {.version = "1.0",
                   .headers = {HOST, {GH_VIEW_LIT("Connection"), GH_VIEW_LIT("keep-alive")}},
                   .count = 2};
    ck_assert(!check(&old).keep_alive);
}
END_TEST

START_TEST(a_head_that_was_not_clean_is_refused)
{
    gh_wire wire = {.method = GH_VIEW_LIT("GET"),
                    .target = GH_VIEW_LIT("/"),
                    .version = GH_VIEW_LIT("1.1"),
                    .headers = {HOST},
                    .header_count = 1};
    ck_assert_int_eq(gh_guard_check(&wire, false).status, 400);
    ck_assert_int_eq(gh_guard_check(&wire, true).status, 0);
}
END_TEST

/* Splits `head` as the parser below the guard does: in place, each separator overwritten with NUL. The parts
 * are given as they would be found. */
typedef struct parsed {
    char *buffer;
    gh_wire wire;
    size_t len;
} parsed;

static gh_view part_at(const parsed *p, const char *text)
{
    const char *found = strstr(p->buffer, text);
    ck_assert_ptr_nonnull(found);
    return gh_view_make(found, strlen(text));
}

/* The example request "GET /a?b HTTP/1.1", "Host: x", "X-Y: z" with the given line ends and separators. */
static bool clean(const char *lead, const char *space, const char *end1, const char *colon, const char *end2,
                  const char *end3, const char *final)
{
    gh_buf head = GH_BUF_INIT(4096);
    (void)gh_buf_appendf(&head, "%sGET%s/a?b HTTP/1.1%sHost%s x%sX-Y: z%s%s", lead, space, end1, colon, end2,
                         end3, final);
    parsed p = {.len = head.len};
    p.buffer = gh_buf_steal(&head);
    ck_assert_ptr_nonnull(p.buffer);
    p.wire = (gh_wire){
        .method = part_at(&p, "GET"),
        .target = part_at(&p, "/a"),
        .query = part_at(&p, "b HTTP"),
        .version = part_at(&p, "1.1"),
        .headers = {{part_at(&p, "Host"), part_at(&p, "x")}, {part_at(&p, "X-Y"), part_at(&p, "z")}},
        .header_count = 2};
    p.wire.query.len = 1;
    /* What the parser overwrites: blanks after method, target and version, colons with blanks before them,
     * line ends after values, and the very last byte. */
    const gh_view words[] = {p.wire.method, p.wire.query, p.wire.version};
    for (size_t i = 0; i < 3; i++) {
        char *c = p.buffer + (words[i].ptr + words[i].len - p.buffer);
        while (*c == ' ' || *c == '\r' || *c == '\n') {
            *c++ = '\0';
        }
    }
    p.buffer[p.wire.target.ptr + p.wire.target.len - p.buffer] = '\0';
    for (size_t i = 0; i < 2; i++) {
        char *c = p.buffer + (p.wire.headers[i].name.ptr + p.wire.headers[i].name.len - p.buffer);
        while (*c == ' ') {
            *c++ = '\0';
        }
        *c = '\0';
        c = p.buffer + (p.wire.headers[i].value.ptr + p.wire.headers[i].value.len - p.buffer);
        if (*c == '\r') {
            *c++ = '\0';
        }
        *c = '\0';
    }
    p.buffer[p.len - 1] = '\0';
    bool result = gh_wire_is_clean(&p.wire, p.buffer, p.buffer + p.len);
    free(p.buffer);
    return result;
}

START_TEST(line_ends_are_cr_lf_and_separators_single)
{
    ck_assert(clean("", " ", "\r\n", ":", "\r\n", "\r\n", "\r\n"));
    ck_assert(clean("\r\n", " ", "\r\n", ":", "\r\n", "\r\n", "\r\n"));
    ck_assert(!clean("\r\n\r\n", " ", "\r\n", ":", "\r\n", "\r\n", "\r\n"));
    ck_assert(!clean("\n\n", " ", "\r\n", ":", "\r\n", "\r\n", "\r\n"));
    ck_assert(!clean("", "  ", "\r\n", ":", "\r\n", "\r\n", "\r\n"));
    ck_assert(!clean("", " ", "\n", ":", "\r\n", "\r\n", "\r\n"));
    ck_assert(!clean("", " ", "\r\n", " :", "\r\n", "\r\n", "\r\n"));
    ck_assert(!clean("", " ", "\r\n", ":", "\n", "\r\n", "\r\n"));
    ck_assert(!clean("", " ", "\r\n", ":", "\r\n", "\n", "\n"));
    ck_assert(!clean("", " ", "\r\n ", ":", "\r\n", "\r\n", "\r\n"));
}
END_TEST

START_TEST(a_line_that_the_parser_stopped_at_is_seen)
{
    ck_assert(!clean("", " ", "\r\n", ":", "\r\n", "\r\n", " folded\r\n\r\n"));
    ck_assert(!clean("", " ", "\r\n", ":", "\r\n", "\r\n", "One: more\r\n\r\n"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *tests = tcase_create("guard");
    tcase_add_test(tests, a_plain_request_passes);
    tcase_add_test(tests, a_length_is_digits_only);
    tcase_add_test(tests, a_length_beyond_numbers_is_too_large);
    tcase_add_test(tests, length_and_chunks_exclude_each_other);
    tcase_add_test(tests, the_only_transfer_encoding_is_chunked);
    tcase_add_test(tests, headers_with_one_meaning_occur_once);
    tcase_add_test(tests, a_host_is_required_by_http_1_1);
    tcase_add_test(tests, header_names_are_tokens_and_values_printable);
    tcase_add_test(tests, too_many_headers_are_431);
    tcase_add_test(tests, targets_are_paths);
    tcase_add_test(tests, only_100_continue_is_expected);
    tcase_add_test(tests, the_client_says_whether_to_keep_the_connection);
    tcase_add_test(tests, a_head_that_was_not_clean_is_refused);
    tcase_add_test(tests, line_ends_are_cr_lf_and_separators_single);
    tcase_add_test(tests, a_line_that_the_parser_stopped_at_is_seen);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

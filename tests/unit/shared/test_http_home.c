#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/http_fixture.h"
#include "tests/support/suite.h"

#include "shared/net/http_client.h"

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

static const gh_http_fixture_step STEPS[] = {{.reply = OK_REPLY, .repeat = true}};
static gh_http_fixture *home, *other;
static char home_url[GH_HTTP_FIXTURE_URL_MAX];

static void start(void)
{
    home = gh_http_fixture_start(STEPS, 1);
    other = gh_http_fixture_start(STEPS, 1);
    ck_assert_ptr_nonnull(home);
    ck_assert_ptr_nonnull(other);
    gh_http_fixture_url(home, "/mcp", home_url);
}

static void finish(void)
{
    gh_http_fixture_stop(home);
    gh_http_fixture_stop(other);
}

static gh_status client_with(const char *name, const char *value, gh_http_client **client)
{
    const gh_http_header headers[] = {{name, value}};
    const gh_http_client_options options = {
        .user_agent = "test", .home = home_url, .home_headers = headers, .home_header_count = 1};

    return gh_http_client_new(&options, client, NULL);
}

static void get(gh_http_client *client, const gh_http_fixture *from, const char *path,
                const gh_http_header *header)
{
    char url[GH_HTTP_FIXTURE_URL_MAX];
    gh_http_result result = {0};
    gh_buf body = GH_BUF_INIT(4096);
    gh_http_fixture_url(from, path, url);
    const gh_http_request request = {.method = "GET",
                                     .url = url,
                                     .headers = header,
                                     .header_count = header != NULL ? 1 : 0,
                                     .timeout_ms = 5000};
    ck_assert_int_eq(gh_http_perform(client, &request, &body, &result), GH_OK);
    gh_buf_free(&body);
}

START_TEST(a_header_goes_to_every_path_of_its_origin_and_nowhere_else)
{
    gh_http_client *client = NULL;
    ck_assert_int_eq(client_with("X-Key", "secret", &client), GH_OK);
    get(client, home, "/mcp", NULL);
    get(client, home, "/.well-known/x", NULL);
    get(client, other, "/mcp", NULL);
    ck_assert(gh_http_fixture_has_line(home, 0, "X-Key: secret"));
    ck_assert(gh_http_fixture_has_line(home, 1, "X-Key: secret"));
    ck_assert(!gh_http_fixture_has_line(other, 0, "X-Key: secret"));
    gh_http_client_free(client);
}
END_TEST

START_TEST(what_the_request_says_itself_counts)
{
    const gh_http_header own = {"AUTHORIZATION", "Bearer own"};
    gh_http_client *client = NULL;
    ck_assert_int_eq(client_with("Authorization", "Bearer given", &client), GH_OK);
    get(client, home, "/mcp", &own);
    ck_assert(gh_http_fixture_has_line(home, 0, "AUTHORIZATION: Bearer own"));
    ck_assert(!gh_http_fixture_has_line(home, 0, "Authorization: Bearer given"));
    gh_http_client_free(client);
}
END_TEST

START_TEST(what_http_cannot_carry_is_refused)
{
    gh_http_client *client = NULL;
    ck_assert_int_eq(client_with("X-Key", "a\r\nX-More: b", &client), GH_ERR_INVALID);
    ck_assert_int_eq(client_with("X Key", "a", &client), GH_ERR_INVALID);
    ck_assert_int_eq(client_with("", "a", &client), GH_ERR_INVALID);
    ck_assert(gh_http_header_is_valid("X-Key", "a\tb"));
    ck_assert(!gh_http_header_is_valid("X-Key:", "a"));
    ck_assert(!gh_http_header_is_valid("X-Key", "a\x7f"));
}
END_TEST

static const struct {
    const char *reference, *resolved; /* seen from http://127.0.0.1:81/a/sse?x=1 */
} REFERENCES[] = {
    {"/messages?id=1", "http://127.0.0.1:81/messages?id=1"},
    {"messages", "http://127.0.0.1:81/a/messages"},
    {"../b", "http://127.0.0.1:81/b"},
    {"?id=1", "http://127.0.0.1:81/a/sse?id=1"},
    {"http://127.0.0.1:81/c", "http://127.0.0.1:81/c"},
    {"http://127.0.0.1:82/c", NULL},
    {"http://127.0.0.1/c", NULL},
    {"https://127.0.0.1:81/c", NULL},
    {"//127.0.0.1:82/c", NULL},
    {"//example.org/c", NULL},
    {"http://user@127.0.0.1:81/c", NULL},
    {"file:///etc/passwd", NULL},
    {"javascript:alert(1)", NULL},
    {"/a\r\nb", NULL},
};

START_TEST(a_reference_is_resolved_within_its_origin)
{
    char *url = gh_http_resolve_same_origin("http://127.0.0.1:81/a/sse?x=1", REFERENCES[_i].reference);
    if (REFERENCES[_i].resolved == NULL) {
        ck_assert_msg(url == NULL, "%s", REFERENCES[_i].reference);
    } else {
        ck_assert_ptr_nonnull(url);
        ck_assert_str_eq(url, REFERENCES[_i].resolved);
    }
    free(url);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_home");
    TCase *tests = tcase_create("http_home");
    tcase_add_checked_fixture(tests, start, finish);
    tcase_add_test(tests, a_header_goes_to_every_path_of_its_origin_and_nowhere_else);
    tcase_add_test(tests, what_the_request_says_itself_counts);
    tcase_add_test(tests, what_http_cannot_carry_is_refused);
    tcase_add_loop_test(tests, a_reference_is_resolved_within_its_origin, 0,
                        (int)(sizeof(REFERENCES) / sizeof(REFERENCES[0])));
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include <check.h>
#include <stdio.h>

#include "tests/support/http_fixture.h"
#include "tests/support/suite.h"

#include "shared/net/http_client.h"

START_TEST(two_pairs_of_host_and_port_are_valid)
{
    static const char *const good[] = {
        "auth.example.com:443:authentik-server:9443",
        "localhost:9000:server:9000",
        "a:1:127.0.0.1:65535",
        "[::1]:80:[fe80::1]:8080",
        "a_b:1:c-d.e:2",
        "a:1:[::ffff:127.0.0.1]:2",
    };
    static const char *const bad[] = {
        "",         "a",        "a:1",       "a:1:b",        "a:1:b:",      "a:1:b:2:",  "a:1:b:2:c:3",
        ":1:b:2",   "a::b:2",   "a:1::2",    "a:0:b:2",      "a:1:b:65536", "a:x:b:2",   "a:1:b:2 ",
        " a:1:b:2", "a:1:b/:2", "::1:1:b:2", "[::1:1:b:2",   "[]:1:b:2",    "a,b:1:c:2", "a:1:b:2\n",
        "a:+1:b:2", "a:-1:b:2", "a:1:[b]:x", "[::1]x:1:b:2",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ck_assert_msg(gh_http_connect_to_is_valid(good[i]), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(!gh_http_connect_to_is_valid(bad[i]), "%s", bad[i]);
    }
    ck_assert(!gh_http_connect_to_is_valid(NULL));
}
END_TEST

static gh_http_result get(const char *connect_to, const char *url)
{
    gh_http_client *client = NULL;
    gh_http_result result = {0};
    gh_buf body = GH_BUF_INIT(4096);
    const gh_http_client_options options = {.user_agent = "test", .connect_to = connect_to};
    const gh_http_request request = {.method = "GET", .url = url, .timeout_ms = 5000};
    ck_assert_int_eq(gh_http_client_new(&options, &client, NULL), GH_OK);
    gh_status status = gh_http_perform(client, &request, &body, &result);
    ck_assert_int_eq(status, result.status);
    gh_buf_free(&body);
    gh_http_client_free(client);
    return result;
}

START_TEST(only_the_named_pair_goes_elsewhere)
{
    static const gh_http_fixture_step steps[] = {
        {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", .repeat = true}};
    gh_http_fixture *fixture = gh_http_fixture_start(steps, 1);
    char connect_to[96];
    char url[GH_HTTP_FIXTURE_URL_MAX];
    ck_assert_ptr_nonnull(fixture);
    (void)snprintf(connect_to, sizeof connect_to, "idp.test:81:127.0.0.1:%u",
                   (unsigned)gh_http_fixture_port(fixture));
    ck_assert_int_eq(get(connect_to, "http://idp.test:81/x").http_status, 200);
    ck_assert(gh_http_fixture_has_line(fixture, 0, "Host: idp.test:81"));
    gh_http_fixture_url(fixture, "/y", url);
    ck_assert_int_eq(get(connect_to, url).http_status, 200);
    /* Another port of the same host is not meant. */
    ck_assert_int_ne(get(connect_to, "http://idp.test:82/x").status, GH_OK);
    ck_assert_uint_eq(gh_http_fixture_requests(fixture), 2);
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(localhost_can_be_sent_elsewhere_too)
{
    static const gh_http_fixture_step steps[] = {
        {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", .repeat = true}};
    gh_http_fixture *fixture = gh_http_fixture_start(steps, 1);
    char connect_to[96];
    ck_assert_ptr_nonnull(fixture);
    (void)snprintf(connect_to, sizeof connect_to, "localhost:9:127.0.0.1:%u",
                   (unsigned)gh_http_fixture_port(fixture));
    ck_assert_int_eq(get(connect_to, "http://localhost:9/x").http_status, 200);
    ck_assert(gh_http_fixture_has_line(fixture, 0, "Host: localhost:9"));
    gh_http_fixture_stop(fixture);
}
END_TEST

START_TEST(a_client_is_not_made_with_a_malformed_one)
{
    gh_http_client *client = NULL;
    gh_error error = {0};
    const gh_http_client_options options = {.connect_to = "a:1:b"};
    ck_assert_int_eq(gh_http_client_new(&options, &client, &error), GH_ERR_INVALID);
    ck_assert_str_ne(error.message, "");
    ck_assert_ptr_null(client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("http_connect_to");
    TCase *tests = tcase_create("http_connect_to");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, two_pairs_of_host_and_port_are_valid);
    tcase_add_test(tests, only_the_named_pair_goes_elsewhere);
    tcase_add_test(tests, localhost_can_be_sent_elsewhere_too);
    tcase_add_test(tests, a_client_is_not_made_with_a_malformed_one);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

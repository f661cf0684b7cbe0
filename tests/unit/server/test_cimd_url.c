#include <check.h>
#include <string.h>

#include "server/oauth/cimd_private.h"
#include "tests/support/suite.h"

static const char *const GOOD_URLS[] = {
    "https://app.example.com/oauth/client-metadata.json",
    "https://app.example.com:8443/c",
    "HTTPS://app.example.com/c",
    "https://app.example.com/c?version=2",
    "https://app.example.com/.well-known/client",
    "https://app.example.com/a..b/...",
    "https://app.example.com/%2ex",
    "https://app.example.com/c/",
};

static const char *const BAD_URLS[] = {
    "https://app.example.com",
    "https://app.example.com/",
    "https://app.example.com?x=/y",
    "http://app.example.com/c",
    "https:///c",
    "https:c",
    "https://user@app.example.com/c",
    "https://user:password@app.example.com/c",
    "https://app.example.com/c#part",
    "https://app.example.com/c#",
    "https://app.example.com/./c",
    "https://app.example.com/a/../c",
    "https://app.example.com/a/..",
    "https://app.example.com/.",
    "https://app.example.com/a/%2E%2e/c",
    "https://app.example.com/a/.%2e/c",
    "https://app.example.com/%2e/c",
    "https://app.example.com/a b",
    "https://app.example.com/\\c",
    "https://app.example.com:0/c",
    "https://localhost/c",
    "https://LOCALHOST./c",
    "https://app.localhost/c",
    "https://127.0.0.1/c",
    "https://[::1]/c",
    "https://[::ffff:127.0.0.1]/c",
    "https://0x7f000001/c",
    "https://2130706433/c",
    "https://169.254.169.254/latest/meta-data",
    "https://0.0.0.0/c",
};

START_TEST(urls_that_name_a_document_are_client_ids)
{
    gh_error error = {0};
    ck_assert_msg(gh_cimd_is_url(GOOD_URLS[_i]) && gh_cimd_url_check(GOOD_URLS[_i], &error) == GH_OK,
                  "%s: %s", GOOD_URLS[_i], error.message);
}
END_TEST

START_TEST(other_urls_are_not)
{
    gh_error error = {0};
    ck_assert_msg(!gh_cimd_is_url(BAD_URLS[_i]) || gh_cimd_url_check(BAD_URLS[_i], &error) == GH_ERR_INVALID,
                  "%s", BAD_URLS[_i]);
    ck_assert(!gh_cimd_is_url(BAD_URLS[_i]) || error.message[0] != '\0');
}
END_TEST

START_TEST(urls_without_end_are_not)
{
    char url[2048] = "https://app.example.com/";
    memset(url + strlen(url), 'x', 1024);
    ck_assert_int_eq(gh_cimd_url_check(url, NULL), GH_ERR_INVALID);
}
END_TEST

START_TEST(registered_ids_are_no_urls)
{
    ck_assert(!gh_cimd_is_url("aZ3-_kfPq8s1lTWzBv0hXw"));
    ck_assert(!gh_cimd_is_url(""));
    ck_assert(!gh_cimd_is_url("https:"));
    ck_assert(!gh_cimd_is_url("http://app.example.com/c"));
}
END_TEST

#define COUNT(list) (int)(sizeof(list) / sizeof *(list))

int main(void)
{
    Suite *suite = suite_create("cimd_url");
    TCase *tc = tcase_create("cimd_url");
    tcase_add_loop_test(tc, urls_that_name_a_document_are_client_ids, 0, COUNT(GOOD_URLS));
    tcase_add_loop_test(tc, other_urls_are_not, 0, COUNT(BAD_URLS));
    tcase_add_test(tc, urls_without_end_are_not);
    tcase_add_test(tc, registered_ids_are_no_urls);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

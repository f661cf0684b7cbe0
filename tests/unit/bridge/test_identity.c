#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/identity.h"
#include "bridge/printable.h"
#include "shared/net/base64.h"
#include "tests/support/suite.h"

/* What is said of a token with these claims; NULL likewise. */
static char *describe(const char *claims)
{
    gh_buf token = GH_BUF_INIT(8192);
    gh_buf_append_cstr(&token, "e30.");
    ck_assert_int_eq(gh_base64url_encode(gh_view_of(claims), &token), GH_OK);
    gh_buf_append_cstr(&token, ".c2ln");
    gh_secret *secret = gh_secret_new(gh_buf_view(&token));
    char *text = gh_identity_describe(secret);
    gh_secret_free(secret);
    gh_buf_free(&token);
    return text;
}

typedef struct row {
    const char *claims;
    const char *expected;
} row;

static const row ROWS[] = {
    {"{\"name\":\"Ada Lovelace\",\"email\":\"ada@example.org\",\"sub\":\"1\"}",
     "Ada Lovelace <ada@example.org>"},
    {"{\"name\":\"Ada\"}", "Ada"},
    {"{\"name\":\"\",\"email\":\"ada@example.org\"}", "ada@example.org"},
    {"{\"sub\":\"user-1\"}", "user-1"},
    {"{\"name\":5,\"sub\":\"user-1\"}", "user-1"},
    {"{\"name\":\"\\u001b[2J\\nAda\\u009b31m\\u202egnp\"}", "?[2J?Ada?31m?gnp"},
    {"{}", NULL},
    {"[]", NULL},
    {"{\"name\":", NULL},
    {"nonsense", NULL},
};

START_TEST(a_token_says_whose_it_is)
{
    char *text = describe(ROWS[_i].claims);
    if (ROWS[_i].expected == NULL) {
        ck_assert_ptr_null(text);
    } else {
        ck_assert_ptr_nonnull(text);
        ck_assert_str_eq(text, ROWS[_i].expected);
    }
    free(text);
}
END_TEST

START_TEST(what_is_no_jwt_says_nothing)
{
    const char *tokens[] = {"", "opaque", ".", "..", "a.b", "a.!!.c"};
    ck_assert_ptr_null(gh_identity_describe(NULL));
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
        gh_secret *secret = gh_secret_new(gh_view_of(tokens[i]));
        ck_assert_ptr_null(gh_identity_describe(secret));
        gh_secret_free(secret);
    }
}
END_TEST

START_TEST(a_challenge_names_its_metadata_or_not)
{
    char *url = NULL;
    ck_assert_int_eq(gh_identity_challenge_url(
                         GH_VIEW_LIT("Basic x, Bearer resource_metadata=\"https://a.example/m\""), &url),
                     GH_OK);
    ck_assert_str_eq(url, "https://a.example/m");
    free(url);
    ck_assert_int_eq(gh_identity_challenge_url(GH_VIEW_LIT("Bearer realm=\"x\""), &url), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_identity_challenge_url(GH_VIEW_LIT("Bearer realm=\"x"), &url), GH_ERR_NOT_FOUND);
    ck_assert_int_eq(gh_identity_challenge_url(gh_view_make(NULL, 0), &url), GH_ERR_NOT_FOUND);
    ck_assert_ptr_null(url);
}
END_TEST

START_TEST(printable_text_keeps_what_people_write)
{
    gh_buf text = GH_BUF_INIT(256);
    gh_printable_append(&text, "Zo\xc3\xab \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x99\x82 \xc2\xa0|");
    ck_assert_str_eq(gh_buf_cstr(&text), "Zo\xc3\xab \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x99\x82 \xc2\xa0|");
    gh_buf_clear(&text);
    gh_printable_append(&text, "a\xff"
                               "b\xc2"
                               "c\x7f\xe2\x80\xa8\xe2\x81\xa6\xd8\x9c");
    ck_assert_str_eq(gh_buf_cstr(&text), "a?b?c????");
    gh_buf_free(&text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("identity");
    TCase *tests = tcase_create("identity");
    tcase_add_loop_test(tests, a_token_says_whose_it_is, 0, (int)(sizeof(ROWS) / sizeof(ROWS[0])));
    tcase_add_test(tests, what_is_no_jwt_says_nothing);
    tcase_add_test(tests, a_challenge_names_its_metadata_or_not);
    tcase_add_test(tests, printable_text_keeps_what_people_write);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include <check.h>

#include "shared/oauth/challenge.h"
#include "tests/support/suite.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

static const struct {
    const char *header;
    const char *metadata;
    const char *error;
    const char *scope;
    const char *realm;
} GOOD[] = {
    {"Bearer", NULL, NULL, NULL, NULL},
    {"bearer ", NULL, NULL, NULL, NULL},
    {"Bearer realm=\"mcp\", resource_metadata=\"https://h/m\", scope=\"a b\"", "https://h/m", NULL, "a b",
     "mcp"},
    {"Basic realm=\"x\", Bearer resource_metadata=\"https://h/m\", error=\"invalid_token\"", "https://h/m",
     "invalid_token", NULL, NULL},
    {"Negotiate abc/de+f==, BEARER error=invalid_token", NULL, "invalid_token", NULL, NULL},
    {"Negotiate, Bearer scope=\"s\", Basic realm=\"x\"", NULL, NULL, "s", NULL},
    {"Basic realm=x,Bearer,Digest qop=\"auth\"", NULL, NULL, NULL, NULL},
    {"  ,, bEaReR   error = \"e\"  ,\t, scope\t=\t\"s\" ,", NULL, "e", "s", NULL},
    {"Bearer realm=\"a \\\"quoted\\\" \\\\ name, Bearer error=no\"", NULL, NULL, NULL,
     "a \"quoted\" \\ name, Bearer error=no"},
    {"Bearer resource_metadata=https://h:1/m?x=1, error=invalid_token", "https://h:1/m?x=1", "invalid_token",
     NULL, NULL},
    {"Bearer Realm=\"r\", foo=\"bar\", baz=1, SCOPE=s", NULL, NULL, "s", "r"},
    {"Bearer realm=\"r\" error=\"e\"", NULL, "e", NULL, "r"},
    {"Bearer error=\"first\", Bearer error=\"second\"", NULL, "first", NULL, NULL},
    {"Bearer error=\"\"", NULL, "", NULL, NULL},
    {"Bearer error=\"e\", ;x", NULL, "e", NULL, NULL},
    {"DPoP algs=\"ES256\", Bearer scope=\"s\"", NULL, NULL, "s", NULL},
    {"DPoP algs=\"ES256\", scope=\"d\", Basic realm=\"x\"", NULL, NULL, "d", NULL},
};

static void ck_text(const char *actual, const char *expected)
{
    if (expected == NULL) {
        ck_assert_ptr_null(actual);
    } else {
        ck_assert_ptr_nonnull(actual);
        ck_assert_str_eq(actual, expected);
    }
}

START_TEST(the_bearer_challenge_is_found)
{
    gh_challenge challenge;
    gh_status status = gh_challenge_parse(gh_view_of(GOOD[_i].header), &challenge);
    ck_assert_msg(status == GH_OK, "%s: %s", GOOD[_i].header, gh_status_text(status));
    ck_text(challenge.resource_metadata, GOOD[_i].metadata);
    ck_text(challenge.error, GOOD[_i].error);
    ck_text(challenge.scope, GOOD[_i].scope);
    ck_text(challenge.realm, GOOD[_i].realm);
    gh_challenge_clear(&challenge);
    ck_assert_ptr_null(challenge.realm);
}
END_TEST

static const char *const NONE[] = {"",
                                   " ",
                                   ",,",
                                   "Basic realm=\"Bearer\"",
                                   "Negotiate Bearer==",
                                   "Bearerish x=y",
                                   "Digest qop=\"auth, Bearer\""};

START_TEST(without_a_bearer_challenge_nothing_is_found)
{
    gh_challenge challenge;
    ck_assert_msg(gh_challenge_parse(gh_view_of(NONE[_i]), &challenge) == GH_ERR_NOT_FOUND, "%s", NONE[_i]);
}
END_TEST

static const char *const BAD[] = {"Bearer realm=\"open",
                                  "Bearer realm=\"open\\",
                                  "=x",
                                  "Bearer realm=a\"b",
                                  "\"Bearer\"",
                                  "Bearer=x",
                                  "Bearer error=a, error=b",
                                  "Bearer realm=\"a\nb\"",
                                  "Bearer realm=\"\xff\"",
                                  "Basic realm=\"open, Bearer",
                                  "Bearer realm=\"\x01\"",
                                  "Bearer scope=\"a\"\x7f"};

START_TEST(malformed_challenges_are_refused)
{
    gh_challenge challenge;
    gh_status status = gh_challenge_parse(gh_view_of(BAD[_i]), &challenge);
    ck_assert_msg(status == GH_ERR_PARSE, "%s: %s", BAD[_i], gh_status_text(status));
}
END_TEST

START_TEST(members_are_written_in_order_and_quoted)
{
    gh_buf out = GH_BUF_INIT(512);
    char realm[] = "m\"c\\p";
    char metadata[] = "https://h/m";
    char scope[] = "a b";
    char error[] = "insufficient_scope";
    char description[] = "more";
    gh_challenge all = {realm, metadata, scope, error, description};
    ck_assert_int_eq(gh_challenge_write(&all, &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), "Bearer realm=\"m\\\"c\\\\p\", error=\"insufficient_scope\", "
                                        "error_description=\"more\", resource_metadata=\"https://h/m\", "
                                        "scope=\"a b\"");
    gh_challenge back;
    ck_assert_int_eq(gh_challenge_parse(gh_buf_view(&out), &back), GH_OK);
    ck_assert_str_eq(back.realm, realm);
    ck_assert_str_eq(back.error_description, description);
    gh_challenge_clear(&back);
    gh_buf_clear(&out);
    gh_challenge empty = {NULL, NULL, NULL, NULL, NULL};
    ck_assert_int_eq(gh_challenge_write(&empty, &out), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&out), "Bearer");
    gh_buf_free(&out);
}
END_TEST

START_TEST(control_characters_are_not_written)
{
    gh_buf out = GH_BUF_INIT(512);
    char description[] = "a\r\nSet-Cookie: x=y";
    gh_challenge challenge = {NULL, NULL, NULL, NULL, description};
    ck_assert_int_eq(gh_challenge_write(&challenge, &out), GH_ERR_INVALID);
    gh_buf_free(&out);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("challenge");
    TCase *tests = tcase_create("challenge");
    tcase_add_loop_test(tests, the_bearer_challenge_is_found, 0, COUNT(GOOD));
    tcase_add_loop_test(tests, without_a_bearer_challenge_nothing_is_found, 0, COUNT(NONE));
    tcase_add_loop_test(tests, malformed_challenges_are_refused, 0, COUNT(BAD));
    tcase_add_test(tests, members_are_written_in_order_and_quoted);
    tcase_add_test(tests, control_characters_are_not_written);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include <check.h>
#include <string.h>

#include "shared/oauth/pkce.h"
#include "tests/support/suite.h"

#define RFC_VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define RFC_CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

START_TEST(the_example_of_the_specification_matches)
{
    char challenge[GH_PKCE_CHALLENGE_MAX];
    ck_assert_int_eq(gh_pkce_challenge(GH_VIEW_LIT(RFC_VERIFIER), challenge), GH_OK);
    ck_assert_str_eq(challenge, RFC_CHALLENGE);
    ck_assert(gh_pkce_matches(GH_VIEW_LIT(RFC_VERIFIER), GH_VIEW_LIT(RFC_CHALLENGE)));
}
END_TEST

START_TEST(new_verifiers_are_valid_and_differ)
{
    gh_secret *a = NULL;
    gh_secret *b = NULL;
    char challenge[GH_PKCE_CHALLENGE_MAX];
    ck_assert_int_eq(gh_pkce_verifier_new(&a), GH_OK);
    ck_assert_int_eq(gh_pkce_verifier_new(&b), GH_OK);
    ck_assert_uint_eq(gh_secret_view(a).len, 43);
    ck_assert(gh_pkce_verifier_is_valid(gh_secret_view(a)));
    ck_assert(!gh_view_eq(gh_secret_view(a), gh_secret_view(b)));
    ck_assert_int_eq(gh_pkce_challenge(gh_secret_view(a), challenge), GH_OK);
    ck_assert(gh_pkce_challenge_is_valid(gh_view_of(challenge)));
    ck_assert(gh_pkce_matches(gh_secret_view(a), gh_view_of(challenge)));
    ck_assert(!gh_pkce_matches(gh_secret_view(b), gh_view_of(challenge)));
    gh_secret_free(a);
    gh_secret_free(b);
}
END_TEST

START_TEST(plain_is_no_match)
{
    ck_assert(!gh_pkce_matches(GH_VIEW_LIT(RFC_CHALLENGE), GH_VIEW_LIT(RFC_CHALLENGE)));
}
END_TEST

START_TEST(verifiers_have_43_to_128_unreserved_characters)
{
    char text[130];
    memset(text, '~', sizeof text);
    ck_assert(!gh_pkce_verifier_is_valid(gh_view_make(text, 42)));
    ck_assert(gh_pkce_verifier_is_valid(gh_view_make(text, 43)));
    ck_assert(gh_pkce_verifier_is_valid(gh_view_make(text, 128)));
    ck_assert(!gh_pkce_verifier_is_valid(gh_view_make(text, 129)));
    for (const char *bad = "+/= %\n\x80"; *bad != '\0'; bad++) {
        text[20] = *bad;
        ck_assert(!gh_pkce_verifier_is_valid(gh_view_make(text, 43)));
    }
    text[20] = '\0';
    ck_assert(!gh_pkce_verifier_is_valid(gh_view_make(text, 43)));
    char challenge[GH_PKCE_CHALLENGE_MAX];
    ck_assert_int_eq(gh_pkce_challenge(gh_view_make(text, 43), challenge), GH_ERR_INVALID);
}
END_TEST

START_TEST(challenges_have_43_base64url_characters)
{
    char text[44] = RFC_CHALLENGE;
    ck_assert(gh_pkce_challenge_is_valid(gh_view_make(text, 43)));
    ck_assert(!gh_pkce_challenge_is_valid(gh_view_make(text, 42)));
    ck_assert(!gh_pkce_challenge_is_valid(gh_view_make(text, 44)));
    for (const char *bad = ".~+/= "; *bad != '\0'; bad++) {
        text[10] = *bad;
        ck_assert(!gh_pkce_challenge_is_valid(gh_view_make(text, 43)));
    }
    ck_assert(!gh_pkce_matches(GH_VIEW_LIT(RFC_VERIFIER), GH_VIEW_LIT("")));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pkce");
    TCase *tests = tcase_create("pkce");
    tcase_add_test(tests, the_example_of_the_specification_matches);
    tcase_add_test(tests, new_verifiers_are_valid_and_differ);
    tcase_add_test(tests, plain_is_no_match);
    tcase_add_test(tests, verifiers_have_43_to_128_unreserved_characters);
    tcase_add_test(tests, challenges_have_43_base64url_characters);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/digest.h"
#include "shared/core/random.h"
#include "shared/core/secret.h"

START_TEST(random_bytes_differ)
{
    unsigned char a[32] = {0};
    unsigned char b[32] = {0};

    ck_assert_int_eq(gh_random_bytes(a, sizeof(a)), GH_OK);
    ck_assert_int_eq(gh_random_bytes(b, sizeof(b)), GH_OK);
    ck_assert_int_ne(memcmp(a, b, sizeof(a)), 0);
    ck_assert_int_eq(gh_random_bytes(a, 0), GH_OK);
}
END_TEST

START_TEST(tokens_are_base64url_of_the_right_length)
{
    static const struct {
        size_t bytes;
        size_t text;
    } cases[] = {{1, 2}, {2, 3}, {3, 4}, {16, 22}, {32, 43}, {33, 44}, {1024, 1366}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *token = NULL;

        ck_assert_int_eq(gh_random_token(cases[i].bytes, &token), GH_OK);
        ck_assert_uint_eq(strlen(token), cases[i].text);
        ck_assert_uint_eq(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                          cases[i].text);
        gh_wipe_free(token);
    }
}
END_TEST

START_TEST(tokens_differ_and_sizes_are_bounded)
{
    char *a = NULL;
    char *b = NULL;

    ck_assert_int_eq(gh_random_token(32, &a), GH_OK);
    ck_assert_int_eq(gh_random_token(32, &b), GH_OK);
    ck_assert_str_ne(a, b);
    gh_wipe_free(a);
    gh_wipe_free(b);
    ck_assert_int_eq(gh_random_token(0, &a), GH_ERR_INVALID);
    ck_assert_int_eq(gh_random_token(1 << 20, &a), GH_ERR_INVALID);
}
END_TEST

static void expect_hex(const unsigned char *digest, const char *hex)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < GH_SHA256_LEN; i++) {
        ck_assert_int_eq(digits[digest[i] >> 4], hex[2 * i]);
        ck_assert_int_eq(digits[digest[i] & 15], hex[2 * i + 1]);
    }
}

START_TEST(sha256_of_known_texts)
{
    unsigned char digest[GH_SHA256_LEN];

    ck_assert_int_eq(gh_sha256(gh_view_of("abc"), digest), GH_OK);
    expect_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    ck_assert_int_eq(gh_sha256(gh_view_of(NULL), digest), GH_OK);
    expect_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

/* RFC 7636, appendix B. */
START_TEST(sha256_text_is_the_pkce_challenge)
{
    char text[GH_SHA256_TEXT_MAX];

    ck_assert_int_eq(gh_sha256_text(gh_view_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), text), GH_OK);
    ck_assert_str_eq(text, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}
END_TEST

/* RFC 4231, test cases 1 and 2, and an empty key. */
START_TEST(hmac_of_known_texts)
{
    unsigned char mac[GH_SHA256_LEN];
    char key[20];

    memset(key, 0x0b, sizeof(key));
    ck_assert_int_eq(gh_hmac_sha256(gh_view_make(key, sizeof(key)), gh_view_of("Hi There"), mac), GH_OK);
    expect_hex(mac, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    ck_assert_int_eq(gh_hmac_sha256(gh_view_of("Jefe"), gh_view_of("what do ya want for nothing?"), mac),
                     GH_OK);
    expect_hex(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    ck_assert_int_eq(gh_hmac_sha256(gh_view_of(NULL), gh_view_of(NULL), mac), GH_OK);
    expect_hex(mac, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}
END_TEST

START_TEST(no_id_looks_like_an_option)
{
    for (int i = 0; i < 2000; i++) {
        char *id = NULL;
        ck_assert_int_eq(gh_random_id(16, &id), GH_OK);
        ck_assert_uint_eq(strlen(id), 22);
        ck_assert_int_ne(id[0], '-');
        free(id);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("random and digest");
    TCase *tc = tcase_create("all");
    SRunner *runner = NULL;
    int failed = 0;

    tcase_add_test(tc, no_id_looks_like_an_option);
    tcase_add_test(tc, random_bytes_differ);
    tcase_add_test(tc, tokens_are_base64url_of_the_right_length);
    tcase_add_test(tc, tokens_differ_and_sizes_are_bounded);
    tcase_add_test(tc, sha256_of_known_texts);
    tcase_add_test(tc, sha256_text_is_the_pkce_challenge);
    tcase_add_test(tc, hmac_of_known_texts);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

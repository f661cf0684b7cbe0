#include "bridge/login/jws.h"

#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/login/dpop.h"
#include "shared/core/digest.h"
#include "shared/json/access.h"
#include "shared/net/base64.h"
#include "tests/support/suite.h"

static char path[] = "/tmp/gh_jws_XXXXXX";

static void put(const char *text, size_t len, mode_t mode)
{
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(close(fd), 0);
}

static void put_key(EVP_PKEY *pair, const char *passphrase, mode_t mode)
{
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_PKCS8PrivateKey(bio, pair, passphrase != NULL ? EVP_aes_256_cbc() : NULL,
                                                   passphrase, passphrase != NULL ? 1 : 0, NULL, NULL),
                     1);
    long len = BIO_get_mem_data(bio, &text);
    put(text, (size_t)len, mode);
    BIO_free(bio);
}

static gh_status read_key(gh_jws_key **key)
{
    gh_error error = {GH_OK, ""};
    gh_status status = gh_jws_key_read(path, key, &error);
    ck_assert(status == GH_OK || error.message[0] != '\0');
    return status;
}

static void setup(void)
{
    (void)snprintf(path, sizeof(path), "/tmp/gh_jws_XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
}

static void teardown(void)
{
    (void)unlink(path);
}

/* Does the JWS's signature fit the key? */
static bool is_genuine(EVP_PKEY *pair, const char *jws)
{
    gh_view rest = gh_view_of(jws);
    gh_view part;
    ck_assert(gh_view_next(&rest, '.', &part) && gh_view_next(&rest, '.', &part));
    size_t signed_len = (size_t)(rest.ptr - 1 - jws);
    gh_buf raw = GH_BUF_INIT(1024);
    ck_assert_int_eq(gh_base64url_decode(rest, &raw), GH_OK);
    unsigned char *der = (unsigned char *)raw.data;
    unsigned char *made = NULL;
    int der_len = (int)raw.len;
    if (EVP_PKEY_is_a(pair, "EC")) {
        ck_assert_uint_eq(raw.len, 64);
        ECDSA_SIG *numbers = ECDSA_SIG_new();
        ECDSA_SIG_set0(numbers, BN_bin2bn(der, 32, NULL), BN_bin2bn(der + 32, 32, NULL));
        der_len = i2d_ECDSA_SIG(numbers, &made);
        der = made;
        ECDSA_SIG_free(numbers);
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool fits = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pair) == 1 &&
                EVP_DigestVerify(context, der, (size_t)der_len, (const unsigned char *)jws, signed_len) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(made);
    gh_buf_free(&raw);
    return fits;
}

static cJSON *part_of(const char *jws, int which)
{
    gh_view rest = gh_view_of(jws);
    gh_view part = {NULL, 0};
    gh_buf text = GH_BUF_INIT(16384);
    cJSON *json = NULL;
    for (int i = 0; i <= which; i++) {
        ck_assert(gh_view_next(&rest, '.', &part));
    }
    ck_assert_int_eq(gh_base64url_decode(part, &text), GH_OK);
    ck_assert_int_eq(gh_json_parse(gh_buf_view(&text), &GH_JSON_LIMITS_DOCUMENT, &json, NULL), GH_OK);
    gh_buf_free(&text);
    return json;
}

START_TEST(both_kinds_of_key_sign_what_others_can_verify)
{
    EVP_PKEY *pair = _i == 0 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
    gh_jws_key *key = NULL;
    put_key(pair, NULL, 0600);
    ck_assert_int_eq(read_key(&key), GH_OK);
    ck_assert_str_eq(gh_jws_key_algorithm(key), _i == 0 ? "ES256" : "RS256");
    for (int i = 0; i < 20; i++) { /* numbers with leading zeros among them */
        gh_buf jws = GH_BUF_INIT(GH_JWS_MAX);
        ck_assert_int_eq(gh_jws_sign(key, GH_VIEW_LIT("{\"alg\":\"x\"}"), GH_VIEW_LIT("{\"a\":1}"), &jws),
                         GH_OK);
        ck_assert(is_genuine(pair, gh_buf_cstr(&jws)));
        gh_buf_free(&jws);
    }
    gh_jws_key_free(key);
    EVP_PKEY_free(pair);
}
END_TEST

START_TEST(keys_that_are_not_to_be_used_are_refused)
{
    gh_jws_key *key = NULL;
    EVP_PKEY *other = EVP_EC_gen("P-384");
    EVP_PKEY *small = EVP_RSA_gen(1024);
    EVP_PKEY *good = EVP_EC_gen("P-256");
    put_key(other, NULL, 0600);
    ck_assert_int_eq(read_key(&key), GH_ERR_UNSUPPORTED);
    put_key(small, NULL, 0600);
    ck_assert_int_eq(read_key(&key), GH_ERR_UNSUPPORTED);
    put_key(good, "secret", 0600);
    ck_assert_int_eq(read_key(&key), GH_ERR_UNSUPPORTED);
    put("hello", 5, 0600);
    ck_assert_int_eq(read_key(&key), GH_ERR_UNSUPPORTED);
    put_key(good, NULL, 0640);
    ck_assert_int_ne(read_key(&key), GH_OK);
    (void)unlink(path);
    ck_assert_int_ne(read_key(&key), GH_OK);
    EVP_PKEY_free(other);
    EVP_PKEY_free(small);
    EVP_PKEY_free(good);
}
END_TEST

START_TEST(a_proof_names_its_request_and_carries_its_key)
{
    gh_secret *pem = NULL;
    gh_buf proof = GH_BUF_INIT(GH_JWS_MAX);
    gh_dpop_request request = {"POST", "https://a.example/mcp?x=1#y", "nonce-1", "token-1"};
    char hash[GH_SHA256_TEXT_MAX];
    ck_assert_int_eq(gh_jws_key_generate(&pem), GH_OK);
    ck_assert_int_eq(gh_dpop_prove(pem, &request, &proof), GH_OK);
    BIO *bio = BIO_new_mem_buf(gh_secret_view(pem).ptr, (int)gh_secret_view(pem).len);
    EVP_PKEY *pair = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    ck_assert(is_genuine(pair, gh_buf_cstr(&proof)));
    cJSON *header = part_of(gh_buf_cstr(&proof), 0);
    cJSON *claims = part_of(gh_buf_cstr(&proof), 1);
    ck_assert_str_eq(gh_json_get_string(header, "typ"), "dpop+jwt");
    ck_assert_str_eq(gh_json_get_string(header, "alg"), "ES256");
    const cJSON *jwk = gh_json_get_object(header, "jwk");
    ck_assert_uint_eq(strlen(gh_json_get_string(jwk, "x")), 43);
    ck_assert_uint_eq(strlen(gh_json_get_string(jwk, "y")), 43);
    ck_assert_ptr_null(gh_json_get(jwk, "d"));
    ck_assert_str_eq(gh_json_get_string(claims, "htm"), "POST");
    ck_assert_str_eq(gh_json_get_string(claims, "htu"), "https://a.example/mcp");
    ck_assert_str_eq(gh_json_get_string(claims, "nonce"), "nonce-1");
    ck_assert_int_eq(gh_sha256_text(GH_VIEW_LIT("token-1"), hash), GH_OK);
    ck_assert_str_eq(gh_json_get_string(claims, "ath"), hash);
    cJSON_Delete(header);
    cJSON_Delete(claims);
    EVP_PKEY_free(pair);
    BIO_free(bio);
    gh_buf_free(&proof);
    gh_secret_free(pem);
}
END_TEST

START_TEST(no_proof_is_made_twice_and_what_is_not_there_is_left_out)
{
    gh_secret *pem = NULL;
    gh_buf one = GH_BUF_INIT(GH_JWS_MAX);
    gh_buf two = GH_BUF_INIT(GH_JWS_MAX);
    gh_dpop_request request = {"POST", "https://a.example/token", "", NULL};
    ck_assert_int_eq(gh_jws_key_generate(&pem), GH_OK);
    ck_assert_int_eq(gh_dpop_prove(pem, &request, &one), GH_OK);
    ck_assert_int_eq(gh_dpop_prove(pem, &request, &two), GH_OK);
    cJSON *first = part_of(gh_buf_cstr(&one), 1);
    cJSON *second = part_of(gh_buf_cstr(&two), 1);
    ck_assert_str_ne(gh_json_get_string(first, "jti"), gh_json_get_string(second, "jti"));
    ck_assert_ptr_null(gh_json_get(first, "nonce"));
    ck_assert_ptr_null(gh_json_get(first, "ath"));
    cJSON_Delete(first);
    cJSON_Delete(second);
    gh_buf_free(&one);
    gh_buf_free(&two);
    gh_secret_free(pem);
}
END_TEST

START_TEST(only_a_challenge_for_a_nonce_is_one)
{
    ck_assert(gh_dpop_wants_nonce(GH_VIEW_LIT("DPoP realm=\"x\", error=\"use_dpop_nonce\"")));
    ck_assert(!gh_dpop_wants_nonce(GH_VIEW_LIT("DPoP error=\"invalid_token\"")));
    ck_assert(!gh_dpop_wants_nonce(gh_view_make(NULL, 0)));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jws");
    TCase *tests = tcase_create("jws");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, both_kinds_of_key_sign_what_others_can_verify, 0, 2);
    tcase_add_test(tests, keys_that_are_not_to_be_used_are_refused);
    tcase_add_test(tests, a_proof_names_its_request_and_carries_its_key);
    tcase_add_test(tests, no_proof_is_made_twice_and_what_is_not_there_is_left_out);
    tcase_add_test(tests, only_a_challenge_for_a_nonce_is_one);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

/* Keys and hand-made tokens for the tests of server/auth. */
#ifndef GH_TESTS_TOKEN_FIXTURE_H
#define GH_TESTS_TOKEN_FIXTURE_H

#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/jwt.h"
#include "server/auth/key.h"
#include "shared/core/clock.h"
#include "shared/core/digest.h"
#include "shared/json/access.h"
#include "shared/net/base64.h"
#include "tests/support/suite.h"

#define ISSUER "http://localhost:8080"
#define RESOURCE "http://localhost:8080/mcp"
#define NOW 1795000000 /* the tests' fixed time, in seconds */

static int64_t fixture_wall_ms = (int64_t)NOW * 1000;

static inline int64_t fixture_wall(void)
{
    return fixture_wall_ms;
}

static inline void fixture_clock_start(void)
{
    fixture_wall_ms = (int64_t)NOW * 1000;
    gh_clock_set_source(NULL, fixture_wall);
}

/* printf into owned memory. */
static inline char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline char *text_of(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    ck_assert_int_ge(vasprintf(&text, format, args), 0);
    va_end(args);
    return text;
}

static inline char *base64url_of(gh_view bytes)
{
    gh_buf out = GH_BUF_INIT(1 << 20);
    ck_assert_int_eq(gh_base64url_encode(bytes, &out), GH_OK);
    char *text = gh_buf_steal(&out);
    ck_assert_ptr_nonnull(text);
    return text;
}

static inline gh_buf bytes_of(const char *base64url)
{
    gh_buf out = GH_BUF_INIT(1 << 20);
    ck_assert_int_eq(gh_base64url_decode(gh_view_of(base64url), &out), GH_OK);
    return out;
}

static inline gh_key *new_key(const char *alg)
{
    gh_key *key = NULL;
    ck_assert_int_eq(gh_key_generate(alg, &key, NULL), GH_OK);
    return key;
}

/* PEM of an OpenSSL key; the secret part when `with_private`. */
static inline char *pem_of_pkey(EVP_PKEY *pkey, bool with_private)
{
    char *data = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    ck_assert_ptr_nonnull(bio);
    int written = with_private ? PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL)
                               : PEM_write_bio_PUBKEY(bio, pkey);
    ck_assert_int_eq(written, 1);
    long len = BIO_get_mem_data(bio, &data);
    char *text = gh_view_dup(gh_view_make(data, (size_t)len));
    BIO_free(bio);
    ck_assert_ptr_nonnull(text);
    return text;
}

static inline char *rsa_pem(unsigned bits)
{
    EVP_PKEY *pkey = EVP_RSA_gen(bits);
    ck_assert_ptr_nonnull(pkey);
    char *pem = pem_of_pkey(pkey, true);
    EVP_PKEY_free(pkey);
    return pem;
}

static inline gh_key *key_of_pem(const char *alg, const char *kid, const char *pem)
{
    gh_key *key = NULL;
    gh_error error = {0};
    ck_assert_msg(gh_key_from_pem(alg, kid, gh_view_of(pem), &key, &error) == GH_OK, "%s", error.message);
    return key;
}

static inline char *private_pem(const gh_key *key)
{
    gh_secret *pem = NULL;
    ck_assert_int_eq(gh_key_to_pem(key, &pem), GH_OK);
    char *text = gh_view_dup(gh_secret_view(pem));
    gh_secret_free(pem);
    ck_assert_ptr_nonnull(text);
    return text;
}

static inline char *public_pem(const gh_key *key)
{
    char *pem = private_pem(key);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    ck_assert_ptr_nonnull(pkey);
    char *text = pem_of_pkey(pkey, false);
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    free(pem);
    return text;
}

static inline char *jwk_of(const gh_key *key)
{
    gh_buf out = GH_BUF_INIT(8192);
    ck_assert_int_eq(gh_key_write_jwk(key, &out), GH_OK);
    return gh_buf_steal(&out);
}

static inline gh_keyset *set_of(gh_key *key)
{
    gh_keyset *set = NULL;
    ck_assert_int_eq(gh_keyset_new(&key, 1, &set), GH_OK);
    return set;
}

/* header.payload as given, signed by `key`; NULL leaves the signature empty. */
static inline char *mint(const char *header, const char *payload, const gh_key *key)
{
    char *h = base64url_of(gh_view_of(header));
    char *p = base64url_of(gh_view_of(payload));
    char *input = text_of("%s.%s", h, p);
    char *signature = gh_text_dup("");
    if (key != NULL) {
        gh_buf raw = GH_BUF_INIT(2048);
        ck_assert_int_eq(gh_key_sign(key, gh_view_of(input), &raw), GH_OK);
        free(signature);
        signature = base64url_of(gh_buf_view(&raw));
        gh_buf_free(&raw);
    }
    char *token = text_of("%s.%s", input, signature);
    free(h);
    free(p);
    free(input);
    free(signature);
    return token;
}

static inline char *at_header(const gh_key *key)
{
    return text_of("{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", gh_key_alg(key), gh_key_kid(key));
}

/* Claims of a good access token; `extra` ("\"nonce\":1,") goes in front of them. */
static inline char *good_claims(const char *extra)
{
    return text_of(
        "{%s\"iss\":\"" ISSUER "\",\"aud\":\"" RESOURCE "\",\"sub\":\"alice\",\"client_id\":\"c1\","
        "\"scope\":\"mcp offline_access\",\"gid\":\"g1\",\"name\":\"Alice\",\"email\":\"a@example.org\","
        "\"jti\":\"j1\",\"iat\":%d,\"exp\":%d}",
        extra, NOW - 10, NOW + 600);
}

static inline char *good_token(const gh_key *key)
{
    char *header = at_header(key);
    char *claims = good_claims("");
    char *token = mint(header, claims, key);
    free(header);
    free(claims);
    return token;
}

/* What may stand in an error_description (RFC 6750, 3). */
static inline void assert_challenge_text(const char *text)
{
    ck_assert_str_ne(text, "");
    for (const char *at = text; *at != '\0'; at++) {
        ck_assert_msg(*at >= 0x20 && *at <= 0x7e && *at != '"' && *at != '\\', "not for a challenge: %s",
                      text);
    }
}

#endif

#include <pthread.h>
#include <unistd.h>

#include "tests/unit/server/token_fixture.h"

static gh_view view(const char *text)
{
    return gh_view_of(text);
}

static gh_status verify_text(const gh_key *key, const char *input, const char *signature)
{
    gh_buf raw = bytes_of(signature);
    gh_status status = gh_key_verify(key, view(input), gh_buf_view(&raw));
    gh_buf_free(&raw);
    return status;
}

/* ---- examples of the specifications ---- */

static const char RFC7515_JWK[] = "{\"kty\":\"EC\",\"crv\":\"P-256\","
                                  "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                                  "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\","
                                  "\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\"}";

START_TEST(the_es256_example_of_rfc7515_verifies)
{
    static const char input[] =
        "eyJhbGciOiJFUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290"
        "Ijp0cnVlfQ";
    static const char signature[] =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    gh_key *key = NULL;
    ck_assert_int_eq(gh_key_from_jwk(view(RFC7515_JWK), &key, NULL), GH_OK);
    ck_assert_str_eq(gh_key_alg(key), "ES256");
    ck_assert_int_eq(verify_text(key, input, signature), GH_OK);
    ck_assert_int_eq(verify_text(key, "eyJhbGciOiJFUzI1NiJ9.e30", signature), GH_ERR_DENIED);
    gh_key_free(key);
}
END_TEST

START_TEST(the_ed25519_example_of_rfc8037_gives_its_thumbprint_and_signature)
{
    static const char seed[] = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
    gh_buf raw = bytes_of(seed);
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)raw.data, raw.len);
    ck_assert_ptr_nonnull(pkey);
    char *pem = pem_of_pkey(pkey, true);
    gh_key *key = key_of_pem("EdDSA", NULL, pem);
    ck_assert_str_eq(gh_key_kid(key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");

    gh_buf signature = GH_BUF_INIT(128);
    ck_assert_int_eq(
        gh_key_sign(key, view("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"), &signature),
        GH_OK);
    char *text = base64url_of(gh_buf_view(&signature));
    ck_assert_str_eq(
        text, "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
    free(text);
    gh_buf_free(&signature);
    gh_key_free(key);
    free(pem);
    EVP_PKEY_free(pkey);
    gh_buf_free(&raw);
}
END_TEST

/* ---- private keys ---- */

static gh_key *key_for(const char *alg)
{
    if (strcmp(alg, "ES256") == 0 || strcmp(alg, "EdDSA") == 0) {
        return new_key(alg);
    }
    EVP_PKEY *pkey = strcmp(alg, "ES384") == 0 ? EVP_EC_gen("P-384") : EVP_RSA_gen(2048);
    ck_assert_ptr_nonnull(pkey);
    char *pem = pem_of_pkey(pkey, true);
    gh_key *key = key_of_pem(alg, NULL, pem);
    free(pem);
    EVP_PKEY_free(pkey);
    return key;
}

static const struct {
    const char *alg;
    size_t signature_len;
} ALGS[] = {{"ES256", 64}, {"ES384", 96}, {"RS256", 256}, {"PS256", 256}, {"EdDSA", 64}};

START_TEST(each_algorithm_signs_and_its_public_jwk_verifies)
{
    gh_key *key = key_for(ALGS[_i].alg);
    char *jwk = jwk_of(key);
    gh_key *public = NULL;
    ck_assert_int_eq(gh_key_from_jwk(view(jwk), &public, NULL), GH_OK);
    ck_assert(gh_key_is_private(key));
    ck_assert(!gh_key_is_private(public));
    ck_assert_str_eq(gh_key_alg(public), ALGS[_i].alg);
    ck_assert_str_eq(gh_key_kid(public), gh_key_kid(key));
    ck_assert_uint_eq(strlen(gh_key_kid(key)), 43);

    gh_buf signature = GH_BUF_INIT(1024);
    ck_assert_int_eq(gh_key_sign(key, view("message"), &signature), GH_OK);
    ck_assert_uint_eq(signature.len, ALGS[_i].signature_len);
    ck_assert_int_eq(gh_key_verify(public, view("message"), gh_buf_view(&signature)), GH_OK);
    ck_assert_int_eq(gh_key_verify(public, view("messagf"), gh_buf_view(&signature)), GH_ERR_DENIED);
    ck_assert_int_eq(gh_key_verify(public, view("message"), gh_view_make(signature.data, signature.len - 1)),
                     GH_ERR_DENIED);
    ck_assert_int_eq(gh_key_verify(public, view("message"), gh_view_of("")), GH_ERR_DENIED);
    signature.data[5] = (char)(signature.data[5] ^ 1);
    ck_assert_int_eq(gh_key_verify(public, view("message"), gh_buf_view(&signature)), GH_ERR_DENIED);

    gh_buf none = GH_BUF_INIT(1024);
    gh_secret *pem = NULL;
    ck_assert_int_ne(gh_key_sign(public, view("message"), &none), GH_OK);
    ck_assert_int_ne(gh_key_to_pem(public, &pem), GH_OK);
    gh_buf_free(&none);
    gh_buf_free(&signature);
    gh_key_free(public);
    gh_key_free(key);
    free(jwk);
}
END_TEST

START_TEST(the_kid_is_the_digest_of_the_required_members)
{
    static const char *const formats[] = {"{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
                                          "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}"};
    static const char *const members[][2] = {{"x", "y"}, {"e", "n"}};
    gh_key *key = key_for(_i == 0 ? "ES256" : "RS256");
    char *jwk = jwk_of(key);
    cJSON *json = cJSON_Parse(jwk);
    char digest[GH_SHA256_TEXT_MAX];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    char *required = text_of(formats[_i], gh_json_get_string(json, members[_i][0]),
                             gh_json_get_string(json, members[_i][1]));
#pragma GCC diagnostic pop
    ck_assert_int_eq(gh_sha256_text(view(required), digest), GH_OK);
    ck_assert_str_eq(gh_key_kid(key), digest);
    ck_assert_str_eq(gh_json_get_string(json, "use"), "sig");
    free(required);
    cJSON_Delete(json);
    free(jwk);
    gh_key_free(key);
}
END_TEST

START_TEST(a_private_key_survives_pem)
{
    gh_key *key = new_key(_i == 0 ? "ES256" : "EdDSA");
    char *pem = private_pem(key);
    ck_assert_ptr_nonnull(strstr(pem, "-----BEGIN PRIVATE KEY-----"));
    gh_key *again = key_of_pem(gh_key_alg(key), "my-kid", pem);
    ck_assert_str_eq(gh_key_kid(again), "my-kid");
    gh_buf signature = GH_BUF_INIT(1024);
    ck_assert_int_eq(gh_key_sign(again, view("m"), &signature), GH_OK);
    ck_assert_int_eq(gh_key_verify(key, view("m"), gh_buf_view(&signature)), GH_OK);
    gh_buf_free(&signature);
    gh_key_free(again);
    gh_key_free(key);
    free(pem);
}
END_TEST

static void assert_pem_refused(const char *alg, const char *pem)
{
    gh_key *key = NULL;
    gh_error error = {0};
    ck_assert_int_ne(gh_key_from_pem(alg, NULL, view(pem), &key, &error), GH_OK);
    ck_assert_ptr_null(key);
    ck_assert_str_ne(error.message, "");
}

START_TEST(a_pem_of_another_type_or_too_weak_is_refused)
{
    gh_key *ec = new_key("ES256");
    char *ec_pem = private_pem(ec);
    char *ec_public = public_pem(ec);
    char *weak = rsa_pem(1024);
    assert_pem_refused("RS256", ec_pem);
    assert_pem_refused("EdDSA", ec_pem);
    assert_pem_refused("ES384", ec_pem);
    assert_pem_refused("HS256", ec_pem);
    assert_pem_refused("ES256", ec_public);
    assert_pem_refused("RS256", weak);
    assert_pem_refused("ES256", "");
    assert_pem_refused("ES256", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    free(weak);
    free(ec_public);
    free(ec_pem);
    gh_key_free(ec);
}
END_TEST

START_TEST(an_encrypted_pem_is_refused_without_asking_for_a_passphrase)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    ck_assert_int_eq(PEM_write_bio_PKCS8PrivateKey(bio, pkey, EVP_aes_256_cbc(), "secret", 6, NULL, NULL), 1);
    long len = BIO_get_mem_data(bio, &data);
    char *pem = gh_view_dup(gh_view_make(data, (size_t)len));
    assert_pem_refused("ES256", pem);
    free(pem);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(only_sensible_algorithms_are_generated)
{
    static const char *const refused[] = {"RS256", "HS256", "none", "", "es256"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        gh_key *key = NULL;
        ck_assert_int_eq(gh_key_generate(refused[i], &key, NULL), GH_ERR_UNSUPPORTED);
    }
}
END_TEST

/* ---- JWKs ---- */

#define X "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\""
#define Y "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define OKP_X "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""

static const struct {
    const char *jwk;
    gh_status status;
} BAD_JWKS[] = {
    {"", GH_ERR_PARSE},
    {"[]", GH_ERR_PARSE},
    {"{}", GH_ERR_PARSE},
    {"{\"kty\":7}", GH_ERR_PARSE},
    {"{\"kty\":\"oct\",\"k\":\"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0\",\"alg\":\"HS256\"}", GH_ERR_DENIED},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"use\":\"enc\"," X "," Y "}", GH_ERR_DENIED},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"key_ops\":[\"encrypt\"]," X "," Y "}", GH_ERR_DENIED},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"RS256\"," X "," Y "}", GH_ERR_UNSUPPORTED},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ES384\"," X "," Y "}", GH_ERR_UNSUPPORTED},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"none\"," X "," Y "}", GH_ERR_UNSUPPORTED},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":256," X "," Y "}", GH_ERR_UNSUPPORTED},
    {"{\"kty\":\"EC\",\"crv\":\"secp256k1\"," X "," Y "}", GH_ERR_UNSUPPORTED},
    {"{\"kty\":\"EC\"," X "," Y "}", GH_ERR_UNSUPPORTED},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\"," X "}", GH_ERR_PARSE},
    {"{\"kty\":\"EC\",\"crv\":\"P-384\"," X "," Y "}", GH_ERR_INVALID},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\"," X ",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4\"}",
     GH_ERR_INVALID},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\"," X ",\"y\":\"_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
     GH_ERR_INVALID},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\"," X ",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0=\"}",
     GH_ERR_INVALID},
    {"{\"kty\":\"OKP\",\"crv\":\"X25519\"," OKP_X "}", GH_ERR_UNSUPPORTED},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ\"}",
     GH_ERR_INVALID},
    {"{\"kty\":\"RSA\",\"n\":\"AQAB\"}", GH_ERR_PARSE},
    {"{\"kty\":\"RSA\",\"alg\":\"RSA-OAEP\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", GH_ERR_UNSUPPORTED},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":5," X "," Y "}", GH_ERR_INVALID},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kty\":\"EC\"," X "," Y "}", GH_ERR_PARSE},
};
#define BAD_JWKS_COUNT ((int)(sizeof(BAD_JWKS) / sizeof(BAD_JWKS[0])))

START_TEST(an_unfit_jwk_is_refused_with_a_reason)
{
    gh_key *key = NULL;
    gh_error error = {0};
    gh_status status = gh_key_from_jwk(view(BAD_JWKS[_i].jwk), &key, &error);
    ck_assert_msg(status == BAD_JWKS[_i].status, "%s: %s (%s)", BAD_JWKS[_i].jwk, gh_status_text(status),
                  error.message);
    ck_assert_ptr_null(key);
    ck_assert_str_ne(error.message, "");
}
END_TEST

/* A public RSA JWK with an odd modulus of `bytes` bytes and this exponent. */
static char *rsa_jwk(size_t bytes, const char *e, bool even)
{
    char modulus[2048];
    memset(modulus, 0xC5, sizeof(modulus));
    modulus[bytes - 1] = even ? 0x44 : 0x45;
    char *n = base64url_of(gh_view_make(modulus, bytes));
    char *jwk = text_of("{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}", n, e);
    free(n);
    return jwk;
}

START_TEST(rsa_keys_need_2048_to_8192_bits_and_an_odd_exponent_above_one)
{
    static const struct {
        size_t bytes;
        const char *e;
        bool even;
        bool fine;
    } cases[] = {
        {256, "AQAB", false, true},          {256, "Aw", false, true},
        {1024, "AQAB", false, true},         {255, "AQAB", false, false},
        {128, "AQAB", false, false},         {1025, "AQAB", false, false},
        {256, "AQ", false, false},           {256, "AQAA", false, false},
        {256, "AA", false, false},           {256, "AQAB", true, false},
        {256, "AQAAAAAAAAAB", false, false}, {2048, "AQAB", false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gh_key *key = NULL;
        char *jwk = rsa_jwk(cases[i].bytes, cases[i].e, cases[i].even);
        gh_status status = gh_key_from_jwk(view(jwk), &key, NULL);
        ck_assert_msg((status == GH_OK) == cases[i].fine, "case %zu: %s", i, gh_status_text(status));
        if (status == GH_OK) {
            ck_assert_str_eq(gh_key_alg(key), "RS256");
            ck_assert_str_eq(gh_key_kid(key), "");
        }
        gh_key_free(key);
        free(jwk);
    }
}
END_TEST

START_TEST(the_private_part_of_a_jwk_is_ignored)
{
    gh_key *key = NULL;
    ck_assert_int_eq(gh_key_from_jwk(view(RFC7515_JWK), &key, NULL), GH_OK);
    ck_assert(!gh_key_is_private(key));
    char *jwk = jwk_of(key);
    ck_assert_ptr_null(strstr(jwk, "\"d\""));
    ck_assert_ptr_null(strstr(jwk, "\"kid\""));
    free(jwk);
    gh_key_free(key);
}
END_TEST

START_TEST(a_signature_with_zero_or_in_der_form_is_refused)
{
    gh_key *key = new_key("ES256");
    char zero[64] = {0};
    ck_assert_int_eq(gh_key_verify(key, view("m"), gh_view_make(zero, sizeof(zero))), GH_ERR_DENIED);
    zero[31] = 1; /* r = 1, s = 0 */
    ck_assert_int_eq(gh_key_verify(key, view("m"), gh_view_make(zero, sizeof(zero))), GH_ERR_DENIED);
    memset(zero, 0xff, sizeof(zero)); /* above the order of the curve */
    ck_assert_int_eq(gh_key_verify(key, view("m"), gh_view_make(zero, sizeof(zero))), GH_ERR_DENIED);

    char *pem = private_pem(key);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    unsigned char der[128];
    size_t len = sizeof(der);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, pkey), 1);
    ck_assert_int_eq(EVP_DigestSign(md, der, &len, (const unsigned char *)"m", 1), 1);
    ck_assert_int_eq(gh_key_verify(key, view("m"), gh_view_make((const char *)der, len)), GH_ERR_DENIED);
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    free(pem);
    gh_key_free(key);
}
END_TEST

START_TEST(rs256_and_ps256_signatures_are_not_interchangeable)
{
    char *pem = rsa_pem(2048);
    gh_key *rs = key_of_pem("RS256", NULL, pem);
    gh_key *ps = key_of_pem("PS256", NULL, pem);
    gh_buf a = GH_BUF_INIT(1024);
    gh_buf b = GH_BUF_INIT(1024);
    ck_assert_int_eq(gh_key_sign(rs, view("m"), &a), GH_OK);
    ck_assert_int_eq(gh_key_sign(ps, view("m"), &b), GH_OK);
    ck_assert_int_eq(gh_key_verify(ps, view("m"), gh_buf_view(&a)), GH_ERR_DENIED);
    ck_assert_int_eq(gh_key_verify(rs, view("m"), gh_buf_view(&b)), GH_ERR_DENIED);
    ck_assert_int_eq(gh_key_verify(rs, view("m"), gh_buf_view(&a)), GH_OK);
    gh_buf_free(&a);
    gh_buf_free(&b);
    gh_key_free(rs);
    gh_key_free(ps);
    free(pem);
}
END_TEST

/* ---- sets ---- */

START_TEST(a_set_finds_by_algorithm_and_kid_only)
{
    gh_key *a = new_key("ES256");
    gh_key *b = new_key("EdDSA");
    gh_key *keys[] = {a, b};
    gh_keyset *set = NULL;
    ck_assert_int_eq(gh_keyset_new(keys, 2, &set), GH_OK);
    gh_view kid = view(gh_key_kid(a));
    ck_assert_ptr_eq(gh_keyset_find(set, view("ES256"), kid), a);
    ck_assert_ptr_null(gh_keyset_find(set, view("EdDSA"), kid));
    ck_assert_ptr_null(gh_keyset_find(set, view("RS256"), kid));
    ck_assert_ptr_null(gh_keyset_find(set, view("HS256"), kid));
    ck_assert_ptr_null(gh_keyset_find(set, view("none"), kid));
    ck_assert_ptr_null(gh_keyset_find(set, view("ES256"), view("other")));
    ck_assert_ptr_eq(gh_keyset_find(set, view("ES256"), view("")), a);
    ck_assert_ptr_null(gh_keyset_find(NULL, view("ES256"), kid));
    gh_key_free(a);
    gh_key_free(b);
    ck_assert_uint_eq(gh_keyset_count(set), 2); /* the set has references of its own */
    gh_keyset *again = gh_keyset_ref(set);
    gh_keyset_free(set);
    ck_assert_ptr_nonnull(gh_keyset_find(again, view("EdDSA"), view("")));
    gh_keyset_free(again);
}
END_TEST

START_TEST(without_kid_two_keys_of_one_algorithm_are_ambiguous)
{
    gh_key *keys[] = {new_key("ES256"), new_key("ES256")};
    gh_keyset *set = NULL;
    ck_assert_int_eq(gh_keyset_new(keys, 2, &set), GH_OK);
    ck_assert_ptr_null(gh_keyset_find(set, view("ES256"), view("")));
    ck_assert_ptr_eq(gh_keyset_find(set, view("ES256"), view(gh_key_kid(keys[1]))), keys[1]);
    gh_keyset_free(set);
    gh_key_free(keys[0]);
    gh_key_free(keys[1]);
}
END_TEST

START_TEST(of_two_keys_with_one_kid_the_first_wins)
{
    gh_key *made = new_key("ES256");
    char *pem = private_pem(made);
    gh_key *other = new_key("ES256");
    char *other_pem = private_pem(other);
    gh_key *keys[] = {key_of_pem("ES256", "same", pem), key_of_pem("ES256", "same", other_pem)};
    gh_keyset *set = NULL;
    ck_assert_int_eq(gh_keyset_new(keys, 2, &set), GH_OK);
    ck_assert_ptr_eq(gh_keyset_find(set, view("ES256"), view("same")), keys[0]);
    gh_keyset_free(set);
    gh_key_free(keys[0]);
    gh_key_free(keys[1]);
    gh_key_free(made);
    gh_key_free(other);
    free(pem);
    free(other_pem);
}
END_TEST

START_TEST(a_key_set_document_skips_what_it_cannot_use)
{
    gh_key *key = new_key("ES256");
    char *jwk = jwk_of(key);
    char *document =
        text_of("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"},%s,7,{\"kty\":\"EC\",\"crv\":\"P-521\"}],"
                "\"more\":true}",
                jwk);
    gh_keyset *set = NULL;
    size_t skipped = 0;
    ck_assert_int_eq(gh_keyset_parse(view(document), &set, &skipped, NULL), GH_OK);
    ck_assert_uint_eq(gh_keyset_count(set), 1);
    ck_assert_uint_eq(skipped, 3);
    ck_assert_ptr_nonnull(gh_keyset_find(set, view("ES256"), view(gh_key_kid(key))));
    gh_keyset_free(set);
    free(document);
    free(jwk);
    gh_key_free(key);
}
END_TEST

START_TEST(a_document_that_is_no_key_set_is_refused)
{
    static const char *const bad[] = {"", "[]", "{}", "{\"keys\":{}}", "<html>", "{\"keys\":[]} x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        gh_keyset *set = NULL;
        gh_error error = {0};
        ck_assert_int_eq(gh_keyset_parse(view(bad[i]), &set, NULL, &error), GH_ERR_PARSE);
        ck_assert_str_ne(error.message, "");
    }
    gh_keyset *empty = NULL;
    ck_assert_int_eq(gh_keyset_parse(view("{\"keys\":[]}"), &empty, NULL, NULL), GH_OK);
    ck_assert_uint_eq(gh_keyset_count(empty), 0);
    gh_keyset_free(empty);
}
END_TEST

START_TEST(a_written_key_set_shows_public_parts_and_reads_back)
{
    gh_key *keys[] = {new_key("ES256"), new_key("EdDSA")};
    gh_keyset *set = NULL;
    gh_keyset *again = NULL;
    gh_buf out = GH_BUF_INIT(8192);
    ck_assert_int_eq(gh_keyset_new(keys, 2, &set), GH_OK);
    ck_assert_int_eq(gh_keyset_write(set, &out), GH_OK);
    ck_assert_ptr_null(strstr(gh_buf_cstr(&out), "\"d\""));
    ck_assert_int_eq(gh_keyset_parse(gh_buf_view(&out), &again, NULL, NULL), GH_OK);
    ck_assert_ptr_nonnull(gh_keyset_find(again, view("ES256"), view(gh_key_kid(keys[0]))));
    ck_assert_ptr_nonnull(gh_keyset_find(again, view("EdDSA"), view(gh_key_kid(keys[1]))));
    gh_keyset_free(again);
    gh_keyset_free(set);
    gh_buf_free(&out);
    gh_key_free(keys[0]);
    gh_key_free(keys[1]);
}
END_TEST

START_TEST(a_set_has_a_ceiling)
{
    gh_buf document = GH_BUF_INIT(1 << 20);
    gh_key *key = new_key("ES256");
    char *jwk = jwk_of(key);
    gh_buf_append_cstr(&document, "{\"keys\":[");
    for (int i = 0; i < GH_KEYSET_MAX + 5; i++) {
        gh_buf_appendf(&document, "%s%s", i == 0 ? "" : ",", jwk);
    }
    gh_buf_append_cstr(&document, "]}");
    gh_keyset *set = NULL;
    size_t skipped = 0;
    ck_assert_int_eq(gh_keyset_parse(gh_buf_view(&document), &set, &skipped, NULL), GH_OK);
    ck_assert_uint_eq(gh_keyset_count(set), GH_KEYSET_MAX);
    ck_assert_uint_eq(skipped, 5);
    gh_keyset_free(set);
    gh_buf_free(&document);
    gh_key_free(key);
    free(jwk);
}
END_TEST

static void *verify_often(void *argument)
{
    gh_key *key = gh_key_ref(argument);
    size_t failures = 0;
    for (int i = 0; i < 50; i++) {
        gh_buf signature = GH_BUF_INIT(128);
        if (gh_key_sign(key, view("m"), &signature) != GH_OK ||
            gh_key_verify(key, view("m"), gh_buf_view(&signature)) != GH_OK) {
            failures++;
        }
        gh_buf_free(&signature);
    }
    gh_key_free(key);
    return failures == 0 ? NULL : argument;
}

START_TEST(one_key_serves_several_threads)
{
    gh_key *key = new_key("ES256");
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, verify_often, key), 0);
    }
    for (int i = 0; i < 8; i++) {
        void *failed = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    gh_key_free(key);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("key");
    TCase *tests = tcase_create("key");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, the_es256_example_of_rfc7515_verifies);
    tcase_add_test(tests, the_ed25519_example_of_rfc8037_gives_its_thumbprint_and_signature);
    tcase_add_loop_test(tests, each_algorithm_signs_and_its_public_jwk_verifies, 0, 5);
    tcase_add_loop_test(tests, the_kid_is_the_digest_of_the_required_members, 0, 2);
    tcase_add_loop_test(tests, a_private_key_survives_pem, 0, 2);
    tcase_add_test(tests, a_pem_of_another_type_or_too_weak_is_refused);
    tcase_add_test(tests, an_encrypted_pem_is_refused_without_asking_for_a_passphrase);
    tcase_add_test(tests, only_sensible_algorithms_are_generated);
    tcase_add_loop_test(tests, an_unfit_jwk_is_refused_with_a_reason, 0, BAD_JWKS_COUNT);
    tcase_add_test(tests, rsa_keys_need_2048_to_8192_bits_and_an_odd_exponent_above_one);
    tcase_add_test(tests, the_private_part_of_a_jwk_is_ignored);
    tcase_add_test(tests, a_signature_with_zero_or_in_der_form_is_refused);
    tcase_add_test(tests, rs256_and_ps256_signatures_are_not_interchangeable);
    tcase_add_test(tests, a_set_finds_by_algorithm_and_kid_only);
    tcase_add_test(tests, without_kid_two_keys_of_one_algorithm_are_ambiguous);
    tcase_add_test(tests, of_two_keys_with_one_kid_the_first_wins);
    tcase_add_test(tests, a_key_set_document_skips_what_it_cannot_use);
    tcase_add_test(tests, a_document_that_is_no_key_set_is_refused);
    tcase_add_test(tests, a_written_key_set_shows_public_parts_and_reads_back);
    tcase_add_test(tests, a_set_has_a_ceiling);
    tcase_add_test(tests, one_key_serves_several_threads);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

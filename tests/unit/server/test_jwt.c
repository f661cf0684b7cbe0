#include <jwt.h>
#include <openssl/hmac.h>

#include "tests/unit/server/token_fixture.h"

#define AT "at+jwt"

static gh_key *key;
static gh_keyset *keys;

static void setup(void)
{
    fixture_clock_start();
    key = new_key("ES256");
    keys = set_of(key);
}

static void teardown(void)
{
    gh_keyset_free(keys);
    gh_key_free(key);
    gh_clock_set_source(NULL, NULL);
}

static gh_status verify_with(const char *token, const gh_keyset *set, const char *type, gh_error *error)
{
    const gh_jwt_rules rules = {.issuer = ISSUER, .audience = RESOURCE, .type = type, .keys = set};
    cJSON *claims = NULL;
    gh_status status = gh_jwt_verify(gh_view_of(token), &rules, &claims, error);
    ck_assert((status == GH_OK) == (claims != NULL));
    cJSON_Delete(claims);
    return status;
}

/* Refused with this status and with a sentence that is fit for the challenge and does not leak the token. */
static void assert_refused(const char *token, gh_status expected, const char *what)
{
    gh_error error = {0};
    gh_status status = verify_with(token, keys, AT, &error);
    ck_assert_msg(status == expected, "%s: %s, not %s (%s)", what, gh_status_text(status),
                  gh_status_text(expected), error.message);
    assert_challenge_text(error.message);
    ck_assert(strlen(token) < 10 || strstr(error.message, token) == NULL);
}

static void assert_fine(const char *token, const char *what)
{
    gh_error error = {0};
    ck_assert_msg(verify_with(token, keys, AT, &error) == GH_OK, "%s: %s", what, error.message);
}

static char *token_with(const char *header, const char *payload)
{
    return mint(header, payload, key);
}

/* ---- what is right ---- */

START_TEST(a_signed_token_verifies_and_gives_its_claims)
{
    cJSON *claims = cJSON_CreateObject();
    ck_assert(gh_json_add_string(claims, "iss", ISSUER));
    ck_assert(gh_json_add_string(claims, "aud", RESOURCE));
    ck_assert(gh_json_add_string(claims, "sub", "Zo\xc3\xab"));
    ck_assert(gh_json_add_int64(claims, "exp", NOW + 5));
    char *token = NULL;
    ck_assert_int_eq(gh_jwt_sign(key, AT, claims, &token), GH_OK);
    cJSON_Delete(claims);

    const gh_jwt_rules rules = {.issuer = ISSUER, .audience = RESOURCE, .type = AT, .keys = keys};
    cJSON *read = NULL;
    ck_assert_int_eq(gh_jwt_verify(gh_view_of(token), &rules, &read, NULL), GH_OK);
    ck_assert_str_eq(gh_json_get_string(read, "sub"), "Zo\xc3\xab");
    cJSON_Delete(read);

    gh_buf header = GH_BUF_INIT(1024);
    ck_assert_int_eq(gh_base64url_decode(gh_view_make(token, strcspn(token, ".")), &header), GH_OK);
    char *expected = at_header(key);
    ck_assert_str_eq(gh_buf_cstr(&header), expected);
    free(expected);
    gh_buf_free(&header);
    gh_wipe_free(token);
}
END_TEST

START_TEST(types_compare_without_case_and_with_the_long_form)
{
    static const char *const fine[] = {"at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt",
                                       "Application/AT+JWT"};
    static const char *const wrong[] = {"JWT",    "jwt",          "",           "at+jwt ", "xat+jwt",
                                        "id+jwt", "application/", "text/at+jwt"};
    char *claims = good_claims("");
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        char *header = text_of("{\"alg\":\"ES256\",\"typ\":\"%s\"}", fine[i]);
        char *token = token_with(header, claims);
        assert_fine(token, fine[i]);
        free(token);
        free(header);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char *header = text_of("{\"alg\":\"ES256\",\"typ\":\"%s\"}", wrong[i]);
        char *token = token_with(header, claims);
        assert_refused(token, GH_ERR_DENIED, wrong[i]);
        free(token);
        free(header);
    }
    free(claims);
}
END_TEST

/* ---- headers ---- */

static const struct {
    const char *header;
    gh_status status;
} BAD_HEADERS[] = {
    {"{\"typ\":\"at+jwt\"}", GH_ERR_PARSE},
    {"{\"alg\":null,\"typ\":\"at+jwt\"}", GH_ERR_PARSE},
    {"{\"alg\":[\"ES256\"],\"typ\":\"at+jwt\"}", GH_ERR_PARSE},
    {"{\"alg\":\"none\",\"typ\":\"at+jwt\"}", GH_ERR_DENIED},
    {"{\"alg\":\"None\",\"typ\":\"at+jwt\"}", GH_ERR_DENIED},
    {"{\"alg\":\"NONE\",\"typ\":\"at+jwt\"}", GH_ERR_DENIED},
    {"{\"alg\":\"nOnE\",\"typ\":\"at+jwt\"}", GH_ERR_DENIED},
    {"{\"alg\":\"\",\"typ\":\"at+jwt\"}", GH_ERR_DENIED},
    {"{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", GH_ERR_DENIED},
    {"{\"alg\":\"es256\",\"typ\":\"at+jwt\"}", GH_ERR_DENIED},
    {"{\"alg\":\"ES256 \",\"typ\":\"at+jwt\"}", GH_ERR_DENIED},
    {"{\"alg\":\"ES256K\",\"typ\":\"at+jwt\"}", GH_ERR_DENIED},
    {"{\"alg\":\"ES384\",\"typ\":\"at+jwt\"}", GH_ERR_NOT_FOUND},
    {"{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}", GH_ERR_NOT_FOUND},
    {"{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\"}", GH_ERR_NOT_FOUND},
    {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"unknown\"}", GH_ERR_NOT_FOUND},
    {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"../../dev/null\"}", GH_ERR_NOT_FOUND},
    {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":7}", GH_ERR_PARSE},
    {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":null}", GH_ERR_PARSE},
    {"{\"alg\":\"ES256\",\"typ\":7}", GH_ERR_DENIED},
    {"{\"alg\":\"ES256\"}", GH_ERR_DENIED},
    {"{\"alg\":\"ES256\",\"typ\":\"JWT\"}", GH_ERR_DENIED},
    {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"crit\":[\"exp\"],\"exp\":1}", GH_ERR_DENIED},
    {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"crit\":[]}", GH_ERR_DENIED},
    {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"b64\":false}", GH_ERR_DENIED},
    {"{\"alg\":\"none\",\"typ\":\"at+jwt\",\"alg\":\"ES256\"}", GH_ERR_PARSE},
    {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"alg\":\"ES256\"}", GH_ERR_PARSE},
    {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"\\u0061lg\":\"none\"}", GH_ERR_PARSE},
    {"[\"ES256\"]", GH_ERR_PARSE},
    {"\"ES256\"", GH_ERR_PARSE},
    {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\"", GH_ERR_PARSE},
    {"{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}{}", GH_ERR_PARSE},
    {"{\"alg\":\"ES256\\u0000\",\"typ\":\"at+jwt\"}", GH_ERR_PARSE},
    {"\xef\xbb\xbf{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}", GH_ERR_PARSE},
};
#define BAD_HEADERS_COUNT ((int)(sizeof(BAD_HEADERS) / sizeof(BAD_HEADERS[0])))

START_TEST(a_wrong_header_is_refused_even_when_the_signature_is_right)
{
    char *claims = good_claims("");
    char *token = token_with(BAD_HEADERS[_i].header, claims);
    assert_refused(token, BAD_HEADERS[_i].status, BAD_HEADERS[_i].header);
    free(token);
    free(claims);
}
END_TEST

START_TEST(alg_none_without_a_signature_is_refused)
{
    char *claims = good_claims("");
    char *token = mint("{\"alg\":\"none\",\"typ\":\"at+jwt\"}", claims, NULL);
    assert_refused(token, GH_ERR_PARSE, "empty signature");
    char *filled = text_of("%sAA", token);
    assert_refused(filled, GH_ERR_DENIED, "some signature");
    free(filled);
    free(token);
    free(claims);
}
END_TEST

/* HS256 over header.payload with this secret. */
static char *hs256_token(const char *header, const char *claims, const char *secret)
{
    char *h = base64url_of(gh_view_of(header));
    char *p = base64url_of(gh_view_of(claims));
    char *input = text_of("%s.%s", h, p);
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    ck_assert_ptr_nonnull(HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)input,
                               strlen(input), mac, &len));
    char *signature = base64url_of(gh_view_make((const char *)mac, len));
    char *token = text_of("%s.%s", input, signature);
    free(signature);
    free(input);
    free(p);
    free(h);
    return token;
}

START_TEST(hs256_with_a_public_key_as_the_secret_is_refused)
{
    char *rsa = rsa_pem(2048);
    gh_key *rsa_key = key_of_pem("RS256", NULL, rsa);
    gh_keyset *rsa_keys = set_of(rsa_key);
    char *pem = public_pem(rsa_key);
    char *jwk = jwk_of(rsa_key);
    char *claims = good_claims("");
    const char *const secrets[] = {pem, jwk, ""};
    for (size_t i = 0; i < 3; i++) {
        static const char *const algs[] = {"HS256", "RS256"};
        for (size_t j = 0; j < 2; j++) {
            char *header =
                text_of("{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", algs[j], gh_key_kid(rsa_key));
            char *token = hs256_token(header, claims, secrets[i]);
            gh_error error = {0};
            ck_assert_int_eq(verify_with(token, rsa_keys, AT, &error), GH_ERR_DENIED);
            free(token);
            free(header);
        }
    }
    free(claims);
    free(jwk);
    free(pem);
    gh_keyset_free(rsa_keys);
    gh_key_free(rsa_key);
    free(rsa);
}
END_TEST

START_TEST(a_key_in_the_header_is_never_used)
{
    gh_key *attacker = new_key("ES256");
    char *jwk = jwk_of(attacker);
    char *claims = good_claims("");
    const char *const kids[] = {gh_key_kid(attacker), gh_key_kid(key)};
    const gh_status expected[] = {GH_ERR_NOT_FOUND, GH_ERR_DENIED};
    for (size_t i = 0; i < 2; i++) {
        char *header = text_of("{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\",\"jwk\":%s,"
                               "\"jku\":\"https://evil.example/jwks\",\"x5u\":\"https://evil.example/x\"}",
                               kids[i], jwk);
        char *token = mint(header, claims, attacker);
        assert_refused(token, expected[i], "embedded key");
        free(token);
        free(header);
    }
    free(claims);
    free(jwk);
    gh_key_free(attacker);
}
END_TEST

START_TEST(another_key_under_the_same_kid_is_refused)
{
    gh_key *other = new_key("ES256");
    char *pem = private_pem(other);
    gh_key *impostor = key_of_pem("ES256", gh_key_kid(key), pem);
    char *token = good_token(impostor);
    assert_refused(token, GH_ERR_DENIED, "impostor");
    free(token);
    gh_key_free(impostor);
    free(pem);
    gh_key_free(other);
}
END_TEST

/* ---- form and signature ---- */

START_TEST(a_token_of_another_form_is_refused)
{
    char *good = good_token(key);
    const char *dot1 = strchr(good, '.');
    const char *dot2 = strrchr(good, '.');
    int head = (int)(dot1 - good);
    int body = (int)(dot2 - dot1 - 1);
    char *const bad[] = {
        text_of("%s", ""),
        text_of("%s", "."),
        text_of("%s", ".."),
        text_of("%s", "..."),
        text_of("%s", "garbage"),
        text_of("%.*s", (int)(dot2 - good), good),
        text_of("%.*s.", (int)(dot2 - good), good),
        text_of("%s.", good),
        text_of(".%s", good),
        text_of("%s.e30", good),
        text_of("%.*s..%s", head, good, dot2 + 1),
        text_of(".%.*s.%s", body, dot1 + 1, dot2 + 1),
        text_of("%s=", good),
        text_of("%s==", good),
        text_of(" %s", good),
        text_of("%s ", good),
        text_of("%s\n", good),
        text_of("%.*s=.%s", head, good, dot1 + 1),
        text_of("%.*s \t.%s", head, good, dot1 + 1),
        text_of("%.*s+/%s", head, good, dot1),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_refused(bad[i], GH_ERR_PARSE, bad[i]);
        free(bad[i]);
    }
    assert_fine(good, "the original");
    free(good);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    char *good = good_token(key);
    for (size_t len = strlen(good) - 1; len > 0; len--) {
        char *cut = text_of("%.*s", (int)len, good);
        gh_error error = {0};
        ck_assert_int_ne(verify_with(cut, keys, AT, &error), GH_OK);
        free(cut);
    }
    free(good);
}
END_TEST

START_TEST(every_changed_character_is_refused)
{
    char *good = good_token(key);
    for (size_t i = 0; i < strlen(good); i++) {
        char kept = good[i];
        good[i] = kept == 'A' ? 'B' : 'A';
        gh_error error = {0};
        ck_assert_msg(verify_with(good, keys, AT, &error) != GH_OK, "character %zu", i);
        good[i] = kept;
    }
    assert_fine(good, "the original");
    free(good);
}
END_TEST

START_TEST(a_payload_under_another_tokens_signature_is_refused)
{
    char *good = good_token(key);
    char *claims = good_claims("\"admin\":true,");
    char *header = at_header(key);
    char *other = token_with(header, claims);
    char *swapped = text_of("%.*s%s", (int)(strrchr(other, '.') - other), other, strrchr(good, '.'));
    assert_refused(swapped, GH_ERR_DENIED, "swapped");
    assert_fine(other, "the other one");
    free(swapped);
    free(other);
    free(header);
    free(claims);
    free(good);
}
END_TEST

START_TEST(zero_and_overlong_signatures_are_refused)
{
    char zeros[64] = {0};
    char *zero = base64url_of(gh_view_make(zeros, sizeof(zeros)));
    char *good = good_token(key);
    int input = (int)(strrchr(good, '.') - good);
    char *token = text_of("%.*s.%s", input, good, zero);
    char *longer = text_of("%.*s.%s%s", input, good, strrchr(good, '.') + 1, "AAAA");
    assert_refused(token, GH_ERR_DENIED, "r = s = 0");
    gh_error error = {0};
    ck_assert_int_ne(verify_with(longer, keys, AT, &error), GH_OK);
    free(longer);
    free(token);
    free(good);
    free(zero);
}
END_TEST

START_TEST(a_huge_token_is_refused_before_anything_else)
{
    char *filler = malloc(GH_JWT_MAX + 1);
    ck_assert_ptr_nonnull(filler);
    memset(filler, 'A', GH_JWT_MAX);
    filler[GH_JWT_MAX] = '\0';
    char *token = text_of("%s.%s.%s", filler, filler, filler);
    assert_refused(token, GH_ERR_PARSE, "huge");
    free(token);
    free(filler);

    char *extra = malloc(8001);
    ck_assert_ptr_nonnull(extra);
    memset(extra, 'x', 8000);
    extra[8000] = '\0';
    char *member = text_of("\"pad\":\"%s\",", extra);
    char *claims = good_claims(member);
    char *header = at_header(key);
    token = token_with(header, claims);
    assert_fine(token, "large, but within the limit");
    free(token);
    free(header);
    free(claims);
    free(member);
    free(extra);
}
END_TEST

/* ---- claims ---- */

static char *claims_of(const char *iss, const char *aud, const char *times)
{
    return text_of("{\"iss\":%s,\"aud\":%s,\"sub\":\"alice\"%s}", iss, aud, times);
}

static void check_claims_text(const char *payload, gh_status expected)
{
    char *header = at_header(key);
    char *token = token_with(header, payload);
    if (expected == GH_OK) {
        assert_fine(token, payload);
    } else {
        assert_refused(token, expected, payload);
    }
    free(token);
    free(header);
}

START_TEST(the_issuer_is_compared_exactly)
{
    static const char *const wrong[] = {"\"http://localhost:8080/\"",
                                        "\"http://LOCALHOST:8080\"",
                                        "\"https://localhost:8080\"",
                                        "\"http://localhost:80800\"",
                                        "\"http://localhost\"",
                                        "\"\"",
                                        "null",
                                        "[\"http://localhost:8080\"]"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char *claims = claims_of(wrong[i], "\"" RESOURCE "\"", ",\"exp\":1795000600");
        check_claims_text(claims, GH_ERR_DENIED);
        free(claims);
    }
    check_claims_text("{\"aud\":\"" RESOURCE "\",\"exp\":1795000600}", GH_ERR_DENIED);
}
END_TEST

START_TEST(the_audience_must_hold_this_resource)
{
    static const struct {
        const char *aud;
        gh_status status;
    } cases[] = {
        {"\"" RESOURCE "\"", GH_OK},
        {"[\"" RESOURCE "\"]", GH_OK},
        {"[\"https://other.example\",\"" RESOURCE "\"]", GH_OK},
        {"\"" RESOURCE "/\"", GH_ERR_DENIED},
        {"\"" ISSUER "\"", GH_ERR_DENIED},
        {"\"https://other.example/mcp\"", GH_ERR_DENIED},
        {"\"https://other.example " RESOURCE "\"", GH_ERR_DENIED},
        {"[]", GH_ERR_DENIED},
        {"[\"https://other.example\"]", GH_ERR_DENIED},
        {"[[\"" RESOURCE "\"]]", GH_ERR_DENIED},
        {"{\"0\":\"" RESOURCE "\"}", GH_ERR_DENIED},
        {"null", GH_ERR_DENIED},
        {"7", GH_ERR_DENIED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *claims = claims_of("\"" ISSUER "\"", cases[i].aud, ",\"exp\":1795000600");
        check_claims_text(claims, cases[i].status);
        free(claims);
    }
    check_claims_text("{\"iss\":\"" ISSUER "\",\"exp\":1795000600}", GH_ERR_DENIED);
}
END_TEST

START_TEST(times_are_checked_with_a_minute_of_skew)
{
    static const struct {
        const char *times;
        gh_status status;
    } cases[] = {
        {",\"exp\":1795000001", GH_OK},
        {",\"exp\":1795000000", GH_OK},
        {",\"exp\":1794999941", GH_OK},
        {",\"exp\":1794999940", GH_ERR_EXPIRED},
        {",\"exp\":1794999940.9", GH_ERR_EXPIRED},
        {",\"exp\":1795000600.5", GH_OK},
        {",\"exp\":1.7950006e9", GH_OK},
        {",\"exp\":0", GH_ERR_EXPIRED},
        {",\"exp\":-1", GH_ERR_DENIED},
        {",\"exp\":\"1795000600\"", GH_ERR_DENIED},
        {",\"exp\":null", GH_ERR_DENIED},
        {",\"exp\":true", GH_ERR_DENIED},
        {",\"exp\":1e300", GH_ERR_DENIED},
        {",\"exp\":1e999", GH_ERR_DENIED},
        {"", GH_ERR_DENIED},
        {",\"exp\":1795000600,\"nbf\":1795000060", GH_OK},
        {",\"exp\":1795000600,\"nbf\":1795000061", GH_ERR_DENIED},
        {",\"exp\":1795000600,\"nbf\":\"soon\"", GH_ERR_DENIED},
        {",\"exp\":1795000600,\"iat\":1795000060", GH_OK},
        {",\"exp\":1795000600,\"iat\":1795000061", GH_ERR_DENIED},
        {",\"exp\":1795000600,\"iat\":null", GH_ERR_DENIED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *claims = claims_of("\"" ISSUER "\"", "\"" RESOURCE "\"", cases[i].times);
        check_claims_text(claims, cases[i].status);
        free(claims);
    }
}
END_TEST

START_TEST(an_expired_token_says_how_long_ago_and_what_to_do)
{
    static const struct {
        int64_t later_s;
        const char *text;
    } cases[] = {
        {600 + 61, "The access token expired 1 minute ago; refresh it or sign in again."},
        {600 + 12 * 60, "The access token expired 12 minutes ago; refresh it or sign in again."},
        {600 + 3 * 3600 + 5, "The access token expired 3 hours ago; refresh it or sign in again."},
        {600 + 2 * 86400, "The access token expired 2 days ago; refresh it or sign in again."},
    };
    char *token = good_token(key);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gh_error error = {0};
        fixture_wall_ms = (NOW + cases[i].later_s) * 1000;
        ck_assert_int_eq(verify_with(token, keys, AT, &error), GH_ERR_EXPIRED);
        ck_assert_str_eq(error.message, cases[i].text);
    }
    free(token);
}
END_TEST

START_TEST(a_payload_that_is_no_object_is_refused)
{
    static const char *const bad[] = {"[]", "\"x\"", "", "{", "{\"exp\":1,\"exp\":2}", "\xff\xfe", "{}x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        check_claims_text(bad[i], GH_ERR_PARSE);
    }
}
END_TEST

START_TEST(claims_are_not_looked_at_before_the_signature)
{
    gh_key *other = new_key("ES256");
    char *header = at_header(key);
    char *token = mint(header, "{\"exp\":1}", other);
    gh_error error = {0};
    ck_assert_int_eq(verify_with(token, keys, AT, &error), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(error.message, "signature"));
    free(token);
    free(header);
    gh_key_free(other);
}
END_TEST

/* ---- libjwt as the second opinion ---- */

static const struct {
    const char *alg;
    jwt_alg_t theirs;
} ALGS[] = {{"ES256", JWT_ALG_ES256}, {"RS256", JWT_ALG_RS256}};

static gh_key *key_for(const char *alg)
{
    if (strcmp(alg, "ES256") == 0) {
        return new_key(alg);
    }
    char *pem = rsa_pem(2048);
    gh_key *made = key_of_pem(alg, NULL, pem);
    free(pem);
    return made;
}

START_TEST(libjwt_verifies_what_we_sign)
{
    gh_key *ours = key_for(ALGS[_i].alg);
    char *pem = public_pem(ours);
    char *text = good_claims("");
    cJSON *claims = cJSON_Parse(text);
    char *token = NULL;
    jwt_t *jwt = NULL;
    /* libjwt takes no other type than this one. */
    ck_assert_int_eq(gh_jwt_sign(ours, "JWT", claims, &token), GH_OK);
    ck_assert_int_eq(jwt_decode(&jwt, token, (const unsigned char *)pem, (int)strlen(pem)), 0);
    ck_assert_int_eq(jwt_get_alg(jwt), ALGS[_i].theirs);
    ck_assert_str_eq(jwt_get_grant(jwt, "sub"), "alice");
    ck_assert_int_eq(jwt_get_grant_int(jwt, "exp"), NOW + 600);
    ck_assert_str_eq(jwt_get_header(jwt, "kid"), gh_key_kid(ours));
    jwt_free(jwt);
    gh_wipe_free(token);
    cJSON_Delete(claims);
    free(text);
    free(pem);
    gh_key_free(ours);
}
END_TEST

START_TEST(we_verify_what_libjwt_signs)
{
    gh_key *ours = key_for(ALGS[_i].alg);
    gh_keyset *set = set_of(ours);
    char *pem = private_pem(ours);
    char *claims = good_claims("");
    jwt_t *jwt = NULL;
    ck_assert_int_eq(jwt_new(&jwt), 0);
    ck_assert_int_eq(jwt_add_grants_json(jwt, claims), 0);
    ck_assert_int_eq(jwt_add_header(jwt, "kid", gh_key_kid(ours)), 0);
    ck_assert_int_eq(jwt_set_alg(jwt, ALGS[_i].theirs, (const unsigned char *)pem, (int)strlen(pem)), 0);
    char *token = jwt_encode_str(jwt);
    ck_assert_ptr_nonnull(token);
    gh_error error = {0};
    ck_assert_msg(verify_with(token, set, NULL, &error) == GH_OK, "%s", error.message);
    ck_assert_int_eq(verify_with(token, keys, NULL, &error), GH_ERR_NOT_FOUND);
    free(token);
    jwt_free(jwt);
    free(claims);
    free(pem);
    gh_keyset_free(set);
    gh_key_free(ours);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jwt");
    TCase *tests = tcase_create("jwt");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_signed_token_verifies_and_gives_its_claims);
    tcase_add_test(tests, types_compare_without_case_and_with_the_long_form);
    tcase_add_loop_test(tests, a_wrong_header_is_refused_even_when_the_signature_is_right, 0,
                        BAD_HEADERS_COUNT);
    tcase_add_test(tests, alg_none_without_a_signature_is_refused);
    tcase_add_test(tests, hs256_with_a_public_key_as_the_secret_is_refused);
    tcase_add_test(tests, a_key_in_the_header_is_never_used);
    tcase_add_test(tests, another_key_under_the_same_kid_is_refused);
    tcase_add_test(tests, a_token_of_another_form_is_refused);
    tcase_add_test(tests, every_truncation_is_refused);
    tcase_add_test(tests, every_changed_character_is_refused);
    tcase_add_test(tests, a_payload_under_another_tokens_signature_is_refused);
    tcase_add_test(tests, zero_and_overlong_signatures_are_refused);
    tcase_add_test(tests, a_huge_token_is_refused_before_anything_else);
    tcase_add_test(tests, the_issuer_is_compared_exactly);
    tcase_add_test(tests, the_audience_must_hold_this_resource);
    tcase_add_test(tests, times_are_checked_with_a_minute_of_skew);
    tcase_add_test(tests, an_expired_token_says_how_long_ago_and_what_to_do);
    tcase_add_test(tests, a_payload_that_is_no_object_is_refused);
    tcase_add_test(tests, claims_are_not_looked_at_before_the_signature);
    tcase_add_loop_test(tests, libjwt_verifies_what_we_sign, 0, 2);
    tcase_add_loop_test(tests, we_verify_what_libjwt_signs, 0, 2);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include "shared/net/form.h"
#include "tests/unit/server/idp_fixture.h"

#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define ACCESS "the-access-token"

static provider p;
static gh_secret *client_secret;

static void setup(void)
{
    fixture_clock_start();
    provider_start(&p);
    client_secret = gh_secret_new(GH_VIEW_LIT("s:e c&r\xc3\xa9t"));
    ck_assert_ptr_nonnull(client_secret);
}

static void teardown(void)
{
    provider_stop(&p);
    gh_secret_free(client_secret);
}

static gh_idp_options confidential(void)
{
    gh_idp_options options = idp_options(&p);
    options.client_secret = client_secret;
    return options;
}

/* An ID token by `key`; `claims` go with issuer, times and subject. */
static char *id_token_of(const gh_key *key, const char *claims)
{
    char *header =
        text_of("{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}", gh_key_alg(key), gh_key_kid(key));
    char *payload =
        text_of("{\"iss\":\"%s\",\"iat\":%d,\"exp\":%d,%s}", p.issuer, NOW - 5, NOW + 300, claims);
    char *token = mint(header, payload, key);
    free(header);
    free(payload);
    return token;
}

#define GOOD_ID "\"sub\":\"alice\",\"aud\":\"the client\",\"nonce\":\"n-1\""

/* The token endpoint's reply with this ID token (NULL for none). */
static gh_http_fixture_step *reply_tokens(const char *id_token, bool once)
{
    char *with_id = id_token == NULL ? text_of("%s", "") : text_of(",\"id_token\":\"%s\"", id_token);
    char *body = text_of("{\"access_token\":\"" ACCESS "\",\"token_type\":\"bearer\",\"expires_in\":300,"
                         "\"refresh_token\":\"the-refresh-token\"%s}",
                         with_id);
    gh_http_fixture_step *step = provider_reply(&p, "POST", PROVIDER_TOKEN, 200, body, once);
    free(body);
    free(with_id);
    return step;
}

static void reply_good_tokens(void)
{
    char *id_token = id_token_of(p.key, GOOD_ID);
    reply_tokens(id_token, false);
    free(id_token);
}

static gh_status exchange(gh_idp *idp, gh_idp_tokens *tokens, gh_error *error)
{
    gh_error why = {0};
    gh_status status = gh_idp_exchange(idp, "the code", GH_VIEW_LIT(VERIFIER), "n-1", tokens, &why);
    if (status != GH_OK) {
        ck_assert_ptr_null(tokens->access_token);
        ck_assert_ptr_null(tokens->refresh_token);
        ck_assert_ptr_null(tokens->claims);
        ck_assert_str_ne(why.message, "");
        ck_assert_ptr_null(strstr(why.message, ACCESS));
        ck_assert_ptr_null(strstr(why.message, "the code"));
    }
    if (error != NULL) {
        *error = why;
    }
    return status;
}

static gh_form *form_of(size_t request)
{
    gh_form *form = NULL;
    ck_assert_int_eq(gh_form_parse(gh_http_fixture_body(p.fixture, request), &form, NULL), GH_OK);
    return form;
}

START_TEST(the_authorization_url_has_all_that_a_login_needs)
{
    gh_idp_options options = confidential();
    gh_buf url = GH_BUF_INIT(4096);
    gh_form *form = NULL;
    provider_good(&p);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(gh_idp_authorize_url(idp, "st&te", "n-1", "challenge", &url), GH_OK);
    char *start = text_of("%s" PROVIDER_AUTHORIZE "?response_type=code&", p.base);
    ck_assert(gh_view_starts_with(gh_buf_view(&url), gh_view_of(start)));
    ck_assert_int_eq(gh_form_parse(gh_view_of(strchr(gh_buf_cstr(&url), '?') + 1), &form, NULL), GH_OK);
    ck_assert_str_eq(gh_form_get(form, "client_id"), "the client");
    ck_assert_str_eq(gh_form_get(form, "redirect_uri"), CALLBACK);
    ck_assert_str_eq(gh_form_get(form, "scope"), "openid profile email offline_access");
    ck_assert_str_eq(gh_form_get(form, "state"), "st&te");
    ck_assert_str_eq(gh_form_get(form, "nonce"), "n-1");
    ck_assert_str_eq(gh_form_get(form, "code_challenge"), "challenge");
    ck_assert_str_eq(gh_form_get(form, "code_challenge_method"), "S256");
    ck_assert_ptr_null(strstr(gh_buf_cstr(&url), "r%C3%A9t"));
    gh_form_free(form);
    free(start);
    gh_buf_free(&url);
    gh_idp_free(idp);
}
END_TEST

START_TEST(an_exchange_gives_tokens_and_verified_claims)
{
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    provider_good(&p);
    reply_good_tokens();
    provider_reply(&p, "GET", PROVIDER_USERINFO, 200,
                   "{\"sub\":\"alice\",\"email\":\"a@b.example\",\"groups\":[\"mcp\"],\"nonce\":\"other\","
                   "\"aud\":\"x\"}",
                   false);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(exchange(idp, &tokens, NULL), GH_OK);
    ck_assert(gh_secret_equals(tokens.access_token, GH_VIEW_LIT(ACCESS)));
    ck_assert(gh_secret_equals(tokens.refresh_token, GH_VIEW_LIT("the-refresh-token")));
    ck_assert_int_eq(tokens.expires_at, NOW + 300);
    ck_assert_str_eq(gh_json_get_string(tokens.claims, "sub"), "alice");
    ck_assert_str_eq(gh_json_get_string(tokens.claims, "email"), "a@b.example");
    ck_assert(gh_json_array_has(tokens.claims, "groups", "mcp"));
    ck_assert_str_eq(gh_json_get_string(tokens.claims, "nonce"), "n-1"); /* the ID token's word counts */
    ck_assert_str_eq(gh_json_get_string(tokens.claims, "aud"), "the client");
    gh_idp_tokens_clear(&tokens);
    ck_assert_ptr_null(tokens.claims);

    size_t at = provider_find(&p, "POST " PROVIDER_TOKEN);
    gh_form *form = form_of(at);
    ck_assert_str_eq(gh_form_get(form, "grant_type"), "authorization_code");
    ck_assert_str_eq(gh_form_get(form, "code"), "the code");
    ck_assert_str_eq(gh_form_get(form, "redirect_uri"), CALLBACK);
    ck_assert_str_eq(gh_form_get(form, "code_verifier"), VERIFIER);
    ck_assert_ptr_null(gh_form_get(form, "client_secret"));
    gh_form_free(form);
    /* base64 of "the%20client:s%3Ae%20c%26r%C3%A9t" */
    ck_assert(gh_http_fixture_has_line(p.fixture, at,
                                       "Authorization: Basic dGhlJTIwY2xpZW50OnMlM0FlJTIwYyUyNnIlQzMlQTl0"));
    ck_assert(gh_http_fixture_has_line(p.fixture, at, "Content-Type: application/x-www-form-urlencoded"));
    ck_assert(gh_http_fixture_has_line(p.fixture, provider_find(&p, "GET " PROVIDER_USERINFO),
                                       "Authorization: Bearer " ACCESS));
    gh_idp_free(idp);
}
END_TEST

START_TEST(the_secret_goes_into_the_body_when_only_that_is_offered)
{
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    provider_document(&p, p.issuer,
                      GOOD_PKCE ",\"token_endpoint_auth_methods_supported\":[\"client_secret_post\","
                                "\"private_key_jwt\"]",
                      false);
    provider_keys(&p, &p.key, 1, false);
    reply_good_tokens();
    provider_reply(&p, "GET", PROVIDER_USERINFO, 403, "", false);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(exchange(idp, &tokens, NULL), GH_OK);
    gh_idp_tokens_clear(&tokens);
    size_t at = provider_find(&p, "POST " PROVIDER_TOKEN);
    gh_form *form = form_of(at);
    ck_assert_str_eq(gh_form_get(form, "client_id"), "the client");
    ck_assert_str_eq(gh_form_get(form, "client_secret"), "s:e c&r\xc3\xa9t");
    gh_form_free(form);
    ck_assert_ptr_null(strstr(gh_http_fixture_head(p.fixture, at).ptr, "Authorization"));
    gh_idp_free(idp);
}
END_TEST

START_TEST(a_public_client_names_itself_only)
{
    gh_idp_options options = idp_options(&p);
    gh_idp_tokens tokens;
    provider_good(&p);
    reply_good_tokens();
    provider_reply(&p, "GET", PROVIDER_USERINFO, 403, "", false);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(exchange(idp, &tokens, NULL), GH_OK);
    gh_idp_tokens_clear(&tokens);
    size_t at = provider_find(&p, "POST " PROVIDER_TOKEN);
    gh_form *form = form_of(at);
    ck_assert_str_eq(gh_form_get(form, "client_id"), "the client");
    ck_assert_ptr_null(gh_form_get(form, "client_secret"));
    gh_form_free(form);
    ck_assert_ptr_null(strstr(gh_http_fixture_head(p.fixture, at).ptr, "Authorization"));
    gh_idp_free(idp);
}
END_TEST

static const struct {
    const char *claims;
    const char *says; /* NULL: it is good */
} ID_TOKENS[] = {
    {GOOD_ID, NULL},
    {"\"sub\":\"alice\",\"aud\":[\"the client\",\"http://localhost:8080/mcp\"],\"nonce\":\"n-1\"", NULL},
    {GOOD_ID ",\"azp\":\"the client\"", NULL},
    {"\"sub\":\"alice\",\"aud\":\"the client\"", "nonce"},
    {"\"sub\":\"alice\",\"aud\":\"the client\",\"nonce\":\"n-2\"", "nonce"},
    {"\"sub\":\"alice\",\"aud\":\"the client\",\"nonce\":\"n-11\"", "nonce"},
    {"\"sub\":\"alice\",\"aud\":\"the client\",\"nonce\":[\"n-1\"]", "nonce"},
    {"\"sub\":\"alice\",\"aud\":\"another\",\"nonce\":\"n-1\"", "(aud)"},
    {"\"sub\":\"alice\",\"nonce\":\"n-1\"", "(aud)"},
    {"\"aud\":\"the client\",\"nonce\":\"n-1\"", "(sub)"},
    {GOOD_ID ",\"azp\":\"another\"", "(azp)"},
    {GOOD_ID ",\"azp\":7", "(azp)"},
    {GOOD_ID ",\"at_hash\":\"AAAAAAAAAAAAAAAAAAAAAA\"", "(at_hash)"},
    {GOOD_ID ",\"at_hash\":7", "(at_hash)"},
    {GOOD_ID ",\"nbf\":1795009999", "(nbf)"},
};

START_TEST(an_id_token_is_trusted_only_when_all_agrees)
{
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    gh_error why;
    char *id_token = id_token_of(p.key, ID_TOKENS[_i].claims);
    provider_good(&p);
    reply_tokens(id_token, false);
    provider_reply(&p, "GET", PROVIDER_USERINFO, 404, "", false);
    gh_idp *idp = idp_ready(&options);
    gh_status status = exchange(idp, &tokens, &why);
    if (ID_TOKENS[_i].says == NULL) {
        ck_assert_int_eq(status, GH_OK);
    } else {
        ck_assert_int_eq(status, GH_ERR_DENIED);
        ck_assert_msg(strstr(why.message, ID_TOKENS[_i].says) != NULL, "%s", why.message);
        ck_assert_uint_eq(provider_count(&p, "GET " PROVIDER_USERINFO), 0);
    }
    gh_idp_tokens_clear(&tokens);
    gh_idp_free(idp);
    free(id_token);
}
END_TEST

START_TEST(the_times_of_an_id_token_count_with_a_minute_of_skew)
{
    static const struct {
        int shift; /* seconds that our clock is ahead */
        gh_status status;
    } cases[] = {
        {0, GH_OK}, {300 + 59, GH_OK}, {300 + 60, GH_ERR_DENIED}, {-64, GH_OK}, {-70, GH_ERR_DENIED}};
    gh_idp_options options = confidential();
    provider_good(&p);
    reply_good_tokens();
    provider_reply(&p, "GET", PROVIDER_USERINFO, 404, "", false);
    fixture_wall_ms = ((int64_t)NOW + cases[_i].shift) * 1000;
    gh_idp *idp = idp_ready(&options);
    gh_idp_tokens tokens;
    gh_error why;
    ck_assert_int_eq(exchange(idp, &tokens, &why), cases[_i].status);
    ck_assert_msg(cases[_i].status == GH_OK ||
                      strstr(why.message, "check the clocks of both machines.") != NULL,
                  "%s", why.message);
    gh_idp_tokens_clear(&tokens);
    gh_idp_free(idp);
}
END_TEST

/* The left half of a digest of ACCESS, as base64url. */
static char *half_hash(const EVP_MD *digest)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    ck_assert_int_eq(EVP_Digest(ACCESS, strlen(ACCESS), hash, &len, digest, NULL), 1);
    return base64url_of(gh_view_make((const char *)hash, len / 2));
}

START_TEST(at_hash_is_of_the_hash_that_the_algorithm_has)
{
    const struct {
        const char *alg;
        const EVP_MD *digest;
        gh_status status;
    } cases[] = {{"ES256", EVP_sha256(), GH_OK},
                 {"ES256", EVP_sha512(), GH_ERR_DENIED},
                 {"EdDSA", EVP_sha512(), GH_OK},
                 {"EdDSA", EVP_sha256(), GH_OK}, /* as Authentik has it */
                 {"EdDSA", EVP_sha384(), GH_ERR_DENIED}};
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    gh_key *key = new_key(cases[_i].alg);
    char *hash = half_hash(cases[_i].digest);
    char *claims = text_of(GOOD_ID ",\"at_hash\":\"%s\"", hash);
    char *id_token = id_token_of(key, claims);
    provider_document(&p, p.issuer, GOOD_PKCE, false);
    provider_keys(&p, &key, 1, false);
    reply_tokens(id_token, false);
    provider_reply(&p, "GET", PROVIDER_USERINFO, 404, "", false);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(exchange(idp, &tokens, NULL), cases[_i].status);
    gh_idp_tokens_clear(&tokens);
    gh_idp_free(idp);
    free(id_token);
    free(claims);
    free(hash);
    gh_key_free(key);
}
END_TEST

START_TEST(a_key_that_is_new_since_the_last_look_is_fetched)
{
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    gh_key *next = new_key("ES256");
    char *id_token = id_token_of(next, GOOD_ID);
    provider_document(&p, p.issuer, GOOD_PKCE, false);
    provider_keys(&p, &p.key, 1, true);
    provider_keys(&p, &next, 1, false);
    reply_tokens(id_token, false);
    provider_reply(&p, "GET", PROVIDER_USERINFO, 404, "", false);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(exchange(idp, &tokens, NULL), GH_OK);
    ck_assert_uint_eq(provider_count(&p, "GET " PROVIDER_JWKS), 2);
    gh_idp_tokens_clear(&tokens);
    gh_idp_free(idp);
    gh_key_free(next);
    free(id_token);
}
END_TEST

START_TEST(an_id_token_by_somebody_else_is_denied)
{
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    gh_error why;
    gh_key *thief = new_key("ES256");
    char *id_token = id_token_of(thief, GOOD_ID);
    provider_good(&p);
    reply_tokens(id_token, true);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(exchange(idp, &tokens, &why), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(why.message, "does not publish"));
    gh_idp_free(idp);
    gh_key_free(thief);
    free(id_token);
}
END_TEST

static const struct {
    int http_status;
    const char *body; /* NULL: the connection is dropped */
    gh_status status;
    const char *says;
} TOKEN_REPLIES[] = {
    {400, "{\"error\":\"invalid_grant\",\"error_description\":\"x\"}", GH_ERR_DENIED, "invalid_grant"},
    {401, "{\"error\":\"invalid_client\"}", GH_ERR_DENIED, "--client-secret"},
    {400, "{\"error\":\"inv<lid\\u0007\"}", GH_ERR_DENIED, "inv?lid?"},
    {400, "{\"error\":\"temporarily_unavailable\"}", GH_ERR_UNAVAILABLE, "400"},
    {500, "{\"error\":\"server_error\"}", GH_ERR_UNAVAILABLE, "500"},
    {503, "", GH_ERR_UNAVAILABLE, "503"},
    {429, "{\"error\":\"slow\"}", GH_ERR_UNAVAILABLE, "429"},
    {404, "<html>", GH_ERR_UNAVAILABLE, "404"},
    {302, "", GH_ERR_UNAVAILABLE, "302"},
    {200, "<html>", GH_ERR_UNAVAILABLE, "bearer token"},
    {200, "{}", GH_ERR_UNAVAILABLE, "bearer token"},
    {200, "{\"access_token\":7,\"token_type\":\"Bearer\"}", GH_ERR_UNAVAILABLE, "bearer token"},
    {200, "{\"access_token\":\"" ACCESS "\",\"token_type\":\"DPoP\"}", GH_ERR_UNAVAILABLE, "bearer token"},
    {200, "{\"access_token\":\"" ACCESS "\",\"token_type\":\"Bearer\"}", GH_ERR_DENIED, "openid"},
    {0, NULL, GH_ERR_UNAVAILABLE, "cannot be reached"},
};

START_TEST(what_the_token_endpoint_refuses_and_an_outage_are_told_apart)
{
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    gh_error why;
    provider_good(&p);
    if (TOKEN_REPLIES[_i].body != NULL) {
        provider_reply(&p, "POST", PROVIDER_TOKEN, TOKEN_REPLIES[_i].http_status, TOKEN_REPLIES[_i].body,
                       false);
    } else {
        provider_raw(&p, "POST", PROVIDER_TOKEN, NULL, false);
    }
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(exchange(idp, &tokens, &why), TOKEN_REPLIES[_i].status);
    ck_assert_msg(strstr(why.message, TOKEN_REPLIES[_i].says) != NULL, "%s", why.message);
    ck_assert_uint_eq(provider_count(&p, "POST " PROVIDER_TOKEN), 1); /* a code is sent once */
    gh_idp_free(idp);
}
END_TEST

START_TEST(userinfo_of_somebody_else_is_denied)
{
    static const char *const bodies[] = {"{\"sub\":\"mallory\"}", "{\"email\":\"a@b.example\"}",
                                         "{\"sub\":7}"};
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    gh_error why;
    provider_good(&p);
    reply_good_tokens();
    provider_reply(&p, "GET", PROVIDER_USERINFO, 200, bodies[_i], false);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(exchange(idp, &tokens, &why), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(why.message, "userinfo"));
    gh_idp_free(idp);
}
END_TEST

START_TEST(userinfo_that_is_down_is_an_outage_of_the_login)
{
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    provider_good(&p);
    reply_good_tokens();
    provider_reply(&p, "GET", PROVIDER_USERINFO, 502, "", false);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(exchange(idp, &tokens, NULL), GH_ERR_UNAVAILABLE);
    gh_idp_free(idp);
}
END_TEST

static gh_status refresh(gh_idp *idp, gh_idp_tokens *tokens, gh_error *error)
{
    gh_secret *old = gh_secret_new(GH_VIEW_LIT("old+token/="));
    gh_status status = gh_idp_refresh(idp, old, tokens, error);
    ck_assert((tokens->access_token != NULL) == (status == GH_OK));
    gh_secret_free(old);
    return status;
}

START_TEST(a_refresh_gives_the_next_tokens)
{
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    gh_error why;
    provider_good(&p);
    reply_tokens(NULL, true);
    char *id_token = id_token_of(p.key, "\"sub\":\"alice\",\"aud\":\"the client\"");
    reply_tokens(id_token, true);
    provider_reply(&p, "GET", PROVIDER_USERINFO, 200, "{\"sub\":\"alice\",\"groups\":[\"mcp\"]}", true);
    provider_reply(&p, "GET", PROVIDER_USERINFO, 503, "", false);
    reply_tokens(id_token, true);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(refresh(idp, &tokens, &why), GH_OK);
    ck_assert(gh_secret_equals(tokens.refresh_token, GH_VIEW_LIT("the-refresh-token")));
    ck_assert_ptr_null(tokens.claims); /* no ID token came */
    gh_idp_tokens_clear(&tokens);
    gh_form *form = form_of(provider_find(&p, "POST " PROVIDER_TOKEN));
    ck_assert_str_eq(gh_form_get(form, "grant_type"), "refresh_token");
    ck_assert_str_eq(gh_form_get(form, "refresh_token"), "old+token/=");
    ck_assert_ptr_null(gh_form_get(form, "scope"));
    gh_form_free(form);
    ck_assert_int_eq(refresh(idp, &tokens, &why), GH_OK);
    ck_assert(gh_json_array_has(tokens.claims, "groups", "mcp"));
    gh_idp_tokens_clear(&tokens);
    /* Userinfo is down: the tokens count all the same, for the old ones are used up. */
    ck_assert_int_eq(refresh(idp, &tokens, &why), GH_OK);
    ck_assert_ptr_null(tokens.claims);
    gh_idp_tokens_clear(&tokens);
    gh_idp_free(idp);
    free(id_token);
}
END_TEST

START_TEST(only_an_ended_session_is_a_denied_refresh)
{
    static const struct {
        int http_status;
        const char *body;
        gh_status status;
    } cases[] = {
        {400, "{\"error\":\"invalid_grant\"}", GH_ERR_DENIED},
        {400, "{\"error\":\"access_denied\"}", GH_ERR_DENIED},
        {401, "{\"error\":\"invalid_client\"}", GH_ERR_UNAVAILABLE}, /* our mistake, not the account's */
        {400, "{\"error\":\"invalid_scope\"}", GH_ERR_UNAVAILABLE},
        {400, "{\"error\":\"unsupported_grant_type\"}", GH_ERR_UNAVAILABLE},
        {400, "{\"error\":7}", GH_ERR_UNAVAILABLE},
        {500, "{\"error\":\"invalid_grant\"}", GH_ERR_UNAVAILABLE},
        {403, "<html>forbidden</html>", GH_ERR_UNAVAILABLE},
        {200, "{}", GH_ERR_UNAVAILABLE},
    };
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    gh_error why;
    provider_good(&p);
    provider_reply(&p, "POST", PROVIDER_TOKEN, cases[_i].http_status, cases[_i].body, false);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(refresh(idp, &tokens, &why), cases[_i].status);
    ck_assert_int_eq(why.status, cases[_i].status);
    ck_assert_ptr_null(strstr(why.message, "old+token"));
    gh_idp_free(idp);
}
END_TEST

START_TEST(a_bad_id_token_does_not_lose_a_refresh)
{
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    gh_error why;
    char *id_token = id_token_of(p.key, "\"sub\":\"alice\",\"aud\":\"another\"");
    provider_good(&p);
    reply_tokens(id_token, false);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(refresh(idp, &tokens, &why), GH_OK);
    ck_assert_ptr_null(tokens.claims);
    ck_assert_uint_eq(provider_count(&p, "GET " PROVIDER_USERINFO), 0);
    gh_idp_tokens_clear(&tokens);
    gh_idp_free(idp);
    free(id_token);
}
END_TEST

START_TEST(revocation_is_asked_for_when_there_is_an_endpoint)
{
    gh_idp_options options = confidential();
    gh_secret *token = gh_secret_new(GH_VIEW_LIT("the-refresh-token"));
    provider_good(&p);
    provider_reply(&p, "POST", PROVIDER_REVOKE, 200, "", true);
    provider_reply(&p, "POST", PROVIDER_REVOKE, 503, "", true);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(gh_idp_revoke(idp, token), GH_OK);
    gh_form *form = form_of(provider_find(&p, "POST " PROVIDER_REVOKE));
    ck_assert_str_eq(gh_form_get(form, "token"), "the-refresh-token");
    gh_form_free(form);
    ck_assert_int_eq(gh_idp_revoke(idp, token), GH_ERR_UNAVAILABLE);
    gh_idp_free(idp);
    gh_secret_free(token);
}
END_TEST

START_TEST(without_a_revocation_endpoint_it_is_unsupported)
{
    gh_idp_options options = confidential();
    gh_secret *token = gh_secret_new(GH_VIEW_LIT("t"));
    char *document =
        text_of("{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s/a?tenant=x\",\"token_endpoint\":\"%s/t\","
                "\"jwks_uri\":\"%s" PROVIDER_JWKS "\"," GOOD_PKCE "}",
                p.issuer, p.base, p.base, p.base);
    gh_buf url = GH_BUF_INIT(4096);
    provider_reply(&p, "GET", PROVIDER_WELL_KNOWN, 200, document, false);
    provider_raw(&p, "GET", "/a?", text_of("%s", LOGIN_PAGE), false);
    provider_keys(&p, &p.key, 1, false);
    gh_idp *idp = idp_ready(&options);
    ck_assert_int_eq(gh_idp_revoke(idp, token), GH_ERR_UNSUPPORTED);
    ck_assert_int_eq(gh_idp_authorize_url(idp, "s", "n", "c", &url), GH_OK);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&url), "/a?tenant=x&response_type=code&"));
    gh_buf_free(&url);
    gh_idp_free(idp);
    gh_secret_free(token);
    free(document);
}
END_TEST

START_TEST(nothing_can_be_exchanged_before_the_first_contact)
{
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    gh_error why;
    gh_idp *idp = idp_new(&options);
    ck_assert_int_eq(exchange(idp, &tokens, &why), GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(refresh(idp, &tokens, &why), GH_ERR_UNAVAILABLE);
    gh_idp_free(idp);
}
END_TEST

typedef struct caller {
    gh_idp *idp;
    gh_status status;
} caller;

static void *call(void *context)
{
    caller *c = context;
    gh_idp_tokens tokens;
    gh_secret *old = gh_secret_new(GH_VIEW_LIT("old"));
    c->status = gh_idp_refresh(c->idp, old, &tokens, NULL);
    gh_secret_free(old);
    gh_idp_tokens_clear(&tokens);
    return NULL;
}

START_TEST(many_callers_take_turns_with_few_connections)
{
    enum { MANY = 24 };
    pthread_t threads[MANY];
    caller callers[MANY];
    gh_idp_options options = confidential();
    provider_good(&p);
    reply_tokens(NULL, false)->delay_ms = 30;
    gh_idp *idp = idp_ready(&options);
    for (size_t i = 0; i < MANY; i++) {
        callers[i] = (caller){.idp = idp};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(callers[i].status, GH_OK);
    }
    ck_assert_uint_le(gh_http_fixture_connections(p.fixture), GH_IDP_POOL_MAX + 1);
    gh_idp_free(idp);
}
END_TEST

START_TEST(a_stop_ends_calls_that_are_under_way)
{
    gh_idp_options options = confidential();
    gh_idp_tokens tokens;
    gh_error why;
    pthread_t thread;
    provider_good(&p);
    reply_tokens(NULL, false)->delay_ms = 8000;
    gh_idp *idp = idp_ready(&options);
    caller c = {.idp = idp};
    ck_assert_int_eq(pthread_create(&thread, NULL, call, &c), 0);
    ck_assert(gh_http_fixture_wait(p.fixture, 3, 5000));
    int64_t start = gh_clock_mono_ms();
    gh_idp_stop(idp);
    gh_idp_stop(idp);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_lt(gh_clock_mono_ms() - start, 1000);
    ck_assert_int_eq(c.status, GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(refresh(idp, &tokens, &why), GH_ERR_UNAVAILABLE);
    gh_idp_stop(NULL);
    gh_idp_free(idp);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("idp_tokens");
    TCase *tests = tcase_create("idp_tokens");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_authorization_url_has_all_that_a_login_needs);
    tcase_add_test(tests, an_exchange_gives_tokens_and_verified_claims);
    tcase_add_test(tests, the_secret_goes_into_the_body_when_only_that_is_offered);
    tcase_add_test(tests, a_public_client_names_itself_only);
    tcase_add_loop_test(tests, an_id_token_is_trusted_only_when_all_agrees, 0,
                        (int)(sizeof ID_TOKENS / sizeof ID_TOKENS[0]));
    tcase_add_loop_test(tests, the_times_of_an_id_token_count_with_a_minute_of_skew, 0, 5);
    tcase_add_loop_test(tests, at_hash_is_of_the_hash_that_the_algorithm_has, 0, 5);
    tcase_add_test(tests, a_key_that_is_new_since_the_last_look_is_fetched);
    tcase_add_test(tests, an_id_token_by_somebody_else_is_denied);
    tcase_add_loop_test(tests, what_the_token_endpoint_refuses_and_an_outage_are_told_apart, 0,
                        (int)(sizeof TOKEN_REPLIES / sizeof TOKEN_REPLIES[0]));
    tcase_add_loop_test(tests, userinfo_of_somebody_else_is_denied, 0, 3);
    tcase_add_test(tests, userinfo_that_is_down_is_an_outage_of_the_login);
    tcase_add_test(tests, a_refresh_gives_the_next_tokens);
    tcase_add_loop_test(tests, only_an_ended_session_is_a_denied_refresh, 0, 9);
    tcase_add_test(tests, a_bad_id_token_does_not_lose_a_refresh);
    tcase_add_test(tests, revocation_is_asked_for_when_there_is_an_endpoint);
    tcase_add_test(tests, without_a_revocation_endpoint_it_is_unsupported);
    tcase_add_test(tests, nothing_can_be_exchanged_before_the_first_contact);
    tcase_add_test(tests, many_callers_take_turns_with_few_connections);
    tcase_add_test(tests, a_stop_ends_calls_that_are_under_way);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include "tests/unit/server/oauth_fixture.h"

#include "server/auth/jwt.h"
#include "shared/core/digest.h"

static fixture *F;
static login L;

static void open_all(void)
{
    clock_stop();
    F = fixture_open();
    L = login_all(F);
}

static void close_all(void)
{
    fixture_close(F);
}

static cJSON *claims_of(const char *token)
{
    cJSON *claims = NULL;
    gh_error error = {0};
    gh_keyset *keys = gh_oauth_server_keys(F->server);
    const gh_jwt_rules rules = {.issuer = ISSUER, .audience = RESOURCE, .type = "at+jwt", .keys = keys};
    ck_assert_msg(gh_jwt_verify(gh_view_of(token), &rules, &claims, &error) == GH_OK, "%s", error.message);
    gh_keyset_free(keys);
    return claims;
}

/* Whether the token's grant still lives. */
static bool is_alive(const char *token)
{
    cJSON *claims = claims_of(token);
    gh_status status = gh_store_grant_alive(F->store, gh_json_get_string(claims, "gid"));
    cJSON_Delete(claims);
    ck_assert(status == GH_OK || status == GH_ERR_NOT_FOUND);
    return status == GH_OK;
}

static void expect_error(reply r, int status, const char *code)
{
    assert_error(&r, status, code);
    assert_header(&r, "Cache-Control", "no-store");
    assert_header(&r, "Pragma", "no-cache");
    reply_clear(&r);
}

static void expect_form(const char *body, int status, const char *code)
{
    expect_error(post_token(F, body), status, code);
}

START_TEST(a_code_becomes_an_access_token_with_all_claims)
{
    char found[64];
    reply r = exchange_code(F, L.client, L.code, VERIFIER, CALLBACK);
    ck_assert_int_eq(r.status, 200);
    json_member(&r, "token_type", found, sizeof found);
    ck_assert_str_eq(found, "Bearer");
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "\"expires_in\":600"));
    assert_header(&r, "Cache-Control", "no-store");
    assert_header(&r, "Pragma", "no-cache");
    tokens t = read_tokens(&r);
    ck_assert_str_eq(t.scope, "mcp");
    ck_assert_uint_eq(strlen(t.refresh), 43);
    cJSON *claims = claims_of(t.access);
    int64_t number = 0;
    ck_assert_str_eq(gh_json_get_string(claims, "aud"), RESOURCE);
    ck_assert_str_eq(gh_json_get_string(claims, "client_id"), L.client);
    ck_assert_str_eq(gh_json_get_string(claims, "scope"), "mcp");
    ck_assert_str_eq(gh_json_get_string(claims, "name"), "Alice");
    ck_assert_str_eq(gh_json_get_string(claims, "email"), "alice@example.com");
    ck_assert_str_ne(gh_json_get_string(claims, "jti"), "");
    ck_assert(gh_json_get_int64(claims, "iat", &number) && number == gh_clock_wall_s());
    ck_assert(gh_json_get_int64(claims, "exp", &number) && number == gh_clock_wall_s() + 600);
    cJSON_Delete(claims);
    ck_assert(is_alive(t.access));
}
END_TEST

START_TEST(the_subject_follows_from_the_address_in_any_case)
{
    static const char *const emails[] = {"alice@example.com", "ALICE@Example.COM", "bob@example.com"};
    char subjects[3][64];
    char digest[GH_SHA256_TEXT_MAX];
    char expected[64];
    for (int i = 0; i < 3; i++) {
        login_start(&L, CALLBACK, "s");
        login_sign_in(&L, "Somebody", emails[i]);
        login_read_consent(&L);
        login_approve(&L);
        tokens t = tokens_of(&L);
        cJSON *claims = claims_of(t.access);
        (void)snprintf(subjects[i], sizeof subjects[i], "%s", gh_json_get_string(claims, "sub"));
        cJSON_Delete(claims);
    }
    ck_assert_int_eq(gh_sha256_text(GH_VIEW_LIT("alice@example.com"), digest), GH_OK);
    (void)snprintf(expected, sizeof expected, "dev-%.22s", digest);
    ck_assert_str_eq(subjects[0], expected);
    ck_assert_str_eq(subjects[1], expected);
    ck_assert_str_ne(subjects[2], expected);
}
END_TEST

START_TEST(a_code_works_once_and_its_reuse_ends_everything)
{
    tokens t = tokens_of(&L);
    expect_error(exchange_code(F, L.client, L.code, VERIFIER, CALLBACK), 400, "invalid_grant");
    ck_assert(!is_alive(t.access));
    expect_error(exchange_refresh(F, L.client, t.refresh, NULL), 400, "invalid_grant");
}
END_TEST

START_TEST(a_wrong_verifier_burns_the_code)
{
    expect_error(exchange_code(F, L.client, L.code, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXX", CALLBACK),
                 400, "invalid_grant");
    expect_error(exchange_code(F, L.client, L.code, VERIFIER, CALLBACK), 400, "invalid_grant");
}
END_TEST

START_TEST(the_challenge_is_not_its_own_verifier)
{
    expect_error(exchange_code(F, L.client, L.code, CHALLENGE, CALLBACK), 400, "invalid_grant");
}
END_TEST

START_TEST(a_verifier_that_is_none_is_refused)
{
    expect_error(exchange_code(F, L.client, L.code, "short", CALLBACK), 400, "invalid_grant");
}
END_TEST

START_TEST(a_code_belongs_to_its_client)
{
    char other[64];
    register_client(F, other, sizeof other);
    expect_error(exchange_code(F, other, L.code, VERIFIER, CALLBACK), 400, "invalid_grant");
    expect_error(exchange_code(F, L.client, L.code, VERIFIER, CALLBACK), 400, "invalid_grant");
}
END_TEST

START_TEST(a_code_belongs_to_its_redirect)
{
    /* Loopback on another port may start a login, but one login stays on one port. */
    expect_error(exchange_code(F, L.client, L.code, VERIFIER, "http://localhost:3119/callback"), 400,
                 "invalid_grant");
}
END_TEST

START_TEST(a_code_lives_sixty_seconds)
{
    clock_forward(61);
    expect_error(exchange_code(F, L.client, L.code, VERIFIER, CALLBACK), 400, "invalid_grant");
}
END_TEST

START_TEST(an_unknown_code_is_invalid_grant)
{
    expect_error(exchange_code(F, L.client, "nonsense", VERIFIER, CALLBACK), 400, "invalid_grant");
}
END_TEST

START_TEST(what_is_missing_is_named_and_leaves_the_code_usable)
{
    expect_error(exchange_code(F, L.client, NULL, VERIFIER, CALLBACK), 400, "invalid_request");
    expect_error(exchange_code(F, L.client, L.code, NULL, CALLBACK), 400, "invalid_request");
    expect_error(exchange_code(F, L.client, L.code, VERIFIER, NULL), 400, "invalid_request");
    expect_error(exchange_code(F, NULL, L.code, VERIFIER, CALLBACK), 400, "invalid_request");
    expect_form("", 400, "invalid_request");
    (void)tokens_of(&L);
}
END_TEST

START_TEST(an_unknown_client_is_401_invalid_client)
{
    expect_error(exchange_code(F, "nobody", L.code, VERIFIER, CALLBACK), 401, "invalid_client");
    expect_error(exchange_refresh(F, "nobody", "x", NULL), 401, "invalid_client");
    char id[400];
    memset(id, 'x', sizeof id);
    id[399] = '\0';
    expect_error(exchange_refresh(F, id, "x", NULL), 401, "invalid_client");
}
END_TEST

START_TEST(other_grant_types_are_unsupported)
{
    static const char *const types[] = {"password", "client_credentials", "implicit",
                                        "urn:ietf:params:oauth:grant-type:jwt-bearer"};
    for (size_t i = 0; i < 4; i++) {
        char *body = form("grant_type", types[i], "client_id", L.client, NULL);
        expect_form(body, 400, "unsupported_grant_type");
        free(body);
    }
    char *body = form("client_id", L.client, NULL);
    expect_form(body, 400, "invalid_request");
    free(body);
}
END_TEST

START_TEST(parameters_twice_are_invalid_request)
{
    char *body = form("grant_type", "refresh_token", "client_id", L.client, "refresh_token", "x",
                      "refresh_token", "x", NULL);
    expect_form(body, 400, "invalid_request");
    free(body);
    expect_form("grant_type=%zz", 400, "invalid_request");
}
END_TEST

START_TEST(only_a_form_is_taken)
{
    static const char *const types[] = {NULL, JSON, "text/plain", "multipart/form-data"};
    for (size_t i = 0; i < 4; i++) {
        expect_error(
            fixture_call(F, gh_oauth_handle_token, &(call){.method = "POST", .body = "{}", .type = types[i]}),
            415, "invalid_request");
    }
}
END_TEST

START_TEST(parameters_in_the_url_do_not_count)
{
    char *body = form("grant_type", "authorization_code", "client_id", L.client, "code", L.code,
                      "code_verifier", VERIFIER, "redirect_uri", CALLBACK, NULL);
    reply r = fixture_call(F, gh_oauth_handle_token, &(call){.method = "POST", .query = body, .type = FORM});
    expect_error(r, 400, "invalid_request");
    free(body);
}
END_TEST

/* "Basic " and base64 of `pair`. */
static reply with_basic(const char *pair, const char *client_id, const char *secret)
{
    gh_buf header = GH_BUF_INIT(1024);
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = strlen(pair);
    (void)gh_buf_append_cstr(&header, "Basic ");
    for (size_t i = 0; i < len; i += 3) {
        unsigned b[3] = {(unsigned char)pair[i], i + 1 < len ? (unsigned char)pair[i + 1] : 0U,
                         i + 2 < len ? (unsigned char)pair[i + 2] : 0U};
        (void)gh_buf_append_char(&header, alphabet[b[0] >> 2]);
        (void)gh_buf_append_char(&header, alphabet[(b[0] & 3U) << 4 | b[1] >> 4]);
        (void)gh_buf_append_char(&header, i + 1 < len ? alphabet[(b[1] & 15U) << 2 | b[2] >> 6] : '=');
        (void)gh_buf_append_char(&header, i + 2 < len ? alphabet[b[2] & 63U] : '=');
    }
    char *body = form("grant_type", "authorization_code", "client_id", client_id, "client_secret", secret,
                      "code", L.code, "code_verifier", VERIFIER, "redirect_uri", CALLBACK, NULL);
    reply r = fixture_call(
        F, gh_oauth_handle_token,
        &(call){.method = "POST", .body = body, .type = FORM, .authorization = gh_buf_cstr(&header)});
    free(body);
    gh_buf_free(&header);
    return r;
}

START_TEST(a_secret_is_refused_and_basic_without_one_is_accepted)
{
    char pair[256];
    (void)snprintf(pair, sizeof pair, "%s:secret", L.client);
    reply r = with_basic(pair, NULL, NULL);
    assert_header(&r, "WWW-Authenticate", "Basic realm=\"token\"");
    expect_error(r, 401, "invalid_client");
    (void)snprintf(pair, sizeof pair, "%s:", L.client);
    expect_error(with_basic(pair, "another", NULL), 401, "invalid_client");
    expect_error(with_basic(pair, NULL, "secret"), 401, "invalid_client");
    expect_error(with_basic("no-colon", NULL, NULL), 401, "invalid_client");
    r = with_basic(pair, NULL, NULL);
    (void)read_tokens(&r);
}
END_TEST

START_TEST(a_foreign_resource_is_invalid_target_and_leaves_the_code_usable)
{
    char *body = form("grant_type", "authorization_code", "client_id", L.client, "code", L.code,
                      "code_verifier", VERIFIER, "redirect_uri", CALLBACK, "resource", RESOURCE, "resource",
                      "https://evil.example/mcp", NULL);
    expect_form(body, 400, "invalid_target");
    free(body);
    tokens t = tokens_of(&L);
    body = form("grant_type", "refresh_token", "client_id", L.client, "refresh_token", t.refresh, "resource",
                "https://evil.example/mcp", NULL);
    expect_form(body, 400, "invalid_target");
    free(body);
    reply r = exchange_refresh(F, L.client, t.refresh, NULL);
    (void)read_tokens(&r);
}
END_TEST

START_TEST(a_refresh_rotates_and_the_new_token_refreshes_again)
{
    tokens first = tokens_of(&L);
    reply r = exchange_refresh(F, L.client, first.refresh, NULL);
    tokens second = read_tokens(&r);
    ck_assert_str_ne(first.refresh, second.refresh);
    ck_assert_str_ne(first.access, second.access);
    ck_assert_str_eq(second.scope, "mcp");
    r = exchange_refresh(F, L.client, second.refresh, NULL);
    tokens third = read_tokens(&r);
    ck_assert_str_ne(second.refresh, third.refresh);
    ck_assert(is_alive(third.access));
}
END_TEST

START_TEST(a_repeat_within_the_grace_time_gets_the_same_successor)
{
    tokens first = tokens_of(&L);
    reply r = exchange_refresh(F, L.client, first.refresh, NULL);
    tokens second = read_tokens(&r);
    clock_forward(20);
    r = exchange_refresh(F, L.client, first.refresh, NULL);
    tokens again = read_tokens(&r);
    ck_assert_str_eq(again.refresh, second.refresh);
}
END_TEST

START_TEST(a_later_repeat_revokes_the_family)
{
    tokens first = tokens_of(&L);
    reply r = exchange_refresh(F, L.client, first.refresh, NULL);
    tokens second = read_tokens(&r);
    clock_forward(31);
    expect_error(exchange_refresh(F, L.client, first.refresh, NULL), 400, "invalid_grant");
    ck_assert(!is_alive(second.access));
    expect_error(exchange_refresh(F, L.client, second.refresh, NULL), 400, "invalid_grant");
}
END_TEST

START_TEST(a_repeat_after_the_successor_was_used_revokes_the_family)
{
    tokens first = tokens_of(&L);
    reply r = exchange_refresh(F, L.client, first.refresh, NULL);
    tokens second = read_tokens(&r);
    r = exchange_refresh(F, L.client, second.refresh, NULL);
    tokens third = read_tokens(&r);
    expect_error(exchange_refresh(F, L.client, first.refresh, NULL), 400, "invalid_grant");
    ck_assert(!is_alive(third.access));
}
END_TEST

START_TEST(a_refresh_token_belongs_to_its_client)
{
    char other[64];
    register_client(F, other, sizeof other);
    tokens t = tokens_of(&L);
    expect_error(exchange_refresh(F, other, t.refresh, NULL), 400, "invalid_grant");
    reply r = exchange_refresh(F, L.client, t.refresh, NULL);
    (void)read_tokens(&r);
}
END_TEST

START_TEST(a_refresh_token_lives_thirty_days_since_its_last_use)
{
    tokens t = tokens_of(&L);
    clock_forward(29 * 86400);
    reply r = exchange_refresh(F, L.client, t.refresh, NULL);
    t = read_tokens(&r);
    clock_forward(29 * 86400);
    r = exchange_refresh(F, L.client, t.refresh, NULL);
    t = read_tokens(&r);
    clock_forward(30 * 86400 + 1);
    expect_error(exchange_refresh(F, L.client, t.refresh, NULL), 400, "invalid_grant");
}
END_TEST

START_TEST(a_refresh_may_narrow_the_scope_and_never_widen_it)
{
    char *query =
        form("response_type", "code", "client_id", L.client, "redirect_uri", CALLBACK, "scope",
             "mcp offline_access", "code_challenge", CHALLENGE, "code_challenge_method", "S256", NULL);
    login_start_query(&L, query);
    free(query);
    login_finish(&L);
    tokens t = tokens_of(&L);
    ck_assert_str_eq(t.scope, "mcp offline_access");
    expect_error(exchange_refresh(F, L.client, t.refresh, "mcp admin"), 400, "invalid_scope");
    expect_error(exchange_refresh(F, L.client, t.refresh, "openid"), 400, "invalid_scope");
    expect_error(exchange_refresh(F, L.client, t.refresh, "mcp\""), 400, "invalid_scope");
    reply r = exchange_refresh(F, L.client, t.refresh, "mcp");
    t = read_tokens(&r);
    ck_assert_str_eq(t.scope, "mcp");
    cJSON *claims = claims_of(t.access);
    ck_assert_str_eq(gh_json_get_string(claims, "scope"), "mcp");
    cJSON_Delete(claims);
    /* The grant is as wide as before. */
    r = exchange_refresh(F, L.client, t.refresh, NULL);
    t = read_tokens(&r);
    ck_assert_str_eq(t.scope, "mcp offline_access");
}
END_TEST

START_TEST(a_supported_scope_that_was_not_granted_is_an_escalation)
{
    tokens t = tokens_of(&L);
    ck_assert_str_eq(t.scope, "mcp");
    expect_error(exchange_refresh(F, L.client, t.refresh, "mcp offline_access"), 400, "invalid_scope");
    reply r = exchange_refresh(F, L.client, t.refresh, "mcp");
    (void)read_tokens(&r);
}
END_TEST

START_TEST(an_unknown_or_missing_refresh_token_is_refused)
{
    expect_error(exchange_refresh(F, L.client, "nonsense", NULL), 400, "invalid_grant");
    expect_error(exchange_refresh(F, L.client, "nonsense", "mcp"), 400, "invalid_grant");
    expect_error(exchange_refresh(F, L.client, NULL, NULL), 400, "invalid_request");
    expect_error(exchange_refresh(F, L.client, L.code, NULL), 400, "invalid_grant");
}
END_TEST

START_TEST(a_client_without_the_refresh_grant_gets_no_refresh_token)
{
    register_json(F, "{\"redirect_uris\":[\"" CALLBACK "\"],\"grant_types\":[\"authorization_code\"]}",
                  L.client, sizeof L.client);
    login_start(&L, CALLBACK, "s");
    login_finish(&L);
    tokens t = tokens_of(&L);
    ck_assert_str_eq(t.refresh, "");
    expect_error(exchange_refresh(F, L.client, "x", NULL), 400, "unauthorized_client");
}
END_TEST

static gh_status rotate_outage(gh_store *store, const char *hash, const char *new_hash, const char *client_id,
                               int64_t grace_s, int64_t grant_expires_at, gh_refresh_outcome *outcome,
                               gh_grant *grant)
{
    (void)store;
    (void)hash;
    (void)new_hash;
    (void)client_id;
    (void)grace_s;
    (void)grant_expires_at;
    (void)outcome;
    (void)grant;
    return GH_ERR_UNAVAILABLE;
}

static gh_status take_outage(gh_store *store, const char *hash, gh_code *code)
{
    (void)store;
    (void)hash;
    (void)code;
    return GH_ERR_UNAVAILABLE;
}

START_TEST(an_outage_is_503_and_nothing_is_used_up)
{
    const gh_store_ops *whole = F->store->ops;
    F->ops.code_take = take_outage;
    F->ops.refresh_rotate = rotate_outage;
    F->store->ops = &F->ops;
    reply r = exchange_code(F, L.client, L.code, VERIFIER, CALLBACK);
    assert_header(&r, "Retry-After", "5");
    expect_error(r, 503, "temporarily_unavailable");
    F->store->ops = whole;
    tokens t = tokens_of(&L);
    F->store->ops = &F->ops;
    r = exchange_refresh(F, L.client, t.refresh, NULL);
    assert_header(&r, "Retry-After", "5");
    expect_error(r, 503, "temporarily_unavailable");
    F->store->ops = whole;
    clock_forward(120);
    r = exchange_refresh(F, L.client, t.refresh, NULL);
    (void)read_tokens(&r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("token");
    TCase *tc = tcase_create("token");
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, a_code_becomes_an_access_token_with_all_claims);
    tcase_add_test(tc, the_subject_follows_from_the_address_in_any_case);
    tcase_add_test(tc, a_code_works_once_and_its_reuse_ends_everything);
    tcase_add_test(tc, a_wrong_verifier_burns_the_code);
    tcase_add_test(tc, the_challenge_is_not_its_own_verifier);
    tcase_add_test(tc, a_verifier_that_is_none_is_refused);
    tcase_add_test(tc, a_code_belongs_to_its_client);
    tcase_add_test(tc, a_code_belongs_to_its_redirect);
    tcase_add_test(tc, a_code_lives_sixty_seconds);
    tcase_add_test(tc, an_unknown_code_is_invalid_grant);
    tcase_add_test(tc, what_is_missing_is_named_and_leaves_the_code_usable);
    tcase_add_test(tc, an_unknown_client_is_401_invalid_client);
    tcase_add_test(tc, other_grant_types_are_unsupported);
    tcase_add_test(tc, parameters_twice_are_invalid_request);
    tcase_add_test(tc, only_a_form_is_taken);
    tcase_add_test(tc, parameters_in_the_url_do_not_count);
    tcase_add_test(tc, a_secret_is_refused_and_basic_without_one_is_accepted);
    tcase_add_test(tc, a_foreign_resource_is_invalid_target_and_leaves_the_code_usable);
    tcase_add_test(tc, a_refresh_rotates_and_the_new_token_refreshes_again);
    tcase_add_test(tc, a_repeat_within_the_grace_time_gets_the_same_successor);
    tcase_add_test(tc, a_later_repeat_revokes_the_family);
    tcase_add_test(tc, a_repeat_after_the_successor_was_used_revokes_the_family);
    tcase_add_test(tc, a_refresh_token_belongs_to_its_client);
    tcase_add_test(tc, a_refresh_token_lives_thirty_days_since_its_last_use);
    tcase_add_test(tc, a_refresh_may_narrow_the_scope_and_never_widen_it);
    tcase_add_test(tc, a_supported_scope_that_was_not_granted_is_an_escalation);
    tcase_add_test(tc, an_unknown_or_missing_refresh_token_is_refused);
    tcase_add_test(tc, a_client_without_the_refresh_grant_gets_no_refresh_token);
    tcase_add_test(tc, an_outage_is_503_and_nothing_is_used_up);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

#include "server/auth/bearer.h"
#include "tests/unit/server/token_fixture.h"

typedef struct world {
    gh_keyset *keys; /* NULL: not fetched yet */
    gh_status grant;
    char asked[64]; /* the grant that was asked for last */
} world;

static world w;
static gh_key *key;

static gh_keyset *current_keys(void *context)
{
    world *now = context;
    return gh_keyset_ref(now->keys);
}

static gh_status grant_alive(void *context, const char *grant_id)
{
    world *now = context;
    (void)snprintf(now->asked, sizeof(now->asked), "%s", grant_id);
    return now->grant;
}

static void setup(void)
{
    fixture_clock_start();
    key = new_key("ES256");
    w = (world){.keys = set_of(key), .grant = GH_OK};
}

static void teardown(void)
{
    gh_keyset_free(w.keys);
    gh_key_free(key);
    gh_clock_set_source(NULL, NULL);
}

static gh_bearer *bearer_for(const char *required, bool own_grants)
{
    const gh_bearer_options options = {.issuer = ISSUER,
                                       .resource = RESOURCE,
                                       .required_scope = required,
                                       .context = &w,
                                       .keys = current_keys,
                                       .grant_alive = own_grants ? grant_alive : NULL};
    gh_bearer *bearer = NULL;
    ck_assert_int_eq(gh_bearer_new(&options, &bearer), GH_OK);
    return bearer;
}

/* The outcome for this header's value; the principal, when there is one, in *who. */
static gh_bearer_outcome check(const gh_bearer *bearer, gh_view authorization, gh_principal **who)
{
    gh_error error = {0};
    gh_principal *principal = NULL;
    gh_bearer_outcome outcome = gh_bearer_check(bearer, authorization, &principal, &error);
    bool expected = outcome == GH_BEARER_OK || outcome == GH_BEARER_SCOPE;
    ck_assert((principal != NULL) == expected);
    if (outcome != GH_BEARER_OK) {
        assert_challenge_text(error.message);
    }
    if (who != NULL) {
        *who = principal;
    } else {
        gh_principal_free(principal);
    }
    return outcome;
}

static gh_bearer_outcome check_text(const gh_bearer *bearer, const char *value)
{
    return check(bearer, gh_view_of(value), NULL);
}

static gh_bearer_outcome check_claims(const gh_bearer *bearer, const char *claims)
{
    char *header = at_header(key);
    char *token = mint(header, claims, key);
    char *value = text_of("Bearer %s", token);
    gh_bearer_outcome outcome = check_text(bearer, value);
    free(value);
    free(token);
    free(header);
    return outcome;
}

START_TEST(a_good_token_gives_the_principal)
{
    gh_bearer *bearer = bearer_for("mcp", true);
    char *token = good_token(key);
    char *value = text_of("Bearer %s", token);
    gh_principal *who = NULL;
    ck_assert_int_eq(check(bearer, gh_view_of(value), &who), GH_BEARER_OK);
    ck_assert_str_eq(who->issuer, ISSUER);
    ck_assert_str_eq(who->subject, "alice");
    ck_assert_str_eq(who->name, "Alice");
    ck_assert_str_eq(who->email, "a@example.org");
    ck_assert_str_eq(who->client_id, "c1");
    ck_assert_str_eq(who->scope, "mcp offline_access");
    ck_assert_str_eq(who->grant_id, "g1");
    ck_assert_int_eq(who->expires_at, NOW + 600);
    ck_assert_str_eq(w.asked, "g1");
    gh_principal_free(who);
    free(value);
    free(token);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(no_credentials_and_other_schemes_count_as_missing)
{
    gh_bearer *bearer = bearer_for("mcp", true);
    ck_assert_int_eq(check(bearer, (gh_view){NULL, 0}, NULL), GH_BEARER_MISSING);
    static const char *const others[] = {"",         "  ",        "Basic YWxpY2U6c2VjcmV0", "Bearerx abc",
                                         "DPoP abc", "Digest a=b"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_int_eq(check_text(bearer, others[i]), GH_BEARER_MISSING);
    }
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(the_scheme_is_read_without_case_and_spaces_may_be_many)
{
    gh_bearer *bearer = bearer_for("mcp", true);
    char *token = good_token(key);
    static const char *const before[] = {"Bearer ", "bearer ", "BEARER ", "bEaReR   ", " Bearer "};
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        char *value = text_of("%s%s", before[i], token);
        ck_assert_int_eq(check_text(bearer, value), GH_BEARER_OK);
        free(value);
    }
    free(token);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(malformed_credentials_are_invalid)
{
    gh_bearer *bearer = bearer_for("mcp", true);
    char *token = good_token(key);
    char *const bad[] = {
        text_of("Bearer"),
        text_of("Bearer "),
        text_of("Bearer %s %s", token, token),
        text_of("Bearer \"%s\"", token),
        text_of("Bearer %s,", token),
        text_of("Bearer %s, Basic eA==", token),
        text_of("Bearer \t%s;", token),
        text_of("Bearer %s\x01", token),
        text_of("Bearer \xc3\xa9"),
        text_of("Bearer ==="),
        text_of("Bearer garbage"),
        text_of("Bearer %s=", token),
        text_of("Bearer a.b.c"),
        text_of("Bearer Bearer %s", token),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_msg(check_text(bearer, bad[i]) == GH_BEARER_INVALID, "%s", bad[i]);
        free(bad[i]);
    }
    char with_nul[] = "Bearer abc\0def";
    ck_assert_int_eq(check(bearer, gh_view_make(with_nul, sizeof(with_nul) - 1), NULL), GH_BEARER_INVALID);
    free(token);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(a_huge_token_is_invalid)
{
    gh_bearer *bearer = bearer_for("mcp", true);
    size_t len = 1024 * 1024;
    char *value = malloc(len);
    ck_assert_ptr_nonnull(value);
    memset(value, 'A', len);
    memcpy(value, "Bearer ", 7);
    ck_assert_int_eq(check(bearer, gh_view_make(value, len), NULL), GH_BEARER_INVALID);
    free(value);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(the_required_claims_are_required)
{
#define BASE "\"iss\":\"" ISSUER "\",\"aud\":\"" RESOURCE "\",\"exp\":1795000600"
    static const struct {
        const char *claims;
        gh_bearer_outcome outcome;
    } cases[] = {
        {"{" BASE ",\"sub\":\"a\",\"client_id\":\"c\",\"scope\":\"mcp\",\"gid\":\"g\"}", GH_BEARER_OK},
        {"{" BASE ",\"client_id\":\"c\",\"scope\":\"mcp\",\"gid\":\"g\"}", GH_BEARER_INVALID},
        {"{" BASE ",\"sub\":\"\",\"client_id\":\"c\",\"scope\":\"mcp\",\"gid\":\"g\"}", GH_BEARER_INVALID},
        {"{" BASE ",\"sub\":7,\"client_id\":\"c\",\"scope\":\"mcp\",\"gid\":\"g\"}", GH_BEARER_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"scope\":\"mcp\",\"gid\":\"g\"}", GH_BEARER_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"client_id\":\"\",\"scope\":\"mcp\",\"gid\":\"g\"}", GH_BEARER_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"client_id\":\"c\",\"gid\":\"g\"}", GH_BEARER_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"client_id\":\"c\",\"scope\":[\"mcp\"],\"gid\":\"g\"}", GH_BEARER_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"client_id\":\"c\",\"scope\":\"mcp\\u0009x\",\"gid\":\"g\"}",
         GH_BEARER_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"client_id\":\"c\",\"scope\":\"mcp\"}", GH_BEARER_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"client_id\":\"c\",\"scope\":\"mcp\",\"gid\":\"\"}", GH_BEARER_INVALID},
        {"{" BASE ",\"sub\":\"a\",\"client_id\":\"c\",\"scope\":\"mcp\",\"gid\":5}", GH_BEARER_INVALID},
    };
    gh_bearer *bearer = bearer_for("mcp", true);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_msg(check_claims(bearer, cases[i].claims) == cases[i].outcome, "%s", cases[i].claims);
    }
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(an_id_token_is_refused)
{
    static const char *const marks[] = {"\"nonce\":\"n\",", "\"at_hash\":\"h\",", "\"c_hash\":\"h\","};
    gh_bearer *bearer = bearer_for("mcp", true);
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        char *claims = good_claims(marks[i]);
        ck_assert_int_eq(check_claims(bearer, claims), GH_BEARER_INVALID);
        free(claims);
    }
    char *claims = good_claims("");
    char *token = mint("{\"alg\":\"ES256\",\"typ\":\"JWT\"}", claims, key);
    char *value = text_of("Bearer %s", token);
    ck_assert_int_eq(check_text(bearer, value), GH_BEARER_INVALID);
    free(value);
    free(token);
    free(claims);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(a_revoked_grant_counts_at_once)
{
    gh_bearer *bearer = bearer_for("mcp", true);
    char *claims = good_claims("");
    ck_assert_int_eq(check_claims(bearer, claims), GH_BEARER_OK);
    w.grant = GH_ERR_NOT_FOUND;
    ck_assert_int_eq(check_claims(bearer, claims), GH_BEARER_INVALID);
    free(claims);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(an_outage_is_not_a_refusal)
{
    static const gh_status outages[] = {GH_ERR_UNAVAILABLE, GH_ERR_NOMEM, GH_ERR_IO, GH_ERR_INVALID};
    gh_bearer *bearer = bearer_for("mcp", true);
    char *claims = good_claims("");
    for (size_t i = 0; i < sizeof(outages) / sizeof(outages[0]); i++) {
        w.grant = outages[i];
        ck_assert_int_eq(check_claims(bearer, claims), GH_BEARER_UNAVAILABLE);
    }
    w.grant = GH_OK;
    gh_keyset_free(w.keys);
    w.keys = NULL;
    ck_assert_int_eq(check_claims(bearer, claims), GH_BEARER_UNAVAILABLE);
    ck_assert_int_eq(check_text(bearer, "Bearer not a token"), GH_BEARER_INVALID);
    free(claims);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(the_grant_of_a_bad_token_is_never_asked_for)
{
    gh_bearer *bearer = bearer_for("mcp", true);
    gh_key *other = new_key("ES256");
    char *token = good_token(other);
    char *value = text_of("Bearer %s", token);
    ck_assert_int_eq(check_text(bearer, value), GH_BEARER_INVALID);
    ck_assert_str_eq(w.asked, "");
    free(value);
    free(token);
    gh_key_free(other);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(every_required_scope_must_be_there)
{
    static const struct {
        const char *required;
        gh_bearer_outcome outcome;
    } cases[] = {
        {"mcp", GH_BEARER_OK},         {"offline_access mcp", GH_BEARER_OK}, {"", GH_BEARER_OK},
        {NULL, GH_BEARER_OK},          {"mcp admin", GH_BEARER_SCOPE},       {"mc", GH_BEARER_SCOPE},
        {"mcp:read", GH_BEARER_SCOPE},
    };
    char *claims = good_claims("");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gh_bearer *bearer = bearer_for(cases[i].required, true);
        ck_assert_int_eq(check_claims(bearer, claims), cases[i].outcome);
        gh_bearer_free(bearer);
    }
    free(claims);
}
END_TEST

static gh_scope_table *table_of_mcp(void *context)
{
    static const gh_scope_row row = {"mcp", "tools:call tools:list"};
    gh_scope_table *table = NULL;
    (void)context;
    ck_assert_int_eq(gh_scope_table_new(&row, 1, &table, NULL), GH_OK);
    return table;
}

static gh_scope_table *no_table(void *context)
{
    (void)context;
    return NULL;
}

START_TEST(a_scope_may_stand_for_those_that_are_required)
{
    static const struct {
        const char *required;
        gh_scope_table *(*scopes)(void *context);
        gh_bearer_outcome outcome;
    } cases[] = {
        {"tools:call", table_of_mcp, GH_BEARER_OK},
        {"tools:list offline_access tools:call mcp", table_of_mcp, GH_BEARER_OK},
        {"tools:call admin", table_of_mcp, GH_BEARER_SCOPE},
        {"tools:call", no_table, GH_BEARER_SCOPE},
        {"mcp", no_table, GH_BEARER_OK},
    };
    char *claims = good_claims("");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gh_bearer_options options = {.issuer = ISSUER,
                                     .resource = RESOURCE,
                                     .required_scope = cases[i].required,
                                     .context = &w,
                                     .scopes = cases[i].scopes,
                                     .keys = current_keys,
                                     .grant_alive = grant_alive};
        gh_bearer *bearer = NULL;
        ck_assert_int_eq(gh_bearer_new(&options, &bearer), GH_OK);
        ck_assert_int_eq(check_claims(bearer, claims), cases[i].outcome);
        gh_bearer_free(bearer);
    }
    free(claims);
}
END_TEST

START_TEST(another_issuers_token_has_no_grant_of_ours)
{
    gh_bearer *bearer = bearer_for("mcp", false);
    char *token = good_token(key);
    char *value = text_of("Bearer %s", token);
    gh_principal *who = NULL;
    ck_assert_int_eq(check(bearer, gh_view_of(value), &who), GH_BEARER_OK);
    ck_assert_ptr_null(who->grant_id);
    gh_principal_free(who);
    free(value);
    free(token);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(an_expired_token_is_explained)
{
    gh_bearer *bearer = bearer_for("mcp", true);
    char *token = good_token(key);
    char *value = text_of("Bearer %s", token);
    gh_error error = {0};
    gh_principal *who = NULL;
    fixture_wall_ms += (600 + 12 * 60) * 1000;
    ck_assert_int_eq(gh_bearer_check(bearer, gh_view_of(value), &who, &error), GH_BEARER_INVALID);
    ck_assert_str_eq(error.message, "The access token expired 12 minutes ago; refresh it or sign in again.");
    free(value);
    free(token);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(a_bearer_needs_issuer_resource_and_keys)
{
    gh_bearer *bearer = NULL;
    const gh_bearer_options good = {.issuer = ISSUER, .resource = RESOURCE, .keys = current_keys};
    gh_bearer_options bad = good;
    bad.issuer = NULL;
    ck_assert_int_eq(gh_bearer_new(&bad, &bearer), GH_ERR_INVALID);
    bad = good;
    bad.resource = NULL;
    ck_assert_int_eq(gh_bearer_new(&bad, &bearer), GH_ERR_INVALID);
    bad = good;
    bad.keys = NULL;
    ck_assert_int_eq(gh_bearer_new(&bad, &bearer), GH_ERR_INVALID);
}
END_TEST

START_TEST(where_nobody_signs_in_all_are_the_same_principal)
{
    static const char *const headers[] = {"", "Bearer made-up", "Basic eDp5"};
    gh_bearer *bearer = NULL;
    const gh_bearer_options open = {.anonymous = true};
    ck_assert_int_eq(gh_bearer_new(&open, &bearer), GH_OK);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        gh_principal *who = NULL;
        gh_error error = {0};
        ck_assert_int_eq(gh_bearer_check(bearer, gh_view_of(headers[i]), &who, &error), GH_BEARER_OK);
        ck_assert_str_eq(who->subject, "anonymous");
        ck_assert_str_eq(who->scope, "");
        ck_assert(who->expires_at == INT64_MAX);
        gh_principal_free(who);
    }
    gh_bearer_free(bearer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bearer");
    TCase *tests = tcase_create("bearer");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_good_token_gives_the_principal);
    tcase_add_test(tests, no_credentials_and_other_schemes_count_as_missing);
    tcase_add_test(tests, the_scheme_is_read_without_case_and_spaces_may_be_many);
    tcase_add_test(tests, malformed_credentials_are_invalid);
    tcase_add_test(tests, a_huge_token_is_invalid);
    tcase_add_test(tests, the_required_claims_are_required);
    tcase_add_test(tests, an_id_token_is_refused);
    tcase_add_test(tests, a_revoked_grant_counts_at_once);
    tcase_add_test(tests, an_outage_is_not_a_refusal);
    tcase_add_test(tests, the_grant_of_a_bad_token_is_never_asked_for);
    tcase_add_test(tests, every_required_scope_must_be_there);
    tcase_add_test(tests, a_scope_may_stand_for_those_that_are_required);
    tcase_add_test(tests, another_issuers_token_has_no_grant_of_ours);
    tcase_add_test(tests, an_expired_token_is_explained);
    tcase_add_test(tests, a_bearer_needs_issuer_resource_and_keys);
    tcase_add_test(tests, where_nobody_signs_in_all_are_the_same_principal);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include "server/auth/bearer.h"
#include "server/auth/claims.h"
#include "tests/unit/server/token_fixture.h"

#define IDP "https://auth.example.com/application/o/mcp/"

typedef struct world {
    gh_keyset *keys;
    gh_keyset *fresh; /* what asking anew brings; NULL: the same as before */
    unsigned missed;
} world;

static world w;
static gh_key *key;

static gh_keyset *current_keys(void *context)
{
    world *now = context;
    return gh_keyset_ref(now->keys);
}

static gh_keyset *ask_anew(void *context)
{
    world *now = context;
    now->missed++;
    return gh_keyset_ref(now->fresh != NULL ? now->fresh : now->keys);
}

static gh_keyset *cannot_tell(void *context)
{
    ((world *)context)->missed++;
    return NULL;
}

static void setup(void)
{
    fixture_clock_start();
    key = new_key("ES256");
    w = (world){.keys = set_of(key)};
}

static void teardown(void)
{
    gh_keyset_free(w.keys);
    gh_keyset_free(w.fresh);
    gh_key_free(key);
    gh_clock_set_source(NULL, NULL);
}

static gh_bearer_options options_of(void)
{
    return (gh_bearer_options){.issuer = IDP,
                               .resource = RESOURCE,
                               .required_scope = "",
                               .context = &w,
                               .keys = current_keys,
                               .foreign = true,
                               .keys_missed = ask_anew};
}

static gh_bearer *bearer_of(const gh_bearer_options *options)
{
    gh_bearer *bearer = NULL;
    ck_assert_int_eq(gh_bearer_new(options, &bearer), GH_OK);
    return bearer;
}

static gh_bearer_outcome check(const gh_bearer *bearer, const char *token, gh_principal **who,
                               gh_error *error)
{
    gh_principal *principal = NULL;
    gh_error why = {0};
    char *header = text_of("Bearer %s", token);
    gh_bearer_outcome outcome = gh_bearer_check(bearer, gh_view_of(header), &principal, &why);
    ck_assert((principal != NULL) == (outcome == GH_BEARER_OK || outcome == GH_BEARER_SCOPE));
    if (outcome != GH_BEARER_OK) {
        assert_challenge_text(why.message);
    }
    if (error != NULL) {
        *error = why;
    }
    if (who != NULL) {
        *who = principal;
    } else {
        gh_principal_free(principal);
    }
    free(header);
    return outcome;
}

/* A token with these claims beside issuer and times, of type `typ`. */
static char *token_of(const char *typ, const char *claims)
{
    char *header = text_of("{\"alg\":\"ES256\",%s\"kid\":\"%s\"}", typ, gh_key_kid(key));
    char *payload = text_of("{\"iss\":\"" IDP "\",\"iat\":%d,\"exp\":%d,%s}", NOW - 10, NOW + 600, claims);
    char *token = mint(header, payload, key);
    free(header);
    free(payload);
    return token;
}

static gh_bearer_outcome check_claims(const gh_bearer_options *options, const char *typ, const char *claims)
{
    gh_bearer *bearer = bearer_of(options);
    char *token = token_of(typ, claims);
    gh_bearer_outcome outcome = check(bearer, token, NULL, NULL);
    free(token);
    gh_bearer_free(bearer);
    return outcome;
}

#define JWT "\"typ\":\"JWT\","
#define AT_JWT "\"typ\":\"at+jwt\","
#define SUB "\"sub\":\"alice\","
#define AUD "\"aud\":[\"cid\",\"" RESOURCE "\"],"
#define AUTHENTIK                                                                                            \
    SUB "\"auth_time\":1,\"acr\":\"goauthentik.io/providers/oauth2/default\",\"jti\":\"j\","                 \
        "\"azp\":\"cid\",\"uid\":\"u\",\"scope\":\"openid profile mcp\","

START_TEST(a_token_as_authentik_makes_it_is_accepted)
{
    const gh_bearer_options options = options_of();
    gh_bearer *bearer = bearer_of(&options);
    char *token = token_of(JWT, AUTHENTIK AUD "\"preferred_username\":\"ally\",\"email\":\"a@b.example\"");
    for (int i = 0; i < 2; i++) { /* the second time from memory */
        gh_principal *who = NULL;
        ck_assert_int_eq(check(bearer, token, &who, NULL), GH_BEARER_OK);
        ck_assert_str_eq(who->issuer, IDP);
        ck_assert_str_eq(who->subject, "alice");
        ck_assert_str_eq(who->client_id, "cid");
        ck_assert_str_eq(who->scope, "openid profile mcp");
        ck_assert_str_eq(who->name, "ally");
        ck_assert_str_eq(who->email, "a@b.example");
        ck_assert_ptr_null(who->grant_id);
        ck_assert_int_eq(who->expires_at, NOW + 600);
        gh_principal_free(who);
    }
    ck_assert_uint_eq(w.missed, 0);
    free(token);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(the_client_id_is_an_audience_only_when_said_so)
{
    gh_bearer_options options = options_of();
    const char *claims = AUTHENTIK "\"aud\":\"cid\"";
    ck_assert_int_eq(check_claims(&options, JWT, claims), GH_BEARER_INVALID);
    options.client_id_audience = "cid";
    ck_assert_int_eq(check_claims(&options, JWT, claims), GH_BEARER_OK);
    ck_assert_int_eq(check_claims(&options, JWT, AUTHENTIK "\"aud\":\"" RESOURCE "\""), GH_BEARER_OK);
    ck_assert_int_eq(check_claims(&options, JWT, AUTHENTIK "\"aud\":[\"x\",\"cid\"]"), GH_BEARER_OK);
    ck_assert_int_eq(check_claims(&options, JWT, AUTHENTIK "\"aud\":\"other\""), GH_BEARER_INVALID);
    ck_assert_int_eq(check_claims(&options, JWT, AUTHENTIK "\"aud\":[]"), GH_BEARER_INVALID);
    ck_assert_int_eq(check_claims(&options, JWT, AUTHENTIK "\"aud\":\"cid2\""), GH_BEARER_INVALID);
}
END_TEST

START_TEST(id_tokens_are_refused_and_access_tokens_are_not)
{
    static const struct {
        const char *typ;
        const char *claims;
        gh_bearer_outcome outcome;
    } cases[] = {
        {JWT, SUB AUD "\"auth_time\":1", GH_BEARER_INVALID}, /* no scope: Authentik's ID token */
        {"", SUB AUD "\"auth_time\":1", GH_BEARER_INVALID},
        {JWT, SUB AUD "\"scope\":\"mcp\",\"nonce\":\"n\"", GH_BEARER_INVALID},
        {JWT, SUB AUD "\"scope\":\"mcp\",\"at_hash\":\"h\"", GH_BEARER_INVALID},
        {AT_JWT, SUB AUD "\"scope\":\"mcp\",\"at_hash\":\"h\"", GH_BEARER_INVALID},
        {AT_JWT, SUB AUD "\"client_id\":\"c\"", GH_BEARER_OK},
        {"\"typ\":\"application/AT+JWT\",", SUB AUD "\"client_id\":\"c\"", GH_BEARER_OK},
        {"", SUB AUD "\"scope\":\"mcp\"", GH_BEARER_OK},
        {JWT, SUB AUD "\"scope\":\"\"", GH_BEARER_OK},
        {JWT, SUB AUD "\"scp\":[\"a\",\"b\"]", GH_BEARER_OK},
        {JWT, SUB AUD "\"scope\":7", GH_BEARER_INVALID},
        {JWT, SUB AUD "\"scope\":[\"a\",7]", GH_BEARER_INVALID},
        {"\"typ\":\"logout+jwt\",", SUB AUD "\"scope\":\"mcp\"", GH_BEARER_INVALID},
        {"\"typ\":\"dpop+jwt\",", SUB AUD "\"scope\":\"mcp\"", GH_BEARER_INVALID},
        {"\"typ\":7,", SUB AUD "\"scope\":\"mcp\"", GH_BEARER_INVALID},
        {JWT, AUD "\"scope\":\"mcp\"", GH_BEARER_INVALID},
        {JWT, "\"sub\":\"\"," AUD "\"scope\":\"mcp\"", GH_BEARER_INVALID},
    };
    const gh_bearer_options options = options_of();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_msg(check_claims(&options, cases[i].typ, cases[i].claims) == cases[i].outcome, "%s %s",
                      cases[i].typ, cases[i].claims);
    }
}
END_TEST

START_TEST(client_and_scope_are_read_in_every_spelling)
{
    static const struct {
        const char *claims;
        const char *client;
        const char *scope;
    } cases[] = {
        {"\"client_id\":\"one\",\"azp\":\"two\",\"scope\":\"a b\"", "one", "a b"},
        {"\"azp\":\"two\",\"cid\":\"three\",\"scope\":[\"a\",\"b\"]", "two", "a b"},
        {"\"cid\":\"three\",\"scp\":\"a\"", "three", "a"},
        {"\"scp\":[\"a\",\"b\",\"c\"]", NULL, "a b c"},
        {"\"client_id\":\"\",\"azp\":\"two\",\"scope\":\"a\"", "two", "a"},
    };
    const gh_bearer_options options = options_of();
    gh_bearer *bearer = bearer_of(&options);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gh_principal *who = NULL;
        char *claims = text_of(SUB AUD "%s", cases[i].claims);
        char *token = token_of(JWT, claims);
        ck_assert_int_eq(check(bearer, token, &who, NULL), GH_BEARER_OK);
        ck_assert_str_eq(who->scope, cases[i].scope);
        ck_assert_pstr_eq(who->client_id, cases[i].client);
        gh_principal_free(who);
        free(token);
        free(claims);
    }
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(required_scopes_may_be_none_or_several)
{
    gh_bearer_options options = options_of();
    const char *claims = SUB AUD "\"scope\":\"openid mcp\"";
    ck_assert_int_eq(check_claims(&options, JWT, claims), GH_BEARER_OK);
    options.required_scope = NULL;
    ck_assert_int_eq(check_claims(&options, JWT, claims), GH_BEARER_OK);
    options.required_scope = "mcp openid";
    ck_assert_int_eq(check_claims(&options, JWT, claims), GH_BEARER_OK);
    options.required_scope = "mcp admin";
    ck_assert_int_eq(check_claims(&options, JWT, claims), GH_BEARER_SCOPE);
}
END_TEST

START_TEST(who_lacks_a_required_claim_is_forbidden)
{
    static const char *const rules[] = {"groups=mcp", "email_verified=true"};
    static const struct {
        const char *claims;
        gh_bearer_outcome outcome;
    } cases[] = {
        {"\"groups\":[\"staff\",\"mcp\"],\"email_verified\":true", GH_BEARER_OK},
        {"\"groups\":\"mcp\",\"email_verified\":\"true\"", GH_BEARER_OK},
        {"\"groups\":[\"staff\"],\"email_verified\":true", GH_BEARER_FORBIDDEN},
        {"\"groups\":[\"mcp\"],\"email_verified\":false", GH_BEARER_FORBIDDEN},
        {"\"groups\":[\"mcp2\",\"MCP\",7],\"email_verified\":true", GH_BEARER_FORBIDDEN},
        {"\"groups\":{\"mcp\":true},\"email_verified\":true", GH_BEARER_FORBIDDEN},
        {"\"x\":1", GH_BEARER_FORBIDDEN},
    };
    gh_bearer_options options = options_of();
    options.required_claims = rules;
    options.required_claim_count = 2;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *claims = text_of(AUTHENTIK AUD "%s", cases[i].claims);
        ck_assert_msg(check_claims(&options, JWT, claims) == cases[i].outcome, "%s", cases[i].claims);
        free(claims);
    }
}
END_TEST

START_TEST(rules_for_claims_are_read_strictly)
{
    cJSON *claims = cJSON_Parse("{\"groups\":[\"a=b\"],\"realm_access\":{\"roles\":[\"mcp\"]},"
                                "\"https://x.example/role\":\"admin\",\"a.b\":\"flat\",\"empty\":\"\"}");
    static const struct {
        const char *rule;
        bool valid;
        bool allows;
    } cases[] = {
        {"groups=a=b", true, true},
        {"realm_access.roles=mcp", true, true},
        {"realm_access.roles.mcp=x", true, false},
        {"https://x.example/role=admin", true, true},
        {"a.b=flat", true, true},
        {"groups=", false, false},
        {"=a", false, false},
        {"groups", false, false},
        {"", false, false},
        {"empty=", false, false},
        {"..=x", true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_msg(gh_claims_rule_is_valid(cases[i].rule) == cases[i].valid, "%s", cases[i].rule);
        ck_assert_msg(gh_claims_allow(claims, &cases[i].rule, 1) == cases[i].allows, "%s", cases[i].rule);
    }
    ck_assert(gh_claims_allow(claims, NULL, 0));
    ck_assert(gh_claims_allow(NULL, NULL, 0));
    ck_assert(!gh_claims_allow(NULL, &cases[0].rule, 1));
    ck_assert(!gh_claims_rule_is_valid(NULL));
    cJSON_Delete(claims);
}
END_TEST

START_TEST(an_unknown_key_is_asked_for_once)
{
    const gh_bearer_options options = options_of();
    gh_bearer *bearer = bearer_of(&options);
    gh_keyset *with_key = w.keys;
    gh_key *other = new_key("ES256");
    char *token = token_of(JWT, AUTHENTIK AUD "\"x\":1");
    w.keys = set_of(other);
    ck_assert_int_eq(check(bearer, token, NULL, NULL), GH_BEARER_INVALID);
    ck_assert_uint_eq(w.missed, 1);
    w.fresh = gh_keyset_ref(with_key);
    ck_assert_int_eq(check(bearer, token, NULL, NULL), GH_BEARER_OK);
    ck_assert_uint_eq(w.missed, 2);
    gh_keyset_free(w.keys);
    w.keys = with_key;
    ck_assert_int_eq(check(bearer, token, NULL, NULL), GH_BEARER_OK);
    ck_assert_uint_eq(w.missed, 2);
    free(token);
    gh_key_free(other);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(what_would_be_refused_anyway_asks_for_no_keys)
{
    static const char later[] = "99999999999";
    static const struct {
        const char *issuer, *exp, *more;
    } cases[] = {
        {"https://elsewhere.example/", later, AUTHENTIK AUD},
        {IDP, later, AUTHENTIK "\"aud\":\"cid\","},
        {IDP, later, "\"nbf\":99999999999," AUTHENTIK AUD},
        {IDP, later, "\"iat\":99999999999," AUTHENTIK AUD},
        {IDP, "\"99999999999\"", AUTHENTIK AUD},
        {IDP, "1", AUTHENTIK AUD},
    };
    const gh_bearer_options options = options_of();
    gh_bearer *bearer = bearer_of(&options);
    char *head = base64url_of(GH_VIEW_LIT("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"made up\"}"));
    char *no_object = text_of("%s.AAAA.AAAA", head);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *payload =
            text_of("{\"iss\":\"%s\",\"exp\":%s,%s\"x\":1}", cases[i].issuer, cases[i].exp, cases[i].more);
        char *body = base64url_of(gh_view_of(payload));
        char *token = text_of("%s.%s.AAAA", head, body);
        ck_assert_int_eq(check(bearer, token, NULL, NULL), GH_BEARER_INVALID);
        ck_assert_msg(w.missed == 0, "%s", payload);
        free(token);
        free(body);
        free(payload);
    }
    ck_assert_int_eq(check(bearer, no_object, NULL, NULL), GH_BEARER_INVALID);
    ck_assert_uint_eq(w.missed, 0);
    free(no_object);
    free(head);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(while_keys_cannot_be_asked_for_it_is_an_outage)
{
    gh_bearer_options options = options_of();
    options.keys_missed = cannot_tell;
    gh_bearer *bearer = bearer_of(&options);
    gh_key *other = new_key("ES256");
    char *token = token_of(JWT, AUTHENTIK AUD "\"x\":1");
    gh_keyset_free(w.keys);
    w.keys = set_of(other);
    ck_assert_int_eq(check(bearer, token, NULL, NULL), GH_BEARER_UNAVAILABLE);
    ck_assert_uint_eq(w.missed, 1);
    free(token);
    gh_key_free(other);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(a_bad_signature_asks_for_no_keys)
{
    const gh_bearer_options options = options_of();
    gh_bearer *bearer = bearer_of(&options);
    char *token = token_of(JWT, AUTHENTIK AUD "\"x\":1");
    char *at = strrchr(token, '.') + 1;
    *at = *at == 'A' ? 'B' : 'A';
    ck_assert_int_eq(check(bearer, token, NULL, NULL), GH_BEARER_INVALID);
    ck_assert_uint_eq(w.missed, 0);
    free(token);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(tokens_that_only_the_provider_can_read_are_explained)
{
    const gh_bearer_options options = options_of();
    gh_bearer *bearer = bearer_of(&options);
    gh_error error = {0};
    ck_assert_int_eq(check(bearer, "4f1Hx0opaque", NULL, &error), GH_BEARER_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "opaque"));
    ck_assert_ptr_nonnull(strstr(error.message, "proxy mode"));
    ck_assert_int_eq(check(bearer, "a.b.c.d.e", NULL, &error), GH_BEARER_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, "encrypted"));
    ck_assert_uint_eq(w.missed, 0);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(another_issuer_is_refused_even_by_a_slash)
{
    gh_bearer_options options = options_of();
    const char *claims = AUTHENTIK AUD "\"x\":1";
    ck_assert_int_eq(check_claims(&options, JWT, claims), GH_BEARER_OK);
    options.issuer = "https://auth.example.com/application/o/mcp";
    ck_assert_int_eq(check_claims(&options, JWT, claims), GH_BEARER_INVALID);
}
END_TEST

START_TEST(a_token_signed_with_the_client_secret_is_refused)
{
    const gh_bearer_options options = options_of();
    gh_bearer *bearer = bearer_of(&options);
    char *payload = text_of("{\"iss\":\"" IDP "\",\"exp\":%d," AUTHENTIK AUD "\"x\":1}", NOW + 600);
    char *head = base64url_of(GH_VIEW_LIT("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"));
    char *body = base64url_of(gh_view_of(payload));
    char *input = text_of("%s.%s", head, body);
    unsigned char mac[GH_SHA256_LEN];
    ck_assert_int_eq(gh_hmac_sha256(GH_VIEW_LIT("secret"), gh_view_of(input), mac), GH_OK);
    char *signature = base64url_of(gh_view_make((const char *)mac, sizeof mac));
    char *token = text_of("%s.%s", input, signature);
    ck_assert_int_eq(check(bearer, token, NULL, NULL), GH_BEARER_INVALID);
    free(token);
    free(signature);
    free(input);
    free(body);
    free(head);
    free(payload);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(rules_for_foreign_tokens_need_foreign_tokens)
{
    static const char *const bad_rule[] = {"groups"};
    static const char *const good_rule[] = {"groups=mcp"};
    gh_bearer *bearer = NULL;
    gh_bearer_options options = options_of();
    options.required_claims = bad_rule;
    options.required_claim_count = 1;
    ck_assert_int_eq(gh_bearer_new(&options, &bearer), GH_ERR_INVALID);
    options.required_claims = good_rule;
    options.foreign = false;
    ck_assert_int_eq(gh_bearer_new(&options, &bearer), GH_ERR_INVALID);
    options.required_claim_count = 0;
    options.client_id_audience = "cid";
    ck_assert_int_eq(gh_bearer_new(&options, &bearer), GH_ERR_INVALID);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bearer_foreign");
    TCase *tests = tcase_create("bearer_foreign");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_token_as_authentik_makes_it_is_accepted);
    tcase_add_test(tests, the_client_id_is_an_audience_only_when_said_so);
    tcase_add_test(tests, id_tokens_are_refused_and_access_tokens_are_not);
    tcase_add_test(tests, client_and_scope_are_read_in_every_spelling);
    tcase_add_test(tests, required_scopes_may_be_none_or_several);
    tcase_add_test(tests, who_lacks_a_required_claim_is_forbidden);
    tcase_add_test(tests, rules_for_claims_are_read_strictly);
    tcase_add_test(tests, an_unknown_key_is_asked_for_once);
    tcase_add_test(tests, what_would_be_refused_anyway_asks_for_no_keys);
    tcase_add_test(tests, while_keys_cannot_be_asked_for_it_is_an_outage);
    tcase_add_test(tests, a_bad_signature_asks_for_no_keys);
    tcase_add_test(tests, tokens_that_only_the_provider_can_read_are_explained);
    tcase_add_test(tests, another_issuer_is_refused_even_by_a_slash);
    tcase_add_test(tests, a_token_signed_with_the_client_secret_is_refused);
    tcase_add_test(tests, rules_for_foreign_tokens_need_foreign_tokens);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

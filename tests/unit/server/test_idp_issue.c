/* Tokens for APIs: exchanged ones (RFC 8693) and client credentials (RFC 6749, 4.4). */
#include "shared/net/form.h"
#include "tests/unit/server/idp_fixture.h"

#define SUBJECT "the+subject=token"
#define ISSUED "the-issued-token"
#define OTHER_ENDPOINT "/other/token"
#define TYPES                                                                                                \
    "\"issued_token_type\":\"urn:ietf:params:oauth:token-type:access_token\",\"token_type\":\"Bearer\""

static provider p;
static gh_secret *client_secret;
static gh_secret *other_secret;
static char other_url[GH_HTTP_FIXTURE_URL_MAX];

static void setup(void)
{
    fixture_clock_start();
    provider_start(&p);
    gh_http_fixture_url(p.fixture, OTHER_ENDPOINT, other_url);
    client_secret = gh_secret_new(GH_VIEW_LIT("s:e cret"));
    other_secret = gh_secret_new(GH_VIEW_LIT("other secret"));
    ck_assert_ptr_nonnull(client_secret);
    ck_assert_ptr_nonnull(other_secret);
}

static void teardown(void)
{
    provider_stop(&p);
    gh_secret_free(client_secret);
    gh_secret_free(other_secret);
}

static gh_idp *ready(void)
{
    gh_idp_options options = idp_options(&p);
    options.client_secret = client_secret;
    return idp_ready(&options);
}

static gh_idp *ready_good(void)
{
    provider_good(&p);
    return ready();
}

static void check_outcome(gh_status status, const gh_idp_tokens *tokens, const gh_error *why)
{
    ck_assert_ptr_null(tokens->refresh_token);
    ck_assert_ptr_null(tokens->claims);
    if (status == GH_OK) {
        ck_assert(gh_secret_equals(tokens->access_token, GH_VIEW_LIT(ISSUED)));
        return;
    }
    ck_assert_ptr_null(tokens->access_token);
    ck_assert_int_eq(why->status, status);
    ck_assert_str_ne(why->message, "");
    ck_assert_ptr_null(strstr(why->message, "the+subject"));
    ck_assert_ptr_null(strstr(why->message, "e cret"));
    ck_assert_ptr_null(strstr(why->message, "other secret"));
    ck_assert_ptr_null(strstr(why->message, ISSUED));
}

static gh_status exchange(gh_idp *idp, const gh_idp_target *target, int64_t *expires_at, gh_error *why)
{
    gh_idp_tokens tokens;
    gh_secret *subject = gh_secret_new(GH_VIEW_LIT(SUBJECT));
    memset(why, 0, sizeof *why);
    gh_status status = gh_idp_exchange_token(idp, subject, target, &tokens, why);
    check_outcome(status, &tokens, why);
    *expires_at = tokens.expires_at;
    gh_idp_tokens_clear(&tokens);
    gh_secret_free(subject);
    return status;
}

static gh_status credentials(gh_idp *idp, const gh_idp_client *as, gh_error *why)
{
    const gh_idp_target target = {.scope = "orders.read"};
    gh_idp_tokens tokens;
    memset(why, 0, sizeof *why);
    gh_status status = gh_idp_client_credentials(idp, as, &target, &tokens, why);
    check_outcome(status, &tokens, why);
    gh_idp_tokens_clear(&tokens);
    return status;
}

static gh_form *form_of(size_t request)
{
    gh_form *form = NULL;
    ck_assert_int_eq(gh_form_parse(gh_http_fixture_body(p.fixture, request), &form, NULL), GH_OK);
    return form;
}

#define FULL_REPLY                                                                                           \
    "{\"access_token\":\"" ISSUED "\"," TYPES ",\"expires_in\":120,\"refresh_token\":\"never kept\","        \
    "\"id_token\":\"nor this\"}"

START_TEST(an_exchange_says_what_is_wanted_and_as_whom)
{
    const gh_idp_target target = {"orders-api", "https://api.example.com/v1", "orders.read orders.write"};
    gh_error why;
    int64_t ends = 0;
    gh_idp *idp = ready_good();
    provider_reply(&p, "POST", PROVIDER_TOKEN, 200, FULL_REPLY, false);
    ck_assert_int_eq(exchange(idp, &target, &ends, &why), GH_OK);
    ck_assert_int_eq(ends, NOW + 120);
    size_t at = provider_find(&p, "POST " PROVIDER_TOKEN);
    ck_assert(
        gh_http_fixture_has_line(p.fixture, at, "Authorization: Basic dGhlJTIwY2xpZW50OnMlM0FlJTIwY3JldA=="));
    gh_form *form = form_of(at);
    ck_assert_str_eq(gh_form_get(form, "grant_type"), "urn:ietf:params:oauth:grant-type:token-exchange");
    ck_assert_str_eq(gh_form_get(form, "subject_token"), SUBJECT);
    ck_assert_str_eq(gh_form_get(form, "subject_token_type"),
                     "urn:ietf:params:oauth:token-type:access_token");
    ck_assert_str_eq(gh_form_get(form, "requested_token_type"),
                     "urn:ietf:params:oauth:token-type:access_token");
    ck_assert_str_eq(gh_form_get(form, "audience"), "orders-api");
    ck_assert_str_eq(gh_form_get(form, "resource"), "https://api.example.com/v1");
    ck_assert_str_eq(gh_form_get(form, "scope"), "orders.read orders.write");
    ck_assert_ptr_null(gh_form_get(form, "client_secret"));
    gh_form_free(form);
    gh_idp_free(idp);
}
END_TEST

START_TEST(what_is_not_wanted_is_not_sent)
{
    const gh_idp_target target = {NULL, NULL, NULL};
    gh_error why;
    int64_t ends = 0;
    gh_idp *idp = ready_good();
    provider_reply(&p, "POST", PROVIDER_TOKEN, 200, "{\"access_token\":\"" ISSUED "\"," TYPES "}", false);
    ck_assert_int_eq(exchange(idp, &target, &ends, &why), GH_OK);
    ck_assert_int_eq(ends, 0);
    gh_form *form = form_of(provider_find(&p, "POST " PROVIDER_TOKEN));
    ck_assert_uint_eq(gh_form_count(form, "audience"), 0);
    ck_assert_uint_eq(gh_form_count(form, "resource"), 0);
    ck_assert_uint_eq(gh_form_count(form, "scope"), 0);
    gh_form_free(form);
    gh_idp_free(idp);
}
END_TEST

typedef struct reply_case {
    int http_status;
    const char *body;
    gh_status status;
    const char *words;
} reply_case;

#define ISSUED_AS(type, token)                                                                               \
    "{\"access_token\":\"" ISSUED "\",\"issued_token_type\":\"urn:ietf:params:oauth:token-type:" type        \
    "\",\"token_type\":\"" token "\"}"

static const reply_case EXCHANGE_REPLIES[] = {
    {200, ISSUED_AS("access_token", "bearer"), GH_OK, ""},
    {200, ISSUED_AS("jwt", "Bearer"), GH_OK, ""},
    {200, ISSUED_AS("id_token", "N_A"), GH_ERR_UNAVAILABLE, "no bearer token"},
    {200, ISSUED_AS("id_token", "Bearer"), GH_ERR_UNAVAILABLE, "no access token"},
    {200, ISSUED_AS("refresh_token", "Bearer"), GH_ERR_UNAVAILABLE, "no access token"},
    {200, ISSUED_AS("access_token", "DPoP"), GH_ERR_UNAVAILABLE, "no bearer token"},
    {200, "{\"access_token\":\"" ISSUED "\",\"token_type\":\"Bearer\"}", GH_ERR_UNAVAILABLE,
     "issued_token_type"},
    {200,
     "{\"access_token\":\"" ISSUED
     "\",\"issued_token_type\":\"urn:ietf:params:oauth:token-type:access_token\"}",
     GH_ERR_UNAVAILABLE, "token_type"},
    {200, "{" TYPES "}", GH_ERR_UNAVAILABLE, "no bearer token"},
    {200, "not json", GH_ERR_UNAVAILABLE, "check what answers there"},
    {400, "{\"error\":\"invalid_request\"}", GH_ERR_EXPIRED, "sign in again"},
    {400, "{\"error\":\"invalid_grant\"}", GH_ERR_EXPIRED, "sign in again"},
    {401, "{\"error\":\"invalid_token\"}", GH_ERR_EXPIRED, "sign in again"},
    {400, "{\"error\":\"invalid_target\"}", GH_ERR_DENIED, "audience or resource"},
    {400, "{\"error\":\"invalid_scope\"}", GH_ERR_DENIED, "scope"},
    {403, "{\"error\":\"access_denied\"}", GH_ERR_DENIED, "you may not use this API"},
    {401, "{\"error\":\"invalid_client\"}", GH_ERR_DENIED, "client id and secret"},
    {400, "{\"error\":\"unauthorized_client\"}", GH_ERR_DENIED, "may not exchange tokens"},
    {400, "{\"error\":\"unsupported_grant_type\"}", GH_ERR_DENIED, "may not exchange tokens"},
    {400, "{\"error\":\"what<ever>\",\"error_description\":\"" ISSUED "\"}", GH_ERR_DENIED, "(what?ever?)"},
    {503, "{\"error\":\"invalid_grant\"}", GH_ERR_UNAVAILABLE, "503"},
    {429, "{}", GH_ERR_UNAVAILABLE, "429"},
    {302, "", GH_ERR_UNAVAILABLE, "302"},
};

START_TEST(an_exchange_ends_as_the_provider_says)
{
    const reply_case *c = &EXCHANGE_REPLIES[_i];
    const gh_idp_target target = {.audience = "orders-api"};
    gh_error why;
    int64_t ends = 0;
    gh_idp *idp = ready_good();
    provider_reply(&p, "POST", PROVIDER_TOKEN, c->http_status, c->body, false);
    gh_status status = exchange(idp, &target, &ends, &why);
    ck_assert_msg(status == c->status, "%d: %s", (int)status, why.message);
    ck_assert_msg(strstr(why.message, c->words) != NULL, "%s", why.message);
    gh_idp_free(idp);
}
END_TEST

START_TEST(a_provider_that_is_away_is_an_outage)
{
    const gh_idp_target target = {.audience = "orders-api"};
    const gh_idp_client own = {NULL, NULL, NULL, NULL};
    gh_error why;
    int64_t ends = 0;
    gh_idp *idp = ready_good();
    provider_raw(&p, "POST", PROVIDER_TOKEN, NULL, false);
    ck_assert_int_eq(exchange(idp, &target, &ends, &why), GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(credentials(idp, &own, &why), GH_ERR_UNAVAILABLE);
    gh_idp_stop(idp);
    ck_assert_int_eq(exchange(idp, &target, &ends, &why), GH_ERR_UNAVAILABLE);
    gh_idp_free(idp);
    gh_idp_options options = idp_options(&p);
    idp = idp_new(&options);
    ck_assert_int_eq(exchange(idp, &target, &ends, &why), GH_ERR_UNAVAILABLE);
    gh_idp_free(idp);
}
END_TEST

#define CLIENT_REPLY "{\"access_token\":\"" ISSUED "\",\"token_type\":\"Bearer\",\"expires_in\":60}"

START_TEST(client_credentials_are_the_servers_own_at_its_provider)
{
    const gh_idp_client own = {NULL, NULL, NULL, NULL};
    gh_error why;
    gh_idp *idp = ready_good();
    provider_reply(&p, "POST", PROVIDER_TOKEN, 200, CLIENT_REPLY, false);
    ck_assert_int_eq(credentials(idp, &own, &why), GH_OK);
    size_t at = provider_find(&p, "POST " PROVIDER_TOKEN);
    ck_assert(
        gh_http_fixture_has_line(p.fixture, at, "Authorization: Basic dGhlJTIwY2xpZW50OnMlM0FlJTIwY3JldA=="));
    gh_form *form = form_of(at);
    ck_assert_str_eq(gh_form_get(form, "grant_type"), "client_credentials");
    ck_assert_str_eq(gh_form_get(form, "scope"), "orders.read");
    ck_assert_ptr_null(gh_form_get(form, "subject_token"));
    ck_assert_ptr_null(gh_form_get(form, "client_id"));
    gh_form_free(form);
    gh_idp_free(idp);
}
END_TEST

START_TEST(or_of_a_client_that_is_named_in_the_way_that_the_metadata_says)
{
    const gh_idp_client named = {"orders", other_secret, NULL, NULL};
    gh_error why;
    provider_document(&p, p.issuer,
                      GOOD_ALGORITHMS "," GOOD_PKCE
                                      ",\"token_endpoint_auth_methods_supported\":[\"client_secret_post\"]",
                      false);
    provider_keys(&p, &p.key, 1, false);
    gh_idp *idp = ready();
    provider_reply(&p, "POST", PROVIDER_TOKEN, 200, CLIENT_REPLY, false);
    ck_assert_int_eq(credentials(idp, &named, &why), GH_OK);
    gh_form *form = form_of(provider_find(&p, "POST " PROVIDER_TOKEN));
    ck_assert_str_eq(gh_form_get(form, "client_id"), "orders");
    ck_assert_str_eq(gh_form_get(form, "client_secret"), "other secret");
    gh_form_free(form);
    gh_idp_free(idp);
}
END_TEST

START_TEST(another_token_endpoint_needs_no_provider)
{
    const gh_idp_client named = {"orders", other_secret, other_url, NULL};
    gh_error why;
    provider_reply(&p, "POST", OTHER_ENDPOINT, 200, CLIENT_REPLY, false);
    ck_assert_int_eq(credentials(NULL, &named, &why), GH_OK);
    size_t at = provider_find(&p, "POST " OTHER_ENDPOINT);
    ck_assert(gh_http_fixture_has_line(p.fixture, at, "Authorization: Basic b3JkZXJzOm90aGVyJTIwc2VjcmV0"));
}
END_TEST

START_TEST(another_token_endpoint_that_will_not_have_basic_gets_the_secret_in_the_body)
{
    const gh_idp_client named = {"orders", other_secret, other_url, NULL};
    gh_error why;
    gh_idp *idp = ready_good();
    provider_reply(&p, "POST", OTHER_ENDPOINT, 401, "{\"error\":\"invalid_client\"}", true);
    provider_reply(&p, "POST", OTHER_ENDPOINT, 200, CLIENT_REPLY, true);
    ck_assert_int_eq(credentials(idp, &named, &why), GH_OK);
    gh_form *form = form_of(provider_find(&p, "POST " OTHER_ENDPOINT) + 1);
    ck_assert_str_eq(gh_form_get(form, "client_id"), "orders");
    ck_assert_str_eq(gh_form_get(form, "client_secret"), "other secret");
    gh_form_free(form);
    ck_assert_uint_eq(provider_count(&p, "POST " PROVIDER_TOKEN), 0);
    gh_idp_free(idp);
}
END_TEST

START_TEST(a_client_that_is_refused_is_told_by_whom_and_not_where_that_is)
{
    const gh_idp_client named = {"orders", other_secret, other_url, NULL};
    gh_error why;
    provider_reply(&p, "POST", OTHER_ENDPOINT, 401, "{\"error\":\"invalid_client\"}", false);
    ck_assert_int_eq(credentials(NULL, &named, &why), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(
        strstr(why.message, "The authorization server of this API refused (invalid_client)"));
    ck_assert_ptr_null(strstr(why.message, "127.0.0.1"));
    ck_assert_uint_eq(provider_count(&p, "POST " OTHER_ENDPOINT), 2);
}
END_TEST

START_TEST(another_token_endpoint_that_fails_is_an_outage)
{
    const gh_idp_client named = {"orders", other_secret, other_url, NULL};
    gh_error why;
    provider_reply(&p, "POST", OTHER_ENDPOINT, 502, "bad gateway", false);
    ck_assert_int_eq(credentials(NULL, &named, &why), GH_ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(why.message, other_url));
}
END_TEST

START_TEST(the_servers_own_secret_goes_nowhere_else)
{
    gh_error why;
    gh_idp *idp = ready_good();
    const gh_idp_client cases[] = {{NULL, NULL, other_url, NULL},
                                   {"orders", NULL, other_url, NULL},
                                   {NULL, other_secret, other_url, NULL},
                                   {"orders", NULL, NULL, NULL},
                                   {"orders", other_secret, "http://api.example.com/token", NULL},
                                   {"orders", other_secret, "ftp://127.0.0.1/token", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert_int_eq(credentials(idp, &cases[i], &why), GH_ERR_INVALID);
    }
    const gh_idp_client own = {NULL, NULL, NULL, NULL};
    ck_assert_int_eq(credentials(NULL, &own, &why), GH_ERR_INVALID);
    ck_assert_uint_eq(provider_count(&p, "POST "), 0);
    gh_idp_free(idp);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("idp_issue");
    TCase *tests = tcase_create("idp_issue");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_exchange_says_what_is_wanted_and_as_whom);
    tcase_add_test(tests, what_is_not_wanted_is_not_sent);
    tcase_add_loop_test(tests, an_exchange_ends_as_the_provider_says, 0,
                        (int)(sizeof EXCHANGE_REPLIES / sizeof EXCHANGE_REPLIES[0]));
    tcase_add_test(tests, a_provider_that_is_away_is_an_outage);
    tcase_add_test(tests, client_credentials_are_the_servers_own_at_its_provider);
    tcase_add_test(tests, or_of_a_client_that_is_named_in_the_way_that_the_metadata_says);
    tcase_add_test(tests, another_token_endpoint_needs_no_provider);
    tcase_add_test(tests, another_token_endpoint_that_will_not_have_basic_gets_the_secret_in_the_body);
    tcase_add_test(tests, a_client_that_is_refused_is_told_by_whom_and_not_where_that_is);
    tcase_add_test(tests, another_token_endpoint_that_fails_is_an_outage);
    tcase_add_test(tests, the_servers_own_secret_goes_nowhere_else);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

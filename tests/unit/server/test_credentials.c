/* What each auth mode can do for the APIs behind the server. */
#include "server/credentials.h"

#include "tests/unit/server/idp_fixture.h"

static provider p;
static gh_secret *client_secret;
static gh_sealer *sealer;
static gh_store *store;
static gh_keyset *keys;

static void setup(void)
{
    fixture_clock_start();
    provider_start(&p);
    provider_good(&p);
    client_secret = gh_secret_new(GH_VIEW_LIT("s"));
    ck_assert_int_eq(gh_sealer_new(GH_VIEW_LIT("0123456789abcdef0123456789abcdef"), &sealer), GH_OK);
    ck_assert_int_eq(gh_store_open("memory", &store, NULL), GH_OK);
    ck_assert_int_eq(gh_keyset_new(&p.key, 1, &keys), GH_OK);
}

static void teardown(void)
{
    gh_keyset_free(keys);
    gh_store_close(store);
    gh_sealer_free(sealer);
    gh_secret_free(client_secret);
    provider_stop(&p);
}

static gh_settings settings_of(const char *mode, const char *client_id, gh_secret *secret)
{
    return (gh_settings){
        .auth = (char *)(uintptr_t)mode, .client_id = (char *)(uintptr_t)client_id, .client_secret = secret};
}

static gh_oauth_server *oauth_with(gh_idp *idp)
{
    const gh_text_list none = {NULL, 0};
    const gh_oauth_options options = {.issuer = "http://localhost:8080",
                                      .resource = "http://localhost:8080/mcp",
                                      .scopes_supported = "mcp offline_access",
                                      .default_scope = "mcp",
                                      .server_name = "Test",
                                      .redirect_schemes = &none,
                                      .idp = idp,
                                      .sealer = idp != NULL ? sealer : NULL,
                                      .required_claims = &none,
                                      .max_clients = 5,
                                      .code_ttl_s = 60,
                                      .access_ttl_s = 600,
                                      .refresh_ttl_s = 86400,
                                      .refresh_grace_s = 30,
                                      .flow_ttl_s = 600};
    gh_oauth_server *server = NULL;
    gh_error error = {0};
    ck_assert_msg(gh_oauth_server_new(&options, store, &server, &error) == GH_OK, "%s", error.message);
    return server;
}

static gh_idp *idp_with_secret(void)
{
    gh_idp_options options = idp_options(&p);
    options.client_secret = client_secret;
    return idp_ready(&options);
}

START_TEST(proxy_mode_has_the_users_token_and_everything_else)
{
    const gh_settings settings = settings_of("proxy", "the client", client_secret);
    gh_identity identity = {.settings = &settings, .idp = idp_with_secret()};
    gh_credential_source source;
    identity.oauth = oauth_with(identity.idp);
    gh_credentials_source(&identity, &source);
    ck_assert(source.user != NULL && source.exchange != NULL && source.client != NULL);
    ck_assert(source.has_provider && source.has_secret);
    ck_assert_str_eq(source.auth, "proxy");

    const gh_principal nobody = {.issuer = (char *)(uintptr_t) "i",
                                 .subject = (char *)(uintptr_t) "s",
                                 .grant_id = (char *)(uintptr_t) "unknown"};
    gh_secret *token = NULL;
    int64_t ends = 0;
    gh_error error = {0};
    ck_assert_int_eq(source.user(source.context, &nobody, NULL, &token, &ends, &error), GH_ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(error.message, "sign in again"));
    gh_oauth_server_free(identity.oauth);
    gh_idp_free(identity.idp);
}
END_TEST

START_TEST(dev_mode_has_no_provider_to_ask)
{
    const gh_settings settings = settings_of("dev", NULL, NULL);
    gh_identity identity = {.settings = &settings, .oauth = oauth_with(NULL)};
    gh_credential_source source;
    gh_credentials_source(&identity, &source);
    ck_assert(source.user == NULL && source.exchange == NULL && source.client != NULL);
    ck_assert(!source.has_provider && !source.has_secret);

    char url[GH_HTTP_FIXTURE_URL_MAX];
    const gh_credential elsewhere = {.kind = GH_CREDENTIAL_CLIENT,
                                     .client_id = (char *)(uintptr_t) "orders",
                                     .secret = client_secret,
                                     .scope = (char *)(uintptr_t) "read",
                                     .token_endpoint = url};
    gh_secret *token = NULL;
    int64_t ends = 0;
    gh_error error = {0};
    gh_http_fixture_url(p.fixture, "/token", url);
    provider_reply(&p, "POST", "/token", 200,
                   "{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"expires_in\":60}", false);
    ck_assert_msg(source.client(source.context, &elsewhere, &token, &ends, &error) == GH_OK, "%s",
                  error.message);
    ck_assert(gh_secret_equals(token, GH_VIEW_LIT("t")));
    ck_assert_int_eq(ends, NOW + 60);
    ck_assert(gh_view_eq_cstr(gh_http_fixture_body(p.fixture, provider_find(&p, "POST /token")),
                              "grant_type=client_credentials&scope=read"));
    gh_secret_free(token);
    gh_oauth_server_free(identity.oauth);
}
END_TEST

START_TEST(direct_mode_exchanges_when_it_has_a_client)
{
    gh_settings settings = settings_of("direct", "the client", client_secret);
    gh_identity identity = {.settings = &settings, .idp = idp_with_secret()};
    const gh_credential orders = {.kind = GH_CREDENTIAL_EXCHANGE,
                                  .audience = (char *)(uintptr_t) "orders-api"};
    gh_secret *subject = gh_secret_new(GH_VIEW_LIT("theirs"));
    gh_credential_source source;
    gh_secret *token = NULL;
    int64_t ends = 0;
    provider_reply(&p, "POST", PROVIDER_TOKEN, 200,
                   "{\"access_token\":\"t\",\"token_type\":\"Bearer\",\"issued_token_type\":"
                   "\"urn:ietf:params:oauth:token-type:access_token\"}",
                   false);
    gh_credentials_source(&identity, &source);
    ck_assert(source.user == NULL && source.exchange != NULL && source.has_provider && source.has_secret);
    ck_assert_int_eq(source.exchange(source.context, subject, &orders, &token, &ends, NULL), GH_OK);
    ck_assert(gh_secret_equals(token, GH_VIEW_LIT("t")));
    gh_view body = gh_http_fixture_body(p.fixture, provider_find(&p, "POST " PROVIDER_TOKEN));
    ck_assert(gh_view_ends_with(body, GH_VIEW_LIT("&audience=orders-api")));
    settings.client_id = NULL;
    gh_credentials_source(&identity, &source);
    ck_assert(source.exchange == NULL && source.has_provider && !source.has_secret);
    gh_secret_free(token);
    gh_secret_free(subject);
    gh_idp_free(identity.idp);
}
END_TEST

static gh_keyset *keys_of_provider(void *context)
{
    (void)context;
    return gh_keyset_ref(keys);
}

/* Whether the principal of a good token carries it. */
static bool carries(const gh_bearer *bearer, const char *token)
{
    gh_principal *principal = NULL;
    gh_error error = {0};
    char *header = text_of("Bearer %s", token);
    ck_assert_msg(gh_bearer_check(bearer, gh_view_of(header), &principal, &error) == GH_BEARER_OK, "%s",
                  error.message);
    bool kept = principal->token != NULL;
    ck_assert(!kept || gh_secret_equals(principal->token, gh_view_of(token)));
    gh_principal_free(principal);
    free(header);
    return kept;
}

START_TEST(a_clients_token_is_kept_only_while_something_exchanges_it)
{
    const gh_settings settings = settings_of("direct", "the client", NULL);
    const gh_bearer_options options = {
        .issuer = p.issuer, .resource = "http://r.example/mcp", .keys = keys_of_provider, .foreign = true};
    gh_bearer *bearer = NULL;
    ck_assert_int_eq(gh_bearer_new(&options, &bearer), GH_OK);
    const gh_identity identity = {.settings = &settings, .bearer = bearer};
    gh_upstream upstreams[] = {{.credential.kind = GH_CREDENTIAL_HEADER},
                               {.credential.kind = GH_CREDENTIAL_EXCHANGE}};
    const gh_toolset with = {.upstreams = upstreams, .upstream_count = 2};
    const gh_toolset without = {.upstreams = upstreams, .upstream_count = 1};
    char *header = text_of("{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", gh_key_kid(p.key));
    char *payload = text_of("{\"iss\":\"%s\",\"aud\":\"http://r.example/mcp\",\"sub\":\"a\",\"scope\":\"x\","
                            "\"iat\":%d,\"exp\":%d}",
                            p.issuer, NOW - 5, NOW + 300);
    char *token = mint(header, payload, p.key);
    ck_assert(!carries(bearer, token));
    gh_credentials_adopt(&identity, &with);
    ck_assert(carries(bearer, token));
    ck_assert(carries(bearer, token));
    gh_credentials_adopt(&identity, &without);
    ck_assert(!carries(bearer, token));
    gh_credentials_adopt(&identity, &with);
    gh_credentials_adopt(&identity, NULL);
    ck_assert(!carries(bearer, token));
    free(header);
    free(payload);
    free(token);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(a_token_of_ours_is_never_kept)
{
    const gh_bearer_options options = {
        .issuer = p.issuer, .resource = "http://r.example/mcp", .keys = keys_of_provider};
    gh_bearer *bearer = NULL;
    ck_assert_int_eq(gh_bearer_new(&options, &bearer), GH_OK);
    char *header = text_of("{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", gh_key_kid(p.key));
    char *payload = text_of("{\"iss\":\"%s\",\"aud\":\"http://r.example/mcp\",\"sub\":\"a\",\"scope\":\"x\","
                            "\"client_id\":\"c\",\"iat\":%d,\"exp\":%d}",
                            p.issuer, NOW - 5, NOW + 300);
    char *token = mint(header, payload, p.key);
    gh_bearer_keep_tokens(bearer, true);
    ck_assert(!carries(bearer, token));
    free(header);
    free(payload);
    free(token);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(copies_carry_the_token_only_where_it_is_wanted)
{
    const gh_principal principal = {.issuer = (char *)(uintptr_t) "i",
                                    .subject = (char *)(uintptr_t) "s",
                                    .scope = (char *)(uintptr_t) "",
                                    .token = client_secret};
    gh_principal *copy = gh_principal_copy(&principal);
    gh_principal *tokenless = gh_principal_copy_tokenless(&principal);
    ck_assert(gh_secret_equals(copy->token, gh_secret_view(client_secret)));
    ck_assert_ptr_ne(copy->token, client_secret);
    ck_assert_ptr_null(tokenless->token);
    ck_assert_str_eq(tokenless->subject, "s");
    gh_principal_free(copy);
    gh_principal_free(tokenless);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("credentials");
    TCase *tc = tcase_create("credentials");
    tcase_set_timeout(tc, 30);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, proxy_mode_has_the_users_token_and_everything_else);
    tcase_add_test(tc, dev_mode_has_no_provider_to_ask);
    tcase_add_test(tc, direct_mode_exchanges_when_it_has_a_client);
    tcase_add_test(tc, a_clients_token_is_kept_only_while_something_exchanges_it);
    tcase_add_test(tc, a_token_of_ours_is_never_kept);
    tcase_add_test(tc, copies_carry_the_token_only_where_it_is_wanted);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

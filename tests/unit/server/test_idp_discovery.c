#include "tests/unit/server/idp_fixture.h"

static provider p;

static void setup(void)
{
    provider_start(&p);
}

static void teardown(void)
{
    provider_stop(&p);
}

START_TEST(the_provider_is_found_by_its_discovery_document)
{
    gh_idp_options options = idp_options(&p);
    gh_server_metadata metadata = {0};
    gh_error why = {0};
    provider_good(&p);
    gh_idp *idp = idp_ready(&options);
    ck_assert(gh_http_fixture_has_line(p.fixture, 0, "GET " PROVIDER_WELL_KNOWN " HTTP/1.1"));
    ck_assert(gh_http_fixture_has_line(p.fixture, 1, "GET " PROVIDER_JWKS " HTTP/1.1"));
    ck_assert_int_eq(gh_idp_metadata(idp, &metadata), GH_OK);
    ck_assert_str_eq(metadata.issuer, p.issuer);
    ck_assert_ptr_nonnull(strstr(metadata.token_endpoint, PROVIDER_TOKEN));
    gh_server_metadata_clear(&metadata);
    gh_keyset *keys = gh_idp_keys(idp);
    ck_assert_uint_eq(gh_keyset_count(keys), 1);
    gh_keyset_free(keys);
    ck_assert_int_ge(gh_idp_keys_age_s(idp), 0);
    ck_assert_int_le(gh_idp_keys_age_s(idp), 5);
    ck_assert(!gh_idp_degraded(idp, &why));
    ck_assert_int_eq(gh_idp_state_get(idp, &why), GH_IDP_READY);
    ck_assert_str_eq(why.message, "");
    gh_idp_free(idp);
}
END_TEST

START_TEST(before_the_first_contact_nothing_is_known)
{
    gh_idp_options options = idp_options(&p);
    gh_server_metadata metadata;
    gh_error why = {0};
    gh_buf url = GH_BUF_INIT(4096);
    gh_idp *idp = idp_new(&options);
    ck_assert_int_eq(gh_idp_state_get(idp, &why), GH_IDP_WAITING);
    ck_assert_ptr_nonnull(strstr(why.message, p.issuer));
    ck_assert_int_eq(gh_idp_metadata(idp, &metadata), GH_ERR_UNAVAILABLE);
    ck_assert_int_eq(gh_idp_authorize_url(idp, "s", "n", "c", &url), GH_ERR_UNAVAILABLE);
    ck_assert_ptr_null(gh_idp_keys(idp));
    ck_assert_ptr_null(gh_idp_keys_missed(idp));
    ck_assert_int_eq(gh_idp_keys_age_s(idp), -1);
    ck_assert_int_eq(gh_idp_wait(idp, 20, &why), GH_IDP_WAITING);
    gh_buf_free(&url);
    gh_idp_free(idp);
    gh_idp_free(NULL);
}
END_TEST

START_TEST(an_issuer_may_lack_the_slash_and_have_the_document_of_rfc_8414)
{
    gh_idp_options options = idp_options(&p);
    p.issuer[strlen(p.issuer) - 1] = '\0';
    provider_reply(&p, "GET", PROVIDER_WELL_KNOWN, 404, "{}", false);
    provider_reply(&p, "GET", "/.well-known/openid-configuration/application/o/mcp", 404, "{}", false);
    char *document = document_of(&p, p.issuer, GOOD_PKCE);
    provider_reply(&p, "GET", "/.well-known/oauth-authorization-server/application/o/mcp", 200, document,
                   false);
    provider_keys(&p, &p.key, 1, false);
    gh_idp *idp = idp_ready(&options);
    /* Three places, the keys, and the question whether a login would be answered. */
    ck_assert_uint_eq(gh_http_fixture_requests(p.fixture), 5);
    gh_idp_free(idp);
    free(document);
}
END_TEST

START_TEST(a_provider_that_is_still_starting_is_waited_for)
{
    gh_idp_options options = idp_options(&p);
    gh_error why = {0};
    provider_reply(&p, "GET", PROVIDER_WELL_KNOWN, 503, "starting", true);
    provider_raw(&p, "GET", PROVIDER_WELL_KNOWN, NULL, true); /* drops the connection */
    provider_reply(&p, "GET", PROVIDER_WELL_KNOWN, 404, "{}", true);
    provider_reply(&p, "GET", "/.well-known/openid-configuration/application/o/mcp", 404, "{}", false);
    provider_reply(&p, "GET", "/.well-known/oauth-authorization-server/application/o/mcp", 404, "{}", false);
    provider_reply(&p, "GET", PROVIDER_WELL_KNOWN, 200, "<html>", true);
    provider_reply(&p, "GET", PROVIDER_JWKS, 502, "", true);
    provider_good(&p);
    gh_idp *idp = idp_start(&options);
    ck_assert(gh_http_fixture_wait(p.fixture, 1, 5000));
    nap_ms(5);
    ck_assert_int_eq(gh_idp_wait(idp, 10000, &why), GH_IDP_READY);
    ck_assert_uint_eq(provider_count(&p, "GET " PROVIDER_WELL_KNOWN), 6);
    gh_idp_free(idp);
}
END_TEST

START_TEST(while_it_waits_it_says_what_was_tried)
{
    gh_idp_options options = idp_options(&p);
    gh_error why = {0};
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/application/o/mcp/",
                   (unsigned)gh_http_fixture_free_port());
    options.issuer = url;
    gh_idp *idp = idp_start(&options);
    gh_deadline deadline = gh_deadline_in(5000);
    while (gh_idp_state_get(idp, &why) == GH_IDP_WAITING && strstr(why.message, "refused") == NULL &&
           !gh_deadline_passed(deadline)) {
        nap_ms(5);
    }
    ck_assert_ptr_nonnull(strstr(why.message, "connection refused"));
    gh_idp_free(idp);
}
END_TEST

START_TEST(attempts_become_rarer)
{
    gh_idp_options options = idp_options(&p);
    provider_reply(&p, "GET", NULL, 503, "", false);
    gh_idp *idp = idp_new(&options);
    idp->pace.first_ms = 40;
    idp->pace.most_ms = 200;
    ck_assert_int_eq(gh_idp_start(idp), GH_OK);
    nap_ms(1000);
    /* 0, 40, 120, 280, 480, 680, 880 give or take a quarter; 25 without a growing delay. */
    size_t tried = gh_http_fixture_requests(p.fixture);
    ck_assert_uint_ge(tried, 3);
    ck_assert_uint_le(tried, 11);
    gh_idp_free(idp);
}
END_TEST

/* Runs until REFUSED and gives the reason. */
static void refused(const char *document, const char *jwks, const gh_idp_options *options, const char *says)
{
    gh_error why = {0};
    provider_reply(&p, "GET", PROVIDER_WELL_KNOWN, 200, document, false);
    if (jwks != NULL) {
        provider_reply(&p, "GET", PROVIDER_JWKS, 200, jwks, false);
    } else {
        provider_keys(&p, &p.key, 1, false);
    }
    gh_idp *idp = idp_start(options);
    ck_assert_msg(gh_idp_wait(idp, 5000, &why) == GH_IDP_REFUSED, "%s", says);
    ck_assert_msg(strstr(why.message, says) != NULL, "%s: %s", says, why.message);
    ck_assert_ptr_null(gh_idp_keys(idp));
    gh_idp_free(idp);
}

START_TEST(another_issuer_is_refused)
{
    const gh_idp_options options = idp_options(&p);
    char *document = document_of(&p, "http://authentik-server:9000/application/o/mcp/", GOOD_PKCE);
    refused(document, NULL, &options, "--idp-connect-to");
    free(document);
}
END_TEST

START_TEST(an_issuer_that_differs_by_a_slash_is_refused_with_a_hint)
{
    char without[GH_HTTP_FIXTURE_URL_MAX];
    gh_idp_options options = idp_options(&p);
    char *document = document_of(&p, p.issuer, GOOD_PKCE);
    (void)snprintf(without, sizeof without, "%s", p.issuer);
    without[strlen(without) - 1] = '\0';
    options.issuer = without;
    refused(document, NULL, &options, "slash at the end");
    free(document);
}
END_TEST

static const struct {
    const char *members;
    const char *jwks;
    const char *says;
} REFUSALS[] = {
    {GOOD_ALGORITHMS, NULL, "PKCE with S256"},
    {"\"code_challenge_methods_supported\":[\"plain\"]", NULL, "PKCE with S256"},
    {GOOD_PKCE ",\"id_token_signing_alg_values_supported\":[\"HS256\"]", NULL, "Signing Key"},
    {GOOD_PKCE ",\"id_token_signing_alg_values_supported\":[\"ES512\"]", NULL, "RS256"},
    {GOOD_PKCE, "{}", "Signing Key"},
    {GOOD_PKCE, "{\"keys\":[]}", "Signing Key"},
    {GOOD_PKCE, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\",\"alg\":\"HS256\"}]}", "1 keys can be used"},
};

START_TEST(what_cannot_work_is_refused_with_a_remedy)
{
    const gh_idp_options options = idp_options(&p);
    char *document = document_of(&p, p.issuer, REFUSALS[_i].members);
    refused(document, REFUSALS[_i].jwks, &options, REFUSALS[_i].says);
    free(document);
}
END_TEST

START_TEST(missing_and_unsafe_endpoints_are_refused)
{
    static const struct {
        const char *members;
        const char *says;
    } cases[] = {
        {"\"token_endpoint\":\"https://a.example/t\",\"jwks_uri\":\"https://a.example/j\"",
         "no authorization_endpoint"},
        {"\"authorization_endpoint\":\"https://a.example/a\",\"jwks_uri\":\"https://a.example/j\"",
         "no token_endpoint"},
        {"\"authorization_endpoint\":\"https://a.example/a\",\"token_endpoint\":\"https://a.example/t\"",
         "no jwks_uri"},
        {"\"authorization_endpoint\":\"https://a.example/a\",\"token_endpoint\":\"http://a.example/t\","
         "\"jwks_uri\":\"https://a.example/j\"",
         "plain http"},
        {"\"authorization_endpoint\":\"javascript:alert(1)\",\"token_endpoint\":\"https://a.example/t\","
         "\"jwks_uri\":\"https://a.example/j\"",
         "not a usable"},
        {"\"authorization_endpoint\":\"https://a.example/a\",\"token_endpoint\":\"https://a.example/t\","
         "\"jwks_uri\":\"https://u:p@a.example/j\"",
         "not a usable"},
    };
    const gh_idp_options options = idp_options(&p);
    char *document = text_of("{\"issuer\":\"%s\"," GOOD_PKCE ",%s}", p.issuer, cases[_i].members);
    refused(document, NULL, &options, cases[_i].says);
    free(document);
}
END_TEST

START_TEST(who_logs_nobody_in_needs_keys_only)
{
    gh_idp_options options = {.issuer = p.issuer};
    char *document = text_of("{\"issuer\":\"%s\",\"jwks_uri\":\"%s" PROVIDER_JWKS "\"}", p.issuer, p.base);
    provider_reply(&p, "GET", PROVIDER_WELL_KNOWN, 200, document, false);
    provider_keys(&p, &p.key, 1, false);
    gh_idp *idp = idp_ready(&options);
    gh_idp_free(idp);
    free(document);
}
END_TEST

START_TEST(what_was_refused_is_looked_at_again)
{
    gh_idp_options options = idp_options(&p);
    gh_error why = {0};
    provider_document(&p, p.issuer, GOOD_ALGORITHMS, true);
    provider_good(&p);
    gh_idp *idp = idp_start(&options);
    (void)gh_idp_wait(idp, 5000, &why);
    gh_deadline deadline = gh_deadline_in(5000);
    while (gh_idp_state_get(idp, NULL) != GH_IDP_READY && !gh_deadline_passed(deadline)) {
        nap_ms(5);
    }
    ck_assert_int_eq(gh_idp_state_get(idp, NULL), GH_IDP_READY);
    gh_idp_free(idp);
}
END_TEST

START_TEST(options_that_can_never_work_are_refused_at_once)
{
    static const struct {
        gh_idp_options options;
        const char *says;
    } cases[] = {
        {{.issuer = NULL}, "--issuer"},
        {{.issuer = ""}, "--issuer"},
        {{.issuer = "auth.example.com"}, "--issuer"},
        {{.issuer = "ftp://auth.example.com"}, "--issuer"},
        {{.issuer = "http://auth.example.com/"}, "--allow-insecure-http"},
        {{.issuer = "https://u:p@auth.example.com/"}, "--issuer"},
        {{.issuer = "https://auth.example.com/#x"}, "--issuer"},
        {{.issuer = "https://auth.example.com/?a=b"}, "query"},
        {{.issuer = "https://auth.example.com/", .redirect_uri = CALLBACK}, "--client-id"},
        {{.issuer = "https://auth.example.com/", .connect_to = "a:1:b"}, "HOST:PORT:HOST:PORT"},
        {{.issuer = "https://auth.example.com/", .connect_to = "a:1:b:0"}, "HOST:PORT:HOST:PORT"},
        {{.issuer = "https://auth.example.com/", .connect_to = "a:1:b:2:"}, "HOST:PORT:HOST:PORT"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gh_idp *idp = NULL;
        gh_error error = {0};
        ck_assert_int_eq(gh_idp_new(&cases[i].options, &idp, &error), GH_ERR_INVALID);
        ck_assert_msg(strstr(error.message, cases[i].says) != NULL, "%s", error.message);
        ck_assert_ptr_null(idp);
    }
    gh_idp *idp = NULL;
    const gh_idp_options allowed = {.issuer = "http://auth.example.com/", .allow_insecure_http = true};
    ck_assert_int_eq(gh_idp_new(&allowed, &idp, NULL), GH_OK);
    gh_idp_free(idp);
}
END_TEST

START_TEST(connect_to_changes_the_connection_and_nothing_else)
{
    char connect_to[128];
    (void)snprintf(connect_to, sizeof connect_to, "auth.idp.test:8099:127.0.0.1:%u",
                   (unsigned)gh_http_fixture_port(p.fixture));
    (void)snprintf(p.base, sizeof p.base, "http://auth.idp.test:8099");
    (void)snprintf(p.issuer, sizeof p.issuer, "http://auth.idp.test:8099" PROVIDER_PATH);
    gh_idp_options options = idp_options(&p);
    options.connect_to = connect_to;
    options.allow_insecure_http = true;
    provider_good(&p);
    ck_assert_int_eq(setenv("http_proxy", "http://127.0.0.1:1/", 1), 0);
    gh_idp *idp = idp_ready(&options);
    ck_assert(gh_http_fixture_has_line(p.fixture, 0, "Host: auth.idp.test:8099"));
    ck_assert(gh_http_fixture_has_line(p.fixture, 0, "GET " PROVIDER_WELL_KNOWN " HTTP/1.1"));
    gh_idp_free(idp);
}
END_TEST

START_TEST(an_outage_later_degrades_and_passes)
{
    gh_idp_options options = idp_options(&p);
    gh_error why = {0};
    provider_document(&p, p.issuer, GOOD_PKCE, true);
    provider_keys(&p, &p.key, 1, true);
    for (int i = 0; i < 3; i++) {
        provider_reply(&p, "GET", PROVIDER_WELL_KNOWN, 503, "", true);
        provider_reply(&p, "GET", PROVIDER_JWKS, 503, "", true);
    }
    provider_good(&p);
    gh_idp *idp = idp_new(&options);
    idp->pace.keys_ms = 200;
    ck_assert_int_eq(gh_idp_start(idp), GH_OK);
    ck_assert_int_eq(gh_idp_wait(idp, 5000, NULL), GH_IDP_READY);
    gh_keyset *before = gh_idp_keys(idp);
    ck_assert(wait_degraded(idp, true, &why));
    ck_assert_ptr_nonnull(strstr(why.message, "503"));
    ck_assert_int_eq(gh_idp_state_get(idp, NULL), GH_IDP_READY);
    gh_keyset *during = gh_idp_keys(idp);
    ck_assert_ptr_eq(before, during);
    ck_assert(wait_degraded(idp, false, &why));
    gh_keyset *after = gh_idp_keys(idp);
    ck_assert_ptr_eq(before, after); /* the same keys: nothing that was remembered is lost */
    gh_keyset_free(before);
    gh_keyset_free(during);
    gh_keyset_free(after);
    gh_idp_free(idp);
}
END_TEST

START_TEST(a_change_for_the_worse_later_degrades_and_the_last_good_ones_stay)
{
    gh_idp_options options = idp_options(&p);
    gh_error why = {0};
    gh_server_metadata metadata = {0};
    provider_document(&p, p.issuer, GOOD_PKCE, true);
    provider_keys(&p, &p.key, 1, false);
    provider_document(&p, "https://elsewhere.example/", GOOD_PKCE, false);
    gh_idp *idp = idp_new(&options);
    idp->pace.metadata_ms = 50;
    ck_assert_int_eq(gh_idp_start(idp), GH_OK);
    ck_assert_int_eq(gh_idp_wait(idp, 5000, NULL), GH_IDP_READY);
    ck_assert(wait_degraded(idp, true, &why));
    ck_assert_ptr_nonnull(strstr(why.message, "elsewhere.example"));
    ck_assert_int_eq(gh_idp_state_get(idp, NULL), GH_IDP_READY);
    ck_assert_int_eq(gh_idp_metadata(idp, &metadata), GH_OK);
    ck_assert_str_eq(metadata.issuer, p.issuer);
    gh_server_metadata_clear(&metadata);
    gh_idp_free(idp);
}
END_TEST

START_TEST(it_ends_within_a_second_while_the_provider_stalls)
{
    gh_idp_options options = idp_options(&p);
    provider_reply(&p, "GET", PROVIDER_WELL_KNOWN, 200, "{}", false)->delay_ms = 8000;
    gh_idp *idp = idp_start(&options);
    ck_assert(gh_http_fixture_wait(p.fixture, 1, 5000));
    int64_t start = gh_clock_mono_ms();
    gh_idp_free(idp);
    ck_assert_int_lt(gh_clock_mono_ms() - start, 1000);
}
END_TEST

static const struct {
    const char *reply; /* NULL: none */
    gh_idp_state state;
} PROBES[] = {
    {"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", GH_IDP_REFUSED},
    {"HTTP/1.1 302 Found\r\nLocation: " CALLBACK "?error=unauthorized_client\r\nContent-Length: 0\r\n\r\n",
     GH_IDP_REFUSED},
    {"HTTP/1.1 302 Found\r\nLocation: " CALLBACK "?error=login_required\r\nContent-Length: 0\r\n\r\n",
     GH_IDP_READY},
    /* Browsers may well be let through where a program is not. */
    {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", GH_IDP_READY},
    {"HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n", GH_IDP_READY},
    {"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n", GH_IDP_READY},
    {NULL, GH_IDP_READY},
};

START_TEST(only_a_clear_refusal_of_a_login_keeps_it_from_being_ready)
{
    gh_idp_options options = idp_options(&p);
    gh_error why = {0};
    provider_good(&p);
    provider_raw(&p, "GET", PROVIDER_AUTHORIZE "?",
                 PROBES[_i].reply == NULL ? NULL : text_of("%s", PROBES[_i].reply), false);
    gh_idp *idp = idp_start(&options);
    ck_assert_msg(gh_idp_wait(idp, 5000, &why) == PROBES[_i].state, "%s", why.message);
    gh_idp_free(idp);
}
END_TEST

START_TEST(a_redirect_of_the_document_is_not_followed)
{
    gh_idp_options options = idp_options(&p);
    gh_error why = {0};
    provider_raw(&p, "GET", PROVIDER_WELL_KNOWN,
                 text_of("HTTP/1.1 302 Found\r\nLocation: %s/elsewhere\r\nContent-Length: 0\r\n\r\n", p.base),
                 false);
    provider_reply(&p, "GET", "/.well-known/openid-configuration/application/o/mcp", 404, "{}", false);
    provider_reply(&p, "GET", "/.well-known/oauth-authorization-server/application/o/mcp", 404, "{}", false);
    gh_idp *idp = idp_start(&options);
    ck_assert(gh_http_fixture_wait(p.fixture, 4, 5000));
    ck_assert_int_eq(gh_idp_state_get(idp, &why), GH_IDP_WAITING);
    ck_assert_ptr_nonnull(strstr(why.message, "302"));
    ck_assert_uint_eq(provider_count(&p, "GET /elsewhere"), 0);
    gh_idp_free(idp);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("idp_discovery");
    TCase *tests = tcase_create("idp_discovery");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_provider_is_found_by_its_discovery_document);
    tcase_add_test(tests, before_the_first_contact_nothing_is_known);
    tcase_add_test(tests, an_issuer_may_lack_the_slash_and_have_the_document_of_rfc_8414);
    tcase_add_test(tests, a_provider_that_is_still_starting_is_waited_for);
    tcase_add_test(tests, while_it_waits_it_says_what_was_tried);
    tcase_add_test(tests, attempts_become_rarer);
    tcase_add_test(tests, another_issuer_is_refused);
    tcase_add_test(tests, an_issuer_that_differs_by_a_slash_is_refused_with_a_hint);
    tcase_add_loop_test(tests, what_cannot_work_is_refused_with_a_remedy, 0,
                        (int)(sizeof REFUSALS / sizeof REFUSALS[0]));
    tcase_add_loop_test(tests, missing_and_unsafe_endpoints_are_refused, 0, 6);
    tcase_add_test(tests, who_logs_nobody_in_needs_keys_only);
    tcase_add_test(tests, what_was_refused_is_looked_at_again);
    tcase_add_test(tests, options_that_can_never_work_are_refused_at_once);
    tcase_add_test(tests, connect_to_changes_the_connection_and_nothing_else);
    tcase_add_test(tests, an_outage_later_degrades_and_passes);
    tcase_add_test(tests, a_change_for_the_worse_later_degrades_and_the_last_good_ones_stay);
    tcase_add_test(tests, it_ends_within_a_second_while_the_provider_stalls);
    tcase_add_loop_test(tests, only_a_clear_refusal_of_a_login_keeps_it_from_being_ready, 0,
                        sizeof PROBES / sizeof PROBES[0]);
    tcase_add_test(tests, a_redirect_of_the_document_is_not_followed);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

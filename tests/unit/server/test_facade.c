/* The facade's two answers: the provider's metadata under this server's name, and the one client id. */
#include "server/oauth/facade.h"

#include "tests/unit/server/idp_fixture.h"

#define JSON "application/json"

static provider p;
static gh_idp *idp;
static char *scheme;
static gh_text_list schemes;

static void setup(void)
{
    provider_start(&p);
    idp = NULL;
    scheme = text_of("cursor");
    schemes = (gh_text_list){&scheme, 1};
}

static void teardown(void)
{
    gh_idp_free(idp);
    provider_stop(&p);
    free(scheme);
}

static gh_response call(gh_handler handler, const char *type, const char *body)
{
    gh_facade facade = {.idp = idp,
                        .issuer = ISSUER,
                        .client_id = "the client",
                        .scopes = "openid profile email",
                        .redirect_schemes = &schemes};
    const gh_header header = {GH_VIEW_LIT("content-type"), gh_view_of(type)};
    const gh_request request = {.method = gh_view_of(body[0] == '\0' ? "GET" : "POST"),
                                .path = GH_VIEW_LIT("/"),
                                .body = gh_view_of(body),
                                .headers = &header,
                                .header_count = 1};
    gh_response response;
    gh_response_init(&response, NULL);
    handler(&facade, &request, &response);
    ck_assert(!response.broken);
    return response;
}

static cJSON *json_of(const gh_response *response)
{
    cJSON *json = NULL;
    ck_assert_str_eq(response->type, JSON);
    ck_assert_ptr_null(strstr(gh_buf_cstr(&response->body), "null"));
    ck_assert_int_eq(gh_json_parse(gh_buf_view(&response->body), &GH_JSON_LIMITS_DOCUMENT, &json, NULL),
                     GH_OK);
    return json;
}

static void assert_member(const cJSON *json, const char *name, const char *expected)
{
    gh_buf text = GH_BUF_INIT(4096);
    const cJSON *item = gh_json_get(json, name);
    if (item != NULL) {
        ck_assert_int_eq(gh_json_print(item, &text), GH_OK);
    }
    ck_assert_msg(strcmp(gh_buf_cstr(&text), expected) == 0, "%s is %s", name, gh_buf_cstr(&text));
    gh_buf_free(&text);
}

static void assert_at_provider(const cJSON *json, const char *name, const char *path)
{
    char *expected = text_of("\"%s%s\"", p.base, path);
    assert_member(json, name, expected);
    free(expected);
}

/* ---- metadata ---- */

static void start_idp(void)
{
    gh_idp_options options = idp_options(&p);
    options.redirect_uri = NULL;
    idp = idp_start(&options);
}

static void assert_unavailable(gh_handler handler, const char *word)
{
    gh_response response = call(handler, JSON, "");
    ck_assert_int_eq(response.status, 503);
    cJSON *json = json_of(&response);
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&response.head), "Retry-After: 5\r\n"));
    ck_assert_ptr_null(strstr(gh_buf_cstr(&response.head), "max-age"));
    assert_member(json, "error", "\"temporarily_unavailable\"");
    const char *why = gh_json_get_string(json, "error_description");
    ck_assert_msg(strstr(why, word) != NULL, "'%s' says nothing of %s", why, word);
    cJSON_Delete(json);
    gh_response_clear(&response);
}

START_TEST(before_the_provider_is_reached_the_metadata_says_who_is_missing)
{
    gh_idp_options options = idp_options(&p);
    idp = idp_new(&options);
    assert_unavailable(gh_facade_handle_metadata, p.issuer);
    assert_unavailable(gh_facade_handle_openid_metadata, p.issuer);
}
END_TEST

START_TEST(a_provider_that_cannot_work_is_said_instead_of_its_metadata)
{
    provider_document(&p, p.issuer,
                      GOOD_ALGORITHMS ",\"code_challenge_methods_supported\":[\"plain\"]," BASIC_AND_POST,
                      false);
    provider_keys(&p, &p.key, 1, false);
    start_idp();
    ck_assert_int_eq(gh_idp_wait(idp, 5000, NULL), GH_IDP_REFUSED);
    assert_unavailable(gh_facade_handle_metadata, "S256");
}
END_TEST

START_TEST(the_metadata_appears_when_the_provider_does)
{
    provider_reply(&p, "GET", PROVIDER_WELL_KNOWN, 502, "{}", true);
    provider_good(&p);
    start_idp();
    ck_assert_int_eq(gh_idp_wait(idp, 5000, NULL), GH_IDP_READY);
    gh_response response = call(gh_facade_handle_metadata, JSON, "");
    ck_assert_int_eq(response.status, 200);
    gh_response_clear(&response);
}
END_TEST

/* The document of a provider that promises more than its one public client gets here. */
static void start_generous_provider(void)
{
    char *members =
        text_of(GOOD_ALGORITHMS "," GOOD_PKCE "," BASIC_AND_POST ",\"registration_endpoint\":\"%s/register\","
                                "\"scopes_supported\":[\"openid\",\"goauthentik.io/api\"],"
                                "\"grant_types_supported\":[\"implicit\",\"password\"],"
                                "\"client_id_metadata_document_supported\":true,"
                                "\"authorization_response_iss_parameter_supported\":true",
                p.base);
    provider_document(&p, p.issuer, members, false);
    provider_keys(&p, &p.key, 1, false);
    free(members);
    start_idp();
    ck_assert_int_eq(gh_idp_wait(idp, 5000, NULL), GH_IDP_READY);
}

static void assert_facade(const cJSON *json)
{
    assert_member(json, "issuer", "\"" ISSUER "\"");
    assert_member(json, "registration_endpoint", "\"" ISSUER "/register\"");
    assert_at_provider(json, "authorization_endpoint", PROVIDER_AUTHORIZE);
    assert_at_provider(json, "token_endpoint", PROVIDER_TOKEN);
    assert_at_provider(json, "jwks_uri", PROVIDER_JWKS);
    assert_member(json, "scopes_supported", "[\"openid\",\"profile\",\"email\"]");
    assert_member(json, "response_types_supported", "[\"code\"]");
    assert_member(json, "grant_types_supported", "[\"authorization_code\",\"refresh_token\"]");
    assert_member(json, "code_challenge_methods_supported", "[\"S256\"]");
    assert_member(json, "token_endpoint_auth_methods_supported", "[\"none\"]");
    const cJSON *iss = gh_json_get(json, "authorization_response_iss_parameter_supported");
    ck_assert(iss == NULL || cJSON_IsFalse(iss));
    const cJSON *cimd = gh_json_get(json, "client_id_metadata_document_supported");
    ck_assert(cimd == NULL || cJSON_IsFalse(cimd));
}

START_TEST(the_metadata_has_our_name_the_providers_endpoints_and_no_more_promises)
{
    start_generous_provider();
    gh_response response = call(gh_facade_handle_metadata, JSON, "");
    ck_assert_int_eq(response.status, 200);
    cJSON *json = json_of(&response);
    assert_facade(json);
    assert_member(json, "subject_types_supported", "");
    ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&response.head), "Cache-Control: public, max-age=60\r\n"));
    cJSON_Delete(json);
    gh_response_clear(&response);
}
END_TEST

START_TEST(the_openid_variant_adds_what_discovery_requires)
{
    start_generous_provider();
    gh_response response = call(gh_facade_handle_openid_metadata, JSON, "");
    ck_assert_int_eq(response.status, 200);
    cJSON *json = json_of(&response);
    assert_facade(json);
    assert_member(json, "subject_types_supported", "[\"public\"]");
    assert_member(json, "id_token_signing_alg_values_supported", "[\"ES256\"]");
    cJSON_Delete(json);
    gh_response_clear(&response);
}
END_TEST

/* ---- registration, which never needs the provider ---- */

START_TEST(everybody_gets_the_one_client_id)
{
    static const char *const names[] = {"Claude Code", "Cursor \\\"x\\\""};
    for (size_t i = 0; i < 2; i++) {
        char *body = text_of("{\"redirect_uris\":[\"http://localhost:3118/callback\"],\"client_name\":\"%s\","
                             "\"token_endpoint_auth_method\":\"client_secret_basic\",\"client_id\":\"mine\","
                             "\"grant_types\":[\"implicit\"],\"scope\":\"admin\"}",
                             names[i]);
        gh_response response = call(gh_facade_handle_register, "application/json; charset=utf-8", body);
        ck_assert_int_eq(response.status, 201);
        cJSON *json = json_of(&response);
        char *name = text_of("\"%s\"", names[i]);
        assert_member(json, "client_id", "\"the client\"");
        assert_member(json, "client_name", name);
        assert_member(json, "redirect_uris", "[\"http://localhost:3118/callback\"]");
        assert_member(json, "token_endpoint_auth_method", "\"none\"");
        assert_member(json, "grant_types", "[\"authorization_code\",\"refresh_token\"]");
        assert_member(json, "response_types", "[\"code\"]");
        assert_member(json, "client_secret", "");
        assert_member(json, "scope", "");
        ck_assert_ptr_nonnull(strstr(gh_buf_cstr(&response.head), "Cache-Control: no-store\r\n"));
        cJSON_Delete(json);
        gh_response_clear(&response);
        free(name);
        free(body);
    }
}
END_TEST

START_TEST(a_name_that_is_left_out_or_null_is_left_out)
{
    static const char *const bodies[] = {"{\"redirect_uris\":[\"http://127.0.0.1/\"]}",
                                         "{\"redirect_uris\":[\"http://127.0.0.1/\"],\"client_name\":null}",
                                         "{\"redirect_uris\":[\"http://127.0.0.1/\"],\"client_name\":7}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        gh_response response = call(gh_facade_handle_register, JSON, bodies[i]);
        ck_assert_int_eq(response.status, 201);
        cJSON *json = json_of(&response);
        assert_member(json, "client_name", "");
        cJSON_Delete(json);
        gh_response_clear(&response);
    }
}
END_TEST

static void assert_registration(const char *type, const char *body, int status, const char *code)
{
    gh_response response = call(gh_facade_handle_register, type, body);
    ck_assert_msg(response.status == status, "%d for %s", response.status, body);
    cJSON *json = json_of(&response);
    ck_assert_str_eq(gh_json_get_string(json, "error"), code);
    ck_assert_str_ne(gh_json_get_string(json, "error_description"), "");
    ck_assert_ptr_null(gh_json_get(json, "client_id"));
    cJSON_Delete(json);
    gh_response_clear(&response);
}

START_TEST(redirects_to_the_own_computer_or_a_listed_scheme_are_taken)
{
    static const char *const good[] = {"\"http://localhost:1/cb\"", "\"http://127.0.0.1:33418\"",
                                       "\"http://[::1]:65535/a?b=c\"",
                                       "\"cursor://anysphere.cursor-mcp/oauth/callback\""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char *body = text_of("{\"redirect_uris\":[%s]}", good[i]);
        char *list = text_of("[%s]", good[i]);
        gh_response response = call(gh_facade_handle_register, JSON, body);
        ck_assert_msg(response.status == 201, "%s: %s", good[i], gh_buf_cstr(&response.body));
        cJSON *json = json_of(&response);
        assert_member(json, "redirect_uris", list);
        cJSON_Delete(json);
        gh_response_clear(&response);
        free(list);
        free(body);
    }
}
END_TEST

/* What VS Code sends, whose web pages are left out. */
START_TEST(of_several_redirects_those_that_may_be_used_are_taken)
{
    gh_response response =
        call(gh_facade_handle_register, JSON,
             "{\"client_name\":\"Visual Studio Code\",\"redirect_uris\":["
             "\"https://insiders.vscode.dev/redirect\",\"https://vscode.dev/redirect\","
             "\"http://127.0.0.1/\",\"javascript:alert(1)\",\"http://127.0.0.1:33418/\"]}");
    ck_assert_int_eq(response.status, 201);
    cJSON *json = json_of(&response);
    assert_member(json, "redirect_uris", "[\"http://127.0.0.1/\",\"http://127.0.0.1:33418/\"]");
    cJSON_Delete(json);
    gh_response_clear(&response);
}
END_TEST

START_TEST(redirects_that_end_elsewhere_are_refused)
{
    static const char *const bad[] = {"[]",
                                      "null",
                                      "\"http://localhost/\"",
                                      "{}",
                                      "[7]",
                                      "[null]",
                                      "[\"\"]",
                                      "[\"https://vscode.dev/redirect\"]",
                                      "[\"https://evil.example/cb\"]",
                                      "[\"http://localhost/cb\",7]",
                                      "[\"http://evil.example/cb\"]",
                                      "[\"http://localhost.evil.example/cb\"]",
                                      "[\"http://localhost@evil.example/cb\"]",
                                      "[\"http://user@localhost/cb\"]",
                                      "[\"http://localhost/cb#part\"]",
                                      "[\"http://192.168.1.5/cb\"]",
                                      "[\"vscode://x/cb\"]",
                                      "[\"javascript:alert(1)\"]"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *body = text_of("{\"redirect_uris\":%s}", bad[i]);
        assert_registration(JSON, body, 400, "invalid_redirect_uri");
        free(body);
    }
    assert_registration(JSON, "{}", 400, "invalid_redirect_uri");
}
END_TEST

START_TEST(there_are_ten_redirects_at_most)
{
    gh_buf body = GH_BUF_INIT(4096);
    for (int count = 10; count <= 11; count++) {
        gh_buf_clear(&body);
        for (int i = 0; i < count; i++) {
            (void)gh_buf_appendf(&body, "%s\"http://localhost/%d\"", i == 0 ? "{\"redirect_uris\":[" : ",",
                                 i);
        }
        (void)gh_buf_append_cstr(&body, "]}");
        gh_response response = call(gh_facade_handle_register, JSON, gh_buf_cstr(&body));
        ck_assert_int_eq(response.status, count == 10 ? 201 : 400);
        gh_response_clear(&response);
    }
    gh_buf_free(&body);
}
END_TEST

START_TEST(what_is_no_json_object_is_refused)
{
    static const char good[] = "{\"redirect_uris\":[\"http://localhost/\"]}";
    assert_registration("text/plain", good, 415, "invalid_client_metadata");
    assert_registration("application/x-www-form-urlencoded", good, 415, "invalid_client_metadata");
    assert_registration(JSON, "[]", 400, "invalid_client_metadata");
    assert_registration(JSON, "7", 400, "invalid_client_metadata");
    assert_registration(JSON, "{\"redirect_uris\":", 400, "invalid_client_metadata");
    assert_registration(JSON, "{} {}", 400, "invalid_client_metadata");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("facade");
    TCase *tests = tcase_create("facade");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, before_the_provider_is_reached_the_metadata_says_who_is_missing);
    tcase_add_test(tests, a_provider_that_cannot_work_is_said_instead_of_its_metadata);
    tcase_add_test(tests, the_metadata_appears_when_the_provider_does);
    tcase_add_test(tests, the_metadata_has_our_name_the_providers_endpoints_and_no_more_promises);
    tcase_add_test(tests, the_openid_variant_adds_what_discovery_requires);
    tcase_add_test(tests, everybody_gets_the_one_client_id);
    tcase_add_test(tests, a_name_that_is_left_out_or_null_is_left_out);
    tcase_add_test(tests, redirects_to_the_own_computer_or_a_listed_scheme_are_taken);
    tcase_add_test(tests, of_several_redirects_those_that_may_be_used_are_taken);
    tcase_add_test(tests, redirects_that_end_elsewhere_are_refused);
    tcase_add_test(tests, there_are_ten_redirects_at_most);
    tcase_add_test(tests, what_is_no_json_object_is_refused);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include "tests/unit/server/oauth_fixture.h"

static cJSON *document(fixture *f, gh_handler handler)
{
    cJSON *json = NULL;
    reply r = get(f, handler, "", NULL);
    ck_assert_int_eq(r.status, 200);
    ck_assert_str_eq(r.raw.type, "application/json");
    ck_assert_ptr_null(strstr(reply_body(&r), "null"));
    ck_assert_int_eq(gh_json_parse(gh_buf_view(&r.raw.body), &GH_JSON_LIMITS_DOCUMENT, &json, NULL), GH_OK);
    reply_clear(&r);
    return json;
}

static void assert_list(const cJSON *json, const char *name, const char *expected)
{
    gh_buf text = GH_BUF_INIT(4096);
    const cJSON *item = gh_json_get(json, name);
    ck_assert_msg(item != NULL, "%s is missing", name);
    ck_assert_int_eq(gh_json_print(item, &text), GH_OK);
    ck_assert_str_eq(gh_buf_cstr(&text), expected);
    gh_buf_free(&text);
}

static void assert_common(const cJSON *json)
{
    ck_assert_str_eq(gh_json_get_string(json, "issuer"), ISSUER);
    ck_assert_str_eq(gh_json_get_string(json, "authorization_endpoint"), ISSUER "/authorize");
    ck_assert_str_eq(gh_json_get_string(json, "token_endpoint"), ISSUER "/token");
    ck_assert_str_eq(gh_json_get_string(json, "registration_endpoint"), ISSUER "/register");
    ck_assert_str_eq(gh_json_get_string(json, "revocation_endpoint"), ISSUER "/revoke");
    ck_assert_str_eq(gh_json_get_string(json, "jwks_uri"), ISSUER "/jwks");
    assert_list(json, "scopes_supported", "[\"mcp\",\"offline_access\"]");
    assert_list(json, "response_types_supported", "[\"code\"]");
    assert_list(json, "response_modes_supported", "[\"query\"]");
    assert_list(
        json, "grant_types_supported",
        "[\"authorization_code\",\"refresh_token\",\"urn:ietf:params:oauth:grant-type:device_code\"]");
    ck_assert_str_eq(gh_json_get_string(json, "device_authorization_endpoint"),
                     ISSUER "/device_authorization");
    assert_list(json, "client_id_metadata_document_supported", "true");
    assert_list(json, "token_endpoint_auth_methods_supported", "[\"none\"]");
    assert_list(json, "revocation_endpoint_auth_methods_supported", "[\"none\"]");
    assert_list(json, "code_challenge_methods_supported", "[\"S256\"]");
    assert_list(json, "authorization_response_iss_parameter_supported", "true");
}

START_TEST(the_metadata_says_what_the_server_does)
{
    fixture *f = fixture_open();
    cJSON *json = document(f, gh_oauth_handle_metadata);
    assert_common(json);
    ck_assert_ptr_null(gh_json_get(json, "subject_types_supported"));
    cJSON_Delete(json);
    fixture_close(f);
}
END_TEST

START_TEST(the_openid_variant_adds_what_discovery_requires)
{
    fixture *f = fixture_open();
    cJSON *json = document(f, gh_oauth_handle_openid_metadata);
    assert_common(json);
    assert_list(json, "subject_types_supported", "[\"public\"]");
    assert_list(json, "id_token_signing_alg_values_supported", "[\"ES256\"]");
    cJSON_Delete(json);
    fixture_close(f);
}
END_TEST

START_TEST(the_key_set_holds_public_parts_only)
{
    fixture *f = fixture_open();
    cJSON *json = document(f, gh_oauth_handle_jwks);
    const cJSON *keys = gh_json_get_array(json, "keys");
    ck_assert_int_eq(cJSON_GetArraySize(keys), 1);
    const cJSON *key = cJSON_GetArrayItem(keys, 0);
    ck_assert_str_eq(gh_json_get_string(key, "kty"), "EC");
    ck_assert_str_eq(gh_json_get_string(key, "crv"), "P-256");
    ck_assert_str_eq(gh_json_get_string(key, "alg"), "ES256");
    ck_assert_str_eq(gh_json_get_string(key, "use"), "sig");
    ck_assert_str_ne(gh_json_get_string(key, "kid"), "");
    ck_assert_ptr_null(gh_json_get(key, "d"));
    cJSON_Delete(json);
    fixture_close(f);
}
END_TEST

START_TEST(a_second_server_on_the_same_store_uses_the_same_key)
{
    fixture *f = fixture_open();
    gh_oauth_server *first = f->server;
    gh_oauth_options options = fixture_options(f, ISSUER, RESOURCE);
    reply before = get(f, gh_oauth_handle_jwks, "", NULL);
    ck_assert_int_eq(gh_oauth_server_new(&options, f->store, &f->server, NULL), GH_OK);
    reply after = get(f, gh_oauth_handle_jwks, "", NULL);
    ck_assert_str_eq(reply_body(&before), reply_body(&after));
    reply_clear(&before);
    reply_clear(&after);
    gh_oauth_server_free(first);
    fixture_close(f);
}
END_TEST

/* Another process adds its key between our look and our own attempt. */
static const gh_store_ops *real_ops;
static int key_looks;

static gh_status blind_first_look(gh_store *store, gh_stored_key **keys, size_t *count)
{
    if (key_looks++ == 0) {
        *keys = NULL;
        *count = 0;
        return GH_OK;
    }
    return real_ops->keys(store, keys, count);
}

START_TEST(the_loser_of_a_race_for_the_key_takes_the_winners)
{
    fixture *f = fixture_open();
    gh_oauth_server *winner = f->server;
    gh_oauth_options options = fixture_options(f, ISSUER, RESOURCE);
    reply before = get(f, gh_oauth_handle_jwks, "", NULL);
    real_ops = f->store->ops;
    f->ops.keys = blind_first_look;
    f->store->ops = &f->ops;
    ck_assert_int_eq(gh_oauth_server_new(&options, f->store, &f->server, NULL), GH_OK);
    ck_assert_int_eq(key_looks, 2);
    f->store->ops = real_ops;
    reply after = get(f, gh_oauth_handle_jwks, "", NULL);
    ck_assert_str_eq(reply_body(&before), reply_body(&after));
    reply_clear(&before);
    reply_clear(&after);
    gh_oauth_server_free(winner);
    fixture_close(f);
}
END_TEST

static gh_status keys_outage(gh_store *store, gh_stored_key **keys, size_t *count)
{
    (void)store;
    (void)keys;
    (void)count;
    return GH_ERR_UNAVAILABLE;
}

START_TEST(a_store_that_cannot_be_read_is_said_in_words)
{
    fixture *f = fixture_open();
    gh_oauth_options options = fixture_options(f, ISSUER, RESOURCE);
    const gh_store_ops *whole = f->store->ops;
    gh_oauth_server *second = NULL;
    gh_error error = {0};
    f->ops.keys = keys_outage;
    f->store->ops = &f->ops;
    ck_assert_int_eq(gh_oauth_server_new(&options, f->store, &second, &error), GH_ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(error.message, "signing keys"));
    f->store->ops = whole;
    fixture_close(f);
}
END_TEST

START_TEST(an_issuer_with_a_path_is_refused)
{
    fixture *f = fixture_open();
    gh_oauth_options options = fixture_options(f, "http://localhost:8080/x", RESOURCE);
    gh_oauth_server *second = NULL;
    gh_error error = {0};
    ck_assert_int_eq(gh_oauth_server_new(&options, f->store, &second, &error), GH_ERR_INVALID);
    ck_assert_str_ne(error.message, "");
    fixture_close(f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metadata_routes");
    TCase *tc = tcase_create("metadata_routes");
    tcase_add_test(tc, the_metadata_says_what_the_server_does);
    tcase_add_test(tc, the_openid_variant_adds_what_discovery_requires);
    tcase_add_test(tc, the_key_set_holds_public_parts_only);
    tcase_add_test(tc, a_second_server_on_the_same_store_uses_the_same_key);
    tcase_add_test(tc, the_loser_of_a_race_for_the_key_takes_the_winners);
    tcase_add_test(tc, a_store_that_cannot_be_read_is_said_in_words);
    tcase_add_test(tc, an_issuer_with_a_path_is_refused);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

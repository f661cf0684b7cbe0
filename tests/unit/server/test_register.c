#include "tests/unit/server/oauth_fixture.h"

#define URIS "\"redirect_uris\":[\"" CALLBACK "\"]"

/* The reply's member as compact JSON text, "" when absent. */
static void member(const reply *r, const char *name, char *out, size_t size)
{
    cJSON *json = NULL;
    gh_buf text = GH_BUF_INIT(65536);
    ck_assert_int_eq(gh_json_parse(gh_buf_view(&r->raw.body), &GH_JSON_LIMITS_DOCUMENT, &json, NULL), GH_OK);
    const cJSON *item = gh_json_get(json, name);
    if (item != NULL) {
        ck_assert_int_eq(gh_json_print(item, &text), GH_OK);
    }
    (void)snprintf(out, size, "%s", gh_buf_cstr(&text));
    gh_buf_free(&text);
    cJSON_Delete(json);
}

static void assert_member(const reply *r, const char *name, const char *json)
{
    char found[4096];
    member(r, name, found, sizeof found);
    ck_assert_str_eq(found, json);
}

static void assert_refused(const char *json, const char *code)
{
    fixture *f = fixture_open();
    reply r = post_registration(f, json);
    assert_error(&r, 400, code);
    reply_clear(&r);
    fixture_close(f);
}

START_TEST(what_claude_code_sends_is_registered_and_echoed)
{
    fixture *f = fixture_open();
    reply r = post_registration(f, CLIENT_JSON);
    ck_assert_int_eq(r.status, 201);
    assert_member(&r, "redirect_uris", "[\"" CALLBACK "\"]");
    assert_member(&r, "grant_types", "[\"authorization_code\",\"refresh_token\"]");
    assert_member(&r, "response_types", "[\"code\"]");
    assert_member(&r, "token_endpoint_auth_method", "\"none\"");
    assert_member(&r, "client_name", "\"Claude Code\"");
    assert_member(&r, "scope", "\"mcp\"");
    assert_member(&r, "client_secret", "");
    char found[64];
    member(&r, "client_id", found, sizeof found);
    ck_assert_uint_ge(strlen(found), 20);
    member(&r, "client_id_issued_at", found, sizeof found);
    ck_assert_int_ge(strtoll(found, NULL, 10), gh_clock_wall_s() - 5);
    ck_assert_ptr_null(strstr(reply_body(&r), "null"));
    assert_header(&r, "Cache-Control", "no-store");
    assert_header(&r, "Pragma", "no-cache");
    reply_clear(&r);
    fixture_close(f);
}
END_TEST

START_TEST(every_registration_gets_its_own_client_id)
{
    fixture *f = fixture_open();
    char first[64];
    char second[64];
    register_client(f, first, sizeof first);
    register_client(f, second, sizeof second);
    ck_assert_str_ne(first, second);
    fixture_close(f);
}
END_TEST

START_TEST(several_redirects_are_echoed_in_order)
{
    fixture *f = fixture_open();
    reply r = post_registration(
        f, "{\"redirect_uris\":[\"https://vscode.dev/redirect\","
           "\"http://127.0.0.1:33418/\",\"cursor://anysphere.cursor-mcp/oauth/callback\"]}");
    ck_assert_int_eq(r.status, 201);
    assert_member(&r, "redirect_uris",
                  "[\"https://vscode.dev/redirect\",\"http://127.0.0.1:33418/\","
                  "\"cursor://anysphere.cursor-mcp/oauth/callback\"]");
    reply_clear(&r);
    fixture_close(f);
}
END_TEST

START_TEST(what_is_left_out_or_null_gets_the_defaults)
{
    fixture *f = fixture_open();
    reply r = post_registration(f, "{" URIS ",\"client_name\":null,\"grant_types\":null,\"scope\":null,"
                                   "\"response_types\":null,\"token_endpoint_auth_method\":null}");
    ck_assert_int_eq(r.status, 201);
    assert_member(&r, "grant_types", "[\"authorization_code\",\"refresh_token\"]");
    assert_member(&r, "response_types", "[\"code\"]");
    assert_member(&r, "client_name", "");
    ck_assert_ptr_null(strstr(reply_body(&r), "null"));
    reply_clear(&r);
    fixture_close(f);
}
END_TEST

START_TEST(a_client_that_asks_for_a_secret_becomes_a_public_one)
{
    fixture *f = fixture_open();
    reply r = post_registration(f, "{" URIS ",\"token_endpoint_auth_method\":\"client_secret_basic\"}");
    ck_assert_int_eq(r.status, 201);
    assert_member(&r, "token_endpoint_auth_method", "\"none\"");
    assert_member(&r, "client_secret", "");
    reply_clear(&r);
    fixture_close(f);
}
END_TEST

START_TEST(grants_scopes_and_members_that_are_unknown_are_left_out)
{
    fixture *f = fixture_open();
    reply r = post_registration(
        f, "{" URIS
           ",\"grant_types\":[\"authorization_code\",\"implicit\"],\"response_types\":[\"token\",\"code\"],"
           "\"scope\":\"openid mcp\",\"application_type\":\"native\",\"x\":{\"y\":[1]}}");
    ck_assert_int_eq(r.status, 201);
    assert_member(&r, "grant_types", "[\"authorization_code\"]");
    assert_member(&r, "response_types", "[\"code\"]");
    assert_member(&r, "scope", "\"mcp\"");
    assert_member(&r, "x", "");
    reply_clear(&r);
    fixture_close(f);
}
END_TEST

START_TEST(a_name_loses_what_would_deceive_a_reader)
{
    fixture *f = fixture_open();
    reply r = post_registration(
        f, "{" URIS ",\"client_name\":\"  Good\\n\\u202eApp\\u200b\\u0007\\u3164\\u2800  x \"}");
    ck_assert_int_eq(r.status, 201);
    assert_member(&r, "client_name", "\"Good App x\"");
    reply_clear(&r);
    fixture_close(f);
}
END_TEST

static const char *const BAD_REDIRECTS[] = {
    "{}",
    "{\"redirect_uris\":[]}",
    "{\"redirect_uris\":null}",
    "{\"redirect_uris\":\"" CALLBACK "\"}",
    "{\"redirect_uris\":[1]}",
    "{\"redirect_uris\":[\"" CALLBACK "\",\"javascript:alert(1)\"]}",
    "{\"redirect_uris\":[\"http://evil.example/cb\"]}",
    "{\"redirect_uris\":[\"http://localhost:1@evil.example/\"]}",
    "{\"redirect_uris\":[\"https://a.example/#x\"]}",
    "{\"redirect_uris\":[\"https://a.example/\\nhttp://b.example/\"]}",
};

START_TEST(bad_redirects_are_invalid_redirect_uri)
{
    assert_refused(BAD_REDIRECTS[_i], "invalid_redirect_uri");
}
END_TEST

static const char *const BAD_METADATA[] = {
    "",
    "[]",
    "\"x\"",
    "{",
    "{" URIS "} x",
    "{" URIS "," URIS "}",
    "{" URIS ",\"client_name\":5}",
    "{" URIS ",\"grant_types\":\"authorization_code\"}",
    "{" URIS ",\"grant_types\":[1]}",
    "{" URIS ",\"grant_types\":[]}",
    "{" URIS ",\"grant_types\":[\"client_credentials\"]}",
    "{" URIS ",\"response_types\":[\"token\"]}",
    "{" URIS ",\"token_endpoint_auth_method\":[]}",
    "{" URIS ",\"scope\":[\"mcp\"]}",
    "{" URIS ",\"scope\":\"mcp \\\"x\"}",
};

START_TEST(bad_metadata_is_invalid_client_metadata)
{
    assert_refused(BAD_METADATA[_i], "invalid_client_metadata");
}
END_TEST

START_TEST(at_most_ten_redirects)
{
    fixture *f = fixture_open();
    gh_buf json = GH_BUF_INIT(65536);
    for (int count = 10; count <= 11; count++) {
        gh_buf_clear(&json);
        (void)gh_buf_append_cstr(&json, "{\"redirect_uris\":[");
        for (int i = 0; i < count; i++) {
            (void)gh_buf_appendf(&json, "%s\"https://a.example/%d\"", i > 0 ? "," : "", i);
        }
        (void)gh_buf_append_cstr(&json, "]}");
        reply r = post_registration(f, gh_buf_cstr(&json));
        ck_assert_int_eq(r.status, count == 10 ? 201 : 400);
        reply_clear(&r);
    }
    gh_buf_free(&json);
    fixture_close(f);
}
END_TEST

START_TEST(a_name_of_more_than_200_characters_is_refused)
{
    char json[1024];
    char name[202];
    memset(name, 'n', sizeof name);
    name[201] = '\0';
    (void)snprintf(json, sizeof json, "{" URIS ",\"client_name\":\"%s\"}", name);
    assert_refused(json, "invalid_client_metadata");
}
END_TEST

START_TEST(only_json_is_taken)
{
    static const char *const types[] = {NULL, FORM, "text/plain", "application/jsonx"};
    fixture *f = fixture_open();
    for (size_t i = 0; i < 4; i++) {
        reply r = fixture_call(f, gh_oauth_handle_register,
                               &(call){.method = "POST", .body = CLIENT_JSON, .type = types[i]});
        assert_error(&r, 415, "invalid_client_metadata");
        reply_clear(&r);
    }
    reply r = fixture_call(
        f, gh_oauth_handle_register,
        &(call){.method = "POST", .body = CLIENT_JSON, .type = "Application/JSON; charset=utf-8"});
    ck_assert_int_eq(r.status, 201);
    reply_clear(&r);
    fixture_close(f);
}
END_TEST

START_TEST(when_no_client_can_make_room_it_says_when_to_try_again)
{
    fixture *f = fixture_open();
    char id[64];
    for (int i = 0; i < 5; i++) {
        register_client(f, id, sizeof id);
    }
    reply r = post_registration(f, CLIENT_JSON);
    assert_error(&r, 503, "temporarily_unavailable");
    assert_header(&r, "Retry-After", "600");
    reply_clear(&r);
    fixture_close(f);
}
END_TEST

START_TEST(an_idle_client_that_never_signed_in_makes_room)
{
    clock_stop();
    fixture *f = fixture_open();
    char id[64];
    for (int i = 0; i < 5; i++) {
        register_client(f, id, sizeof id);
    }
    clock_forward(3601);
    register_client(f, id, sizeof id);
    fixture_close(f);
}
END_TEST

static gh_status outage(gh_store *store, const gh_client *client, size_t cap, int64_t idle_s)
{
    (void)store;
    (void)client;
    (void)cap;
    (void)idle_s;
    return GH_ERR_UNAVAILABLE;
}

START_TEST(an_outage_of_the_store_is_503)
{
    fixture *f = fixture_open();
    const gh_store_ops *whole = f->store->ops;
    f->ops.client_add = outage;
    f->store->ops = &f->ops;
    reply r = post_registration(f, CLIENT_JSON);
    assert_error(&r, 503, "temporarily_unavailable");
    assert_header(&r, "Retry-After", "5");
    reply_clear(&r);
    f->store->ops = whole;
    fixture_close(f);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("register");
    TCase *tc = tcase_create("register");
    tcase_add_test(tc, what_claude_code_sends_is_registered_and_echoed);
    tcase_add_test(tc, every_registration_gets_its_own_client_id);
    tcase_add_test(tc, several_redirects_are_echoed_in_order);
    tcase_add_test(tc, what_is_left_out_or_null_gets_the_defaults);
    tcase_add_test(tc, a_client_that_asks_for_a_secret_becomes_a_public_one);
    tcase_add_test(tc, grants_scopes_and_members_that_are_unknown_are_left_out);
    tcase_add_test(tc, a_name_loses_what_would_deceive_a_reader);
    tcase_add_loop_test(tc, bad_redirects_are_invalid_redirect_uri, 0,
                        sizeof BAD_REDIRECTS / sizeof *BAD_REDIRECTS);
    tcase_add_loop_test(tc, bad_metadata_is_invalid_client_metadata, 0,
                        sizeof BAD_METADATA / sizeof *BAD_METADATA);
    tcase_add_test(tc, at_most_ten_redirects);
    tcase_add_test(tc, a_name_of_more_than_200_characters_is_refused);
    tcase_add_test(tc, only_json_is_taken);
    tcase_add_test(tc, when_no_client_can_make_room_it_says_when_to_try_again);
    tcase_add_test(tc, an_idle_client_that_never_signed_in_makes_room);
    tcase_add_test(tc, an_outage_of_the_store_is_503);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

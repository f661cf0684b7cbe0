#include "bridge/login/token.h"
#include "tests/support/suite.h"
#include "tests/unit/bridge/login_world.h"

static gh_token_call *running;
static gh_credentials credentials;
static bool done;
static gh_status outcome;
static gh_error problem;

static void on_done(void *context, gh_status status, const gh_error *error)
{
    (void)context;
    running = NULL;
    done = true;
    outcome = status;
    problem = *error;
}

static void setup(void)
{
    world_open();
    done = false;
    world_store("access-0", "refresh-0", 600);
    ck_assert(world_stored(&credentials));
}

static void teardown(void)
{
    gh_credentials_clear(&credentials);
    world_close();
}

static gh_status finished(void)
{
    ck_assert(!done);
    ck_assert(world_until(world_is_true, &done, 5000));
    return outcome;
}

static gh_status exchange(void)
{
    ck_assert_int_eq(gh_token_exchange(world.loop, &world.settings, &credentials, "code&1",
                                       "http://127.0.0.1:9/c", GH_VIEW_LIT("verifier-1"), on_done, NULL,
                                       &running, NULL),
                     GH_OK);
    return finished();
}

static gh_status refresh(void)
{
    ck_assert_int_eq(
        gh_token_refresh(world.loop, &world.settings, &credentials, on_done, NULL, &running, NULL), GH_OK);
    return finished();
}

static bool has(const gh_secret *secret, const char *text)
{
    return gh_secret_equals(secret, gh_view_of(text));
}

START_TEST(a_code_is_exchanged_with_verifier_resource_and_client)
{
    ck_assert_int_eq(exchange(), GH_OK);
    ck_assert(world_sent("POST /token ", 0, "grant_type", "authorization_code"));
    ck_assert(world_sent("POST /token ", 0, "code", "code&1"));
    ck_assert(world_sent("POST /token ", 0, "redirect_uri", "http://127.0.0.1:9/c"));
    ck_assert(world_sent("POST /token ", 0, "code_verifier", "verifier-1"));
    ck_assert(world_sent("POST /token ", 0, "resource", world.settings.url));
    ck_assert(world_sent("POST /token ", 0, "client_id", "client-0"));
    ck_assert(world_sent("POST /token ", 0, "client_secret", NULL));
    ck_assert(has(credentials.access_token, "access-1"));
    ck_assert(has(credentials.refresh_token, "refresh-1"));
    ck_assert_int_le(credentials.expires_at, gh_clock_wall_s() + 600);
    ck_assert_int_ge(credentials.expires_at, gh_clock_wall_s() + 595);
}
END_TEST

START_TEST(a_refresh_names_the_resource_and_takes_the_new_token)
{
    ck_assert_int_eq(refresh(), GH_OK);
    ck_assert(world_sent("POST /token ", 0, "grant_type", "refresh_token"));
    ck_assert(world_sent("POST /token ", 0, "refresh_token", "refresh-0"));
    ck_assert(world_sent("POST /token ", 0, "resource", world.settings.url));
    ck_assert(has(credentials.refresh_token, "refresh-1"));
}
END_TEST

START_TEST(a_reply_without_refresh_token_scope_and_expiry_keeps_what_it_can)
{
    world_always("POST", "/token", 200,
                 "{\"access_token\":\"a\",\"token_type\":\"bearer\",\"refresh_token\":\"\"}");
    ck_assert_int_eq(refresh(), GH_OK);
    ck_assert(has(credentials.access_token, "a"));
    ck_assert(has(credentials.refresh_token, "refresh-0"));
    ck_assert_str_eq(credentials.scope, "mcp");
    ck_assert_int_eq(credentials.expires_at, 0);
}
END_TEST

START_TEST(a_secret_goes_into_the_basic_header)
{
    credentials.client_secret = gh_secret_new(GH_VIEW_LIT("s:e cret"));
    free(credentials.client_id);
    credentials.client_id = strdup("client 0");
    ck_assert_int_eq(refresh(), GH_OK);
    /* base64 of "client%200:s%3Ae%20cret" */
    ck_assert(gh_http_fixture_has_line(world.fixture, (size_t)world_find("POST /token ", 0),
                                       "Authorization: Basic Y2xpZW50JTIwMDpzJTNBZSUyMGNyZXQ="));
    ck_assert(world_sent("POST /token ", 0, "client_id", NULL));
    ck_assert(world_sent("POST /token ", 0, "client_secret", NULL));
}
END_TEST

START_TEST(or_into_the_form)
{
    credentials.client_secret = gh_secret_new(GH_VIEW_LIT("s&=cret"));
    credentials.token_auth_method = strdup("client_secret_post");
    ck_assert_int_eq(exchange(), GH_OK);
    ck_assert(world_sent("POST /token ", 0, "client_id", "client-0"));
    ck_assert(world_sent("POST /token ", 0, "client_secret", "s&=cret"));
    ck_assert_ptr_null(memmem(gh_http_fixture_head(world.fixture, 0).ptr,
                              gh_http_fixture_head(world.fixture, 0).len, "Authorization", 13));
}
END_TEST

START_TEST(tokens_of_sixteen_kilobytes_pass)
{
    gh_buf reply = GH_BUF_INIT(65536);
    gh_buf_append_cstr(&reply, "{\"token_type\":\"Bearer\",\"access_token\":\"");
    for (int i = 0; i < 16384; i++) {
        gh_buf_append_char(&reply, 'a');
    }
    gh_buf_append_cstr(&reply, "\",\"refresh_token\":\"");
    for (int i = 0; i < 16384; i++) {
        gh_buf_append_char(&reply, 'r');
    }
    gh_buf_append_cstr(&reply, "\"}");
    world_always("POST", "/token", 200, gh_buf_cstr(&reply));
    gh_buf_free(&reply);
    ck_assert_int_eq(exchange(), GH_OK);
    done = false;
    ck_assert_int_eq(refresh(), GH_OK);
    ck_assert_uint_eq(gh_secret_view(credentials.access_token).len, 16384);
    gh_keeper *keeper = NULL;
    ck_assert_int_eq(gh_keeper_open(world.state_dir, world.settings.url, &keeper, NULL), GH_OK);
    ck_assert_int_eq(gh_keeper_save(keeper, &credentials, NULL), GH_OK);
    gh_keeper_close(keeper);
}
END_TEST

typedef struct answer {
    int http_status;
    const char *reply;
    gh_status expected;
    const char *says;
} answer;

static const answer ANSWERS[] = {
    {400, "{\"error\":\"invalid_grant\",\"error_description\":\"used\"}", GH_ERR_DENIED, "used"},
    {400, "{\"error\":\"invalid_target\"}", GH_ERR_DENIED, "invalid_target"},
    {401, "{\"error\":\"invalid_client\"}", GH_ERR_NOT_FOUND, "invalid_client"},
    {400, "{\"error\":\"unauthorized_client\"}", GH_ERR_NOT_FOUND, "unauthorized_client"},
    {200, "{\"error\":\"invalid_grant\"}", GH_ERR_DENIED, "invalid_grant"},
    {400, "nonsense", GH_ERR_DENIED, "400"},
    {401, "", GH_ERR_DENIED, "401"},
    {403, "<html>blocked", GH_ERR_UNAVAILABLE, "403"},
    {404, "", GH_ERR_UNAVAILABLE, "404"},
    {302, "", GH_ERR_UNAVAILABLE, "302"},
    {429, "{\"error\":\"invalid_grant\"}", GH_ERR_UNAVAILABLE, "invalid_grant"},
    {400, "{\"error\":\"temporarily_unavailable\"}", GH_ERR_UNAVAILABLE, "temporarily"},
    {500, "{\"error\":\"server_error\"}", GH_ERR_UNAVAILABLE, "server_error"},
    {503, "", GH_ERR_UNAVAILABLE, "503"},
    {200, "<html>captive portal", GH_ERR_INVALID, "no bearer token"},
    {200, "{}", GH_ERR_INVALID, "no bearer token"},
    {200, "{\"access_token\":\"a\"}", GH_ERR_INVALID, "no bearer token"},
    {200, "{\"access_token\":\"\",\"token_type\":\"Bearer\"}", GH_ERR_INVALID, "no bearer token"},
    {200, "{\"access_token\":5,\"token_type\":\"Bearer\"}", GH_ERR_INVALID, "no bearer token"},
    {200, "{\"access_token\":\"a\",\"token_type\":\"DPoP\"}", GH_ERR_INVALID, "no bearer token"},
    {200, "{\"access_token\":\"a\\r\\nX: b\",\"token_type\":\"Bearer\"}", GH_ERR_INVALID, "no bearer token"},
    {200, "{\"access_token\":\"a b\",\"token_type\":\"Bearer\"}", GH_ERR_INVALID, "no bearer token"},
    {200, "{\"access_token\":\"\\u00e9\",\"token_type\":\"Bearer\"}", GH_ERR_INVALID, "no bearer token"},
};

START_TEST(other_answers_change_nothing_and_are_told_apart)
{
    const answer *row = &ANSWERS[_i];
    world_always("POST", "/token", row->http_status, row->reply);
    gh_status status = refresh();
    ck_assert_msg(status == row->expected, "%d %s: %d", row->http_status, row->reply, (int)status);
    ck_assert_msg(strstr(problem.message, row->says) != NULL, "%s: %s", row->reply, problem.message);
    ck_assert(has(credentials.access_token, "access-0"));
    ck_assert(has(credentials.refresh_token, "refresh-0"));
    ck_assert_str_eq(credentials.scope, "mcp");
}
END_TEST

START_TEST(a_redirect_gets_neither_token_nor_secret)
{
    world_put(world.used++, "POST", "/token", 307, "Location: /stolen\r\n", "{}", true);
    ck_assert_int_eq(refresh(), GH_ERR_UNAVAILABLE);
    ck_assert_uint_eq(world_count("POST /stolen "), 0);
}
END_TEST

START_TEST(nobody_there_is_an_outage)
{
    free(credentials.token_endpoint);
    ck_assert_int_ge(asprintf(&credentials.token_endpoint, "http://127.0.0.1:%u/token",
                              (unsigned)gh_http_fixture_free_port()),
                     0);
    gh_status status = refresh();
    ck_assert_int_ne(status, GH_OK);
    ck_assert_int_ne(status, GH_ERR_DENIED);
    ck_assert_int_ne(status, GH_ERR_NOT_FOUND);
}
END_TEST

START_TEST(the_refresh_token_is_revoked_else_the_access_token)
{
    ck_assert_int_eq(
        gh_token_revoke(world.loop, &world.settings, &credentials, on_done, NULL, &running, NULL), GH_OK);
    ck_assert_int_eq(finished(), GH_OK);
    ck_assert(world_sent("POST /revoke ", 0, "token", "refresh-0"));
    ck_assert(world_sent("POST /revoke ", 0, "token_type_hint", "refresh_token"));
    ck_assert(world_sent("POST /revoke ", 0, "client_id", "client-0"));
    gh_secret_free(credentials.refresh_token);
    credentials.refresh_token = NULL;
    done = false;
    ck_assert_int_eq(
        gh_token_revoke(world.loop, &world.settings, &credentials, on_done, NULL, &running, NULL), GH_OK);
    ck_assert_int_eq(finished(), GH_OK);
    ck_assert(world_sent("POST /revoke ", 1, "token", "access-0"));
}
END_TEST

START_TEST(what_cannot_be_revoked_is_said)
{
    world_always("POST", "/revoke", 503, NULL);
    ck_assert_int_eq(
        gh_token_revoke(world.loop, &world.settings, &credentials, on_done, NULL, &running, NULL), GH_OK);
    ck_assert_int_eq(finished(), GH_ERR_UNAVAILABLE);
    free(credentials.revocation_endpoint);
    credentials.revocation_endpoint = NULL;
    ck_assert_int_eq(
        gh_token_revoke(world.loop, &world.settings, &credentials, on_done, NULL, &running, NULL),
        GH_ERR_UNSUPPORTED);
}
END_TEST

START_TEST(it_can_be_cancelled)
{
    ck_assert_int_eq(
        gh_token_refresh(world.loop, &world.settings, &credentials, on_done, NULL, &running, NULL), GH_OK);
    world_run(2);
    if (!done) {
        gh_token_cancel(running);
        world_run(50);
        ck_assert(!done);
        ck_assert(has(credentials.access_token, "access-0"));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("token");
    TCase *tests = tcase_create("token");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_code_is_exchanged_with_verifier_resource_and_client);
    tcase_add_test(tests, a_refresh_names_the_resource_and_takes_the_new_token);
    tcase_add_test(tests, a_reply_without_refresh_token_scope_and_expiry_keeps_what_it_can);
    tcase_add_test(tests, a_secret_goes_into_the_basic_header);
    tcase_add_test(tests, or_into_the_form);
    tcase_add_test(tests, tokens_of_sixteen_kilobytes_pass);
    tcase_add_loop_test(tests, other_answers_change_nothing_and_are_told_apart, 0,
                        (int)(sizeof(ANSWERS) / sizeof(ANSWERS[0])));
    tcase_add_test(tests, a_redirect_gets_neither_token_nor_secret);
    tcase_add_test(tests, nobody_there_is_an_outage);
    tcase_add_test(tests, the_refresh_token_is_revoked_else_the_access_token);
    tcase_add_test(tests, what_cannot_be_revoked_is_said);
    tcase_add_test(tests, it_can_be_cancelled);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

#include "tests/unit/server/oauth_fixture.h"

static fixture *F;
static char CLIENT[64];

static void open_all(void)
{
    F = fixture_open();
    register_client(F, CLIENT, sizeof CLIENT);
}

static void close_all(void)
{
    fixture_close(F);
}

/* A good request in which `name` has `value` instead (NULL leaves it out), and `extra` at the end. */
static char *request_with(const char *name, const char *value, const char *extra)
{
    const char *pairs[][2] = {
        {"response_type", "code"}, {"client_id", CLIENT},         {"redirect_uri", CALLBACK},
        {"state", "s1"},           {"code_challenge", CHALLENGE}, {"code_challenge_method", "S256"},
        {"scope", "mcp"},          {"resource", RESOURCE},
    };
    gh_buf out = GH_BUF_INIT(65536);
    bool replaced = false;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        bool this_one = name != NULL && strcmp(name, pairs[i][0]) == 0;
        replaced = replaced || this_one;
        (void)gh_form_add(&out, pairs[i][0], this_one ? value : pairs[i][1]);
    }
    if (name != NULL && !replaced) {
        (void)gh_form_add(&out, name, value);
    }
    (void)gh_buf_append_cstr(&out, extra != NULL ? extra : "");
    ck_assert_int_eq(gh_buf_status(&out), GH_OK);
    return gh_buf_steal(&out);
}

static reply authorize(const char *name, const char *value, const char *extra)
{
    char *query = request_with(name, value, extra);
    reply r = get(F, gh_oauth_handle_authorize, query, NULL);
    free(query);
    return r;
}

START_TEST(a_good_request_shows_the_login_page_and_sets_the_cookie)
{
    char cookie[256];
    reply r = authorize(NULL, NULL, NULL);
    ck_assert_int_eq(r.status, 200);
    ck_assert_str_eq(r.raw.type, "text/html; charset=utf-8");
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "Claude Code"));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "anyone on this computer can sign in as anyone"));
    reply_header(&r, "Set-Cookie", cookie, sizeof cookie);
    ck_assert_int_eq(strncmp(cookie, "gh_flow_8080=", 13), 0);
    ck_assert_str_eq(strchr(cookie, ';'), "; Path=/; HttpOnly; SameSite=Lax");
    reply_clear(&r);
}
END_TEST

START_TEST(over_https_the_cookie_is_host_bound_and_secure)
{
    fixture *f = fixture_open_at("https://mcp.example.com", "https://mcp.example.com/mcp", NULL);
    char client[64];
    char cookie[256];
    register_client(f, client, sizeof client);
    char *query = form("response_type", "code", "client_id", client, "redirect_uri", CALLBACK,
                       "code_challenge", CHALLENGE, "code_challenge_method", "S256", NULL);
    reply r = get(f, gh_oauth_handle_authorize, query, NULL);
    ck_assert_int_eq(r.status, 200);
    reply_header(&r, "Set-Cookie", cookie, sizeof cookie);
    ck_assert_int_eq(strncmp(cookie, "__Host-gh_flow=", 15), 0);
    ck_assert_str_eq(strchr(cookie, ';'), "; Path=/; HttpOnly; SameSite=Lax; Secure");
    reply_clear(&r);
    free(query);
    fixture_close(f);
}
END_TEST

START_TEST(an_unknown_or_missing_client_gets_a_page_and_no_redirect)
{
    static const char *const values[] = {NULL, "nobody", "", "nobody\nx", "' OR 1=1 --"};
    for (size_t i = 0; i < 5; i++) {
        reply r = authorize("client_id", values[i], NULL);
        assert_page(&r, 400);
        reply_clear(&r);
    }
    reply r = authorize(NULL, NULL, "&client_id=other");
    assert_page(&r, 400);
    reply_clear(&r);
}
END_TEST

static const char *const FOREIGN[] = {
    NULL,
    "",
    "http://evil.example/callback",
    "//evil.example/callback",
    "http://localhost:1@evil.example/callback",
    "http://localhost.evil.example:3118/callback",
    "http://127.0.0.1:3118/callback",
    "http://[::1]:3118/callback",
    "http://127.0.0.1.nip.io/callback",
    "http://localhost:3118/callback/../x",
    "http://localhost:3118/Callback",
    "http://localhost:3118/callback?next=https://evil.example",
    "http://localhost:3118/callback#x",
    "http://localhost\\@evil.example/callback",
    "http://localhost%2eevil.example/callback",
    "javascript:alert(1)",
    "http://localhost:3118/callback\r\nX-Evil: 1",
};

START_TEST(an_unregistered_redirect_gets_a_page_and_no_redirect)
{
    reply r = authorize("redirect_uri", FOREIGN[_i], NULL);
    assert_page(&r, 400);
    ck_assert_ptr_null(strstr(gh_buf_cstr(&r.raw.head), "evil"));
    reply_clear(&r);
    /* Nor does any further error turn it into one. */
    char *query = request_with("redirect_uri", FOREIGN[_i], "&response_type=token&scope=x&resource=y");
    r = get(F, gh_oauth_handle_authorize, query, NULL);
    assert_page(&r, 400);
    reply_clear(&r);
    free(query);
}
END_TEST

START_TEST(a_second_redirect_uri_gets_a_page)
{
    reply r = authorize(NULL, NULL, "&redirect_uri=https%3A%2F%2Fevil.example%2F");
    assert_page(&r, 400);
    reply_clear(&r);
}
END_TEST

START_TEST(unreadable_parameters_get_a_page)
{
    reply r = authorize(NULL, NULL, "&x=%zz");
    assert_page(&r, 400);
    reply_clear(&r);
    r = authorize(NULL, NULL, "&x=%00");
    assert_page(&r, 400);
    reply_clear(&r);
}
END_TEST

typedef struct bad {
    const char *name, *value, *error;
} bad;

static const bad BAD[] = {
    {"response_type", NULL, "invalid_request"},
    {"response_type", "token", "unsupported_response_type"},
    {"response_type", "code id_token", "unsupported_response_type"},
    {"response_mode", "fragment", "invalid_request"},
    {"response_mode", "form_post", "invalid_request"},
    {"code_challenge", NULL, "invalid_request"},
    {"code_challenge", "short", "invalid_request"},
    {"code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM", "invalid_request"},
    {"code_challenge_method", NULL, "invalid_request"},
    {"code_challenge_method", "plain", "invalid_request"},
    {"code_challenge_method", "s256", "invalid_request"},
    {"resource", "http://localhost:8080/other", "invalid_target"},
    {"resource", "https://evil.example/mcp", "invalid_target"},
    {"resource", "http://localhost:8080/mc", "invalid_target"},
    {"resource", "http://localhost:8080/mcp/x", "invalid_target"},
    {"resource", "http://localhost:80/mcp", "invalid_target"},
    {"resource", "http://127.0.0.1:8080/mcp", "invalid_target"},
    {"resource", "http://localhost:8080@evil.example/mcp", "invalid_target"},
    {"resource", "http://localhost:8080/mcp#x", "invalid_target"},
    {"resource", "mcp", "invalid_target"},
    {"scope", "openid profile", "invalid_scope"},
    {"scope", "mcp\"", "invalid_scope"},
    {"scope", "MCP", "invalid_scope"},
    {"prompt", "none", "login_required"},
    {"prompt", "none login", "invalid_request"},
    {"request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"},
    {"request_uri", "https://evil.example/r", "request_uri_not_supported"},
};

START_TEST(other_errors_go_to_the_client_with_state_and_issuer)
{
    reply r = authorize(BAD[_i].name, BAD[_i].value, NULL);
    assert_redirect_error(&r, CALLBACK "?", BAD[_i].error, "s1");
    reply_clear(&r);
}
END_TEST

START_TEST(any_parameter_twice_is_invalid_request)
{
    static const char *const twice[] = {"&scope=mcp", "&response_type=code", "&code_challenge_method=S256",
                                        "&x=1&x=1", "&code_challenge=x"};
    for (size_t i = 0; i < 5; i++) {
        reply r = authorize(NULL, NULL, twice[i]);
        assert_redirect_error(&r, CALLBACK "?", "invalid_request", "s1");
        reply_clear(&r);
    }
    /* With two states none of them can be the right one. */
    reply r = authorize(NULL, NULL, "&state=s2");
    assert_redirect_error(&r, CALLBACK "?", "invalid_request", "");
    reply_clear(&r);
}
END_TEST

START_TEST(a_second_resource_must_be_ours_too)
{
    reply r = authorize(NULL, NULL, "&resource=http%3A%2F%2Flocalhost%3A8080%2F");
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
    r = authorize(NULL, NULL, "&resource=https%3A%2F%2Fevil.example%2Fmcp");
    assert_redirect_error(&r, CALLBACK "?", "invalid_target", "s1");
    reply_clear(&r);
}
END_TEST

static const char *const OURS[] = {
    NULL,
    RESOURCE,
    RESOURCE "/",
    "http://localhost:8080",
    "http://localhost:8080/",
    "HTTP://LOCALHOST:8080/mcp",
};

START_TEST(every_usual_spelling_of_our_resource_is_accepted)
{
    reply r = authorize("resource", OURS[_i], NULL);
    ck_assert_msg(r.status == 200, "%s: %s", OURS[_i], r.location);
    reply_clear(&r);
}
END_TEST

/* The scope that the finished login grants. */
static void assert_granted(const char *requested, const char *granted)
{
    login l = {.f = F};
    (void)snprintf(l.client, sizeof l.client, "%s", CLIENT);
    char *query = request_with("scope", requested, NULL);
    login_start_query(&l, query);
    free(query);
    login_finish(&l);
    tokens t = tokens_of(&l);
    ck_assert_str_eq(t.scope, granted);
}

START_TEST(known_scopes_are_granted_and_unknown_ones_dropped)
{
    assert_granted(NULL, "mcp");
    assert_granted("", "mcp");
    assert_granted("mcp", "mcp");
    assert_granted("openid mcp profile email", "mcp");
    assert_granted("offline_access mcp mcp", "mcp offline_access");
    assert_granted("openid offline_access", "mcp offline_access");
}
END_TEST

static void assert_state_comes_back(const char *state)
{
    char found[8192];
    login l = {.f = F};
    (void)snprintf(l.client, sizeof l.client, "%s", CLIENT);
    login_start(&l, CALLBACK, state);
    login_sign_in(&l, "Alice", "alice@example.com");
    login_read_consent(&l);
    reply r = login_decide(&l, "approve");
    ck_assert_int_eq(r.status, 303);
    location_param(&r, "state", found, sizeof found);
    ck_assert_str_eq(found, state != NULL ? state : "");
    if (state == NULL) {
        ck_assert_ptr_null(strstr(r.location, "state="));
    }
    ck_assert_ptr_null(strpbrk(r.location, "<>\"' \r\n"));
    reply_clear(&r);
}

START_TEST(state_comes_back_byte_for_byte)
{
    char longest[2049];
    memset(longest, '%', 2048);
    longest[2048] = '\0';
    assert_state_comes_back("a+b c%20&=;/?#\xc3\xa9");
    assert_state_comes_back("\"><script>alert(1)</script>");
    assert_state_comes_back("x\r\nSet-Cookie: evil=1");
    assert_state_comes_back(longest);
    assert_state_comes_back(NULL);
}
END_TEST

START_TEST(a_state_of_more_than_2048_bytes_gets_a_page)
{
    char state[2050];
    memset(state, 's', 2049);
    state[2049] = '\0';
    reply r = authorize("state", state, NULL);
    assert_page(&r, 400);
    reply_clear(&r);
}
END_TEST

START_TEST(loopback_works_on_the_port_of_the_day)
{
    login l = {.f = F};
    (void)snprintf(l.client, sizeof l.client, "%s", CLIENT);
    login_start(&l, "http://localhost:60001/callback", "x");
    login_sign_in(&l, "Alice", "alice@example.com");
    login_read_consent(&l);
    reply r = login_decide(&l, "approve");
    ck_assert_int_eq(strncmp(r.location, "http://localhost:60001/callback?code=", 37), 0);
    reply_clear(&r);
}
END_TEST

static gh_status flow_outage(gh_store *store, const gh_flow *flow, size_t cap)
{
    (void)store;
    (void)flow;
    (void)cap;
    return GH_ERR_UNAVAILABLE;
}

/* A request for a response type that is not supported, from a client with this one redirect URI. */
static reply refused_for(const char *redirect)
{
    char client[64];
    char json[256];
    (void)snprintf(json, sizeof json, "{\"redirect_uris\":[\"%s\"]}", redirect);
    register_json(F, json, client, sizeof client);
    char *query = form("response_type", "token", "client_id", client, "redirect_uri", redirect, "state",
                       "s\"><b>&c", NULL);
    reply r = get(F, gh_oauth_handle_authorize, query, NULL);
    free(query);
    return r;
}

START_TEST(a_redirect_with_a_query_keeps_it)
{
    reply r = refused_for("http://localhost:3118/cb?tenant=1");
    assert_redirect_error(&r, "http://localhost:3118/cb?tenant=1&error=", "unsupported_response_type",
                          "s\"><b>&c");
    reply_clear(&r);
    r = refused_for("http://localhost:3118/cb?really?");
    assert_redirect_error(&r, "http://localhost:3118/cb?really?&", "unsupported_response_type", "s\"><b>&c");
    reply_clear(&r);
    r = refused_for("http://localhost:3118/cb?");
    assert_redirect_error(&r, "http://localhost:3118/cb?", "unsupported_response_type", "s\"><b>&c");
    reply_clear(&r);
}
END_TEST

START_TEST(a_website_is_linked_to_and_never_redirected_to_before_anybody_acted)
{
    char policy[1024];
    reply r = refused_for("https://A.example/cb?tenant=1&x='");
    assert_page(&r, 400);
    const char *page = reply_body(&r);
    ck_assert_ptr_nonnull(strstr(page, "unsupported_response_type"));
    ck_assert_ptr_nonnull(strstr(page, "<span class=\"place\">a.example</span>"));
    ck_assert_ptr_nonnull(strstr(
        page, "<a href=\"https://A.example/cb?tenant=1&amp;x=&#39;&amp;error=unsupported_response_type"));
    ck_assert_ptr_nonnull(
        strstr(page, "&amp;state=s%22%3E%3Cb%3E%26c&amp;iss=http%3A%2F%2Flocalhost%3A8080\""));
    reply_header(&r, "Content-Security-Policy", policy, sizeof policy);
    ck_assert_ptr_nonnull(strstr(policy, "frame-ancestors 'none'"));
    reply_clear(&r);
    /* Nor does an outage send anybody there. */
    const gh_store_ops *whole = F->store->ops;
    F->store->ops = &F->ops;
    F->ops.flow_add = flow_outage;
    char client[64];
    register_json(F, "{\"redirect_uris\":[\"https://a.example/cb\"]}", client, sizeof client);
    char *query = authorize_query(client, "https://a.example/cb", "s");
    r = get(F, gh_oauth_handle_authorize, query, NULL);
    assert_page(&r, 503);
    reply_clear(&r);
    free(query);
    F->store->ops = whole;
}
END_TEST

START_TEST(a_private_scheme_gets_its_errors_too)
{
    char client[64];
    register_json(F, "{\"redirect_uris\":[\"cursor://anysphere.cursor-mcp/oauth/callback\"]}", client,
                  sizeof client);
    char *query = form("response_type", "token", "client_id", client, "redirect_uri",
                       "cursor://anysphere.cursor-mcp/oauth/callback", "state", "s", NULL);
    reply r = get(F, gh_oauth_handle_authorize, query, NULL);
    assert_redirect_error(
        &r, "cursor://anysphere.cursor-mcp/oauth/callback?error=", "unsupported_response_type", "s");
    reply_clear(&r);
    free(query);
}
END_TEST

START_TEST(a_cookie_of_ours_is_kept_and_another_replaced)
{
    char cookie[256];
    char again[256];
    char *query = request_with(NULL, NULL, NULL);
    reply r = get(F, gh_oauth_handle_authorize, query, NULL);
    reply_header(&r, "Set-Cookie", cookie, sizeof cookie);
    cookie[strcspn(cookie, ";")] = '\0';
    reply_clear(&r);
    r = get(F, gh_oauth_handle_authorize, query, cookie);
    assert_header(&r, "Set-Cookie", "");
    reply_clear(&r);
    r = get(F, gh_oauth_handle_authorize, query, "gh_flow_8080=guess");
    reply_header(&r, "Set-Cookie", again, sizeof again);
    ck_assert_uint_gt(strlen(again), 50);
    reply_clear(&r);
    free(query);
}
END_TEST

static gh_status client_outage(gh_store *store, const char *id, gh_client *client)
{
    (void)store;
    (void)id;
    (void)client;
    return GH_ERR_UNAVAILABLE;
}

START_TEST(an_outage_is_told_as_such)
{
    const gh_store_ops *whole = F->store->ops;
    F->store->ops = &F->ops;
    F->ops.flow_add = flow_outage;
    reply r = authorize(NULL, NULL, NULL);
    assert_redirect_error(&r, CALLBACK "?", "temporarily_unavailable", "s1");
    reply_clear(&r);
    F->ops.client_get = client_outage;
    r = authorize(NULL, NULL, NULL);
    assert_page(&r, 503);
    assert_header(&r, "Retry-After", "5");
    reply_clear(&r);
    F->store->ops = whole;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("authorize");
    TCase *tc = tcase_create("authorize");
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, a_good_request_shows_the_login_page_and_sets_the_cookie);
    tcase_add_test(tc, over_https_the_cookie_is_host_bound_and_secure);
    tcase_add_test(tc, an_unknown_or_missing_client_gets_a_page_and_no_redirect);
    tcase_add_loop_test(tc, an_unregistered_redirect_gets_a_page_and_no_redirect, 0,
                        sizeof FOREIGN / sizeof *FOREIGN);
    tcase_add_test(tc, a_second_redirect_uri_gets_a_page);
    tcase_add_test(tc, unreadable_parameters_get_a_page);
    tcase_add_loop_test(tc, other_errors_go_to_the_client_with_state_and_issuer, 0, sizeof BAD / sizeof *BAD);
    tcase_add_test(tc, any_parameter_twice_is_invalid_request);
    tcase_add_test(tc, a_second_resource_must_be_ours_too);
    tcase_add_loop_test(tc, every_usual_spelling_of_our_resource_is_accepted, 0, sizeof OURS / sizeof *OURS);
    tcase_add_test(tc, known_scopes_are_granted_and_unknown_ones_dropped);
    tcase_add_test(tc, state_comes_back_byte_for_byte);
    tcase_add_test(tc, a_state_of_more_than_2048_bytes_gets_a_page);
    tcase_add_test(tc, loopback_works_on_the_port_of_the_day);
    tcase_add_test(tc, a_redirect_with_a_query_keeps_it);
    tcase_add_test(tc, a_website_is_linked_to_and_never_redirected_to_before_anybody_acted);
    tcase_add_test(tc, a_private_scheme_gets_its_errors_too);
    tcase_add_test(tc, a_cookie_of_ours_is_kept_and_another_replaced);
    tcase_add_test(tc, an_outage_is_told_as_such);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

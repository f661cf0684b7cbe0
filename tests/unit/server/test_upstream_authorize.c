#include "tests/unit/server/upstream_fixture.h"

static fixture *F;
static trip T;

static void open_all(void)
{
    clock_stop();
    F = upstream_open();
    T = (trip){.l = {.f = F}};
    register_client(F, T.l.client, sizeof T.l.client);
}

static void close_all(void)
{
    upstream_close(F);
}

static void expect_page(reply r, int status)
{
    assert_page(&r, status);
    ck_assert_ptr_null(strstr(reply_body(&r), "upstream words"));
    reply_clear(&r);
}

static reply ask_at(const char *redirect)
{
    char *query = authorize_query(T.l.client, redirect, "s1");
    reply r = get(F, gh_oauth_handle_authorize, query, NULL);
    free(query);
    return r;
}

START_TEST(the_consent_page_comes_first_and_names_client_redirect_scopes_and_provider)
{
    reply r = ask_at(CALLBACK);
    char cookie[512];
    ck_assert_int_eq(r.status, 200);
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "<strong>Claude Code</strong>"));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "Test &amp; Tools"));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "<code>" CALLBACK "</code>"));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "<code>mcp</code>"));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "Sign in with <strong>auth.example.com</strong>"));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "value=\"approve\">Continue</button>"));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "value=\"deny\">Cancel</button>"));
    ck_assert_ptr_null(strstr(reply_body(&r), "signed in as"));
    ck_assert_ptr_null(strstr(reply_body(&r), "/authorize/login"));
    reply_header(&r, "Set-Cookie", cookie, sizeof cookie);
    ck_assert_ptr_null(strstr(cookie, "gh_idp"));
    ck_assert_int_eq(P.sent, 0);
    reply_clear(&r);
}
END_TEST

START_TEST(the_form_may_lead_to_the_provider_and_to_the_client_and_nowhere_else)
{
    char policy[2048];
    reply r = ask_at(CALLBACK);
    reply_header(&r, "Content-Security-Policy", policy, sizeof policy);
    ck_assert_ptr_nonnull(
        strstr(policy, "form-action 'self' http://localhost:3118 https://login.example.com:8443;"));
    assert_header(&r, "X-Frame-Options", "DENY");
    reply_clear(&r);
}
END_TEST

START_TEST(the_form_may_lead_to_the_provider_also_when_the_answer_goes_nowhere)
{
    char hash[GH_SHA256_TEXT_MAX];
    char policy[2048];
    gh_flow flow;
    memset(&flow, 0, sizeof flow);
    trip_start(&T, CALLBACK, "s1");
    ck_assert_int_eq(gh_sha256_text(gh_view_of(T.l.flow), hash), GH_OK);
    ck_assert_int_eq(gh_store_flow_take(F->store, hash, &flow), GH_OK);
    free(flow.redirect_uri);
    flow.redirect_uri = gh_text_dup("device");
    ck_assert_int_eq(gh_store_flow_add(F->store, &flow, 10), GH_OK);
    gh_flow_clear(&flow);
    reply r = login_show_consent(&T.l);
    ck_assert_int_eq(r.status, 200);
    reply_header(&r, "Content-Security-Policy", policy, sizeof policy);
    ck_assert_ptr_nonnull(strstr(policy, "form-action 'self' https://login.example.com:8443;"));
    reply_clear(&r);
}
END_TEST

START_TEST(approval_sends_the_browser_to_the_provider_and_only_then_sets_the_state_cookie)
{
    char cookie[512];
    trip_start(&T, CALLBACK, "s1");
    reply r = login_decide(&T.l, "approve");
    ck_assert_int_eq(r.status, 303);
    ck_assert_int_eq(strncmp(r.location, PROVIDER_AUTHORIZE "?state=", strlen(PROVIDER_AUTHORIZE) + 7), 0);
    reply_header(&r, "Set-Cookie", cookie, sizeof cookie);
    ck_assert_int_eq(strncmp(cookie, "gh_idp_8080=", 12), 0);
    ck_assert_str_eq(strchr(cookie, ';'), "; Path=/callback; Max-Age=600; HttpOnly; SameSite=Lax");
    ck_assert_ptr_null(strstr(r.location, strchr(T.l.cookie, '=') + 1));
    ck_assert_int_eq(strncmp(cookie + 12, strchr(T.l.cookie, '=') + 1, 43) == 0, 0);
    reply_clear(&r);
    ck_assert_int_eq(P.sent, 1);
    ck_assert_uint_eq(strlen(P.asked_state), 43);
    ck_assert_uint_eq(strlen(P.asked_nonce), 43);
    ck_assert_uint_eq(strlen(P.asked_challenge), 43);
    ck_assert_str_ne(P.asked_state, P.asked_nonce);
}
END_TEST

START_TEST(behind_https_the_state_cookie_is_bound_to_the_host)
{
    char cookie[512];
    fixture *f = upstream_open_at("https://mcp.example.com", "https://mcp.example.com/mcp", NULL);
    trip t = {.l = {.f = f}};
    register_client(f, t.l.client, sizeof t.l.client);
    char *query = form("response_type", "code", "client_id", t.l.client, "redirect_uri", CALLBACK,
                       "code_challenge", CHALLENGE, "code_challenge_method", "S256", NULL);
    reply r = get(f, gh_oauth_handle_authorize, query, NULL);
    free(query);
    ck_assert_int_eq(r.status, 200);
    keep_cookie(&t.l, &r);
    hidden_field(&r, "flow", t.l.flow, sizeof t.l.flow);
    hidden_field(&r, "csrf", t.l.consent, sizeof t.l.consent);
    reply_clear(&r);
    r = login_decide(&t.l, "approve");
    ck_assert_int_eq(r.status, 303);
    reply_header(&r, "Set-Cookie", cookie, sizeof cookie);
    ck_assert_int_eq(strncmp(cookie, "__Host-gh_idp=", 14), 0);
    ck_assert_str_eq(strchr(cookie, ';'), "; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure");
    reply_clear(&r);
    upstream_close(f);
}
END_TEST

START_TEST(every_approval_has_a_state_and_a_nonce_of_its_own)
{
    char state[64];
    char nonce[64];
    trip_start(&T, CALLBACK, "s1");
    trip_approve(&T);
    memcpy(state, P.asked_state, sizeof state);
    memcpy(nonce, P.asked_nonce, sizeof nonce);
    trip_approve(&T);
    ck_assert_str_ne(P.asked_state, state);
    ck_assert_str_ne(P.asked_nonce, nonce);
}
END_TEST

START_TEST(cancelling_is_access_denied_and_bothers_no_provider)
{
    trip_start(&T, CALLBACK, "s1");
    reply r = login_decide(&T.l, "deny");
    assert_redirect_error(&r, CALLBACK "?", "access_denied", "s1");
    ck_assert_int_eq(r.status, 303);
    reply_clear(&r);
    ck_assert_int_eq(P.sent, 0);
    expect_page(login_decide(&T.l, "approve"), 400);
}
END_TEST

START_TEST(approval_needs_the_form_of_this_browser)
{
    trip other = {.l = {.f = F}};
    memcpy(other.l.client, T.l.client, sizeof other.l.client);
    trip_start(&T, CALLBACK, "s1");
    trip_start(&other, CALLBACK, "s2");
    trip forged = T;
    memcpy(forged.l.consent, other.l.consent, sizeof forged.l.consent);
    expect_page(login_decide(&forged.l, "approve"), 403);
    forged = T;
    forged.l.consent[0] = '\0';
    expect_page(login_decide(&forged.l, "approve"), 403);
    forged = T;
    memcpy(forged.l.cookie, other.l.cookie, sizeof forged.l.cookie);
    expect_page(login_decide(&forged.l, "approve"), 403);
    forged.l.cookie[0] = '\0';
    expect_page(login_decide(&forged.l, "approve"), 403);
    ck_assert_int_eq(P.sent, 0);
    trip_approve(&T);
}
END_TEST

START_TEST(a_link_never_approves)
{
    trip_start(&T, CALLBACK, "s1");
    char *query = form("flow", T.l.flow, "csrf", T.l.consent, "decision", "approve", NULL);
    reply r = get(F, gh_oauth_handle_consent, query, T.l.cookie);
    ck_assert_int_eq(r.status, 200);
    ck_assert_str_eq(r.location, "");
    reply_clear(&r);
    free(query);
    ck_assert_int_eq(P.sent, 0);
}
END_TEST

START_TEST(consent_is_asked_at_every_login)
{
    T = trip_all(F);
    trip_start(&T, CALLBACK, "again");
    login_read_consent(&T.l);
    trip_approve(&T);
}
END_TEST

START_TEST(the_dev_login_is_closed)
{
    trip_start(&T, CALLBACK, "s1");
    char *query = form("flow", T.l.flow, NULL);
    expect_page(get(F, gh_oauth_handle_login, query, T.l.cookie), 404);
    free(query);
    memcpy(T.l.csrf, T.l.consent, sizeof T.l.csrf);
    expect_page(login_post(&T.l, "Mallory", "alice@example.com", NULL), 404);
}
END_TEST

static const gh_idp_state NOT_READY[] = {GH_IDP_WAITING, GH_IDP_REFUSED};

START_TEST(without_a_provider_the_client_is_told_before_anybody_consents)
{
    P.state = NOT_READY[_i];
    reply r = ask_at(CALLBACK);
    assert_redirect_error(&r, CALLBACK "?", "temporarily_unavailable", "s1");
    ck_assert_ptr_null(strstr(r.location, "upstream"));
    reply_clear(&r);
}
END_TEST

START_TEST(without_a_provider_a_website_gets_a_page)
{
    register_json(F, "{\"client_name\":\"Site\",\"redirect_uris\":[\"https://site.example/cb\"]}", T.l.client,
                  sizeof T.l.client);
    P.state = NOT_READY[_i];
    expect_page(ask_at("https://site.example/cb"), 503);
}
END_TEST

START_TEST(a_provider_that_goes_away_before_the_approval_costs_nothing)
{
    char header[64];
    trip_start(&T, CALLBACK, "s1");
    P.state = NOT_READY[_i];
    reply r = login_decide(&T.l, "approve");
    assert_page(&r, 503);
    reply_header(&r, "Set-Cookie", header, sizeof header);
    ck_assert_str_eq(header, "");
    reply_clear(&r);
    expect_page(login_show_consent(&T.l), 503);
    P.state = GH_IDP_READY;
    login_read_consent(&T.l);
    trip_approve(&T);
    trip_finish(&T);
}
END_TEST

static gh_status login_outage(gh_store *store, const gh_upstream_login *added, size_t cap)
{
    (void)store;
    (void)added;
    (void)cap;
    return GH_ERR_UNAVAILABLE;
}

START_TEST(an_outage_of_the_store_at_the_approval_can_be_tried_again)
{
    const gh_store_ops *whole = F->store->ops;
    trip_start(&T, CALLBACK, "s1");
    F->ops.upstream_login_add = login_outage;
    F->store->ops = &F->ops;
    expect_page(login_decide(&T.l, "approve"), 503);
    F->store->ops = whole;
    trip_approve(&T);
}
END_TEST

static void expect_refusal(const gh_oauth_options *options, const char *word)
{
    gh_error error = {0};
    gh_oauth_server *server = NULL;
    ck_assert_int_eq(gh_oauth_server_new(options, F->store, &server, &error), GH_ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(error.message, word));
    ck_assert_ptr_null(server);
}

START_TEST(options_that_cannot_work_are_refused)
{
    char *rule = gh_text_dup("groups");
    const gh_text_list rules = {&rule, 1};
    gh_oauth_options options = fixture_options(F, ISSUER, RESOURCE);
    options.idp = &P;
    expect_refusal(&options, "key");
    options.sealer = sealer;
    options.required_claims = &rules;
    expect_refusal(&options, "groups");
    free(rule);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("upstream_authorize");
    TCase *tc = tcase_create("upstream_authorize");
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, the_consent_page_comes_first_and_names_client_redirect_scopes_and_provider);
    tcase_add_test(tc, the_form_may_lead_to_the_provider_and_to_the_client_and_nowhere_else);
    tcase_add_test(tc, the_form_may_lead_to_the_provider_also_when_the_answer_goes_nowhere);
    tcase_add_test(tc, approval_sends_the_browser_to_the_provider_and_only_then_sets_the_state_cookie);
    tcase_add_test(tc, every_approval_has_a_state_and_a_nonce_of_its_own);
    tcase_add_test(tc, cancelling_is_access_denied_and_bothers_no_provider);
    tcase_add_test(tc, approval_needs_the_form_of_this_browser);
    tcase_add_test(tc, a_link_never_approves);
    tcase_add_test(tc, consent_is_asked_at_every_login);
    tcase_add_test(tc, the_dev_login_is_closed);
    tcase_add_loop_test(tc, without_a_provider_the_client_is_told_before_anybody_consents, 0, 2);
    tcase_add_loop_test(tc, without_a_provider_a_website_gets_a_page, 0, 2);
    tcase_add_loop_test(tc, a_provider_that_goes_away_before_the_approval_costs_nothing, 0, 2);
    tcase_add_test(tc, an_outage_of_the_store_at_the_approval_can_be_tried_again);
    tcase_add_test(tc, options_that_cannot_work_are_refused);
    suite_add_tcase(suite, tc);
    TCase *https = tcase_create("https");
    tcase_add_test(https, behind_https_the_state_cookie_is_bound_to_the_host);
    suite_add_tcase(suite, https);
    return gh_suite_run(suite);
}

#include "tests/unit/server/device_fixture.h"

static fixture *F;
static device D;

static void open_all(void)
{
    clock_stop();
    F = fixture_open();
    D = device_open(F);
}

static void close_all(void)
{
    fixture_close(F);
}

static void assert_holds(const reply *r, const char *text)
{
    ck_assert_msg(strstr(reply_body(r), text) != NULL, "no \"%s\" in %s", text, reply_body(r));
}

static void expect_start_error(reply r, int status, const char *code)
{
    assert_error(&r, status, code);
    assert_header(&r, "Cache-Control", "no-store");
    reply_clear(&r);
}

START_TEST(a_device_gets_its_codes_and_where_to_use_them)
{
    char text[256];
    char expected[320];
    reply r = post_start(F, D.browser.client, NULL, RESOURCE);
    ck_assert_int_eq(r.status, 200);
    assert_header(&r, "Cache-Control", "no-store");
    json_member(&r, "device_code", text, sizeof text);
    ck_assert_uint_ge(strlen(text), 43);
    json_member(&r, "user_code", text, sizeof text);
    ck_assert_uint_eq(strlen(text), 9);
    ck_assert_uint_eq(strspn(text, "BCDFGHJKLMNPQRSTVWXZ"), 4);
    ck_assert_int_eq(text[4], '-');
    ck_assert_uint_eq(strspn(text + 5, "BCDFGHJKLMNPQRSTVWXZ"), 4);
    (void)snprintf(expected, sizeof expected, ISSUER "/device?user_code=%s", text);
    json_member(&r, "verification_uri_complete", text, sizeof text);
    ck_assert_str_eq(text, expected);
    json_member(&r, "verification_uri", text, sizeof text);
    ck_assert_str_eq(text, ISSUER "/device");
    assert_holds(&r, "\"expires_in\":600");
    assert_holds(&r, "\"interval\":5");
    reply_clear(&r);
}
END_TEST

START_TEST(codes_differ_each_time)
{
    device other = D;
    device_start(&other, NULL);
    ck_assert_str_ne(other.code, D.code);
    ck_assert_str_ne(other.user_code, D.user_code);
}
END_TEST

START_TEST(what_a_device_may_not_ask_for_is_said)
{
    char client[64];
    register_client(F, client, sizeof client);
    expect_start_error(post_start(F, "nobody", NULL, NULL), 401, "invalid_client");
    expect_start_error(post_start(F, NULL, NULL, NULL), 400, "invalid_request");
    expect_start_error(post_start(F, client, NULL, NULL), 400, "unauthorized_client");
    expect_start_error(post_start(F, D.browser.client, "admin", NULL), 400, "invalid_scope");
    expect_start_error(post_start(F, D.browser.client, NULL, "https://other.example/mcp"), 400,
                       "invalid_target");
}
END_TEST

START_TEST(one_address_cannot_start_without_end)
{
    reply r = {0};
    for (int i = 0; i < 60; i++) {
        r = post_start(F, D.browser.client, NULL, NULL);
        if (r.status != 200) {
            break;
        }
        reply_clear(&r);
    }
    assert_error(&r, 429, "temporarily_unavailable");
    ck_assert(gh_response_has_header(&r.raw, "Retry-After"));
    reply_clear(&r);
    clock_forward(61);
    r = post_start(F, D.browser.client, NULL, NULL);
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
}
END_TEST

START_TEST(the_page_asks_for_the_code_and_cannot_be_framed)
{
    char policy[2048];
    reply r = device_page(&D, NULL);
    assert_holds(&r, "Test &amp; Tools");
    assert_holds(&r, "placeholder=\"XXXX-XXXX\"");
    assert_header(&r, "Cache-Control", "no-store");
    assert_header(&r, "X-Frame-Options", "DENY");
    reply_header(&r, "Content-Security-Policy", policy, sizeof policy);
    ck_assert_ptr_nonnull(strstr(policy, "frame-ancestors 'none'"));
    reply_clear(&r);
}
END_TEST

/* hidden_field() knows only name="…" value="…" side by side. */
static void assert_prefilled(const reply *r, const char *value)
{
    char expected[128];
    (void)snprintf(expected, sizeof expected, "autofocus value=\"%s\"", value);
    assert_holds(r, expected);
}

START_TEST(the_complete_address_fills_the_code_in_and_decides_nothing)
{
    reply r = device_page(&D, D.user_code);
    assert_prefilled(&r, D.user_code);
    assert_holds(&r, "Compare this code with the one that it shows");
    assert_holds(&r, "Did somebody send you this address");
    reply_clear(&r);
    device_expect(&D, "authorization_pending");
}
END_TEST

START_TEST(what_is_no_code_is_not_shown_back)
{
    reply r = device_page(&D, "\"><script>alert(1)</script>");
    assert_prefilled(&r, "");
    ck_assert_ptr_null(strstr(reply_body(&r), "script>"));
    reply_clear(&r);
}
END_TEST

START_TEST(a_parameter_that_occurs_twice_is_refused)
{
    reply r = get(F, gh_oauth_handle_device, "user_code=WDJB-MJHT&user_code=BBBB-BBBB", NULL);
    assert_page(&r, 400);
    reply_clear(&r);
    r = fixture_call(F, gh_oauth_handle_device,
                     &(call){.method = "POST", .body = "{}", .type = JSON, .cookie = NULL});
    assert_page(&r, 400);
    reply_clear(&r);
}
END_TEST

START_TEST(the_code_may_be_typed_as_people_type)
{
    char typed[64];
    const char *code = D.user_code;
    reply r = device_page(&D, NULL);
    reply_clear(&r);
    (void)snprintf(typed, sizeof typed, " %c%c %c%c%c %c%c%c ", code[0] | 0x20, code[1] | 0x20, code[2],
                   code[3], code[5], code[6] | 0x20, code[7], code[8]);
    r = device_enter(&D, typed);
    ck_assert_int_eq(r.status, 303);
    reply_clear(&r);
}
END_TEST

START_TEST(a_form_of_another_browser_is_refused)
{
    char csrf[128];
    device other = D;
    reply r = device_page(&D, NULL);
    reply_clear(&r);
    (void)snprintf(csrf, sizeof csrf, "%s", D.browser.csrf);
    r = device_page(&other, NULL);
    reply_clear(&r);
    (void)snprintf(other.browser.csrf, sizeof other.browser.csrf, "%s", csrf);
    r = device_enter(&other, D.user_code);
    assert_page(&r, 403);
    reply_clear(&r);
    other.browser.cookie[0] = '\0';
    r = device_enter(&other, D.user_code);
    assert_page(&r, 403);
    reply_clear(&r);
}
END_TEST

START_TEST(a_wrong_code_may_be_corrected)
{
    static const char *const wrong[] = {"BBBB-BBBB", "WDJB", "AEIO-UAEI", "WDJB-MJHT-X", NULL};
    reply r = device_page(&D, NULL);
    reply_clear(&r);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        r = device_enter(&D, wrong[i]);
        ck_assert_int_eq(r.status, 400);
        assert_holds(&r, "aria-invalid");
        assert_holds(&r, "action=\"/device\"");
        reply_clear(&r);
    }
    r = device_enter(&D, D.user_code);
    ck_assert_int_eq(r.status, 303);
    reply_clear(&r);
}
END_TEST

/* Enters a code from `address`. */
static int enter_from(const char *address, const char *user_code)
{
    char *body = form("csrf", D.browser.csrf, "user_code", user_code, NULL);
    const gh_header headers[] = {{GH_VIEW_LIT("content-type"), GH_VIEW_LIT(FORM)},
                                 {GH_VIEW_LIT("cookie"), gh_view_of(D.browser.cookie)}};
    const gh_request request = {.method = GH_VIEW_LIT("POST"),
                                .path = GH_VIEW_LIT("/device"),
                                .body = gh_view_of(body),
                                .headers = headers,
                                .header_count = 2,
                                .remote_host = gh_view_of(address)};
    gh_response response;
    gh_response_init(&response, NULL);
    gh_oauth_handle_device(F->server, &request, &response);
    int status = response.status;
    ck_assert(status != 429 || gh_response_has_header(&response, "Retry-After"));
    gh_response_clear(&response);
    free(body);
    return status;
}

START_TEST(ten_wrong_codes_a_minute_are_enough_for_one_address)
{
    reply r = device_page(&D, NULL);
    reply_clear(&r);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(enter_from("192.0.2.1", "BBBB-BBBB"), 400);
    }
    ck_assert_int_eq(enter_from("192.0.2.1", "BBBB-BBBB"), 429);
    ck_assert_int_eq(enter_from("192.0.2.1", D.user_code), 429);
    ck_assert_int_eq(enter_from("192.0.2.2", D.user_code), 303);
    clock_forward(61);
    ck_assert_int_eq(enter_from("192.0.2.1", D.user_code), 303);
}
END_TEST

START_TEST(neighbours_in_one_ipv6_network_count_as_one)
{
    char address[64];
    reply r = device_page(&D, NULL);
    reply_clear(&r);
    for (int i = 0; i < 10; i++) {
        (void)snprintf(address, sizeof address, "2001:db8:1:2::%x", i);
        ck_assert_int_eq(enter_from(address, "BBBB-BBBB"), 400);
    }
    ck_assert_int_eq(enter_from("2001:db8:1:2:ffff::1", "BBBB-BBBB"), 429);
    ck_assert_int_eq(enter_from("2001:db8:1:3::1", "BBBB-BBBB"), 400);
}
END_TEST

START_TEST(many_addresses_together_have_a_limit_too)
{
    char address[64];
    reply r = device_page(&D, NULL);
    reply_clear(&r);
    for (int i = 0; i < 60; i++) {
        (void)snprintf(address, sizeof address, "192.0.2.%d", i);
        ck_assert_int_eq(enter_from(address, "BBBB-BBBB"), 400);
    }
    ck_assert_int_eq(enter_from("198.51.100.1", "BBBB-BBBB"), 429);
    clock_forward(61);
    ck_assert_int_eq(enter_from("198.51.100.1", D.user_code), 303);
}
END_TEST

START_TEST(right_codes_are_not_counted)
{
    reply r = device_page(&D, NULL);
    reply_clear(&r);
    for (int i = 0; i < 70; i++) {
        ck_assert_int_eq(enter_from("192.0.2.1", D.user_code), 303);
    }
}
END_TEST

START_TEST(more_addresses_than_a_table_holds_are_served_all_the_same)
{
    char address[64];
    reply r = device_page(&D, NULL);
    reply_clear(&r);
    for (int i = 0; i < 1500; i++) {
        (void)snprintf(address, sizeof address, "10.1.%d.%d", i / 250, i % 250);
        ck_assert_int_eq(enter_from(address, D.user_code), 303);
    }
}
END_TEST

START_TEST(the_consent_names_client_and_scopes_and_asks_who_started_it)
{
    char policy[2048];
    device d = D;
    device_start(&d, "mcp offline_access");
    device_begin(&d);
    reply r = login_show_consent(&d.browser);
    assert_holds(&r, "Kitchen &lt;TV&gt;");
    assert_holds(&r, "<code>mcp</code>");
    assert_holds(&r, "<code>offline_access</code>");
    assert_holds(&r, "Did you start this on another device?");
    assert_holds(&r, "alice@example.com");
    ck_assert_ptr_null(strstr(reply_body(&r), "The answer goes to"));
    reply_header(&r, "Content-Security-Policy", policy, sizeof policy);
    ck_assert_ptr_nonnull(strstr(policy, "form-action 'self'"));
    reply_clear(&r);
}
END_TEST

START_TEST(what_the_person_allows_reaches_the_device)
{
    device_begin(&D);
    reply r = login_decide(&D.browser, "approve");
    assert_page(&r, 200);
    assert_holds(&r, "Go back to your device");
    reply_clear(&r);
    r = device_poll(&D);
    tokens t = read_tokens(&r);
    ck_assert_str_ne(t.access, "");
    ck_assert_str_ne(t.refresh, "");
    ck_assert_str_eq(t.scope, "mcp");
}
END_TEST

START_TEST(what_the_person_denies_reaches_the_device)
{
    device_begin(&D);
    reply r = login_decide(&D.browser, "deny");
    assert_page(&r, 200);
    assert_holds(&r, "gets no access");
    reply_clear(&r);
    device_expect(&D, "access_denied");
}
END_TEST

START_TEST(a_decision_counts_once)
{
    device other = D;
    device_begin(&D);
    device_begin(&other);
    reply r = login_decide(&D.browser, "approve");
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
    r = login_decide(&D.browser, "approve");
    assert_page(&r, 400);
    reply_clear(&r);
    r = login_decide(&other.browser, "deny");
    assert_page(&r, 400);
    assert_holds(&r, "over");
    reply_clear(&r);
    r = device_poll(&D);
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
}
END_TEST

START_TEST(two_browsers_that_allow_the_same_code_give_one_access)
{
    device other = D;
    device_begin(&D);
    device_begin(&other);
    reply r = login_decide(&D.browser, "approve");
    reply_clear(&r);
    r = login_decide(&other.browser, "approve");
    assert_page(&r, 400);
    reply_clear(&r);
}
END_TEST

START_TEST(a_code_that_was_decided_on_is_no_code_any_more)
{
    device other = D;
    device_begin(&D);
    reply r = login_decide(&D.browser, "approve");
    reply_clear(&r);
    r = device_page(&other, NULL);
    reply_clear(&r);
    r = device_enter(&other, D.user_code);
    ck_assert_int_eq(r.status, 400);
    reply_clear(&r);
}
END_TEST

START_TEST(a_sign_in_ends_with_its_code)
{
    clock_forward(500);
    device_begin(&D);
    clock_forward(101);
    reply r = login_decide(&D.browser, "approve");
    assert_page(&r, 400);
    reply_clear(&r);
    device_expect(&D, "expired_token");
}
END_TEST

START_TEST(a_client_cannot_name_the_device_as_its_redirect)
{
    reply r = post_registration(F, "{\"redirect_uris\":[\"device\"]}");
    assert_error(&r, 400, "invalid_redirect_uri");
    reply_clear(&r);
    char *query = authorize_query(D.browser.client, "device", "s");
    r = get(F, gh_oauth_handle_authorize, query, NULL);
    assert_page(&r, 400);
    reply_clear(&r);
    free(query);
}
END_TEST

START_TEST(a_client_without_redirects_is_registered_as_such)
{
    reply r = post_registration(F, DEVICE_CLIENT_JSON);
    ck_assert_int_eq(r.status, 201);
    assert_holds(&r, "\"redirect_uris\":[]");
    assert_holds(&r, "[\"refresh_token\",\"" DEVICE_GRANT "\"]");
    ck_assert_ptr_null(strstr(reply_body(&r), "response_types"));
    reply_clear(&r);
    r = post_registration(F, "{\"grant_types\":[\"refresh_token\"],\"redirect_uris\":[\"" CALLBACK "\"]}");
    assert_error(&r, 400, "invalid_client_metadata");
    reply_clear(&r);
    r = post_registration(F, "{\"grant_types\":[\"authorization_code\",\"" DEVICE_GRANT "\"]}");
    assert_error(&r, 400, "invalid_redirect_uri");
    reply_clear(&r);
}
END_TEST

static gh_status no_device(gh_store *store, const char *hash, gh_device *found)
{
    (void)store;
    (void)hash;
    (void)found;
    return GH_ERR_UNAVAILABLE;
}

static gh_status no_decision(gh_store *store, const char *hash, const gh_grant *grant)
{
    (void)store;
    (void)hash;
    (void)grant;
    return GH_ERR_UNAVAILABLE;
}

static gh_status no_room(gh_store *store, const gh_device *added, size_t cap)
{
    (void)store;
    (void)added;
    (void)cap;
    return GH_ERR_TOO_LARGE;
}

START_TEST(an_outage_is_told_as_such)
{
    F->store->ops = &F->ops;
    F->ops.device_add = no_room;
    expect_start_error(post_start(F, D.browser.client, NULL, NULL), 503, "temporarily_unavailable");
    device_begin(&D);
    F->ops.device_decide = no_decision;
    reply r = login_decide(&D.browser, "approve");
    assert_page(&r, 503);
    ck_assert(gh_response_has_header(&r.raw, "Retry-After"));
    reply_clear(&r);
    F->ops.device_by_user_code = no_device;
    r = device_page(&D, NULL);
    reply_clear(&r);
    r = device_enter(&D, D.user_code);
    assert_page(&r, 503);
    reply_clear(&r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("device");
    TCase *tc = tcase_create("device");
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, a_device_gets_its_codes_and_where_to_use_them);
    tcase_add_test(tc, codes_differ_each_time);
    tcase_add_test(tc, what_a_device_may_not_ask_for_is_said);
    tcase_add_test(tc, one_address_cannot_start_without_end);
    tcase_add_test(tc, the_page_asks_for_the_code_and_cannot_be_framed);
    tcase_add_test(tc, the_complete_address_fills_the_code_in_and_decides_nothing);
    tcase_add_test(tc, what_is_no_code_is_not_shown_back);
    tcase_add_test(tc, a_parameter_that_occurs_twice_is_refused);
    tcase_add_test(tc, the_code_may_be_typed_as_people_type);
    tcase_add_test(tc, a_form_of_another_browser_is_refused);
    tcase_add_test(tc, a_wrong_code_may_be_corrected);
    tcase_add_test(tc, ten_wrong_codes_a_minute_are_enough_for_one_address);
    tcase_add_test(tc, neighbours_in_one_ipv6_network_count_as_one);
    tcase_add_test(tc, many_addresses_together_have_a_limit_too);
    tcase_add_test(tc, right_codes_are_not_counted);
    tcase_add_test(tc, more_addresses_than_a_table_holds_are_served_all_the_same);
    tcase_add_test(tc, the_consent_names_client_and_scopes_and_asks_who_started_it);
    tcase_add_test(tc, what_the_person_allows_reaches_the_device);
    tcase_add_test(tc, what_the_person_denies_reaches_the_device);
    tcase_add_test(tc, a_decision_counts_once);
    tcase_add_test(tc, two_browsers_that_allow_the_same_code_give_one_access);
    tcase_add_test(tc, a_code_that_was_decided_on_is_no_code_any_more);
    tcase_add_test(tc, a_sign_in_ends_with_its_code);
    tcase_add_test(tc, a_client_cannot_name_the_device_as_its_redirect);
    tcase_add_test(tc, a_client_without_redirects_is_registered_as_such);
    tcase_add_test(tc, an_outage_is_told_as_such);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

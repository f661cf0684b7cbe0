#include "tests/unit/server/oauth_fixture.h"

static fixture *F;
static login L;

static void open_all(void)
{
    clock_stop();
    F = fixture_open();
    memset(&L, 0, sizeof L);
    L.f = F;
    register_client(F, L.client, sizeof L.client);
    login_start(&L, CALLBACK, "s1");
}

static void close_all(void)
{
    fixture_close(F);
}

static void expect_page(reply r, int status)
{
    assert_page(&r, status);
    reply_clear(&r);
}

/* Another login of the same client in a browser of its own. */
static login other_browser(void)
{
    login other = {.f = F};
    memcpy(other.client, L.client, sizeof other.client);
    login_start(&other, CALLBACK, "other");
    return other;
}

START_TEST(login_then_approval_leads_to_the_client_with_code_state_and_issuer)
{
    char found[256];
    login_sign_in(&L, "Alice", "alice@example.com");
    login_read_consent(&L);
    reply r = login_decide(&L, "approve");
    ck_assert_int_eq(r.status, 303);
    ck_assert_int_eq(strncmp(r.location, CALLBACK "?code=", strlen(CALLBACK "?code=")), 0);
    location_param(&r, "code", found, sizeof found);
    ck_assert_uint_eq(strlen(found), 43);
    location_param(&r, "state", found, sizeof found);
    ck_assert_str_eq(found, "s1");
    location_param(&r, "iss", found, sizeof found);
    ck_assert_str_eq(found, ISSUER);
    assert_header(&r, "Cache-Control", "no-store");
    reply_clear(&r);
}
END_TEST

START_TEST(denial_is_access_denied)
{
    login_sign_in(&L, "Alice", "alice@example.com");
    login_read_consent(&L);
    reply r = login_decide(&L, "deny");
    ck_assert_int_eq(r.status, 303);
    assert_redirect_error(&r, CALLBACK "?", "access_denied", "s1");
    reply_clear(&r);
    expect_page(login_decide(&L, "approve"), 400);
}
END_TEST

START_TEST(a_decision_counts_once)
{
    login_finish(&L);
    expect_page(login_decide(&L, "approve"), 400);
    expect_page(login_show_consent(&L), 400);
}
END_TEST

START_TEST(another_decision_than_the_two_changes_nothing)
{
    login_sign_in(&L, "Alice", "alice@example.com");
    login_read_consent(&L);
    expect_page(login_decide(&L, "maybe"), 400);
    expect_page(login_decide(&L, NULL), 400);
    login_approve(&L);
}
END_TEST

START_TEST(a_login_that_took_too_long_is_over)
{
    clock_forward(601);
    expect_page(login_post(&L, "Alice", "alice@example.com", NULL), 400);
}
END_TEST

START_TEST(an_unknown_flow_is_over)
{
    static const char *const ids[] = {"", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                      "<script>alert(1)</script>"};
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(L.flow, sizeof L.flow, "%s", ids[i]);
        expect_page(login_post(&L, "Alice", "alice@example.com", NULL), 400);
        reply r = login_show_consent(&L);
        ck_assert_ptr_null(strstr(reply_body(&r), "<script"));
        expect_page(r, 400);
    }
}
END_TEST

START_TEST(without_the_cookie_nothing_works)
{
    char cookie[256];
    memcpy(cookie, L.cookie, sizeof cookie);
    L.cookie[0] = '\0';
    expect_page(login_post(&L, "Alice", "alice@example.com", NULL), 403);
    memcpy(L.cookie, cookie, sizeof cookie);
    login_sign_in(&L, "Alice", "alice@example.com");
    login_read_consent(&L);
    L.cookie[0] = '\0';
    expect_page(login_show_consent(&L), 403);
    expect_page(login_decide(&L, "approve"), 403);
    memcpy(L.cookie, cookie, sizeof cookie);
    login_approve(&L);
}
END_TEST

START_TEST(the_cookie_of_another_browser_does_not_fit)
{
    login other = other_browser();
    char own[256];
    memcpy(own, L.cookie, sizeof own);
    memcpy(L.cookie, other.cookie, sizeof L.cookie);
    expect_page(login_post(&L, "Mallory", "mallory@evil.example", NULL), 403);
    memcpy(L.cookie, own, sizeof own);
    login_sign_in(&L, "Alice", "alice@example.com");
    login_read_consent(&L);
    memcpy(L.cookie, other.cookie, sizeof L.cookie);
    expect_page(login_show_consent(&L), 403);
    expect_page(login_decide(&L, "approve"), 403);
}
END_TEST

START_TEST(a_form_needs_the_csrf_token_of_its_flow)
{
    login second = {.f = F};
    memcpy(second.client, L.client, sizeof second.client);
    memcpy(second.cookie, L.cookie, sizeof second.cookie);
    login_start(&second, CALLBACK, "s2");

    char own[128];
    memcpy(own, L.csrf, sizeof own);
    memcpy(L.csrf, second.csrf, sizeof L.csrf);
    expect_page(login_post(&L, "Alice", "alice@example.com", NULL), 403);
    L.csrf[0] = '\0';
    expect_page(login_post(&L, "Alice", "alice@example.com", NULL), 403);
    memcpy(L.csrf, own, sizeof own);
    L.csrf[5] = L.csrf[5] == 'A' ? 'B' : 'A';
    expect_page(login_post(&L, "Alice", "alice@example.com", NULL), 403);
    memcpy(L.csrf, own, sizeof own);

    login_sign_in(&L, "Alice", "alice@example.com");
    login_sign_in(&second, "Alice", "alice@example.com");
    login_read_consent(&second);
    memcpy(L.consent, second.consent, sizeof L.consent);
    expect_page(login_decide(&L, "approve"), 403);
    L.consent[0] = '\0';
    expect_page(login_decide(&L, "approve"), 403);
}
END_TEST

START_TEST(the_token_of_the_login_form_does_not_consent)
{
    login_sign_in(&L, "Alice", "alice@example.com");
    memcpy(L.consent, L.csrf, sizeof L.consent);
    expect_page(login_decide(&L, "approve"), 403);
}
END_TEST

START_TEST(consent_without_login_leads_to_the_login)
{
    reply r = login_show_consent(&L);
    ck_assert_int_eq(r.status, 303);
    ck_assert_int_eq(strncmp(r.location, "/authorize/login?flow=", 22), 0);
    reply_clear(&r);
    memcpy(L.consent, L.csrf, sizeof L.consent);
    expect_page(login_decide(&L, "approve"), 403);
}
END_TEST

START_TEST(a_consent_page_is_void_once_somebody_else_signed_in)
{
    login_sign_in(&L, "Alice", "alice@example.com");
    login_read_consent(&L);
    login_sign_in(&L, "Bob", "bob@example.com");
    expect_page(login_decide(&L, "approve"), 403);
    login_read_consent(&L);
    login_approve(&L);
}
END_TEST

START_TEST(two_tabs_of_a_browser_work_side_by_side)
{
    login second = {.f = F};
    memcpy(second.client, L.client, sizeof second.client);
    memcpy(second.cookie, L.cookie, sizeof second.cookie);
    login_start(&second, CALLBACK, "s2");
    ck_assert_str_eq(second.cookie, L.cookie);
    ck_assert_str_ne(second.flow, L.flow);
    login_sign_in(&L, "Alice", "alice@example.com");
    login_sign_in(&second, "Bob", "bob@example.com");
    login_read_consent(&second);
    login_read_consent(&L);
    login_approve(&second);
    login_approve(&L);
    ck_assert_str_ne(L.code, second.code);
}
END_TEST

START_TEST(only_a_form_is_read)
{
    char *body = form("flow", L.flow, "csrf", L.csrf, "name", "Alice", "email", "alice@example.com", NULL);
    expect_page(
        fixture_call(F, gh_oauth_handle_login,
                     &(call){.method = "POST", .body = body, .type = "text/plain", .cookie = L.cookie}),
        400);
    expect_page(
        fixture_call(F, gh_oauth_handle_login, &(call){.method = "POST", .body = body, .cookie = L.cookie}),
        400);
    free(body);
    body =
        form("flow", L.flow, "csrf", L.csrf, "name", "Alice", "name", "Bob", "email", "a@example.com", NULL);
    expect_page(post(F, gh_oauth_handle_login, body, L.cookie), 400);
    free(body);
}
END_TEST

START_TEST(get_never_decides)
{
    login_sign_in(&L, "Alice", "alice@example.com");
    login_read_consent(&L);
    char *query = form("flow", L.flow, "csrf", L.consent, "decision", "approve", NULL);
    reply r = get(F, gh_oauth_handle_consent, query, L.cookie);
    ck_assert_int_eq(r.status, 200);
    ck_assert_str_eq(r.location, "");
    reply_clear(&r);
    free(query);
    login_approve(&L);
}
END_TEST

static const char *const BAD_PEOPLE[][2] = {
    {"", "alice@example.com"},
    {"   ", "alice@example.com"},
    {"Alice\nBob", "alice@example.com"},
    {"Alice\x07", "alice@example.com"},
    {"Alice\x7f", "alice@example.com"},
    {"Alice \xe2\x80\xae"
     "ecilA",
     "alice@example.com"},
    {"Alice\xe2\x80\x8b", "alice@example.com"},
    {"Alice", ""},
    {"Alice", "alice"},
    {"Alice", "@example.com"},
    {"Alice", "alice@"},
    {"Alice", "alice@exa mple.com"},
    {"Alice", "alice@@example.com"},
    {"Alice", "a@b@example.com"},
    {"Alice", "<alice@example.com>"},
    {"Alice", "alice@example.com\nBcc: x@example.com"},
    {"Alice", "alice\xe2\x80\xae@example.com"},
};

START_TEST(a_name_or_address_that_is_none_shows_the_form_again)
{
    reply r = login_post(&L, BAD_PEOPLE[_i][0], BAD_PEOPLE[_i][1], NULL);
    ck_assert_int_eq(r.status, 400);
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "role=\"alert\""));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "aria-invalid=\"true\""));
    reply_clear(&r);
    reply consent = login_show_consent(&L);
    ck_assert_int_eq(consent.status, 303);
    reply_clear(&consent);
}
END_TEST

START_TEST(lengths_are_counted_in_characters)
{
    char name[400];
    char email[300];
    for (size_t i = 0; i < 100; i++) {
        memcpy(name + 2 * i, "\xc3\xa9", 3);
    }
    login_sign_in(&L, name, "alice@example.com");
    memcpy(name + 200, "e", 2);
    reply r = login_post(&L, name, "alice@example.com", NULL);
    ck_assert_int_eq(r.status, 400);
    reply_clear(&r);
    memset(email, 'x', sizeof email);
    memcpy(email, "a@", 2);
    email[254] = '\0';
    login_sign_in(&L, "Alice", email);
    email[254] = 'x';
    email[255] = '\0';
    r = login_post(&L, "Alice", email, NULL);
    ck_assert_int_eq(r.status, 400);
    reply_clear(&r);
}
END_TEST

START_TEST(what_was_typed_is_kept_when_the_form_comes_again)
{
    reply r = login_post(&L, "Alice \"A\" <b>", "not an address", NULL);
    ck_assert_int_eq(r.status, 400);
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "value=\"Alice &quot;A&quot; &lt;b&gt;\""));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "value=\"not an address\""));
    /* The form that came again works. */
    hidden_field(&r, "csrf", L.csrf, sizeof L.csrf);
    reply_clear(&r);
    login_sign_in(&L, "Alice", "alice@example.com");
}
END_TEST

START_TEST(not_you_leads_back_to_the_form_with_the_values)
{
    login_sign_in(&L, "Alice", "alice@example.com");
    char *query = form("flow", L.flow, NULL);
    reply r = get(F, gh_oauth_handle_login, query, L.cookie);
    ck_assert_int_eq(r.status, 200);
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "value=\"Alice\""));
    ck_assert_ptr_nonnull(strstr(reply_body(&r), "value=\"alice@example.com\""));
    hidden_field(&r, "csrf", L.csrf, sizeof L.csrf);
    reply_clear(&r);
    free(query);
    login_sign_in(&L, "Bob", "bob@example.com");
}
END_TEST

static fixture *open_with_password(login *l)
{
    fixture *f = fixture_open_at(ISSUER, RESOURCE, "correct horse");
    memset(l, 0, sizeof *l);
    l->f = f;
    register_client(f, l->client, sizeof l->client);
    login_start(l, CALLBACK, "s");
    return f;
}

static void expect_status(const login *l, const char *password, int status)
{
    reply r = login_post(l, "Alice", "alice@example.com", password);
    ck_assert_int_eq(r.status, status);
    ck_assert_ptr_null(strstr(reply_body(&r), "correct horse"));
    ck_assert_ptr_null(strstr(reply_body(&r), "wrong guess"));
    reply_clear(&r);
}

START_TEST(with_a_password_only_the_right_one_signs_in)
{
    login l;
    fixture *f = open_with_password(&l);
    expect_status(&l, NULL, 400);
    expect_status(&l, "", 400);
    expect_status(&l, "wrong guess", 400);
    expect_status(&l, "correct hors", 400);
    expect_status(&l, "correct horse ", 400);
    expect_status(&l, "Correct horse", 400);
    reply r = login_show_consent(&l);
    ck_assert_int_eq(r.status, 303);
    ck_assert_int_eq(strncmp(r.location, "/authorize/login?", 17), 0);
    reply_clear(&r);
    expect_status(&l, "correct horse", 303);
    fixture_close(f);
}
END_TEST

START_TEST(ten_wrong_passwords_a_minute_are_the_limit)
{
    login l;
    fixture *f = open_with_password(&l);
    for (int i = 0; i < 10; i++) {
        expect_status(&l, "wrong guess", 400);
    }
    reply r = login_post(&l, "Alice", "alice@example.com", "correct horse");
    assert_page(&r, 429);
    assert_header(&r, "Retry-After", "60");
    reply_clear(&r);
    clock_forward(59);
    expect_status(&l, "correct horse", 429);
    clock_forward(1);
    expect_status(&l, "correct horse", 303);
    fixture_close(f);
}
END_TEST

START_TEST(right_passwords_are_not_counted)
{
    login l;
    fixture *f = open_with_password(&l);
    for (int i = 0; i < 9; i++) {
        expect_status(&l, "wrong guess", 400);
    }
    for (int i = 0; i < 20; i++) {
        expect_status(&l, "correct horse", 303);
    }
    expect_status(&l, "wrong guess", 400);
    expect_status(&l, "wrong guess", 429);
    fixture_close(f);
}
END_TEST

static gh_status take_outage(gh_store *store, const char *id_hash, gh_flow *flow)
{
    (void)store;
    (void)id_hash;
    (void)flow;
    return GH_ERR_UNAVAILABLE;
}

static gh_status grant_outage(gh_store *store, const gh_grant *grant, const gh_code *code)
{
    (void)store;
    (void)grant;
    (void)code;
    return GH_ERR_UNAVAILABLE;
}

START_TEST(an_outage_at_the_decision_can_be_tried_again)
{
    const gh_store_ops *whole = F->store->ops;
    login_sign_in(&L, "Alice", "alice@example.com");
    login_read_consent(&L);
    F->ops.flow_take = take_outage;
    F->store->ops = &F->ops;
    expect_page(login_decide(&L, "approve"), 503);
    F->store->ops = whole;
    login_approve(&L);
}
END_TEST

START_TEST(an_outage_after_the_decision_is_told_to_the_client)
{
    const gh_store_ops *whole = F->store->ops;
    login_sign_in(&L, "Alice", "alice@example.com");
    login_read_consent(&L);
    F->ops.grant_add = grant_outage;
    F->store->ops = &F->ops;
    reply r = login_decide(&L, "approve");
    assert_redirect_error(&r, CALLBACK "?", "temporarily_unavailable", "s1");
    reply_clear(&r);
    F->store->ops = whole;
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("consent");
    TCase *tc = tcase_create("consent");
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, login_then_approval_leads_to_the_client_with_code_state_and_issuer);
    tcase_add_test(tc, denial_is_access_denied);
    tcase_add_test(tc, a_decision_counts_once);
    tcase_add_test(tc, another_decision_than_the_two_changes_nothing);
    tcase_add_test(tc, a_login_that_took_too_long_is_over);
    tcase_add_test(tc, an_unknown_flow_is_over);
    tcase_add_test(tc, without_the_cookie_nothing_works);
    tcase_add_test(tc, the_cookie_of_another_browser_does_not_fit);
    tcase_add_test(tc, a_form_needs_the_csrf_token_of_its_flow);
    tcase_add_test(tc, the_token_of_the_login_form_does_not_consent);
    tcase_add_test(tc, consent_without_login_leads_to_the_login);
    tcase_add_test(tc, a_consent_page_is_void_once_somebody_else_signed_in);
    tcase_add_test(tc, two_tabs_of_a_browser_work_side_by_side);
    tcase_add_test(tc, only_a_form_is_read);
    tcase_add_test(tc, get_never_decides);
    tcase_add_loop_test(tc, a_name_or_address_that_is_none_shows_the_form_again, 0,
                        sizeof BAD_PEOPLE / sizeof *BAD_PEOPLE);
    tcase_add_test(tc, lengths_are_counted_in_characters);
    tcase_add_test(tc, what_was_typed_is_kept_when_the_form_comes_again);
    tcase_add_test(tc, not_you_leads_back_to_the_form_with_the_values);
    tcase_add_test(tc, with_a_password_only_the_right_one_signs_in);
    tcase_add_test(tc, ten_wrong_passwords_a_minute_are_the_limit);
    tcase_add_test(tc, right_passwords_are_not_counted);
    tcase_add_test(tc, an_outage_at_the_decision_can_be_tried_again);
    tcase_add_test(tc, an_outage_after_the_decision_is_told_to_the_client);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

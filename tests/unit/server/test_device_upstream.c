#include "tests/unit/server/upstream_fixture.h"

#include "server/oauth/upstream_tokens.h"
#include "tests/unit/server/device_fixture.h"

static fixture *F;
static device D;

static void open_all(void)
{
    clock_stop();
    F = upstream_open();
    D = device_open(F);
}

static void close_all(void)
{
    upstream_close(F);
}

static void assert_holds(const reply *r, const char *text)
{
    ck_assert_msg(strstr(reply_body(r), text) != NULL, "no \"%s\" in %s", text, reply_body(r));
}

/* From the code to the consent page, which comes first beside a provider. */
static trip begin(void)
{
    trip t = {.l = {.f = F}};
    reply r = device_page(&D, NULL);
    reply_clear(&r);
    r = device_enter(&D, D.user_code);
    ck_assert_msg(r.status == 303, "%d %s", r.status, reply_body(&r));
    ck_assert_int_eq(strncmp(r.location, "/authorize/consent?flow=", 24), 0);
    t.l = D.browser;
    location_param(&r, "flow", t.l.flow, sizeof t.l.flow);
    reply_clear(&r);
    return t;
}

START_TEST(the_consent_comes_first_and_leads_to_the_provider)
{
    char policy[2048];
    trip t = begin();
    reply r = login_show_consent(&t.l);
    ck_assert_int_eq(r.status, 200);
    assert_holds(&r, "Kitchen &lt;TV&gt;");
    assert_holds(&r, "Did you start this on another device?");
    assert_holds(&r, "auth.example.com");
    reply_header(&r, "Content-Security-Policy", policy, sizeof policy);
    ck_assert_ptr_nonnull(strstr(policy, "https://login.example.com:8443"));
    hidden_field(&r, "csrf", t.l.consent, sizeof t.l.consent);
    reply_clear(&r);
    trip_approve(&t);
    ck_assert_int_eq(P.sent, 1);
    device_expect(&D, "authorization_pending");
}
END_TEST

START_TEST(who_signed_in_there_is_who_the_device_acts_for)
{
    char grant[64];
    gh_upstream_secrets secrets;
    trip t = begin();
    login_read_consent(&t.l);
    trip_approve(&t);
    reply r = trip_return(&t);
    assert_page(&r, 200);
    assert_holds(&r, "Go back to your device");
    reply_clear(&r);
    r = device_poll(&D);
    tokens got = read_tokens(&r);
    cJSON *claims = token_claims(F, got.access);
    ck_assert_str_eq(gh_json_get_string(claims, "sub"), "user-1");
    ck_assert_str_eq(gh_json_get_string(claims, "client_id"), D.browser.client);
    cJSON_Delete(claims);
    grant_of(F, got.access, grant, sizeof grant);
    memset(&secrets, 0, sizeof secrets);
    ck_assert_int_eq(gh_upstream_secrets_get((const gh_oauth_server *)F->server, grant, &secrets), GH_OK);
    gh_upstream_secrets_clear(&secrets);
    r = exchange_refresh(F, D.browser.client, got.refresh, NULL);
    ck_assert_int_eq(r.status, 200);
    ck_assert_int_eq(P.refreshes, 1);
    reply_clear(&r);
}
END_TEST

START_TEST(a_person_who_cancels_here_is_not_sent_there)
{
    trip t = begin();
    login_read_consent(&t.l);
    reply r = login_decide(&t.l, "deny");
    assert_page(&r, 200);
    reply_clear(&r);
    ck_assert_int_eq(P.sent, 0);
    device_expect(&D, "access_denied");
}
END_TEST

START_TEST(a_person_who_cancels_there_denies_the_device)
{
    trip t = begin();
    login_read_consent(&t.l);
    trip_approve(&t);
    char *query = form("error", "access_denied", "state", t.state, NULL);
    reply r = trip_callback_with(&t, query, t.cookie);
    assert_page(&r, 200);
    assert_holds(&r, "gets no access");
    reply_clear(&r);
    free(query);
    device_expect(&D, "access_denied");
}
END_TEST

START_TEST(after_trouble_at_the_provider_the_code_can_be_entered_again)
{
    trip t = begin();
    login_read_consent(&t.l);
    trip_approve(&t);
    P.exchange_status = GH_ERR_UNAVAILABLE;
    reply r = trip_return(&t);
    assert_page(&r, 503);
    ck_assert_ptr_null(strstr(reply_body(&r), PROVIDER_WORDS));
    assert_holds(&r, "enter the code again");
    reply_clear(&r);
    device_expect(&D, "authorization_pending");
    P.exchange_status = GH_OK;
    t = begin();
    login_read_consent(&t.l);
    trip_approve(&t);
    r = trip_return(&t);
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
    r = device_poll(&D);
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
}
END_TEST

START_TEST(an_account_that_may_not_enter_denies_the_device)
{
    char *rule = gh_text_dup("groups=admins");
    const gh_text_list rules = {&rule, 1};
    upstream_close(F);
    F = upstream_open_at(ISSUER, RESOURCE, &rules);
    D = device_open(F);
    trip t = begin();
    login_read_consent(&t.l);
    trip_approve(&t);
    reply r = trip_return(&t);
    assert_page(&r, 200);
    assert_holds(&r, "not allowed to use this server");
    reply_clear(&r);
    device_expect(&D, "access_denied");
    ck_assert_uint_eq(count_grants(F), 0);
    free(rule);
}
END_TEST

START_TEST(codes_are_given_while_the_provider_is_away)
{
    P.state = GH_IDP_WAITING;
    device_start(&D, NULL);
    trip t = begin();
    reply r = login_show_consent(&t.l);
    assert_page(&r, 503);
    reply_clear(&r);
    P.state = GH_IDP_READY;
    login_read_consent(&t.l);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("device_upstream");
    TCase *tc = tcase_create("device_upstream");
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, the_consent_comes_first_and_leads_to_the_provider);
    tcase_add_test(tc, who_signed_in_there_is_who_the_device_acts_for);
    tcase_add_test(tc, a_person_who_cancels_here_is_not_sent_there);
    tcase_add_test(tc, a_person_who_cancels_there_denies_the_device);
    tcase_add_test(tc, after_trouble_at_the_provider_the_code_can_be_entered_again);
    tcase_add_test(tc, an_account_that_may_not_enter_denies_the_device);
    tcase_add_test(tc, codes_are_given_while_the_provider_is_away);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

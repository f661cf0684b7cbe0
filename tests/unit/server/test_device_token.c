#include "tests/unit/server/device_fixture.h"

#include "server/auth/jwt.h"

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

static void expect(reply r, int status, const char *code)
{
    assert_error(&r, status, code);
    assert_header(&r, "Cache-Control", "no-store");
    assert_header(&r, "Pragma", "no-cache");
    reply_clear(&r);
}

static void decide(const char *decision)
{
    device_begin(&D);
    reply r = login_decide(&D.browser, decision);
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
}

START_TEST(a_device_waits_and_is_slowed_down)
{
    device_expect(&D, "authorization_pending");
    clock_forward(5);
    device_expect(&D, "authorization_pending");
    clock_forward(1);
    device_expect(&D, "slow_down");
    clock_forward(6);
    device_expect(&D, "slow_down");
    clock_forward(16);
    device_expect(&D, "authorization_pending");
}
END_TEST

START_TEST(the_tokens_are_those_of_any_login)
{
    decide("approve");
    reply r = device_poll(&D);
    ck_assert_int_eq(r.status, 200);
    assert_header(&r, "Cache-Control", "no-store");
    tokens t = read_tokens(&r);
    cJSON *claims = NULL;
    gh_keyset *keys = gh_oauth_server_keys(F->server);
    const gh_jwt_rules rules = {.issuer = ISSUER, .audience = RESOURCE, .type = "at+jwt", .keys = keys};
    ck_assert_int_eq(gh_jwt_verify(gh_view_of(t.access), &rules, &claims, NULL), GH_OK);
    ck_assert_str_eq(gh_json_get_string(claims, "client_id"), D.browser.client);
    ck_assert_str_eq(gh_json_get_string(claims, "name"), "Alice");
    ck_assert_str_eq(gh_json_get_string(claims, "email"), "alice@example.com");
    ck_assert_str_eq(gh_json_get_string(claims, "scope"), "mcp");
    ck_assert_int_eq(gh_store_grant_alive(F->store, gh_json_get_string(claims, "gid")), GH_OK);
    cJSON_Delete(claims);
    gh_keyset_free(keys);
    r = exchange_refresh(F, D.browser.client, t.refresh, NULL);
    tokens next = read_tokens(&r);
    ck_assert_str_ne(next.refresh, t.refresh);
}
END_TEST

START_TEST(a_device_code_gives_tokens_once)
{
    decide("approve");
    reply r = device_poll(&D);
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
    device_expect(&D, "invalid_grant");
}
END_TEST

START_TEST(a_denied_device_is_told_once)
{
    decide("deny");
    device_expect(&D, "access_denied");
    device_expect(&D, "invalid_grant");
}
END_TEST

START_TEST(a_decision_is_told_without_waiting_for_the_interval)
{
    device_expect(&D, "authorization_pending");
    decide("approve");
    reply r = device_poll(&D);
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
}
END_TEST

START_TEST(a_code_expires_after_ten_minutes)
{
    clock_forward(599);
    device_expect(&D, "authorization_pending");
    clock_forward(1);
    device_expect(&D, "expired_token");
}
END_TEST

START_TEST(an_allowed_code_that_was_not_fetched_expires_too)
{
    decide("approve");
    clock_forward(600);
    device_expect(&D, "expired_token");
}
END_TEST

START_TEST(codes_that_never_were_are_not_valid)
{
    expect(device_poll_as(&D, D.browser.client, "x"), 400, "invalid_grant");
    expect(device_poll_as(&D, D.browser.client, "x.1"), 400, "invalid_grant");
    expect(device_poll_as(&D, D.browser.client, D.user_code), 400, "invalid_grant");
    expect(device_poll_as(&D, D.browser.client, NULL), 400, "invalid_request");
}
END_TEST

START_TEST(another_clients_code_is_none)
{
    char other[64];
    char browser_client[64];
    register_json(F, DEVICE_CLIENT_JSON, other, sizeof other);
    register_client(F, browser_client, sizeof browser_client);
    decide("approve");
    expect(device_poll_as(&D, other, D.code), 400, "invalid_grant");
    expect(device_poll_as(&D, browser_client, D.code), 400, "unauthorized_client");
    expect(device_poll_as(&D, "nobody", D.code), 401, "invalid_client");
    reply r = device_poll(&D);
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
}
END_TEST

START_TEST(a_resource_that_is_not_ours_is_refused_and_spends_nothing)
{
    decide("approve");
    char *body = form("grant_type", DEVICE_GRANT, "client_id", D.browser.client, "device_code", D.code,
                      "resource", "https://other.example/mcp", NULL);
    expect(post_token(F, body), 400, "invalid_target");
    free(body);
    reply r = device_poll(&D);
    ck_assert_int_eq(r.status, 200);
    reply_clear(&r);
}
END_TEST

START_TEST(a_client_that_is_not_registered_for_refresh_tokens_gets_none)
{
    register_json(F, "{\"grant_types\":[\"" DEVICE_GRANT "\"]}", D.browser.client, sizeof D.browser.client);
    device_start(&D, NULL);
    decide("approve");
    reply r = device_poll(&D);
    tokens t = read_tokens(&r);
    ck_assert_str_eq(t.refresh, "");
}
END_TEST

START_TEST(a_grant_that_was_revoked_before_the_device_asked_gives_nothing)
{
    gh_grant *grants = NULL;
    size_t count = 0;
    decide("approve");
    ck_assert_int_eq(gh_store_grants(F->store, 10, &grants, &count), GH_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert_int_eq(gh_store_grant_revoke(F->store, grants[0].id), GH_OK);
    gh_grant_clear(&grants[0]);
    free(grants);
    device_expect(&D, "invalid_grant");
}
END_TEST

static gh_status no_poll(gh_store *store, const char *hash, const char *client, gh_device_poll *outcome,
                         gh_grant *grant)
{
    (void)store;
    (void)hash;
    (void)client;
    (void)outcome;
    (void)grant;
    return GH_ERR_UNAVAILABLE;
}

START_TEST(an_outage_is_told_as_such)
{
    F->store->ops = &F->ops;
    F->ops.device_poll = no_poll;
    expect(device_poll(&D), 503, "temporarily_unavailable");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("device_token");
    TCase *tc = tcase_create("device_token");
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, a_device_waits_and_is_slowed_down);
    tcase_add_test(tc, the_tokens_are_those_of_any_login);
    tcase_add_test(tc, a_device_code_gives_tokens_once);
    tcase_add_test(tc, a_denied_device_is_told_once);
    tcase_add_test(tc, a_decision_is_told_without_waiting_for_the_interval);
    tcase_add_test(tc, a_code_expires_after_ten_minutes);
    tcase_add_test(tc, an_allowed_code_that_was_not_fetched_expires_too);
    tcase_add_test(tc, codes_that_never_were_are_not_valid);
    tcase_add_test(tc, another_clients_code_is_none);
    tcase_add_test(tc, a_resource_that_is_not_ours_is_refused_and_spends_nothing);
    tcase_add_test(tc, a_client_that_is_not_registered_for_refresh_tokens_gets_none);
    tcase_add_test(tc, a_grant_that_was_revoked_before_the_device_asked_gives_nothing);
    tcase_add_test(tc, an_outage_is_told_as_such);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

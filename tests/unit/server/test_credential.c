/* What an API is sent: which credential an auth mode has, and how long tokens are used. */
#include "tests/unit/server/credential_fixture.h"

static gh_credential_cache *cache;
static gh_principal alice;
static gh_principal bob;

static void open_with(const gh_credential_source *source)
{
    gh_credential_cache_free(cache);
    cache = NULL;
    ck_assert_int_eq(gh_credential_cache_new(source, &cache), GH_OK);
}

static void setup(void)
{
    gh_clock_set_source(fixture_mono, fixture_wall);
    source_reset();
    alice = person("alice", "grant-a");
    bob = person("bob", "grant-b");
    open_with(&PROXY);
}

static void teardown(void)
{
    gh_credential_cache_free(cache);
    cache = NULL;
    gh_clock_set_source(NULL, NULL);
}

/* --- which credentials there are --- */

static void expect_check(const gh_credential_source *source, const gh_credential *credential,
                         const char *words)
{
    gh_error error = {0};
    gh_status status = gh_credential_check(source, credential, &error);
    ck_assert_int_eq(status, words == NULL ? GH_OK : GH_ERR_INVALID);
    ck_assert_msg(words == NULL || strstr(error.message, words) != NULL, "%s", error.message);
}

START_TEST(the_users_token_is_there_in_proxy_mode_only)
{
    const gh_credential user = {.kind = GH_CREDENTIAL_USER};
    gh_error error = {0};
    expect_check(&PROXY, &user, NULL);
    expect_check(&DIRECT, &user, "never passed on");
    ck_assert_int_eq(gh_credential_check(&DEV, &user, &error), GH_ERR_INVALID);
    ck_assert_str_eq(error.message, "credential \"user\" needs --auth proxy (this is --auth dev, where there "
                                    "is no provider whose token it could be)");
}
END_TEST

START_TEST(an_exchange_needs_a_provider_and_a_client_there)
{
    const gh_credential exchange = {.kind = GH_CREDENTIAL_EXCHANGE};
    gh_credential_source without_client = DIRECT;
    without_client.exchange = NULL;
    expect_check(&PROXY, &exchange, NULL);
    expect_check(&DIRECT, &exchange, NULL);
    expect_check(&without_client, &exchange, "--client-id");
    expect_check(&DEV, &exchange, "--auth proxy, direct or facade (this is --auth dev");
}
END_TEST

START_TEST(client_credentials_must_be_complete)
{
    gh_secret *secret = gh_secret_new(GH_VIEW_LIT("s"));
    gh_credential own = {.kind = GH_CREDENTIAL_CLIENT};
    gh_credential named = {.kind = GH_CREDENTIAL_CLIENT, .client_id = lit("orders"), .secret = secret};
    gh_credential elsewhere = named;
    elsewhere.token_endpoint = lit("https://id.example.org/token");
    expect_check(&PROXY, &own, NULL);
    expect_check(&DIRECT, &own, "--client-secret");
    expect_check(&DEV, &own, "\"tokenEndpoint\"");
    expect_check(&DIRECT, &named, NULL);
    expect_check(&DEV, &named, "\"tokenEndpoint\"");
    expect_check(&PROXY, &elsewhere, NULL);
    expect_check(&DEV, &elsewhere, NULL);
    named.secret = NULL;
    elsewhere.client_id = NULL;
    expect_check(&PROXY, &named, "\"clientSecretFile\"");
    expect_check(&PROXY, &elsewhere, "own secret is for its provider only");
    gh_secret_free(secret);
}
END_TEST

static void expect_header(gh_view text, const char *prefix, const char *words)
{
    gh_secret *secret = gh_secret_new(text);
    const gh_credential header = {
        .kind = GH_CREDENTIAL_HEADER, .header = lit("X-Api-Key"), .prefix = lit(prefix), .secret = secret};
    expect_check(&DEV, &header, words);
    gh_upstream upstream = upstream_with(GH_CREDENTIAL_HEADER);
    upstream.credential = header;
    got g = get(cache, &upstream, &alice);
    ck_assert_int_eq(g.status, words == NULL ? GH_OK : GH_ERR_DENIED);
    ck_assert_ptr_null(strstr(g.error.message, "key-1"));
    gh_secret_free(secret);
}

START_TEST(a_secret_for_a_header_must_fit_into_one)
{
    expect_header(GH_VIEW_LIT("key-1 with spaces"), NULL, NULL);
    expect_header(GH_VIEW_LIT("caf\xc3\xa9"), "Key ", NULL);
    expect_header(GH_VIEW_LIT("key-1\r\nX-Admin: 1"), NULL, "line break");
    expect_header(GH_VIEW_LIT("key-1\n"), NULL, "line break");
    expect_header(GH_VIEW_LIT("key-1\0rest"), NULL, "cannot carry");
    expect_header(GH_VIEW_LIT(""), NULL, "empty");
    expect_header(GH_VIEW_LIT("key-1"), "a\r\nb", "name or prefix");
}
END_TEST

/* --- what is sent --- */

START_TEST(nothing_is_sent_where_nothing_is_asked_for)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_NONE);
    const char *name = "x";
    gh_secret *value = NULL;
    ck_assert_int_eq(gh_credential_get(cache, &upstream, NULL, NULL, &name, &value, NULL), GH_OK);
    ck_assert_ptr_null(name);
    ck_assert_ptr_null(value);
}
END_TEST

START_TEST(a_header_is_sent_as_the_file_says_and_is_not_replaced)
{
    gh_upstream upstream = upstream_with(GH_CREDENTIAL_HEADER);
    upstream.credential.header = lit("X-Api-Key");
    upstream.credential.prefix = lit("Key ");
    upstream.credential.secret = gh_secret_new(GH_VIEW_LIT("key-1"));
    got g = get(cache, &upstream, &alice);
    expect_value(g, "Key key-1");
    ck_assert_str_eq(g.name, "X-Api-Key");
    expect_refusal(get_stale(cache, &upstream, &alice, "Key key-1"), GH_ERR_DENIED, "refuses the secret");
    expect_value(get_stale(cache, &upstream, &alice, "Key key-0"), "Key key-1"); /* of before a reload */
    gh_secret_free(upstream.credential.secret);
}
END_TEST

START_TEST(a_token_is_used_until_shortly_before_its_end)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_CLIENT);
    got g = get(cache, &upstream, &alice);
    expect_value(g, "Bearer client-own-1");
    ck_assert_str_eq(g.name, "Authorization");
    forward_ms(269000);
    expect_value(get(cache, &upstream, &bob), "Bearer client-own-1"); /* it is the server's, not a user's */
    forward_ms(1000);
    expect_value(get(cache, &upstream, NULL), "Bearer client-own-2");
    ck_assert_int_eq(S.calls, 2);
}
END_TEST

START_TEST(a_short_lived_token_is_used_for_half_its_life)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_CLIENT);
    S.lifetime = 20;
    expect_value(get(cache, &upstream, NULL), "Bearer client-own-1");
    forward_ms(9000);
    expect_value(get(cache, &upstream, NULL), "Bearer client-own-1");
    forward_ms(1000);
    expect_value(get(cache, &upstream, NULL), "Bearer client-own-2");
}
END_TEST

START_TEST(a_token_that_does_not_say_how_long_it_lasts_is_used_for_a_moment)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_CLIENT);
    S.lifetime = 0;
    expect_value(get(cache, &upstream, NULL), "Bearer client-own-1");
    forward_ms(29000);
    expect_value(get(cache, &upstream, NULL), "Bearer client-own-1");
    forward_ms(31000);
    expect_value(get(cache, &upstream, NULL), "Bearer client-own-2");
}
END_TEST

START_TEST(a_users_token_is_looked_at_again_each_minute)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_USER);
    S.lifetime = 3600;
    expect_value(get(cache, &upstream, &alice), "Bearer user-alice-1");
    forward_ms(59000);
    expect_value(get(cache, &upstream, &alice), "Bearer user-alice-1");
    forward_ms(1000);
    expect_value(get(cache, &upstream, &alice), "Bearer user-alice-2");
    ck_assert_str_eq(S.stale, "");
}
END_TEST

START_TEST(each_user_grant_client_and_issuer_has_tokens_of_its_own)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_USER);
    gh_principal other_grant = person("alice", "grant-c");
    gh_principal other_client = alice;
    gh_principal other_issuer = alice;
    gh_principal joined = person("ali", "cegrant-a"); /* the same letters, cut elsewhere */
    other_client.client_id = lit("another");
    other_issuer.issuer = lit("https://id.example.net");
    expect_value(get(cache, &upstream, &alice), "Bearer user-alice-1");
    expect_value(get(cache, &upstream, &bob), "Bearer user-bob-2");
    expect_value(get(cache, &upstream, &other_grant), "Bearer user-alice-3");
    expect_value(get(cache, &upstream, &other_client), "Bearer user-alice-4");
    expect_value(get(cache, &upstream, &other_issuer), "Bearer user-alice-5");
    expect_value(get(cache, &upstream, &joined), "Bearer user-ali-6");
    expect_value(get(cache, &upstream, &alice), "Bearer user-alice-1");
    expect_value(get(cache, &upstream, &bob), "Bearer user-bob-2");
}
END_TEST

START_TEST(a_reload_that_changes_an_upstream_gets_tokens_of_its_own)
{
    gh_upstream upstream = upstream_with(GH_CREDENTIAL_EXCHANGE);
    upstream.credential.audience = lit("orders-api");
    expect_value(get(cache, &upstream, &alice), "Bearer exchanged-user-alice-1-2");
    upstream.credential.audience = lit("bills-api");
    expect_value(get(cache, &upstream, &alice), "Bearer exchanged-user-alice-3-4");
    ck_assert_str_eq(S.audience, "bills-api");
    upstream.url = lit("https://elsewhere.example.com");
    expect_value(get(cache, &upstream, &alice), "Bearer exchanged-user-alice-5-6");
    upstream.credential.scope = lit("all");
    expect_value(get(cache, &upstream, &alice), "Bearer exchanged-user-alice-7-8");
}
END_TEST

START_TEST(without_anybody_there_is_no_users_token)
{
    const gh_upstream user = upstream_with(GH_CREDENTIAL_USER);
    const gh_upstream exchange = upstream_with(GH_CREDENTIAL_EXCHANGE);
    expect_refusal(get(cache, &user, NULL), GH_ERR_DENIED, "sign in");
    expect_refusal(get(cache, &exchange, NULL), GH_ERR_DENIED, "sign in");
    open_with(&DIRECT);
    expect_refusal(get(cache, &exchange, &alice), GH_ERR_DENIED, "sign in"); /* whose token is not kept */
    expect_refusal(get(cache, &user, &alice), GH_ERR_DENIED, "sign in");
    ck_assert_int_eq(S.calls, 0);
}
END_TEST

/* --- exchanges --- */

START_TEST(what_is_exchanged_is_the_users_own_token)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_EXCHANGE);
    alice.token = gh_secret_new(GH_VIEW_LIT("ours"));
    expect_value(get(cache, &upstream, &alice), "Bearer exchanged-user-alice-1-2");
    expect_value(get(cache, &upstream, &alice), "Bearer exchanged-user-alice-1-2");
    ck_assert_int_eq(S.calls, 2);
    gh_secret_free(alice.token);
}
END_TEST

START_TEST(a_subject_that_ended_early_is_replaced_once)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_EXCHANGE);
    S.expired_exchanges = 1;
    expect_value(get(cache, &upstream, &alice), "Bearer exchanged-user-alice-2-3");
    ck_assert_str_eq(S.stale, "user-alice-1");
    S.expired_exchanges = 5;
    expect_refusal(get(cache, &upstream, &bob), GH_ERR_DENIED, "sign in again");
    ck_assert_int_eq(S.exchanges, 4);
}
END_TEST

START_TEST(where_the_provider_is_asked_directly_the_clients_token_is_exchanged)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_EXCHANGE);
    gh_principal narrow = alice;
    open_with(&DIRECT);
    alice.token = gh_secret_new(GH_VIEW_LIT("wide"));
    narrow.token = gh_secret_new(GH_VIEW_LIT("narrow"));
    alice.expires_at = now_s() + 100;
    expect_value(get(cache, &upstream, &alice), "Bearer exchanged-wide-1");
    expect_value(get(cache, &upstream, &narrow), "Bearer exchanged-narrow-2");
    expect_value(get(cache, &upstream, &alice), "Bearer exchanged-wide-1");
    forward_ms(70000); /* it lasts 300 s, but not longer than what it was made of */
    expect_value(get(cache, &upstream, &alice), "Bearer exchanged-wide-3");
    S.expired_exchanges = 1;
    forward_ms(300000);
    expect_refusal(get(cache, &upstream, &narrow), GH_ERR_DENIED, "sign in again");
    gh_secret_free(alice.token);
    gh_secret_free(narrow.token);
}
END_TEST

/* --- tokens that an API refuses --- */

START_TEST(a_refused_token_is_replaced_once)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_USER);
    expect_value(get(cache, &upstream, &alice), "Bearer user-alice-1");
    expect_value(get_stale(cache, &upstream, &alice, "Bearer user-alice-1"), "Bearer user-alice-2");
    ck_assert_str_eq(S.stale, "user-alice-1");
    expect_value(get_stale(cache, &upstream, &alice, "Bearer user-alice-1"), "Bearer user-alice-2");
    expect_refusal(get_stale(cache, &upstream, &alice, "Bearer user-alice-2"), GH_ERR_DENIED,
                   "orders refuses the access token that was renewed");
    expect_value(get(cache, &upstream, &alice), "Bearer user-alice-2");
    ck_assert_int_eq(S.calls, 2);
    forward_ms(30000);
    expect_value(get_stale(cache, &upstream, &alice, "Bearer user-alice-2"), "Bearer user-alice-3");
}
END_TEST

START_TEST(a_refused_token_that_is_not_remembered_is_still_named)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_USER);
    expect_value(get_stale(cache, &upstream, &alice, "Bearer of-before"), "Bearer user-alice-1");
    ck_assert_str_eq(S.stale, "of-before");
}
END_TEST

START_TEST(an_exchanged_token_that_is_refused_is_exchanged_again)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_EXCHANGE);
    expect_value(get(cache, &upstream, &alice), "Bearer exchanged-user-alice-1-2");
    expect_value(get_stale(cache, &upstream, &alice, "Bearer exchanged-user-alice-1-2"),
                 "Bearer exchanged-user-alice-3-4");
    ck_assert_str_eq(S.stale, "");
}
END_TEST

/* --- failures --- */

START_TEST(a_provider_that_fails_is_left_alone_for_a_while)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_USER);
    S.status = GH_ERR_UNAVAILABLE;
    expect_refusal(get(cache, &upstream, &alice), GH_ERR_UNAVAILABLE, "call 1");
    expect_refusal(get(cache, &upstream, &alice), GH_ERR_UNAVAILABLE, "call 1");
    forward_ms(999);
    expect_refusal(get(cache, &upstream, &alice), GH_ERR_UNAVAILABLE, "call 1");
    forward_ms(1);
    expect_refusal(get(cache, &upstream, &alice), GH_ERR_UNAVAILABLE, "call 2");
    forward_ms(1999);
    expect_refusal(get(cache, &upstream, &alice), GH_ERR_UNAVAILABLE, "call 2");
    forward_ms(1);
    S.status = GH_OK;
    expect_value(get(cache, &upstream, &alice), "Bearer user-alice-3");
    /* Other people's are asked for meanwhile. */
    S.status = GH_ERR_UNAVAILABLE;
    expect_refusal(get(cache, &upstream, &bob), GH_ERR_UNAVAILABLE, "call 4");
}
END_TEST

START_TEST(a_pause_is_not_forgotten_when_others_come)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_USER);
    char subject[32];
    S.status = GH_ERR_UNAVAILABLE;
    expect_refusal(get(cache, &upstream, &alice), GH_ERR_UNAVAILABLE, "call 1");
    S.status = GH_OK;
    for (int i = 0; i < 20; i++) {
        (void)snprintf(subject, sizeof subject, "user%d", i);
        gh_principal someone = person(subject, "g");
        ck_assert_int_eq(get(cache, &upstream, &someone).status, GH_OK);
    }
    expect_refusal(get(cache, &upstream, &alice), GH_ERR_UNAVAILABLE, "call 1");
}
END_TEST

START_TEST(the_pause_grows_to_half_a_minute_and_no_further)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_USER);
    S.status = GH_ERR_UNAVAILABLE;
    for (int i = 0; i < 40; i++) {
        (void)get(cache, &upstream, &alice);
        forward_ms(30000);
    }
    ck_assert_int_eq(S.calls, 40);
}
END_TEST

START_TEST(what_still_lasts_is_used_during_an_outage)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_CLIENT);
    expect_value(get(cache, &upstream, NULL), "Bearer client-own-1");
    S.status = GH_ERR_UNAVAILABLE;
    forward_ms(280000);
    expect_value(get(cache, &upstream, NULL), "Bearer client-own-1");
    expect_value(get(cache, &upstream, NULL), "Bearer client-own-1");
    ck_assert_int_eq(S.calls, 2);
    expect_refusal(get_stale(cache, &upstream, NULL, "Bearer client-own-1"), GH_ERR_UNAVAILABLE, "call 2");
    forward_ms(20000);
    expect_refusal(get(cache, &upstream, NULL), GH_ERR_UNAVAILABLE, "call 3");
}
END_TEST

START_TEST(who_may_not_have_a_new_token_does_not_go_on_with_the_old_one)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_USER);
    expect_value(get(cache, &upstream, &alice), "Bearer user-alice-1");
    S.status = GH_ERR_DENIED;
    expect_refusal(get_stale(cache, &upstream, &alice, "Bearer user-alice-1"), GH_ERR_DENIED, "call 2");
    expect_refusal(get(cache, &upstream, &alice), GH_ERR_DENIED, "call 2");
    forward_ms(4999);
    expect_refusal(get(cache, &upstream, &alice), GH_ERR_DENIED, "call 2");
    forward_ms(1);
    expect_refusal(get(cache, &upstream, &alice), GH_ERR_DENIED, "call 3");
}
END_TEST

static const gh_status ODD_STATUSES[] = {GH_ERR_NOMEM, GH_ERR_INVALID, GH_ERR_TIMEOUT, GH_ERR_CANCELLED};

START_TEST(any_other_failure_is_an_outage)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_CLIENT);
    S.status = ODD_STATUSES[_i];
    expect_refusal(get(cache, &upstream, NULL), GH_ERR_UNAVAILABLE, "call 1");
}
END_TEST

static const char *const BAD_TOKENS[] = {"a b", "a\r\nX-Admin: 1", "caf\xc3\xa9", "a\tb", "\x7f", ""};

START_TEST(a_token_that_no_header_can_carry_is_refused)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_CLIENT);
    S.token = BAD_TOKENS[_i];
    expect_refusal(get(cache, &upstream, NULL), GH_ERR_DENIED, "no header can carry");
}
END_TEST

START_TEST(so_many_tokens_are_remembered_and_no_more)
{
    const gh_upstream upstream = upstream_with(GH_CREDENTIAL_USER);
    char subject[32];
    for (int i = 0; i < GH_CREDENTIAL_ENTRIES_MAX + 100; i++) {
        (void)snprintf(subject, sizeof subject, "user%d", i);
        gh_principal someone = person(subject, "g");
        ck_assert_int_eq(get(cache, &upstream, &someone).status, GH_OK);
    }
    ck_assert_uint_eq(gh_credential_cache_count(cache), GH_CREDENTIAL_ENTRIES_MAX);
    gh_principal newest = person(subject, "g");
    gh_principal oldest = person("user0", "g");
    int calls = S.calls;
    (void)get(cache, &upstream, &newest);
    ck_assert_int_eq(S.calls, calls);
    (void)get(cache, &upstream, &oldest);
    ck_assert_int_eq(S.calls, calls + 1);
    /* What ended goes as others come. */
    forward_ms(400000);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(subject, sizeof subject, "later%d", i);
        gh_principal someone = person(subject, "g");
        (void)get(cache, &upstream, &someone);
    }
    ck_assert_uint_le(gh_credential_cache_count(cache), GH_CREDENTIAL_ENTRIES_MAX - 2900);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

int main(void)
{
    Suite *suite = suite_create("credential");
    TCase *tc = tcase_create("credential");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_users_token_is_there_in_proxy_mode_only);
    tcase_add_test(tc, an_exchange_needs_a_provider_and_a_client_there);
    tcase_add_test(tc, client_credentials_must_be_complete);
    tcase_add_test(tc, a_secret_for_a_header_must_fit_into_one);
    tcase_add_test(tc, nothing_is_sent_where_nothing_is_asked_for);
    tcase_add_test(tc, a_header_is_sent_as_the_file_says_and_is_not_replaced);
    tcase_add_test(tc, a_token_is_used_until_shortly_before_its_end);
    tcase_add_test(tc, a_short_lived_token_is_used_for_half_its_life);
    tcase_add_test(tc, a_token_that_does_not_say_how_long_it_lasts_is_used_for_a_moment);
    tcase_add_test(tc, a_users_token_is_looked_at_again_each_minute);
    tcase_add_test(tc, each_user_grant_client_and_issuer_has_tokens_of_its_own);
    tcase_add_test(tc, a_reload_that_changes_an_upstream_gets_tokens_of_its_own);
    tcase_add_test(tc, without_anybody_there_is_no_users_token);
    tcase_add_test(tc, what_is_exchanged_is_the_users_own_token);
    tcase_add_test(tc, a_subject_that_ended_early_is_replaced_once);
    tcase_add_test(tc, where_the_provider_is_asked_directly_the_clients_token_is_exchanged);
    tcase_add_test(tc, a_refused_token_is_replaced_once);
    tcase_add_test(tc, a_refused_token_that_is_not_remembered_is_still_named);
    tcase_add_test(tc, an_exchanged_token_that_is_refused_is_exchanged_again);
    tcase_add_test(tc, a_provider_that_fails_is_left_alone_for_a_while);
    tcase_add_test(tc, a_pause_is_not_forgotten_when_others_come);
    tcase_add_test(tc, the_pause_grows_to_half_a_minute_and_no_further);
    tcase_add_test(tc, what_still_lasts_is_used_during_an_outage);
    tcase_add_test(tc, who_may_not_have_a_new_token_does_not_go_on_with_the_old_one);
    tcase_add_loop_test(tc, any_other_failure_is_an_outage, 0, COUNT(ODD_STATUSES));
    tcase_add_loop_test(tc, a_token_that_no_header_can_carry_is_refused, 0, COUNT(BAD_TOKENS));
    tcase_add_test(tc, so_many_tokens_are_remembered_and_no_more);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

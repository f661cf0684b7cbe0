/* The user's own token at the provider, as the calls of APIs get it. */
#include "server/oauth/upstream_user.h"

#include <pthread.h>

#include "tests/unit/server/upstream_fixture.h"

static fixture *F;

typedef struct person {
    trip t;
    tokens first;
    char grant[64];
    gh_principal principal;
} person;

static person ALICE_HERE;

static void sign_in(person *p, const char *subject)
{
    memset(p, 0, sizeof *p);
    p->t = trip_all(F);
    p->first = tokens_of(&p->t.l);
    grant_of(F, p->first.access, p->grant, sizeof p->grant);
    p->principal = (gh_principal){.issuer = (char *)(uintptr_t)ISSUER,
                                  .subject = (char *)(uintptr_t)subject,
                                  .client_id = p->t.l.client,
                                  .scope = (char *)(uintptr_t) "mcp",
                                  .grant_id = p->grant,
                                  .expires_at = INT64_MAX};
}

static void open_all(void)
{
    clock_stop();
    F = upstream_open();
    sign_in(&ALICE_HERE, "user-1");
}

static void close_all(void)
{
    upstream_close(F);
}

typedef struct answer {
    gh_status status;
    char token[64];
    int64_t expires_at;
    gh_error error;
} answer;

/* `stale` NULL for none. */
static answer ask_of(const person *p, const char *stale)
{
    answer a;
    gh_secret *token = NULL;
    gh_secret *refused = stale != NULL ? gh_secret_new(gh_view_of(stale)) : NULL;
    memset(&a, 0, sizeof a);
    a.status = gh_upstream_user_token(F->server, &p->principal, refused, &token, &a.expires_at, &a.error);
    if (a.status == GH_OK) {
        copy_view(a.token, sizeof a.token, gh_secret_view(token));
    } else {
        ck_assert_ptr_null(token);
        ck_assert_int_eq(a.error.status, a.status);
        ck_assert_str_ne(a.error.message, "");
        ck_assert_ptr_null(strstr(a.error.message, "upstream words"));
        ck_assert_ptr_null(strstr(a.error.message, "-access-"));
        ck_assert_ptr_null(strstr(a.error.message, "-refresh-"));
    }
    gh_secret_free(token);
    gh_secret_free(refused);
    return a;
}

static answer ask(const char *stale)
{
    return ask_of(&ALICE_HERE, stale);
}

static void expect_token(answer a, const char *token)
{
    ck_assert_msg(a.status == GH_OK, "%s", a.error.message);
    ck_assert_str_eq(a.token, token);
}

static void expect_refusal(answer a, gh_status status, const char *words)
{
    ck_assert_int_eq(a.status, status);
    ck_assert_msg(strstr(a.error.message, words) != NULL, "%s", a.error.message);
}

START_TEST(the_token_of_the_sign_in_is_given_while_it_lasts)
{
    answer a = ask(NULL);
    expect_token(a, "first-access-1");
    ck_assert_int_eq(a.expires_at, gh_clock_wall_s() + 300);
    clock_forward(269);
    expect_token(ask(NULL), "first-access-1");
    ck_assert_int_eq(P.refreshes, 0);
}
END_TEST

START_TEST(shortly_before_its_end_it_is_refreshed)
{
    clock_forward(270);
    answer a = ask(NULL);
    expect_token(a, "next-access-1");
    ck_assert_int_eq(a.expires_at, gh_clock_wall_s() + 300);
    ck_assert_str_eq(P.refreshed_with, "first-refresh-1");
    expect_token(ask(NULL), "next-access-1");
    ck_assert_int_eq(P.refreshes, 1);
}
END_TEST

START_TEST(a_token_that_an_api_refused_is_replaced)
{
    expect_token(ask("first-access-1"), "next-access-1");
    expect_token(ask("first-access-1"), "next-access-1"); /* of others who had it: it was replaced already */
    ck_assert_int_eq(P.refreshes, 1);
    expect_token(ask("next-access-1"), "next-access-2");
}
END_TEST

START_TEST(refreshing_here_and_at_the_token_endpoint_is_one_chain)
{
    clock_forward(270);
    expect_token(ask(NULL), "next-access-1");
    reply r = exchange_refresh(F, ALICE_HERE.t.l.client, ALICE_HERE.first.refresh, NULL);
    (void)read_tokens(&r);
    ck_assert_str_eq(P.refreshed_with, "next-refresh-1");
    expect_token(ask(NULL), "next-access-2");
    ck_assert_int_eq(P.refreshes, 2);
}
END_TEST

START_TEST(an_account_that_ended_there_ends_the_sign_in_here)
{
    P.refresh_status = GH_ERR_DENIED;
    clock_forward(270);
    expect_refusal(ask(NULL), GH_ERR_DENIED,
                   "Your account or session at auth.example.com ended; sign in again.");
    ck_assert_int_eq(gh_store_grant_alive(F->store, ALICE_HERE.grant), GH_ERR_NOT_FOUND);
    P.refresh_status = GH_OK;
    expect_refusal(ask(NULL), GH_ERR_DENIED, "sign in again");
    ck_assert_int_eq(P.refreshes, 1);
}
END_TEST

START_TEST(another_person_at_the_provider_ends_it_as_well)
{
    P.refresh_claims = "{\"sub\":\"user-2\"}";
    expect_refusal(ask("first-access-1"), GH_ERR_DENIED, "sign in again");
    ck_assert_int_eq(gh_store_grant_alive(F->store, ALICE_HERE.grant), GH_ERR_NOT_FOUND);
    ck_assert_str_eq(P.revoked, "next-refresh-1");
}
END_TEST

START_TEST(an_outage_uses_nothing_up)
{
    P.refresh_status = GH_ERR_UNAVAILABLE;
    expect_refusal(ask("first-access-1"), GH_ERR_UNAVAILABLE, "auth.example.com cannot be reached");
    clock_forward(301);
    expect_refusal(ask(NULL), GH_ERR_UNAVAILABLE, "auth.example.com cannot be reached");
    ck_assert_int_eq(gh_store_grant_alive(F->store, ALICE_HERE.grant), GH_OK);
    P.refresh_status = GH_OK;
    expect_token(ask(NULL), "next-access-3");
    ck_assert_str_eq(P.refreshed_with, "first-refresh-1");
}
END_TEST

START_TEST(during_an_outage_what_still_lasts_is_given)
{
    P.refresh_status = GH_ERR_UNAVAILABLE;
    clock_forward(280);
    answer a = ask(NULL);
    expect_token(a, "first-access-1");
    ck_assert_int_eq(a.expires_at, gh_clock_wall_s() + 20);
}
END_TEST

START_TEST(without_a_refresh_token_it_ends_with_the_token)
{
    person p;
    P.no_refresh_token = true;
    sign_in(&p, "user-1");
    clock_forward(299);
    expect_token(ask_of(&p, NULL), "first-access-2");
    expect_refusal(ask_of(&p, "first-access-2"), GH_ERR_DENIED, "sign in again");
    clock_forward(1);
    expect_refusal(ask_of(&p, NULL), GH_ERR_DENIED, "Your sign-in at auth.example.com ended; sign in again.");
    ck_assert_int_eq(P.refreshes, 0);
}
END_TEST

START_TEST(who_has_no_sign_in_at_the_provider_has_no_token)
{
    person p = ALICE_HERE;
    p.principal.grant_id = NULL;
    expect_refusal(ask_of(&p, NULL), GH_ERR_DENIED, "sign in again");
    p.principal.grant_id = (char *)(uintptr_t) "unknown";
    expect_refusal(ask_of(&p, NULL), GH_ERR_DENIED, "sign in again");
    ck_assert_int_eq(gh_store_grant_revoke(F->store, ALICE_HERE.grant), GH_OK);
    expect_refusal(ask(NULL), GH_ERR_DENIED, "sign in again");
}
END_TEST

/* A clock that runs a second each time somebody looks. */
static int64_t running_mono(void)
{
    fixture_mono_ms += 1000;
    return fixture_mono_ms * 1000000;
}

START_TEST(while_another_process_refreshes_one_waits_for_a_while)
{
    char lease[128];
    (void)snprintf(lease, sizeof lease, "upstream:%s", ALICE_HERE.grant);
    ck_assert_int_eq(gh_store_lease_take(F->store, lease, "another process", 15), GH_OK);
    gh_clock_set_source(running_mono, fixture_wall);
    expect_refusal(ask("first-access-1"), GH_ERR_UNAVAILABLE, "try again");
    clock_stop();
    ck_assert_int_eq(P.refreshes, 0);
    clock_forward(16); /* one that died */
    expect_token(ask("first-access-1"), "next-access-1");
    ck_assert_int_eq(gh_store_lease_take(F->store, lease, "another process", 15), GH_OK);
}
END_TEST

START_TEST(an_outage_of_the_store_is_noticed_before_the_provider_is_asked)
{
    const gh_store_ops *whole = F->store->ops;
    F->ops.lease_take = lease_outage;
    F->store->ops = &F->ops;
    expect_refusal(ask("first-access-1"), GH_ERR_UNAVAILABLE, "try again");
    F->store->ops = whole;
    ck_assert_int_eq(P.refreshes, 0);
}
END_TEST

enum { THREADS = 8 };

static void *ask_in_thread(void *result)
{
    *(answer *)result = ask("first-access-1");
    return NULL;
}

START_TEST(side_by_side_the_provider_is_asked_once)
{
    pthread_t threads[THREADS];
    static answer results[THREADS];
    gh_clock_set_source(NULL, fixture_wall);
    P.refresh_delay_ms = 300;
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_in_thread, &results[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        expect_token(results[i], "next-access-1");
    }
    ck_assert_int_eq(P.refreshes, 1);
}
END_TEST

/* Two users and their own tokens: in turns, and all at once. */
typedef struct asker {
    const person *who;
    const char *token;
    int wrong;
} asker;

static void *ask_often(void *context)
{
    asker *a = context;
    for (int i = 0; i < 500; i++) {
        answer got = ask_of(a->who, NULL);
        a->wrong += got.status != GH_OK || strcmp(got.token, a->token) != 0;
    }
    return NULL;
}

START_TEST(two_users_at_once_never_get_each_others_token)
{
    static person bob;
    pthread_t threads[THREADS];
    asker askers[THREADS];
    gh_clock_set_source(NULL, fixture_wall);
    P.claims = "{\"sub\":\"user-2\"}";
    sign_in(&bob, "user-2");
    for (int i = 0; i < THREADS; i++) {
        bool even = i % 2 == 0;
        askers[i] = (asker){even ? &ALICE_HERE : &bob, even ? "first-access-1" : "first-access-2", 0};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_often, &askers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(askers[i].wrong, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("upstream_user");
    TCase *tc = tcase_create("upstream_user");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, the_token_of_the_sign_in_is_given_while_it_lasts);
    tcase_add_test(tc, shortly_before_its_end_it_is_refreshed);
    tcase_add_test(tc, a_token_that_an_api_refused_is_replaced);
    tcase_add_test(tc, refreshing_here_and_at_the_token_endpoint_is_one_chain);
    tcase_add_test(tc, an_account_that_ended_there_ends_the_sign_in_here);
    tcase_add_test(tc, another_person_at_the_provider_ends_it_as_well);
    tcase_add_test(tc, an_outage_uses_nothing_up);
    tcase_add_test(tc, during_an_outage_what_still_lasts_is_given);
    tcase_add_test(tc, without_a_refresh_token_it_ends_with_the_token);
    tcase_add_test(tc, who_has_no_sign_in_at_the_provider_has_no_token);
    tcase_add_test(tc, while_another_process_refreshes_one_waits_for_a_while);
    tcase_add_test(tc, an_outage_of_the_store_is_noticed_before_the_provider_is_asked);
    tcase_add_test(tc, side_by_side_the_provider_is_asked_once);
    tcase_add_test(tc, two_users_at_once_never_get_each_others_token);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

#include "tests/unit/server/upstream_fixture.h"

#include <pthread.h>

static fixture *F;
static trip T;
static tokens FIRST;

static void begin(fixture *f)
{
    F = f;
    T = trip_all(F);
    FIRST = tokens_of(&T.l);
}

static void open_all(void)
{
    clock_stop();
    begin(upstream_open());
}

static void close_all(void)
{
    upstream_close(F);
}

static reply refresh(const char *token)
{
    return exchange_refresh(F, T.l.client, token, NULL);
}

static tokens refreshed(const char *token)
{
    reply r = refresh(token);
    return read_tokens(&r);
}

static void expect_error(reply r, int status, const char *code)
{
    assert_error(&r, status, code);
    assert_header(&r, "Cache-Control", "no-store");
    assert_header(&r, "Retry-After", status == 503 ? "5" : "");
    ck_assert_ptr_null(strstr(reply_body(&r), "upstream words"));
    reply_clear(&r);
}

/* The account ended: the client is told where, and nothing of the sign-in works any more. */
static void expect_end(const char *token)
{
    char grant[64];
    char found[256];
    grant_of(F, FIRST.access, grant, sizeof grant);
    reply r = refresh(token);
    json_member(&r, "error_description", found, sizeof found);
    ck_assert_str_eq(found, "Your account or session at auth.example.com ended; sign in again.");
    expect_error(r, 400, "invalid_grant");
    ck_assert_int_eq(gh_store_grant_alive(F->store, grant), GH_ERR_NOT_FOUND);
    expect_error(refresh(token), 400, "invalid_grant");
}

START_TEST(a_refresh_asks_the_provider_with_the_token_it_gave_last)
{
    tokens second = refreshed(FIRST.refresh);
    ck_assert_str_ne(second.refresh, FIRST.refresh);
    ck_assert_int_eq(P.refreshes, 1);
    ck_assert_str_eq(P.refreshed_with, "first-refresh-1");
    tokens third = refreshed(second.refresh);
    ck_assert_str_ne(third.refresh, second.refresh);
    ck_assert_int_eq(P.refreshes, 2);
    ck_assert_str_eq(P.refreshed_with, "next-refresh-1");
}
END_TEST

START_TEST(a_provider_may_keep_its_refresh_token)
{
    P.keeps_refresh_token = true;
    tokens second = refreshed(FIRST.refresh);
    (void)refreshed(second.refresh);
    ck_assert_int_eq(P.refreshes, 2);
    ck_assert_str_eq(P.refreshed_with, "first-refresh-1");
}
END_TEST

START_TEST(without_a_refresh_token_of_the_provider_it_is_not_asked)
{
    P.no_refresh_token = true;
    trip_start(&T, CALLBACK, "st");
    trip_approve(&T);
    trip_finish(&T);
    FIRST = tokens_of(&T.l);
    (void)refreshed(FIRST.refresh);
    ck_assert_int_eq(P.refreshes, 0);
}
END_TEST

START_TEST(an_account_that_ended_there_ends_here)
{
    P.refresh_status = GH_ERR_DENIED;
    expect_end(FIRST.refresh);
    ck_assert_int_eq(P.refreshes, 1);
}
END_TEST

START_TEST(an_outage_of_the_provider_rotates_nothing)
{
    P.refresh_status = GH_ERR_UNAVAILABLE;
    expect_error(refresh(FIRST.refresh), 503, "temporarily_unavailable");
    clock_forward(600);
    expect_error(refresh(FIRST.refresh), 503, "temporarily_unavailable");
    P.refresh_status = GH_OK;
    tokens second = refreshed(FIRST.refresh);
    ck_assert_str_eq(P.refreshed_with, "first-refresh-1");
    /* The token before is a predecessor only now. */
    clock_forward(30);
    ck_assert_str_eq(refreshed(FIRST.refresh).refresh, second.refresh);
}
END_TEST

START_TEST(a_repeat_gives_the_same_without_asking_again)
{
    tokens second = refreshed(FIRST.refresh);
    clock_forward(29);
    tokens again = refreshed(FIRST.refresh);
    ck_assert_str_eq(again.refresh, second.refresh);
    ck_assert_int_eq(P.refreshes, 1);
    P.refresh_status = GH_ERR_UNAVAILABLE;
    ck_assert_str_eq(refreshed(FIRST.refresh).refresh, second.refresh);
}
END_TEST

START_TEST(a_reuse_ends_the_grant_without_asking)
{
    (void)refreshed(FIRST.refresh);
    clock_forward(31);
    expect_error(refresh(FIRST.refresh), 400, "invalid_grant");
    ck_assert_int_eq(P.refreshes, 1);
    ck_assert_uint_eq(count_grants(F), 0);
}
END_TEST

START_TEST(a_token_that_is_not_good_bothers_no_provider)
{
    char other[128];
    register_client(F, other, sizeof other);
    expect_error(refresh("unknown"), 400, "invalid_grant");
    expect_error(exchange_refresh(F, other, FIRST.refresh, NULL), 400, "invalid_grant");
    expect_error(exchange_refresh(F, T.l.client, FIRST.refresh, "admin"), 400, "invalid_scope");
    ck_assert_int_eq(P.refreshes, 0);
    (void)refreshed(FIRST.refresh);
}
END_TEST

START_TEST(another_person_at_the_provider_ends_the_grant)
{
    P.refresh_claims = "{\"sub\":\"user-2\"}";
    expect_end(FIRST.refresh);
    ck_assert_str_eq(P.revoked, "next-refresh-1");
}
END_TEST

START_TEST(the_same_person_goes_on)
{
    P.refresh_claims = ALICE;
    (void)refreshed(FIRST.refresh);
}
END_TEST

typedef struct stay_case {
    const char *claims;
    bool stays;
} stay_case;

static const stay_case STAY_CASES[] = {
    {"{\"sub\":\"user-1\",\"groups\":[\"mcp\"]}", true},
    {NULL, true},
    {"{\"sub\":\"user-1\"}", false},
    {"{\"groups\":[\"mcp\"]}", false},
    {"{\"sub\":\"user-1\",\"groups\":[]}", false},
    {"{\"sub\":\"user-1\",\"groups\":[\"staff\"]}", false},
    {"{\"sub\":\"user-1\",\"groups\":\"x\"}", false},
};

START_TEST(who_loses_a_required_claim_leaves_at_the_next_refresh)
{
    char *rule = gh_text_dup("groups=mcp");
    begin(upstream_open_at(ISSUER, RESOURCE, &(gh_text_list){&rule, 1}));
    P.refresh_claims = STAY_CASES[_i].claims;
    if (STAY_CASES[_i].stays) {
        (void)refreshed(FIRST.refresh);
    } else {
        expect_end(FIRST.refresh);
    }
    upstream_close(F);
    free(rule);
}
END_TEST

START_TEST(tokens_moved_from_another_grant_are_worth_nothing)
{
    char mine[64];
    char theirs[64];
    gh_upstream_tokens kept;
    gh_upstream_tokens own;
    memset(&kept, 0, sizeof kept);
    memset(&own, 0, sizeof own);
    grant_of(F, FIRST.access, mine, sizeof mine);
    trip_start(&T, CALLBACK, "st");
    trip_approve(&T);
    trip_finish(&T);
    tokens other = tokens_of(&T.l);
    grant_of(F, other.access, theirs, sizeof theirs);
    ck_assert_int_eq(gh_store_upstream_tokens_get(F->store, theirs, &kept), GH_OK);
    ck_assert_int_eq(gh_store_upstream_tokens_get(F->store, mine, &own), GH_OK);
    free(kept.grant_id);
    kept.grant_id = gh_text_dup(mine);
    kept.version = own.version;
    ck_assert_int_eq(gh_store_upstream_tokens_put(F->store, &kept), GH_OK);
    gh_upstream_tokens_clear(&kept);
    gh_upstream_tokens_clear(&own);
    expect_end(FIRST.refresh);
    ck_assert_int_eq(P.refreshes, 0);
}
END_TEST

/* A clock that runs a second each time somebody looks. */
static int64_t running_mono(void)
{
    fixture_mono_ms += 1000;
    return fixture_mono_ms * 1000000;
}

static void lease_name(char *out, size_t size)
{
    char grant[64];
    grant_of(F, FIRST.access, grant, sizeof grant);
    (void)snprintf(out, size, "upstream:%s", grant);
}

START_TEST(while_another_process_refreshes_one_waits_and_then_says_so)
{
    char lease[128];
    lease_name(lease, sizeof lease);
    ck_assert_int_eq(gh_store_lease_take(F->store, lease, "another process", 15), GH_OK);
    gh_clock_set_source(running_mono, fixture_wall);
    expect_error(refresh(FIRST.refresh), 503, "temporarily_unavailable");
    clock_stop();
    ck_assert_int_eq(P.refreshes, 0);
    /* One that died does not hold it for long. */
    clock_forward(16);
    (void)refreshed(FIRST.refresh);
    ck_assert_int_eq(P.refreshes, 1);
}
END_TEST

START_TEST(the_turn_is_given_back)
{
    char lease[128];
    lease_name(lease, sizeof lease);
    (void)refreshed(FIRST.refresh);
    ck_assert_int_eq(gh_store_lease_take(F->store, lease, "another process", 15), GH_OK);
    ck_assert_int_eq(gh_store_lease_drop(F->store, lease, "another process"), GH_OK);
}
END_TEST

static void *refresh_in_thread(void *result)
{
    *(tokens *)result = refreshed(FIRST.refresh);
    return NULL;
}

START_TEST(refreshes_side_by_side_ask_the_provider_once)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    static tokens results[THREADS];
    gh_clock_set_source(NULL, fixture_wall);
    P.refresh_delay_ms = 300;
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, refresh_in_thread, &results[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_str_eq(results[i].refresh, results[0].refresh);
    }
    ck_assert_int_eq(P.refreshes, 1);
}
END_TEST

static gh_status put_status;

static gh_status put_fails(gh_store *store, const gh_upstream_tokens *kept)
{
    (void)store;
    (void)kept;
    return put_status;
}

START_TEST(provider_tokens_that_cannot_be_kept_rotate_nothing)
{
    const gh_store_ops *whole = F->store->ops;
    put_status = _i == 0 ? GH_ERR_UNAVAILABLE : GH_ERR_CONFLICT;
    F->ops.upstream_tokens_put = put_fails;
    F->store->ops = &F->ops;
    expect_error(refresh(FIRST.refresh), 503, "temporarily_unavailable");
    F->store->ops = whole;
    (void)refreshed(FIRST.refresh);
}
END_TEST

START_TEST(a_grant_revoked_meanwhile_is_gone_there_as_well)
{
    const gh_store_ops *whole = F->store->ops;
    put_status = GH_ERR_NOT_FOUND;
    F->ops.upstream_tokens_put = put_fails;
    F->ops.refresh_rotate = whole->refresh_rotate;
    F->store->ops = &F->ops;
    (void)refreshed(FIRST.refresh);
    F->store->ops = whole;
    ck_assert_str_eq(P.revoked, "next-refresh-1");
}
END_TEST

START_TEST(an_outage_of_the_store_is_noticed_before_the_provider_is_asked)
{
    const gh_store_ops *whole = F->store->ops;
    F->ops.lease_take = lease_outage;
    F->store->ops = &F->ops;
    expect_error(refresh(FIRST.refresh), 503, "temporarily_unavailable");
    F->store->ops = whole;
    ck_assert_int_eq(P.refreshes, 0);
}
END_TEST

static int revoke(const char *token)
{
    char *body = form("client_id", T.l.client, "token", token, NULL);
    reply r = post(F, gh_oauth_handle_revoke, body, NULL);
    int status = r.status;
    reply_clear(&r);
    free(body);
    return status;
}

START_TEST(revocation_reaches_the_provider)
{
    ck_assert_int_eq(revoke(FIRST.refresh), 200);
    ck_assert_int_eq(P.revocations, 1);
    ck_assert_str_eq(P.revoked, "first-refresh-1");
    ck_assert_uint_eq(count_grants(F), 0);
    ck_assert_int_eq(revoke(FIRST.refresh), 200);
    ck_assert_int_eq(P.revocations, 1);
}
END_TEST

START_TEST(revocation_by_access_token_reaches_the_provider)
{
    ck_assert_int_eq(revoke(FIRST.access), 200);
    ck_assert_str_eq(P.revoked, "first-refresh-1");
    ck_assert_uint_eq(count_grants(F), 0);
}
END_TEST

static const gh_status REVOKE_FAILURES[] = {GH_ERR_UNAVAILABLE, GH_ERR_UNSUPPORTED, GH_ERR_DENIED};

START_TEST(revocation_counts_here_whatever_the_provider_says)
{
    P.revoke_status = REVOKE_FAILURES[_i];
    ck_assert_int_eq(revoke(FIRST.refresh), 200);
    ck_assert_uint_eq(count_grants(F), 0);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

int main(void)
{
    Suite *suite = suite_create("upstream_refresh");
    TCase *tc = tcase_create("upstream_refresh");
    tcase_add_checked_fixture(tc, open_all, close_all);
    tcase_add_test(tc, a_refresh_asks_the_provider_with_the_token_it_gave_last);
    tcase_add_test(tc, a_provider_may_keep_its_refresh_token);
    tcase_add_test(tc, without_a_refresh_token_of_the_provider_it_is_not_asked);
    tcase_add_test(tc, an_account_that_ended_there_ends_here);
    tcase_add_test(tc, an_outage_of_the_provider_rotates_nothing);
    tcase_add_test(tc, a_repeat_gives_the_same_without_asking_again);
    tcase_add_test(tc, a_reuse_ends_the_grant_without_asking);
    tcase_add_test(tc, a_token_that_is_not_good_bothers_no_provider);
    tcase_add_test(tc, another_person_at_the_provider_ends_the_grant);
    tcase_add_test(tc, the_same_person_goes_on);
    tcase_add_test(tc, tokens_moved_from_another_grant_are_worth_nothing);
    tcase_add_test(tc, while_another_process_refreshes_one_waits_and_then_says_so);
    tcase_add_test(tc, the_turn_is_given_back);
    tcase_add_test(tc, refreshes_side_by_side_ask_the_provider_once);
    tcase_add_loop_test(tc, provider_tokens_that_cannot_be_kept_rotate_nothing, 0, 2);
    tcase_add_test(tc, a_grant_revoked_meanwhile_is_gone_there_as_well);
    tcase_add_test(tc, an_outage_of_the_store_is_noticed_before_the_provider_is_asked);
    tcase_add_test(tc, revocation_reaches_the_provider);
    tcase_add_test(tc, revocation_by_access_token_reaches_the_provider);
    tcase_add_loop_test(tc, revocation_counts_here_whatever_the_provider_says, 0, COUNT(REVOKE_FAILURES));
    suite_add_tcase(suite, tc);
    TCase *own = tcase_create("own fixture");
    tcase_add_checked_fixture(own, clock_stop, NULL);
    tcase_add_loop_test(own, who_loses_a_required_claim_leaves_at_the_next_refresh, 0, COUNT(STAY_CASES));
    suite_add_tcase(suite, own);
    return gh_suite_run(suite);
}

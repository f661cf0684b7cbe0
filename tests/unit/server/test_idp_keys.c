#include "tests/unit/server/idp_fixture.h"

static provider p;

static void setup(void)
{
    provider_start(&p);
}

static void teardown(void)
{
    provider_stop(&p);
}

static bool has_key(const gh_keyset *keys, const gh_key *key)
{
    return gh_keyset_find(keys, gh_view_of(gh_key_alg(key)), gh_view_of(gh_key_kid(key))) != NULL;
}

static bool idp_has_key(gh_idp *idp, const gh_key *key)
{
    gh_keyset *keys = gh_idp_keys(idp);
    bool found = has_key(keys, key);
    gh_keyset_free(keys);
    return found;
}

START_TEST(an_unknown_key_brings_the_new_ones)
{
    gh_idp_options options = idp_options(&p);
    gh_key *next = new_key("EdDSA");
    gh_key *both[] = {p.key, next};
    provider_document(&p, p.issuer, GOOD_PKCE, false);
    provider_keys(&p, &p.key, 1, true);
    provider_keys(&p, both, 2, false);
    gh_idp *idp = idp_ready(&options);
    ck_assert(!idp_has_key(idp, next));
    gh_keyset *keys = gh_idp_keys_missed(idp);
    ck_assert(has_key(keys, next));
    ck_assert(has_key(keys, p.key));
    gh_keyset_free(keys);
    ck_assert(idp_has_key(idp, next));
    gh_idp_free(idp);
    gh_key_free(next);
}
END_TEST

START_TEST(a_key_that_was_taken_away_is_gone)
{
    gh_idp_options options = idp_options(&p);
    gh_key *next = new_key("ES256");
    provider_document(&p, p.issuer, GOOD_PKCE, false);
    provider_keys(&p, &p.key, 1, true);
    provider_keys(&p, &next, 1, false);
    gh_idp *idp = idp_ready(&options);
    gh_keyset *before = gh_idp_keys(idp);
    gh_keyset *after = gh_idp_keys_missed(idp);
    ck_assert_ptr_ne(before, after);
    ck_assert(!has_key(after, p.key));
    gh_keyset_free(before);
    gh_keyset_free(after);
    gh_idp_free(idp);
    gh_key_free(next);
}
END_TEST

START_TEST(within_the_cool_down_nobody_is_asked_again)
{
    gh_idp_options options = idp_options(&p);
    provider_good(&p);
    gh_idp *idp = idp_ready(&options);
    gh_keyset *before = gh_idp_keys(idp);
    for (int i = 0; i < 50; i++) {
        int64_t start = gh_clock_mono_ms();
        gh_keyset *keys = gh_idp_keys_missed(idp);
        ck_assert_ptr_eq(keys, before); /* the same keys are the same set */
        gh_keyset_free(keys);
        ck_assert(i == 0 || gh_clock_mono_ms() - start < 500);
    }
    ck_assert_uint_eq(provider_count(&p, "GET " PROVIDER_JWKS), 2);
    gh_keyset_free(before);
    gh_idp_free(idp);
}
END_TEST

START_TEST(after_the_cool_down_they_are_asked_again)
{
    gh_idp_options options = idp_options(&p);
    provider_good(&p);
    gh_idp *idp = idp_new(&options);
    idp->pace.cooldown_ms = 50;
    ck_assert_int_eq(gh_idp_start(idp), GH_OK);
    ck_assert_int_eq(gh_idp_wait(idp, 5000, NULL), GH_IDP_READY);
    for (size_t i = 0; i < 3; i++) {
        gh_keyset_free(gh_idp_keys_missed(idp));
        ck_assert_uint_eq(provider_count(&p, "GET " PROVIDER_JWKS), 2 + i);
        nap_ms(60);
    }
    gh_idp_free(idp);
}
END_TEST

/* A stray token must not keep the next key out, and many must not keep the provider busy. */
START_TEST(a_few_requests_may_follow_each_other_and_then_they_cool_down)
{
    gh_idp_options options = idp_options(&p);
    gh_key *next = new_key("ES256");
    provider_document(&p, p.issuer, GOOD_PKCE, false);
    for (int i = 0; i < 3; i++) {
        provider_keys(&p, &p.key, 1, true);
    }
    provider_keys(&p, &next, 1, false);
    gh_idp *idp = idp_new(&options);
    idp->pace.missed_burst = 3;
    ck_assert_int_eq(gh_idp_start(idp), GH_OK);
    ck_assert_int_eq(gh_idp_wait(idp, 5000, NULL), GH_IDP_READY);
    for (size_t i = 0; i < 30; i++) {
        gh_keyset *keys = gh_idp_keys_missed(idp);
        ck_assert(has_key(keys, next) == (i >= 2));
        gh_keyset_free(keys);
    }
    ck_assert_uint_eq(provider_count(&p, "GET " PROVIDER_JWKS), 1 + 3);
    (void)pthread_mutex_lock(&idp->lock);
    idp->missed_until_ms -= idp->pace.cooldown_ms; /* as if so much time had passed: room for one more */
    (void)pthread_mutex_unlock(&idp->lock);
    for (size_t i = 0; i < 30; i++) {
        gh_keyset_free(gh_idp_keys_missed(idp));
    }
    ck_assert_uint_eq(provider_count(&p, "GET " PROVIDER_JWKS), 1 + 4);
    gh_idp_free(idp);
    gh_key_free(next);
}
END_TEST

typedef struct miss {
    gh_idp *idp;
    const gh_key *key;
    bool found;
} miss;

static void *miss_it(void *context)
{
    miss *m = context;
    gh_keyset *keys = gh_idp_keys_missed(m->idp);
    m->found = has_key(keys, m->key);
    gh_keyset_free(keys);
    return NULL;
}

START_TEST(many_who_miss_a_key_at_once_share_one_request)
{
    enum { MANY = 16 };
    pthread_t threads[MANY];
    miss misses[MANY];
    gh_idp_options options = idp_options(&p);
    gh_key *next = new_key("ES256");
    gh_key *both[] = {p.key, next};
    provider_document(&p, p.issuer, GOOD_PKCE, false);
    provider_keys(&p, &p.key, 1, true);
    char *jwks = jwks_of(both, 2);
    provider_reply(&p, "GET", PROVIDER_JWKS, 200, jwks, false)->delay_ms = 300;
    gh_idp *idp = idp_ready(&options);
    for (size_t i = 0; i < MANY; i++) {
        misses[i] = (miss){.idp = idp, .key = next};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, miss_it, &misses[i]), 0);
    }
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert(misses[i].found);
    }
    ck_assert_uint_eq(provider_count(&p, "GET " PROVIDER_JWKS), 2);
    gh_idp_free(idp);
    gh_key_free(next);
    free(jwks);
}
END_TEST

/* Whoever makes key ids up must not hold every thread while the provider hangs. */
START_TEST(beyond_so_many_nobody_waits_for_a_key)
{
    enum { MANY = GH_IDP_WAITERS_MAX };
    pthread_t threads[MANY];
    miss misses[MANY];
    gh_idp_options options = idp_options(&p);
    provider_document(&p, p.issuer, GOOD_PKCE, false);
    provider_keys(&p, &p.key, 1, true);
    char *jwks = jwks_of(&p.key, 1);
    provider_reply(&p, "GET", PROVIDER_JWKS, 200, jwks, false)->delay_ms = 1500;
    gh_idp *idp = idp_ready(&options);
    for (size_t i = 0; i < MANY; i++) {
        misses[i] = (miss){.idp = idp, .key = p.key};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, miss_it, &misses[i]), 0);
    }
    nap_ms(500);
    int64_t start = gh_clock_mono_ms();
    ck_assert_ptr_null(gh_idp_keys_missed(idp));
    ck_assert_int_lt(gh_clock_mono_ms() - start, 500);
    ck_assert(idp_has_key(idp, p.key)); /* those that are known can be had all the while */
    for (size_t i = 0; i < MANY; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert(misses[i].found);
    }
    gh_keyset *keys = gh_idp_keys_missed(idp);
    ck_assert_ptr_nonnull(keys);
    gh_keyset_free(keys);
    gh_idp_free(idp);
    free(jwks);
}
END_TEST

START_TEST(who_misses_a_key_does_not_wait_for_ever)
{
    gh_idp_options options = idp_options(&p);
    provider_document(&p, p.issuer, GOOD_PKCE, false);
    provider_keys(&p, &p.key, 1, true);
    provider_reply(&p, "GET", PROVIDER_JWKS, 200, "{}", false)->delay_ms = 9000;
    gh_idp *idp = idp_new(&options);
    idp->pace.missed_wait_ms = 200;
    ck_assert_int_eq(gh_idp_start(idp), GH_OK);
    ck_assert_int_eq(gh_idp_wait(idp, 5000, NULL), GH_IDP_READY);
    int64_t start = gh_clock_mono_ms();
    gh_keyset *keys = gh_idp_keys_missed(idp);
    int64_t took = gh_clock_mono_ms() - start;
    ck_assert_int_ge(took, 190);
    ck_assert_int_lt(took, 2000);
    ck_assert(has_key(keys, p.key));
    gh_keyset_free(keys);
    gh_idp_free(idp);
}
END_TEST

static const struct {
    int status;
    const char *body;
    const char *says;
} BAD_SETS[] = {
    {503, "", "503"},
    {200, "{}", "no signing key"},
    {200, "{\"keys\":[]}", "no signing key"},
    {200, "<html>", "no key set"},
    {200, "{\"keys\":7}", "no key set"},
    {404, "{}", "404"},
};

START_TEST(the_last_good_keys_stay_when_there_are_no_better_ones)
{
    gh_idp_options options = idp_options(&p);
    gh_error why = {0};
    provider_document(&p, p.issuer, GOOD_PKCE, false);
    provider_keys(&p, &p.key, 1, true);
    provider_reply(&p, "GET", PROVIDER_JWKS, BAD_SETS[_i].status, BAD_SETS[_i].body, false);
    gh_idp *idp = idp_ready(&options);
    gh_keyset *keys = gh_idp_keys_missed(idp);
    ck_assert(has_key(keys, p.key));
    gh_keyset_free(keys);
    ck_assert(wait_degraded(idp, true, &why));
    ck_assert_msg(strstr(why.message, BAD_SETS[_i].says) != NULL, "%s", why.message);
    ck_assert_int_eq(gh_idp_state_get(idp, NULL), GH_IDP_READY);
    gh_idp_free(idp);
}
END_TEST

START_TEST(keys_are_confirmed_now_and_then_without_being_asked)
{
    gh_idp_options options = idp_options(&p);
    gh_key *next = new_key("ES256");
    provider_document(&p, p.issuer, GOOD_PKCE, false);
    provider_keys(&p, &p.key, 1, true);
    provider_keys(&p, &p.key, 1, true);
    provider_keys(&p, &next, 1, false);
    gh_idp *idp = idp_new(&options);
    idp->pace.keys_ms = 40;
    ck_assert_int_eq(gh_idp_start(idp), GH_OK);
    ck_assert_int_eq(gh_idp_wait(idp, 5000, NULL), GH_IDP_READY);
    gh_deadline deadline = gh_deadline_in(5000);
    while (!idp_has_key(idp, next) && !gh_deadline_passed(deadline)) {
        nap_ms(5);
    }
    ck_assert(idp_has_key(idp, next));
    ck_assert(!idp_has_key(idp, p.key));
    ck_assert_uint_eq(provider_count(&p, "GET " PROVIDER_WELL_KNOWN), 1);
    gh_idp_free(idp);
    gh_key_free(next);
}
END_TEST

START_TEST(keys_for_encryption_are_left_out)
{
    gh_idp_options options = idp_options(&p);
    char *jwk = jwk_of(p.key);
    char *encryption = text_of("%.*s", (int)strlen(jwk), jwk);
    char *use = strstr(encryption, "\"sig\"");
    ck_assert_ptr_nonnull(use);
    memcpy(use, "\"enc\"", 5);
    char *jwks = text_of("{\"keys\":[%s,%s]}", encryption, jwk);
    provider_document(&p, p.issuer, GOOD_PKCE, false);
    provider_reply(&p, "GET", PROVIDER_JWKS, 200, jwks, false);
    gh_idp *idp = idp_ready(&options);
    gh_keyset *keys = gh_idp_keys(idp);
    ck_assert_uint_eq(gh_keyset_count(keys), 1);
    gh_keyset_free(keys);
    gh_idp_free(idp);
    free(jwks);
    free(encryption);
    free(jwk);
}
END_TEST

START_TEST(between_two_looks_at_the_provider_no_idle_client_is_kept)
{
    gh_idp_options options = idp_options(&p);
    gh_http_client *clients[2] = {NULL, NULL};
    provider_good(&p);
    gh_idp *idp = idp_ready(&options);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(gh_idp_borrow(idp, gh_deadline_in(5000), &clients[i], NULL), GH_OK);
    }
    gh_idp_give_back(idp, clients[0]);
    gh_keyset_free(gh_idp_keys_missed(idp));
    (void)pthread_mutex_lock(&idp->lock);
    ck_assert_uint_eq(idp->idle_count, 0);
    ck_assert_uint_eq(idp->client_count, 1); /* the borrowed one */
    (void)pthread_mutex_unlock(&idp->lock);
    gh_idp_give_back(idp, clients[1]);
    ck_assert_int_eq(gh_idp_borrow(idp, gh_deadline_in(5000), &clients[0], NULL), GH_OK);
    ck_assert_ptr_eq(clients[0], clients[1]);
    gh_idp_give_back(idp, clients[0]);
    gh_idp_free(idp);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("idp_keys");
    TCase *tests = tcase_create("idp_keys");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_unknown_key_brings_the_new_ones);
    tcase_add_test(tests, a_key_that_was_taken_away_is_gone);
    tcase_add_test(tests, within_the_cool_down_nobody_is_asked_again);
    tcase_add_test(tests, after_the_cool_down_they_are_asked_again);
    tcase_add_test(tests, a_few_requests_may_follow_each_other_and_then_they_cool_down);
    tcase_add_test(tests, many_who_miss_a_key_at_once_share_one_request);
    tcase_add_test(tests, beyond_so_many_nobody_waits_for_a_key);
    tcase_add_test(tests, who_misses_a_key_does_not_wait_for_ever);
    tcase_add_loop_test(tests, the_last_good_keys_stay_when_there_are_no_better_ones, 0,
                        (int)(sizeof BAD_SETS / sizeof BAD_SETS[0]));
    tcase_add_test(tests, keys_are_confirmed_now_and_then_without_being_asked);
    tcase_add_test(tests, keys_for_encryption_are_left_out);
    tcase_add_test(tests, between_two_looks_at_the_provider_no_idle_client_is_kept);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

/* Credentials that many threads want at once. */
#include "tests/unit/server/credential_fixture.h"

enum { THREADS = 8 };

static gh_credential_cache *cache;

static void setup(void)
{
    gh_clock_set_source(NULL, NULL);
    source_reset();
    ck_assert_int_eq(gh_credential_cache_new(&PROXY, &cache), GH_OK);
}

static void teardown(void)
{
    gh_credential_cache_free(cache);
    gh_clock_set_source(NULL, NULL);
}

typedef struct asker {
    gh_upstream upstream;
    gh_principal principal;
    unsigned seed;
    int wrong, failed;
    got result;
} asker;

static void run(asker *askers, size_t count, void *(*body)(void *))
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, body, &askers[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
}

static void *ask_once(void *context)
{
    asker *a = context;
    a->result = get(cache, &a->upstream, &a->principal);
    return NULL;
}

START_TEST(one_request_serves_all_who_want_the_same)
{
    static asker askers[THREADS];
    S.delay_ms = 300;
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (asker){.upstream = upstream_with(GH_CREDENTIAL_USER), .principal = person("alice", "g")};
    }
    run(askers, THREADS, ask_once);
    for (int i = 0; i < THREADS; i++) {
        expect_value(askers[i].result, "Bearer user-alice-1");
    }
    ck_assert_int_eq(S.calls, 1);
}
END_TEST

START_TEST(one_failure_is_told_to_all_who_want_the_same)
{
    static asker askers[THREADS];
    S.delay_ms = 300;
    S.status = GH_ERR_UNAVAILABLE;
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (asker){.upstream = upstream_with(GH_CREDENTIAL_USER), .principal = person("alice", "g")};
    }
    run(askers, THREADS, ask_once);
    for (int i = 0; i < THREADS; i++) {
        expect_refusal(askers[i].result, GH_ERR_UNAVAILABLE, "call 1");
    }
    ck_assert_int_eq(S.calls, 1);
}
END_TEST

/* Own tokens name their user: "Bearer user-alice-7", "Bearer exchanged-user-alice-7-8". */
static bool is_own(const asker *a, const char *value)
{
    char own[64];
    (void)snprintf(own, sizeof own, "user-%s-", a->principal.subject);
    return strstr(value, own) != NULL;
}

static void *ask_often(void *context)
{
    asker *a = context;
    char stale[512] = "";
    for (int i = 0; i < 2000; i++) {
        a->seed = a->seed * 1103515245U + 12345U;
        bool refused = (a->seed >> 16) % 16 == 0 && stale[0] != '\0';
        got g = get_stale(cache, &a->upstream, &a->principal, refused ? stale : NULL);
        if (g.status == GH_OK) {
            a->wrong += is_own(a, g.value) ? 0 : 1;
            (void)snprintf(stale, sizeof stale, "%s", g.value);
        } else {
            a->failed += refused ? 0 : 1; /* a token is replaced once in a while only */
        }
    }
    return NULL;
}

START_TEST(users_at_once_never_get_each_others_token)
{
    static asker askers[THREADS];
    static const char *const subjects[] = {"alice", "bob"};
    S.lifetime = 1; /* renewed all the time */
    for (unsigned i = 0; i < THREADS; i++) {
        gh_credential_kind kind = i % 4 < 2 ? GH_CREDENTIAL_USER : GH_CREDENTIAL_EXCHANGE;
        askers[i] = (asker){.upstream = upstream_with(kind),
                            .principal = person(subjects[i % 2], subjects[i % 2]),
                            .seed = i + 1};
    }
    run(askers, THREADS, ask_often);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(askers[i].wrong, 0);
        ck_assert_int_eq(askers[i].failed, 0);
    }
}
END_TEST

static void *ask_as_many(void *context)
{
    asker *a = context;
    char subject[32];
    for (int i = 0; i < 3000; i++) {
        a->seed = a->seed * 1103515245U + 12345U;
        (void)snprintf(subject, sizeof subject, "p%u", (a->seed >> 16) % (GH_CREDENTIAL_ENTRIES_MAX * 2));
        a->principal = person(subject, "g");
        got g = get(cache, &a->upstream, &a->principal);
        a->wrong += g.status == GH_OK && is_own(a, g.value) ? 0 : 1;
    }
    return NULL;
}

START_TEST(nor_when_there_are_more_of_them_than_there_is_room)
{
    static asker askers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        askers[i] = (asker){.upstream = upstream_with(GH_CREDENTIAL_USER), .seed = i + 1};
    }
    run(askers, THREADS, ask_as_many);
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(askers[i].wrong, 0);
    }
    ck_assert_uint_le(gh_credential_cache_count(cache), GH_CREDENTIAL_ENTRIES_MAX);
}
END_TEST

/* By naps, for some tests have clocks of their own. */
static bool wait_calls(int count)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    int calls = 0;
    for (int naps = 0; calls < count && naps < 5000; naps++) {
        (void)nanosleep(&pause, NULL);
        (void)pthread_mutex_lock(&S.lock);
        calls = S.calls;
        (void)pthread_mutex_unlock(&S.lock);
    }
    return calls >= count;
}

START_TEST(while_a_new_token_is_asked_for_the_old_one_is_used)
{
    pthread_t thread;
    asker a = {.upstream = upstream_with(GH_CREDENTIAL_USER), .principal = person("alice", "g")};
    S.lifetime = 20;
    gh_clock_set_source(NULL, fixture_wall);
    expect_value(get(cache, &a.upstream, &a.principal), "Bearer user-alice-1");
    forward_ms(15000);
    S.delay_ms = 1000;
    ck_assert_int_eq(pthread_create(&thread, NULL, ask_once, &a), 0);
    ck_assert(wait_calls(2));
    expect_value(get(cache, &a.upstream, &a.principal), "Bearer user-alice-1");
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    expect_value(a.result, "Bearer user-alice-2");
    expect_value(get(cache, &a.upstream, &a.principal), "Bearer user-alice-2");
    ck_assert_int_eq(S.calls, 2);
}
END_TEST

/* A clock that runs almost five seconds each time somebody looks. */
static _Atomic int64_t hurried_ms = 1000000;

static int64_t hurried(void)
{
    return atomic_fetch_add(&hurried_ms, 4900) * 1000000;
}

START_TEST(nobody_waits_for_ever)
{
    pthread_t thread;
    asker a = {.upstream = upstream_with(GH_CREDENTIAL_USER), .principal = person("alice", "g")};
    S.delay_ms = 3000;
    gh_clock_set_source(hurried, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, ask_once, &a), 0);
    ck_assert(wait_calls(1));
    expect_refusal(get(cache, &a.upstream, &a.principal), GH_ERR_UNAVAILABLE, "still being asked for");
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    expect_value(a.result, "Bearer user-alice-1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("credential_races");
    TCase *tc = tcase_create("credential_races");
    tcase_set_timeout(tc, 90);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, one_request_serves_all_who_want_the_same);
    tcase_add_test(tc, one_failure_is_told_to_all_who_want_the_same);
    tcase_add_test(tc, users_at_once_never_get_each_others_token);
    tcase_add_test(tc, nor_when_there_are_more_of_them_than_there_is_room);
    tcase_add_test(tc, while_a_new_token_is_asked_for_the_old_one_is_used);
    tcase_add_test(tc, nobody_waits_for_ever);
    suite_add_tcase(suite, tc);
    return gh_suite_run(suite);
}

#include <pthread.h>

#include "server/auth/bearer.h"
#include "server/auth/key_private.h"
#include "server/auth/token_cache.h"
#include "tests/unit/server/token_fixture.h"

static gh_key *key;
static gh_keyset *keys;
static gh_token_cache *cache;

static void setup(void)
{
    fixture_clock_start();
    key = new_key("ES256");
    keys = set_of(key);
    ck_assert_int_eq(gh_token_cache_new(64, &cache), GH_OK);
}

static void teardown(void)
{
    gh_token_cache_free(cache);
    gh_keyset_free(keys);
    gh_key_free(key);
    gh_clock_set_source(NULL, NULL);
}

static void digest_of(unsigned number, unsigned char digest[GH_SHA256_LEN])
{
    ck_assert_int_eq(gh_sha256(gh_view_make((const char *)&number, sizeof number), digest), GH_OK);
}

static gh_principal *person(unsigned number, int64_t expires_at)
{
    gh_principal *made = calloc(1, sizeof *made);
    ck_assert_ptr_nonnull(made);
    made->issuer = text_of("%s", ISSUER);
    made->subject = text_of("person %u", number);
    made->scope = text_of("mcp");
    made->expires_at = expires_at;
    return made;
}

static void put(unsigned number, int64_t expires_at, gh_keyset *under)
{
    unsigned char digest[GH_SHA256_LEN];
    gh_principal *who = person(number, expires_at);
    digest_of(number, digest);
    gh_token_cache_put(cache, digest, under, who);
    gh_principal_free(who);
}

/* True when the cache knows this token, whose principal must be the right one. */
static bool knows(unsigned number, const gh_keyset *under)
{
    unsigned char digest[GH_SHA256_LEN];
    digest_of(number, digest);
    gh_principal *who = gh_token_cache_get(cache, digest, under);
    if (who == NULL) {
        return false;
    }
    char *name = text_of("person %u", number);
    ck_assert_str_eq(who->subject, name);
    ck_assert_str_eq(who->scope, "mcp");
    ck_assert_ptr_null(who->grant_id);
    free(name);
    gh_principal_free(who);
    return true;
}

START_TEST(what_was_put_is_found_as_a_copy)
{
    unsigned char digest[GH_SHA256_LEN];
    put(1, NOW + 600, keys);
    ck_assert(knows(1, keys));
    ck_assert(!knows(2, keys));
    digest_of(1, digest);
    gh_principal *one = gh_token_cache_get(cache, digest, keys);
    gh_principal *two = gh_token_cache_get(cache, digest, keys);
    ck_assert_ptr_ne(one, two);
    ck_assert_ptr_ne(one->subject, two->subject);
    gh_principal_free(one);
    gh_token_cache_free(cache);
    cache = NULL;
    ck_assert_str_eq(two->subject, "person 1");
    ck_assert_int_eq(two->expires_at, NOW + 600);
    gh_principal_free(two);
}
END_TEST

START_TEST(an_entry_ends_with_its_token_by_the_rule_of_verification)
{
    put(1, NOW + 600, keys);
    fixture_wall_ms = (int64_t)(NOW + 600 + GH_JWT_SKEW_S) * 1000 - 1;
    ck_assert(knows(1, keys));
    fixture_wall_ms++;
    ck_assert(!knows(1, keys));
    ck_assert_uint_eq(gh_token_cache_count(cache), 0);
}
END_TEST

START_TEST(an_entry_ends_with_its_keys)
{
    gh_keyset *others = set_of(key);
    put(1, NOW + 600, keys);
    put(2, NOW + 600, keys);
    ck_assert(!knows(1, others));
    ck_assert(knows(2, keys));
    put(1, NOW + 600, others);
    ck_assert(knows(1, others));
    gh_keyset_free(others);
}
END_TEST

START_TEST(an_entry_holds_its_keys_so_that_no_other_set_can_pass_for_them)
{
    gh_keyset *others = set_of(key);
    const gh_keyset *address = others;
    put(1, NOW + 600, others);
    gh_keyset_free(others);
    for (size_t i = 0; i < 50; i++) {
        gh_keyset *next = set_of(key);
        ck_assert_ptr_ne(next, address);
        gh_keyset_free(next);
    }
}
END_TEST

START_TEST(there_is_a_bound_and_what_is_used_stays)
{
    for (unsigned i = 0; i < 10000; i++) {
        put(i, NOW + 600, keys);
        ck_assert(knows(i, keys));
        if (i % 2 == 0) {
            ck_assert(knows(0, keys));
        }
    }
    ck_assert_uint_le(gh_token_cache_count(cache), 128);
    ck_assert_uint_ge(gh_token_cache_count(cache), 64);
}
END_TEST

START_TEST(putting_again_replaces)
{
    for (unsigned i = 0; i < 20; i++) {
        put(1, NOW + 600 + i, keys);
    }
    ck_assert_uint_eq(gh_token_cache_count(cache), 1);
    fixture_wall_ms = (int64_t)(NOW + 610 + GH_JWT_SKEW_S) * 1000;
    ck_assert(knows(1, keys));
}
END_TEST

START_TEST(a_huge_principal_is_not_remembered)
{
    unsigned char digest[GH_SHA256_LEN];
    gh_principal *who = person(1, NOW + 600);
    free(who->scope);
    who->scope = malloc(8192);
    ck_assert_ptr_nonnull(who->scope);
    memset(who->scope, 'a', 8191);
    who->scope[8191] = '\0';
    digest_of(1, digest);
    gh_token_cache_put(cache, digest, keys, who);
    ck_assert_uint_eq(gh_token_cache_count(cache), 0);
    gh_principal_free(who);
}
END_TEST

typedef struct worker {
    unsigned seed;
    gh_keyset *sets[2];
    unsigned wrong;
} worker;

static void *work(void *context)
{
    worker *w = context;
    unsigned chance = w->seed;
    for (unsigned i = 0; i < 20000; i++) {
        unsigned char digest[GH_SHA256_LEN];
        chance = chance * 1103515245U + 12345U;
        unsigned number = (chance >> 16) % 300;
        gh_keyset *under = w->sets[(chance >> 8) % 2];
        (void)!gh_sha256(gh_view_make((const char *)&number, sizeof number), digest);
        gh_principal *who = gh_token_cache_get(cache, digest, under);
        char expected[32];
        (void)snprintf(expected, sizeof expected, "person %u", number);
        w->wrong += who != NULL && strcmp(who->subject, expected) != 0 ? 1U : 0U;
        if (who == NULL) {
            char scope[] = "mcp";
            const gh_principal fresh = {.subject = expected, .scope = scope, .expires_at = NOW + 600};
            gh_token_cache_put(cache, digest, under, &fresh);
        }
        gh_principal_free(who);
    }
    return NULL;
}

START_TEST(many_threads_get_the_right_people)
{
    pthread_t threads[4];
    worker workers[4];
    gh_keyset *others = set_of(key);
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = (worker){.seed = i + 1, .sets = {keys, others}};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_uint_eq(workers[i].wrong, 0);
    }
    gh_keyset_free(others);
}
END_TEST

/* The cache as gh_bearer uses it. */
typedef struct world {
    gh_keyset *keys;
    gh_status grant;
    unsigned asked;
} world;

static gh_keyset *world_keys(void *context)
{
    world *w = context;
    return gh_keyset_ref(w->keys);
}

static gh_status world_grant(void *context, const char *grant_id)
{
    world *w = context;
    w->asked += strcmp(grant_id, "g1") == 0 ? 1U : 1000U;
    return w->grant;
}

static gh_bearer *bearer_of(world *w, const char *scope)
{
    gh_bearer *bearer = NULL;
    const gh_bearer_options options = {.issuer = ISSUER,
                                       .resource = RESOURCE,
                                       .required_scope = scope,
                                       .context = w,
                                       .keys = world_keys,
                                       .grant_alive = world_grant};
    ck_assert_int_eq(gh_bearer_new(&options, &bearer), GH_OK);
    return bearer;
}

static gh_bearer_outcome check(const gh_bearer *bearer, const char *header)
{
    gh_principal *who = NULL;
    gh_bearer_outcome outcome = gh_bearer_check(bearer, gh_view_of(header), &who, NULL);
    ck_assert((who != NULL) == (outcome == GH_BEARER_OK || outcome == GH_BEARER_SCOPE));
    gh_principal_free(who);
    return outcome;
}

START_TEST(a_hit_still_asks_for_the_grant_the_expiry_and_the_keys)
{
    world w = {.keys = keys, .grant = GH_OK};
    gh_bearer *bearer = bearer_of(&w, "mcp");
    char *token = good_token(key);
    char *header = text_of("Bearer %s", token);
    ck_assert_int_eq(check(bearer, header), GH_BEARER_OK);
    ck_assert_int_eq(check(bearer, header), GH_BEARER_OK);
    ck_assert_uint_eq(w.asked, 2);
    w.grant = GH_ERR_NOT_FOUND;
    ck_assert_int_eq(check(bearer, header), GH_BEARER_INVALID);
    w.grant = GH_ERR_UNAVAILABLE;
    ck_assert_int_eq(check(bearer, header), GH_BEARER_UNAVAILABLE);
    w.grant = GH_OK;
    gh_key *other = new_key("ES256");
    w.keys = set_of(other);
    ck_assert_int_eq(check(bearer, header), GH_BEARER_INVALID);
    gh_keyset_free(w.keys);
    gh_key_free(other);
    w.keys = keys;
    ck_assert_int_eq(check(bearer, header), GH_BEARER_OK);
    fixture_wall_ms += (600 + GH_JWT_SKEW_S) * 1000;
    ck_assert_int_eq(check(bearer, header), GH_BEARER_INVALID);
    free(header);
    free(token);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(a_hit_still_lacks_the_scope_that_was_lacking)
{
    world w = {.keys = keys, .grant = GH_OK};
    gh_bearer *bearer = bearer_of(&w, "mcp admin");
    char *token = good_token(key);
    char *header = text_of("Bearer %s", token);
    ck_assert_int_eq(check(bearer, header), GH_BEARER_SCOPE);
    ck_assert_int_eq(check(bearer, header), GH_BEARER_SCOPE);
    free(header);
    free(token);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(a_remembered_token_does_not_vouch_for_one_with_another_signature)
{
    world w = {.keys = keys, .grant = GH_OK};
    gh_bearer *bearer = bearer_of(&w, "mcp");
    gh_key *thief = new_key("ES256");
    char *token = good_token(key);
    char *claims = good_claims("");
    char *typ = at_header(key);
    char *forged = mint(typ, claims, thief);
    char *good = text_of("Bearer %s", token);
    char *bad = text_of("Bearer %s", forged);
    ck_assert_int_eq(check(bearer, good), GH_BEARER_OK);
    ck_assert_int_eq(check(bearer, bad), GH_BEARER_INVALID);
    ck_assert_int_eq(check(bearer, bad), GH_BEARER_INVALID);
    ck_assert_int_eq(check(bearer, good), GH_BEARER_OK);
    free(good);
    free(bad);
    free(typ);
    free(claims);
    free(forged);
    free(token);
    gh_key_free(thief);
    gh_bearer_free(bearer);
}
END_TEST

START_TEST(a_principal_outlives_the_bearer_that_gave_it)
{
    world w = {.keys = keys, .grant = GH_OK};
    gh_bearer *bearer = bearer_of(&w, "mcp");
    char *token = good_token(key);
    char *header = text_of("Bearer %s", token);
    gh_principal *first = NULL;
    gh_principal *second = NULL;
    ck_assert_int_eq(gh_bearer_check(bearer, gh_view_of(header), &first, NULL), GH_BEARER_OK);
    ck_assert_int_eq(gh_bearer_check(bearer, gh_view_of(header), &second, NULL), GH_BEARER_OK);
    gh_bearer_free(bearer);
    free(header);
    free(token);
    ck_assert(gh_principal_same(first, second));
    gh_principal_free(first);
    ck_assert_str_eq(second->subject, "alice");
    ck_assert_str_eq(second->grant_id, "g1");
    ck_assert_str_eq(second->email, "a@example.org");
    gh_principal_free(second);
}
END_TEST

/* Under the same name and in the same set, another key, which every verification would fail with. */
static void swap_keys(gh_key *one, gh_key *two)
{
    EVP_PKEY *first = one->pkey;
    one->pkey = two->pkey;
    two->pkey = first;
}

START_TEST(a_hit_verifies_no_signature)
{
    world w = {.keys = keys, .grant = GH_OK};
    gh_bearer *bearer = bearer_of(&w, "mcp");
    gh_bearer *newcomer = bearer_of(&w, "mcp");
    gh_key *other = new_key("ES256");
    char *token = good_token(key);
    char *header = text_of("Bearer %s", token);
    ck_assert_int_eq(check(bearer, header), GH_BEARER_OK);
    swap_keys(key, other);
    ck_assert_int_eq(check(newcomer, header), GH_BEARER_INVALID);
    ck_assert_int_eq(check(bearer, header), GH_BEARER_OK);
    free(header);
    free(token);
    gh_key_free(other);
    gh_bearer_free(newcomer);
    gh_bearer_free(bearer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("token_cache");
    TCase *tests = tcase_create("token_cache");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_was_put_is_found_as_a_copy);
    tcase_add_test(tests, an_entry_ends_with_its_token_by_the_rule_of_verification);
    tcase_add_test(tests, an_entry_ends_with_its_keys);
    tcase_add_test(tests, an_entry_holds_its_keys_so_that_no_other_set_can_pass_for_them);
    tcase_add_test(tests, there_is_a_bound_and_what_is_used_stays);
    tcase_add_test(tests, putting_again_replaces);
    tcase_add_test(tests, a_huge_principal_is_not_remembered);
    tcase_add_test(tests, many_threads_get_the_right_people);
    tcase_add_test(tests, a_hit_still_asks_for_the_grant_the_expiry_and_the_keys);
    tcase_add_test(tests, a_hit_still_lacks_the_scope_that_was_lacking);
    tcase_add_test(tests, a_remembered_token_does_not_vouch_for_one_with_another_signature);
    tcase_add_test(tests, a_principal_outlives_the_bearer_that_gave_it);
    tcase_add_test(tests, a_hit_verifies_no_signature);
    suite_add_tcase(suite, tests);
    return gh_suite_run(suite);
}

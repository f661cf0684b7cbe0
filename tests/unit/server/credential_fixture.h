/* A source of credentials that does what a test says, and an upstream to ask them for. */
#ifndef GH_TESTS_CREDENTIAL_FIXTURE_H
#define GH_TESTS_CREDENTIAL_FIXTURE_H

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/api/credential.h"
#include "server/api/credential_private.h"
#include "shared/core/clock.h"
#include "tests/support/suite.h"

/* A wall clock and a monotonic one that stand still, and jump when a test says so. */
static int64_t fixture_now_ms = 1800000000000;

static inline int64_t fixture_wall(void)
{
    return fixture_now_ms;
}

static inline int64_t fixture_mono(void)
{
    return fixture_now_ms * 1000000;
}

static inline int64_t now_s(void)
{
    return fixture_now_ms / 1000;
}

static inline void forward_ms(int64_t ms)
{
    fixture_now_ms += ms;
}

/* Tokens are "KIND SUBJECT NUMBER" with dashes between. */
static struct {
    pthread_mutex_t lock;
    int calls;
    int exchanges;
    int expired_exchanges; /* so many are answered so */
    gh_status status;
    int64_t lifetime; /* 0: unknown */
    int delay_ms;
    const char *token; /* instead of made ones */
    char subject_token[128], stale[128];
    char audience[64];
} S;

static inline char *lit(const char *text)
{
    return (char *)(uintptr_t)text;
}

static inline gh_status make_token(const char *kind, const char *of, gh_secret **token, int64_t *expires_at,
                                   gh_error *error)
{
    char text[200];
    (void)pthread_mutex_lock(&S.lock);
    int number = ++S.calls;
    gh_status status = S.status;
    int64_t lifetime = S.lifetime;
    const char *instead = S.token;
    const struct timespec pause = {S.delay_ms / 1000, (long)(S.delay_ms % 1000) * 1000000L};
    (void)pthread_mutex_unlock(&S.lock);
    (void)nanosleep(&pause, NULL);
    if (status != GH_OK) {
        return gh_error_set(error, status, "The provider said no, call %d.", number);
    }
    (void)snprintf(text, sizeof text, "%s-%s-%d", kind, of, number);
    *token = gh_secret_new(gh_view_of(instead != NULL ? instead : text));
    *expires_at = lifetime == 0 ? 0 : gh_clock_wall_s() + lifetime;
    return GH_OK;
}

static inline void keep_text(char *out, size_t size, const gh_secret *secret)
{
    gh_view view = gh_secret_view(secret);
    (void)snprintf(out, size, "%.*s", (int)view.len, view.ptr);
}

static inline gh_status source_user(void *context, const gh_principal *principal, const gh_secret *stale,
                                    gh_secret **token, int64_t *expires_at, gh_error *error)
{
    (void)context;
    (void)pthread_mutex_lock(&S.lock);
    keep_text(S.stale, sizeof S.stale, stale);
    (void)pthread_mutex_unlock(&S.lock);
    return make_token("user", principal->subject, token, expires_at, error);
}

static inline gh_status source_exchange(void *context, const gh_secret *subject_token,
                                        const gh_credential *credential, gh_secret **token,
                                        int64_t *expires_at, gh_error *error)
{
    char of[128];
    (void)context;
    keep_text(of, sizeof of, subject_token);
    (void)pthread_mutex_lock(&S.lock);
    S.exchanges++;
    bool expired = S.expired_exchanges > 0;
    S.expired_exchanges -= expired ? 1 : 0;
    (void)snprintf(S.subject_token, sizeof S.subject_token, "%s", of);
    (void)snprintf(S.audience, sizeof S.audience, "%s",
                   credential->audience != NULL ? credential->audience : "");
    (void)pthread_mutex_unlock(&S.lock);
    if (expired) {
        return gh_error_set(error, GH_ERR_EXPIRED, "The subject token will not do; sign in again.");
    }
    return make_token("exchanged", of, token, expires_at, error);
}

static inline gh_status source_client(void *context, const gh_credential *credential, gh_secret **token,
                                      int64_t *expires_at, gh_error *error)
{
    (void)context;
    return make_token("client", credential->client_id != NULL ? credential->client_id : "own", token,
                      expires_at, error);
}

static const gh_credential_source PROXY = {.user = source_user,
                                           .exchange = source_exchange,
                                           .client = source_client,
                                           .auth = "proxy",
                                           .has_provider = true,
                                           .has_secret = true};
static const gh_credential_source DIRECT = {
    .exchange = source_exchange, .client = source_client, .auth = "direct", .has_provider = true};
static const gh_credential_source DEV = {.client = source_client, .auth = "dev"};

static inline void source_reset(void)
{
    memset(&S, 0, sizeof S);
    (void)pthread_mutex_init(&S.lock, NULL);
    S.lifetime = 300;
}

static inline gh_upstream upstream_with(gh_credential_kind kind)
{
    return (gh_upstream){
        .name = lit("orders"), .url = lit("https://api.example.com"), .credential.kind = kind};
}

static inline gh_principal person(const char *subject, const char *grant)
{
    return (gh_principal){.issuer = lit("https://id.example.com"),
                          .subject = lit(subject),
                          .client_id = lit("client"),
                          .scope = lit("mcp"),
                          .grant_id = lit(grant),
                          .expires_at = INT64_MAX};
}

typedef struct got {
    gh_status status;
    char name[64];
    char value[512];
    gh_error error;
} got;

/* `stale` NULL for none. */
static inline got get_stale(gh_credential_cache *cache, const gh_upstream *upstream,
                            const gh_principal *principal, const char *stale)
{
    got g;
    const char *name = NULL;
    gh_secret *value = NULL;
    gh_secret *refused = stale != NULL ? gh_secret_new(gh_view_of(stale)) : NULL;
    memset(&g, 0, sizeof g);
    g.status = gh_credential_get(cache, upstream, principal, refused, &name, &value, &g.error);
    if (g.status != GH_OK) {
        ck_assert_ptr_null(value);
        ck_assert_int_eq(g.error.status, g.status);
        ck_assert_str_ne(g.error.message, "");
    } else if (value != NULL) {
        (void)snprintf(g.name, sizeof g.name, "%s", name);
        keep_text(g.value, sizeof g.value, value);
    }
    gh_secret_free(value);
    gh_secret_free(refused);
    return g;
}

static inline got get(gh_credential_cache *cache, const gh_upstream *upstream, const gh_principal *principal)
{
    return get_stale(cache, upstream, principal, NULL);
}

static inline void expect_value(got g, const char *value)
{
    ck_assert_msg(g.status == GH_OK, "%s", g.error.message);
    ck_assert_str_eq(g.value, value);
}

static inline void expect_refusal(got g, gh_status status, const char *words)
{
    ck_assert_int_eq(g.status, status);
    ck_assert_msg(strstr(g.error.message, words) != NULL, "%s", g.error.message);
}

#endif

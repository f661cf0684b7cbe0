/* An identity provider for the tests of server/idp: scripted replies with Authentik's paths. Everything is
 * scripted before the gh_idp starts; a reply that is added with `once` is used up, in the order of adding. */
#ifndef GH_TESTS_IDP_FIXTURE_H
#define GH_TESTS_IDP_FIXTURE_H

#include <pthread.h>

#include "server/idp/idp.h"
#include "server/idp/idp_private.h"
#include "tests/support/http_fixture.h"
#include "tests/unit/server/token_fixture.h"

#define PROVIDER_STEPS 64
#define PROVIDER_PATH "/application/o/mcp/"
#define PROVIDER_WELL_KNOWN PROVIDER_PATH ".well-known/openid-configuration"
#define PROVIDER_JWKS PROVIDER_PATH "jwks/"
#define PROVIDER_TOKEN "/application/o/token/"
#define PROVIDER_USERINFO "/application/o/userinfo/"
#define PROVIDER_REVOKE "/application/o/revoke/"
#define PROVIDER_AUTHORIZE "/application/o/authorize/"
#define CALLBACK "http://localhost:8080/callback"
#define LOGIN_PAGE "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nlogin"

typedef struct provider {
    gh_http_fixture_step steps[PROVIDER_STEPS];
    char *owned[PROVIDER_STEPS];
    size_t count;
    gh_http_fixture *fixture;
    char base[GH_HTTP_FIXTURE_URL_MAX]; /* "http://127.0.0.1:PORT" */
    char issuer[GH_HTTP_FIXTURE_URL_MAX];
    gh_key *key;
} provider;

static inline void provider_start(provider *p)
{
    memset(p, 0, sizeof *p);
    for (size_t i = 0; i < PROVIDER_STEPS; i++) {
        p->steps[i].method = "NONE";
    }
    /* Unless a test says otherwise, an authorization request is answered by a login page. */
    p->steps[PROVIDER_STEPS - 1] = (gh_http_fixture_step){
        .method = "GET", .path = PROVIDER_AUTHORIZE "?", .reply = LOGIN_PAGE, .repeat = true};
    p->fixture = gh_http_fixture_start(p->steps, PROVIDER_STEPS);
    ck_assert_ptr_nonnull(p->fixture);
    gh_http_fixture_url(p->fixture, "", p->base);
    gh_http_fixture_url(p->fixture, PROVIDER_PATH, p->issuer);
    p->key = new_key("ES256");
}

static inline void provider_stop(provider *p)
{
    gh_http_fixture_stop(p->fixture);
    for (size_t i = 0; i < p->count; i++) {
        free(p->owned[i]);
    }
    gh_key_free(p->key);
}

/* `reply` is raw and taken over; NULL closes the connection. */
static inline gh_http_fixture_step *provider_raw(provider *p, const char *method, const char *path,
                                                 char *reply, bool once)
{
    ck_assert_uint_lt(p->count, PROVIDER_STEPS - 1);
    p->owned[p->count] = reply;
    gh_http_fixture_step *step = &p->steps[p->count++];
    *step = (gh_http_fixture_step){.method = method, .path = path, .reply = reply, .repeat = !once};
    (void)gh_http_fixture_requests(p->fixture); /* its lock orders this write before the threads' reading */
    return step;
}

static inline gh_http_fixture_step *provider_reply(provider *p, const char *method, const char *path,
                                                   int status, const char *body, bool once)
{
    char *raw =
        text_of("HTTP/1.1 %d Status\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                status, strlen(body), body);
    return provider_raw(p, method, path, raw, once);
}

static inline char *jwks_of(gh_key *const *keys, size_t count)
{
    gh_keyset *set = NULL;
    gh_buf out = GH_BUF_INIT(1 << 16);
    ck_assert_int_eq(gh_keyset_new(keys, count, &set), GH_OK);
    ck_assert_int_eq(gh_keyset_write(set, &out), GH_OK);
    gh_keyset_free(set);
    return gh_buf_steal(&out);
}

static inline void provider_keys(provider *p, gh_key *const *keys, size_t count, bool once)
{
    char *jwks = jwks_of(keys, count);
    provider_reply(p, "GET", PROVIDER_JWKS, 200, jwks, once);
    free(jwks);
}

#define GOOD_ALGORITHMS "\"id_token_signing_alg_values_supported\":[\"ES256\"]"
#define GOOD_PKCE "\"code_challenge_methods_supported\":[\"plain\",\"S256\"]"
#define BASIC_AND_POST                                                                                       \
    "\"token_endpoint_auth_methods_supported\":[\"client_secret_post\",\"client_secret_basic\"]"

/* A discovery document; `members` ends it. */
static inline char *document_of(const provider *p, const char *issuer, const char *members)
{
    return text_of("{\"issuer\":\"%s\",\"authorization_endpoint\":\"%s" PROVIDER_AUTHORIZE
                   "\",\"token_endpoint\":\"%s" PROVIDER_TOKEN
                   "\",\"userinfo_endpoint\":\"%s" PROVIDER_USERINFO
                   "\",\"revocation_endpoint\":\"%s" PROVIDER_REVOKE "\",\"jwks_uri\":\"%s" PROVIDER_JWKS
                   "\",\"response_types_supported\":[\"code\",\"id_token\",\"code id_token\"],%s}",
                   issuer, p->base, p->base, p->base, p->base, p->base, members);
}

static inline void provider_document(provider *p, const char *issuer, const char *members, bool once)
{
    char *document = document_of(p, issuer, members);
    provider_reply(p, "GET", PROVIDER_WELL_KNOWN, 200, document, once);
    free(document);
}

/* Good metadata and keys, for ever. */
static inline void provider_good(provider *p)
{
    provider_document(p, p->issuer, GOOD_ALGORITHMS "," GOOD_PKCE "," BASIC_AND_POST, false);
    provider_keys(p, &p->key, 1, false);
}

static inline gh_idp_options idp_options(const provider *p)
{
    return (gh_idp_options){
        .issuer = p->issuer, .client_id = "the client", .redirect_uri = CALLBACK, .needs_pkce = true};
}

static inline gh_idp *idp_new(const gh_idp_options *options)
{
    gh_idp *idp = NULL;
    gh_error error = {0};
    ck_assert_msg(gh_idp_new(options, &idp, &error) == GH_OK, "%s", error.message);
    idp->pace = (gh_idp_pace){.first_ms = 20,
                              .most_ms = 80,
                              .metadata_ms = 3600000,
                              .keys_ms = 600000,
                              .cooldown_ms = 30000,
                              .missed_burst = 1,
                              .missed_wait_ms = 5000};
    return idp;
}

static inline gh_idp *idp_start(const gh_idp_options *options)
{
    gh_idp *idp = idp_new(options);
    ck_assert_int_eq(gh_idp_start(idp), GH_OK);
    return idp;
}

static inline gh_idp *idp_ready(const gh_idp_options *options)
{
    gh_idp *idp = idp_start(options);
    gh_error why = {0};
    ck_assert_msg(gh_idp_wait(idp, 5000, &why) == GH_IDP_READY, "%s", why.message);
    return idp;
}

static inline void nap_ms(int ms)
{
    const struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000L};
    (void)nanosleep(&pause, NULL);
}

static inline bool wait_degraded(gh_idp *idp, bool wanted, gh_error *why)
{
    gh_deadline deadline = gh_deadline_in(5000);
    while (gh_idp_degraded(idp, why) != wanted && !gh_deadline_passed(deadline)) {
        nap_ms(5);
    }
    return gh_idp_degraded(idp, why) == wanted;
}

/* Requests of this method and path so far. */
static inline size_t provider_count(provider *p, const char *line)
{
    size_t count = 0;
    size_t all = gh_http_fixture_requests(p->fixture);
    for (size_t i = 0; i < all; i++) {
        count += gh_view_starts_with(gh_http_fixture_head(p->fixture, i), gh_view_of(line)) ? 1U : 0U;
    }
    return count;
}

/* The index of the first request that starts so. */
static inline size_t provider_find(provider *p, const char *line)
{
    size_t all = gh_http_fixture_requests(p->fixture);
    for (size_t i = 0; i < all; i++) {
        if (gh_view_starts_with(gh_http_fixture_head(p->fixture, i), gh_view_of(line))) {
            return i;
        }
    }
    ck_abort_msg("no request %s", line);
    return 0;
}

#endif

/* The authorization server beside an identity provider that does what a test says. The functions of
 * server/idp are defined here, so that only one source of a program may include this. */
#ifndef GH_TESTS_UPSTREAM_FIXTURE_H
#define GH_TESTS_UPSTREAM_FIXTURE_H

#include <time.h>

#include "server/auth/jwt.h"
#include "server/idp/idp.h"
#include "shared/oauth/pkce.h"
#include "tests/unit/server/oauth_fixture.h"

#define PROVIDER "https://auth.example.com/application/o/gatehouse/"
#define PROVIDER_AUTHORIZE "https://login.example.com:8443/authorize"
#define ALICE                                                                                                \
    "{\"sub\":\"user-1\",\"name\":\"Alice\",\"email\":\"alice@example.com\","                                \
    "\"groups\":[\"staff\",\"mcp\"]}"
#define PROVIDER_WORDS "upstream words <b>" /* must never reach anybody */

struct gh_idp {
    gh_idp_state state;
    bool says_issuer; /* in every authorization response */
    char asked_state[64], asked_nonce[64], asked_challenge[64];
    int sent; /* browsers */
    const char *claims;
    bool no_refresh_token;
    gh_status exchange_status;
    int exchanges;
    char code[64];
    gh_status refresh_status;
    const char *refresh_claims;
    bool keeps_refresh_token;
    int refresh_delay_ms;
    int refreshes;
    char refreshed_with[64];
    gh_status revoke_status;
    int revocations;
    char revoked[64];
};

static struct gh_idp P;

static inline void copy_view(char *out, size_t size, gh_view text)
{
    (void)snprintf(out, size, "%.*s", (int)text.len, text.ptr);
}

gh_idp_state gh_idp_state_get(gh_idp *idp, gh_error *why)
{
    if (idp->state != GH_IDP_READY) {
        (void)gh_error_set(why, GH_ERR_UNAVAILABLE, PROVIDER_WORDS);
    }
    return idp->state;
}

gh_status gh_idp_metadata(gh_idp *idp, gh_server_metadata *out)
{
    if (idp->state == GH_IDP_WAITING) {
        return GH_ERR_UNAVAILABLE;
    }
    memset(out, 0, sizeof *out);
    out->issuer = gh_text_dup(PROVIDER);
    out->authorization_endpoint = gh_text_dup(PROVIDER_AUTHORIZE);
    out->iss_parameter_supported = idp->says_issuer;
    return GH_OK;
}

gh_status gh_idp_authorize_url(gh_idp *idp, const char *state, const char *nonce, const char *challenge,
                               gh_buf *out)
{
    (void)snprintf(idp->asked_state, sizeof idp->asked_state, "%s", state);
    (void)snprintf(idp->asked_nonce, sizeof idp->asked_nonce, "%s", nonce);
    (void)snprintf(idp->asked_challenge, sizeof idp->asked_challenge, "%s", challenge);
    idp->sent++;
    (void)gh_buf_append_cstr(out, PROVIDER_AUTHORIZE "?");
    return gh_form_add(out, "state", state);
}

static inline cJSON *claims_from(const char *text)
{
    cJSON *claims = NULL;
    if (text != NULL) {
        ck_assert_int_eq(gh_json_parse(gh_view_of(text), &GH_JSON_LIMITS_DOCUMENT, &claims, NULL), GH_OK);
    }
    return claims;
}

/* Tokens that tell which call they come from. */
static inline void give(gh_idp_tokens *fresh, const char *kind, int number, bool refresh, const char *claims)
{
    char text[64];
    memset(fresh, 0, sizeof *fresh);
    (void)snprintf(text, sizeof text, "%s-access-%d", kind, number);
    fresh->access_token = gh_secret_new(gh_view_of(text));
    (void)snprintf(text, sizeof text, "%s-refresh-%d", kind, number);
    fresh->refresh_token = refresh ? gh_secret_new(gh_view_of(text)) : NULL;
    fresh->expires_at = gh_clock_wall_s() + 300;
    fresh->claims = claims_from(claims);
}

gh_status gh_idp_exchange(gh_idp *idp, const char *code, gh_view verifier, const char *nonce,
                          gh_idp_tokens *fresh, gh_error *error)
{
    idp->exchanges++;
    (void)snprintf(idp->code, sizeof idp->code, "%s", code);
    if (idp->exchange_status != GH_OK) {
        return gh_error_set(error, idp->exchange_status, PROVIDER_WORDS);
    }
    ck_assert_str_eq(nonce, idp->asked_nonce);
    ck_assert(gh_pkce_matches(verifier, gh_view_of(idp->asked_challenge)));
    give(fresh, "first", idp->exchanges, !idp->no_refresh_token, idp->claims);
    return GH_OK;
}

gh_status gh_idp_refresh(gh_idp *idp, const gh_secret *refresh_token, gh_idp_tokens *fresh, gh_error *error)
{
    const struct timespec delay = {.tv_nsec = idp->refresh_delay_ms * 1000000L};
    int number = ++idp->refreshes;
    copy_view(idp->refreshed_with, sizeof idp->refreshed_with, gh_secret_view(refresh_token));
    (void)nanosleep(&delay, NULL);
    if (idp->refresh_status != GH_OK) {
        return gh_error_set(error, idp->refresh_status, PROVIDER_WORDS);
    }
    give(fresh, "next", number, !idp->keeps_refresh_token, idp->refresh_claims);
    return GH_OK;
}

gh_status gh_idp_revoke(gh_idp *idp, const gh_secret *token)
{
    idp->revocations++;
    copy_view(idp->revoked, sizeof idp->revoked, gh_secret_view(token));
    return idp->revoke_status;
}

void gh_idp_tokens_clear(gh_idp_tokens *fresh)
{
    gh_secret_free(fresh->access_token);
    gh_secret_free(fresh->refresh_token);
    cJSON_Delete(fresh->claims);
    memset(fresh, 0, sizeof *fresh);
}

static gh_sealer *sealer;

/* `requirements` NULL for none. */
static inline fixture *upstream_open_at(const char *issuer, const char *resource,
                                        const gh_text_list *requirements)
{
    fixture *f = calloc(1, sizeof *f);
    gh_error error = {0};
    ck_assert_ptr_nonnull(f);
    gh_log_set_level(GH_LOG_ERROR);
    P = (struct gh_idp){.state = GH_IDP_READY, .claims = ALICE};
    ck_assert_int_eq(gh_sealer_new(GH_VIEW_LIT("0123456789abcdef0123456789abcdef"), &sealer), GH_OK);
    f->scheme = gh_text_dup("cursor");
    f->schemes = (gh_text_list){&f->scheme, 1};
    ck_assert_msg(gh_store_open("memory", &f->store, &error) == GH_OK, "%s", error.message);
    gh_oauth_options options = fixture_options(f, issuer, resource);
    options.idp = &P;
    options.sealer = sealer;
    options.required_claims = requirements;
    ck_assert_msg(gh_oauth_server_new(&options, f->store, &f->server, &error) == GH_OK, "%s", error.message);
    f->ops = *f->store->ops;
    return f;
}

static inline fixture *upstream_open(void)
{
    return upstream_open_at(ISSUER, RESOURCE, NULL);
}

static inline void upstream_close(fixture *f)
{
    fixture_close(f);
    gh_sealer_free(sealer);
    sealer = NULL;
}

/* The way of one browser to the provider: login.cookie is the pages', `cookie` the callback's. */
typedef struct trip {
    login l;
    char cookie[256];
    char state[64]; /* towards the provider */
} trip;

/* Until the consent page. */
static inline void trip_start(trip *t, const char *redirect, const char *state)
{
    char *query = authorize_query(t->l.client, redirect, state);
    reply r = get(t->l.f, gh_oauth_handle_authorize, query, t->l.cookie);
    ck_assert_msg(r.status == 200, "%d %s", r.status, r.location);
    keep_cookie(&t->l, &r);
    hidden_field(&r, "flow", t->l.flow, sizeof t->l.flow);
    hidden_field(&r, "csrf", t->l.consent, sizeof t->l.consent);
    reply_clear(&r);
    free(query);
}

/* On to the provider. */
static inline void trip_approve(trip *t)
{
    char header[512];
    reply r = login_decide(&t->l, "approve");
    ck_assert_msg(r.status == 303, "%d %s", r.status, reply_body(&r));
    ck_assert_int_eq(strncmp(r.location, PROVIDER_AUTHORIZE "?", strlen(PROVIDER_AUTHORIZE) + 1), 0);
    reply_header(&r, "Set-Cookie", header, sizeof header);
    ck_assert_str_ne(header, "");
    (void)snprintf(t->cookie, sizeof t->cookie, "%.*s", (int)strcspn(header, ";"), header);
    location_param(&r, "state", t->state, sizeof t->state);
    reply_clear(&r);
}

static inline reply trip_callback_with(const trip *t, const char *query, const char *cookie)
{
    return fixture_call(t->l.f, gh_oauth_handle_callback,
                        &(call){.method = "GET", .path = "/callback", .query = query, .cookie = cookie});
}

/* Back with a code. */
static inline reply trip_return(const trip *t)
{
    char *query = form("code", "provider-code", "state", t->state, NULL);
    reply r = trip_callback_with(t, query, t->cookie);
    free(query);
    return r;
}

/* Back with a code that must become one of ours. */
static inline void trip_finish(trip *t)
{
    reply r = trip_return(t);
    ck_assert_msg(r.status == 302, "%d %s", r.status, reply_body(&r));
    location_param(&r, "code", t->l.code, sizeof t->l.code);
    ck_assert_msg(t->l.code[0] != '\0', "%s", r.location);
    reply_clear(&r);
}

static inline trip trip_to_provider(fixture *f)
{
    trip t = {.l = {.f = f}};
    register_client(f, t.l.client, sizeof t.l.client);
    trip_start(&t, CALLBACK, "st");
    trip_approve(&t);
    return t;
}

static inline trip trip_all(fixture *f)
{
    trip t = trip_to_provider(f);
    trip_finish(&t);
    return t;
}

static inline cJSON *token_claims(fixture *f, const char *token)
{
    cJSON *claims = NULL;
    gh_error error = {0};
    gh_keyset *keys = gh_oauth_server_keys(f->server);
    const gh_jwt_rules rules = {.issuer = ISSUER, .audience = RESOURCE, .type = "at+jwt", .keys = keys};
    ck_assert_msg(gh_jwt_verify(gh_view_of(token), &rules, &claims, &error) == GH_OK, "%s", error.message);
    gh_keyset_free(keys);
    return claims;
}

/* The id of the grant that an access token belongs to. */
static inline void grant_of(fixture *f, const char *token, char *id, size_t size)
{
    cJSON *claims = token_claims(f, token);
    (void)snprintf(id, size, "%s", gh_json_get_string(claims, "gid"));
    cJSON_Delete(claims);
}

static inline size_t count_grants(fixture *f)
{
    gh_grant *grants = NULL;
    size_t count = 0;
    ck_assert_int_eq(gh_store_grants(f->store, 100, &grants, &count), GH_OK);
    for (size_t i = 0; i < count; i++) {
        gh_grant_clear(&grants[i]);
    }
    free(grants);
    return count;
}

/* A store that cannot be asked for a lease. */
static inline gh_status lease_outage(gh_store *store, const char *name, const char *holder, int64_t ttl_s)
{
    (void)store;
    (void)name;
    (void)holder;
    (void)ttl_s;
    return GH_ERR_UNAVAILABLE;
}

#endif

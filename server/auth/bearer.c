#include "server/auth/bearer.h"

#include <stdlib.h>
#include <string.h>

#include "shared/json/access.h"

struct gh_bearer {
    gh_bearer_options options;
};

gh_status gh_bearer_new(const gh_bearer_options *options, gh_bearer **bearer)
{
    if (options->issuer == NULL || options->resource == NULL || options->keys == NULL) {
        return GH_ERR_INVALID;
    }
    gh_bearer *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->options = *options;
    *bearer = made;
    return GH_OK;
}

void gh_bearer_free(gh_bearer *bearer)
{
    free(bearer);
}

static gh_bearer_outcome refuse(gh_error *error, const char *why)
{
    (void)gh_error_set(error, GH_ERR_DENIED, "%s", why);
    return GH_BEARER_INVALID;
}

static gh_bearer_outcome outage(gh_error *error)
{
    (void)gh_error_set(error, GH_ERR_UNAVAILABLE,
                       "Access tokens cannot be checked now; try again in a moment.");
    return GH_BEARER_UNAVAILABLE;
}

/* b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" (RFC 6750, 2.1) */
static bool is_b64token(gh_view text)
{
    size_t len = text.len;
    while (len > 0 && text.ptr[len - 1] == '=') {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        char c = text.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr("-._~+/", c) == NULL)) {
            return false;
        }
    }
    return len > 0;
}

static gh_bearer_outcome find_token(gh_view authorization, gh_view *token, gh_error *error)
{
    gh_view rest = gh_view_trim(authorization);
    gh_view scheme = gh_view_make(rest.ptr, gh_view_find(rest, ' '));
    if (!gh_view_eq_nocase(scheme, GH_VIEW_LIT("Bearer"))) {
        (void)gh_error_set(error, GH_ERR_DENIED, "Sign in: this resource needs an access token (Bearer).");
        return GH_BEARER_MISSING;
    }
    *token = gh_view_trim(gh_view_make(rest.ptr + scheme.len, rest.len - scheme.len));
    if (token->len > GH_JWT_MAX) {
        return refuse(error, "The access token is too large.");
    }
    if (!is_b64token(*token)) {
        return refuse(error,
                      "The Authorization header must be the word Bearer, a space and one access token.");
    }
    return GH_BEARER_OK;
}

static gh_bearer_outcome verify(const gh_bearer_options *options, gh_view token, cJSON **claims,
                                gh_error *error)
{
    gh_keyset *keys = options->keys(options->context);
    if (keys == NULL) {
        return outage(error);
    }
    const gh_jwt_rules rules = {
        .issuer = options->issuer, .audience = options->resource, .type = "at+jwt", .keys = keys};
    gh_status status = gh_jwt_verify(token, &rules, claims, error);
    gh_keyset_free(keys);
    if (status == GH_OK) {
        return GH_BEARER_OK;
    }
    return status == GH_ERR_NOMEM || status == GH_ERR_CRYPTO ? outage(error) : GH_BEARER_INVALID;
}

/* A scope is words of printable ASCII without quotes and backslashes (RFC 6749, 3.3). */
static bool is_scope(const char *scope)
{
    for (const char *at = scope; *at != '\0'; at++) {
        if (*at < 0x20 || *at > 0x7e || *at == '"' || *at == '\\') {
            return false;
        }
    }
    return true;
}

static gh_bearer_outcome check_claims(const gh_bearer_options *options, const cJSON *claims, gh_error *error)
{
    static const char *const id_token_claims[] = {"nonce", "at_hash", "c_hash"};
    for (size_t i = 0; i < sizeof(id_token_claims) / sizeof(id_token_claims[0]); i++) {
        if (gh_json_get(claims, id_token_claims[i]) != NULL) {
            return refuse(error, "This is an ID token; send the access token instead.");
        }
    }
    const char *subject = gh_json_get_string(claims, "sub");
    const char *client = gh_json_get_string(claims, "client_id");
    const char *scope = gh_json_get_string(claims, "scope");
    if (subject == NULL || *subject == '\0') {
        return refuse(error, "The access token does not say for whom it is (sub); sign in again.");
    }
    if (client == NULL || *client == '\0') {
        return refuse(error,
                      "The access token does not say for which client it is (client_id); sign in again.");
    }
    if (scope == NULL || !is_scope(scope)) {
        return refuse(error, "The access token has no usable scope; sign in again.");
    }
    if (options->grant_alive == NULL) {
        return GH_BEARER_OK;
    }
    const char *grant = gh_json_get_string(claims, "gid");
    if (grant == NULL || *grant == '\0') {
        return refuse(error, "The access token does not name its grant (gid); sign in again.");
    }
    gh_status status = options->grant_alive(options->context, grant);
    if (status == GH_ERR_NOT_FOUND) {
        return refuse(error, "The access was revoked; sign in again.");
    }
    return status == GH_OK ? GH_BEARER_OK : outage(error);
}

/* Copies a claim that is there; a claim of another type counts as absent. */
static bool copy_claim(const cJSON *claims, const char *name, char **out)
{
    const char *value = gh_json_get_string(claims, name);
    *out = gh_text_dup(value);
    return value == NULL || *out != NULL;
}

static gh_principal *make_principal(const gh_bearer_options *options, const cJSON *claims)
{
    gh_principal *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return NULL;
    }
    bool complete = copy_claim(claims, "iss", &made->issuer) && copy_claim(claims, "sub", &made->subject) &&
                    copy_claim(claims, "name", &made->name) && copy_claim(claims, "email", &made->email) &&
                    copy_claim(claims, "client_id", &made->client_id) &&
                    copy_claim(claims, "scope", &made->scope) &&
                    (options->grant_alive == NULL || copy_claim(claims, "gid", &made->grant_id));
    if (!complete) {
        gh_principal_free(made);
        return NULL;
    }
    /* gh_jwt_verify has seen that it is a number in range; a fraction is dropped. */
    made->expires_at = (int64_t)gh_json_get(claims, "exp")->valuedouble;
    return made;
}

static bool has_scopes(const gh_principal *principal, const char *required)
{
    if (required == NULL) {
        return true;
    }
    gh_view rest = gh_view_of(required);
    gh_view word;
    while (gh_view_next(&rest, ' ', &word)) {
        if (word.len > 0 && !gh_principal_has_scope(principal, word)) {
            return false;
        }
    }
    return true;
}

gh_bearer_outcome gh_bearer_check(const gh_bearer *bearer, gh_view authorization, gh_principal **principal,
                                  gh_error *error)
{
    const gh_bearer_options *options = &bearer->options;
    gh_view token = {NULL, 0};
    cJSON *claims = NULL;
    gh_principal *made = NULL;
    gh_bearer_outcome outcome = find_token(authorization, &token, error);
    if (outcome != GH_BEARER_OK) {
        goto out;
    }
    outcome = verify(options, token, &claims, error);
    if (outcome != GH_BEARER_OK) {
        goto out;
    }
    outcome = check_claims(options, claims, error);
    if (outcome != GH_BEARER_OK) {
        goto out;
    }
    made = make_principal(options, claims);
    if (made == NULL) {
        outcome = outage(error);
        goto out;
    }
    if (!has_scopes(made, options->required_scope)) {
        (void)gh_error_set(error, GH_ERR_DENIED, "The access token lacks a scope that is needed here: %s.",
                           options->required_scope);
        outcome = GH_BEARER_SCOPE;
    }
    *principal = made;
out:
    cJSON_Delete(claims);
    return outcome;
}

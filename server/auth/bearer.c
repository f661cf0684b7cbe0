#include "server/auth/bearer.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/bearer_private.h"
#include "server/auth/claims.h"
#include "server/auth/token_cache.h"
#include "shared/core/digest.h"

struct gh_bearer {
    gh_bearer_options options;
    gh_token_cache *cache;
    atomic_bool keeps_tokens;
};

static bool options_are_usable(const gh_bearer_options *options)
{
    if (options->anonymous) {
        return true;
    }
    if (options->issuer == NULL || options->resource == NULL || options->keys == NULL) {
        return false;
    }
    for (size_t i = 0; i < options->required_claim_count; i++) {
        if (!options->foreign || !gh_claims_rule_is_valid(options->required_claims[i])) {
            return false;
        }
    }
    return options->foreign || options->client_id_audience == NULL;
}

gh_status gh_bearer_new(const gh_bearer_options *options, gh_bearer **bearer)
{
    if (!options_are_usable(options)) {
        return GH_ERR_INVALID;
    }
    gh_bearer *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->options = *options;
    atomic_init(&made->keeps_tokens, false);
    gh_status status = gh_token_cache_new(GH_BEARER_CACHE_ENTRIES, &made->cache);
    if (status != GH_OK) {
        free(made);
        return status;
    }
    *bearer = made;
    return GH_OK;
}

void gh_bearer_free(gh_bearer *bearer)
{
    if (bearer != NULL) {
        gh_token_cache_free(bearer->cache);
        free(bearer);
    }
}

void gh_bearer_keep_tokens(gh_bearer *bearer, bool keep)
{
    atomic_store(&bearer->keeps_tokens, keep && bearer->options.foreign);
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
        if (!alnum && c != '-' && c != '.' && c != '_' && c != '~' && c != '+' && c != '/') {
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
        return gh_bearer_refuse(error, "The access token is too large.");
    }
    if (!is_b64token(*token)) {
        return gh_bearer_refuse(
            error, "The Authorization header must be the word Bearer, a space and one access token.");
    }
    return GH_BEARER_OK;
}

/* A provider may well hand out tokens that only it can read: say what to change there. */
static gh_bearer_outcome check_form(gh_view token, gh_error *error)
{
    size_t dots = 0;
    for (size_t i = 0; i < token.len; i++) {
        dots += token.ptr[i] == '.' ? 1U : 0U;
    }
    if (dots == 4) {
        return gh_bearer_refuse(error, "The access token is encrypted (JWE), which this server cannot read: "
                                       "take the encryption key off the provider.");
    }
    if (dots != 2) {
        return gh_bearer_refuse(error, "The access token is opaque: this server needs a signed JWT here. Let "
                                       "the provider make JWTs, or run the server in proxy mode.");
    }
    return GH_BEARER_OK;
}

/* Verifies with *keys; when the token names another key and nothing else speaks against it, once more with
 * what the provider has now, which then takes the place of *keys. */
static gh_bearer_outcome verify(const gh_bearer_options *options, gh_view token, gh_keyset **keys,
                                cJSON **claims, gh_error *error)
{
    gh_jwt_rules rules = {.issuer = options->issuer,
                          .audience = options->resource,
                          .other_audience = options->client_id_audience,
                          .type = options->foreign ? NULL : "at+jwt",
                          .keys = *keys};
    gh_status status = gh_jwt_verify(token, &rules, claims, error);
    if (status == GH_ERR_NOT_FOUND && options->keys_missed != NULL && gh_jwt_might_pass(token, &rules)) {
        gh_keyset *fresh = options->keys_missed(options->context);
        if (fresh != NULL && fresh != *keys) {
            gh_keyset_free(*keys);
            *keys = fresh;
            rules.keys = fresh;
            status = gh_jwt_verify(token, &rules, claims, error);
        } else {
            status = fresh == NULL ? GH_ERR_UNAVAILABLE : status;
            gh_keyset_free(fresh);
        }
    }
    if (status == GH_OK) {
        return GH_BEARER_OK;
    }
    bool unknown = status == GH_ERR_NOMEM || status == GH_ERR_CRYPTO || status == GH_ERR_UNAVAILABLE;
    return unknown ? gh_bearer_outage(error) : GH_BEARER_INVALID;
}

/* The principal of a token that is not remembered. */
static gh_bearer_outcome examine(const gh_bearer *bearer, gh_view token, const unsigned char *digest,
                                 gh_keyset **keys, gh_principal **principal, gh_error *error)
{
    cJSON *claims = NULL;
    gh_bearer_outcome outcome = bearer->options.foreign ? check_form(token, error) : GH_BEARER_OK;
    if (outcome == GH_BEARER_OK) {
        outcome = verify(&bearer->options, token, keys, &claims, error);
    }
    if (outcome == GH_BEARER_OK) {
        outcome = gh_bearer_read_claims(&bearer->options, token, claims, principal, error);
    }
    if (outcome == GH_BEARER_OK) {
        gh_token_cache_put(bearer->cache, digest, *keys, *principal);
    }
    cJSON_Delete(claims);
    return outcome;
}

static gh_bearer_outcome check_grant(const gh_bearer_options *options, const gh_principal *principal,
                                     gh_error *error)
{
    if (options->grant_alive == NULL) {
        return GH_BEARER_OK;
    }
    gh_status status = options->grant_alive(options->context, principal->grant_id);
    if (status == GH_ERR_NOT_FOUND) {
        return gh_bearer_refuse(error, "The access was revoked; sign in again.");
    }
    return status == GH_OK ? GH_BEARER_OK : gh_bearer_outage(error);
}

static gh_bearer_outcome check_scopes(const gh_bearer_options *options, const gh_principal *principal,
                                      gh_error *error)
{
    if (gh_scope_covers(NULL, principal->scope, options->required_scope)) {
        return GH_BEARER_OK;
    }
    gh_scope_table *table = options->scopes != NULL ? options->scopes(options->context) : NULL;
    bool covered = gh_scope_covers(table, principal->scope, options->required_scope);
    gh_scope_table_release(table);
    if (covered) {
        return GH_BEARER_OK;
    }
    (void)gh_error_set(error, GH_ERR_DENIED, "The access token lacks a scope that is needed here: %s.",
                       options->required_scope);
    return GH_BEARER_SCOPE;
}

static gh_bearer_outcome let_in(gh_principal **principal, gh_error *error)
{
    const gh_principal anyone = {.issuer = (char *)(uintptr_t) "none",
                                 .subject = (char *)(uintptr_t) "anonymous",
                                 .scope = (char *)(uintptr_t) "",
                                 .expires_at = INT64_MAX};
    *principal = gh_principal_copy(&anyone);
    return *principal != NULL ? GH_BEARER_OK : gh_bearer_outage(error);
}

gh_bearer_outcome gh_bearer_check(const gh_bearer *bearer, gh_view authorization, gh_principal **principal,
                                  gh_error *error)
{
    const gh_bearer_options *options = &bearer->options;
    if (options->anonymous) {
        return let_in(principal, error);
    }
    unsigned char digest[GH_SHA256_LEN];
    gh_view token = {NULL, 0};
    gh_keyset *keys = NULL;
    gh_principal *made = NULL;
    gh_bearer_outcome outcome = find_token(authorization, &token, error);
    if (outcome != GH_BEARER_OK) {
        goto out;
    }
    keys = options->keys(options->context);
    if (keys == NULL || gh_sha256(token, digest) != GH_OK) {
        outcome = gh_bearer_outage(error);
        goto out;
    }
    made = gh_token_cache_get(bearer->cache, digest, keys);
    if (made == NULL) {
        outcome = examine(bearer, token, digest, &keys, &made, error);
    }
    if (outcome == GH_BEARER_OK) {
        outcome = check_grant(options, made, error);
    }
    if (outcome == GH_BEARER_OK) {
        outcome = check_scopes(options, made, error);
    }
    if (outcome == GH_BEARER_OK && atomic_load(&bearer->keeps_tokens)) {
        made->token = gh_secret_new(token);
        outcome = made->token != NULL ? GH_BEARER_OK : gh_bearer_outage(error);
    }
    if (outcome == GH_BEARER_OK || outcome == GH_BEARER_SCOPE) {
        *principal = made;
        made = NULL;
    }
out:
    gh_principal_free(made);
    gh_keyset_free(keys);
    return outcome;
}

#include <stdlib.h>
#include <string.h>

#include "server/auth/bearer_private.h"
#include "server/auth/claims.h"
#include "shared/json/access.h"

#define FOREIGN_SCOPE_MAX ((size_t)8192)

gh_bearer_outcome gh_bearer_refuse(gh_error *error, const char *why)
{
    (void)gh_error_set(error, GH_ERR_DENIED, "%s", why);
    return GH_BEARER_INVALID;
}

gh_bearer_outcome gh_bearer_outage(gh_error *error)
{
    (void)gh_error_set(error, GH_ERR_UNAVAILABLE,
                       "Access tokens cannot be checked now; try again in a moment.");
    return GH_BEARER_UNAVAILABLE;
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

static gh_bearer_outcome check_common(const cJSON *claims, gh_error *error)
{
    static const char *const id_token_claims[] = {"nonce", "at_hash", "c_hash"};
    for (size_t i = 0; i < sizeof(id_token_claims) / sizeof(id_token_claims[0]); i++) {
        if (gh_json_get(claims, id_token_claims[i]) != NULL) {
            return gh_bearer_refuse(error, "This is an ID token; send the access token instead.");
        }
    }
    const char *subject = gh_json_get_string(claims, "sub");
    if (subject == NULL || *subject == '\0') {
        return gh_bearer_refuse(error, "The access token does not say for whom it is (sub); sign in again.");
    }
    return GH_BEARER_OK;
}

static gh_bearer_outcome check_own(const gh_bearer_options *options, const cJSON *claims, gh_error *error)
{
    const char *client = gh_json_get_string(claims, "client_id");
    const char *scope = gh_json_get_string(claims, "scope");
    const char *grant = gh_json_get_string(claims, "gid");
    if (client == NULL || *client == '\0') {
        return gh_bearer_refuse(
            error, "The access token does not say for which client it is (client_id); sign in again.");
    }
    if (scope == NULL || !is_scope(scope)) {
        return gh_bearer_refuse(error, "The access token has no usable scope; sign in again.");
    }
    if (options->grant_alive != NULL && (grant == NULL || *grant == '\0')) {
        return gh_bearer_refuse(error, "The access token does not name its grant (gid); sign in again.");
    }
    return GH_BEARER_OK;
}

/* Words of an array become one string; what is no string or no scope spoils all of it. */
static char *scope_of_array(const cJSON *array)
{
    gh_buf words = GH_BUF_INIT(FOREIGN_SCOPE_MAX);
    const cJSON *element = NULL;
    char *scope = NULL;
    (void)gh_buf_reserve(&words, 1);
    cJSON_ArrayForEach(element, array)
    {
        if (!cJSON_IsString(element)) {
            goto out;
        }
        (void)gh_buf_append_cstr(&words, words.len > 0 ? " " : "");
        (void)gh_buf_append_cstr(&words, element->valuestring);
    }
    scope = gh_buf_steal(&words);
out:
    gh_buf_free(&words);
    return scope;
}

/* `scope` (RFC 8693, 4.2; RFC 9068) or `scp`, as a string or an array. NULL when there is no usable one. */
static char *foreign_scope(const cJSON *claims)
{
    const cJSON *item = gh_json_get(claims, "scope");
    item = item != NULL ? item : gh_json_get(claims, "scp");
    char *scope = NULL;
    if (cJSON_IsString(item)) {
        scope = gh_text_dup(item->valuestring);
    } else if (cJSON_IsArray(item)) {
        scope = scope_of_array(item);
    }
    if (scope != NULL && !is_scope(scope)) {
        free(scope);
        scope = NULL;
    }
    return scope;
}

/* An explicit type says what a token is for (RFC 8725, 3.11): one that names neither an access token nor just
 * `JWT` is for something else. */
static gh_bearer_outcome check_foreign(const gh_bearer_options *options, gh_view token, const cJSON *claims,
                                       bool has_scope, gh_error *error)
{
    cJSON *header = NULL;
    gh_status status = gh_jwt_header(token, &header);
    if (status != GH_OK) {
        return gh_bearer_outage(error); /* it was verified: only memory can lack */
    }
    bool is_access = gh_jwt_header_has_type(header, "at+jwt");
    bool is_other =
        !is_access && gh_json_get(header, "typ") != NULL && !gh_jwt_header_has_type(header, "JWT");
    cJSON_Delete(header);
    if (is_other) {
        return gh_bearer_refuse(error, "This is not an access token (typ); send the access token instead.");
    }
    if (!is_access && !has_scope) {
        return gh_bearer_refuse(error, "The token has no scope, so it may be an ID token; send the access "
                                       "token instead, and ask for a scope when signing in.");
    }
    if (!gh_claims_allow(claims, options->required_claims, options->required_claim_count)) {
        (void)gh_error_set(error, GH_ERR_DENIED,
                           "This account may not use this server: it lacks a claim (such as a group) that is "
                           "required here. Ask whoever runs the server.");
        return GH_BEARER_FORBIDDEN;
    }
    return GH_BEARER_OK;
}

/* Copies a claim that is there; a claim of another type counts as absent. */
static bool copy_claim(const cJSON *claims, const char *name, char **out)
{
    const char *value = gh_json_get_string(claims, name);
    *out = gh_text_dup(value);
    return value == NULL || *out != NULL;
}

/* The first of these claims that is a string with something in it. */
static bool copy_first(const cJSON *claims, const char *const *names, size_t count, char **out)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = gh_json_get_string(claims, names[i]);
        if (value != NULL && *value != '\0') {
            return copy_claim(claims, names[i], out);
        }
    }
    return true;
}

/* Takes `scope` over when it is not NULL. */
static gh_principal *make_principal(const gh_bearer_options *options, const cJSON *claims, char *scope)
{
    static const char *const clients[] = {"client_id", "azp", "cid"};
    static const char *const names[] = {"name", "preferred_username"};
    size_t usual = options->foreign ? 2 : 1;
    gh_principal *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        free(scope);
        return NULL;
    }
    made->scope = scope;
    bool complete = copy_claim(claims, "iss", &made->issuer) && copy_claim(claims, "sub", &made->subject) &&
                    copy_first(claims, names, usual, &made->name) &&
                    copy_claim(claims, "email", &made->email) &&
                    copy_first(claims, clients, options->foreign ? 3 : 1, &made->client_id);
    if (complete && made->scope == NULL) {
        made->scope = gh_text_dup(options->foreign ? "" : gh_json_get_string(claims, "scope"));
        complete = made->scope != NULL;
    }
    if (complete && options->grant_alive != NULL) {
        complete = copy_claim(claims, "gid", &made->grant_id);
    }
    if (!complete) {
        gh_principal_free(made);
        return NULL;
    }
    /* gh_jwt_verify has seen that it is a number in range; a fraction is dropped. */
    made->expires_at = (int64_t)gh_json_get(claims, "exp")->valuedouble;
    return made;
}

gh_bearer_outcome gh_bearer_read_claims(const gh_bearer_options *options, gh_view token, const cJSON *claims,
                                        gh_principal **principal, gh_error *error)
{
    char *scope = NULL;
    gh_bearer_outcome outcome = check_common(claims, error);
    if (outcome == GH_BEARER_OK && options->foreign) {
        scope = foreign_scope(claims);
        outcome = check_foreign(options, token, claims, scope != NULL, error);
    } else if (outcome == GH_BEARER_OK) {
        outcome = check_own(options, claims, error);
    }
    if (outcome != GH_BEARER_OK) {
        free(scope);
        return outcome;
    }
    *principal = make_principal(options, claims, scope);
    return *principal == NULL ? gh_bearer_outage(error) : GH_BEARER_OK;
}

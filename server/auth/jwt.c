#include "server/auth/jwt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/clock.h"
#include "shared/json/access.h"
#include "shared/net/base64.h"

#define SIGNATURE_MAX ((size_t)1024)
#define NUMERIC_DATE_MAX 9007199254740992.0 /* 2^53: whole numbers are exact up to here */

/* Messages end up in `error_description`, which allows ASCII without quotes and backslashes only (RFC 6750,
 * 3), and must not repeat what an attacker wrote: they are fixed texts, with numbers at most. */

typedef struct jwt_parts {
    gh_view header;
    gh_view payload;
    gh_view signature;
    gh_view signed_text; /* header.payload */
} jwt_parts;

static gh_status append_json(const cJSON *json, gh_buf *out)
{
    gh_buf text = GH_BUF_INIT(GH_JWT_MAX);
    gh_status status = gh_json_print(json, &text);
    if (status == GH_OK) {
        status = gh_base64url_encode(gh_buf_view(&text), out);
    }
    gh_buf_free(&text);
    return status;
}

static gh_status append_header(const gh_key *key, const char *type, gh_buf *out)
{
    gh_status status = GH_ERR_NOMEM;
    const char *kid = gh_key_kid(key);
    cJSON *header = cJSON_CreateObject();
    if (header != NULL && gh_json_add_string(header, "alg", gh_key_alg(key)) &&
        gh_json_add_string(header, "typ", type) &&
        gh_json_add_string(header, "kid", *kid == '\0' ? NULL : kid)) {
        status = append_json(header, out);
    }
    cJSON_Delete(header);
    return status;
}

gh_status gh_jwt_sign(const gh_key *key, const char *type, const cJSON *claims, char **token)
{
    gh_buf text = GH_BUF_INIT(GH_JWT_MAX);
    gh_buf signature = GH_BUF_INIT(SIGNATURE_MAX);
    gh_status status = append_header(key, type, &text);
    if (status == GH_OK) {
        gh_buf_append_char(&text, '.');
        status = append_json(claims, &text);
    }
    if (status == GH_OK) {
        status = gh_key_sign(key, gh_buf_view(&text), &signature);
    }
    if (status == GH_OK) {
        gh_buf_append_char(&text, '.');
        status = gh_base64url_encode(gh_buf_view(&signature), &text);
    }
    if (status == GH_OK) {
        *token = gh_buf_steal(&text);
        status = *token == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_wipe_free(&text);
    gh_buf_free(&signature);
    return status;
}

static gh_status not_a_jwt(gh_error *error)
{
    return gh_error_set(error, GH_ERR_PARSE,
                        "The access token is not a signed JWT; sign in again to get one.");
}

static gh_status split(gh_view token, jwt_parts *parts, gh_error *error)
{
    if (token.len > GH_JWT_MAX) {
        return gh_error_set(error, GH_ERR_PARSE, "The access token is larger than %d bytes.", GH_JWT_MAX);
    }
    if (token.len == 0) {
        return not_a_jwt(error);
    }
    gh_view rest = token;
    gh_view extra;
    if (!gh_view_next(&rest, '.', &parts->header) || !gh_view_next(&rest, '.', &parts->payload) ||
        !gh_view_next(&rest, '.', &parts->signature) || gh_view_next(&rest, '.', &extra)) {
        return not_a_jwt(error);
    }
    if (parts->header.len == 0 || parts->payload.len == 0 || parts->signature.len == 0) {
        return not_a_jwt(error);
    }
    parts->signed_text = gh_view_make(token.ptr, parts->header.len + 1 + parts->payload.len);
    return GH_OK;
}

/* Base64url of one JSON object. */
static gh_status decode_object(gh_view part, cJSON **object, gh_error *error)
{
    cJSON *json = NULL;
    gh_buf text = GH_BUF_INIT(GH_JWT_MAX);
    gh_status status = gh_base64url_decode(part, &text);
    if (status == GH_OK) {
        status = gh_json_parse(gh_buf_view(&text), &GH_JSON_LIMITS_DOCUMENT, &json, NULL);
    }
    if (status == GH_OK && !cJSON_IsObject(json)) {
        status = GH_ERR_PARSE;
    }
    if (status == GH_OK) {
        *object = json;
        json = NULL;
    } else if (status != GH_ERR_NOMEM) {
        status = not_a_jwt(error);
    }
    cJSON_Delete(json);
    gh_buf_wipe_free(&text);
    return status;
}

/* Media types compare without regard to case, and may leave "application/" out (RFC 7515, 4.1.9). */
static bool type_matches(const char *typ, const char *wanted)
{
    static const gh_view prefix = {"application/", 12};
    gh_view actual = gh_view_of(typ);
    if (gh_view_starts_with_nocase(actual, prefix)) {
        actual = gh_view_make(actual.ptr + prefix.len, actual.len - prefix.len);
    }
    return gh_view_eq_nocase(actual, gh_view_of(wanted));
}

/* What a header says of keys (`jwk`, `jku`, `x5u`, `x5c`) is never looked at: keys come from the set only
 * (RFC 8725, 3.10). */
static gh_status check_header(const cJSON *header, const gh_jwt_rules *rules, const gh_key **key,
                              gh_error *error)
{
    const char *alg = gh_json_get_string(header, "alg");
    const cJSON *kid = gh_json_get(header, "kid");
    if (alg == NULL || (kid != NULL && !cJSON_IsString(kid))) {
        return not_a_jwt(error);
    }
    if (gh_json_get(header, "crit") != NULL || gh_json_get(header, "b64") != NULL) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "The access token asks for extensions that are not supported.");
    }
    if (!gh_key_alg_is_known(gh_view_of(alg))) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "The access token is not signed with an accepted algorithm.");
    }
    if (rules->type != NULL) {
        const char *typ = gh_json_get_string(header, "typ");
        if (typ == NULL || !type_matches(typ, rules->type)) {
            return gh_error_set(error, GH_ERR_DENIED,
                                "The token is not of the type %s; send the access token, not an ID token.",
                                rules->type);
        }
    }
    *key = gh_keyset_find(rules->keys, gh_view_of(alg), gh_view_of(kid == NULL ? NULL : kid->valuestring));
    if (*key == NULL) {
        return gh_error_set(
            error, GH_ERR_NOT_FOUND,
            "The access token is signed with a key that this server does not know; sign in again.");
    }
    return GH_OK;
}

static gh_status check_signature(const jwt_parts *parts, const gh_key *key, gh_error *error)
{
    gh_buf signature = GH_BUF_INIT(SIGNATURE_MAX);
    gh_status status = gh_base64url_decode(parts->signature, &signature);
    if (status == GH_ERR_NOMEM) {
        goto out;
    }
    if (status != GH_OK) {
        status = not_a_jwt(error);
        goto out;
    }
    status = gh_key_verify(key, parts->signed_text, gh_buf_view(&signature));
    if (status == GH_ERR_DENIED) {
        (void)gh_error_set(error, status, "The access token's signature is not valid; sign in again.");
    }
out:
    gh_buf_free(&signature);
    return status;
}

/* A NumericDate may have a fraction (RFC 7519, 2), which is dropped. */
static bool numeric_date(const cJSON *item, int64_t *seconds)
{
    if (!cJSON_IsNumber(item)) {
        return false;
    }
    double value = item->valuedouble;
    if (!isfinite(value) || value < 0 || value > NUMERIC_DATE_MAX) {
        return false;
    }
    *seconds = (int64_t)value;
    return true;
}

static gh_status expired(int64_t seconds, gh_error *error)
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    size_t i = 0;
    while (i < 3 && seconds < units[i].seconds) {
        i++;
    }
    long long count = (long long)(seconds / units[i].seconds);
    return gh_error_set(error, GH_ERR_EXPIRED,
                        "The access token expired %lld %s%s ago; refresh it or sign in again.", count,
                        units[i].unit, count == 1 ? "" : "s");
}

static gh_status check_times(const cJSON *claims, gh_error *error)
{
    int64_t now = gh_clock_wall_s();
    int64_t exp = 0;
    int64_t start = 0;
    const cJSON *nbf = gh_json_get(claims, "nbf");
    const cJSON *iat = gh_json_get(claims, "iat");
    if (!numeric_date(gh_json_get(claims, "exp"), &exp)) {
        return gh_error_set(error, GH_ERR_DENIED, "The access token does not say when it expires (exp).");
    }
    if (now - GH_JWT_SKEW_S >= exp) {
        return expired(now - exp, error);
    }
    if (nbf != NULL && (!numeric_date(nbf, &start) || start > now + GH_JWT_SKEW_S)) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "The access token is not valid yet (nbf); check the clocks of both machines.");
    }
    if (iat != NULL && (!numeric_date(iat, &start) || start > now + GH_JWT_SKEW_S)) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "The access token was issued in the future (iat); check the clocks of both machines.");
    }
    return GH_OK;
}

/* `aud` is one string or an array of them (RFC 7519, 4.1.3). */
static bool has_audience(const cJSON *claims, const char *wanted)
{
    const char *only = gh_json_get_string(claims, "aud");
    return only != NULL ? strcmp(only, wanted) == 0 : gh_json_array_has(claims, "aud", wanted);
}

static gh_status check_claims(const cJSON *claims, const gh_jwt_rules *rules, gh_error *error)
{
    const char *issuer = gh_json_get_string(claims, "iss");
    if (issuer == NULL || strcmp(issuer, rules->issuer) != 0) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "The access token comes from another issuer; sign in at this server.");
    }
    if (!has_audience(claims, rules->audience) &&
        (rules->other_audience == NULL || !has_audience(claims, rules->other_audience))) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "The access token is for another resource (aud); sign in at this server.");
    }
    return check_times(claims, error);
}

gh_status gh_jwt_verify(gh_view token, const gh_jwt_rules *rules, cJSON **claims, gh_error *error)
{
    jwt_parts parts = {0};
    cJSON *header = NULL;
    cJSON *payload = NULL;
    const gh_key *key = NULL;
    gh_status status = split(token, &parts, error);
    if (status != GH_OK) {
        goto out;
    }
    status = decode_object(parts.header, &header, error);
    if (status != GH_OK) {
        goto out;
    }
    status = check_header(header, rules, &key, error);
    if (status != GH_OK) {
        goto out;
    }
    status = check_signature(&parts, key, error);
    if (status != GH_OK) {
        goto out;
    }
    status = decode_object(parts.payload, &payload, error);
    if (status != GH_OK) {
        goto out;
    }
    status = check_claims(payload, rules, error);
    if (status == GH_OK) {
        *claims = payload;
        payload = NULL;
    }
out:
    if (status == GH_ERR_NOMEM || status == GH_ERR_CRYPTO) {
        (void)gh_error_set(error, status, "The access token could not be checked now; try again later.");
    }
    cJSON_Delete(header);
    cJSON_Delete(payload);
    return status;
}

bool gh_jwt_might_pass(gh_view token, const gh_jwt_rules *rules)
{
    jwt_parts parts = {0};
    cJSON *payload = NULL;
    gh_status status = split(token, &parts, NULL);
    if (status == GH_OK) {
        status = decode_object(parts.payload, &payload, NULL);
    }
    if (status == GH_OK) {
        status = check_claims(payload, rules, NULL);
    }
    cJSON_Delete(payload);
    return status == GH_OK || status == GH_ERR_NOMEM;
}

gh_status gh_jwt_header(gh_view token, cJSON **header)
{
    jwt_parts parts = {0};
    gh_status status = split(token, &parts, NULL);
    return status == GH_OK ? decode_object(parts.header, header, NULL) : status;
}

bool gh_jwt_header_has_type(const cJSON *header, const char *type)
{
    const char *typ = gh_json_get_string(header, "typ");
    return typ != NULL && type_matches(typ, type);
}

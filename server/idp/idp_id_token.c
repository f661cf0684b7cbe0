#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/jwt.h"
#include "server/idp/idp_private.h"
#include "shared/json/access.h"
#include "shared/net/base64.h"

static gh_status distrust(gh_error *error, const char *why)
{
    return gh_error_set(error, GH_ERR_DENIED, "The identity provider's ID token is not trusted: %s.", why);
}

/* gh_jwt_verify speaks of access tokens and of signing in again, which is no help here; of clocks, it is. */
static gh_status explain(gh_status status, const gh_error *cause, gh_error *error)
{
    if (status == GH_ERR_NOMEM || status == GH_ERR_CRYPTO || status == GH_ERR_UNAVAILABLE) {
        return gh_error_set(error, GH_ERR_UNAVAILABLE,
                            "The identity provider's ID token could not be checked (%s).",
                            gh_status_text(status));
    }
    if (status == GH_ERR_NOT_FOUND) {
        return distrust(error, "it is signed with a key that the provider does not publish");
    }
    if (status == GH_ERR_EXPIRED) {
        return distrust(error, "it has expired; check the clocks of both machines");
    }
    gh_view reason = gh_view_of(cause->message);
    const gh_view subject = GH_VIEW_LIT("The access token");
    if (gh_view_starts_with(reason, subject)) {
        reason = gh_view_make(reason.ptr + subject.len, reason.len - subject.len);
    }
    size_t end = gh_view_find(reason, ';');
    if (end == reason.len || gh_view_starts_with(gh_view_make(reason.ptr + end, reason.len - end),
                                                 GH_VIEW_LIT("; check the clocks"))) {
        end = reason.len - (gh_view_ends_with(reason, GH_VIEW_LIT(".")) ? 1U : 0U);
    }
    return gh_error_set(error, GH_ERR_DENIED, "The identity provider's ID token%s%.*s.",
                        reason.len > 0 && reason.ptr[0] == ' ' ? "" : ": ", (int)end, reason.ptr);
}

static gh_status verify(gh_idp *idp, gh_view token, gh_deadline deadline, cJSON **claims, gh_error *error)
{
    gh_error cause = {0};
    gh_keyset *keys = gh_idp_keys(idp);
    gh_jwt_rules rules = {.issuer = idp->issuer, .audience = idp->client_id, .keys = keys};
    gh_status status = gh_jwt_verify(token, &rules, claims, &cause);
    if (status == GH_ERR_NOT_FOUND) {
        gh_keyset_free(keys);
        gh_deadline wait = gh_deadline_earlier(deadline, gh_deadline_in(idp->pace.missed_wait_ms));
        keys = gh_idp_keys_missed_by(idp, wait);
        rules.keys = keys;
        status = keys == NULL ? GH_ERR_UNAVAILABLE : gh_jwt_verify(token, &rules, claims, &cause);
    }
    gh_keyset_free(keys);
    return status == GH_OK ? GH_OK : explain(status, &cause, error);
}

/* The left half of the hash, as base64url (OpenID Connect Core, 3.1.3.6). */
static bool half_hash_is(const char *digest, gh_view access_token, gh_view wanted)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    size_t len = 0;
    gh_buf text = GH_BUF_INIT(128);
    bool same = false;
    if (EVP_Q_digest(NULL, digest, NULL, access_token.ptr, access_token.len, hash, &len) == 1 &&
        gh_base64url_encode(gh_view_make((const char *)hash, len / 2), &text) == GH_OK) {
        same = gh_equal_constant_time(gh_buf_view(&text), wanted);
    }
    gh_buf_free(&text);
    return same;
}

/* The hash is that of the signature's algorithm: SHA-512 for Ed25519. Authentik takes SHA-256 for every
 * algorithm; it binds as well, so it is accepted beside the right one. */
static bool at_hash_matches(gh_view id_token, gh_view access_token, const char *at_hash)
{
    cJSON *header = NULL;
    const char *digest = "SHA256";
    if (gh_jwt_header(id_token, &header) != GH_OK) {
        return false;
    }
    gh_view alg = gh_view_of(gh_json_get_string(header, "alg"));
    if (gh_view_ends_with(alg, GH_VIEW_LIT("384"))) {
        digest = "SHA384";
    } else if (gh_view_eq_cstr(alg, "EdDSA") || gh_view_ends_with(alg, GH_VIEW_LIT("512"))) {
        digest = "SHA512";
    }
    cJSON_Delete(header);
    return half_hash_is(digest, access_token, gh_view_of(at_hash)) ||
           half_hash_is("SHA256", access_token, gh_view_of(at_hash));
}

static gh_status check_nonce(const cJSON *claims, const char *nonce, gh_error *error)
{
    const char *said = gh_json_get_string(claims, "nonce");
    if (nonce == NULL) {
        return GH_OK;
    }
    if (said == NULL || !gh_equal_constant_time(gh_view_of(said), gh_view_of(nonce))) {
        return distrust(error, "it does not belong to this login (nonce)");
    }
    return GH_OK;
}

static gh_status check_claims(const gh_idp *idp, const cJSON *claims, gh_view id_token, gh_view access_token,
                              gh_error *error)
{
    const char *subject = gh_json_get_string(claims, "sub");
    const cJSON *azp = gh_json_get(claims, "azp");
    const cJSON *at_hash = gh_json_get(claims, "at_hash");
    if (subject == NULL || *subject == '\0') {
        return distrust(error, "it does not say who signed in (sub)");
    }
    if (gh_json_get(claims, "iat") == NULL) {
        return distrust(error, "it does not say when it was issued (iat)");
    }
    if (azp != NULL && (!cJSON_IsString(azp) || strcmp(azp->valuestring, idp->client_id) != 0)) {
        return distrust(error, "it was issued to another client (azp)");
    }
    if (at_hash != NULL &&
        (!cJSON_IsString(at_hash) || !at_hash_matches(id_token, access_token, at_hash->valuestring))) {
        return distrust(error, "it does not belong to the access token that came with it (at_hash)");
    }
    return GH_OK;
}

gh_status gh_idp_verify_id_token(gh_idp *idp, gh_view id_token, const char *nonce, gh_view access_token,
                                 gh_deadline deadline, cJSON **claims, gh_error *error)
{
    cJSON *verified = NULL;
    gh_status status = verify(idp, id_token, deadline, &verified, error);
    if (status == GH_OK) {
        status = check_nonce(verified, nonce, error);
    }
    if (status == GH_OK) {
        status = check_claims(idp, verified, id_token, access_token, error);
    }
    if (status != GH_OK) {
        cJSON_Delete(verified);
        return status;
    }
    *claims = verified;
    return GH_OK;
}

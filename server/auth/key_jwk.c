#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/key_private.h"
#include "shared/json/access.h"
#include "shared/net/base64.h"

#define RSA_BYTES_MAX (GH_KEY_RSA_BITS_MAX / 8 + 1) /* a leading zero is common and harmless */
#define EXPONENT_BITS_MAX 64
#define POINT_MAX (1 + 2 * 48)

static gh_status member_bytes(const cJSON *jwk, const char *name, size_t max, gh_buf *out, gh_error *error)
{
    const char *text = gh_json_get_string(jwk, name);
    *out = GH_BUF_INIT(max);
    if (text == NULL || *text == '\0') {
        return gh_error_set(error, GH_ERR_PARSE, "The key has no member '%s'.", name);
    }
    if (gh_base64url_decode(gh_view_of(text), out) != GH_OK || out->len == 0) {
        return gh_error_set(error, GH_ERR_INVALID, "The key's member '%s' is not base64url, or too long.",
                            name);
    }
    return GH_OK;
}

/* A BIGNUM parameter into `builder`; *number is owned by the caller and must outlive the building. */
static gh_status push_number(OSSL_PARAM_BLD *builder, const char *param, const cJSON *jwk, const char *name,
                             BIGNUM **number, gh_error *error)
{
    gh_buf bytes;
    gh_status status = member_bytes(jwk, name, RSA_BYTES_MAX, &bytes, error);
    if (status == GH_OK) {
        *number = BN_bin2bn((const unsigned char *)bytes.data, (int)bytes.len, NULL);
        bool pushed = *number != NULL && OSSL_PARAM_BLD_push_BN(builder, param, *number) == 1;
        status = pushed ? GH_OK : gh_error_set(error, GH_ERR_NOMEM, "Out of memory while reading a key.");
    }
    gh_buf_free(&bytes);
    return status;
}

static gh_status from_params(const char *type, OSSL_PARAM *params, EVP_PKEY **pkey)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    gh_status status = GH_ERR_NOMEM;
    if (context != NULL && params != NULL) {
        bool made = EVP_PKEY_fromdata_init(context) == 1 &&
                    EVP_PKEY_fromdata(context, pkey, EVP_PKEY_PUBLIC_KEY, params) == 1;
        status = made ? GH_OK : GH_ERR_INVALID;
    }
    EVP_PKEY_CTX_free(context);
    return status;
}

static gh_status rsa_key(const cJSON *jwk, EVP_PKEY **pkey, gh_error *error)
{
    BIGNUM *n = NULL;
    BIGNUM *e = NULL;
    OSSL_PARAM *params = NULL;
    gh_status status = GH_ERR_NOMEM;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder == NULL) {
        goto out;
    }
    status = push_number(builder, OSSL_PKEY_PARAM_RSA_N, jwk, "n", &n, error);
    if (status == GH_OK) {
        status = push_number(builder, OSSL_PKEY_PARAM_RSA_E, jwk, "e", &e, error);
    }
    if (status != GH_OK) {
        goto out;
    }
    params = OSSL_PARAM_BLD_to_param(builder);
    status = from_params("RSA", params, pkey);
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "The key is not a valid RSA key.");
    }
out:
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    BN_free(e);
    return status;
}

static gh_status push_point(const gh_key_alg_row *alg, const cJSON *jwk, OSSL_PARAM_BLD *builder,
                            unsigned char point[POINT_MAX], gh_error *error)
{
    gh_buf x;
    gh_buf y = GH_BUF_INIT(0);
    gh_status status = member_bytes(jwk, "x", alg->field, &x, error);
    if (status == GH_OK) {
        status = member_bytes(jwk, "y", alg->field, &y, error);
    }
    if (status == GH_OK && (x.len != alg->field || y.len != alg->field)) {
        status = gh_error_set(error, GH_ERR_INVALID,
                              "The key's coordinates are not of the length that %s has.", alg->crv);
    }
    if (status == GH_OK) {
        point[0] = 0x04; /* uncompressed (SEC 1, 2.3.3) */
        memcpy(point + 1, x.data, alg->field);
        memcpy(point + 1 + alg->field, y.data, alg->field);
        bool pushed =
            OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, alg->group, 0) == 1 &&
            OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * alg->field) ==
                1;
        status = pushed ? GH_OK : GH_ERR_NOMEM;
    }
    gh_buf_free(&x);
    gh_buf_free(&y);
    return status;
}

/* OpenSSL refuses a point that is not on the curve (RFC 8725, 3.5). */
static gh_status ec_key(const gh_key_alg_row *alg, const cJSON *jwk, EVP_PKEY **pkey, gh_error *error)
{
    unsigned char point[POINT_MAX];
    OSSL_PARAM *params = NULL;
    gh_status status = GH_ERR_NOMEM;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder == NULL) {
        goto out;
    }
    status = push_point(alg, jwk, builder, point, error);
    if (status != GH_OK) {
        goto out;
    }
    params = OSSL_PARAM_BLD_to_param(builder);
    status = from_params("EC", params, pkey);
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "The key is not a point on the curve %s.", alg->crv);
    }
out:
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    return status;
}

static gh_status okp_key(const gh_key_alg_row *alg, const cJSON *jwk, EVP_PKEY **pkey, gh_error *error)
{
    gh_buf x;
    gh_status status = member_bytes(jwk, "x", alg->field, &x, error);
    if (status == GH_OK) {
        *pkey = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, (const unsigned char *)x.data, x.len);
        status =
            *pkey != NULL ? GH_OK : gh_error_set(error, GH_ERR_INVALID, "The key is not an Ed25519 key.");
    }
    gh_buf_free(&x);
    return status;
}

static gh_status check_rsa(EVP_PKEY *pkey, gh_error *error)
{
    BIGNUM *n = NULL;
    BIGNUM *e = NULL;
    gh_status status = GH_OK;
    if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) != 1 ||
        EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1) {
        status = gh_error_set(error, GH_ERR_INVALID, "The RSA key has no modulus or no exponent.");
    } else if (BN_num_bits(n) < GH_KEY_RSA_BITS_MIN || BN_num_bits(n) > GH_KEY_RSA_BITS_MAX) {
        status = gh_error_set(error, GH_ERR_DENIED,
                              "The RSA key has %d bits; %d to %d are accepted. Use a larger key, or ES256.",
                              BN_num_bits(n), GH_KEY_RSA_BITS_MIN, GH_KEY_RSA_BITS_MAX);
    } else if (!BN_is_odd(n) || !BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > EXPONENT_BITS_MAX) {
        status =
            gh_error_set(error, GH_ERR_DENIED,
                         "The RSA key's modulus or exponent is not usable; the exponent is 65537 as a rule.");
    }
    BN_free(n);
    BN_free(e);
    return status;
}

gh_status gh_key_check(const gh_key_alg_row *alg, EVP_PKEY *pkey, gh_error *error)
{
    if (strcmp(alg->kty, "RSA") == 0) {
        return check_rsa(pkey, error);
    }
    char group[32] = "";
    if (alg->group != NULL &&
        (EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1 || strcmp(group, alg->group) != 0)) {
        return gh_error_set(error, GH_ERR_INVALID, "The key is not on the curve %s.", alg->crv);
    }
    return GH_OK;
}

/* `use` and `key_ops` must allow signatures (RFC 7517, 4.2 and 4.3). */
static gh_status check_purpose(const cJSON *jwk, gh_error *error)
{
    const cJSON *use = gh_json_get(jwk, "use");
    if (use != NULL && (!cJSON_IsString(use) || strcmp(use->valuestring, "sig") != 0)) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "The key is not meant for signatures (its 'use' is not 'sig').");
    }
    const cJSON *ops = gh_json_get(jwk, "key_ops");
    if (ops != NULL && !gh_json_array_has(jwk, "key_ops", "verify") &&
        !gh_json_array_has(jwk, "key_ops", "sign")) {
        return gh_error_set(error, GH_ERR_DENIED, "The key's 'key_ops' do not allow signatures.");
    }
    return GH_OK;
}

/* NULL and *status when there is none for this key. */
static const gh_key_alg_row *choose_alg(const cJSON *jwk, gh_status *status, gh_error *error)
{
    const char *kty = gh_json_get_string(jwk, "kty");
    if (kty == NULL) {
        *status = gh_error_set(error, GH_ERR_PARSE, "The key has no type ('kty').");
        return NULL;
    }
    if (strcmp(kty, "oct") == 0) {
        *status = gh_error_set(error, GH_ERR_DENIED,
                               "A symmetric key cannot verify tokens here; use a public key (ES256, RS256).");
        return NULL;
    }
    const char *crv = strcmp(kty, "RSA") == 0 ? NULL : gh_json_get_string(jwk, "crv");
    const gh_key_alg_row *row = gh_key_alg_default(kty, crv);
    const cJSON *named = gh_json_get(jwk, "alg");
    if (row != NULL && named != NULL) {
        const gh_key_alg_row *other =
            cJSON_IsString(named) ? gh_key_alg_named(gh_view_of(named->valuestring)) : NULL;
        bool fits = other != NULL && strcmp(other->kty, row->kty) == 0 && other->field == row->field;
        row = fits ? other : NULL;
    }
    if (row == NULL) {
        *status = gh_error_set(error, GH_ERR_UNSUPPORTED,
                               "The key's type, curve and algorithm do not make one of ES256, ES384, RS256, "
                               "PS256 and EdDSA (Ed25519).");
    }
    return row;
}

static gh_status read_kid(const cJSON *jwk, const char **kid, gh_error *error)
{
    const cJSON *item = gh_json_get(jwk, "kid");
    if (item != NULL && (!cJSON_IsString(item) || strlen(item->valuestring) > GH_KEY_KID_MAX)) {
        return gh_error_set(error, GH_ERR_INVALID, "The key's id ('kid') is not a text of up to %d bytes.",
                            GH_KEY_KID_MAX);
    }
    *kid = item == NULL ? "" : item->valuestring;
    return GH_OK;
}

static gh_status read_public(const gh_key_alg_row *alg, const cJSON *jwk, EVP_PKEY **pkey, gh_error *error)
{
    if (strcmp(alg->kty, "RSA") == 0) {
        return rsa_key(jwk, pkey, error);
    }
    return alg->group != NULL ? ec_key(alg, jwk, pkey, error) : okp_key(alg, jwk, pkey, error);
}

gh_status gh_key_from_json(const cJSON *jwk, gh_key **key, gh_error *error)
{
    const char *kid = NULL;
    EVP_PKEY *pkey = NULL;
    if (!cJSON_IsObject(jwk)) {
        return gh_error_set(error, GH_ERR_PARSE, "The key is not a JSON object.");
    }
    gh_status status = check_purpose(jwk, error);
    if (status != GH_OK) {
        return status;
    }
    const gh_key_alg_row *alg = choose_alg(jwk, &status, error);
    if (alg == NULL) {
        return status;
    }
    status = read_kid(jwk, &kid, error);
    if (status == GH_OK) {
        status = read_public(alg, jwk, &pkey, error);
    }
    if (status == GH_OK) {
        status = gh_key_check(alg, pkey, error);
    }
    if (status == GH_OK) {
        status = gh_key_wrap(alg, kid, pkey, false, key);
        pkey = NULL;
    }
    ERR_clear_error();
    EVP_PKEY_free(pkey);
    return status;
}

gh_status gh_key_from_jwk(gh_view jwk, gh_key **key, gh_error *error)
{
    cJSON *json = NULL;
    gh_status status = gh_json_parse(jwk, &GH_JSON_LIMITS_DOCUMENT, &json, error);
    if (status == GH_OK) {
        status = gh_key_from_json(json, key, error);
    }
    cJSON_Delete(json);
    return status;
}

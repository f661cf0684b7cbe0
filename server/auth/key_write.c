#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/key_private.h"
#include "shared/json/access.h"
#include "shared/net/base64.h"

#define NUMBER_MAX (GH_KEY_RSA_BITS_MAX / 8)

static void write_member(gh_buf *out, const char *name, const unsigned char *bytes, size_t len)
{
    gh_buf_appendf(out, "\"%s\":\"", name);
    gh_base64url_encode(gh_view_make((const char *)bytes, len), out);
    gh_buf_append_char(out, '"');
}

/* `width` 0 writes the number without leading zeros. */
static gh_status write_number(EVP_PKEY *pkey, const char *param, const char *name, size_t width, gh_buf *out)
{
    unsigned char bytes[NUMBER_MAX];
    BIGNUM *number = NULL;
    gh_status status = GH_ERR_CRYPTO;
    if (EVP_PKEY_get_bn_param(pkey, param, &number) == 1) {
        size_t len = width != 0 ? width : (size_t)BN_num_bytes(number);
        if (len <= sizeof(bytes) && BN_bn2binpad(number, bytes, (int)len) >= 0) {
            write_member(out, name, bytes, len);
            status = gh_buf_status(out);
        }
    }
    BN_free(number);
    return status;
}

static gh_status write_rsa(EVP_PKEY *pkey, gh_buf *out)
{
    gh_status status = write_number(pkey, OSSL_PKEY_PARAM_RSA_E, "e", 0, out);
    if (status == GH_OK) {
        gh_buf_append_cstr(out, ",\"kty\":\"RSA\",");
        status = write_number(pkey, OSSL_PKEY_PARAM_RSA_N, "n", 0, out);
    }
    return status;
}

static gh_status write_ec(const gh_key_alg_row *alg, EVP_PKEY *pkey, gh_buf *out)
{
    gh_buf_appendf(out, "\"crv\":\"%s\",\"kty\":\"EC\",", alg->crv);
    gh_status status = write_number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, "x", alg->field, out);
    if (status == GH_OK) {
        gh_buf_append_char(out, ',');
        status = write_number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, "y", alg->field, out);
    }
    return status;
}

static gh_status write_okp(const gh_key_alg_row *alg, EVP_PKEY *pkey, gh_buf *out)
{
    unsigned char bytes[32];
    size_t len = sizeof(bytes);
    if (EVP_PKEY_get_raw_public_key(pkey, bytes, &len) != 1) {
        return GH_ERR_CRYPTO;
    }
    gh_buf_appendf(out, "\"crv\":\"%s\",\"kty\":\"OKP\",", alg->crv);
    write_member(out, "x", bytes, len);
    return gh_buf_status(out);
}

gh_status gh_key_write_required(const gh_key_alg_row *alg, EVP_PKEY *pkey, gh_buf *out)
{
    gh_status status;
    if (strcmp(alg->kty, "RSA") == 0) {
        status = write_rsa(pkey, out);
    } else {
        status = alg->group != NULL ? write_ec(alg, pkey, out) : write_okp(alg, pkey, out);
    }
    ERR_clear_error();
    return status;
}

gh_status gh_key_write_jwk(const gh_key *key, gh_buf *out)
{
    gh_buf_append_char(out, '{');
    gh_status status = gh_key_write_required(key->alg, key->pkey, out);
    if (status != GH_OK) {
        return status;
    }
    if (*key->kid != '\0') {
        gh_buf_append_cstr(out, ",\"kid\":");
        gh_json_write_string(out, gh_view_of(key->kid));
    }
    gh_buf_appendf(out, ",\"use\":\"sig\",\"alg\":\"%s\"}", key->alg->name);
    return gh_buf_status(out);
}

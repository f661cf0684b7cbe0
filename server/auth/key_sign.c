#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/key_private.h"

/* The largest signature of any allowed key: RSA of GH_KEY_RSA_BITS_MAX. */
#define SIGNATURE_MAX (GH_KEY_RSA_BITS_MAX / 8)
#define FIELD_MAX 48

gh_status gh_key_ecdsa_to_raw(gh_view der, size_t field, gh_buf *raw)
{
    const unsigned char *at = (const unsigned char *)der.ptr;
    unsigned char numbers[2 * FIELD_MAX];
    gh_status status = GH_ERR_CRYPTO;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    if (sig == NULL || field > FIELD_MAX) {
        goto out;
    }
    if (BN_bn2binpad(ECDSA_SIG_get0_r(sig), numbers, (int)field) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(sig), numbers + field, (int)field) < 0) {
        goto out;
    }
    status = gh_buf_append(raw, numbers, 2 * field);
out:
    ECDSA_SIG_free(sig);
    return status;
}

gh_status gh_key_ecdsa_from_raw(gh_view raw, size_t field, unsigned char **der, size_t *len)
{
    if (raw.len != 2 * field) {
        return GH_ERR_DENIED;
    }
    const unsigned char *numbers = (const unsigned char *)raw.ptr;
    gh_status status = GH_ERR_NOMEM;
    BIGNUM *r = BN_bin2bn(numbers, (int)field, NULL);
    BIGNUM *s = BN_bin2bn(numbers + field, (int)field, NULL);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    if (r == NULL || s == NULL || sig == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
        goto out;
    }
    r = NULL; /* the signature owns both now */
    s = NULL;
    unsigned char *encoded = NULL;
    int encoded_len = i2d_ECDSA_SIG(sig, &encoded);
    if (encoded_len <= 0) {
        goto out;
    }
    *der = encoded;
    *len = (size_t)encoded_len;
    status = GH_OK;
out:
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return status;
}

/* RSASSA-PSS with a salt as long as the digest and MGF1 of the same digest (RFC 7518, 3.5). */
static bool set_padding(const gh_key_alg_row *alg, EVP_PKEY_CTX *context)
{
    if (strcmp(alg->kty, "RSA") != 0) {
        return true;
    }
    if (!alg->pss) {
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
    }
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

gh_status gh_key_sign(const gh_key *key, gh_view input, gh_buf *signature)
{
    if (!key->is_private) {
        return GH_ERR_INVALID;
    }
    const gh_key_alg_row *alg = key->alg;
    unsigned char bytes[SIGNATURE_MAX];
    size_t len = sizeof(bytes);
    EVP_PKEY_CTX *context = NULL; /* owned by `md` */
    gh_status status = GH_ERR_NOMEM;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (md == NULL) {
        goto out;
    }
    status = GH_ERR_CRYPTO;
    if (EVP_DigestSignInit_ex(md, &context, alg->digest, NULL, NULL, key->pkey, NULL) != 1 ||
        !set_padding(alg, context) ||
        EVP_DigestSign(md, bytes, &len, (const unsigned char *)input.ptr, input.len) != 1) {
        goto out;
    }
    gh_view made = gh_view_make((const char *)bytes, len);
    status = alg->group != NULL ? gh_key_ecdsa_to_raw(made, alg->field, signature)
                                : gh_buf_append_view(signature, made);
out:
    ERR_clear_error();
    EVP_MD_CTX_free(md);
    return status;
}

/* Whether a verification failed for want of memory: then it says nothing of the signature. Of ECDSA, whose
 * encoding is made here, a negative verdict means no less. */
static bool ran_out_of_memory(const gh_key *key, int verdict)
{
    bool found = verdict < 0 && strcmp(key->alg->kty, "EC") == 0;
    for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
        found = found || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    }
    return found;
}

static gh_status verify_bytes(const gh_key *key, gh_view input, const unsigned char *signature, size_t len)
{
    EVP_PKEY_CTX *context = NULL; /* owned by `md` */
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (md == NULL) {
        return GH_ERR_NOMEM;
    }
    gh_status status = GH_ERR_CRYPTO;
    if (EVP_DigestVerifyInit_ex(md, &context, key->alg->digest, NULL, NULL, key->pkey, NULL) == 1 &&
        set_padding(key->alg, context)) {
        /* Used once: a copy of it, which OpenSSL would make first, is not needed. */
        EVP_MD_CTX_set_flags(md, EVP_MD_CTX_FLAG_FINALISE);
        int verdict = EVP_DigestVerify(md, signature, len, (const unsigned char *)input.ptr, input.len);
        status = verdict == 1 ? GH_OK : ran_out_of_memory(key, verdict) ? GH_ERR_NOMEM : GH_ERR_DENIED;
    }
    ERR_clear_error();
    EVP_MD_CTX_free(md);
    return status;
}

gh_status gh_key_verify(const gh_key *key, gh_view input, gh_view signature)
{
    if (signature.len == 0 || signature.len > SIGNATURE_MAX) {
        return GH_ERR_DENIED;
    }
    if (key->alg->group == NULL) {
        return verify_bytes(key, input, (const unsigned char *)signature.ptr, signature.len);
    }
    unsigned char *der = NULL;
    size_t len = 0;
    gh_status status = gh_key_ecdsa_from_raw(signature, key->alg->field, &der, &len);
    if (status == GH_OK) {
        status = verify_bytes(key, input, der, len);
        OPENSSL_free(der);
    }
    return status;
}

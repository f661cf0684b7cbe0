#include "bridge/login/jws.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "shared/core/file.h"
#include "shared/net/base64.h"

enum { RSA_BITS_MIN = 2048, SIGNATURE_MAX = 1024, P256_PART = 32 };

struct gh_jws_key {
    EVP_PKEY *pair;
    bool is_rsa;
};

static gh_status adopt(EVP_PKEY *pair, gh_jws_key **key)
{
    char group[32] = "";
    bool is_rsa = EVP_PKEY_is_a(pair, "RSA") == 1 && EVP_PKEY_get_bits(pair) >= RSA_BITS_MIN;
    bool is_p256 = EVP_PKEY_is_a(pair, "EC") == 1 &&
                   EVP_PKEY_get_group_name(pair, group, sizeof(group), NULL) == 1 &&
                   strcmp(group, "prime256v1") == 0;
    if (!is_rsa && !is_p256) {
        return GH_ERR_UNSUPPORTED;
    }
    gh_jws_key *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->pair = pair;
    made->is_rsa = is_rsa;
    *key = made;
    return GH_OK;
}

gh_status gh_jws_key_parse(gh_view pem, gh_jws_key **key)
{
    /* Without one OpenSSL would ask on the terminal for the passphrase of an encrypted key. */
    char no_passphrase[] = "";
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *pair = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, no_passphrase) : NULL;
    gh_status status = pair != NULL ? adopt(pair, key) : GH_ERR_UNSUPPORTED;
    if (status != GH_OK) {
        EVP_PKEY_free(pair);
    }
    BIO_free(bio);
    return status;
}

gh_status gh_jws_key_read(const char *path, gh_jws_key **key, gh_error *error)
{
    gh_secret *text = NULL;
    gh_status status = gh_file_read_secret(path, false, &text, error);
    if (status != GH_OK) {
        return status;
    }
    status = gh_jws_key_parse(gh_secret_view(text), key);
    gh_secret_free(text);
    if (status == GH_ERR_NOMEM) {
        return gh_error_set(error, status, "out of memory");
    }
    return status == GH_OK
               ? GH_OK
               : gh_error_set(error, status,
                              "%.200s holds no private key that can be used: it must be PEM without a "
                              "passphrase, of the curve P-256 or RSA with 2048 bits or more",
                              path);
}

gh_status gh_jws_key_generate(gh_secret **pem)
{
    gh_status status = GH_ERR_CRYPTO;
    char *text = NULL;
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    BIO *bio = BIO_new(BIO_s_secmem());
    if (pair != NULL && bio != NULL &&
        PEM_write_bio_PKCS8PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL) == 1) {
        long len = BIO_get_mem_data(bio, &text);
        *pem = len > 0 ? gh_secret_new(gh_view_make(text, (size_t)len)) : NULL;
        status = *pem != NULL ? GH_OK : GH_ERR_NOMEM;
    }
    BIO_free(bio);
    EVP_PKEY_free(pair);
    return status;
}

static gh_status write_coordinate(const gh_jws_key *key, const char *parameter, gh_buf *out)
{
    unsigned char bytes[P256_PART];
    BIGNUM *number = NULL;
    bool done = EVP_PKEY_get_bn_param(key->pair, parameter, &number) == 1 &&
                BN_bn2binpad(number, bytes, P256_PART) == P256_PART;
    BN_free(number);
    return done ? gh_base64url_encode(gh_view_make((const char *)bytes, sizeof(bytes)), out) : GH_ERR_CRYPTO;
}

gh_status gh_jws_key_write_jwk(const gh_jws_key *key, gh_buf *out)
{
    if (key->is_rsa) {
        return GH_ERR_UNSUPPORTED;
    }
    gh_buf_append_cstr(out, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"");
    gh_status status = write_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, out);
    gh_buf_append_cstr(out, "\",\"y\":\"");
    if (status == GH_OK) {
        status = write_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, out);
    }
    gh_buf_append_cstr(out, "\"}");
    return status == GH_OK ? gh_buf_status(out) : status;
}

void gh_jws_key_free(gh_jws_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pair);
        free(key);
    }
}

const char *gh_jws_key_algorithm(const gh_jws_key *key)
{
    return key->is_rsa ? "RS256" : "ES256";
}

/* OpenSSL signs in DER; a JWS has the two numbers side by side (RFC 7518, 3.4). */
static gh_status flatten(const unsigned char *der, size_t len, unsigned char out[2 * P256_PART])
{
    const unsigned char *at = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)len);
    bool done = signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, P256_PART) == P256_PART &&
                BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + P256_PART, P256_PART) == P256_PART;
    ECDSA_SIG_free(signature);
    return done ? GH_OK : GH_ERR_CRYPTO;
}

static gh_status sign(const gh_jws_key *key, gh_view input, gh_buf *out)
{
    unsigned char raw[SIGNATURE_MAX];
    unsigned char flat[2 * P256_PART];
    size_t len = sizeof(raw);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->pair) == 1 &&
                EVP_DigestSign(context, raw, &len, (const unsigned char *)input.ptr, input.len) == 1;
    EVP_MD_CTX_free(context);
    if (!done) {
        return GH_ERR_CRYPTO;
    }
    if (key->is_rsa) {
        return gh_base64url_encode(gh_view_make((const char *)raw, len), out);
    }
    gh_status status = flatten(raw, len, flat);
    return status == GH_OK ? gh_base64url_encode(gh_view_make((const char *)flat, sizeof(flat)), out)
                           : status;
}

gh_status gh_jws_sign(const gh_jws_key *key, gh_view header, gh_view claims, gh_buf *out)
{
    gh_buf input = GH_BUF_INIT(GH_JWS_MAX);
    gh_buf signature = GH_BUF_INIT(2 * SIGNATURE_MAX);
    gh_base64url_encode(header, &input);
    gh_buf_append_char(&input, '.');
    gh_base64url_encode(claims, &input);
    gh_status status = gh_buf_status(&input);
    if (status == GH_OK) {
        status = sign(key, gh_buf_view(&input), &signature);
    }
    if (status == GH_OK) {
        gh_buf_append_view(out, gh_buf_view(&input));
        gh_buf_append_char(out, '.');
        gh_buf_append_view(out, gh_buf_view(&signature));
        status = gh_buf_status(out);
    }
    gh_buf_free(&signature);
    gh_buf_wipe_free(&input);
    return status;
}

#include "server/auth/key.h"

#include <limits.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "server/auth/key_private.h"
#include "shared/core/digest.h"

#define PEM_MAX ((size_t)64 * 1024)
#define REQUIRED_MEMBERS_MAX ((size_t)4 * 1024)

static const gh_key_alg_row ALGS[] = {
    {"ES256", "EC", "P-256", "prime256v1", "SHA256", 32, false},
    {"ES384", "EC", "P-384", "secp384r1", "SHA384", 48, false},
    {"RS256", "RSA", NULL, NULL, "SHA256", 0, false},
    {"PS256", "RSA", NULL, NULL, "SHA256", 0, true},
    {"EdDSA", "OKP", "Ed25519", NULL, NULL, 32, false},
};
#define ALGS_COUNT (sizeof(ALGS) / sizeof(ALGS[0]))

const gh_key_alg_row *gh_key_alg_named(gh_view name)
{
    for (size_t i = 0; i < ALGS_COUNT; i++) {
        if (gh_view_eq_cstr(name, ALGS[i].name)) {
            return &ALGS[i];
        }
    }
    return NULL;
}

const gh_key_alg_row *gh_key_alg_default(const char *kty, const char *crv)
{
    for (size_t i = 0; i < ALGS_COUNT; i++) {
        const gh_key_alg_row *row = &ALGS[i];
        bool same_curve = row->crv == NULL ? crv == NULL : crv != NULL && strcmp(row->crv, crv) == 0;
        if (strcmp(row->kty, kty) == 0 && same_curve) {
            return row;
        }
    }
    return NULL;
}

bool gh_key_alg_is_known(gh_view alg)
{
    return gh_key_alg_named(alg) != NULL;
}

static gh_status thumbprint(const gh_key_alg_row *alg, EVP_PKEY *pkey, char **kid)
{
    gh_buf members = GH_BUF_INIT(REQUIRED_MEMBERS_MAX);
    char text[GH_SHA256_TEXT_MAX];
    gh_buf_append_char(&members, '{');
    gh_status status = gh_key_write_required(alg, pkey, &members);
    if (status == GH_OK) {
        gh_buf_append_char(&members, '}');
        status = gh_buf_status(&members);
    }
    if (status == GH_OK) {
        status = gh_sha256_text(gh_buf_view(&members), text);
    }
    if (status == GH_OK) {
        *kid = gh_text_dup(text);
        status = *kid == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_free(&members);
    return status;
}

gh_status gh_key_wrap(const gh_key_alg_row *alg, const char *kid, EVP_PKEY *pkey, bool is_private,
                      gh_key **key)
{
    gh_key *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        EVP_PKEY_free(pkey);
        return GH_ERR_NOMEM;
    }
    atomic_init(&made->refs, 1);
    made->alg = alg;
    made->pkey = pkey;
    made->is_private = is_private;
    gh_status status = GH_OK;
    if (kid == NULL) {
        status = thumbprint(alg, pkey, &made->kid);
    } else {
        made->kid = gh_text_dup(kid);
        status = made->kid == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    if (status != GH_OK) {
        gh_key_free(made);
        return status;
    }
    *key = made;
    return GH_OK;
}

gh_key *gh_key_ref(gh_key *key)
{
    if (key != NULL) {
        atomic_fetch_add(&key->refs, 1);
    }
    return key;
}

void gh_key_free(gh_key *key)
{
    if (key == NULL || atomic_fetch_sub(&key->refs, 1) != 1) {
        return;
    }
    EVP_PKEY_free(key->pkey);
    free(key->kid);
    free(key);
}

const char *gh_key_kid(const gh_key *key)
{
    return key->kid;
}

const char *gh_key_alg(const gh_key *key)
{
    return key->alg->name;
}

bool gh_key_is_private(const gh_key *key)
{
    return key->is_private;
}

gh_status gh_key_generate(const char *alg, gh_key **key, gh_error *error)
{
    const gh_key_alg_row *row = gh_key_alg_named(gh_view_of(alg));
    if (row == NULL || (strcmp(row->name, "ES256") != 0 && strcmp(row->name, "EdDSA") != 0)) {
        return gh_error_set(error, GH_ERR_UNSUPPORTED,
                            "Signing keys are made for ES256 or EdDSA only; choose one of these.");
    }
    EVP_PKEY *pkey = row->group != NULL ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", row->group)
                                        : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (pkey == NULL) {
        ERR_clear_error();
        return gh_error_set(error, GH_ERR_CRYPTO,
                            "OpenSSL could not make a signing key; check the OpenSSL installation.");
    }
    gh_status status = gh_key_wrap(row, NULL, pkey, true, key);
    return status == GH_OK ? GH_OK : gh_error_set(error, status, "A signing key could not be made.");
}

gh_status gh_key_to_pem(const gh_key *key, gh_secret **pem)
{
    if (!key->is_private) {
        return GH_ERR_INVALID;
    }
    gh_status status = GH_ERR_NOMEM;
    char *data = NULL;
    BIO *bio = BIO_new(BIO_s_mem()); /* wipes its memory when it grows and when it is freed */
    if (bio == NULL) {
        goto out;
    }
    if (PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL) != 1) {
        status = GH_ERR_CRYPTO;
        goto out;
    }
    long len = BIO_get_mem_data(bio, &data);
    if (len <= 0) {
        status = GH_ERR_CRYPTO;
        goto out;
    }
    *pem = gh_secret_new(gh_view_make(data, (size_t)len));
    status = *pem == NULL ? GH_ERR_NOMEM : GH_OK;
out:
    ERR_clear_error();
    BIO_free(bio);
    return status;
}

/* Without this OpenSSL would ask for the passphrase of an encrypted key on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)writing;
    (void)context;
    if (size > 0) {
        buffer[0] = '\0';
    }
    return -1;
}

static gh_status fits_alg(const gh_key_alg_row *alg, EVP_PKEY *pkey, gh_error *error)
{
    const char *wanted = strcmp(alg->kty, "OKP") == 0 ? "ED25519" : alg->kty;
    if (!EVP_PKEY_is_a(pkey, wanted)) {
        return gh_error_set(error, GH_ERR_INVALID, "The private key is not of the type that %s needs.",
                            alg->name);
    }
    return gh_key_check(alg, pkey, error);
}

gh_status gh_key_from_pem(const char *alg, const char *kid, gh_view pem, gh_key **key, gh_error *error)
{
    const gh_key_alg_row *row = gh_key_alg_named(gh_view_of(alg));
    if (row == NULL) {
        return gh_error_set(error, GH_ERR_UNSUPPORTED, "The private key is for an unknown algorithm.");
    }
    if (pem.len == 0 || pem.len > PEM_MAX) {
        return gh_error_set(error, GH_ERR_PARSE, "The private key is not a PEM text.");
    }
    if (kid != NULL && strlen(kid) > GH_KEY_KID_MAX) {
        return gh_error_set(error, GH_ERR_INVALID, "The key id is longer than %d bytes.", GH_KEY_KID_MAX);
    }
    gh_status status = GH_OK;
    EVP_PKEY *pkey = NULL;
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (bio == NULL) {
        status = gh_error_set(error, GH_ERR_NOMEM, "Out of memory while reading a private key.");
        goto out;
    }
    pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    if (pkey == NULL) {
        status = gh_error_set(error, GH_ERR_PARSE,
                              "The private key cannot be read; it must be an unencrypted PKCS#8 PEM text.");
        goto out;
    }
    status = fits_alg(row, pkey, error);
    if (status != GH_OK) {
        goto out;
    }
    status = gh_key_wrap(row, kid, pkey, true, key);
    pkey = NULL;
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "A private key could not be taken in.");
    }
out:
    ERR_clear_error();
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    return status;
}

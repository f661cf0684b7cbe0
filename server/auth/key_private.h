/* What the files of gh_key share: the only place outside key*.c where OpenSSL types show. */
#ifndef GH_SERVER_AUTH_KEY_PRIVATE_H
#define GH_SERVER_AUTH_KEY_PRIVATE_H

#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <stdatomic.h>

#include "server/auth/key.h"

#define GH_KEY_KID_MAX 256 /* bytes of a key id */
#define GH_KEY_RSA_BITS_MIN 2048
#define GH_KEY_RSA_BITS_MAX 8192 /* larger ones only cost time: verification grows with the square */

/* One row per algorithm (RFC 7518, 3.1; RFC 8037, 3.1). */
typedef struct gh_key_alg_row {
    const char *name;   /* in JOSE headers and JWKs */
    const char *kty;    /* JWK key type */
    const char *crv;    /* JWK curve; NULL for RSA */
    const char *group;  /* OpenSSL's name of the curve; NULL for RSA and Ed25519 */
    const char *digest; /* OpenSSL's name; NULL for Ed25519, which hashes by itself */
    size_t field;       /* bytes of a coordinate, and of R and S; 0 for RSA */
    bool pss;
} gh_key_alg_row;

struct gh_key {
    atomic_size_t refs;
    const gh_key_alg_row *alg;
    EVP_PKEY *pkey; /* read-only after creation: several threads use it */
    char *kid;
    bool is_private;
};

const gh_key_alg_row *gh_key_alg_named(gh_view name); /* NULL when unknown */
/* The algorithm of a key without `alg`: the first row of that type and curve (crv NULL for RSA). */
const gh_key_alg_row *gh_key_alg_default(const char *kty, const char *crv);

/* Wraps `pkey` (taken over, also on failure); kid NULL means the thumbprint. */
GH_MUST_USE gh_status gh_key_wrap(const gh_key_alg_row *alg, const char *kid, EVP_PKEY *pkey, bool is_private,
                                  gh_key **key);
/* Size and exponent of an RSA key, the curve of an EC key. */
GH_MUST_USE gh_status gh_key_check(const gh_key_alg_row *alg, EVP_PKEY *pkey, gh_error *error);
GH_MUST_USE gh_status gh_key_from_json(const cJSON *jwk, gh_key **key, gh_error *error);
/* Appends the members that a thumbprint covers, in its order and without white space (RFC 7638, 3.2). */
GH_MUST_USE gh_status gh_key_write_required(const gh_key_alg_row *alg, EVP_PKEY *pkey, gh_buf *out);

/* ECDSA signatures between OpenSSL's DER and JWS' R||S of 2 * `field` bytes (RFC 7515, A.3; RFC 7518, 3.4).
 * to_raw appends; from_raw's *der is owned (OPENSSL_free). */
GH_MUST_USE gh_status gh_key_ecdsa_to_raw(gh_view der, size_t field, gh_buf *raw);
GH_MUST_USE gh_status gh_key_ecdsa_from_raw(gh_view raw, size_t field, unsigned char **der, size_t *len);

#endif

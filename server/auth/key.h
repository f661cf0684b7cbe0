/* gh_key: a signature key with its algorithm pinned, and gh_keyset: an immutable set of them.
 *
 * Algorithms: ES256, ES384, RS256, PS256, EdDSA (Ed25519). The algorithm follows from the JWK's type and
 * `alg`; a symmetric key, an encryption key (`use: enc`), RSA below 2,048 bits or a point off its curve is
 * refused (RFC 8725, 3.1, 3.2, 3.5). Both are reference-counted and may be used from several threads. OpenSSL
 * types stay inside key*.c. */
#ifndef GH_SERVER_AUTH_KEY_H
#define GH_SERVER_AUTH_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/bytes.h"
#include "shared/core/secret.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_key gh_key;
typedef struct gh_keyset gh_keyset;

/* A fresh private key; `alg` is "ES256" or "EdDSA". The kid is the RFC 7638 thumbprint. */
GH_MUST_USE gh_status gh_key_generate(const char *alg, gh_key **key, gh_error *error);
/* From one JWK object, public (RFC 7517, RFC 8037). Unknown members are ignored, and so are private ones:
 * what comes out can only verify. GH_ERR_PARSE (not a JWK), GH_ERR_INVALID (a bad value), GH_ERR_UNSUPPORTED
 * (a type, curve or algorithm that is not in the list above), GH_ERR_DENIED (a key that is too weak, or not
 * for signatures). */
GH_MUST_USE gh_status gh_key_from_jwk(gh_view jwk, gh_key **key, gh_error *error);
/* A private key to and from PKCS#8 PEM, for the store. `kid` NULL gives the RFC 7638 thumbprint. */
GH_MUST_USE gh_status gh_key_to_pem(const gh_key *key, gh_secret **pem);
GH_MUST_USE gh_status gh_key_from_pem(const char *alg, const char *kid, gh_view pem, gh_key **key,
                                      gh_error *error);
gh_key *gh_key_ref(gh_key *key);
void gh_key_free(gh_key *key);

const char *gh_key_kid(const gh_key *key); /* "" when the JWK had none */
const char *gh_key_alg(const gh_key *key);
/* True for the names in the list above, as a token's header spells them. */
bool gh_key_alg_is_known(gh_view alg);
bool gh_key_is_private(const gh_key *key);
/* Appends the public JWK with kid, use and alg. */
GH_MUST_USE gh_status gh_key_write_jwk(const gh_key *key, gh_buf *out);

/* Raw JWS signatures (RFC 7515, 5): ECDSA as R||S. verify: GH_OK or GH_ERR_DENIED. */
GH_MUST_USE gh_status gh_key_sign(const gh_key *key, gh_view input, gh_buf *signature);
GH_MUST_USE gh_status gh_key_verify(const gh_key *key, gh_view input, gh_view signature);

/* A set of `count` keys (each gets referenced). */
GH_MUST_USE gh_status gh_keyset_new(gh_key *const *keys, size_t count, gh_keyset **set);
/* From a JWK Set document; unusable keys are skipped and counted in *skipped (may be NULL), those beyond
 * GH_KEYSET_MAX too. A set without any usable key is GH_OK with a count of 0. */
#define GH_KEYSET_MAX 100
GH_MUST_USE gh_status gh_keyset_parse(gh_view json, gh_keyset **set, size_t *skipped, gh_error *error);
gh_keyset *gh_keyset_ref(gh_keyset *set);
void gh_keyset_free(gh_keyset *set);
size_t gh_keyset_count(const gh_keyset *set);
/* The key for a token's header: same alg and kid, the first one of the set when several share both; a token
 * without kid matches only when exactly one key has that alg. Borrowed; NULL when there is none. */
const gh_key *gh_keyset_find(const gh_keyset *set, gh_view alg, gh_view kid);
/* Appends {"keys":[…]} with the public parts. */
GH_MUST_USE gh_status gh_keyset_write(const gh_keyset *set, gh_buf *out);

#endif

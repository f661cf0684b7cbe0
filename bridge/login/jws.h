/* Compact JWS signatures of JWTs (RFC 7515; RFC 7518: ES256, RS256) with a key of one's own. A gh_jws_key may
 * be read from several threads; it has one owner. */
#ifndef GH_BRIDGE_LOGIN_JWS_H
#define GH_BRIDGE_LOGIN_JWS_H

#include "shared/core/bytes.h"
#include "shared/core/secret.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_jws_key gh_jws_key;

#define GH_JWS_MAX ((size_t)32 * 1024)

/* An unencrypted PEM private key: P-256, or RSA of 2048 bits or more. The file must be readable by its owner
 * only. */
GH_MUST_USE gh_status gh_jws_key_read(const char *path, gh_jws_key **key, gh_error *error);
GH_MUST_USE gh_status gh_jws_key_parse(gh_view pem, gh_jws_key **key);
/* A new P-256 key as PEM. */
GH_MUST_USE gh_status gh_jws_key_generate(gh_secret **pem);
void gh_jws_key_free(gh_jws_key *key); /* NULL is fine */

/* "ES256" or "RS256". */
const char *gh_jws_key_algorithm(const gh_jws_key *key);

/* Appends the public half of a P-256 key as a JWK (RFC 7517); GH_ERR_UNSUPPORTED for another. */
GH_MUST_USE gh_status gh_jws_key_write_jwk(const gh_jws_key *key, gh_buf *out);

/* Appends header.claims.signature; both are JSON texts. */
GH_MUST_USE gh_status gh_jws_sign(const gh_jws_key *key, gh_view header, gh_view claims, gh_buf *out);

#endif

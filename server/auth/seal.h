/* gh_sealer: secrets at rest under one key: AES-256-GCM, a fresh nonce for each text, bound to a context so
 * that a sealed text cannot be moved to another row. Thread-safe after creation. */
#ifndef GH_SERVER_AUTH_SEAL_H
#define GH_SERVER_AUTH_SEAL_H

#include <stdbool.h>

#include "shared/core/bytes.h"
#include "shared/core/secret.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_sealer gh_sealer;

/* From 32 bytes. */
GH_MUST_USE gh_status gh_sealer_new(gh_view key, gh_sealer **sealer);
/* From a key file (64 hexadecimal digits), which is created with mode 0600 and a fresh key when `create` and
 * it does not exist. Refused when others can read it, unless it is a mounted container secret. */
GH_MUST_USE gh_status gh_sealer_open(const char *path, bool create, gh_sealer **sealer, gh_error *error);
void gh_sealer_free(gh_sealer *sealer);

/* Appends the sealed form (base64url text). `context` is authenticated, not stored. */
GH_MUST_USE gh_status gh_sealer_seal(const gh_sealer *sealer, gh_view context, gh_view plain, gh_buf *out);
/* GH_ERR_DENIED when key, context or text do not belong together. */
GH_MUST_USE gh_status gh_sealer_open_text(const gh_sealer *sealer, gh_view context, gh_view sealed,
                                          gh_secret **plain);
/* A key of its own for another purpose, which the label names. */
GH_MUST_USE gh_status gh_sealer_derive(const gh_sealer *sealer, const char *label, unsigned char out[32]);
/* A value that tells this key from any other, for the store to remember; at least 44 bytes. */
GH_MUST_USE gh_status gh_sealer_fingerprint(const gh_sealer *sealer, char out[44]);

#endif

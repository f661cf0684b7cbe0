/* SHA-256, for look-up keys of secrets at rest and for PKCE. Thread-safe. */
#ifndef GH_SHARED_CORE_DIGEST_H
#define GH_SHARED_CORE_DIGEST_H

#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_SHA256_LEN 32
#define GH_SHA256_TEXT_MAX 44 /* 43 characters of base64url and a NUL */

GH_MUST_USE gh_status gh_sha256(gh_view data, unsigned char out[GH_SHA256_LEN]);
/* The digest as base64url text without padding. */
GH_MUST_USE gh_status gh_sha256_text(gh_view data, char out[GH_SHA256_TEXT_MAX]);
/* HMAC-SHA256. */
GH_MUST_USE gh_status gh_hmac_sha256(gh_view key, gh_view data, unsigned char out[GH_SHA256_LEN]);

#endif

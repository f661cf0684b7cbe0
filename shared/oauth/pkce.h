/* Proof Key for Code Exchange, S256 only (RFC 7636). Thread-safe. */
#ifndef GH_SHARED_OAUTH_PKCE_H
#define GH_SHARED_OAUTH_PKCE_H

#include <stdbool.h>

#include "shared/core/digest.h"
#include "shared/core/secret.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_PKCE_CHALLENGE_MAX GH_SHA256_TEXT_MAX

/* A verifier of 43 characters (256 bits). */
GH_MUST_USE gh_status gh_pkce_verifier_new(gh_secret **verifier);
GH_MUST_USE gh_status gh_pkce_challenge(gh_view verifier, char out[GH_PKCE_CHALLENGE_MAX]);
bool gh_pkce_verifier_is_valid(gh_view verifier);   /* 43 to 128 unreserved characters (4.1) */
bool gh_pkce_challenge_is_valid(gh_view challenge); /* 43 base64url characters (4.2) */
/* Constant-time comparison of S256(verifier) with the challenge. */
bool gh_pkce_matches(gh_view verifier, gh_view challenge);

#endif

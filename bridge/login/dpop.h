/* Proofs of possession (RFC 9449). Thread-safe. */
#ifndef GH_BRIDGE_LOGIN_DPOP_H
#define GH_BRIDGE_LOGIN_DPOP_H

#include <stdbool.h>

#include "shared/core/bytes.h"
#include "shared/core/secret.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

/* What a proof is for; borrowed. */
typedef struct gh_dpop_request {
    const char *method;
    const char *url;   /* its query and fragment are left out */
    const char *nonce; /* that the server gave; NULL or empty for none */
    const char *token; /* the access token that goes with it; NULL at the token endpoint */
} gh_dpop_request;

/* Appends a fresh proof (4.2), signed with the P-256 key in `pem`. */
GH_MUST_USE gh_status gh_dpop_prove(const gh_secret *pem, const gh_dpop_request *request, gh_buf *proof);

/* True for a challenge that asks for a nonce (9). */
bool gh_dpop_wants_nonce(gh_view challenge);

#endif

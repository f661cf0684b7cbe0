/* What a token or a challenge says, for showing to a person; nothing here is verified or trusted.
 * Thread-safe. */
#ifndef GH_BRIDGE_IDENTITY_H
#define GH_BRIDGE_IDENTITY_H

#include "shared/core/secret.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

/* "Ada Lovelace <ada@example.org>" from the claims of a JWT; NULL when it is none or says nothing. Owned by
 * the caller. Printable (bridge/printable.h). */
char *gh_identity_describe(const gh_secret *token);

/* The resource_metadata of a WWW-Authenticate value, owned by the caller; GH_ERR_NOT_FOUND without one. */
GH_MUST_USE gh_status gh_identity_challenge_url(gh_view challenge, char **url);

#endif

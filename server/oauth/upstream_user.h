/* The user's own access token at the identity provider, for the APIs that this server calls on the user's
 * behalf. It was kept, sealed, when the user signed in, and is refreshed as a refresh at the token endpoint
 * does it; it never leaves for a client. Thread-safe; blocks. */
#ifndef GH_SERVER_OAUTH_UPSTREAM_USER_H
#define GH_SERVER_OAUTH_UPSTREAM_USER_H

#include <stdint.h>

#include "server/auth/principal.h"
#include "server/oauth/server.h"
#include "shared/core/secret.h"

/* The token of the grant that `principal` came with; refreshed when it ends within 30 s, and when it is the
 * very one that an API just refused (`stale`, or NULL). One refresh of a grant at a time, in this process and
 * in others; the wait for another one is at most 10 s, and a refresh takes at most GH_IDP_CALL_MS.
 *
 * GH_ERR_DENIED: sign in again (no such token, the account or session ended: then the grant is revoked).
 * GH_ERR_UNAVAILABLE: provider or store are out of reach, or a refresh by another process takes too long;
 * nothing was used up, and a token that still lasts is given all the same. *token is owned; *expires_at is in
 * seconds since the epoch, 0 for unknown. The error is for the person who asks. */
GH_MUST_USE gh_status gh_upstream_user_token(const gh_oauth_server *server, const gh_principal *principal,
                                             const gh_secret *stale, gh_secret **token, int64_t *expires_at,
                                             gh_error *error);

#endif

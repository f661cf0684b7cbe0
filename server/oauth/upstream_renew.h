/* New tokens of a grant from the provider, and the end of a grant whose account ended there. For whoever has
 * the grant's turn (upstream_turn.h). Thread-safe. */
#ifndef GH_SERVER_OAUTH_UPSTREAM_RENEW_H
#define GH_SERVER_OAUTH_UPSTREAM_RENEW_H

#include "server/oauth/internal.h"

/* Asks the provider and stores what it gave; blocks for at most GH_IDP_CALL_MS. GH_OK also when there is no
 * refresh token to ask with: then nothing changes. GH_ERR_DENIED when account or session ended, or the person
 * may not stay; GH_ERR_TIMEOUT when the provider is out of reach, which used nothing up; GH_ERR_NOT_FOUND
 * when the grant is gone; others are the store's. */
GH_MUST_USE gh_status gh_upstream_renew(const gh_oauth_server *server, const char *grant_id);

/* After GH_ERR_DENIED: revokes the grant, and appends a sentence for the person. `client_id` is for the log,
 * NULL when unknown. */
GH_MUST_USE gh_status gh_upstream_end(const gh_oauth_server *server, const char *grant_id,
                                      const char *client_id, gh_buf *words);

#endif

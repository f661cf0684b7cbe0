/* A refresh asks the identity provider, too, so that an account that ended there ends here. Thread-safe. */
#ifndef GH_SERVER_OAUTH_UPSTREAM_REFRESH_H
#define GH_SERVER_OAUTH_UPSTREAM_REFRESH_H

#include "server/oauth/internal.h"
#include "server/oauth/upstream_turn.h"

/* The refresh that is wanted here; members borrowed. */
typedef struct gh_upstream_wish {
    const char *hash;           /* of the refresh token */
    const char *successor_hash; /* of the one that follows it */
    const char *client_id;
} gh_upstream_wish;

/* Waits for the turn, asks the provider and stores what it gave. True: go on with the rotation, then close
 * the turn. False: the response is complete (the account ended: the grant is revoked, 400 invalid_grant; an
 * outage: 503, and nothing was changed); close the turn as well.
 *
 * A token that is not the current one (rotated before, unknown) bothers no provider: what that means is for
 * the rotation to say. */
bool gh_upstream_turn_open(const gh_oauth_server *server, const gh_upstream_wish *wish, gh_response *response,
                           gh_upstream_turn *turn);

#endif

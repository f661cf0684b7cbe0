/* A refresh asks the identity provider, too, so that an account that ended there ends here. Thread-safe. */
#ifndef GH_SERVER_OAUTH_UPSTREAM_REFRESH_H
#define GH_SERVER_OAUTH_UPSTREAM_REFRESH_H

#include "server/oauth/internal.h"

#define GH_UPSTREAM_QUEUE_MAX 32

/* Bounds how many threads wait for another refresh of the same grant, so that nobody can hold them all while
 * the provider is slow. NULL on lack of memory. */
typedef struct gh_upstream_queue gh_upstream_queue;
gh_upstream_queue *gh_upstream_queue_new(void);
void gh_upstream_queue_free(gh_upstream_queue *queue);

/* The refresh that is wanted here; members borrowed. */
typedef struct gh_upstream_wish {
    const char *hash;           /* of the refresh token */
    const char *successor_hash; /* of the one that follows it */
    const char *client_id;
} gh_upstream_wish;

/* The turn of one refresh of a grant: others of the same grant wait, in this process and in others. Zeroed by
 * the caller. */
typedef struct gh_upstream_turn {
    char *grant_id;
    char *lease;  /* its name */
    char *holder; /* NULL unless it is held */
} gh_upstream_turn;

/* Waits for the turn, asks the provider and stores what it gave. True: go on with the rotation, then close
 * the turn. False: the response is complete (the account ended: the grant is revoked, 400 invalid_grant; an
 * outage: 503, and nothing was changed).
 *
 * A token that is not the current one (rotated before, unknown) bothers no provider: what that means is for
 * the rotation to say. */
bool gh_upstream_turn_open(const gh_oauth_server *server, const gh_upstream_wish *wish, gh_response *response,
                           gh_upstream_turn *turn);
void gh_upstream_turn_close(const gh_oauth_server *server, gh_upstream_turn *turn);

#endif

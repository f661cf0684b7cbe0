/* The turn of whoever asks the provider for new tokens of a grant: one at a time, in this process and in
 * others, for a provider may take a refresh token that is used twice for a stolen one. Thread-safe. */
#ifndef GH_SERVER_OAUTH_UPSTREAM_TURN_H
#define GH_SERVER_OAUTH_UPSTREAM_TURN_H

#include "server/oauth/internal.h"

#define GH_UPSTREAM_QUEUE_MAX 32

/* Bounds how many threads wait for turns, so that nobody can hold them all while the provider is slow. NULL
 * on lack of memory. */
typedef struct gh_upstream_queue gh_upstream_queue;
gh_upstream_queue *gh_upstream_queue_new(void);
void gh_upstream_queue_free(gh_upstream_queue *queue);

/* Says whether somebody else did meanwhile what the turn is wanted for. */
typedef gh_status (*gh_upstream_look)(void *context, bool *done);

/* Zeroed by the owner. */
typedef struct gh_upstream_turn {
    char *grant_id;
    char *lease;  /* its name */
    char *holder; /* NULL unless it is held */
} gh_upstream_turn;

/* Waits for the turn of a grant, asking `look` before and after it is there. GH_OK: it is held, or *done says
 * that it is not needed (any more). GH_ERR_CONFLICT when another one still has it after 10 s, and at once
 * when too many wait; others are `look`'s and the store's. Close it in every case. */
GH_MUST_USE gh_status gh_upstream_turn_take(const gh_oauth_server *server, gh_upstream_queue *queue,
                                            const char *grant_id, gh_upstream_look look, void *context,
                                            gh_upstream_turn *turn, bool *done);
void gh_upstream_turn_close(const gh_oauth_server *server, gh_upstream_turn *turn);

#endif

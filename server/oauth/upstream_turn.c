#include "server/oauth/upstream_turn.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/core/random.h"

/* Above GH_IDP_CALL_MS: a lease that ended while its holder still asks would let a second one use the same
 * refresh token, and the provider end the sign-in for it. Leases of a process that was killed go when the
 * server starts again, unless another one shares the store: then they are waited for. */
#define LEASE_S 15
#define WAIT_MS 10000
#define POLL_MS 100

struct gh_upstream_queue {
    sem_t places;
};

gh_upstream_queue *gh_upstream_queue_new(void)
{
    gh_upstream_queue *queue = calloc(1, sizeof *queue);
    if (queue != NULL && sem_init(&queue->places, 0, GH_UPSTREAM_QUEUE_MAX) != 0) {
        free(queue);
        queue = NULL;
    }
    return queue;
}

void gh_upstream_queue_free(gh_upstream_queue *queue)
{
    if (queue != NULL) {
        (void)sem_destroy(&queue->places);
        free(queue);
    }
}

static gh_status take_lease(const gh_oauth_server *server, gh_upstream_turn *turn)
{
    char *holder = NULL;
    gh_status status = gh_random_token(GH_OAUTH_TOKEN_BYTES, &holder);
    if (status == GH_OK) {
        status = gh_store_lease_take(server->store, turn->lease, holder, LEASE_S);
    }
    if (status == GH_OK) {
        turn->holder = holder;
        holder = NULL;
    }
    free(holder);
    return status;
}

static gh_status try_turn(const gh_oauth_server *server, gh_upstream_look look, void *context,
                          gh_upstream_turn *turn, bool *done)
{
    gh_status status = look(context, done);
    if (status != GH_OK || *done) {
        return status;
    }
    status = take_lease(server, turn);
    return status == GH_OK ? look(context, done) : status;
}

static gh_status name_turn(const char *grant_id, gh_upstream_turn *turn)
{
    gh_buf name = GH_BUF_INIT(256);
    (void)gh_buf_appendf(&name, "upstream:%s", grant_id);
    turn->lease = gh_buf_steal(&name);
    turn->grant_id = gh_text_dup(grant_id);
    gh_buf_free(&name);
    return turn->lease == NULL || turn->grant_id == NULL ? GH_ERR_NOMEM : GH_OK;
}

gh_status gh_upstream_turn_take(const gh_oauth_server *server, gh_upstream_queue *queue, const char *grant_id,
                                gh_upstream_look look, void *context, gh_upstream_turn *turn, bool *done)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    gh_deadline deadline = gh_deadline_in(WAIT_MS);
    *done = false;
    gh_status status = name_turn(grant_id, turn);
    if (status == GH_OK) {
        status = try_turn(server, look, context, turn, done);
    }
    if (status != GH_ERR_CONFLICT || sem_trywait(&queue->places) != 0) {
        return status;
    }
    while (status == GH_ERR_CONFLICT && !gh_deadline_passed(deadline)) {
        (void)nanosleep(&pause, NULL);
        status = try_turn(server, look, context, turn, done);
    }
    (void)sem_post(&queue->places);
    return status;
}

void gh_upstream_turn_close(const gh_oauth_server *server, gh_upstream_turn *turn)
{
    if (turn->holder != NULL) {
        gh_status status = gh_store_lease_drop(server->store, turn->lease, turn->holder);
        if (status != GH_OK) {
            gh_log_warn("a lease could not be given back, it ends by itself: %s", gh_status_text(status));
        }
    }
    free(turn->grant_id);
    free(turn->lease);
    free(turn->holder);
    memset(turn, 0, sizeof *turn);
}

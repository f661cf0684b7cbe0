#include "server/oauth/upstream_refresh.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/oauth/person.h"
#include "server/oauth/provider.h"
#include "server/oauth/reply.h"
#include "server/oauth/token.h"
#include "server/oauth/upstream_tokens.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/core/random.h"

#define LEASE_S 15 /* above GH_IDP_CALL_MS */
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

static void unavailable(gh_response *response, const char *description)
{
    gh_response_header_cstr(response, "Retry-After", GH_OAUTH_RETRY_AFTER);
    gh_response_error(response, 503, "temporarily_unavailable", description);
}

/* GH_OK when `hash` is a token of this client, whose grant is *grant_id. */
static gh_status find(const gh_oauth_server *server, const char *hash, const char *client_id, char **grant_id)
{
    char *found = NULL;
    gh_status status = gh_store_refresh_find(server->store, hash, client_id, &found);
    if (status == GH_OK && grant_id != NULL) {
        *grant_id = found;
        found = NULL;
    }
    free(found);
    return status;
}

/* A token was rotated exactly when its successor, which follows from it, is known. */
static gh_status look(const gh_oauth_server *server, const gh_upstream_wish *wish, bool *rotated)
{
    gh_status status = find(server, wish->successor_hash, wish->client_id, NULL);
    *rotated = status == GH_OK;
    return status == GH_ERR_NOT_FOUND ? GH_OK : status;
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

/* GH_OK when the turn is ours, or somebody else has rotated the token meanwhile; GH_ERR_CONFLICT while
 * another one has it. */
static gh_status try_turn(const gh_oauth_server *server, const gh_upstream_wish *wish, gh_upstream_turn *turn,
                          bool *rotated)
{
    gh_status status = look(server, wish, rotated);
    if (status != GH_OK || *rotated) {
        return status;
    }
    status = take_lease(server, turn);
    return status == GH_OK ? look(server, wish, rotated) : status;
}

/* As try_turn, but waits: GH_ERR_CONFLICT after WAIT_MS, and at once when too many wait already. */
static gh_status await(const gh_oauth_server *server, const gh_upstream_wish *wish, gh_upstream_turn *turn,
                       bool *rotated)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    gh_deadline deadline = gh_deadline_in(WAIT_MS);
    gh_status status = try_turn(server, wish, turn, rotated);
    if (status != GH_ERR_CONFLICT || sem_trywait(&server->refresh_queue->places) != 0) {
        return status;
    }
    while (status == GH_ERR_CONFLICT && !gh_deadline_passed(deadline)) {
        (void)nanosleep(&pause, NULL);
        status = try_turn(server, wish, turn, rotated);
    }
    (void)sem_post(&server->refresh_queue->places);
    return status;
}

static gh_status name_lease(gh_upstream_turn *turn)
{
    gh_buf name = GH_BUF_INIT(256);
    (void)gh_buf_appendf(&name, "upstream:%s", turn->grant_id);
    turn->lease = gh_buf_steal(&name);
    gh_buf_free(&name);
    return turn->lease == NULL ? GH_ERR_NOMEM : GH_OK;
}

static gh_status check_person(const gh_oauth_server *server, const char *grant_id, const cJSON *claims)
{
    gh_grant grant;
    memset(&grant, 0, sizeof grant);
    gh_status status = gh_store_grant_get(server->store, grant_id, &grant);
    if (status == GH_OK && !gh_person_may_stay(server, claims, grant.subject)) {
        status = GH_ERR_DENIED;
    }
    gh_grant_clear(&grant);
    return status;
}

/* Replaces what is stored by what the provider gave. It may have kept its refresh token (RFC 6749, 6). */
static gh_status keep(const gh_oauth_server *server, const char *grant_id, gh_upstream_secrets *old,
                      gh_idp_tokens *fresh)
{
    gh_upstream_secrets now = {.access_token = fresh->access_token,
                               .refresh_token =
                                   fresh->refresh_token != NULL ? fresh->refresh_token : old->refresh_token,
                               .expires_at = fresh->expires_at,
                               .version = old->version};
    return gh_upstream_secrets_put(server, grant_id, &now);
}

/* GH_ERR_DENIED when account or session ended, GH_ERR_TIMEOUT when the provider is out of reach,
 * GH_ERR_NOT_FOUND when the grant is gone; others are the store's. */
static gh_status ask(const gh_oauth_server *server, const char *grant_id)
{
    gh_upstream_secrets old;
    gh_idp_tokens fresh;
    gh_error why = {0};
    memset(&old, 0, sizeof old);
    memset(&fresh, 0, sizeof fresh);
    gh_status status = gh_upstream_secrets_get(server, grant_id, &old);
    if (status == GH_ERR_NOT_FOUND || (status == GH_OK && old.refresh_token == NULL)) {
        status = GH_OK;
        goto out;
    }
    if (status != GH_OK) {
        gh_log_error("what is kept of the provider's tokens cannot be used: %s", gh_status_text(status));
        goto out;
    }
    status = gh_idp_refresh(server->idp, old.refresh_token, &fresh, &why);
    if (status != GH_OK) {
        gh_log_warn("the identity provider refused or failed at a refresh: %s", why.message);
        status = status == GH_ERR_UNAVAILABLE ? GH_ERR_TIMEOUT : status;
        goto out;
    }
    status = keep(server, grant_id, &old, &fresh);
    if (status == GH_OK) {
        status = check_person(server, grant_id, fresh.claims);
    }
    if (status == GH_ERR_DENIED || status == GH_ERR_NOT_FOUND) {
        gh_upstream_forget(server, fresh.refresh_token);
    }
out:
    gh_idp_tokens_clear(&fresh);
    gh_upstream_secrets_clear(&old);
    return status;
}

static void end(const gh_oauth_server *server, const gh_upstream_wish *wish, const gh_upstream_turn *turn,
                gh_response *response)
{
    gh_provider provider;
    gh_buf words = GH_BUF_INIT(GH_OAUTH_DOCUMENT_MAX);
    gh_status status = gh_store_grant_revoke(server->store, turn->grant_id);
    if (status != GH_OK) {
        gh_reply_failure(response, status);
        return;
    }
    gh_log_info("account or session ended at the identity provider, the grant is revoked: client %s",
                wish->client_id);
    bool known = gh_provider_read(server, &provider) == GH_OK;
    (void)gh_buf_appendf(&words, "Your account or session at %s ended; sign in again.",
                         known ? provider.place : GH_PROVIDER_UNKNOWN);
    gh_token_invalid_grant(response, gh_buf_cstr(&words));
    gh_provider_clear(&provider);
    gh_buf_free(&words);
}

static bool answer(const gh_oauth_server *server, const gh_upstream_wish *wish, const gh_upstream_turn *turn,
                   gh_status status, gh_response *response)
{
    switch (status) {
    case GH_OK:
    case GH_ERR_NOT_FOUND: /* the rotation says the same */
        return true;
    case GH_ERR_DENIED:
        end(server, wish, turn, response);
        return false;
    case GH_ERR_TIMEOUT:
        unavailable(response, "The identity provider cannot be reached at the moment; nothing was changed. "
                              "Try again in a few seconds.");
        return false;
    case GH_ERR_CONFLICT:
        unavailable(response, "Another refresh of this sign-in is under way. Try again in a few seconds.");
        return false;
    default:
        gh_reply_failure(response, status);
        return false;
    }
}

bool gh_upstream_turn_open(const gh_oauth_server *server, const gh_upstream_wish *wish, gh_response *response,
                           gh_upstream_turn *turn)
{
    bool rotated = false;
    gh_status status = find(server, wish->hash, wish->client_id, &turn->grant_id);
    if (status == GH_ERR_NOT_FOUND) {
        return true;
    }
    if (status == GH_OK) {
        status = name_lease(turn);
    }
    if (status == GH_OK) {
        status = await(server, wish, turn, &rotated);
    }
    if (status == GH_OK && !rotated) {
        status = ask(server, turn->grant_id);
    }
    return answer(server, wish, turn, status, response);
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

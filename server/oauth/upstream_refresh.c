#include "server/oauth/upstream_refresh.h"

#include <stdlib.h>

#include "server/oauth/reply.h"
#include "server/oauth/token.h"
#include "server/oauth/upstream_renew.h"

static void unavailable(gh_response *response, const char *description)
{
    gh_response_header_cstr(response, "Retry-After", GH_OAUTH_RETRY_AFTER);
    gh_response_error(response, 503, "temporarily_unavailable", description);
}

typedef struct rotation {
    const gh_oauth_server *server;
    const gh_upstream_wish *wish;
} rotation;

/* A token was rotated exactly when its successor, which follows from it, is known. */
static gh_status is_rotated(void *context, bool *rotated)
{
    const rotation *r = context;
    char *grant_id = NULL;
    gh_status status =
        gh_store_refresh_find(r->server->store, r->wish->successor_hash, r->wish->client_id, &grant_id);
    *rotated = status == GH_OK;
    free(grant_id);
    return status == GH_ERR_NOT_FOUND ? GH_OK : status;
}

static void end(const gh_oauth_server *server, const gh_upstream_wish *wish, const gh_upstream_turn *turn,
                gh_response *response)
{
    gh_buf words = GH_BUF_INIT(GH_OAUTH_DOCUMENT_MAX);
    gh_status status = gh_upstream_end(server, turn->grant_id, wish->client_id, &words);
    if (status == GH_OK) {
        gh_token_invalid_grant(response, gh_buf_cstr(&words));
    } else {
        gh_reply_failure(response, status);
    }
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
    rotation r = {server, wish};
    bool rotated = false;
    char *grant_id = NULL;
    gh_status status = gh_store_refresh_find(server->store, wish->hash, wish->client_id, &grant_id);
    if (status == GH_ERR_NOT_FOUND) {
        return true;
    }
    if (status == GH_OK) {
        status =
            gh_upstream_turn_take(server, server->refresh_queue, grant_id, is_rotated, &r, turn, &rotated);
    }
    if (status == GH_OK && !rotated) {
        status = gh_upstream_renew(server, turn->grant_id);
    }
    free(grant_id);
    return answer(server, wish, turn, status, response);
}

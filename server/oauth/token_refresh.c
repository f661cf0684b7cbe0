#include <stdlib.h>
#include <string.h>

#include "server/oauth/internal.h"
#include "server/oauth/issue.h"
#include "server/oauth/reply.h"
#include "server/oauth/scope.h"
#include "server/oauth/token.h"
#include "server/oauth/upstream_refresh.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"

#define AGAIN "The refresh token is not valid; sign in again."

typedef struct rotation {
    char hash[GH_SHA256_TEXT_MAX];
    char successor[GH_SHA256_TEXT_MAX]; /* wiped by the owner */
    char successor_hash[GH_SHA256_TEXT_MAX];
    char *scope; /* narrowed; NULL for the grant's */
    gh_grant grant;
} rotation;

static gh_status derive(const gh_oauth_server *server, gh_view token, rotation *r)
{
    gh_status status = gh_sha256_text(token, r->hash);
    if (status == GH_OK) {
        status = gh_issue_successor(server, token, r->successor);
    }
    return status == GH_OK ? gh_sha256_text(gh_view_of(r->successor), r->successor_hash) : status;
}

/* Before anything is rotated: a token that was asked for too much stays usable. GH_ERR_DENIED beyond the
 * grant, GH_ERR_NOT_FOUND for an unknown token. */
static gh_status narrow(const gh_oauth_server *server, const gh_oauth_call *call, rotation *r)
{
    const char *requested = gh_form_get(call->form, "scope");
    char *grant_id = NULL;
    gh_grant grant;
    memset(&grant, 0, sizeof grant);
    if (requested == NULL) {
        return GH_OK;
    }
    gh_status status = gh_store_refresh_find(server->store, r->hash, call->client.id, &grant_id);
    if (status == GH_OK) {
        status = gh_store_grant_get(server->store, grant_id, &grant);
    }
    if (status == GH_OK) {
        status = gh_scope_narrow(requested, grant.scope, &r->scope);
    }
    free(grant_id);
    gh_grant_clear(&grant);
    return status;
}

static gh_status rotate(const gh_oauth_server *server, const gh_oauth_call *call, rotation *r,
                        gh_response *response)
{
    gh_refresh_outcome outcome = GH_REFRESH_UNKNOWN;
    char *access = NULL;
    gh_status status = gh_store_refresh_rotate(
        server->store, r->hash, r->successor_hash, call->client.id, server->refresh_grace_s,
        gh_clock_wall_s() + server->refresh_ttl_s, &outcome, &r->grant);
    if (status != GH_OK) {
        return status;
    }
    if (outcome == GH_REFRESH_REUSED) {
        gh_log_warn("refresh token used again, its grant is revoked: client %s", call->client.id);
        gh_token_invalid_grant(response, "The refresh token was used before; all tokens of this sign-in are "
                                         "revoked. Sign in again.");
        return GH_OK;
    }
    if (outcome == GH_REFRESH_UNKNOWN) {
        return GH_ERR_NOT_FOUND;
    }
    const char *scope = r->scope != NULL ? r->scope : r->grant.scope;
    status = gh_issue_access_token(server, &r->grant, scope, &access);
    if (status == GH_OK) {
        status = gh_issue_reply(server, access, r->successor, scope, response);
    }
    gh_wipe_free(access);
    return status;
}

void gh_token_by_refresh(const gh_oauth_server *server, const gh_oauth_call *call, gh_response *response)
{
    const char *token = gh_form_get(call->form, "refresh_token");
    rotation r;
    gh_upstream_turn turn;
    memset(&r, 0, sizeof r);
    memset(&turn, 0, sizeof turn);
    if (token == NULL) {
        gh_response_error(response, 400, "invalid_request", "refresh_token is missing.");
        return;
    }
    gh_status status = derive(server, gh_view_of(token), &r);
    if (status == GH_OK) {
        status = narrow(server, call, &r);
    }
    if (status == GH_ERR_DENIED || status == GH_ERR_PARSE) {
        gh_response_error(response, 400, "invalid_scope",
                          "A refresh may ask for fewer scopes than were granted, never for others. Sign in "
                          "again to get more.");
        goto out;
    }
    if (status == GH_OK) {
        const gh_upstream_wish wish = {r.hash, r.successor_hash, call->client.id};
        if (server->idp != NULL && !gh_upstream_turn_open(server, &wish, response, &turn)) {
            goto out;
        }
        status = rotate(server, call, &r, response);
    }
    if (status == GH_ERR_NOT_FOUND) {
        gh_token_invalid_grant(response, AGAIN);
    } else if (status != GH_OK) {
        gh_reply_failure(response, status);
    }
out:
    gh_upstream_turn_close(server, &turn);
    gh_wipe(r.successor, sizeof r.successor);
    free(r.scope);
    gh_grant_clear(&r.grant);
}

#include <stdlib.h>
#include <string.h>

#include "server/auth/jwt.h"
#include "server/oauth/credentials.h"
#include "server/oauth/internal.h"
#include "server/oauth/reply.h"
#include "server/oauth/upstream_tokens.h"
#include "shared/core/digest.h"
#include "shared/core/log.h"
#include "shared/json/access.h"

static bool is_jwt(gh_view token)
{
    size_t dot = gh_view_find(token, '.');
    return dot < token.len &&
           gh_view_find(gh_view_make(token.ptr + dot + 1, token.len - dot - 1), '.') < token.len - dot - 1;
}

/* The grant of a live access token of this client; GH_ERR_NOT_FOUND for every other token. */
static gh_status find_by_access(const gh_oauth_server *server, const gh_client *client, gh_view token,
                                char **grant_id)
{
    gh_keyset *keys = gh_signing_keyset(server->signing);
    const gh_jwt_rules rules = {
        .issuer = server->issuer, .audience = server->resource, .type = "at+jwt", .keys = keys};
    cJSON *claims = NULL;
    gh_status status = gh_jwt_verify(token, &rules, &claims, NULL);
    if (status == GH_OK) {
        const char *owner = gh_json_get_string(claims, "client_id");
        const char *grant = gh_json_get_string(claims, "gid");
        if (owner == NULL || grant == NULL || strcmp(owner, client->id) != 0) {
            status = GH_ERR_NOT_FOUND;
        } else {
            *grant_id = gh_text_dup(grant);
            status = *grant_id == NULL ? GH_ERR_NOMEM : GH_OK;
        }
    } else if (status != GH_ERR_NOMEM) {
        status = GH_ERR_NOT_FOUND;
    }
    cJSON_Delete(claims);
    gh_keyset_free(keys);
    return status;
}

static gh_status find_by_refresh(const gh_oauth_server *server, const gh_client *client, gh_view token,
                                 char **grant_id)
{
    char hash[GH_SHA256_TEXT_MAX];
    gh_status status = gh_sha256_text(token, hash);
    return status == GH_OK ? gh_store_refresh_find(server->store, hash, client->id, grant_id) : status;
}

/* Ends the grant here first, then, as far as that goes, at the identity provider. */
static gh_status revoke(const gh_oauth_server *server, const char *grant_id)
{
    gh_upstream_secrets secrets;
    memset(&secrets, 0, sizeof secrets);
    gh_status kept =
        server->idp != NULL ? gh_upstream_secrets_get(server, grant_id, &secrets) : GH_ERR_NOT_FOUND;
    gh_status status = gh_store_grant_revoke(server->store, grant_id);
    if (status == GH_OK && kept == GH_OK) {
        gh_upstream_forget(server,
                           secrets.refresh_token != NULL ? secrets.refresh_token : secrets.access_token);
    }
    gh_upstream_secrets_clear(&secrets);
    return status;
}

/* Either token ends the grant with everything under it. What is unknown, expired or another client's is none
 * of this client's business and answered alike (RFC 7009, 2.2). */
static void end_grant(const gh_oauth_server *server, const gh_client *client, gh_view token,
                      gh_response *response)
{
    char *grant_id = NULL;
    gh_status status = is_jwt(token) ? find_by_access(server, client, token, &grant_id)
                                     : find_by_refresh(server, client, token, &grant_id);
    if (status == GH_OK) {
        status = revoke(server, grant_id);
        if (status == GH_OK) {
            gh_log_info("grant revoked: client %s", client->id);
        }
    }
    if (status == GH_OK || status == GH_ERR_NOT_FOUND) {
        gh_response_empty(response, 200);
    } else {
        gh_reply_failure(response, status);
    }
    free(grant_id);
}

void gh_oauth_handle_revoke(void *server, const gh_request *request, gh_response *response)
{
    gh_oauth_call call;
    memset(&call, 0, sizeof call);
    if (gh_oauth_call_open(server, request, response, &call)) {
        const char *token = gh_form_get(call.form, "token");
        if (token == NULL) {
            gh_response_error(response, 400, "invalid_request", "token is missing.");
        } else {
            end_grant(server, &call.client, gh_view_of(token), response);
        }
    }
    gh_oauth_call_clear(&call);
}

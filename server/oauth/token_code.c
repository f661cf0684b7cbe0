#include <string.h>

#include "server/oauth/internal.h"
#include "server/oauth/issue.h"
#include "server/oauth/reply.h"
#include "server/oauth/token.h"
#include "shared/core/log.h"
#include "shared/core/random.h"
#include "shared/core/secret.h"
#include "shared/oauth/pkce.h"

#define AGAIN "The code is not valid; sign in again."

/* Members borrowed from the form. */
typedef struct exchange {
    const char *code;
    const char *verifier;
    const char *redirect_uri;
} exchange;

static bool read_exchange(const gh_form *form, exchange *wanted, gh_response *response)
{
    wanted->code = gh_form_get(form, "code");
    wanted->verifier = gh_form_get(form, "code_verifier");
    wanted->redirect_uri = gh_form_get(form, "redirect_uri");
    const char *missing = NULL;
    if (wanted->code == NULL) {
        missing = "code is missing.";
    } else if (wanted->verifier == NULL) {
        missing = "code_verifier is missing; PKCE is required.";
    } else if (wanted->redirect_uri == NULL) {
        missing = "redirect_uri is missing; send the one of the authorization request.";
    }
    if (missing != NULL) {
        gh_response_error(response, 400, "invalid_request", missing);
    }
    return missing == NULL;
}

/* *problem is NULL for a code that is good for this call. */
static gh_status check_code(const gh_oauth_call *call, const exchange *wanted, const gh_code *code,
                            const char **problem)
{
    char computed[GH_PKCE_CHALLENGE_MAX];
    gh_status status = gh_pkce_challenge(gh_view_of(wanted->verifier), computed);
    *problem = NULL;
    if (strcmp(code->client_id, call->client.id) != 0) {
        *problem = AGAIN;
    } else if (strcmp(code->redirect_uri, wanted->redirect_uri) != 0) {
        *problem = "redirect_uri is not the one of the authorization request; sign in again.";
    } else if (status == GH_ERR_INVALID ||
               (status == GH_OK &&
                !gh_equal_constant_time(gh_view_of(computed), gh_view_of(code->challenge)))) {
        *problem = "code_verifier does not match the code_challenge; sign in again.";
    }
    return *problem != NULL ? GH_OK : status;
}

/* The first refresh token of the grant, unless the client is not registered for them. */
static gh_status add_refresh(const gh_oauth_server *server, const gh_oauth_call *call, const gh_grant *grant,
                             char **token)
{
    char hash[GH_SHA256_TEXT_MAX];
    if (!gh_text_has_word(gh_view_of(call->client.grant_types), GH_VIEW_LIT("refresh_token"))) {
        return GH_OK;
    }
    gh_status status = gh_random_token(GH_OAUTH_TOKEN_BYTES, token);
    if (status == GH_OK) {
        status = gh_sha256_text(gh_view_of(*token), hash);
    }
    return status == GH_OK ? gh_store_refresh_add(server->store, hash, grant->id, call->client.id) : status;
}

static void report(gh_status status, gh_response *response)
{
    if (status == GH_ERR_NOT_FOUND) {
        gh_token_invalid_grant(response, "The access was revoked meanwhile; sign in again.");
    } else if (status != GH_OK) {
        gh_reply_failure(response, status);
    }
}

void gh_token_issue(const gh_oauth_server *server, const gh_oauth_call *call, const gh_grant *grant,
                    gh_response *response)
{
    char *access = NULL;
    char *refresh = NULL;
    gh_status status = gh_issue_access_token(server, grant, grant->scope, &access);
    if (status == GH_OK) {
        status = add_refresh(server, call, grant, &refresh);
    }
    if (status == GH_OK) {
        status = gh_issue_reply(server, access, refresh, grant->scope, response);
    }
    report(status, response);
    gh_wipe_free(access);
    gh_wipe_free(refresh);
}

static void issue(const gh_oauth_server *server, const gh_oauth_call *call, const gh_code *code,
                  gh_response *response)
{
    gh_grant grant;
    memset(&grant, 0, sizeof grant);
    gh_status status = gh_store_grant_get(server->store, code->grant_id, &grant);
    if (status == GH_OK) {
        gh_token_issue(server, call, &grant, response);
    } else {
        report(status, response);
    }
    gh_grant_clear(&grant);
}

/* A code that somebody else held, or held without its verifier, has leaked: what it stood for ends. */
static void refuse(const gh_oauth_server *server, const gh_oauth_call *call, const gh_code *code,
                   const char *description, gh_response *response)
{
    gh_log_warn("authorization code refused, its grant is revoked: client %s", call->client.id);
    gh_status status = gh_store_grant_revoke(server->store, code->grant_id);
    if (status == GH_OK) {
        gh_token_invalid_grant(response, description);
    } else {
        gh_reply_failure(response, status);
    }
}

void gh_token_by_code(const gh_oauth_server *server, const gh_oauth_call *call, gh_response *response)
{
    exchange wanted;
    gh_code code;
    char hash[GH_SHA256_TEXT_MAX];
    memset(&code, 0, sizeof code);
    if (!read_exchange(call->form, &wanted, response)) {
        return;
    }
    gh_status status = gh_sha256_text(gh_view_of(wanted.code), hash);
    if (status == GH_OK) {
        status = gh_store_code_take(server->store, hash, &code);
    }
    if (status == GH_ERR_NOT_FOUND || status == GH_ERR_EXPIRED) {
        gh_token_invalid_grant(response, AGAIN);
    } else if (status == GH_ERR_CONFLICT) {
        gh_log_warn("authorization code used twice, its grant is revoked: client %s", call->client.id);
        gh_token_invalid_grant(response,
                               "The code was used before; all its tokens are revoked. Sign in again.");
    } else if (status != GH_OK) {
        gh_reply_failure(response, status);
    } else {
        const char *problem = NULL;
        status = check_code(call, &wanted, &code, &problem);
        if (status != GH_OK) {
            gh_reply_failure(response, status);
        } else if (problem == NULL) {
            issue(server, call, &code, response);
        } else {
            refuse(server, call, &code, problem, response);
        }
    }
    gh_code_clear(&code);
}

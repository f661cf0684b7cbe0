#include "server/credentials.h"

#include <stdint.h>
#include <string.h>

#include "server/oauth/upstream_user.h"
#include "shared/core/log.h"

static gh_status user(void *context, const gh_principal *principal, const gh_secret *stale, gh_secret **token,
                      int64_t *expires_at, gh_error *error)
{
    const gh_identity *identity = context;
    return gh_upstream_user_token(identity->oauth, principal, stale, token, expires_at, error);
}

/* Hands the access token over and clears the rest. */
static void hand_over(gh_idp_tokens *got, gh_secret **token, int64_t *expires_at)
{
    *token = got->access_token;
    *expires_at = got->expires_at;
    got->access_token = NULL;
    gh_idp_tokens_clear(got);
}

/* The error is read by the person who asks, and by their model: where the provider lives is for the log. */
static gh_status tell(gh_status status, gh_error *error)
{
    if (status != GH_ERR_UNAVAILABLE) {
        return status;
    }
    gh_log_warn("no token for an API: %s", error->message);
    return gh_error_set(error, status,
                        "The identity provider cannot be reached at the moment; try again in a few seconds.");
}

static gh_idp_target target_of(const gh_credential *credential)
{
    return (gh_idp_target){
        .audience = credential->audience, .resource = credential->resource, .scope = credential->scope};
}

static gh_status exchange(void *context, const gh_secret *subject_token, const gh_credential *credential,
                          gh_secret **token, int64_t *expires_at, gh_error *error)
{
    const gh_identity *identity = context;
    const gh_idp_target target = target_of(credential);
    gh_idp_tokens got;
    gh_status status = gh_idp_exchange_token(identity->idp, subject_token, &target, &got, error);
    if (status == GH_OK) {
        hand_over(&got, token, expires_at);
    }
    return tell(status, error);
}

static gh_status client(void *context, const gh_credential *credential, gh_secret **token,
                        int64_t *expires_at, gh_error *error)
{
    const gh_identity *identity = context;
    const gh_idp_target target = target_of(credential);
    const gh_idp_client as = {.client_id = credential->client_id,
                              .secret = credential->secret,
                              .token_endpoint = credential->token_endpoint,
                              .ca_file = identity->settings->ca_file};
    gh_idp_tokens got;
    gh_status status = gh_idp_client_credentials(identity->idp, &as, &target, &got, error);
    if (status == GH_OK) {
        hand_over(&got, token, expires_at);
    }
    return tell(status, error);
}

void gh_credentials_source(const gh_identity *identity, gh_credential_source *source)
{
    const gh_settings *settings = identity->settings;
    bool has_client = identity->idp != NULL && settings->client_id != NULL;
    *source = (gh_credential_source){.context = (void *)(uintptr_t)identity,
                                     .user = identity->oauth != NULL && identity->idp != NULL ? user : NULL,
                                     .exchange = has_client ? exchange : NULL,
                                     .client = client,
                                     .auth = settings->auth,
                                     .has_provider = identity->idp != NULL,
                                     .has_secret = has_client && settings->client_secret != NULL};
}

void gh_credentials_adopt(const gh_identity *identity, const gh_toolset *set)
{
    bool exchanges = false;
    for (size_t i = 0; set != NULL && i < set->upstream_count; i++) {
        exchanges = exchanges || set->upstreams[i].credential.kind == GH_CREDENTIAL_EXCHANGE;
    }
    gh_bearer_keep_tokens(identity->bearer, exchanges);
}

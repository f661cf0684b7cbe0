#include "server/oauth/upstream_renew.h"

#include <string.h>

#include "server/oauth/person.h"
#include "server/oauth/provider.h"
#include "server/oauth/upstream_tokens.h"
#include "shared/core/log.h"

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

gh_status gh_upstream_renew(const gh_oauth_server *server, const char *grant_id)
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

gh_status gh_upstream_end(const gh_oauth_server *server, const char *grant_id, const char *client_id,
                          gh_buf *words)
{
    gh_provider provider;
    gh_status status = gh_store_grant_revoke(server->store, grant_id);
    if (status != GH_OK) {
        return status;
    }
    gh_log_info("account or session ended at the identity provider, the grant is revoked: client %s",
                client_id != NULL ? client_id : "unknown");
    bool known = gh_provider_read(server, &provider) == GH_OK;
    status = gh_buf_appendf(words, "Your account or session at %s ended; sign in again.",
                            known ? provider.place : GH_PROVIDER_UNKNOWN);
    gh_provider_clear(&provider);
    return status;
}

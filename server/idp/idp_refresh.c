#include <string.h>

#include "server/idp/idp_private.h"
#include "shared/core/log.h"

#define FORM_MAX ((size_t)(3 * GH_IDP_REPLY_MAX) + 4096) /* a token may triple when it is encoded */
#define CODE_MAX 64

/* Tokens that have arrived count, whatever is wrong with what came along: the old refresh token may be used
 * up. The claims are left out then, and the next refresh will bring them. */
static void read_claims(gh_idp *idp, gh_http_client *client, const gh_server_metadata *m,
                        const gh_secret *id_token, gh_deadline deadline, gh_idp_tokens *tokens)
{
    gh_error error = {0};
    gh_status status =
        gh_idp_verify_id_token(idp, gh_secret_view(id_token), NULL, gh_secret_view(tokens->access_token),
                               deadline, &tokens->claims, &error);
    if (status == GH_OK) {
        status = gh_idp_add_userinfo(idp, client, m, tokens->access_token, deadline, tokens->claims, &error);
    }
    if (status != GH_OK) {
        gh_log_warn("the claims of a refresh at the identity provider are left out: %s", error.message);
        cJSON_Delete(tokens->claims);
        tokens->claims = NULL;
    }
}

/* Only a code that speaks of this token says that the account or the session has ended; a wrong client
 * secret, say, would otherwise end everybody's. */
static bool ends_session(const char *code)
{
    return strcmp(code, "invalid_grant") == 0 || strcmp(code, "access_denied") == 0;
}

static gh_status refresh(gh_idp *idp, gh_http_client *client, const gh_server_metadata *m,
                         const gh_secret *refresh_token, gh_deadline deadline, gh_idp_tokens *tokens,
                         gh_error *error)
{
    gh_idp_reply reply = GH_IDP_REPLY_INIT;
    gh_buf form = GH_BUF_INIT(FORM_MAX);
    gh_secret *id_token = NULL;
    gh_error cause = {0};
    char refusal[CODE_MAX] = "";
    gh_status status = gh_buf_reserve(&form, FORM_MAX);
    (void)gh_idp_add_field(&form, "grant_type", GH_VIEW_LIT("refresh_token"));
    (void)gh_idp_add_field(&form, "refresh_token", gh_secret_view(refresh_token));
    if (status == GH_OK) {
        status = gh_idp_post_form(idp, client, m, m->token_endpoint, &form, deadline, &reply, &cause);
    }
    if (status != GH_OK) {
        status = gh_idp_outage(error, &cause);
        goto out;
    }
    status = gh_idp_read_tokens(&reply, tokens, &id_token, refusal, error);
    if (status == GH_ERR_DENIED && !ends_session(refusal)) {
        status = GH_ERR_UNAVAILABLE;
        if (error != NULL) {
            error->status = status;
        }
    }
    if (status == GH_OK && id_token != NULL) {
        read_claims(idp, client, m, id_token, deadline, tokens);
    }
out:
    gh_secret_free(id_token);
    gh_buf_wipe_free(&form);
    gh_idp_reply_clear(&reply);
    return status;
}

gh_status gh_idp_refresh(gh_idp *idp, const gh_secret *refresh_token, gh_idp_tokens *tokens, gh_error *error)
{
    gh_deadline deadline = gh_deadline_in(GH_IDP_CALL_MS);
    gh_server_metadata metadata = {0};
    gh_http_client *client = NULL;
    memset(tokens, 0, sizeof *tokens);
    gh_status status = gh_idp_need_metadata(idp, &metadata, error);
    if (status == GH_OK && (metadata.token_endpoint == NULL || idp->client_id == NULL)) {
        gh_server_metadata_clear(&metadata);
        return gh_error_set(error, GH_ERR_UNAVAILABLE, "refreshing is not set up for this identity provider");
    }
    if (status != GH_OK) {
        return status;
    }
    status = gh_idp_borrow(idp, deadline, &client, error);
    if (status == GH_OK) {
        status = refresh(idp, client, &metadata, refresh_token, deadline, tokens, error);
    }
    if (status != GH_OK) {
        gh_idp_tokens_clear(tokens);
    }
    gh_idp_give_back(idp, client);
    gh_server_metadata_clear(&metadata);
    return status;
}

/* RFC 7009. */
gh_status gh_idp_revoke(gh_idp *idp, const gh_secret *token)
{
    gh_deadline deadline = gh_deadline_in(GH_IDP_REVOKE_MS);
    gh_server_metadata metadata = {0};
    gh_http_client *client = NULL;
    gh_idp_reply reply = GH_IDP_REPLY_INIT;
    gh_buf form = GH_BUF_INIT(FORM_MAX);
    gh_status status = gh_idp_metadata(idp, &metadata);
    if (status == GH_OK && (metadata.revocation_endpoint == NULL || idp->client_id == NULL)) {
        status = GH_ERR_UNSUPPORTED;
    }
    if (status == GH_OK) {
        status = gh_buf_reserve(&form, FORM_MAX);
    }
    if (status == GH_OK) {
        status = gh_idp_borrow(idp, deadline, &client, NULL);
    }
    if (status == GH_OK) {
        (void)gh_idp_add_field(&form, "token", gh_secret_view(token));
        status = gh_idp_post_form(idp, client, &metadata, metadata.revocation_endpoint, &form, deadline,
                                  &reply, NULL);
        status = status == GH_OK && reply.http_status == 200 ? GH_OK : GH_ERR_UNAVAILABLE;
    }
    gh_idp_give_back(idp, client);
    gh_buf_wipe_free(&form);
    gh_idp_reply_clear(&reply);
    gh_server_metadata_clear(&metadata);
    return status;
}

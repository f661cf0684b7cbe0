#include <string.h>

#include "server/idp/idp_private.h"
#include "shared/net/form.h"

#define FORM_MAX ((size_t)32 * 1024)
#define CODE_MAX 64

gh_status gh_idp_authorize_url(gh_idp *idp, const char *state, const char *nonce, const char *challenge,
                               gh_buf *out)
{
    gh_server_metadata metadata = {0};
    gh_buf url = GH_BUF_INIT(GH_IDP_URL_MAX);
    gh_status status = idp->redirect_uri == NULL ? GH_ERR_INVALID : gh_idp_metadata(idp, &metadata);
    if (status != GH_OK) {
        return status;
    }
    (void)gh_buf_append_cstr(&url, metadata.authorization_endpoint);
    bool has_query = strchr(metadata.authorization_endpoint, '?') != NULL;
    (void)gh_buf_append_cstr(&url, has_query ? "" : "?");
    (void)gh_form_add(&url, "response_type", "code");
    (void)gh_form_add(&url, "client_id", idp->client_id);
    (void)gh_form_add(&url, "redirect_uri", idp->redirect_uri);
    (void)gh_form_add(&url, "scope", idp->scopes);
    (void)gh_form_add(&url, "state", state);
    (void)gh_form_add(&url, "nonce", nonce);
    (void)gh_form_add(&url, "code_challenge", challenge);
    (void)gh_form_add(&url, "code_challenge_method", "S256");
    status = gh_buf_status(&url);
    if (status == GH_OK) {
        status = gh_buf_append_view(out, gh_buf_view(&url));
    }
    gh_buf_free(&url);
    gh_server_metadata_clear(&metadata);
    return status;
}

/* The code for tokens; the ID token is not looked at yet. */
static gh_status redeem(gh_idp *idp, gh_http_client *client, const gh_server_metadata *m, const char *code,
                        gh_view verifier, gh_deadline deadline, gh_idp_tokens *tokens, gh_secret **id_token,
                        gh_error *error)
{
    gh_idp_reply reply = GH_IDP_REPLY_INIT;
    gh_buf form = GH_BUF_INIT(FORM_MAX);
    gh_error cause = {0};
    char refusal[CODE_MAX];
    gh_status status = gh_buf_reserve(&form, FORM_MAX);
    (void)gh_idp_add_field(&form, "grant_type", GH_VIEW_LIT("authorization_code"));
    (void)gh_idp_add_field(&form, "code", gh_view_of(code));
    (void)gh_idp_add_field(&form, "redirect_uri", gh_view_of(idp->redirect_uri));
    (void)gh_idp_add_field(&form, "code_verifier", verifier);
    status = status == GH_OK ? gh_buf_status(&form) : status;
    if (status == GH_ERR_TOO_LARGE) {
        status =
            gh_error_set(error, GH_ERR_DENIED, "The code that came back from the provider is too large.");
        goto out;
    }
    if (status == GH_OK) {
        status = gh_idp_post_form(idp, client, m, m->token_endpoint, &form, deadline, &reply, &cause);
    }
    if (status != GH_OK) {
        status = gh_idp_outage(error, &cause);
        goto out;
    }
    status = gh_idp_read_tokens(&reply, tokens, id_token, refusal, error);
out:
    gh_buf_wipe_free(&form);
    gh_idp_reply_clear(&reply);
    return status;
}

static gh_status login(gh_idp *idp, gh_http_client *client, const gh_server_metadata *m, const char *code,
                       gh_view verifier, const char *nonce, gh_deadline deadline, gh_idp_tokens *tokens,
                       gh_error *error)
{
    gh_secret *id_token = NULL;
    gh_status status = redeem(idp, client, m, code, verifier, deadline, tokens, &id_token, error);
    if (status != GH_OK) {
        goto out;
    }
    if (id_token == NULL) {
        status = gh_error_set(error, GH_ERR_DENIED,
                              "The identity provider gave no ID token: --scopes must have openid, and the "
                              "provider must allow it.");
        goto out;
    }
    status = gh_idp_verify_id_token(idp, gh_secret_view(id_token), nonce,
                                    gh_secret_view(tokens->access_token), deadline, &tokens->claims, error);
    if (status != GH_OK) {
        goto out;
    }
    status = gh_idp_add_userinfo(idp, client, m, tokens->access_token, deadline, tokens->claims, error);
out:
    gh_secret_free(id_token);
    return status;
}

gh_status gh_idp_exchange(gh_idp *idp, const char *code, gh_view verifier, const char *nonce,
                          gh_idp_tokens *tokens, gh_error *error)
{
    gh_deadline deadline = gh_deadline_in(GH_IDP_CALL_MS);
    gh_server_metadata metadata = {0};
    gh_http_client *client = NULL;
    memset(tokens, 0, sizeof *tokens);
    if (idp->redirect_uri == NULL || nonce == NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "logins are not set up for this identity provider");
    }
    gh_status status = gh_idp_need_metadata(idp, &metadata, error);
    if (status != GH_OK) {
        return status;
    }
    status = gh_idp_borrow(idp, deadline, &client, error);
    if (status == GH_OK) {
        status = login(idp, client, &metadata, code, verifier, nonce, deadline, tokens, error);
    }
    if (status != GH_OK) {
        gh_idp_tokens_clear(tokens);
    }
    gh_idp_give_back(idp, client);
    gh_server_metadata_clear(&metadata);
    return status;
}

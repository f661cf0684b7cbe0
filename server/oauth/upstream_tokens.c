#include "server/oauth/upstream_tokens.h"

#include <string.h>

#include "shared/core/log.h"
#include "shared/net/form.h"
#include "shared/net/url.h"

#define TOKENS_MAX ((size_t)128 * 1024) /* bytes of both tokens, escaped */
#define SEALED_MAX ((size_t)256 * 1024)

static gh_status seal(const gh_oauth_server *server, const char *kind, const char *name, gh_view plain,
                      char **sealed)
{
    gh_buf context = GH_BUF_INIT(512);
    gh_buf out = GH_BUF_INIT(SEALED_MAX);
    gh_status status = gh_buf_appendf(&context, "%s:%s", kind, name);
    if (status == GH_OK) {
        status = gh_sealer_seal(server->sealer, gh_buf_view(&context), plain, &out);
    }
    if (status == GH_OK) {
        *sealed = gh_buf_steal(&out);
        status = *sealed == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_free(&context);
    gh_buf_free(&out);
    return status;
}

static gh_status unseal(const gh_oauth_server *server, const char *kind, const char *name, const char *sealed,
                        gh_secret **plain)
{
    gh_buf context = GH_BUF_INIT(512);
    gh_status status = gh_buf_appendf(&context, "%s:%s", kind, name);
    if (status == GH_OK) {
        status = gh_sealer_open_text(server->sealer, gh_buf_view(&context), gh_view_of(sealed), plain);
    }
    gh_buf_free(&context);
    return status;
}

gh_status gh_upstream_seal_verifier(const gh_oauth_server *server, const char *key, const gh_secret *verifier,
                                    char **sealed)
{
    return seal(server, "login", key, gh_secret_view(verifier), sealed);
}

gh_status gh_upstream_open_verifier(const gh_oauth_server *server, const char *key, const char *sealed,
                                    gh_secret **verifier)
{
    return unseal(server, "login", key, sealed, verifier);
}

void gh_upstream_secrets_clear(gh_upstream_secrets *secrets)
{
    gh_secret_free(secrets->access_token);
    gh_secret_free(secrets->refresh_token);
    memset(secrets, 0, sizeof *secrets);
}

/* As a form: its reader wipes what it copied, a JSON tree would not. */
static gh_status write_secrets(const gh_upstream_secrets *secrets, gh_buf *out)
{
    gh_status status = gh_buf_reserve(out, TOKENS_MAX);
    (void)gh_buf_append_cstr(out, "access_token=");
    (void)gh_url_encode(gh_secret_view(secrets->access_token), out);
    if (secrets->refresh_token != NULL) {
        (void)gh_buf_append_cstr(out, "&refresh_token=");
        (void)gh_url_encode(gh_secret_view(secrets->refresh_token), out);
    }
    return status == GH_OK ? gh_buf_status(out) : status;
}

static gh_status read_secrets(gh_view plain, gh_upstream_secrets *secrets)
{
    gh_form *form = NULL;
    gh_status status = gh_form_parse(plain, &form, NULL);
    if (status != GH_OK) {
        return status == GH_ERR_NOMEM ? status : GH_ERR_DENIED;
    }
    const char *access = gh_form_get(form, "access_token");
    const char *refresh = gh_form_get(form, "refresh_token");
    secrets->access_token = gh_secret_new(gh_view_of(access));
    secrets->refresh_token = refresh != NULL ? gh_secret_new(gh_view_of(refresh)) : NULL;
    bool complete = secrets->access_token != NULL && (secrets->refresh_token != NULL || refresh == NULL);
    gh_form_free(form);
    return complete ? GH_OK : GH_ERR_NOMEM;
}

gh_status gh_upstream_secrets_get(const gh_oauth_server *server, const char *grant_id,
                                  gh_upstream_secrets *secrets)
{
    gh_upstream_tokens stored;
    gh_secret *plain = NULL;
    memset(&stored, 0, sizeof stored);
    gh_status status = gh_store_upstream_tokens_get(server->store, grant_id, &stored);
    if (status == GH_OK) {
        status = unseal(server, "grant", grant_id, stored.sealed, &plain);
    }
    if (status == GH_OK) {
        status = read_secrets(gh_secret_view(plain), secrets);
    }
    if (status == GH_OK) {
        secrets->expires_at = stored.expires_at;
        secrets->version = stored.version;
    }
    gh_secret_free(plain);
    gh_upstream_tokens_clear(&stored);
    return status;
}

gh_status gh_upstream_secrets_put(const gh_oauth_server *server, const char *grant_id,
                                  const gh_upstream_secrets *secrets)
{
    gh_upstream_tokens stored;
    gh_buf plain = GH_BUF_INIT(TOKENS_MAX);
    memset(&stored, 0, sizeof stored);
    gh_status status = write_secrets(secrets, &plain);
    if (status == GH_OK) {
        status = seal(server, "grant", grant_id, gh_buf_view(&plain), &stored.sealed);
    }
    if (status == GH_OK) {
        stored.grant_id = gh_text_dup(grant_id);
        stored.expires_at = secrets->expires_at;
        stored.version = secrets->version;
        status =
            stored.grant_id == NULL ? GH_ERR_NOMEM : gh_store_upstream_tokens_put(server->store, &stored);
    }
    gh_buf_wipe_free(&plain);
    gh_upstream_tokens_clear(&stored);
    return status;
}

void gh_upstream_forget(const gh_oauth_server *server, const gh_secret *token)
{
    if (token == NULL || server->idp == NULL) {
        return;
    }
    gh_status status = gh_idp_revoke(server->idp, token);
    if (status != GH_OK && status != GH_ERR_UNSUPPORTED) {
        gh_log_warn("a token could not be revoked at the identity provider: %s", gh_status_text(status));
    }
}

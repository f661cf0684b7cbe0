#include "server/oauth/internal.h"

#include <stdlib.h>

#include "server/oauth/cimd.h"
#include "server/oauth/device.h"
#include "server/oauth/metadata.h"
#include "server/oauth/person.h"
#include "server/oauth/upstream_turn.h"
#include "shared/net/url.h"

#define SECRET_BYTES 32

static gh_status copy_list(const gh_text_list *from, gh_text_list *to)
{
    if (from == NULL || from->count == 0) {
        return GH_OK;
    }
    to->items = calloc(from->count, sizeof *to->items);
    if (to->items == NULL) {
        return GH_ERR_NOMEM;
    }
    for (size_t i = 0; i < from->count; i++) {
        to->items[i] = gh_text_dup(from->items[i]);
        if (to->items[i] == NULL) {
            return GH_ERR_NOMEM;
        }
        to->count = i + 1;
    }
    return GH_OK;
}

static void free_list(gh_text_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
}

static gh_status copy_options(gh_oauth_server *server, const gh_oauth_options *options)
{
    server->issuer = gh_text_dup(options->issuer);
    server->resource = gh_text_dup(options->resource);
    server->scopes_supported = gh_text_dup(options->scopes_supported);
    server->default_scope = gh_text_dup(options->default_scope);
    server->more_scopes = options->more_scopes;
    server->server_name = gh_text_dup(options->server_name);
    server->dev_password = options->dev_password;
    server->idp = options->idp;
    server->sealer = options->sealer;
    server->max_clients = options->max_clients;
    server->metrics = options->metrics;
    server->code_ttl_s = options->code_ttl_s;
    server->access_ttl_s = options->access_ttl_s;
    server->refresh_ttl_s = options->refresh_ttl_s;
    server->refresh_grace_s = options->refresh_grace_s;
    server->flow_ttl_s = options->flow_ttl_s;
    if (server->issuer == NULL || server->resource == NULL || server->scopes_supported == NULL ||
        server->default_scope == NULL || server->server_name == NULL) {
        return GH_ERR_NOMEM;
    }
    gh_status status = copy_list(options->redirect_schemes, &server->schemes);
    return status == GH_OK ? copy_list(options->required_claims, &server->requirements) : status;
}

static gh_status check_provider(const gh_oauth_server *server, gh_error *error)
{
    if (server->idp == NULL) {
        return GH_OK;
    }
    if (server->sealer == NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "a key for the provider's tokens is missing");
    }
    return gh_requirements_check(&server->requirements, error);
}

/* Browsers share cookies between the ports of a host, so that the port is part of the name. */
static gh_status name_cookies(gh_oauth_server *server, gh_error *error)
{
    gh_url url;
    gh_buf name = GH_BUF_INIT(64);
    gh_buf state = GH_BUF_INIT(64);
    gh_status status = gh_url_parse(gh_view_of(server->issuer), &url, error);
    if (status != GH_OK) {
        return status;
    }
    if (!gh_url_is_http(&url) || url.path.len > 0 || url.has_query || url.has_fragment) {
        return gh_error_set(error, GH_ERR_INVALID, "the issuer must be an origin such as https://host");
    }
    server->secure = gh_url_is_https(&url);
    if (server->secure) {
        (void)gh_buf_append_cstr(&name, "__Host-gh_flow");
        (void)gh_buf_append_cstr(&state, "__Host-gh_idp");
    } else {
        (void)gh_buf_appendf(&name, "gh_flow_%u", (unsigned)url.port);
        (void)gh_buf_appendf(&state, "gh_idp_%u", (unsigned)url.port);
    }
    server->cookie_name = gh_buf_steal(&name);
    server->state_cookie_name = gh_buf_steal(&state);
    gh_buf_free(&name);
    gh_buf_free(&state);
    return server->cookie_name == NULL || server->state_cookie_name == NULL ? GH_ERR_NOMEM : GH_OK;
}

static gh_status load_secrets(gh_oauth_server *server, gh_error *error)
{
    gh_status status = gh_store_secret(server->store, "oauth-csrf", SECRET_BYTES, &server->csrf_secret);
    if (status == GH_OK) {
        status = gh_store_secret(server->store, "oauth-refresh", SECRET_BYTES, &server->refresh_secret);
    }
    if (status != GH_OK) {
        return gh_error_set(error, status, "could not read the server's secrets from the store: %s",
                            gh_status_text(status));
    }
    return GH_OK;
}

static gh_status set_up(gh_oauth_server *server, const gh_oauth_options *options, gh_error *error)
{
    gh_status status = copy_options(server, options);
    if (status == GH_OK) {
        status = check_provider(server, error);
    }
    if (status == GH_OK) {
        status = name_cookies(server, error);
    }
    if (status == GH_OK) {
        status = load_secrets(server, error);
    }
    if (status == GH_OK) {
        status = gh_signing_new(server->store, &server->signing, error);
    }
    if (status == GH_OK) {
        status = gh_oauth_documents_write(server);
        if (status != GH_OK) {
            return gh_error_set(error, status, "could not write the metadata documents: %s",
                                gh_status_text(status));
        }
    }
    if (status == GH_OK) {
        server->throttle = gh_throttle_new();
        server->device_limits = gh_device_limits_new();
        server->refresh_queue = gh_upstream_queue_new();
        server->user_queue = gh_upstream_queue_new();
        server->cimd = gh_cimd_new();
        bool complete = server->throttle != NULL && server->device_limits != NULL &&
                        server->refresh_queue != NULL && server->user_queue != NULL && server->cimd != NULL;
        status = complete ? GH_OK : GH_ERR_NOMEM;
    }
    if (status == GH_ERR_NOMEM) {
        return gh_error_set(error, status, "not enough memory for the authorization server");
    }
    return status;
}

gh_status gh_oauth_server_new(const gh_oauth_options *options, gh_store *store, gh_oauth_server **server,
                              gh_error *error)
{
    gh_oauth_server *created = calloc(1, sizeof *created);
    if (created == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the authorization server");
    }
    created->store = store;
    gh_status status = set_up(created, options, error);
    if (status != GH_OK) {
        gh_oauth_server_free(created);
        return status;
    }
    *server = created;
    return GH_OK;
}

void gh_oauth_server_free(gh_oauth_server *server)
{
    if (server == NULL) {
        return;
    }
    free_list(&server->schemes);
    free_list(&server->requirements);
    free(server->issuer);
    free(server->resource);
    free(server->scopes_supported);
    free(server->default_scope);
    free(server->server_name);
    free(server->cookie_name);
    free(server->state_cookie_name);
    free(server->metadata);
    free(server->openid_metadata);
    gh_secret_free(server->csrf_secret);
    gh_secret_free(server->refresh_secret);
    gh_signing_free(server->signing);
    gh_throttle_free(server->throttle);
    gh_device_limits_free(server->device_limits);
    gh_upstream_queue_free(server->refresh_queue);
    gh_upstream_queue_free(server->user_queue);
    gh_cimd_free(server->cimd);
    free(server);
}

gh_keyset *gh_oauth_server_keys(gh_oauth_server *server)
{
    return gh_signing_keyset(server->signing);
}

gh_status gh_oauth_server_reload_keys(gh_oauth_server *server, gh_error *error)
{
    return gh_signing_reload(server->signing, server->store, error);
}

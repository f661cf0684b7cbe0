#include "server/identity.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/identity_scopes.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/core/random.h"

#define SCOPE GH_OWN_SCOPE
#define SCOPES_SUPPORTED GH_OWN_SCOPE " offline_access"
#define FOREIGN_SCOPE "openid"
#define CODE_TTL_S 60
#define REFRESH_GRACE_S 30
#define FLOW_TTL_S 600
#define KEY_BYTES 32
#define PATH_BYTES 4096

static bool is_mode(const gh_settings *settings, const char *mode)
{
    return strcmp(settings->auth, mode) == 0;
}

/* dev and proxy are one authorization server with two sources of identity. */
static bool has_own_server(const gh_settings *settings)
{
    return is_mode(settings, "dev") || is_mode(settings, "proxy");
}

/* --- sealing and store --- */

static gh_status seal(void *context, gh_view label, gh_view plain, gh_buf *out)
{
    return gh_sealer_seal(context, label, plain, out);
}

static gh_status unseal(void *context, gh_view label, gh_view sealed, gh_secret **plain)
{
    return gh_sealer_open_text(context, label, sealed, plain);
}

static const char *sqlite_path(const gh_settings *settings)
{
    return strncmp(settings->store, "sqlite:", 7) == 0 ? settings->store + 7 : NULL;
}

/* A key that nobody else will ever have: for a store that is gone with the process. */
static gh_status make_key(gh_sealer **sealer)
{
    unsigned char key[KEY_BYTES];
    gh_status status = gh_random_bytes(key, sizeof key);
    if (status == GH_OK) {
        status = gh_sealer_new(gh_view_make((const char *)key, sizeof key), sealer);
    }
    gh_wipe(key, sizeof key);
    return status;
}

/* A missing key is made only when nothing depends on it: otherwise the store says what was lost. */
static gh_status may_create_key(const gh_settings *settings, const char *key_path, gh_error *error)
{
    const char *path = sqlite_path(settings);
    if (access(key_path, F_OK) == 0 || path == NULL || access(path, F_OK) != 0) {
        return GH_OK;
    }
    gh_store *store = NULL;
    gh_status status = gh_store_open(settings->store, &store, error);
    gh_store_close(store);
    return status;
}

static gh_status open_sealer(const gh_settings *settings, gh_sealer **sealer, gh_error *error)
{
    const char *path = sqlite_path(settings);
    gh_buf key_path = GH_BUF_INIT(PATH_BYTES);
    if (settings->secret_key_file != NULL) {
        (void)gh_buf_append_cstr(&key_path, settings->secret_key_file);
    } else if (path != NULL) {
        (void)gh_buf_appendf(&key_path, "%s.key", path);
    } else {
        return make_key(sealer);
    }
    gh_status status = gh_buf_status(&key_path);
    if (status == GH_OK) {
        status = may_create_key(settings, gh_buf_cstr(&key_path), error);
    }
    if (status == GH_OK) {
        status = gh_sealer_open(gh_buf_cstr(&key_path), true, sealer, error);
    }
    gh_buf_free(&key_path);
    return status;
}

gh_status gh_identity_open_store(const gh_settings *settings, gh_sealer **sealer, gh_store **store,
                                 gh_error *error)
{
    char fingerprint[44];
    *sealer = NULL;
    *store = NULL;
    if (!has_own_server(settings)) {
        return gh_error_set(error, GH_ERR_DENIED, "--auth %s keeps nothing%s.", settings->auth,
                            is_mode(settings, "none") ? "" : ": the identity provider does");
    }
    if (is_mode(settings, "dev")) {
        return gh_store_open(settings->store, store, error);
    }
    gh_status status = open_sealer(settings, sealer, error);
    if (status == GH_OK) {
        status = gh_sealer_fingerprint(*sealer, fingerprint);
    }
    if (status == GH_OK) {
        const gh_store_options options = {seal, unseal, *sealer, fingerprint};
        status = gh_store_open_with(settings->store, &options, store, error);
    }
    return status;
}

/* --- the provider --- */

gh_status gh_identity_new_provider(const gh_settings *settings, const char *redirect_uri, gh_idp **idp,
                                   gh_error *error)
{
    const gh_idp_options options = {.issuer = settings->issuer,
                                    .client_id = settings->client_id,
                                    .client_secret = settings->client_secret,
                                    .redirect_uri = redirect_uri,
                                    .scopes = settings->scopes,
                                    .connect_to = settings->connect_to,
                                    .ca_file = settings->ca_file,
                                    .allow_insecure_http = settings->allow_insecure_http,
                                    .needs_pkce = !is_mode(settings, "direct"),
                                    .renamed = is_mode(settings, "facade")};
    return gh_idp_new(&options, idp, error);
}

static gh_status open_provider(gh_identity *identity, const gh_site *site, gh_error *error)
{
    const gh_settings *settings = identity->settings;
    if (settings->issuer == NULL) {
        return GH_OK;
    }
    if (is_mode(settings, "proxy")) {
        gh_buf url = GH_BUF_INIT(PATH_BYTES);
        (void)gh_buf_appendf(&url, "%s/callback", gh_site_origin(site));
        identity->redirect_uri = gh_buf_steal(&url);
        gh_buf_free(&url);
        if (identity->redirect_uri == NULL) {
            return GH_ERR_NOMEM;
        }
    }
    gh_status status = gh_identity_new_provider(settings, identity->redirect_uri, &identity->idp, error);
    return status == GH_OK ? gh_idp_start(identity->idp) : status;
}

/* --- the authorization server --- */

static gh_status open_authorization_server(gh_identity *identity, const gh_site *site, gh_error *error)
{
    const gh_settings *settings = identity->settings;
    if (!has_own_server(settings)) {
        return GH_OK;
    }
    const gh_oauth_options options = {.issuer = gh_site_origin(site),
                                      .resource = gh_site_mcp_url(site),
                                      .scopes_supported = SCOPES_SUPPORTED,
                                      .default_scope = SCOPE,
                                      .more_scopes = gh_identity_scopes(identity),
                                      .server_name = settings->name,
                                      .redirect_schemes = &settings->redirect_schemes,
                                      .dev_password = settings->dev_password,
                                      .idp = identity->idp,
                                      .sealer = identity->sealer,
                                      .required_claims = &settings->required_claims,
                                      .max_clients = (size_t)settings->max_clients,
                                      .metrics = identity->metrics,
                                      .code_ttl_s = CODE_TTL_S,
                                      .access_ttl_s = settings->access_token_ttl_ms / 1000,
                                      .refresh_ttl_s = settings->refresh_token_ttl_ms / 1000,
                                      .refresh_grace_s = REFRESH_GRACE_S,
                                      .flow_ttl_s = FLOW_TTL_S};
    return gh_oauth_server_new(&options, identity->store, &identity->oauth, error);
}

static void open_facade(gh_identity *identity, const gh_site *site)
{
    const gh_settings *settings = identity->settings;
    if (is_mode(settings, "facade")) {
        identity->has_facade = true;
        identity->facade = (gh_facade){.idp = identity->idp,
                                       .issuer = gh_site_origin(site),
                                       .client_id = settings->client_id,
                                       .scopes = settings->scopes,
                                       .redirect_schemes = &settings->redirect_schemes};
    }
}

/* --- bearer tokens --- */

static gh_keyset *own_keys(void *context)
{
    const gh_identity *identity = context;
    return gh_oauth_server_keys(identity->oauth);
}

static gh_status grant_alive(void *context, const char *grant_id)
{
    const gh_identity *identity = context;
    return gh_store_grant_alive(identity->store, grant_id);
}

static gh_keyset *provider_keys(void *context)
{
    const gh_identity *identity = context;
    return gh_idp_keys(identity->idp);
}

static gh_keyset *provider_keys_missed(void *context)
{
    const gh_identity *identity = context;
    return gh_idp_keys_missed(identity->idp);
}

/* What is needed and what else is asked for; how long (offline_access) is not the resource's to say. */
static char *common_scope(const char *required, const char *asked)
{
    gh_buf scope = GH_BUF_INIT(PATH_BYTES);
    const gh_view lists[] = {gh_view_of(required), gh_view_of(asked)};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        gh_view rest = lists[i];
        gh_view word;
        while (rest.len > 0 && gh_view_next(&rest, ' ', &word)) {
            if (word.len > 0 && !gh_view_eq_cstr(word, "offline_access") &&
                !gh_text_has_word(gh_buf_view(&scope), word)) {
                (void)gh_buf_append_cstr(&scope, scope.len > 0 ? " " : "");
                (void)gh_buf_append_view(&scope, word);
            }
        }
    }
    char *text = gh_buf_status(&scope) == GH_OK ? gh_text_dup(gh_buf_cstr(&scope)) : NULL;
    gh_buf_free(&scope);
    return text;
}

static gh_status open_bearer(gh_identity *identity, const gh_site *site)
{
    const gh_settings *settings = identity->settings;
    if (is_mode(settings, "none")) {
        return gh_bearer_new(&(gh_bearer_options){.anonymous = true}, &identity->bearer);
    }
    bool own = has_own_server(settings);
    identity->required_scope = settings->required_scopes != NULL ? settings->required_scopes
                               : own                             ? SCOPE
                                                                 : FOREIGN_SCOPE;
    identity->challenge_scope = common_scope(identity->required_scope, own ? "" : settings->scopes);
    if (identity->challenge_scope == NULL) {
        return GH_ERR_NOMEM;
    }
    gh_bearer_options options = {.issuer = own ? gh_site_origin(site) : settings->issuer,
                                 .resource = !own && settings->audience != NULL ? settings->audience
                                                                                : gh_site_mcp_url(site),
                                 .required_scope = identity->required_scope,
                                 .context = identity,
                                 .scopes = gh_identity_scope_table,
                                 .keys = own ? own_keys : provider_keys,
                                 .grant_alive = own ? grant_alive : NULL,
                                 .foreign = !own};
    if (!own) {
        options.keys_missed = provider_keys_missed;
        options.client_id_audience = settings->accept_client_id_audience ? settings->client_id : NULL;
        options.required_claims = (const char *const *)settings->required_claims.items;
        options.required_claim_count = settings->required_claims.count;
    }
    return gh_bearer_new(&options, &identity->bearer);
}

/* Replicas that share the key file understand each other's. Without one it lasts as long as the process. */
static gh_status open_state_key(gh_identity *identity, gh_error *error)
{
    const gh_settings *settings = identity->settings;
    gh_sealer *own = NULL;
    gh_status status = GH_OK;
    if (identity->sealer == NULL && settings->secret_key_file != NULL) {
        status = gh_sealer_open(settings->secret_key_file, true, &own, error);
    } else if (identity->sealer == NULL) {
        status = make_key(&own);
    }
    if (status == GH_OK) {
        status =
            gh_sealer_derive(own != NULL ? own : identity->sealer, "MCP request state", identity->state_key);
    }
    gh_sealer_free(own);
    return status;
}

static const char *issuer_of(const gh_settings *settings, const gh_site *site)
{
    if (is_mode(settings, "none")) {
        return NULL;
    }
    return is_mode(settings, "direct") ? settings->issuer : gh_site_origin(site);
}

gh_status gh_identity_open(const gh_settings *settings, const gh_site *site, gh_identity *identity,
                           gh_error *error)
{
    identity->settings = settings;
    identity->issuer = issuer_of(settings, site);
    gh_status status = GH_OK;
    if (has_own_server(settings)) {
        status = gh_identity_open_store(settings, &identity->sealer, &identity->store, error);
    }
    if (status == GH_OK) {
        status = open_state_key(identity, error);
    }
    if (status == GH_OK) {
        status = open_provider(identity, site, error);
    }
    if (status == GH_OK) {
        status = open_authorization_server(identity, site, error);
    }
    if (status == GH_OK) {
        open_facade(identity, site);
        status = open_bearer(identity, site);
    }
    return status;
}

void gh_identity_stop(const gh_identity *identity)
{
    if (identity->idp != NULL) {
        gh_idp_stop(identity->idp);
    }
}

void gh_identity_clear(gh_identity *identity)
{
    gh_bearer_free(identity->bearer);
    gh_oauth_server_free(identity->oauth);
    gh_idp_free(identity->idp);
    gh_store_close(identity->store);
    gh_sealer_free(identity->sealer);
    free(identity->redirect_uri);
    free(identity->challenge_scope);
    gh_wipe(identity->state_key, sizeof identity->state_key);
    memset(identity, 0, sizeof *identity);
}

bool gh_identity_alive(const gh_identity *identity, const gh_principal *principal)
{
    return identity->store == NULL || principal->grant_id == NULL ||
           gh_store_grant_alive(identity->store, principal->grant_id) != GH_ERR_NOT_FOUND;
}

static gh_status own_server_ready(const gh_identity *identity, gh_error *error)
{
    gh_status status = gh_store_ping(identity->store, error);
    if (status != GH_OK) {
        return status;
    }
    gh_keyset *keys = gh_oauth_server_keys(identity->oauth);
    bool some = keys != NULL && gh_keyset_count(keys) > 0;
    gh_keyset_free(keys);
    return some ? GH_OK : gh_error_set(error, GH_ERR_UNAVAILABLE, "There are no signing keys.");
}

gh_status gh_identity_ready(const gh_identity *identity, gh_error *error)
{
    gh_status status = identity->oauth != NULL ? own_server_ready(identity, error) : GH_OK;
    if (status != GH_OK || identity->idp == NULL) {
        return status;
    }
    if (gh_idp_state_get(identity->idp, error) != GH_IDP_READY) {
        return GH_ERR_UNAVAILABLE;
    }
    return gh_idp_degraded(identity->idp, error) ? GH_ERR_UNAVAILABLE : GH_OK;
}

bool gh_identity_refused(const gh_identity *identity, gh_error *error)
{
    return identity->idp != NULL && gh_idp_state_get(identity->idp, error) == GH_IDP_REFUSED;
}

bool gh_identity_decided(const gh_identity *identity)
{
    return identity->idp == NULL || gh_idp_state_get(identity->idp, NULL) != GH_IDP_WAITING;
}

void gh_identity_sweep(const gh_identity *identity)
{
    gh_error error = {0};
    if (identity->store == NULL) {
        return;
    }
    gh_status status = gh_store_sweep(identity->store);
    if (status != GH_OK) {
        gh_log_warn("Expired entries could not be removed from the store: %s", gh_status_text(status));
    }
    if (identity->oauth != NULL && gh_oauth_server_reload_keys(identity->oauth, &error) != GH_OK) {
        gh_log_warn("%s", error.message);
    }
}

#include "bridge/login/preparation.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/login/authorization.h"
#include "bridge/login/client_auth.h"
#include "bridge/login/jws.h"
#include "bridge/login/register.h"
#include "shared/core/log.h"

struct gh_preparation {
    gh_loop *loop;
    const gh_bridge_settings *settings;
    gh_preparation_done done;
    void *context;
    gh_code_flow_registered registered;
    void *registered_context;
    char *redirect_uri;
    char *earlier_issuer; /* of the earlier login; NULL without one */
    bool client_in_doubt; /* its client may be unknown there by now */
    gh_prepared prepared; /* grows until it is handed over */
    gh_discover *discover;
    gh_register *registration;
    gh_error error;
};

void gh_prepared_clear(gh_prepared *prepared)
{
    gh_credentials_clear(&prepared->credentials);
    gh_discovered_clear(&prepared->found);
    free(prepared->granted);
    prepared->granted = NULL;
}

static void preparation_free(gh_preparation *preparation)
{
    gh_discover_cancel(preparation->discover);
    gh_register_cancel(preparation->registration);
    gh_prepared_clear(&preparation->prepared);
    free(preparation->redirect_uri);
    free(preparation->earlier_issuer);
    free(preparation);
}

void gh_preparation_cancel(gh_preparation *preparation)
{
    if (preparation != NULL) {
        preparation_free(preparation);
    }
}

static void conclude(gh_preparation *preparation)
{
    gh_preparation_done done = preparation->done;
    void *context = preparation->context;
    gh_error error = preparation->error;
    gh_prepared prepared = preparation->prepared;
    memset(&preparation->prepared, 0, sizeof(preparation->prepared));
    preparation_free(preparation);
    if (error.status != GH_OK) {
        gh_prepared_clear(&prepared);
    }
    done(context, error.status, error.status == GH_OK ? &prepared : NULL, &error);
}

static bool replace_text(char **target, const char *text)
{
    char *copy = gh_text_dup(text);
    if (text != NULL && copy == NULL) {
        return false;
    }
    free(*target);
    *target = copy;
    return true;
}

static void registered(void *context, gh_status status, const gh_error *error)
{
    gh_preparation *preparation = context;
    preparation->registration = NULL;
    preparation->error = *error;
    preparation->error.status = status;
    if (status == GH_OK) {
        gh_log_info("registered as a client of %s", preparation->prepared.found.server.issuer);
        if (preparation->registered != NULL) {
            preparation->registered(preparation->registered_context, &preparation->prepared.credentials);
        }
    } else if (preparation->prepared.credentials.endpoints_guessed) {
        (void)gh_error_set(&preparation->error, GH_ERR_UNSUPPORTED,
                           "no authorization server metadata was found for %.150s, and it could not be done "
                           "without (%.200s); the server may not offer sign-in",
                           preparation->prepared.found.server.issuer, error->message);
    }
    conclude(preparation);
}

/* What will be stored, but for client and tokens. */
static gh_status take_metadata(gh_preparation *preparation)
{
    gh_credentials *credentials = &preparation->prepared.credentials;
    const gh_discovered *found = &preparation->prepared.found;
    const gh_server_metadata *server = &found->server;
    const char *wanted = preparation->settings->resource;
    credentials->iss_parameter_supported = server->iss_parameter_supported;
    credentials->endpoints_guessed = found->server_metadata_url == NULL;
    /* A client that needs no authorization endpoint may meet a server that has none. */
    const char *authorization =
        server->authorization_endpoint != NULL ? server->authorization_endpoint : server->token_endpoint;
    if (!replace_text(&credentials->mcp_url, preparation->settings->url) ||
        !replace_text(&credentials->resource, wanted != NULL ? wanted : found->resource.resource) ||
        !replace_text(&credentials->issuer, server->issuer) ||
        !replace_text(&credentials->authorization_endpoint, authorization) ||
        !replace_text(&credentials->token_endpoint, server->token_endpoint) ||
        !replace_text(&credentials->registration_endpoint, server->registration_endpoint) ||
        !replace_text(&credentials->revocation_endpoint, server->revocation_endpoint)) {
        return gh_error_set(&preparation->error, GH_ERR_NOMEM, "out of memory");
    }
    if (preparation->settings->dpop && gh_jws_key_generate(&credentials->dpop_key) != GH_OK) {
        return gh_error_set(&preparation->error, GH_ERR_CRYPTO, "no key could be made for --dpop");
    }
    return GH_OK;
}

/* Makes `id`, with the settings' secret when it is theirs, the client. */
static gh_status set_client(gh_preparation *preparation, const char *id, const gh_secret *given)
{
    gh_credentials *credentials = &preparation->prepared.credentials;
    const char *methods = preparation->prepared.found.server.token_endpoint_auth_methods_supported;
    bool proves = given != NULL || preparation->settings->client_key != NULL;
    const char *method = proves ? gh_client_auth_choose(preparation->settings, methods) : NULL;
    gh_secret *secret = given != NULL ? gh_secret_new(gh_secret_view(given)) : NULL;
    if (given != NULL && preparation->settings->issuer == NULL && preparation->earlier_issuer == NULL) {
        gh_log_warn("the client's secret goes to %s, which the server names as its authorization server; "
                    "--issuer lets it go nowhere else",
                    credentials->issuer);
    }
    if ((given != NULL && secret == NULL) || !replace_text(&credentials->client_id, id) ||
        !replace_text(&credentials->token_auth_method, method)) {
        gh_secret_free(secret);
        return gh_error_set(&preparation->error, GH_ERR_NOMEM, "out of memory");
    }
    gh_secret_free(credentials->client_secret);
    credentials->client_secret = secret;
    return GH_OK;
}

static bool has_moved(const gh_preparation *preparation)
{
    return preparation->earlier_issuer != NULL &&
           strcmp(preparation->earlier_issuer, preparation->prepared.credentials.issuer) != 0;
}

static gh_status refuse_move(gh_preparation *preparation, const char *what)
{
    return gh_error_set(&preparation->error, GH_ERR_DENIED,
                        "the server now sends sign-ins to %.150s, but the %s was used at %.150s; if that is "
                        "right, run `%.100s logout` for the server first",
                        preparation->prepared.credentials.issuer, what, preparation->earlier_issuer,
                        gh_bridge_program(preparation->settings));
}

static gh_status use_given_client(gh_preparation *preparation)
{
    const gh_credentials *credentials = &preparation->prepared.credentials;
    const gh_bridge_settings *settings = preparation->settings;
    /* A secret must not follow wherever a server points (client-registration, Authorization Server
     * Binding). */
    if (has_moved(preparation) && credentials->client_id != NULL &&
        strcmp(credentials->client_id, settings->client_id) == 0) {
        return refuse_move(preparation, "client of --client-id");
    }
    return set_client(preparation, settings->client_id, settings->client_secret);
}

/* Whoever has the assertion can use it in our place, so it stays with the issuer that got it first. */
static gh_status guard_assertion(gh_preparation *preparation)
{
    if (preparation->settings->grant != GH_BRIDGE_GRANT_ASSERTION) {
        return GH_OK;
    }
    if (has_moved(preparation)) {
        return refuse_move(preparation, "assertion of --assertion-file");
    }
    if (preparation->settings->issuer == NULL && preparation->earlier_issuer == NULL) {
        gh_log_warn("the assertion goes to %s, which the server names as its authorization server; --issuer "
                    "lets it go nowhere else",
                    preparation->prepared.credentials.issuer);
    }
    return GH_OK;
}

/* May the client of the earlier login be used? It belongs to the server that registered it and is never
 * carried to another issuer; and since many servers compare the whole redirect, a new one is registered where
 * the earlier port could not be had. */
static bool client_is_usable(const gh_preparation *preparation)
{
    const gh_credentials *credentials = &preparation->prepared.credentials;
    const gh_server_metadata *server = &preparation->prepared.found.server;
    if (credentials->client_id == NULL || preparation->earlier_issuer == NULL ||
        strcmp(preparation->earlier_issuer, server->issuer) != 0) {
        return false;
    }
    return server->registration_endpoint == NULL ||
           (!preparation->client_in_doubt && credentials->redirect_uri != NULL &&
            preparation->redirect_uri != NULL &&
            strcmp(credentials->redirect_uri, preparation->redirect_uri) == 0);
}

static gh_status register_client(gh_preparation *preparation)
{
    gh_prepared *prepared = &preparation->prepared;
    if (preparation->redirect_uri == NULL) {
        gh_secret_free(prepared->credentials.client_secret);
        prepared->credentials.client_secret = NULL;
        (void)replace_text(&prepared->credentials.client_id, NULL);
        return GH_OK;
    }
    return gh_register_start(preparation->loop, preparation->settings, &prepared->found.server,
                             preparation->redirect_uri, &prepared->credentials, registered, preparation,
                             &preparation->registration, &preparation->error);
}

static void choose_client(gh_preparation *preparation)
{
    const gh_bridge_settings *settings = preparation->settings;
    gh_status status = guard_assertion(preparation);
    if (status != GH_OK) {
        preparation->error.status = status;
        conclude(preparation);
        return;
    }
    if (settings->client_id != NULL) {
        status = use_given_client(preparation);
    } else if (settings->client_metadata_url != NULL &&
               preparation->prepared.found.server.client_id_metadata_document_supported) {
        status = set_client(preparation, settings->client_metadata_url, NULL);
    } else if (!client_is_usable(preparation)) {
        status = register_client(preparation);
    }
    if (preparation->registration == NULL) {
        preparation->error.status = status;
        conclude(preparation);
    }
}

static void discovered(void *context, gh_status status, gh_discovered *found, const gh_error *error)
{
    gh_preparation *preparation = context;
    preparation->discover = NULL;
    if (status != GH_OK) {
        preparation->error = *error;
        /* The client is not what was not found. */
        preparation->error.status = status == GH_ERR_NOT_FOUND ? GH_ERR_UNSUPPORTED : status;
        conclude(preparation);
        return;
    }
    preparation->prepared.found = *found;
    if (preparation->earlier_issuer == NULL ||
        strcmp(preparation->earlier_issuer, found->server.issuer) != 0) {
        free(preparation->prepared.granted);
        preparation->prepared.granted = NULL;
    }
    if (take_metadata(preparation) != GH_OK) {
        conclude(preparation);
    } else {
        choose_client(preparation);
    }
}

/* What may be used again of an earlier login: its client, and what it was granted. */
static bool take_previous(gh_preparation *preparation, const gh_credentials *previous)
{
    gh_credentials *credentials = &preparation->prepared.credentials;
    if (previous->client_secret != NULL) {
        credentials->client_secret = gh_secret_new(gh_secret_view(previous->client_secret));
        if (credentials->client_secret == NULL) {
            return false;
        }
    }
    preparation->client_in_doubt = previous->client_in_doubt;
    return replace_text(&preparation->earlier_issuer, previous->issuer) &&
           replace_text(&preparation->prepared.granted, previous->scope) &&
           replace_text(&credentials->client_id, previous->client_id) &&
           replace_text(&credentials->token_auth_method, previous->token_auth_method) &&
           replace_text(&credentials->redirect_uri, previous->redirect_uri);
}

gh_status gh_preparation_start(gh_loop *loop, const gh_bridge_settings *settings,
                               const gh_preparation_options *options, gh_preparation_done done, void *context,
                               gh_preparation **preparation, gh_error *error)
{
    gh_preparation *started = calloc(1, sizeof(*started));
    if (started == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    started->loop = loop;
    started->settings = settings;
    started->done = done;
    started->context = context;
    started->registered = options->registered;
    started->registered_context = options->registered_context;
    gh_status status = GH_OK;
    if (!replace_text(&started->redirect_uri, options->redirect_uri) ||
        (options->previous != NULL && !take_previous(started, options->previous))) {
        status = gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    if (status == GH_OK) {
        /* Where an earlier login knew the server's metadata, their absence is a fault that passes. */
        gh_discover_options where = {
            .metadata_url = options->metadata_url,
            .may_guess = options->previous == NULL || options->previous->endpoints_guessed,
        };
        status = gh_discover_start(loop, settings, &where, discovered, started, &started->discover, error);
    }
    if (status != GH_OK) {
        preparation_free(started);
        return status;
    }
    *preparation = started;
    return GH_OK;
}

gh_status gh_prepared_scope(const gh_bridge_settings *settings, const gh_prepared *prepared,
                            const char *challenge, char **scope, gh_error *error)
{
    gh_scope_sources sources = {
        .settings = settings->scope,
        .challenge = challenge,
        .resource = prepared->found.resource.scopes_supported,
        .granted = prepared->granted,
        /* A machine asks anew instead of refreshing. */
        .server = gh_bridge_is_machine(settings) ? NULL : prepared->found.server.scopes_supported,
    };
    return gh_authorization_scope(&sources, scope, error);
}

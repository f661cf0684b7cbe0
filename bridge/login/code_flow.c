#include "bridge/login/code_flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/browser.h"
#include "bridge/login/authorization.h"
#include "bridge/login/discover.h"
#include "bridge/login/register.h"
#include "bridge/login/token.h"
#include "bridge/loopback.h"
#include "shared/core/log.h"
#include "shared/core/random.h"
#include "shared/net/url.h"
#include "shared/oauth/pkce.h"

enum { STATE_BYTES = 32 };

struct gh_code_flow {
    gh_loop *loop;
    const gh_bridge_settings *settings;
    gh_code_flow_done done;
    void *context;
    char *scope_hint;
    char *granted;              /* by an earlier login at the same issuer */
    char *earlier_issuer;       /* of the earlier login; NULL without one */
    bool client_in_doubt;       /* its client may be unknown there by now */
    gh_credentials credentials; /* grows until it is handed over */
    gh_discovered found;
    gh_discover *discover;
    gh_register *registration;
    gh_token_call *exchange;
    gh_loopback *loopback;
    gh_loop_timer *soon; /* leaves the listener's callback before the flow goes on */
    char *state;
    gh_secret *verifier;
    char *url;
    bool code_taken; /* an authorization response was accepted; no second one is */
    gh_secret *code;
    gh_error error;
};

static void flow_free(gh_code_flow *flow)
{
    gh_discover_cancel(flow->discover);
    gh_register_cancel(flow->registration);
    gh_token_cancel(flow->exchange);
    gh_loop_timer_remove(flow->soon);
    if (flow->loopback != NULL) {
        gh_loopback_finish(
            flow->loopback, false,
            "The sign-in was stopped before it was complete. Try again from your application.");
    }
    gh_loopback_free(flow->loopback);
    gh_credentials_clear(&flow->credentials);
    gh_discovered_clear(&flow->found);
    gh_wipe_free(flow->state);
    gh_secret_free(flow->verifier);
    gh_secret_free(flow->code);
    free(flow->url);
    free(flow->scope_hint);
    free(flow->granted);
    free(flow->earlier_issuer);
    free(flow);
}

void gh_code_flow_cancel(gh_code_flow *flow)
{
    if (flow != NULL) {
        flow_free(flow);
    }
}

const char *gh_code_flow_url(const gh_code_flow *flow)
{
    return flow->url;
}

static void conclude(gh_code_flow *flow)
{
    gh_code_flow_done done = flow->done;
    void *context = flow->context;
    gh_error error = flow->error;
    gh_credentials credentials = flow->credentials;
    credentials.client_in_doubt = false;
    if (flow->loopback != NULL) {
        gh_loopback_finish(flow->loopback, error.status == GH_OK,
                           error.status == GH_OK ? "You can close this page and go back to your application."
                                                 : error.message);
    }
    memset(&flow->credentials, 0, sizeof(flow->credentials));
    flow_free(flow);
    if (error.status != GH_OK) {
        gh_credentials_clear(&credentials);
    }
    done(context, error.status, error.status == GH_OK ? &credentials : NULL, &error);
}

static void exchanged(void *context, gh_status status, const gh_error *error)
{
    gh_code_flow *flow = context;
    flow->exchange = NULL;
    flow->error = *error;
    flow->error.status = status;
    conclude(flow);
}

/* Runs from the loop once the listener's callback has returned. */
static void after_response(void *context)
{
    gh_code_flow *flow = context;
    flow->soon = NULL;
    if (flow->error.status == GH_OK) {
        char *code = gh_view_dup(gh_secret_view(flow->code));
        gh_status status = code == NULL ? gh_error_set(&flow->error, GH_ERR_NOMEM, "out of memory")
                                        : gh_token_exchange(flow->loop, flow->settings, &flow->credentials,
                                                            code, gh_loopback_redirect_uri(flow->loopback),
                                                            gh_secret_view(flow->verifier), exchanged, flow,
                                                            &flow->exchange, &flow->error);
        gh_wipe_free(code);
        if (status == GH_OK) {
            return;
        }
        flow->error.status = status;
    }
    conclude(flow);
}

static gh_loopback_verdict responded(void *context, const gh_form *query)
{
    gh_code_flow *flow = context;
    const char *state = gh_form_get(query, "state");
    if (state == NULL || flow->code_taken ||
        !gh_equal_constant_time(gh_view_of(state), gh_view_of(flow->state))) {
        return GH_LOOPBACK_REFUSE;
    }
    flow->code_taken = true;
    gh_authorization_issuer issuer = {flow->found.server.issuer, flow->found.server.iss_parameter_supported};
    flow->error.status = gh_authorization_response(query, &issuer, &flow->code, &flow->error);
    if (gh_loop_timer_add(flow->loop, 0, after_response, flow, &flow->soon) != GH_OK) {
        flow->code_taken = false;
        flow->error = (gh_error){GH_OK, ""};
        gh_secret_free(flow->code);
        flow->code = NULL;
        return GH_LOOPBACK_REFUSE;
    }
    return GH_LOOPBACK_HOLD;
}

static gh_status build_url(gh_code_flow *flow)
{
    char challenge[GH_PKCE_CHALLENGE_MAX];
    gh_credentials *credentials = &flow->credentials;
    const gh_server_metadata *server = &flow->found.server;
    gh_scope_sources sources = {
        .settings = flow->settings->scope,
        .challenge = flow->scope_hint,
        .resource = flow->found.resource.scopes_supported,
        .granted = flow->granted,
        .server = server->scopes_supported,
    };
    free(credentials->scope);
    /* Kept, for it counts as granted when the token reply names no scope (RFC 6749, 5.1). */
    gh_status status = gh_authorization_scope(&sources, &credentials->scope, &flow->error);
    if (status == GH_OK && (gh_pkce_verifier_new(&flow->verifier) != GH_OK ||
                            gh_pkce_challenge(gh_secret_view(flow->verifier), challenge) != GH_OK ||
                            gh_random_token(STATE_BYTES, &flow->state) != GH_OK)) {
        status = gh_error_set(&flow->error, GH_ERR_CRYPTO, "this machine gave no random numbers");
    }
    if (status == GH_OK) {
        gh_authorization_request request = {
            .endpoint = server->authorization_endpoint,
            .client_id = credentials->client_id,
            .redirect_uri = gh_loopback_redirect_uri(flow->loopback),
            .state = flow->state,
            .code_challenge = challenge,
            .resource = credentials->resource,
            .scope = credentials->scope,
        };
        status = gh_authorization_url(&request, &flow->url, &flow->error);
    }
    return status;
}

static void open_browser(gh_code_flow *flow)
{
    /* Not through the log: it must be seen at every level, whole and at once. */
    (void)fprintf(stderr, "Open this URL to sign in: %s\n", flow->url);
    (void)fflush(stderr);
    if (flow->settings->no_browser) {
        return;
    }
    gh_error error = {GH_OK, ""};
    if (gh_browser_open(flow->settings->browser, flow->url, &error) != GH_OK) {
        gh_log_warn("%s", error.message);
    }
}

static void have_client(gh_code_flow *flow)
{
    if (build_url(flow) != GH_OK) {
        conclude(flow);
        return;
    }
    open_browser(flow);
}

static void registered(void *context, gh_status status, const gh_error *error)
{
    gh_code_flow *flow = context;
    flow->registration = NULL;
    if (status != GH_OK) {
        flow->error = *error;
        conclude(flow);
        return;
    }
    gh_log_info("registered as a client of %s", flow->found.server.issuer);
    have_client(flow);
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

/* What will be stored, but for client and tokens. */
static gh_status take_metadata(gh_code_flow *flow)
{
    gh_credentials *credentials = &flow->credentials;
    const gh_server_metadata *server = &flow->found.server;
    credentials->iss_parameter_supported = server->iss_parameter_supported;
    if (!replace_text(&credentials->mcp_url, flow->settings->url) ||
        !replace_text(&credentials->resource, flow->found.resource.resource) ||
        !replace_text(&credentials->issuer, server->issuer) ||
        !replace_text(&credentials->authorization_endpoint, server->authorization_endpoint) ||
        !replace_text(&credentials->token_endpoint, server->token_endpoint) ||
        !replace_text(&credentials->registration_endpoint, server->registration_endpoint) ||
        !replace_text(&credentials->revocation_endpoint, server->revocation_endpoint)) {
        return gh_error_set(&flow->error, GH_ERR_NOMEM, "out of memory");
    }
    return GH_OK;
}

static gh_status use_given_client(gh_code_flow *flow)
{
    gh_credentials *credentials = &flow->credentials;
    const gh_bridge_settings *settings = flow->settings;
    gh_secret *secret = NULL;
    /* A secret must not follow wherever a server points (client-registration, Authorization Server
     * Binding). */
    if (flow->earlier_issuer != NULL && strcmp(flow->earlier_issuer, credentials->issuer) != 0 &&
        credentials->client_id != NULL && strcmp(credentials->client_id, settings->client_id) == 0) {
        return gh_error_set(
            &flow->error, GH_ERR_DENIED,
            "the server now sends sign-ins to %.150s, but the client of --client-id was used at "
            "%.150s; if that is right, run `gatehouse-bridge logout` for the server first",
            credentials->issuer, flow->earlier_issuer);
    }
    free(credentials->token_auth_method);
    credentials->token_auth_method = NULL;
    if (settings->client_secret != NULL) {
        const char *methods = flow->found.server.token_endpoint_auth_methods_supported;
        bool post = methods != NULL &&
                    !gh_text_has_word(gh_view_of(methods), GH_VIEW_LIT("client_secret_basic")) &&
                    gh_text_has_word(gh_view_of(methods), GH_VIEW_LIT("client_secret_post"));
        secret = gh_secret_new(gh_secret_view(settings->client_secret));
        if (secret == NULL || !replace_text(&credentials->token_auth_method,
                                            post ? "client_secret_post" : "client_secret_basic")) {
            gh_secret_free(secret);
            return gh_error_set(&flow->error, GH_ERR_NOMEM, "out of memory");
        }
    }
    gh_secret_free(credentials->client_secret);
    credentials->client_secret = secret;
    return replace_text(&credentials->client_id, settings->client_id)
               ? GH_OK
               : gh_error_set(&flow->error, GH_ERR_NOMEM, "out of memory");
}

/* May the client of the earlier login be used? It belongs to the server that registered it and is never
 * carried to another issuer; and since many servers compare the whole redirect, a new one is registered where
 * the earlier port could not be had. */
static bool client_is_usable(const gh_code_flow *flow)
{
    const gh_credentials *credentials = &flow->credentials;
    const gh_server_metadata *server = &flow->found.server;
    if (credentials->client_id == NULL || flow->earlier_issuer == NULL ||
        strcmp(flow->earlier_issuer, server->issuer) != 0) {
        return false;
    }
    return server->registration_endpoint == NULL ||
           (!flow->client_in_doubt && credentials->redirect_uri != NULL &&
            strcmp(credentials->redirect_uri, gh_loopback_redirect_uri(flow->loopback)) == 0);
}

static void choose_client(gh_code_flow *flow)
{
    if (flow->settings->client_id != NULL) {
        if (use_given_client(flow) == GH_OK) {
            have_client(flow);
        } else {
            conclude(flow);
        }
    } else if (client_is_usable(flow)) {
        have_client(flow);
    } else if (gh_register_start(flow->loop, flow->settings, &flow->found.server,
                                 gh_loopback_redirect_uri(flow->loopback), &flow->credentials, registered,
                                 flow, &flow->registration, &flow->error) != GH_OK) {
        conclude(flow);
    }
}

static void discovered(void *context, gh_status status, gh_discovered *found, const gh_error *error)
{
    gh_code_flow *flow = context;
    flow->discover = NULL;
    if (status != GH_OK) {
        flow->error = *error;
        /* The client is not what was not found. */
        flow->error.status = status == GH_ERR_NOT_FOUND ? GH_ERR_UNSUPPORTED : status;
        conclude(flow);
        return;
    }
    flow->found = *found;
    if (flow->earlier_issuer == NULL || strcmp(flow->earlier_issuer, found->server.issuer) != 0) {
        free(flow->granted);
        flow->granted = NULL;
    }
    if (take_metadata(flow) != GH_OK) {
        conclude(flow);
    } else {
        choose_client(flow);
    }
}

/* What may be used again of an earlier login: its client, and what it was granted. */
static bool take_previous(gh_code_flow *flow, const gh_credentials *previous)
{
    gh_credentials *credentials = &flow->credentials;
    if (previous->client_secret != NULL) {
        credentials->client_secret = gh_secret_new(gh_secret_view(previous->client_secret));
        if (credentials->client_secret == NULL) {
            return false;
        }
    }
    flow->client_in_doubt = previous->client_in_doubt;
    return replace_text(&flow->earlier_issuer, previous->issuer) &&
           replace_text(&flow->granted, previous->scope) &&
           replace_text(&credentials->client_id, previous->client_id) &&
           replace_text(&credentials->token_auth_method, previous->token_auth_method) &&
           replace_text(&credentials->redirect_uri, previous->redirect_uri);
}

/* The port that an earlier registration named, for servers that compare ports; 0 without one. */
static uint16_t previous_port(const gh_code_flow *flow)
{
    gh_url url;
    if (flow->credentials.redirect_uri == NULL ||
        gh_url_parse(gh_view_of(flow->credentials.redirect_uri), &url, NULL) != GH_OK ||
        !gh_url_is_loopback(&url)) {
        return 0;
    }
    return url.port;
}

static gh_status open_listener(gh_code_flow *flow, gh_error *error)
{
    uint16_t wanted = (uint16_t)flow->settings->callback_port;
    uint16_t earlier = wanted == 0 ? previous_port(flow) : 0;
    if (earlier != 0 &&
        gh_loopback_new(flow->loop, earlier, responded, flow, &flow->loopback, NULL) == GH_OK) {
        return GH_OK;
    }
    return gh_loopback_new(flow->loop, wanted, responded, flow, &flow->loopback, error);
}

gh_status gh_code_flow_start(gh_loop *loop, const gh_bridge_settings *settings,
                             const gh_code_flow_options *options, gh_code_flow_done done, void *context,
                             gh_code_flow **flow, gh_error *error)
{
    gh_code_flow *started = calloc(1, sizeof(*started));
    if (started == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    started->loop = loop;
    started->settings = settings;
    started->done = done;
    started->context = context;
    gh_status status = GH_OK;
    if (!replace_text(&started->scope_hint, options->scope) ||
        (options->previous != NULL && !take_previous(started, options->previous))) {
        status = gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    if (status == GH_OK) {
        status = open_listener(started, error);
    }
    if (status == GH_OK) {
        status = gh_discover_start(loop, settings, options->metadata_url, discovered, started,
                                   &started->discover, error);
    }
    if (status != GH_OK) {
        flow_free(started);
        return status;
    }
    *flow = started;
    return GH_OK;
}

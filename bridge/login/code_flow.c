#include "bridge/login/code_flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/browser.h"
#include "bridge/login/discover.h"
#include "bridge/login/register.h"
#include "bridge/login/token.h"
#include "bridge/loopback.h"
#include "shared/core/log.h"
#include "shared/core/random.h"
#include "shared/net/url.h"
#include "shared/oauth/pkce.h"

enum { URL_MAX_BYTES = 16384, STATE_BYTES = 32 };

struct gh_code_flow {
    gh_loop *loop;
    const gh_bridge_settings *settings;
    gh_code_flow_done done;
    void *context;
    char *scope_hint;
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
    gh_loopback_free(flow->loopback);
    gh_credentials_clear(&flow->credentials);
    gh_discovered_clear(&flow->found);
    gh_wipe_free(flow->state);
    gh_secret_free(flow->verifier);
    gh_secret_free(flow->code);
    free(flow->url);
    free(flow->scope_hint);
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
    if (flow->loopback != NULL) {
        gh_loopback_finish(flow->loopback, error.status == GH_OK,
                           error.status == GH_OK
                               ? "You are signed in. You can close this page and go back to your "
                                 "application."
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
    }
    conclude(flow);
}

/* RFC 9207, 2.4: compared as strings; required when the server announced it. On a mismatch nothing that
 * the sender wrote is shown. */
static gh_status check_issuer(const gh_code_flow *flow, const char *iss, gh_error *error)
{
    if (iss == NULL ? flow->found.server.iss_parameter_supported
                    : strcmp(iss, flow->found.server.issuer) != 0) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "the answer did not come from the authorization server that was asked, so it was not "
            "used; sign in again, and if this repeats, tell whoever runs the server");
    }
    return GH_OK;
}

static void read_response(gh_code_flow *flow, const gh_form *query)
{
    const char *code = gh_form_get(query, "code");
    const char *refusal = gh_form_get(query, "error");
    const char *description = gh_form_get(query, "error_description");
    if (check_issuer(flow, gh_form_get(query, "iss"), &flow->error) != GH_OK) {
        return;
    }
    if (refusal != NULL) {
        bool denied = strcmp(refusal, "access_denied") == 0;
        (void)gh_error_set(
            &flow->error, GH_ERR_DENIED, "%s%.60s%s%.200s",
            denied ? "access was refused in the browser: " : "the authorization server refused: ", refusal,
            description != NULL ? ": " : "", description != NULL ? description : "");
    } else if (code == NULL) {
        (void)gh_error_set(&flow->error, GH_ERR_INVALID, "the authorization server's answer holds no code");
    } else {
        flow->code = gh_secret_new(gh_view_of(code));
        if (flow->code == NULL) {
            (void)gh_error_set(&flow->error, GH_ERR_NOMEM, "out of memory");
        }
    }
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
    read_response(flow, query);
    if (gh_loop_timer_add(flow->loop, 0, after_response, flow, &flow->soon) != GH_OK) {
        flow->code_taken = false;
        flow->error = (gh_error){GH_OK, ""};
        gh_secret_free(flow->code);
        flow->code = NULL;
        return GH_LOOPBACK_REFUSE;
    }
    return GH_LOOPBACK_HOLD;
}

/* Settings, else the challenge, else what the resource lists; offline_access only where the server lists
 * it, so that a refresh token comes back. */
static gh_status choose_scope(const gh_code_flow *flow, gh_buf *scope)
{
    const char *base = flow->settings->scope != NULL ? flow->settings->scope
                       : flow->scope_hint != NULL    ? flow->scope_hint
                                                     : flow->found.resource.scopes_supported;
    gh_view offline = GH_VIEW_LIT("offline_access");
    gh_buf_append_cstr(scope, base != NULL ? base : "");
    if (flow->settings->scope == NULL && flow->found.server.scopes_supported != NULL &&
        gh_text_has_word(gh_view_of(flow->found.server.scopes_supported), offline) &&
        !gh_text_has_word(gh_buf_view(scope), offline)) {
        gh_buf_append_cstr(scope, scope->len > 0 ? " " : "");
        gh_buf_append_view(scope, offline);
    }
    return gh_buf_status(scope);
}

static gh_status build_url(gh_code_flow *flow)
{
    char challenge[GH_PKCE_CHALLENGE_MAX];
    gh_buf scope = GH_BUF_INIT(4096);
    gh_buf query = GH_BUF_INIT(URL_MAX_BYTES);
    gh_buf url = GH_BUF_INIT(URL_MAX_BYTES);
    gh_status status = gh_pkce_verifier_new(&flow->verifier);
    if (status == GH_OK) {
        status = gh_pkce_challenge(gh_secret_view(flow->verifier), challenge);
    }
    if (status == GH_OK) {
        status = gh_random_token(STATE_BYTES, &flow->state);
    }
    if (status == GH_OK) {
        status = choose_scope(flow, &scope);
    }
    if (status == GH_OK) {
        const char *endpoint = flow->found.server.authorization_endpoint;
        gh_form_add(&query, "response_type", "code");
        gh_form_add(&query, "client_id", flow->credentials.client_id);
        gh_form_add(&query, "redirect_uri", gh_loopback_redirect_uri(flow->loopback));
        gh_form_add(&query, "state", flow->state);
        gh_form_add(&query, "code_challenge", challenge);
        gh_form_add(&query, "code_challenge_method", "S256");
        gh_form_add(&query, "resource", flow->credentials.resource);
        gh_form_add(&query, "scope", scope.len > 0 ? gh_buf_cstr(&scope) : NULL);
        gh_buf_append_cstr(&url, endpoint);
        gh_buf_append_char(&url, strchr(endpoint, '?') == NULL ? '?' : '&');
        gh_buf_append_view(&url, gh_buf_view(&query));
        status = gh_buf_status(&query) == GH_OK ? gh_buf_status(&url) : gh_buf_status(&query);
        flow->url = status == GH_OK ? gh_buf_steal(&url) : NULL;
    }
    gh_buf_free(&scope);
    gh_buf_free(&query);
    gh_buf_free(&url);
    return flow->url != NULL ? GH_OK
                             : gh_error_set(&flow->error, status == GH_OK ? GH_ERR_NOMEM : status,
                                            "could not build the authorization URL");
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

static void discovered(void *context, gh_status status, gh_discovered *found, const gh_error *error)
{
    gh_code_flow *flow = context;
    flow->discover = NULL;
    if (status != GH_OK) {
        flow->error = *error;
        conclude(flow);
        return;
    }
    flow->found = *found;
    /* A client belongs to the server that registered it: never carried to another issuer. */
    bool known = flow->credentials.client_id != NULL && flow->credentials.issuer != NULL &&
                 strcmp(flow->credentials.issuer, found->server.issuer) == 0;
    if (take_metadata(flow) != GH_OK) {
        conclude(flow);
    } else if (flow->settings->client_id != NULL) {
        if (use_given_client(flow) == GH_OK) {
            have_client(flow);
        } else {
            conclude(flow);
        }
    } else if (known) {
        have_client(flow);
    } else if (gh_register_start(flow->loop, flow->settings, &found->server,
                                 gh_loopback_redirect_uri(flow->loopback), &flow->credentials, registered,
                                 flow, &flow->registration, &flow->error) != GH_OK) {
        conclude(flow);
    }
}

/* The earlier registration, as far as it is about the client. */
static bool take_previous(gh_code_flow *flow, const gh_credentials *previous)
{
    gh_credentials *credentials = &flow->credentials;
    if (previous->client_secret != NULL) {
        credentials->client_secret = gh_secret_new(gh_secret_view(previous->client_secret));
        if (credentials->client_secret == NULL) {
            return false;
        }
    }
    return replace_text(&credentials->issuer, previous->issuer) &&
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

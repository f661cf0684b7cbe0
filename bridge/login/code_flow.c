#include "bridge/login/code_flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/browser.h"
#include "bridge/login/authorization.h"
#include "bridge/login/outcome.h"
#include "bridge/login/preparation.h"
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
    uint16_t earlier_port; /* of an earlier registration, for servers that compare ports; 0 without one */
    gh_prepared prepared;  /* its credentials grow until they are handed over */
    gh_preparation *preparation;
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
    gh_preparation_cancel(flow->preparation);
    gh_token_cancel(flow->exchange);
    gh_loop_timer_remove(flow->soon);
    if (flow->loopback != NULL) {
        gh_loopback_finish(
            flow->loopback, false,
            "The sign-in was stopped before it was complete. Try again from your application.");
    }
    gh_loopback_free(flow->loopback);
    gh_prepared_clear(&flow->prepared);
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
    bool good = flow->error.status == GH_OK;
    flow->prepared.credentials.client_in_doubt = false;
    if (flow->loopback != NULL) {
        gh_loopback_finish(flow->loopback, good,
                           good ? "You can close this page and go back to your application."
                                : flow->error.message);
    }
    gh_login_outcome outcome =
        gh_login_outcome_take(flow->done, flow->context, &flow->prepared.credentials, &flow->error);
    flow_free(flow);
    gh_login_outcome_tell(&outcome);
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
        gh_status status =
            code == NULL
                ? gh_error_set(&flow->error, GH_ERR_NOMEM, "out of memory")
                : gh_token_exchange(flow->loop, flow->settings, &flow->prepared.credentials, code,
                                    gh_loopback_redirect_uri(flow->loopback), gh_secret_view(flow->verifier),
                                    exchanged, flow, &flow->exchange, &flow->error);
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
    const gh_server_metadata *server = &flow->prepared.found.server;
    const char *state = gh_form_get(query, "state");
    if (state == NULL || flow->code_taken || flow->state == NULL ||
        !gh_equal_constant_time(gh_view_of(state), gh_view_of(flow->state))) {
        return GH_LOOPBACK_REFUSE;
    }
    flow->code_taken = true;
    gh_authorization_issuer issuer = {server->issuer, server->iss_parameter_supported};
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

/* True when `pasted` is the redirect's address, whatever its query. */
static bool is_redirect(const gh_code_flow *flow, const gh_url *pasted)
{
    gh_url redirect;
    return gh_url_parse(gh_view_of(gh_loopback_redirect_uri(flow->loopback)), &redirect, NULL) == GH_OK &&
           gh_url_same_origin(&redirect, pasted) && gh_view_eq(redirect.path, pasted->path);
}

gh_status gh_code_flow_paste(gh_code_flow *flow, gh_view text, gh_error *error)
{
    gh_url url;
    gh_form *query = NULL;
    bool fits = gh_url_parse(text, &url, NULL) == GH_OK && is_redirect(flow, &url) &&
                gh_form_parse(url.query, &query, NULL) == GH_OK && !gh_form_has_duplicate(query, NULL);
    /* The same gate as for a browser's request: state first, everything else after. */
    bool taken = fits && responded(flow, query) == GH_LOOPBACK_HOLD;
    gh_form_free(query);
    if (taken) {
        return GH_OK;
    }
    return gh_error_set(error, GH_ERR_INVALID,
                        fits ? "that URL does not belong to the sign-in that is waiting; paste the one that "
                               "the browser ended at for the page above"
                             : "that is not the URL that the browser ended at: it begins with %s?",
                        gh_loopback_redirect_uri(flow->loopback));
}

static gh_status build_url(gh_code_flow *flow)
{
    char challenge[GH_PKCE_CHALLENGE_MAX];
    gh_credentials *credentials = &flow->prepared.credentials;
    free(credentials->scope);
    credentials->scope = NULL;
    /* Kept, for it counts as granted when the token reply names no scope (RFC 6749, 5.1). */
    gh_status status = gh_prepared_scope(flow->settings, &flow->prepared, flow->scope_hint,
                                         &credentials->scope, &flow->error);
    if (status == GH_OK && (gh_pkce_verifier_new(&flow->verifier) != GH_OK ||
                            gh_pkce_challenge(gh_secret_view(flow->verifier), challenge) != GH_OK ||
                            gh_random_token(STATE_BYTES, &flow->state) != GH_OK)) {
        status = gh_error_set(&flow->error, GH_ERR_CRYPTO, "this machine gave no random numbers");
    }
    if (status == GH_OK) {
        gh_authorization_request request = {
            .endpoint = credentials->authorization_endpoint,
            .client_id = credentials->client_id,
            .redirect_uri = gh_loopback_redirect_uri(flow->loopback),
            .state = flow->state,
            .code_challenge = challenge,
            .resource = flow->settings->no_resource ? NULL : credentials->resource,
            .scope = credentials->scope,
            .more = &flow->settings->authorize_params,
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

static void prepared(void *context, gh_status status, gh_prepared *result, const gh_error *error)
{
    gh_code_flow *flow = context;
    flow->preparation = NULL;
    flow->error = *error;
    flow->error.status = status;
    if (status == GH_OK) {
        flow->prepared = *result;
        flow->error.status = build_url(flow);
    }
    if (flow->error.status != GH_OK) {
        conclude(flow);
        return;
    }
    open_browser(flow);
}

static uint16_t port_of(const char *redirect_uri)
{
    gh_url url;
    if (redirect_uri == NULL || gh_url_parse(gh_view_of(redirect_uri), &url, NULL) != GH_OK ||
        !gh_url_is_loopback(&url) || !url.has_port) {
        return 0;
    }
    return url.port;
}

static gh_status open_listener(gh_code_flow *flow, gh_error *error)
{
    uint16_t wanted = (uint16_t)flow->settings->callback_port;
    gh_loopback_address address = {.port = wanted == 0 ? flow->earlier_port : 0,
                                   .host = flow->settings->callback_host,
                                   .path = flow->settings->callback_path};
    if (address.port != 0 &&
        gh_loopback_new_at(flow->loop, &address, responded, flow, &flow->loopback, NULL) == GH_OK) {
        return GH_OK;
    }
    address.port = wanted;
    return gh_loopback_new_at(flow->loop, &address, responded, flow, &flow->loopback, error);
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
    started->scope_hint = gh_text_dup(options->scope);
    if (options->scope != NULL && started->scope_hint == NULL) {
        status = gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    if (status == GH_OK) {
        started->earlier_port = port_of(options->previous != NULL ? options->previous->redirect_uri : NULL);
        status = open_listener(started, error);
    }
    if (status == GH_OK) {
        gh_preparation_options ground = {.metadata_url = options->metadata_url,
                                         .redirect_uri = gh_loopback_redirect_uri(started->loopback),
                                         .previous = options->previous,
                                         .registered = options->registered,
                                         .registered_context = options->registered_context};
        status =
            gh_preparation_start(loop, settings, &ground, prepared, started, &started->preparation, error);
    }
    if (status != GH_OK) {
        flow_free(started);
        return status;
    }
    *flow = started;
    return GH_OK;
}

#include "bridge/login/device_flow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/login/client_auth.h"
#include "bridge/login/fetch.h"
#include "bridge/login/outcome.h"
#include "bridge/login/policy.h"
#include "bridge/login/preparation.h"
#include "bridge/login/token.h"
#include "bridge/printable.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/net/form.h"

enum {
    FORM_MAX = 64 * 1024,
    CODE_MAX = 128,
    INTERVAL_S = 5, /* RFC 8628, 3.2: unless the server names another */
    INTERVAL_MAX_S = 300,
    SLOWER_S = 5,
    EXPIRY_S = 600,
    EXPIRY_MAX_S = 24 * 60 * 60,
    OUTAGES_MAX = 5
};

#define GRANT_TYPE "urn:ietf:params:oauth:grant-type:device_code"
/* Registrations have to name a redirect at most servers; it is never used. */
#define REDIRECT_URI "http://127.0.0.1/callback"

struct gh_device_flow {
    gh_loop *loop;
    const gh_bridge_settings *settings;
    gh_code_flow_done done;
    void *context;
    char *scope_hint;
    gh_prepared prepared; /* its credentials grow until they are handed over */
    gh_preparation *preparation;
    gh_fetch *fetch;
    gh_token_call *poll;
    gh_loop_timer *timer;
    gh_secret *device_code;
    char *url;
    char refusal[GH_TOKEN_REFUSAL_MAX];
    int64_t interval_s;
    int outages; /* one after the other */
    gh_deadline expiry;
    gh_error error;
};

static void flow_free(gh_device_flow *flow)
{
    gh_preparation_cancel(flow->preparation);
    gh_fetch_cancel(flow->fetch);
    gh_token_cancel(flow->poll);
    gh_loop_timer_remove(flow->timer);
    gh_prepared_clear(&flow->prepared);
    gh_secret_free(flow->device_code);
    free(flow->scope_hint);
    free(flow->url);
    free(flow);
}

void gh_device_flow_cancel(gh_device_flow *flow)
{
    if (flow != NULL) {
        flow_free(flow);
    }
}

const char *gh_device_flow_url(const gh_device_flow *flow)
{
    return flow->url;
}

static void conclude(gh_device_flow *flow)
{
    flow->prepared.credentials.client_in_doubt = false;
    gh_login_outcome outcome =
        gh_login_outcome_take(flow->done, flow->context, &flow->prepared.credentials, &flow->error);
    flow_free(flow);
    gh_login_outcome_tell(&outcome);
}

static void fail(gh_device_flow *flow, gh_status status, const char *sentence)
{
    (void)gh_error_set(&flow->error, status, "%s", sentence);
    conclude(flow);
}

static void poll_later(gh_device_flow *flow);

/* RFC 8628, 3.5. */
static void polled(void *context, gh_status status, const gh_error *error)
{
    gh_device_flow *flow = context;
    flow->poll = NULL;
    bool slower = strcmp(flow->refusal, "slow_down") == 0;
    if (status != GH_OK && (slower || strcmp(flow->refusal, "authorization_pending") == 0)) {
        flow->interval_s += slower && flow->interval_s < INTERVAL_MAX_S ? SLOWER_S : 0;
        flow->outages = 0;
        poll_later(flow);
    } else if (status != GH_OK && flow->refusal[0] == '\0' && status != GH_ERR_DENIED &&
               ++flow->outages <= OUTAGES_MAX) {
        flow->interval_s *= flow->interval_s < INTERVAL_MAX_S ? 2 : 1;
        gh_log_debug("%s", error->message);
        poll_later(flow);
    } else if (strcmp(flow->refusal, "expired_token") == 0) {
        fail(flow, GH_ERR_TIMEOUT, "the code expired before anybody entered it; try again");
    } else if (strcmp(flow->refusal, "access_denied") == 0) {
        fail(flow, GH_ERR_DENIED, "access was refused in the browser (access_denied)");
    } else {
        flow->error = *error;
        flow->error.status = status;
        conclude(flow);
    }
}

static void poll_now(void *context)
{
    gh_device_flow *flow = context;
    gh_token_request request = {.grant_type = GRANT_TYPE,
                                .fields = {{"device_code", NULL, flow->device_code}},
                                .count = 1,
                                .refusal = flow->refusal};
    flow->timer = NULL;
    flow->refusal[0] = '\0';
    if (gh_deadline_passed(flow->expiry)) {
        fail(flow, GH_ERR_TIMEOUT, "the code expired before anybody entered it; try again");
        return;
    }
    flow->error.status = gh_token_obtain(flow->loop, flow->settings, &flow->prepared.credentials, &request,
                                         polled, flow, &flow->poll, &flow->error);
    if (flow->error.status != GH_OK) {
        conclude(flow);
    }
}

static void poll_later(gh_device_flow *flow)
{
    if (gh_loop_timer_add(flow->loop, flow->interval_s * 1000, poll_now, flow, &flow->timer) != GH_OK) {
        fail(flow, GH_ERR_NOMEM, "out of memory");
    }
}

/* Not through the log: it must be seen at every level, whole and at once. */
static void tell_person(const char *uri, const char *user_code)
{
    gh_buf code = GH_BUF_INIT(2 * CODE_MAX);
    gh_printable_append(&code, user_code);
    (void)fprintf(stderr, "Open this URL to sign in, on any device: %s\nand enter the code: %s\n", uri,
                  gh_buf_cstr(&code));
    (void)fflush(stderr);
    gh_buf_free(&code);
}

static int64_t seconds(const cJSON *json, const char *name, int64_t otherwise, int64_t most)
{
    int64_t value = 0;
    if (!gh_json_get_int64(json, name, &value) || value < 0) {
        return otherwise;
    }
    return value < most ? value : most;
}

static gh_status begin_polling(gh_device_flow *flow, const cJSON *json)
{
    const char *device_code = gh_json_get_string(json, "device_code");
    const char *user_code = gh_json_get_string(json, "user_code");
    const char *uri = gh_json_get_string(json, "verification_uri");
    const char *complete = gh_json_get_string(json, "verification_uri_complete");
    if (device_code == NULL || device_code[0] == '\0' || user_code == NULL || user_code[0] == '\0' ||
        strlen(user_code) > CODE_MAX || uri == NULL) {
        return gh_error_set(&flow->error, GH_ERR_INVALID,
                            "the authorization server's answer lacks a code or the page to enter it at");
    }
    gh_status status = gh_policy_check(flow->settings->url, uri, "page to sign in at",
                                       flow->settings->allow_http, &flow->error);
    if (status == GH_OK && complete != NULL) {
        status = gh_policy_check(flow->settings->url, complete, "page to sign in at",
                                 flow->settings->allow_http, &flow->error);
    }
    if (status != GH_OK) {
        return status;
    }
    flow->device_code = gh_secret_new(gh_view_of(device_code));
    flow->url = gh_text_dup(complete != NULL ? complete : uri);
    if (flow->device_code == NULL || flow->url == NULL) {
        return gh_error_set(&flow->error, GH_ERR_NOMEM, "out of memory");
    }
    flow->interval_s = seconds(json, "interval", INTERVAL_S, INTERVAL_MAX_S);
    flow->interval_s = flow->interval_s > 0 ? flow->interval_s : 1;
    flow->expiry = gh_deadline_in(1000 * seconds(json, "expires_in", EXPIRY_S, EXPIRY_MAX_S));
    tell_person(uri, user_code);
    return GH_OK;
}

static void given_code(void *context, gh_status status, int http_status, gh_view body, const gh_error *error)
{
    gh_device_flow *flow = context;
    cJSON *json = NULL;
    flow->fetch = NULL;
    if (status == GH_OK && gh_json_parse(body, &GH_JSON_LIMITS_DOCUMENT, &json, NULL) != GH_OK) {
        json = NULL;
    }
    if (status != GH_OK) {
        flow->error = *error;
        flow->error.status = status;
    } else if (http_status == 200) {
        flow->error.status = begin_polling(flow, json);
    } else {
        const char *code = gh_json_get_string(json, "error");
        const char *description = gh_json_get_string(json, "error_description");
        bool unknown = code != NULL && strcmp(code, "invalid_client") == 0;
        (void)gh_error_set(&flow->error,
                           unknown              ? GH_ERR_NOT_FOUND
                           : http_status >= 500 ? GH_ERR_UNAVAILABLE
                                                : GH_ERR_DENIED,
                           "the authorization server gave no code to sign in with (HTTP %d): %.60s%s%.200s",
                           http_status, code != NULL ? code : "no reason given",
                           description != NULL ? ": " : "", description != NULL ? description : "");
    }
    cJSON *secret = cJSON_GetObjectItemCaseSensitive(json, "device_code");
    if (cJSON_IsString(secret)) {
        gh_wipe(secret->valuestring, strlen(secret->valuestring));
    }
    cJSON_Delete(json);
    if (flow->error.status == GH_OK) {
        poll_later(flow);
    } else {
        conclude(flow);
    }
}

static gh_status ask_code(gh_device_flow *flow)
{
    gh_credentials *credentials = &flow->prepared.credentials;
    gh_buf form = GH_BUF_INIT(FORM_MAX);
    gh_buf authorization = GH_BUF_INIT(2 * FORM_MAX);
    free(credentials->scope);
    credentials->scope = NULL;
    gh_status status = gh_prepared_scope(flow->settings, &flow->prepared, flow->scope_hint,
                                         &credentials->scope, &flow->error);
    if (status == GH_OK) {
        status = gh_client_auth_add(flow->settings, credentials, &form, &authorization, &flow->error);
    }
    if (status == GH_OK) {
        gh_form_add(&form, "scope", credentials->scope);
        gh_form_add(&form, "resource", flow->settings->no_resource ? NULL : credentials->resource);
        gh_fetch_request request = {
            .url = flow->prepared.found.server.device_authorization_endpoint,
            .content_type = "application/x-www-form-urlencoded",
            .body = gh_buf_view(&form),
            .authorization = authorization.len > 0 ? gh_buf_cstr(&authorization) : NULL,
        };
        status = gh_buf_status(&form) != GH_OK
                     ? gh_error_set(&flow->error, gh_buf_status(&form), "the request would be too large")
                     : gh_fetch_start(flow->loop, flow->settings, &request, given_code, flow, &flow->fetch,
                                      &flow->error);
    }
    gh_buf_wipe_free(&authorization);
    gh_buf_wipe_free(&form);
    return status;
}

static void prepared(void *context, gh_status status, gh_prepared *result, const gh_error *error)
{
    gh_device_flow *flow = context;
    flow->preparation = NULL;
    flow->error = *error;
    flow->error.status = status;
    if (status == GH_OK) {
        flow->prepared = *result;
        flow->error.status = ask_code(flow);
    }
    if (flow->error.status != GH_OK) {
        conclude(flow);
    }
}

gh_status gh_device_flow_start(gh_loop *loop, const gh_bridge_settings *settings,
                               const gh_code_flow_options *options, gh_code_flow_done done, void *context,
                               gh_device_flow **flow, gh_error *error)
{
    gh_device_flow *started = calloc(1, sizeof(*started));
    if (started == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    started->loop = loop;
    started->settings = settings;
    started->done = done;
    started->context = context;
    started->scope_hint = gh_text_dup(options->scope);
    gh_preparation_options ground = {.metadata_url = options->metadata_url,
                                     .redirect_uri = REDIRECT_URI,
                                     .previous = options->previous,
                                     .registered = options->registered,
                                     .registered_context = options->registered_context};
    gh_status status =
        options->scope != NULL && started->scope_hint == NULL
            ? gh_error_set(error, GH_ERR_NOMEM, "out of memory")
            : gh_preparation_start(loop, settings, &ground, prepared, started, &started->preparation, error);
    if (status != GH_OK) {
        flow_free(started);
        return status;
    }
    *flow = started;
    return GH_OK;
}

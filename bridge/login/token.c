#include "bridge/login/token.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/login/fetch.h"
#include "shared/core/clock.h"
#include "shared/json/access.h"
#include "shared/net/base64.h"
#include "shared/net/form.h"
#include "shared/net/url.h"

enum { FORM_MAX = 64 * 1024 };

struct gh_token_call {
    gh_credentials *credentials;
    gh_token_done done;
    void *context;
    gh_fetch *fetch;
    bool revocation;
};

static void add_secret(gh_buf *form, const char *name, const gh_secret *secret)
{
    char *text = gh_view_dup(gh_secret_view(secret));
    if (text == NULL) {
        form->status = GH_ERR_NOMEM;
        return;
    }
    (void)gh_form_add(form, name, text);
    gh_wipe_free(text);
}

/* client_id in the form for a public client; for a confidential one what it was registered with. */
static gh_status add_client(const gh_credentials *credentials, gh_buf *form, gh_buf *authorization)
{
    if (credentials->client_secret == NULL) {
        return gh_form_add(form, "client_id", credentials->client_id);
    }
    if (credentials->token_auth_method != NULL &&
        strcmp(credentials->token_auth_method, "client_secret_post") == 0) {
        gh_form_add(form, "client_id", credentials->client_id);
        add_secret(form, "client_secret", credentials->client_secret);
        return gh_buf_status(form);
    }
    gh_buf pair = GH_BUF_INIT(FORM_MAX);
    gh_status status = gh_buf_reserve(&pair, FORM_MAX);
    if (status == GH_OK) {
        gh_url_encode(gh_view_of(credentials->client_id), &pair); /* RFC 6749, 2.3.1 */
        gh_buf_append_char(&pair, ':');
        gh_url_encode(gh_secret_view(credentials->client_secret), &pair);
        gh_buf_append_cstr(authorization, "Basic ");
        status = gh_base64_encode(gh_buf_view(&pair), authorization);
    }
    gh_buf_wipe_free(&pair);
    return status;
}

/* What may stand in a header: visible ASCII. */
static bool is_sendable(const char *token)
{
    for (const char *c = token; *c != '\0'; c++) {
        if (*c <= ' ' || *c >= 0x7f) {
            return false;
        }
    }
    return token[0] != '\0';
}

static void replace_secret(gh_secret **target, gh_secret *secret)
{
    gh_secret_free(*target);
    *target = secret;
}

static gh_status accept_tokens(const cJSON *json, gh_credentials *credentials, gh_error *error)
{
    const char *access = gh_json_get_string(json, "access_token");
    const char *refresh = gh_json_get_string(json, "refresh_token");
    const char *type = gh_json_get_string(json, "token_type");
    const char *scope = gh_json_get_string(json, "scope");
    int64_t expires_in = 0;
    if (access == NULL || type == NULL || !gh_view_eq_nocase(gh_view_of(type), GH_VIEW_LIT("bearer")) ||
        !is_sendable(access)) {
        return gh_error_set(error, GH_ERR_INVALID, "the token endpoint's reply holds no bearer token");
    }
    if (!gh_json_get_int64(json, "expires_in", &expires_in) || expires_in < 0 || expires_in > INT32_MAX) {
        expires_in = 0;
    }
    bool rotated = refresh != NULL && refresh[0] != '\0';
    char *scope_copy = gh_text_dup(scope != NULL ? scope : credentials->scope);
    gh_secret *access_copy = gh_secret_new(gh_view_of(access));
    gh_secret *refresh_copy = rotated ? gh_secret_new(gh_view_of(refresh)) : NULL;
    if (((scope != NULL || credentials->scope != NULL) && scope_copy == NULL) || access_copy == NULL ||
        (rotated && refresh_copy == NULL)) {
        free(scope_copy);
        gh_secret_free(access_copy);
        gh_secret_free(refresh_copy);
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    replace_secret(&credentials->access_token, access_copy);
    if (rotated) {
        replace_secret(&credentials->refresh_token, refresh_copy);
    }
    free(credentials->scope);
    credentials->scope = scope_copy;
    credentials->expires_at = expires_in > 0 ? gh_clock_wall_s() + expires_in : 0;
    return GH_OK;
}

static bool is_one_of(const char *code, const char *words)
{
    return gh_text_has_word(gh_view_of(words), gh_view_of(code));
}

/* What a reply other than success means. Only what the server itself says about the grant or the client, or
 * a plain 400 or 401, is a refusal; all else may come from whatever stands between, and passes. */
static gh_status refused(int http_status, const cJSON *json, gh_error *error)
{
    const char *code = gh_json_get_string(json, "error");
    const char *description = gh_json_get_string(json, "error_description");
    bool passing = http_status >= 500 || http_status == 429 ||
                   (code == NULL ? http_status != 400 && http_status != 401
                                 : is_one_of(code, "temporarily_unavailable server_error slow_down"));
    gh_status status = GH_ERR_DENIED;
    if (passing) {
        status = GH_ERR_UNAVAILABLE;
    } else if (code != NULL && is_one_of(code, "invalid_client unauthorized_client")) {
        status = GH_ERR_NOT_FOUND;
    }
    if (code == NULL) {
        return gh_error_set(error, status, "the authorization server answered HTTP %d to a token request%s",
                            http_status, passing ? "; try again later" : "");
    }
    return gh_error_set(error, status, "the authorization server refused: %.60s%s%.200s", code,
                        description != NULL ? ": " : "", description != NULL ? description : "");
}

/* cJSON's copies of tokens are wiped before they are freed. */
static void wipe_tree(cJSON *json)
{
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, json)
    {
        if (cJSON_IsString(item)) {
            gh_wipe(item->valuestring, strlen(item->valuestring));
        }
    }
    cJSON_Delete(json);
}

static void fetched(void *context, gh_status status, int http_status, gh_view body, const gh_error *failure)
{
    gh_token_call *call = context;
    gh_error error = {GH_OK, ""};
    cJSON *json = NULL;
    if (status == GH_OK && gh_json_parse(body, &GH_JSON_LIMITS_DOCUMENT, &json, NULL) != GH_OK) {
        json = NULL;
    }
    if (status != GH_OK) {
        error = *failure;
    } else if (http_status < 200 || http_status > 299) {
        error.status = refused(http_status, json, &error);
    } else if (call->revocation) {
        error.status = GH_OK;
    } else if (gh_json_get_string(json, "error") != NULL &&
               gh_json_get_string(json, "access_token") == NULL) {
        error.status = refused(400, json, &error); /* some servers put every answer into a 200 */
    } else {
        error.status = accept_tokens(json, call->credentials, &error);
    }
    wipe_tree(json);
    gh_token_done done = call->done;
    void *receiver = call->context;
    free(call);
    done(receiver, error.status, &error);
}

static gh_status send_form(gh_loop *loop, const gh_bridge_settings *settings, const char *url, gh_buf *form,
                           gh_token_call *prepared, gh_token_call **call, gh_error *error)
{
    gh_buf authorization = GH_BUF_INIT(2 * FORM_MAX);
    gh_token_call *started = malloc(sizeof(*started));
    gh_status status =
        started == NULL ? GH_ERR_NOMEM : add_client(prepared->credentials, form, &authorization);
    if (status == GH_OK) {
        status = gh_buf_status(form);
    }
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "could not build the request for the authorization server");
        goto out;
    }
    *started = *prepared;
    gh_fetch_request request = {
        .url = url,
        .content_type = "application/x-www-form-urlencoded",
        .body = gh_buf_view(form),
        .authorization = authorization.len > 0 ? gh_buf_cstr(&authorization) : NULL,
    };
    status = gh_fetch_start(loop, settings, &request, fetched, started, &started->fetch, error);
out:
    if (status == GH_OK) {
        *call = started;
    } else {
        free(started);
    }
    gh_buf_wipe_free(&authorization);
    gh_buf_wipe_free(form);
    return status;
}

static gh_status form_begin(gh_buf *form, const char *grant_type, gh_error *error)
{
    gh_buf_init(form, FORM_MAX);
    if (gh_buf_reserve(form, FORM_MAX) != GH_OK) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    (void)gh_form_add(form, "grant_type", grant_type);
    return GH_OK;
}

gh_status gh_token_exchange(gh_loop *loop, const gh_bridge_settings *settings, gh_credentials *credentials,
                            const char *code, const char *redirect_uri, gh_view verifier, gh_token_done done,
                            void *context, gh_token_call **call, gh_error *error)
{
    gh_buf form;
    gh_status status = form_begin(&form, "authorization_code", error);
    if (status != GH_OK) {
        return status;
    }
    gh_token_call prepared = {credentials, done, context, NULL, false};
    gh_form_add(&form, "code", code);
    gh_form_add(&form, "redirect_uri", redirect_uri);
    gh_form_add(&form, "resource", credentials->resource);
    gh_buf_append_cstr(&form, "&code_verifier="); /* unreserved characters only */
    gh_buf_append_view(&form, verifier);
    return send_form(loop, settings, credentials->token_endpoint, &form, &prepared, call, error);
}

gh_status gh_token_refresh(gh_loop *loop, const gh_bridge_settings *settings, gh_credentials *credentials,
                           gh_token_done done, void *context, gh_token_call **call, gh_error *error)
{
    gh_buf form;
    gh_status status = form_begin(&form, "refresh_token", error);
    if (status != GH_OK) {
        return status;
    }
    gh_token_call prepared = {credentials, done, context, NULL, false};
    add_secret(&form, "refresh_token", credentials->refresh_token);
    gh_form_add(&form, "resource", credentials->resource);
    return send_form(loop, settings, credentials->token_endpoint, &form, &prepared, call, error);
}

gh_status gh_token_revoke(gh_loop *loop, const gh_bridge_settings *settings, gh_credentials *credentials,
                          gh_token_done done, void *context, gh_token_call **call, gh_error *error)
{
    const gh_secret *token =
        credentials->refresh_token != NULL ? credentials->refresh_token : credentials->access_token;
    if (token == NULL || credentials->revocation_endpoint == NULL) {
        return gh_error_set(error, GH_ERR_UNSUPPORTED, "there is nothing that could be revoked");
    }
    gh_buf form = GH_BUF_INIT(FORM_MAX);
    if (gh_buf_reserve(&form, FORM_MAX) != GH_OK) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    gh_token_call prepared = {credentials, done, context, NULL, true};
    add_secret(&form, "token", token);
    gh_form_add(&form, "token_type_hint",
                credentials->refresh_token != NULL ? "refresh_token" : "access_token");
    return send_form(loop, settings, credentials->revocation_endpoint, &form, &prepared, call, error);
}

void gh_token_cancel(gh_token_call *call)
{
    if (call != NULL) {
        gh_fetch_cancel(call->fetch);
        free(call);
    }
}

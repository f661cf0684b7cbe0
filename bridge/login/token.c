#include "bridge/login/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/login/client_auth.h"
#include "bridge/login/dpop.h"
#include "bridge/login/fetch.h"
#include "bridge/login/jws.h"
#include "shared/core/clock.h"
#include "shared/json/access.h"
#include "shared/net/form.h"

/* Shorter words occur by chance. */
enum { FORM_MAX = 64 * 1024, TELLING_LENGTH = 6 };

struct gh_token_call {
    gh_loop *loop;
    const gh_bridge_settings *settings;
    char *url;
    gh_buf form; /* without the client's proof */
    char nonce[GH_FETCH_NONCE_MAX];
    bool nonce_tried;
    gh_credentials *credentials;
    gh_token_done done;
    void *context;
    gh_fetch *fetch;
    char *refusal;           /* borrowed; NULL when nobody asks for it */
    const char *issued_type; /* static; NULL for a bearer token */
    bool revocation;
};

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

static bool is_bound(const gh_token_call *call, const char *type)
{
    return call->credentials->dpop_key != NULL && type != NULL &&
           gh_view_eq_nocase(gh_view_of(type), GH_VIEW_LIT("dpop"));
}

static bool is_wanted(const gh_token_call *call, const cJSON *json)
{
    const char *type = gh_json_get_string(json, "token_type");
    const char *issued = gh_json_get_string(json, "issued_token_type");
    if (call->issued_type != NULL) {
        return issued != NULL && strcmp(issued, call->issued_type) == 0;
    }
    return type != NULL &&
           (gh_view_eq_nocase(gh_view_of(type), GH_VIEW_LIT("bearer")) || is_bound(call, type));
}

static gh_status accept_tokens(const gh_token_call *call, const cJSON *json, gh_error *error)
{
    gh_credentials *credentials = call->credentials;
    const char *access = gh_json_get_string(json, "access_token");
    const char *refresh = gh_json_get_string(json, "refresh_token");
    const char *scope = gh_json_get_string(json, "scope");
    int64_t expires_in = 0;
    if (access == NULL || !is_wanted(call, json) || !is_sendable(access)) {
        return gh_error_set(error, GH_ERR_INVALID, "the token endpoint's reply holds no %s",
                            call->issued_type != NULL ? "such token" : "bearer token");
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
    credentials->dpop_bound = is_bound(call, gh_json_get_string(json, "token_type"));
    credentials->expires_at = expires_in > 0 ? gh_clock_wall_s() + expires_in : 0;
    return GH_OK;
}

static bool is_one_of(const char *code, const char *words)
{
    return gh_text_has_word(gh_view_of(words), gh_view_of(code));
}

/* True when the server's words repeat what it was trusted with: some put the token that they do not know into
 * their errors. The client's own proof, made for each sending, is known by its look: a JWT's. */
static bool repeats_secret(const gh_token_call *call, const char *words)
{
    static const char *const NAMES[] = {"code",        "code_verifier", "refresh_token",
                                        "device_code", "assertion",     "subject_token"};
    const gh_secret *own = call->credentials->client_secret;
    gh_view secret = own != NULL ? gh_secret_view(own) : gh_view_make(NULL, 0);
    gh_form *sent = NULL;
    bool found = strstr(words, "eyJ") != NULL ||
                 (secret.len > 0 && memmem(words, strlen(words), secret.ptr, secret.len) != NULL);
    if (!found && gh_form_parse(gh_buf_view(&call->form), &sent, NULL) == GH_OK) {
        for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]) && !found; i++) {
            const char *value = gh_form_get(sent, NAMES[i]);
            found = value != NULL && strlen(value) >= TELLING_LENGTH && strstr(words, value) != NULL;
        }
    }
    gh_form_free(sent);
    return found;
}

/* What a reply other than success means. Only what the server itself says about the grant or the client, or
 * a plain 400 or 401, is a refusal; all else may come from whatever stands between, and passes. */
static gh_status refused(const gh_token_call *call, int http_status, const cJSON *json, gh_error *error)
{
    const char *code = gh_json_get_string(json, "error");
    const char *description = gh_json_get_string(json, "error_description");
    if (description != NULL && repeats_secret(call, description)) {
        description = NULL;
    }
    bool passing = http_status >= 500 || http_status == 429 ||
                   (code == NULL ? http_status != 400 && http_status != 401
                                 : is_one_of(code, "temporarily_unavailable server_error slow_down"));
    gh_status status = GH_ERR_DENIED;
    if (call->refusal != NULL) {
        (void)snprintf(call->refusal, GH_TOKEN_REFUSAL_MAX, "%s", code != NULL ? code : "");
    }
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

static void call_free(gh_token_call *call)
{
    gh_buf_wipe_free(&call->form);
    free(call->url);
    free(call);
}

static gh_status send(gh_token_call *call, gh_error *error);

/* True when the server's answer asks for the same once more, with the nonce that came along (RFC 9449, 8). */
static bool asks_for_nonce(const gh_token_call *call, int http_status, const cJSON *json)
{
    const char *code = gh_json_get_string(json, "error");
    return (http_status == 400 || http_status == 401) && code != NULL &&
           strcmp(code, "use_dpop_nonce") == 0 && call->nonce[0] != '\0' && !call->nonce_tried;
}

static void fetched(void *context, gh_status status, int http_status, gh_view body, const gh_error *failure)
{
    gh_token_call *call = context;
    gh_error error = {GH_OK, ""};
    cJSON *json = NULL;
    call->fetch = NULL;
    if (status == GH_OK && gh_json_parse(body, &GH_JSON_LIMITS_DOCUMENT, &json, NULL) != GH_OK) {
        json = NULL;
    }
    if (status != GH_OK) {
        error = *failure;
    } else if (asks_for_nonce(call, http_status, json)) {
        call->nonce_tried = true;
        error.status = send(call, &error);
        if (error.status == GH_OK) {
            wipe_tree(json);
            return;
        }
    } else if (http_status < 200 || http_status > 299) {
        error.status = refused(call, http_status, json, &error);
    } else if (call->revocation) {
        error.status = GH_OK;
    } else if (gh_json_get_string(json, "error") != NULL &&
               gh_json_get_string(json, "access_token") == NULL) {
        error.status = refused(call, 400, json, &error); /* some servers put every answer into a 200 */
    } else {
        error.status = accept_tokens(call, json, &error);
    }
    wipe_tree(json);
    gh_token_done done = call->done;
    void *receiver = call->context;
    call_free(call);
    done(receiver, error.status, &error);
}

static gh_status prove(const gh_token_call *call, gh_buf *proof)
{
    gh_dpop_request request = {.method = "POST", .url = call->url, .nonce = call->nonce};
    return call->credentials->dpop_key != NULL && !call->revocation
               ? gh_dpop_prove(call->credentials->dpop_key, &request, proof)
               : GH_OK;
}

/* The client's proofs are made for each sending: none is good twice. */
static gh_status send(gh_token_call *call, gh_error *error)
{
    gh_buf form = GH_BUF_INIT(FORM_MAX);
    gh_buf authorization = GH_BUF_INIT(2 * FORM_MAX);
    gh_buf proof = GH_BUF_INIT(GH_JWS_MAX);
    gh_status status = gh_buf_reserve(&form, FORM_MAX);
    gh_buf_append_view(&form, gh_buf_view(&call->form));
    if (status == GH_OK) {
        status = gh_client_auth_add(call->settings, call->credentials, &form, &authorization, error);
    }
    if (status == GH_OK && (gh_buf_status(&form) != GH_OK || prove(call, &proof) != GH_OK)) {
        status =
            gh_error_set(error, GH_ERR_INVALID, "could not build the request for the authorization server");
    }
    if (status == GH_OK) {
        gh_fetch_request request = {
            .url = call->url,
            .content_type = "application/x-www-form-urlencoded",
            .body = gh_buf_view(&form),
            .authorization = authorization.len > 0 ? gh_buf_cstr(&authorization) : NULL,
            .dpop = proof.len > 0 ? gh_buf_cstr(&proof) : NULL,
            .nonce = call->nonce,
        };
        status = gh_fetch_start(call->loop, call->settings, &request, fetched, call, &call->fetch, error);
    }
    gh_buf_free(&proof);
    gh_buf_wipe_free(&authorization);
    gh_buf_wipe_free(&form);
    return status;
}

/* Takes the form over. */
static gh_status send_form(gh_loop *loop, const gh_bridge_settings *settings, const char *url, gh_buf *form,
                           const gh_token_call *prepared, gh_token_call **call, gh_error *error)
{
    gh_token_call *started = malloc(sizeof(*started));
    if (started == NULL) {
        gh_buf_wipe_free(form);
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    *started = *prepared;
    started->loop = loop;
    started->settings = settings;
    started->form = *form;
    started->url = gh_text_dup(url);
    gh_status status = gh_buf_status(form);
    if (status != GH_OK || started->url == NULL) {
        status = gh_error_set(error, status != GH_OK ? status : GH_ERR_NOMEM,
                              "could not build the request for the authorization server");
    } else {
        status = send(started, error);
    }
    if (status != GH_OK) {
        call_free(started);
        return status;
    }
    *call = started;
    return GH_OK;
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

gh_status gh_token_obtain(gh_loop *loop, const gh_bridge_settings *settings, gh_credentials *credentials,
                          const gh_token_request *request, gh_token_done done, void *context,
                          gh_token_call **call, gh_error *error)
{
    gh_buf form;
    gh_status status = form_begin(&form, request->grant_type, error);
    if (status != GH_OK) {
        gh_buf_wipe_free(&form);
        return status;
    }
    gh_token_call prepared = {.credentials = credentials,
                              .done = done,
                              .context = context,
                              .refusal = request->refusal,
                              .issued_type = request->issued_type};
    for (size_t i = 0; i < request->count; i++) {
        gh_client_auth_add_secret(&form, request->fields[i].name, request->fields[i].secret);
        gh_form_add(&form, request->fields[i].name, request->fields[i].text);
    }
    gh_form_add(&form, "resource", settings->no_resource ? NULL : credentials->resource);
    return send_form(loop, settings, credentials->token_endpoint, &form, &prepared, call, error);
}

gh_status gh_token_exchange(gh_loop *loop, const gh_bridge_settings *settings, gh_credentials *credentials,
                            const char *code, const char *redirect_uri, gh_view verifier, gh_token_done done,
                            void *context, gh_token_call **call, gh_error *error)
{
    gh_secret *proof = gh_secret_new(verifier);
    if (proof == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    gh_token_request request = {
        .grant_type = "authorization_code",
        .fields = {{"code", code, NULL},
                   {"redirect_uri", redirect_uri, NULL},
                   {"code_verifier", NULL, proof}},
        .count = 3,
    };
    gh_status status = gh_token_obtain(loop, settings, credentials, &request, done, context, call, error);
    gh_secret_free(proof);
    return status;
}

gh_status gh_token_refresh(gh_loop *loop, const gh_bridge_settings *settings, gh_credentials *credentials,
                           gh_token_done done, void *context, gh_token_call **call, gh_error *error)
{
    gh_token_request request = {.grant_type = "refresh_token",
                                .fields = {{"refresh_token", NULL, credentials->refresh_token}},
                                .count = 1};
    return gh_token_obtain(loop, settings, credentials, &request, done, context, call, error);
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
    gh_token_call prepared = {
        .credentials = credentials, .done = done, .context = context, .revocation = true};
    gh_client_auth_add_secret(&form, "token", token);
    gh_form_add(&form, "token_type_hint",
                credentials->refresh_token != NULL ? "refresh_token" : "access_token");
    return send_form(loop, settings, credentials->revocation_endpoint, &form, &prepared, call, error);
}

void gh_token_cancel(gh_token_call *call)
{
    if (call != NULL) {
        gh_fetch_cancel(call->fetch);
        call_free(call);
    }
}

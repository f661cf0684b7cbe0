#include "bridge/login/register.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/login/client_auth.h"
#include "bridge/login/fetch.h"
#include "shared/json/access.h"

#define CLIENT_NAME "gatehouse-bridge"
#define GRANTS "authorization_code refresh_token"
#define GRANT_DEVICE "urn:ietf:params:oauth:grant-type:device_code"

struct gh_register {
    gh_credentials *credentials;
    char *redirect_uri;
    const char *auth_method;   /* the one that was asked for */
    const char *secret_method; /* how a secret that was not asked for is to be used */
    gh_register_done done;
    void *context;
    gh_fetch *fetch;
};

static void register_free(gh_register *registration)
{
    free(registration->redirect_uri);
    free(registration);
}

static gh_status accept_client(gh_register *registration, const cJSON *json, gh_error *error)
{
    const char *id = gh_json_get_string(json, "client_id");
    const char *secret = gh_json_get_string(json, "client_secret");
    const char *method = gh_json_get_string(json, "token_endpoint_auth_method");
    if (id == NULL || id[0] == '\0') {
        return gh_error_set(error, GH_ERR_INVALID, "the registration's reply holds no client_id");
    }
    if (method == NULL) {
        bool unasked = secret != NULL && strcmp(registration->auth_method, "none") == 0;
        method = unasked ? registration->secret_method : registration->auth_method;
    }
    if (!gh_text_has_word(GH_VIEW_LIT("none client_secret_basic client_secret_post"), gh_view_of(method))) {
        return gh_error_set(
            error, GH_ERR_UNSUPPORTED,
            "the authorization server registered this client for \"%.60s\", which it does not "
            "support; ask whoever runs it for a client id and pass it with --client-id",
            method);
    }
    gh_credentials *credentials = registration->credentials;
    gh_secret *kept =
        secret != NULL && strcmp(method, "none") != 0 ? gh_secret_new(gh_view_of(secret)) : NULL;
    char *id_copy = gh_text_dup(id);
    char *method_copy = gh_text_dup(method);
    if (id_copy == NULL || method_copy == NULL ||
        (secret != NULL && strcmp(method, "none") != 0 && kept == NULL)) {
        free(id_copy);
        free(method_copy);
        gh_secret_free(kept);
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    free(credentials->client_id);
    free(credentials->token_auth_method);
    free(credentials->redirect_uri);
    gh_secret_free(credentials->client_secret);
    credentials->client_id = id_copy;
    credentials->token_auth_method = method_copy;
    credentials->client_secret = kept;
    credentials->redirect_uri = registration->redirect_uri;
    registration->redirect_uri = NULL;
    return GH_OK;
}

static void fetched(void *context, gh_status status, int http_status, gh_view body, const gh_error *failure)
{
    gh_register *registration = context;
    gh_error error = {GH_OK, ""};
    cJSON *json = NULL;
    if (status != GH_OK) {
        error = *failure;
    } else if (gh_json_parse(body, &GH_JSON_LIMITS_DOCUMENT, &json, NULL) != GH_OK || !cJSON_IsObject(json)) {
        (void)gh_error_set(&error, http_status >= 500 ? GH_ERR_UNAVAILABLE : GH_ERR_INVALID,
                           "the registration endpoint answered HTTP %d without JSON", http_status);
    } else if (http_status == 201 || http_status == 200) {
        error.status = accept_client(registration, json, &error);
    } else {
        const char *code = gh_json_get_string(json, "error");
        const char *description = gh_json_get_string(json, "error_description");
        (void)gh_error_set(&error,
                           http_status >= 500 || http_status == 429 ? GH_ERR_UNAVAILABLE : GH_ERR_DENIED,
                           "the authorization server refused to register this client: %.60s%s%.200s",
                           code != NULL ? code : "no reason given", description != NULL ? ": " : "",
                           description != NULL ? description : "");
    }
    cJSON *secret = cJSON_GetObjectItemCaseSensitive(json, "client_secret");
    if (cJSON_IsString(secret)) {
        gh_wipe(secret->valuestring, strlen(secret->valuestring));
    }
    cJSON_Delete(json);
    gh_register_done done = registration->done;
    void *receiver = registration->context;
    register_free(registration);
    done(receiver, error.status, &error);
}

/* A public client where the server allows one; RFC 8252 knows no secret that a native app could keep. */
static const char *choose_auth_method(const char *methods)
{
    static const char *const CONFIDENTIAL[] = {"client_secret_basic", "client_secret_post"};
    if (methods == NULL || gh_text_has_word(gh_view_of(methods), GH_VIEW_LIT("none"))) {
        return "none";
    }
    for (size_t i = 0; i < sizeof(CONFIDENTIAL) / sizeof(CONFIDENTIAL[0]); i++) {
        if (gh_text_has_word(gh_view_of(methods), gh_view_of(CONFIDENTIAL[i]))) {
            return CONFIDENTIAL[i];
        }
    }
    return "none";
}

/* What the person wants otherwise; where the browser comes back to is not theirs to say. */
static bool merge(cJSON *json, const char *text)
{
    cJSON *more = NULL;
    if (text == NULL) {
        return true;
    }
    if (gh_json_parse(gh_view_of(text), &GH_JSON_LIMITS_DOCUMENT, &more, NULL) != GH_OK) {
        return false;
    }
    bool complete = true;
    cJSON_DeleteItemFromObjectCaseSensitive(more, "redirect_uris");
    while (more->child != NULL) {
        cJSON *item = cJSON_DetachItemViaPointer(more, more->child);
        cJSON_DeleteItemFromObjectCaseSensitive(json, item->string);
        complete &= gh_json_add_item(json, item->string, item);
    }
    cJSON_Delete(more);
    return complete;
}

static gh_status write_request(const gh_bridge_settings *settings, const char *redirect_uri,
                               const char *auth_method, gh_buf *out)
{
    bool device = settings->grant == GH_BRIDGE_GRANT_DEVICE;
    cJSON *json = cJSON_CreateObject();
    cJSON *uris = cJSON_CreateArray();
    cJSON *uri = cJSON_CreateString(redirect_uri);
    if (uri != NULL && !cJSON_AddItemToArray(uris, uri)) {
        cJSON_Delete(uri);
        uri = NULL;
    }
    bool complete = uri != NULL;
    complete &= gh_json_add_item(json, "redirect_uris", uris);
    complete &= gh_json_add_string(json, "client_name", CLIENT_NAME);
    complete &= gh_json_add_string(json, "application_type", "native");
    complete &= gh_json_add_words(json, "grant_types", device ? GRANTS " " GRANT_DEVICE : GRANTS);
    complete &= gh_json_add_words(json, "response_types", "code");
    complete &= gh_json_add_string(json, "token_endpoint_auth_method", auth_method);
    complete &= gh_json_add_string(json, "scope", settings->scope);
    complete &= merge(json, settings->client_metadata);
    gh_status status = complete ? gh_json_print(json, out) : GH_ERR_NOMEM;
    cJSON_Delete(json);
    return status;
}

gh_status gh_register_start(gh_loop *loop, const gh_bridge_settings *settings,
                            const gh_server_metadata *server, const char *redirect_uri,
                            gh_credentials *credentials, gh_register_done done, void *context,
                            gh_register **registration, gh_error *error)
{
    if (server->registration_endpoint == NULL) {
        return gh_error_set(
            error, GH_ERR_UNSUPPORTED,
            "the authorization server has no dynamic registration; ask whoever runs it for a client "
            "id and pass it with --client-id");
    }
    gh_buf body = GH_BUF_INIT(16384);
    gh_register *started = calloc(1, sizeof(*started));
    gh_status status = GH_ERR_NOMEM;
    if (started != NULL) {
        started->credentials = credentials;
        started->done = done;
        started->context = context;
        started->auth_method = choose_auth_method(server->token_endpoint_auth_methods_supported);
        started->secret_method = gh_client_auth_for_secret(server->token_endpoint_auth_methods_supported);
        started->redirect_uri = gh_text_dup(redirect_uri);
        status = started->redirect_uri != NULL
                     ? write_request(settings, redirect_uri, started->auth_method, &body)
                     : GH_ERR_NOMEM;
    }
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "could not build the registration request");
    } else {
        gh_fetch_request request = {.url = server->registration_endpoint,
                                    .content_type = "application/json",
                                    .body = gh_buf_view(&body)};
        status = gh_fetch_start(loop, settings, &request, fetched, started, &started->fetch, error);
    }
    gh_buf_free(&body);
    if (status != GH_OK) {
        if (started != NULL) {
            register_free(started);
        }
        return status;
    }
    *registration = started;
    return GH_OK;
}

void gh_register_cancel(gh_register *registration)
{
    if (registration != NULL) {
        gh_fetch_cancel(registration->fetch);
        register_free(registration);
    }
}

#include "server/oauth/registration.h"

#include <stdlib.h>
#include <string.h>

#include "server/oauth/device.h"
#include "server/oauth/display.h"
#include "server/oauth/internal.h"
#include "server/oauth/redirect.h"
#include "server/oauth/reply.h"
#include "server/oauth/scope.h"
#include "shared/json/access.h"
#include "shared/net/url.h"

#define METADATA "invalid_client_metadata"
#define GRANT_TYPES "authorization_code refresh_token"

/* Everything that a client may be registered for, in the order in which it is written. */
static const char *const KNOWN_GRANTS[] = {"authorization_code", "refresh_token", GH_DEVICE_GRANT_TYPE};

/* Some clients write null for what they leave out. */
static const cJSON *present(const cJSON *json, const char *name)
{
    const cJSON *item = gh_json_get(json, name);
    return item == NULL || cJSON_IsNull(item) ? NULL : item;
}

static gh_status take_text(gh_buf *buf, char **out)
{
    *out = gh_buf_steal(buf);
    gh_buf_free(buf);
    return *out == NULL ? GH_ERR_NOMEM : GH_OK;
}

/* A client of the device grant alone is never redirected to. */
static bool uses_redirects(const cJSON *json)
{
    return present(json, "grant_types") == NULL || present(json, "redirect_uris") != NULL ||
           !gh_json_array_has(json, "grant_types", GH_DEVICE_GRANT_TYPE) ||
           gh_json_array_has(json, "grant_types", "authorization_code");
}

static gh_status read_redirects(const gh_oauth_server *server, const cJSON *json, gh_client *client,
                                gh_error *error)
{
    const cJSON *list = gh_json_get_array(json, "redirect_uris");
    const cJSON *item = NULL;
    gh_buf lines = GH_BUF_INIT(GH_REGISTRATION_REDIRECTS_MAX * (GH_REDIRECT_MAX + 1));
    gh_status status = GH_OK;
    int count = cJSON_GetArraySize(list);
    if (!uses_redirects(json)) {
        client->redirect_uris = gh_text_dup("");
        return client->redirect_uris == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    if (count < 1 || count > GH_REGISTRATION_REDIRECTS_MAX) {
        return gh_error_set(error, GH_ERR_INVALID, "redirect_uris must be an array of 1 to %d URIs",
                            GH_REGISTRATION_REDIRECTS_MAX);
    }
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item)) {
            status = gh_error_set(error, GH_ERR_INVALID, "redirect_uris must hold strings only");
            break;
        }
        status = gh_redirect_check(gh_view_of(item->valuestring), &server->schemes, error);
        if (status != GH_OK) {
            status = GH_ERR_INVALID;
            break;
        }
        (void)gh_buf_append_cstr(&lines, lines.len > 0 ? "\n" : "");
        (void)gh_buf_append_cstr(&lines, item->valuestring);
    }
    if (status == GH_OK) {
        return take_text(&lines, &client->redirect_uris);
    }
    gh_buf_free(&lines);
    return status;
}

/* True when the member is absent or an array of strings. */
static bool is_list(const cJSON *json, const char *name)
{
    const cJSON *list = present(json, name);
    const cJSON *item = NULL;
    if (list != NULL && !cJSON_IsArray(list)) {
        return false;
    }
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item)) {
            return false;
        }
    }
    return true;
}

/* What is known of the list, which must begin a login one way or the other. */
static gh_status select_grants(const cJSON *json, char **out, gh_error *error)
{
    gh_buf grants = GH_BUF_INIT(256);
    if (!gh_json_array_has(json, "grant_types", "authorization_code") &&
        !gh_json_array_has(json, "grant_types", GH_DEVICE_GRANT_TYPE)) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "grant_types must include authorization_code or " GH_DEVICE_GRANT_TYPE
                            "; refresh_token is the only other one here");
    }
    for (size_t i = 0; i < sizeof KNOWN_GRANTS / sizeof *KNOWN_GRANTS; i++) {
        if (gh_json_array_has(json, "grant_types", KNOWN_GRANTS[i])) {
            (void)gh_buf_append_cstr(&grants, grants.len > 0 ? " " : "");
            (void)gh_buf_append_cstr(&grants, KNOWN_GRANTS[i]);
        }
    }
    return take_text(&grants, out);
}

/* Who names no grant types gets the first two: clients that leave the list out ask for refresh tokens all the
 * same. */
static gh_status read_grants(const cJSON *json, gh_client *client, gh_error *error)
{
    if (!is_list(json, "grant_types") || !is_list(json, "response_types")) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "grant_types and response_types must be arrays of strings");
    }
    if (uses_redirects(json) && present(json, "response_types") != NULL &&
        !gh_json_array_has(json, "response_types", "code")) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "response_types must include \"code\", the only one that is supported");
    }
    if (present(json, "grant_types") != NULL) {
        return select_grants(json, &client->grant_types, error);
    }
    client->grant_types = gh_text_dup(GRANT_TYPES);
    return client->grant_types == NULL ? GH_ERR_NOMEM : GH_OK;
}

/* A name without the characters that would let it pass for something else on the consent page. */
static gh_status read_name(const cJSON *json, gh_client *client, gh_error *error)
{
    const char *name = gh_json_get_string(json, "client_name");
    gh_buf clean = GH_BUF_INIT((size_t)GH_REGISTRATION_NAME_MAX * 4);
    if (name == NULL) {
        return present(json, "client_name") == NULL
                   ? GH_OK
                   : gh_error_set(error, GH_ERR_INVALID, "client_name must be a string");
    }
    if (gh_display_length(gh_view_of(name)) > GH_REGISTRATION_NAME_MAX) {
        return gh_error_set(error, GH_ERR_INVALID, "client_name is longer than %d characters",
                            GH_REGISTRATION_NAME_MAX);
    }
    gh_status status = gh_display_clean(gh_view_of(name), &clean);
    if (status != GH_OK || clean.len == 0) {
        gh_buf_free(&clean);
        return status;
    }
    return take_text(&clean, &client->name);
}

/* Kept when it is a usable link, left out otherwise: nothing depends on it. */
static gh_status read_uri(const cJSON *json, gh_client *client)
{
    const char *uri = gh_json_get_string(json, "client_uri");
    gh_url url;
    if (uri == NULL || strlen(uri) > GH_REDIRECT_MAX || gh_url_parse(gh_view_of(uri), &url, NULL) != GH_OK ||
        !gh_url_is_http(&url) || !url.has_authority || url.has_userinfo) {
        return GH_OK;
    }
    client->uri = gh_text_dup(uri);
    return client->uri == NULL ? GH_ERR_NOMEM : GH_OK;
}

static gh_status read_scope(const gh_oauth_server *server, const cJSON *json, gh_client *client,
                            gh_error *error)
{
    const char *scope = gh_json_get_string(json, "scope");
    if (scope == NULL) {
        return present(json, "scope") == NULL
                   ? GH_OK
                   : gh_error_set(error, GH_ERR_INVALID,
                                  "scope must be a string of words with spaces between");
    }
    gh_status status = gh_scope_select_supported(server, scope, &client->scope);
    if (status == GH_ERR_PARSE) {
        return gh_error_set(error, GH_ERR_INVALID, "scope holds characters that no scope may have");
    }
    return status == GH_ERR_DENIED ? GH_OK : status;
}

cJSON *gh_registration_open(const gh_request *request, gh_response *response)
{
    cJSON *json = NULL;
    gh_error error = {0};
    if (!gh_request_is_type(request, "application/json")) {
        gh_response_error(response, 415, "invalid_client_metadata",
                          "Send the client's metadata as JSON with Content-Type: application/json.");
        return NULL;
    }
    gh_status status = gh_json_parse(request->body, &GH_JSON_LIMITS_DOCUMENT, &json, &error);
    if (status == GH_ERR_NOMEM) {
        gh_reply_failure(response, status);
    } else if (status != GH_OK || !cJSON_IsObject(json)) {
        gh_response_error(response, 400, "invalid_client_metadata",
                          status != GH_OK ? error.message : "The client's metadata must be one JSON object.");
        cJSON_Delete(json);
        json = NULL;
    }
    return json;
}

gh_status gh_registration_read(const gh_oauth_server *server, const cJSON *json, gh_client *client,
                               const char **code, gh_error *error)
{
    *code = "invalid_redirect_uri";
    gh_status status = read_redirects(server, json, client, error);
    if (status != GH_OK) {
        return status;
    }
    *code = METADATA;
    const cJSON *method = present(json, "token_endpoint_auth_method");
    if (method != NULL && !cJSON_IsString(method)) {
        return gh_error_set(error, GH_ERR_INVALID, "token_endpoint_auth_method must be a string");
    }
    status = read_grants(json, client, error);
    if (status == GH_OK) {
        status = read_name(json, client, error);
    }
    if (status == GH_OK) {
        status = read_scope(server, json, client, error);
    }
    if (status == GH_OK) {
        status = read_uri(json, client);
    }
    return status;
}

static bool add_redirects(cJSON *json, const char *lines)
{
    cJSON *list = cJSON_CreateArray();
    gh_view rest = gh_view_of(lines);
    gh_view line;
    bool complete = list != NULL;
    while (complete && rest.len > 0 && gh_view_next(&rest, '\n', &line)) {
        char *text = gh_view_dup(line);
        cJSON *item = text != NULL ? cJSON_CreateString(text) : NULL;
        complete = item != NULL && cJSON_AddItemToArray(list, item) != 0;
        free(text);
    }
    return gh_json_add_item(json, "redirect_uris", list) && complete;
}

gh_status gh_registration_write(const gh_oauth_server *server, const gh_client *client, gh_buf *out)
{
    cJSON *json = cJSON_CreateObject();
    bool complete =
        json != NULL && gh_json_add_string(json, "client_id", client->id) &&
        gh_json_add_int64(json, "client_id_issued_at", client->created_at) &&
        gh_json_add_string(json, "client_name", client->name) &&
        gh_json_add_string(json, "client_uri", client->uri) && add_redirects(json, client->redirect_uris) &&
        gh_json_add_words(json, "grant_types", client->grant_types) &&
        (client->redirect_uris[0] == '\0' || gh_json_add_words(json, "response_types", "code")) &&
        gh_json_add_string(json, "token_endpoint_auth_method", "none") &&
        gh_json_add_string(json, "scope", client->scope != NULL ? client->scope : server->default_scope);
    gh_status status = complete ? gh_json_print(json, out) : GH_ERR_NOMEM;
    cJSON_Delete(json);
    return status;
}

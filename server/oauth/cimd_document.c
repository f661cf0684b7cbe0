#include <string.h>

#include "server/oauth/cimd_private.h"
#include "server/oauth/redirect.h"
#include "server/oauth/registration.h"
#include "shared/json/access.h"

static bool present(const cJSON *json, const char *name)
{
    const cJSON *item = gh_json_get(json, name);
    return item != NULL && !cJSON_IsNull(item);
}

static gh_status check_authentication(const cJSON *json, gh_error *error)
{
    const char *method = gh_json_get_string(json, "token_endpoint_auth_method");
    if (present(json, "client_secret") || present(json, "client_secret_expires_at")) {
        return gh_error_set(error, GH_ERR_INVALID, "it holds a client secret, which anybody can read there");
    }
    if (!present(json, "token_endpoint_auth_method") || (method != NULL && strcmp(method, "none") == 0)) {
        return GH_OK;
    }
    if (method != NULL && strcmp(method, "private_key_jwt") == 0) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "it asks for token_endpoint_auth_method private_key_jwt, and this server only "
                            "knows public clients (none)");
    }
    return gh_error_set(error, GH_ERR_INVALID, "its token_endpoint_auth_method must be none");
}

static gh_status check_members(const cJSON *json, const char *url, gh_error *error)
{
    const char *id = gh_json_get_string(json, "client_id");
    const char *name = gh_json_get_string(json, "client_name");
    if (id == NULL || strcmp(id, url) != 0) {
        return gh_error_set(error, GH_ERR_INVALID, "its client_id is not exactly its own URL");
    }
    if (name == NULL || name[0] == '\0') {
        return gh_error_set(error, GH_ERR_INVALID, "it has no client_name");
    }
    if (!present(json, "redirect_uris")) {
        return gh_error_set(error, GH_ERR_INVALID, "it has no redirect_uris");
    }
    return check_authentication(json, error);
}

/* The document is written for all servers: a redirect URI that this one does not allow, such as a private
 * scheme, is left out as long as another one remains. */
static void drop_foreign_redirects(const gh_oauth_server *server, cJSON *json)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "redirect_uris");
    cJSON *next = NULL;
    for (cJSON *item = cJSON_IsArray(list) ? list->child : NULL; item != NULL; item = next) {
        next = item->next;
        if (cJSON_IsString(item) && cJSON_GetArraySize(list) > 1 &&
            gh_redirect_check(gh_view_of(item->valuestring), &server->schemes, NULL) != GH_OK) {
            cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
        }
    }
}

gh_status gh_cimd_document_read(const gh_oauth_server *server, const char *url, gh_view document,
                                gh_client *client, gh_error *error)
{
    cJSON *json = NULL;
    const char *code = NULL;
    gh_status status = gh_json_parse(document, &GH_JSON_LIMITS_DOCUMENT, &json, error);
    if (status == GH_OK && !cJSON_IsObject(json)) {
        status = gh_error_set(error, GH_ERR_INVALID, "it is not one JSON object");
    }
    if (status == GH_OK) {
        status = check_members(json, url, error);
    }
    if (status == GH_OK) {
        drop_foreign_redirects(server, json);
        status = gh_registration_read(server, json, client, &code, error);
    }
    if (status == GH_OK) {
        client->id = gh_text_dup(url);
        status = client->id == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    cJSON_Delete(json);
    return status == GH_OK || status == GH_ERR_NOMEM ? status : GH_ERR_INVALID;
}

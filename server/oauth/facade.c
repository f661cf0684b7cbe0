#include "server/oauth/facade.h"

#include <stdlib.h>
#include <string.h>

#include "server/oauth/redirect.h"
#include "server/oauth/registration.h"
#include "server/oauth/reply.h"
#include "shared/json/access.h"
#include "shared/oauth/metadata.h"

#define DOCUMENT_MAX ((size_t)64 * 1024)
#define REDIRECTS_MAX 10

static bool replace(char **slot, const char *text)
{
    char *copy = gh_text_dup(text);
    free(*slot);
    *slot = copy;
    return copy != NULL || text == NULL;
}

static bool replace_joined(char **slot, const char *origin, const char *path)
{
    gh_buf url = GH_BUF_INIT(DOCUMENT_MAX);
    (void)gh_buf_appendf(&url, "%s%s", origin, path);
    free(*slot);
    *slot = gh_buf_steal(&url);
    gh_buf_free(&url);
    return *slot != NULL;
}

/* The provider's document with this server's name: issuer, registration, and what its one public client can
 * do. */
static gh_status describe(const gh_facade *facade, gh_server_metadata *out)
{
    gh_status status = gh_idp_metadata(facade->idp, out);
    if (status != GH_OK) {
        return status;
    }
    /* The provider would answer with its own name, which is not this document's: `iss` must not be promised.
     */
    out->iss_parameter_supported = false;
    out->client_id_metadata_document_supported = false;
    bool complete = replace(&out->issuer, facade->issuer) &&
                    replace_joined(&out->registration_endpoint, facade->issuer, "/register") &&
                    replace(&out->scopes_supported, facade->scopes) &&
                    replace(&out->response_types_supported, "code") &&
                    replace(&out->grant_types_supported, "authorization_code refresh_token") &&
                    replace(&out->code_challenge_methods_supported, "S256") &&
                    replace(&out->token_endpoint_auth_methods_supported, "none");
    return complete ? GH_OK : GH_ERR_NOMEM;
}

static void answer_metadata(const gh_facade *facade, bool openid, gh_response *response)
{
    gh_server_metadata metadata;
    gh_buf json = GH_BUF_INIT(DOCUMENT_MAX);
    gh_error why = {0};
    memset(&metadata, 0, sizeof metadata);
    gh_status status = describe(facade, &metadata);
    if (status == GH_OK) {
        status = gh_server_metadata_write(&metadata, openid, &json);
    }
    if (status == GH_OK) {
        gh_response_header_cstr(response, "Cache-Control", "public, max-age=60");
        gh_response_json(response, 200, gh_buf_view(&json));
    } else if (status == GH_ERR_UNAVAILABLE) {
        (void)gh_idp_state_get(facade->idp, &why);
        gh_response_header_cstr(response, "Retry-After", "5");
        gh_response_error(response, 503, "temporarily_unavailable",
                          why.message[0] != '\0' ? why.message : "The identity provider is not reached yet.");
    } else {
        gh_reply_failure(response, status);
    }
    gh_server_metadata_clear(&metadata);
    gh_buf_free(&json);
}

void gh_facade_handle_metadata(void *facade, const gh_request *request, gh_response *response)
{
    (void)request;
    answer_metadata(facade, false, response);
}

void gh_facade_handle_openid_metadata(void *facade, const gh_request *request, gh_response *response)
{
    (void)request;
    answer_metadata(facade, true, response);
}

static bool redirect_allowed(const gh_facade *facade, const char *uri)
{
    gh_view view = gh_view_of(uri);
    return gh_redirect_check(view, facade->redirect_schemes, NULL) == GH_OK &&
           (gh_redirect_is_loopback(view) || !gh_redirect_is_web(view));
}

/* Those among them that may be used: VS Code names web pages beside loopback in one request, and a server may
 * replace what was asked for (RFC 7591, 3.2.1). GH_ERR_DENIED when there is none. */
static gh_status choose_redirects(const gh_facade *facade, const cJSON *uris, cJSON **chosen)
{
    const cJSON *uri = NULL;
    gh_status status = GH_OK;
    cJSON *made = cJSON_CreateArray();
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    if (cJSON_GetArraySize(uris) > REDIRECTS_MAX) {
        status = GH_ERR_DENIED;
        goto out;
    }
    cJSON_ArrayForEach(uri, uris)
    {
        if (!cJSON_IsString(uri)) {
            status = GH_ERR_DENIED;
            goto out;
        }
        if (redirect_allowed(facade, uri->valuestring)) {
            cJSON *copy = cJSON_Duplicate(uri, false);
            if (copy == NULL || !cJSON_AddItemToArray(made, copy)) {
                cJSON_Delete(copy);
                status = GH_ERR_NOMEM;
                goto out;
            }
        }
    }
    status = cJSON_GetArraySize(made) > 0 ? GH_OK : GH_ERR_DENIED;
out:
    if (status == GH_OK) {
        *chosen = made;
    } else {
        cJSON_Delete(made);
    }
    return status;
}

/* Takes `uris` over. */
static gh_status write_registration(const gh_facade *facade, cJSON *uris, const char *name, gh_buf *out)
{
    cJSON *json = cJSON_CreateObject();
    bool complete = gh_json_add_string(json, "client_id", facade->client_id);
    complete &= gh_json_add_string(json, "client_name", name);
    complete &= gh_json_add_item(json, "redirect_uris", uris);
    complete &= gh_json_add_words(json, "grant_types", "authorization_code refresh_token");
    complete &= gh_json_add_words(json, "response_types", "code");
    complete &= gh_json_add_string(json, "token_endpoint_auth_method", "none");
    gh_status status = complete ? gh_json_print(json, out) : GH_ERR_NOMEM;
    cJSON_Delete(json);
    return status;
}

static void answer_registration(const gh_facade *facade, const cJSON *json, gh_response *response)
{
    const cJSON *asked = gh_json_get_array(json, "redirect_uris");
    cJSON *uris = NULL;
    gh_buf out = GH_BUF_INIT(DOCUMENT_MAX);
    gh_status status = asked != NULL ? choose_redirects(facade, asked, &uris) : GH_ERR_DENIED;
    if (status == GH_ERR_DENIED) {
        gh_response_error(response, 400, "invalid_redirect_uri",
                          "redirect_uris must be 1 to 10, with a loopback address "
                          "(http://127.0.0.1:PORT/...) or a URI of a "
                          "private-use scheme that this server allows (--redirect-scheme) among them.");
        return;
    }
    if (status == GH_OK) {
        status = write_registration(facade, uris, gh_json_get_string(json, "client_name"), &out);
    }
    if (status == GH_OK) {
        gh_response_json(response, 201, gh_buf_view(&out));
    } else {
        gh_reply_failure(response, status);
    }
    gh_buf_free(&out);
}

void gh_facade_handle_register(void *facade, const gh_request *request, gh_response *response)
{
    gh_reply_headers(response);
    cJSON *json = gh_registration_open(request, response);
    if (json != NULL) {
        answer_registration(facade, json, response);
    }
    cJSON_Delete(json);
}

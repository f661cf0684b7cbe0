#include "server/oauth/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "server/oauth/device.h"
#include "server/oauth/internal.h"
#include "server/oauth/keys.h"
#include "server/oauth/reply.h"
#include "server/oauth/scope.h"
#include "shared/json/access.h"
#include "shared/oauth/metadata.h"

static bool join(char **out, const char *origin, const char *path)
{
    gh_buf url = GH_BUF_INIT(GH_OAUTH_DOCUMENT_MAX);
    (void)gh_buf_append_cstr(&url, origin);
    (void)gh_buf_append_cstr(&url, path);
    *out = gh_buf_steal(&url);
    gh_buf_free(&url);
    return *out != NULL;
}

static bool describe(const gh_oauth_server *server, gh_server_metadata *out)
{
    out->iss_parameter_supported = true;
    out->client_id_metadata_document_supported = true;
    return join(&out->issuer, server->issuer, "") &&
           join(&out->authorization_endpoint, server->issuer, "/authorize") &&
           join(&out->token_endpoint, server->issuer, "/token") &&
           join(&out->registration_endpoint, server->issuer, "/register") &&
           join(&out->revocation_endpoint, server->issuer, "/revoke") &&
           join(&out->device_authorization_endpoint, server->issuer, "/device_authorization") &&
           join(&out->jwks_uri, server->issuer, "/jwks") &&
           gh_scopes_supported(server, &out->scopes_supported) == GH_OK &&
           join(&out->grant_types_supported, "authorization_code refresh_token " GH_DEVICE_GRANT_TYPE, "") &&
           join(&out->response_types_supported, "code", "") &&
           join(&out->code_challenge_methods_supported, "S256", "") &&
           join(&out->token_endpoint_auth_methods_supported, "none", "") &&
           join(&out->id_token_signing_alg_values_supported, GH_SIGNING_ALG, "");
}

/* Members of RFC 8414 that only a server says and no client of ours reads. */
static gh_status add_members(gh_view document, gh_buf *out)
{
    cJSON *json = NULL;
    gh_status status = gh_json_parse(document, &GH_JSON_LIMITS_DOCUMENT, &json, NULL);
    if (status != GH_OK) {
        return status;
    }
    bool complete = gh_json_add_words(json, "response_modes_supported", "query") &&
                    gh_json_add_words(json, "revocation_endpoint_auth_methods_supported", "none");
    status = complete ? gh_json_print(json, out) : GH_ERR_NOMEM;
    cJSON_Delete(json);
    return status;
}

static gh_status write_metadata(const gh_oauth_server *server, bool openid, char **out)
{
    gh_server_metadata metadata;
    gh_buf plain = GH_BUF_INIT(GH_OAUTH_DOCUMENT_MAX);
    gh_buf whole = GH_BUF_INIT(GH_OAUTH_DOCUMENT_MAX);
    memset(&metadata, 0, sizeof metadata);
    gh_status status = describe(server, &metadata) ? GH_OK : GH_ERR_NOMEM;
    if (status == GH_OK) {
        status = gh_server_metadata_write(&metadata, openid, &plain);
    }
    if (status == GH_OK) {
        status = add_members(gh_buf_view(&plain), &whole);
    }
    if (status == GH_OK) {
        *out = gh_buf_steal(&whole);
        status = *out == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_free(&plain);
    gh_buf_free(&whole);
    gh_server_metadata_clear(&metadata);
    return status;
}

gh_status gh_oauth_documents_write(gh_oauth_server *server)
{
    if (server->more_scopes.list != NULL) {
        return GH_OK; /* they say something else now and then, so each is written when it is asked for */
    }
    gh_status status = write_metadata(server, false, &server->metadata);
    return status == GH_OK ? write_metadata(server, true, &server->openid_metadata) : status;
}

static void answer(gh_response *response, const char *document)
{
    gh_response_header_cstr(response, "Cache-Control", "public, max-age=300");
    gh_response_json(response, 200, gh_view_of(document));
}

/* `ready` is the document that never changes, or NULL. */
static void answer_metadata(const gh_oauth_server *server, const char *ready, bool openid,
                            gh_response *response)
{
    char *fresh = NULL;
    gh_status status = ready == NULL ? write_metadata(server, openid, &fresh) : GH_OK;
    if (status == GH_OK) {
        answer(response, ready != NULL ? ready : fresh);
    } else {
        gh_reply_failure(response, status);
    }
    free(fresh);
}

void gh_oauth_handle_metadata(void *server, const gh_request *request, gh_response *response)
{
    const gh_oauth_server *self = server;
    (void)request;
    answer_metadata(self, self->metadata, false, response);
}

void gh_oauth_handle_openid_metadata(void *server, const gh_request *request, gh_response *response)
{
    const gh_oauth_server *self = server;
    (void)request;
    answer_metadata(self, self->openid_metadata, true, response);
}

void gh_oauth_handle_jwks(void *server, const gh_request *request, gh_response *response)
{
    const gh_oauth_server *self = server;
    gh_buf jwks = GH_BUF_INIT(GH_OAUTH_DOCUMENT_MAX);
    gh_keyset *keys = gh_signing_keyset(self->signing);
    gh_status status = gh_keyset_write(keys, &jwks);
    (void)request;
    if (status == GH_OK) {
        answer(response, gh_buf_cstr(&jwks));
    } else {
        gh_reply_failure(response, status);
    }
    gh_keyset_free(keys);
    gh_buf_free(&jwks);
}

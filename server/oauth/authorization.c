#include "server/oauth/authorization.h"

#include <stdlib.h>
#include <string.h>

#include "server/oauth/internal.h"
#include "server/oauth/resource.h"
#include "server/oauth/scope.h"
#include "shared/oauth/pkce.h"

static const gh_refusal NONE = {NULL, NULL};

static gh_refusal refuse(const char *code, const char *description)
{
    return (gh_refusal){code, description};
}

static gh_refusal check_form(const gh_form *form)
{
    if (gh_form_has_duplicate(form, NULL)) {
        return refuse("invalid_request", "A parameter occurs more than once.");
    }
    if (gh_form_get(form, "request") != NULL) {
        return refuse("request_not_supported", "Request objects are not supported; send plain parameters.");
    }
    if (gh_form_get(form, "request_uri") != NULL) {
        return refuse("request_uri_not_supported", "Request URIs are not supported; send plain parameters.");
    }
    return NONE;
}

static gh_refusal check_response(const gh_client *client, const gh_form *form)
{
    const char *type = gh_form_get(form, "response_type");
    const char *mode = gh_form_get(form, "response_mode");
    if (type == NULL) {
        return refuse("invalid_request", "response_type is missing; send response_type=code.");
    }
    if (strcmp(type, "code") != 0) {
        return refuse("unsupported_response_type", "Only response_type=code is supported.");
    }
    if (mode != NULL && strcmp(mode, "query") != 0) {
        return refuse("invalid_request", "Only response_mode=query is supported.");
    }
    if (!gh_text_has_word(gh_view_of(client->grant_types), GH_VIEW_LIT("authorization_code"))) {
        return refuse("unauthorized_client", "This client is not registered for authorization codes.");
    }
    return NONE;
}

static gh_refusal check_pkce(const gh_form *form)
{
    const char *challenge = gh_form_get(form, "code_challenge");
    const char *method = gh_form_get(form, "code_challenge_method");
    if (challenge == NULL) {
        return refuse("invalid_request", "code_challenge is missing; PKCE with S256 is required.");
    }
    if (method == NULL || strcmp(method, "S256") != 0) {
        return refuse("invalid_request",
                      "Only code_challenge_method=S256 is supported; leaving it out means plain.");
    }
    if (!gh_pkce_challenge_is_valid(gh_view_of(challenge))) {
        return refuse("invalid_request", "code_challenge must be 43 characters of base64url.");
    }
    return NONE;
}

/* Everybody is asked to sign in and to consent every time, so that `none` can never be met. */
static gh_refusal check_prompt(const gh_form *form)
{
    gh_view prompt = gh_view_of(gh_form_get(form, "prompt"));
    if (!gh_text_has_word(prompt, GH_VIEW_LIT("none"))) {
        return NONE;
    }
    return gh_view_eq_cstr(prompt, "none")
               ? refuse("login_required", "Nobody is signed in, and prompt=none forbids asking.")
               : refuse("invalid_request", "prompt=none cannot be combined with other values.");
}

static gh_refusal check_all(const gh_oauth_server *server, const gh_client *client, const gh_form *form)
{
    gh_refusal refusal = check_form(form);
    if (refusal.code == NULL) {
        refusal = check_response(client, form);
    }
    if (refusal.code == NULL) {
        refusal = check_pkce(form);
    }
    if (refusal.code == NULL && !gh_resource_is_ours(server, form)) {
        refusal = refuse("invalid_target", "resource must be the URL of this server's MCP endpoint.");
    }
    return refusal.code == NULL ? check_prompt(form) : refusal;
}

/* What the client registered is its default, never a limit: tools may need scopes that it learns of later. */
gh_status gh_authorization_scope(const gh_oauth_server *server, const gh_client *client, const gh_form *form,
                                 char **scope)
{
    const char *requested = gh_form_get(form, "scope");
    if (requested == NULL) {
        requested = client->scope != NULL ? client->scope : server->default_scope;
    }
    gh_status status = gh_scope_select_supported(server, requested, scope);
    if (status != GH_OK || gh_text_has_word(gh_view_of(*scope), gh_view_of(server->default_scope))) {
        return status;
    }
    /* The others say how long, or open single tools: without the default the token would open nothing. */
    gh_buf both = GH_BUF_INIT(2 * GH_SCOPE_MAX);
    (void)gh_buf_appendf(&both, "%s %s", server->default_scope, *scope);
    free(*scope);
    *scope = gh_buf_steal(&both);
    gh_buf_free(&both);
    return *scope != NULL ? GH_OK : GH_ERR_NOMEM;
}

gh_status gh_authorization_check(const gh_oauth_server *server, const gh_client *client, const gh_form *form,
                                 gh_refusal *refusal, gh_authorization *request)
{
    *refusal = check_all(server, client, form);
    if (refusal->code != NULL) {
        return GH_OK;
    }
    gh_status status = gh_authorization_scope(server, client, form, &request->scope);
    if (status == GH_ERR_DENIED || status == GH_ERR_PARSE) {
        *refusal =
            refuse("invalid_scope",
                   "None of the requested scopes is known here; see scopes_supported in the metadata.");
        return GH_OK;
    }
    request->challenge = gh_form_get(form, "code_challenge");
    return status;
}

void gh_authorization_clear(gh_authorization *request)
{
    free(request->scope);
    request->scope = NULL;
}

#include <stdlib.h>
#include <string.h>

#include "server/idp/idp_private.h"
#include "shared/json/access.h"
#include "shared/net/base64.h"
#include "shared/net/url.h"

#define CODE_MAX 64
#define CREDENTIALS_MAX ((size_t)16 * 1024)
#define LIFETIME_MAX_S (10LL * 365 * 86400)

gh_status gh_idp_outage(gh_error *error, const gh_error *cause)
{
    return gh_error_set(error, GH_ERR_UNAVAILABLE, "The identity provider cannot be reached: %s",
                        cause->message);
}

gh_status gh_idp_add_field(gh_buf *form, const char *name, gh_view value)
{
    if (form->len > 0) {
        (void)gh_buf_append_char(form, '&');
    }
    (void)gh_buf_appendf(form, "%s=", name);
    return gh_url_encode(value, form);
}

/* client_secret_basic is the default of RFC 8414 (2), also when nothing that is listed suits a secret. */
static bool wants_post(const gh_server_metadata *m)
{
    gh_view methods = gh_view_of(m->token_endpoint_auth_methods_supported);
    return methods.len > 0 && !gh_text_has_word(methods, GH_VIEW_LIT("client_secret_basic")) &&
           gh_text_has_word(methods, GH_VIEW_LIT("client_secret_post"));
}

/* Id and secret are form-encoded before they are joined (RFC 6749, 2.3.1). */
static gh_status basic_credentials(const gh_idp_login *as, gh_buf *header)
{
    gh_buf pair = GH_BUF_INIT(CREDENTIALS_MAX);
    gh_status status = gh_buf_reserve(&pair, CREDENTIALS_MAX);
    (void)gh_url_encode(gh_view_of(as->client_id), &pair);
    (void)gh_buf_append_char(&pair, ':');
    (void)gh_url_encode(gh_secret_view(as->secret), &pair);
    status = status == GH_OK ? gh_buf_status(&pair) : status;
    if (status == GH_OK) {
        status = gh_buf_reserve(header, 2 * CREDENTIALS_MAX);
    }
    if (status == GH_OK) {
        (void)gh_buf_append_cstr(header, "Basic ");
        (void)gh_base64_encode(gh_buf_view(&pair), header);
        status = gh_buf_status(header);
    }
    gh_buf_wipe_free(&pair);
    return status;
}

gh_idp_login gh_idp_own_login(const gh_idp *idp, const gh_server_metadata *m)
{
    return (gh_idp_login){
        .client_id = idp->client_id, .secret = idp->client_secret, .in_body = wants_post(m)};
}

gh_status gh_idp_post_form_as(const gh_idp *idp, gh_http_client *client, const gh_idp_login *as,
                              const char *url, gh_buf *form, gh_deadline deadline, gh_idp_reply *reply,
                              gh_error *error)
{
    gh_buf credentials = GH_BUF_INIT(2 * CREDENTIALS_MAX);
    gh_status status = GH_OK;
    bool basic = as->secret != NULL && !as->in_body;
    if (basic) {
        status = basic_credentials(as, &credentials);
    } else {
        (void)gh_idp_add_field(form, "client_id", gh_view_of(as->client_id));
        if (as->secret != NULL) {
            (void)gh_idp_add_field(form, "client_secret", gh_secret_view(as->secret));
        }
    }
    if (status == GH_OK) {
        status = gh_buf_status(form);
    }
    if (status == GH_OK) {
        status = gh_buf_reserve(&reply->body, GH_IDP_REPLY_MAX); /* so that all of it can be wiped */
    }
    if (status == GH_OK) {
        reply->body.max = GH_IDP_REPLY_MAX;
        const gh_http_header headers[] = {{"Content-Type", "application/x-www-form-urlencoded"},
                                          {"Accept", "application/json"},
                                          {"Authorization", gh_buf_cstr(&credentials)}};
        const gh_http_request request = {.method = "POST",
                                         .url = url,
                                         .headers = headers,
                                         .header_count = basic ? 3 : 2,
                                         .body = gh_buf_view(form)};
        status = gh_idp_fetch(idp, client, &request, deadline, reply, error);
    } else {
        (void)gh_error_set(error, status, "the request could not be made (%s)", gh_status_text(status));
    }
    gh_buf_wipe_free(&credentials);
    return status;
}

gh_status gh_idp_post_form(gh_idp *idp, gh_http_client *client, const gh_server_metadata *m, const char *url,
                           gh_buf *form, gh_deadline deadline, gh_idp_reply *reply, gh_error *error)
{
    const gh_idp_login own = gh_idp_own_login(idp, m);
    return gh_idp_post_form_as(idp, client, &own, url, form, deadline, reply, error);
}

/* Takes a string member out of the tree, and wipes it there. GH_OK with NULL when there is none. */
static gh_status take_secret(const cJSON *json, const char *name, gh_secret **out)
{
    const cJSON *item = gh_json_get(json, name);
    *out = NULL;
    if (!cJSON_IsString(item) || item->valuestring[0] == '\0') {
        return GH_OK;
    }
    *out = gh_secret_new(gh_view_of(item->valuestring));
    gh_wipe(item->valuestring, strlen(item->valuestring));
    return *out == NULL ? GH_ERR_NOMEM : GH_OK;
}

/* An error code has few characters (RFC 6749, 5.2); only plain ones are repeated. */
static void copy_code(const char *from, char code[CODE_MAX])
{
    size_t len = 0;
    for (; from[len] != '\0' && len + 1 < CODE_MAX; len++) {
        char c = from[len];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        code[len] = plain ? c : '?';
    }
    code[len] = '\0';
}

static const char *remedy_for(const char *code)
{
    static const struct {
        const char *code;
        const char *remedy;
    } remedies[] = {
        {"invalid_grant", "sign in again"},
        {"invalid_client", "check --client-id and --client-secret"},
        {"unauthorized_client", "allow the grant type for this client in the provider"},
        {"unsupported_grant_type", "allow the grant type for this client in the provider"},
        {"invalid_scope", "check --scopes against the scopes that the provider allows"},
    };
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
        if (strcmp(code, remedies[i].code) == 0) {
            return remedies[i].remedy;
        }
    }
    return "see the provider's log";
}

/* A refusal is one only when it is said by an OAuth error code: anything else may come from what stands in
 * between. */
static gh_status read_refusal(const gh_idp_reply *reply, const cJSON *json, char *code, gh_error *error)
{
    const char *said = gh_json_get_string(json, "error");
    bool passing = reply->http_status >= 500 || reply->http_status == 429 || reply->http_status == 408;
    if (said == NULL || *said == '\0' || passing || strcmp(said, "temporarily_unavailable") == 0 ||
        strcmp(said, "server_error") == 0) {
        return gh_error_set(error, GH_ERR_UNAVAILABLE,
                            "The identity provider answered with %d at its token endpoint; try again in a "
                            "moment.",
                            reply->http_status);
    }
    copy_code(said, code);
    return gh_error_set(error, GH_ERR_DENIED, "The identity provider refused (%s): %s.", code,
                        remedy_for(code));
}

static gh_status take_tokens(const cJSON *json, gh_idp_tokens *tokens, gh_secret **id_token)
{
    int64_t lifetime = 0;
    gh_status status = take_secret(json, "access_token", &tokens->access_token);
    if (status == GH_OK) {
        status = take_secret(json, "refresh_token", &tokens->refresh_token);
    }
    if (status == GH_OK) {
        status = take_secret(json, "id_token", id_token);
    }
    if (gh_json_get_int64(json, "expires_in", &lifetime) && lifetime > 0 && lifetime <= LIFETIME_MAX_S) {
        tokens->expires_at = gh_clock_wall_s() + lifetime;
    }
    return status;
}

static bool is_bearer(const cJSON *json)
{
    const char *type = gh_json_get_string(json, "token_type");
    return type == NULL || gh_view_eq_nocase(gh_view_of(type), GH_VIEW_LIT("Bearer"));
}

/* What was exchanged must be something that can be sent to an API (RFC 8693, 2.2.1). */
static bool is_access_token(const cJSON *json)
{
    const char *issued = gh_json_get_string(json, "issued_token_type");
    return issued != NULL && (strcmp(issued, GH_IDP_ACCESS_TOKEN) == 0 || strcmp(issued, GH_IDP_JWT) == 0) &&
           gh_json_get_string(json, "token_type") != NULL;
}

static gh_status read_reply(const gh_idp_reply *reply, bool exchanged, gh_idp_tokens *tokens,
                            gh_secret **id_token, char *code, gh_error *error)
{
    cJSON *json = NULL;
    gh_status status = GH_OK;
    (void)!gh_json_parse(gh_buf_view(&reply->body), &GH_JSON_LIMITS_DOCUMENT, &json, NULL);
    if (reply->http_status != 200) {
        status = read_refusal(reply, json, code, error);
        goto out;
    }
    status = take_tokens(json, tokens, id_token);
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "There is not enough memory for the provider's reply.");
        goto out;
    }
    if (tokens->access_token == NULL || !is_bearer(json)) {
        status = gh_error_set(error, GH_ERR_UNAVAILABLE,
                              "The identity provider's token endpoint gave no bearer token; check what "
                              "answers there.");
    } else if (exchanged && !is_access_token(json)) {
        status = gh_error_set(error, GH_ERR_UNAVAILABLE,
                              "The identity provider exchanged the token for something that is no access "
                              "token (token_type, issued_token_type); check what answers there.");
    }
out:
    cJSON_Delete(json);
    return status;
}

gh_status gh_idp_read_tokens(const gh_idp_reply *reply, gh_idp_tokens *tokens, gh_secret **id_token,
                             char *code, gh_error *error)
{
    return read_reply(reply, false, tokens, id_token, code, error);
}

gh_status gh_idp_read_issued(const gh_idp_reply *reply, bool exchanged, gh_idp_tokens *tokens, char *code,
                             gh_error *error)
{
    gh_secret *id_token = NULL;
    gh_status status = read_reply(reply, exchanged, tokens, &id_token, code, error);
    gh_secret_free(id_token);
    gh_secret_free(tokens->refresh_token); /* whoever can ask for the token again needs none */
    tokens->refresh_token = NULL;
    return status;
}

void gh_idp_tokens_clear(gh_idp_tokens *tokens)
{
    gh_secret_free(tokens->access_token);
    gh_secret_free(tokens->refresh_token);
    cJSON_Delete(tokens->claims);
    memset(tokens, 0, sizeof *tokens);
}

#include "server/oauth/issue.h"

#include "server/auth/jwt.h"
#include "server/oauth/browser.h"
#include "server/oauth/scope.h"
#include "shared/core/clock.h"
#include "shared/core/random.h"
#include "shared/json/access.h"

#define JTI_BYTES 16

static bool fill_claims(const gh_oauth_server *server, const gh_grant *grant, const char *scope,
                        const char *jti, cJSON *claims)
{
    int64_t now = gh_clock_wall_s();
    return gh_json_add_string(claims, "iss", server->issuer) &&
           gh_json_add_string(claims, "sub", grant->subject) &&
           gh_json_add_string(claims, "aud", grant->resource) && gh_json_add_int64(claims, "iat", now) &&
           gh_json_add_int64(claims, "exp", now + server->access_ttl_s) &&
           gh_json_add_string(claims, "jti", jti) &&
           gh_json_add_string(claims, "client_id", grant->client_id) &&
           gh_json_add_string(claims, "scope", scope) && gh_json_add_string(claims, "gid", grant->id) &&
           gh_json_add_string(claims, "name", grant->name) &&
           gh_json_add_string(claims, "email", grant->email);
}

gh_status gh_issue_access_token(const gh_oauth_server *server, const gh_grant *grant, const char *scope,
                                char **token)
{
    char *jti = NULL;
    cJSON *claims = cJSON_CreateObject();
    gh_key *key = gh_signing_key(server->signing);
    gh_status status = claims == NULL ? GH_ERR_NOMEM : gh_random_token(JTI_BYTES, &jti);
    if (status == GH_OK) {
        status = fill_claims(server, grant, scope, jti, claims) ? gh_jwt_sign(key, "at+jwt", claims, token)
                                                                : GH_ERR_NOMEM;
    }
    gh_wipe_free(jti);
    cJSON_Delete(claims);
    gh_key_free(key);
    return status;
}

gh_status gh_issue_successor(const gh_oauth_server *server, gh_view token, char out[GH_SHA256_TEXT_MAX])
{
    return gh_hmac_text(server->refresh_secret, token, out);
}

/* Written by hand into memory that is wiped: a JSON tree would leave copies of the tokens behind. */
gh_status gh_issue_reply(const gh_oauth_server *server, const char *access_token, const char *refresh_token,
                         const char *scope, gh_response *response)
{
    gh_buf text = GH_BUF_INIT(GH_OAUTH_DOCUMENT_MAX);
    (void)gh_buf_reserve(&text, GH_JWT_MAX + GH_SCOPE_MAX + 1024);
    (void)gh_buf_append_cstr(&text, "{\"access_token\":");
    (void)gh_json_write_string(&text, gh_view_of(access_token));
    (void)gh_buf_appendf(&text, ",\"token_type\":\"Bearer\",\"expires_in\":%lld",
                         (long long)server->access_ttl_s);
    if (refresh_token != NULL) {
        (void)gh_buf_append_cstr(&text, ",\"refresh_token\":");
        (void)gh_json_write_string(&text, gh_view_of(refresh_token));
    }
    (void)gh_buf_append_cstr(&text, ",\"scope\":");
    (void)gh_json_write_string(&text, gh_view_of(scope));
    (void)gh_buf_append_char(&text, '}');
    gh_status status = gh_buf_status(&text);
    if (status == GH_OK) {
        gh_response_json(response, 200, gh_buf_view(&text));
    }
    gh_buf_wipe_free(&text);
    return status;
}

#include "bridge/login/client_auth.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/login/jws.h"
#include "shared/core/clock.h"
#include "shared/core/random.h"
#include "shared/json/access.h"
#include "shared/net/base64.h"
#include "shared/net/form.h"
#include "shared/net/url.h"

enum { PAIR_MAX = 64 * 1024, CLAIMS_MAX = 16 * 1024, ASSERTION_S = 300, JTI_BYTES = 16 };

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static bool has(const char *words, const char *word)
{
    return words != NULL && gh_text_has_word(gh_view_of(words), gh_view_of(word));
}

const char *gh_client_auth_for_secret(const char *supported)
{
    return has(supported, "client_secret_post") && !has(supported, "client_secret_basic")
               ? "client_secret_post"
               : "client_secret_basic";
}

const char *gh_client_auth_choose(const gh_bridge_settings *settings, const char *supported)
{
    if (settings->client_key != NULL) {
        return "private_key_jwt";
    }
    if (settings->client_secret == NULL) {
        return "none";
    }
    return settings->client_auth_method != NULL ? settings->client_auth_method
                                                : gh_client_auth_for_secret(supported);
}

void gh_client_auth_add_secret(gh_buf *form, const char *name, const gh_secret *secret)
{
    if (secret == NULL) {
        return;
    }
    char *text = gh_view_dup(gh_secret_view(secret));
    if (text == NULL) {
        form->status = GH_ERR_NOMEM;
        return;
    }
    (void)gh_form_add(form, name, text);
    gh_wipe_free(text);
}

static gh_status add_basic(const gh_credentials *credentials, gh_buf *authorization)
{
    gh_buf pair = GH_BUF_INIT(PAIR_MAX);
    gh_status status = gh_buf_reserve(&pair, PAIR_MAX);
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

/* The audience is the issuer alone, so that no other server can use the assertion (RFC 7523bis, 4). */
static gh_status write_claims(const gh_credentials *credentials, gh_buf *claims)
{
    char *jti = NULL;
    int64_t now = gh_clock_wall_s();
    gh_status status = gh_random_token(JTI_BYTES, &jti);
    if (status != GH_OK) {
        return status;
    }
    gh_buf_append_cstr(claims, "{\"iss\":");
    gh_json_write_string(claims, gh_view_of(credentials->client_id));
    gh_buf_append_cstr(claims, ",\"sub\":");
    gh_json_write_string(claims, gh_view_of(credentials->client_id));
    gh_buf_append_cstr(claims, ",\"aud\":");
    gh_json_write_string(claims, gh_view_of(credentials->issuer));
    gh_buf_appendf(claims, ",\"jti\":\"%s\",\"iat\":%lld,\"exp\":%lld}", jti, (long long)now,
                   (long long)now + ASSERTION_S);
    gh_wipe_free(jti);
    return gh_buf_status(claims);
}

static gh_status add_assertion(const gh_bridge_settings *settings, const gh_credentials *credentials,
                               gh_buf *form, gh_error *error)
{
    gh_jws_key *key = NULL;
    gh_buf header = GH_BUF_INIT(256);
    gh_buf claims = GH_BUF_INIT(CLAIMS_MAX);
    gh_buf assertion = GH_BUF_INIT(GH_JWS_MAX);
    if (settings->client_key == NULL) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "the client proves itself with a key; pass it with --client-key");
    }
    /* Read at each use: a key that was replaced counts at once. */
    gh_status status = gh_jws_key_read(settings->client_key, &key, error);
    if (status != GH_OK) {
        return status;
    }
    gh_buf_appendf(&header, "{\"alg\":\"%s\",\"typ\":\"JWT\"}", gh_jws_key_algorithm(key));
    status = write_claims(credentials, &claims);
    if (status == GH_OK) {
        status = gh_jws_sign(key, gh_buf_view(&header), gh_buf_view(&claims), &assertion);
    }
    if (status == GH_OK) {
        gh_form_add(form, "client_id", credentials->client_id);
        gh_form_add(form, "client_assertion_type", ASSERTION_TYPE);
        status = gh_form_add(form, "client_assertion", gh_buf_cstr(&assertion));
    }
    gh_jws_key_free(key);
    gh_buf_free(&header);
    gh_buf_free(&claims);
    gh_buf_wipe_free(&assertion);
    return status == GH_OK ? GH_OK : gh_error_set(error, status, "could not sign the client's assertion");
}

gh_status gh_client_auth_add(const gh_bridge_settings *settings, const gh_credentials *credentials,
                             gh_buf *form, gh_buf *authorization, gh_error *error)
{
    const char *method = credentials->token_auth_method;
    gh_status status = GH_OK;
    if (credentials->client_id == NULL) {
        return GH_OK;
    }
    if (method != NULL && strcmp(method, "private_key_jwt") == 0) {
        return add_assertion(settings, credentials, form, error);
    }
    if (credentials->client_secret == NULL) {
        status = gh_form_add(form, "client_id", credentials->client_id);
    } else if (method != NULL && strcmp(method, "client_secret_post") == 0) {
        gh_form_add(form, "client_id", credentials->client_id);
        gh_client_auth_add_secret(form, "client_secret", credentials->client_secret);
        status = gh_buf_status(form);
    } else {
        status = add_basic(credentials, authorization);
    }
    return status == GH_OK
               ? GH_OK
               : gh_error_set(error, status, "could not build the request for the authorization server");
}

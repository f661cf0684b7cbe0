#include "bridge/login/dpop.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/login/jws.h"
#include "shared/core/clock.h"
#include "shared/core/digest.h"
#include "shared/core/random.h"
#include "shared/json/access.h"

enum { HEADER_MAX = 1024, CLAIMS_MAX = 16 * 1024, JTI_BYTES = 16 };

static gh_status write_claims(const gh_dpop_request *request, gh_buf *claims)
{
    char *jti = NULL;
    char hash[GH_SHA256_TEXT_MAX];
    gh_status status = gh_random_token(JTI_BYTES, &jti);
    if (status == GH_OK && request->token != NULL) {
        status = gh_sha256_text(gh_view_of(request->token), hash);
    }
    if (status != GH_OK) {
        gh_wipe_free(jti);
        return status;
    }
    gh_buf_appendf(claims, "{\"jti\":\"%s\",\"iat\":%lld,\"htm\":\"%s\",\"htu\":", jti,
                   (long long)gh_clock_wall_s(), request->method);
    gh_json_write_string(claims, gh_view_make(request->url, strcspn(request->url, "?#")));
    if (request->token != NULL) {
        gh_buf_appendf(claims, ",\"ath\":\"%s\"", hash);
    }
    if (request->nonce != NULL && request->nonce[0] != '\0') {
        gh_buf_append_cstr(claims, ",\"nonce\":");
        gh_json_write_string(claims, gh_view_of(request->nonce));
    }
    gh_wipe_free(jti);
    gh_buf_append_char(claims, '}');
    return gh_buf_status(claims);
}

gh_status gh_dpop_prove(const gh_secret *pem, const gh_dpop_request *request, gh_buf *proof)
{
    gh_jws_key *key = NULL;
    gh_buf header = GH_BUF_INIT(HEADER_MAX);
    gh_buf claims = GH_BUF_INIT(CLAIMS_MAX);
    gh_status status = gh_jws_key_parse(gh_secret_view(pem), &key);
    if (status == GH_OK) {
        gh_buf_append_cstr(&header, "{\"typ\":\"dpop+jwt\",\"alg\":\"ES256\",\"jwk\":");
        status = gh_jws_key_write_jwk(key, &header);
        gh_buf_append_char(&header, '}');
    }
    if (status == GH_OK) {
        status = write_claims(request, &claims);
    }
    if (status == GH_OK) {
        status = gh_jws_sign(key, gh_buf_view(&header), gh_buf_view(&claims), proof);
    }
    gh_jws_key_free(key);
    gh_buf_free(&header);
    gh_buf_free(&claims);
    return status;
}

bool gh_dpop_wants_nonce(gh_view challenge)
{
    static const char WANTED[] = "error=\"use_dpop_nonce\"";
    return challenge.len > 0 && memmem(challenge.ptr, challenge.len, WANTED, sizeof(WANTED) - 1) != NULL;
}

#include "shared/oauth/pkce.h"

#include "shared/core/random.h"

#define VERIFIER_BYTES 32
#define VERIFIER_MIN 43
#define VERIFIER_MAX 128
#define CHALLENGE_LEN 43

static bool is_base64url(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

gh_status gh_pkce_verifier_new(gh_secret **verifier)
{
    char *token = NULL;
    gh_status status = gh_random_token(VERIFIER_BYTES, &token);
    if (status != GH_OK) {
        return status;
    }
    *verifier = gh_secret_new(gh_view_of(token));
    gh_wipe_free(token);
    return *verifier == NULL ? GH_ERR_NOMEM : GH_OK;
}

gh_status gh_pkce_challenge(gh_view verifier, char out[GH_PKCE_CHALLENGE_MAX])
{
    if (!gh_pkce_verifier_is_valid(verifier)) {
        return GH_ERR_INVALID;
    }
    return gh_sha256_text(verifier, out);
}

bool gh_pkce_verifier_is_valid(gh_view verifier)
{
    if (verifier.len < VERIFIER_MIN || verifier.len > VERIFIER_MAX) {
        return false;
    }
    for (size_t i = 0; i < verifier.len; i++) {
        if (!is_base64url(verifier.ptr[i]) && verifier.ptr[i] != '.' && verifier.ptr[i] != '~') {
            return false;
        }
    }
    return true;
}

bool gh_pkce_challenge_is_valid(gh_view challenge)
{
    if (challenge.len != CHALLENGE_LEN) {
        return false;
    }
    for (size_t i = 0; i < challenge.len; i++) {
        if (!is_base64url(challenge.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool gh_pkce_matches(gh_view verifier, gh_view challenge)
{
    char computed[GH_PKCE_CHALLENGE_MAX];
    return gh_pkce_challenge_is_valid(challenge) && gh_pkce_challenge(verifier, computed) == GH_OK &&
           gh_equal_constant_time(gh_view_of(computed), challenge);
}

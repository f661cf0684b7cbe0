/* The authorizer's tokens as requests carry them. */
#include <string.h>

#include "bridge/authorizer_parts.h"
#include "bridge/login/dpop.h"

gh_status gh_authorizer_present(const gh_authorizer *authorizer, const char *token, const char *method,
                                const char *url, gh_buf *authorization, gh_buf *proof)
{
    const gh_credentials *credentials = &authorizer->credentials;
    bool bound = credentials->dpop_bound && credentials->dpop_key != NULL;
    gh_status status =
        gh_buf_reserve(authorization, strlen(token) + sizeof("Bearer ")); /* one block to wipe */
    if (status != GH_OK) {
        return status;
    }
    gh_buf_appendf(authorization, "%s %s", bound ? "DPoP" : "Bearer", token);
    if (bound) {
        gh_dpop_request request = {.method = method, .url = url, .nonce = authorizer->nonce, .token = token};
        status = gh_dpop_prove(credentials->dpop_key, &request, proof);
    }
    return status == GH_OK ? gh_buf_status(authorization) : status;
}

void gh_authorizer_note_nonce(gh_authorizer *authorizer, gh_view nonce)
{
    if (nonce.len > 0 && nonce.len < sizeof(authorizer->nonce)) {
        memcpy(authorizer->nonce, nonce.ptr, nonce.len);
        authorizer->nonce[nonce.len] = '\0';
    }
}

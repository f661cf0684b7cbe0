#include "shared/core/random.h"

#include <limits.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "shared/core/encode.h"
#include "shared/core/secret.h"

#define TOKEN_BYTES_MAX 1024

gh_status gh_random_bytes(void *out, size_t len)
{
    if (len > INT_MAX) {
        return GH_ERR_TOO_LARGE;
    }
    return len == 0 || RAND_bytes(out, (int)len) == 1 ? GH_OK : GH_ERR_CRYPTO;
}

gh_status gh_random_token(size_t bytes, char **token)
{
    unsigned char raw[TOKEN_BYTES_MAX];
    char *text = NULL;
    gh_status status = GH_OK;

    if (bytes == 0 || bytes > sizeof(raw)) {
        return GH_ERR_INVALID;
    }
    status = gh_random_bytes(raw, bytes);
    if (status != GH_OK) {
        goto out;
    }
    text = malloc(GH_BASE64URL_LEN(bytes) + 1);
    if (!text) {
        status = GH_ERR_NOMEM;
        goto out;
    }
    gh_encode_base64url(raw, bytes, text);
    *token = text;
out:
    gh_wipe(raw, bytes);
    return status;
}

gh_status gh_random_id(size_t bytes, char **id)
{
    char *text = NULL;
    gh_status status = gh_random_token(bytes, &text);

    /* One in 64 does. */
    while (status == GH_OK && text[0] == '-') {
        gh_wipe_free(text);
        text = NULL;
        status = gh_random_token(bytes, &text);
    }
    if (status == GH_OK) {
        *id = text;
    }
    return status;
}

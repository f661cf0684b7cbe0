#include "shared/core/digest.h"

#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>

#include "shared/core/encode.h"
#include "shared/core/secret.h"

_Static_assert(GH_SHA256_TEXT_MAX == GH_BASE64URL_LEN(GH_SHA256_LEN) + 1, "text of a digest");

static EVP_MD *fetched_sha256; /* as long as the process lives */

static void fetch_sha256(void)
{
    fetched_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* Looked up once: EVP_sha256() stands for a search through the providers, under their locks, at each use. */
static const EVP_MD *sha256(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, fetch_sha256);
    return fetched_sha256 ? fetched_sha256 : EVP_sha256();
}

gh_status gh_sha256(gh_view data, unsigned char out[GH_SHA256_LEN])
{
    unsigned len = 0;

    if (EVP_Digest(data.ptr, data.len, out, &len, sha256(), NULL) != 1 || len != GH_SHA256_LEN) {
        return GH_ERR_CRYPTO;
    }
    return GH_OK;
}

gh_status gh_sha256_text(gh_view data, char out[GH_SHA256_TEXT_MAX])
{
    unsigned char digest[GH_SHA256_LEN];
    gh_status status = gh_sha256(data, digest);

    if (status == GH_OK) {
        gh_encode_base64url(digest, sizeof(digest), out);
    }
    gh_wipe(digest, sizeof(digest));
    return status;
}

gh_status gh_hmac_sha256(gh_view key, gh_view data, unsigned char out[GH_SHA256_LEN])
{
    unsigned len = 0;

    if (key.len > INT_MAX) {
        return GH_ERR_TOO_LARGE;
    }
    /* A NULL key means "the key of last time" to OpenSSL. */
    if (!HMAC(sha256(), key.len > 0 ? key.ptr : "", (int)key.len, (const unsigned char *)data.ptr, data.len,
              out, &len) ||
        len != GH_SHA256_LEN) {
        return GH_ERR_CRYPTO;
    }
    return GH_OK;
}

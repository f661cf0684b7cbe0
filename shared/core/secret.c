#include "shared/core/secret.h"

#include <openssl/crypto.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct gh_secret {
    size_t len;
    char data[]; /* followed by a NUL */
};

gh_secret *gh_secret_new(gh_view bytes)
{
    gh_secret *secret = NULL;

    if (bytes.len > SIZE_MAX - sizeof(*secret) - 1) {
        return NULL;
    }
    secret = malloc(sizeof(*secret) + bytes.len + 1);
    if (!secret) {
        return NULL;
    }
    secret->len = bytes.len;
    if (bytes.len > 0) {
        memcpy(secret->data, bytes.ptr, bytes.len);
    }
    secret->data[bytes.len] = '\0';
    return secret;
}

void gh_secret_free(gh_secret *secret)
{
    if (!secret) {
        return;
    }
    gh_wipe(secret, sizeof(*secret) + secret->len + 1);
    free(secret);
}

gh_view gh_secret_view(const gh_secret *secret)
{
    return secret ? gh_view_make(secret->data, secret->len) : gh_view_make("", 0);
}

bool gh_secret_equals(const gh_secret *secret, gh_view other)
{
    return secret && gh_equal_constant_time(gh_secret_view(secret), other);
}

void gh_wipe(void *data, size_t len)
{
    if (data && len > 0) {
        OPENSSL_cleanse(data, len);
    }
}

void gh_wipe_free(char *text)
{
    if (text) {
        gh_wipe(text, strlen(text));
        free(text);
    }
}

bool gh_equal_constant_time(gh_view a, gh_view b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}

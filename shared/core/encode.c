#include "shared/core/encode.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void gh_encode_base64url(const unsigned char *bytes, size_t len, char *out)
{
    unsigned bits = 0;
    int held = 0;

    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | bytes[i]) & 0xffff;
        held += 8;
        while (held >= 6) {
            held -= 6;
            *out++ = alphabet[(bits >> held) & 63];
        }
    }
    if (held > 0) {
        *out++ = alphabet[(bits << (6 - held)) & 63];
    }
    *out = '\0';
}

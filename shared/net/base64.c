#include "shared/net/base64.h"

#include <stdint.h>
#include <string.h>

static const char URL_ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char STANDARD_ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static gh_status encode(gh_view bytes, const char *alphabet, bool padded, gh_buf *out)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        unsigned char in[3] = {0};
        size_t count = bytes.len - i < sizeof in ? bytes.len - i : sizeof in;
        memcpy(in, bytes.ptr + i, count);
        uint32_t group = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        char text[4];
        for (size_t k = 0; k < 4; k++) {
            text[k] = k <= count ? alphabet[(group >> (18 - 6 * k)) & 63U] : '=';
        }
        (void)gh_buf_append(out, text, padded ? 4 : count + 1);
    }
    return gh_buf_status(out);
}

/* The six bits of `c`, or -1. `c62` and `c63` are the alphabet's last two characters. */
static int value_of(char c, char c62, char c63)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == c62 ? 62 : c == c63 ? 63 : -1;
}

/* Everything is checked before the first byte is written, so that a failure leaves `out` alone. */
static bool is_well_formed(gh_view text, char c62, char c63)
{
    size_t tail = text.len % 4;
    if (tail == 1) {
        return false;
    }
    int last = 0;
    for (size_t i = 0; i < text.len; i++) {
        last = value_of(text.ptr[i], c62, c63);
        if (last < 0) {
            return false;
        }
    }
    /* Bits that no byte uses must be zero, or one value would have several spellings. */
    return !(tail == 2 && (last & 15) != 0) && !(tail == 3 && (last & 3) != 0);
}

static gh_status decode(gh_view text, char c62, char c63, gh_buf *out)
{
    if (!is_well_formed(text, c62, c63)) {
        return GH_ERR_PARSE;
    }
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < text.len; i++) {
        bits = (bits << 6) | (uint32_t)value_of(text.ptr[i], c62, c63);
        held += 6;
        if (held >= 8) {
            held -= 8;
            (void)gh_buf_append_char(out, (char)(unsigned char)(bits >> held));
            bits &= (1U << held) - 1U;
        }
    }
    return gh_buf_status(out);
}

gh_status gh_base64url_encode(gh_view bytes, gh_buf *out)
{
    return encode(bytes, URL_ALPHABET, false, out);
}

gh_status gh_base64url_decode(gh_view text, gh_buf *out)
{
    return decode(text, '-', '_', out);
}

gh_status gh_base64_encode(gh_view bytes, gh_buf *out)
{
    return encode(bytes, STANDARD_ALPHABET, true, out);
}

gh_status gh_base64_decode(gh_view text, gh_buf *out)
{
    if (text.len % 4 != 0) {
        return GH_ERR_PARSE;
    }
    for (int i = 0; i < 2 && text.len > 0 && text.ptr[text.len - 1] == '='; i++) {
        text.len--;
    }
    return decode(text, '+', '/', out);
}

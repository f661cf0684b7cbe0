#include "shared/json/chars.h"

#include <string.h>

gh_json_chars gh_json_chars_of(gh_view inner)
{
    return (gh_json_chars){inner.ptr, inner.len > 0 ? inner.ptr + inner.len : inner.ptr, false};
}

static bool read_hex4(gh_json_chars *chars, uint32_t *code)
{
    uint32_t value = 0;

    if (chars->end - chars->at < 4) {
        return false;
    }
    for (int i = 0; i < 4; i++) {
        char c = chars->at[i];
        uint32_t digit = 0;

        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (uint32_t)(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = (uint32_t)(c - 'A') + 10;
        } else {
            return false;
        }
        value = value << 4 | digit;
    }
    chars->at += 4;
    *code = value;
    return true;
}

static bool read_code_point(gh_json_chars *chars, uint32_t *code)
{
    uint32_t low = 0;

    if (!read_hex4(chars, code) || *code == 0 || (*code >= 0xdc00 && *code <= 0xdfff)) {
        return false;
    }
    if (*code < 0xd800 || *code > 0xdbff) {
        return true;
    }
    if (chars->end - chars->at < 6 || chars->at[0] != '\\' || chars->at[1] != 'u') {
        return false;
    }
    chars->at += 2;
    if (!read_hex4(chars, &low) || low < 0xdc00 || low > 0xdfff) {
        return false;
    }
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

static size_t encode_utf8(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

size_t gh_json_chars_next(gh_json_chars *chars, char out[4])
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    const char *found = NULL;
    uint32_t code = 0;
    char c = 0;

    if (chars->bad || chars->at == chars->end) {
        return 0;
    }
    c = *chars->at++;
    if (c != '\\') {
        out[0] = c;
        return 1;
    }
    if (chars->at == chars->end) {
        goto bad;
    }
    c = *chars->at++;
    if (c == 'u') {
        if (!read_code_point(chars, &code)) {
            goto bad;
        }
        return encode_utf8(code, out);
    }
    found = c != '\0' ? strchr(letters, c) : NULL;
    if (!found) {
        goto bad;
    }
    out[0] = meant[found - letters];
    return 1;
bad:
    chars->bad = true;
    return 0;
}

const char *gh_json_string_end(const char *at, const char *end)
{
    if (at == end || *at != '"') {
        return NULL;
    }
    for (at++; at < end; at++) {
        if (*at == '"') {
            return at + 1;
        }
        if (*at == '\\' && ++at == end) {
            return NULL;
        }
    }
    return NULL;
}

bool gh_json_string_inner(gh_view raw, gh_view *inner)
{
    if (raw.len < 2 || gh_json_string_end(raw.ptr, raw.ptr + raw.len) != raw.ptr + raw.len) {
        return false;
    }
    *inner = gh_view_make(raw.ptr + 1, raw.len - 2);
    return true;
}

/* Raw text gives a byte at a time where an escape gives a whole character; this evens it out. */
typedef struct byte_reader {
    gh_json_chars chars;
    char held[4];
    size_t len;
    size_t at;
} byte_reader;

/* The next byte, or -1 at the end. */
static int next_byte(byte_reader *reader)
{
    if (reader->at == reader->len) {
        reader->len = gh_json_chars_next(&reader->chars, reader->held);
        reader->at = 0;
        if (reader->len == 0) {
            return -1;
        }
    }
    return (unsigned char)reader->held[reader->at++];
}

bool gh_json_inner_equal(gh_view a, gh_view b)
{
    byte_reader left = {.chars = gh_json_chars_of(a)};
    byte_reader right = {.chars = gh_json_chars_of(b)};
    int byte = 0;

    if (gh_view_find(a, '\\') == a.len && gh_view_find(b, '\\') == b.len) {
        return gh_view_eq(a, b);
    }
    while (byte >= 0) {
        byte = next_byte(&left);
        if (next_byte(&right) != byte) {
            return false;
        }
    }
    return !left.chars.bad && !right.chars.bad;
}

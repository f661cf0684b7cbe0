#include "server/oauth/display.h"

#include <stdint.h>

typedef struct range {
    uint32_t first, last;
} range;

/* Joiners (200C, 200D) and the marks 200E and 200F stay: several scripts are misspelt without them. */
static const range HIDDEN[] = {
    {0x0000, 0x001F}, {0x007F, 0x009F}, {0x00AD, 0x00AD}, {0x034F, 0x034F},
    {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180E, 0x180E}, {0x200B, 0x200B},
    {0x2028, 0x202E}, {0x2060, 0x206F}, {0x2800, 0x2800}, {0x3164, 0x3164},
    {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE00FF},
};

static bool is_hidden(uint32_t c)
{
    for (size_t i = 0; i < sizeof HIDDEN / sizeof *HIDDEN; i++) {
        if (c >= HIDDEN[i].first && c <= HIDDEN[i].last) {
            return true;
        }
    }
    return false;
}

/* The code point at `at` of valid UTF-8; *len is its length in bytes. */
static uint32_t decode(gh_view text, size_t at, size_t *len)
{
    unsigned char lead = (unsigned char)text.ptr[at];
    size_t wanted = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t c = wanted == 1 ? lead : lead & (0x7FU >> wanted);
    if (wanted > text.len - at) {
        wanted = text.len - at;
    }
    for (size_t i = 1; i < wanted; i++) {
        c = (c << 6) | ((unsigned char)text.ptr[at + i] & 0x3FU);
    }
    *len = wanted;
    return c;
}

bool gh_display_is_clean(gh_view text)
{
    size_t len = 0;
    if (!gh_text_is_utf8(text)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i += len) {
        if (is_hidden(decode(text, i, &len))) {
            return false;
        }
    }
    return true;
}

gh_status gh_display_clean(gh_view text, gh_buf *out)
{
    size_t len = 0;
    bool gap = false;
    size_t start = out->len;
    if (!gh_text_is_utf8(text)) {
        return GH_ERR_PARSE;
    }
    for (size_t i = 0; i < text.len; i += len) {
        uint32_t c = decode(text, i, &len);
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            gap = true;
        } else if (!is_hidden(c)) {
            (void)gh_buf_append_cstr(out, gap && out->len > start ? " " : "");
            (void)gh_buf_append(out, text.ptr + i, len);
            gap = false;
        }
    }
    return gh_buf_status(out);
}

size_t gh_display_length(gh_view text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.ptr[i] & 0xC0U) != 0x80U ? 1U : 0U;
    }
    return count;
}

bool gh_display_is_email(gh_view text)
{
    size_t at = gh_view_find(text, '@');
    if (text.len > 254 || at == 0 || at > 64 || at + 1 >= text.len || !gh_display_is_clean(text)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == ' ' || c == '<' || c == '>' || c == '"' || c == ',' || (c == '@' && i != at)) {
            return false;
        }
    }
    return text.ptr[at + 1] != '.' && text.ptr[text.len - 1] != '.';
}

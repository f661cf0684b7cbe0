#include "shared/json/names.h"

#include <string.h>

#include "shared/json/chars.h"

static uint64_t mix(uint64_t hash, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 29;
    }
    return hash;
}

/* The low bit says whether the name has escapes. The seed differs from process to process, which keeps
 * others from preparing names that collide; a collision only costs time. */
static uint16_t hash_of(gh_view inner, uint64_t seed)
{
    uint64_t hash = seed | 1;
    bool escaped = gh_view_find(inner, '\\') != inner.len;

    if (escaped) {
        gh_json_chars chars = gh_json_chars_of(inner);
        char out[4];
        size_t len = 0;

        while ((len = gh_json_chars_next(&chars, out)) > 0) {
            hash = mix(hash, out, len);
        }
    } else {
        hash = mix(hash, inner.ptr, inner.len);
    }
    return (uint16_t)((hash >> 16 & 0xfffeU) | (escaped ? 1U : 0U));
}

static bool same_name(const gh_json_names *names, size_t index, uint16_t hash, gh_view inner, gh_view text)
{
    const char *quote = text.ptr + names->offset[index];
    const char *end = NULL;

    if ((names->hash[index] & 0xfffeU) != (hash & 0xfffeU)) {
        return false;
    }
    if (((names->hash[index] | hash) & 1U) == 0) {
        /* The closing quote counts; the other name came earlier, so that these bytes are there. */
        return memcmp(quote + 1, inner.ptr, inner.len + 1) == 0;
    }
    end = gh_json_string_end(quote, text.ptr + text.len);
    return end && gh_json_inner_equal(gh_view_make(quote + 1, (size_t)(end - quote) - 2), inner);
}

gh_status gh_json_names_add(gh_json_names *names, size_t first, gh_view text, size_t quote)
{
    gh_view inner = gh_view_make(text.ptr + quote + 1, text.len - quote - 2);
    uint16_t hash = hash_of(inner, (uint64_t)(uintptr_t)names ^ (uint64_t)(uintptr_t)text.ptr);

    for (size_t i = first; i < names->len; i++) {
        if (same_name(names, i, hash, inner, text)) {
            return GH_ERR_CONFLICT;
        }
    }
    if (names->len == GH_JSON_GATE_OPEN_NAMES_MAX) {
        return GH_ERR_TOO_LARGE;
    }
    names->offset[names->len] = (uint32_t)quote;
    names->hash[names->len] = hash;
    names->len++;
    return GH_OK;
}

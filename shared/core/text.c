#include "shared/core/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u + ('a' - 'A')) : u;
}

bool gh_text_same_nocase(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) {
            return false;
        }
    }
    return true;
}

bool gh_view_starts_with(gh_view text, gh_view prefix)
{
    return text.len >= prefix.len && gh_view_eq(gh_view_make(text.ptr, prefix.len), prefix);
}

bool gh_view_starts_with_nocase(gh_view text, gh_view prefix)
{
    return text.len >= prefix.len && gh_text_same_nocase(text.ptr, prefix.ptr, prefix.len);
}

bool gh_view_ends_with(gh_view text, gh_view suffix)
{
    if (suffix.len == 0) {
        return true;
    }
    return text.len >= suffix.len &&
           gh_view_eq(gh_view_make(text.ptr + (text.len - suffix.len), suffix.len), suffix);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

gh_view gh_view_trim(gh_view text)
{
    while (text.len > 0 && is_space(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.ptr[text.len - 1])) {
        text.len--;
    }
    return text;
}

size_t gh_view_find(gh_view text, char c)
{
    const char *found = text.len > 0 ? memchr(text.ptr, c, text.len) : NULL;
    return found ? (size_t)(found - text.ptr) : text.len;
}

bool gh_view_next(gh_view *rest, char separator, gh_view *part)
{
    size_t at = 0;

    if (!rest->ptr) {
        return false;
    }
    at = gh_view_find(*rest, separator);
    *part = gh_view_make(rest->ptr, at);
    if (at < rest->len) {
        *rest = gh_view_make(rest->ptr + at + 1, rest->len - at - 1);
    } else {
        *rest = (gh_view){NULL, 0};
    }
    return true;
}

gh_status gh_view_to_int64(gh_view text, int64_t min, int64_t max, int64_t *value)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    int64_t result = 0; /* kept negative: INT64_MIN has no positive counterpart */

    if (text.len == (negative ? 1U : 0U)) {
        return GH_ERR_INVALID;
    }
    for (size_t i = negative ? 1 : 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c < '0' || c > '9') {
            return GH_ERR_INVALID;
        }
        if (__builtin_mul_overflow(result, 10, &result) || __builtin_sub_overflow(result, c - '0', &result)) {
            return GH_ERR_INVALID;
        }
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, result, &result)) {
        return GH_ERR_INVALID;
    }
    if (result < min || result > max) {
        return GH_ERR_INVALID;
    }
    *value = result;
    return GH_OK;
}

char *gh_view_dup(gh_view text)
{
    char *copy = NULL;

    if (text.len == SIZE_MAX || gh_view_find(text, '\0') != text.len) {
        return NULL;
    }
    copy = malloc(text.len + 1);
    if (!copy) {
        return NULL;
    }
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    copy[text.len] = '\0';
    return copy;
}

char *gh_text_dup(const char *cstr)
{
    return cstr ? strdup(cstr) : NULL;
}

static bool continues(gh_view text, size_t at, unsigned char low, unsigned char high)
{
    unsigned char c = at < text.len ? (unsigned char)text.ptr[at] : 0;
    return c >= low && c <= high;
}

/* RFC 3629, 4: the well-formed sequences. */
size_t gh_utf8_width(gh_view text)
{
    unsigned char first = text.len > 0 ? (unsigned char)text.ptr[0] : 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t width = 0;

    if (text.len == 0) {
        return 0;
    }
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        width = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        width = 3;
        low = first == 0xe0 ? 0xa0 : low;
        high = first == 0xed ? 0x9f : high;
    } else if (first >= 0xf0 && first <= 0xf4) {
        width = 4;
        low = first == 0xf0 ? 0x90 : low;
        high = first == 0xf4 ? 0x8f : high;
    } else {
        return 0;
    }
    if (!continues(text, 1, low, high)) {
        return 0;
    }
    for (size_t i = 2; i < width; i++) {
        if (!continues(text, i, 0x80, 0xbf)) {
            return 0;
        }
    }
    return width;
}

bool gh_utf8_is_deceptive(gh_view character)
{
    const unsigned char *c = (const unsigned char *)character.ptr;

    if (character.len == 2) {
        return c[0] == 0xc2 && c[1] < 0xa0;
    }
    if (character.len == 3 && c[0] == 0xe2) {
        return (c[1] == 0x80 && ((c[2] >= 0xa8 && c[2] <= 0xae) || c[2] == 0x8e || c[2] == 0x8f)) ||
               (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
    }
    return false;
}

bool gh_text_is_utf8(gh_view text)
{
    for (size_t i = 0; i < text.len;) {
        size_t width = gh_utf8_width(gh_view_make(text.ptr + i, text.len - i));
        if (width == 0) {
            return false;
        }
        i += width;
    }
    return true;
}

#define EACH_BYTE(value) (UINT64_MAX / 255 * (value))

/* Eight bytes at a time: is one of them zero, or below 0x20? (Both take a byte from the next, so they tell
 * whether there is one, not which.) */
static bool has_zero(uint64_t bytes)
{
    return ((bytes - EACH_BYTE(1)) & ~bytes & EACH_BYTE(0x80)) != 0;
}

static bool has_low(uint64_t bytes)
{
    return ((bytes - EACH_BYTE(0x20)) & ~bytes & EACH_BYTE(0x80)) != 0;
}

bool gh_text_has_control(gh_view text)
{
    size_t i = 0;
    for (; text.len - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
        uint64_t bytes;
        memcpy(&bytes, text.ptr + i, sizeof(bytes));
        if (has_low(bytes) || has_zero(bytes ^ EACH_BYTE(0x7f))) {
            return true;
        }
    }
    for (; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return true;
        }
    }
    return false;
}

bool gh_text_has_word(gh_view list, gh_view word)
{
    gh_view part = {NULL, 0};

    if (word.len == 0) {
        return false;
    }
    while (gh_view_next(&list, ' ', &part)) {
        if (gh_view_eq(part, word)) {
            return true;
        }
    }
    return false;
}

#define DISTANCE_TEXT_MAX 128

/* Levenshtein's distance, one row at a time. */
size_t gh_text_distance(const char *a, const char *b, size_t limit)
{
    size_t row[DISTANCE_TEXT_MAX];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    size_t too_far = limit + 1;

    if (a_len >= DISTANCE_TEXT_MAX || b_len >= DISTANCE_TEXT_MAX) {
        return strcmp(a, b) == 0 ? 0 : too_far;
    }
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            size_t best = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            best = above + 1 < best ? above + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = above;
            row[j] = best;
        }
    }
    return row[b_len] > limit ? too_far : row[b_len];
}

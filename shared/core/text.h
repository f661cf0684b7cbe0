/* Views: pointer-and-length text that is borrowed, never owned, and not NUL-terminated.
 * Thread-safe: nothing here has state. */
#ifndef GH_SHARED_CORE_TEXT_H
#define GH_SHARED_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "shared/core/status.h"

typedef struct gh_view {
    const char *ptr; /* may be NULL only when len is 0 */
    size_t len;
} gh_view;

#define GH_VIEW_LIT(literal) ((gh_view){(literal), sizeof(literal) - 1})

/* These are inline: requests are looked at with them more than with anything else, and the length of a
 * literal is then known when this is compiled. */

/* NULL gives the empty view. */
static inline gh_view gh_view_of(const char *cstr)
{
    return cstr ? (gh_view){cstr, strlen(cstr)} : (gh_view){NULL, 0};
}

static inline gh_view gh_view_make(const char *ptr, size_t len)
{
    return (gh_view){ptr, len};
}

static inline bool gh_view_eq(gh_view a, gh_view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool gh_view_eq_cstr(gh_view a, const char *b)
{
    return gh_view_eq(a, gh_view_of(b));
}

bool gh_text_same_nocase(const char *a, const char *b, size_t len);

/* ASCII only. Letters that differ in case differ in one bit. */
static inline bool gh_view_eq_nocase(gh_view a, gh_view b)
{
    return a.len == b.len &&
           (a.len == 0 || (((a.ptr[0] ^ b.ptr[0]) & ~0x20) == 0 && gh_text_same_nocase(a.ptr, b.ptr, a.len)));
}

bool gh_view_starts_with(gh_view text, gh_view prefix);
bool gh_view_starts_with_nocase(gh_view text, gh_view prefix);
bool gh_view_ends_with(gh_view text, gh_view suffix);
gh_view gh_view_trim(gh_view text); /* space, tab, CR, LF at both ends */

/* Index of the first `c`, or text.len. */
size_t gh_view_find(gh_view text, char c);

/* Cuts the part before the first `separator` off the front of *rest into *part. False when *rest was
 * exhausted; a trailing empty part is delivered once ("a," gives "a" and ""). Start with a view whose
 * ptr is not NULL. */
bool gh_view_next(gh_view *rest, char separator, gh_view *part);

/* Whole text as decimal in [min, max]; no sign but '-', no spaces, no leading '+'. */
GH_MUST_USE gh_status gh_view_to_int64(gh_view text, int64_t min, int64_t max, int64_t *value);

/* A NUL-terminated copy, owned by the caller (free). NULL on lack of memory or an embedded NUL. */
char *gh_view_dup(gh_view text);
/* strdup that lets NULL through. */
char *gh_text_dup(const char *cstr);

/* Bytes of the character that `text` starts with: 1 to 4, or 0 when it is empty or not valid UTF-8. */
size_t gh_utf8_width(gh_view text);
/* One character of two or more bytes that is valid, yet can break a line, hide text or drive a terminal: a C1
 * control, the line and paragraph separators, a bidirectional mark. */
bool gh_utf8_is_deceptive(gh_view character);
bool gh_text_is_utf8(gh_view text);     /* strict: no overlong forms, no surrogates */
bool gh_text_has_control(gh_view text); /* below 0x20 or 0x7f */

/* True when `word` is one of the space-separated words of `list` (a scope string). */
bool gh_text_has_word(gh_view list, gh_view word);

/* Edit distance for "did you mean", bounded by `limit`: returns limit + 1 when further away. */
size_t gh_text_distance(const char *a, const char *b, size_t limit);

#endif

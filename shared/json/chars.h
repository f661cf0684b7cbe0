/* The characters of a raw JSON string, one at a time and without memory. Private to json. Thread-safe. */
#ifndef GH_SHARED_JSON_CHARS_H
#define GH_SHARED_JSON_CHARS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/core/text.h"

typedef struct gh_json_chars {
    const char *at;
    const char *end;
    bool bad; /* an escape was not one */
} gh_json_chars;

/* `inner` is the text between the quotes. */
gh_json_chars gh_json_chars_of(gh_view inner);
/* The next unescaped character as up to 4 bytes of UTF-8 in `out`; raw bytes come as they are. Returns
 * the number of bytes, 0 at the end or, with `bad` set, at an illegal escape (a lone surrogate and
 * \u0000 are illegal). */
size_t gh_json_chars_next(gh_json_chars *chars, char out[4]);

/* The text between the quotes of `raw`, which must be one whole string; false otherwise. */
bool gh_json_string_inner(gh_view raw, gh_view *inner);
/* Where the string that starts at `at` (a quote) ends: after its closing quote; NULL when it does not. */
const char *gh_json_string_end(const char *at, const char *end);
/* Both are texts between quotes. */
bool gh_json_inner_equal(gh_view a, gh_view b);

#endif

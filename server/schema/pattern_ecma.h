/* From a regular expression of ECMAScript to one that PCRE2 reads the same; see pattern.h. */
#ifndef GH_SERVER_MCP_PATTERN_ECMA_H
#define GH_SERVER_MCP_PATTERN_ECMA_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

/* Groups in one pattern, of every kind, and how deep they may nest. */
#define GH_PATTERN_GROUPS_MAX 200
#define GH_PATTERN_DEPTH_MAX 60

/* What a pattern has that decides how it is compiled, and what it may cost. */
typedef struct gh_pattern_traits {
    bool refers;      /* has references, so groups must capture */
    bool looks;       /* has a lookahead or lookbehind */
    uint32_t repeats; /* the highest number of times that something must be repeated */
} gh_pattern_traits;

/* Appends the translation, which is ASCII and has no `.`, no Perl class but \d, \w, \b and their negations,
 * and wants PCRE2_UTF, no PCRE2_UCP, PCRE2_DOLLAR_ENDONLY and PCRE2_MATCH_UNSET_BACKREF. Errors as
 * of gh_pattern_new. Thread-safe. */
GH_MUST_USE gh_status gh_pattern_translate(gh_view text, gh_buf *out, gh_pattern_traits *traits,
                                           gh_error *error);

/* One escape, read from behind its backslash: a code point, or a set of them as what goes between the
 * brackets of a class. */
typedef struct gh_pattern_atom {
    const char *set; /* NULL for a code point; may point into `property` */
    uint32_t code;
    char property[64];
} gh_pattern_atom;

/* Where a translation stands. */
typedef struct gh_pattern_cursor {
    const char *start;
    const char *at;
    const char *end;
    gh_error *error;
} gh_pattern_cursor;

/* Reads one escape that is neither an assertion nor a reference. `in_class` allows \b for a backspace. */
GH_MUST_USE gh_status gh_pattern_escape(gh_pattern_cursor *cursor, bool in_class, gh_pattern_atom *atom);
/* Turns what stands in the braces of \p{...} or \P{...} (`sign`) into a set. False for an unknown property;
 * `text` is cut up. */
bool gh_pattern_property(char *text, char sign, gh_pattern_atom *atom);
/* Reads [...] from behind its first bracket and appends its translation. */
GH_MUST_USE gh_status gh_pattern_class(gh_pattern_cursor *cursor, gh_buf *out);
/* Reads one character of UTF-8 (there is one). */
GH_MUST_USE gh_status gh_pattern_character(gh_pattern_cursor *cursor, uint32_t *code);
/* Appends a code point so that it only means itself. */
void gh_pattern_write(gh_buf *out, uint32_t code);
/* GH_ERR_PARSE or GH_ERR_UNSUPPORTED with the place. */
gh_status gh_pattern_refuse(const gh_pattern_cursor *cursor, gh_status status, const char *format, ...)
    GH_PRINTF(3, 4);

#endif

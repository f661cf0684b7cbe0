/* Raw slices of JSON text that has passed the gate: what must survive byte for byte (request ids,
 * numbers, whatever is only passed on) is never parsed. Views are borrowed from the input. On text that
 * has not passed the gate the answers may be meaningless, but nothing reads beyond the view. Thread-safe. */
#ifndef GH_SHARED_JSON_SLICE_H
#define GH_SHARED_JSON_SLICE_H

#include <stdbool.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef enum gh_json_type {
    GH_JSON_NONE, /* empty or not there */
    GH_JSON_OBJECT,
    GH_JSON_ARRAY,
    GH_JSON_STRING,
    GH_JSON_NUMBER,
    GH_JSON_BOOL,
    GH_JSON_NULL
} gh_json_type;

/* Type of the value at the start of `value` (white space allowed before it). */
gh_json_type gh_json_slice_type(gh_view value);

typedef struct gh_json_iter {
    gh_view rest;
    bool object;
} gh_json_iter;

/* Iterates over an object's members or an array's elements. False when `container` is neither. */
bool gh_json_iter_start(gh_view container, gh_json_iter *iter);
/* `key` (may be NULL) is the raw string with quotes, empty for arrays; `value` is trimmed. */
bool gh_json_iter_next(gh_json_iter *iter, gh_view *key, gh_view *value);

/* The member `name` (compared after unescaping) of `object`; false when absent. */
bool gh_json_slice_member(gh_view object, const char *name, gh_view *value);
/* Follows names ending with NULL: gh_json_slice_path(msg, &v, "params", "_meta", NULL). */
bool gh_json_slice_path(gh_view object, gh_view *value, ...);

/* True when `raw` is a string (with its quotes) whose unescaped text is `text`; no memory needed. */
bool gh_json_slice_is(gh_view raw, gh_view text);
/* True when both are strings of the same unescaped text. */
bool gh_json_slice_same_string(gh_view a, gh_view b);

/* Unescapes a raw string (with its quotes) into `out` (appended). GH_ERR_INVALID when it is not one whole
 * string, GH_ERR_PARSE for a bad escape; then part of it may have been appended. */
GH_MUST_USE gh_status gh_json_slice_unescape(gh_view raw_string, gh_buf *out);
/* Same, as an owned C string (free). GH_ERR_INVALID when `raw` is not a string. */
GH_MUST_USE gh_status gh_json_slice_string(gh_view raw, char **out);

/* Appends `value` without insignificant white space, otherwise byte for byte: one line, for stdio.
 * GH_ERR_PARSE when a string does not end or holds a control character. */
GH_MUST_USE gh_status gh_json_slice_compact(gh_view value, gh_buf *out);

#endif

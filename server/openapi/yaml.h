/* YAML 1.2 as JSON text, by its core schema: null, true, false, integers and floats are what they look like,
 * anything else is a string, and so is every key. Values come out byte for byte where JSON writes them the
 * same way.
 *
 * Refused, with the line: what JSON has no word for (.inf, .nan, keys that are no scalars, tags of one's
 * own), duplicate keys, merge keys (they are YAML 1.1), aliases to something that is still open, a second
 * document, text that is not UTF-8, and whatever goes over the limits. An alias stands for a copy, which
 * counts against the limits each time. Thread-safe. */
#ifndef GH_SERVER_OPENAPI_YAML_H
#define GH_SERVER_OPENAPI_YAML_H

#include <stdbool.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"
#include "shared/json/gate.h"

#define GH_YAML_ANCHORS_MAX 1000
#define GH_YAML_ALIASES_MAX 100000

/* The limits are those of the JSON that is made. GH_ERR_PARSE or GH_ERR_TOO_LARGE with "line 12: ..."; `out`
 * then holds part of it. */
GH_MUST_USE gh_status gh_yaml_to_json(gh_view text, const gh_json_limits *limits, gh_buf *out,
                                      gh_error *error);

/* True when the text is a mapping with a member `name` that is a scalar, read up to there. */
bool gh_yaml_has_scalar(gh_view text, const char *name);

/* What a plain scalar is by the core schema. */
typedef enum gh_yaml_kind {
    GH_YAML_STRING,
    GH_YAML_NULL,
    GH_YAML_BOOL,
    GH_YAML_INT,
    GH_YAML_FLOAT,
    GH_YAML_BEYOND /* a number that JSON cannot say, or of over 100 digits */
} gh_yaml_kind;

gh_yaml_kind gh_yaml_kind_of(gh_view plain);
/* Appends it as JSON; `kind` is what gh_yaml_kind_of said, and neither a string nor beyond. */
gh_status gh_yaml_write_plain(gh_view plain, gh_yaml_kind kind, gh_buf *out);

#endif

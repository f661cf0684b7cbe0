/* The gate before the JSON parser: strict RFC 8259 over UTF-8, without recursion and without memory.
 *
 * cJSON accepts invalid UTF-8, control characters, a BOM, `01`, trailing junk, `\u0000` (which cuts
 * strings), recurses and is quadratic in members; none of that gets past here. Exactly one value is
 * accepted, with white space around it. Lone surrogate escapes are refused. Duplicate member names,
 * compared after unescaping, are refused in objects of up to GH_JSON_GATE_UNIQUE_MAX members; larger
 * objects count against `members` only. Objects that are open at the same time (each inside the one
 * before) may have GH_JSON_GATE_OPEN_NAMES_MAX names in all, larger objects not counted. Runs in linear
 * time with about 7 KB of stack. Thread-safe. */
#ifndef GH_SHARED_JSON_GATE_H
#define GH_SHARED_JSON_GATE_H

#include <stddef.h>

#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_json_limits {
    size_t size;           /* bytes in all */
    size_t depth;          /* nested objects and arrays; at most GH_JSON_DEPTH_MAX */
    size_t members;        /* members and elements in all */
    size_t object_members; /* members in one object */
} gh_json_limits;

#define GH_JSON_DEPTH_MAX 64
#define GH_JSON_GATE_UNIQUE_MAX 64
#define GH_JSON_GATE_OPEN_NAMES_MAX 1024

/* 4 MiB, 64, 100,000, 1,000: what arrives at /mcp. */
extern const gh_json_limits GH_JSON_LIMITS_MESSAGE;
/* 256 KiB, 16, 2,000, 200: metadata documents, registrations, token replies. */
extern const gh_json_limits GH_JSON_LIMITS_DOCUMENT;

/* `limits` NULL means GH_JSON_LIMITS_MESSAGE. GH_ERR_TOO_LARGE for a limit, GH_ERR_PARSE for the grammar; the
 * error gives the byte offset. */
GH_MUST_USE gh_status gh_json_gate(gh_view text, const gh_json_limits *limits, gh_error *error);
/* Also says at which byte it stopped: text.len, unless it was refused; 0 for the size. For who knows lines.
 */
GH_MUST_USE gh_status gh_json_gate_at(gh_view text, const gh_json_limits *limits, size_t *at,
                                      gh_error *error);

#endif

/* The tools of a modern server, as far as they concern its client: which arguments of a call go into headers
 * (2026-07-28, Streamable HTTP, "Custom Headers from Tool Parameters"), and which tools are shown at all.
 * A gh_tools has one owner and one thread. */
#ifndef GH_BRIDGE_TRANSLATE_TOOLS_H
#define GH_BRIDGE_TRANSLATE_TOOLS_H

#include <stdbool.h>

#include "bridge/era.h"
#include "shared/config/options.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

/* Those that are remembered; beyond that the book begins anew. */
#define GH_TOOLS_MAX 4096

typedef struct gh_tools gh_tools;

/* The lists of patterns are borrowed; NULL or empty ones restrict nothing. */
GH_MUST_USE gh_status gh_tools_new(const gh_text_list *allow, const gh_text_list *ignore, gh_tools **tools);
void gh_tools_free(gh_tools *tools);

/* `*` in a pattern stands for any text, everything else for itself. */
bool gh_tools_matches(const char *pattern, const char *name);
/* Neither left out by a pattern. */
bool gh_tools_is_allowed(const gh_tools *tools, const char *name);
bool gh_tools_has_patterns(const gh_tools *tools);

/* Reads the raw result of tools/list: with `modern` the annotations are remembered, and tools whose
 * annotations are invalid are left out with a warning. When something is to be left out, the result without
 * it is appended to `out`; all other bytes stay. */
GH_MUST_USE gh_status gh_tools_read(gh_tools *tools, gh_view result, bool modern, gh_buf *out);
/* True when a list named it, or gh_tools_note_absent did. */
bool gh_tools_knows(const gh_tools *tools, const char *name);
/* No list names it: not worth asking for again. */
void gh_tools_note_absent(gh_tools *tools, const char *name);
/* What is known of it is wrong. */
void gh_tools_forget(gh_tools *tools, const char *name);

/* Adds the headers for a call with these raw `params`. */
GH_MUST_USE gh_status gh_tools_headers(const gh_tools *tools, gh_view params, gh_era_headers *headers);

#endif

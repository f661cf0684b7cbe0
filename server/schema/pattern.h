/* Regular expressions of JSON Schema (`pattern`, `patternProperties`): ECMA-262 with the "u" flag, as JSON
 * Schema 2020-12 section 6.4 asks for, on the system's PCRE2.
 *
 * The pattern is parsed by ECMAScript's grammar and rewritten so that PCRE2 reads the same: what ECMAScript
 * does not have (inline options, possessive quantifiers, \A, \Z, POSIX classes) is a syntax error or means
 * what it means there, never what it means in Perl. Beyond the "u" flag's grammar, what every engine without
 * that flag reads in one way is taken as well: an escaped punctuation mark, a `{` that starts no quantifier,
 * a lone `]` or `}`, a `-` beside a class such as \w in brackets. Refused although ECMAScript has them: lone
 * surrogates, references to a group that is not closed yet or is repeated or used with a lookbehind, a
 * lookbehind of a length that PCRE2 cannot know, Unicode properties beyond categories, scripts and the usual
 * binary ones, repeat counts above 65535. Which characters have a property is PCRE2's edition of Unicode.
 *
 * A gh_pattern is immutable and may be used from several threads. */
#ifndef GH_SERVER_MCP_PATTERN_H
#define GH_SERVER_MCP_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/status.h"

/* Bytes of a pattern, and of what it compiles to. */
#define GH_PATTERN_LEN_MAX 4096
#define GH_PATTERN_SIZE_MAX (256 * 1024)
/* Memory for one match. */
#define GH_PATTERN_HEAP_MAX_KB 16384

typedef struct gh_pattern gh_pattern;

/* GH_ERR_PARSE (no regular expression of ECMAScript), GH_ERR_UNSUPPORTED (one, but not taken here),
 * GH_ERR_TOO_LARGE, GH_ERR_NOMEM; the error says why and where. */
GH_MUST_USE gh_status gh_pattern_new(const char *text, gh_pattern **pattern, gh_error *error);
void gh_pattern_free(gh_pattern *pattern);
/* Bytes that the compiled pattern takes. */
size_t gh_pattern_size(const gh_pattern *pattern);

/* Does the pattern match anywhere in `text` (UTF-8)? Takes what it may have cost off *work, in units of some
 * hundred nanoseconds at most; the same text always costs the same. GH_ERR_TOO_LARGE when *work (then 0) or
 * the memory for one match does not suffice, GH_ERR_INVALID when `text` is not UTF-8, GH_ERR_NOMEM. */
GH_MUST_USE gh_status gh_pattern_match(const gh_pattern *pattern, const char *text, size_t *work,
                                       bool *matches);

#endif

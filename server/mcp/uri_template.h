/* URI templates of RFC 6570, level 1: text with variables in braces, "weather://{city}/today", and matching
 * URIs against them.
 *
 * A variable stands for one or more characters. It never holds a '/', neither plain nor as "%2F", nor NUL,
 * nor bytes that are not UTF-8 once they are percent-decoded: a URI with such a part does not match, so that
 * a value is one segment, also for who builds a path of it. Where text between variables could be found at
 * several places, the first counts. What is not a variable is compared byte for byte.
 *
 * Refused: operators ({+x}, {?x}...), lists ({a,b}), modifiers ({a:3}, {a*}), the same variable twice,
 * variables without text between them, a template that does not begin with a scheme, and characters that are
 * not allowed in a URI. Immutable after creation: may be used from several threads. */
#ifndef GH_SERVER_MCP_URI_TEMPLATE_H
#define GH_SERVER_MCP_URI_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_URI_TEMPLATE_MAX 4096 /* bytes of a template; longer URIs do not match either */
#define GH_URI_TEMPLATE_VARIABLES_MAX 32

typedef struct gh_uri_template gh_uri_template;

/* GH_ERR_PARSE for what is no URI template, GH_ERR_UNSUPPORTED for what is one beyond the above,
 * GH_ERR_TOO_LARGE. */
GH_MUST_USE gh_status gh_uri_template_new(gh_view text, gh_uri_template **result, gh_error *error);
void gh_uri_template_free(gh_uri_template *pattern); /* NULL is fine */

/* GH_OK when `uri` matches: then the variables are appended to `variables` as a JSON object of strings,
 * {"city":"Oslo"}. GH_ERR_NOT_FOUND when it does not match; then nothing is appended. */
GH_MUST_USE gh_status gh_uri_template_match(const gh_uri_template *pattern, gh_view uri, gh_buf *variables);
bool gh_uri_template_has(const gh_uri_template *pattern, gh_view variable);

#endif

/* OpenAPI 3.0 and 3.1 descriptions become a tools file: every operation a tool. JSON or YAML.
 *
 * What a tools file cannot express is reported, never dropped in silence: an operation that is left out, and
 * each thing within one that is kept. Thread-safe. */
#ifndef GH_SERVER_OPENAPI_OPENAPI_H
#define GH_SERVER_OPENAPI_OPENAPI_H

#include <stdbool.h>

#include "shared/config/options.h"
#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_OPENAPI_MAX ((size_t)16 * 1024 * 1024) /* bytes of a description */

typedef struct gh_openapi_options {
    const char *label; /* the file's name or URL, for messages */
    const char *base;  /* the URL it came from, for relative servers; NULL for a file */
    /* Which operations: "getPet" (operationId), "GET /pets*" (method and path, '*' stands for anything),
     * "tag:pets", and each of these with '!' before it to leave out. NULL or empty: all. */
    const gh_text_list *select;
    /* The upstream (of a tools file that is read before) that calls go to; NULL: one is made of the first
     * usable server, with the credential of the root's `x-mcp`, else none. */
    const char *upstream;
} gh_openapi_options;

/* What is left out or weakened: "GET /pets/{id}: cookie parameter session is left out". */
typedef void (*gh_openapi_report)(void *context, const char *where, const char *what);

/* True when the JSON or YAML text has a member `openapi` or `swagger` at its top. */
bool gh_openapi_is(gh_view text);
/* Appends a tools file (JSON) with one tool per selected operation, and an upstream unless one is named.
 * GH_ERR_INVALID with a sentence (and line where there is one) when the description is none, of another
 * version, or nothing is selected. */
GH_MUST_USE gh_status gh_openapi_convert(gh_view text, const gh_openapi_options *options,
                                         gh_openapi_report report, void *context, gh_buf *out,
                                         gh_error *error);

#endif

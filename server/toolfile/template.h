/* Templates: text with variables, filled from a call's arguments and escaped for where they land.
 *
 * `{name}` is an argument, `{address.city}` a member of one, `{@subject}`, `{@issuer}`, `{@name}`, `{@email}`
 * and `{@client}` say who asks; `{{` and `}}` are braces. There is no variable for a token, and none can be
 * made. In JSON, a string that is one variable and nothing else becomes the argument's own value, whatever
 * its type; within other text a variable must be a string, number or boolean. Numbers are written with the
 * digits that the client sent. A name is letters, digits, '_', '-' and '$'; a dot always leads to a member.
 *
 * Templates are immutable and may be used from several threads. */
#ifndef GH_SERVER_TOOLFILE_TEMPLATE_H
#define GH_SERVER_TOOLFILE_TEMPLATE_H

#include <stdbool.h>

#include "server/auth/principal.h"
#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_TEMPLATE_MAX 65536 /* bytes of one text */
#define GH_TEMPLATE_VARIABLES_MAX 256
#define GH_JSON_TEMPLATE_MAX ((size_t)1024 * 1024)

typedef struct gh_template gh_template;

/* Where a value lands, which decides how it is escaped. */
typedef enum gh_template_place {
    /* Percent-encoded, also '/'. Refused: empty values, and whatever makes "." or ".." of a whole segment,
     * also for a server that decodes twice, takes "%2F" or a backslash for a slash or cuts at ';'. */
    GH_PLACE_PATH,
    GH_PLACE_QUERY,  /* percent-encoded, a space as %20 */
    GH_PLACE_HEADER, /* as it is; control characters are refused (RFC 9110, 5.5) */
    GH_PLACE_TEXT    /* as it is: prompts, messages, text bodies */
} gh_template_place;

/* How arrays and objects are written (OpenAPI 3.1, "style" and "explode"). */
typedef enum gh_template_style {
    GH_STYLE_FORM,   /* query: a=1&a=2 exploded, a=1,2 otherwise */
    GH_STYLE_SIMPLE, /* path and header: 1,2 */
    GH_STYLE_SPACE,  /* query: a=1%202 */
    GH_STYLE_PIPE,   /* query: a=1%7C2 */
    GH_STYLE_DEEP    /* query: a%5Bx%5D=1&a%5By%5D=2, which is a[x]=1&a[y]=2; whatever the depth */
} gh_template_style;

/* What templates are filled from; borrowed. */
typedef struct gh_template_values {
    gh_view arguments;             /* JSON object that passed the gate */
    gh_view variables;             /* of a resource template: JSON object of strings; NULL ptr for none */
    const gh_principal *principal; /* NULL: `{@...}` is absent */
    bool nulls; /* in JSON, an argument that is null is null, and not absent as everywhere else */
} gh_template_values;

/* GH_ERR_INVALID with a sentence for broken braces, names that are none, unknown `{@...}` and over
 * GH_TEMPLATE_MAX bytes or GH_TEMPLATE_VARIABLES_MAX variables. */
GH_MUST_USE gh_status gh_template_new(gh_view text, gh_template **made, gh_error *error);
void gh_template_free(gh_template *made);              /* NULL is fine */
const char *gh_template_text(const gh_template *made); /* as it was written */
/* Calls `each` with every argument that is named ("address.city"), until it says false. */
void gh_template_names(const gh_template *made, bool (*each)(void *context, gh_view name), void *context);

/* Appends the filled text. Arrays and objects are written in the simple style (1,2), but refused in
 * GH_PLACE_TEXT. Nothing is appended on errors: GH_ERR_NOT_FOUND when a variable is absent or null,
 * GH_ERR_INVALID when a value cannot stand there, GH_ERR_TOO_LARGE for the ceiling of `out` (which stays in
 * error); each with a sentence. */
GH_MUST_USE gh_status gh_template_fill(const gh_template *made, gh_template_place place,
                                       const gh_template_values *values, gh_buf *out, gh_error *error);
/* Appends `name=value` pairs of a query or form for a template that may be one array or object; with a
 * leading '&' when `out` has something that does not end in '?'. Appends nothing for an absent value, an
 * empty array or an empty object; null elements are left out. `explode` counts with FORM, SPACE and PIPE.
 * Errors as above, without GH_ERR_NOT_FOUND. */
GH_MUST_USE gh_status gh_template_fill_pairs(const gh_template *made, gh_view name, gh_template_style style,
                                             bool explode, const gh_template_values *values, gh_buf *out,
                                             gh_error *error);

/* A JSON value whose strings are templates; names of members are not. Members and elements whose variable is
 * absent are left out; GH_ERR_NOT_FOUND when the value as a whole is. */
typedef struct gh_json_template gh_json_template;
GH_MUST_USE gh_status gh_json_template_new(gh_view json, gh_json_template **made, gh_error *error);
void gh_json_template_free(gh_json_template *made);
void gh_json_template_names(const gh_json_template *made, bool (*each)(void *context, gh_view name),
                            void *context);
GH_MUST_USE gh_status gh_json_template_fill(const gh_json_template *made, const gh_template_values *values,
                                            gh_buf *out, gh_error *error);

#endif

/* application/x-www-form-urlencoded, for queries and bodies. A gh_form has one owner; reading it from
 * several threads is fine. */
#ifndef GH_SHARED_NET_FORM_H
#define GH_SHARED_NET_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_form gh_form;

#define GH_FORM_FIELDS_MAX 64

/* Decodes at most GH_FORM_FIELDS_MAX fields. GH_ERR_PARSE for broken escapes, invalid UTF-8 or NUL. */
GH_MUST_USE gh_status gh_form_parse(gh_view text, gh_form **form, gh_error *error);
void gh_form_free(gh_form *form); /* wipes the values */

/* The value of `name`, borrowed; NULL when absent. An empty value counts as absent (RFC 6749, 3.1). */
const char *gh_form_get(const gh_form *form, const char *name);
/* True when a name occurs more than once: invalid_request by RFC 6749, 3.1. `*name` (may be NULL) is
 * the first such name. `resource` is exempt: RFC 8707 allows several. */
bool gh_form_has_duplicate(const gh_form *form, const char **name);
size_t gh_form_count(const gh_form *form, const char *name);
const char *gh_form_get_nth(const gh_form *form, const char *name, size_t index);

/* Appends `name=value`, with '&' before it when `out` is not empty and does not end in '?'. A NULL
 * value appends nothing. */
gh_status gh_form_add(gh_buf *out, const char *name, const char *value);

#endif

/* Messages made of pieces of others: raw JSON in, raw compact JSON out, numbers and strings byte for byte.
 * Thread-safe. */
#ifndef GH_BRIDGE_TRANSLATE_COMPOSE_H
#define GH_BRIDGE_TRANSLATE_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

/* The value of `name`; empty when `object` is no object or lacks it. */
gh_view gh_compose_member(gh_view object, const char *name);

/* Appends `object` (nothing counts as {}) without the members of `drop` (ends with NULL; may be NULL), with
 * the raw members `extra` ("\"a\":1,\"b\":2", may be empty) at its end. */
gh_status gh_compose_object(gh_buf *out, gh_view object, const char *const *drop, gh_view extra);

/* Appends `params` with another `_meta`: the one there without the modern request's own keys and
 * subscriptionId, with the raw members `meta`; no `_meta` at all when nothing is left of it. `drop` and
 * `extra` as above, of `params` itself. */
gh_status gh_compose_params(gh_buf *out, gh_view params, gh_view meta, const char *const *drop,
                            gh_view extra);

/* Appends `,"name":` (the comma unless `out` is empty). */
void gh_compose_name(gh_buf *out, const char *name);

/* The text of a raw string or the digits of a raw number; NULL for others and without memory. Owned. */
char *gh_compose_text(gh_view raw);

/* A small set of texts. */
typedef struct gh_compose_set {
    char **items;
    size_t count;
} gh_compose_set;

bool gh_compose_set_has(const gh_compose_set *set, const char *text);
/* False when memory lacks or `max` are there already. */
bool gh_compose_set_add(gh_compose_set *set, const char *text, size_t max);
bool gh_compose_set_remove(gh_compose_set *set, const char *text); /* false when it was not there */
void gh_compose_set_free(gh_compose_set *set);

/* The integer `code` of a raw error object; 0 without one. */
long gh_compose_error_code(gh_view error);

#endif

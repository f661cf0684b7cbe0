/* Scopes: lists of them (RFC 6749, 3.3), and which ones stand for others: who has `orders:write` also has
 * `orders:read`. A table is immutable and reference-counted; reading it is for any thread. */
#ifndef GH_SERVER_AUTH_SCOPE_TABLE_H
#define GH_SERVER_AUTH_SCOPE_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_SCOPE_TABLE_MAX 1024 /* different scopes in one table */

typedef struct gh_scope_table gh_scope_table;

/* Who has `scope` (one) also has each of `implied` (a list), and what those stand for in turn. Circles are
 * fine: all in one stand for each other. */
typedef struct gh_scope_row {
    const char *scope;
    const char *implied;
} gh_scope_row;

/* One or more scopes with one space between, none empty and no other characters than scopes may have. */
bool gh_scope_is_list(gh_view text);

/* The rows are copied. Several for one scope add up. GH_ERR_INVALID with a sentence for what is no scope or
 * no list, GH_ERR_TOO_LARGE for too many. */
GH_MUST_USE gh_status gh_scope_table_new(const gh_scope_row *rows, size_t count, gh_scope_table **table,
                                         gh_error *error);
gh_scope_table *gh_scope_table_hold(gh_scope_table *table); /* NULL is fine, for this and the next */
void gh_scope_table_release(gh_scope_table *table);

/* Does `granted` give all of `required`, by itself or by the table? The table may be NULL: each stands for
 * itself only. Nothing (NULL or "") is required of nobody. */
bool gh_scope_covers(const gh_scope_table *table, const char *granted, const char *required);
/* Does `granted` give at least one of `required`? */
bool gh_scope_opens(const gh_scope_table *table, gh_view granted, const char *required);

/* Appends to the list in `out` those words of `list` (NULL for none) that are not in it yet; what does not
 * fit shows in the buffer's status. */
void gh_scope_unite(gh_buf *out, const char *list);

#endif

/* A table of text for a terminal: aligned columns, one line a row. What others chose (names, redirects)
 * cannot reach the terminal as a control character. One owner. */
#ifndef GH_SERVER_ADMIN_TABLE_H
#define GH_SERVER_ADMIN_TABLE_H

#include <stdio.h>

#include "shared/core/status.h"

typedef struct gh_admin_column {
    const char *title;
    size_t max; /* characters, longer text is cut; 0: whole */
} gh_admin_column;

typedef struct gh_admin_table {
    const gh_admin_column *columns; /* borrowed */
    size_t width;                   /* columns */
    char **cells;                   /* row by row */
    size_t count, room;
    gh_status status; /* of all that was added */
} gh_admin_table;

void gh_admin_table_init(gh_admin_table *table, const gh_admin_column *columns, size_t width);
/* The next cell; NULL and "" show as "-". */
void gh_admin_table_add(gh_admin_table *table, const char *text);
/* GH_ERR_NOMEM when a cell could not be kept, GH_ERR_IO when the stream failed. */
GH_MUST_USE gh_status gh_admin_table_print(const gh_admin_table *table, FILE *out);
void gh_admin_table_clear(gh_admin_table *table);

#endif

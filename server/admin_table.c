#include "server/admin_table.h"

#include <stdlib.h>
#include <string.h>

#include "server/oauth/display.h"

#define CELL_MAX ((size_t)64 * 1024)
#define COLUMNS_MAX 16

void gh_admin_table_init(gh_admin_table *table, const gh_admin_column *columns, size_t width)
{
    *table = (gh_admin_table){.columns = columns, .width = width < COLUMNS_MAX ? width : COLUMNS_MAX};
}

void gh_admin_table_clear(gh_admin_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    *table = (gh_admin_table){0};
}

/* Bytes of the first `max` characters of valid UTF-8. */
static size_t prefix_of(gh_view text, size_t max)
{
    size_t at = 0;
    for (size_t i = 0; i < max && at < text.len; i++) {
        size_t step = gh_utf8_width(gh_view_make(text.ptr + at, text.len - at));
        at += step == 0 ? 1 : step;
    }
    return at < text.len ? at : text.len;
}

static char *make_cell(const char *text, size_t max)
{
    gh_buf clean = GH_BUF_INIT(CELL_MAX);
    gh_view view = gh_view_of(text);
    gh_status status =
        gh_text_is_utf8(view) ? gh_display_clean(view, &clean) : gh_buf_append_cstr(&clean, "(unreadable)");
    if (status == GH_OK && clean.len == 0) {
        status = gh_buf_append_char(&clean, '-');
    }
    if (status == GH_OK && max > 3 && gh_display_length(gh_buf_view(&clean)) > max) {
        gh_view whole = gh_buf_view(&clean);
        gh_buf cut = GH_BUF_INIT(CELL_MAX);
        (void)gh_buf_append(&cut, whole.ptr, prefix_of(whole, max - 3));
        (void)gh_buf_append_cstr(&cut, "...");
        gh_buf_free(&clean);
        clean = cut;
    }
    char *cell = gh_buf_steal(&clean);
    gh_buf_free(&clean);
    return cell;
}

static gh_status make_room(gh_admin_table *table)
{
    if (table->count < table->room) {
        return GH_OK;
    }
    size_t room = table->room == 0 ? 64 : table->room * 2;
    char **cells = reallocarray(table->cells, room, sizeof *cells);
    if (cells == NULL) {
        return GH_ERR_NOMEM;
    }
    table->cells = cells;
    table->room = room;
    return GH_OK;
}

void gh_admin_table_add(gh_admin_table *table, const char *text)
{
    if (table->status == GH_OK) {
        table->status = make_room(table);
    }
    if (table->status != GH_OK || table->width == 0) {
        return;
    }
    char *cell = make_cell(text, table->columns[table->count % table->width].max);
    if (cell == NULL) {
        table->status = GH_ERR_NOMEM;
    } else {
        table->cells[table->count++] = cell;
    }
}

static void measure(const gh_admin_table *table, size_t widths[COLUMNS_MAX])
{
    for (size_t column = 0; column < table->width; column++) {
        widths[column] = strlen(table->columns[column].title);
    }
    for (size_t i = 0; i < table->count && table->width > 0; i++) {
        size_t length = gh_display_length(gh_view_of(table->cells[i]));
        size_t column = i % table->width;
        widths[column] = length > widths[column] ? length : widths[column];
    }
}

/* The last column is not padded. */
static bool print_cell(const char *text, size_t width, bool last, FILE *out)
{
    size_t length = gh_display_length(gh_view_of(text));
    int padding = last || length > width ? 0 : (int)(width - length) + 2;
    return fprintf(out, "%s%*s%s", text, padding, "", last ? "\n" : "") >= 0;
}

gh_status gh_admin_table_print(const gh_admin_table *table, FILE *out)
{
    size_t widths[COLUMNS_MAX] = {0};
    bool written = true;
    if (table->status != GH_OK || table->width == 0) {
        return table->status;
    }
    measure(table, widths);
    for (size_t column = 0; column < table->width; column++) {
        written = print_cell(table->columns[column].title, widths[column], column + 1 == table->width, out) &&
                  written;
    }
    for (size_t i = 0; i < table->count; i++) {
        size_t column = i % table->width;
        written = print_cell(table->cells[i], widths[column], column + 1 == table->width, out) && written;
    }
    return written ? GH_OK : GH_ERR_IO;
}

#include "server/auth/scope_table.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BITS 64

/* `reach` has one row of bits per name: the names that it stands for, itself included. */
struct gh_scope_table {
    atomic_size_t refs;
    char **names; /* sorted, each once */
    size_t count;
    size_t width; /* words of one row */
    uint64_t *reach;
};

/* scope-token = 1*( %x21 / %x23-5B / %x5D-7E ) */
static bool is_scope_char(char c)
{
    return c > 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static bool is_scope(gh_view word)
{
    bool fine = word.len > 0;
    for (size_t i = 0; fine && i < word.len; i++) {
        fine = is_scope_char(word.ptr[i]);
    }
    return fine;
}

bool gh_scope_is_list(gh_view text)
{
    bool begun = false; /* a word */
    for (size_t i = 0; i < text.len; i++) {
        bool space = text.ptr[i] == ' ';
        if (space ? !begun : !is_scope_char(text.ptr[i])) {
            return false;
        }
        begun = !space;
    }
    return begun;
}

/* --- names --- */

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int compare_view(gh_view word, const char *name)
{
    int order = strncmp(word.ptr, name, word.len);
    return order != 0 ? order : (name[word.len] == '\0' ? 0 : -1);
}

/* The place of `word`, or `count` when the table does not have it. */
static size_t find(const gh_scope_table *table, gh_view word)
{
    size_t low = 0;
    size_t high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_view(word, table->names[middle]);
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return table->count;
}

static size_t count_words(const gh_scope_row *rows, size_t count)
{
    size_t words = 0;
    gh_view word;
    for (size_t i = 0; i < count; i++) {
        gh_view rest = gh_view_of(rows[i].implied);
        words++;
        while (rest.len > 0 && gh_view_next(&rest, ' ', &word)) {
            words++;
        }
    }
    return words;
}

static gh_status add_name(gh_scope_table *table, gh_view word)
{
    char *name = gh_view_dup(word);
    if (name == NULL) {
        return GH_ERR_NOMEM;
    }
    table->names[table->count++] = name;
    return GH_OK;
}

static void sort_names(gh_scope_table *table)
{
    size_t kept = 0;
    qsort(table->names, table->count, sizeof *table->names, compare);
    for (size_t i = 0; i < table->count; i++) {
        if (kept > 0 && strcmp(table->names[kept - 1], table->names[i]) == 0) {
            free(table->names[i]);
        } else {
            table->names[kept++] = table->names[i];
        }
    }
    table->count = kept;
}

static gh_status read_names(gh_scope_table *table, const gh_scope_row *rows, size_t count, gh_error *error)
{
    gh_status status = GH_OK;
    gh_view word;
    table->names = calloc(count_words(rows, count) + 1, sizeof *table->names);
    if (table->names == NULL) {
        return GH_ERR_NOMEM;
    }
    for (size_t i = 0; i < count && status == GH_OK; i++) {
        gh_view rest = gh_view_of(rows[i].implied);
        status = add_name(table, gh_view_of(rows[i].scope));
        while (status == GH_OK && rest.len > 0 && gh_view_next(&rest, ' ', &word)) {
            status = add_name(table, word);
        }
    }
    sort_names(table);
    if (status == GH_OK && table->count > GH_SCOPE_TABLE_MAX) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "there are more than %d different scopes",
                            GH_SCOPE_TABLE_MAX);
    }
    return status;
}

/* --- what stands for what --- */

static uint64_t *row_of(const gh_scope_table *table, size_t at)
{
    return table->reach + at * table->width;
}

static bool has_bit(const uint64_t *row, size_t at)
{
    return (row[at / BITS] >> (at % BITS) & 1U) != 0;
}

static void set_bit(uint64_t *row, size_t at)
{
    row[at / BITS] |= (uint64_t)1 << (at % BITS);
}

/* Warshall: afterwards each row holds what can be reached through others. */
static void close_over(gh_scope_table *table)
{
    for (size_t through = 0; through < table->count; through++) {
        const uint64_t *more = row_of(table, through);
        for (size_t from = 0; from < table->count; from++) {
            uint64_t *row = row_of(table, from);
            for (size_t i = 0; from != through && has_bit(row, through) && i < table->width; i++) {
                row[i] |= more[i];
            }
        }
    }
}

static gh_status read_rows(gh_scope_table *table, const gh_scope_row *rows, size_t count)
{
    gh_view word;
    table->width = (table->count + BITS - 1) / BITS;
    table->reach = calloc(table->count * table->width + 1, sizeof *table->reach);
    if (table->reach == NULL) {
        return GH_ERR_NOMEM;
    }
    for (size_t i = 0; i < table->count; i++) {
        set_bit(row_of(table, i), i);
    }
    for (size_t i = 0; i < count; i++) {
        gh_view rest = gh_view_of(rows[i].implied);
        uint64_t *row = row_of(table, find(table, gh_view_of(rows[i].scope)));
        while (rest.len > 0 && gh_view_next(&rest, ' ', &word)) {
            set_bit(row, find(table, word));
        }
    }
    close_over(table);
    return GH_OK;
}

static gh_status check_rows(const gh_scope_row *rows, size_t count, gh_error *error)
{
    for (size_t i = 0; i < count; i++) {
        gh_view implied = gh_view_of(rows[i].implied);
        if (!is_scope(gh_view_of(rows[i].scope))) {
            return gh_error_set(error, GH_ERR_INVALID,
                                "a scope must be one word of ASCII characters other than quotes and "
                                "backslashes");
        }
        if (implied.len > 0 && !gh_scope_is_list(implied)) {
            return gh_error_set(error, GH_ERR_INVALID,
                                "what the scope %.128s stands for is no list of scopes", rows[i].scope);
        }
    }
    return GH_OK;
}

/* --- life --- */

gh_status gh_scope_table_new(const gh_scope_row *rows, size_t count, gh_scope_table **table, gh_error *error)
{
    gh_status status = check_rows(rows, count, error);
    if (status != GH_OK) {
        return status;
    }
    gh_scope_table *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    atomic_init(&made->refs, 1);
    status = read_names(made, rows, count, error);
    if (status == GH_OK) {
        status = read_rows(made, rows, count);
    }
    if (status != GH_OK) {
        gh_scope_table_release(made);
        return status;
    }
    *table = made;
    return GH_OK;
}

gh_scope_table *gh_scope_table_hold(gh_scope_table *table)
{
    if (table != NULL) {
        (void)atomic_fetch_add_explicit(&table->refs, 1, memory_order_relaxed);
    }
    return table;
}

void gh_scope_table_release(gh_scope_table *table)
{
    if (table == NULL || atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    for (size_t i = 0; i < table->count; i++) {
        free(table->names[i]);
    }
    free(table->names);
    free(table->reach);
    free(table);
}

/* --- asking --- */

static bool stands_for(const gh_scope_table *table, gh_view granted, size_t wanted)
{
    gh_view word;
    while (granted.len > 0 && gh_view_next(&granted, ' ', &word)) {
        size_t at = find(table, word);
        if (at < table->count && has_bit(row_of(table, at), wanted)) {
            return true;
        }
    }
    return false;
}

static bool covers_word(const gh_scope_table *table, gh_view granted, gh_view word)
{
    if (gh_text_has_word(granted, word)) {
        return true;
    }
    size_t wanted = table != NULL ? find(table, word) : 0;
    return table != NULL && wanted < table->count && stands_for(table, granted, wanted);
}

bool gh_scope_covers(const gh_scope_table *table, const char *granted, const char *required)
{
    gh_view rest = gh_view_of(required);
    gh_view word;
    while (rest.len > 0 && gh_view_next(&rest, ' ', &word)) {
        if (word.len > 0 && !covers_word(table, gh_view_of(granted), word)) {
            return false;
        }
    }
    return true;
}

bool gh_scope_opens(const gh_scope_table *table, gh_view granted, const char *required)
{
    gh_view rest = gh_view_of(required);
    gh_view word;
    while (rest.len > 0 && gh_view_next(&rest, ' ', &word)) {
        if (word.len > 0 && covers_word(table, granted, word)) {
            return true;
        }
    }
    return false;
}

void gh_scope_unite(gh_buf *out, const char *list)
{
    gh_view rest = gh_view_of(list);
    gh_view word;
    while (rest.len > 0 && gh_view_next(&rest, ' ', &word)) {
        if (word.len > 0 && !gh_text_has_word(gh_buf_view(out), word)) {
            (void)gh_buf_append_cstr(out, out->len > 0 ? " " : "");
            (void)gh_buf_append_view(out, word);
        }
    }
}

/* What the table says to people: --help and --print-config. */
#include <stdio.h>
#include <string.h>

#include "shared/config/options_private.h"
#include "shared/json/access.h"

#define WIDTH 100
#define LEFT_MAX 34 /* longer option texts get a line of their own */
#define GAP 2

static size_t columns(gh_view text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.len; i++) {
        count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80; /* continuation bytes take no room */
    }
    return count;
}

static void pad(gh_buf *out, size_t count)
{
    while (count-- > 0) {
        (void)gh_buf_append_char(out, ' ');
    }
}

/* Writes `text` as paragraphs of at most WIDTH columns; the first line starts at column `at`. */
static void write_wrapped(gh_buf *out, gh_view text, size_t indent, size_t at)
{
    gh_view line = {NULL, 0};
    gh_view word = {NULL, 0};
    bool first_line = true;

    while (gh_view_next(&text, '\n', &line)) {
        bool first_word = true;

        if (!first_line) {
            (void)gh_buf_append_char(out, '\n');
            at = 0;
        }
        first_line = false;
        while (gh_view_next(&line, ' ', &word)) {
            if (word.len == 0) {
                continue;
            }
            if (!first_word && at + 1 + columns(word) > WIDTH) {
                (void)gh_buf_append_char(out, '\n');
                at = 0;
                first_word = true;
            }
            if (first_word) {
                pad(out, indent > at ? indent - at : 0);
                at = indent > at ? indent : at;
            } else {
                (void)gh_buf_append_char(out, ' ');
                at++;
            }
            (void)gh_buf_append_view(out, word);
            at += columns(word);
            first_word = false;
        }
    }
    (void)gh_buf_append_char(out, '\n');
}

static const char *argument_of(const gh_option *row)
{
    if (row->argument) {
        return row->argument;
    }
    switch (row->type) {
    case GH_OPTION_INT:
        return "NUMBER";
    case GH_OPTION_DURATION:
        return "TIME";
    case GH_OPTION_SIZE:
        return "SIZE";
    case GH_OPTION_PATH:
    case GH_OPTION_SECRET:
        return "FILE";
    case GH_OPTION_STRING:
    case GH_OPTION_ENUM:
    case GH_OPTION_LIST:
        return "TEXT";
    case GH_OPTION_BOOL:
        break;
    }
    return "";
}

static bool is_on(const gh_option *row)
{
    return row->initial && strcmp(row->initial, "true") == 0;
}

static void write_left(const gh_option *row, gh_buf *out)
{
    (void)gh_buf_append_cstr(out, "  --");
    if (row->type == GH_OPTION_BOOL) {
        (void)gh_buf_appendf(out, "%s%s", is_on(row) ? "[no-]" : "", row->name);
    } else if (row->type == GH_OPTION_SECRET) {
        (void)gh_buf_appendf(out, "%s-file FILE", row->name);
    } else if (row->type == GH_OPTION_ENUM && !row->argument && row->choices) {
        (void)gh_buf_appendf(out, "%s ", row->name);
        for (const char *c = row->choices; *c; c++) {
            (void)gh_buf_append_char(out, *c == ' ' ? '|' : *c);
        }
    } else {
        (void)gh_buf_appendf(out, "%s %s", row->name, argument_of(row));
    }
}

static void write_right(const gh_option *row, gh_buf *out)
{
    (void)gh_buf_append_cstr(out, row->help ? row->help : "");
    if (row->type == GH_OPTION_ENUM && row->argument && row->choices) {
        (void)gh_buf_appendf(out, " One of: %s.", row->choices);
    }
    if (row->type == GH_OPTION_LIST) {
        (void)gh_buf_append_cstr(out, " (may be repeated)");
    }
    if (row->initial && row->initial[0] && (row->type != GH_OPTION_BOOL || is_on(row))) {
        (void)gh_buf_appendf(out, " (default: %s)", row->type == GH_OPTION_BOOL ? "on" : row->initial);
    }
}

static void write_entry(gh_buf *out, gh_view left, gh_view right, size_t indent)
{
    size_t at = columns(left);

    (void)gh_buf_append_view(out, left);
    if (right.len == 0) {
        (void)gh_buf_append_char(out, '\n');
        return;
    }
    if (at + GAP > indent) {
        (void)gh_buf_append_char(out, '\n');
        at = 0;
    }
    write_wrapped(out, right, indent, at);
}

static size_t left_width(const gh_option_table *table)
{
    size_t widest = 16;

    for (size_t i = 0; i < table->count; i++) {
        gh_buf left = GH_BUF_INIT(512);
        size_t width = 0;

        write_left(&table->options[i], &left);
        width = columns(gh_buf_view(&left));
        if (width > widest && width <= LEFT_MAX) {
            widest = width;
        }
        gh_buf_free(&left);
    }
    return widest;
}

static void write_row(const gh_option *row, size_t indent, gh_buf *out)
{
    gh_buf left = GH_BUF_INIT(512);
    gh_buf right = GH_BUF_INIT(4096);

    write_left(row, &left);
    write_right(row, &right);
    write_entry(out, gh_buf_view(&left), gh_buf_view(&right), indent);
    gh_buf_free(&left);
    gh_buf_free(&right);
}

static bool has_type(const gh_option_table *table, gh_option_type type)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->options[i].type == type) {
            return true;
        }
    }
    return false;
}

static void write_sources(const gh_option_table *table, gh_buf *out)
{
    gh_buf text = GH_BUF_INIT(4096);
    const char *example = "config";
    char variable[GH_OPTION_WHERE_MAX];

    for (size_t i = 0; i < table->count && strcmp(example, "config") == 0; i++) {
        if (table->options[i].type != GH_OPTION_BOOL && table->options[i].type != GH_OPTION_SECRET) {
            example = table->options[i].name;
        }
    }
    gh_option_env_name(table, example, variable);
    (void)gh_buf_appendf(
        &text,
        "Each of these can also be set in the environment (--%s as %s) or as a member of the "
        "JSON file (\"%s\"). The command line wins over the environment, the environment over "
        "the file.",
        example, variable, example);
    if (has_type(table, GH_OPTION_LIST)) {
        (void)gh_buf_append_cstr(
            &text, " What may be repeated is separated by commas in the environment and an array "
                   "in the file.");
    }
    if (has_type(table, GH_OPTION_SECRET)) {
        (void)gh_buf_append_cstr(&text,
                                 " A secret can stand in the environment or the file itself, under the "
                                 "name without -file, but never on the command line.");
    }
    (void)gh_buf_append_char(out, '\n');
    write_wrapped(out, gh_buf_view(&text), 0, 0);
    gh_buf_free(&text);
}

static void write_general(size_t indent, gh_buf *out)
{
    static const char *const entries[][2] = {
        {"  --config FILE", "Read settings from this JSON file."},
        {"  --print-config", "Print the settings in effect as such a file, secrets masked, and exit."},
        {"  --version", "Print the version and exit."},
        {"  -h, --help", "Print this help and exit."},
    };

    (void)gh_buf_append_cstr(out, "\nGeneral:\n");
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        write_entry(out, gh_view_of(entries[i][0]), gh_view_of(entries[i][1]), indent);
    }
}

static void write_usage(const gh_option_table *table, gh_buf *out)
{
    gh_view usage = gh_view_of(table->usage);
    gh_view line = {NULL, 0};

    (void)gh_buf_append_cstr(out, "Usage:\n");
    while (gh_view_next(&usage, '\n', &line)) {
        (void)gh_buf_append_cstr(out, line.len > 0 ? "  " : "");
        (void)gh_buf_append_view(out, line);
        (void)gh_buf_append_char(out, '\n');
    }
}

gh_status gh_options_write_help(const gh_option_table *table, gh_buf *out)
{
    size_t indent = left_width(table) + GAP;
    const char *group = NULL;

    write_usage(table, out);
    for (size_t i = 0; i < table->count; i++) {
        const gh_option *row = &table->options[i];
        const char *heading = row->group ? row->group : group ? group : "Options";

        if (!group || strcmp(heading, group) != 0) {
            (void)gh_buf_appendf(out, "\n%s:\n", heading);
            group = heading;
        }
        write_row(row, indent, out);
    }
    write_general(indent, out);
    write_sources(table, out);
    if (table->footer) {
        (void)gh_buf_appendf(out, "\n%s\n", table->footer);
    }
    return gh_buf_status(out);
}

static void write_list(const gh_text_list *list, gh_buf *out)
{
    (void)gh_buf_append_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        (void)gh_buf_append_cstr(out, i > 0 ? ", " : "");
        (void)gh_json_write_string(out, gh_view_of(list->items[i]));
    }
    (void)gh_buf_append_char(out, ']');
}

/* False when there is nothing to say about the row: it has neither a value nor a default. */
static bool write_value(const gh_option *row, const void *settings, gh_buf *out)
{
    const void *field = gh_option_const_field(row, settings);
    const char *text = NULL;

    switch (row->type) {
    case GH_OPTION_BOOL:
        (void)gh_buf_append_cstr(out, *(const bool *)field ? "true" : "false");
        return true;
    case GH_OPTION_INT:
        (void)gh_buf_appendf(out, "%lld", (long long)*(const int64_t *)field);
        return true;
    case GH_OPTION_DURATION:
    case GH_OPTION_SIZE:
        (void)gh_buf_append_char(out, '"');
        (void)(row->type == GH_OPTION_SIZE ? gh_option_write_size(*(const int64_t *)field, out)
                                           : gh_option_write_duration(*(const int64_t *)field, out));
        (void)gh_buf_append_char(out, '"');
        return true;
    case GH_OPTION_STRING:
    case GH_OPTION_PATH:
    case GH_OPTION_ENUM:
        text = *(char *const *)field;
        if (!text && !row->initial) {
            return false;
        }
        (void)gh_json_write_string(out, gh_view_of(text));
        return true;
    case GH_OPTION_SECRET:
        if (!*(gh_secret *const *)field) {
            return false;
        }
        (void)gh_buf_append_cstr(out, "\"" GH_OPTION_SECRET_MASK "\"");
        return true;
    case GH_OPTION_LIST:
        write_list(field, out);
        return true;
    }
    return false;
}

gh_status gh_options_write_config(const gh_option_table *table, const void *settings, gh_buf *out)
{
    bool first = true;

    (void)gh_buf_append_cstr(out, "{");
    for (size_t i = 0; i < table->count; i++) {
        gh_buf value = GH_BUF_INIT(out->max);

        if (write_value(&table->options[i], settings, &value)) {
            (void)gh_buf_appendf(out, "%s\n  \"%s\": ", first ? "" : ",", table->options[i].name);
            if (gh_buf_status(&value) != GH_OK && out->status == GH_OK) {
                out->status = gh_buf_status(&value);
            }
            (void)gh_buf_append_view(out, gh_buf_view(&value));
            first = false;
        }
        gh_buf_free(&value);
    }
    return gh_buf_append_cstr(out, "\n}\n");
}

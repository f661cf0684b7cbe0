/* Walking through a tools file by raw slices, and saying where something is wrong. */
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/toolfile/toolfile_private.h"

#define SHOWN 64
#define LINE_TEXT_MAX 32

/* --- where --- */

/* Asked in the order of the file for the most part, so that counting goes on from the last place. */
size_t gh_toolfile_line(gh_toolfile_reader *reader, gh_view at)
{
    gh_view text = reader->source->text;
    if (reader->source->made) {
        return 0;
    }
    size_t offset = at.ptr >= text.ptr && at.ptr <= text.ptr + text.len ? (size_t)(at.ptr - text.ptr) : 0;
    if (offset < reader->counted) {
        reader->counted = 0;
        reader->line = 1;
    }
    for (; reader->counted < offset; reader->counted++) {
        reader->line += text.ptr[reader->counted] == '\n' ? 1 : 0;
    }
    return reader->line;
}

/* ", line 12", or nothing. */
static void write_line(size_t line, char text[LINE_TEXT_MAX])
{
    text[0] = '\0';
    if (line > 0) {
        (void)snprintf(text, LINE_TEXT_MAX, ", line %zu", line);
    }
}

gh_status gh_toolfile_refuse(gh_toolfile_reader *reader, gh_view at, const char *format, ...)
{
    char line[LINE_TEXT_MAX];
    char sentence[GH_ERROR_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    write_line(gh_toolfile_line(reader, at), line);
    return gh_error_set(reader->error, GH_ERR_INVALID, "%s%s: %s%s%s", reader->label, line, reader->item,
                        reader->item[0] != '\0' ? ": " : "", sentence);
}

gh_status gh_toolfile_no_memory(gh_toolfile_reader *reader)
{
    return gh_error_set(reader->error, GH_ERR_NOMEM, "%s cannot be read: out of memory", reader->label);
}

gh_status gh_toolfile_pass_on(gh_toolfile_reader *reader, gh_view at, gh_status status, const char *what,
                              const gh_error *why)
{
    if (status == GH_OK) {
        return GH_OK;
    }
    if (status == GH_ERR_NOMEM) {
        return gh_toolfile_no_memory(reader);
    }
    return gh_toolfile_refuse(reader, at, "%s: %s", what,
                              why->message[0] != '\0' ? why->message : gh_status_text(status));
}

void gh_toolfile_set_item(gh_toolfile_reader *reader, const char *kind, const char *name)
{
    size_t len = name != NULL ? strlen(name) : 0;
    bool cut = len > GH_TOOLFILE_ITEM_MAX / 2;
    len = cut ? GH_TOOLFILE_ITEM_MAX / 2 : len;
    while (cut && len > 0 && ((unsigned char)name[len] & 0xc0) == 0x80) {
        len--;
    }
    (void)snprintf(reader->item, sizeof reader->item, "%s%s%.*s%s", kind, len > 0 ? " " : "", (int)len,
                   len > 0 ? name : "", cut ? "..." : "");
}

/* --- members --- */

static const char *type_name(gh_json_type type)
{
    static const char *const NAMES[] = {
        [GH_JSON_NONE] = "nothing",    [GH_JSON_OBJECT] = "an object", [GH_JSON_ARRAY] = "an array",
        [GH_JSON_STRING] = "a string", [GH_JSON_NUMBER] = "a number",  [GH_JSON_BOOL] = "a boolean",
        [GH_JSON_NULL] = "null",
    };
    return NAMES[type];
}

static void list_types(unsigned types, char *text, size_t size)
{
    size_t len = 0;
    text[0] = '\0';
    for (gh_json_type type = GH_JSON_OBJECT; type <= GH_JSON_BOOL; type++) {
        if ((types & GH_TOOLFILE_IS(type)) != 0 && len < size) {
            int added = snprintf(text + len, size - len, "%s%s", len > 0 ? " or " : "", type_name(type));
            len += added > 0 ? (size_t)added : 0;
        }
    }
}

static const char *meant(const char *name, const gh_toolfile_member *rows, size_t count)
{
    char as_file[SHOWN + sizeof "File"];
    (void)snprintf(as_file, sizeof as_file, "%.64sFile", name);
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(name, rows[i].name) == 0 || strcmp(as_file, rows[i].name) == 0 ||
            gh_text_distance(name, rows[i].name, GH_TOOLFILE_NEAR) <= GH_TOOLFILE_NEAR) {
            return rows[i].name;
        }
    }
    return NULL;
}

static gh_status refuse_unknown(gh_toolfile_reader *reader, const char *what, gh_view key,
                                const gh_toolfile_member *rows, size_t count)
{
    char *name = NULL;
    if (gh_json_slice_string(key, &name) != GH_OK) {
        return gh_toolfile_no_memory(reader);
    }
    const char *right = meant(name, rows, count);
    gh_status status = gh_toolfile_refuse(
        reader, key, "%s%sthere is no member \"%.64s\"%s%s%s", what, what[0] != '\0' ? ": " : "", name,
        right != NULL ? "; did you mean \"" : "", right != NULL ? right : "", right != NULL ? "\"?" : "");
    free(name);
    return status;
}

static gh_status take_member(gh_toolfile_reader *reader, const char *what, gh_view key, gh_view value,
                             const gh_toolfile_member *row, gh_view *slot)
{
    char types[SHOWN];
    const char *between = what[0] != '\0' ? ": " : "";
    gh_json_type type = gh_json_slice_type(value);
    if (slot->ptr != NULL) {
        return gh_toolfile_refuse(reader, key, "%s%smember \"%s\" is there twice", what, between, row->name);
    }
    if ((row->types & GH_TOOLFILE_IS(type)) == 0) {
        list_types(row->types, types, sizeof types);
        return gh_toolfile_refuse(reader, value, "%s%s%s must be %s, not %s", what, between, row->name, types,
                                  type_name(type));
    }
    *slot = value;
    return GH_OK;
}

gh_status gh_toolfile_members(gh_toolfile_reader *reader, const char *what, gh_view object,
                              const gh_toolfile_member *rows, size_t count, gh_view *values)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    gh_status status = GH_OK;
    memset(values, 0, count * sizeof *values);
    if (!gh_json_iter_start(object, &iter) || !iter.object) {
        return gh_toolfile_refuse(reader, object, "%s must be an object", what[0] != '\0' ? what : "it");
    }
    while (status == GH_OK && gh_json_iter_next(&iter, &key, &value)) {
        size_t i = 0;
        while (i < count && !gh_json_slice_is(key, gh_view_of(rows[i].name))) {
            i++;
        }
        status = i == count ? refuse_unknown(reader, what, key, rows, count)
                            : take_member(reader, what, key, value, &rows[i], &values[i]);
    }
    for (size_t i = 0; i < count && status == GH_OK; i++) {
        if (rows[i].needed && values[i].ptr == NULL) {
            status = gh_toolfile_refuse(reader, object, "%s%smember \"%s\" is missing", what,
                                        what[0] != '\0' ? ": " : "", rows[i].name);
        }
    }
    return status;
}

/* --- values --- */

gh_status gh_toolfile_text(gh_toolfile_reader *reader, gh_view value, const char *what, size_t max,
                           char **out)
{
    char *text = NULL;
    if (value.ptr == NULL) {
        return GH_OK;
    }
    gh_status status = gh_json_slice_string(value, &text);
    if (status == GH_ERR_INVALID || status == GH_ERR_PARSE) {
        return gh_toolfile_refuse(reader, value, "%s must be a string", what);
    }
    if (status != GH_OK) {
        return gh_toolfile_no_memory(reader);
    }
    if (strlen(text) > max) {
        free(text);
        return gh_toolfile_refuse(reader, value, "%s is longer than %zu bytes", what, max);
    }
    free(*out);
    *out = text;
    return GH_OK;
}

gh_status gh_toolfile_word(gh_toolfile_reader *reader, gh_view value, const char *what, size_t max,
                           char **out)
{
    gh_status status = gh_toolfile_text(reader, value, what, max, out);
    if (status != GH_OK || value.ptr == NULL) {
        return status;
    }
    if ((*out)[0] == '\0') {
        return gh_toolfile_refuse(reader, value, "%s must not be empty", what);
    }
    if (gh_text_has_control(gh_view_of(*out))) {
        return gh_toolfile_refuse(reader, value, "%s holds a control character", what);
    }
    return GH_OK;
}

gh_status gh_toolfile_number(gh_toolfile_reader *reader, gh_view value, const char *what, int64_t min,
                             int64_t max, int64_t *out)
{
    if (value.ptr != NULL && gh_view_to_int64(value, min, max, out) != GH_OK) {
        return gh_toolfile_refuse(reader, value, "%s must be a whole number from %lld to %lld", what,
                                  (long long)min, (long long)max);
    }
    return GH_OK;
}

bool gh_toolfile_is_true(gh_view value)
{
    return gh_view_eq_cstr(value, "true");
}

gh_status gh_toolfile_json(gh_toolfile_reader *reader, gh_view value, const char *what, char **out)
{
    if (value.ptr == NULL) {
        return GH_OK;
    }
    gh_buf compact = GH_BUF_INIT(GH_TOOLFILE_TEXT_MAX);
    gh_status status = gh_json_slice_compact(value, &compact);
    if (status == GH_OK) {
        *out = gh_buf_steal(&compact);
        status = *out == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_free(&compact);
    if (status == GH_ERR_TOO_LARGE) {
        return gh_toolfile_refuse(reader, value, "%s is longer than %zu bytes", what, GH_TOOLFILE_TEXT_MAX);
    }
    return status == GH_OK ? GH_OK : gh_toolfile_no_memory(reader);
}

gh_status gh_toolfile_template(gh_toolfile_reader *reader, gh_view value, const char *what, gh_template **out)
{
    char *text = NULL;
    gh_error why = {GH_OK, ""};
    gh_status status = gh_toolfile_text(reader, value, what, GH_TEMPLATE_MAX, &text);
    if (status == GH_OK) {
        status = gh_toolfile_pass_on(reader, value, gh_template_new(gh_view_of(text), out, &why), what, &why);
    }
    free(text);
    return status;
}

size_t gh_toolfile_count(gh_view container)
{
    gh_json_iter iter;
    gh_view value = {NULL, 0};
    size_t count = 0;
    for (bool more = gh_json_iter_start(container, &iter); more && gh_json_iter_next(&iter, NULL, &value);) {
        count++;
    }
    return count;
}

/* --- entries --- */

typedef struct taken_name {
    gh_entry_kind kind;
    const char *name;
    const char *file;
    size_t line;
} taken_name;

static int compare(const void *a, const void *b)
{
    const taken_name *left = a;
    const taken_name *right = b;
    return left->kind != right->kind ? (left->kind < right->kind ? -1 : 1) : strcmp(left->name, right->name);
}

gh_status gh_toolfile_take_name(gh_toolfile_reader *reader, gh_entry_kind kind, const char *name, gh_view at)
{
    char line[LINE_TEXT_MAX];
    taken_name *fresh = malloc(sizeof *fresh);
    if (fresh == NULL) {
        return gh_toolfile_no_memory(reader);
    }
    *fresh = (taken_name){kind, name, reader->label, gh_toolfile_line(reader, at)};
    taken_name *const *found = tsearch(fresh, &reader->taken, compare);
    if (found == NULL || *found != fresh) {
        free(fresh);
        if (found == NULL) {
            return gh_toolfile_no_memory(reader);
        }
        write_line((*found)->line, line);
        return gh_toolfile_refuse(reader, at, "there is one of that name already, in %s%s", (*found)->file,
                                  line);
    }
    return GH_OK;
}

gh_entry *gh_toolfile_add_entry(gh_toolfile_reader *reader, gh_entry_kind kind, gh_view at)
{
    gh_toolset_kept *kept = reader->kept;
    gh_toolset *set = &kept->set;
    if (set->entry_count == kept->entry_room) {
        size_t room = kept->entry_room == 0 ? 16 : kept->entry_room * 2;
        gh_entry *grown = reallocarray(set->entries, room, sizeof *grown);
        if (grown == NULL) {
            (void)gh_toolfile_no_memory(reader);
            return NULL;
        }
        set->entries = grown;
        kept->entry_room = room;
    }
    gh_entry *entry = &set->entries[set->entry_count++];
    memset(entry, 0, sizeof *entry);
    entry->kind = kind;
    entry->file = reader->label;
    entry->line = gh_toolfile_line(reader, at);
    return entry;
}

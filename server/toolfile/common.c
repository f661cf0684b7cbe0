/* What tools, resources, templates and prompts have in common, as MCP has it (Icon, Annotations). */
#include <stdlib.h>
#include <string.h>

#include "server/toolfile/toolfile_private.h"
#include "shared/net/url.h"

#define SCOPES_MAX 64
#define SCOPE_RULES_MAX 1000

/* --- icons --- */

typedef enum icon_member { SRC, MIME_TYPE, SIZES, THEME, ICON_MEMBERS } icon_member;

static const gh_toolfile_member ICON[ICON_MEMBERS] = {
    [SRC] = {"src", GH_TOOLFILE_STRING, true},
    [MIME_TYPE] = {"mimeType", GH_TOOLFILE_STRING, false},
    [SIZES] = {"sizes", GH_TOOLFILE_ARRAY, false},
    [THEME] = {"theme", GH_TOOLFILE_STRING, false},
};

static gh_status check_strings(gh_toolfile_reader *reader, gh_view array, const char *what)
{
    gh_json_iter iter;
    gh_view value = {NULL, 0};
    for (bool more = gh_json_iter_start(array, &iter); more && gh_json_iter_next(&iter, NULL, &value);) {
        if (gh_json_slice_type(value) != GH_JSON_STRING) {
            return gh_toolfile_refuse(reader, value, "%s must be strings", what);
        }
    }
    return GH_OK;
}

/* Clients fetch icons: https and data only, or http from this machine. */
static bool is_icon_source(const char *text)
{
    gh_url url;
    gh_view source = gh_view_of(text);
    if (gh_view_starts_with_nocase(source, GH_VIEW_LIT("data:"))) {
        return gh_view_find(source, ',') < source.len && !gh_text_has_control(source);
    }
    return gh_url_parse(source, &url, NULL) == GH_OK &&
           (gh_url_is_https(&url) || (gh_url_is_http(&url) && gh_url_is_loopback(&url)));
}

static gh_status check_icon(gh_toolfile_reader *reader, gh_view object)
{
    gh_view values[ICON_MEMBERS];
    char *source = NULL;
    gh_status status = gh_toolfile_members(reader, "icons", object, ICON, ICON_MEMBERS, values);
    if (status == GH_OK) {
        status = gh_toolfile_text(reader, values[SRC], "icons: src", GH_TOOLFILE_TEXT_MAX, &source);
    }
    if (status == GH_OK && !is_icon_source(source)) {
        status = gh_toolfile_refuse(reader, values[SRC], "icons: src must be an https: or data: URI");
    }
    if (status == GH_OK && values[THEME].ptr != NULL &&
        !gh_json_slice_is(values[THEME], GH_VIEW_LIT("light")) &&
        !gh_json_slice_is(values[THEME], GH_VIEW_LIT("dark"))) {
        status = gh_toolfile_refuse(reader, values[THEME], "icons: theme must be \"light\" or \"dark\"");
    }
    if (status == GH_OK && values[SIZES].ptr != NULL) {
        status = check_strings(reader, values[SIZES], "icons: sizes");
    }
    free(source);
    return status;
}

/* --- annotations of resources --- */

typedef enum annotation { AUDIENCE, PRIORITY, LAST_MODIFIED, ANNOTATIONS } annotation;

static const gh_toolfile_member ANNOTATION[ANNOTATIONS] = {
    [AUDIENCE] = {"audience", GH_TOOLFILE_ARRAY, false},
    [PRIORITY] = {"priority", GH_TOOLFILE_NUMBER, false},
    [LAST_MODIFIED] = {"lastModified", GH_TOOLFILE_STRING, false},
};

static bool is_fraction(gh_view number)
{
    char text[32];
    if (number.len == 0 || number.len >= sizeof text) {
        return false;
    }
    memcpy(text, number.ptr, number.len);
    text[number.len] = '\0';
    double value = strtod(text, NULL);
    return value >= 0 && value <= 1;
}

gh_status gh_toolfile_check_annotations(gh_toolfile_reader *reader, gh_view object)
{
    gh_json_iter iter;
    gh_view values[ANNOTATIONS];
    gh_view role = {NULL, 0};
    gh_status status = gh_toolfile_members(reader, "annotations", object, ANNOTATION, ANNOTATIONS, values);
    for (bool more = status == GH_OK && gh_json_iter_start(values[AUDIENCE], &iter);
         more && gh_json_iter_next(&iter, NULL, &role);) {
        if (!gh_json_slice_is(role, GH_VIEW_LIT("user")) &&
            !gh_json_slice_is(role, GH_VIEW_LIT("assistant"))) {
            return gh_toolfile_refuse(reader, role,
                                      "annotations: audience must be of \"user\" and \"assistant\"");
        }
    }
    if (status == GH_OK && values[PRIORITY].ptr != NULL && !is_fraction(values[PRIORITY])) {
        return gh_toolfile_refuse(reader, values[PRIORITY], "annotations: priority must be from 0 to 1");
    }
    return status;
}

/* --- media types --- */

gh_status gh_toolfile_check_media_type(gh_toolfile_reader *reader, gh_view at, const char *what,
                                       const char *text)
{
    gh_view type = gh_view_of(text);
    gh_view essence = gh_view_trim(gh_view_make(type.ptr, gh_view_find(type, ';')));
    size_t slash = gh_view_find(essence, '/');
    bool right = slash < essence.len && gh_toolfile_is_header_name(gh_view_make(essence.ptr, slash)) &&
                 gh_toolfile_is_header_name(gh_view_make(essence.ptr + slash + 1, essence.len - slash - 1));
    for (size_t i = 0; right && i < type.len; i++) {
        right = type.ptr[i] >= ' ' && type.ptr[i] < 0x7f;
    }
    return right ? GH_OK
                 : gh_toolfile_refuse(reader, at, "%s must be a media type, such as text/plain", what);
}

/* --- scopes --- */

/* RFC 6749, 3.3. */
static bool is_scope(const char *text)
{
    const char *at = text;
    while (*at > ' ' && *at < 0x7f && *at != '"' && *at != '\\') {
        at++;
    }
    return at > text && *at == '\0' && strlen(text) <= GH_TOOLFILE_NAME_MAX;
}

static gh_status read_scope(gh_toolfile_reader *reader, gh_view value, const char *what, char **out)
{
    gh_status status = gh_toolfile_text(reader, value, what, GH_TOOLFILE_TEXT_MAX, out);
    if (status == GH_OK && !is_scope(*out)) {
        status = gh_toolfile_refuse(reader, value,
                                    "%s: a scope must be letters and signs without spaces, quotes and "
                                    "backslashes",
                                    what);
    }
    return status;
}

gh_status gh_toolfile_read_scopes(gh_toolfile_reader *reader, gh_view array, const char *what, char **out)
{
    gh_json_iter iter;
    gh_view value = {NULL, 0};
    gh_buf list = GH_BUF_INIT(GH_TOOLFILE_TEXT_MAX);
    gh_status status = GH_OK;
    size_t count = 0;
    (void)gh_buf_append_cstr(&list, "");
    for (bool more = gh_json_iter_start(array, &iter);
         status == GH_OK && more && gh_json_iter_next(&iter, NULL, &value);) {
        char *scope = NULL;
        status = read_scope(reader, value, what, &scope);
        if (status == GH_OK && ++count > SCOPES_MAX) {
            status = gh_toolfile_refuse(reader, value, "%s: there are more than %d", what, SCOPES_MAX);
        }
        if (status == GH_OK && !gh_text_has_word(gh_buf_view(&list), gh_view_of(scope))) {
            (void)gh_buf_append_cstr(&list, list.len > 0 ? " " : "");
            (void)gh_buf_append_cstr(&list, scope);
        }
        free(scope);
    }
    if (status == GH_OK) {
        *out = gh_text_dup(gh_buf_cstr(&list));
        status = *out == NULL || gh_buf_status(&list) != GH_OK ? gh_toolfile_no_memory(reader) : GH_OK;
    }
    gh_buf_free(&list);
    return status;
}

static gh_status read_scope_rule(gh_toolfile_reader *reader, gh_view key, gh_view value)
{
    gh_toolset *set = &reader->kept->set;
    gh_scope_rule *grown = reallocarray(set->scope_rules, set->scope_rule_count + 1, sizeof *grown);
    if (grown == NULL) {
        return gh_toolfile_no_memory(reader);
    }
    set->scope_rules = grown;
    gh_scope_rule *rule = &grown[set->scope_rule_count++];
    *rule = (gh_scope_rule){NULL, NULL};
    gh_status status = read_scope(reader, key, "scopes", &rule->scope);
    for (size_t i = 0; i + 1 < set->scope_rule_count && status == GH_OK; i++) {
        if (strcmp(set->scope_rules[i].scope, rule->scope) == 0) {
            status = gh_toolfile_refuse(reader, key, "scopes: %.64s has a row already", rule->scope);
        }
    }
    if (status == GH_OK && gh_json_slice_type(value) != GH_JSON_ARRAY) {
        status = gh_toolfile_refuse(reader, value, "scopes: %.64s must be an array of scopes", rule->scope);
    }
    return status == GH_OK ? gh_toolfile_read_scopes(reader, value, "scopes", &rule->implied) : status;
}

gh_status gh_toolfile_read_scope_rules(gh_toolfile_reader *reader, gh_view object)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    gh_status status = GH_OK;
    if (reader->kept->set.scope_rule_count + gh_toolfile_count(object) > SCOPE_RULES_MAX) {
        return gh_toolfile_refuse(reader, object, "scopes has more than %d members", SCOPE_RULES_MAX);
    }
    (void)gh_json_iter_start(object, &iter);
    while (status == GH_OK && gh_json_iter_next(&iter, &key, &value)) {
        status = read_scope_rule(reader, key, value);
    }
    return status;
}

/* --- all items --- */

gh_status gh_toolfile_each(gh_toolfile_reader *reader, gh_view array, const char *what,
                           gh_status (*read)(gh_toolfile_reader *reader, gh_view object))
{
    gh_json_iter iter;
    gh_view value = {NULL, 0};
    gh_status status = GH_OK;
    (void)gh_json_iter_start(array, &iter);
    while (status == GH_OK && gh_json_iter_next(&iter, NULL, &value)) {
        status = gh_json_slice_type(value) == GH_JSON_OBJECT
                     ? read(reader, value)
                     : gh_toolfile_refuse(reader, value, "%s must be an array of objects", what);
    }
    return status;
}

static gh_status check_name(gh_toolfile_reader *reader, gh_view at, const gh_entry *entry)
{
    static const char CHARS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t len = strlen(entry->name);
    if (entry->kind == GH_ENTRY_TOOL && (len > 128 || strspn(entry->name, CHARS) != len)) {
        return gh_toolfile_refuse(reader, at,
                                  "a tool's name must be 1 to 128 letters, digits, '_', '-' or '.'");
    }
    return GH_OK;
}

gh_status gh_toolfile_fill_common(gh_toolfile_reader *reader, const gh_view *values, gh_entry *entry)
{
    gh_status status =
        gh_toolfile_word(reader, values[GH_COMMON_NAME], "name", GH_TOOLFILE_NAME_MAX, &entry->name);
    if (status == GH_OK) {
        status = check_name(reader, values[GH_COMMON_NAME], entry);
    }
    if (status == GH_OK) {
        status =
            gh_toolfile_text(reader, values[GH_COMMON_TITLE], "title", GH_TOOLFILE_TEXT_MAX, &entry->title);
    }
    if (status == GH_OK) {
        status = gh_toolfile_text(reader, values[GH_COMMON_DESCRIPTION], "description", GH_TOOLFILE_TEXT_MAX,
                                  &entry->description);
    }
    if (status == GH_OK && values[GH_COMMON_ICONS].ptr != NULL) {
        status = gh_toolfile_each(reader, values[GH_COMMON_ICONS], "icons", check_icon);
    }
    if (status == GH_OK) {
        status = gh_toolfile_json(reader, values[GH_COMMON_ICONS], "icons", &entry->icons);
    }
    if (status == GH_OK) {
        status = gh_toolfile_json(reader, values[GH_COMMON_META], "_meta", &entry->meta);
    }
    return status == GH_OK
               ? gh_toolfile_read_scopes(reader, values[GH_COMMON_SCOPES], "scopes", &entry->scopes)
               : status;
}

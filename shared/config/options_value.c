/* One value: from text into the settings, and back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/config/options_private.h"
#include "shared/core/file.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool parse_bool(gh_view text, bool *value)
{
    static const char *const yes[] = {"true", "yes", "1", "on"};
    static const char *const no[] = {"false", "no", "0", "off"};

    for (size_t i = 0; i < COUNT(yes); i++) {
        if (gh_view_eq_nocase(text, gh_view_of(yes[i])) || gh_view_eq_nocase(text, gh_view_of(no[i]))) {
            *value = gh_view_eq_nocase(text, gh_view_of(yes[i]));
            return true;
        }
    }
    return false;
}

static gh_status check_choice(const gh_option *row, gh_view text, const char *where, gh_error *error)
{
    gh_view rest = gh_view_of(row->choices);
    gh_view choice = {NULL, 0};
    char typed[64];
    char nearest[64] = "";
    size_t best = text.len / 3 + 2;

    if (gh_text_has_word(rest, text)) {
        return GH_OK;
    }
    (void)snprintf(typed, sizeof(typed), "%.*s", (int)(text.len < 63 ? text.len : 63),
                   text.len > 0 ? text.ptr : "");
    while (gh_view_next(&rest, ' ', &choice)) {
        char candidate[64];
        size_t distance = 0;

        (void)snprintf(candidate, sizeof(candidate), "%.*s", (int)choice.len, choice.ptr);
        distance = gh_text_distance(typed, candidate, best);
        if (distance < best) {
            best = distance;
            (void)snprintf(nearest, sizeof(nearest), "%s", candidate);
        }
    }
    return gh_error_set(error, GH_ERR_INVALID, "%s: '%s' is not one of: %s%s%s%s", where, typed, row->choices,
                        nearest[0] ? "; did you mean " : "", nearest, nearest[0] ? "?" : "");
}

static gh_status run_check(const gh_option *row, const char *value, const char *where, gh_error *error)
{
    gh_error inner = {GH_OK, ""};
    gh_status status = row->check ? row->check(value, &inner) : GH_OK;

    if (status == GH_OK) {
        return GH_OK;
    }
    return gh_error_set(error, status, "%s: %s", where,
                        inner.message[0] ? inner.message : gh_status_text(status));
}

static gh_status no_memory(gh_error *error, const char *where)
{
    return gh_error_set(error, GH_ERR_NOMEM, "%s: out of memory", where);
}

/* An owned copy of legal text that has passed the row's check. */
static gh_status copy_text(const gh_option *row, gh_view text, const char *where, char **copy,
                           gh_error *error)
{
    gh_status status = GH_OK;

    if (gh_text_has_control(text) || (row->type != GH_OPTION_PATH && !gh_text_is_utf8(text))) {
        return gh_error_set(error, GH_ERR_INVALID, "%s: the value holds control characters or is not UTF-8",
                            where);
    }
    *copy = gh_view_dup(text);
    if (!*copy) {
        return no_memory(error, where);
    }
    status = run_check(row, *copy, where, error);
    if (status != GH_OK) {
        free(*copy);
        *copy = NULL;
    }
    return status;
}

static gh_status set_text(const gh_option *row, void *settings, gh_view text, const char *where,
                          gh_error *error)
{
    char **field = gh_option_field(row, settings);
    char *copy = NULL;
    gh_status status = GH_OK;

    if (row->type == GH_OPTION_ENUM) {
        status = check_choice(row, text, where, error);
    }
    /* An empty value takes a lower source's value away. */
    if (status == GH_OK && (text.len > 0 || row->type == GH_OPTION_ENUM)) {
        status = copy_text(row, text, where, &copy, error);
    }
    if (status != GH_OK) {
        return status;
    }
    free(*field);
    *field = copy;
    return GH_OK;
}

bool gh_option_is_secret_mount(const char *path)
{
    static const char *const mounts[] = {"/run/secrets/", "/var/run/secrets/", "/run/credentials/"};

    for (size_t i = 0; i < COUNT(mounts); i++) {
        if (strncmp(path, mounts[i], strlen(mounts[i])) == 0) {
            return true;
        }
    }
    return false;
}

static gh_status read_secret_file(gh_view text, const char *where, gh_secret **secret, gh_error *error)
{
    gh_error inner = {GH_OK, ""};
    char *path = gh_view_dup(text);
    gh_status status = GH_OK;

    if (!path) {
        return no_memory(error, where);
    }
    status = gh_file_read_secret(path, gh_option_is_secret_mount(path), secret, &inner);
    if (status != GH_OK) {
        (void)gh_error_set(error, status, "%s: %s", where, inner.message);
    }
    free(path);
    return status;
}

static gh_status set_secret(const gh_option *row, void *settings, bool file, gh_view text, const char *where,
                            gh_error *error)
{
    gh_secret **field = gh_option_field(row, settings);
    gh_secret *secret = NULL;
    gh_status status = GH_OK;

    if (text.len > 0 && file) {
        status = read_secret_file(text, where, &secret, error);
    } else if (text.len > 0) {
        secret = gh_secret_new(text);
        status = secret ? GH_OK : no_memory(error, where);
    }
    if (status != GH_OK) {
        return status;
    }
    if (gh_view_eq_cstr(gh_secret_view(secret), GH_OPTION_SECRET_MASK)) {
        status = gh_error_set(error, GH_ERR_INVALID,
                              "%s: " GH_OPTION_SECRET_MASK " is the mask that --print-config shows, not a "
                              "secret; give the secret itself, or its file as %s-file",
                              where, row->name);
    } else if (secret) {
        status = run_check(row, gh_secret_view(secret).ptr, where, error);
    }
    if (status != GH_OK) {
        gh_secret_free(secret);
        return status;
    }
    gh_secret_free(*field);
    *field = secret;
    return GH_OK;
}

gh_status gh_text_list_add(gh_text_list *list, gh_view text)
{
    char **items = realloc(list->items, (list->count + 1) * sizeof(*items));
    char *copy = NULL;

    if (!items) {
        return GH_ERR_NOMEM;
    }
    list->items = items;
    copy = gh_view_dup(text);
    if (!copy) {
        return GH_ERR_NOMEM;
    }
    list->items[list->count++] = copy;
    return GH_OK;
}

void gh_text_list_free(gh_text_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i]);
    }
    free(list->items);
    *list = (gh_text_list){NULL, 0};
}

bool gh_text_list_has(const gh_text_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static gh_status add_to_list(const gh_option *row, void *settings, gh_view text, const char *where,
                             gh_error *error)
{
    gh_text_list *list = gh_option_field(row, settings);
    char *copy = NULL;
    gh_status status = GH_OK;

    if (text.len == 0) {
        return GH_OK;
    }
    status = copy_text(row, text, where, &copy, error);
    if (status == GH_OK && gh_text_list_add(list, gh_view_of(copy)) != GH_OK) {
        status = no_memory(error, where);
    }
    free(copy);
    return status;
}

static gh_status set_value(const gh_option *row, void *settings, bool file, gh_view text, const char *where,
                           gh_error *error)
{
    switch (row->type) {
    case GH_OPTION_BOOL:
        if (!parse_bool(text, gh_option_field(row, settings))) {
            return gh_option_refuse(error, where, text, "true or false");
        }
        return GH_OK;
    case GH_OPTION_INT:
    case GH_OPTION_DURATION:
    case GH_OPTION_SIZE:
        return gh_option_set_number(row, settings, text, where, error);
    case GH_OPTION_STRING:
    case GH_OPTION_PATH:
    case GH_OPTION_ENUM:
        return set_text(row, settings, text, where, error);
    case GH_OPTION_SECRET:
        return set_secret(row, settings, file, text, where, error);
    case GH_OPTION_LIST:
        return add_to_list(row, settings, text, where, error);
    }
    return GH_ERR_INVALID;
}

gh_status gh_option_apply(gh_option_loader *loader, gh_option_match match, gh_view text, const char *where)
{
    return set_value(match.row, loader->settings, match.file, text, where, loader->error);
}

gh_status gh_option_apply_initial(gh_option_loader *loader, const gh_option *row)
{
    gh_view rest = gh_view_of(row->initial);
    gh_view item = {NULL, 0};
    gh_status status = GH_OK;

    if (!row->initial) {
        return GH_OK;
    }
    if (row->type != GH_OPTION_LIST) {
        return set_value(row, loader->settings, false, rest, row->name, loader->error);
    }
    while (status == GH_OK && gh_view_next(&rest, ',', &item)) {
        status = set_value(row, loader->settings, false, gh_view_trim(item), row->name, loader->error);
    }
    return status;
}

void gh_option_begin_source(gh_option_loader *loader, const gh_option *row)
{
    bool *touched = &loader->touched[row - loader->table->options];

    if (row->type == GH_OPTION_LIST && !*touched) {
        gh_text_list_free(gh_option_field(row, loader->settings));
    }
    *touched = true;
}

void gh_option_release(const gh_option *row, void *settings)
{
    void *field = gh_option_field(row, settings);

    switch (row->type) {
    case GH_OPTION_STRING:
    case GH_OPTION_PATH:
    case GH_OPTION_ENUM:
        free(*(char **)field);
        *(char **)field = NULL;
        break;
    case GH_OPTION_SECRET:
        gh_secret_free(*(gh_secret **)field);
        *(gh_secret **)field = NULL;
        break;
    case GH_OPTION_LIST:
        gh_text_list_free(field);
        break;
    case GH_OPTION_BOOL:
    case GH_OPTION_INT:
    case GH_OPTION_DURATION:
    case GH_OPTION_SIZE:
        break;
    }
}

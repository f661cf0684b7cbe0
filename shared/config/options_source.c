/* Two of the sources: the JSON file and the environment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shared/config/options_private.h"
#include "shared/core/file.h"
#include "shared/json/gate.h"
#include "shared/json/slice.h"

#define SECRET_TEXT_MAX 65536

/* Two forms of one secret in one source contradict each other. */
static gh_status refuse_both_forms(gh_option_loader *loader, const gh_option *row, const char *where)
{
    if (row->type != GH_OPTION_SECRET || !loader->touched[row - loader->table->options]) {
        return GH_OK;
    }
    return gh_error_set(loader->error, GH_ERR_INVALID,
                        "%s: the secret and its file are both given; keep one of the two", where);
}

static gh_status refuse_shared(const gh_option_loader *loader)
{
    struct stat info;

    if (gh_option_is_secret_mount(loader->config)) {
        return GH_OK;
    }
    if (stat(loader->config, &info) != 0 || (info.st_mode & (S_IRGRP | S_IROTH)) != 0) {
        return gh_error_set(loader->error, GH_ERR_DENIED,
                            "%s holds a secret, but other users may read it; run: chmod 600 %s",
                            loader->config, loader->config);
    }
    return GH_OK;
}

static gh_status apply_json_text(gh_option_loader *loader, gh_option_match match, gh_view raw,
                                 const char *where)
{
    gh_buf text = GH_BUF_INIT(SECRET_TEXT_MAX);
    gh_status status = gh_buf_reserve(&text, raw.len < SECRET_TEXT_MAX ? raw.len : SECRET_TEXT_MAX);

    if (status == GH_OK) {
        status = gh_json_slice_unescape(raw, &text);
    }
    if (status != GH_OK) {
        (void)gh_error_set(loader->error, status, "%s: %s", where, gh_status_text(status));
    } else {
        status = gh_option_apply(loader, match, gh_buf_view(&text), where);
    }
    gh_buf_wipe_free(&text);
    return status;
}

static gh_status apply_json_list(gh_option_loader *loader, gh_option_match match, gh_view raw,
                                 const char *where)
{
    gh_json_iter iter;
    gh_view item = {NULL, 0};
    gh_status status = GH_OK;

    if (!gh_json_iter_start(raw, &iter) || iter.object) {
        return gh_error_set(loader->error, GH_ERR_INVALID, "%s must be an array of strings", where);
    }
    while (status == GH_OK && gh_json_iter_next(&iter, NULL, &item)) {
        if (gh_json_slice_type(item) != GH_JSON_STRING) {
            return gh_error_set(loader->error, GH_ERR_INVALID, "%s must be an array of strings", where);
        }
        status = apply_json_text(loader, match, item, where);
    }
    return status;
}

static const char *expected_json(gh_option_type type)
{
    switch (type) {
    case GH_OPTION_BOOL:
        return "true or false";
    case GH_OPTION_INT:
        return "a number";
    case GH_OPTION_SIZE:
        return "a number, or a string such as \"64k\"";
    case GH_OPTION_DURATION:
        return "a string such as \"30s\"";
    case GH_OPTION_STRING:
    case GH_OPTION_PATH:
    case GH_OPTION_ENUM:
    case GH_OPTION_SECRET:
    case GH_OPTION_LIST:
        break;
    }
    return "a string";
}

static gh_status apply_json(gh_option_loader *loader, gh_option_match match, gh_view raw, const char *where)
{
    gh_json_type json = gh_json_slice_type(raw);
    gh_option_type type = match.row->type;

    if (type == GH_OPTION_LIST) {
        return apply_json_list(loader, match, raw, where);
    }
    if (json == GH_JSON_STRING) {
        return apply_json_text(loader, match, raw, where);
    }
    if ((json == GH_JSON_BOOL && type == GH_OPTION_BOOL) ||
        (json == GH_JSON_NUMBER &&
         (type == GH_OPTION_INT || type == GH_OPTION_SIZE || type == GH_OPTION_DURATION))) {
        return gh_option_apply(loader, match, raw, where);
    }
    return gh_error_set(loader->error, GH_ERR_INVALID, "%s must be %s", where, expected_json(type));
}

static gh_status read_member(gh_option_loader *loader, const char *name, gh_view raw)
{
    gh_option_match match = {NULL, false};
    char where[GH_OPTION_WHERE_MAX];
    gh_status status = GH_OK;

    (void)snprintf(where, sizeof(where), "\"%.60s\" in %s", name, loader->config);
    if (!gh_option_find(loader->table, gh_view_of(name), &match)) {
        char nearest[GH_OPTION_NAME_MAX];
        const char *near = gh_option_nearest(loader->table, name, false, nearest);

        return gh_error_set(loader->error, GH_ERR_INVALID, "%s is not a setting of %s; %s%s%s", where,
                            loader->table->program, near ? "did you mean \"" : "see --help", near ? near : "",
                            near ? "\"?" : "");
    }
    status = refuse_both_forms(loader, match.row, where);
    if (status == GH_OK && match.row->type == GH_OPTION_SECRET && !match.file) {
        status = refuse_shared(loader);
    }
    if (status != GH_OK) {
        return status;
    }
    gh_option_begin_source(loader, match.row);
    return apply_json(loader, match, raw, where);
}

static gh_status read_members(gh_option_loader *loader, gh_view text)
{
    gh_error inner = {GH_OK, ""};
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    gh_status status = gh_json_gate(text, &GH_JSON_LIMITS_DOCUMENT, &inner);

    if (status != GH_OK) {
        return gh_error_set(loader->error, status, "%s: %s", loader->config, inner.message);
    }
    if (!gh_json_iter_start(text, &iter) || !iter.object) {
        return gh_error_set(loader->error, GH_ERR_INVALID, "%s must hold a JSON object", loader->config);
    }
    while (status == GH_OK && gh_json_iter_next(&iter, &key, &value)) {
        char *name = NULL;

        status = gh_json_slice_string(key, &name);
        if (status == GH_OK) {
            status = read_member(loader, name, value);
        }
        free(name);
    }
    return status;
}

gh_status gh_option_read_file(gh_option_loader *loader)
{
    gh_buf text = GH_BUF_INIT(GH_JSON_LIMITS_DOCUMENT.size);
    gh_error inner = {GH_OK, ""};
    gh_status status = GH_OK;

    if (!loader->config) {
        return GH_OK;
    }
    status = gh_buf_reserve(&text, text.max); /* it may hold secrets: see gh_buf_wipe_free */
    if (status == GH_OK) {
        status = gh_file_read(loader->config, &text, &inner);
    }
    if (status != GH_OK) {
        (void)gh_error_set(loader->error, status, "--config: %s",
                           inner.message[0] ? inner.message : gh_status_text(status));
    } else {
        status = read_members(loader, gh_buf_view(&text));
    }
    gh_buf_wipe_free(&text);
    return status;
}

/* "LOG_FORMAT" becomes "log-format"; false when it is too long for any name, or not in upper case. */
static bool option_name_of(gh_view variable, char *out)
{
    if (variable.len >= GH_OPTION_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < variable.len; i++) {
        char c = variable.ptr[i];
        if (c >= 'a' && c <= 'z') {
            return false;
        }
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c + ('a' - 'A'));
        }
        out[i] = c == '_' ? '-' : c;
    }
    out[variable.len] = '\0';
    return true;
}

/* Container platforms describe a service called "gatehouse" to its own pods as GATEHOUSE_SERVICE_HOST,
 * GATEHOUSE_PORT, GATEHOUSE_PORT_8080_TCP_ADDR and so on. */
static bool is_service_link(gh_view variable, gh_view value)
{
    bool address = gh_view_starts_with(value, GH_VIEW_LIT("tcp://")) ||
                   gh_view_starts_with(value, GH_VIEW_LIT("udp://"));

    return gh_view_starts_with(variable, GH_VIEW_LIT("SERVICE_")) ||
           gh_view_starts_with(variable, GH_VIEW_LIT("PORT_")) ||
           (address && gh_view_eq_cstr(variable, "PORT"));
}

static gh_status refuse_variable(gh_option_loader *loader, gh_view variable, const char *name)
{
    char nearest[GH_OPTION_NAME_MAX];
    char proper[GH_OPTION_WHERE_MAX] = "";
    const char *near = gh_option_nearest(loader->table, name, false, nearest);

    if (near) {
        gh_option_env_name(loader->table, near, proper);
    }
    return gh_error_set(loader->error, GH_ERR_INVALID,
                        "%s%.*s in the environment is not a setting of %s; %s%s%s", loader->table->env_prefix,
                        (int)(variable.len < 100 ? variable.len : 100), variable.ptr, loader->table->program,
                        near ? "did you mean " : "see --help", proper, near ? "?" : "");
}

static gh_status apply_variable(gh_option_loader *loader, gh_option_match match, gh_view value,
                                const char *where)
{
    gh_view item = {NULL, 0};
    gh_status status = refuse_both_forms(loader, match.row, where);

    if (status != GH_OK) {
        return status;
    }
    gh_option_begin_source(loader, match.row);
    if (match.row->type != GH_OPTION_LIST) {
        return gh_option_apply(loader, match, value, where);
    }
    while (status == GH_OK && gh_view_next(&value, ',', &item)) {
        status = gh_option_apply(loader, match, gh_view_trim(item), where);
    }
    return status;
}

static gh_status read_variable(gh_option_loader *loader, gh_view entry)
{
    gh_view prefix = gh_view_of(loader->table->env_prefix);
    size_t equals = gh_view_find(entry, '=');
    gh_view variable;
    gh_view value;
    gh_option_match match = {NULL, false};
    char name[GH_OPTION_NAME_MAX] = "";
    char where[GH_OPTION_WHERE_MAX];

    if (!gh_view_starts_with(entry, prefix) || equals == entry.len || equals < prefix.len ||
        (loader->table->env_exclude && gh_view_starts_with(entry, gh_view_of(loader->table->env_exclude)))) {
        return GH_OK;
    }
    variable = gh_view_make(entry.ptr + prefix.len, equals - prefix.len);
    value = gh_view_make(entry.ptr + equals + 1, entry.len - equals - 1);
    if (value.len == 0 || gh_view_eq_cstr(variable, "CONFIG")) {
        return GH_OK;
    }
    if (!option_name_of(variable, name) || !gh_option_find(loader->table, gh_view_of(name), &match)) {
        return is_service_link(variable, value) ? GH_OK : refuse_variable(loader, variable, name);
    }
    gh_option_env_name(loader->table, name, where);
    return apply_variable(loader, match, value, where);
}

gh_status gh_option_read_env(gh_option_loader *loader, char **env)
{
    gh_status status = GH_OK;

    for (size_t i = 0; status == GH_OK && env && env[i]; i++) {
        status = read_variable(loader, gh_view_of(env[i]));
    }
    return status;
}

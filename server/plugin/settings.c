/* --plugin-config: settings and secrets of plugins. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/plugin/plugin_private.h"
#include "shared/core/file.h"
#include "shared/core/log.h"
#include "shared/core/secret.h"
#include "shared/json/gate.h"
#include "shared/json/slice.h"

#define FILE_SUFFIX "_file"
#define NAME_MAX_LEN 256

/* --- the file --- */

static gh_status check_form(gh_view text, const char *file, gh_error *error)
{
    gh_error why = {GH_OK, ""};
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    if (gh_json_gate(text, &GH_JSON_LIMITS_DOCUMENT, &why) != GH_OK) {
        return gh_error_set(error, GH_ERR_INVALID, "The plugin settings in %s are not JSON: %s.", file,
                            why.message);
    }
    if (gh_json_slice_type(text) != GH_JSON_OBJECT || !gh_json_iter_start(text, &iter)) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "The plugin settings in %s are not a JSON object with one object per plugin.",
                            file);
    }
    while (gh_json_iter_next(&iter, &key, &value)) {
        if (gh_json_slice_type(value) != GH_JSON_OBJECT) {
            return gh_error_set(error, GH_ERR_INVALID,
                                "The settings of %.*s in %s are not a JSON object: write {\"NAME\": {...}}.",
                                (int)(key.len < NAME_MAX_LEN ? key.len : NAME_MAX_LEN), key.ptr, file);
        }
    }
    return GH_OK;
}

gh_status gh_plugins_configure(gh_plugins *plugins, const char *file, gh_error *error)
{
    struct stat info;
    gh_status status = GH_OK;
    gh_buf_wipe_free(&plugins->settings);
    if (stat(file, &info) == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "Other users may write to the plugin settings %s; run: chmod go-w %s", file,
                            file);
    }
    /* Whole at once, so that no copy of a secret stays behind in memory. */
    status = gh_buf_reserve(&plugins->settings, plugins->settings.max);
    if (status == GH_OK) {
        gh_error why = {GH_OK, ""};
        status = gh_file_read(file, &plugins->settings, &why);
        if (status != GH_OK) {
            status =
                gh_error_set(error, GH_ERR_INVALID, "The plugin settings cannot be used: %s.", why.message);
        }
    }
    if (status == GH_OK) {
        status = check_form(gh_buf_view(&plugins->settings), file, error);
    }
    if (status != GH_OK) {
        gh_buf_wipe_free(&plugins->settings);
    }
    return status;
}

char *gh_plugin_settings_of(const gh_plugins *plugins, const char *name)
{
    gh_view found = {NULL, 0};
    if (plugins->settings.len == 0 || !gh_json_slice_member(gh_buf_view(&plugins->settings), name, &found)) {
        return gh_text_dup("{}");
    }
    gh_buf compact = GH_BUF_INIT(found.len);
    char *text = gh_json_slice_compact(found, &compact) == GH_OK ? gh_buf_steal(&compact) : NULL;
    gh_buf_wipe_free(&compact);
    return text;
}

static bool is_loaded(const gh_plugins *plugins, gh_view key)
{
    for (const gatehouse_registrar *one = plugins->registrars; one != NULL; one = one->next) {
        if (gh_json_slice_is(key, gh_view_of(one->name))) {
            return true;
        }
    }
    return false;
}

void gh_plugins_warn_unused(const gh_plugins *plugins)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    if (plugins->settings.len == 0 || !gh_json_iter_start(gh_buf_view(&plugins->settings), &iter)) {
        return;
    }
    while (gh_json_iter_next(&iter, &key, &value)) {
        if (!is_loaded(plugins, key)) {
            gh_log_warn("--plugin-config has settings for %.*s, but no plugin of that name was loaded",
                        (int)(key.len < NAME_MAX_LEN ? key.len : NAME_MAX_LEN), key.ptr);
        }
    }
}

/* --- what a plugin asks for --- */

static const char *settings_of(gatehouse_registrar *registrar)
{
    return gh_plugin_given(registrar, "settings") ? registrar->settings : "{}";
}

/* A value's text, owned; NULL when memory lacks. */
static char *text_of(gh_view value)
{
    char *text = NULL;
    if (gh_json_slice_type(value) != GH_JSON_STRING) {
        return gh_view_dup(value);
    }
    return gh_json_slice_string(value, &text) == GH_OK ? text : NULL;
}

static char *read_secret(gatehouse_registrar *registrar, const char *key, const char *path)
{
    gh_error why = {GH_OK, ""};
    gh_error sentence = {GH_OK, ""};
    gh_secret *secret = NULL;
    char *text = NULL;
    gh_status status = gh_file_read_secret(path, gh_option_is_secret_mount(path), &secret, &why);
    if (status == GH_OK) {
        text = gh_view_dup(gh_secret_view(secret));
        status = text == NULL ? gh_error_set(&why, GH_ERR_INVALID, "%s holds a NUL byte", path) : GH_OK;
    }
    if (status != GH_OK) {
        (void)gh_error_set(&sentence, status,
                           "The plugin %s cannot use its setting %.64s" FILE_SUFFIX ": %s.", registrar->label,
                           key, why.message);
        gh_plugin_refuse(registrar, status, sentence.message);
    }
    gh_secret_free(secret);
    return text;
}

static char *find_setting(gatehouse_registrar *registrar, const char *key)
{
    gh_view settings = gh_view_of(registrar->settings);
    gh_view value = {NULL, 0};
    char name[NAME_MAX_LEN + sizeof FILE_SUFFIX];
    size_t len = strnlen(key, NAME_MAX_LEN + 1);
    if (gh_json_slice_member(settings, key, &value)) {
        return text_of(value);
    }
    if (len > NAME_MAX_LEN) {
        return NULL;
    }
    memcpy(name, key, len);
    memcpy(name + len, FILE_SUFFIX, sizeof FILE_SUFFIX);
    if (!gh_json_slice_member(settings, name, &value) || gh_json_slice_type(value) != GH_JSON_STRING) {
        return NULL;
    }
    char *path = text_of(value);
    char *text = path != NULL ? read_secret(registrar, key, path) : NULL;
    free(path);
    return text;
}

static gh_plugin_setting *new_setting(const char *key, char *text)
{
    gh_plugin_setting *one = text != NULL ? calloc(1, sizeof *one) : NULL;
    if (one != NULL) {
        one->key = gh_text_dup(key);
        one->text = text;
    }
    if (one == NULL || one->key == NULL) {
        gh_wipe_free(text);
        free(one);
        return NULL;
    }
    return one;
}

static const gh_plugin_setting *find_handed_out(const gatehouse_registrar *registrar, const char *key)
{
    for (const gh_plugin_setting *one = registrar->handed_out; one != NULL; one = one->next) {
        if (strcmp(one->key, key) == 0) {
            return one;
        }
    }
    return NULL;
}

static const char *setting(gatehouse_registrar *registrar, const char *key)
{
    if (!gh_plugin_given(registrar, "setting") || key == NULL) {
        return NULL;
    }
    pthread_mutex_t *lock = &registrar->plugins->lock;
    (void)pthread_mutex_lock(lock);
    const gh_plugin_setting *found = find_handed_out(registrar, key);
    (void)pthread_mutex_unlock(lock);
    if (found != NULL) {
        return found->text;
    }
    /* The file is read without the lock; of two threads that did, the first counts. */
    gh_plugin_setting *fresh = new_setting(key, find_setting(registrar, key));
    if (fresh == NULL) {
        return NULL;
    }
    (void)pthread_mutex_lock(lock);
    found = find_handed_out(registrar, key);
    if (found == NULL) {
        fresh->next = registrar->handed_out;
        registrar->handed_out = fresh;
        found = fresh;
        fresh = NULL;
    }
    (void)pthread_mutex_unlock(lock);
    if (fresh != NULL) {
        gh_wipe_free(fresh->text);
        free(fresh->key);
        free(fresh);
    }
    return found->text;
}

void gh_plugin_settings_clear(gatehouse_registrar *registrar, bool keep)
{
    for (gh_plugin_setting *one = registrar->handed_out, *next = NULL; one != NULL; one = next) {
        next = one->next;
        if (keep) {
            gh_wipe(one->text, strlen(one->text));
            continue;
        }
        gh_wipe_free(one->text);
        free(one->key);
        free(one);
    }
}

void gh_plugin_fill_settings(gatehouse_host *host)
{
    host->settings = settings_of;
    host->setting = setting;
}

/* Plugins in files: one, a list, a folder. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/call/crash.h"
#include "server/plugin/plugin_private.h"
#include "shared/core/log.h"

#define SUFFIX ".so"
#define FOLDER_FILES_MAX 1000

/* An absolute path of a regular file: dlopen looks for a name without a slash in the system's folders, and
 * opening a pipe would wait. */
static gh_status find_file(const char *file, char **path, gh_error *error)
{
    struct stat info;
    *path = realpath(file, NULL);
    if (*path == NULL || stat(*path, &info) != 0) {
        return gh_error_set(error, GH_ERR_INVALID, "The plugin %s cannot be opened: %s.", file,
                            strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return gh_error_set(error, GH_ERR_INVALID, "The plugin %s cannot be opened: it is not a file.", file);
    }
    if ((info.st_mode & S_IWOTH) != 0) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "Everybody may write to the plugin %s, and what is in it would run as this "
                            "server; run: chmod o-w %s",
                            file, file);
    }
    return GH_OK;
}

/* Nothing but the shared object's constructors has run when this returns. */
static gh_status open_object(const char *file, const char *path, gh_plugin_init **init, gh_error *error)
{
    gh_crash_scope scope = {"the loading of plugin ", file, NULL};
    gh_crash_enter(&scope);
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    gh_crash_leave(&scope);
    if (object == NULL) {
        const char *why = dlerror();
        return gh_error_set(error, GH_ERR_INVALID, "The plugin %s cannot be loaded: %s.", file,
                            why != NULL ? why : "no reason was given");
    }
    gh_status status = GH_OK;
    const uint32_t *abi = dlsym(object, "gatehouse_plugin_abi");
    void *symbol = dlsym(object, "gatehouse_plugin_init");
    if (abi == NULL || symbol == NULL) {
        status =
            gh_error_set(error, GH_ERR_INVALID, "%s is not a plugin of Gatehouse: it does not define %s.",
                         file, abi == NULL ? "gatehouse_plugin_abi" : "gatehouse_plugin_init");
    } else if (*abi != GATEHOUSE_PLUGIN_ABI) {
        status = gh_error_set(error, GH_ERR_INVALID,
                              "The plugin %s is for version %lu of the plugin interface, and this server has "
                              "version %d: build it with this server's gatehouse/plugin.h.",
                              file, (unsigned long)*abi, GATEHOUSE_PLUGIN_ABI);
    }
    if (status == GH_OK) {
        memcpy(init, &symbol, sizeof *init);
    } else {
        (void)dlclose(object);
    }
    return status;
}

/* The file's name without folder and ".so", owned. */
static char *short_name(const char *file)
{
    const char *slash = strrchr(file, '/');
    gh_view name = gh_view_of(slash != NULL ? slash + 1 : file);
    if (name.len > sizeof SUFFIX - 1 && gh_view_ends_with(name, GH_VIEW_LIT(SUFFIX))) {
        name.len -= sizeof SUFFIX - 1;
    }
    return gh_view_dup(name);
}

static gh_status load_one(gh_plugins *plugins, const char *file, gh_error *error)
{
    char *path = NULL;
    char *name = short_name(file);
    gh_plugin_init *init = NULL;
    gh_status status =
        name != NULL ? find_file(file, &path, error) : gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
    if (status == GH_OK) {
        status = open_object(file, path, &init, error);
    }
    if (status == GH_OK) {
        plugins->has_objects = true;
        status = gh_plugin_start(plugins, file, name, true, init, error);
    }
    free(path);
    free(name);
    return status;
}

gh_status gh_plugins_load(gh_plugins *plugins, const gh_text_list *files, gh_error *error)
{
    gh_status status = GH_OK;
    for (size_t i = 0; status == GH_OK && i < files->count; i++) {
        status = load_one(plugins, files->items[i], error);
    }
    return status;
}

/* --- folders --- */

/* NULL when it is refused. */
static DIR *open_folder(const char *folder, gh_error *error)
{
    struct stat info;
    DIR *opened = opendir(folder);
    if (opened == NULL) {
        (void)gh_error_set(error, GH_ERR_INVALID, "The plugin folder %s cannot be opened: %s.", folder,
                           strerror(errno));
        return NULL;
    }
    if (fstat(dirfd(opened), &info) != 0 || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        (void)closedir(opened);
        (void)gh_error_set(error, GH_ERR_INVALID,
                           "Other users may write to the plugin folder %s, and what is in it would run as "
                           "this server; run: chmod go-w %s",
                           folder, folder);
        return NULL;
    }
    return opened;
}

/* ".so" alone and other hidden files are nobody's plugin. */
static bool is_plugin_name(const char *name)
{
    return name[0] != '.' && gh_view_ends_with(gh_view_of(name), GH_VIEW_LIT(SUFFIX));
}

static gh_status add_path(gh_text_list *files, const char *folder, const char *name)
{
    gh_buf path = GH_BUF_INIT(8192);
    (void)gh_buf_appendf(&path, "%s/%s", folder, name);
    char *text = gh_buf_steal(&path);
    gh_buf_free(&path);
    if (text == NULL) {
        return GH_ERR_NOMEM;
    }
    files->items[files->count++] = text;
    return GH_OK;
}

static gh_status list_folder(const char *folder, gh_text_list *files, gh_error *error)
{
    DIR *open = open_folder(folder, error);
    gh_status status = GH_OK;
    if (open == NULL) {
        return GH_ERR_INVALID;
    }
    for (const struct dirent *entry = readdir(open); status == GH_OK && entry != NULL;
         entry = readdir(open)) {
        if (!is_plugin_name(entry->d_name)) {
            continue;
        }
        status = files->count < FOLDER_FILES_MAX ? add_path(files, folder, entry->d_name) : GH_ERR_TOO_LARGE;
    }
    (void)closedir(open);
    if (status == GH_ERR_TOO_LARGE) {
        return gh_error_set(error, GH_ERR_INVALID, "The plugin folder %s has more than %d files.", folder,
                            FOLDER_FILES_MAX);
    }
    return status == GH_OK ? status : gh_error_set(error, status, "Out of memory.");
}

static int by_name(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

gh_status gh_plugins_load_folder(gh_plugins *plugins, const char *folder, gh_error *error)
{
    gh_text_list files = {calloc(FOLDER_FILES_MAX, sizeof(char *)), 0};
    if (files.items == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
    }
    gh_status status = list_folder(folder, &files, error);
    if (status == GH_OK && files.count == 0) {
        gh_log_warn("the plugin folder %s has no %s file", folder, SUFFIX);
    }
    if (status == GH_OK) {
        qsort(files.items, files.count, sizeof files.items[0], by_name);
        status = gh_plugins_load(plugins, &files, error);
    }
    for (size_t i = 0; i < files.count; i++) {
        free(files.items[i]);
    }
    free(files.items);
    return status;
}

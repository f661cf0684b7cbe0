#include "server/plugin/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/plugin/plugin_private.h"
#include "shared/core/log.h"

#define TEXT_MAX ((size_t)256 * 1024)
#define TOOL_SIZE_FIRST (offsetof(gatehouse_tool, data) + sizeof(void *)) /* of version 1 as it was first */
#define TOOL_SIZE_MAX 4096

typedef int init_function(const gatehouse_host *host, gatehouse_registrar *registrar);

/* One plugin. Kept after its init, so that a plugin that registers too late is refused and no more. */
struct gatehouse_registrar {
    gatehouse_registrar *next;
    gh_plugins *plugins;
    char *file; /* as the option has it */
    bool open;  /* init runs */
    size_t tools;
    gh_status status; /* of the first tool that was refused */
    gh_error error;
    char reason[GH_ERROR_MESSAGE_MAX]; /* what init said; "" for nothing */
};

struct gh_plugins {
    gh_plugin_sink sink;
    gatehouse_registrar *registrars;
    gh_plugin_tool *tools;
};

gh_plugins *gh_plugins_new(const gh_plugin_sink *sink)
{
    gh_plugins *plugins = calloc(1, sizeof *plugins);
    if (plugins != NULL) {
        plugins->sink = *sink;
    }
    return plugins;
}

static void free_tool(gh_plugin_tool *tool)
{
    if (tool != NULL) {
        for (size_t i = 0; i < GH_PLUGIN_TEXTS; i++) {
            free(tool->texts[i]);
        }
        free(tool);
    }
}

void gh_plugins_free(gh_plugins *plugins)
{
    if (plugins == NULL) {
        return;
    }
    for (gh_plugin_tool *tool = plugins->tools, *next = NULL; tool != NULL; tool = next) {
        next = tool->next;
        free_tool(tool);
    }
    for (gatehouse_registrar *one = plugins->registrars, *next = NULL; one != NULL; one = next) {
        next = one->next;
        free(one->file);
        free(one);
    }
    free(plugins);
}

/* --- a tool --- */

/* As a struct of this server's size: what an older plugin lacks is zero, and what a newer one has beyond must
 * be. */
static gh_status read_tool(const gatehouse_tool *from, gatehouse_tool *to, gh_error *error)
{
    const unsigned char *bytes = (const unsigned char *)from;
    memset(to, 0, sizeof *to);
    if (from == NULL || from->size < TOOL_SIZE_FIRST || from->size > TOOL_SIZE_MAX) {
        return gh_error_set(error, GH_ERR_INVALID, "its size is not sizeof(gatehouse_tool)");
    }
    size_t size = from->size;
    for (size_t i = sizeof *to; i < size; i++) {
        if (bytes[i] != 0) {
            return gh_error_set(error, GH_ERR_UNSUPPORTED, "it uses what this version of the server lacks");
        }
    }
    memcpy(to, from, size < sizeof *to ? size : sizeof *to);
    return GH_OK;
}

static gh_status copy_text(const char *from, char **to, gh_error *error)
{
    if (from == NULL) {
        return GH_OK;
    }
    size_t len = strnlen(from, TEXT_MAX + 1);
    if (len > TEXT_MAX) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "a text of it is longer than 256 KiB");
    }
    if (!gh_text_is_utf8(gh_view_make(from, len))) {
        return gh_error_set(error, GH_ERR_INVALID, "a text of it is not UTF-8");
    }
    *to = gh_text_dup(from);
    return *to != NULL ? GH_OK : gh_error_set(error, GH_ERR_NOMEM, "out of memory");
}

static gh_status fill_tool(const gatehouse_tool *from, gh_plugin_tool *tool, gh_error *error)
{
    const char *const texts[GH_PLUGIN_TEXTS] = {from->name,         from->title,         from->description,
                                                from->input_schema, from->output_schema, from->annotations};
    gh_status status = GH_OK;
    for (size_t i = 0; status == GH_OK && i < GH_PLUGIN_TEXTS; i++) {
        status = copy_text(texts[i], &tool->texts[i], error);
    }
    tool->call = from->call;
    tool->data = from->data;
    tool->tool = (gh_tool){.name = tool->texts[0],
                           .title = tool->texts[1],
                           .description = tool->texts[2],
                           .input_schema = tool->texts[3],
                           .output_schema = tool->texts[4],
                           .annotations = tool->texts[5],
                           .call = from->call == NULL ? NULL : gh_plugin_call,
                           .data = tool};
    return status;
}

static gh_status register_tool(gatehouse_registrar *registrar, const gatehouse_tool *from, gh_error *error)
{
    gh_plugins *plugins = registrar->plugins;
    gh_plugin_tool *tool = calloc(1, sizeof *tool);
    if (tool == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    tool->file = registrar->file;
    gh_status status = fill_tool(from, tool, error);
    if (status == GH_OK) {
        status = plugins->sink.add(plugins->sink.context, &tool->tool, error);
    }
    if (status == GH_OK) {
        tool->next = plugins->tools;
        plugins->tools = tool;
        registrar->tools++;
        tool = NULL;
    }
    free_tool(tool);
    return status;
}

int gh_plugin_add_tool(gatehouse_registrar *registrar, const gatehouse_tool *tool)
{
    gh_error error = {GH_OK, ""};
    gatehouse_tool known;
    if (!registrar->open) {
        gh_log_error("The plugin %s registers a tool after its init: refused", registrar->file);
        return (int)GH_ERR_DENIED;
    }
    gh_status status = read_tool(tool, &known, &error);
    if (status == GH_OK) {
        status = register_tool(registrar, &known, &error);
    }
    if (status != GH_OK && registrar->status == GH_OK) {
        const char *name = known.name == NULL ? "without a name" : known.name;
        const char *why = error.message[0] == '\0' ? gh_status_text(status) : error.message;
        registrar->status =
            gh_error_set(&registrar->error, status == GH_ERR_NOMEM ? status : GH_ERR_INVALID,
                         "The plugin %s has a tool %.128s that is refused: %s.", registrar->file, name, why);
    }
    return (int)status;
}

void gh_plugin_fail(gatehouse_registrar *registrar, const char *text)
{
    gh_error reason = {GH_OK, ""};
    if (registrar->open && text != NULL) {
        (void)gh_error_set(&reason, GH_ERR_INVALID, "%s", text);
        memcpy(registrar->reason, reason.message, sizeof registrar->reason);
    }
}

/* --- a shared object --- */

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
    return GH_OK;
}

/* Nothing but the shared object's constructors has run when this returns. */
static gh_status open_object(const char *file, const char *path, init_function **init, gh_error *error)
{
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
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

static gh_status start(gatehouse_registrar *registrar, init_function *init, gh_error *error)
{
    registrar->open = true;
    int code = init(&GH_PLUGIN_HOST, registrar);
    registrar->open = false;
    if (registrar->status != GH_OK) {
        return gh_error_set(error, registrar->status, "%s", registrar->error.message);
    }
    if (code != 0 && registrar->reason[0] != '\0') {
        return gh_error_set(error, GH_ERR_INVALID, "The plugin %s did not start: %s", registrar->file,
                            registrar->reason);
    }
    if (code != 0) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "The plugin %s did not start: its gatehouse_plugin_init returned %d.",
                            registrar->file, code);
    }
    gh_log_info("plugin %s: %zu tool%s", registrar->file, registrar->tools, registrar->tools == 1 ? "" : "s");
    return GH_OK;
}

static gatehouse_registrar *add_registrar(gh_plugins *plugins, const char *file)
{
    gatehouse_registrar *registrar = calloc(1, sizeof *registrar);
    char *copy = gh_text_dup(file);
    if (registrar == NULL || copy == NULL) {
        free(registrar);
        free(copy);
        return NULL;
    }
    registrar->plugins = plugins;
    registrar->file = copy;
    registrar->next = plugins->registrars;
    plugins->registrars = registrar;
    return registrar;
}

static gh_status load_one(gh_plugins *plugins, const char *file, gh_error *error)
{
    char *path = NULL;
    init_function *init = NULL;
    gh_status status = find_file(file, &path, error);
    if (status == GH_OK) {
        status = open_object(file, path, &init, error);
    }
    if (status == GH_OK) {
        gatehouse_registrar *registrar = add_registrar(plugins, file);
        status = registrar != NULL ? start(registrar, init, error)
                                   : gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
    }
    free(path);
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

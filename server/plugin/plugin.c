#include "server/plugin/plugin.h"

#include <stdlib.h>
#include <string.h>

#include "server/call/call.h"
#include "server/call/crash.h"
#include "server/plugin/plugin_private.h"
#include "shared/core/log.h"
#include "shared/core/secret.h"
#include "shared/json/gate.h"

/* What shared objects may still use: a thread of theirs can outlive the server by the moments that the
 * process takes to end. Nothing is read from here; it keeps the memory reachable. */
static gh_plugins *left_behind;
static pthread_mutex_t left_lock = PTHREAD_MUTEX_INITIALIZER;

gh_plugins *gh_plugins_new(gh_mcp_registry *registry)
{
    gh_plugins *plugins = calloc(1, sizeof *plugins);
    if (plugins == NULL) {
        return NULL;
    }
    plugins->registry = registry;
    gh_buf_init(&plugins->settings, GH_JSON_LIMITS_DOCUMENT.size);
    (void)pthread_mutex_init(&plugins->lock, NULL);
    (void)pthread_cond_init(&plugins->quiet, NULL);
    plugins->host.size = sizeof plugins->host;
    plugins->host.abi = GATEHOUSE_PLUGIN_ABI;
    gh_call_fill_host(&plugins->host);
    gh_plugin_fill_items(&plugins->host);
    gh_plugin_fill_announcements(&plugins->host);
    gh_plugin_fill_settings(&plugins->host);
    return plugins;
}

static void free_registrar(gatehouse_registrar *registrar)
{
    if (registrar == NULL) {
        return;
    }
    gh_plugin_settings_clear(registrar, false);
    gh_wipe_free(registrar->settings);
    free(registrar->label);
    free(registrar->name);
    free(registrar);
}

static void leave_behind(gh_plugins *plugins)
{
    for (gatehouse_registrar *one = plugins->registrars; one != NULL; one = one->next) {
        gh_plugin_settings_clear(one, true);
        gh_wipe(one->settings, strlen(one->settings));
    }
    (void)pthread_mutex_lock(&left_lock);
    plugins->next_left = left_behind;
    left_behind = plugins;
    (void)pthread_mutex_unlock(&left_lock);
}

/* From now on functions of the host do nothing. */
static void close_doors(gh_plugins *plugins)
{
    (void)pthread_mutex_lock(&plugins->lock);
    plugins->registry = NULL;
    memset(&plugins->listener, 0, sizeof plugins->listener);
    while (plugins->using > 0 || plugins->telling > 0) {
        (void)pthread_cond_wait(&plugins->quiet, &plugins->lock);
    }
    (void)pthread_mutex_unlock(&plugins->lock);
}

void gh_plugins_free(gh_plugins *plugins)
{
    if (plugins == NULL) {
        return;
    }
    close_doors(plugins);
    gh_buf_wipe_free(&plugins->settings);
    if (plugins->has_objects) {
        leave_behind(plugins);
        return;
    }
    for (gatehouse_registrar *one = plugins->registrars, *next = NULL; one != NULL; one = next) {
        next = one->next;
        free_registrar(one);
    }
    (void)pthread_cond_destroy(&plugins->quiet);
    (void)pthread_mutex_destroy(&plugins->lock);
    free(plugins);
}

/* --- who is inside --- */

gh_mcp_registry *gh_plugins_enter(gh_plugins *plugins)
{
    (void)pthread_mutex_lock(&plugins->lock);
    gh_mcp_registry *registry = plugins->registry;
    plugins->using += registry != NULL;
    (void)pthread_mutex_unlock(&plugins->lock);
    return registry;
}

void gh_plugins_leave(gh_plugins *plugins)
{
    (void)pthread_mutex_lock(&plugins->lock);
    plugins->using --;
    (void)pthread_cond_broadcast(&plugins->quiet);
    (void)pthread_mutex_unlock(&plugins->lock);
}

/* --- a plugin's start --- */

bool gh_plugin_given(const gatehouse_registrar *registrar, const char *function)
{
    if (registrar == NULL) {
        gh_log_error("a plugin's use of %s was refused: the registrar is NULL", function);
    }
    return registrar != NULL;
}

void gh_plugin_refuse(gatehouse_registrar *registrar, gh_status status, const char *sentence)
{
    gh_plugins *plugins = registrar->plugins;
    (void)pthread_mutex_lock(&plugins->lock);
    bool open = registrar->open;
    if (open && registrar->refused == GH_OK) {
        registrar->refused =
            gh_error_set(&registrar->why, status == GH_ERR_NOMEM ? status : GH_ERR_INVALID, "%s", sentence);
    }
    (void)pthread_mutex_unlock(&plugins->lock);
    if (!open) {
        gh_log_error("%s", sentence);
    }
}

static gatehouse_registrar *add_registrar(gh_plugins *plugins, const char *label, const char *name)
{
    gatehouse_registrar *registrar = calloc(1, sizeof *registrar);
    if (registrar == NULL) {
        return NULL;
    }
    registrar->plugins = plugins;
    registrar->label = gh_text_dup(label);
    registrar->name = gh_text_dup(name);
    registrar->settings = gh_plugin_settings_of(plugins, name);
    if (registrar->label == NULL || registrar->name == NULL || registrar->settings == NULL) {
        free_registrar(registrar);
        return NULL;
    }
    (void)pthread_mutex_lock(&plugins->lock);
    registrar->open = true;
    registrar->next = plugins->registrars;
    plugins->registrars = registrar;
    (void)pthread_mutex_unlock(&plugins->lock);
    return registrar;
}

static gh_status judge(const gatehouse_registrar *registrar, int code, gh_error *error)
{
    if (registrar->refused != GH_OK) {
        return gh_error_set(error, registrar->refused, "%s", registrar->why.message);
    }
    if (code != 0 && registrar->reason[0] != '\0') {
        return gh_error_set(error, GH_ERR_INVALID, "The plugin %s did not start: %s", registrar->label,
                            registrar->reason);
    }
    if (code != 0) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "The plugin %s did not start: its gatehouse_plugin_init returned %d.",
                            registrar->label, code);
    }
    return GH_OK;
}

static void tell(const gatehouse_registrar *registrar)
{
    static const char *const NAMES[GH_MCP_KINDS] = {"tool", "resource", "resource template", "prompt"};
    gh_buf text = GH_BUF_INIT(256);
    for (size_t i = 0; i < GH_MCP_KINDS; i++) {
        size_t count = registrar->counts[i];
        if (count > 0) {
            (void)gh_buf_appendf(&text, "%s%zu %s%s", text.len > 0 ? ", " : "", count, NAMES[i],
                                 count == 1 ? "" : "s");
        }
    }
    gh_log_info("plugin %s: %s", registrar->label, text.len > 0 ? gh_buf_cstr(&text) : "nothing yet");
    gh_buf_free(&text);
}

gh_status gh_plugin_start(gh_plugins *plugins, const char *label, const char *name, bool shown,
                          gh_plugin_init *init, gh_error *error)
{
    gatehouse_registrar *registrar = add_registrar(plugins, label, name);
    if (registrar == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
    }
    registrar->is_part = !shown;
    gh_mcp_registry_begin(plugins->registry);
    gh_crash_scope scope = {"the start of plugin ", label, NULL};
    gh_crash_enter(&scope);
    int code = init(&plugins->host, registrar);
    gh_crash_leave(&scope);
    gh_status committed = gh_mcp_registry_commit(plugins->registry);
    (void)pthread_mutex_lock(&plugins->lock);
    registrar->open = false;
    gh_status status = judge(registrar, code, error);
    if (status == GH_OK && committed != GH_OK) {
        status = gh_error_set(error, committed, "The plugin %s did not start: %s.", label,
                              gh_status_text(committed));
    }
    if (status == GH_OK && shown) {
        tell(registrar);
    }
    (void)pthread_mutex_unlock(&plugins->lock);
    return status;
}

gh_status gh_plugins_add(gh_plugins *plugins, const char *name,
                         int (*init)(const gatehouse_host *, gatehouse_registrar *), gh_error *error)
{
    return gh_plugin_start(plugins, name, name, false, init, error);
}

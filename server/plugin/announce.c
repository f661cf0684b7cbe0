/* What a plugin says at any time and from any thread: changes, lines for the log, why it does not start. */
#include <string.h>

#include "server/plugin/plugin_private.h"
#include "shared/core/log.h"

static void fail(gatehouse_registrar *registrar, const char *text)
{
    gh_error reason = {GH_OK, ""};
    if (!gh_plugin_given(registrar, "fail") || text == NULL) {
        return;
    }
    (void)gh_error_set(&reason, GH_ERR_INVALID, "%s", text);
    (void)pthread_mutex_lock(&registrar->plugins->lock);
    if (registrar->open) {
        memcpy(registrar->reason, reason.message, sizeof registrar->reason);
    }
    (void)pthread_mutex_unlock(&registrar->plugins->lock);
}

/* --- who listens --- */

void gh_plugins_listen(gh_plugins *plugins, const gh_plugin_listener *listener)
{
    static const gh_plugin_listener NOBODY = {NULL, NULL, NULL};
    (void)pthread_mutex_lock(&plugins->lock);
    plugins->listener = listener != NULL ? *listener : NOBODY;
    while (listener == NULL && plugins->telling > 0) {
        (void)pthread_cond_wait(&plugins->quiet, &plugins->lock);
    }
    (void)pthread_mutex_unlock(&plugins->lock);
}

static bool is_somebody(const gh_plugin_listener *listener)
{
    return listener->updated != NULL || listener->changed != NULL;
}

/* Whoever it is stays until hang_up. Nobody is not counted, so that plugins which never stop announcing keep
 * nobody waiting above. The lock is not held, for what is called may wait for locks of its own. */
static gh_plugin_listener pick_up(gh_plugins *plugins)
{
    (void)pthread_mutex_lock(&plugins->lock);
    const gh_plugin_listener listener = plugins->listener;
    plugins->telling += is_somebody(&listener);
    (void)pthread_mutex_unlock(&plugins->lock);
    return listener;
}

static void hang_up(gh_plugins *plugins, const gh_plugin_listener *listener)
{
    if (is_somebody(listener)) {
        (void)pthread_mutex_lock(&plugins->lock);
        plugins->telling--;
        (void)pthread_cond_broadcast(&plugins->quiet);
        (void)pthread_mutex_unlock(&plugins->lock);
    }
}

static void resource_updated(gatehouse_registrar *registrar, const char *uri)
{
    if (!gh_plugin_given(registrar, "resource_updated") || uri == NULL || !gh_text_is_utf8(gh_view_of(uri))) {
        return;
    }
    const gh_plugin_listener listener = pick_up(registrar->plugins);
    if (listener.updated != NULL) {
        listener.updated(listener.context, gh_view_of(uri));
    }
    hang_up(registrar->plugins, &listener);
}

static void announce(gatehouse_registrar *registrar, gh_mcp_kind kind)
{
    if (!gh_plugin_given(registrar, "..._changed")) {
        return;
    }
    const gh_plugin_listener listener = pick_up(registrar->plugins);
    if (listener.changed != NULL) {
        listener.changed(listener.context, kind);
    }
    hang_up(registrar->plugins, &listener);
}

static void tools_changed(gatehouse_registrar *registrar)
{
    announce(registrar, GH_MCP_TOOLS);
}

static void resources_changed(gatehouse_registrar *registrar)
{
    announce(registrar, GH_MCP_RESOURCES);
}

static void prompts_changed(gatehouse_registrar *registrar)
{
    announce(registrar, GH_MCP_PROMPTS);
}

static gh_log_level level_of(gatehouse_level level)
{
    if (level == GATEHOUSE_DEBUG) {
        return GH_LOG_DEBUG;
    }
    if (level == GATEHOUSE_INFO || level == GATEHOUSE_NOTICE) {
        return GH_LOG_INFO;
    }
    return level == GATEHOUSE_WARNING ? GH_LOG_WARN : GH_LOG_ERROR;
}

static void write_log(gatehouse_registrar *registrar, gatehouse_level level, const char *text)
{
    gh_log_level here = level_of(level);
    if (gh_plugin_given(registrar, "write_log") && text != NULL && gh_log_enabled(here)) {
        gh_log_message(here, "plugin %s: %s", registrar->label, text);
    }
}

void gh_plugin_fill_announcements(gatehouse_host *host)
{
    host->fail = fail;
    host->resource_updated = resource_updated;
    host->tools_changed = tools_changed;
    host->resources_changed = resources_changed;
    host->prompts_changed = prompts_changed;
    host->write_log = write_log;
}

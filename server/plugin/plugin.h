/* Plugins: shared objects that bring tools, resources, templates and prompts (include/gatehouse/plugin.h is
 * their side of it), and those that are linked into the program and use the same interface.
 *
 * Loading is for one thread, before the server serves; what a plugin does afterwards may come from any
 * thread. Shared objects stay loaded until the process ends, since a plugin may have threads of its own. */
#ifndef GH_SERVER_PLUGIN_PLUGIN_H
#define GH_SERVER_PLUGIN_PLUGIN_H

#include "gatehouse/plugin.h"
#include "server/mcp/registry.h"
#include "shared/config/options.h"
#include "shared/core/status.h"

typedef struct gh_plugins gh_plugins;

/* Where announcements go once there is somebody to hear them; NULL members do nothing. */
typedef struct gh_plugin_listener {
    void *context;
    void (*updated)(void *context, gh_view uri);
    void (*changed)(void *context, gh_mcp_kind kind);
} gh_plugin_listener;

/* `registry` is borrowed. NULL when memory lacks. */
gh_plugins *gh_plugins_new(gh_mcp_registry *registry);
/* After the engine, before the registry. From then on the host's functions do nothing, for a thread of a
 * shared object may still call them; what it can reach stays until the process ends, secrets wiped. NULL is
 * fine. */
void gh_plugins_free(gh_plugins *plugins);

/* The settings of all plugins: a JSON object with one object per plugin, by the name of its file without
 * folder and ".so". May be refused (GH_ERR_INVALID, a sentence) when it is not such JSON; GH_ERR_DENIED when
 * others can write it. Before loading. */
GH_MUST_USE gh_status gh_plugins_configure(gh_plugins *plugins, const char *file, gh_error *error);
/* A plugin that is part of the program; `name` is for the log and its settings. */
GH_MUST_USE gh_status gh_plugins_add(gh_plugins *plugins, const char *name,
                                     int (*init)(const gatehouse_host *, gatehouse_registrar *),
                                     gh_error *error);
/* Loads the files in order; a name without a slash is one in the working directory. GH_ERR_INVALID for a file
 * that is missing, no plugin or of another interface version, an init that failed, and an item that was
 * refused: the error is a sentence that names the file. What was added up to there stays. */
GH_MUST_USE gh_status gh_plugins_load(gh_plugins *plugins, const gh_text_list *files, gh_error *error);
/* Loads every *.so of a folder, by name. Refused when others can write the folder. */
GH_MUST_USE gh_status gh_plugins_load_folder(gh_plugins *plugins, const char *folder, gh_error *error);
/* Settings that name no plugin that was loaded are a mistake: a warning in the log for each. */
void gh_plugins_warn_unused(const gh_plugins *plugins);
/* From now on announcements are passed on. NULL: no more, and none is being passed on when it returns. */
void gh_plugins_listen(gh_plugins *plugins, const gh_plugin_listener *listener);

#endif

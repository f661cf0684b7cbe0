/* Plugins: shared objects that bring tools (include/gatehouse/plugin.h is their side of it).
 *
 * Loading is for one thread, before the server serves; the tools then may be called from many at once. Shared
 * objects stay loaded until the process ends, since a plugin may have threads of its own. */
#ifndef GH_SERVER_PLUGIN_PLUGIN_H
#define GH_SERVER_PLUGIN_PLUGIN_H

#include "server/tools/tool.h"
#include "shared/config/options.h"
#include "shared/core/status.h"

typedef struct gh_plugins gh_plugins;

/* Where tools are registered; `tool` is good until gh_plugins_free. */
typedef struct gh_plugin_sink {
    void *context;
    gh_status (*add)(void *context, const gh_tool *tool, gh_error *error);
} gh_plugin_sink;

/* NULL when memory lacks. */
gh_plugins *gh_plugins_new(const gh_plugin_sink *sink);
/* After everything that borrowed a tool. NULL is fine. */
void gh_plugins_free(gh_plugins *plugins);
/* Loads the files in order; a name without a slash is one in the working directory. GH_ERR_INVALID for a file
 * that is missing, no plugin or of another interface version, an init that failed, and a tool that was
 * refused: the error is a sentence that names the file. The tools up to there stay registered. */
GH_MUST_USE gh_status gh_plugins_load(gh_plugins *plugins, const gh_text_list *files, gh_error *error);

#endif

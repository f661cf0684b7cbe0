/* What the two halves share: loading (plugin.c) and calling (call.c). */
#ifndef GH_SERVER_PLUGIN_PLUGIN_PRIVATE_H
#define GH_SERVER_PLUGIN_PLUGIN_PRIVATE_H

#include "gatehouse/plugin.h"
#include "server/tools/tool.h"

#define GH_PLUGIN_TEXTS 6 /* name, title, description, two schemas, annotations */

/* A plugin's tool as the registry sees it. */
typedef struct gh_plugin_tool {
    struct gh_plugin_tool *next;
    gh_tool tool;                 /* its `data` is this struct */
    char *texts[GH_PLUGIN_TEXTS]; /* owned, NULL for none; `tool` points at them */
    const char *file;             /* borrowed, for the log */
    int (*call)(void *data, gatehouse_call *call);
    void *data; /* the plugin's */
} gh_plugin_tool;

/* What every plugin gets. */
extern const gatehouse_host GH_PLUGIN_HOST;

/* plugin.c */
int gh_plugin_add_tool(gatehouse_registrar *registrar, const gatehouse_tool *tool);
void gh_plugin_fail(gatehouse_registrar *registrar, const char *text);

/* call.c: the `call` of each gh_plugin_tool's gh_tool. */
gh_status gh_plugin_call(const gh_tool_call *call, gh_tool_result *result);

#endif

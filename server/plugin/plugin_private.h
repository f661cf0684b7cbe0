/* What the files of plugin share. Private to plugin. */
#ifndef GH_SERVER_PLUGIN_PLUGIN_PRIVATE_H
#define GH_SERVER_PLUGIN_PLUGIN_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include "server/plugin/plugin.h"
#include "shared/core/bytes.h"

typedef int gh_plugin_init(const gatehouse_host *host, gatehouse_registrar *registrar);

/* A setting that was handed out. */
typedef struct gh_plugin_setting {
    struct gh_plugin_setting *next;
    char *key;
    char *text;
} gh_plugin_setting;

/* One plugin, for the life of the process: it may announce and register at any time. */
struct gatehouse_registrar {
    gatehouse_registrar *next;
    gh_plugins *plugins;
    char *label;    /* the file as the option has it, for people */
    bool is_part;   /* of the program, no file */
    char *name;     /* without folder and ".so", for its settings */
    char *settings; /* compact JSON object */
    /* Under plugins->lock: */
    gh_plugin_setting *handed_out;
    bool open; /* init runs */
    size_t counts[GH_MCP_KINDS];
    gh_status refused; /* the first thing that was refused during init */
    gh_error why;
    char reason[GH_ERROR_MESSAGE_MAX]; /* what init said; "" for nothing */
};

struct gh_plugins {
    gatehouse_host host;
    gh_plugins *next_left; /* see gh_plugins_free */
    bool has_objects;      /* shared objects were loaded, whose threads may outlive everything here */
    gh_buf settings;       /* --plugin-config; may hold secrets */
    pthread_mutex_t lock;
    pthread_cond_t quiet; /* nothing is under way */
    /* Under the lock: */
    gh_mcp_registry *registry; /* NULL once the server has ended */
    gh_plugin_listener listener;
    size_t using;   /* functions that use the registry */
    size_t telling; /* functions that use the listener */
    gatehouse_registrar *registrars;
};

/* plugin.c. Between the two the registry stays. NULL when the server has ended. */
gh_mcp_registry *gh_plugins_enter(gh_plugins *plugins);
void gh_plugins_leave(gh_plugins *plugins);
/* Is there a registrar at all? A plugin that passes NULL is told so in the log. */
bool gh_plugin_given(const gatehouse_registrar *registrar, const char *function);
/* Makes the plugin's init fail with that sentence, or logs it when init is over. */
void gh_plugin_refuse(gatehouse_registrar *registrar, gh_status status, const char *sentence);
GH_MUST_USE gh_status gh_plugin_start(gh_plugins *plugins, const char *label, const char *name, bool shown,
                                      gh_plugin_init *init, gh_error *error);

/* The parts of the host table. */
void gh_plugin_fill_items(gatehouse_host *host);
void gh_plugin_fill_announcements(gatehouse_host *host);
void gh_plugin_fill_settings(gatehouse_host *host);

/* settings.c. The plugin's object, compact; "{}" for none. NULL without memory. */
char *gh_plugin_settings_of(const gh_plugins *plugins, const char *name);
/* Wipes what was handed out; with `keep`, it stays where it is, empty. */
void gh_plugin_settings_clear(gatehouse_registrar *registrar, bool keep);

#endif

/* A registry with plugins, whose items are called as the engine does it, without the engine. */
#ifndef GH_TESTS_UNIT_SERVER_PLUGIN_FIXTURE_H
#define GH_TESTS_UNIT_SERVER_PLUGIN_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/call/call.h"
#include "server/mcp/registry.h"
#include "server/plugin/plugin.h"
#include "server/tools/builtin.h"
#include "shared/core/log.h"

#define EXAMPLE PLUGINS "/plugin_example.so"
#define FAULTY PLUGINS "/plugin_faulty.so"
#define CHANGING PLUGINS "/plugin_changing.so"

typedef struct world {
    gh_mcp_registry *registry;
    gh_plugins *plugins;
    gh_call call; /* the last one */
    bool called;
} world;

__attribute__((unused)) static gh_principal ADA = {.issuer = (char[]){"https://id.example"},
                                                   .subject = (char[]){"u-1"},
                                                   .name = (char[]){"Ada"},
                                                   .email = (char[]){"ada@example.org"},
                                                   .client_id = (char[]){"client-1"},
                                                   .scope = (char[]){"mcp"},
                                                   .expires_at = INT64_C(4102444800)};

/* With the tools that come with the server. */
static inline void enter(world *w)
{
    static const char KEY[32] = "0123456789abcdef0123456789abcde";
    const gh_mcp_registry_options options = {.key = {KEY, sizeof KEY}};
    gh_error error = {GH_OK, ""};
    memset(w, 0, sizeof *w);
    gh_log_set_level(GH_LOG_ERROR);
    ck_assert_int_eq(gh_mcp_registry_new(&options, &w->registry), GH_OK);
    w->plugins = gh_plugins_new(w->registry);
    ck_assert_ptr_nonnull(w->plugins);
    gh_status status = gh_plugins_add(w->plugins, "builtin", gh_builtin_init, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
}

static inline void forget(world *w)
{
    if (w->called) {
        gh_call_clear(&w->call);
        w->called = false;
    }
}

static inline void leave(world *w)
{
    forget(w);
    gh_plugins_free(w->plugins);
    gh_mcp_registry_free(w->registry);
}

static inline gh_status load(world *w, const char *file, gh_error *error)
{
    char *items[] = {(char *)(uintptr_t)file};
    const gh_text_list files = {items, 1};
    return gh_plugins_load(w->plugins, &files, error);
}

static inline void enter_with(world *w, const char *file)
{
    gh_error error = {GH_OK, ""};
    enter(w);
    gh_status status = load(w, file, &error);
    ck_assert_msg(status == GH_OK, "%s", error.message);
}

static inline gh_call_outcome run(world *w, const gh_call_question *question, gatehouse_handler handler,
                                  void *data)
{
    const gh_call_hooks hooks = {0};
    forget(w);
    gh_call_init(&w->call, question, &hooks);
    w->called = true;
    gh_call_run(&w->call, handler, data);
    return w->call.told.outcome;
}

/* The tool's whole content; the outcome is in w->call. */
static inline const char *call_as(world *w, const gh_principal *principal, const char *name,
                                  const char *arguments)
{
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(w->registry);
    const gh_mcp_tool *tool = gh_mcp_catalog_tool(catalog, gh_view_of(name));
    ck_assert_msg(tool != NULL, "%s", name);
    const gh_call_question question = {.kind = GH_CALL_TOOL,
                                       .principal = principal,
                                       .item = tool->label,
                                       .target = name,
                                       .arguments = arguments,
                                       .capabilities = "{}",
                                       .can_be_asked = true};
    (void)run(w, &question, tool->item.call, tool->item.data);
    gh_mcp_catalog_release(catalog);
    return gh_buf_cstr(&w->call.told.content);
}

static inline const char *call(world *w, const char *name, const char *arguments)
{
    return call_as(w, &ADA, name, arguments);
}

static inline void says(world *w, const char *name, const char *arguments, const char *text)
{
    char expected[1024];
    (void)snprintf(expected, sizeof expected, "{\"type\":\"text\",\"text\":\"%s\"}", text);
    ck_assert_str_eq(call(w, name, arguments), expected);
}

static inline bool has_tool(world *w, const char *name)
{
    gh_mcp_catalog *catalog = gh_mcp_registry_catalog(w->registry);
    bool has = gh_mcp_catalog_tool(catalog, gh_view_of(name)) != NULL;
    gh_mcp_catalog_release(catalog);
    return has;
}

#endif

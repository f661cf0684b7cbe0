/* Items that a plugin adds and takes away, at any time and from any thread. */
#include <stddef.h>
#include <string.h>

#include "server/plugin/plugin_private.h"

#define ITEM_SIZE_MAX 4096

/* Up to and with a member: what an item had when the interface began. */
#define FIRST_SIZE(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

typedef struct item_layout {
    const char *noun;
    const char *type;
    size_t first;
    size_t size;
} item_layout;

static const item_layout LAYOUTS[GH_MCP_KINDS] = {
    [GH_MCP_TOOLS] = {"tool", "gatehouse_tool", FIRST_SIZE(gatehouse_tool, data), sizeof(gatehouse_tool)},
    [GH_MCP_RESOURCES] = {"resource", "gatehouse_resource", FIRST_SIZE(gatehouse_resource, timeout_ms),
                          sizeof(gatehouse_resource)},
    [GH_MCP_TEMPLATES] = {"resource template", "gatehouse_resource_template",
                          FIRST_SIZE(gatehouse_resource_template, timeout_ms),
                          sizeof(gatehouse_resource_template)},
    [GH_MCP_PROMPTS] = {"prompt", "gatehouse_prompt", FIRST_SIZE(gatehouse_prompt, timeout_ms),
                        sizeof(gatehouse_prompt)},
};

typedef union any_item {
    size_t size;
    gatehouse_tool tool;
    gatehouse_resource resource;
    gatehouse_resource_template template;
    gatehouse_prompt prompt;
} any_item;

/* As a struct of this server's size: what an older plugin lacks is zero, and what a newer one has beyond must
 * be. Every item begins with its size. */
static gh_status read_item(const item_layout *layout, const void *from, any_item *to, gh_error *error)
{
    const unsigned char *bytes = from;
    size_t size = 0;
    memset(to, 0, sizeof *to);
    if (from == NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "there is no %s", layout->type);
    }
    memcpy(&size, from, sizeof size);
    if (size < layout->first || size > ITEM_SIZE_MAX) {
        return gh_error_set(error, GH_ERR_INVALID, "its size is not sizeof(%s)", layout->type);
    }
    for (size_t i = layout->size; i < size; i++) {
        if (bytes[i] != 0) {
            return gh_error_set(error, GH_ERR_UNSUPPORTED, "it uses what this version of the server lacks");
        }
    }
    memcpy(to, from, size < layout->size ? size : layout->size);
    to->size = layout->size;
    return GH_OK;
}

/* The name, URI or URI template; NULL for none. */
static const char *name_of(gh_mcp_kind kind, const any_item *one)
{
    switch (kind) {
    case GH_MCP_TOOLS:
        return one->tool.name;
    case GH_MCP_RESOURCES:
        return one->resource.uri;
    case GH_MCP_TEMPLATES:
        return one->template.uri_template;
    case GH_MCP_PROMPTS:
        return one->prompt.name;
    case GH_MCP_KINDS:
        break;
    }
    return NULL;
}

static gh_status put(gatehouse_registrar *registrar, gh_mcp_registry *registry, gh_mcp_kind kind,
                     const any_item *one, gh_error *error)
{
    const gh_mcp_owner owner = {.who = registrar, .label = registrar->label};
    switch (kind) {
    case GH_MCP_TOOLS:
        return gh_mcp_registry_add_tool(registry, owner, &one->tool, error);
    case GH_MCP_RESOURCES:
        return gh_mcp_registry_add_resource(registry, owner, &one->resource, error);
    case GH_MCP_TEMPLATES:
        return gh_mcp_registry_add_template(registry, owner, &one->template, error);
    case GH_MCP_PROMPTS:
        return gh_mcp_registry_add_prompt(registry, owner, &one->prompt, error);
    case GH_MCP_KINDS:
        break;
    }
    return GH_ERR_INVALID;
}

static void count(gatehouse_registrar *registrar, gh_mcp_kind kind)
{
    (void)pthread_mutex_lock(&registrar->plugins->lock);
    registrar->counts[kind]++;
    (void)pthread_mutex_unlock(&registrar->plugins->lock);
}

/* The registry's sentence without "Tool NAME of PLUGIN: ", which the one here says as well. */
static const char *without_label(const char *message, const char *label)
{
    size_t len = strlen(label);
    for (const char *at = strstr(message, " of "); at != NULL; at = strstr(at + 1, " of ")) {
        const char *end = at + sizeof " of " - 1;
        if (strncmp(end, label, len) == 0 && strncmp(end + len, ": ", 2) == 0) {
            return end + len + 2;
        }
    }
    return message;
}

static const char *owner_in(const char *why)
{
    size_t len = sizeof GH_MCP_TAKEN - 1;
    return strncmp(why, GH_MCP_TAKEN, len) == 0 ? why + len : "another plugin";
}

static bool is_part(gh_plugins *plugins, const char *label)
{
    bool found = false;
    (void)pthread_mutex_lock(&plugins->lock);
    for (const gatehouse_registrar *one = plugins->registrars; one != NULL && !found; one = one->next) {
        found = one->is_part && strcmp(one->label, label) == 0;
    }
    (void)pthread_mutex_unlock(&plugins->lock);
    return found;
}

static void refuse(gatehouse_registrar *registrar, const item_layout *layout, const char *name,
                   gh_status status, const char *why)
{
    gh_error sentence = {GH_OK, ""};
    const char *shown = name != NULL ? name : "without a name";
    if (status == GH_ERR_CONFLICT) {
        const char *owner = owner_in(without_label(why, registrar->label));
        bool part = is_part(registrar->plugins, owner);
        (void)gh_error_set(&sentence, status,
                           "The plugin %s has a %s %.128s that is refused: There is a %s named %.128s "
                           "already, %s%s.",
                           registrar->label, layout->noun, shown, layout->noun, shown,
                           part ? "which comes with the server" : "that of ", part ? "" : owner);
    } else {
        (void)gh_error_set(&sentence, status, "The plugin %s has a %s %.128s that is refused: %s.",
                           registrar->label, layout->noun, shown,
                           why[0] != '\0' ? without_label(why, registrar->label) : gh_status_text(status));
    }
    gh_plugin_refuse(registrar, status, sentence.message);
}

static int add(gatehouse_registrar *registrar, gh_mcp_kind kind, const void *from)
{
    if (!gh_plugin_given(registrar, "add_...")) {
        return (int)GH_ERR_INVALID;
    }
    const item_layout *layout = &LAYOUTS[kind];
    gh_mcp_registry *registry = gh_plugins_enter(registrar->plugins);
    gh_error error = {GH_OK, ""};
    any_item one;
    if (registry == NULL) {
        return (int)GH_ERR_CLOSED;
    }
    gh_status status = read_item(layout, from, &one, &error);
    if (status == GH_OK) {
        status = put(registrar, registry, kind, &one, &error);
    }
    if (status == GH_OK) {
        count(registrar, kind);
    } else {
        refuse(registrar, layout, name_of(kind, &one), status, error.message);
    }
    gh_plugins_leave(registrar->plugins);
    return (int)status;
}

static int add_tool(gatehouse_registrar *registrar, const gatehouse_tool *tool)
{
    return add(registrar, GH_MCP_TOOLS, tool);
}

static int add_resource(gatehouse_registrar *registrar, const gatehouse_resource *resource)
{
    return add(registrar, GH_MCP_RESOURCES, resource);
}

static int add_resource_template(gatehouse_registrar *registrar, const gatehouse_resource_template *template)
{
    return add(registrar, GH_MCP_TEMPLATES, template);
}

static int add_prompt(gatehouse_registrar *registrar, const gatehouse_prompt *prompt)
{
    return add(registrar, GH_MCP_PROMPTS, prompt);
}

/* --- away --- */

static int take_away(gatehouse_registrar *registrar, gh_mcp_kind kind, const char *name)
{
    gh_mcp_registry *registry = NULL;
    if (name == NULL || !gh_plugin_given(registrar, "remove_...")) {
        return (int)GH_ERR_INVALID;
    }
    registry = gh_plugins_enter(registrar->plugins);
    if (registry == NULL) {
        return (int)GH_ERR_CLOSED;
    }
    gh_status status = gh_mcp_registry_remove(registry, kind, registrar, gh_view_of(name));
    gh_plugins_leave(registrar->plugins);
    return (int)status;
}

static int remove_tool(gatehouse_registrar *registrar, const char *name)
{
    return take_away(registrar, GH_MCP_TOOLS, name);
}

static int remove_resource(gatehouse_registrar *registrar, const char *uri)
{
    return take_away(registrar, GH_MCP_RESOURCES, uri);
}

static int remove_resource_template(gatehouse_registrar *registrar, const char *uri_template)
{
    return take_away(registrar, GH_MCP_TEMPLATES, uri_template);
}

static int remove_prompt(gatehouse_registrar *registrar, const char *name)
{
    return take_away(registrar, GH_MCP_PROMPTS, name);
}

void gh_plugin_fill_items(gatehouse_host *host)
{
    host->add_tool = add_tool;
    host->add_resource = add_resource;
    host->add_resource_template = add_resource_template;
    host->add_prompt = add_prompt;
    host->remove_tool = remove_tool;
    host->remove_resource = remove_resource;
    host->remove_resource_template = remove_resource_template;
    host->remove_prompt = remove_prompt;
}

/* Entries of a set as items of the registry. */
#include <string.h>

#include "server/api/api_private.h"

gh_mcp_kind gh_api_kind_of(const gh_entry *entry)
{
    switch (entry->kind) {
    case GH_ENTRY_TOOL:
        return GH_MCP_TOOLS;
    case GH_ENTRY_RESOURCE:
        return GH_MCP_RESOURCES;
    case GH_ENTRY_TEMPLATE:
        return GH_MCP_TEMPLATES;
    case GH_ENTRY_PROMPT:
        break;
    }
    return GH_MCP_PROMPTS;
}

gatehouse_handler gh_api_handler_of(const gh_entry *entry)
{
    switch (entry->kind) {
    case GH_ENTRY_TOOL:
        return gh_api_call_tool;
    case GH_ENTRY_RESOURCE:
        return entry->has_request    ? gh_api_read_request
               : entry->path != NULL ? gh_api_read_file
                                     : gh_api_read_text;
    case GH_ENTRY_TEMPLATE:
        return entry->has_request ? gh_api_read_request : gh_api_read_folder;
    case GH_ENTRY_PROMPT:
        break;
    }
    return gh_api_get_prompt;
}

/* Those that only put together what is here already. */
static uint32_t flags_of(const gh_entry *entry)
{
    gatehouse_handler handler = gh_api_handler_of(entry);
    return handler == gh_api_get_prompt || handler == gh_api_read_text ? GATEHOUSE_QUICK : 0;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool gh_api_entry_looks_same(const gh_entry *a, const gh_entry *b)
{
    return a->kind == b->kind && gh_api_handler_of(a) == gh_api_handler_of(b) &&
           same_text(a->file, b->file) && same_text(a->name, b->name) && same_text(a->title, b->title) &&
           same_text(a->description, b->description) && same_text(a->icons, b->icons) &&
           same_text(a->meta, b->meta) && same_text(a->annotations, b->annotations) &&
           same_text(a->scopes, b->scopes) && same_text(a->input_schema, b->input_schema) &&
           same_text(a->output_schema, b->output_schema) && same_text(a->uri, b->uri) &&
           same_text(a->mime_type, b->mime_type) && same_text(a->arguments, b->arguments);
}

static gh_status add_tool(gh_api *api, gh_mcp_owner owner, const gh_entry *entry, gh_api_slot *slot,
                          gh_error *error)
{
    const gatehouse_tool tool = {.size = sizeof tool,
                                 .name = entry->name,
                                 .title = entry->title,
                                 .description = entry->description,
                                 .input_schema = entry->input_schema,
                                 .output_schema = entry->output_schema,
                                 .annotations = entry->annotations,
                                 .call = gh_api_handler_of(entry),
                                 .data = slot,
                                 .icons = entry->icons,
                                 .meta = entry->meta,
                                 .flags = flags_of(entry),
                                 .scopes = entry->scopes};
    return gh_mcp_registry_add_tool(api->registry, owner, &tool, error);
}

static gh_status add_resource(gh_api *api, gh_mcp_owner owner, const gh_entry *entry, gh_api_slot *slot,
                              gh_error *error)
{
    const gatehouse_resource resource = {.size = sizeof resource,
                                         .uri = entry->uri,
                                         .name = entry->name,
                                         .title = entry->title,
                                         .description = entry->description,
                                         .mime_type = entry->mime_type,
                                         .annotations = entry->annotations,
                                         .icons = entry->icons,
                                         .meta = entry->meta,
                                         .read = gh_api_handler_of(entry),
                                         .data = slot,
                                         .flags = flags_of(entry),
                                         .scopes = entry->scopes};
    return gh_mcp_registry_add_resource(api->registry, owner, &resource, error);
}

static gh_status add_template(gh_api *api, gh_mcp_owner owner, const gh_entry *entry, gh_api_slot *slot,
                              gh_error *error)
{
    const gatehouse_resource_template item = {.size = sizeof item,
                                              .uri_template = entry->uri,
                                              .name = entry->name,
                                              .title = entry->title,
                                              .description = entry->description,
                                              .mime_type = entry->mime_type,
                                              .annotations = entry->annotations,
                                              .icons = entry->icons,
                                              .meta = entry->meta,
                                              .read = gh_api_handler_of(entry),
                                              .data = slot,
                                              .flags = flags_of(entry),
                                              .scopes = entry->scopes};
    return gh_mcp_registry_add_template(api->registry, owner, &item, error);
}

static gh_status add_prompt(gh_api *api, gh_mcp_owner owner, const gh_entry *entry, gh_api_slot *slot,
                            gh_error *error)
{
    const gatehouse_prompt prompt = {.size = sizeof prompt,
                                     .name = entry->name,
                                     .title = entry->title,
                                     .description = entry->description,
                                     .arguments = entry->arguments,
                                     .icons = entry->icons,
                                     .meta = entry->meta,
                                     .get = gh_api_handler_of(entry),
                                     .data = slot,
                                     .flags = flags_of(entry),
                                     .scopes = entry->scopes};
    return gh_mcp_registry_add_prompt(api->registry, owner, &prompt, error);
}

gh_status gh_api_entry_add(gh_api *api, const gh_entry *entry, gh_api_slot *slot, gh_error *error)
{
    const gh_mcp_owner owner = {.who = api, .label = entry->file, .release = gh_api_slot_release};
    (void)gh_api_slot_hold(slot); /* for the item; it lets go also when it is refused */
    switch (entry->kind) {
    case GH_ENTRY_TOOL:
        return add_tool(api, owner, entry, slot, error);
    case GH_ENTRY_RESOURCE:
        return add_resource(api, owner, entry, slot, error);
    case GH_ENTRY_TEMPLATE:
        return add_template(api, owner, entry, slot, error);
    case GH_ENTRY_PROMPT:
        break;
    }
    return add_prompt(api, owner, entry, slot, error);
}

gh_status gh_api_entry_remove(gh_api *api, const gh_entry *entry)
{
    gh_mcp_kind kind = gh_api_kind_of(entry);
    bool by_uri = kind == GH_MCP_RESOURCES || kind == GH_MCP_TEMPLATES;
    return gh_mcp_registry_remove(api->registry, kind, api, gh_view_of(by_uri ? entry->uri : entry->name));
}

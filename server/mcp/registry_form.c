/* What the kinds of items are made of, as tables: a new member is one row. */
#include "server/mcp/registry_private.h"

#define NEEDED true
#define OPTIONAL false
#define TEXT false
#define JSON true
#define ROW(type, name, member, needed, json, check)                                                         \
    {                                                                                                        \
#name, member, offsetof(type, name), needed, json, check                                             \
    }

static const gh_mcp_text_form TOOL[] = {
    ROW(gatehouse_tool, name, "name", NEEDED, TEXT, gh_mcp_check_tool_name),
    ROW(gatehouse_tool, title, "title", OPTIONAL, TEXT, NULL),
    ROW(gatehouse_tool, description, "description", OPTIONAL, TEXT, NULL),
    ROW(gatehouse_tool, input_schema, "inputSchema", NEEDED, JSON, gh_mcp_check_json),
    ROW(gatehouse_tool, output_schema, "outputSchema", OPTIONAL, JSON, gh_mcp_check_json),
    ROW(gatehouse_tool, annotations, "annotations", OPTIONAL, JSON, gh_mcp_check_hints),
    ROW(gatehouse_tool, icons, "icons", OPTIONAL, JSON, gh_mcp_check_icons),
    ROW(gatehouse_tool, meta, "_meta", OPTIONAL, JSON, gh_mcp_check_meta),
    ROW(gatehouse_tool, needs, NULL, OPTIONAL, JSON, gh_mcp_check_capabilities),
    ROW(gatehouse_tool, scopes, NULL, OPTIONAL, TEXT, gh_mcp_check_scopes),
};

static const gh_mcp_text_form RESOURCE[] = {
    ROW(gatehouse_resource, uri, "uri", NEEDED, TEXT, gh_mcp_check_uri),
    ROW(gatehouse_resource, name, "name", NEEDED, TEXT, gh_mcp_check_name),
    ROW(gatehouse_resource, title, "title", OPTIONAL, TEXT, NULL),
    ROW(gatehouse_resource, description, "description", OPTIONAL, TEXT, NULL),
    ROW(gatehouse_resource, mime_type, "mimeType", OPTIONAL, TEXT, gh_mcp_check_mime_type),
    ROW(gatehouse_resource, annotations, "annotations", OPTIONAL, JSON, gh_mcp_check_annotations),
    ROW(gatehouse_resource, icons, "icons", OPTIONAL, JSON, gh_mcp_check_icons),
    ROW(gatehouse_resource, meta, "_meta", OPTIONAL, JSON, gh_mcp_check_meta),
    ROW(gatehouse_resource, scopes, NULL, OPTIONAL, TEXT, gh_mcp_check_scopes),
};

static const gh_mcp_text_form TEMPLATE[] = {
    ROW(gatehouse_resource_template, uri_template, "uriTemplate", NEEDED, TEXT, gh_mcp_check_template),
    ROW(gatehouse_resource_template, name, "name", NEEDED, TEXT, gh_mcp_check_name),
    ROW(gatehouse_resource_template, title, "title", OPTIONAL, TEXT, NULL),
    ROW(gatehouse_resource_template, description, "description", OPTIONAL, TEXT, NULL),
    ROW(gatehouse_resource_template, mime_type, "mimeType", OPTIONAL, TEXT, gh_mcp_check_mime_type),
    ROW(gatehouse_resource_template, annotations, "annotations", OPTIONAL, JSON, gh_mcp_check_annotations),
    ROW(gatehouse_resource_template, icons, "icons", OPTIONAL, JSON, gh_mcp_check_icons),
    ROW(gatehouse_resource_template, meta, "_meta", OPTIONAL, JSON, gh_mcp_check_meta),
    ROW(gatehouse_resource_template, scopes, NULL, OPTIONAL, TEXT, gh_mcp_check_scopes),
};

static const gh_mcp_text_form PROMPT[] = {
    ROW(gatehouse_prompt, name, "name", NEEDED, TEXT, gh_mcp_check_key),
    ROW(gatehouse_prompt, title, "title", OPTIONAL, TEXT, NULL),
    ROW(gatehouse_prompt, description, "description", OPTIONAL, TEXT, NULL),
    ROW(gatehouse_prompt, arguments, "arguments", OPTIONAL, JSON, gh_mcp_check_arguments),
    ROW(gatehouse_prompt, icons, "icons", OPTIONAL, JSON, gh_mcp_check_icons),
    ROW(gatehouse_prompt, meta, "_meta", OPTIONAL, JSON, gh_mcp_check_meta),
    ROW(gatehouse_prompt, scopes, NULL, OPTIONAL, TEXT, gh_mcp_check_scopes),
};

#define FORM(title, plural, type, handler, known, rows)                                                      \
    {                                                                                                        \
        title, plural, sizeof(type), offsetof(type, handler), #handler, offsetof(type, data),                \
            offsetof(type, scopes), offsetof(type, flags), known, rows, sizeof(rows) / sizeof((rows)[0])     \
    }

static const gh_mcp_item_form FORMS[GH_MCP_KINDS] = {
    [GH_MCP_TOOLS] =
        FORM("Tool", "tools", gatehouse_tool, call, GATEHOUSE_QUICK | GATEHOUSE_TASK_REQUIRED, TOOL),
    [GH_MCP_RESOURCES] = FORM("Resource", "resources", gatehouse_resource, read, GATEHOUSE_QUICK, RESOURCE),
    [GH_MCP_TEMPLATES] = FORM("Resource template", "resourceTemplates", gatehouse_resource_template, read,
                              GATEHOUSE_QUICK, TEMPLATE),
    [GH_MCP_PROMPTS] = FORM("Prompt", "prompts", gatehouse_prompt, get, GATEHOUSE_QUICK, PROMPT),
};

_Static_assert(sizeof TOOL / sizeof TOOL[0] <= GH_MCP_ITEM_TEXTS_MAX, "room for a tool's texts");

const gh_mcp_item_form *gh_mcp_item_form_of(gh_mcp_kind kind)
{
    return &FORMS[kind];
}

/* What is allowed but can hardly be meant: a warning in the log when an item is registered. */
#include <stddef.h>
#include <string.h>

#include "server/mcp/registry_private.h"
#include "shared/core/log.h"
#include "shared/json/access.h"

#define NAME_SHOWN 128
#define NO_EFFECT "timeout_ms has no effect together with GATEHOUSE_QUICK"

/* --- needs: a capability that no client has keeps everybody from calling --- */

typedef struct capability {
    const char *name;
    const char *members[3]; /* a NULL first: any */
} capability;

/* MCP (2026-07-28 and before, schema, ClientCapabilities). */
static const capability KNOWN[] = {{"sampling", {"context", "tools", NULL}},
                                   {"elicitation", {"form", "url", NULL}},
                                   {"roots", {"listChanged", NULL, NULL}},
                                   {"extensions", {NULL, NULL, NULL}},
                                   {"experimental", {NULL, NULL, NULL}}};

static const capability *find_capability(const char *name)
{
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        if (strcmp(KNOWN[i].name, name) == 0) {
            return &KNOWN[i];
        }
    }
    return NULL;
}

static bool has_member(const capability *one, const char *name)
{
    bool found = one->members[0] == NULL;
    for (size_t i = 0; one->members[i] != NULL && !found; i++) {
        found = strcmp(one->members[i], name) == 0;
    }
    return found;
}

static void advise_needs(const gh_mcp_item *item)
{
    cJSON *needs = NULL;
    const char *text = item->as.tool.item.needs;
    const cJSON *wanted = NULL;
    if (text == NULL || gh_json_parse(gh_view_of(text), &GH_JSON_LIMITS_DOCUMENT, &needs, NULL) != GH_OK) {
        return;
    }
    cJSON_ArrayForEach(wanted, needs)
    {
        const capability *one = find_capability(wanted->string);
        const cJSON *member = NULL;
        if (one == NULL) {
            gh_log_warn("%s: needs names the client capability %.*s, which MCP does not know", item->label,
                        NAME_SHOWN, wanted->string);
            continue;
        }
        cJSON_ArrayForEach(member, wanted)
        {
            if (!has_member(one, member->string)) {
                gh_log_warn("%s: needs names the client capability %s.%.*s, which MCP does not know",
                            item->label, one->name, NAME_SHOWN, member->string);
            }
        }
    }
    cJSON_Delete(needs);
}

/* --- required --- */

/* Other keywords may say what the property is. */
static bool says_more(const cJSON *schema)
{
    static const char *const KEYWORDS[] = {
        "$ref", "allOf", "anyOf", "oneOf", "if", "patternProperties", "dependentSchemas", "dependencies"};
    for (size_t i = 0; i < sizeof KEYWORDS / sizeof KEYWORDS[0]; i++) {
        if (gh_json_get(schema, KEYWORDS[i]) != NULL) {
            return true;
        }
    }
    return cJSON_IsObject(gh_json_get(schema, "additionalProperties"));
}

static void advise_required(const gh_mcp_item *item)
{
    const cJSON *schema = gh_schema_json(item->as.tool.input);
    const cJSON *properties = gh_json_get(schema, "properties");
    const cJSON *name = NULL;
    if (says_more(schema)) {
        return;
    }
    cJSON_ArrayForEach(name, gh_json_get(schema, "required"))
    {
        if (cJSON_IsString(name) && gh_json_get(properties, name->valuestring) == NULL) {
            gh_log_warn("%s: input_schema requires %.*s, which is not among its properties", item->label,
                        NAME_SHOWN, name->valuestring);
        }
    }
}

/* --- all of it --- */

static bool waits_for_nothing(const gh_mcp_item *item)
{
    switch (item->kind) {
    case GH_MCP_TOOLS:
        return item->as.tool.item.timeout_ms > 0 && (item->as.tool.item.flags & GATEHOUSE_QUICK) != 0;
    case GH_MCP_RESOURCES:
        return item->as.resource.item.timeout_ms > 0 && (item->as.resource.item.flags & GATEHOUSE_QUICK) != 0;
    case GH_MCP_TEMPLATES:
        return item->as.uri_template.item.timeout_ms > 0 &&
               (item->as.uri_template.item.flags & GATEHOUSE_QUICK) != 0;
    case GH_MCP_PROMPTS:
        return item->as.prompt.item.timeout_ms > 0 && (item->as.prompt.item.flags & GATEHOUSE_QUICK) != 0;
    case GH_MCP_KINDS:
        break;
    }
    return false;
}

void gh_mcp_item_advise(const gh_mcp_item *item)
{
    if (waits_for_nothing(item)) {
        gh_log_warn("%s: " NO_EFFECT, item->label);
    }
    if (item->kind == GH_MCP_TOOLS) {
        advise_needs(item);
        advise_required(item);
    }
}

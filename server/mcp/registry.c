#include "server/mcp/registry.h"

#include <stdlib.h>
#include <string.h>

#include "server/mcp/registry_private.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define TOOLS_MAX 1000
#define NAME_MAX_BYTES 128
#define LISTING_MAX (512 * 1024)
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

struct gh_mcp_registry {
    gh_mcp_tool **tools;  /* in the order of the list */
    gh_mcp_tool **sorted; /* the same, by name */
    size_t count;
};

gh_mcp_registry *gh_mcp_registry_new(void)
{
    return calloc(1, sizeof(gh_mcp_registry));
}

static void free_tool(gh_mcp_tool *tool)
{
    if (tool != NULL) {
        gh_schema_free(tool->input);
        gh_schema_free(tool->output);
        free(tool->params);
        free(tool->listing);
        free(tool);
    }
}

void gh_mcp_registry_free(gh_mcp_registry *registry)
{
    if (registry == NULL) {
        return;
    }
    for (size_t i = 0; i < registry->count; i++) {
        free_tool(registry->tools[i]);
    }
    free(registry->tools);
    free(registry->sorted);
    free(registry);
}

static int compare_names(gh_view a, gh_view b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* The first place whose name is not below `name`. */
static size_t place_of(const gh_mcp_registry *registry, gh_view name)
{
    size_t low = 0;
    size_t high = registry->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_names(gh_view_of(registry->sorted[middle]->tool->name), name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const gh_mcp_tool *gh_mcp_registry_find(const gh_mcp_registry *registry, gh_view name)
{
    size_t place = place_of(registry, name);
    if (place < registry->count && gh_view_eq_cstr(name, registry->sorted[place]->tool->name)) {
        return registry->sorted[place];
    }
    return NULL;
}

gh_status gh_mcp_registry_write_tools(const gh_mcp_registry *registry, gh_buf *out)
{
    (void)gh_buf_append_char(out, '[');
    for (size_t i = 0; i < registry->count; i++) {
        (void)gh_buf_append_cstr(out, i == 0 ? "" : ",");
        (void)gh_buf_append_cstr(out, registry->tools[i]->listing);
    }
    return gh_buf_append_char(out, ']');
}

static void write_member(gh_buf *out, const char *name, const char *text)
{
    if (text != NULL) {
        (void)gh_buf_appendf(out, ",\"%s\":", name);
        (void)gh_json_write_string(out, gh_view_of(text));
    }
}

/* `json` has passed the gate. */
static void write_raw(gh_buf *out, const char *name, const char *json)
{
    if (json != NULL) {
        (void)gh_buf_appendf(out, ",\"%s\":", name);
        if (gh_json_slice_compact(gh_view_trim(gh_view_of(json)), out) != GH_OK && out->status == GH_OK) {
            out->status = GH_ERR_INVALID;
        }
    }
}

static gh_status write_listing(gh_mcp_tool *fresh)
{
    const gh_tool *tool = fresh->tool;
    gh_buf out = GH_BUF_INIT(LISTING_MAX);
    (void)gh_buf_append_cstr(&out, "{\"name\":");
    (void)gh_json_write_string(&out, gh_view_of(tool->name));
    write_member(&out, "title", tool->title);
    write_member(&out, "description", tool->description);
    write_raw(&out, "inputSchema", tool->input_schema);
    write_raw(&out, "outputSchema", tool->output_schema);
    write_raw(&out, "annotations", tool->annotations);
    (void)gh_buf_append_char(&out, '}');
    gh_status status = gh_buf_status(&out);
    fresh->listing = gh_buf_steal(&out);
    if (status == GH_OK && fresh->listing == NULL) {
        status = GH_ERR_NOMEM;
    }
    gh_buf_free(&out);
    return status;
}

/* Arguments always are an object, and clients before 2026-07-28 take no other structured content either. */
static gh_status read_schema(const char *text, gh_schema **schema, gh_error *error)
{
    gh_status status = gh_schema_new(text, schema, error);
    if (status == GH_OK) {
        const char *type = gh_json_get_string(gh_schema_json(*schema), "type");
        if (type == NULL || strcmp(type, "object") != 0) {
            status = gh_error_set(error, GH_ERR_INVALID, "A tool's schema must say \"type\": \"object\"");
        }
    }
    return status;
}

static gh_status check_annotations(const char *text, gh_error *error)
{
    if (text == NULL) {
        return GH_OK;
    }
    cJSON *json = NULL;
    gh_status status = gh_json_parse(gh_view_of(text), &GH_JSON_LIMITS_DOCUMENT, &json, error);
    if (status == GH_OK && !cJSON_IsObject(json)) {
        status = gh_error_set(error, GH_ERR_INVALID, "A tool's annotations must be an object");
    }
    cJSON_Delete(json);
    return status;
}

static gh_status build(gh_mcp_tool *fresh, gh_error *error)
{
    const gh_tool *tool = fresh->tool;
    gh_status status = read_schema(tool->input_schema, &fresh->input, error);
    if (status == GH_OK && tool->output_schema != NULL) {
        status = read_schema(tool->output_schema, &fresh->output, error);
    }
    if (status == GH_OK) {
        status = check_annotations(tool->annotations, error);
    }
    if (status == GH_OK) {
        status =
            gh_mcp_params_read(gh_schema_json(fresh->input), &fresh->params, &fresh->params_count, error);
    }
    if (status == GH_OK) {
        status = write_listing(fresh);
    }
    return status;
}

static gh_status insert(gh_mcp_registry *registry, gh_mcp_tool *fresh)
{
    size_t count = registry->count;
    gh_mcp_tool **tools = realloc(registry->tools, (count + 1) * sizeof *tools);
    if (tools == NULL) {
        return GH_ERR_NOMEM;
    }
    registry->tools = tools;
    gh_mcp_tool **sorted = realloc(registry->sorted, (count + 1) * sizeof *sorted);
    if (sorted == NULL) {
        return GH_ERR_NOMEM;
    }
    registry->sorted = sorted;
    size_t place = place_of(registry, gh_view_of(fresh->tool->name));
    memmove(&sorted[place + 1], &sorted[place], (count - place) * sizeof(gh_mcp_tool *));
    sorted[place] = fresh;
    tools[count] = fresh;
    registry->count++;
    return GH_OK;
}

gh_status gh_mcp_registry_add(gh_mcp_registry *registry, const gh_tool *tool, gh_error *error)
{
    const char *name = tool->name == NULL ? "" : tool->name;
    size_t len = strlen(name);
    if (len == 0 || len > NAME_MAX_BYTES || strspn(name, NAME_CHARS) != len) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "A tool's name must be 1 to %d letters, digits, '_', '-' or '.'", NAME_MAX_BYTES);
    }
    if (gh_mcp_registry_find(registry, gh_view_of(name)) != NULL) {
        return gh_error_set(error, GH_ERR_CONFLICT, "There is a tool named %s already", name);
    }
    if (tool->call == NULL || tool->input_schema == NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "Tool %s needs a call and an input schema", name);
    }
    if (registry->count >= TOOLS_MAX) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "More than %d tools", TOOLS_MAX);
    }
    gh_status status = GH_ERR_NOMEM;
    gh_mcp_tool *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        goto out;
    }
    fresh->tool = tool;
    status = build(fresh, error);
    if (status == GH_OK) {
        status = insert(registry, fresh);
    }
    if (status == GH_OK) {
        fresh = NULL;
    }
out:
    free_tool(fresh);
    return status;
}

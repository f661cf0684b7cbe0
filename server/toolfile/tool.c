/* Tools. */
#include <stdlib.h>
#include <string.h>

#include "server/schema/schema.h"
#include "server/toolfile/toolfile_private.h"
#include "shared/json/access.h"

#define WHERE_SHOWN 128
#define NO_ARGUMENTS "{\"type\":\"object\",\"additionalProperties\":false}"

typedef enum tool_member {
    INPUT_SCHEMA = GH_COMMON_COUNT,
    OUTPUT_SCHEMA,
    ANNOTATIONS,
    REQUEST,
    RESPONSE,
    MEMBERS
} tool_member;

static const gh_toolfile_member ROWS[MEMBERS] = {
    GH_TOOLFILE_COMMON_ROWS(true),
    [INPUT_SCHEMA] = {"inputSchema", GH_TOOLFILE_OBJECT, false},
    [OUTPUT_SCHEMA] = {"outputSchema", GH_TOOLFILE_OBJECT, false},
    [ANNOTATIONS] = {"annotations", GH_TOOLFILE_OBJECT, false},
    [REQUEST] = {"request", GH_TOOLFILE_OBJECT, true},
    [RESPONSE] = {"response", GH_TOOLFILE_OBJECT, false},
};

static const gh_toolfile_member HINTS[] = {
    {"title", GH_TOOLFILE_STRING, false},         {"readOnlyHint", GH_TOOLFILE_BOOL, false},
    {"destructiveHint", GH_TOOLFILE_BOOL, false}, {"idempotentHint", GH_TOOLFILE_BOOL, false},
    {"openWorldHint", GH_TOOLFILE_BOOL, false},
};

#define HINT_COUNT (sizeof HINTS / sizeof HINTS[0])

static gh_status check_schema(gh_toolfile_reader *reader, gh_view at, const char *what, const char *text,
                              bool of_arguments)
{
    gh_error why = {GH_OK, ""};
    gh_schema *schema = NULL;
    gh_buf where = GH_BUF_INIT(GH_TOOLFILE_TEXT_MAX);
    gh_status status = gh_schema_read(text, &schema, &where, &why);
    if (status == GH_ERR_NOMEM) {
        status = gh_toolfile_no_memory(reader);
    } else if (status != GH_OK) {
        bool cut = where.len > WHERE_SHOWN;
        status = gh_toolfile_refuse(reader, at, "%s%s%.*s%s: %s", what, where.len > 0 ? " at " : "",
                                    (int)(cut ? WHERE_SHOWN : where.len), gh_buf_cstr(&where),
                                    cut ? "..." : "", why.message);
    } else if (of_arguments) {
        const char *type = gh_json_get_string(gh_schema_json(schema), "type");
        if (type == NULL || strcmp(type, "object") != 0) {
            status = gh_toolfile_refuse(reader, at, "%s must say \"type\": \"object\"", what);
        }
    }
    gh_schema_free(schema);
    gh_buf_free(&where);
    return status;
}

static gh_status read_schemas(gh_toolfile_reader *reader, const gh_view *values, gh_entry *entry)
{
    gh_status status = GH_OK;
    if (values[INPUT_SCHEMA].ptr == NULL) {
        entry->input_schema = gh_text_dup(NO_ARGUMENTS);
        status = entry->input_schema != NULL ? GH_OK : gh_toolfile_no_memory(reader);
    } else {
        status = gh_toolfile_json(reader, values[INPUT_SCHEMA], "inputSchema", &entry->input_schema);
        if (status == GH_OK) {
            status = check_schema(reader, values[INPUT_SCHEMA], "inputSchema", entry->input_schema, true);
        }
    }
    if (status == GH_OK && values[OUTPUT_SCHEMA].ptr != NULL) {
        status = gh_toolfile_json(reader, values[OUTPUT_SCHEMA], "outputSchema", &entry->output_schema);
        if (status == GH_OK) {
            status = check_schema(reader, values[OUTPUT_SCHEMA], "outputSchema", entry->output_schema, false);
        }
    }
    return status;
}

static gh_status read_call(gh_toolfile_reader *reader, gh_view at, const gh_view *values, gh_entry *entry)
{
    const gh_toolfile_arguments arguments = {.schema = gh_view_of(entry->input_schema),
                                             .noun = "the input schema"};
    entry->has_request = true;
    gh_status status = gh_toolfile_read_request(reader, values[REQUEST], &arguments, &entry->request);
    if (status == GH_OK && values[RESPONSE].ptr != NULL) {
        status = gh_toolfile_read_response(reader, values[RESPONSE], &arguments, &entry->response);
    }
    if (status == GH_OK && entry->output_schema != NULL && entry->response.kind != GH_RESPONSE_AUTO &&
        entry->response.kind != GH_RESPONSE_JSON) {
        status = gh_toolfile_refuse(reader, at,
                                    "outputSchema promises structured content, which a response of this type "
                                    "does not have");
    }
    return status;
}

static gh_status read_tool(gh_toolfile_reader *reader, gh_view object)
{
    gh_view values[MEMBERS];
    gh_view hints[HINT_COUNT];
    gh_toolfile_set_item(reader, "tool", NULL);
    gh_entry *entry = gh_toolfile_add_entry(reader, GH_ENTRY_TOOL, object);
    if (entry == NULL) {
        return GH_ERR_NOMEM;
    }
    if (++reader->tools > GH_TOOLFILE_TOOLS_MAX) {
        return gh_toolfile_refuse(reader, object, "there are more than %d tools", GH_TOOLFILE_TOOLS_MAX);
    }
    gh_view name = {NULL, 0};
    gh_status status = GH_OK;
    if (gh_json_slice_member(object, "name", &name) && gh_json_slice_type(name) == GH_JSON_STRING) {
        status = gh_toolfile_text(reader, name, "name", GH_TOOLFILE_TEXT_MAX, &entry->name);
        gh_toolfile_set_item(reader, "tool", entry->name);
    }
    if (status == GH_OK) {
        status = gh_toolfile_members(reader, "", object, ROWS, MEMBERS, values);
    }
    if (status == GH_OK) {
        status = gh_toolfile_fill_common(reader, values, entry);
    }
    if (status == GH_OK) {
        status = gh_toolfile_take_name(reader, GH_ENTRY_TOOL, entry->name, object);
    }
    if (status == GH_OK && values[ANNOTATIONS].ptr != NULL) {
        status = gh_toolfile_members(reader, "annotations", values[ANNOTATIONS], HINTS, HINT_COUNT, hints);
    }
    if (status == GH_OK) {
        status = gh_toolfile_json(reader, values[ANNOTATIONS], "annotations", &entry->annotations);
    }
    if (status == GH_OK) {
        status = read_schemas(reader, values, entry);
    }
    return status == GH_OK ? read_call(reader, object, values, entry) : status;
}

gh_status gh_toolfile_read_tools(gh_toolfile_reader *reader, gh_view array)
{
    return gh_toolfile_each(reader, array, "tools", read_tool);
}

/* Is a piece of JSON one of MCP's content blocks (2026-07-28, server/tools, "Tool Result")? A client that is
 * strict would refuse the whole answer for one that is not. */
#include "server/call/call_private.h"
#include "shared/json/slice.h"

typedef struct block_type {
    const char *name;
    const char *texts[2]; /* members that must be strings */
    const char *complaint;
} block_type;

static const block_type TYPES[] = {
    {"text", {"text", NULL}, "a text block needs \"text\", a string"},
    {"image", {"data", "mimeType"}, "an image block needs the strings \"data\" and \"mimeType\""},
    {"audio", {"data", "mimeType"}, "an audio block needs the strings \"data\" and \"mimeType\""},
    {"resource_link", {"uri", "name"}, "a resource link needs the strings \"uri\" and \"name\""},
    {"resource",
     {NULL, NULL},
     "an embedded resource needs \"resource\" with the strings \"uri\" and \"text\" or \"blob\""},
};

static bool has_text(gh_view object, const char *name)
{
    gh_view value = {NULL, 0};
    return gh_json_slice_member(object, name, &value) && gh_json_slice_type(value) == GH_JSON_STRING;
}

static bool is_resource(gh_view block)
{
    gh_view resource = {NULL, 0};
    return gh_json_slice_member(block, "resource", &resource) && has_text(resource, "uri") &&
           (has_text(resource, "text") || has_text(resource, "blob"));
}

static bool is_whole(gh_view block, const block_type *type)
{
    if (type->texts[0] == NULL) {
        return is_resource(block);
    }
    return has_text(block, type->texts[0]) && (type->texts[1] == NULL || has_text(block, type->texts[1]));
}

const char *gh_call_block_complaint(gh_view json)
{
    gh_view type = {NULL, 0};
    if (gh_json_slice_type(json) != GH_JSON_OBJECT || !gh_json_slice_member(json, "type", &type)) {
        return "it is no content block: an object with \"type\"";
    }
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (gh_json_slice_is(type, gh_view_of(TYPES[i].name))) {
            return is_whole(json, &TYPES[i]) ? NULL : TYPES[i].complaint;
        }
    }
    return "its \"type\" is none of text, image, audio, resource_link and resource";
}

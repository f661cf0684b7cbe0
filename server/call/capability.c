#include <string.h>

#include "server/call/call_private.h"
#include "shared/json/slice.h"

#define STEP_MAX 128

/* A capability is an object that is there; some of their members are booleans. */
static bool is_there(gh_view value)
{
    gh_json_type type = gh_json_slice_type(value);
    return type == GH_JSON_OBJECT || (type == GH_JSON_BOOL && value.ptr[0] == 't');
}

static bool has_member(gh_view object, const char *name)
{
    gh_view value = {NULL, 0};
    return gh_json_slice_member(object, name, &value) && is_there(value);
}

/* MCP 2025-11-25 and 2026-07-28 (client/elicitation, "Capabilities"): an empty object is support for forms,
 * and so are the members of clients from before there were modes. */
static bool has_forms(gh_view capabilities)
{
    gh_view elicitation = {NULL, 0};
    return gh_json_slice_member(capabilities, "elicitation", &elicitation) &&
           gh_json_slice_type(elicitation) == GH_JSON_OBJECT &&
           (has_member(elicitation, "form") || !has_member(elicitation, "url"));
}

static bool has_extension(gh_view capabilities, const char *name)
{
    gh_view extensions = {NULL, 0};
    return gh_json_slice_member(capabilities, "extensions", &extensions) && has_member(extensions, name);
}

bool gh_call_capability(gh_view capabilities, const char *path)
{
    static const char EXTENSIONS[] = "extensions/";
    gh_view rest = gh_view_of(path);
    gh_view step = {NULL, 0};
    gh_view value = capabilities;
    if (strncmp(path, EXTENSIONS, sizeof EXTENSIONS - 1) == 0) {
        return has_extension(capabilities, path + sizeof EXTENSIONS - 1);
    }
    if (strcmp(path, "elicitation.form") == 0) {
        return has_forms(capabilities);
    }
    while (gh_view_next(&rest, '.', &step)) {
        char name[STEP_MAX];
        if (step.len == 0 || step.len >= sizeof name) {
            return false;
        }
        memcpy(name, step.ptr, step.len);
        name[step.len] = '\0';
        if (!gh_json_slice_member(value, name, &value)) {
            return false;
        }
    }
    return is_there(value);
}

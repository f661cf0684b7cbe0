/* Which variables a template may have: what cannot be there when a call comes is a mistake in the file. */
#include <string.h>

#include "server/toolfile/template_private.h"
#include "server/toolfile/toolfile_private.h"

#define SHOWN 64

static int shown(gh_view text)
{
    return (int)(text.len < SHOWN ? text.len : SHOWN);
}

typedef enum finding { MISSING, OPTIONAL, REQUIRED } finding;

static bool member(gh_view object, gh_view name, gh_view *value)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    for (bool more = gh_json_iter_start(object, &iter) && iter.object;
         more && gh_json_iter_next(&iter, &key, value);) {
        if (gh_json_slice_is(key, name)) {
            return true;
        }
    }
    return false;
}

static bool is_required(gh_view schema, gh_view name)
{
    gh_json_iter iter;
    gh_view list = {NULL, 0};
    gh_view one = {NULL, 0};
    for (bool more = gh_json_slice_member(schema, "required", &list) && gh_json_iter_start(list, &iter);
         more && gh_json_iter_next(&iter, NULL, &one);) {
        if (gh_json_slice_is(one, name)) {
            return true;
        }
    }
    return false;
}

/* May there be members that `properties` does not have? Only when the schema says so. */
static bool allows_others(gh_view schema)
{
    static const char *const OPENERS[] = {
        "$ref", "allOf", "anyOf", "oneOf", "if", "not", "dependentSchemas", "patternProperties"};
    gh_view value = {NULL, 0};
    for (size_t i = 0; i < sizeof OPENERS / sizeof OPENERS[0]; i++) {
        if (gh_json_slice_member(schema, OPENERS[i], &value)) {
            return true;
        }
    }
    return gh_json_slice_member(schema, "additionalProperties", &value) && !gh_view_eq_cstr(value, "false");
}

/* Below the first name whatever the schema does not forbid may be there. */
static finding find_in_schema(gh_view schema, gh_view name)
{
    gh_view rest = name;
    gh_view word;
    bool required = true;
    bool first = true;
    while (gh_view_next(&rest, '.', &word)) {
        gh_view properties = {NULL, 0};
        gh_view property = {NULL, 0};
        bool listed = gh_json_slice_member(schema, "properties", &properties);
        required = required && is_required(schema, word);
        if (!listed || !member(properties, word, &property)) {
            bool open = allows_others(schema) || (!first && !listed);
            return !open ? MISSING : required && rest.len == 0 ? REQUIRED : OPTIONAL;
        }
        schema = property;
        first = false;
    }
    return required ? REQUIRED : OPTIONAL;
}

static finding find_in_list(const char *list, gh_view name)
{
    for (; list[0] != '\0'; list += strlen(list) + 1) {
        if (gh_view_eq_cstr(name, list)) {
            return REQUIRED;
        }
    }
    return MISSING;
}

typedef struct checking {
    gh_toolfile_reader *reader;
    gh_view at;
    const char *what;
    const gh_toolfile_arguments *arguments;
    bool needed;
    gh_status status;
} checking;

static bool check_one(void *context, gh_view name)
{
    checking *c = context;
    const gh_toolfile_arguments *arguments = c->arguments;
    finding found = arguments->schema.ptr != NULL ? find_in_schema(arguments->schema, name)
                    : arguments->listed != NULL   ? find_in_list(arguments->listed, name)
                                                  : MISSING;
    if (found == MISSING) {
        c->status = gh_toolfile_refuse(c->reader, c->at, "%s: {%.*s} is not in %s", c->what, shown(name),
                                       name.ptr, arguments->noun);
    } else if (found == OPTIONAL && c->needed) {
        c->status = gh_toolfile_refuse(
            c->reader, c->at, "%s: {%.*s} must be a required argument: list it in \"required\" of %s",
            c->what, shown(name), name.ptr, arguments->noun);
    }
    return c->status == GH_OK;
}

gh_status gh_toolfile_check_variables(gh_toolfile_reader *reader, gh_view at, const char *what,
                                      const gh_template *made, const gh_toolfile_arguments *arguments,
                                      bool needed)
{
    checking c = {reader, at, what, arguments, needed, GH_OK};
    gh_template_names(made, check_one, &c);
    return c.status;
}

gh_status gh_toolfile_check_json_variables(gh_toolfile_reader *reader, gh_view at, const char *what,
                                           const gh_json_template *made,
                                           const gh_toolfile_arguments *arguments)
{
    checking c = {reader, at, what, arguments, false, GH_OK};
    gh_json_template_names(made, check_one, &c);
    return c.status;
}

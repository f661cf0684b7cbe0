/* x-mcp-header annotations: where they may stand and what they may say. */
#include "shared/rpc/params.h"

#include <stdlib.h>
#include <string.h>

#include "shared/core/text.h"
#include "shared/json/access.h"

#define ANNOTATION "x-mcp-header"
#define NAME_MAX_BYTES 64
#define TCHAR "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

typedef struct collector {
    gh_mcp_param *params;
    size_t count;
    gh_error *error;
} collector;

/* `depth` is the length of the path; `reachable` says that only `properties` led here. */
static gh_status visit(collector *c, const cJSON *schema, const char **path, size_t depth, bool reachable);

static gh_status check_annotation(const collector *c, const cJSON *schema, size_t depth, bool reachable)
{
    const char *header = gh_json_get_string(schema, ANNOTATION);
    const char *type = gh_json_get_string(schema, "type");
    if (header == NULL || header[0] == '\0' || strlen(header) > NAME_MAX_BYTES ||
        strspn(header, TCHAR) != strlen(header)) {
        return gh_error_set(c->error, GH_ERR_INVALID,
                            ANNOTATION " must be a header name of 1 to %d characters", NAME_MAX_BYTES);
    }
    if (!reachable || depth == 0 || depth > GH_MCP_PARAM_PATH_MAX) {
        return gh_error_set(c->error, GH_ERR_INVALID,
                            ANNOTATION " %s must stand on a property that is reached by properties alone",
                            header);
    }
    if (type == NULL ||
        (strcmp(type, "string") != 0 && strcmp(type, "integer") != 0 && strcmp(type, "boolean") != 0)) {
        return gh_error_set(c->error, GH_ERR_INVALID,
                            ANNOTATION " %s must stand on a string, an integer or a boolean", header);
    }
    for (size_t i = 0; i < c->count; i++) {
        if (gh_view_eq_nocase(gh_view_of(c->params[i].header), gh_view_of(header))) {
            return gh_error_set(c->error, GH_ERR_INVALID, ANNOTATION " %s is there twice", header);
        }
    }
    return GH_OK;
}

static gh_status collect(collector *c, const cJSON *schema, const char *const *path, size_t depth,
                         bool reachable)
{
    gh_status status = check_annotation(c, schema, depth, reachable);
    if (status != GH_OK) {
        return status;
    }
    gh_mcp_param *grown = realloc(c->params, (c->count + 1) * sizeof *grown);
    if (grown == NULL) {
        return GH_ERR_NOMEM;
    }
    c->params = grown;
    gh_mcp_param *fresh = &grown[c->count++];
    memset(fresh, 0, sizeof *fresh);
    fresh->header = gh_json_get_string(schema, ANNOTATION);
    fresh->depth = depth;
    memcpy(fresh->path, path, depth * sizeof *path);
    return GH_OK;
}

static gh_status visit_properties(collector *c, const cJSON *properties, const char **path, size_t depth,
                                  bool reachable)
{
    const cJSON *property = NULL;
    cJSON_ArrayForEach(property, properties)
    {
        bool fits = depth < GH_MCP_PARAM_PATH_MAX;
        if (fits) {
            path[depth] = property->string;
        }
        gh_status status = visit(c, property, path, depth + 1, reachable && fits);
        if (status != GH_OK) {
            return status;
        }
    }
    return GH_OK;
}

static bool holds_values(const char *keyword)
{
    return strcmp(keyword, "enum") == 0 || strcmp(keyword, "const") == 0 || strcmp(keyword, "default") == 0 ||
           strcmp(keyword, "examples") == 0 || strcmp(keyword, "dependentRequired") == 0;
}

static bool holds_named_schemas(const char *keyword)
{
    return strcmp(keyword, "$defs") == 0 || strcmp(keyword, "definitions") == 0 ||
           strcmp(keyword, "dependentSchemas") == 0 || strcmp(keyword, "dependencies") == 0 ||
           strcmp(keyword, "patternProperties") == 0;
}

/* Recursion is bounded by the depth that the JSON gate let through. */
static gh_status visit(collector *c, const cJSON *schema, const char **path, size_t depth, bool reachable)
{
    gh_status status = GH_OK;
    const cJSON *keyword = NULL;
    cJSON_ArrayForEach(keyword, schema)
    {
        const char *name = keyword->string == NULL ? "" : keyword->string;
        if (strcmp(name, ANNOTATION) == 0) {
            status = collect(c, schema, path, depth, reachable);
        } else if (strcmp(name, "properties") == 0) {
            status = visit_properties(c, keyword, path, depth, reachable);
        } else if (holds_named_schemas(name)) {
            status = visit_properties(c, keyword, path, depth, false);
        } else if (!holds_values(name)) {
            status = visit(c, keyword, path, depth, false);
        }
        if (status != GH_OK) {
            break;
        }
    }
    return status;
}

gh_status gh_mcp_params_read(const cJSON *schema, gh_mcp_param **params, size_t *count, gh_error *error)
{
    collector c = {NULL, 0, error};
    const char *path[GH_MCP_PARAM_PATH_MAX];
    gh_status status = visit(&c, schema, path, 0, true);
    if (status != GH_OK) {
        free(c.params);
        return status;
    }
    *params = c.params;
    *count = c.count;
    return GH_OK;
}

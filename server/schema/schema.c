#include "server/schema/schema.h"

#include <stdlib.h>

#include "server/schema/schema_private.h"
#include "shared/json/access.h"

static const gh_json_limits LIMITS = {256 * 1024, GH_JSON_DEPTH_MAX, 20000, 1000};

gh_status gh_schema_new(const char *text, gh_schema **schema, gh_error *error)
{
    return gh_schema_read(text, schema, NULL, error);
}

gh_status gh_schema_read(const char *text, gh_schema **schema, gh_buf *where, gh_error *error)
{
    const cJSON *at = NULL;
    gh_status status = GH_ERR_NOMEM;
    gh_schema *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        goto out;
    }
    status = gh_json_parse(gh_view_of(text), &LIMITS, &fresh->json, error);
    if (status != GH_OK) {
        goto out;
    }
    status = gh_schema_verify(fresh, &at, error);
    if (status != GH_OK && at != NULL && where != NULL) {
        gh_schema_point(fresh->json, at, where);
    }
    if (status == GH_OK) {
        *schema = fresh;
        fresh = NULL;
    }
out:
    gh_schema_free(fresh);
    return status;
}

void gh_schema_free(gh_schema *schema)
{
    if (schema == NULL) {
        return;
    }
    for (size_t i = 0; i < schema->links_count; i++) {
        gh_pattern_free(schema->links[i].pattern);
    }
    free(schema->links);
    cJSON_Delete(schema->json);
    free(schema);
}

const cJSON *gh_schema_json(const gh_schema *schema)
{
    return schema->json;
}

gh_status gh_schema_check(const gh_schema *schema, const cJSON *value, const char *root, gh_error *error)
{
    gh_schema_walk walk = {schema, root, error, GH_SCHEMA_WORK_MAX, 0, false};
    bool valid = gh_schema_eval(&walk, schema->json, value, NULL);
    if (walk.exhausted) {
        return gh_error_set(error, GH_ERR_TOO_LARGE,
                            "%s cannot be checked: too large or too deep for its schema", root);
    }
    return valid ? GH_OK : GH_ERR_INVALID;
}

#include "server/mcp/schema.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/schema_private.h"
#include "shared/json/access.h"

#define DIALECT "https://json-schema.org/draft/2020-12/schema"
#define NAME_SHOWN 64 /* characters of a keyword in an error */

static const gh_json_limits LIMITS = {256 * 1024, GH_JSON_DEPTH_MAX, 20000, 1000};

typedef struct verifier {
    const cJSON *root;
    gh_error *error;
} verifier;

static gh_status verify(const verifier *v, const cJSON *schema, bool top);

static gh_status wrong(const verifier *v, const cJSON *keyword, const char *want)
{
    return gh_error_set(v->error, GH_ERR_INVALID, "The schema's %.*s must be %s", NAME_SHOWN, keyword->string,
                        want);
}

static gh_status verify_each(const verifier *v, const cJSON *keyword)
{
    const cJSON *item = NULL;
    gh_status status = GH_OK;
    cJSON_ArrayForEach(item, keyword)
    {
        status = verify(v, item, false);
        if (status != GH_OK) {
            break;
        }
    }
    return status;
}

static bool all_strings(const cJSON *list)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list)
    {
        if (!cJSON_IsString(item)) {
            return false;
        }
    }
    return cJSON_IsArray(list);
}

static bool all_string_lists(const cJSON *map)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, map)
    {
        if (!all_strings(item)) {
            return false;
        }
    }
    return cJSON_IsObject(map);
}

static bool is_type_value(const cJSON *keyword)
{
    if (cJSON_IsString(keyword)) {
        return gh_schema_is_type_name(keyword->valuestring);
    }
    if (!all_strings(keyword) || keyword->child == NULL) {
        return false;
    }
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, keyword)
    {
        if (!gh_schema_is_type_name(item->valuestring)) {
            return false;
        }
    }
    return true;
}

static bool is_count(const cJSON *keyword)
{
    return cJSON_IsNumber(keyword) && keyword->valuedouble >= 0 &&
           keyword->valuedouble <= 9007199254740991.0 && floor(keyword->valuedouble) == keyword->valuedouble;
}

static gh_status verify_ref(const verifier *v, const cJSON *keyword)
{
    if (!cJSON_IsString(keyword)) {
        return wrong(v, keyword, "a string");
    }
    if (keyword->valuestring[0] != '#') {
        return gh_error_set(v->error, GH_ERR_UNSUPPORTED,
                            "The schema's $ref leads out of the document; only \"#...\" is followed");
    }
    const cJSON *target = gh_schema_resolve(v->root, keyword->valuestring);
    if (!cJSON_IsObject(target) && !cJSON_IsBool(target)) {
        return gh_error_set(v->error, GH_ERR_INVALID, "The schema's $ref %.*s leads to no schema", NAME_SHOWN,
                            keyword->valuestring);
    }
    return GH_OK;
}

static gh_status verify_dialect(const verifier *v, const cJSON *keyword)
{
    if (cJSON_IsString(keyword) &&
        (strcmp(keyword->valuestring, DIALECT) == 0 || strcmp(keyword->valuestring, DIALECT "#") == 0)) {
        return GH_OK;
    }
    return gh_error_set(v->error, GH_ERR_UNSUPPORTED,
                        "The schema's dialect is not supported; use %s or no $schema", DIALECT);
}

static gh_status verify_structure(const verifier *v, const gh_schema_keyword *row, const cJSON *keyword,
                                  bool top)
{
    switch (row->form) {
    case GH_FORM_SCHEMA:
        return verify(v, keyword, false);
    case GH_FORM_SCHEMA_MAP:
        return cJSON_IsObject(keyword) ? verify_each(v, keyword) : wrong(v, keyword, "an object of schemas");
    case GH_FORM_SCHEMA_LIST:
        return cJSON_IsArray(keyword) && keyword->child != NULL ? verify_each(v, keyword)
                                                                : wrong(v, keyword, "an array of schemas");
    case GH_FORM_REF:
        return verify_ref(v, keyword);
    case GH_FORM_DIALECT:
        return verify_dialect(v, keyword);
    case GH_FORM_ROOT_ONLY:
        return top ? GH_OK
                   : gh_error_set(v->error, GH_ERR_UNSUPPORTED,
                                  "The schema has a nested %s, which is not supported", row->name);
    case GH_FORM_REFUSED:
        return gh_error_set(v->error, GH_ERR_UNSUPPORTED, "The schema uses %s, which is not supported",
                            row->name);
    default:
        return GH_OK;
    }
}

static gh_status verify_plain(const verifier *v, const gh_schema_keyword *row, const cJSON *keyword)
{
    switch (row->form) {
    case GH_FORM_STRING:
        return cJSON_IsString(keyword) ? GH_OK : wrong(v, keyword, "a string");
    case GH_FORM_STRINGS:
        return all_strings(keyword) ? GH_OK : wrong(v, keyword, "an array of strings");
    case GH_FORM_STRINGS_MAP:
        return all_string_lists(keyword) ? GH_OK : wrong(v, keyword, "an object of arrays of strings");
    case GH_FORM_LIST:
        return cJSON_IsArray(keyword) ? GH_OK : wrong(v, keyword, "an array");
    case GH_FORM_TYPE:
        return is_type_value(keyword) ? GH_OK : wrong(v, keyword, "a type's name or an array of them");
    case GH_FORM_NUMBER:
        return cJSON_IsNumber(keyword) ? GH_OK : wrong(v, keyword, "a number");
    case GH_FORM_POSITIVE:
        return cJSON_IsNumber(keyword) && keyword->valuedouble > 0 ? GH_OK : wrong(v, keyword, "above 0");
    case GH_FORM_COUNT:
        return is_count(keyword) ? GH_OK : wrong(v, keyword, "a whole number from 0");
    case GH_FORM_BOOL:
        return cJSON_IsBool(keyword) ? GH_OK : wrong(v, keyword, "true or false");
    default:
        return GH_OK;
    }
}

/* Recursion is bounded by the depth that the gate let through. */
static gh_status verify(const verifier *v, const cJSON *schema, bool top)
{
    if (cJSON_IsBool(schema)) {
        return GH_OK;
    }
    if (!cJSON_IsObject(schema)) {
        return gh_error_set(v->error, GH_ERR_INVALID, "A schema must be an object, true or false");
    }
    const cJSON *keyword = NULL;
    cJSON_ArrayForEach(keyword, schema)
    {
        const gh_schema_keyword *row = gh_schema_keyword_find(keyword->string);
        if (row == NULL) {
            continue;
        }
        gh_status status = verify_structure(v, row, keyword, top);
        if (status == GH_OK) {
            status = verify_plain(v, row, keyword);
        }
        if (status != GH_OK) {
            return status;
        }
    }
    return GH_OK;
}

gh_status gh_schema_new(const char *text, gh_schema **schema, gh_error *error)
{
    gh_status status = GH_ERR_NOMEM;
    gh_schema *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        goto out;
    }
    status = gh_json_parse(gh_view_of(text), &LIMITS, &fresh->json, error);
    if (status != GH_OK) {
        goto out;
    }
    const verifier v = {fresh->json, error};
    status = verify(&v, fresh->json, true);
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
    if (schema != NULL) {
        cJSON_Delete(schema->json);
        free(schema);
    }
}

const cJSON *gh_schema_json(const gh_schema *schema)
{
    return schema->json;
}

gh_status gh_schema_check(const gh_schema *schema, const cJSON *value, const char *root, gh_error *error)
{
    gh_schema_walk walk = {schema->json, root, error, GH_SCHEMA_WORK_MAX, 0, false};
    bool valid = gh_schema_eval(&walk, schema->json, value, NULL);
    if (walk.exhausted) {
        return gh_error_set(error, GH_ERR_TOO_LARGE,
                            "%s cannot be checked: too large or too deep for its schema", root);
    }
    return valid ? GH_OK : GH_ERR_INVALID;
}

/* Schemas of a description as JSON Schema 2020-12: references become `$defs` of the one document that a tool
 * carries, so that recursive ones stay what they are. */
#include <stdlib.h>
#include <string.h>

#include "server/openapi/openapi_private.h"
#include "server/schema/schema.h"
#include "shared/json/access.h"

#define INPUT_MAX ((size_t)96 * 1024)
#define OUTPUT_MAX ((size_t)16 * 1024) /* of interest to a client only, and every list carries it */
#define DEPTH_MAX 40
#define WRITTEN_DEPTH_MAX 55 /* of what is made of it */
#define DEF_NAME_MAX 60
#define DESCRIPTION_MAX 500

void gh_openapi_schemas_start(gh_openapi_schemas *schemas, gh_openapi_reader *reader, bool input,
                              bool shallow)
{
    memset(schemas, 0, sizeof *schemas);
    schemas->reader = reader;
    schemas->input = input;
    schemas->shallow = shallow;
    schemas->left = input ? INPUT_MAX : OUTPUT_MAX;
    schemas->defs = cJSON_CreateObject();
    if (schemas->defs == NULL) {
        reader->status = GH_ERR_NOMEM;
    }
}

void gh_openapi_schemas_clear(gh_openapi_schemas *schemas)
{
    cJSON_Delete(schemas->defs);
    free(schemas->queue);
    gh_openapi_names_clear(&schemas->names);
    schemas->defs = NULL;
    schemas->queue = NULL;
}

/* --- what a schema says at first sight --- */

bool gh_openapi_is_type(const char *text)
{
    static const char *const TYPES[] = {"string", "number", "integer", "boolean", "object", "array", "null"};
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        if (strcmp(text, TYPES[i]) == 0) {
            return true;
        }
    }
    return false;
}

const char *gh_openapi_only_type(gh_openapi_reader *reader, const cJSON *node, bool *nullable)
{
    const cJSON *type = gh_json_get(node, "type");
    const cJSON *one = NULL;
    const char *only = NULL;
    bool null = !reader->modern && cJSON_IsTrue(gh_json_get(node, "nullable"));
    if (cJSON_IsString(type)) {
        only = type->valuestring;
    }
    cJSON_ArrayForEach(one, gh_openapi_array(type))
    {
        if (!cJSON_IsString(one)) {
            return NULL;
        }
        if (strcmp(one->valuestring, "null") == 0) {
            null = true;
        } else if (only != NULL) {
            return NULL;
        } else {
            only = one->valuestring;
        }
    }
    if (nullable != NULL) {
        *nullable = null;
    }
    return only != NULL && gh_openapi_is_type(only) ? only : NULL;
}

static bool says(gh_openapi_reader *reader, const cJSON *node, const char *flag, unsigned depth)
{
    const char *ref = gh_json_get_string(node, "$ref");
    const cJSON *part = NULL;
    if (cJSON_IsTrue(gh_json_get(node, flag))) {
        return true;
    }
    if (depth == 0 || !gh_openapi_step(reader)) {
        return false;
    }
    if (ref != NULL && says(reader, gh_openapi_find(reader, ref), flag, depth - 1)) {
        return true;
    }
    /* allOf of one reference is how 3.0 puts a flag beside it */
    cJSON_ArrayForEach(part, gh_json_get_array(node, "allOf"))
    {
        if (says(reader, part, flag, depth - 1)) {
            return true;
        }
    }
    return false;
}

bool gh_openapi_is_for(gh_openapi_reader *reader, const cJSON *property, bool input)
{
    return !says(reader, property, input ? "readOnly" : "writeOnly", 3);
}

/* --- references --- */

static const char *queue_def(gh_openapi_schemas *schemas, const cJSON *node, const char *ref)
{
    const char *last = strrchr(ref, '/');
    for (size_t i = 0; i < schemas->queued; i++) {
        if (schemas->queue[i].node == node) {
            return schemas->queue[i].name;
        }
    }
    if (schemas->queued == schemas->room) {
        size_t room = schemas->room == 0 ? 16 : schemas->room * 2;
        struct gh_openapi_def *grown = realloc(schemas->queue, room * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        schemas->queue = grown;
        schemas->room = room;
    }
    const char *name =
        gh_openapi_unique(&schemas->names, gh_openapi_legal(last != NULL ? last + 1 : ref, DEF_NAME_MAX));
    if (name != NULL) {
        schemas->queue[schemas->queued++] = (struct gh_openapi_def){node, name};
    }
    return name;
}

/* Text, numbers and enumerations, which are shorter than a reference is to follow. */
static bool is_plain(gh_openapi_reader *reader, const cJSON *node)
{
    static const char *const MORE[] = {"allOf", "anyOf", "oneOf", "not", "$ref", "if"};
    const char *type = gh_openapi_only_type(reader, node, NULL);
    bool plain = type != NULL && strcmp(type, "object") != 0 && strcmp(type, "array") != 0;
    for (size_t i = 0; plain && i < sizeof MORE / sizeof *MORE; i++) {
        plain = gh_json_get(node, MORE[i]) == NULL;
    }
    return plain;
}

/* What is known of a schema without going into it. */
static cJSON *first_level(gh_openapi_schemas *schemas, const cJSON *node)
{
    gh_openapi_reader *reader = schemas->reader;
    bool nullable = false;
    const char *type = gh_openapi_only_type(reader, node, &nullable);
    cJSON *made = cJSON_CreateObject();
    if (type != NULL && !nullable) {
        gh_openapi_put(reader, made, "type", cJSON_CreateString(type));
    }
    if (gh_json_get_string(node, "description") != NULL) {
        (void)gh_openapi_put_text(reader, made, "description", gh_json_get_string(node, "description"), 200);
    }
    return made;
}

cJSON *gh_openapi_reference(gh_openapi_schemas *schemas, const char *ref, unsigned depth)
{
    gh_openapi_reader *reader = schemas->reader;
    const cJSON *node = gh_openapi_find(reader, ref);
    if (node == NULL || (!cJSON_IsObject(node) && !cJSON_IsBool(node))) {
        if (!schemas->foreign) {
            gh_openapi_tell(reader, "%s: %.150s",
                            ref[0] == '#'
                                ? "a reference leads nowhere"
                                : "a reference leads outside the description, and nothing is fetched",
                            ref);
        }
        schemas->foreign = true;
        return cJSON_CreateObject();
    }
    if (is_plain(reader, node)) {
        return gh_openapi_schema(schemas, node, depth + 1);
    }
    if (schemas->shallow) {
        return first_level(schemas, node);
    }
    const char *name = queue_def(schemas, node, ref);
    gh_buf text = GH_BUF_INIT(200);
    (void)gh_buf_appendf(&text, "#/$defs/%s", name != NULL ? name : "");
    cJSON *made = cJSON_CreateObject();
    gh_openapi_put(reader, made, "$ref",
                   name != NULL && gh_buf_status(&text) == GH_OK ? cJSON_CreateString(gh_buf_cstr(&text))
                                                                 : NULL);
    gh_buf_free(&text);
    return made;
}

/* --- the walk --- */

/* `made`, or null. */
static cJSON *or_null(gh_openapi_reader *reader, cJSON *made)
{
    cJSON *either = cJSON_CreateObject();
    cJSON *forms = cJSON_CreateArray();
    cJSON *null = cJSON_CreateObject();
    gh_openapi_put(reader, null, "type", cJSON_CreateString("null"));
    gh_openapi_push(reader, forms, made);
    gh_openapi_push(reader, forms, null);
    gh_openapi_put(reader, either, "anyOf", forms);
    return either;
}

static cJSON *reference_with_siblings(gh_openapi_schemas *schemas, const cJSON *node, const char *ref,
                                      unsigned depth)
{
    gh_openapi_reader *reader = schemas->reader;
    const char *description = gh_json_get_string(node, "description");
    cJSON *made = gh_openapi_reference(schemas, ref, depth);
    if (reader->modern) {
        /* an inlined target has keywords of its own, beside which its siblings go */
        cJSON *beside = cJSON_CreateObject();
        gh_openapi_keywords(schemas, node, beside, depth);
        if (beside == NULL || beside->child == NULL) {
            cJSON_Delete(beside);
            return made;
        }
        if (gh_json_get(made, "$ref") != NULL && gh_json_get(beside, "$ref") == NULL) {
            gh_openapi_put(reader, beside, "$ref", cJSON_DetachItemFromObjectCaseSensitive(made, "$ref"));
            cJSON_Delete(made);
            return beside;
        }
        cJSON *all = cJSON_GetObjectItemCaseSensitive(beside, "allOf");
        if (all == NULL) {
            all = cJSON_CreateArray();
            gh_openapi_put(reader, beside, "allOf", all);
        }
        gh_openapi_push(reader, all, made);
        return beside;
    }
    if (description != NULL && cJSON_IsObject(made)) {
        cJSON_DeleteItemFromObjectCaseSensitive(made, "description");
        (void)gh_openapi_put_text(reader, made, "description", description, DESCRIPTION_MAX);
    }
    return cJSON_IsTrue(gh_json_get(node, "nullable")) ? or_null(reader, made) : made;
}

static bool has_forms(const cJSON *node)
{
    return gh_json_get(node, "allOf") != NULL || gh_json_get(node, "anyOf") != NULL ||
           gh_json_get(node, "oneOf") != NULL;
}

cJSON *gh_openapi_schema(gh_openapi_schemas *schemas, const cJSON *node, unsigned depth)
{
    gh_openapi_reader *reader = schemas->reader;
    const char *ref = gh_json_get_string(node, "$ref");
    cJSON *made = NULL;
    if (reader->status != GH_OK || schemas->too_large) {
        return cJSON_CreateObject();
    }
    if (depth > DEPTH_MAX) {
        gh_openapi_tell(reader, "a schema is nested too deeply; what is below level %d is not checked",
                        DEPTH_MAX);
        return cJSON_CreateObject();
    }
    if (cJSON_IsBool(node)) {
        return cJSON_CreateBool(cJSON_IsTrue(node));
    }
    if (ref != NULL) {
        return reference_with_siblings(schemas, node, ref, depth);
    }
    made = cJSON_CreateObject();
    gh_openapi_keywords(schemas, node, made, depth);
    if (!reader->modern && cJSON_IsTrue(gh_json_get(node, "nullable")) && gh_json_get(node, "type") == NULL &&
        has_forms(node)) {
        made = or_null(reader, made);
    }
    return made;
}

bool gh_openapi_schemas_finish(gh_openapi_schemas *schemas, cJSON *root)
{
    gh_openapi_reader *reader = schemas->reader;
    while (schemas->done < schemas->queued && reader->status == GH_OK && !schemas->too_large) {
        struct gh_openapi_def def = schemas->queue[schemas->done++];
        gh_openapi_put(reader, schemas->defs, def.name, gh_openapi_schema(schemas, def.node, 2));
    }
    if (schemas->defs != NULL && schemas->defs->child != NULL) {
        gh_openapi_put(reader, root, "$defs", schemas->defs);
        schemas->defs = NULL;
    }
    return reader->status == GH_OK && !schemas->too_large && !schemas->foreign;
}

/* In a tools file a schema stands within others. */
static bool is_deeper(const cJSON *node, unsigned max)
{
    const cJSON *child = NULL;
    if (!cJSON_IsObject(node) && !cJSON_IsArray(node)) {
        return false;
    }
    cJSON_ArrayForEach(child, node)
    {
        if (max == 0 || is_deeper(child, max - 1)) {
            return true;
        }
    }
    return false;
}

bool gh_openapi_accepted(gh_openapi_reader *reader, const cJSON *schema, gh_error *why)
{
    gh_schema *made = NULL;
    if (is_deeper(schema, WRITTEN_DEPTH_MAX)) {
        (void)gh_error_set(why, GH_ERR_TOO_LARGE, "a schema is nested too deeply");
        return false;
    }
    char *text = cJSON_PrintUnformatted(schema);
    gh_status status = GH_ERR_NOMEM;
    if (text != NULL) {
        status = gh_schema_new(text, &made, why);
    }
    gh_schema_free(made);
    cJSON_free(text);
    if (status == GH_ERR_NOMEM) {
        reader->status = GH_ERR_NOMEM;
    }
    return status == GH_OK;
}

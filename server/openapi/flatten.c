/* The members of an object schema, when they are all there is to say about it. */
#include <stdlib.h>
#include <string.h>

#include "server/openapi/openapi_private.h"
#include "shared/json/access.h"

#define DEPTH_MAX 8
#define MEMBERS_MAX 250

static bool grow(void **items, size_t *room, size_t count, size_t size)
{
    if (count < *room) {
        return true;
    }
    size_t more = *room == 0 ? 16 : *room * 2;
    void *grown = realloc(*items, more * size);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    *room = more;
    return true;
}

static bool add_member(gh_openapi_members *members, const cJSON *schema)
{
    void *items = members->items;
    for (size_t i = 0; i < members->count; i++) {
        if (strcmp(members->items[i].name, schema->string) == 0) {
            return cJSON_Compare(members->items[i].schema, schema, true);
        }
    }
    if (members->count == MEMBERS_MAX ||
        !grow(&items, &members->room, members->count, sizeof *members->items)) {
        return false;
    }
    members->items = items;
    members->items[members->count++] = (struct gh_openapi_member){schema->string, schema, false};
    return true;
}

static bool add_required(gh_openapi_members *members, const char *name)
{
    void *items = (void *)members->required;
    if (members->required_count == 4 * MEMBERS_MAX ||
        !grow(&items, &members->required_room, members->required_count, sizeof *members->required)) {
        return false;
    }
    members->required = items;
    members->required[members->required_count++] = name;
    return true;
}

/* What a schema may have beside its members and still be no more than they are. */
static bool is_members_only(gh_openapi_reader *reader, const cJSON *node)
{
    static const char *const MORE[] = {"oneOf",
                                       "anyOf",
                                       "not",
                                       "if",
                                       "enum",
                                       "const",
                                       "patternProperties",
                                       "propertyNames",
                                       "minProperties",
                                       "maxProperties",
                                       "dependentRequired",
                                       "dependentSchemas",
                                       "unevaluatedProperties",
                                       "items",
                                       "$id",
                                       "$dynamicRef"};
    bool nullable = false;
    const char *type = gh_openapi_only_type(reader, node, &nullable);
    const cJSON *extra = gh_json_get(node, "additionalProperties");
    for (size_t i = 0; i < sizeof MORE / sizeof *MORE; i++) {
        if (gh_json_get(node, MORE[i]) != NULL) {
            return false;
        }
    }
    return !nullable &&
           (gh_json_get(node, "type") == NULL || (type != NULL && strcmp(type, "object") == 0)) &&
           (extra == NULL || cJSON_IsFalse(extra));
}

static bool collect(gh_openapi_reader *reader, const cJSON *schema, gh_openapi_members *members,
                    unsigned depth)
{
    const char *ref = gh_json_get_string(schema, "$ref");
    const cJSON *item = NULL;
    if (depth == 0 || !cJSON_IsObject(schema) || !gh_openapi_step(reader)) {
        return false;
    }
    if (ref != NULL) {
        /* beside a reference, 3.1 may say more; a description is no more */
        const cJSON *beside = reader->modern ? schema : NULL;
        cJSON_ArrayForEach(item, beside)
        {
            if (strcmp(item->string, "$ref") != 0 && strcmp(item->string, "description") != 0 &&
                strcmp(item->string, "summary") != 0 && strcmp(item->string, "title") != 0) {
                return false;
            }
        }
        return collect(reader, gh_openapi_find(reader, ref), members, depth - 1);
    }
    if (!is_members_only(reader, schema)) {
        return false;
    }
    cJSON_ArrayForEach(item, gh_json_get_array(schema, "allOf"))
    {
        if (!collect(reader, item, members, depth - 1)) {
            return false;
        }
    }
    cJSON_ArrayForEach(item, gh_json_get_object(schema, "properties"))
    {
        if (!add_member(members, item)) {
            return false;
        }
    }
    cJSON_ArrayForEach(item, gh_json_get_array(schema, "required"))
    {
        if (cJSON_IsString(item) && !add_required(members, item->valuestring)) {
            return false;
        }
    }
    return true;
}

/* The required names that are no members are those of something that is not described: then it is not flat.
 */
static bool mark_required(gh_openapi_members *members)
{
    for (size_t i = 0; i < members->required_count; i++) {
        bool found = false;
        for (size_t j = 0; j < members->count && !found; j++) {
            found = strcmp(members->items[j].name, members->required[i]) == 0;
            members->items[j].required = members->items[j].required || found;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static void drop_read_only(gh_openapi_reader *reader, gh_openapi_members *members)
{
    size_t kept = 0;
    for (size_t i = 0; i < members->count; i++) {
        if (gh_openapi_is_for(reader, members->items[i].schema, true)) {
            members->items[kept++] = members->items[i];
        }
    }
    members->count = kept;
}

bool gh_openapi_flatten(gh_openapi_reader *reader, const cJSON *schema, gh_openapi_members *members)
{
    memset(members, 0, sizeof *members);
    if (!collect(reader, schema, members, DEPTH_MAX) || !mark_required(members)) {
        gh_openapi_members_clear(members);
        return false;
    }
    drop_read_only(reader, members);
    return members->count > 0;
}

void gh_openapi_members_clear(gh_openapi_members *members)
{
    free(members->items);
    free((void *)members->required);
    memset(members, 0, sizeof *members);
}

/* Keyword by keyword: what of a schema object goes into a tool's schema, and in which form. */
#include <string.h>

#include "server/openapi/openapi_private.h"
#include "server/schema/pattern.h"
#include "shared/json/access.h"

#define DESCRIPTION_MAX 500
#define TITLE_MAX 120

typedef enum keyword_form {
    A_TITLE,
    A_DESCRIPTION,
    ANYTHING,
    A_STRING,
    A_BOOL,
    A_NUMBER,
    A_FACTOR, /* above 0 */
    A_COUNT,
    A_PATTERN,
    STRINGS,
    VALUES, /* an array of anything */
    A_SCHEMA,
    SCHEMAS,
    MEMBERS,         /* an object of schemas */
    PATTERN_MEMBERS, /* the same, by patterns */
    NAME_LISTS,      /* an object of arrays of strings */
    A_REFUSAL        /* what has no meaning within one document */
} keyword_form;

typedef enum keyword_use {
    FOR_BOTH,
    FOR_INPUT /* in a result it could only refuse what the API does send */
} keyword_use;

static const struct keyword {
    const char *name;
    keyword_form form;
    keyword_use use;
    bool modern; /* of 3.1 only */
} KEYWORDS[] = {
    {"title", A_TITLE, FOR_BOTH, false},
    {"description", A_DESCRIPTION, FOR_BOTH, false},
    {"default", ANYTHING, FOR_INPUT, false},
    {"const", ANYTHING, FOR_BOTH, true},
    {"format", A_STRING, FOR_INPUT, false},
    {"contentEncoding", A_STRING, FOR_INPUT, true},
    {"contentMediaType", A_STRING, FOR_INPUT, true},
    {"deprecated", A_BOOL, FOR_BOTH, false},
    {"multipleOf", A_FACTOR, FOR_INPUT, false},
    {"minLength", A_COUNT, FOR_INPUT, false},
    {"maxLength", A_COUNT, FOR_INPUT, false},
    {"pattern", A_PATTERN, FOR_INPUT, false},
    {"minItems", A_COUNT, FOR_INPUT, false},
    {"maxItems", A_COUNT, FOR_INPUT, false},
    {"uniqueItems", A_BOOL, FOR_INPUT, false},
    {"minProperties", A_COUNT, FOR_INPUT, false},
    {"maxProperties", A_COUNT, FOR_INPUT, false},
    {"minContains", A_COUNT, FOR_INPUT, true},
    {"maxContains", A_COUNT, FOR_INPUT, true},
    {"items", A_SCHEMA, FOR_BOTH, false},
    {"prefixItems", SCHEMAS, FOR_BOTH, true},
    {"contains", A_SCHEMA, FOR_INPUT, true},
    {"unevaluatedItems", A_SCHEMA, FOR_INPUT, true},
    {"unevaluatedProperties", A_SCHEMA, FOR_INPUT, true},
    {"propertyNames", A_SCHEMA, FOR_INPUT, true},
    {"patternProperties", PATTERN_MEMBERS, FOR_INPUT, true},
    {"dependentSchemas", MEMBERS, FOR_INPUT, true},
    {"dependentRequired", NAME_LISTS, FOR_INPUT, true},
    {"allOf", SCHEMAS, FOR_BOTH, false},
    {"anyOf", SCHEMAS, FOR_BOTH, false},
    {"not", A_SCHEMA, FOR_INPUT, false},
    {"if", A_SCHEMA, FOR_INPUT, true},
    {"then", A_SCHEMA, FOR_INPUT, true},
    {"else", A_SCHEMA, FOR_INPUT, true},
    {"$id", A_REFUSAL, FOR_BOTH, true},
    {"$dynamicRef", A_REFUSAL, FOR_BOTH, true},
    {"$recursiveRef", A_REFUSAL, FOR_BOTH, true},
};

static bool is_count(const cJSON *value)
{
    return cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble <= 9007199254740992.0 &&
           value->valuedouble == (double)(int64_t)value->valuedouble;
}

static bool is_pattern(const gh_openapi_schemas *schemas, const char *text)
{
    gh_pattern *pattern = NULL;
    gh_error why = {GH_OK, ""};
    gh_status status = gh_pattern_new(text, &pattern, &why);
    gh_pattern_free(pattern);
    if (status == GH_ERR_NOMEM) {
        schemas->reader->status = status;
    } else if (status != GH_OK) {
        gh_openapi_tell(schemas->reader, "the pattern %.80s is not checked: %.200s", text, why.message);
    }
    return status == GH_OK;
}

/* --- forms --- */

static cJSON *strings(gh_openapi_schemas *schemas, const cJSON *value)
{
    cJSON *made = cJSON_CreateArray();
    gh_openapi_names seen = {NULL, 0, 0};
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, gh_openapi_array(value))
    {
        if (cJSON_IsString(item) && !gh_openapi_has_name(&seen, item->valuestring)) {
            (void)gh_openapi_unique(&seen, gh_text_dup(item->valuestring));
            gh_openapi_push(schemas->reader, made, cJSON_CreateString(item->valuestring));
        }
    }
    gh_openapi_names_clear(&seen);
    return made;
}

static cJSON *forms(gh_openapi_schemas *schemas, const cJSON *value, unsigned depth)
{
    cJSON *made = cJSON_CreateArray();
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, gh_openapi_array(value))
    {
        gh_openapi_push(schemas->reader, made, gh_openapi_schema(schemas, item, depth + 2));
    }
    return made;
}

static cJSON *members(gh_openapi_schemas *schemas, const cJSON *value, bool patterns, unsigned depth)
{
    cJSON *made = cJSON_CreateObject();
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, gh_openapi_object(value))
    {
        if (!patterns || is_pattern(schemas, item->string)) {
            gh_openapi_put(schemas->reader, made, item->string, gh_openapi_schema(schemas, item, depth + 2));
        }
    }
    return made;
}

static cJSON *name_lists(gh_openapi_schemas *schemas, const cJSON *value)
{
    cJSON *made = cJSON_CreateObject();
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, gh_openapi_object(value))
    {
        gh_openapi_put(schemas->reader, made, item->string, strings(schemas, item));
    }
    return made;
}

static bool is_schema(const cJSON *value)
{
    return cJSON_IsObject(value) || cJSON_IsBool(value);
}

/* NULL when the value is not of that form. */
static cJSON *in_form(gh_openapi_schemas *schemas, const cJSON *value, keyword_form form, unsigned depth)
{
    switch (form) {
    case ANYTHING:
        return cJSON_Duplicate(value, true);
    case A_STRING:
        return cJSON_IsString(value) ? cJSON_Duplicate(value, false) : NULL;
    case A_BOOL:
        return cJSON_IsBool(value) ? cJSON_Duplicate(value, false) : NULL;
    case A_NUMBER:
        return cJSON_IsNumber(value) ? cJSON_Duplicate(value, false) : NULL;
    case A_FACTOR:
        return cJSON_IsNumber(value) && value->valuedouble > 0 ? cJSON_Duplicate(value, false) : NULL;
    case A_COUNT:
        return is_count(value) ? cJSON_Duplicate(value, false) : NULL;
    case A_PATTERN:
        return cJSON_IsString(value) ? cJSON_Duplicate(value, false) : NULL;
    case STRINGS:
        return cJSON_IsArray(value) ? strings(schemas, value) : NULL;
    case VALUES:
        return cJSON_GetArraySize(value) > 0 && cJSON_IsArray(value) ? cJSON_Duplicate(value, true) : NULL;
    case A_SCHEMA:
        return is_schema(value) ? gh_openapi_schema(schemas, value, depth + 1) : NULL;
    case SCHEMAS:
        return cJSON_IsArray(value) && value->child != NULL ? forms(schemas, value, depth) : NULL;
    case MEMBERS:
    case PATTERN_MEMBERS:
        return cJSON_IsObject(value) ? members(schemas, value, form == PATTERN_MEMBERS, depth) : NULL;
    case NAME_LISTS:
        return cJSON_IsObject(value) ? name_lists(schemas, value) : NULL;
    default:
        return NULL;
    }
}

static size_t cost_of(const cJSON *value)
{
    const cJSON *child = NULL;
    size_t cost = 8 + (value->string != NULL ? strlen(value->string) : 0) +
                  (cJSON_IsString(value) ? strlen(value->valuestring) : 0);
    cJSON_ArrayForEach(child, value)
    {
        cost += cost_of(child);
    }
    return cost;
}

static void charge(gh_openapi_schemas *schemas, size_t cost)
{
    schemas->too_large = schemas->too_large || schemas->left < cost;
    schemas->left -= schemas->left < cost ? schemas->left : cost;
}

static void put(gh_openapi_schemas *schemas, cJSON *made, const char *name, const cJSON *value,
                keyword_form form, unsigned depth)
{
    bool whole = form == ANYTHING || form == VALUES || form == STRINGS || form == NAME_LISTS;
    charge(schemas, whole ? cost_of(value) : strlen(name) + 8);
    if (form == A_STRING || form == A_PATTERN) {
        charge(schemas, cJSON_IsString(value) ? strlen(value->valuestring) : 0);
    }
    if (schemas->too_large) {
        return;
    }
    cJSON *item = in_form(schemas, value, form, depth);
    if (item != NULL) {
        gh_openapi_put(schemas->reader, made, name, item);
    } else {
        gh_openapi_tell(schemas->reader,
                        "the keyword %s is left out of a schema, since its value is not right", name);
    }
}

/* --- keywords that are told apart --- */

static void put_text(gh_openapi_schemas *schemas, cJSON *made, const cJSON *value, size_t max)
{
    if (cJSON_IsString(value)) {
        size_t len = strlen(value->valuestring);
        charge(schemas, 16 + (len < max ? len : max));
        (void)gh_openapi_put_text(schemas->reader, made, value->string, value->valuestring, max);
    }
}

static void put_type(gh_openapi_schemas *schemas, const cJSON *node, cJSON *made)
{
    gh_openapi_reader *reader = schemas->reader;
    const cJSON *type = gh_json_get(node, "type");
    const cJSON *one = NULL;
    bool null = !reader->modern && cJSON_IsTrue(gh_json_get(node, "nullable"));
    cJSON *types = cJSON_CreateArray();
    cJSON_ArrayForEach(one, gh_openapi_array(type))
    {
        if (cJSON_IsString(one) && gh_openapi_is_type(one->valuestring) && cJSON_GetArraySize(types) < 7) {
            gh_openapi_push(reader, types, cJSON_CreateString(one->valuestring));
        }
    }
    if (cJSON_IsString(type) && gh_openapi_is_type(type->valuestring)) {
        gh_openapi_push(reader, types, cJSON_CreateString(type->valuestring));
    } else if (type != NULL && cJSON_GetArraySize(types) == 0) {
        gh_openapi_tell(reader, "the type %.40s is none of JSON's and is not checked",
                        cJSON_IsString(type) ? type->valuestring : "of a schema");
    }
    if (null && cJSON_GetArraySize(types) > 0) {
        gh_openapi_push(reader, types, cJSON_CreateString("null"));
    }
    charge(schemas, 20);
    if (cJSON_GetArraySize(types) == 1) {
        gh_openapi_put(reader, made, "type", cJSON_DetachItemFromArray(types, 0));
    } else if (cJSON_GetArraySize(types) > 1) {
        gh_openapi_put(reader, made, "type", types);
        types = NULL;
    }
    cJSON_Delete(types);
}

static void put_enum(gh_openapi_schemas *schemas, const cJSON *node, cJSON *made)
{
    const cJSON *value = gh_json_get(node, "enum");
    const cJSON *item = NULL;
    bool has_null = false;
    if (value == NULL) {
        return;
    }
    put(schemas, made, "enum", value, VALUES, 0);
    cJSON_ArrayForEach(item, value)
    {
        has_null = has_null || cJSON_IsNull(item);
    }
    cJSON *copy = cJSON_GetObjectItemCaseSensitive(made, "enum");
    if (copy != NULL && !has_null && !schemas->reader->modern &&
        cJSON_IsTrue(gh_json_get(node, "nullable"))) {
        gh_openapi_push(schemas->reader, copy, cJSON_CreateNull());
    }
}

/* 3.0: "exclusiveMinimum": true beside "minimum"; 3.1: a number of its own. */
static void put_bound(gh_openapi_schemas *schemas, const cJSON *node, cJSON *made, const char *inclusive,
                      const char *exclusive)
{
    const cJSON *bound = gh_json_get(node, inclusive);
    const cJSON *beyond = gh_json_get(node, exclusive);
    bool moves = cJSON_IsTrue(beyond);
    if (bound != NULL) {
        put(schemas, made, moves ? exclusive : inclusive, bound, A_NUMBER, 0);
    }
    if (beyond != NULL && !cJSON_IsBool(beyond)) {
        put(schemas, made, exclusive, beyond, A_NUMBER, 0);
    }
}

/* Members of the other direction are left out, also of what is required. */
static void put_members(gh_openapi_schemas *schemas, const cJSON *node, cJSON *made, unsigned depth)
{
    gh_openapi_reader *reader = schemas->reader;
    const cJSON *properties = gh_json_get_object(node, "properties");
    const cJSON *required = gh_json_get_array(node, "required");
    const cJSON *item = NULL;
    gh_openapi_names left_out = {NULL, 0, 0};
    cJSON *kept = cJSON_CreateObject();
    cJSON_ArrayForEach(item, properties)
    {
        if (!gh_openapi_is_for(reader, item, schemas->input)) {
            (void)gh_openapi_unique(&left_out, gh_text_dup(item->string));
        } else if (is_schema(item)) {
            charge(schemas, strlen(item->string) + 6);
            gh_openapi_put(reader, kept, item->string, gh_openapi_schema(schemas, item, depth + 2));
        }
    }
    cJSON *all = strings(schemas, required);
    cJSON *asked = cJSON_CreateArray();
    cJSON_ArrayForEach(item, all)
    {
        if (!gh_openapi_has_name(&left_out, item->valuestring)) {
            charge(schemas, strlen(item->valuestring) + 3);
            gh_openapi_push(reader, asked, cJSON_CreateString(item->valuestring));
        }
    }
    cJSON_Delete(all);
    gh_openapi_names_clear(&left_out);
    if (properties != NULL) {
        gh_openapi_put(reader, made, "properties", kept);
        kept = NULL;
    }
    if (cJSON_GetArraySize(asked) > 0) {
        gh_openapi_put(reader, made, "required", asked);
        asked = NULL;
    }
    cJSON_Delete(kept);
    cJSON_Delete(asked);
}

static void put_rest(gh_openapi_schemas *schemas, const cJSON *node, cJSON *made, unsigned depth)
{
    const cJSON *extra = gh_json_get(node, "additionalProperties");
    const cJSON *one_of = gh_json_get(node, "oneOf");
    bool by_pattern = gh_json_get(node, "patternProperties") != NULL;
    if (extra != NULL && (schemas->input || (!cJSON_IsFalse(extra) && !by_pattern))) {
        put(schemas, made, "additionalProperties", extra, A_SCHEMA, depth);
    }
    if (one_of != NULL && schemas->input) {
        put(schemas, made, "oneOf", one_of, SCHEMAS, depth);
    } else if (one_of != NULL && gh_json_get(made, "anyOf") == NULL) {
        /* less is asked of a result, so more than one may fit */
        put(schemas, made, "anyOf", one_of, SCHEMAS, depth);
    }
}

void gh_openapi_keywords(gh_openapi_schemas *schemas, const cJSON *node, cJSON *made, unsigned depth)
{
    gh_openapi_reader *reader = schemas->reader;
    charge(schemas, 4);
    put_type(schemas, node, made);
    put_enum(schemas, node, made);
    if (schemas->input) {
        put_bound(schemas, node, made, "minimum", "exclusiveMinimum");
        put_bound(schemas, node, made, "maximum", "exclusiveMaximum");
    }
    put_members(schemas, node, made, depth);
    for (size_t i = 0; i < sizeof KEYWORDS / sizeof *KEYWORDS; i++) {
        const struct keyword *keyword = &KEYWORDS[i];
        const cJSON *value = gh_json_get(node, keyword->name);
        if (value == NULL || (keyword->modern && !reader->modern) ||
            (keyword->use == FOR_INPUT && !schemas->input)) {
            continue;
        }
        if (keyword->form == A_REFUSAL) {
            gh_openapi_tell(reader, "a schema has %s, which cannot be said within one document",
                            keyword->name);
            schemas->foreign = true;
        } else if (keyword->form == A_TITLE || keyword->form == A_DESCRIPTION) {
            put_text(schemas, made, value, keyword->form == A_TITLE ? TITLE_MAX : DESCRIPTION_MAX);
        } else if (keyword->form != A_PATTERN || !cJSON_IsString(value) ||
                   is_pattern(schemas, value->valuestring)) {
            put(schemas, made, keyword->name, value, keyword->form, depth);
        }
    }
    put_rest(schemas, node, made, depth);
}

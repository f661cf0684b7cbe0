/* The table of keywords. */
#include <stdlib.h>
#include <string.h>

#include "server/schema/schema_private.h"

/* Sorted by name. `definitions` is no keyword of 2020-12, but what older schemas refer to. */
static const gh_schema_keyword KEYWORDS[] = {
    {"$anchor", GH_DIALECT_2020, GH_FORM_STRING, NULL, NULL},
    {"$defs", GH_DIALECT_2020, GH_FORM_SCHEMA_MAP, NULL, NULL},
    {"$dynamicAnchor", GH_DIALECT_2020, GH_FORM_STRING, NULL, NULL},
    {"$dynamicRef", GH_DIALECT_2020, GH_FORM_REFUSED, NULL, NULL},
    {"$id", GH_DIALECT_ALL, GH_FORM_ID, NULL, NULL},
    {"$ref", GH_DIALECT_ALL, GH_FORM_REF, gh_schema_test_ref, gh_schema_mark_ref},
    {"$schema", GH_DIALECT_ALL, GH_FORM_DIALECT, NULL, NULL},
    {"additionalItems", GH_DIALECT_07, GH_FORM_SCHEMA, gh_schema_test_additional_items, NULL},
    {"additionalProperties", GH_DIALECT_ALL, GH_FORM_SCHEMA, gh_schema_test_additional,
     gh_schema_mark_every_member},
    {"allOf", GH_DIALECT_ALL, GH_FORM_SCHEMA_LIST, gh_schema_test_all, gh_schema_mark_in_all},
    {"anyOf", GH_DIALECT_ALL, GH_FORM_SCHEMA_LIST, gh_schema_test_any, gh_schema_mark_in_matching},
    {"const", GH_DIALECT_ALL, GH_FORM_ANY, gh_schema_test_const, NULL},
    {"contains", GH_DIALECT_ALL, GH_FORM_SCHEMA, gh_schema_test_contains, gh_schema_mark_contains},
    {"definitions", GH_DIALECT_ALL, GH_FORM_SCHEMA_MAP, NULL, NULL},
    {"dependencies", GH_DIALECT_07, GH_FORM_DEPENDENCIES, gh_schema_test_dependencies, NULL},
    {"dependentRequired", GH_DIALECT_2020, GH_FORM_STRINGS_MAP, gh_schema_test_dependent_required, NULL},
    {"dependentSchemas", GH_DIALECT_2020, GH_FORM_SCHEMA_MAP, gh_schema_test_dependent_schemas,
     gh_schema_mark_in_dependent},
    {"else", GH_DIALECT_ALL, GH_FORM_SCHEMA, NULL, NULL},
    {"enum", GH_DIALECT_ALL, GH_FORM_LIST, gh_schema_test_enum, NULL},
    {"exclusiveMaximum", GH_DIALECT_ALL, GH_FORM_NUMBER, gh_schema_test_number, NULL},
    {"exclusiveMinimum", GH_DIALECT_ALL, GH_FORM_NUMBER, gh_schema_test_number, NULL},
    {"if", GH_DIALECT_ALL, GH_FORM_SCHEMA, gh_schema_test_if, gh_schema_mark_in_if},
    {"items", GH_DIALECT_ALL, GH_FORM_ITEMS, gh_schema_test_items, gh_schema_mark_every_item},
    {"maxContains", GH_DIALECT_2020, GH_FORM_COUNT, NULL, NULL},
    {"maxItems", GH_DIALECT_ALL, GH_FORM_COUNT, gh_schema_test_items_count, NULL},
    {"maxLength", GH_DIALECT_ALL, GH_FORM_COUNT, gh_schema_test_length, NULL},
    {"maxProperties", GH_DIALECT_ALL, GH_FORM_COUNT, gh_schema_test_members_count, NULL},
    {"maximum", GH_DIALECT_ALL, GH_FORM_NUMBER, gh_schema_test_number, NULL},
    {"minContains", GH_DIALECT_2020, GH_FORM_COUNT, NULL, NULL},
    {"minItems", GH_DIALECT_ALL, GH_FORM_COUNT, gh_schema_test_items_count, NULL},
    {"minLength", GH_DIALECT_ALL, GH_FORM_COUNT, gh_schema_test_length, NULL},
    {"minProperties", GH_DIALECT_ALL, GH_FORM_COUNT, gh_schema_test_members_count, NULL},
    {"minimum", GH_DIALECT_ALL, GH_FORM_NUMBER, gh_schema_test_number, NULL},
    {"multipleOf", GH_DIALECT_ALL, GH_FORM_POSITIVE, gh_schema_test_number, NULL},
    {"not", GH_DIALECT_ALL, GH_FORM_SCHEMA, gh_schema_test_not, NULL},
    {"oneOf", GH_DIALECT_ALL, GH_FORM_SCHEMA_LIST, gh_schema_test_one, gh_schema_mark_in_matching},
    {"pattern", GH_DIALECT_ALL, GH_FORM_PATTERN, gh_schema_test_pattern, NULL},
    {"patternProperties", GH_DIALECT_ALL, GH_FORM_PATTERN_MAP, gh_schema_test_pattern_properties,
     gh_schema_mark_pattern_members},
    {"prefixItems", GH_DIALECT_2020, GH_FORM_SCHEMA_LIST, gh_schema_test_prefix, gh_schema_mark_prefix},
    {"properties", GH_DIALECT_ALL, GH_FORM_SCHEMA_MAP, gh_schema_test_properties, gh_schema_mark_members},
    {"propertyNames", GH_DIALECT_ALL, GH_FORM_SCHEMA, gh_schema_test_names, NULL},
    {"required", GH_DIALECT_ALL, GH_FORM_STRINGS, gh_schema_test_required, NULL},
    {"then", GH_DIALECT_ALL, GH_FORM_SCHEMA, NULL, NULL},
    {"type", GH_DIALECT_ALL, GH_FORM_TYPE, gh_schema_test_type, NULL},
    {"unevaluatedItems", GH_DIALECT_2020, GH_FORM_SCHEMA, gh_schema_test_unevaluated_items,
     gh_schema_mark_every_item},
    {"unevaluatedProperties", GH_DIALECT_2020, GH_FORM_SCHEMA, gh_schema_test_unevaluated_members,
     gh_schema_mark_every_member},
    {"uniqueItems", GH_DIALECT_ALL, GH_FORM_BOOL, gh_schema_test_unique, NULL},
};

static int compare_keyword(const void *name, const void *row)
{
    return strcmp(name, ((const gh_schema_keyword *)row)->name);
}

const gh_schema_keyword *gh_schema_keyword_find(const char *name, gh_schema_dialect dialect)
{
    const gh_schema_keyword *row =
        bsearch(name, KEYWORDS, sizeof KEYWORDS / sizeof KEYWORDS[0], sizeof KEYWORDS[0], compare_keyword);
    return row != NULL && (row->dialects & dialect) != 0 ? row : NULL;
}

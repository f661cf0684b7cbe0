/* What the plain values of keywords must look like (the metaschema of each dialect, in short). */
#include <math.h>

#include "server/schema/schema_private.h"

#define EXACT_MAX 9007199254740991.0 /* 2^53 - 1 */

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
    return cJSON_IsNumber(keyword) && keyword->valuedouble >= 0 && keyword->valuedouble <= EXACT_MAX &&
           floor(keyword->valuedouble) == keyword->valuedouble;
}

static const char *unless(bool good, const char *want)
{
    return good ? NULL : want;
}

const char *gh_schema_form_wants(gh_schema_form form, const cJSON *keyword)
{
    switch (form) {
    case GH_FORM_STRING:
        return unless(cJSON_IsString(keyword), "a string");
    case GH_FORM_STRINGS:
        return unless(all_strings(keyword), "an array of strings");
    case GH_FORM_STRINGS_MAP:
        return unless(all_string_lists(keyword), "an object of arrays of strings");
    case GH_FORM_LIST:
        return unless(cJSON_IsArray(keyword), "an array");
    case GH_FORM_TYPE:
        return unless(is_type_value(keyword),
                      "object, array, string, number, integer, boolean or null, or an array of these");
    case GH_FORM_NUMBER:
        return unless(cJSON_IsNumber(keyword), "a number");
    case GH_FORM_POSITIVE:
        return unless(cJSON_IsNumber(keyword) && keyword->valuedouble > 0, "above 0");
    case GH_FORM_COUNT:
        return unless(is_count(keyword), "a whole number from 0");
    case GH_FORM_BOOL:
        return unless(cJSON_IsBool(keyword), "true or false");
    default:
        return NULL;
    }
}

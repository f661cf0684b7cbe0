/* Tests that apply schemas to the items of an array. */
#include <stdlib.h>

#include "server/schema/schema_private.h"
#include "shared/json/access.h"

#define ITEMS_PER_UNIT 16

const cJSON *gh_schema_tuple(const gh_schema_walk *walk, const cJSON *schema)
{
    return gh_json_get_array(schema, walk->schema->dialect == GH_DIALECT_07 ? "items" : "prefixItems");
}

/* `keyword` is one schema for all items from number `first`. */
static bool eval_rest(gh_schema_walk *walk, const cJSON *keyword, const cJSON *value, int first,
                      const gh_schema_path *at)
{
    int index = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, value)
    {
        const gh_schema_path place = {at, NULL, index};
        if (index >= first && !gh_schema_eval(walk, keyword, item, &place)) {
            return false;
        }
        index++;
    }
    return true;
}

GH_SCHEMA_TEST(gh_schema_test_prefix)
{
    (void)schema;
    const cJSON *item = cJSON_IsArray(value) ? value->child : NULL;
    int index = 0;
    for (const cJSON *rule = keyword->child; rule != NULL && item != NULL;
         rule = rule->next, item = item->next) {
        const gh_schema_path place = {at, NULL, index++};
        if (!gh_schema_eval(walk, rule, item, &place)) {
            return false;
        }
    }
    return true;
}

GH_SCHEMA_TEST(gh_schema_test_items)
{
    const cJSON *tuple = gh_schema_tuple(walk, schema);
    if (!cJSON_IsArray(value)) {
        return true;
    }
    if (keyword == tuple) {
        return gh_schema_test_prefix(walk, schema, keyword, value, at);
    }
    return eval_rest(walk, keyword, value, tuple == NULL ? 0 : cJSON_GetArraySize(tuple), at);
}

GH_SCHEMA_TEST(gh_schema_test_additional_items)
{
    const cJSON *tuple = gh_schema_tuple(walk, schema);
    return tuple == NULL || !cJSON_IsArray(value) ||
           eval_rest(walk, keyword, value, cJSON_GetArraySize(tuple), at);
}

GH_SCHEMA_TEST(gh_schema_test_unevaluated_items)
{
    if (!cJSON_IsArray(value)) {
        return true;
    }
    size_t count = (size_t)cJSON_GetArraySize(value);
    gh_schema_marks marks = {keyword, calloc(count + 1, sizeof(bool)), false};
    bool valid = marks.seen != NULL && gh_schema_spend(walk, count / ITEMS_PER_UNIT);
    walk->exhausted = walk->exhausted || !valid;
    if (valid) {
        gh_schema_mark_all(walk, schema, value, &marks);
    }
    int index = 0;
    for (const cJSON *item = value->child; valid && !marks.all && item != NULL; item = item->next) {
        const gh_schema_path place = {at, NULL, index};
        valid = marks.seen[index] || gh_schema_eval(walk, keyword, item, &place);
        index++;
    }
    free(marks.seen);
    return valid && !walk->exhausted;
}

GH_SCHEMA_TEST(gh_schema_test_contains)
{
    if (!cJSON_IsArray(value)) {
        return true;
    }
    bool counts = walk->schema->dialect != GH_DIALECT_07;
    const cJSON *min = counts ? gh_json_get(schema, "minContains") : NULL;
    const cJSON *max = counts ? gh_json_get(schema, "maxContains") : NULL;
    double count = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, value)
    {
        count += gh_schema_matches(walk, keyword, item, at) ? 1 : 0;
        if (walk->exhausted) {
            return false;
        }
    }
    double least = min == NULL ? 1 : min->valuedouble;
    if (count < least) {
        return gh_schema_reject(walk, at, "must hold at least %.15g item%s of the form in its schema", least,
                                least > 1 ? "s" : "");
    }
    if (max != NULL && count > max->valuedouble) {
        return gh_schema_reject(walk, at, "must hold at most %.15g items of the form in its schema",
                                max->valuedouble);
    }
    return true;
}

/* Tests that apply other schemas: to members, to items, and to the same value. */
#include <string.h>

#include "server/mcp/schema_private.h"
#include "shared/json/access.h"

#define REF_COST 8
#define NEAR 2 /* edits for "did you mean" */

GH_SCHEMA_TEST(gh_schema_test_ref)
{
    (void)schema;
    const cJSON *target =
        gh_schema_spend(walk, REF_COST) ? gh_schema_resolve(walk->root, keyword->valuestring) : NULL;
    if (target == NULL) {
        /* Resolved once at creation, so only a bound or memory can be the reason. */
        walk->exhausted = true;
        return false;
    }
    return gh_schema_eval(walk, target, value, at);
}

GH_SCHEMA_TEST(gh_schema_test_properties)
{
    (void)schema;
    if (!cJSON_IsObject(value)) {
        return true;
    }
    const cJSON *property = NULL;
    cJSON_ArrayForEach(property, keyword)
    {
        const cJSON *member = gh_json_get(value, property->string);
        if (member == NULL) {
            continue;
        }
        const gh_schema_path place = {at, member->string, 0};
        if (!gh_schema_eval(walk, property, member, &place)) {
            return false;
        }
    }
    return true;
}

static const char *nearest(const cJSON *properties, const char *name)
{
    const char *best = NULL;
    size_t best_distance = NEAR + 1;
    const cJSON *property = NULL;
    cJSON_ArrayForEach(property, properties)
    {
        size_t distance = gh_text_distance(property->string, name, NEAR);
        if (distance < best_distance) {
            best = property->string;
            best_distance = distance;
        }
    }
    return best;
}

static bool reject_extra(gh_schema_walk *walk, const cJSON *properties, const gh_schema_path *at)
{
    const char *meant = walk->error == NULL || strlen(at->key) > 64 ? NULL : nearest(properties, at->key);
    if (meant != NULL) {
        return gh_schema_reject(walk, at, "is not expected; did you mean %.64s?", meant);
    }
    return gh_schema_reject(walk, at, "is not expected");
}

GH_SCHEMA_TEST(gh_schema_test_additional)
{
    if (!cJSON_IsObject(value)) {
        return true;
    }
    const cJSON *properties = gh_json_get(schema, "properties");
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, value)
    {
        if (!gh_schema_spend(walk, 1)) {
            return false;
        }
        if (gh_json_get(properties, member->string) != NULL) {
            continue;
        }
        const gh_schema_path place = {at, member->string, 0};
        if (cJSON_IsFalse(keyword)) {
            return reject_extra(walk, properties, &place);
        }
        if (!gh_schema_eval(walk, keyword, member, &place)) {
            return false;
        }
    }
    return true;
}

GH_SCHEMA_TEST(gh_schema_test_names)
{
    (void)schema;
    if (!cJSON_IsObject(value)) {
        return true;
    }
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, value)
    {
        cJSON *name = cJSON_CreateStringReference(member->string);
        bool valid = name != NULL && gh_schema_matches(walk, keyword, name, at);
        walk->exhausted = walk->exhausted || name == NULL;
        cJSON_Delete(name);
        if (!valid) {
            const gh_schema_path place = {at, member->string, 0};
            return gh_schema_reject(walk, &place, "has a name that is not allowed");
        }
    }
    return true;
}

GH_SCHEMA_TEST(gh_schema_test_dependent_schemas)
{
    (void)schema;
    const cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, keyword)
    {
        if (cJSON_IsObject(value) && gh_json_get(value, rule->string) != NULL &&
            !gh_schema_eval(walk, rule, value, at)) {
            return false;
        }
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
    if (!cJSON_IsArray(value)) {
        return true;
    }
    const cJSON *prefix = gh_json_get_array(schema, "prefixItems");
    int first = prefix == NULL ? 0 : cJSON_GetArraySize(prefix);
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

GH_SCHEMA_TEST(gh_schema_test_contains)
{
    if (!cJSON_IsArray(value)) {
        return true;
    }
    const cJSON *min = gh_json_get(schema, "minContains");
    const cJSON *max = gh_json_get(schema, "maxContains");
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

GH_SCHEMA_TEST(gh_schema_test_all)
{
    (void)schema;
    const cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, keyword)
    {
        if (!gh_schema_eval(walk, rule, value, at)) {
            return false;
        }
    }
    return true;
}

static int count_matches(gh_schema_walk *walk, const cJSON *rules, const cJSON *value,
                         const gh_schema_path *at, int enough)
{
    int count = 0;
    for (const cJSON *rule = rules->child; rule != NULL && count < enough && !walk->exhausted;
         rule = rule->next) {
        count += gh_schema_matches(walk, rule, value, at) ? 1 : 0;
    }
    return count;
}

GH_SCHEMA_TEST(gh_schema_test_any)
{
    (void)schema;
    return count_matches(walk, keyword, value, at, 1) == 1 ||
           gh_schema_reject(walk, at, "has none of the forms that are allowed");
}

GH_SCHEMA_TEST(gh_schema_test_one)
{
    (void)schema;
    int count = count_matches(walk, keyword, value, at, 2);
    if (count == 0) {
        return gh_schema_reject(walk, at, "has none of the forms that are allowed");
    }
    return count == 1 || gh_schema_reject(walk, at, "has several forms of which only one is allowed");
}

GH_SCHEMA_TEST(gh_schema_test_not)
{
    (void)schema;
    return !gh_schema_matches(walk, keyword, value, at) ||
           gh_schema_reject(walk, at, "has a form that is not allowed");
}

GH_SCHEMA_TEST(gh_schema_test_if)
{
    const char *branch = gh_schema_matches(walk, keyword, value, at) ? "then" : "else";
    const cJSON *rule = gh_json_get(schema, branch);
    return rule == NULL || gh_schema_eval(walk, rule, value, at);
}

/* Tests that apply schemas to the members of an object. */
#include <stdlib.h>
#include <string.h>

#include "server/schema/schema_private.h"
#include "shared/json/access.h"

#define NEAR 2 /* edits for "did you mean" */
#define NAME_SHOWN 64

GH_SCHEMA_TEST(gh_schema_test_properties)
{
    (void)schema;
    if (!cJSON_IsObject(value)) {
        return true;
    }
    const cJSON *property = NULL;
    cJSON_ArrayForEach(property, keyword)
    {
        const cJSON *member = gh_schema_member(walk, value, property->string);
        if (member != NULL) {
            const gh_schema_path place = {at, member->string, 0};
            if (!gh_schema_eval(walk, property, member, &place)) {
                return false;
            }
        } else if (walk->exhausted) {
            return false;
        }
    }
    return true;
}

GH_SCHEMA_TEST(gh_schema_test_pattern_properties)
{
    (void)schema;
    if (!cJSON_IsObject(value)) {
        return true;
    }
    const cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, keyword)
    {
        const cJSON *member = NULL;
        cJSON_ArrayForEach(member, value)
        {
            const gh_schema_path place = {at, member->string, 0};
            if (gh_schema_pattern(walk, rule, member->string) &&
                !gh_schema_eval(walk, rule, member, &place)) {
                return false;
            }
            if (walk->exhausted) {
                return false;
            }
        }
    }
    return true;
}

static bool fits_pattern(gh_schema_walk *walk, const cJSON *rules, const char *name)
{
    const cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, rules)
    {
        if (gh_schema_pattern(walk, rule, name)) {
            return true;
        }
    }
    return false;
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
    const char *meant =
        walk->error == NULL || strlen(at->key) > NAME_SHOWN ? NULL : nearest(properties, at->key);
    if (meant != NULL) {
        return gh_schema_reject(walk, at, "is not expected; did you mean %.*s?", NAME_SHOWN, meant);
    }
    return gh_schema_reject(walk, at, "is not expected");
}

/* For a member that no other keyword knows. */
static bool eval_extra(gh_schema_walk *walk, const cJSON *schema, const cJSON *keyword, const cJSON *member,
                       const gh_schema_path *at)
{
    const gh_schema_path place = {at, member->string, 0};
    if (cJSON_IsFalse(keyword)) {
        return reject_extra(walk, gh_json_get(schema, "properties"), &place);
    }
    return gh_schema_eval(walk, keyword, member, &place);
}

GH_SCHEMA_TEST(gh_schema_test_additional)
{
    if (!cJSON_IsObject(value)) {
        return true;
    }
    const cJSON *properties = gh_json_get(schema, "properties");
    const cJSON *patterns = gh_json_get(schema, "patternProperties");
    const cJSON *member = NULL;
    cJSON_ArrayForEach(member, value)
    {
        if (!gh_schema_spend(walk, 1)) {
            return false;
        }
        bool known = gh_schema_member(walk, properties, member->string) != NULL ||
                     fits_pattern(walk, patterns, member->string);
        if (walk->exhausted || (!known && !eval_extra(walk, schema, keyword, member, at))) {
            return false;
        }
    }
    return true;
}

GH_SCHEMA_TEST(gh_schema_test_unevaluated_members)
{
    if (!cJSON_IsObject(value)) {
        return true;
    }
    gh_schema_marks marks = {keyword, calloc((size_t)cJSON_GetArraySize(value) + 1, sizeof(bool)), false};
    bool valid = marks.seen != NULL;
    walk->exhausted = walk->exhausted || !valid;
    if (valid) {
        gh_schema_mark_all(walk, schema, value, &marks);
    }
    size_t index = 0;
    for (const cJSON *member = value->child; valid && !marks.all && member != NULL; member = member->next) {
        valid = !walk->exhausted && (marks.seen[index] || eval_extra(walk, schema, keyword, member, at));
        index++;
    }
    free(marks.seen);
    return valid && !walk->exhausted;
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

GH_SCHEMA_TEST(gh_schema_test_required)
{
    (void)schema;
    if (!cJSON_IsObject(value)) {
        return true;
    }
    const cJSON *name = NULL;
    cJSON_ArrayForEach(name, keyword)
    {
        if (gh_schema_member(walk, value, name->valuestring) == NULL) {
            const gh_schema_path member = {at, name->valuestring, 0};
            return gh_schema_reject(walk, &member, "is missing");
        }
    }
    return true;
}

GH_SCHEMA_TEST(gh_schema_test_dependent_required)
{
    const cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, keyword)
    {
        if (gh_schema_member(walk, value, rule->string) != NULL &&
            !gh_schema_test_required(walk, schema, rule, value, at)) {
            return false;
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
        if (gh_schema_member(walk, value, rule->string) != NULL && !gh_schema_eval(walk, rule, value, at)) {
            return false;
        }
    }
    return true;
}

GH_SCHEMA_TEST(gh_schema_test_dependencies)
{
    const cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, keyword)
    {
        if (gh_schema_member(walk, value, rule->string) == NULL) {
            continue;
        }
        bool valid = cJSON_IsArray(rule) ? gh_schema_test_required(walk, schema, rule, value, at)
                                         : gh_schema_eval(walk, rule, value, at);
        if (!valid) {
            return false;
        }
    }
    return true;
}

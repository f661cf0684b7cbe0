/* Tests that apply other schemas to the same value. */
#include "server/schema/schema_private.h"
#include "shared/json/access.h"

GH_SCHEMA_TEST(gh_schema_test_ref)
{
    (void)schema;
    const gh_schema_link *link = gh_schema_link_find(walk->schema, keyword);
    if (link == NULL || link->target == NULL) {
        walk->exhausted = true; /* not to be: every reference was followed when the schema was made */
        return false;
    }
    return gh_schema_eval(walk, link->target, value, at);
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

/* Which members and items a schema has evaluated. It is asked only once the value is known to satisfy the
 * schema, so what has to hold (allOf, $ref) is not evaluated again; what need not (anyOf, if) is. */
#include "server/schema/schema_private.h"
#include "shared/json/access.h"

void gh_schema_mark_all(gh_schema_walk *walk, const cJSON *schema, const cJSON *value, gh_schema_marks *marks)
{
    if (!cJSON_IsObject(schema) || marks->all || !gh_schema_spend(walk, 1)) {
        return;
    }
    if (walk->depth >= GH_SCHEMA_DEPTH_MAX) {
        walk->exhausted = true;
        return;
    }
    walk->depth++;
    const cJSON *keyword = NULL;
    cJSON_ArrayForEach(keyword, schema)
    {
        const gh_schema_keyword *row = gh_schema_keyword_find(keyword->string, walk->schema->dialect);
        if (row != NULL && row->mark != NULL && keyword != marks->origin && gh_schema_spend(walk, 1)) {
            row->mark(walk, schema, keyword, value, marks);
        }
    }
    walk->depth--;
}

GH_SCHEMA_MARK(gh_schema_mark_members)
{
    (void)schema;
    size_t index = 0;
    for (const cJSON *member = cJSON_IsObject(value) ? value->child : NULL;
         member != NULL && !walk->exhausted; member = member->next) {
        marks->seen[index] = marks->seen[index] || gh_schema_member(walk, keyword, member->string) != NULL;
        index++;
    }
}

GH_SCHEMA_MARK(gh_schema_mark_pattern_members)
{
    (void)schema;
    size_t index = 0;
    for (const cJSON *member = cJSON_IsObject(value) ? value->child : NULL;
         member != NULL && !walk->exhausted; member = member->next) {
        for (const cJSON *rule = keyword->child; rule != NULL && !marks->seen[index]; rule = rule->next) {
            marks->seen[index] = gh_schema_pattern(walk, rule, member->string);
        }
        index++;
    }
}

GH_SCHEMA_MARK(gh_schema_mark_every_member)
{
    (void)walk;
    (void)schema;
    (void)keyword;
    marks->all = marks->all || cJSON_IsObject(value);
}

GH_SCHEMA_MARK(gh_schema_mark_every_item)
{
    (void)walk;
    (void)schema;
    (void)keyword;
    marks->all = marks->all || cJSON_IsArray(value);
}

GH_SCHEMA_MARK(gh_schema_mark_prefix)
{
    (void)walk;
    (void)schema;
    size_t index = 0;
    const cJSON *item = cJSON_IsArray(value) ? value->child : NULL;
    for (const cJSON *rule = keyword->child; rule != NULL && item != NULL; rule = rule->next) {
        marks->seen[index++] = true;
        item = item->next;
    }
}

GH_SCHEMA_MARK(gh_schema_mark_contains)
{
    (void)schema;
    size_t index = 0;
    for (const cJSON *item = cJSON_IsArray(value) ? value->child : NULL; item != NULL && !walk->exhausted;
         item = item->next) {
        marks->seen[index] = marks->seen[index] || gh_schema_matches(walk, keyword, item, NULL);
        index++;
    }
}

GH_SCHEMA_MARK(gh_schema_mark_ref)
{
    (void)schema;
    const gh_schema_link *link = gh_schema_link_find(walk->schema, keyword);
    if (link != NULL) {
        gh_schema_mark_all(walk, link->target, value, marks);
    }
}

GH_SCHEMA_MARK(gh_schema_mark_in_all)
{
    (void)schema;
    const cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, keyword)
    {
        gh_schema_mark_all(walk, rule, value, marks);
    }
}

GH_SCHEMA_MARK(gh_schema_mark_in_matching)
{
    (void)schema;
    const cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, keyword)
    {
        if (gh_schema_matches(walk, rule, value, NULL)) {
            gh_schema_mark_all(walk, rule, value, marks);
        }
    }
}

GH_SCHEMA_MARK(gh_schema_mark_in_if)
{
    bool holds = gh_schema_matches(walk, keyword, value, NULL);
    const cJSON *branch = gh_json_get(schema, holds ? "then" : "else");
    if (holds) {
        gh_schema_mark_all(walk, keyword, value, marks);
    }
    if (branch != NULL) {
        gh_schema_mark_all(walk, branch, value, marks);
    }
}

GH_SCHEMA_MARK(gh_schema_mark_in_dependent)
{
    (void)schema;
    const cJSON *rule = NULL;
    cJSON_ArrayForEach(rule, keyword)
    {
        if (gh_schema_member(walk, value, rule->string) != NULL) {
            gh_schema_mark_all(walk, rule, value, marks);
        }
    }
}

/* x-mcp: what a description says about its tools itself, as a tools file would. */
#include <string.h>

#include "server/openapi/openapi_private.h"
#include "shared/json/access.h"

typedef enum member_kind {
    IS_STRING,
    IS_STRINGS,
    IS_OBJECT,
    IS_ARRAY,
    IS_BOOL,
    IS_COUNT,
    IS_UPSTREAM,
    IS_CREDENTIAL
} member_kind;

#define ANYWHERE (GH_AT_ROOT | GH_AT_PATH | GH_AT_OPERATION)

static const struct override_member {
    const char *name;
    unsigned levels;
    member_kind kind;
} MEMBERS[] = {
    {"name", GH_AT_OPERATION, IS_STRING},
    {"title", GH_AT_OPERATION, IS_STRING},
    {"description", GH_AT_OPERATION, IS_STRING},
    {"annotations", ANYWHERE, IS_OBJECT},
    {"scopes", ANYWHERE, IS_STRINGS},
    {"hide", ANYWHERE, IS_BOOL},
    {"enabled", ANYWHERE, IS_BOOL},
    {"response", ANYWHERE, IS_OBJECT},
    {"errors", ANYWHERE, IS_OBJECT},
    {"timeoutMs", ANYWHERE, IS_COUNT},
    {"maxResponseBytes", ANYWHERE, IS_COUNT},
    {"retries", ANYWHERE, IS_COUNT},
    {"upstream", ANYWHERE, IS_UPSTREAM},
    {"credential", ANYWHERE, IS_CREDENTIAL},
    {"outputSchema", ANYWHERE, IS_BOOL},
    {"icons", GH_AT_OPERATION, IS_ARRAY},
    {"_meta", GH_AT_OPERATION, IS_OBJECT},
};
#define MEMBER_COUNT (sizeof MEMBERS / sizeof *MEMBERS)

static const char *const KINDS[] = {
    [IS_STRING] = "text",
    [IS_STRINGS] = "an array of scopes",
    [IS_OBJECT] = "an object",
    [IS_ARRAY] = "an array",
    [IS_BOOL] = "true or false",
    [IS_COUNT] = "a whole number",
    [IS_UPSTREAM] = "an upstream's name, or (at the root only) an object",
    [IS_CREDENTIAL] = "a credential's name or an object",
};

static bool all_strings(const cJSON *array)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, array)
    {
        if (!cJSON_IsString(item)) {
            return false;
        }
    }
    return cJSON_IsArray(array);
}

static bool is_kind(const cJSON *value, member_kind kind, gh_openapi_level level)
{
    switch (kind) {
    case IS_STRING:
        return cJSON_IsString(value);
    case IS_STRINGS:
        return all_strings(value);
    case IS_OBJECT:
        return cJSON_IsObject(value);
    case IS_ARRAY:
        return cJSON_IsArray(value);
    case IS_BOOL:
        return cJSON_IsBool(value);
    case IS_COUNT:
        return cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble <= 1e12 &&
               value->valuedouble == (double)(int64_t)value->valuedouble;
    case IS_UPSTREAM:
        return cJSON_IsString(value) || (cJSON_IsObject(value) && level == GH_AT_ROOT);
    case IS_CREDENTIAL:
        return cJSON_IsString(value) || cJSON_IsObject(value);
    }
    return false;
}

static const struct override_member *known(const char *name, const char **nearest)
{
    size_t best = 3;
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        size_t distance = gh_text_distance(name, MEMBERS[i].name, best);
        if (distance == 0) {
            return &MEMBERS[i];
        }
        if (distance < best) {
            best = distance;
            *nearest = MEMBERS[i].name;
        }
    }
    return NULL;
}

static bool check(gh_openapi_reader *reader, const cJSON *member, gh_openapi_level level)
{
    const char *nearest = NULL;
    const struct override_member *rule = known(member->string, &nearest);
    if (rule == NULL && nearest != NULL) {
        return gh_openapi_refuse(reader, "x-mcp has no member \"%.50s\"; did you mean \"%s\"?",
                                 member->string, nearest);
    }
    if (rule == NULL) {
        return gh_openapi_refuse(reader, "x-mcp has no member \"%.50s\"", member->string);
    }
    if ((rule->levels & (unsigned)level) == 0) {
        return gh_openapi_refuse(reader, "x-mcp can have \"%s\" in an operation only", rule->name);
    }
    const cJSON *errors = gh_json_get(member, "errors");
    if (strcmp(rule->name, "response") == 0 && errors != NULL && !cJSON_IsObject(errors)) {
        return gh_openapi_refuse(reader, "\"errors\" of x-mcp must be an object");
    }
    return is_kind(member, rule->kind, level) ||
           gh_openapi_refuse(reader, "\"%s\" of x-mcp must be %s", rule->name, KINDS[rule->kind]);
}

/* Objects are laid over each other member by member, everything else as a whole. */
static void lay_over(gh_openapi_reader *reader, cJSON *over, const cJSON *member)
{
    const bool enabled = strcmp(member->string, "enabled") == 0;
    const char *name = enabled ? "hide" : member->string;
    const bool merged =
        strcmp(name, "annotations") == 0 || strcmp(name, "errors") == 0 || strcmp(name, "response") == 0;
    cJSON *before = cJSON_GetObjectItemCaseSensitive(over, name);
    const cJSON *part = NULL;
    if (merged && before != NULL) {
        cJSON_ArrayForEach(part, member)
        {
            cJSON_DeleteItemFromObjectCaseSensitive(before, part->string);
            gh_openapi_put(reader, before, part->string, cJSON_Duplicate(part, true));
        }
        return;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(over, name);
    gh_openapi_put(reader, over, name,
                   enabled ? cJSON_CreateBool(!cJSON_IsTrue(member)) : cJSON_Duplicate(member, true));
}

/* Whoever names the upstream has said where calls go and as whom; and a description that was fetched must
 * not choose what leaves this server, or which of its files are read. */
static bool counts(const gh_openapi_reader *reader, const cJSON *member)
{
    bool where_to = strcmp(member->string, "upstream") == 0 || strcmp(member->string, "credential") == 0;
    if (!where_to || (reader->options->upstream == NULL && reader->options->base == NULL)) {
        return true;
    }
    gh_openapi_tell(reader, "\"%s\" of x-mcp does not count: %s", member->string,
                    reader->options->upstream != NULL
                        ? "the upstream was named elsewhere"
                        : "the description was fetched; name the upstream that calls go to");
    return false;
}

cJSON *gh_openapi_overrides(gh_openapi_reader *reader, const cJSON *outer, const cJSON *holder,
                            gh_openapi_level level)
{
    const cJSON *own = gh_json_get(holder, "x-mcp");
    const cJSON *member = NULL;
    cJSON *made = outer != NULL ? cJSON_Duplicate(outer, true) : cJSON_CreateObject();
    if (made == NULL) {
        reader->status = GH_ERR_NOMEM;
        return NULL;
    }
    if (own != NULL && !cJSON_IsObject(own)) {
        (void)gh_openapi_refuse(reader, "x-mcp must be an object");
    }
    cJSON_ArrayForEach(member, own)
    {
        if (reader->status == GH_OK && check(reader, member, level) && counts(reader, member)) {
            lay_over(reader, made, member);
        }
    }
    if (reader->status != GH_OK) {
        cJSON_Delete(made);
        return NULL;
    }
    return made;
}

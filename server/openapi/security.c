/* Security requirements: the scopes of the tool. How the API is told who asks is the upstream's matter. */
#include <string.h>

#include "server/openapi/openapi_private.h"
#include "shared/json/access.h"

#define SCOPES_BYTES_MAX 512 /* for one tool, as the registry takes them */
#define SCOPES_MAX 60
#define SCOPE_MAX_BYTES 200

static bool is_scope(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) { /* RFC 6749, 3.3 */
        if (*at <= ' ' || *at > '~' || *at == '"' || *at == '\\') {
            return false;
        }
    }
    return text[0] != '\0' && strlen(text) <= SCOPE_MAX_BYTES;
}

static bool has_scopes(gh_openapi_reader *reader, const char *scheme)
{
    const cJSON *schemes = gh_json_get(gh_json_get(reader->root, "components"), "securitySchemes");
    const cJSON *found = gh_openapi_get(reader, schemes, scheme);
    found = gh_json_get(found, "$ref") != NULL ? gh_openapi_follow(reader, found, scheme) : found;
    const char *type = gh_json_get_string(found, "type");
    if (found == NULL) {
        gh_openapi_tell(reader, "the security scheme %.60s is not described", scheme);
    }
    return type != NULL && (strcmp(type, "oauth2") == 0 || strcmp(type, "openIdConnect") == 0);
}

static size_t collect(gh_openapi_reader *reader, const cJSON *requirement, cJSON *scopes)
{
    const cJSON *scheme = NULL;
    size_t bytes = 0;
    cJSON_ArrayForEach(scheme, gh_openapi_object(requirement))
    {
        const cJSON *scope = NULL;
        if (!has_scopes(reader, scheme->string)) {
            continue;
        }
        cJSON_ArrayForEach(scope, scheme)
        {
            if (!cJSON_IsString(scope) || !is_scope(scope->valuestring)) {
                gh_openapi_tell(reader, "a scope of %.60s is none (RFC 6749, 3.3) and is left out",
                                scheme->string);
            } else {
                bytes += strlen(scope->valuestring) + 1;
                gh_openapi_push(reader, scopes, cJSON_CreateString(scope->valuestring));
            }
        }
    }
    return bytes;
}

/* Of several ways: none when one needs nothing, else the first. */
static const cJSON *choose(gh_openapi_reader *reader, const cJSON *ways)
{
    const cJSON *way = NULL;
    cJSON_ArrayForEach(way, ways)
    {
        if (cJSON_IsObject(way) && way->child == NULL) {
            return NULL;
        }
    }
    if (cJSON_GetArraySize(ways) > 1) {
        gh_openapi_tell(reader, "of %d ways to authorize the first counts", cJSON_GetArraySize(ways));
    }
    return cJSON_GetArrayItem(ways, 0);
}

static bool asks_for_any(const cJSON *way)
{
    return way != NULL && cJSON_IsObject(way) && way->child != NULL;
}

/* x-mcp's are what somebody wrote for this server: they count as they are. */
bool gh_openapi_scopes(gh_openapi_reader *reader, const gh_openapi_call *call, const cJSON *overrides,
                       cJSON *tool, bool *needs_credential)
{
    const cJSON *said = gh_json_get(overrides, "scopes");
    const cJSON *ways = gh_json_get(call->json, "security");
    ways = gh_openapi_array(ways != NULL ? ways : gh_json_get(reader->root, "security"));
    const cJSON *way = cJSON_GetArraySize(ways) > 0 ? cJSON_GetArrayItem(ways, 0) : NULL;
    *needs_credential = asks_for_any(way);
    if (said != NULL) {
        gh_openapi_put(reader, tool, "scopes", cJSON_Duplicate(said, true));
        return true;
    }
    way = choose(reader, ways);
    *needs_credential = asks_for_any(way);
    cJSON *scopes = cJSON_CreateArray();
    size_t bytes = collect(reader, way, scopes);
    if (bytes > SCOPES_BYTES_MAX || cJSON_GetArraySize(scopes) > SCOPES_MAX) {
        gh_openapi_tell(reader, "left out: its scopes are over %d bytes; say which in x-mcp",
                        SCOPES_BYTES_MAX);
        cJSON_Delete(scopes);
        return false;
    }
    if (cJSON_GetArraySize(scopes) == 0) {
        cJSON_Delete(scopes);
        return true;
    }
    gh_openapi_put(reader, tool, "scopes", scopes);
    return true;
}

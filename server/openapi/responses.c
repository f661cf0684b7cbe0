/* Responses: what comes back, and what its errors mean. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "server/openapi/openapi_private.h"
#include "shared/json/access.h"

#define ERROR_MAX 300
#define ERRORS_MAX 60
#define WRAP "result"

typedef struct findings {
    const cJSON *schema; /* of JSON, the last that is described */
    unsigned responses, schemas;
    unsigned json, text, image, audio; /* responses that are of these, or can be JSON */
    bool differ;
} findings;

static bool is_status(const char *code, char first)
{
    return code[0] == first &&
           ((isdigit((unsigned char)code[1]) && isdigit((unsigned char)code[2])) ||
            ((code[1] == 'X' || code[1] == 'x') && (code[2] == 'X' || code[2] == 'x'))) &&
           code[3] == '\0';
}

/* --- errors --- */

/* Words that say no more than the status does: what the server says itself of that status is of more use. */
static bool is_only_the_status(const char *description)
{
    static const char *const PHRASES[] = {"error",
                                          "bad request",
                                          "unauthorized",
                                          "payment required",
                                          "forbidden",
                                          "not found",
                                          "method not allowed",
                                          "not acceptable",
                                          "conflict",
                                          "gone",
                                          "request timeout",
                                          "precondition failed",
                                          "not authorized",
                                          "content too large",
                                          "payload too large",
                                          "unsupported media type",
                                          "client error",
                                          "unprocessable entity",
                                          "too many requests",
                                          "unprocessable content",
                                          "server error",
                                          "internal error",
                                          "not implemented",
                                          "internal server error",
                                          "bad gateway",
                                          "gateway timeout",
                                          "unexpected error",
                                          "service unavailable"};
    gh_view text = gh_view_trim(gh_view_of(description));
    if (gh_view_ends_with(text, GH_VIEW_LIT("."))) {
        text.len--;
    }
    for (size_t i = 0; i < sizeof PHRASES / sizeof PHRASES[0]; i++) {
        if (gh_view_eq_nocase(text, gh_view_of(PHRASES[i]))) {
            return true;
        }
    }
    return text.len == 0;
}

static void put_error(gh_openapi_reader *reader, cJSON *errors, const char *code, const cJSON *response)
{
    const char *description = gh_json_get_string(response, "description");
    char lower[4] = {code[0], (char)tolower((unsigned char)code[1]), (char)tolower((unsigned char)code[2]),
                     '\0'};
    if (description == NULL || is_only_the_status(description) || gh_json_get(errors, lower) != NULL ||
        cJSON_GetArraySize(errors) >= ERRORS_MAX) {
        return;
    }
    char *text = gh_openapi_literal(description, ERROR_MAX);
    gh_openapi_put(reader, errors, lower, text != NULL ? cJSON_CreateString(text) : NULL);
    free(text);
}

/* --- results --- */

/* The kinds of one response; JSON is asked for where there is a choice. */
static void count_content(const cJSON *response, findings *found)
{
    const cJSON *content = gh_json_get_object(response, "content");
    const cJSON *media = NULL;
    const cJSON *json = NULL;
    unsigned kinds[GH_MEDIA_OTHER + 1] = {0};
    unsigned all = 0;
    cJSON_ArrayForEach(media, content)
    {
        gh_openapi_media kind = gh_openapi_media_of(media->string);
        kinds[kind]++;
        all++;
        if (kind == GH_MEDIA_JSON && gh_json_get(media, "schema") != NULL) {
            found->differ =
                found->differ || (json != NULL && !cJSON_Compare(json, gh_json_get(media, "schema"), true));
            json = gh_json_get(media, "schema");
        }
    }
    found->responses++;
    found->json += kinds[GH_MEDIA_JSON] > 0;
    found->text += all > 0 && kinds[GH_MEDIA_TEXT] == all;
    found->image += all > 0 && kinds[GH_MEDIA_IMAGE] == all;
    found->audio += all > 0 && kinds[GH_MEDIA_AUDIO] == all;
    if (json != NULL) {
        found->differ = found->differ || (found->schema != NULL && !cJSON_Compare(found->schema, json, true));
        found->schema = json;
        found->schemas++;
    }
}

static const char *type_of(const findings *found)
{
    if (found->responses == 0) {
        return "auto";
    }
    return found->json == found->responses    ? "json"
           : found->text == found->responses  ? "text"
           : found->image == found->responses ? "image"
           : found->audio == found->responses ? "audio"
                                              : "auto";
}

/* What JSON type the result has: through references, and through allOf, where one part says it. */
static const char *result_type(gh_openapi_reader *reader, const cJSON *schema, unsigned depth)
{
    const char *ref = gh_json_get_string(schema, "$ref");
    bool nullable = false;
    const cJSON *part = NULL;
    if (depth == 0 || schema == NULL || !gh_openapi_step(reader)) {
        return NULL;
    }
    if (ref != NULL) {
        return result_type(reader, gh_openapi_find(reader, ref), depth - 1);
    }
    const char *type = gh_openapi_only_type(reader, schema, &nullable);
    if (type != NULL || gh_json_get(schema, "type") != NULL) {
        return nullable ? NULL : type;
    }
    if (gh_json_get_object(schema, "properties") != NULL) {
        return "object";
    }
    cJSON_ArrayForEach(part, gh_json_get_array(schema, "allOf"))
    {
        const char *found = result_type(reader, part, depth - 1);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

/* An outputSchema must say of itself that it is of an object (MCP, Tool). */
static cJSON *as_object(gh_openapi_schemas *schemas, const cJSON *schema, const char *type)
{
    gh_openapi_reader *reader = schemas->reader;
    const cJSON *real = schema;
    if (strcmp(type, "object") == 0) {
        for (int i = 0; i < 16 && gh_json_get_string(real, "$ref") != NULL; i++) {
            real = gh_openapi_find(reader, gh_json_get_string(real, "$ref"));
        }
        cJSON *made = gh_openapi_schema(schemas, real, 1);
        cJSON_DeleteItemFromObjectCaseSensitive(made, "type");
        gh_openapi_put(reader, made, "type", cJSON_CreateString("object"));
        return made;
    }
    cJSON *made = cJSON_CreateObject();
    cJSON *properties = cJSON_CreateObject();
    cJSON *required = cJSON_CreateArray();
    gh_openapi_put(reader, properties, WRAP, gh_openapi_schema(schemas, schema, 3));
    gh_openapi_push(reader, required, cJSON_CreateString(WRAP));
    gh_openapi_put(reader, made, "type", cJSON_CreateString("object"));
    gh_openapi_put(reader, made, "properties", properties);
    gh_openapi_put(reader, made, "required", required);
    return made;
}

static bool try_output(gh_openapi_reader *reader, const findings *found, const char *type, bool shallow,
                       cJSON **made, bool *too_large)
{
    gh_openapi_schemas schemas;
    gh_error why = {GH_OK, ""};
    reader->quiet = shallow;
    gh_openapi_schemas_start(&schemas, reader, false, shallow);
    *made = as_object(&schemas, found->schema, type);
    bool good = gh_openapi_schemas_finish(&schemas, *made);
    *too_large = schemas.too_large;
    reader->quiet = false;
    gh_openapi_schemas_clear(&schemas);
    if (good && !gh_openapi_accepted(reader, *made, &why)) {
        gh_openapi_tell(reader, "no outputSchema: %.300s", why.message);
        good = false;
    }
    if (!good) {
        cJSON_Delete(*made);
        *made = NULL;
    }
    return good;
}

static void put_output(gh_openapi_reader *reader, const findings *found, cJSON *tool, cJSON *response)
{
    const char *type = result_type(reader, found->schema, 8);
    bool too_large = false;
    cJSON *made = NULL;
    if (type == NULL) {
        gh_openapi_tell(reader, "no outputSchema: the result is not of one JSON type");
        return;
    }
    if (!try_output(reader, found, type, false, &made, &too_large) && too_large &&
        !try_output(reader, found, type, true, &made, &too_large) && too_large) {
        gh_openapi_tell(reader, "no outputSchema: it would be too large");
    }
    if (made == NULL) {
        return;
    }
    gh_openapi_put(reader, tool, "outputSchema", made);
    if (strcmp(type, "object") != 0) {
        gh_openapi_put(reader, response, "wrap", cJSON_CreateString(WRAP));
    }
}

/* x-mcp's members over what the description says. */
static bool lay_over(gh_openapi_reader *reader, cJSON *response, cJSON *errors, const cJSON *overrides)
{
    const cJSON *said = gh_json_get(overrides, "response");
    const cJSON *lists[] = {gh_json_get_object(said, "errors"), gh_json_get(overrides, "errors")};
    const cJSON *member = NULL;
    bool shaped = false;
    cJSON_ArrayForEach(member, said)
    {
        if (strcmp(member->string, "errors") != 0) {
            cJSON_DeleteItemFromObjectCaseSensitive(response, member->string);
            gh_openapi_put(reader, response, member->string, cJSON_Duplicate(member, true));
            shaped = true;
        }
    }
    for (size_t i = 0; i < 2; i++) {
        cJSON_ArrayForEach(member, lists[i])
        {
            cJSON_DeleteItemFromObjectCaseSensitive(errors, member->string);
            gh_openapi_put(reader, errors, member->string, cJSON_Duplicate(member, true));
        }
    }
    return shaped;
}

void gh_openapi_responses(gh_openapi_reader *reader, const gh_openapi_call *call, const cJSON *overrides,
                          cJSON *tool)
{
    findings found = {0};
    const cJSON *one = NULL;
    cJSON *response = cJSON_CreateObject();
    cJSON *errors = cJSON_CreateObject();
    cJSON_ArrayForEach(one, gh_json_get_object(call->json, "responses"))
    {
        bool result = is_status(one->string, '2');
        if (!result && !is_status(one->string, '4') && !is_status(one->string, '5')) {
            continue;
        }
        const cJSON *json = gh_openapi_follow(reader, one, "a response");
        if (result && json != NULL) {
            count_content(json, &found);
        } else if (json != NULL) {
            put_error(reader, errors, one->string, json);
        }
    }
    gh_openapi_put(reader, response, "type", cJSON_CreateString(type_of(&found)));
    bool shaped = lay_over(reader, response, errors, overrides);
    if (found.schema == NULL || strcmp(call->method, "HEAD") == 0 ||
        cJSON_IsFalse(gh_json_get(overrides, "outputSchema"))) {
        /* there is none to give, or none is wanted */
    } else if (shaped) {
        gh_openapi_tell(reader, "no outputSchema: x-mcp says which part of the response counts");
    } else if (found.differ || found.schemas < found.responses) {
        gh_openapi_tell(reader, "no outputSchema: what comes back is not always of the same form");
    } else {
        put_output(reader, &found, tool, response);
    }
    if (errors != NULL && errors->child != NULL) {
        gh_openapi_put(reader, response, "errors", errors);
        errors = NULL;
    }
    cJSON_Delete(errors);
    gh_openapi_put(reader, tool, "response", response);
}

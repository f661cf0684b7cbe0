#include <stdlib.h>

#include "server/tools/tool.h"
#include "shared/core/bytes.h"
#include "shared/core/clock.h"
#include "shared/json/access.h"

#define TEXT_MAX ((size_t)64 * 1024)

static double seconds_left(const gh_principal *principal)
{
    int64_t left = principal->expires_at - gh_clock_wall_s();
    return left > 0 ? (double)left : 0.0;
}

/* What the token did not say is left out. */
static cJSON *describe(const gh_principal *principal)
{
    cJSON *json = cJSON_CreateObject();
    if (json == NULL || !gh_json_add_string(json, "subject", principal->subject) ||
        !gh_json_add_string(json, "name", principal->name) ||
        !gh_json_add_string(json, "email", principal->email) ||
        !gh_json_add_string(json, "client", principal->client_id) ||
        !gh_json_add_words(json, "scopes", principal->scope == NULL ? "" : principal->scope) ||
        cJSON_AddNumberToObject(json, "secondsLeft", seconds_left(principal)) == NULL) {
        cJSON_Delete(json);
        json = NULL;
    }
    return json;
}

static gh_status whoami(const gh_tool_call *call, gh_tool_result *result)
{
    gh_status status = GH_ERR_NOMEM;
    gh_buf text = GH_BUF_INIT(TEXT_MAX);
    result->structured = describe(call->principal);
    if (result->structured == NULL) {
        goto out;
    }
    status = gh_json_print(result->structured, &text);
    if (status == GH_OK) {
        result->text = gh_buf_steal(&text);
        status = result->text == NULL ? GH_ERR_NOMEM : GH_OK;
    }
out:
    gh_buf_free(&text);
    return status;
}

const gh_tool GH_TOOL_WHOAMI = {
    .name = "whoami",
    .title = "Who am I",
    .description =
        "Tells who is signed in: subject, name and e-mail as far as known, the client that asked, the "
        "scopes that were granted, and how many seconds the access token is still valid.",
    .input_schema = "{\"type\":\"object\",\"additionalProperties\":false}",
    .output_schema =
        "{\"type\":\"object\",\"properties\":{"
        "\"subject\":{\"type\":\"string\",\"description\":\"The user's stable identifier at the issuer\"},"
        "\"name\":{\"type\":\"string\",\"description\":\"The user's name; absent when not known\"},"
        "\"email\":{\"type\":\"string\",\"description\":\"The user's e-mail address; absent when not "
        "known\"},"
        "\"client\":{\"type\":\"string\",\"description\":\"The OAuth client that calls on the user's "
        "behalf\"},"
        "\"scopes\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"description\":\"Granted scopes\"},"
        "\"secondsLeft\":{\"type\":\"integer\",\"minimum\":0,\"description\":\"Until the access token "
        "expires\"}},"
        "\"required\":[\"subject\",\"scopes\",\"secondsLeft\"],\"additionalProperties\":false}",
    .annotations = "{\"readOnlyHint\":true,\"destructiveHint\":false,\"idempotentHint\":true,"
                   "\"openWorldHint\":false}",
    .call = whoami,
};

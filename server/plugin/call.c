/* A call of a plugin's tool, and the host table. */
#include <stdlib.h>
#include <string.h>

#include "server/plugin/plugin_private.h"
#include "shared/core/log.h"
#include "shared/json/access.h"

#define TEXT_MAX ((size_t)4 * 1024 * 1024)
#define JSON_MAX ((size_t)32 * 1024 * 1024) /* numbers and escapes may print longer than they came */

struct gatehouse_call {
    const gh_principal *principal;
    const char *arguments;
    char *text;
    char *complaint; /* what set_error said */
    cJSON *structured;
    gh_status status; /* of the first set_... that was refused */
    gh_error error;
};

static const char *arguments_of(const gatehouse_call *call)
{
    return call->arguments;
}

static const char *issuer_of(const gatehouse_call *call)
{
    return call->principal->issuer != NULL ? call->principal->issuer : "";
}

static const char *subject_of(const gatehouse_call *call)
{
    return call->principal->subject != NULL ? call->principal->subject : "";
}

static const char *name_of(const gatehouse_call *call)
{
    return call->principal->name;
}

static const char *email_of(const gatehouse_call *call)
{
    return call->principal->email;
}

static const char *client_of(const gatehouse_call *call)
{
    return call->principal->client_id;
}

static const char *scope_of(const gatehouse_call *call)
{
    return call->principal->scope != NULL ? call->principal->scope : "";
}

/* What was refused once makes the call fail, whether or not the plugin looks at the returned value. */
static int refuse(gatehouse_call *call, gh_status status, const char *function, const char *why)
{
    if (call->status == GH_OK) {
        call->status = gh_error_set(&call->error, status, "%s was refused: %s", function, why);
    }
    return (int)status;
}

static int keep_text(gatehouse_call *call, char **slot, const char *text, const char *function)
{
    if (text == NULL) {
        return refuse(call, GH_ERR_INVALID, function, "there is no text");
    }
    size_t len = strnlen(text, TEXT_MAX + 1);
    if (len > TEXT_MAX) {
        return refuse(call, GH_ERR_TOO_LARGE, function, "the text is longer than 4 MiB");
    }
    if (!gh_text_is_utf8(gh_view_make(text, len))) {
        return refuse(call, GH_ERR_INVALID, function, "the text is not UTF-8");
    }
    char *copy = gh_text_dup(text);
    if (copy == NULL) {
        return refuse(call, GH_ERR_NOMEM, function, "out of memory");
    }
    free(*slot);
    *slot = copy;
    return 0;
}

static int set_text(gatehouse_call *call, const char *text)
{
    return keep_text(call, &call->text, text, "set_text");
}

static int set_error(gatehouse_call *call, const char *text)
{
    return keep_text(call, &call->complaint, text, "set_error");
}

static int set_structured(gatehouse_call *call, const char *json)
{
    cJSON *tree = NULL;
    gh_error error = {GH_OK, ""};
    if (json == NULL) {
        return refuse(call, GH_ERR_INVALID, "set_structured", "there is no JSON");
    }
    gh_view text = gh_view_make(json, strnlen(json, TEXT_MAX + 1));
    gh_status status = gh_json_parse(text, &GH_JSON_LIMITS_MESSAGE, &tree, &error);
    if (status == GH_OK && !cJSON_IsObject(tree)) {
        cJSON_Delete(tree);
        status = gh_error_set(&error, GH_ERR_INVALID, "it is not a JSON object");
    }
    if (status != GH_OK) {
        return refuse(call, status, "set_structured", error.message);
    }
    cJSON_Delete(call->structured);
    call->structured = tree;
    return 0;
}

const gatehouse_host GH_PLUGIN_HOST = {
    .size = sizeof(gatehouse_host),
    .abi = GATEHOUSE_PLUGIN_ABI,
    .add_tool = gh_plugin_add_tool,
    .fail = gh_plugin_fail,
    .arguments = arguments_of,
    .issuer = issuer_of,
    .subject = subject_of,
    .name = name_of,
    .email = email_of,
    .client = client_of,
    .scope = scope_of,
    .set_text = set_text,
    .set_structured = set_structured,
    .set_error = set_error,
};

static gh_status run(const gh_plugin_tool *tool, gatehouse_call *call)
{
    int code = tool->call(tool->data, call);
    if (call->status != GH_OK) {
        gh_log_error("Tool %s of %s failed: %s", tool->tool.name, tool->file, call->error.message);
        return call->status;
    }
    if (code != 0) {
        gh_log_error("Tool %s of %s failed: it returned %d", tool->tool.name, tool->file, code);
        return GH_ERR_UNAVAILABLE;
    }
    return GH_OK;
}

/* MCP (server/tools, "Structured Content"): the JSON also goes into a text block, for clients that read only
 * those. */
static gh_status write_text(const cJSON *structured, char **text)
{
    gh_buf out = GH_BUF_INIT(JSON_MAX);
    gh_status status = gh_json_print(structured, &out);
    *text = gh_buf_steal(&out);
    gh_buf_free(&out);
    return status == GH_OK && *text == NULL ? GH_ERR_NOMEM : status;
}

static gh_status hand_over(gatehouse_call *call, gh_tool_result *result)
{
    if (call->complaint != NULL) {
        result->text = call->complaint;
        result->is_error = true;
        call->complaint = NULL;
        return GH_OK;
    }
    gh_status status = GH_OK;
    result->text = call->text;
    result->structured = call->structured;
    call->text = NULL;
    call->structured = NULL;
    if (result->text == NULL && result->structured != NULL) {
        status = write_text(result->structured, &result->text);
    }
    return status;
}

gh_status gh_plugin_call(const gh_tool_call *call, gh_tool_result *result)
{
    gatehouse_call now = {.principal = call->principal};
    gh_buf arguments = GH_BUF_INIT(JSON_MAX);
    gh_status status = gh_json_print(call->arguments, &arguments);
    if (status == GH_OK) {
        now.arguments = gh_buf_cstr(&arguments);
        status = run(call->data, &now);
    }
    if (status == GH_OK) {
        status = hand_over(&now, result);
    }
    free(now.text);
    free(now.complaint);
    cJSON_Delete(now.structured);
    gh_buf_free(&arguments);
    return status;
}

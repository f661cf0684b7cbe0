/* An operation as a tool. */
#include <stdlib.h>
#include <string.h>

#include "server/openapi/openapi_private.h"
#include "shared/json/access.h"

#define NAME_MAX_BYTES 64 /* what clients pass on to models */
#define X_NAME_MAX 128    /* what MCP allows */
#define TITLE_MAX 120
#define DESCRIPTION_MAX 2000

/* --- name --- */

static bool is_tool_name(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && len <= X_NAME_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == len;
}

static char *name_of_path(const gh_openapi_call *call)
{
    gh_buf text = GH_BUF_INIT(8000);
    (void)gh_buf_append_cstr(&text, call->method);
    (void)gh_buf_append_cstr(&text, call->path);
    for (size_t i = 0; i < strlen(call->method) && i < text.len; i++) {
        text.data[i] = (char)(text.data[i] | 0x20);
    }
    char *made = gh_openapi_legal(gh_buf_cstr(&text), NAME_MAX_BYTES - 5);
    gh_buf_free(&text);
    return made;
}

static const char *tool_name(gh_openapi_reader *reader, const gh_openapi_call *call, const cJSON *overrides)
{
    const char *said = gh_json_get_string(overrides, "name");
    const char *id = gh_json_get_string(call->json, "operationId");
    char *wanted = NULL;
    if (said != NULL) {
        if (!is_tool_name(said)) {
            (void)gh_openapi_refuse(
                reader, "the name in x-mcp must be 1 to %d letters, digits, '_', '-' or '.'", X_NAME_MAX);
            return NULL;
        }
        if (gh_openapi_has_name(&reader->tools, said)) {
            (void)gh_openapi_refuse(reader, "there is a tool %.128s already", said);
            return NULL;
        }
        wanted = gh_text_dup(said);
    } else {
        wanted = id != NULL && id[0] != '\0' ? gh_openapi_legal(id, NAME_MAX_BYTES - 5) : name_of_path(call);
    }
    const char *name = gh_openapi_unique(&reader->tools, wanted);
    if (name == NULL) {
        reader->status = GH_ERR_NOMEM;
    }
    return name;
}

/* --- words --- */

static void put_words(gh_openapi_reader *reader, const gh_openapi_call *call, const cJSON *overrides,
                      cJSON *tool)
{
    const char *title = gh_json_get_string(overrides, "title");
    const char *description = gh_json_get_string(overrides, "description");
    const char *summary = gh_json_get_string(call->json, "summary");
    gh_buf text = GH_BUF_INIT(GH_OPENAPI_MAX + 1000);
    title = title != NULL ? title : summary;
    if (description == NULL) {
        description = gh_json_get_string(call->json, "description");
    }
    if (description == NULL || gh_view_trim(gh_view_of(description)).len == 0) {
        description = summary;
    }
    if (title != NULL) {
        (void)gh_openapi_put_text(reader, tool, "title", title, TITLE_MAX);
    }
    if (cJSON_IsTrue(gh_json_get(call->json, "deprecated"))) {
        (void)gh_buf_append_cstr(&text, "Deprecated: it may go away. ");
    }
    (void)gh_buf_append_cstr(&text, description != NULL ? description : "");
    if (gh_openapi_put_text(reader, tool, "description", gh_buf_cstr(&text), DESCRIPTION_MAX)) {
        gh_openapi_tell(reader, "the description is cut after %d bytes", DESCRIPTION_MAX);
    }
    gh_buf_free(&text);
}

static void put_annotations(gh_openapi_reader *reader, const gh_openapi_call *call, const cJSON *overrides,
                            cJSON *tool)
{
    static const struct hint {
        const char *method, *name;
    } HINTS[] = {
        {"GET", "readOnlyHint"},       {"HEAD", "readOnlyHint"},     {"PUT", "idempotentHint"},
        {"DELETE", "destructiveHint"}, {"DELETE", "idempotentHint"},
    };
    const cJSON *member = NULL;
    cJSON *made = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof HINTS / sizeof *HINTS; i++) {
        if (strcmp(HINTS[i].method, call->method) == 0) {
            gh_openapi_put(reader, made, HINTS[i].name, cJSON_CreateBool(true));
        }
    }
    cJSON_ArrayForEach(member, gh_json_get(overrides, "annotations"))
    {
        cJSON_DeleteItemFromObjectCaseSensitive(made, member->string);
        gh_openapi_put(reader, made, member->string, cJSON_Duplicate(member, true));
    }
    if (made != NULL && made->child != NULL) {
        gh_openapi_put(reader, tool, "annotations", made);
    } else {
        cJSON_Delete(made);
    }
}

/* --- request --- */

static cJSON *input_schema(gh_openapi_arguments *arguments)
{
    gh_openapi_reader *reader = arguments->reader;
    cJSON *made = cJSON_CreateObject();
    bool any = arguments->required != NULL && arguments->required->child != NULL;
    gh_openapi_put(reader, made, "type", cJSON_CreateString("object"));
    gh_openapi_put(reader, made, "properties", arguments->properties);
    arguments->properties = NULL;
    if (any) {
        gh_openapi_put(reader, made, "required", arguments->required);
        arguments->required = NULL;
    }
    /* a misspelt filter must not be silently none */
    gh_openapi_put(reader, made, "additionalProperties", cJSON_CreateBool(false));
    return made;
}

static void clear(gh_openapi_arguments *arguments)
{
    gh_openapi_schemas_clear(&arguments->schemas);
    cJSON_Delete(arguments->properties);
    cJSON_Delete(arguments->required);
    cJSON_Delete(arguments->request);
    gh_openapi_names_clear(&arguments->names);
}

/* Adds inputSchema and request. */
static bool try_input(gh_openapi_reader *reader, const gh_openapi_call *call, cJSON *tool, bool shallow,
                      bool *too_large)
{
    gh_openapi_arguments arguments = {.reader = reader, .call = call};
    gh_error why = {GH_OK, ""};
    cJSON *schema = NULL;
    bool good = false;
    reader->quiet = shallow;
    gh_openapi_schemas_start(&arguments.schemas, reader, true, shallow);
    arguments.properties = cJSON_CreateObject();
    arguments.required = cJSON_CreateArray();
    arguments.request = cJSON_CreateObject();
    gh_openapi_put(reader, arguments.request, "method", cJSON_CreateString(call->method));
    if (!gh_openapi_parameters(&arguments) || !gh_openapi_body(&arguments) || reader->status != GH_OK) {
        goto out;
    }
    schema = input_schema(&arguments);
    good = gh_openapi_schemas_finish(&arguments.schemas, schema);
    *too_large = arguments.schemas.too_large;
    reader->quiet = false;
    if (!good && arguments.schemas.foreign) {
        gh_openapi_tell(reader, "left out: its arguments cannot be described");
    }
    if (good && !gh_openapi_accepted(reader, schema, &why)) {
        gh_openapi_tell(reader, "left out: its arguments cannot be described: %.300s", why.message);
        good = false;
    }
    if (good) {
        gh_openapi_put(reader, tool, "inputSchema", schema);
        gh_openapi_put(reader, tool, "request", arguments.request);
        schema = NULL;
        arguments.request = NULL;
    }
out:
    reader->quiet = false;
    cJSON_Delete(schema);
    clear(&arguments);
    return good && reader->status == GH_OK;
}

static bool put_input(gh_openapi_reader *reader, const gh_openapi_call *call, cJSON *tool)
{
    bool too_large = false;
    if (try_input(reader, call, tool, false, &too_large)) {
        return true;
    }
    if (!too_large) {
        return false;
    }
    if (try_input(reader, call, tool, true, &too_large)) {
        gh_openapi_tell(reader,
                        "its inputSchema would be too large: only the first level of what it refers to "
                        "is checked");
        return true;
    }
    if (too_large) {
        gh_openapi_tell(reader, "left out: its inputSchema would be too large");
    }
    return false;
}

static void copy_members(gh_openapi_reader *reader, const cJSON *overrides, cJSON *tool)
{
    static const char *const OF_TOOL[] = {"icons", "_meta"};
    static const char *const OF_REQUEST[] = {"timeoutMs", "maxResponseBytes", "retries"};
    cJSON *request = cJSON_GetObjectItemCaseSensitive(tool, "request");
    for (size_t i = 0; i < 2; i++) {
        const cJSON *said = gh_json_get(overrides, OF_TOOL[i]);
        if (said != NULL) {
            gh_openapi_put(reader, tool, OF_TOOL[i], cJSON_Duplicate(said, true));
        }
    }
    for (size_t i = 0; i < 3; i++) {
        const cJSON *said = gh_json_get(overrides, OF_REQUEST[i]);
        if (said != NULL) {
            gh_openapi_put(reader, request, OF_REQUEST[i], cJSON_Duplicate(said, true));
        }
    }
}

/* What is left out comes without a name: those of others must not depend on it. */
cJSON *gh_openapi_tool(gh_openapi_reader *reader, const gh_openapi_call *call, const cJSON *overrides)
{
    cJSON *tool = cJSON_CreateObject();
    bool needs_credential = false;
    if (tool == NULL) {
        reader->status = GH_ERR_NOMEM;
        return NULL;
    }
    if (gh_json_get(call->json, "callbacks") != NULL) {
        gh_openapi_tell(reader, "its callbacks are left out");
    }
    const char *upstream = gh_openapi_upstream(reader, call, overrides);
    if (upstream == NULL || !put_input(reader, call, tool)) {
        goto fail;
    }
    if (!gh_openapi_scopes(reader, call, overrides, tool, &needs_credential)) {
        goto fail;
    }
    const char *name = tool_name(reader, call, overrides);
    if (name == NULL) {
        goto fail;
    }
    gh_openapi_put(reader, tool, "name", cJSON_CreateString(name));
    put_words(reader, call, overrides, tool);
    put_annotations(reader, call, overrides, tool);
    gh_openapi_put(reader, gh_openapi_member(reader, tool, "request"), "upstream",
                   cJSON_CreateString(upstream));
    gh_openapi_responses(reader, call, overrides, tool);
    copy_members(reader, overrides, tool);
    const cJSON *made = gh_json_get(reader->upstreams, upstream);
    reader->bare_credential = reader->bare_credential ||
                              (needs_credential && made != NULL && gh_json_get(made, "credential") == NULL &&
                               reader->options->upstream == NULL);
    if (reader->status == GH_OK) {
        return tool;
    }
fail:
    cJSON_Delete(tool);
    return NULL;
}

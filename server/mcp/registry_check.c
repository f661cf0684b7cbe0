/* What the members of items may be: as MCP's schema says (Tool, Resource, ResourceTemplate, Prompt, Icon,
 * Annotations), since many clients drop a whole list for one wrong member. */
#include <string.h>

#include "server/auth/scope_table.h"
#include "server/mcp/registry_private.h"
#include "shared/json/access.h"
#include "shared/net/url.h"

#define TOOL_NAME_MAX 128
#define TOOL_NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
#define NAME_MAX_BYTES 256

/* --- text --- */

gh_status gh_mcp_check_tool_name(const char *text, gh_error *error)
{
    size_t len = strlen(text);
    if (len == 0 || len > TOOL_NAME_MAX || strspn(text, TOOL_NAME_CHARS) != len) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "a tool's name must be 1 to %d letters, digits, '_', '-' or '.'", TOOL_NAME_MAX);
    }
    return GH_OK;
}

gh_status gh_mcp_check_name(const char *text, gh_error *error)
{
    return text[0] != '\0' ? GH_OK : gh_error_set(error, GH_ERR_INVALID, "name must not be empty");
}

gh_status gh_mcp_check_key(const char *text, gh_error *error)
{
    gh_view name = gh_view_of(text);
    if (name.len == 0 || name.len > NAME_MAX_BYTES || gh_text_has_control(name)) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "a prompt's name must be 1 to %d bytes without control characters",
                            NAME_MAX_BYTES);
    }
    return GH_OK;
}

gh_status gh_mcp_check_uri(const char *text, gh_error *error)
{
    gh_url url;
    gh_error why = {GH_OK, ""};
    gh_status status = gh_url_parse(gh_view_of(text), &url, &why);
    if (status != GH_OK) {
        return gh_error_set(error, status == GH_ERR_PARSE ? GH_ERR_INVALID : status,
                            "uri must be absolute: %s", why.message);
    }
    return GH_OK;
}

gh_status gh_mcp_check_template(const char *text, gh_error *error)
{
    gh_uri_template *pattern = NULL;
    gh_status status = gh_uri_template_new(gh_view_of(text), &pattern, error);
    gh_uri_template_free(pattern);
    return status;
}

gh_status gh_mcp_check_mime_type(const char *text, gh_error *error)
{
    gh_view type = gh_view_of(text);
    size_t slash = gh_view_find(type, '/');
    bool plain = slash > 0 && slash + 1 < type.len;
    for (size_t i = 0; plain && i < type.len; i++) {
        plain = type.ptr[i] >= ' ' && type.ptr[i] < 0x7f;
    }
    return plain ? GH_OK
                 : gh_error_set(error, GH_ERR_INVALID, "mime_type must be a media type, such as text/plain");
}

gh_status gh_mcp_check_scopes(const char *text, gh_error *error)
{
    gh_view scopes = gh_view_of(text);
    if (scopes.len == 0) {
        return GH_OK;
    }
    if (scopes.len > GH_MCP_ITEM_SCOPES_MAX) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "scopes is longer than %d bytes",
                            GH_MCP_ITEM_SCOPES_MAX);
    }
    return gh_scope_is_list(scopes)
               ? GH_OK
               : gh_error_set(error, GH_ERR_INVALID,
                              "scopes must be words of ASCII characters other than quotes and backslashes, "
                              "with one space between");
}

/* --- JSON --- */

gh_status gh_mcp_check_json(const char *text, gh_error *error)
{
    return gh_json_gate(gh_view_of(text), NULL, error);
}

static gh_status read_json(const char *text, cJSON **json, gh_error *error)
{
    return gh_json_parse(gh_view_of(text), &GH_JSON_LIMITS_DOCUMENT, json, error);
}

typedef enum member_type { A_STRING, A_BOOLEAN, ROLES, STRINGS, A_FRACTION, A_THEME } member_type;

typedef struct member_rule {
    const char *name;
    member_type type;
} member_rule;

static const char *const TYPE_NAMES[] = {
    [A_STRING] = "a string",
    [A_BOOLEAN] = "true or false",
    [ROLES] = "an array of \"user\" and \"assistant\"",
    [STRINGS] = "an array of strings",
    [A_FRACTION] = "a number from 0 to 1",
    [A_THEME] = "\"light\" or \"dark\"",
};

static bool is_one_of(const cJSON *value, const char *one, const char *other)
{
    return cJSON_IsString(value) &&
           (strcmp(value->valuestring, one) == 0 || strcmp(value->valuestring, other) == 0);
}

static bool all_strings(const cJSON *array, bool roles)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, array)
    {
        if (roles ? !is_one_of(item, "user", "assistant") : !cJSON_IsString(item)) {
            return false;
        }
    }
    return cJSON_IsArray(array);
}

static bool has_type(const cJSON *value, member_type type)
{
    switch (type) {
    case A_STRING:
        return cJSON_IsString(value);
    case A_BOOLEAN:
        return cJSON_IsBool(value);
    case ROLES:
        return all_strings(value, true);
    case STRINGS:
        return all_strings(value, false);
    case A_FRACTION:
        return cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble <= 1;
    case A_THEME:
        return is_one_of(value, "light", "dark");
    }
    return false;
}

/* Members that are not in the rules are let through: MCP may know them one day. `what` is NULL for the member
 * of the item itself, which whoever asked names. */
static gh_status check_members(const cJSON *object, const char *what, const member_rule *rules, size_t count,
                               gh_error *error)
{
    if (!cJSON_IsObject(object)) {
        return gh_error_set(error, GH_ERR_INVALID, "%s must be an object", what != NULL ? what : "it");
    }
    for (size_t i = 0; i < count; i++) {
        const cJSON *value = gh_json_get(object, rules[i].name);
        if (value != NULL && !has_type(value, rules[i].type)) {
            return gh_error_set(error, GH_ERR_INVALID, "%s%s%s must be %s", what != NULL ? what : "",
                                what != NULL ? ": " : "", rules[i].name, TYPE_NAMES[rules[i].type]);
        }
    }
    return GH_OK;
}

static gh_status check_object(const char *text, const member_rule *rules, size_t count, gh_error *error)
{
    cJSON *json = NULL;
    gh_status status = read_json(text, &json, error);
    if (status == GH_OK) {
        status = check_members(json, NULL, rules, count, error);
    }
    cJSON_Delete(json);
    return status;
}

gh_status gh_mcp_check_meta(const char *text, gh_error *error)
{
    return check_object(text, NULL, 0, error);
}

gh_status gh_mcp_check_hints(const char *text, gh_error *error)
{
    static const member_rule RULES[] = {{"title", A_STRING},
                                        {"readOnlyHint", A_BOOLEAN},
                                        {"destructiveHint", A_BOOLEAN},
                                        {"idempotentHint", A_BOOLEAN},
                                        {"openWorldHint", A_BOOLEAN}};
    return check_object(text, RULES, sizeof RULES / sizeof RULES[0], error);
}

gh_status gh_mcp_check_annotations(const char *text, gh_error *error)
{
    static const member_rule RULES[] = {
        {"audience", ROLES}, {"priority", A_FRACTION}, {"lastModified", A_STRING}};
    return check_object(text, RULES, sizeof RULES / sizeof RULES[0], error);
}

/* A capability is an object, and so is what is inside: {"elicitation":{"url":{}}}. */
gh_status gh_mcp_check_capabilities(const char *text, gh_error *error)
{
    cJSON *json = NULL;
    gh_status status = read_json(text, &json, error);
    if (status == GH_OK && !cJSON_IsObject(json)) {
        status = gh_error_set(error, GH_ERR_INVALID, "it must be an object");
    }
    const cJSON *capability = NULL;
    cJSON_ArrayForEach(capability, json)
    {
        if (status == GH_OK && !cJSON_IsObject(capability)) {
            status = gh_error_set(error, GH_ERR_INVALID, "%s must be an object", capability->string);
        }
    }
    cJSON_Delete(json);
    return status;
}

/* Clients fetch icons: https and data only, or http from this machine, which is for development. */
static gh_status check_icon_source(const char *src, gh_error *error)
{
    gh_url url;
    if (src == NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "an icon must have a src");
    }
    /* A data URI can be longer than what is taken for a URL. */
    if (gh_view_starts_with_nocase(gh_view_of(src), GH_VIEW_LIT("data:")) &&
        gh_view_find(gh_view_of(src), ',') < strlen(src) && !gh_text_has_control(gh_view_of(src))) {
        return GH_OK;
    }
    if (gh_url_parse(gh_view_of(src), &url, NULL) != GH_OK ||
        !(gh_url_is_https(&url) || (gh_url_is_http(&url) && gh_url_is_loopback(&url)))) {
        return gh_error_set(error, GH_ERR_INVALID, "an icon's src must be an https: or data: URI");
    }
    return GH_OK;
}

static gh_status check_icon(const cJSON *icon, gh_error *error)
{
    static const member_rule RULES[] = {
        {"src", A_STRING}, {"mimeType", A_STRING}, {"sizes", STRINGS}, {"theme", A_THEME}};
    gh_status status = check_members(icon, "an icon", RULES, sizeof RULES / sizeof RULES[0], error);
    return status == GH_OK ? check_icon_source(gh_json_get_string(icon, "src"), error) : status;
}

static gh_status check_argument(const cJSON *argument, gh_error *error)
{
    static const member_rule RULES[] = {
        {"name", A_STRING}, {"title", A_STRING}, {"description", A_STRING}, {"required", A_BOOLEAN}};
    gh_status status = check_members(argument, "an argument", RULES, sizeof RULES / sizeof RULES[0], error);
    if (status != GH_OK) {
        return status;
    }
    const char *name = gh_json_get_string(argument, "name");
    if (name == NULL || name[0] == '\0') {
        return gh_error_set(error, GH_ERR_INVALID, "an argument must have a name");
    }
    for (const cJSON *other = argument->next; other != NULL; other = other->next) {
        const char *next = gh_json_get_string(other, "name");
        if (next != NULL && strcmp(name, next) == 0) {
            return gh_error_set(error, GH_ERR_INVALID, "argument %s is there twice", name);
        }
    }
    return GH_OK;
}

static gh_status check_array(const char *text, gh_status (*check)(const cJSON *item, gh_error *error),
                             gh_error *error)
{
    cJSON *json = NULL;
    gh_status status = read_json(text, &json, error);
    if (status == GH_OK && !cJSON_IsArray(json)) {
        status = gh_error_set(error, GH_ERR_INVALID, "it must be an array");
    }
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, json)
    {
        if (status == GH_OK) {
            status = check(item, error);
        }
    }
    cJSON_Delete(json);
    return status;
}

gh_status gh_mcp_check_icons(const char *text, gh_error *error)
{
    return check_array(text, check_icon, error);
}

gh_status gh_mcp_check_arguments(const char *text, gh_error *error)
{
    return check_array(text, check_argument, error);
}

/* Parameters of path, query and header. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/openapi/openapi_private.h"
#include "shared/json/access.h"

#define PARAMETERS_MAX 200
#define NAME_MAX_BYTES 200
#define PATH_MAX_BYTES 4000

typedef struct parameter {
    const cJSON *json;
    const char *name, *in;
    const char *argument; /* NULL: it is not sent */
} parameter;

/* --- which there are --- */

static bool is_name(const char *text)
{
    return text[0] != '\0' && strlen(text) <= NAME_MAX_BYTES && !gh_text_has_control(gh_view_of(text));
}

static bool is_same(const parameter *left, const parameter *right)
{
    return strcmp(left->in, right->in) == 0 &&
           (strcmp(left->in, "header") == 0 ? strcasecmp(left->name, right->name) == 0
                                            : strcmp(left->name, right->name) == 0);
}

static size_t add_parameters(gh_openapi_arguments *arguments, const cJSON *list, parameter *found,
                             size_t count)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *json = gh_openapi_follow(arguments->reader, item, "a parameter");
        parameter one = {json, gh_json_get_string(json, "name"), gh_json_get_string(json, "in"), NULL};
        size_t at = 0;
        if (json == NULL) {
            return SIZE_MAX;
        }
        if (one.name == NULL || one.in == NULL || !is_name(one.name)) {
            gh_openapi_tell(arguments->reader, "a parameter without a name or place is left out");
            continue;
        }
        while (at < count && !is_same(&found[at], &one)) {
            at++;
        }
        if (at == PARAMETERS_MAX) {
            gh_openapi_tell(arguments->reader, "left out: it has over %d parameters", PARAMETERS_MAX);
            return SIZE_MAX;
        }
        found[at] = one; /* the operation's own stand in for the path's */
        count = at == count ? count + 1 : count;
    }
    return count;
}

/* --- how one is sent --- */

/* True for the styles that a template knows at that place (OpenAPI 3.1, 4.8.12.1). */
static bool has_style(const parameter *one, const char *style)
{
    if (strcmp(one->in, "query") == 0) {
        return strcmp(style, "form") == 0 || strcmp(style, "spaceDelimited") == 0 ||
               strcmp(style, "pipeDelimited") == 0 || strcmp(style, "deepObject") == 0;
    }
    return strcmp(style, "simple") == 0;
}

/* The first schema of `content`, whose value is sent as text of that type. */
static bool has_content(const cJSON *json)
{
    const cJSON *content = gh_json_get_object(json, "content");
    return content != NULL && content->child != NULL && gh_json_get(json, "schema") == NULL;
}

static cJSON *text_schema(gh_openapi_reader *reader)
{
    cJSON *made = cJSON_CreateObject();
    gh_openapi_put(reader, made, "type", cJSON_CreateString("string"));
    return made;
}

static const cJSON *real_schema(gh_openapi_reader *reader, const cJSON *schema)
{
    for (int i = 0; i < 16 && gh_json_get_string(schema, "$ref") != NULL; i++) {
        schema = gh_openapi_find(reader, gh_json_get_string(schema, "$ref"));
    }
    return schema;
}

static cJSON *schema_of(gh_openapi_arguments *arguments, const parameter *one)
{
    gh_openapi_reader *reader = arguments->reader;
    const cJSON *schema = gh_json_get(one->json, "schema");
    if (has_content(one->json)) {
        const char *type = gh_json_get_object(one->json, "content")->child->string;
        gh_openapi_tell(arguments->reader,
                        "%s parameter %.60s is taken as text of type %.60s, which is not checked", one->in,
                        one->name, type);
        return text_schema(reader);
    }
    if (schema == NULL) {
        return text_schema(reader);
    }
    return gh_openapi_schema(&arguments->schemas, schema, 2);
}

static void put_query(gh_openapi_reader *reader, cJSON *request, const parameter *one, const char *name)
{
    const char *style = gh_json_get_string(one->json, "style");
    bool explode = style == NULL || strcmp(style, "form") == 0;
    cJSON *query = gh_openapi_member(reader, request, "query");
    (void)gh_json_get_bool(one->json, "explode", &explode);
    if ((style == NULL || strcmp(style, "form") == 0) && explode) {
        gh_openapi_put(reader, query, one->name, gh_openapi_variable(name));
        return;
    }
    cJSON *made = cJSON_CreateObject();
    gh_openapi_put(reader, made, "value", gh_openapi_variable(name));
    gh_openapi_put(reader, made, "style", cJSON_CreateString(style != NULL ? style : "form"));
    gh_openapi_put(reader, made, "explode", cJSON_CreateBool(explode));
    gh_openapi_put(reader, query, one->name, made);
}

static const char *free_name(const gh_openapi_arguments *arguments, const parameter *one, char *room,
                             size_t size)
{
    char *legal = gh_openapi_legal(one->name, 64);
    bool taken = legal != NULL && gh_openapi_has_name(&arguments->names, legal);
    free(legal);
    (void)snprintf(room, size, "%s%s%s", taken ? one->in : "", taken ? "_" : "", one->name);
    return room;
}

/* --- what cannot be sent --- */

static bool is_sendable(const gh_openapi_arguments *arguments, const parameter *one)
{
    bool required = cJSON_IsTrue(gh_json_get(one->json, "required"));
    const char *but = required ? ", although it is required" : "";
    if (strcmp(one->in, "cookie") == 0) {
        gh_openapi_tell(arguments->reader, "cookie parameter %.60s is left out%s", one->name, but);
        return false;
    }
    if (strcmp(one->in, "header") == 0 && !gh_openapi_is_sendable_header(arguments->reader, one->name)) {
        gh_openapi_tell(arguments->reader,
                        "header parameter %.60s is left out%s: it belongs to HTTP or the credential",
                        one->name, but);
        return false;
    }
    if (strcmp(one->in, "path") != 0 && strcmp(one->in, "query") != 0 && strcmp(one->in, "header") != 0) {
        gh_openapi_tell(arguments->reader, "parameter %.60s in %.20s is left out%s", one->name, one->in, but);
        return false;
    }
    return true;
}

static bool is_in_path(const char *path, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = strchr(path, '{'); at != NULL; at = strchr(at + 1, '{')) {
        if (strncmp(at + 1, name, len) == 0 && at[1 + len] == '}') {
            return true;
        }
    }
    return false;
}

/* False when the operation cannot be called without it. */
static bool check_style(const gh_openapi_arguments *arguments, const parameter *one, bool *sent)
{
    const char *style = gh_json_get_string(one->json, "style");
    bool required = cJSON_IsTrue(gh_json_get(one->json, "required")) || strcmp(one->in, "path") == 0;
    *sent = style == NULL || has_style(one, style);
    if (!*sent) {
        gh_openapi_tell(arguments->reader, "%s%s parameter %.60s has style %.30s, which cannot be sent%s",
                        required ? "left out: " : "", one->in, one->name, style,
                        required ? "" : ", and is left out");
        return !required;
    }
    const cJSON *schema = real_schema(arguments->reader, gh_json_get(one->json, "schema"));
    const char *type = gh_openapi_only_type(arguments->reader, schema, NULL);
    if (strcmp(one->in, "query") != 0 && type != NULL && strcmp(type, "object") == 0 &&
        cJSON_IsTrue(gh_json_get(one->json, "explode"))) {
        gh_openapi_tell(arguments->reader, "%s parameter %.60s is sent as a,1,b,2 and not a=1,b=2", one->in,
                        one->name);
    }
    if (cJSON_IsTrue(gh_json_get(one->json, "allowReserved"))) {
        gh_openapi_tell(arguments->reader, "%s parameter %.60s: reserved characters are sent percent-encoded",
                        one->in, one->name);
    }
    return true;
}

static bool add_one(gh_openapi_arguments *arguments, parameter *one)
{
    gh_openapi_reader *reader = arguments->reader;
    bool in_path = strcmp(one->in, "path") == 0;
    bool required = in_path || cJSON_IsTrue(gh_json_get(one->json, "required"));
    bool sent = true;
    char room[300];
    if (!is_sendable(arguments, one)) {
        return true;
    }
    if (in_path && !is_in_path(arguments->call->path, one->name)) {
        gh_openapi_tell(arguments->reader, "path parameter %.60s is left out: the path has none", one->name);
        return true;
    }
    if (!check_style(arguments, one, &sent)) {
        return false;
    }
    if (!sent) {
        return true;
    }
    const char *name = gh_openapi_argument(arguments, free_name(arguments, one, room, sizeof room),
                                           schema_of(arguments, one),
                                           gh_json_get_string(one->json, "description"), required);
    if (name == NULL) {
        return false;
    }
    one->argument = name;
    if (strcmp(one->in, "query") == 0) {
        put_query(reader, arguments->request, one, name);
    } else if (!in_path) {
        gh_openapi_put(reader, gh_openapi_member(reader, arguments->request, "headers"), one->name,
                       gh_openapi_variable(name));
    }
    return true;
}

/* --- the path --- */

static const char *variable_of(gh_openapi_arguments *arguments, gh_view name, const parameter *found,
                               size_t count)
{
    char text[NAME_MAX_BYTES + 1];
    for (size_t i = 0; i < count; i++) {
        if (found[i].argument != NULL && strcmp(found[i].in, "path") == 0 &&
            gh_view_eq_cstr(name, found[i].name)) {
            return found[i].argument;
        }
    }
    if (name.len == 0 || name.len > NAME_MAX_BYTES) {
        return NULL;
    }
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    gh_openapi_tell(arguments->reader, "path parameter %.60s is not described, and taken as text", text);
    return gh_openapi_argument(arguments, text, text_schema(arguments->reader), NULL, true);
}

/* `raw` with the arguments' names in its braces. False when they do not match. */
static bool fill_path(gh_openapi_arguments *arguments, const char *raw, const parameter *found, size_t count,
                      gh_buf *made, gh_buf *plain)
{
    gh_view rest = gh_view_of(raw);
    while (rest.len > 0) {
        size_t open = gh_view_find(rest, '{');
        gh_view literal = gh_view_make(rest.ptr, open);
        rest = gh_view_make(rest.ptr + open, rest.len - open);
        size_t close = gh_view_find(rest, '}');
        (void)gh_buf_append_view(made, literal);
        (void)gh_buf_append_view(plain, literal);
        if (gh_view_find(literal, '}') < literal.len || (rest.len > 0 && close == rest.len)) {
            return false;
        }
        if (rest.len == 0) {
            break;
        }
        gh_view inner = gh_view_make(rest.ptr + 1, close - 1);
        const char *name =
            gh_view_find(inner, '{') == inner.len ? variable_of(arguments, inner, found, count) : NULL;
        if (name == NULL) {
            return false;
        }
        (void)gh_buf_appendf(made, "{%s}", name);
        (void)gh_buf_append_char(plain, 'v');
        rest = gh_view_make(rest.ptr + close + 1, rest.len - close - 1);
    }
    return true;
}

static bool put_path(gh_openapi_arguments *arguments, const parameter *found, size_t count)
{
    gh_openapi_reader *reader = arguments->reader;
    char *raw = gh_openapi_path(arguments->call->path);
    gh_buf made = GH_BUF_INIT(PATH_MAX_BYTES);
    gh_buf plain = GH_BUF_INIT(PATH_MAX_BYTES);
    const char *wrong = NULL;
    if (raw == NULL) {
        reader->status = GH_ERR_NOMEM;
        return false;
    }
    if (strpbrk(raw, "?#") != NULL) {
        wrong = "its path has a query or fragment";
    } else if (!fill_path(arguments, raw, found, count, &made, &plain)) {
        wrong = "the braces of its path do not match";
    } else if (gh_buf_status(&made) != GH_OK || !gh_openapi_is_straight(gh_buf_view(&plain))) {
        wrong = "its path is too long, or may lead elsewhere than it reads";
    } else {
        gh_openapi_put(reader, arguments->request, "path", cJSON_CreateString(gh_buf_cstr(&made)));
    }
    if (wrong != NULL) {
        gh_openapi_tell(reader, "left out: %s", wrong);
    }
    free(raw);
    gh_buf_free(&made);
    gh_buf_free(&plain);
    return wrong == NULL;
}

bool gh_openapi_parameters(gh_openapi_arguments *arguments)
{
    const gh_openapi_call *call = arguments->call;
    bool good = false;
    parameter *found = calloc(PARAMETERS_MAX, sizeof *found);
    if (found == NULL) {
        arguments->reader->status = GH_ERR_NOMEM;
        goto out;
    }
    size_t count = add_parameters(arguments, gh_json_get_array(call->item, "parameters"), found, 0);
    if (count != SIZE_MAX) {
        count = add_parameters(arguments, gh_json_get_array(call->json, "parameters"), found, count);
    }
    good = count != SIZE_MAX;
    for (size_t i = 0; good && i < count; i++) {
        good = add_one(arguments, &found[i]);
    }
    good = good && put_path(arguments, found, count);
out:
    free(found);
    return good && arguments->reader->status == GH_OK;
}

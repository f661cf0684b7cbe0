/* Request bodies: members of an object become arguments of their own, anything else is the argument `body`.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/openapi/openapi_private.h"
#include "shared/json/access.h"

#define TYPE_MAX_BYTES 200
#define FIELD_MAX_BYTES 200

static bool is_token(gh_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

static bool is_media_type(gh_view whole, gh_view essence)
{
    size_t slash = gh_view_find(essence, '/');
    bool good = whole.len <= TYPE_MAX_BYTES && slash < essence.len &&
                is_token(gh_view_make(essence.ptr, slash)) &&
                is_token(gh_view_make(essence.ptr + slash + 1, essence.len - slash - 1));
    for (size_t i = 0; good && i < whole.len; i++) {
        good = whole.ptr[i] >= ' ' && whole.ptr[i] < 0x7f;
    }
    return good;
}

gh_openapi_media gh_openapi_media_of(const char *type)
{
    gh_view essence = gh_view_of(type);
    essence = gh_view_trim(gh_view_make(essence.ptr, gh_view_find(essence, ';')));
    if (!is_media_type(gh_view_of(type), essence)) {
        return GH_MEDIA_OTHER;
    }
    if (gh_view_eq_nocase(essence, GH_VIEW_LIT("application/json")) ||
        gh_view_eq_nocase(essence, GH_VIEW_LIT("text/json")) ||
        (essence.len > 5 && strncasecmp(essence.ptr + essence.len - 5, "+json", 5) == 0)) {
        return GH_MEDIA_JSON;
    }
    if (gh_view_eq_nocase(essence, GH_VIEW_LIT("application/x-www-form-urlencoded"))) {
        return GH_MEDIA_FORM;
    }
    if (gh_view_eq_nocase(essence, GH_VIEW_LIT("text/xml"))) {
        return GH_MEDIA_OTHER;
    }
    if (gh_view_starts_with_nocase(essence, GH_VIEW_LIT("text/"))) {
        return GH_MEDIA_TEXT;
    }
    if (gh_view_starts_with_nocase(essence, GH_VIEW_LIT("image/"))) {
        return GH_MEDIA_IMAGE;
    }
    if (gh_view_starts_with_nocase(essence, GH_VIEW_LIT("audio/"))) {
        return GH_MEDIA_AUDIO;
    }
    return gh_view_eq_cstr(essence, "*/*") || gh_view_eq_cstr(essence, "application/*") ? GH_MEDIA_ANY
                                                                                        : GH_MEDIA_OTHER;
}

/* The best of what the operation takes: JSON itself, then what is like it, then a form, then text. */
static unsigned rank_of(const char *type)
{
    switch (gh_openapi_media_of(type)) {
    case GH_MEDIA_JSON:
        return strncasecmp(type, "application/json", 16) == 0 ? 1 : 2;
    case GH_MEDIA_ANY:
        return 3;
    case GH_MEDIA_FORM:
        return 4;
    case GH_MEDIA_TEXT:
        return strncasecmp(type, "text/plain", 10) == 0 ? 5 : 6;
    default:
        return 100;
    }
}

static const cJSON *choose(const cJSON *content)
{
    const cJSON *best = NULL;
    const cJSON *media = NULL;
    cJSON_ArrayForEach(media, content)
    {
        if (rank_of(media->string) < 100 &&
            (best == NULL || rank_of(media->string) < rank_of(best->string))) {
            best = media;
        }
    }
    return best;
}

static bool clashes(const gh_openapi_arguments *arguments, const gh_openapi_members *members)
{
    gh_openapi_names own = {NULL, 0, 0};
    bool clash = false;
    for (size_t i = 0; i < members->count && !clash; i++) {
        char *legal = gh_openapi_legal(members->items[i].name, 64);
        clash = legal == NULL || gh_openapi_has_name(&arguments->names, legal) ||
                gh_openapi_has_name(&own, legal);
        if (clash) {
            free(legal);
        } else {
            (void)gh_openapi_unique(&own, legal);
        }
    }
    gh_openapi_names_clear(&own);
    return clash;
}

static const char *whole_name(const gh_openapi_arguments *arguments)
{
    return gh_openapi_has_name(&arguments->names, "body") ? "request_body" : "body";
}

/* A schema, or anything when there is none. */
static cJSON *whole_schema(gh_openapi_arguments *arguments, const cJSON *schema)
{
    return schema != NULL ? gh_openapi_schema(&arguments->schemas, schema, 2) : cJSON_CreateObject();
}

static bool requires_any(const gh_openapi_members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->items[i].required) {
            return true;
        }
    }
    return false;
}

static void put_type(gh_openapi_reader *reader, cJSON *body, const char *type, const char *usual)
{
    if (strcasecmp(type, usual) != 0 && strchr(type, '*') == NULL) {
        gh_openapi_put(reader, body, "type", cJSON_CreateString(type));
    }
}

/* --- JSON --- */

/* May a value be null, as far as the schema says by itself? What it leaves open it allows. */
static bool may_be_null(const cJSON *schema)
{
    const cJSON *type = gh_json_get(schema, "type");
    const cJSON *one = NULL;
    if (cJSON_IsString(type)) {
        return strcmp(type->valuestring, "null") == 0;
    }
    cJSON_ArrayForEach(one, type)
    {
        if (cJSON_IsString(one) && strcmp(one->valuestring, "null") == 0) {
            return true;
        }
    }
    return type == NULL;
}

static void json_members(gh_openapi_arguments *arguments, const gh_openapi_members *members, cJSON *body)
{
    gh_openapi_reader *reader = arguments->reader;
    cJSON *json = gh_openapi_member(reader, body, "json");
    bool nulls = false;
    for (size_t i = 0; i < members->count; i++) {
        const struct gh_openapi_member *one = &members->items[i];
        cJSON *schema = gh_openapi_schema(&arguments->schemas, one->schema, 2);
        nulls = nulls || may_be_null(schema);
        const char *name = gh_openapi_argument(arguments, one->name, schema, NULL, one->required);
        gh_openapi_put(reader, json, one->name, gh_openapi_variable(name));
    }
    if (nulls) {
        gh_openapi_put(reader, body, "sendNull", cJSON_CreateTrue());
    }
}

static void json_body(gh_openapi_arguments *arguments, const cJSON *media, const cJSON *json, bool required)
{
    gh_openapi_reader *reader = arguments->reader;
    const cJSON *schema = gh_json_get(media, "schema");
    cJSON *body = gh_openapi_member(reader, arguments->request, "body");
    gh_openapi_members members;
    bool flat = gh_openapi_flatten(reader, schema, &members) && !clashes(arguments, &members);
    put_type(reader, body, media->string, "application/json");
    if (flat) {
        if (!required && requires_any(&members)) {
            gh_openapi_tell(arguments->reader,
                            "the body may be left out there, and not here: it has required members");
        }
        json_members(arguments, &members, body);
    } else {
        const char *name =
            gh_openapi_argument(arguments, whole_name(arguments), whole_schema(arguments, schema),
                                gh_json_get_string(json, "description"), required);
        gh_openapi_put(reader, body, "json", gh_openapi_variable(name));
    }
    gh_openapi_members_clear(&members);
}

/* --- forms --- */

static void put_field(gh_openapi_arguments *arguments, cJSON *form, const cJSON *media, const char *field,
                      const char *variable)
{
    gh_openapi_reader *reader = arguments->reader;
    const cJSON *encoding = gh_json_get(gh_json_get(media, "encoding"), field);
    const char *style = gh_json_get_string(encoding, "style");
    bool form_style = style == NULL || strcmp(style, "form") == 0;
    bool explode = form_style;
    (void)gh_json_get_bool(encoding, "explode", &explode);
    if (form_style && explode) {
        gh_openapi_put(reader, form, field, gh_openapi_variable(variable));
        return;
    }
    if (!form_style && strcmp(style, "spaceDelimited") != 0 && strcmp(style, "pipeDelimited") != 0 &&
        strcmp(style, "deepObject") != 0) {
        gh_openapi_tell(arguments->reader, "field %.60s: style %.30s is none for a form; it is sent as form",
                        field, style);
        style = "form";
    }
    cJSON *made = cJSON_CreateObject();
    gh_openapi_put(reader, made, "value", gh_openapi_variable(variable));
    gh_openapi_put(reader, made, "style", cJSON_CreateString(style != NULL ? style : "form"));
    gh_openapi_put(reader, made, "explode", cJSON_CreateBool(explode));
    gh_openapi_put(reader, form, field, made);
}

static bool has_field_names(const gh_openapi_members *members)
{
    for (size_t i = 0; i < members->count; i++) {
        const char *name = members->items[i].name;
        if (name[0] == '\0' || strlen(name) > FIELD_MAX_BYTES || gh_text_has_control(gh_view_of(name))) {
            return false;
        }
    }
    return true;
}

static bool form_body(gh_openapi_arguments *arguments, const cJSON *media, bool required)
{
    gh_openapi_reader *reader = arguments->reader;
    gh_openapi_members members;
    bool flat =
        gh_openapi_flatten(reader, gh_json_get(media, "schema"), &members) && has_field_names(&members);
    cJSON *body = flat ? gh_openapi_member(reader, arguments->request, "body") : NULL;
    cJSON *form = flat ? gh_openapi_member(reader, body, "form") : NULL;
    for (size_t i = 0; flat && i < members.count; i++) {
        const struct gh_openapi_member *one = &members.items[i];
        const char *name =
            gh_openapi_argument(arguments, one->name, gh_openapi_schema(&arguments->schemas, one->schema, 2),
                                NULL, one->required);
        put_field(arguments, form, media, one->name, name);
    }
    gh_openapi_members_clear(&members);
    if (!flat) {
        gh_openapi_tell(arguments->reader, "%sits form is no plain object%s", required ? "left out: " : "",
                        required ? "" : ", and is not sent");
    }
    return flat || !required;
}

/* --- text --- */

static void text_body(gh_openapi_arguments *arguments, const cJSON *media, const cJSON *json, bool required)
{
    gh_openapi_reader *reader = arguments->reader;
    cJSON *body = gh_openapi_member(reader, arguments->request, "body");
    cJSON *schema = cJSON_CreateObject();
    gh_openapi_put(reader, schema, "type", cJSON_CreateString("string"));
    const char *name = gh_openapi_argument(arguments, whole_name(arguments), schema,
                                           gh_json_get_string(json, "description"), required);
    gh_openapi_put(reader, body, "text", gh_openapi_variable(name));
    gh_openapi_put(reader, body, "type",
                   cJSON_CreateString(strchr(media->string, '*') == NULL ? media->string : "text/plain"));
}

bool gh_openapi_body(gh_openapi_arguments *arguments)
{
    const cJSON *node = gh_json_get(arguments->call->json, "requestBody");
    const char *method = arguments->call->method;
    if (node == NULL) {
        return true;
    }
    const cJSON *json = gh_openapi_follow(arguments->reader, node, "the request body");
    const cJSON *content = gh_json_get_object(json, "content");
    const cJSON *media = choose(content);
    bool required = cJSON_IsTrue(gh_json_get(json, "required"));
    if (json == NULL || content == NULL || content->child == NULL) {
        return json != NULL;
    }
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) {
        gh_openapi_tell(arguments->reader, "%sa %s request has no body",
                        required ? "left out: " : "the body is not sent: ", method);
        return !required;
    }
    if (media == NULL) {
        gh_openapi_tell(arguments->reader, "%s%.60s bodies cannot be sent", required ? "left out: " : "",
                        content->child->string);
        return !required;
    }
    switch (gh_openapi_media_of(media->string)) {
    case GH_MEDIA_FORM:
        return form_body(arguments, media, required);
    case GH_MEDIA_TEXT:
        text_body(arguments, media, json, required);
        return true;
    default:
        json_body(arguments, media, json, required);
        return true;
    }
}

/* A description's text as a tree, and what references in it lead to. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/openapi/openapi_private.h"
#include "server/openapi/yaml.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"
#include "shared/net/url.h"

#define JSON_MAX (2 * GH_OPENAPI_MAX) /* YAML is the shorter of the two */
#define STEPS_MAX ((size_t)100 * 1000 * 1000)
#define CHAIN_MAX 16
#define TOKEN_MAX 1000

static const gh_json_limits LIMITS = {JSON_MAX, GH_JSON_DEPTH_MAX, 1500000, 20000};

/* --- text --- */

static bool starts_json(gh_view text)
{
    gh_view trimmed = gh_view_trim(text);
    return trimmed.len > 0 && trimmed.ptr[0] == '{';
}

static bool has_scalar(gh_view object, const char *name)
{
    gh_view value;
    if (!gh_json_slice_member(object, name, &value)) {
        return false;
    }
    gh_json_type type = gh_json_slice_type(value);
    return type == GH_JSON_STRING || type == GH_JSON_NUMBER;
}

bool gh_openapi_is(gh_view text)
{
    if (text.len > GH_OPENAPI_MAX) {
        return false;
    }
    if (starts_json(text)) {
        return gh_json_gate(text, &LIMITS, NULL) == GH_OK &&
               (has_scalar(text, "openapi") || has_scalar(text, "swagger"));
    }
    return gh_yaml_has_scalar(text, "openapi") || gh_yaml_has_scalar(text, "swagger");
}

/* The gate counts bytes; people count lines. */
static size_t line_of(gh_view text, const char *message)
{
    const char *number = strstr(message, "byte ");
    size_t line = 1;
    char *end = NULL;
    unsigned long at = number != NULL ? strtoul(number + 5, &end, 10) : 0;
    if (number == NULL || end == number + 5) {
        return 0;
    }
    for (size_t i = 0; i < at && i < text.len; i++) {
        line += text.ptr[i] == '\n';
    }
    return line;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* The gate compares names in objects of up to GH_JSON_GATE_UNIQUE_MAX; this is for the larger ones. */
static gh_status check_large(const cJSON *object, size_t count, const char **twice)
{
    const char **names = calloc(count, sizeof *names);
    const cJSON *member = NULL;
    size_t filled = 0;
    if (names == NULL) {
        return GH_ERR_NOMEM;
    }
    cJSON_ArrayForEach(member, object)
    {
        names[filled++] = member->string;
    }
    qsort((void *)names, filled, sizeof *names, by_name);
    for (size_t i = 1; i < filled && *twice == NULL; i++) {
        *twice = strcmp(names[i], names[i - 1]) == 0 ? names[i] : NULL;
    }
    free((void *)names);
    return *twice == NULL ? GH_OK : GH_ERR_PARSE;
}

static gh_status check_unique(const cJSON *node, const char **twice)
{
    const cJSON *child = NULL;
    size_t count = 0;
    gh_status status = GH_OK;
    cJSON_ArrayForEach(child, node)
    {
        count++;
        if (status == GH_OK && (cJSON_IsObject(child) || cJSON_IsArray(child))) {
            status = check_unique(child, twice);
        }
    }
    return status == GH_OK && cJSON_IsObject(node) && count > GH_JSON_GATE_UNIQUE_MAX
               ? check_large(node, count, twice)
               : status;
}

static gh_status parse_json(gh_view text, cJSON **root, gh_error *why)
{
    const char *twice = NULL;
    gh_status status = gh_json_parse(text, &LIMITS, root, why);
    if (status != GH_OK) {
        size_t line = line_of(text, why->message);
        char message[GH_ERROR_MESSAGE_MAX];
        (void)snprintf(message, sizeof message, "%s", why->message);
        return line == 0 ? status : gh_error_set(why, status, "line %zu: %s", line, message);
    }
    status = check_unique(*root, &twice);
    return status == GH_ERR_PARSE ? gh_error_set(why, status, "there are two members \"%.100s\"", twice)
                                  : status;
}

static gh_status parse_yaml(gh_view text, cJSON **root, gh_error *why)
{
    gh_buf json = GH_BUF_INIT(JSON_MAX);
    gh_status status = gh_yaml_to_json(text, &LIMITS, &json, why);
    if (status == GH_OK) {
        status = gh_json_parse(gh_buf_view(&json), &LIMITS, root, why);
    }
    gh_buf_free(&json);
    return status;
}

/* --- version --- */

static gh_status check_version(gh_openapi_reader *reader, gh_error *why)
{
    const cJSON *swagger = gh_json_get(reader->root, "swagger");
    const cJSON *version = gh_json_get(reader->root, "openapi");
    const char *text = cJSON_IsString(version) ? version->valuestring : NULL;
    if (version == NULL && swagger != NULL) {
        return gh_error_set(why, GH_ERR_INVALID,
                            "it is of Swagger 2.0; convert it to OpenAPI 3 first, for example with the npm "
                            "program swagger2openapi or at editor.swagger.io (Edit, Convert to OpenAPI 3)");
    }
    if (version == NULL) {
        return gh_error_set(why, GH_ERR_INVALID,
                            "it has no member \"openapi\", so it is no OpenAPI description; a tools file is "
                            "given by --tools");
    }
    if (cJSON_IsArray(version)) {
        return gh_error_set(why, GH_ERR_INVALID,
                            "its \"openapi\" is an array, as in a tools file, which is given by --tools");
    }
    if (text == NULL) {
        return gh_error_set(why, GH_ERR_INVALID, "the version at \"openapi\" must be text: \"3.1.0\"");
    }
    reader->modern = strncmp(text, "3.1", 3) == 0 && (text[3] == '.' || text[3] == '\0');
    if (!reader->modern && !(strncmp(text, "3.0", 3) == 0 && (text[3] == '.' || text[3] == '\0'))) {
        return gh_error_set(why, GH_ERR_INVALID, "it is of OpenAPI %.20s; what is read is 3.0 and 3.1", text);
    }
    return GH_OK;
}

gh_status gh_openapi_read(gh_view text, gh_openapi_reader *reader)
{
    gh_error why = {GH_OK, ""};
    gh_status status = GH_OK;
    reader->steps = STEPS_MAX;
    if (text.len > GH_OPENAPI_MAX) {
        status = gh_error_set(&why, GH_ERR_TOO_LARGE, "it is over %zu MiB", GH_OPENAPI_MAX / 1024 / 1024);
    } else {
        status =
            starts_json(text) ? parse_json(text, &reader->root, &why) : parse_yaml(text, &reader->root, &why);
    }
    if (status == GH_OK && !cJSON_IsObject(reader->root)) {
        status = gh_error_set(&why, GH_ERR_INVALID, "it is no OpenAPI description, but a single value");
    }
    if (status == GH_OK) {
        status = check_version(reader, &why);
    }
    if (status == GH_OK || status == GH_ERR_NOMEM) {
        return status;
    }
    return gh_error_set(reader->error, GH_ERR_INVALID, "%s%s%s", reader->options->label,
                        strncmp(why.message, "line ", 5) == 0 ? ", " : ": ", why.message);
}

/* --- telling --- */

void gh_openapi_tell(const gh_openapi_reader *reader, const char *format, ...)
{
    char text[GH_ERROR_MESSAGE_MAX];
    gh_error clean;
    va_list values;
    if (reader->report == NULL || reader->quiet || reader->status != GH_OK) {
        return;
    }
    va_start(values, format);
    (void)vsnprintf(text, sizeof text, format, values);
    va_end(values);
    (void)gh_error_set(&clean, GH_OK, "%s", text);
    reader->report(reader->context, reader->where, clean.message);
}

bool gh_openapi_refuse(gh_openapi_reader *reader, const char *format, ...)
{
    char text[GH_ERROR_MESSAGE_MAX];
    va_list values;
    if (reader->status != GH_OK) {
        return false;
    }
    va_start(values, format);
    (void)vsnprintf(text, sizeof text, format, values);
    va_end(values);
    reader->status = gh_error_set(reader->error, GH_ERR_INVALID, "%s: %s%s%s", reader->options->label,
                                  reader->where, reader->where[0] != '\0' ? ": " : "", text);
    return false;
}

/* --- references --- */

const cJSON *gh_openapi_array(const cJSON *value)
{
    return cJSON_IsArray(value) ? value : NULL;
}

const cJSON *gh_openapi_object(const cJSON *value)
{
    return cJSON_IsObject(value) ? value : NULL;
}

static void unescape_token(char *token)
{
    char *to = token;
    for (const char *from = token; *from != '\0'; from++) {
        bool escape = from[0] == '~' && (from[1] == '0' || from[1] == '1');
        *to++ = (char)(!escape ? *from : from[1] == '0' ? '~' : '/');
        from += escape ? 1 : 0;
    }
    *to = '\0';
}

static const cJSON *step(gh_openapi_reader *reader, const cJSON *at, gh_view token)
{
    gh_buf decoded = GH_BUF_INIT(TOKEN_MAX);
    const cJSON *found = NULL;
    int64_t index = 0;
    if (gh_url_decode(token, false, &decoded) == GH_OK && gh_buf_append(&decoded, "", 0) == GH_OK) {
        if (decoded.data != NULL) {
            unescape_token(decoded.data);
        }
        const char *name = gh_buf_cstr(&decoded);
        if (cJSON_IsArray(at)) {
            found = gh_view_to_int64(gh_view_of(name), 0, 100000, &index) == GH_OK
                        ? cJSON_GetArrayItem(at, (int)index)
                        : NULL;
        } else {
            found = gh_openapi_get(reader, at, name);
        }
    }
    gh_buf_free(&decoded);
    return found;
}

const cJSON *gh_openapi_find(gh_openapi_reader *reader, const char *ref)
{
    const cJSON *at = reader->root;
    gh_view rest = gh_view_of(ref);
    gh_view token;
    if (!gh_view_starts_with(rest, GH_VIEW_LIT("#/"))) {
        return NULL;
    }
    rest = gh_view_make(rest.ptr + 2, rest.len - 2);
    while (at != NULL && gh_view_next(&rest, '/', &token)) {
        at = step(reader, at, token);
    }
    return at;
}

const cJSON *gh_openapi_follow(gh_openapi_reader *reader, const cJSON *node, const char *what)
{
    const char *ref = NULL;
    for (int i = 0; i < CHAIN_MAX && cJSON_IsObject(node); i++) {
        const char *next = gh_json_get_string(node, "$ref");
        if (next == NULL) {
            return node;
        }
        ref = next;
        node = gh_openapi_find(reader, ref);
    }
    if (ref == NULL) {
        gh_openapi_tell(reader, "%s is no object", what);
    } else if (ref[0] != '#') {
        gh_openapi_tell(reader, "%s: %.150s is outside the description, and nothing is fetched", what, ref);
    } else {
        gh_openapi_tell(reader, "%s: %.150s leads nowhere", what, ref);
    }
    return NULL;
}

/* The evaluator: bounds, the table of keywords, errors with paths, and references. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/schema_private.h"
#include "shared/json/access.h"
#include "shared/net/url.h"

#define PATH_MAX_BYTES 200
#define KEY_SHOWN 48
#define REF_MAX 256

/* Sorted by name. */
static const gh_schema_keyword KEYWORDS[] = {
    {"$anchor", GH_FORM_STRING, NULL},
    {"$defs", GH_FORM_SCHEMA_MAP, NULL},
    {"$dynamicRef", GH_FORM_REFUSED, NULL},
    {"$id", GH_FORM_ROOT_ONLY, NULL},
    {"$ref", GH_FORM_REF, gh_schema_test_ref},
    {"$schema", GH_FORM_DIALECT, NULL},
    {"additionalProperties", GH_FORM_SCHEMA, gh_schema_test_additional},
    {"allOf", GH_FORM_SCHEMA_LIST, gh_schema_test_all},
    {"anyOf", GH_FORM_SCHEMA_LIST, gh_schema_test_any},
    {"const", GH_FORM_ANY, gh_schema_test_const},
    {"contains", GH_FORM_SCHEMA, gh_schema_test_contains},
    {"definitions", GH_FORM_SCHEMA_MAP, NULL},
    {"dependentRequired", GH_FORM_STRINGS_MAP, gh_schema_test_dependent_required},
    {"dependentSchemas", GH_FORM_SCHEMA_MAP, gh_schema_test_dependent_schemas},
    {"else", GH_FORM_SCHEMA, NULL},
    {"enum", GH_FORM_LIST, gh_schema_test_enum},
    {"exclusiveMaximum", GH_FORM_NUMBER, gh_schema_test_number},
    {"exclusiveMinimum", GH_FORM_NUMBER, gh_schema_test_number},
    {"if", GH_FORM_SCHEMA, gh_schema_test_if},
    {"items", GH_FORM_SCHEMA, gh_schema_test_items},
    {"maxContains", GH_FORM_COUNT, NULL},
    {"maxItems", GH_FORM_COUNT, gh_schema_test_items_count},
    {"maxLength", GH_FORM_COUNT, gh_schema_test_length},
    {"maxProperties", GH_FORM_COUNT, gh_schema_test_members_count},
    {"maximum", GH_FORM_NUMBER, gh_schema_test_number},
    {"minContains", GH_FORM_COUNT, NULL},
    {"minItems", GH_FORM_COUNT, gh_schema_test_items_count},
    {"minLength", GH_FORM_COUNT, gh_schema_test_length},
    {"minProperties", GH_FORM_COUNT, gh_schema_test_members_count},
    {"minimum", GH_FORM_NUMBER, gh_schema_test_number},
    {"multipleOf", GH_FORM_POSITIVE, gh_schema_test_number},
    {"not", GH_FORM_SCHEMA, gh_schema_test_not},
    {"oneOf", GH_FORM_SCHEMA_LIST, gh_schema_test_one},
    {"pattern", GH_FORM_STRING, NULL},
    {"patternProperties", GH_FORM_REFUSED, NULL},
    {"prefixItems", GH_FORM_SCHEMA_LIST, gh_schema_test_prefix},
    {"properties", GH_FORM_SCHEMA_MAP, gh_schema_test_properties},
    {"propertyNames", GH_FORM_SCHEMA, gh_schema_test_names},
    {"required", GH_FORM_STRINGS, gh_schema_test_required},
    {"then", GH_FORM_SCHEMA, NULL},
    {"type", GH_FORM_TYPE, gh_schema_test_type},
    {"unevaluatedItems", GH_FORM_REFUSED, NULL},
    {"unevaluatedProperties", GH_FORM_REFUSED, NULL},
    {"uniqueItems", GH_FORM_BOOL, gh_schema_test_unique},
};

static int compare_keyword(const void *name, const void *row)
{
    return strcmp(name, ((const gh_schema_keyword *)row)->name);
}

const gh_schema_keyword *gh_schema_keyword_find(const char *name)
{
    return bsearch(name, KEYWORDS, sizeof KEYWORDS / sizeof KEYWORDS[0], sizeof KEYWORDS[0], compare_keyword);
}

bool gh_schema_spend(gh_schema_walk *walk, size_t cost)
{
    if (walk->work < cost) {
        walk->work = 0;
        walk->exhausted = true;
        return false;
    }
    walk->work -= cost;
    return true;
}

static bool eval_object(gh_schema_walk *walk, const cJSON *schema, const cJSON *value,
                        const gh_schema_path *at)
{
    /* A wrong type is the most useful thing to say, so it is looked at first. */
    const cJSON *type = gh_json_get(schema, "type");
    if (type != NULL && !gh_schema_test_type(walk, schema, type, value, at)) {
        return false;
    }
    const cJSON *keyword = NULL;
    cJSON_ArrayForEach(keyword, schema)
    {
        if (!gh_schema_spend(walk, 1)) {
            return false;
        }
        const gh_schema_keyword *row = keyword == type ? NULL : gh_schema_keyword_find(keyword->string);
        if (row != NULL && row->test != NULL && !row->test(walk, schema, keyword, value, at)) {
            return false;
        }
    }
    return true;
}

bool gh_schema_eval(gh_schema_walk *walk, const cJSON *schema, const cJSON *value, const gh_schema_path *at)
{
    if (!gh_schema_spend(walk, 1)) {
        return false;
    }
    if (walk->depth >= GH_SCHEMA_DEPTH_MAX) {
        walk->exhausted = true;
        return false;
    }
    if (cJSON_IsBool(schema)) {
        return cJSON_IsTrue(schema) || gh_schema_reject(walk, at, "is not allowed");
    }
    walk->depth++;
    bool valid = eval_object(walk, schema, value, at);
    walk->depth--;
    return valid;
}

bool gh_schema_matches(gh_schema_walk *walk, const cJSON *schema, const cJSON *value,
                       const gh_schema_path *at)
{
    gh_error *error = walk->error;
    walk->error = NULL;
    bool valid = gh_schema_eval(walk, schema, value, at);
    walk->error = error;
    return valid;
}

static bool is_plain_key(const char *key)
{
    static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return key[0] != '\0' && strspn(key, PLAIN) == strlen(key);
}

/* Bytes of `key` to show, never half a character. */
static int shown(const char *key)
{
    size_t len = strlen(key);
    if (len > KEY_SHOWN) {
        len = KEY_SHOWN;
        while (len > 0 && ((unsigned char)key[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return (int)len;
}

/* Recursion is bounded by GH_SCHEMA_DEPTH_MAX. */
static void write_path(gh_buf *out, const gh_schema_path *at)
{
    if (at == NULL) {
        return;
    }
    write_path(out, at->parent);
    if (at->key == NULL) {
        (void)gh_buf_appendf(out, "[%d]", at->index);
    } else if (is_plain_key(at->key)) {
        (void)gh_buf_appendf(out, ".%.*s", shown(at->key), at->key);
    } else {
        (void)gh_buf_appendf(out, "[\"%.*s\"]", shown(at->key), at->key);
    }
}

bool gh_schema_reject(gh_schema_walk *walk, const gh_schema_path *at, const char *format, ...)
{
    if (walk->error == NULL) {
        return false;
    }
    char message[GH_ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    gh_buf path = GH_BUF_INIT(PATH_MAX_BYTES);
    write_path(&path, at);
    (void)gh_error_set(walk->error, GH_ERR_INVALID, "%s%s %s", walk->name, gh_buf_cstr(&path), message);
    gh_buf_free(&path);
    return false;
}

/* One reference token of a JSON pointer (RFC 6901), unescaped in place. */
static void unescape_token(char *token)
{
    char *to = token;
    for (const char *from = token; *from != '\0'; from++) {
        if (from[0] == '~' && (from[1] == '0' || from[1] == '1')) {
            *to++ = from[1] == '0' ? '~' : '/';
            from++;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static const cJSON *step(const cJSON *at, char *token)
{
    unescape_token(token);
    if (!cJSON_IsArray(at)) {
        return gh_json_get(at, token);
    }
    int64_t index = 0;
    if (gh_view_to_int64(gh_view_of(token), 0, INT32_MAX, &index) != GH_OK) {
        return NULL;
    }
    return cJSON_GetArrayItem(at, (int)index);
}

static const cJSON *follow_pointer(const cJSON *root, char *pointer)
{
    const cJSON *at = root;
    char *token = pointer;
    while (at != NULL && token != NULL && *token == '/') {
        token++;
        char *end = strchr(token, '/');
        if (end != NULL) {
            *end = '\0';
        }
        at = step(at, token);
        if (end != NULL) {
            *end = '/';
        }
        token = end;
    }
    return at;
}

static const cJSON *find_anchor(const cJSON *node, const char *anchor)
{
    const char *own = gh_json_get_string(node, "$anchor");
    if (own != NULL && strcmp(own, anchor) == 0) {
        return node;
    }
    const cJSON *child = NULL;
    cJSON_ArrayForEach(child, node)
    {
        const cJSON *found = find_anchor(child, anchor);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

const cJSON *gh_schema_resolve(const cJSON *root, const char *ref)
{
    gh_buf fragment = GH_BUF_INIT(REF_MAX);
    const cJSON *found = NULL;
    if (ref[0] != '#' || gh_url_decode(gh_view_of(ref + 1), false, &fragment) != GH_OK) {
        goto out;
    }
    if (fragment.len == 0) {
        found = root;
    } else if (fragment.data[0] == '/') {
        found = follow_pointer(root, fragment.data);
    } else {
        found = find_anchor(root, gh_buf_cstr(&fragment));
    }
out:
    gh_buf_free(&fragment);
    return found;
}

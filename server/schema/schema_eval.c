/* The evaluator: bounds and errors with paths. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/schema/schema_private.h"
#include "shared/json/access.h"

#define PATH_MAX_BYTES 200
#define KEY_SHOWN 48
#define STEPS_PER_UNIT 8

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

const cJSON *gh_schema_member(gh_schema_walk *walk, const cJSON *object, const char *name)
{
    const cJSON *member = cJSON_IsObject(object) ? object->child : NULL;
    size_t steps = 0;
    while (member != NULL && strcmp(member->string, name) != 0) {
        member = member->next;
        steps++;
    }
    return gh_schema_spend(walk, steps / STEPS_PER_UNIT) ? member : NULL;
}

bool gh_schema_pattern(gh_schema_walk *walk, const cJSON *node, const char *text)
{
    const gh_schema_link *link = gh_schema_link_find(walk->schema, node);
    bool matches = false;
    gh_status status =
        link == NULL ? GH_ERR_NOT_FOUND : gh_pattern_match(link->pattern, text, &walk->work, &matches);
    /* A text that is not UTF-8 matches nothing; anything else is a bound, or memory. */
    walk->exhausted = walk->exhausted || (status != GH_OK && status != GH_ERR_INVALID);
    return status == GH_OK && matches;
}

static bool eval_keywords(gh_schema_walk *walk, const cJSON *schema, const cJSON *value,
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
        const gh_schema_keyword *row =
            keyword == type ? NULL : gh_schema_keyword_find(keyword->string, walk->schema->dialect);
        if (row != NULL && row->test != NULL && !row->test(walk, schema, keyword, value, at)) {
            return false;
        }
    }
    return true;
}

static bool eval_object(gh_schema_walk *walk, const cJSON *schema, const cJSON *value,
                        const gh_schema_path *at)
{
    /* What stands beside a $ref counts since 2019-09 only. */
    const cJSON *ref = walk->schema->dialect == GH_DIALECT_07 ? gh_json_get(schema, "$ref") : NULL;
    return ref == NULL ? eval_keywords(walk, schema, value, at)
                       : gh_schema_test_ref(walk, schema, ref, value, at);
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

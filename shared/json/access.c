#include "shared/json/access.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX 9007199254740992.0 /* 2^53 */

static bool is_number_char(char c)
{
    return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

/* What the gate has passed fails for two reasons only: a number longer than cJSON reads, where it stops in
 * the middle of one, or a lack of memory. */
static bool stopped_in_number(gh_view text, const char *end)
{
    return end && end > text.ptr && end < text.ptr + text.len && is_number_char(*end) &&
           is_number_char(end[-1]);
}

gh_status gh_json_parse(gh_view text, const gh_json_limits *limits, cJSON **json, gh_error *error)
{
    gh_status status = gh_json_gate(text, limits, error);
    const char *end = NULL;

    if (status != GH_OK) {
        return status;
    }
    *json = cJSON_ParseWithLengthOpts(text.ptr, text.len, &end, false);
    if (!*json) {
        if (!stopped_in_number(text, end)) {
            return gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the JSON");
        }
        return gh_error_set(error, GH_ERR_PARSE, "JSON refused near byte %zu: a number too long",
                            (size_t)(end - text.ptr));
    }
    return GH_OK;
}

gh_status gh_json_print(const cJSON *json, gh_buf *out)
{
    char *text = cJSON_PrintUnformatted(json);
    gh_status status = GH_ERR_NOMEM;

    if (text) {
        status = gh_buf_append_cstr(out, text);
        cJSON_free(text);
    }
    return status;
}

const cJSON *gh_json_get(const cJSON *object, const char *name)
{
    return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
}

const char *gh_json_get_string(const cJSON *object, const char *name)
{
    const cJSON *item = gh_json_get(object, name);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

const cJSON *gh_json_get_object(const cJSON *object, const char *name)
{
    const cJSON *item = gh_json_get(object, name);
    return cJSON_IsObject(item) ? item : NULL;
}

const cJSON *gh_json_get_array(const cJSON *object, const char *name)
{
    const cJSON *item = gh_json_get(object, name);
    return cJSON_IsArray(item) ? item : NULL;
}

bool gh_json_get_bool(const cJSON *object, const char *name, bool *value)
{
    const cJSON *item = gh_json_get(object, name);

    if (!cJSON_IsBool(item)) {
        return false;
    }
    *value = cJSON_IsTrue(item);
    return true;
}

bool gh_json_get_int64(const cJSON *object, const char *name, int64_t *value)
{
    const cJSON *item = gh_json_get(object, name);
    double number = 0;

    if (cJSON_IsRaw(item)) { /* as gh_json_add_int64 makes them */
        return gh_view_to_int64(gh_view_of(item->valuestring), -(int64_t)EXACT_MAX, (int64_t)EXACT_MAX,
                                value) == GH_OK;
    }
    if (!cJSON_IsNumber(item)) {
        return false;
    }
    number = item->valuedouble;
    if (!(number >= -EXACT_MAX && number <= EXACT_MAX) || number != (double)(int64_t)number) {
        return false;
    }
    *value = (int64_t)number;
    return true;
}

bool gh_json_array_has(const cJSON *object, const char *name, const char *text)
{
    const cJSON *item = NULL;

    cJSON_ArrayForEach(item, gh_json_get_array(object, name))
    {
        if (cJSON_IsString(item) && strcmp(item->valuestring, text) == 0) {
            return true;
        }
    }
    return false;
}

bool gh_json_add_item(cJSON *object, const char *name, cJSON *item)
{
    if (!item) {
        return false;
    }
    if (!cJSON_AddItemToObject(object, name, item)) {
        cJSON_Delete(item);
        return false;
    }
    return true;
}

/* A copy in which every byte that is not UTF-8 became U+FFFD: cJSON prints strings as they are. */
static char *valid_copy(gh_view text)
{
    gh_buf buf = GH_BUF_INIT(text.len > SIZE_MAX / 3 ? SIZE_MAX : text.len * 3);

    for (size_t i = 0; i < text.len;) {
        size_t width = gh_utf8_width(gh_view_make(text.ptr + i, text.len - i));

        if (width > 0) {
            (void)gh_buf_append(&buf, text.ptr + i, width);
        } else {
            (void)gh_buf_append_cstr(&buf, "\xef\xbf\xbd");
        }
        i += width > 0 ? width : 1;
    }
    return gh_buf_steal(&buf);
}

bool gh_json_add_view(cJSON *object, const char *name, gh_view text)
{
    char *copy = NULL;
    bool added = false;

    if (!text.ptr) {
        return true;
    }
    if (gh_view_find(text, '\0') != text.len) {
        return false;
    }
    copy = gh_text_is_utf8(text) ? gh_view_dup(text) : valid_copy(text);
    if (copy) {
        added = gh_json_add_item(object, name, cJSON_CreateString(copy));
        free(copy);
    }
    return added;
}

bool gh_json_add_string(cJSON *object, const char *name, const char *text)
{
    gh_view view = gh_view_of(text);

    if (text && gh_text_is_utf8(view)) {
        return gh_json_add_item(object, name, cJSON_CreateString(text));
    }
    return gh_json_add_view(object, name, view);
}

bool gh_json_add_int64(cJSON *object, const char *name, int64_t value)
{
    char digits[24];

    (void)snprintf(digits, sizeof(digits), "%lld", (long long)value);
    return gh_json_add_item(object, name, cJSON_CreateRaw(digits));
}

bool gh_json_add_bool(cJSON *object, const char *name, bool value)
{
    return gh_json_add_item(object, name, cJSON_CreateBool(value));
}

bool gh_json_add_words(cJSON *object, const char *name, const char *words)
{
    gh_view rest = gh_view_of(words);
    gh_view word = {NULL, 0};
    cJSON *array = NULL;

    if (!words) {
        return true;
    }
    array = cJSON_CreateArray();
    while (array && gh_view_next(&rest, ' ', &word)) {
        char *copy = NULL;
        cJSON *item = NULL;

        if (word.len == 0) {
            continue;
        }
        copy = gh_text_is_utf8(word) ? gh_view_dup(word) : valid_copy(word);
        item = copy ? cJSON_CreateString(copy) : NULL;
        free(copy);
        if (!item || !cJSON_AddItemToArray(array, item)) {
            cJSON_Delete(item);
            cJSON_Delete(array);
            array = NULL;
        }
    }
    return gh_json_add_item(object, name, array);
}

static void write_escaped(gh_buf *out, unsigned char c)
{
    switch (c) {
    case '"':
        (void)gh_buf_append_cstr(out, "\\\"");
        break;
    case '\\':
        (void)gh_buf_append_cstr(out, "\\\\");
        break;
    case '\n':
        (void)gh_buf_append_cstr(out, "\\n");
        break;
    case '\r':
        (void)gh_buf_append_cstr(out, "\\r");
        break;
    case '\t':
        (void)gh_buf_append_cstr(out, "\\t");
        break;
    default:
        (void)gh_buf_appendf(out, "\\u%04x", c);
        break;
    }
}

gh_status gh_json_write_string(gh_buf *out, gh_view text)
{
    size_t plain = 0; /* start of what has not been written yet */
    size_t i = 0;

    (void)gh_buf_append_char(out, '"');
    while (i < text.len) {
        unsigned char c = (unsigned char)text.ptr[i];
        size_t width = gh_utf8_width(gh_view_make(text.ptr + i, text.len - i));

        if (width > 0 && c >= 0x20 && c != '"' && c != '\\') {
            i += width;
            continue;
        }
        (void)gh_buf_append(out, text.ptr + plain, i - plain);
        if (width == 0) {
            (void)gh_buf_append_cstr(out, "\xef\xbf\xbd");
        } else {
            write_escaped(out, c);
        }
        i++;
        plain = i;
    }
    if (i > plain) {
        (void)gh_buf_append(out, text.ptr + plain, i - plain);
    }
    return gh_buf_append_char(out, '"');
}

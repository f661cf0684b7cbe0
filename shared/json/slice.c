#include "shared/json/slice.h"

#include <stdarg.h>
#include <string.h>

#include "shared/json/chars.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(gh_view *text)
{
    while (text->len > 0 && is_space(text->ptr[0])) {
        text->ptr++;
        text->len--;
    }
}

gh_json_type gh_json_slice_type(gh_view value)
{
    skip_space(&value);
    if (value.len == 0) {
        return GH_JSON_NONE;
    }
    switch (value.ptr[0]) {
    case '{':
        return GH_JSON_OBJECT;
    case '[':
        return GH_JSON_ARRAY;
    case '"':
        return GH_JSON_STRING;
    case 't':
    case 'f':
        return GH_JSON_BOOL;
    case 'n':
        return GH_JSON_NULL;
    default:
        return value.ptr[0] == '-' || (value.ptr[0] >= '0' && value.ptr[0] <= '9') ? GH_JSON_NUMBER
                                                                                   : GH_JSON_NONE;
    }
}

/* Cuts `end - rest->ptr` bytes off the front. */
static gh_view cut(gh_view *rest, const char *end)
{
    gh_view front = gh_view_make(rest->ptr, (size_t)(end - rest->ptr));

    rest->ptr = end;
    rest->len -= front.len;
    return front;
}

static const char *container_end(gh_view text)
{
    const char *end = text.ptr + text.len;
    size_t depth = 0;

    for (const char *at = text.ptr; at < end;) {
        if (*at == '"') {
            at = gh_json_string_end(at, end);
            if (!at) {
                return NULL;
            }
            continue;
        }
        if (*at == '{' || *at == '[') {
            depth++;
        } else if ((*at == '}' || *at == ']') && --depth == 0) {
            return at + 1;
        }
        at++;
    }
    return NULL;
}

static const char *scalar_end(gh_view text)
{
    size_t i = 0;

    while (i < text.len && !is_space(text.ptr[i]) && !strchr(",:]}[{\"", text.ptr[i])) {
        i++;
    }
    return i > 0 ? text.ptr + i : NULL;
}

/* The value at the front of *rest, which must not begin with white space. */
static bool take_value(gh_view *rest, gh_view *value)
{
    const char *end = NULL;

    switch (gh_json_slice_type(*rest)) {
    case GH_JSON_NONE:
        return false;
    case GH_JSON_OBJECT:
    case GH_JSON_ARRAY:
        end = container_end(*rest);
        break;
    case GH_JSON_STRING:
        end = gh_json_string_end(rest->ptr, rest->ptr + rest->len);
        break;
    case GH_JSON_NUMBER:
    case GH_JSON_BOOL:
    case GH_JSON_NULL:
        end = scalar_end(*rest);
        break;
    }
    if (!end) {
        return false;
    }
    *value = cut(rest, end);
    return true;
}

bool gh_json_iter_start(gh_view container, gh_json_iter *iter)
{
    gh_json_type type = gh_json_slice_type(container);

    if (type != GH_JSON_OBJECT && type != GH_JSON_ARRAY) {
        return false;
    }
    skip_space(&container);
    iter->object = type == GH_JSON_OBJECT;
    iter->rest = gh_view_make(container.ptr + 1, container.len - 1);
    return true;
}

static bool take_key(gh_view *rest, gh_view *key)
{
    const char *end = gh_json_string_end(rest->ptr, rest->ptr + rest->len);

    if (!end) {
        return false;
    }
    *key = cut(rest, end);
    skip_space(rest);
    if (rest->len == 0 || rest->ptr[0] != ':') {
        return false;
    }
    (void)cut(rest, rest->ptr + 1);
    skip_space(rest);
    return true;
}

bool gh_json_iter_next(gh_json_iter *iter, gh_view *key, gh_view *value)
{
    gh_view found_key = {NULL, 0};

    skip_space(&iter->rest);
    if (iter->rest.len == 0 || (iter->object && !take_key(&iter->rest, &found_key)) ||
        !take_value(&iter->rest, value)) {
        iter->rest.len = 0;
        return false;
    }
    skip_space(&iter->rest);
    if (iter->rest.len > 0 && iter->rest.ptr[0] == ',') {
        (void)cut(&iter->rest, iter->rest.ptr + 1);
    } else {
        iter->rest.len = 0;
    }
    if (key) {
        *key = found_key;
    }
    return true;
}

bool gh_json_slice_is(gh_view raw, gh_view text)
{
    gh_view inner = {NULL, 0};
    gh_json_chars chars;
    char out[4];
    size_t len = 0;

    if (!gh_json_string_inner(raw, &inner)) {
        return false;
    }
    if (gh_view_find(inner, '\\') == inner.len) {
        return gh_view_eq(inner, text);
    }
    chars = gh_json_chars_of(inner);
    while ((len = gh_json_chars_next(&chars, out)) > 0) {
        if (!gh_view_starts_with(text, gh_view_make(out, len))) {
            return false;
        }
        text.ptr += len;
        text.len -= len;
    }
    return !chars.bad && text.len == 0;
}

bool gh_json_slice_same_string(gh_view a, gh_view b)
{
    gh_view left = {NULL, 0};
    gh_view right = {NULL, 0};

    return gh_json_string_inner(a, &left) && gh_json_string_inner(b, &right) &&
           gh_json_inner_equal(left, right);
}

static bool member_of(gh_view object, gh_view name, gh_view *value)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view found = {NULL, 0};

    if (!gh_json_iter_start(object, &iter) || !iter.object) {
        return false;
    }
    while (gh_json_iter_next(&iter, &key, &found)) {
        if (gh_json_slice_is(key, name)) {
            *value = found;
            return true;
        }
    }
    return false;
}

bool gh_json_slice_member(gh_view object, const char *name, gh_view *value)
{
    return member_of(object, gh_view_of(name), value);
}

bool gh_json_slice_path(gh_view object, gh_view *value, ...)
{
    gh_view current = object;
    const char *name = NULL;
    bool found = true;
    va_list names;

    va_start(names, value);
    while (found && (name = va_arg(names, const char *)) != NULL) {
        found = gh_json_slice_member(current, name, &current);
    }
    va_end(names);
    if (found) {
        *value = current;
    }
    return found;
}

gh_status gh_json_slice_unescape(gh_view raw_string, gh_buf *out)
{
    gh_view inner = {NULL, 0};
    gh_json_chars chars;
    char bytes[4];

    if (!gh_json_string_inner(raw_string, &inner)) {
        return GH_ERR_INVALID;
    }
    chars = gh_json_chars_of(inner);
    while (chars.at < chars.end) {
        /* What needs no unescaping is copied in one piece. */
        gh_view rest = gh_view_make(chars.at, (size_t)(chars.end - chars.at));
        size_t plain = gh_view_find(rest, '\\');
        size_t len = 0;

        (void)gh_buf_append(out, rest.ptr, plain);
        chars.at += plain;
        if (chars.at == chars.end) {
            break;
        }
        len = gh_json_chars_next(&chars, bytes);
        if (len == 0) {
            return GH_ERR_PARSE;
        }
        (void)gh_buf_append(out, bytes, len);
    }
    return gh_buf_status(out);
}

gh_status gh_json_slice_string(gh_view raw, char **out)
{
    gh_buf buf = GH_BUF_INIT(raw.len);
    char *text = NULL;
    gh_status status = gh_json_slice_unescape(raw, &buf);

    if (status != GH_OK) {
        goto out;
    }
    if (gh_view_find(gh_buf_view(&buf), '\0') != buf.len) {
        status = GH_ERR_INVALID;
        goto out;
    }
    text = gh_buf_steal(&buf);
    if (!text) {
        status = GH_ERR_NOMEM;
        goto out;
    }
    *out = text;
out:
    gh_buf_free(&buf);
    return status;
}

static bool has_low_control(gh_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20) {
            return true;
        }
    }
    return false;
}

gh_status gh_json_slice_compact(gh_view value, gh_buf *out)
{
    while (value.len > 0) {
        const char *start = NULL;
        const char *end = NULL;
        const char *at = NULL;

        skip_space(&value);
        start = value.ptr;
        end = start + value.len;
        for (at = start; at < end && !is_space(*at);) {
            const char *after = at + 1;

            if (*at == '"') {
                after = gh_json_string_end(at, end);
                if (!after || has_low_control(gh_view_make(at, (size_t)(after - at)))) {
                    return GH_ERR_PARSE;
                }
            }
            at = after;
        }
        (void)gh_buf_append_view(out, cut(&value, at));
    }
    return gh_buf_status(out);
}

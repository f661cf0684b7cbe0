/* Filling templates with the values of a call. */
#include <string.h>

#include "server/toolfile/template_private.h"
#include "shared/json/slice.h"
#include "shared/net/url.h"

#define SHOWN 64

static int shown(gh_view text)
{
    return (int)(text.len < SHOWN ? text.len : SHOWN);
}

static gh_status too_large(const gh_buf *out, gh_error *error)
{
    return gh_error_set(error, out->status, "it would be longer than the %zu bytes that are allowed here",
                        out->max);
}

static gh_status write_value(const gh_template_value *value, gh_template_place place, gh_buf *out,
                             gh_error *error)
{
    size_t start = out->len;
    if (gh_template_is_compound(value) && place != GH_PLACE_TEXT) {
        gh_status joined = gh_template_join(value, place, ",", out, error);
        if (joined == GH_OK && out->len == start && place == GH_PLACE_PATH) {
            return gh_error_set(error, GH_ERR_INVALID, "%.*s must not be empty", shown(value->name),
                                value->name.ptr);
        }
        return joined;
    }
    gh_buf text = GH_BUF_INIT(out->max);
    gh_status status = gh_template_scalar(value, &text, error);
    if (status == GH_OK) {
        status = gh_template_escape(value->name, gh_buf_view(&text), place, out, error);
    } else if (status == GH_ERR_TOO_LARGE || status == GH_ERR_NOMEM) {
        (void)gh_error_set(error, status, "%.*s is too long here", shown(value->name), value->name.ptr);
    }
    gh_buf_free(&text);
    return status;
}

static gh_status write_part(const gh_template_part *part, gh_template_place place,
                            const gh_template_values *values, gh_buf *out, gh_error *error)
{
    gh_template_value value;
    if (part->kind == GH_PART_TEXT) {
        return place == GH_PLACE_QUERY ? gh_url_encode(part->text, out) : gh_buf_append_view(out, part->text);
    }
    if (!gh_template_find(part, values, &value)) {
        return gh_error_set(error, GH_ERR_NOT_FOUND, "%.*s is missing", shown(part->text), part->text.ptr);
    }
    return write_value(&value, place, out, error);
}

gh_status gh_template_fill(const gh_template *made, gh_template_place place, const gh_template_values *values,
                           gh_buf *out, gh_error *error)
{
    size_t start = out->len;
    gh_status status = GH_OK;
    for (size_t i = 0; i < made->count && status == GH_OK; i++) {
        status = write_part(&made->parts[i], place, values, out, error);
    }
    if (status == GH_OK && gh_buf_status(out) != GH_OK) {
        status = gh_buf_status(out);
    }
    if (gh_buf_status(out) != GH_OK) {
        (void)too_large(out, error);
    } else if (status == GH_OK && place == GH_PLACE_PATH && out->len > start &&
               gh_template_has_dot_segment(gh_view_make(out->data + start, out->len - start))) {
        status =
            gh_error_set(error, GH_ERR_INVALID,
                         "a value makes a '.' or '..' of a part of the path, which would lead elsewhere");
    }
    if (status != GH_OK) {
        gh_template_undo(out, start);
    }
    return status;
}

/* --- pairs --- */

typedef struct pairs {
    gh_view name;
    gh_template_style style;
    bool explode;
    gh_buf *out;
    gh_buf text; /* scratch */
    gh_error *error;
} pairs;

/* `name=`, with the '&' before it; the name is encoded already. */
static void begin_pair(const pairs *p, gh_view encoded)
{
    if (p->out->len > 0 && p->out->data[p->out->len - 1] != '?') {
        (void)gh_buf_append_char(p->out, '&');
    }
    (void)gh_buf_append_view(p->out, encoded);
    (void)gh_buf_append_char(p->out, '=');
}

static gh_status encode_key(pairs *p, gh_view raw, gh_buf *key)
{
    gh_buf_clear(&p->text);
    gh_status status = gh_json_slice_unescape(raw, &p->text);
    return status == GH_OK ? gh_url_encode(gh_buf_view(&p->text), key) : status;
}

static gh_status scalar_pair(pairs *p, gh_view encoded, const gh_template_value *value)
{
    gh_buf_clear(&p->text);
    gh_status status = gh_template_scalar(value, &p->text, p->error);
    if (status == GH_OK) {
        begin_pair(p, encoded);
        status = gh_url_encode(gh_buf_view(&p->text), p->out);
    }
    return status;
}

/* a=1&a=2, and x=1&y=2 for an object: its names take the place of the parameter's. */
static gh_status exploded(pairs *p, gh_view encoded, const gh_template_value *value)
{
    gh_json_iter iter;
    gh_view name = {NULL, 0};
    gh_template_value element = {.name = value->name};
    gh_buf key = GH_BUF_INIT(p->out->max);
    gh_status status = gh_json_iter_start(value->json, &iter) ? GH_OK : GH_ERR_INVALID;
    while (status == GH_OK && gh_json_iter_next(&iter, &name, &element.json)) {
        if (gh_json_slice_type(element.json) == GH_JSON_NULL) {
            continue;
        }
        gh_buf_clear(&key);
        if (iter.object) {
            status = encode_key(p, name, &key);
        }
        if (status == GH_OK) {
            status = scalar_pair(p, iter.object ? gh_buf_view(&key) : encoded, &element);
        }
    }
    gh_buf_free(&key);
    return status;
}

/* a[x]=1&a[y][z]=2; elements of an array repeat its name. */
static gh_status deep(pairs *p, gh_buf *key, const gh_template_value *value, unsigned depth)
{
    gh_json_iter iter;
    gh_view name = {NULL, 0};
    gh_template_value element = {.name = value->name};
    if (!gh_template_is_compound(value)) {
        return scalar_pair(p, gh_buf_view(key), value);
    }
    gh_status status =
        depth < GH_TEMPLATE_DEPTH_MAX && gh_json_iter_start(value->json, &iter) ? GH_OK : GH_ERR_INVALID;
    size_t len = key->len;
    while (status == GH_OK && gh_json_iter_next(&iter, &name, &element.json)) {
        if (gh_json_slice_type(element.json) == GH_JSON_NULL) {
            continue;
        }
        if (iter.object) {
            (void)gh_buf_append_cstr(key, "%5B");
            status = encode_key(p, name, key);
            (void)gh_buf_append_cstr(key, "%5D");
        }
        if (status == GH_OK) {
            status = gh_buf_status(key);
        }
        if (status == GH_OK) {
            status = deep(p, key, &element, depth + 1);
        }
        gh_template_undo(key, len);
    }
    return status;
}

static gh_status joined(pairs *p, gh_view encoded, const gh_template_value *value)
{
    static const char *const SEPARATORS[] = {[GH_STYLE_FORM] = ",",
                                             [GH_STYLE_SIMPLE] = ",",
                                             [GH_STYLE_SPACE] = "%20",
                                             [GH_STYLE_PIPE] = "%7C",
                                             [GH_STYLE_DEEP] = ","};
    gh_buf list = GH_BUF_INIT(p->out->max);
    gh_status status = gh_template_join(value, GH_PLACE_QUERY, SEPARATORS[p->style], &list, p->error);
    if (status == GH_OK && list.len > 0) {
        begin_pair(p, encoded);
        (void)gh_buf_append_view(p->out, gh_buf_view(&list));
    }
    gh_buf_free(&list);
    return status;
}

static gh_status compound_pairs(pairs *p, gh_view encoded, const gh_template_value *value)
{
    if (p->style == GH_STYLE_DEEP) {
        gh_buf key = GH_BUF_INIT(p->out->max);
        gh_status status = gh_buf_append_view(&key, encoded);
        if (status == GH_OK) {
            status = deep(p, &key, value, 0);
        }
        gh_buf_free(&key);
        return status;
    }
    return p->explode && p->style != GH_STYLE_SIMPLE ? exploded(p, encoded, value)
                                                     : joined(p, encoded, value);
}

static gh_status text_pair(pairs *p, gh_view encoded, const gh_template *made,
                           const gh_template_values *values)
{
    gh_buf_clear(&p->text);
    gh_status status = gh_template_fill(made, GH_PLACE_QUERY, values, &p->text, p->error);
    if (status == GH_OK) {
        begin_pair(p, encoded);
        (void)gh_buf_append_view(p->out, gh_buf_view(&p->text));
    }
    return status == GH_ERR_NOT_FOUND ? GH_OK : status;
}

gh_status gh_template_fill_pairs(const gh_template *made, gh_view name, gh_template_style style, bool explode,
                                 const gh_template_values *values, gh_buf *out, gh_error *error)
{
    size_t start = out->len;
    gh_template_value value;
    pairs p = {name, style, explode, out, GH_BUF_INIT(out->max), error};
    gh_buf encoded = GH_BUF_INIT(out->max);
    gh_status status = gh_url_encode(name, &encoded);
    if (status != GH_OK) {
        (void)too_large(&encoded, error);
    } else if (!gh_template_is_variable(made)) {
        status = text_pair(&p, gh_buf_view(&encoded), made, values);
    } else if (gh_template_find(&made->parts[0], values, &value)) {
        status = gh_template_is_compound(&value) ? compound_pairs(&p, gh_buf_view(&encoded), &value)
                                                 : scalar_pair(&p, gh_buf_view(&encoded), &value);
    }
    if (status == GH_OK && gh_buf_status(out) != GH_OK) {
        status = too_large(out, error);
    } else if (status == GH_ERR_TOO_LARGE || status == GH_ERR_NOMEM) {
        (void)gh_error_set(error, status, "%.*s is too long here", shown(name), name.ptr);
    }
    if (status != GH_OK) {
        gh_template_undo(out, start);
    } else if (error != NULL) {
        *error = (gh_error){GH_OK, ""};
    }
    gh_buf_free(&encoded);
    gh_buf_free(&p.text);
    return status;
}

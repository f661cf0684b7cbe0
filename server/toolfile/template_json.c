/* JSON values whose strings are templates. Nothing is parsed into numbers: what is not a template is kept as
 * it is written, byte for byte. */
#include <stdlib.h>
#include <string.h>

#include "server/toolfile/template_private.h"
#include "shared/json/access.h"
#include "shared/json/gate.h"
#include "shared/json/slice.h"

static const gh_json_limits LIMITS = {GH_JSON_TEMPLATE_MAX, GH_JSON_DEPTH_MAX, 50000, 10000};

typedef enum node_kind {
    AS_IT_IS,
    TEXT, /* a string with variables */
    OBJECT,
    ARRAY
} node_kind;

typedef struct node {
    node_kind kind;
    gh_view key; /* raw, with quotes; empty in an array */
    gh_view raw;
    gh_template *text;
    struct node *children;
    size_t count;
} node;

struct gh_json_template {
    char *text; /* compact; what nodes point into */
    node root;
};

static void clear(node *at)
{
    for (size_t i = 0; i < at->count; i++) {
        clear(&at->children[i]);
    }
    free(at->children);
    gh_template_free(at->text);
    at->children = NULL;
    at->text = NULL;
    at->count = 0;
}

static gh_status read_string(node *at, gh_error *error)
{
    gh_buf text = GH_BUF_INIT(at->raw.len);
    gh_status status = gh_json_slice_unescape(at->raw, &text);
    if (status == GH_OK && text.len > 0 &&
        (memchr(text.data, '{', text.len) != NULL || memchr(text.data, '}', text.len) != NULL)) {
        at->kind = TEXT;
        status = gh_template_new(gh_buf_view(&text), &at->text, error);
    }
    gh_buf_free(&text);
    return status;
}

static gh_status read_node(node *at, gh_error *error);

static gh_status read_children(node *at, gh_error *error)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    bool as_it_is = true;
    size_t count = 0;
    gh_status status = GH_OK;
    for (bool more = gh_json_iter_start(at->raw, &iter); more && gh_json_iter_next(&iter, NULL, &value);) {
        count++;
    }
    at->children = count > 0 ? calloc(count, sizeof *at->children) : NULL;
    if (count > 0 && at->children == NULL) {
        return GH_ERR_NOMEM;
    }
    (void)gh_json_iter_start(at->raw, &iter);
    while (status == GH_OK && at->count < count && gh_json_iter_next(&iter, &key, &value)) {
        node *child = &at->children[at->count++];
        child->key = key;
        child->raw = value;
        status = read_node(child, error);
        as_it_is = as_it_is && child->kind == AS_IT_IS;
    }
    if (as_it_is || status != GH_OK) {
        clear(at);
    }
    at->kind = as_it_is ? AS_IT_IS : at->kind;
    return status;
}

static gh_status read_node(node *at, gh_error *error)
{
    switch (gh_json_slice_type(at->raw)) {
    case GH_JSON_STRING:
        return read_string(at, error);
    case GH_JSON_OBJECT:
        at->kind = OBJECT;
        return read_children(at, error);
    case GH_JSON_ARRAY:
        at->kind = ARRAY;
        return read_children(at, error);
    default:
        return GH_OK;
    }
}

gh_status gh_json_template_new(gh_view json, gh_json_template **made, gh_error *error)
{
    gh_json_template *fresh = NULL;
    gh_buf compact = GH_BUF_INIT(json.len);
    gh_status status = gh_json_gate(json, &LIMITS, error);
    if (status != GH_OK) {
        return status == GH_ERR_NOMEM ? status : GH_ERR_INVALID;
    }
    status = GH_ERR_NOMEM;
    fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL || gh_json_slice_compact(json, &compact) != GH_OK ||
        (fresh->text = gh_buf_steal(&compact)) == NULL) {
        goto out;
    }
    fresh->root.raw = gh_view_of(fresh->text);
    status = read_node(&fresh->root, error);
    if (status == GH_OK) {
        *made = fresh;
        fresh = NULL;
    }
out:
    gh_buf_free(&compact);
    gh_json_template_free(fresh);
    return status;
}

void gh_json_template_free(gh_json_template *made)
{
    if (made != NULL) {
        clear(&made->root);
        free(made->text);
        free(made);
    }
}

/* --- names --- */

typedef struct naming {
    bool (*each)(void *context, gh_view name);
    void *context;
    bool stopped;
} naming;

static bool name_one(void *context, gh_view name)
{
    naming *n = context;
    n->stopped = !n->each(n->context, name);
    return !n->stopped;
}

static void name_all(const node *at, naming *n)
{
    if (at->kind == TEXT) {
        gh_template_names(at->text, name_one, n);
    }
    for (size_t i = 0; i < at->count && !n->stopped; i++) {
        name_all(&at->children[i], n);
    }
}

void gh_json_template_names(const gh_json_template *made, bool (*each)(void *context, gh_view name),
                            void *context)
{
    naming n = {each, context, false};
    name_all(&made->root, &n);
}

/* --- filling --- */

static gh_status fill_text(const gh_template *text, const gh_template_values *values, gh_buf *out,
                           gh_error *error)
{
    gh_template_value value;
    if (gh_template_is_variable(text)) {
        if (!gh_template_find(&text->parts[0], values, &value) &&
            (!values->nulls || value.json.ptr == NULL)) {
            return GH_ERR_NOT_FOUND;
        }
        return value.json.ptr != NULL ? gh_json_slice_compact(value.json, out)
                                      : gh_json_write_string(out, value.plain);
    }
    gh_buf plain = GH_BUF_INIT(out->max);
    gh_status status = gh_template_fill(text, GH_PLACE_TEXT, values, &plain, error);
    if (status == GH_OK) {
        status = gh_json_write_string(out, gh_buf_view(&plain));
    }
    gh_buf_free(&plain);
    return status;
}

static gh_status fill_node(const node *at, const gh_template_values *values, gh_buf *out, gh_error *error)
{
    if (at->kind == AS_IT_IS) {
        return gh_buf_append_view(out, at->raw);
    }
    if (at->kind == TEXT) {
        return fill_text(at->text, values, out, error);
    }
    bool first = true;
    (void)gh_buf_append_char(out, at->kind == OBJECT ? '{' : '[');
    for (size_t i = 0; i < at->count; i++) {
        size_t before = out->len;
        const node *child = &at->children[i];
        (void)gh_buf_append_cstr(out, first ? "" : ",");
        if (at->kind == OBJECT) {
            (void)gh_buf_append_view(out, child->key);
            (void)gh_buf_append_char(out, ':');
        }
        gh_status status = fill_node(child, values, out, error);
        if (status == GH_ERR_NOT_FOUND) {
            gh_template_undo(out, before);
            continue;
        }
        if (status != GH_OK) {
            return status;
        }
        first = false;
    }
    return gh_buf_append_char(out, at->kind == OBJECT ? '}' : ']');
}

gh_status gh_json_template_fill(const gh_json_template *made, const gh_template_values *values, gh_buf *out,
                                gh_error *error)
{
    size_t start = out->len;
    gh_error why = {GH_OK, ""};
    gh_status status = fill_node(&made->root, values, out, &why);
    if (status == GH_OK) {
        return GH_OK;
    }
    gh_template_undo(out, start);
    if (status == GH_ERR_NOT_FOUND) {
        return gh_error_set(error, status, "the value that the JSON consists of is missing");
    }
    if (gh_buf_status(out) != GH_OK) {
        return gh_error_set(error, status, "it would be longer than the %zu bytes that are allowed here",
                            out->max);
    }
    return gh_error_set(error, status, "%s", why.message[0] != '\0' ? why.message : gh_status_text(status));
}

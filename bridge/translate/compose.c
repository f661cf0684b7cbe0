#include "bridge/translate/compose.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/json/slice.h"
#include "shared/rpc/mcp.h"

static const char *const META_KEYS[] = {
    GH_MCP_META_VERSION,   GH_MCP_META_CLIENT_INFO,     GH_MCP_META_CLIENT_CAPABILITIES,
    GH_MCP_META_LOG_LEVEL, GH_MCP_META_SUBSCRIPTION_ID, NULL};

gh_view gh_compose_member(gh_view object, const char *name)
{
    gh_view value;

    return object.len > 0 && gh_json_slice_member(object, name, &value) ? value : gh_view_make(NULL, 0);
}

static bool is_dropped(gh_view key, const char *const *drop)
{
    for (size_t i = 0; drop != NULL && drop[i] != NULL; i++) {
        if (gh_json_slice_is(key, gh_view_of(drop[i]))) {
            return true;
        }
    }
    return false;
}

static void write_value(gh_buf *out, gh_view value)
{
    gh_status status = gh_json_slice_compact(value, out);

    if (status != GH_OK && out->status == GH_OK) {
        out->status = status;
    }
}

gh_status gh_compose_object(gh_buf *out, gh_view object, const char *const *drop, gh_view extra)
{
    gh_json_iter iter;
    gh_view key, value;
    bool any = false;

    (void)gh_buf_append_char(out, '{');
    if (object.len > 0 && gh_json_slice_type(object) == GH_JSON_OBJECT && gh_json_iter_start(object, &iter)) {
        while (gh_json_iter_next(&iter, &key, &value)) {
            if (is_dropped(key, drop)) {
                continue;
            }
            if (any) {
                (void)gh_buf_append_char(out, ',');
            }
            any = true;
            (void)gh_buf_append_view(out, key);
            (void)gh_buf_append_char(out, ':');
            write_value(out, value);
        }
    }
    if (extra.len > 0) {
        if (any) {
            (void)gh_buf_append_char(out, ',');
        }
        (void)gh_buf_append_view(out, extra);
    }
    return gh_buf_append_char(out, '}');
}

void gh_compose_name(gh_buf *out, const char *name)
{
    (void)gh_buf_appendf(out, "%s\"%s\":", out->len > 0 ? "," : "", name);
}

gh_status gh_compose_params(gh_buf *out, gh_view params, gh_view meta, const char *const *drop, gh_view extra)
{
    const char *dropped[8] = {"_meta"};
    gh_buf members = GH_BUF_INIT(out->max);
    gh_buf composed = GH_BUF_INIT(out->max);
    size_t count = 1;
    gh_status status;

    for (size_t i = 0; drop != NULL && drop[i] != NULL && count < 7; i++) {
        dropped[count++] = drop[i];
    }
    status = gh_compose_object(&composed, gh_compose_member(params, "_meta"), META_KEYS, meta);
    if (status == GH_OK && composed.len > 2) {
        gh_compose_name(&members, "_meta");
        (void)gh_buf_append_view(&members, gh_buf_view(&composed));
    }
    if (extra.len > 0) {
        (void)gh_buf_append_cstr(&members, members.len > 0 ? "," : "");
        (void)gh_buf_append_view(&members, extra);
    }
    if (status == GH_OK) {
        status = gh_buf_status(&members);
    }
    if (status == GH_OK) {
        status = gh_compose_object(out, params, dropped, gh_buf_view(&members));
    } else {
        out->status = status;
    }
    gh_buf_free(&members);
    gh_buf_free(&composed);
    return status;
}

char *gh_compose_text(gh_view raw)
{
    char *text = NULL;

    if (gh_json_slice_type(raw) == GH_JSON_NUMBER) {
        return gh_view_dup(raw);
    }
    return gh_json_slice_string(raw, &text) == GH_OK ? text : NULL;
}

bool gh_compose_set_has(const gh_compose_set *set, const char *text)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

bool gh_compose_set_add(gh_compose_set *set, const char *text, size_t max)
{
    char **grown;
    char *copy;

    if (gh_compose_set_has(set, text)) {
        return true;
    }
    if (set->count >= max) {
        return false;
    }
    grown = realloc(set->items, (set->count + 1) * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    set->items = grown;
    copy = gh_text_dup(text);
    if (copy == NULL) {
        return false;
    }
    set->items[set->count++] = copy;
    return true;
}

bool gh_compose_set_remove(gh_compose_set *set, const char *text)
{
    for (size_t i = 0; i < set->count; i++) {
        if (strcmp(set->items[i], text) == 0) {
            free(set->items[i]);
            set->items[i] = set->items[--set->count];
            return true;
        }
    }
    return false;
}

void gh_compose_set_free(gh_compose_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        free(set->items[i]);
    }
    free(set->items);
    *set = (gh_compose_set){NULL, 0};
}

long gh_compose_error_code(gh_view error)
{
    gh_view raw = gh_compose_member(error, "code");
    int64_t code = 0;

    return gh_view_to_int64(raw, INT32_MIN, INT32_MAX, &code) == GH_OK ? (long)code : 0;
}

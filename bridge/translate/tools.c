#include "bridge/translate/tools.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/translate/compose.h"
#include "shared/core/log.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"
#include "shared/rpc/params.h"

#define ANNOTATION GH_VIEW_LIT("x-mcp-header")
#define SAFE_INTEGER 9007199254740991.0

/* The texts of `params` are borrowed from `schema`. */
typedef struct tool {
    char *name;
    cJSON *schema; /* NULL without annotations */
    gh_mcp_param *params;
    size_t count;
} tool;

struct gh_tools {
    const gh_text_list *allow, *ignore;
    tool *list;
    size_t count;
};

gh_status gh_tools_new(const gh_text_list *allow, const gh_text_list *ignore, gh_tools **tools)
{
    *tools = calloc(1, sizeof(**tools));
    if (*tools == NULL) {
        return GH_ERR_NOMEM;
    }
    (*tools)->allow = allow;
    (*tools)->ignore = ignore;
    return GH_OK;
}

static void clear(tool *one)
{
    free(one->name);
    cJSON_Delete(one->schema);
    free(one->params);
    memset(one, 0, sizeof(*one));
}

static void forget_all(gh_tools *tools)
{
    for (size_t i = 0; i < tools->count; i++) {
        clear(&tools->list[i]);
    }
    free(tools->list);
    tools->list = NULL;
    tools->count = 0;
}

void gh_tools_free(gh_tools *tools)
{
    if (tools != NULL) {
        forget_all(tools);
        free(tools);
    }
}

bool gh_tools_matches(const char *pattern, const char *name)
{
    const char *star = NULL;
    const char *resume = NULL;

    while (*name != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star + 1;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

static bool any_matches(const gh_text_list *patterns, const char *name)
{
    for (size_t i = 0; patterns != NULL && i < patterns->count; i++) {
        if (gh_tools_matches(patterns->items[i], name)) {
            return true;
        }
    }
    return false;
}

bool gh_tools_is_allowed(const gh_tools *tools, const char *name)
{
    bool all = tools->allow == NULL || tools->allow->count == 0;

    return (all || any_matches(tools->allow, name)) && !any_matches(tools->ignore, name);
}

bool gh_tools_has_patterns(const gh_tools *tools)
{
    return (tools->allow != NULL && tools->allow->count > 0) ||
           (tools->ignore != NULL && tools->ignore->count > 0);
}

static tool *find(const gh_tools *tools, const char *name)
{
    for (size_t i = 0; i < tools->count; i++) {
        if (strcmp(tools->list[i].name, name) == 0) {
            return &tools->list[i];
        }
    }
    return NULL;
}

bool gh_tools_knows(const gh_tools *tools, const char *name)
{
    return find(tools, name) != NULL;
}

/* The entry of that name, empty; NULL without memory. */
static tool *renew(gh_tools *tools, const char *name)
{
    tool *one = find(tools, name);
    tool *grown;
    char *copy = gh_text_dup(name);

    if (copy == NULL) {
        return NULL;
    }
    if (one == NULL && tools->count >= GH_TOOLS_MAX) {
        forget_all(tools);
    }
    if (one == NULL) {
        grown = realloc(tools->list, (tools->count + 1) * sizeof(*grown));
        if (grown == NULL) {
            free(copy);
            return NULL;
        }
        tools->list = grown;
        one = &grown[tools->count++];
        memset(one, 0, sizeof(*one));
    }
    clear(one);
    one->name = copy;
    return one;
}

void gh_tools_note_absent(gh_tools *tools, const char *name)
{
    if (find(tools, name) == NULL) {
        (void)renew(tools, name);
    }
}

void gh_tools_forget(gh_tools *tools, const char *name)
{
    tool *one = find(tools, name);

    if (one != NULL) {
        clear(one);
        *one = tools->list[--tools->count];
    }
}

static bool mentions(gh_view text, gh_view word)
{
    for (const char *at = text.ptr; text.len >= word.len && at <= text.ptr + text.len - word.len; at++) {
        at = memchr(at, word.ptr[0], (size_t)(text.ptr + text.len - at) - word.len + 1);
        if (at == NULL) {
            return false;
        }
        if (memcmp(at, word.ptr, word.len) == 0) {
            return true;
        }
    }
    return false;
}

/* GH_ERR_INVALID when the tool breaks the rules. */
static gh_status remember(gh_tools *tools, const char *name, gh_view schema, gh_error *error)
{
    gh_json_limits limits = {
        .size = schema.len, .depth = GH_JSON_DEPTH_MAX, .members = schema.len, .object_members = schema.len};
    tool *one = renew(tools, name);

    if (one == NULL) {
        return GH_ERR_NOMEM;
    }
    /* An escaped spelling of the annotation would be found by a parser. */
    if (!mentions(schema, ANNOTATION) && !mentions(schema, GH_VIEW_LIT("\\u"))) {
        return GH_OK;
    }
    if (gh_json_parse(schema, &limits, &one->schema, error) != GH_OK) {
        return GH_ERR_INVALID;
    }
    return gh_mcp_params_read(one->schema, &one->params, &one->count, error);
}

/* Whether a tool of a list is shown. */
static bool is_shown(gh_tools *tools, gh_view item, bool modern)
{
    char *name = NULL;
    gh_error error = {0};
    bool shown = true;

    if (gh_json_slice_string(gh_compose_member(item, "name"), &name) != GH_OK) {
        return true; /* the client finds what is wrong with it */
    }
    shown = gh_tools_is_allowed(tools, name);
    if (modern && remember(tools, name, gh_compose_member(item, "inputSchema"), &error) == GH_ERR_INVALID) {
        gh_log_warn("The tool \"%.200s\" is left out of the list, for its input schema breaks the rules for "
                    "headers: %s",
                    name, error.message);
        shown = false;
    }
    free(name);
    return shown;
}

/* The list's elements that are shown, between brackets. *left_out tells whether one is missing. */
static void write_shown(gh_tools *tools, gh_view list, bool modern, gh_buf *out, bool *left_out)
{
    gh_json_iter iter;
    gh_view item;

    *left_out = false;
    (void)gh_buf_append_char(out, '[');
    if (gh_json_iter_start(list, &iter)) {
        while (gh_json_iter_next(&iter, NULL, &item)) {
            if (!is_shown(tools, item, modern)) {
                *left_out = true;
                continue;
            }
            (void)gh_buf_append_cstr(out, out->len > 1 ? "," : "");
            (void)gh_buf_append_view(out, item);
        }
    }
    (void)gh_buf_append_char(out, ']');
}

gh_status gh_tools_read(gh_tools *tools, gh_view result, bool modern, gh_buf *out)
{
    gh_view list = gh_compose_member(result, "tools");
    gh_buf shown = GH_BUF_INIT(list.len + 2);
    bool left_out;
    gh_status status;

    if (gh_json_slice_type(list) != GH_JSON_ARRAY) {
        return GH_OK;
    }
    write_shown(tools, list, modern, &shown, &left_out);
    status = gh_buf_status(&shown);
    if (status == GH_OK && left_out) {
        (void)gh_buf_append(out, result.ptr, (size_t)(list.ptr - result.ptr));
        (void)gh_buf_append_view(out, gh_buf_view(&shown));
        status =
            gh_buf_append(out, list.ptr + list.len, (size_t)(result.ptr + result.len - list.ptr) - list.len);
    }
    gh_buf_free(&shown);
    return status;
}

/* "42" for what may be written 42.0; other numbers as they are, for the server to judge. */
static gh_status write_number(gh_buf *out, gh_view raw)
{
    char text[64];
    char *end = NULL;
    double value;

    if (raw.ptr == NULL || raw.len >= sizeof(text)) {
        return gh_buf_append_view(out, raw);
    }
    memcpy(text, raw.ptr, raw.len);
    text[raw.len] = '\0';
    value = strtod(text, &end);
    if (*end == '\0' && strpbrk(text, ".eE") != NULL && value <= SAFE_INTEGER && value >= -SAFE_INTEGER &&
        (double)(int64_t)value == value) {
        return gh_buf_appendf(out, "%lld", (long long)value);
    }
    return gh_buf_append_view(out, raw);
}

/* *found is false for what has no header: null, and what a header cannot carry. */
static gh_status write_plain(gh_buf *out, gh_view raw, bool *found)
{
    *found = true;
    switch (gh_json_slice_type(raw)) {
    case GH_JSON_STRING:
        return gh_json_slice_unescape(raw, out);
    case GH_JSON_NUMBER:
        return write_number(out, raw);
    case GH_JSON_BOOL:
        return gh_buf_append_view(out, raw);
    default:
        *found = false;
        return GH_OK;
    }
}

static gh_status add(const gh_mcp_param *param, gh_view arguments, gh_era_headers *headers)
{
    gh_view value = arguments;
    gh_buf plain = GH_BUF_INIT(GH_ERA_HEADER_VALUE_MAX);
    gh_buf encoded = GH_BUF_INIT(GH_ERA_HEADER_VALUE_MAX);
    gh_status status = GH_OK;
    bool found;

    for (size_t i = 0; i < param->depth && value.len > 0; i++) {
        value = gh_json_slice_type(value) == GH_JSON_OBJECT ? gh_compose_member(value, param->path[i])
                                                            : gh_view_make(NULL, 0);
    }
    status = write_plain(&plain, value, &found);
    if (status == GH_OK && found) {
        status = gh_mcp_header_encode(gh_buf_view(&plain), &encoded);
    }
    if (status == GH_OK && found) {
        status = gh_era_headers_add_param(headers, param->header, gh_buf_cstr(&encoded));
    }
    gh_buf_free(&plain);
    gh_buf_free(&encoded);
    return status;
}

gh_status gh_tools_headers(const gh_tools *tools, gh_view params, gh_era_headers *headers)
{
    char *name = NULL;
    const tool *one;
    gh_status status = GH_OK;

    if (tools->count == 0 || gh_json_slice_string(gh_compose_member(params, "name"), &name) != GH_OK) {
        return GH_OK;
    }
    one = find(tools, name);
    for (size_t i = 0; one != NULL && i < one->count && status == GH_OK; i++) {
        status = add(&one->params[i], gh_compose_member(params, "arguments"), headers);
    }
    free(name);
    return status;
}

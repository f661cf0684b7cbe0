/* Items: verified, copied whole, and rendered once for lists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/registry_private.h"
#include "shared/json/access.h"
#include "shared/json/slice.h"

#define LABEL_NAME_MAX 128 /* of what a label says of a long URI */
#define WHERE_SHOWN 128    /* of the pointer to what is wrong in a schema */
#define SAFE_INTEGER_MAX 9007199254740991U

gh_mcp_item *gh_mcp_item_hold(gh_mcp_item *item)
{
    (void)atomic_fetch_add_explicit(&item->refs, 1, memory_order_relaxed);
    return item;
}

/* Each kind's part of `as` begins with its struct of gatehouse/plugin.h, as `from` does. */
static void release_data(gh_mcp_kind kind, void (*release)(void *data), const void *from)
{
    void *data = NULL;
    if (release != NULL) {
        memcpy(&data, (const char *)from + gh_mcp_item_form_of(kind)->data, sizeof data);
        release(data);
    }
}

void gh_mcp_item_release(gh_mcp_item *item)
{
    if (item == NULL || atomic_fetch_sub_explicit(&item->refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    release_data(item->kind, item->release, &item->as);
    if (item->kind == GH_MCP_TOOLS) {
        gh_schema_free(item->as.tool.input);
        gh_schema_free(item->as.tool.output);
        free(item->as.tool.params);
    } else if (item->kind == GH_MCP_PROMPTS) {
        free(item->as.prompt.arguments);
        cJSON_Delete(item->arguments);
    }
    for (size_t i = 0; i < item->text_count; i++) {
        free(item->texts[i]);
    }
    free(item->label);
    free(item->owner);
    gh_uri_template_free(item->pattern);
    gh_buf_free(&item->listing);
    gh_buf_free(&item->legacy);
    free(item);
}

gh_view gh_mcp_item_listing(const gh_mcp_item *item, bool modern)
{
    return gh_buf_view(modern || item->legacy.len == 0 ? &item->listing : &item->legacy);
}

/* --- texts --- */

static const char *text_at(const gh_mcp_item *item, const gh_mcp_text_form *form)
{
    const char *text = NULL;
    memcpy(&text, (const char *)&item->as + form->offset, sizeof text);
    return text;
}

static gh_status copy_text(const char *text, bool json, char **copy)
{
    if (!json) {
        *copy = gh_text_dup(text);
        return *copy == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf out = GH_BUF_INIT(GH_MCP_TEXT_MAX);
    gh_status status = gh_json_slice_compact(gh_view_trim(gh_view_of(text)), &out);
    if (status == GH_OK) {
        *copy = gh_buf_steal(&out);
        status = *copy == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_free(&out);
    return status;
}

static gh_status take_text(gh_mcp_item *item, const gh_mcp_text_form *form, gh_error *error)
{
    const char *text = text_at(item, form);
    if (text == NULL) {
        return form->needed ? gh_error_set(error, GH_ERR_INVALID, "it needs %s", form->name) : GH_OK;
    }
    size_t len = strnlen(text, GH_MCP_TEXT_MAX + 1);
    if (len > GH_MCP_TEXT_MAX) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "%s is longer than %zu KiB", form->name,
                            GH_MCP_TEXT_MAX / 1024);
    }
    if (!gh_text_is_utf8(gh_view_make(text, len))) {
        return gh_error_set(error, GH_ERR_INVALID, "%s is not UTF-8", form->name);
    }
    gh_error why = {GH_OK, ""};
    gh_status status = form->check == NULL ? GH_OK : form->check(text, &why);
    if (status != GH_OK) {
        return form->json ? gh_error_set(error, status, "%s: %s", form->name, why.message)
                          : gh_error_set(error, status, "%s", why.message);
    }
    char *copy = NULL;
    status = copy_text(text, form->json, &copy);
    if (status == GH_OK) {
        item->texts[item->text_count++] = copy;
        memcpy((char *)&item->as + form->offset, &copy, sizeof copy);
    }
    return status;
}

/* --- what the kinds have besides --- */

static gh_status read_schema(const char *text, const char *member, gh_schema **schema, gh_error *error)
{
    gh_error why = {GH_OK, ""};
    gh_buf where = GH_BUF_INIT(GH_MCP_LISTING_MAX);
    gh_status status = gh_schema_read(text, schema, &where, &why);
    if (status != GH_OK) {
        bool cut = where.len > WHERE_SHOWN;
        (void)gh_error_set(error, status, "%s%s%.*s%s: %s", member, where.len > 0 ? " at " : "",
                           (int)(cut ? WHERE_SHOWN : where.len), where.len > 0 ? where.data : "",
                           cut ? "..." : "", why.message);
    }
    gh_buf_free(&where);
    return status;
}

static gh_status finish_tool(gh_mcp_item *item, gh_error *error)
{
    gh_mcp_tool *tool = &item->as.tool;
    gh_status status = read_schema(tool->item.input_schema, "input_schema", &tool->input, error);
    if (status != GH_OK) {
        return status;
    }
    const char *type = gh_json_get_string(gh_schema_json(tool->input), "type");
    if (type == NULL || strcmp(type, "object") != 0) {
        return gh_error_set(error, GH_ERR_INVALID, "input_schema must say \"type\": \"object\"");
    }
    if (tool->item.output_schema != NULL) {
        status = read_schema(tool->item.output_schema, "output_schema", &tool->output, error);
        if (status != GH_OK) {
            return status;
        }
        if (!cJSON_IsObject(gh_schema_json(tool->output))) {
            return gh_error_set(error, GH_ERR_INVALID, "output_schema must be a JSON object");
        }
        type = gh_json_get_string(gh_schema_json(tool->output), "type");
        tool->output_is_object = type != NULL && strcmp(type, "object") == 0;
    }
    return gh_mcp_params_read(gh_schema_json(tool->input), &tool->params, &tool->params_count, error);
}

static gh_status finish_resource(const gh_mcp_item *item, gh_error *error)
{
    if (item->as.resource.item.bytes > SAFE_INTEGER_MAX) {
        return gh_error_set(error, GH_ERR_INVALID, "bytes is more than a JSON number can say");
    }
    return GH_OK;
}

static gh_status finish_template(gh_mcp_item *item, gh_error *error)
{
    item->completes = item->as.uri_template.item.complete != NULL;
    gh_status status = gh_uri_template_new(item->name, &item->pattern, error);
    item->as.uri_template.pattern = item->pattern;
    return status;
}

static gh_status finish_prompt(gh_mcp_item *item, gh_error *error)
{
    gh_mcp_prompt *prompt = &item->as.prompt;
    item->completes = prompt->item.complete != NULL;
    if (prompt->item.arguments == NULL) {
        return GH_OK;
    }
    gh_status status =
        gh_json_parse(gh_view_of(prompt->item.arguments), &GH_JSON_LIMITS_DOCUMENT, &item->arguments, error);
    int count = cJSON_GetArraySize(item->arguments);
    if (status != GH_OK || count == 0) {
        return status;
    }
    prompt->arguments = calloc((size_t)count, sizeof *prompt->arguments);
    if (prompt->arguments == NULL) {
        return GH_ERR_NOMEM;
    }
    const cJSON *argument = NULL;
    cJSON_ArrayForEach(argument, item->arguments)
    {
        gh_mcp_prompt_argument *fresh = &prompt->arguments[prompt->argument_count++];
        fresh->name = gh_json_get_string(argument, "name");
        (void)gh_json_get_bool(argument, "required", &fresh->required);
    }
    return GH_OK;
}

static gh_status finish(gh_mcp_item *item, gh_error *error)
{
    switch (item->kind) {
    case GH_MCP_TOOLS:
        return finish_tool(item, error);
    case GH_MCP_RESOURCES:
        return finish_resource(item, error);
    case GH_MCP_TEMPLATES:
        return finish_template(item, error);
    case GH_MCP_PROMPTS:
        return finish_prompt(item, error);
    case GH_MCP_KINDS:
        break;
    }
    return GH_ERR_INVALID;
}

/* --- the listing --- */

static gh_status write_listing(const gh_mcp_item *item, bool legacy, gh_buf *out)
{
    const gh_mcp_item_form *form = gh_mcp_item_form_of(item->kind);
    *out = GH_BUF_INIT(GH_MCP_LISTING_MAX);
    (void)gh_buf_append_char(out, '{');
    for (size_t i = 0; i < form->text_count; i++) {
        const gh_mcp_text_form *row = &form->texts[i];
        const char *text = text_at(item, row);
        if (text == NULL || row->member == NULL ||
            (legacy && row->offset == offsetof(gatehouse_tool, output_schema))) {
            continue;
        }
        (void)gh_buf_appendf(out, "%s\"%s\":", out->len > 1 ? "," : "", row->member);
        (void)(row->json ? gh_buf_append_cstr(out, text) : gh_json_write_string(out, gh_view_of(text)));
    }
    if (item->kind == GH_MCP_RESOURCES && item->as.resource.item.bytes > 0) {
        (void)gh_buf_appendf(out, ",\"size\":%llu", (unsigned long long)item->as.resource.item.bytes);
    }
    return gh_buf_append_char(out, '}');
}

static gh_status write_listings(gh_mcp_item *item, gh_error *error)
{
    gh_status status = write_listing(item, false, &item->listing);
    if (status == GH_OK && item->kind == GH_MCP_TOOLS && item->as.tool.output != NULL &&
        !item->as.tool.output_is_object) {
        status = write_listing(item, true, &item->legacy);
    }
    if (status == GH_ERR_TOO_LARGE) {
        return gh_error_set(error, status, "it takes more than %zu KiB in a list", GH_MCP_LISTING_MAX / 1024);
    }
    return status;
}

/* --- making one --- */

/* Only names that have passed their check are shown. */
static gh_status write_label(gh_mcp_item *item, const char *owner)
{
    gh_buf out = GH_BUF_INIT(GH_MCP_TEXT_MAX);
    (void)gh_buf_append_cstr(&out, gh_mcp_item_form_of(item->kind)->title);
    if (item->name.len > 0) {
        bool cut = item->kind != GH_MCP_PROMPTS && item->name.len > LABEL_NAME_MAX;
        (void)gh_buf_append_char(&out, ' ');
        (void)gh_buf_append(&out, item->name.ptr, cut ? LABEL_NAME_MAX : item->name.len);
        (void)gh_buf_append_cstr(&out, cut ? "..." : "");
    }
    if (owner != NULL) {
        (void)gh_buf_append_cstr(&out, " of ");
        (void)gh_buf_append_cstr(&out, owner);
    }
    free(item->label);
    item->label = gh_buf_steal(&out);
    gh_buf_free(&out);
    return item->label == NULL ? GH_ERR_NOMEM : GH_OK;
}

static void set_label(gh_mcp_item *item)
{
    switch (item->kind) {
    case GH_MCP_TOOLS:
        item->as.tool.label = item->label;
        break;
    case GH_MCP_RESOURCES:
        item->as.resource.label = item->label;
        break;
    case GH_MCP_TEMPLATES:
        item->as.uri_template.label = item->label;
        break;
    case GH_MCP_PROMPTS:
        item->as.prompt.label = item->label;
        break;
    case GH_MCP_KINDS:
        break;
    }
}

static void set_scopes(gh_mcp_item *item, const gh_mcp_item_form *form)
{
    const char *scopes = NULL;
    memcpy(&scopes, (const char *)&item->as + form->scopes, sizeof scopes);
    item->scopes = scopes != NULL && scopes[0] != '\0' ? scopes : NULL;
}

static gh_status check_rest(const gh_mcp_item *item, const gh_mcp_item_form *form, gh_error *error)
{
    gatehouse_handler handler = NULL;
    uint32_t flags = 0;
    memcpy(&handler, (const char *)&item->as + form->handler, sizeof handler);
    memcpy(&flags, (const char *)&item->as + form->flags, sizeof flags);
    if (handler == NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "it needs %s", form->handler_name);
    }
    if ((flags & ~form->known_flags) != 0) {
        return gh_error_set(error, GH_ERR_UNSUPPORTED, "it has flags that this server does not know: 0x%x",
                            (unsigned)(flags & ~form->known_flags));
    }
    return GH_OK;
}

static gh_status build(gh_mcp_item *item, gh_mcp_owner owner, gh_error *error)
{
    const gh_mcp_item_form *form = gh_mcp_item_form_of(item->kind);
    gh_status status = write_label(item, owner.label);
    if (status == GH_OK && owner.label != NULL) {
        item->owner = gh_text_dup(owner.label);
        status = item->owner != NULL ? GH_OK : GH_ERR_NOMEM;
    }
    for (size_t i = 0; i < form->text_count && status == GH_OK; i++) {
        status = take_text(item, &form->texts[i], error);
        if (i == 0 && status == GH_OK) {
            item->name = gh_view_of(text_at(item, &form->texts[i]));
            status = write_label(item, owner.label);
        }
    }
    if (status == GH_OK) {
        status = check_rest(item, form, error);
    }
    if (status == GH_OK) {
        status = finish(item, error);
    }
    if (status == GH_OK) {
        set_scopes(item, form);
        set_label(item);
        status = write_listings(item, error);
    }
    return status;
}

gh_status gh_mcp_item_new(gh_mcp_kind kind, gh_mcp_owner owner, const void *source, gh_mcp_item **item,
                          gh_error *error)
{
    gh_error why = {GH_OK, ""};
    gh_mcp_item *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        release_data(kind, owner.release, source);
        return GH_ERR_NOMEM;
    }
    atomic_init(&fresh->refs, 1);
    fresh->kind = kind;
    fresh->who = owner.who;
    fresh->release = owner.release;
    memcpy(&fresh->as, source, gh_mcp_item_form_of(kind)->size);
    gh_status status = build(fresh, owner, &why);
    if (status == GH_OK) {
        *item = fresh;
        return GH_OK;
    }
    const char *said = why.message[0] != '\0' ? why.message : gh_status_text(status);
    (void)gh_error_set(error, status, "%s: %s", fresh->label == NULL ? "" : fresh->label, said);
    gh_mcp_item_release(fresh);
    return status;
}

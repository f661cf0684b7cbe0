#include "server/openapi/openapi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/openapi/openapi_private.h"
#include "shared/json/access.h"

#define TOOLS_MAX 10000

typedef struct conversion {
    gh_openapi_reader reader;
    gh_buf *out;
    size_t start; /* of what is written here */
    size_t tools, seen;
    bool *used; /* patterns of the selection that matched */
} conversion;

static const struct method {
    const char *key;
    const char *name; /* NULL: a request cannot have it */
} METHODS[] = {
    {"get", "GET"},     {"put", "PUT"},   {"post", "POST"},  {"delete", "DELETE"},
    {"patch", "PATCH"}, {"head", "HEAD"}, {"options", NULL}, {"trace", NULL},
};

static void refuse_size(gh_openapi_reader *reader)
{
    reader->where = "";
    (void)gh_openapi_refuse(reader, "its tools would take over %zu MiB; select fewer operations",
                            GH_OPENAPI_MAX / 1024 / 1024);
}

static void write_tool(conversion *c, const cJSON *tool)
{
    gh_openapi_reader *reader = &c->reader;
    (void)gh_buf_append_cstr(c->out, c->tools++ == 0 ? "{\"tools\":[" : ",");
    gh_status status = gh_json_print(tool, c->out);
    if (status == GH_ERR_TOO_LARGE || c->out->len - c->start > GH_OPENAPI_MAX) {
        refuse_size(reader);
    } else if (status != GH_OK) {
        reader->status = status;
    } else if (c->tools > TOOLS_MAX) {
        reader->where = "";
        (void)gh_openapi_refuse(reader, "it has over %d operations; select fewer", TOOLS_MAX);
    }
}

static void convert_operation(conversion *c, const gh_openapi_call *call, const cJSON *outer)
{
    gh_openapi_reader *reader = &c->reader;
    c->seen++;
    if (!gh_openapi_selected(reader->options->select, call, c->used)) {
        return;
    }
    cJSON *overrides = gh_openapi_overrides(reader, outer, call->json, GH_AT_OPERATION);
    if (overrides != NULL && !cJSON_IsTrue(gh_json_get(overrides, "hide"))) {
        cJSON *tool = gh_openapi_tool(reader, call, overrides);
        if (tool != NULL) {
            write_tool(c, tool);
        }
        cJSON_Delete(tool);
    }
    cJSON_Delete(overrides);
}

static void tell_unknown_method(conversion *c, const char *key, const gh_openapi_call *call)
{
    if (gh_openapi_selected(c->reader.options->select, call, c->used)) {
        gh_openapi_tell(&c->reader, "left out: a tool cannot call %s", key);
    }
}

static void convert_path(conversion *c, const cJSON *path)
{
    gh_openapi_reader *reader = &c->reader;
    reader->where = path->string;
    const cJSON *item = gh_openapi_follow(reader, path, "the path");
    cJSON *overrides =
        item != NULL ? gh_openapi_overrides(reader, reader->overrides, item, GH_AT_PATH) : NULL;
    for (size_t i = 0; overrides != NULL && i < sizeof METHODS / sizeof *METHODS && reader->status == GH_OK;
         i++) {
        const cJSON *json = gh_json_get_object(item, METHODS[i].key);
        char where[GH_OPENAPI_WHERE_MAX];
        if (json == NULL) {
            continue;
        }
        const gh_openapi_call call = {METHODS[i].name != NULL ? METHODS[i].name : METHODS[i].key,
                                      path->string, item, json};
        (void)snprintf(where, sizeof where, "%s %s", call.method, call.path);
        reader->where = where;
        if (METHODS[i].name != NULL) {
            convert_operation(c, &call, overrides);
        } else {
            tell_unknown_method(c, METHODS[i].key, &call);
        }
        reader->where = path->string;
    }
    cJSON_Delete(overrides);
}

static void convert_all(conversion *c)
{
    gh_openapi_reader *reader = &c->reader;
    const gh_text_list *select = reader->options->select;
    const cJSON *path = NULL;
    cJSON_ArrayForEach(path, gh_json_get_object(reader->root, "paths"))
    {
        if (reader->status != GH_OK) {
            break;
        }
        if (path->string[0] == '/') {
            convert_path(c, path);
        } else if (strncmp(path->string, "x-", 2) != 0) {
            reader->where = path->string;
            gh_openapi_tell(reader, "left out: a path starts with '/'");
        }
    }
    reader->where = "";
    if (gh_json_get(reader->root, "webhooks") != NULL) {
        gh_openapi_tell(reader, "webhooks are left out: nothing is called here");
    }
    for (size_t i = 0; select != NULL && i < select->count; i++) {
        if (!c->used[i]) {
            gh_openapi_tell(reader, "\"%.100s\" of the selection matches no operation", select->items[i]);
        }
    }
    if (reader->bare_credential) {
        gh_openapi_tell(reader, "operations ask for a credential, and calls are made without one: name an "
                                "upstream that has one, or say \"credential\" in x-mcp at the root");
    }
    if (c->tools == 0 && c->seen == 0) {
        (void)gh_openapi_refuse(reader, "it has no operations");
    } else if (c->tools == 0) {
        (void)gh_openapi_refuse(reader, "none of its %zu operations was selected and could be made a tool",
                                c->seen);
    }
}

static void finish(conversion *c)
{
    gh_openapi_reader *reader = &c->reader;
    gh_status status = gh_buf_append_cstr(c->out, "]");
    if (reader->upstreams->child != NULL) {
        (void)gh_buf_append_cstr(c->out, ",\"upstreams\":");
        status = gh_json_print(reader->upstreams, c->out);
    }
    if (status == GH_OK) {
        status = gh_buf_append_cstr(c->out, "}");
    }
    if (status == GH_ERR_TOO_LARGE || (status == GH_OK && c->out->len - c->start > GH_OPENAPI_MAX)) {
        refuse_size(reader);
    } else {
        reader->status = status;
    }
}

gh_status gh_openapi_convert(gh_view text, const gh_openapi_options *options, gh_openapi_report report,
                             void *context, gh_buf *out, gh_error *error)
{
    conversion c = {
        .reader = {.options = options, .report = report, .context = context, .error = error, .where = ""},
        .out = out,
        .start = out->len};
    gh_openapi_reader *reader = &c.reader;
    reader->status = gh_openapi_read(text, reader);
    if (reader->status != GH_OK) {
        goto out;
    }
    reader->upstreams = cJSON_CreateObject();
    c.used = calloc(options->select != NULL ? options->select->count + 1 : 1, sizeof *c.used);
    if (reader->upstreams == NULL || c.used == NULL) {
        reader->status = GH_ERR_NOMEM;
        goto out;
    }
    reader->overrides = gh_openapi_overrides(reader, NULL, reader->root, GH_AT_ROOT);
    if (reader->overrides != NULL) {
        convert_all(&c);
    }
    if (reader->status == GH_OK) {
        finish(&c);
    }
out:
    if (reader->status == GH_ERR_NOMEM) {
        (void)gh_error_set(error, GH_ERR_NOMEM, "not enough memory for %.100s", options->label);
    }
    free(c.used);
    cJSON_Delete(reader->upstreams);
    cJSON_Delete(reader->overrides);
    cJSON_Delete(reader->root);
    free(reader->server);
    free(reader->origin);
    gh_openapi_names_clear(&reader->tools);
    gh_openapi_forget(reader);
    return reader->status;
}

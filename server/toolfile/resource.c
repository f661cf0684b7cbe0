/* Resources and resource templates. */
#include <stdlib.h>
#include <string.h>

#include "server/toolfile/toolfile_private.h"
#include "shared/net/url.h"

#define RESOURCES_MAX 10000

typedef enum resource_member {
    URI = GH_COMMON_COUNT,
    MIME_TYPE,
    ANNOTATIONS,
    REQUEST,
    RESPONSE,
    TEXT,
    FILE_NAME,
    FOLDER,
    MEMBERS
} resource_member;

static const gh_toolfile_member ROWS[MEMBERS] = {
    GH_TOOLFILE_COMMON_ROWS(true),
    [URI] = {"uri", GH_TOOLFILE_STRING, true},
    [MIME_TYPE] = {"mimeType", GH_TOOLFILE_STRING, false},
    [ANNOTATIONS] = {"annotations", GH_TOOLFILE_OBJECT, false},
    [REQUEST] = {"request", GH_TOOLFILE_OBJECT, false},
    [RESPONSE] = {"response", GH_TOOLFILE_OBJECT, false},
    [TEXT] = {"text", GH_TOOLFILE_STRING, false},
    [FILE_NAME] = {"file", GH_TOOLFILE_STRING, false},
    [FOLDER] = {"folder", GH_TOOLFILE_STRING, false},
};

#define TEMPLATE_MEMBERS (RESPONSE + 1)
static const gh_toolfile_member TEMPLATE_ROWS[TEMPLATE_MEMBERS] = {
    GH_TOOLFILE_COMMON_ROWS(true),
    [URI] = {"uriTemplate", GH_TOOLFILE_STRING, true},
    [MIME_TYPE] = {"mimeType", GH_TOOLFILE_STRING, false},
    [ANNOTATIONS] = {"annotations", GH_TOOLFILE_OBJECT, false},
    [REQUEST] = {"request", GH_TOOLFILE_OBJECT, true},
    [RESPONSE] = {"response", GH_TOOLFILE_OBJECT, false},
};

/* --- what both have --- */

static gh_status begin(gh_toolfile_reader *reader, gh_view object, const char *kind, const char *uri_member,
                       gh_entry *entry)
{
    gh_view uri = {NULL, 0};
    gh_status status = GH_OK;
    if (gh_json_slice_member(object, uri_member, &uri) && gh_json_slice_type(uri) == GH_JSON_STRING) {
        status = gh_toolfile_word(reader, uri, uri_member, GH_TOOLFILE_URI_MAX, &entry->uri);
        gh_toolfile_set_item(reader, kind, entry->uri);
    }
    return status;
}

static gh_status fill(gh_toolfile_reader *reader, const gh_view *values, gh_entry *entry)
{
    gh_status status = gh_toolfile_fill_common(reader, values, entry);
    if (status == GH_OK && values[MIME_TYPE].ptr != NULL) {
        status =
            gh_toolfile_word(reader, values[MIME_TYPE], "mimeType", GH_TOOLFILE_NAME_MAX, &entry->mime_type);
        if (status == GH_OK) {
            status = gh_toolfile_check_media_type(reader, values[MIME_TYPE], "mimeType", entry->mime_type);
        }
    }
    if (status == GH_OK && values[ANNOTATIONS].ptr != NULL) {
        status = gh_toolfile_check_annotations(reader, values[ANNOTATIONS]);
    }
    return status == GH_OK ? gh_toolfile_json(reader, values[ANNOTATIONS], "annotations", &entry->annotations)
                           : status;
}

static gh_status read_call(gh_toolfile_reader *reader, const gh_view *values,
                           const gh_toolfile_arguments *arguments, gh_entry *entry)
{
    entry->has_request = true;
    gh_status status = gh_toolfile_read_request(reader, values[REQUEST], arguments, &entry->request);
    if (status == GH_OK && strcmp(entry->request.method, "GET") != 0 &&
        strcmp(entry->request.method, "POST") != 0) {
        status =
            gh_toolfile_refuse(reader, values[REQUEST], "request: a resource is read with GET, or with POST");
    }
    return status == GH_OK && values[RESPONSE].ptr != NULL
               ? gh_toolfile_read_response(reader, values[RESPONSE], arguments, &entry->response)
               : status;
}

/* --- resources --- */

static gh_status check_uri(gh_toolfile_reader *reader, gh_view at, const char *text)
{
    gh_url url;
    gh_error why = {GH_OK, ""};
    return gh_url_parse(gh_view_of(text), &url, &why) == GH_OK
               ? GH_OK
               : gh_toolfile_refuse(reader, at, "uri must be absolute: %s", why.message);
}

static gh_status check_sources(gh_toolfile_reader *reader, gh_view object, const gh_view *values)
{
    int sources = (values[TEXT].ptr != NULL) + (values[FILE_NAME].ptr != NULL) +
                  (values[FOLDER].ptr != NULL) + (values[REQUEST].ptr != NULL);
    if (sources != 1) {
        return gh_toolfile_refuse(reader, object,
                                  "a resource needs one of \"text\", \"file\", \"folder\" and \"request\"");
    }
    if (values[RESPONSE].ptr != NULL && values[REQUEST].ptr == NULL) {
        return gh_toolfile_refuse(reader, values[RESPONSE], "\"response\" goes with \"request\" only");
    }
    return GH_OK;
}

static gh_status read_source(gh_toolfile_reader *reader, gh_view object, const gh_view *values, size_t index)
{
    static const gh_toolfile_arguments NONE = {.noun = "what a resource has: it has no arguments"};
    gh_entry *entry = &reader->kept->set.entries[index];
    if (values[FOLDER].ptr != NULL) {
        return gh_toolfile_read_folder(reader, object, values[FOLDER], index);
    }
    gh_status status = gh_toolfile_take_name(reader, GH_ENTRY_RESOURCE, entry->uri, object);
    if (status != GH_OK) {
        return status;
    }
    if (values[TEXT].ptr != NULL) {
        return gh_toolfile_text(reader, values[TEXT], "text", GH_TOOLFILE_FILE_MAX, &entry->text);
    }
    if (values[FILE_NAME].ptr != NULL) {
        status = gh_toolfile_own_file(reader, values[FILE_NAME], "file", &entry->path);
        return status == GH_OK ? gh_toolfile_guess_type(reader, entry) : status;
    }
    return read_call(reader, values, &NONE, entry);
}

/* NULL after an error was set; then *status says which. */
static gh_entry *add(gh_toolfile_reader *reader, gh_entry_kind kind, const char *name, gh_view object,
                     gh_status *status)
{
    gh_toolfile_set_item(reader, name, NULL);
    if (reader->kept->set.entry_count >= GH_TOOLFILE_TOOLS_MAX + RESOURCES_MAX) {
        *status = gh_toolfile_refuse(reader, object, "there are more than %d tools, resources and templates",
                                     GH_TOOLFILE_TOOLS_MAX + RESOURCES_MAX);
        return NULL;
    }
    *status = GH_ERR_NOMEM;
    return gh_toolfile_add_entry(reader, kind, object);
}

static gh_status read_resource(gh_toolfile_reader *reader, gh_view object)
{
    gh_view values[MEMBERS];
    gh_status status = GH_OK;
    size_t index = reader->kept->set.entry_count;
    gh_entry *entry = add(reader, GH_ENTRY_RESOURCE, "resource", object, &status);
    if (entry == NULL) {
        return status;
    }
    status = begin(reader, object, "resource", "uri", entry);
    if (status == GH_OK) {
        status = gh_toolfile_members(reader, "", object, ROWS, MEMBERS, values);
    }
    if (status == GH_OK) {
        status = check_uri(reader, values[URI], entry->uri);
    }
    if (status == GH_OK) {
        status = fill(reader, values, entry);
    }
    if (status == GH_OK) {
        status = check_sources(reader, object, values);
    }
    return status == GH_OK ? read_source(reader, object, values, index) : status;
}

gh_status gh_toolfile_read_resources(gh_toolfile_reader *reader, gh_view array)
{
    return gh_toolfile_each(reader, array, "resources", read_resource);
}

/* --- templates --- */

static bool is_variable(gh_view name)
{
    for (size_t i = 0; name.ptr != NULL && i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
              c == '.')) {
            return false;
        }
    }
    return name.len > 0;
}

/* The names in braces, each with a NUL behind it. The rest of the grammar is the registry's to check. */
static gh_status list_variables(gh_toolfile_reader *reader, gh_view at, const char *text, gh_buf *names)
{
    gh_view rest = gh_view_of(text);
    for (;;) {
        size_t open = gh_view_find(rest, '{');
        if (gh_view_find(gh_view_make(rest.ptr, open), '}') < open) {
            return gh_toolfile_refuse(reader, at, "uriTemplate has a '}' without its '{'");
        }
        if (open == rest.len) {
            break;
        }
        rest = gh_view_make(rest.ptr + open + 1, rest.len - open - 1);
        gh_view name = gh_view_make(rest.ptr, gh_view_find(rest, '}'));
        if (name.len == rest.len || !is_variable(name)) {
            return gh_toolfile_refuse(reader, at,
                                      "uriTemplate may have plain variables only, such as {id}: letters, "
                                      "digits, '_' and '.'");
        }
        (void)gh_buf_append_view(names, name);
        (void)gh_buf_append_char(names, '\0');
        rest = gh_view_make(rest.ptr + name.len + 1, rest.len - name.len - 1);
    }
    return gh_buf_append_char(names, '\0') == GH_OK ? GH_OK : gh_toolfile_no_memory(reader);
}

static gh_status check_template(gh_toolfile_reader *reader, gh_view at, const char *text)
{
    size_t colon = gh_view_find(gh_view_of(text), ':');
    size_t brace = gh_view_find(gh_view_of(text), '{');
    if (colon == 0 || text[colon] == '\0' || brace < colon || text[brace] == '\0') {
        return gh_toolfile_refuse(
            reader, at, "uriTemplate must be an absolute URI with a variable, such as orders://{id}");
    }
    return GH_OK;
}

static gh_status read_template(gh_toolfile_reader *reader, gh_view object)
{
    gh_view values[TEMPLATE_MEMBERS];
    gh_status status = GH_OK;
    gh_buf names = GH_BUF_INIT(GH_TOOLFILE_URI_MAX + 2);
    gh_entry *entry = add(reader, GH_ENTRY_TEMPLATE, "resource template", object, &status);
    if (entry == NULL) {
        return status;
    }
    status = begin(reader, object, "resource template", "uriTemplate", entry);
    if (status == GH_OK) {
        status = gh_toolfile_members(reader, "", object, TEMPLATE_ROWS, TEMPLATE_MEMBERS, values);
    }
    if (status == GH_OK) {
        status = check_template(reader, values[URI], entry->uri);
    }
    if (status == GH_OK) {
        status = list_variables(reader, values[URI], entry->uri, &names);
    }
    if (status == GH_OK) {
        status = fill(reader, values, entry);
    }
    if (status == GH_OK) {
        status = gh_toolfile_take_name(reader, GH_ENTRY_TEMPLATE, entry->uri, object);
    }
    if (status == GH_OK) {
        const gh_toolfile_arguments arguments = {.listed = names.data, .noun = "the URI template"};
        status = read_call(reader, values, &arguments, entry);
    }
    gh_buf_free(&names);
    return status;
}

gh_status gh_toolfile_read_templates(gh_toolfile_reader *reader, gh_view array)
{
    return gh_toolfile_each(reader, array, "resourceTemplates", read_template);
}

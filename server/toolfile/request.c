/* The request that answers a call. */
#include <stdlib.h>
#include <string.h>

#include "server/toolfile/template_private.h"
#include "server/toolfile/toolfile_private.h"
#include "shared/net/url.h"

#define PATH_MAX_BYTES 4000
#define RETRIES_MAX 5

typedef enum request_member {
    UPSTREAM,
    METHOD,
    PATH,
    QUERY,
    HEADERS,
    BODY,
    TIMEOUT,
    MAX_RESPONSE,
    RETRIES,
    MEMBERS
} request_member;

static const gh_toolfile_member ROWS[MEMBERS] = {
    [UPSTREAM] = {"upstream", GH_TOOLFILE_STRING, false},
    [METHOD] = {"method", GH_TOOLFILE_STRING, false},
    [PATH] = {"path", GH_TOOLFILE_STRING, false},
    [QUERY] = {"query", GH_TOOLFILE_OBJECT, false},
    [HEADERS] = {"headers", GH_TOOLFILE_OBJECT, false},
    [BODY] = {"body", GH_TOOLFILE_OBJECT, false},
    [TIMEOUT] = {"timeoutMs", GH_TOOLFILE_NUMBER, false},
    [MAX_RESPONSE] = {"maxResponseBytes", GH_TOOLFILE_NUMBER, false},
    [RETRIES] = {"retries", GH_TOOLFILE_NUMBER, false},
};

static const struct {
    const char *name;
    bool body;
    unsigned retries;
} METHODS[] = {
    {"GET", false, 1}, {"HEAD", false, 1}, {"POST", true, 0},
    {"PUT", true, 1},  {"PATCH", true, 0}, {"DELETE", true, 1},
};

/* --- where to --- */

static const char *nearest(const gh_toolset *set, const char *name)
{
    for (size_t i = 0; i < set->upstream_count; i++) {
        if (gh_text_distance(name, set->upstreams[i].name, GH_TOOLFILE_NEAR) <= GH_TOOLFILE_NEAR) {
            return set->upstreams[i].name;
        }
    }
    return NULL;
}

static gh_status find_upstream(gh_toolfile_reader *reader, gh_view at, gh_view value,
                               const gh_upstream **upstream)
{
    const gh_toolset *set = &reader->kept->set;
    if (value.ptr == NULL && set->upstream_count == 1) {
        *upstream = &set->upstreams[0];
        return GH_OK;
    }
    if (value.ptr == NULL) {
        return gh_toolfile_refuse(reader, at,
                                  set->upstream_count == 0
                                      ? "request: there is no upstream: write \"upstreams\": {\"NAME\": "
                                        "{\"url\": \"https://...\"}}"
                                      : "request: say \"upstream\", since there are several");
    }
    for (size_t i = 0; i < set->upstream_count; i++) {
        if (gh_json_slice_is(value, gh_view_of(set->upstreams[i].name))) {
            *upstream = &set->upstreams[i];
            return GH_OK;
        }
    }
    char *name = NULL;
    gh_status status = gh_toolfile_text(reader, value, "request: upstream", GH_TOOLFILE_NAME_MAX, &name);
    if (status == GH_OK) {
        const char *near = nearest(set, name);
        status = gh_toolfile_refuse(reader, value, "request: there is no upstream \"%.64s\"%s%s%s", name,
                                    near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                                    near != NULL ? "\"?" : "");
    }
    free(name);
    return status;
}

static gh_status find_method(gh_toolfile_reader *reader, gh_view at, const gh_view *values,
                             gh_api_request *request)
{
    gh_view method = values[METHOD].ptr != NULL ? values[METHOD] : GH_VIEW_LIT("\"GET\"");
    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++) {
        if (gh_json_slice_is(method, gh_view_of(METHODS[i].name))) {
            request->method = METHODS[i].name;
            request->retries = METHODS[i].retries;
            if (values[BODY].ptr != NULL && !METHODS[i].body) {
                return gh_toolfile_refuse(reader, values[METHOD].ptr != NULL ? values[METHOD] : at,
                                          "request: %s has no body: say \"method\": \"POST\" or another",
                                          METHODS[i].name);
            }
            return GH_OK;
        }
    }
    return gh_toolfile_refuse(reader, method,
                              "request: method must be GET, HEAD, POST, PUT, PATCH or DELETE, in capitals");
}

/* --- path --- */

static bool is_path_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~!$&'()*+,;=:@/%", c) != NULL);
}

static const char *wrong_character(gh_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '?' || text.ptr[i] == '#') {
            return "has no query and no fragment: write \"query\": {\"name\": \"value\"}";
        }
        if (!is_path_character(text.ptr[i])) {
            return "holds a character that must be percent-encoded";
        }
    }
    return NULL;
}

/* What the file says of the path, with a letter where values will be. */
static gh_status check_path_text(gh_toolfile_reader *reader, gh_view at, gh_view path)
{
    gh_buf decoded = GH_BUF_INIT(PATH_MAX_BYTES);
    const char *wrong = wrong_character(path);
    if (wrong == NULL && path.len > 0 && path.ptr[0] != '/') {
        wrong = "must begin with '/'";
    } else if (wrong == NULL && path.len >= PATH_MAX_BYTES) {
        wrong = "is too long";
    } else if (wrong == NULL && gh_url_decode(path, false, &decoded) != GH_OK) {
        wrong = "holds a broken escape";
    } else if (wrong == NULL && gh_template_has_dot_segment(path)) {
        wrong = "holds a '.' or '..' between slashes";
    }
    gh_buf_free(&decoded);
    return wrong != NULL ? gh_toolfile_refuse(reader, at, "request: path %s", wrong) : GH_OK;
}

static gh_status read_path(gh_toolfile_reader *reader, gh_view value, const gh_toolfile_arguments *arguments,
                           gh_template **path)
{
    gh_view given = value.ptr != NULL ? value : GH_VIEW_LIT("\"\"");
    gh_buf text = GH_BUF_INIT(GH_TEMPLATE_MAX);
    gh_status status = gh_toolfile_template(reader, given, "request: path", path);
    for (size_t i = 0; status == GH_OK && i < (*path)->count; i++) {
        const gh_template_part *part = &(*path)->parts[i];
        (void)gh_buf_append_view(&text, part->kind == GH_PART_TEXT ? part->text : GH_VIEW_LIT("v"));
    }
    if (status == GH_OK && gh_buf_status(&text) != GH_OK) {
        status = gh_toolfile_no_memory(reader);
    }
    if (status == GH_OK) {
        status = check_path_text(reader, given, gh_buf_view(&text));
    }
    if (status == GH_OK) {
        status = gh_toolfile_check_variables(reader, given, "request: path", *path, arguments, true);
    }
    gh_buf_free(&text);
    return status;
}

/* --- body --- */

typedef enum body_member { JSON, FORM, TEXT, TYPE, SEND_NULL, BODY_MEMBERS } body_member;

static const gh_toolfile_member BODY_ROWS[BODY_MEMBERS] = {
    [JSON] = {"json", GH_TOOLFILE_ANY, false},           [FORM] = {"form", GH_TOOLFILE_OBJECT, false},
    [TEXT] = {"text", GH_TOOLFILE_STRING, false},        [TYPE] = {"type", GH_TOOLFILE_STRING, false},
    [SEND_NULL] = {"sendNull", GH_TOOLFILE_BOOL, false},
};

static gh_status read_json_body(gh_toolfile_reader *reader, gh_view value,
                                const gh_toolfile_arguments *arguments, gh_api_request *request)
{
    gh_error why = {GH_OK, ""};
    request->body_kind = GH_BODY_JSON;
    gh_status status = gh_toolfile_pass_on(
        reader, value, gh_json_template_new(value, &request->body_json, &why), "request: body: json", &why);
    return status == GH_OK ? gh_toolfile_check_json_variables(reader, value, "request: body: json",
                                                              request->body_json, arguments)
                           : status;
}

static gh_status read_text_body(gh_toolfile_reader *reader, gh_view value,
                                const gh_toolfile_arguments *arguments, gh_api_request *request)
{
    request->body_kind = GH_BODY_TEXT;
    gh_status status = gh_toolfile_template(reader, value, "request: body: text", &request->body_text);
    return status == GH_OK ? gh_toolfile_check_variables(reader, value, "request: body: text",
                                                         request->body_text, arguments, false)
                           : status;
}

static gh_status read_body(gh_toolfile_reader *reader, gh_view object, const gh_toolfile_arguments *arguments,
                           gh_api_request *request)
{
    gh_view values[BODY_MEMBERS];
    gh_status status = gh_toolfile_members(reader, "request: body", object, BODY_ROWS, BODY_MEMBERS, values);
    if (status != GH_OK) {
        return status;
    }
    if ((values[JSON].ptr != NULL) + (values[FORM].ptr != NULL) + (values[TEXT].ptr != NULL) != 1) {
        return gh_toolfile_refuse(reader, object,
                                  "request: body needs one of \"json\", \"form\" and \"text\"");
    }
    if (values[FORM].ptr != NULL && values[TYPE].ptr != NULL) {
        return gh_toolfile_refuse(reader, values[TYPE], "request: body: a form has no other type");
    }
    if (values[JSON].ptr == NULL && values[SEND_NULL].ptr != NULL) {
        return gh_toolfile_refuse(reader, values[SEND_NULL], "request: body: sendNull belongs to \"json\"");
    }
    request->send_null = values[SEND_NULL].ptr != NULL && values[SEND_NULL].ptr[0] == 't';
    if (values[JSON].ptr != NULL) {
        status = read_json_body(reader, values[JSON], arguments, request);
    } else if (values[TEXT].ptr != NULL) {
        status = read_text_body(reader, values[TEXT], arguments, request);
    } else {
        request->body_kind = GH_BODY_FORM;
        status = gh_toolfile_read_pairs(reader, values[FORM], "request: body: form", arguments,
                                        &request->body_form, &request->body_form_count);
    }
    if (status == GH_OK && values[TYPE].ptr != NULL) {
        status = gh_toolfile_word(reader, values[TYPE], "request: body: type", GH_TOOLFILE_NAME_MAX,
                                  &request->body_type);
        if (status == GH_OK) {
            status =
                gh_toolfile_check_media_type(reader, values[TYPE], "request: body: type", request->body_type);
        }
    }
    return status;
}

/* --- all of it --- */

static gh_status read_bounds(gh_toolfile_reader *reader, const gh_view *values, gh_api_request *request)
{
    int64_t bytes = (int64_t)request->upstream->max_response;
    int64_t retries = request->retries;
    request->timeout_ms = request->upstream->timeout_ms;
    gh_status status = gh_toolfile_number(reader, values[TIMEOUT], "request: timeoutMs", 1,
                                          GH_TOOLFILE_SECONDS_MAX * 1000, &request->timeout_ms);
    if (status == GH_OK) {
        status = gh_toolfile_number(reader, values[MAX_RESPONSE], "request: maxResponseBytes", 1,
                                    GH_TOOLFILE_RESPONSE_MAX, &bytes);
    }
    if (status == GH_OK) {
        status = gh_toolfile_number(reader, values[RETRIES], "request: retries", 0, RETRIES_MAX, &retries);
    }
    request->max_response = (size_t)bytes;
    request->retries = (unsigned)retries;
    return status;
}

gh_status gh_toolfile_read_request(gh_toolfile_reader *reader, gh_view object,
                                   const gh_toolfile_arguments *arguments, gh_api_request *request)
{
    gh_view values[MEMBERS];
    gh_status status = gh_toolfile_members(reader, "request", object, ROWS, MEMBERS, values);
    if (status == GH_OK) {
        status = find_upstream(reader, object, values[UPSTREAM], &request->upstream);
    }
    if (status == GH_OK) {
        status = find_method(reader, object, values, request);
    }
    if (status == GH_OK) {
        status = read_path(reader, values[PATH], arguments, &request->path);
    }
    if (status == GH_OK && values[QUERY].ptr != NULL) {
        status = gh_toolfile_read_pairs(reader, values[QUERY], "request: query", arguments, &request->query,
                                        &request->query_count);
    }
    if (status == GH_OK && values[HEADERS].ptr != NULL) {
        status = gh_toolfile_read_headers(reader, values[HEADERS], "request: headers", arguments,
                                          request->upstream, &request->upstream->credential,
                                          &request->headers, &request->header_count);
    }
    if (status == GH_OK && values[BODY].ptr != NULL) {
        status = read_body(reader, values[BODY], arguments, request);
    }
    return status == GH_OK ? read_bounds(reader, values, request) : status;
}

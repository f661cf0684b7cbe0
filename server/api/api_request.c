/* From arguments to a request: URL, headers and body by the entry's templates. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/api/api_private.h"
#include "shared/net/url.h"

#define DECODED_ROUNDS 3 /* how often a server behind a proxy may decode a path */

void gh_api_wire_clear(gh_api_wire *wire)
{
    for (size_t i = 0; i < wire->header_count; i++) {
        char *value = (char *)(uintptr_t)wire->headers[i].value;
        free(value);
    }
    free(wire->url);
    gh_buf_wipe_free(&wire->body);
    memset(wire, 0, sizeof *wire);
}

/* --- the URL --- */

/* "..;x" is ".." to servers that know path parameters. */
static bool is_dots(gh_view segment)
{
    gh_view name = gh_view_make(segment.ptr, gh_view_find(segment, ';'));
    return gh_view_eq_cstr(name, ".") || gh_view_eq_cstr(name, "..");
}

static bool has_dots(gh_view path)
{
    size_t begin = 0;
    for (size_t i = 0; i <= path.len; i++) {
        if (i == path.len || path.ptr[i] == '/' || path.ptr[i] == '\\') {
            if (is_dots(gh_view_make(path.ptr + begin, i - begin))) {
                return true;
            }
            begin = i + 1;
        }
    }
    return false;
}

/* What the path says to a server that decodes before it looks for segments, and to the one behind it. */
static bool leads_up(gh_view path)
{
    gh_buf now = GH_BUF_INIT(GH_URL_MAX);
    gh_buf next = GH_BUF_INIT(GH_URL_MAX);
    bool bad = gh_buf_append_view(&now, path) != GH_OK;
    for (int round = 0; !bad && round <= DECODED_ROUNDS; round++) {
        gh_view text = gh_buf_view(&now);
        bad = has_dots(text);
        if (bad || gh_view_find(text, '%') == text.len) {
            break;
        }
        gh_buf_clear(&next);
        if (gh_url_decode(text, false, &next) != GH_OK) {
            bad = round == 0; /* later, a lone '%' is a character like any other */
            break;
        }
        gh_buf swap = now;
        now = next;
        next = swap;
    }
    gh_buf_free(&now);
    gh_buf_free(&next);
    return bad;
}

bool gh_api_url_is_below(const char *base, const char *url)
{
    gh_url from;
    gh_url to;
    if (gh_url_parse(gh_view_of(base), &from, NULL) != GH_OK ||
        gh_url_parse(gh_view_of(url), &to, NULL) != GH_OK || !gh_url_same_origin(&from, &to) ||
        to.has_userinfo || to.has_fragment || !gh_view_starts_with(to.path, from.path)) {
        return false;
    }
    gh_view rest = gh_view_make(to.path.ptr + from.path.len, to.path.len - from.path.len);
    bool whole_segments =
        rest.len == 0 || rest.ptr[0] == '/' || gh_view_ends_with(from.path, GH_VIEW_LIT("/"));
    return whole_segments && !leads_up(rest);
}

static gh_status missing(gh_error *error, const char *what)
{
    return gh_error_set(error, GH_ERR_INVALID, "An argument that the request's %s needs is missing.", what);
}

static gh_status build_url(const gh_api_request *request, const gh_template_values *values, char **url,
                           gh_error *error)
{
    gh_buf out = GH_BUF_INIT(GH_URL_MAX);
    gh_buf query = GH_BUF_INIT(GH_URL_MAX);
    (void)gh_buf_append_cstr(&out, request->upstream->url);
    gh_status status =
        request->path == NULL ? GH_OK : gh_template_fill(request->path, GH_PLACE_PATH, values, &out, error);
    if (status == GH_ERR_NOT_FOUND) {
        status = missing(error, "path");
    }
    for (size_t i = 0; i < request->query_count && status == GH_OK; i++) {
        const gh_named_template *one = &request->query[i];
        status = gh_template_fill_pairs(one->value, gh_view_of(one->name), one->style, one->explode, values,
                                        &query, error);
        status = status == GH_ERR_NOT_FOUND ? GH_OK : status;
    }
    if (status == GH_OK && query.len > 0) {
        (void)gh_buf_append_char(&out, '?');
        (void)gh_buf_append_view(&out, gh_buf_view(&query));
    }
    if (status == GH_ERR_TOO_LARGE || (status == GH_OK && gh_buf_status(&out) == GH_ERR_TOO_LARGE)) {
        status = gh_error_set(error, GH_ERR_TOO_LARGE, "The arguments make a URL that is too long.");
    } else if (status == GH_OK && !gh_api_url_is_below(request->upstream->url, gh_buf_cstr(&out))) {
        status = gh_error_set(error, GH_ERR_INVALID,
                              "The arguments make a path that leads elsewhere; it was not asked for.");
    }
    if (status == GH_OK) {
        *url = gh_buf_steal(&out);
        status = *url == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_free(&out);
    gh_buf_free(&query);
    return status;
}

/* --- headers --- */

static gh_http_header *find_header(gh_api_wire *wire, const char *name)
{
    for (size_t i = 0; i < wire->header_count; i++) {
        if (strcasecmp(wire->headers[i].name, name) == 0) {
            return &wire->headers[i];
        }
    }
    return NULL;
}

/* Takes `value`; one of the same name is replaced. */
static gh_status put_header(gh_api_wire *wire, const char *name, char *value, gh_error *error)
{
    gh_http_header *header = find_header(wire, name);
    if (value == NULL) {
        return GH_ERR_NOMEM;
    }
    if (!gh_http_header_is_valid(name, value)) {
        free(value);
        return gh_error_set(error, GH_ERR_INVALID, "The header %.64s cannot have that value.", name);
    }
    if (header != NULL) {
        free((char *)(uintptr_t)header->value);
        header->value = value;
        return GH_OK;
    }
    if (wire->header_count == GH_API_HEADERS_MAX) {
        free(value);
        return gh_error_set(error, GH_ERR_TOO_LARGE, "The request has too many headers.");
    }
    wire->headers[wire->header_count++] = (gh_http_header){name, value};
    return GH_OK;
}

static gh_status fill_header(gh_api_wire *wire, const gh_named_template *one, bool needed,
                             const gh_template_values *values, gh_error *error)
{
    gh_buf value = GH_BUF_INIT(16 * 1024);
    gh_status status = gh_template_fill(one->value, GH_PLACE_HEADER, values, &value, error);
    if (status == GH_OK) {
        (void)gh_buf_append_cstr(&value, "");
        status = put_header(wire, one->name, value.len == 0 ? gh_text_dup("") : gh_buf_steal(&value), error);
    } else if (status == GH_ERR_NOT_FOUND) {
        /* Without the header that says for whom it is, an API may do it for anybody. */
        status = needed ? gh_error_set(error, GH_ERR_INVALID,
                                       "The API needs to know more about you than your sign-in says (%.64s).",
                                       one->name)
                        : GH_OK;
    } else if (status == GH_ERR_TOO_LARGE) {
        status = gh_error_set(error, status, "The header %.64s would be too long.", one->name);
    }
    gh_buf_free(&value);
    return status;
}

static const char *accept_of(gh_response_kind kind)
{
    switch (kind) {
    case GH_RESPONSE_JSON:
        return "application/json, */*;q=0.1";
    case GH_RESPONSE_TEXT:
        return "text/*, */*;q=0.5";
    case GH_RESPONSE_IMAGE:
        return "image/*";
    case GH_RESPONSE_AUDIO:
        return "audio/*";
    case GH_RESPONSE_AUTO:
        break;
    }
    return "application/json, text/*;q=0.9, */*;q=0.5";
}

static gh_status build_headers(const gh_entry *entry, const gh_template_values *values, gh_api_wire *wire,
                               gh_error *error)
{
    const gh_api_request *request = &entry->request;
    gh_status status = put_header(wire, "Accept", gh_text_dup(accept_of(entry->response.kind)), error);
    for (size_t i = 0; i < request->upstream->header_count && status == GH_OK; i++) {
        status = fill_header(wire, &request->upstream->headers[i], true, values, error);
    }
    for (size_t i = 0; i < request->header_count && status == GH_OK; i++) {
        status = fill_header(wire, &request->headers[i], false, values, error);
    }
    return status;
}

/* --- the body --- */

static gh_status fill_form(const gh_api_request *request, const gh_template_values *values, gh_buf *body,
                           gh_error *error)
{
    gh_status status = GH_OK;
    for (size_t i = 0; i < request->body_form_count && status == GH_OK; i++) {
        const gh_named_template *one = &request->body_form[i];
        status = gh_template_fill_pairs(one->value, gh_view_of(one->name), one->style, one->explode, values,
                                        body, error);
        status = status == GH_ERR_NOT_FOUND ? GH_OK : status;
    }
    return status;
}

static gh_status fill_json(const gh_api_request *request, const gh_template_values *values, gh_buf *body,
                           gh_error *error)
{
    gh_template_values given = *values;
    given.nulls = request->send_null;
    return gh_json_template_fill(request->body_json, &given, body, error);
}

static gh_status fill_body(const gh_api_request *request, const gh_template_values *values, gh_buf *body,
                           const char **type, gh_error *error)
{
    switch (request->body_kind) {
    case GH_BODY_JSON:
        *type = "application/json";
        return fill_json(request, values, body, error);
    case GH_BODY_FORM:
        *type = "application/x-www-form-urlencoded";
        return fill_form(request, values, body, error);
    case GH_BODY_TEXT:
        *type = "text/plain; charset=utf-8";
        return gh_template_fill(request->body_text, GH_PLACE_TEXT, values, body, error);
    case GH_BODY_NONE:
        break;
    }
    *type = NULL;
    return GH_OK;
}

static gh_status build_body(const gh_api_request *request, const gh_template_values *values,
                            gh_api_wire *wire, gh_error *error)
{
    const char *type = NULL;
    gh_status status = fill_body(request, values, &wire->body, &type, error);
    if (status == GH_ERR_NOT_FOUND && request->body_kind == GH_BODY_JSON) {
        gh_buf_clear(&wire->body); /* the body is one argument, and it is not there */
        return GH_OK;
    }
    if (status == GH_ERR_NOT_FOUND) {
        return missing(error, "body");
    }
    if (status == GH_ERR_TOO_LARGE) {
        return gh_error_set(error, status, "The arguments make a request that is larger than %zu MiB.",
                            GH_API_BODY_MAX / 1024 / 1024);
    }
    if (status == GH_OK) {
        status = gh_buf_status(&wire->body);
    }
    if (status == GH_OK && type != NULL && find_header(wire, "Content-Type") == NULL) {
        type = request->body_type != NULL ? request->body_type : type;
        status = put_header(wire, "Content-Type", gh_text_dup(type), error);
    }
    return status;
}

gh_status gh_api_wire_build(const gh_entry *entry, const gh_template_values *values, gh_api_wire *wire,
                            gh_error *error)
{
    memset(wire, 0, sizeof *wire);
    gh_buf_init(&wire->body, GH_API_BODY_MAX);
    wire->method = entry->request.method;
    gh_status status = build_url(&entry->request, values, &wire->url, error);
    if (status == GH_OK) {
        status = build_headers(entry, values, wire, error);
    }
    if (status == GH_OK) {
        status = build_body(&entry->request, values, wire, error);
    }
    if (status == GH_ERR_NOMEM) {
        (void)gh_error_set(error, status, "The server is out of memory; try again later.");
    }
    return status;
}

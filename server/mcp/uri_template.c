#include "server/mcp/uri_template.h"

#include <stdlib.h>
#include <string.h>

#include "shared/json/access.h"
#include "shared/net/url.h"

/* literal[0] variable[0] literal[1] variable[1] ... literal[count]; all are views into `text`. */
struct gh_uri_template {
    char *text;
    size_t count;
    gh_view variable[GH_URI_TEMPLATE_VARIABLES_MAX];
    gh_view literal[GH_URI_TEMPLATE_VARIABLES_MAX + 1];
};

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Only characters for which `allowed` holds, and whole escapes. */
static bool holds_only(gh_view text, bool (*allowed)(char c))
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '%') {
            if (text.len - i < 3 || !is_hex(text.ptr[i + 1]) || !is_hex(text.ptr[i + 2])) {
                return false;
            }
            i += 2;
        } else if (!allowed(text.ptr[i])) {
            return false;
        }
    }
    return true;
}

static bool is_uri_character(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("-._~:/?#[]@!$&'()*+,;=", c) != NULL);
}

static bool is_name_character(char c)
{
    return is_alnum(c) || c == '_';
}

static bool starts_with_scheme(gh_view literal)
{
    size_t colon = gh_view_find(literal, ':');
    if (colon == 0 || colon == literal.len || !is_alnum(literal.ptr[0]) || literal.ptr[0] <= '9') {
        return false;
    }
    for (size_t i = 0; i < colon; i++) {
        if (!is_alnum(literal.ptr[i]) && strchr("+-.", literal.ptr[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static gh_status check_literal(gh_view literal, gh_error *error)
{
    if (!holds_only(literal, is_uri_character)) {
        return gh_error_set(error, GH_ERR_PARSE,
                            "the URI template holds a character that a URI must percent-encode");
    }
    return GH_OK;
}

static gh_status check_variable(const gh_uri_template *pattern, gh_view name, gh_error *error)
{
    if (name.len > 0 && strchr("+#./;?&=,!@|", name.ptr[0]) != NULL) {
        return gh_error_set(error, GH_ERR_UNSUPPORTED,
                            "the URI template uses the operator '%c': only plain variables are known here",
                            name.ptr[0]);
    }
    if (name.len > 0 && (gh_view_find(name, ',') < name.len || gh_view_find(name, ':') < name.len ||
                         name.ptr[name.len - 1] == '*')) {
        return gh_error_set(
            error, GH_ERR_UNSUPPORTED,
            "the URI template has a list or a modifier in braces: only plain variables are known here");
    }
    gh_view rest = name;
    gh_view part;
    while (gh_view_next(&rest, '.', &part)) {
        if (part.len == 0 || !holds_only(part, is_name_character)) {
            return gh_error_set(
                error, GH_ERR_PARSE,
                "a variable of the URI template must be letters, digits, '_' and single dots");
        }
    }
    if (gh_uri_template_has(pattern, name)) {
        return gh_error_set(error, GH_ERR_UNSUPPORTED, "the URI template has a variable twice: %.*s",
                            (int)(name.len < 64 ? name.len : 64), name.ptr);
    }
    if (pattern->count > 0 && pattern->literal[pattern->count].len == 0) {
        return gh_error_set(error, GH_ERR_UNSUPPORTED,
                            "the URI template has two variables without text between them");
    }
    if (pattern->count == GH_URI_TEMPLATE_VARIABLES_MAX) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "the URI template has more than %d variables",
                            GH_URI_TEMPLATE_VARIABLES_MAX);
    }
    return GH_OK;
}

static gh_status parse(gh_uri_template *pattern, gh_view rest, gh_error *error)
{
    for (;;) {
        size_t open = gh_view_find(rest, '{');
        pattern->literal[pattern->count] = gh_view_make(rest.ptr, open);
        gh_status status = check_literal(pattern->literal[pattern->count], error);
        if (status != GH_OK || open == rest.len) {
            return status;
        }
        rest = gh_view_make(rest.ptr + open + 1, rest.len - open - 1);
        size_t close = gh_view_find(rest, '}');
        if (close == rest.len) {
            return gh_error_set(error, GH_ERR_PARSE, "the URI template has a '{' without its '}'");
        }
        gh_view name = gh_view_make(rest.ptr, close);
        status = check_variable(pattern, name, error);
        if (status != GH_OK) {
            return status;
        }
        pattern->variable[pattern->count++] = name;
        rest = gh_view_make(rest.ptr + close + 1, rest.len - close - 1);
    }
}

gh_status gh_uri_template_new(gh_view text, gh_uri_template **result, gh_error *error)
{
    gh_status status = GH_ERR_NOMEM;
    gh_uri_template *pattern = NULL;
    if (text.len > GH_URI_TEMPLATE_MAX) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "the URI template is longer than %d bytes",
                            GH_URI_TEMPLATE_MAX);
    }
    if (text.len == 0 || memchr(text.ptr, '\0', text.len) != NULL) {
        return gh_error_set(error, GH_ERR_PARSE, "the URI template is empty or holds a NUL");
    }
    pattern = calloc(1, sizeof *pattern);
    if (pattern == NULL || (pattern->text = gh_view_dup(text)) == NULL) {
        goto out;
    }
    status = parse(pattern, gh_view_of(pattern->text), error);
    if (status == GH_OK && !starts_with_scheme(pattern->literal[0])) {
        status =
            gh_error_set(error, GH_ERR_PARSE, "the URI template must begin with a scheme, such as https://");
    }
    if (status == GH_OK) {
        *result = pattern;
        pattern = NULL;
    }
out:
    gh_uri_template_free(pattern);
    return status;
}

void gh_uri_template_free(gh_uri_template *pattern)
{
    if (pattern != NULL) {
        free(pattern->text);
        free(pattern);
    }
}

bool gh_uri_template_has(const gh_uri_template *pattern, gh_view variable)
{
    for (size_t i = 0; i < pattern->count; i++) {
        if (gh_view_eq(pattern->variable[i], variable)) {
            return true;
        }
    }
    return false;
}

/* --- matching --- */

/* Where the literal after a variable begins in `rest`, which starts with the variable. Taking the first place
 * cannot miss a match: a later one only moves characters from the next variable into this one. Within an
 * escape there is no such place. */
static bool end_of_variable(const gh_uri_template *pattern, size_t index, gh_view rest, size_t *end)
{
    gh_view after = pattern->literal[index + 1];
    if (index + 1 == pattern->count) {
        *end = rest.len - after.len;
        return rest.len > after.len && gh_view_ends_with(rest, after);
    }
    for (size_t from = 1; from < rest.len; from = *end + 1) {
        const char *found = memmem(rest.ptr + from, rest.len - from, after.ptr, after.len);
        if (found == NULL) {
            return false;
        }
        *end = (size_t)(found - rest.ptr);
        if (rest.ptr[*end - 1] != '%' && (*end < 2 || rest.ptr[*end - 2] != '%')) {
            return true;
        }
    }
    return false;
}

static bool cut(const gh_uri_template *pattern, gh_view uri, gh_view *values)
{
    gh_view first = pattern->literal[0];
    if (uri.len > GH_URI_TEMPLATE_MAX || !gh_view_starts_with(uri, first)) {
        return false;
    }
    gh_view rest = gh_view_make(uri.ptr + first.len, uri.len - first.len);
    for (size_t i = 0; i < pattern->count; i++) {
        size_t end = 0;
        if (!end_of_variable(pattern, i, rest, &end)) {
            return false;
        }
        values[i] = gh_view_make(rest.ptr, end);
        if (gh_view_find(values[i], '/') < end) {
            return false;
        }
        size_t used = end + pattern->literal[i + 1].len;
        rest = gh_view_make(rest.ptr + used, rest.len - used);
    }
    return rest.len == 0;
}

static gh_status write_value(gh_view name, gh_view value, gh_buf *decoded, gh_buf *out)
{
    gh_buf_clear(decoded);
    gh_status status = gh_url_decode(value, false, decoded);
    if (status != GH_OK) {
        return status == GH_ERR_NOMEM ? status : GH_ERR_NOT_FOUND;
    }
    gh_view plain = gh_buf_view(decoded);
    if (gh_view_find(plain, '/') < plain.len || gh_view_find(plain, '\0') < plain.len ||
        !gh_text_is_utf8(plain)) {
        return GH_ERR_NOT_FOUND;
    }
    (void)gh_json_write_string(out, name);
    (void)gh_buf_append_char(out, ':');
    return gh_json_write_string(out, plain);
}

gh_status gh_uri_template_match(const gh_uri_template *pattern, gh_view uri, gh_buf *variables)
{
    gh_view values[GH_URI_TEMPLATE_VARIABLES_MAX];
    if (!cut(pattern, uri, values)) {
        return GH_ERR_NOT_FOUND;
    }
    gh_status status = GH_OK;
    gh_buf decoded = GH_BUF_INIT(GH_URI_TEMPLATE_MAX);
    gh_buf object = GH_BUF_INIT(16 * GH_URI_TEMPLATE_MAX);
    (void)gh_buf_append_char(&object, '{');
    for (size_t i = 0; i < pattern->count && status == GH_OK; i++) {
        (void)gh_buf_append_cstr(&object, i == 0 ? "" : ",");
        status = write_value(pattern->variable[i], values[i], &decoded, &object);
    }
    if (status == GH_OK) {
        status = gh_buf_append_char(&object, '}');
    }
    if (status == GH_OK) {
        status = gh_buf_append_view(variables, gh_buf_view(&object));
    }
    gh_buf_free(&decoded);
    gh_buf_free(&object);
    return status;
}

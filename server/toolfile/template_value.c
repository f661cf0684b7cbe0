/* What a variable stands for, and how it is written where it lands. */
#include <string.h>

#include "server/toolfile/template_private.h"
#include "shared/json/slice.h"
#include "shared/net/url.h"

#define SHOWN 64
#define DECODED_ROUNDS 3 /* by proxies before the API, and the API itself */

static int shown(gh_view text)
{
    return (int)(text.len < SHOWN ? text.len : SHOWN);
}

void gh_template_undo(gh_buf *out, size_t len)
{
    if (out->len > len) {
        out->len = len;
        out->data[len] = '\0';
    }
}

/* --- finding it --- */

static bool member(gh_view object, gh_view name, gh_view *value)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    if (!gh_json_iter_start(object, &iter) || !iter.object) {
        return false;
    }
    while (gh_json_iter_next(&iter, &key, value)) {
        if (gh_json_slice_is(key, name)) {
            return true;
        }
    }
    return false;
}

static bool find_argument(gh_view name, const gh_template_values *values, gh_view *found)
{
    /* Variables of a resource template have dots in their names rather than members. */
    if (values->variables.ptr != NULL && member(values->variables, name, found)) {
        return gh_json_slice_type(*found) != GH_JSON_NULL;
    }
    gh_view at = values->arguments;
    gh_view rest = name;
    gh_view word;
    while (gh_view_next(&rest, '.', &word)) {
        gh_view inner = {NULL, 0};
        if (!member(at, word, &inner)) {
            return false;
        }
        at = inner;
    }
    *found = at;
    return gh_json_slice_type(at) != GH_JSON_NULL && gh_json_slice_type(at) != GH_JSON_NONE;
}

bool gh_template_find(const gh_template_part *part, const gh_template_values *values,
                      gh_template_value *value)
{
    *value = (gh_template_value){.name = part->text};
    if (part->kind == GH_PART_ARGUMENT) {
        bool found = find_argument(part->text, values, &value->json);
        if (!found && gh_json_slice_type(value->json) != GH_JSON_NULL) {
            value->json = (gh_view){NULL, 0};
        }
        return found;
    }
    const char *text = NULL;
    if (values->principal == NULL) {
        return false;
    }
    memcpy(&text, (const char *)values->principal + part->person, sizeof text);
    value->plain = gh_view_of(text);
    return text != NULL;
}

/* --- writing it --- */

bool gh_template_is_compound(const gh_template_value *value)
{
    gh_json_type type = gh_json_slice_type(value->json);
    return type == GH_JSON_ARRAY || type == GH_JSON_OBJECT;
}

gh_status gh_template_scalar(const gh_template_value *value, gh_buf *out, gh_error *error)
{
    gh_status status = GH_OK;
    if (value->json.ptr == NULL) {
        return gh_buf_append_view(out, value->plain);
    }
    switch (gh_json_slice_type(value->json)) {
    case GH_JSON_STRING:
        status = gh_json_slice_unescape(value->json, out);
        return status == GH_ERR_PARSE
                   ? gh_error_set(error, GH_ERR_INVALID, "%.*s holds an escape that is not legal",
                                  shown(value->name), value->name.ptr)
                   : status;
    case GH_JSON_NUMBER:
    case GH_JSON_BOOL:
        return gh_buf_append_view(out, gh_view_trim(value->json));
    default:
        return gh_error_set(error, GH_ERR_INVALID, "%.*s must be a string, number or boolean here",
                            shown(value->name), value->name.ptr);
    }
}

gh_status gh_template_escape(gh_view name, gh_view text, gh_template_place place, gh_buf *out,
                             gh_error *error)
{
    switch (place) {
    case GH_PLACE_PATH:
        if (text.len == 0) {
            return gh_error_set(error, GH_ERR_INVALID, "%.*s must not be empty", shown(name), name.ptr);
        }
        return gh_url_encode(text, out);
    case GH_PLACE_QUERY:
        return gh_url_encode(text, out);
    case GH_PLACE_HEADER:
        if (gh_text_has_control(text)) {
            return gh_error_set(error, GH_ERR_INVALID,
                                "%.*s holds a line break or another control character, which a header cannot "
                                "carry",
                                shown(name), name.ptr);
        }
        return gh_buf_append_view(out, text);
    case GH_PLACE_TEXT:
        break;
    }
    return gh_buf_append_view(out, text);
}

gh_status gh_template_join(const gh_template_value *value, gh_template_place place, const char *separator,
                           gh_buf *out, gh_error *error)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_template_value element = {.name = value->name};
    size_t start = out->len;
    gh_buf text = GH_BUF_INIT(out->max);
    gh_status status = gh_json_iter_start(value->json, &iter) ? GH_OK : GH_ERR_INVALID;
    while (status == GH_OK && gh_json_iter_next(&iter, &key, &element.json)) {
        if (gh_json_slice_type(element.json) == GH_JSON_NULL) {
            continue;
        }
        if (out->len > start) {
            (void)gh_buf_append_cstr(out, separator);
        }
        if (iter.object) {
            gh_buf_clear(&text);
            status = gh_json_slice_unescape(key, &text);
            if (status == GH_OK) {
                status = gh_template_escape(value->name, gh_buf_view(&text), place, out, error);
            }
            (void)gh_buf_append_cstr(out, separator);
        }
        gh_buf_clear(&text);
        if (status == GH_OK) {
            status = gh_template_scalar(&element, &text, error);
        }
        if (status == GH_OK) {
            status = gh_template_escape(value->name, gh_buf_view(&text), place, out, error);
        }
    }
    gh_buf_free(&text);
    return status == GH_OK ? gh_buf_status(out) : status;
}

/* --- dots --- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The next byte after so many rounds of percent-decoding, which let pass what is no escape. */
static int next_byte(gh_view *rest, int rounds)
{
    gh_view after = *rest;
    if (after.len == 0) {
        return -1;
    }
    if (rounds == 0) {
        rest->ptr++;
        rest->len--;
        return (unsigned char)after.ptr[0];
    }
    int c = next_byte(&after, rounds - 1);
    if (c == '%') {
        gh_view digits = after;
        int high = next_byte(&digits, rounds - 1);
        int low = high < 0 ? -1 : next_byte(&digits, rounds - 1);
        if (low >= 0 && hex_digit((char)high) >= 0 && hex_digit((char)low) >= 0) {
            c = hex_digit((char)high) << 4 | hex_digit((char)low);
            after = digits;
        }
    }
    *rest = after;
    return c;
}

static bool has_dots(gh_view path, int rounds)
{
    int dots = 0;       /* that the segment begins with */
    bool only = true;   /* nothing but dots so far */
    bool ended = false; /* at its ';' */
    for (;;) {
        int c = next_byte(&path, rounds);
        if (c < 0 || c == '/' || c == '\\') {
            if (only && (dots == 1 || dots == 2)) {
                return true;
            }
            if (c < 0) {
                return false;
            }
            dots = 0;
            only = true;
            ended = false;
        } else if (c == ';') {
            ended = true;
        } else if (c == '.' && !ended) {
            dots++;
        } else if (!ended) {
            only = false;
        }
    }
}

bool gh_template_has_dot_segment(gh_view path)
{
    for (int rounds = 0; rounds <= DECODED_ROUNDS; rounds++) {
        if (has_dots(path, rounds)) {
            return true;
        }
    }
    return false;
}

/* Queries, forms and headers: names with templates. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/toolfile/template_private.h"
#include "server/toolfile/toolfile_private.h"

#define NAMED_MAX 256
#define WHAT_MAX 160

/* --- what a name or value may be --- */

bool gh_toolfile_is_header_name(gh_view name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return name.len > 0 && name.len <= GH_TOOLFILE_NAME_MAX;
}

bool gh_toolfile_is_reserved_header(gh_view name)
{
    static const char *const NAMES[] = {
        "Host",       "Content-Length",  "Content-Encoding", "Transfer-Encoding",
        "Connection", "Keep-Alive",      "Upgrade",          "TE",
        "Trailer",    "Expect",          "Forwarded",        "Via",
        "X-Real-IP",  "Accept-Encoding", "HTTP2-Settings",   "Set-Cookie",
        "Set-Cookie2"};
    static const char *const PREFIXES[] = {"Proxy-", "X-Forwarded-", "Mcp-", "Sec-"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (gh_view_eq_nocase(name, gh_view_of(NAMES[i]))) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof PREFIXES / sizeof PREFIXES[0]; i++) {
        if (gh_view_starts_with_nocase(name, gh_view_of(PREFIXES[i]))) {
            return true;
        }
    }
    return false;
}

static gh_status read_value(gh_toolfile_reader *reader, gh_view value, const char *what,
                            const gh_toolfile_arguments *arguments, gh_template **out)
{
    gh_json_type type = gh_json_slice_type(value);
    gh_status status = GH_OK;
    if (type == GH_JSON_NUMBER || type == GH_JSON_BOOL) {
        gh_error why = {GH_OK, ""};
        return gh_toolfile_pass_on(reader, value, gh_template_new(value, out, &why), what, &why);
    }
    if (type != GH_JSON_STRING) {
        return gh_toolfile_refuse(reader, value, "%s must be a string, number or boolean", what);
    }
    status = gh_toolfile_template(reader, value, what, out);
    return status == GH_OK ? gh_toolfile_check_variables(reader, value, what, *out, arguments, false)
                           : status;
}

/* --- a list of them --- */

typedef gh_status (*read_one)(gh_toolfile_reader *reader, gh_view key, gh_view value, const char *what,
                              const void *context, gh_named_template *one);

static gh_status read_named(gh_toolfile_reader *reader, gh_view object, const char *what, bool nocase,
                            read_one read, const void *context, gh_named_template **list, size_t *count)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    size_t total = gh_toolfile_count(object);
    gh_status status = GH_OK;
    char place[WHAT_MAX];
    if (total > NAMED_MAX) {
        return gh_toolfile_refuse(reader, object, "%s has more than %d members", what, NAMED_MAX);
    }
    if (total == 0) {
        return GH_OK;
    }
    *list = calloc(total, sizeof **list);
    if (*list == NULL) {
        return gh_toolfile_no_memory(reader);
    }
    (void)gh_json_iter_start(object, &iter);
    while (status == GH_OK && *count < total && gh_json_iter_next(&iter, &key, &value)) {
        gh_named_template *one = &(*list)[(*count)++];
        status = gh_toolfile_word(reader, key, "a name", GH_TOOLFILE_NAME_MAX, &one->name);
        for (size_t i = 0; i + 1 < *count && status == GH_OK; i++) {
            if (nocase ? strcasecmp((*list)[i].name, one->name) == 0
                       : strcmp((*list)[i].name, one->name) == 0) {
                status = gh_toolfile_refuse(reader, key, "%s: \"%.64s\" is there twice", what, one->name);
            }
        }
        if (status == GH_OK) {
            (void)snprintf(place, sizeof place, "%s: %.64s", what, one->name);
            status = read(reader, key, value, place, context, one);
        }
    }
    return status;
}

/* --- queries and forms --- */

typedef enum pair_member { PAIR_VALUE, PAIR_STYLE, PAIR_EXPLODE, PAIR_MEMBERS } pair_member;

static const gh_toolfile_member PAIR[PAIR_MEMBERS] = {
    [PAIR_VALUE] = {"value", GH_TOOLFILE_STRING | GH_TOOLFILE_NUMBER | GH_TOOLFILE_BOOL, true},
    [PAIR_STYLE] = {"style", GH_TOOLFILE_STRING, false},
    [PAIR_EXPLODE] = {"explode", GH_TOOLFILE_BOOL, false},
};

static gh_status read_style(gh_toolfile_reader *reader, gh_view value, const char *what,
                            gh_template_style *style)
{
    static const struct {
        const char *name;
        gh_template_style style;
    } STYLES[] = {{"form", GH_STYLE_FORM},
                  {"spaceDelimited", GH_STYLE_SPACE},
                  {"pipeDelimited", GH_STYLE_PIPE},
                  {"deepObject", GH_STYLE_DEEP}};
    for (size_t i = 0; i < sizeof STYLES / sizeof STYLES[0]; i++) {
        if (gh_json_slice_is(value, gh_view_of(STYLES[i].name))) {
            *style = STYLES[i].style;
            return GH_OK;
        }
    }
    return gh_toolfile_refuse(
        reader, value, "%s: style must be \"form\", \"spaceDelimited\", \"pipeDelimited\" or \"deepObject\"",
        what);
}

static gh_status read_pair(gh_toolfile_reader *reader, gh_view key, gh_view value, const char *what,
                           const void *context, gh_named_template *one)
{
    gh_view values[PAIR_MEMBERS] = {[PAIR_VALUE] = value};
    gh_status status = GH_OK;
    (void)key;
    one->style = GH_STYLE_FORM;
    one->explode = true;
    if (gh_json_slice_type(value) == GH_JSON_OBJECT) {
        status = gh_toolfile_members(reader, what, value, PAIR, PAIR_MEMBERS, values);
        if (status == GH_OK && values[PAIR_STYLE].ptr != NULL) {
            status = read_style(reader, values[PAIR_STYLE], what, &one->style);
        }
        one->explode = values[PAIR_EXPLODE].ptr != NULL ? gh_toolfile_is_true(values[PAIR_EXPLODE])
                                                        : one->style == GH_STYLE_FORM;
    }
    return status == GH_OK ? read_value(reader, values[PAIR_VALUE], what, context, &one->value) : status;
}

gh_status gh_toolfile_read_pairs(gh_toolfile_reader *reader, gh_view object, const char *what,
                                 const gh_toolfile_arguments *arguments, gh_named_template **list,
                                 size_t *count)
{
    return read_named(reader, object, what, false, read_pair, arguments, list, count);
}

/* --- headers --- */

typedef struct header_context {
    const gh_toolfile_arguments *arguments;
    const gh_upstream *upstream;
    const gh_credential *credential;
} header_context;

static gh_status check_header_name(gh_toolfile_reader *reader, gh_view key, const char *what,
                                   const header_context *context, const char *text)
{
    gh_view name = gh_view_of(text);
    if (!gh_toolfile_is_header_name(name)) {
        return gh_toolfile_refuse(reader, key, "%s is no name of a header", what);
    }
    if (gh_view_eq_nocase(name, GH_VIEW_LIT("Authorization")) ||
        gh_view_eq_nocase(name, GH_VIEW_LIT("Cookie")) ||
        (context->credential->header != NULL &&
         gh_view_eq_nocase(name, gh_view_of(context->credential->header)))) {
        return gh_toolfile_refuse(reader, key,
                                  "%s belongs to the credential: say \"credential\" in the upstream", what);
    }
    if (gh_view_eq_nocase(name, GH_VIEW_LIT("Content-Type"))) {
        return gh_toolfile_refuse(reader, key, "%s comes from the body: say \"type\" in it", what);
    }
    if (gh_toolfile_is_reserved_header(name)) {
        return gh_toolfile_refuse(reader, key, "%s belongs to HTTP or to this server, and cannot be set",
                                  what);
    }
    for (size_t i = 0; context->upstream != NULL && i < context->upstream->header_count; i++) {
        if (strcasecmp(text, context->upstream->headers[i].name) == 0) {
            return gh_toolfile_refuse(reader, key, "%s is set by the upstream already", what);
        }
    }
    return GH_OK;
}

static gh_status read_header(gh_toolfile_reader *reader, gh_view key, gh_view value, const char *what,
                             const void *context, gh_named_template *one)
{
    const header_context *given = context;
    one->style = GH_STYLE_SIMPLE;
    gh_status status = check_header_name(reader, key, what, given, one->name);
    if (status == GH_OK) {
        status = read_value(reader, value, what, given->arguments, &one->value);
    }
    for (size_t i = 0; status == GH_OK && i < one->value->count; i++) {
        const gh_template_part *part = &one->value->parts[i];
        if (part->kind == GH_PART_TEXT && gh_text_has_control(part->text)) {
            status =
                gh_toolfile_refuse(reader, value, "%s holds a line break or another control character", what);
        }
    }
    return status;
}

gh_status gh_toolfile_read_headers(gh_toolfile_reader *reader, gh_view object, const char *what,
                                   const gh_toolfile_arguments *arguments, const gh_upstream *upstream,
                                   const gh_credential *credential, gh_named_template **list, size_t *count)
{
    const header_context context = {arguments, upstream, credential};
    return read_named(reader, object, what, true, read_header, &context, list, count);
}

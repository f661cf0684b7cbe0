#include "server/http/wire.h"

#include <string.h>

#define FORWARDED_MAX ((size_t)64 * 1024) /* the largest request head */

static const char *after(gh_view view)
{
    return view.ptr + view.len;
}

/* Nothing before the method but the one empty line that RFC 9112, 2.2, lets a client send. */
static bool starts_at(const gh_wire *wire, const char *base)
{
    const char *start = wire->method.ptr;
    return start == base || (start == base + 2 && memcmp(base, "\r\n", 2) == 0);
}

static bool request_line_is_clean(const gh_wire *wire)
{
    const char *target_end = after(wire->target);
    if (wire->query.ptr != NULL) {
        if (wire->query.ptr != target_end + 1) {
            return false;
        }
        target_end = after(wire->query);
    }
    return wire->target.ptr == after(wire->method) + 1 &&
           wire->version.ptr == target_end + 1 + strlen("HTTP/");
}

/* Between name and value: the NUL that was the colon, then white space only. */
static bool colon_is_clean(const gh_header *header)
{
    for (const char *c = after(header->name) + 1; c < header->value.ptr; c++) {
        if (*c != ' ' && *c != '\t') {
            return false;
        }
    }
    return true;
}

bool gh_wire_is_clean(const gh_wire *wire, const char *base, const char *end)
{
    if (!starts_at(wire, base) || !request_line_is_clean(wire)) {
        return false;
    }
    const char *line = after(wire->version) + 2;
    for (size_t i = 0; i < wire->header_count; i++) {
        const gh_header *header = &wire->headers[i];
        if (header->name.ptr != line || !colon_is_clean(header)) {
            return false;
        }
        line = after(header->value) + 2;
    }
    /* The empty line that ends the head: its LF was overwritten too. Anything else is a line that the parser
     * stopped at, or a head that ended with bare LFs. */
    return wire->header_count == 0 || (line + 2 <= end && line[0] == '\r' && line[1] == '\0');
}

gh_view gh_wire_forwarded(const gh_wire *wire, gh_buf *joined)
{
    gh_view first = {NULL, 0};
    size_t lines = 0;
    gh_buf_init(joined, FORWARDED_MAX);
    for (size_t i = 0; i < wire->header_count; i++) {
        if (gh_view_eq_nocase(wire->headers[i].name, GH_VIEW_LIT("X-Forwarded-For"))) {
            first = lines == 0 ? wire->headers[i].value : first;
            (void)gh_buf_append_cstr(joined, lines++ > 0 ? "," : "");
            (void)gh_buf_append_view(joined, wire->headers[i].value);
        }
    }
    if (lines < 2) {
        return first;
    }
    return gh_buf_status(joined) == GH_OK ? gh_buf_view(joined) : gh_view_of(NULL);
}

bool gh_wire_is_forwarded(const gh_wire *wire)
{
    for (size_t i = 0; i < wire->header_count; i++) {
        gh_view name = wire->headers[i].name;
        if (gh_view_eq_nocase(name, GH_VIEW_LIT("X-Forwarded-For")) ||
            gh_view_eq_nocase(name, GH_VIEW_LIT("Forwarded"))) {
            return true;
        }
    }
    return false;
}

void gh_wire_trace(const gh_wire *wire, gh_trace *trace)
{
    gh_view found = {NULL, 0};
    size_t lines = 0;
    for (size_t i = 0; i < wire->header_count; i++) {
        if (gh_view_eq_nocase(wire->headers[i].name, GH_VIEW_LIT(GH_TRACEPARENT))) {
            found = wire->headers[i].value;
            lines++;
        }
    }
    (void)gh_trace_parse(lines == 1 ? found : gh_view_of(NULL), trace);
}

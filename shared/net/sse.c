#include "shared/net/sse.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The HTML standard's event-stream interpretation, "9.2.6 Interpreting an event stream". */

#define BOM "\xEF\xBB\xBF"

struct gh_sse_parser {
    gh_sse_handler handler;
    void *context;
    size_t max_event;
    gh_status status; /* not GH_OK: unusable */
    gh_buf line;      /* the unfinished line */
    gh_buf event;
    gh_buf data; /* each line followed by LF */
    gh_buf id;   /* the stream's last id */
    int64_t retry_ms;
    size_t event_bytes; /* of the lines of the unfinished event, whatever they hold */
    size_t bom_seen;    /* bytes of a BOM at the start; 3 once it is decided */
    bool has_data;
    bool has_id;
    bool after_cr; /* the next LF belongs to the CR before it */
};

gh_sse_parser *gh_sse_parser_new(size_t max_event, gh_sse_handler handler, void *context)
{
    gh_sse_parser *parser = calloc(1, sizeof *parser);
    if (parser == NULL) {
        return NULL;
    }
    parser->handler = handler;
    parser->context = context;
    parser->max_event = max_event;
    parser->retry_ms = -1;
    gh_buf_init(&parser->line, max_event);
    gh_buf_init(&parser->event, max_event);
    gh_buf_init(&parser->data, max_event < SIZE_MAX ? max_event + 1 : max_event);
    gh_buf_init(&parser->id, max_event);
    return parser;
}

void gh_sse_parser_free(gh_sse_parser *parser)
{
    if (parser == NULL) {
        return;
    }
    gh_buf_free(&parser->line);
    gh_buf_free(&parser->event);
    gh_buf_free(&parser->data);
    gh_buf_free(&parser->id);
    free(parser);
}

static void forget_event(gh_sse_parser *parser)
{
    gh_buf_clear(&parser->event);
    gh_buf_clear(&parser->data);
    parser->retry_ms = -1;
    parser->event_bytes = 0;
    parser->has_data = false;
    parser->has_id = false;
}

static gh_status dispatch(gh_sse_parser *parser)
{
    gh_status status = GH_OK;
    if (parser->has_data || parser->has_id || parser->retry_ms >= 0) {
        gh_sse_event event = {.event = gh_buf_view(&parser->event),
                              .data = gh_buf_view(&parser->data),
                              .id = gh_buf_view(&parser->id),
                              .retry_ms = parser->retry_ms};
        if (event.event.len == 0) {
            event.event = GH_VIEW_LIT("message");
        }
        if (event.data.len > 0) {
            event.data.len--;
        }
        status = parser->handler(parser->context, &event);
    }
    forget_event(parser);
    return status;
}

static gh_status take_retry(gh_sse_parser *parser, gh_view value)
{
    int64_t retry = 0;
    if (value.len > 0 && value.ptr[0] != '-' && gh_view_to_int64(value, 0, INT64_MAX, &retry) == GH_OK) {
        parser->retry_ms = retry;
    }
    return GH_OK;
}

static gh_status take_field(gh_sse_parser *parser, gh_view name, gh_view value)
{
    if (gh_view_eq_cstr(name, "data")) {
        parser->has_data = true;
        (void)gh_buf_append_view(&parser->data, value);
        return gh_buf_append_char(&parser->data, '\n');
    }
    if (gh_view_eq_cstr(name, "event")) {
        gh_buf_clear(&parser->event);
        return gh_buf_append_view(&parser->event, value);
    }
    if (gh_view_eq_cstr(name, "id") && gh_view_find(value, '\0') == value.len) {
        parser->has_id = true;
        gh_buf_clear(&parser->id);
        return gh_buf_append_view(&parser->id, value);
    }
    return gh_view_eq_cstr(name, "retry") ? take_retry(parser, value) : GH_OK;
}

static gh_status take_line(gh_sse_parser *parser)
{
    gh_view line = gh_buf_view(&parser->line);
    if (line.len == 0) {
        return dispatch(parser);
    }
    gh_status status = GH_OK;
    size_t colon = gh_view_find(line, ':');
    if (colon > 0) { /* else a comment */
        gh_view value = GH_VIEW_LIT("");
        if (colon < line.len) {
            size_t skip = colon + 1 < line.len && line.ptr[colon + 1] == ' ' ? 2 : 1;
            value = gh_view_make(line.ptr + colon + skip, line.len - colon - skip);
        }
        status = take_field(parser, gh_view_make(line.ptr, colon), value);
        parser->event_bytes += line.len;
    }
    gh_buf_clear(&parser->line);
    return status;
}

/* Returns how many bytes at the front of `bytes` belong to a BOM. */
static size_t skip_bom(gh_sse_parser *parser, gh_view bytes)
{
    size_t used = 0;
    while (parser->bom_seen < 3 && used < bytes.len) {
        if (bytes.ptr[used] != BOM[parser->bom_seen]) {
            /* No BOM after all: what was held back is part of the first line. */
            (void)gh_buf_append(&parser->line, BOM, parser->bom_seen);
            parser->bom_seen = 3;
            break;
        }
        parser->bom_seen++;
        used++;
    }
    return used;
}

static gh_status append_to_line(gh_sse_parser *parser, const char *bytes, size_t len)
{
    size_t room = parser->max_event - parser->event_bytes;
    if (len > room || parser->line.len > room - len) {
        return GH_ERR_TOO_LARGE;
    }
    return gh_buf_append(&parser->line, bytes, len);
}

gh_status gh_sse_parser_feed(gh_sse_parser *parser, gh_view bytes)
{
    size_t at = parser->status == GH_OK ? skip_bom(parser, bytes) : 0;
    while (parser->status == GH_OK && at < bytes.len) {
        if (parser->after_cr && bytes.ptr[at] == '\n') {
            at++;
        }
        parser->after_cr = false;
        size_t end = at;
        while (end < bytes.len && bytes.ptr[end] != '\n' && bytes.ptr[end] != '\r') {
            end++;
        }
        if (end > at) {
            parser->status = append_to_line(parser, bytes.ptr + at, end - at);
        }
        if (parser->status == GH_OK && end < bytes.len) {
            parser->after_cr = bytes.ptr[end] == '\r';
            parser->status = take_line(parser);
        }
        at = end + 1;
    }
    return parser->status;
}

static bool is_single_line(gh_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\r' || text.ptr[i] == '\n' || text.ptr[i] == '\0') {
            return false;
        }
    }
    return true;
}

static void write_field(gh_buf *out, const char *name, gh_view value)
{
    (void)gh_buf_append_cstr(out, name);
    (void)gh_buf_append_view(out, value);
    (void)gh_buf_append_char(out, '\n');
}

gh_status gh_sse_write(gh_buf *out, gh_view event, gh_view id, gh_view data)
{
    if (!is_single_line(event) || !is_single_line(id)) {
        return GH_ERR_INVALID;
    }
    if (event.len > 0) {
        write_field(out, "event: ", event);
    }
    if (id.len > 0) {
        write_field(out, "id: ", id);
    }
    size_t start = 0;
    for (size_t i = 0; i <= data.len; i++) {
        bool ends = i == data.len || data.ptr[i] == '\n' || data.ptr[i] == '\r';
        if (!ends) {
            continue;
        }
        write_field(out, "data: ", gh_view_make(data.len > 0 ? data.ptr + start : "", i - start));
        if (i + 1 < data.len && data.ptr[i] == '\r' && data.ptr[i + 1] == '\n') {
            i++;
        }
        start = i + 1;
    }
    return gh_buf_append_char(out, '\n');
}

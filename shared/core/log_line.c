#include "shared/core/log_line.h"

#include <stdio.h>
#include <string.h>

#include "shared/core/clock.h"

#define CUT_MARK "…"
/* What must always fit behind cut text: the mark, a quote, a brace. */
#define TAIL_MAX 8

typedef struct pen {
    gh_log_line *line;
    gh_log_format format;
    bool cut;
} pen;

static void put_tail(pen *p, const char *text)
{
    size_t len = strlen(text);

    memcpy(p->line->body + p->line->len, text, len);
    p->line->len += len;
}

/* The tail may have begun already: a closing quote goes there. */
static size_t room_left(const pen *p)
{
    size_t end = GH_LOG_BODY_MAX - TAIL_MAX;
    return p->line->len < end ? end - p->line->len : 0;
}

/* All of it or nothing, so that no escape is ever cut in two. */
static bool put(pen *p, const char *text, size_t len)
{
    if (p->cut || len > room_left(p)) {
        p->cut = true;
        return false;
    }
    memcpy(p->line->body + p->line->len, text, len);
    p->line->len += len;
    return true;
}

static bool put_text(pen *p, const char *text)
{
    return put(p, text, strlen(text));
}

static bool put_hex(pen *p, const unsigned char *bytes, size_t count)
{
    char escaped[16];
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(escaped + used, sizeof(escaped) - used, "\\x%02x", bytes[i]);
    }
    return put(p, escaped, used);
}

static bool put_json_escape(pen *p, const unsigned char *c, size_t width)
{
    char escaped[8];
    unsigned code = c[0];

    if (width == 0) {
        return put_text(p, "\xef\xbf\xbd");
    }
    if (width == 2) {
        code = (c[0] & 0x1fU) << 6 | (c[1] & 0x3fU);
    } else if (width == 3) {
        code = (c[0] & 0x0fU) << 12 | (c[1] & 0x3fU) << 6 | (c[2] & 0x3fU);
    }
    (void)snprintf(escaped, sizeof(escaped), "\\u%04x", code & 0xffffU);
    return put(p, escaped, 6);
}

static bool put_special(pen *p, const unsigned char *c, size_t width)
{
    if (p->format == GH_LOG_JSON) {
        if (c[0] == '"') {
            return put(p, "\\\"", 2);
        }
        if (c[0] == '\\') {
            return put(p, "\\\\", 2);
        }
        return put_json_escape(p, c, width);
    }
    return put_hex(p, c, width > 0 ? width : 1);
}

/* `also` is one more character to escape; '\0' for none. */
static bool is_plain(const pen *p, unsigned char c, char also)
{
    if (c < 0x20 || c >= 0x7f || (also != '\0' && c == (unsigned char)also)) {
        return false;
    }
    return p->format != GH_LOG_JSON || (c != '"' && c != '\\');
}

static void put_value(pen *p, gh_view text, char also)
{
    bool whole = !p->cut;

    for (size_t i = 0; whole && i < text.len;) {
        const unsigned char *c = (const unsigned char *)text.ptr + i;
        size_t run = 0;
        size_t width = 0;

        while (run < 64 && i + run < text.len && is_plain(p, c[run], also)) {
            run++;
        }
        if (run > 0) {
            size_t room = room_left(p);
            whole = put(p, (const char *)c, run < room ? run : room) && run <= room;
            i += run;
            continue;
        }
        width = gh_utf8_width(gh_view_make(text.ptr + i, text.len - i));
        if (width > 1 && !gh_utf8_is_deceptive(gh_view_make((const char *)c, width))) {
            whole = put(p, (const char *)c, width);
        } else {
            whole = put_special(p, c, width);
        }
        i += width > 0 ? width : 1;
    }
    if (!whole) {
        p->cut = true;
    }
}

static void end_value(pen *p, bool was_cut)
{
    if (p->cut && !was_cut) {
        put_tail(p, CUT_MARK);
    }
}

static const char *level_name(gh_log_level level)
{
    switch (level) {
    case GH_LOG_ERROR:
        return "error";
    case GH_LOG_WARN:
        return "warn";
    case GH_LOG_INFO:
        return "info";
    case GH_LOG_DEBUG:
        return "debug";
    }
    return "info";
}

static const char *level_prefix(gh_log_level level)
{
    switch (level) {
    case GH_LOG_ERROR:
        return "ERROR: ";
    case GH_LOG_WARN:
        return "WARN: ";
    case GH_LOG_DEBUG:
        return "DEBUG: ";
    case GH_LOG_INFO:
        break;
    }
    return "";
}

static pen start(gh_log_line *line, gh_log_format format)
{
    line->wall_ms = gh_clock_wall_ms();
    line->len = 0;
    return (pen){line, format, false};
}

void gh_log_line_message(gh_log_line *line, gh_log_format format, gh_log_level level, gh_view text)
{
    pen p = start(line, format);

    if (format == GH_LOG_JSON) {
        put_text(&p, ",\"level\":\"");
        put_text(&p, level_name(level));
        put_text(&p, "\",\"message\":\"");
    } else {
        put_text(&p, level_prefix(level));
    }
    put_value(&p, text, '\0');
    end_value(&p, false);
    if (format == GH_LOG_JSON) {
        put_tail(&p, "\"}");
    }
}

/* "RemoteAddr" becomes "remote_addr". */
static size_t snake_case(const char *key, char *out, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; key[i] != '\0' && used + 2 < size; i++) {
        char c = key[i];
        bool upper = c >= 'A' && c <= 'Z';
        bool after_lower =
            i > 0 && ((key[i - 1] >= 'a' && key[i - 1] <= 'z') || (key[i - 1] >= '0' && key[i - 1] <= '9'));

        if (upper && after_lower) {
            out[used++] = '_';
        }
        if (upper) {
            c = (char)(c + ('a' - 'A'));
        }
        out[used++] = c == ' ' || c == '-' ? '_' : c;
    }
    out[used] = '\0';
    return used;
}

static void put_field_json(pen *p, const gh_log_field *field)
{
    char head[80];
    char key[48];
    bool cut = p->cut;

    (void)snake_case(field->key, key, sizeof(key));
    switch (field->kind) {
    case GH_LOG_STR:
        (void)snprintf(head, sizeof(head), ",\"%s\":\"", key);
        if (put_text(p, head)) {
            put_value(p, field->str, '\0');
            end_value(p, cut);
            put_tail(p, "\"");
        }
        break;
    case GH_LOG_INT:
        (void)snprintf(head, sizeof(head), ",\"%s\":%lld", key, (long long)field->number);
        put_text(p, head);
        break;
    case GH_LOG_DURATION_NS:
        (void)snprintf(head, sizeof(head), ",\"%s_ns\":%lld", key, (long long)field->number);
        put_text(p, head);
        break;
    }
}

static void put_number(pen *p, int64_t number)
{
    char digits[24];
    size_t at = sizeof(digits);
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0) {
        digits[--at] = '-';
    }
    put(p, digits + at, sizeof(digits) - at);
}

static void put_field_text(pen *p, const gh_log_field *field)
{
    char number[GH_CLOCK_TEXT_MAX];

    put_text(p, field->key);
    put_text(p, ": ");
    switch (field->kind) {
    case GH_LOG_STR:
        /* A bar is escaped: no value may look like another field. */
        put_value(p, field->str, '|');
        break;
    case GH_LOG_INT:
        put_number(p, field->number);
        break;
    case GH_LOG_DURATION_NS:
        gh_clock_format_duration(field->number, number);
        put_text(p, number);
        break;
    }
}

void gh_log_line_event(gh_log_line *line, gh_log_format format, gh_log_level level, const char *event,
                       const gh_log_field *fields, size_t count)
{
    pen p = start(line, format);
    bool json = format == GH_LOG_JSON;

    if (json) {
        put_text(&p, ",\"level\":\"");
        put_text(&p, level_name(level));
        put_text(&p, "\",\"event\":\"");
        put_value(&p, gh_view_of(event), '\0');
        end_value(&p, false);
        put_tail(&p, "\"");
    } else {
        put_text(&p, "[");
        put_value(&p, gh_view_of(event), '\0');
        put_text(&p, "]");
    }
    for (size_t i = 0; i < count && !p.cut; i++) {
        if (json) {
            put_field_json(&p, &fields[i]);
        } else {
            put_text(&p, i == 0 ? " " : " | ");
            put_field_text(&p, &fields[i]);
        }
    }
    if (json) {
        put_tail(&p, "}");
    } else {
        end_value(&p, false);
    }
}

static size_t put_head_part(char *out, size_t len, gh_view text)
{
    size_t room = GH_LOG_HEAD_MAX - 2 - len;
    size_t more = text.len < room ? text.len : room;

    if (more > 0) {
        memcpy(out + len, text.ptr, more);
    }
    return len + more;
}

static size_t write_head(gh_log_head *head, int64_t wall_ms, gh_log_format format, const char *tag, char *out)
{
    size_t len = 0;

    if (format == GH_LOG_JSON) {
        char utc[GH_CLOCK_TEXT_MAX];

        gh_clock_format_utc(wall_ms, utc);
        len = put_head_part(out, len, GH_VIEW_LIT("{\"time\":\""));
        len = put_head_part(out, len, gh_view_of(utc));
        return put_head_part(out, len, GH_VIEW_LIT("\""));
    }
    if (!head->valid || head->second != wall_ms / 1000) {
        gh_clock_format_local(wall_ms, head->text);
        head->second = wall_ms / 1000;
        head->valid = true;
    }
    len = put_head_part(out, len, gh_view_of(head->text));
    len = put_head_part(out, len, GH_VIEW_LIT(" "));
    return put_head_part(out, len, gh_view_of(tag));
}

size_t gh_log_line_compose(gh_log_head *head, int64_t wall_ms, gh_view body, gh_log_format format,
                           const char *tag, char *out)
{
    size_t len = write_head(head, wall_ms, format, tag, out);

    memcpy(out + len, body.ptr, body.len);
    len += body.len;
    out[len++] = '\n';
    return len;
}

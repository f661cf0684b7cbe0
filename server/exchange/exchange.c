#include "server/exchange/exchange_private.h"

#include <string.h>

#include "shared/core/clock.h"
#include "shared/core/secret.h"
#include "shared/json/access.h"

#define HEAD_STEP ((size_t)512)

void gh_response_init(gh_response *response, const gh_response_sink *sink)
{
    *response = (gh_response){.sink = sink};
    gh_buf_init(&response->head, GH_RESPONSE_HEAD_MAX);
    gh_buf_init(&response->body, GH_RESPONSE_BODY_MAX);
}

void gh_response_clear(gh_response *response)
{
    /* Bodies carry tokens, heads carry cookies. */
    gh_buf_wipe_free(&response->head);
    gh_buf_wipe_free(&response->body);
    if (response->done != NULL) {
        response->done(response->done_context);
        response->done = NULL;
    }
}

/* A response that lost a part must not go out as if it were whole. */
static void break_response(gh_response *response)
{
    response->broken = true;
    response->close = true;
    gh_buf_clear(&response->head);
    gh_buf_clear(&response->body);
    response->status = 500;
    response->type = "application/json";
    (void)gh_buf_append_cstr(&response->body, "{\"error\":\"server_error\",\"error_description\":"
                                              "\"The server could not build its answer.\"}");
}

static void set_body(gh_response *response, int status, const char *type, gh_view body)
{
    if (response->broken || response->streaming) {
        return;
    }
    response->status = status;
    response->type = type;
    gh_buf_clear(&response->body);
    if (gh_buf_append_view(&response->body, body) != GH_OK) {
        break_response(response);
    }
}

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           (c != '\0' && strchr("!#$%&'*+.^_`|~", c) != NULL);
}

static bool is_header_name(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        if (!is_token_char(*c)) {
            return false;
        }
    }
    return *name != '\0';
}

static bool is_header_value(gh_view value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\r' || value.ptr[i] == '\n' || value.ptr[i] == '\0') {
            return false;
        }
    }
    return true;
}

bool gh_response_has_header(const gh_response *response, const char *name)
{
    gh_view rest = gh_buf_view(&response->head);
    gh_view wanted = gh_view_of(name);
    while (rest.len > 0) {
        size_t end = gh_view_find(rest, '\n');
        gh_view line = gh_view_make(rest.ptr, end);
        if (gh_view_eq_nocase(gh_view_make(line.ptr, gh_view_find(line, ':')), wanted)) {
            return true;
        }
        size_t used = end < rest.len ? end + 1 : end;
        rest = gh_view_make(rest.ptr + used, rest.len - used);
    }
    return false;
}

/* Heads carry cookies and codes: growing must not leave a copy behind. */
static gh_status make_room(gh_buf *head, size_t more)
{
    if (head->cap > more && head->len < head->cap - more) {
        return GH_OK;
    }
    gh_buf bigger = GH_BUF_INIT(GH_RESPONSE_HEAD_MAX);
    size_t wanted = head->len + more + HEAD_STEP;
    gh_status status = gh_buf_reserve(&bigger, wanted < GH_RESPONSE_HEAD_MAX ? wanted : GH_RESPONSE_HEAD_MAX);
    if (status == GH_OK) {
        status = gh_buf_append_view(&bigger, gh_buf_view(head));
    }
    if (status != GH_OK) {
        gh_buf_free(&bigger);
        return status;
    }
    gh_buf_wipe_free(head);
    *head = bigger;
    return GH_OK;
}

void gh_response_header(gh_response *response, const char *name, gh_view value)
{
    if (response->broken || response->streaming) {
        return;
    }
    size_t line = strlen(name) + strlen(": ") + value.len + strlen("\r\n");
    if (!is_header_name(name) || !is_header_value(value) || value.len > GH_RESPONSE_HEAD_MAX ||
        make_room(&response->head, line) != GH_OK) {
        break_response(response);
        return;
    }
    (void)gh_buf_append_cstr(&response->head, name);
    (void)gh_buf_append_cstr(&response->head, ": ");
    (void)gh_buf_append_view(&response->head, value);
    if (gh_buf_append_cstr(&response->head, "\r\n") != GH_OK) {
        break_response(response);
    }
}

void gh_response_header_cstr(gh_response *response, const char *name, const char *value)
{
    gh_response_header(response, name, gh_view_of(value));
}

void gh_response_json(gh_response *response, int status, gh_view json)
{
    set_body(response, status, "application/json", json);
}

void gh_response_html(gh_response *response, int status, gh_view html)
{
    set_body(response, status, "text/html; charset=utf-8", html);
}

void gh_response_text(gh_response *response, int status, const char *text)
{
    set_body(response, status, "text/plain; charset=utf-8", gh_view_of(text));
}

void gh_response_empty(gh_response *response, int status)
{
    set_body(response, status, NULL, gh_view_of(NULL));
}

void gh_response_error(gh_response *response, int status, const char *code, const char *description)
{
    gh_buf json = GH_BUF_INIT(GH_RESPONSE_BODY_MAX);
    (void)gh_buf_append_cstr(&json, "{\"error\":");
    (void)gh_json_write_string(&json, gh_view_of(code));
    if (description != NULL) {
        (void)gh_buf_append_cstr(&json, ",\"error_description\":");
        (void)gh_json_write_string(&json, gh_view_of(description));
    }
    (void)gh_buf_append_char(&json, '}');
    if (gh_buf_status(&json) == GH_OK) {
        gh_response_json(response, status, gh_buf_view(&json));
    } else {
        break_response(response);
    }
    gh_buf_free(&json);
}

void gh_response_redirect(gh_response *response, int status, gh_view location)
{
    gh_response_header(response, "Location", location);
    if (!gh_response_has_header(response, "Cache-Control")) {
        gh_response_header_cstr(response, "Cache-Control", "no-store");
    }
    gh_response_empty(response, status);
}

static void put_digits(char *out, unsigned value, unsigned count)
{
    while (count > 0) {
        out[--count] = (char)('0' + value % 10);
        value /= 10;
    }
}

/* IMF-fixdate (RFC 9110, 5.6.7), independent of the locale, and without gmtime_r: the C library lets one
 * thread at a time into that. The calendar is counted in years that begin in March, so that a leap day comes
 * last; an era is 400 of them. */
static void write_date(gh_buf *out)
{
    static const char days[7][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char months[12][4] = {"Mar", "Apr", "May", "Jun", "Jul", "Aug",
                                       "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"};
    char text[] = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
    int64_t now = gh_clock_wall_s();
    uint64_t seconds = now > 0 ? (uint64_t)now : 0;
    uint64_t day = seconds / 86400 + 719468; /* since 1 March of the year 0 */
    unsigned of_era = (unsigned)(day % 146097);
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month = (5 * of_year + 2) / 153;
    unsigned year = (unsigned)(day / 146097) * 400 + year_of_era + (month >= 10 ? 1 : 0);
    unsigned of_day = (unsigned)(seconds % 86400);
    memcpy(text + 6, days[seconds / 86400 % 7], 3);
    put_digits(text + 11, of_year - (153 * month + 2) / 5 + 1, 2);
    memcpy(text + 14, months[month], 3);
    put_digits(text + 18, year, 4);
    put_digits(text + 23, of_day / 3600, 2);
    put_digits(text + 26, of_day / 60 % 60, 2);
    put_digits(text + 29, of_day % 60, 2);
    (void)gh_buf_append_cstr(out, text);
}

void gh_response_write_head(const gh_response *response, int status, bool keep_alive, gh_buf *out)
{
    (void)gh_buf_append_cstr(out, "HTTP/1.1 ");
    (void)gh_buf_append_number(out, (uint64_t)status);
    (void)gh_buf_append_char(out, ' ');
    (void)gh_buf_append_cstr(out, gh_response_reason(status));
    (void)gh_buf_append_cstr(out, "\r\n");
    write_date(out);
    if (response->type != NULL) {
        (void)gh_buf_append_cstr(out, "Content-Type: ");
        (void)gh_buf_append_cstr(out, response->type);
        (void)gh_buf_append_cstr(out, "\r\n");
    }
    (void)gh_buf_append_view(out, gh_buf_view(&response->head));
    (void)gh_buf_append_cstr(out, "X-Content-Type-Options: nosniff\r\n");
    if (!gh_response_has_header(response, "Cache-Control")) {
        (void)gh_buf_append_cstr(out, "Cache-Control: no-store\r\n");
    }
    (void)gh_buf_append_cstr(out, keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n");
}

gh_status gh_response_format(const gh_response *response, bool head_only, bool keep_alive, gh_buf *out)
{
    int status = response->status == 0 ? 500 : response->status;
    gh_response_write_head(response, status, keep_alive && !response->close, out);
    if (status != 204 && status != 304) {
        (void)gh_buf_append_cstr(out, "Content-Length: ");
        (void)gh_buf_append_number(out, response->body.len);
        (void)gh_buf_append_cstr(out, "\r\n");
    }
    (void)gh_buf_append_cstr(out, "\r\n");
    if (!head_only && status != 204 && status != 304) {
        (void)gh_buf_append_view(out, gh_buf_view(&response->body));
    }
    return gh_buf_status(out);
}

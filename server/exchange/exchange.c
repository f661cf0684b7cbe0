#include "server/exchange/exchange.h"

#include <string.h>
#include <time.h>

#include "shared/core/clock.h"
#include "shared/core/secret.h"
#include "shared/json/access.h"

#define HEAD_MAX ((size_t)32 * 1024)
#define HEAD_STEP ((size_t)512)

void gh_response_init(gh_response *response, const gh_response_sink *sink)
{
    *response = (gh_response){.sink = sink};
    gh_buf_init(&response->head, HEAD_MAX);
    gh_buf_init(&response->body, GH_RESPONSE_BODY_MAX);
}

void gh_response_clear(gh_response *response)
{
    /* Bodies carry tokens, heads carry cookies. */
    gh_buf_wipe_free(&response->head);
    gh_buf_wipe_free(&response->body);
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
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
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
    gh_buf bigger = GH_BUF_INIT(HEAD_MAX);
    size_t wanted = head->len + more + HEAD_STEP;
    gh_status status = gh_buf_reserve(&bigger, wanted < HEAD_MAX ? wanted : HEAD_MAX);
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
    if (!is_header_name(name) || !is_header_value(value) || value.len > HEAD_MAX ||
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

/* IMF-fixdate (RFC 9110, 5.6.7), independent of the locale. */
static void write_date(gh_buf *out)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)gh_clock_wall_s();
    struct tm utc;
    if (gmtime_r(&now, &utc) == NULL) {
        return;
    }
    (void)gh_buf_appendf(out, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[utc.tm_wday % 7],
                         utc.tm_mday, months[utc.tm_mon % 12], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                         utc.tm_sec);
}

static void write_head(const gh_response *response, int status, bool keep_alive, gh_buf *out)
{
    (void)gh_buf_appendf(out, "HTTP/1.1 %d %s\r\n", status, gh_response_reason(status));
    write_date(out);
    if (response->type != NULL) {
        (void)gh_buf_appendf(out, "Content-Type: %s\r\n", response->type);
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
    write_head(response, status, keep_alive && !response->close, out);
    if (status != 204 && status != 304) {
        (void)gh_buf_appendf(out, "Content-Length: %zu\r\n", response->body.len);
    }
    (void)gh_buf_append_cstr(out, "\r\n");
    if (!head_only && status != 204 && status != 304) {
        (void)gh_buf_append_view(out, gh_buf_view(&response->body));
    }
    return gh_buf_status(out);
}

gh_status gh_response_stream_begin(gh_response *response, int status)
{
    gh_buf head = GH_BUF_INIT(HEAD_MAX + 1024);
    gh_status result = GH_ERR_CLOSED;
    if (response->sink == NULL || response->broken || response->streaming) {
        goto out;
    }
    response->type = "text/event-stream";
    response->close = true;
    gh_response_header_cstr(response, "X-Accel-Buffering", "no");
    write_head(response, status, false, &head);
    (void)gh_buf_append_cstr(&head, "\r\n");
    result = gh_buf_status(&head);
    if (result != GH_OK) {
        goto out;
    }
    response->status = status;
    response->streaming = true;
    result = response->sink->write(response->sink->context, gh_buf_view(&head));
out:
    gh_buf_wipe_free(&head);
    return result;
}

gh_status gh_response_stream_write(gh_response *response, gh_view bytes)
{
    if (!response->streaming) {
        return GH_ERR_INVALID;
    }
    return response->sink->write(response->sink->context, bytes);
}

bool gh_response_peer_gone(const gh_response *response)
{
    return response->sink != NULL && response->sink->closed(response->sink->context);
}

bool gh_response_stream_closed(const gh_response *response)
{
    return !response->streaming || response->sink->closed(response->sink->context);
}

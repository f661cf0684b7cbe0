#include <stdlib.h>
#include <string.h>

#include "shared/net/http_internal.h"
#include "shared/net/url.h"

/* The header's place, or reply_count. */
static size_t find(const gh_http_transfer *transfer, gh_view name)
{
    size_t i = 0;
    while (i < transfer->reply_count && !gh_view_eq_nocase(gh_view_of(transfer->reply[i].name), name)) {
        i++;
    }
    return i;
}

/* Puts `value` behind the header's value. */
static gh_status extend(gh_http_reply_header *header, const char *separator, gh_view value)
{
    gh_buf joined = GH_BUF_INIT(GH_HTTP_HEADER_BYTES_MAX * 2);
    (void)gh_buf_append_cstr(&joined, header->value);
    (void)gh_buf_append_cstr(&joined, header->value[0] == '\0' || value.len == 0 ? "" : separator);
    (void)gh_buf_append_view(&joined, value);
    char *text = gh_buf_steal(&joined);
    gh_buf_free(&joined);
    if (text == NULL) {
        return GH_ERR_NOMEM;
    }
    free(header->value);
    header->value = text;
    return GH_OK;
}

static gh_status add_header(gh_http_transfer *transfer, gh_view name, gh_view value)
{
    size_t known = find(transfer, name);
    if (known < transfer->reply_count) {
        return extend(&transfer->reply[known], ", ", value);
    }
    if (transfer->reply_count == GH_HTTP_HEADERS_MAX) {
        return GH_ERR_TOO_LARGE;
    }
    gh_http_reply_header header = {gh_view_dup(name), gh_view_dup(value)};
    if (header.name == NULL || header.value == NULL) {
        free(header.name);
        free(header.value);
        return GH_ERR_NOMEM;
    }
    transfer->reply[transfer->reply_count++] = header;
    return GH_OK;
}

void gh_http_reply_clear(gh_http_transfer *transfer)
{
    for (size_t i = 0; i < transfer->reply_count; i++) {
        free(transfer->reply[i].name);
        free(transfer->reply[i].value);
    }
    transfer->reply_count = 0;
    transfer->reply_bytes = 0;
    transfer->http_status = 0;
    transfer->head_done = false;
    transfer->redirecting = false;
}

gh_view gh_http_transfer_header(const gh_http_transfer *transfer, const char *name)
{
    size_t known = find(transfer, gh_view_of(name));
    return known == transfer->reply_count ? gh_view_make(NULL, 0) : gh_view_of(transfer->reply[known].value);
}

gh_status gh_http_date_parse(gh_view text, int64_t *seconds)
{
    char *date = gh_curl_is_there() ? gh_view_dup(text) : NULL;
    time_t at = date == NULL ? -1 : gh_curl()->getdate(date, NULL);
    free(date);
    if (at < 0) {
        return GH_ERR_PARSE;
    }
    *seconds = (int64_t)at;
    return GH_OK;
}

static int64_t retry_after(const gh_http_transfer *transfer)
{
    gh_view text = gh_view_trim(gh_http_transfer_header(transfer, "Retry-After"));
    int64_t seconds = 0;
    if (text.len == 0) {
        return -1;
    }
    if (gh_view_to_int64(text, 0, INT64_MAX, &seconds) == GH_OK) {
        return seconds;
    }
    time_t at = gh_curl()->getdate(text.ptr, NULL);
    if (at < 0) {
        return -1;
    }
    int64_t left = (int64_t)at - gh_clock_wall_s();
    return left < 0 ? 0 : left;
}

char *gh_http_resolve_same_origin(const char *base, const char *reference)
{
    char *text = NULL;
    char *owned = NULL;
    gh_url from;
    gh_url to;
    if (!gh_curl_is_there()) {
        return NULL;
    }
    CURLU *resolver = gh_curl()->url();
    if (resolver != NULL && !gh_text_has_control(gh_view_of(reference)) &&
        gh_curl()->url_set(resolver, CURLUPART_URL, base, 0) == CURLUE_OK &&
        gh_curl()->url_set(resolver, CURLUPART_URL, reference, 0) == CURLUE_OK &&
        gh_curl()->url_get(resolver, CURLUPART_URL, &text, 0) == CURLUE_OK &&
        gh_url_parse(gh_view_of(base), &from, NULL) == GH_OK &&
        gh_url_parse(gh_view_of(text), &to, NULL) == GH_OK && gh_url_same_origin(&from, &to) &&
        !to.has_userinfo) {
        owned = gh_text_dup(text);
    }
    gh_curl()->free(text);
    gh_curl()->url_cleanup(resolver);
    return owned;
}

char *gh_http_reply_redirect(const gh_http_transfer *transfer)
{
    static const int STATUSES[] = {301, 302, 303, 307, 308};
    bool redirect = false;
    for (size_t i = 0; i < sizeof STATUSES / sizeof *STATUSES; i++) {
        redirect = redirect || transfer->http_status == STATUSES[i];
    }
    gh_view location = gh_http_transfer_header(transfer, "Location");
    if (!redirect || !transfer->request.follow_redirects || strcmp(transfer->request.method, "GET") != 0 ||
        transfer->redirects >= GH_HTTP_REDIRECTS_MAX || location.len == 0) {
        return NULL;
    }
    return gh_http_resolve_same_origin(transfer->url, location.ptr);
}

/* "HTTP/1.1 200 OK" or "HTTP/2 200" */
static gh_status begin(gh_http_transfer *transfer, gh_view line)
{
    int64_t status = 0;
    size_t space = gh_view_find(line, ' ');
    gh_http_reply_clear(transfer);
    if (line.len - space < 4 || (line.len - space > 4 && line.ptr[space + 4] != ' ') ||
        gh_view_to_int64(gh_view_make(line.ptr + space + 1, 3), 100, 999, &status) != GH_OK) {
        return GH_ERR_PARSE;
    }
    transfer->http_status = (int)status;
    transfer->client->multiplexes =
        transfer->client->multiplexes || gh_view_starts_with(line, GH_VIEW_LIT("HTTP/2"));
    return GH_OK;
}

static bool declares_too_much(const gh_http_transfer *transfer)
{
    int64_t length = 0;
    gh_view text = gh_http_transfer_header(transfer, "Content-Length");
    /* Of a HEAD it is the length that a GET's body would have (RFC 9110, 8.6). */
    return strcmp(transfer->request.method, "HEAD") != 0 &&
           gh_view_to_int64(text, 0, INT64_MAX, &length) == GH_OK &&
           (uint64_t)length > transfer->request.max_response;
}

static gh_status finish(gh_http_transfer *transfer)
{
    if (transfer->http_status < 200) {
        gh_http_reply_clear(transfer);
        return GH_OK;
    }
    char *redirect = gh_http_reply_redirect(transfer);
    transfer->head_done = true;
    transfer->redirecting = redirect != NULL;
    free(redirect);
    if (declares_too_much(transfer)) {
        return GH_ERR_TOO_LARGE;
    }
    if (transfer->redirecting || transfer->request.on_head == NULL) {
        return GH_OK;
    }
    gh_view type = gh_http_transfer_header(transfer, "Content-Type");
    gh_http_response_head head = {
        .status = transfer->http_status, .content_type = type, .retry_after_s = retry_after(transfer)};
    if (type.len > 0) {
        head.content_type = gh_view_trim(gh_view_make(type.ptr, gh_view_find(type, ';')));
    }
    gh_status status = transfer->request.on_head(transfer->request.context, transfer, &head);
    if (status != GH_OK) {
        gh_http_transfer_abort(transfer, status, true);
    }
    return status;
}

static gh_status take_line(gh_http_transfer *transfer, gh_view line)
{
    transfer->reply_bytes += line.len;
    if (transfer->reply_bytes > GH_HTTP_HEADER_BYTES_MAX) {
        return GH_ERR_TOO_LARGE;
    }
    gh_view trimmed = gh_view_trim(line);
    if (trimmed.len == 0) {
        return finish(transfer);
    }
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t') { /* folded (RFC 9112, 5.2) */
        return transfer->reply_count == 0 ? GH_ERR_PARSE
                                          : extend(&transfer->reply[transfer->reply_count - 1], " ", trimmed);
    }
    size_t colon = gh_view_find(trimmed, ':');
    if (colon == 0 || colon == trimmed.len) {
        return GH_ERR_PARSE;
    }
    return add_header(transfer, gh_view_trim(gh_view_make(trimmed.ptr, colon)),
                      gh_view_trim(gh_view_make(trimmed.ptr + colon + 1, trimmed.len - colon - 1)));
}

size_t gh_http_reply_on_line(char *data, size_t size, size_t count, void *context)
{
    gh_http_transfer *transfer = context;
    gh_view line = gh_view_make(data, size * count);
    transfer->last_byte_ms = gh_clock_mono_ms();
    if (transfer->cancelled) {
        return 0;
    }
    if (transfer->head_done) { /* a trailer */
        return line.len;
    }
    gh_status status = gh_view_starts_with(line, GH_VIEW_LIT("HTTP/")) ? begin(transfer, gh_view_trim(line))
                                                                       : take_line(transfer, line);
    if (status != GH_OK) {
        gh_http_transfer_abort(transfer, status, false);
    }
    return status == GH_OK && !transfer->cancelled ? line.len : 0;
}

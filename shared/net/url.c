#include "shared/net/url.h"

#include <string.h>

#include "shared/net/url_chars.h"

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Unreserved, sub-delims, `extra` and whole escapes. */
static bool holds_only(gh_view text, const char *extra)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            if (!gh_text_is_escape(text, i)) {
                return false;
            }
            i += 2;
        } else if (!gh_char_is_unreserved(c) && !is_one_of(c, "!$&'()*+,;=") && !is_one_of(c, extra)) {
            return false;
        }
    }
    return true;
}

static gh_view slice(gh_view text, size_t from, size_t to)
{
    return gh_view_make(text.ptr + from, to - from);
}

static uint16_t default_port(gh_view scheme)
{
    if (gh_view_eq_nocase(scheme, GH_VIEW_LIT("http"))) {
        return 80;
    }
    return gh_view_eq_nocase(scheme, GH_VIEW_LIT("https")) ? 443 : 0;
}

static gh_status parse_port(gh_view text, gh_url *url, gh_error *error)
{
    int64_t port = 0;
    if ((text.len > 0 && !gh_char_is_digit(text.ptr[0])) ||
        gh_view_to_int64(text, 1, 65535, &port) != GH_OK) {
        return gh_error_set(error, GH_ERR_PARSE, "the URL's port must be a number from 1 to 65535");
    }
    url->port = (uint16_t)port;
    url->has_port = true;
    return GH_OK;
}

static gh_status parse_host(gh_view text, gh_url *url, gh_error *error)
{
    if (text.len > 0 && text.ptr[0] == '[') {
        size_t end = gh_view_find(text, ']');
        if (end == text.len || !gh_host_is_ipv6(slice(text, 1, end)) ||
            (end + 1 < text.len && text.ptr[end + 1] != ':')) {
            return gh_error_set(error, GH_ERR_PARSE, "the URL's IPv6 host is malformed");
        }
        url->host = slice(text, 1, end);
        url->host_is_ipv6 = true;
        return end + 1 < text.len ? parse_port(slice(text, end + 2, text.len), url, error) : GH_OK;
    }
    size_t colon = gh_view_find(text, ':');
    url->host = slice(text, 0, colon);
    if (gh_url_is_http(url) ? url->host.len > 0 && !gh_host_is_plain_name(url->host)
                            : !holds_only(url->host, "")) {
        return gh_error_set(error, GH_ERR_PARSE, "the URL's host is neither a name nor an address");
    }
    return colon < text.len ? parse_port(slice(text, colon + 1, text.len), url, error) : GH_OK;
}

static gh_status parse_authority(gh_view text, gh_url *url, gh_error *error)
{
    size_t at = gh_view_find(text, '@');
    if (at < text.len) {
        url->userinfo = slice(text, 0, at);
        url->has_userinfo = true;
        text = slice(text, at + 1, text.len);
        if (!holds_only(url->userinfo, ":")) {
            return gh_error_set(error, GH_ERR_PARSE, "the URL's user part is malformed");
        }
    }
    return parse_host(text, url, error);
}

/* Cuts fragment and query off the end of `rest`, which then holds authority and path. */
static gh_status parse_tail(gh_view *rest, gh_url *url, gh_error *error)
{
    size_t hash = gh_view_find(*rest, '#');
    if (hash < rest->len) {
        url->fragment = slice(*rest, hash + 1, rest->len);
        url->has_fragment = true;
        rest->len = hash;
    }
    size_t mark = gh_view_find(*rest, '?');
    if (mark < rest->len) {
        url->query = slice(*rest, mark + 1, rest->len);
        url->has_query = true;
        rest->len = mark;
    }
    if (!holds_only(url->fragment, ":@/?") || !holds_only(url->query, ":@/?[]")) {
        return gh_error_set(error, GH_ERR_PARSE, "the URL's query or fragment is malformed");
    }
    return GH_OK;
}

static gh_status parse_scheme(gh_view text, gh_url *url, gh_error *error)
{
    size_t colon = gh_view_find(text, ':');
    bool valid = colon > 0 && colon < text.len && gh_char_is_alpha(text.ptr[0]);
    for (size_t i = 0; valid && i < colon; i++) {
        valid =
            gh_char_is_alpha(text.ptr[i]) || gh_char_is_digit(text.ptr[i]) || is_one_of(text.ptr[i], "+-.");
    }
    if (!valid) {
        return gh_error_set(error, GH_ERR_PARSE, "the URL must begin with a scheme, such as https://");
    }
    url->scheme = slice(text, 0, colon);
    url->port = default_port(url->scheme);
    return GH_OK;
}

static gh_status check_characters(gh_view text, gh_error *error)
{
    if (text.len > GH_URL_MAX) {
        return gh_error_set(error, GH_ERR_TOO_LARGE, "the URL is longer than %d bytes", GH_URL_MAX);
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '\\') {
            return gh_error_set(error, GH_ERR_PARSE,
                                "the URL holds a space, a backslash or another character that must be "
                                "percent-encoded");
        }
        if (c == '%' && !gh_text_is_escape(text, i)) {
            return gh_error_set(error, GH_ERR_PARSE, "the URL holds a '%%' without two hex digits after it");
        }
    }
    return GH_OK;
}

gh_status gh_url_parse(gh_view text, gh_url *url, gh_error *error)
{
    gh_url parsed;
    memset(&parsed, 0, sizeof parsed);
    parsed.text = text;
    gh_status status = check_characters(text, error);
    if (status == GH_OK) {
        status = parse_scheme(text, &parsed, error);
    }
    if (status != GH_OK) {
        return status;
    }
    gh_view rest = slice(text, parsed.scheme.len + 1, text.len);
    status = parse_tail(&rest, &parsed, error);
    if (status == GH_OK && gh_view_starts_with(rest, GH_VIEW_LIT("//"))) {
        rest = slice(rest, 2, rest.len);
        size_t end = gh_view_find(rest, '/');
        parsed.has_authority = true;
        status = parse_authority(slice(rest, 0, end), &parsed, error);
        rest = slice(rest, end, rest.len);
    }
    if (status != GH_OK) {
        return status;
    }
    parsed.path = rest;
    if (!holds_only(rest, ":@/")) {
        return gh_error_set(error, GH_ERR_PARSE, "the URL's path is malformed");
    }
    if (gh_url_is_http(&parsed) && parsed.host.len == 0) {
        return gh_error_set(error, GH_ERR_PARSE, "the URL has no host");
    }
    *url = parsed;
    return GH_OK;
}

bool gh_url_is_https(const gh_url *url)
{
    return gh_view_eq_nocase(url->scheme, GH_VIEW_LIT("https"));
}

bool gh_url_is_http(const gh_url *url)
{
    return gh_url_is_https(url) || gh_view_eq_nocase(url->scheme, GH_VIEW_LIT("http"));
}

bool gh_url_is_loopback(const gh_url *url)
{
    return gh_host_is_loopback(url->host);
}

bool gh_url_same_origin(const gh_url *a, const gh_url *b)
{
    return gh_view_eq_nocase(a->scheme, b->scheme) && gh_view_eq_nocase(a->host, b->host) &&
           a->port == b->port && a->has_authority == b->has_authority;
}

/* True when a segment is "." or "..", escaped or not: such a path leads elsewhere than it reads. */
static bool has_dot_segment(gh_view path)
{
    gh_view rest = path;
    gh_view part;
    while (path.len > 0 && gh_view_next(&rest, '/', &part)) {
        size_t dots = 0;
        size_t i = 0;
        while (i < part.len) {
            bool escaped = part.len - i >= 3 && part.ptr[i] == '%' && part.ptr[i + 1] == '2' &&
                           (part.ptr[i + 2] == 'e' || part.ptr[i + 2] == 'E');
            if (part.ptr[i] != '.' && !escaped) {
                break;
            }
            i += escaped ? 3 : 1;
            dots++;
        }
        if (i == part.len && (dots == 1 || dots == 2)) {
            return true;
        }
    }
    return false;
}

bool gh_url_resource_covers(const gh_url *resource, const gh_url *url)
{
    if (!gh_url_same_origin(resource, url) || resource->has_fragment || resource->has_userinfo ||
        url->has_userinfo) {
        return false;
    }
    gh_view prefix = resource->path;
    gh_view path = url->path;
    if (prefix.len > 0 && prefix.ptr[prefix.len - 1] == '/') {
        prefix.len--;
    }
    if (resource->has_query) {
        gh_view whole = path;
        if (whole.len > 0 && whole.ptr[whole.len - 1] == '/') {
            whole.len--;
        }
        return url->has_query && gh_view_eq(resource->query, url->query) && gh_view_eq(prefix, whole);
    }
    if (has_dot_segment(path) || !gh_view_starts_with(path, prefix)) {
        return false;
    }
    return path.len == prefix.len || path.ptr[prefix.len] == '/';
}

static void append_lower(gh_buf *out, gh_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        (void)gh_buf_append_char(out, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
}

gh_status gh_url_write_origin(const gh_url *url, gh_buf *out)
{
    append_lower(out, url->scheme);
    (void)gh_buf_append_cstr(out, url->host_is_ipv6 ? "://[" : "://");
    append_lower(out, url->host);
    (void)gh_buf_append_cstr(out, url->host_is_ipv6 ? "]" : "");
    if (url->port != default_port(url->scheme)) {
        (void)gh_buf_appendf(out, ":%u", (unsigned)url->port);
    }
    return gh_buf_status(out);
}

/* What APIs write, as text that a model may read. */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/api/api_private.h"
#include "shared/net/address.h"

#define ADDRESS_MAX 64

/* --- media type and charset --- */

char *gh_api_media_type(const char *type)
{
    gh_view text = gh_view_of(type);
    text = gh_view_trim(gh_view_make(text.ptr, gh_view_find(text, ';')));
    char *media = text.len == 0 ? NULL : gh_view_dup(text);
    for (char *c = media; c != NULL && *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
    return media;
}

static gh_view charset_of(const char *type)
{
    gh_view rest = gh_view_of(type);
    gh_view part = {NULL, 0};
    const gh_view name = GH_VIEW_LIT("charset=");
    if (type == NULL) {
        return rest;
    }
    while (gh_view_next(&rest, ';', &part)) {
        part = gh_view_trim(part);
        if (gh_view_starts_with_nocase(part, name)) {
            part = gh_view_trim(gh_view_make(part.ptr + name.len, part.len - name.len));
            bool quoted = part.len >= 2 && part.ptr[0] == '"' && part.ptr[part.len - 1] == '"';
            return quoted ? gh_view_make(part.ptr + 1, part.len - 2) : part;
        }
    }
    return gh_view_make(NULL, 0);
}

static bool is_one_of(gh_view text, const char *const *names)
{
    bool is = false;
    for (size_t i = 0; names[i] != NULL && !is; i++) {
        is = gh_view_eq_nocase(text, gh_view_of(names[i]));
    }
    return is;
}

static gh_status append_latin1(gh_view bytes, gh_buf *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        if (c < 0x80) {
            (void)gh_buf_append_char(out, (char)c);
        } else {
            const char two[2] = {(char)(0xc0U | c >> 6), (char)(0x80U | (c & 0x3fU))};
            (void)gh_buf_append(out, two, sizeof two);
        }
    }
    return gh_buf_status(out);
}

gh_status gh_api_text_decode(const char *type, gh_view bytes, gh_buf *out)
{
    static const char *const UNICODE[] = {"utf-8", "utf8", "us-ascii", "ascii", NULL};
    static const char *const LATIN1[] = {"iso-8859-1", "iso8859-1", "latin1", NULL};
    gh_view charset = charset_of(type);
    bool latin1 = is_one_of(charset, LATIN1);
    if (charset.len > 0 && !latin1 && !is_one_of(charset, UNICODE)) {
        return GH_ERR_UNSUPPORTED;
    }
    if (gh_view_find(bytes, '\0') < bytes.len) {
        return GH_ERR_INVALID;
    }
    if (latin1) {
        return append_latin1(bytes, out);
    }
    if (gh_view_starts_with(bytes, GH_VIEW_LIT("\xef\xbb\xbf"))) { /* a byte order mark */
        bytes = gh_view_make(bytes.ptr + 3, bytes.len - 3);
    }
    return gh_text_is_utf8(bytes) ? gh_buf_append_view(out, bytes) : GH_ERR_INVALID;
}

/* --- excerpts --- */

static bool is_private_ip(const char *text)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } address;
    memset(&address, 0, sizeof address);
    if (inet_pton(AF_INET, text, &ipv4.sin_addr) == 1) {
        address.ipv4 = ipv4;
    } else if (inet_pton(AF_INET6, text, &ipv6.sin6_addr) == 1) {
        address.ipv6 = ipv6;
    } else {
        return false;
    }
    return !gh_address_is_public(&address.any);
}

/* "10.0.0.5", "10.0.0.5:8080", "::1". */
static bool is_private_address(gh_view run)
{
    char text[ADDRESS_MAX];
    while (run.len > 0 && run.ptr[run.len - 1] == '.') {
        run.len--;
    }
    if (run.len < 2 || run.len >= sizeof text) {
        return false;
    }
    memcpy(text, run.ptr, run.len);
    text[run.len] = '\0';
    if (is_private_ip(text)) {
        return true;
    }
    char *colon = strrchr(text, ':');
    if (colon != NULL) {
        *colon = '\0';
    }
    return colon != NULL && is_private_ip(text);
}

/* Where in the run one begins: at its front, or behind a colon as in "db:10.0.0.5:5432"; `run.len` for none.
 */
static size_t private_at(gh_view run)
{
    size_t at = 0;
    if (run.len >= ADDRESS_MAX || is_private_address(run)) {
        return run.len >= ADDRESS_MAX ? run.len : 0;
    }
    for (at = gh_view_find(run, ':') + 1; at < run.len;) {
        gh_view rest = gh_view_make(run.ptr + at, run.len - at);
        size_t colon = gh_view_find(rest, ':');
        if (gh_view_find(rest, '.') < colon && is_private_address(rest)) {
            return at;
        }
        at += colon + 1;
    }
    return run.len;
}

static size_t address_run(gh_view text)
{
    size_t len = 0;
    while (len < text.len && text.ptr[len] != '\0' &&
           strchr("0123456789abcdefABCDEF.:", text.ptr[len]) != NULL) {
        len++;
    }
    return len;
}

static void append_space(gh_buf *out, size_t from)
{
    if (out->len > from && out->data[out->len - 1] != ' ') {
        (void)gh_buf_append_char(out, ' ');
    }
}

void gh_api_text_clean(gh_view text, gh_buf *out)
{
    static const char HIDDEN[] = "[internal address]";
    size_t from = out->len;
    while (text.len > 0 && out->len - from < GH_API_EXCERPT_MAX - sizeof HIDDEN) {
        size_t run = address_run(text);
        size_t width = gh_utf8_width(text);
        unsigned char c = (unsigned char)text.ptr[0];
        size_t at = private_at(gh_view_make(text.ptr, run));
        if (run > 0 && at == 0) {
            (void)gh_buf_append_cstr(out, HIDDEN);
            width = run;
        } else if (run > 1 && run < ADDRESS_MAX) {
            (void)gh_buf_append(out, text.ptr, at);
            width = at;
        } else if (c <= ' ' || c == 0x7f || width == 0 ||
                   (width > 1 && gh_utf8_is_deceptive(gh_view_make(text.ptr, width)))) {
            append_space(out, from);
            width = width == 0 ? 1 : width;
        } else {
            (void)gh_buf_append(out, text.ptr, width);
        }
        text = gh_view_make(text.ptr + width, text.len - width);
    }
    while (out->len > from && out->data[out->len - 1] == ' ') {
        out->data[--out->len] = '\0';
    }
    if (text.len > 0) {
        (void)gh_buf_append_cstr(out, "\xe2\x80\xa6"); /* an ellipsis */
    }
}

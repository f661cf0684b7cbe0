#include "server/oauth/redirect.h"

#include "shared/net/url.h"

/* Schemes that a browser or the system acts upon itself: no list can allow them. */
static const char *const NEVER[] = {
    "javascript", "data",        "file",   "blob", "filesystem", "vbscript",        "about",
    "jar",        "view-source", "ws",     "wss",  "ftp",        "chrome",          "resource",
    "intent",     "content",     "mailto", "tel",  "sms",        "ms-appinstaller", "search-ms",
    "http",       "https",
};

static bool is_never_allowed(gh_view scheme)
{
    for (size_t i = 0; i < sizeof NEVER / sizeof *NEVER; i++) {
        if (gh_view_eq_nocase(scheme, gh_view_of(NEVER[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_listed(gh_view scheme, const gh_text_list *schemes)
{
    for (size_t i = 0; i < schemes->count; i++) {
        if (gh_view_eq_nocase(scheme, gh_view_of(schemes->items[i]))) {
            return true;
        }
    }
    return false;
}

/* http to one of the three names that RFC 8252 and clients use; not all of 127/8. */
static bool is_loopback_http(const gh_url *url)
{
    if (!gh_url_is_http(url) || gh_url_is_https(url)) {
        return false;
    }
    if (url->host_is_ipv6) {
        return gh_view_eq_cstr(url->host, "::1");
    }
    return gh_view_eq_cstr(url->host, "localhost") || gh_view_eq_cstr(url->host, "127.0.0.1");
}

static gh_status check_scheme(const gh_url *url, const gh_text_list *schemes, gh_error *error)
{
    if (gh_url_is_http(url)) {
        if (!url->has_authority) {
            return gh_error_set(error, GH_ERR_DENIED, "the redirect URI must name a host after \"//\"");
        }
        if (!gh_url_is_https(url) && !is_loopback_http(url)) {
            return gh_error_set(error, GH_ERR_DENIED,
                                "a redirect URI over plain http must go to localhost, 127.0.0.1 or [::1]; "
                                "use https");
        }
        return GH_OK;
    }
    if (is_never_allowed(url->scheme) || !is_listed(url->scheme, schemes)) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "redirect URIs with the scheme \"%.*s\" are not allowed by this server",
                            (int)(url->scheme.len < 40 ? url->scheme.len : 40), url->scheme.ptr);
    }
    return GH_OK;
}

gh_status gh_redirect_check(gh_view uri, const gh_text_list *schemes, gh_error *error)
{
    gh_url url;
    if (uri.len > GH_REDIRECT_MAX) {
        return gh_error_set(error, GH_ERR_DENIED, "the redirect URI is longer than %d bytes",
                            GH_REDIRECT_MAX);
    }
    gh_error cause = {0};
    if (gh_url_parse(uri, &url, &cause) != GH_OK) {
        return gh_error_set(error, GH_ERR_DENIED, "the redirect URI cannot be used: %s", cause.message);
    }
    if (url.has_userinfo) {
        return gh_error_set(error, GH_ERR_DENIED, "the redirect URI must not have a user part (\"…@\")");
    }
    if (url.has_fragment) {
        return gh_error_set(error, GH_ERR_DENIED, "the redirect URI must not have a fragment (\"#…\")");
    }
    return check_scheme(&url, schemes, error);
}

bool gh_redirect_matches(gh_view registered, gh_view requested)
{
    gh_url ours;
    gh_url theirs;
    if (gh_view_eq(registered, requested)) {
        return true;
    }
    if (requested.len > GH_REDIRECT_MAX || gh_url_parse(registered, &ours, NULL) != GH_OK ||
        gh_url_parse(requested, &theirs, NULL) != GH_OK) {
        return false;
    }
    return is_loopback_http(&ours) && is_loopback_http(&theirs) && gh_view_eq(ours.scheme, theirs.scheme) &&
           gh_view_eq(ours.host, theirs.host) && gh_view_eq(ours.path, theirs.path) &&
           ours.has_query == theirs.has_query && gh_view_eq(ours.query, theirs.query) &&
           !theirs.has_userinfo && !theirs.has_fragment;
}

bool gh_redirect_is_registered(const char *list, gh_view requested)
{
    gh_view rest = gh_view_of(list);
    gh_view uri;
    while (rest.ptr != NULL && gh_view_next(&rest, '\n', &uri)) {
        if (uri.len > 0 && gh_redirect_matches(uri, requested)) {
            return true;
        }
    }
    return false;
}

bool gh_redirect_is_loopback(gh_view uri)
{
    gh_url url;
    return gh_url_parse(uri, &url, NULL) == GH_OK && gh_url_is_http(&url) && gh_url_is_loopback(&url);
}

bool gh_redirect_is_web(gh_view uri)
{
    gh_url url;
    return gh_url_parse(uri, &url, NULL) == GH_OK && gh_url_is_http(&url);
}

/* A capital I passes for a small l, and neither hosts nor schemes know the difference in case. */
static void append_lower(gh_buf *out, gh_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        (void)gh_buf_append_char(out, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
}

gh_status gh_redirect_write_place(gh_view uri, gh_buf *out)
{
    gh_url url;
    gh_status status = gh_url_parse(uri, &url, NULL);
    if (status != GH_OK) {
        return status;
    }
    if (!gh_url_is_http(&url)) {
        append_lower(out, url.scheme);
        return gh_buf_append_char(out, ':');
    }
    (void)gh_buf_append_cstr(out, url.host_is_ipv6 ? "[" : "");
    append_lower(out, url.host);
    (void)gh_buf_append_cstr(out, url.host_is_ipv6 ? "]" : "");
    if (url.has_port) {
        (void)gh_buf_appendf(out, ":%u", (unsigned)url.port);
    }
    return gh_buf_status(out);
}

gh_status gh_redirect_write_source(gh_view uri, gh_buf *out)
{
    gh_url url;
    gh_status status = gh_url_parse(uri, &url, NULL);
    if (status != GH_OK) {
        return status;
    }
    /* The grammar of host-source has no IPv6 literals, so that only the scheme can be listed. */
    if (!gh_url_is_http(&url) || url.host_is_ipv6) {
        (void)gh_buf_append_view(out, url.scheme);
        return gh_buf_append_char(out, ':');
    }
    return gh_url_write_origin(&url, out);
}

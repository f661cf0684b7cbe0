#include "server/http/site.h"

#include <stdlib.h>
#include <string.h>

#include "shared/core/bytes.h"
#include "shared/net/url.h"

struct gh_site {
    char *origin;
    char *authority;      /* host[:port] in lower case, the default port left out */
    char *authority_full; /* with the port in any case */
    char *mcp_url;
    char *resource_metadata;
    char **allowed;
    size_t allowed_count;
};

static gh_status parse_origin(const char *text, const char *what, char **origin, gh_url *url, gh_error *error)
{
    gh_buf out = GH_BUF_INIT(GH_URL_MAX);
    gh_error why = {0};
    gh_status status = gh_url_parse(gh_view_of(text), url, &why);
    if (status != GH_OK) {
        return gh_error_set(error, GH_ERR_INVALID, "%s is not a URL: %s", what, why.message);
    }
    bool root = url->path.len == 0 || gh_view_eq_cstr(url->path, "/");
    if (!gh_url_is_http(url) || !root || url->has_query || url->has_fragment || url->has_userinfo) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "%s must be an origin such as http://localhost:8080, without path or query.",
                            what);
    }
    status = gh_url_write_origin(url, &out);
    *origin = status == GH_OK ? gh_buf_steal(&out) : NULL;
    gh_buf_free(&out);
    return *origin != NULL ? GH_OK : GH_ERR_NOMEM;
}

static char *join(const char *a, const char *b)
{
    gh_buf out = GH_BUF_INIT(GH_URL_MAX + 128);
    (void)gh_buf_append_cstr(&out, a);
    (void)gh_buf_append_cstr(&out, b);
    char *text = gh_buf_steal(&out);
    gh_buf_free(&out);
    return text;
}

static gh_status set_urls(gh_site *site, const gh_url *url)
{
    const char *authority = site->origin + url->scheme.len + strlen("://");
    gh_buf full = GH_BUF_INIT(GH_URL_MAX);
    (void)gh_buf_appendf(&full, url->host_is_ipv6 ? "[%.*s]:%u" : "%.*s:%u", (int)url->host.len,
                         url->host.ptr, (unsigned)url->port);
    site->authority_full = gh_buf_steal(&full);
    site->authority = gh_text_dup(authority);
    site->mcp_url = join(site->origin, "/mcp");
    site->resource_metadata = join(site->origin, "/.well-known/oauth-protected-resource/mcp");
    gh_buf_free(&full);
    bool whole = site->authority_full != NULL && site->authority != NULL && site->mcp_url != NULL &&
                 site->resource_metadata != NULL;
    return whole ? GH_OK : GH_ERR_NOMEM;
}

static gh_status set_allowed(gh_site *site, const gh_text_list *allowed, gh_error *error)
{
    gh_url url;
    if (allowed == NULL || allowed->count == 0) {
        return GH_OK;
    }
    site->allowed = calloc(allowed->count, sizeof *site->allowed);
    if (site->allowed == NULL) {
        return GH_ERR_NOMEM;
    }
    for (size_t i = 0; i < allowed->count; i++) {
        gh_status status = parse_origin(allowed->items[i], "--allow-origin",
                                        &site->allowed[site->allowed_count], &url, error);
        if (status != GH_OK) {
            return status;
        }
        site->allowed_count++;
    }
    return GH_OK;
}

gh_status gh_site_new(const char *public_url, const gh_text_list *allowed_origins, gh_site **site,
                      gh_error *error)
{
    gh_url url;
    gh_site *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
    }
    gh_status status = parse_origin(public_url, "--public-url", &made->origin, &url, error);
    if (status == GH_OK) {
        status = set_urls(made, &url);
    }
    if (status == GH_OK) {
        status = set_allowed(made, allowed_origins, error);
    }
    if (status != GH_OK) {
        gh_site_free(made);
        made = NULL;
    }
    *site = made;
    return status;
}

void gh_site_free(gh_site *site)
{
    if (site == NULL) {
        return;
    }
    for (size_t i = 0; i < site->allowed_count; i++) {
        free(site->allowed[i]);
    }
    free(site->allowed);
    free(site->origin);
    free(site->authority);
    free(site->authority_full);
    free(site->mcp_url);
    free(site->resource_metadata);
    free(site);
}

const char *gh_site_origin(const gh_site *site)
{
    return site->origin;
}

const char *gh_site_mcp_url(const gh_site *site)
{
    return site->mcp_url;
}

const char *gh_site_resource_metadata(const gh_site *site)
{
    return site->resource_metadata;
}

static bool is_host_form(gh_view host)
{
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr("-._~:[]%!$&'()*+,;=", c) == NULL)) {
            return false;
        }
    }
    return host.len > 0 && host.len <= 300;
}

gh_site_host gh_site_check_host(const gh_site *site, gh_view host)
{
    if (!is_host_form(host)) {
        return GH_SITE_HOST_INVALID;
    }
    if (gh_view_eq_nocase(host, gh_view_of(site->authority)) ||
        gh_view_eq_nocase(host, gh_view_of(site->authority_full))) {
        return GH_SITE_HOST_OURS;
    }
    return GH_SITE_HOST_OTHER;
}

bool gh_site_is_own_origin(const gh_site *site, gh_view origin)
{
    return gh_view_eq_cstr(origin, site->origin);
}

bool gh_site_allows_origin(const gh_site *site, gh_view origin)
{
    bool allowed = gh_site_is_own_origin(site, origin);
    for (size_t i = 0; i < site->allowed_count && !allowed; i++) {
        allowed = gh_view_eq_cstr(origin, site->allowed[i]);
    }
    return allowed;
}

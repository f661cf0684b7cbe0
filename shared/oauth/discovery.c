#include "shared/oauth/discovery.h"

#include <stdlib.h>
#include <string.h>

#include "shared/core/bytes.h"
#include "shared/net/url.h"

#define RESOURCE_SUFFIX "/.well-known/oauth-protected-resource"
#define SERVER_SUFFIX "/.well-known/oauth-authorization-server"
#define OPENID_SUFFIX "/.well-known/openid-configuration"
#define CANDIDATE_MAX (GH_URL_MAX + 64)

/* Appends origin + before + suffix + after + ?query to the list. */
static gh_status add(gh_discovery *out, const gh_url *url, gh_view before, const char *suffix, gh_view after,
                     gh_view query)
{
    gh_buf text = GH_BUF_INIT(CANDIDATE_MAX);
    (void)gh_url_write_origin(url, &text);
    (void)gh_buf_append_view(&text, before);
    (void)gh_buf_append_cstr(&text, suffix);
    (void)gh_buf_append_view(&text, after);
    if (query.len > 0) {
        (void)gh_buf_append_char(&text, '?');
        (void)gh_buf_append_view(&text, query);
    }
    char *candidate = gh_buf_steal(&text);
    gh_buf_free(&text);
    if (candidate == NULL) {
        return GH_ERR_NOMEM;
    }
    out->urls[out->count++] = candidate;
    return GH_OK;
}

static gh_status parse(gh_view text, const char *what, gh_url *url, gh_error *error)
{
    gh_status status = gh_url_parse(text, url, error);
    if (status != GH_OK) {
        return status;
    }
    if (!gh_url_is_http(url) || !url->has_authority) {
        return gh_error_set(error, GH_ERR_INVALID, "the %s must be an http or https URL", what);
    }
    if (url->has_userinfo || url->has_fragment) {
        return gh_error_set(error, GH_ERR_INVALID, "the %s must have no user part and no fragment", what);
    }
    /* The terminating slash goes before anything is inserted (RFC 8414, 3.1; RFC 9728, 3.1). */
    if (url->path.len > 0 && url->path.ptr[url->path.len - 1] == '/') {
        url->path.len--;
    }
    return GH_OK;
}

gh_status gh_discovery_resource(gh_view mcp_url, gh_discovery *out, gh_error *error)
{
    gh_url url;
    const gh_view none = GH_VIEW_LIT("");
    memset(out, 0, sizeof *out);
    gh_status status = parse(mcp_url, "server URL", &url, error);
    if (status != GH_OK) {
        return status;
    }
    if (url.path.len > 0 || url.query.len > 0) {
        status = add(out, &url, none, RESOURCE_SUFFIX, url.path, url.query);
    }
    if (status == GH_OK) {
        status = add(out, &url, none, RESOURCE_SUFFIX, none, none);
    }
    if (status != GH_OK) {
        gh_discovery_clear(out);
        return gh_error_set(error, status, "not enough memory for the metadata URLs");
    }
    return GH_OK;
}

gh_status gh_discovery_issuer(gh_view issuer, gh_discovery *out, gh_error *error)
{
    gh_url url;
    const gh_view none = GH_VIEW_LIT("");
    memset(out, 0, sizeof *out);
    gh_status status = parse(issuer, "issuer", &url, error);
    if (status != GH_OK) {
        return status;
    }
    if (url.has_query) {
        return gh_error_set(error, GH_ERR_INVALID, "the issuer must have no query (RFC 8414, 2)");
    }
    status = add(out, &url, none, SERVER_SUFFIX, url.path, none);
    if (status == GH_OK) {
        status = add(out, &url, none, OPENID_SUFFIX, url.path, none);
    }
    if (status == GH_OK && url.path.len > 0) {
        status = add(out, &url, url.path, OPENID_SUFFIX, none, none);
    }
    if (status != GH_OK) {
        gh_discovery_clear(out);
        return gh_error_set(error, status, "not enough memory for the metadata URLs");
    }
    return GH_OK;
}

void gh_discovery_clear(gh_discovery *discovery)
{
    for (size_t i = 0; i < discovery->count; i++) {
        free(discovery->urls[i]);
    }
    memset(discovery, 0, sizeof *discovery);
}

#include "server/api/credential.h"

#include <string.h>

#include "server/api/credential_private.h"
#include "shared/net/http_client.h"

#define HEADER_MAX ((size_t)64 * 1024)

/* --- whether an auth mode can give it --- */

static gh_status check_user(const gh_credential_source *source, gh_error *error)
{
    if (source->user != NULL) {
        return GH_OK;
    }
    if (source->has_provider) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "credential \"user\" needs --auth proxy (this is --auth %s, where the only token "
                            "is the one that the client sent, which was made for this server and is never "
                            "passed on); \"exchange\" gets one for the API",
                            source->auth);
    }
    return gh_error_set(error, GH_ERR_INVALID,
                        "credential \"user\" needs --auth proxy (this is --auth %s, where there is no "
                        "provider whose token it could be)",
                        source->auth);
}

static gh_status check_exchange(const gh_credential_source *source, gh_error *error)
{
    if (source->exchange != NULL) {
        return GH_OK;
    }
    if (source->has_provider) {
        return gh_error_set(
            error, GH_ERR_INVALID,
            "credential \"exchange\" needs --client-id: this server's client at the provider, "
            "which must be allowed to exchange tokens");
    }
    return gh_error_set(error, GH_ERR_INVALID,
                        "credential \"exchange\" needs --auth proxy, direct or facade (this is --auth %s, "
                        "where there is no provider that could exchange a token)",
                        source->auth);
}

static gh_status check_client(const gh_credential_source *source, const gh_credential *credential,
                              gh_error *error)
{
    bool complete = credential->client_id != NULL && credential->secret != NULL;
    if (source->client == NULL) {
        return gh_error_set(error, GH_ERR_INVALID, "credential \"client\" cannot be used with --auth %s",
                            source->auth);
    }
    if (credential->token_endpoint != NULL) {
        return complete
                   ? GH_OK
                   : gh_error_set(error, GH_ERR_INVALID,
                                  "credential \"client\" with a \"tokenEndpoint\" needs \"clientId\" and "
                                  "\"clientSecretFile\": this server's own secret is for its provider "
                                  "only");
    }
    if (!source->has_provider) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "credential \"client\" needs \"tokenEndpoint\", \"clientId\" and "
                            "\"clientSecretFile\" with --auth %s, where there is no provider to ask",
                            source->auth);
    }
    if (credential->client_id != NULL && credential->secret == NULL) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "credential \"client\" with a \"clientId\" needs its \"clientSecretFile\"");
    }
    if (credential->client_id == NULL && !source->has_secret) {
        return gh_error_set(
            error, GH_ERR_INVALID,
            "credential \"client\" needs --client-id and --client-secret, or \"clientId\" and "
            "\"clientSecretFile\"");
    }
    return GH_OK;
}

static bool is_sendable(gh_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    gh_view inner = gh_view_trim(text);
    return inner.len == text.len && text.len <= HEADER_MAX;
}

static gh_status check_header(const gh_credential *credential, gh_error *error)
{
    gh_view secret = gh_secret_view(credential->secret);
    const char *prefix = credential->prefix != NULL ? credential->prefix : "";
    if (credential->header == NULL || !gh_http_header_is_valid(credential->header, prefix)) {
        return gh_error_set(error, GH_ERR_INVALID, "credential \"header\" has a name or prefix that is none");
    }
    if (secret.len == 0 || !is_sendable(secret)) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "credential \"header\": the secret is empty, or has characters that a header "
                            "cannot carry, such as a line break");
    }
    return GH_OK;
}

gh_status gh_credential_check(const gh_credential_source *source, const gh_credential *credential,
                              gh_error *error)
{
    switch (credential->kind) {
    case GH_CREDENTIAL_USER:
        return check_user(source, error);
    case GH_CREDENTIAL_EXCHANGE:
        return check_exchange(source, error);
    case GH_CREDENTIAL_CLIENT:
        return check_client(source, credential, error);
    case GH_CREDENTIAL_HEADER:
        return check_header(credential, error);
    case GH_CREDENTIAL_NONE:
    default:
        return GH_OK;
    }
}

/* --- what is sent --- */

static gh_status write_header(const gh_upstream *upstream, const gh_secret *stale, gh_secret **value,
                              gh_error *error)
{
    const gh_credential *credential = &upstream->credential;
    gh_buf text = GH_BUF_INIT(2 * HEADER_MAX);
    gh_view secret = gh_secret_view(credential->secret);
    const char *prefix = credential->prefix != NULL ? credential->prefix : "";
    gh_status status = check_header(credential, error);
    if (status != GH_OK) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "The secret for %s cannot be sent; ask whoever runs this server.",
                            upstream->name);
    }
    status = gh_buf_reserve(&text, strlen(prefix) + secret.len);
    (void)gh_buf_append_cstr(&text, prefix);
    (void)gh_buf_append_view(&text, secret);
    if (status == GH_OK && stale != NULL && gh_secret_equals(stale, gh_buf_view(&text))) {
        status = gh_error_set(error, GH_ERR_DENIED,
                              "%s refuses the secret that this server sends; ask whoever runs this server.",
                              upstream->name);
    } else if (status == GH_OK) {
        *value = gh_secret_new(gh_buf_view(&text));
        status = *value != NULL ? GH_OK : GH_ERR_NOMEM;
    }
    gh_buf_wipe_free(&text);
    return status;
}

gh_status gh_credential_get(gh_credential_cache *cache, const gh_upstream *upstream,
                            const gh_principal *principal, const gh_secret *stale, const char **name,
                            gh_secret **value, gh_error *error)
{
    const gh_credential_wish wish = {.upstream = upstream, .principal = principal, .stale = stale};
    *name = NULL;
    *value = NULL;
    if (upstream->credential.kind == GH_CREDENTIAL_NONE) {
        return GH_OK;
    }
    if (upstream->credential.kind == GH_CREDENTIAL_HEADER) {
        *name = upstream->credential.header;
        return write_header(upstream, stale, value, error);
    }
    *name = "Authorization";
    return gh_credential_cached(cache, &wish, value, error);
}

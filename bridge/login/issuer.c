#include "bridge/login/issuer.h"

#include <string.h>

#include "shared/core/log.h"
#include "shared/net/url.h"

char *gh_issuer_at_origin(const char *mcp_url, const char *path)
{
    gh_url url;
    gh_buf text = GH_BUF_INIT(GH_URL_MAX);
    if (gh_url_parse(gh_view_of(mcp_url), &url, NULL) != GH_OK) {
        return NULL;
    }
    gh_url_write_origin(&url, &text);
    gh_buf_append_cstr(&text, path);
    char *made = gh_buf_steal(&text);
    gh_buf_free(&text);
    return made;
}

gh_status gh_issuer_choose(const gh_bridge_settings *settings, const gh_resource_metadata *resource,
                           const char **issuer, gh_error *error)
{
    const char *wanted = settings->issuer;
    const char *first = resource->authorization_servers[0];
    if (wanted == NULL) {
        if (resource->authorization_server_count > 1) {
            gh_log_info("the server names %zu authorization servers; %s is used, --issuer chooses another",
                        resource->authorization_server_count, first);
        }
        *issuer = first;
        return GH_OK;
    }
    for (size_t i = 0; i < resource->authorization_server_count; i++) {
        if (strcmp(resource->authorization_servers[i], wanted) == 0) {
            *issuer = wanted;
            return GH_OK;
        }
    }
    return gh_error_set(error, GH_ERR_DENIED,
                        "the server does not name %.150s as its authorization server, but %.150s%s; change "
                        "--issuer, or leave it out",
                        wanted, first, resource->authorization_server_count > 1 ? " and others" : "");
}

gh_status gh_issuer_guess(const char *mcp_url, gh_server_metadata *server, gh_error *error)
{
    server->issuer = gh_issuer_at_origin(mcp_url, "");
    server->authorization_endpoint = gh_issuer_at_origin(mcp_url, "/authorize");
    server->token_endpoint = gh_issuer_at_origin(mcp_url, "/token");
    server->registration_endpoint = gh_issuer_at_origin(mcp_url, "/register");
    bool complete = server->issuer != NULL && server->authorization_endpoint != NULL &&
                    server->token_endpoint != NULL && server->registration_endpoint != NULL;
    return complete ? GH_OK : gh_error_set(error, GH_ERR_NOMEM, "out of memory");
}

#include "server/oauth/provider.h"

#include <stdlib.h>
#include <string.h>

#include "server/oauth/page.h"
#include "server/oauth/redirect.h"

gh_status gh_provider_read(const gh_oauth_server *server, gh_provider *provider)
{
    gh_error why = {0};
    memset(provider, 0, sizeof *provider);
    if (gh_idp_state_get(server->idp, &why) == GH_IDP_REFUSED) {
        return GH_ERR_UNSUPPORTED;
    }
    gh_status status = gh_idp_metadata(server->idp, &provider->metadata);
    if (status != GH_OK) {
        return status;
    }
    gh_buf place = GH_BUF_INIT(GH_REDIRECT_MAX + 16);
    status = gh_redirect_write_place(gh_view_of(provider->metadata.issuer), &place);
    if (status == GH_OK) {
        provider->place = gh_buf_steal(&place);
        status = provider->place == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    gh_buf_free(&place);
    return status;
}

void gh_provider_clear(gh_provider *provider)
{
    gh_server_metadata_clear(&provider->metadata);
    free(provider->place);
    provider->place = NULL;
}

const char *gh_provider_problem(gh_status status)
{
    switch (status) {
    case GH_ERR_UNAVAILABLE:
        return "The identity provider cannot be reached at the moment; try again soon.";
    case GH_ERR_UNSUPPORTED:
        return "The identity provider cannot be used as it is configured; ask whoever runs this server.";
    default:
        return "The server failed at this request.";
    }
}

void gh_provider_page(gh_response *response, gh_status status)
{
    bool outage = status == GH_ERR_UNAVAILABLE;
    if (outage) {
        gh_response_header_cstr(response, "Retry-After", GH_OAUTH_RETRY_AFTER);
    }
    gh_page_message(
        response, outage || status == GH_ERR_UNSUPPORTED ? 503 : 500,
        "Signing in is not possible at the moment", gh_provider_problem(status),
        outage ? "Wait a few seconds, then load this page again."
               : "Ask whoever runs this server, then go back to your application and sign in again.");
}

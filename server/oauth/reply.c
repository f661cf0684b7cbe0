#include "server/oauth/reply.h"

#include "server/oauth/internal.h"

void gh_reply_headers(gh_response *response)
{
    gh_response_header_cstr(response, "Cache-Control", "no-store");
    gh_response_header_cstr(response, "Pragma", "no-cache");
}

void gh_reply_failure(gh_response *response, gh_status status)
{
    if (status == GH_ERR_UNAVAILABLE) {
        gh_response_header_cstr(response, "Retry-After", GH_OAUTH_RETRY_AFTER);
        gh_response_error(response, 503, "temporarily_unavailable",
                          "The server cannot reach its store at the moment; nothing was changed. Try again "
                          "in a few seconds.");
        return;
    }
    gh_response_error(response, 500, "server_error", "The server failed at this request. Try again.");
}

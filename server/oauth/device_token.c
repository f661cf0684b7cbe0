#include <string.h>

#include "server/oauth/device.h"
#include "server/oauth/device_code.h"
#include "server/oauth/reply.h"
#include "server/oauth/token.h"
#include "shared/core/log.h"

static void pending(gh_response *response, const char *code, const char *description)
{
    gh_response_error(response, 400, code, description);
}

static void refuse_unknown(const char *code, gh_response *response)
{
    if (gh_device_code_is_over(code)) {
        pending(response, "expired_token", "The code was not used in time; start the sign-in again.");
    } else {
        gh_token_invalid_grant(response, "The device_code is not valid; start the sign-in again.");
    }
}

/* RFC 8628, 3.5. */
static void answer(const gh_oauth_server *server, const gh_oauth_call *call, const char *code,
                   gh_device_poll outcome, const gh_grant *grant, gh_response *response)
{
    switch (outcome) {
    case GH_DEVICE_POLL_PENDING:
        pending(response, "authorization_pending",
                "Nobody has entered the code and decided yet; ask again after the interval.");
        break;
    case GH_DEVICE_POLL_SLOW_DOWN:
        pending(response, "slow_down",
                "That was sooner than the interval allows; wait 5 seconds longer from now on.");
        break;
    case GH_DEVICE_POLL_DENIED:
        pending(response, "access_denied", "The person did not allow the access.");
        break;
    case GH_DEVICE_POLL_GRANTED:
        gh_log_info("device signed in: client %s, subject %s", grant->client_id, grant->subject);
        gh_token_issue(server, call, grant, response);
        break;
    case GH_DEVICE_POLL_UNKNOWN:
        refuse_unknown(code, response);
        break;
    }
}

void gh_token_by_device(const gh_oauth_server *server, const gh_oauth_call *call, gh_response *response)
{
    const char *code = gh_form_get(call->form, "device_code");
    char hash[GH_SHA256_TEXT_MAX];
    gh_device_poll outcome = GH_DEVICE_POLL_UNKNOWN;
    gh_grant grant;
    memset(&grant, 0, sizeof grant);
    if (code == NULL) {
        gh_response_error(response, 400, "invalid_request", "device_code is missing.");
        return;
    }
    gh_status status = gh_sha256_text(gh_view_of(code), hash);
    if (status == GH_OK) {
        status = gh_store_device_poll(server->store, hash, call->client.id, &outcome, &grant);
    }
    if (status == GH_OK) {
        answer(server, call, code, outcome, &grant, response);
    } else {
        gh_reply_failure(response, status);
    }
    gh_grant_clear(&grant);
}

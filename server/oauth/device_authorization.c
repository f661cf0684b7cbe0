#include <stdlib.h>
#include <string.h>

#include "server/oauth/authorization.h"
#include "server/oauth/credentials.h"
#include "server/oauth/device.h"
#include "server/oauth/device_code.h"
#include "server/oauth/reply.h"
#include "server/oauth/resource.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/json/access.h"

#define TRIES 5 /* at a user code that nobody has */

typedef struct codes {
    char *device;
    char user[GH_USER_CODE_LEN + 1];
    char *scope;
} codes;

static bool check(const gh_oauth_server *server, const gh_request *request, const gh_oauth_call *call,
                  gh_response *response)
{
    int64_t wait_s = 0;
    if (!gh_text_has_word(gh_view_of(call->client.grant_types), GH_VIEW_LIT(GH_DEVICE_GRANT_TYPE))) {
        gh_response_error(response, 400, "unauthorized_client",
                          "This client is not registered for the grant type " GH_DEVICE_GRANT_TYPE ".");
        return false;
    }
    if (!gh_resource_is_ours(server, call->form)) {
        gh_response_error(response, 400, "invalid_target",
                          "resource must be the URL of this server's MCP endpoint.");
        return false;
    }
    if (!gh_device_may_start(server->device_limits, request->remote_host, &wait_s)) {
        gh_response_header_cstr(response, "Retry-After", wait_s > 30 ? "60" : "30");
        gh_response_error(response, 429, "temporarily_unavailable",
                          "Too many sign-ins were started from this address; wait a minute.");
        return false;
    }
    return true;
}

static gh_status add_device(const gh_oauth_server *server, const gh_oauth_call *call, codes *made)
{
    char device_hash[GH_SHA256_TEXT_MAX];
    char user_hash[GH_SHA256_TEXT_MAX];
    const gh_device device = {.device_hash = device_hash,
                              .user_code_hash = user_hash,
                              .client_id = call->client.id,
                              .scope = made->scope,
                              .resource = server->resource,
                              .interval_s = GH_DEVICE_INTERVAL_S,
                              .expires_at = gh_clock_wall_s() + GH_DEVICE_TTL_S};
    gh_status status = gh_device_code_new(device.expires_at, &made->device);
    if (status == GH_OK) {
        status = gh_user_code_new(made->user);
    }
    if (status == GH_OK) {
        status = gh_sha256_text(gh_view_of(made->device), device_hash);
    }
    if (status == GH_OK) {
        status = gh_user_code_hash(server, made->user, user_hash);
    }
    return status == GH_OK ? gh_store_device_add(server->store, &device, GH_DEVICES_MAX) : status;
}

static gh_status start(const gh_oauth_server *server, const gh_oauth_call *call, codes *made)
{
    gh_status status = GH_ERR_CONFLICT;
    for (int i = 0; i < TRIES && status == GH_ERR_CONFLICT; i++) {
        gh_wipe_free(made->device);
        made->device = NULL;
        status = add_device(server, call, made);
    }
    return status;
}

/* Written by hand into memory that is wiped, as every reply with a secret. */
static gh_status answer(const gh_oauth_server *server, const codes *made, gh_response *response)
{
    char shown[GH_USER_CODE_SHOWN + 1];
    gh_buf text = GH_BUF_INIT(GH_OAUTH_DOCUMENT_MAX);
    gh_user_code_show(made->user, shown);
    (void)gh_buf_reserve(&text, 2 * strlen(server->issuer) + 1024);
    (void)gh_buf_appendf(&text, "{\"device_code\":\"%s\",\"user_code\":\"%s\",\"verification_uri\":\"",
                         made->device, shown);
    (void)gh_buf_appendf(&text,
                         "%s/device\",\"verification_uri_complete\":\"%s/device?user_code=%s\","
                         "\"expires_in\":%d,\"interval\":%d}",
                         server->issuer, server->issuer, shown, GH_DEVICE_TTL_S, GH_DEVICE_INTERVAL_S);
    gh_status status = gh_buf_status(&text);
    if (status == GH_OK) {
        gh_response_json(response, 200, gh_buf_view(&text));
    }
    gh_buf_wipe_free(&text);
    return status;
}

static void authorize(const gh_oauth_server *server, const gh_oauth_call *call, gh_response *response)
{
    codes made = {NULL, "", NULL};
    gh_status status = gh_authorization_scope(server, &call->client, call->form, &made.scope);
    if (status == GH_ERR_DENIED || status == GH_ERR_PARSE) {
        gh_response_error(response, 400, "invalid_scope",
                          "None of the requested scopes is known here; see scopes_supported in the "
                          "metadata.");
        return;
    }
    if (status == GH_OK) {
        status = start(server, call, &made);
    }
    if (status == GH_OK) {
        status = answer(server, &made, response);
    }
    if (status == GH_OK) {
        gh_log_info("device authorization started: client %s", call->client.id);
    } else if (status == GH_ERR_TOO_LARGE) {
        gh_response_header_cstr(response, "Retry-After", "60");
        gh_response_error(response, 503, "temporarily_unavailable",
                          "Too many devices are being signed in at the moment; try again in a minute.");
    } else {
        gh_reply_failure(response, status);
    }
    gh_wipe_free(made.device);
    gh_wipe(made.user, sizeof made.user);
    free(made.scope);
}

void gh_oauth_handle_device_authorization(void *server, const gh_request *request, gh_response *response)
{
    gh_oauth_call call;
    memset(&call, 0, sizeof call);
    if (gh_oauth_call_open(server, request, response, &call) && check(server, request, &call, response)) {
        authorize(server, &call, response);
    }
    gh_oauth_call_clear(&call);
}

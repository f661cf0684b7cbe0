#include "server/oauth/token.h"

#include <string.h>

#include "server/oauth/device.h"
#include "server/oauth/resource.h"

typedef struct grant_type {
    const char *name;
    void (*handle)(const gh_oauth_server *server, const gh_oauth_call *call, gh_response *response);
} grant_type;

static const grant_type GRANT_TYPES[] = {
    {"authorization_code", gh_token_by_code},
    {"refresh_token", gh_token_by_refresh},
    {GH_DEVICE_GRANT_TYPE, gh_token_by_device},
};

void gh_token_invalid_grant(gh_response *response, const char *description)
{
    gh_response_error(response, 400, "invalid_grant", description);
}

static const grant_type *find_type(const char *name)
{
    for (size_t i = 0; i < sizeof GRANT_TYPES / sizeof *GRANT_TYPES; i++) {
        if (strcmp(GRANT_TYPES[i].name, name) == 0) {
            return &GRANT_TYPES[i];
        }
    }
    return NULL;
}

static void dispatch(const gh_oauth_server *server, const gh_oauth_call *call, gh_response *response)
{
    const char *name = gh_form_get(call->form, "grant_type");
    if (name == NULL) {
        gh_response_error(response, 400, "invalid_request", "grant_type is missing.");
        return;
    }
    const grant_type *type = find_type(name);
    if (type == NULL) {
        gh_response_error(response, 400, "unsupported_grant_type",
                          "grant_type must be authorization_code, refresh_token or " GH_DEVICE_GRANT_TYPE
                          ".");
    } else if (!gh_text_has_word(gh_view_of(call->client.grant_types), gh_view_of(type->name))) {
        gh_response_error(response, 400, "unauthorized_client",
                          "This client is not registered for that grant_type.");
    } else if (!gh_resource_is_ours(server, call->form)) {
        gh_response_error(response, 400, "invalid_target",
                          "resource must be the URL of this server's MCP endpoint.");
    } else {
        type->handle(server, call, response);
    }
}

void gh_oauth_handle_token(void *server, const gh_request *request, gh_response *response)
{
    gh_oauth_call call;
    memset(&call, 0, sizeof call);
    if (gh_oauth_call_open(server, request, response, &call)) {
        dispatch(server, &call, response);
    }
    gh_oauth_call_clear(&call);
}

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

/* The row of the table is the label. */
static size_t label_of(const gh_oauth_call *call)
{
    const char *name = call->form != NULL ? gh_form_get(call->form, "grant_type") : NULL;
    const grant_type *type = name != NULL ? find_type(name) : NULL;
    return type != NULL ? (size_t)(type - GRANT_TYPES) : GH_GRANTS_OTHER;
}

static gh_metrics_token outcome_of(const gh_response *response)
{
    gh_view body = gh_buf_view(&response->body);
    if (response->status == 200) {
        return GH_TOKENS_ISSUED;
    }
    if (response->status >= 500) {
        return GH_TOKENS_FAILED;
    }
    return gh_view_starts_with(body, GH_VIEW_LIT("{\"error\":\"authorization_pending\"")) ||
                   gh_view_starts_with(body, GH_VIEW_LIT("{\"error\":\"slow_down\""))
               ? GH_TOKENS_PENDING
               : GH_TOKENS_REFUSED;
}

void gh_oauth_handle_token(void *server, const gh_request *request, gh_response *response)
{
    gh_oauth_call call;
    memset(&call, 0, sizeof call);
    if (gh_oauth_call_open(server, request, response, &call)) {
        dispatch(server, &call, response);
    }
    gh_metrics_count(((const gh_oauth_server *)server)->metrics, GH_METRIC_TOKENS, label_of(&call),
                     outcome_of(response));
    gh_oauth_call_clear(&call);
}

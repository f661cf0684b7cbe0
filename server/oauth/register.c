#include <string.h>

#include "server/oauth/internal.h"
#include "server/oauth/registration.h"
#include "server/oauth/reply.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/core/random.h"

#define CLIENT_ID_BYTES 16

static void refuse(gh_response *response, const char *code, const gh_error *error)
{
    gh_response_error(response, 400, code, error->message);
}

static gh_status keep(gh_oauth_server *server, gh_client *client)
{
    gh_status status = gh_random_id(CLIENT_ID_BYTES, &client->id);
    if (status != GH_OK) {
        return status;
    }
    client->created_at = gh_clock_wall_s();
    return gh_store_client_add(server->store, client, server->max_clients, GH_OAUTH_CLIENT_IDLE_S);
}

static void answer(const gh_oauth_server *server, const gh_client *client, gh_response *response)
{
    gh_buf json = GH_BUF_INIT(GH_OAUTH_DOCUMENT_MAX);
    gh_status status = gh_registration_write(server, client, &json);
    if (status == GH_OK) {
        gh_log_info("client registered: %s (%s)", client->id,
                    client->name != NULL ? client->name : "no name");
        gh_response_json(response, 201, gh_buf_view(&json));
    } else {
        gh_reply_failure(response, status);
    }
    gh_buf_free(&json);
}

static void register_client(gh_oauth_server *server, const cJSON *json, gh_response *response)
{
    gh_client client;
    gh_error error = {0};
    const char *code = NULL;
    memset(&client, 0, sizeof client);
    gh_status status = gh_registration_read(server, json, &client, &code, &error);
    if (status == GH_ERR_INVALID) {
        refuse(response, code, &error);
        goto out;
    }
    if (status == GH_OK) {
        status = keep(server, &client);
    }
    if (status == GH_ERR_TOO_LARGE) {
        gh_response_header_cstr(response, "Retry-After", "600");
        gh_response_error(response, 503, "temporarily_unavailable",
                          "This server has as many registered clients as it keeps. Try again later, or ask "
                          "its operator to raise the limit.");
    } else if (status != GH_OK) {
        gh_reply_failure(response, status);
    } else {
        answer(server, &client, response);
    }
out:
    gh_client_clear(&client);
}

void gh_oauth_handle_register(void *server, const gh_request *request, gh_response *response)
{
    gh_reply_headers(response);
    cJSON *json = gh_registration_open(request, response);
    if (json != NULL) {
        register_client(server, json, response);
    }
    cJSON_Delete(json);
}

/* Which client asks at /token and /revoke. Thread-safe. */
#ifndef GH_SERVER_OAUTH_CREDENTIALS_H
#define GH_SERVER_OAUTH_CREDENTIALS_H

#include <stdbool.h>

#include "server/oauth/server.h"
#include "shared/net/form.h"

/* One call of a form endpoint. Zeroed by the caller, gh_oauth_call_clear at the end. */
typedef struct gh_oauth_call {
    gh_form *form;
    gh_client client;
} gh_oauth_call;

/* Reads the form and finds the client that it names: by client_id, or by HTTP Basic with an empty secret. All
 * clients are public, so that any secret is refused. False when the call ends here: the response is then
 * complete (415, 400 invalid_request, 401 invalid_client, 503). */
bool gh_oauth_call_open(const gh_oauth_server *server, const gh_request *request, gh_response *response,
                        gh_oauth_call *call);
void gh_oauth_call_clear(gh_oauth_call *call);

#endif

/* The metadata that a client asks to be registered with, checked and reduced to what this server grants
 * (RFC 7591, 2 and 3.2). */
#ifndef GH_SERVER_OAUTH_REGISTRATION_H
#define GH_SERVER_OAUTH_REGISTRATION_H

#include <cjson/cJSON.h>

#include "server/oauth/server.h"

#define GH_REGISTRATION_REDIRECTS_MAX 10
#define GH_REGISTRATION_NAME_MAX 200 /* characters */

/* The JSON object of a registration request, owned by the caller (cJSON_Delete); NULL when the call ends
 * here: the response is then complete (415, 400 invalid_client_metadata, 500). JSON only: a form that another
 * site's page posts would pass without a preflight. */
cJSON *gh_registration_open(const gh_request *request, gh_response *response);

/* Fills *client (cleared by the caller with gh_client_clear, also after a failure) but for id and times. A
 * refusal is GH_ERR_INVALID with *code one of RFC 7591's error codes and a sentence in `error`.
 *
 * Members that are unknown are ignored. Every client is public: whichever token_endpoint_auth_method it asks
 * for, it is registered with `none`, as 3.2.1 allows. Grant types beyond authorization_code, refresh_token
 * and the device grant, and scopes that are not supported, are left out. A client of the device grant alone
 * needs no redirect_uris. */
GH_MUST_USE gh_status gh_registration_read(const gh_oauth_server *server, const cJSON *json,
                                           gh_client *client, const char **code, gh_error *error);
/* Appends the reply: what was registered. */
GH_MUST_USE gh_status gh_registration_write(const gh_oauth_server *server, const gh_client *client,
                                            gh_buf *out);

#endif

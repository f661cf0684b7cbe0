/* Dynamic client registration (RFC 7591) as a native application. Belongs to the loop's thread. */
#ifndef GH_BRIDGE_LOGIN_REGISTER_H
#define GH_BRIDGE_LOGIN_REGISTER_H

#include "bridge/credentials/credentials.h"
#include "bridge/loop.h"
#include "bridge/options.h"
#include "shared/core/status.h"
#include "shared/oauth/metadata.h"

typedef struct gh_register gh_register;

typedef void (*gh_register_done)(void *context, gh_status status, const gh_error *error);

/* Registers for `redirect_uri`. On GH_OK client_id, client_secret, token_auth_method and redirect_uri of
 * `credentials` (borrowed until `done`) are set. */
GH_MUST_USE gh_status gh_register_start(gh_loop *loop, const gh_bridge_settings *settings,
                                        const gh_server_metadata *server, const char *redirect_uri,
                                        gh_credentials *credentials, gh_register_done done, void *context,
                                        gh_register **registration, gh_error *error);
void gh_register_cancel(gh_register *registration); /* NULL is fine */

#endif

/* How the client proves itself at the token, revocation and device authorization endpoints (RFC 6749, 2.3;
 * RFC 7523, 2.2). Thread-safe. */
#ifndef GH_BRIDGE_LOGIN_CLIENT_AUTH_H
#define GH_BRIDGE_LOGIN_CLIENT_AUTH_H

#include "bridge/credentials/credentials.h"
#include "bridge/options.h"
#include "shared/core/bytes.h"
#include "shared/oauth/metadata.h"

/* The method for a client that was registered beforehand, by what it has and the server takes:
 * "private_key_jwt", "client_secret_basic", "client_secret_post" or "none". Static text. */
const char *gh_client_auth_choose(const gh_bridge_settings *settings, const char *supported);
/* How a secret is shown: "client_secret_basic" unless only "client_secret_post" is supported. */
const char *gh_client_auth_for_secret(const char *supported);

/* Adds to the form, or writes the Authorization header's value, as token_auth_method of the credentials says.
 * Without a client id nothing is added. Both buffers are the caller's to wipe. */
GH_MUST_USE gh_status gh_client_auth_add(const gh_bridge_settings *settings,
                                         const gh_credentials *credentials, gh_buf *form,
                                         gh_buf *authorization, gh_error *error);

/* Appends NAME=VALUE; the copy that is needed on the way is wiped. NULL adds nothing. */
void gh_client_auth_add_secret(gh_buf *form, const char *name, const gh_secret *secret);

#endif

/* The authorization request (OAuth 2.1, 4.1.1; RFC 7636, 4.3; RFC 8707, 2.1): what is checked once the client
 * and its redirect URI are known to be good. Thread-safe. */
#ifndef GH_SERVER_OAUTH_AUTHORIZATION_H
#define GH_SERVER_OAUTH_AUTHORIZATION_H

#include "server/oauth/server.h"
#include "shared/net/form.h"

typedef struct gh_authorization {
    const char *challenge; /* borrowed from the form */
    char *scope;           /* owned: what may be granted */
} gh_authorization;

/* An error of the authorization response; constants. `code` is NULL when there is none. */
typedef struct gh_refusal {
    const char *code;
    const char *description;
} gh_refusal;

/* GH_OK with *refusal and *request filled; other statuses are failures of the server. */
GH_MUST_USE gh_status gh_authorization_check(const gh_oauth_server *server, const gh_client *client,
                                             const gh_form *form, gh_refusal *refusal,
                                             gh_authorization *request);
/* What may be granted to a request with this form: GH_ERR_DENIED or GH_ERR_PARSE when none of its scopes is
 * known. *scope is owned. */
GH_MUST_USE gh_status gh_authorization_scope(const gh_oauth_server *server, const gh_client *client,
                                             const gh_form *form, char **scope);
void gh_authorization_clear(gh_authorization *request);

#endif

/* A login by way of the identity provider: consent here first, then the login there, then back to /callback.
 * Thread-safe. */
#ifndef GH_SERVER_OAUTH_UPSTREAM_H
#define GH_SERVER_OAUTH_UPSTREAM_H

#include "server/oauth/answer.h"
#include "server/oauth/browser.h"

/* True when a login could go on now, and always without a provider. Otherwise the client has been told. */
bool gh_upstream_is_ready(const gh_oauth_server *server, const gh_answer *answer, gh_response *response);

/* Answers an authorization request whose flow was just stored with the consent page. */
GH_MUST_USE gh_status gh_upstream_welcome(const gh_oauth_server *server, const gh_client *client,
                                          const gh_browser *browser, const char *flow_id,
                                          gh_response *response);

/* The person approved, in this browser: sends it to the provider (303), or answers with a page that says why
 * not; the flow stays as it is. */
void gh_upstream_begin(const gh_oauth_server *server, const gh_browser *browser, const char *flow_hash,
                       gh_response *response);

#endif

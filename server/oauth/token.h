/* The grant types of /token, one file each. */
#ifndef GH_SERVER_OAUTH_TOKEN_H
#define GH_SERVER_OAUTH_TOKEN_H

#include "server/oauth/credentials.h"

/* OAuth 2.1, 4.1.3, with RFC 7636, 4.6. */
void gh_token_by_code(const gh_oauth_server *server, const gh_call *call, gh_response *response);
/* OAuth 2.1, 4.3. */
void gh_token_by_refresh(const gh_oauth_server *server, const gh_call *call, gh_response *response);

/* 400 with the codes that both use. */
void gh_token_invalid_grant(gh_response *response, const char *description);

#endif

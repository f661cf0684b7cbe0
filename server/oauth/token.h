/* The grant types of /token, one file each. */
#ifndef GH_SERVER_OAUTH_TOKEN_H
#define GH_SERVER_OAUTH_TOKEN_H

#include "server/oauth/credentials.h"

/* OAuth 2.1, 4.1.3, with RFC 7636, 4.6. */
void gh_token_by_code(const gh_oauth_server *server, const gh_oauth_call *call, gh_response *response);
/* RFC 8628, 3.4 and 3.5. */
void gh_token_by_device(const gh_oauth_server *server, const gh_oauth_call *call, gh_response *response);
/* OAuth 2.1, 4.3. */
void gh_token_by_refresh(const gh_oauth_server *server, const gh_oauth_call *call, gh_response *response);

/* Answers with the first tokens of a grant: a refresh token, too, if the client is registered for them. */
void gh_token_issue(const gh_oauth_server *server, const gh_oauth_call *call, const gh_grant *grant,
                    gh_response *response);
/* 400 with the code that all of them use. */
void gh_token_invalid_grant(gh_response *response, const char *description);

#endif

/* The HTML of login and consent. */
#ifndef GH_SERVER_OAUTH_LOGIN_PAGE_H
#define GH_SERVER_OAUTH_LOGIN_PAGE_H

#include "server/oauth/flow.h"

/* What the person typed, and what was wrong with it; members are NULL when there is nothing to say. */
typedef struct gh_login_input {
    const char *name, *email;
    const char *name_problem, *email_problem, *password_problem;
} gh_login_input;

void gh_login_page(const gh_oauth_server *server, const gh_client *client, const char *flow_id,
                   const char *csrf, const gh_login_input *input, int status, gh_response *response);
void gh_consent_page(const gh_oauth_server *server, const gh_visit *visit, const char *csrf,
                     gh_response *response);

#endif

/* One login, by whichever way the settings choose. Belongs to the loop's thread. */
#ifndef GH_BRIDGE_LOGIN_LOGIN_H
#define GH_BRIDGE_LOGIN_LOGIN_H

#include "bridge/login/code_flow.h"

typedef struct gh_login gh_login;

/* As gh_code_flow_start. */
GH_MUST_USE gh_status gh_login_start(gh_loop *loop, const gh_bridge_settings *settings,
                                     const gh_code_flow_options *options, gh_code_flow_done done,
                                     void *context, gh_login **login, gh_error *error);
void gh_login_cancel(gh_login *login); /* NULL is fine */

/* The URL that a person has to open; NULL while there is none. Borrowed. */
const char *gh_login_url(const gh_login *login);

/* As gh_code_flow_paste; GH_ERR_UNSUPPORTED when the login does not go by a redirect. */
GH_MUST_USE gh_status gh_login_paste(gh_login *login, gh_view url, gh_error *error);

#endif

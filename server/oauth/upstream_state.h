/* What binds the way to the identity provider and back to one browser: a cookie that is only set once the
 * person has approved, and a `state` that means nothing without it.
 *
 * The cookie follows from the one that the pages use, so that all logins of a browser share it and several
 * tabs work side by side. Thread-safe. */
#ifndef GH_SERVER_OAUTH_UPSTREAM_STATE_H
#define GH_SERVER_OAUTH_UPSTREAM_STATE_H

#include "server/oauth/browser.h"

#define GH_UPSTREAM_LOGIN_S 600 /* seconds that a person has at the provider */

/* Makes the cookie of `browser` and sets it with the response. Clear `cookie` with gh_browser_clear. */
GH_MUST_USE gh_status gh_upstream_cookie_set(const gh_oauth_server *server, const gh_browser *browser,
                                             gh_response *response, gh_browser *cookie);
/* From the request's cookie. GH_ERR_NOT_FOUND when there is none that this server could have set. */
GH_MUST_USE gh_status gh_upstream_cookie_read(const gh_oauth_server *server, const gh_request *request,
                                              gh_browser *cookie);

/* Where a login is kept: a digest of state and cookie together, so that in another browser the state finds
 * nothing and can spoil nothing. */
GH_MUST_USE gh_status gh_upstream_login_key(gh_view state, const gh_browser *cookie,
                                            char out[GH_SHA256_TEXT_MAX]);

#endif

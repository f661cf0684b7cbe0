/* The browser that a login runs in: its binding cookie, and the tokens that tie a form to flow and browser.
 *
 * The cookie is shared by all logins of a browser, so that several tabs work side by side. A CSRF token is an
 * HMAC over purpose, flow, cookie and, for the consent, the person that was shown. Thread-safe. */
#ifndef GH_SERVER_OAUTH_BROWSER_H
#define GH_SERVER_OAUTH_BROWSER_H

#include <stdbool.h>

#include "server/oauth/internal.h"
#include "shared/core/digest.h"

typedef struct gh_browser {
    char cookie[GH_OAUTH_TOKEN_LEN + 1]; /* wipe with gh_browser_clear */
    char cookie_hash[GH_SHA256_TEXT_MAX];
} gh_browser;

/* From the request's cookie. GH_ERR_NOT_FOUND when there is none that this server could have set. */
GH_MUST_USE gh_status gh_browser_read(const gh_oauth_server *server, const gh_request *request,
                                      gh_browser *browser);
/* The same, or a new cookie that is set with the response. */
GH_MUST_USE gh_status gh_browser_open(const gh_oauth_server *server, const gh_request *request,
                                      gh_response *response, gh_browser *browser);
void gh_browser_clear(gh_browser *browser);

/* Purposes: "login", "consent". `person` is NULL for the login. */
GH_MUST_USE gh_status gh_csrf_token(const gh_oauth_server *server, const char *purpose, const char *flow_id,
                                    const gh_browser *browser, const gh_flow *person,
                                    char out[GH_SHA256_TEXT_MAX]);
/* Constant time. GH_ERR_DENIED when it does not match, or is NULL. */
GH_MUST_USE gh_status gh_csrf_check(const gh_oauth_server *server, const char *purpose, const char *flow_id,
                                    const gh_browser *browser, const gh_flow *person, const char *token);

/* HMAC-SHA256 as base64url text. */
GH_MUST_USE gh_status gh_hmac_text(const gh_secret *key, gh_view data, char out[GH_SHA256_TEXT_MAX]);
/* 43 characters of base64url: the form of every token that this server makes. */
bool gh_oauth_is_token(gh_view text);

#endif

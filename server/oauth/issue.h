/* Tokens: how access tokens are minted and refresh tokens follow each other. Thread-safe. */
#ifndef GH_SERVER_OAUTH_ISSUE_H
#define GH_SERVER_OAUTH_ISSUE_H

#include "server/oauth/internal.h"
#include "shared/core/digest.h"

/* A JWT for `grant` with `scope`, typ at+jwt (RFC 9068, 2), claim `gid` naming the grant. Owned
 * (gh_wipe_free). */
GH_MUST_USE gh_status gh_issue_access_token(const gh_oauth_server *server, const gh_grant *grant,
                                            const char *scope, char **token);
/* The refresh token that follows `token`: always the same one, so that a client that lost the answer may ask
 * again. */
GH_MUST_USE gh_status gh_issue_successor(const gh_oauth_server *server, gh_view token,
                                         char out[GH_SHA256_TEXT_MAX]);
/* 200 with access token, lifetime, scope and, unless NULL, the refresh token (RFC 6749, 5.1). Fails without
 * having answered. */
GH_MUST_USE gh_status gh_issue_reply(const gh_oauth_server *server, const char *access_token,
                                     const char *refresh_token, const char *scope, gh_response *response);

#endif

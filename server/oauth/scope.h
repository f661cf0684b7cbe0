/* Scope strings (RFC 6749, 3.3). Thread-safe. */
#ifndef GH_SERVER_OAUTH_SCOPE_H
#define GH_SERVER_OAUTH_SCOPE_H

#include "server/oauth/server.h"
#include "shared/core/status.h"

#define GH_SCOPE_MAX 4096                           /* bytes */
#define GH_SCOPES_SUPPORTED_MAX ((size_t)32 * 1024) /* bytes */

/* All scopes that `server` knows at this moment. *scopes is owned. */
GH_MUST_USE gh_status gh_scopes_supported(const gh_oauth_server *server, char **scopes);
/* gh_scope_select among those. */
GH_MUST_USE gh_status gh_scope_select_supported(const gh_oauth_server *server, const char *requested,
                                                char **scope);

/* What of `requested` is in `supported`, each once, in the order of `supported`. GH_ERR_DENIED when nothing
 * is, GH_ERR_PARSE when it is no scope string. *scope is owned. */
GH_MUST_USE gh_status gh_scope_select(const char *requested, const char *supported, char **scope);
/* As above, but every word of `requested` must be in `granted`: GH_ERR_DENIED otherwise. */
GH_MUST_USE gh_status gh_scope_narrow(const char *requested, const char *granted, char **scope);

#endif

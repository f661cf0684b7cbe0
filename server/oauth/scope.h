/* Scope strings (RFC 6749, 3.3). Thread-safe. */
#ifndef GH_SERVER_OAUTH_SCOPE_H
#define GH_SERVER_OAUTH_SCOPE_H

#include "shared/core/status.h"

#define GH_SCOPE_MAX 1024 /* bytes */

/* What of `requested` is in `supported`, each once, in the order of `supported`. GH_ERR_DENIED when nothing
 * is, GH_ERR_PARSE when it is no scope string. *scope is owned. */
GH_MUST_USE gh_status gh_scope_select(const char *requested, const char *supported, char **scope);
/* As above, but every word of `requested` must be in `granted`: GH_ERR_DENIED otherwise. */
GH_MUST_USE gh_status gh_scope_narrow(const char *requested, const char *granted, char **scope);

#endif

/* Resource indicators (RFC 8707). Thread-safe. */
#ifndef GH_SERVER_OAUTH_RESOURCE_H
#define GH_SERVER_OAUTH_RESOURCE_H

#include <stdbool.h>

#include "server/oauth/server.h"
#include "shared/net/form.h"

/* True when every `resource` of the form names this server's MCP URL: the URL itself, with a trailing slash
 * or other case in scheme and host, or a prefix of it such as the origin. Also when there is none. */
bool gh_resource_is_ours(const gh_oauth_server *server, const gh_form *form);

#endif

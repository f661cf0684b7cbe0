/* The documents that lead clients here (RFC 8414, OpenID Connect Discovery 1.0, RFC 7517). */
#ifndef GH_SERVER_OAUTH_METADATA_H
#define GH_SERVER_OAUTH_METADATA_H

#include "server/oauth/server.h"

/* Writes the two metadata documents once; they never change while the server lives. */
GH_MUST_USE gh_status gh_oauth_documents_write(gh_oauth_server *server);

#endif

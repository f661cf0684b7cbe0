/* Clients that are known by a URL: client ID metadata documents
 * (draft-ietf-oauth-client-id-metadata-document-00; MCP 2026-07-28, client registration).
 *
 * The document is fetched when such a client first appears, with rules against being sent elsewhere: https
 * only, public addresses only and none but the one that was checked, no proxy, no redirects, 64 KB, 5 s, 4
 * fetches at once and 120 a minute. It is kept as its cache headers say, for a minute to a day; a refusal for
 * a minute. While its site cannot be reached, a document that was good serves on for a day. Clients of this
 * kind are public ones; who brings a secret or a key to authenticate with is refused. Thread-safe. */
#ifndef GH_SERVER_OAUTH_CIMD_H
#define GH_SERVER_OAUTH_CIMD_H

#include "server/oauth/internal.h"

typedef struct gh_cimd gh_cimd;

gh_cimd *gh_cimd_new(void); /* NULL on lack of memory */
void gh_cimd_free(gh_cimd *cimd);

/* True for a client id that asks to be looked up as a URL. */
bool gh_cimd_is_url(const char *client_id);

/* The client of any id: registered here, or described by its document. GH_ERR_NOT_FOUND when there is none,
 * GH_ERR_UNAVAILABLE when that cannot be known at the moment; `why` (may be NULL) then has a sentence for
 * whom the document is the reason, and stays as it is otherwise. May block for 5 s. */
GH_MUST_USE gh_status gh_clients_find(const gh_oauth_server *server, const char *id, gh_client *client,
                                      gh_error *why);

#endif

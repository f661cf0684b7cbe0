/* Private to the cimd files and their tests. */
#ifndef GH_SERVER_OAUTH_CIMD_PRIVATE_H
#define GH_SERVER_OAUTH_CIMD_PRIVATE_H

#include <sys/socket.h>

#include "server/oauth/cimd.h"
#include "shared/core/bytes.h"

#define GH_CIMD_DOCUMENT_MAX ((size_t)64 * 1024)
#define GH_CIMD_TIMEOUT_MS 5000
#define GH_CIMD_KEEP_MIN_S 60
#define GH_CIMD_KEEP_DEFAULT_S 300
#define GH_CIMD_KEEP_MAX_S 86400
#define GH_CIMD_STALE_S 86400 /* how long a document outlives its time while its site is down */
#define GH_CIMD_ENTRIES_MAX 1000
#define GH_CIMD_FETCHES_MAX 4
#define GH_CIMD_WAITERS_MAX 8 /* for a fetch of the same document that somebody else began */
#define GH_CIMD_FETCHES_A_MINUTE 120

/* What came back: a 200 with JSON. */
typedef struct gh_cimd_reply {
    gh_buf body;
    int64_t keep_s; /* by its cache headers, within the bounds */
} gh_cimd_reply;

/* Where the cache gets documents from. GH_ERR_DENIED: the site gives no usable document; GH_ERR_UNAVAILABLE:
 * it cannot be reached or has trouble. `why` is one sentence. */
typedef gh_status (*gh_cimd_fetch_function)(void *context, const char *url, gh_cimd_reply *reply,
                                            gh_error *why);

/* How the fetch over the network goes; the zeroed one is what a server uses but for `may_connect`. */
typedef struct gh_cimd_network {
    bool (*may_connect)(const struct sockaddr *address);
    const char *ca_file;    /* NULL for the system's */
    const char *connect_to; /* NULL */
    int64_t timeout_ms;
} gh_cimd_network;

/* cimd_url.c: GH_ERR_INVALID with a sentence for a URL that is no client id. */
GH_MUST_USE gh_status gh_cimd_url_check(const char *url, gh_error *error);

/* cimd_fetch.c; the context is a gh_cimd_network. */
gh_status gh_cimd_fetch(void *context, const char *url, gh_cimd_reply *reply, gh_error *why);
/* Seconds to keep a reply with these headers (RFC 9111, 4.2, 5.2.2 and 5.3), within the bounds. Views may be
 * empty. */
int64_t gh_cimd_keep_s(gh_view cache_control, gh_view age, gh_view expires, gh_view date);

/* cimd_document.c: fills *client, cleared by the caller also after a failure. GH_ERR_INVALID with a sentence.
 */
GH_MUST_USE gh_status gh_cimd_document_read(const gh_oauth_server *server, const char *url, gh_view document,
                                            gh_client *client, gh_error *error);

/* Replaces where documents come from, before any thread uses the server. `context` is borrowed. */
void gh_cimd_set_fetch(gh_cimd *cimd, gh_cimd_fetch_function fetch, void *context);

#endif

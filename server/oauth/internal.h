/* Private to this folder: what the handlers of one authorization server share. Immutable after creation but
 * for the throttles, the signing keys and the clients' documents, which have their own locks, so that every
 * handler may run on any thread. */
#ifndef GH_SERVER_OAUTH_INTERNAL_H
#define GH_SERVER_OAUTH_INTERNAL_H

#include <stdbool.h>

#include "server/oauth/server.h"
#include "server/oauth/signing.h"
#include "server/oauth/throttle.h"

#define GH_OAUTH_FLOWS_MAX 10000    /* logins under way at once */
#define GH_OAUTH_CLIENT_IDLE_S 3600 /* a registration that was never used may make room after this */
#define GH_OAUTH_RETRY_AFTER "5"    /* seconds; what a client waits after an outage of the store */
#define GH_OAUTH_STATE_MAX 2048     /* bytes of `state` */
#define GH_OAUTH_CLIENT_ID_MAX 1024 /* bytes; longer ones are not looked up */
#define GH_OAUTH_TOKEN_BYTES 32     /* entropy of codes, refresh tokens, flow ids and cookies */
#define GH_OAUTH_TOKEN_LEN 43       /* the same as base64url text */
#define GH_OAUTH_DOCUMENT_MAX 65536 /* bytes of a metadata document, a page or a reply */

struct gh_oauth_server {
    gh_store *store; /* borrowed */
    char *issuer;
    char *resource;
    char *scopes_supported; /* without more_scopes */
    gh_oauth_scopes more_scopes;
    char *default_scope;
    char *server_name;
    gh_text_list schemes;
    const gh_secret *dev_password; /* borrowed; NULL */
    size_t max_clients;
    gh_metrics *metrics; /* borrowed; NULL */
    int64_t code_ttl_s, access_ttl_s, refresh_ttl_s, refresh_grace_s, flow_ttl_s;
    gh_idp *idp;               /* borrowed; NULL: the dev login */
    const gh_sealer *sealer;   /* borrowed; with idp */
    gh_text_list requirements; /* "groups=mcp" */
    gh_signing *signing;
    gh_secret *csrf_secret;
    gh_secret *refresh_secret;
    char *cookie_name;
    char *state_cookie_name;          /* of the way to the provider and back */
    bool secure;                      /* the issuer is https */
    char *metadata, *openid_metadata; /* documents, written once */
    gh_throttle *throttle;            /* wrong passwords */
    struct gh_device_limits *device_limits;
    struct gh_upstream_queue *refresh_queue; /* who waits to refresh a token of ours */
    struct gh_upstream_queue *user_queue;    /* who waits for the user's token at the provider */
    struct gh_cimd *cimd;                    /* clients that are known by their metadata documents */
};

#endif

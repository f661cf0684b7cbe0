/* The authorization server of the dev and proxy modes. Who somebody is says its own login page (dev) or an
 * identity provider (proxy), to which a person is sent after having consented here.
 *
 * RFC 6749/OAuth 2.1 code flow with S256 only (RFC 7636), resource indicators (RFC 8707), issuer
 * identification (RFC 9207), dynamic registration (RFC 7591), client ID metadata documents
 * (draft-ietf-oauth-client-id-metadata-document), device grant (RFC 8628), revocation (RFC 7009), metadata
 * (RFC 8414),
 * native-app redirects (RFC 8252), JWT access tokens (RFC 9068). Handlers run on several threads at once; the
 * server is immutable after creation but for its store, its signing keys and a counter of wrong passwords. */
#ifndef GH_SERVER_OAUTH_SERVER_H
#define GH_SERVER_OAUTH_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "server/auth/key.h"
#include "server/auth/seal.h"
#include "server/exchange/exchange.h"
#include "server/idp/idp.h"
#include "server/metrics/metrics.h"
#include "server/store/store.h"
#include "shared/config/options.h"
#include "shared/core/secret.h"
#include "shared/core/status.h"

typedef struct gh_oauth_server gh_oauth_server;

/* Scopes beside `scopes_supported`, which may change while the server runs: those that single tools need.
 * Members may be NULL. Called on any thread. */
typedef struct gh_oauth_scopes {
    void *context;
    /* Appends them to `out`, which may hold some, with one space between. */
    void (*list)(void *context, gh_buf *out);
    /* Appends what one of them is good for, as a list of things that a person knows: "Get an order, List
     * orders"; nothing when that is not known. The text is escaped by whoever shows it. */
    void (*describe)(void *context, gh_view scope, gh_buf *out);
} gh_oauth_scopes;

typedef struct gh_oauth_options {
    const char *issuer;           /* public origin, no trailing slash: "http://localhost:8080"; copied */
    const char *resource;         /* public MCP URL: "http://localhost:8080/mcp"; copied */
    const char *scopes_supported; /* "mcp offline_access"; copied */
    const char *default_scope;    /* "mcp"; copied */
    gh_oauth_scopes more_scopes;  /* beyond scopes_supported; the context is borrowed */
    const char *server_name;      /* shown on the pages; copied */
    const gh_text_list *redirect_schemes; /* private-use schemes that may be registered: "cursor" */
    const gh_secret *dev_password;        /* NULL: anyone may be anyone; borrowed */
    gh_idp *idp;                          /* the source of identity; NULL: the dev login; borrowed */
    const gh_sealer *sealer;              /* for the provider's tokens; required with idp; borrowed */
    const gh_text_list *required_claims;  /* "groups=mcp", all of them; NULL for none; copied */
    size_t max_clients;
    gh_metrics *metrics; /* borrowed; NULL: nothing is counted */
    int64_t code_ttl_s, access_ttl_s, refresh_ttl_s, refresh_grace_s, flow_ttl_s;
} gh_oauth_options;

/* Loads or creates the signing key and secrets in `store` (borrowed, outlives the server). GH_ERR_INVALID
 * with a sentence for options that cannot work. */
GH_MUST_USE gh_status gh_oauth_server_new(const gh_oauth_options *options, gh_store *store,
                                          gh_oauth_server **server, gh_error *error);
void gh_oauth_server_free(gh_oauth_server *server);

/* The verification keys, with a reference for the caller. */
gh_keyset *gh_oauth_server_keys(gh_oauth_server *server);

/* Takes over keys that were rotated in the store; the former ones stay after a failure. */
GH_MUST_USE gh_status gh_oauth_server_reload_keys(gh_oauth_server *server, gh_error *error);

/* Handlers; the context is the gh_oauth_server. */
void gh_oauth_handle_metadata(void *server, const gh_request *request, gh_response *response);
void gh_oauth_handle_openid_metadata(void *server, const gh_request *request, gh_response *response);
void gh_oauth_handle_jwks(void *server, const gh_request *request, gh_response *response);
void gh_oauth_handle_register(void *server, const gh_request *request, gh_response *response);
void gh_oauth_handle_authorize(void *server, const gh_request *request, gh_response *response); /* GET */
void gh_oauth_handle_login(void *server, const gh_request *request, gh_response *response);   /* GET, POST */
void gh_oauth_handle_consent(void *server, const gh_request *request, gh_response *response); /* GET, POST */
/* GET /callback: back from the identity provider. */
void gh_oauth_handle_callback(void *server, const gh_request *request, gh_response *response);
void gh_oauth_handle_token(void *server, const gh_request *request, gh_response *response);
/* POST /device_authorization, and the page /device (GET, POST). */
void gh_oauth_handle_device_authorization(void *server, const gh_request *request, gh_response *response);
void gh_oauth_handle_device(void *server, const gh_request *request, gh_response *response);
void gh_oauth_handle_revoke(void *server, const gh_request *request, gh_response *response);

#endif

/* The auth mode's parts, made from the settings: store, sealing key, identity provider, authorization server
 * or facade, and the check of bearer tokens. For the main thread; what it hands out is thread-safe. */
#ifndef GH_SERVER_IDENTITY_H
#define GH_SERVER_IDENTITY_H

#include <stdbool.h>

#include "server/auth/bearer.h"
#include "server/auth/seal.h"
#include "server/http/site.h"
#include "server/idp/idp.h"
#include "server/mcp/registry.h"
#include "server/oauth/facade.h"
#include "server/oauth/server.h"
#include "server/options.h"
#include "server/store/store.h"

typedef struct gh_identity {
    const gh_settings *settings; /* borrowed */
    gh_metrics *metrics;         /* borrowed, set by the caller; NULL: nothing is counted */
    char *redirect_uri;          /* of this server at the provider; NULL in dev and direct mode */
    gh_sealer *sealer;           /* NULL but in proxy mode */
    gh_store *store;             /* dev and proxy */
    gh_idp *idp;                 /* NULL in dev mode, and where nobody signs in */
    gh_oauth_server *oauth;      /* dev and proxy */
    gh_facade facade;
    bool has_facade;
    gh_bearer *bearer;
    /* Whose items' scopes are offered and checked; borrowed. Set before anything is served; NULL: none. */
    gh_mcp_registry *registry;
    const char *required_scope;  /* at /mcp */
    char *challenge_scope;       /* what clients should ask for; never offline_access */
    const char *issuer;          /* for authorization_servers[0]; NULL where nobody signs in */
    unsigned char state_key[32]; /* for what clients carry between MCP requests */
} gh_identity;

/* Zeroed by the caller; gh_identity_clear in every case. `site` is borrowed. The provider's thread is
 * started; nothing waits for it. */
GH_MUST_USE gh_status gh_identity_open(const gh_settings *settings, const gh_site *site,
                                       gh_identity *identity, gh_error *error);
/* Ends calls to the provider that are under way; before the threads that make them are waited for. */
void gh_identity_stop(const gh_identity *identity);
void gh_identity_clear(gh_identity *identity);

/* The store alone, with its sealing key, for the subcommands. GH_ERR_DENIED in a mode that has none. */
GH_MUST_USE gh_status gh_identity_open_store(const gh_settings *settings, gh_sealer **sealer,
                                             gh_store **store, gh_error *error);
/* The provider as the settings describe it, without its thread. `redirect_uri` NULL when unknown. */
GH_MUST_USE gh_status gh_identity_new_provider(const gh_settings *settings, const char *redirect_uri,
                                               gh_idp **idp, gh_error *error);

/* Is the grant that a principal came with still good? When that cannot be told now, yes. */
bool gh_identity_alive(const gh_identity *identity, const gh_principal *principal);

/* GH_OK when requests can be served; else what is missing. */
GH_MUST_USE gh_status gh_identity_ready(const gh_identity *identity, gh_error *error);
/* The provider was reached for the first time and cannot work as configured. */
bool gh_identity_refused(const gh_identity *identity, gh_error *error);
/* True once the provider was reached, or when there is none. */
bool gh_identity_decided(const gh_identity *identity);
/* Housekeeping, once a minute. */
void gh_identity_sweep(const gh_identity *identity);

#endif

/* What every way to a token begins with: discovery, and a client for the authorization server: one that was
 * registered beforehand, a client ID metadata document, the one of an earlier login, or a new registration,
 * in this order (MCP authorization, Client Registration Approaches). Belongs to the loop's thread. */
#ifndef GH_BRIDGE_LOGIN_PREPARATION_H
#define GH_BRIDGE_LOGIN_PREPARATION_H

#include "bridge/credentials/credentials.h"
#include "bridge/login/code_flow.h"
#include "bridge/login/discover.h"
#include "bridge/loop.h"
#include "bridge/options.h"
#include "shared/core/status.h"

typedef struct gh_preparation gh_preparation;

typedef struct gh_prepared {
    gh_credentials credentials; /* all that will be stored but scope and tokens */
    gh_discovered found;
    char *granted; /* to an earlier login by the same issuer; NULL for nothing */
} gh_prepared;

void gh_prepared_clear(gh_prepared *prepared);

/* On GH_OK `prepared` is handed over (clear it); NULL otherwise. Never GH_ERR_NOT_FOUND, which would mean an
 * unknown client. */
typedef void (*gh_preparation_done)(void *context, gh_status status, gh_prepared *prepared,
                                    const gh_error *error);

/* All is copied. */
typedef struct gh_preparation_options {
    const char *metadata_url;       /* from the challenge; NULL for none */
    const char *redirect_uri;       /* to register with; NULL: nobody is registered */
    const gh_credentials *previous; /* of an earlier login, or NULL: its client is used again with the same
                                       issuer unless it is in doubt */
    gh_code_flow_registered registered; /* called when a client was registered; NULL: nobody is told */
    void *registered_context;
} gh_preparation_options;

GH_MUST_USE gh_status gh_preparation_start(gh_loop *loop, const gh_bridge_settings *settings,
                                           const gh_preparation_options *options, gh_preparation_done done,
                                           void *context, gh_preparation **preparation, gh_error *error);
void gh_preparation_cancel(gh_preparation *preparation); /* NULL is fine */

/* The scope to ask for, owned by the caller, NULL for none: the settings', else the challenge's or the
 * resource's, what was granted before, and offline_access where the server has it and it is of use. */
GH_MUST_USE gh_status gh_prepared_scope(const gh_bridge_settings *settings, const gh_prepared *prepared,
                                        const char *challenge, char **scope, gh_error *error);

#endif

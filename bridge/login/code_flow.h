/* The authorization code flow with a loopback redirect (RFC 8252, RFC 7636, RFC 9207), from discovery to
 * tokens: one login in the browser. Belongs to the loop's thread. */
#ifndef GH_BRIDGE_LOGIN_CODE_FLOW_H
#define GH_BRIDGE_LOGIN_CODE_FLOW_H

#include "bridge/credentials/credentials.h"
#include "bridge/loop.h"
#include "bridge/options.h"
#include "shared/core/status.h"

typedef struct gh_code_flow gh_code_flow;

/* On GH_OK `credentials` holds everything to be stored and is handed over (clear it); NULL otherwise.
 * GH_ERR_NOT_FOUND: the authorization server does not know the client any more. */
typedef void (*gh_code_flow_done)(void *context, gh_status status, gh_credentials *credentials,
                                  const gh_error *error);

typedef struct gh_code_flow_options {
    const char *metadata_url; /* from the challenge; NULL for none; copied */
    const char
        *scope; /* to ask for when the settings name none; NULL: what the resource metadata lists; copied */
    const gh_credentials
        *previous; /* an earlier registration that may be used again; NULL; borrowed until start returns */
} gh_code_flow_options;

GH_MUST_USE gh_status gh_code_flow_start(gh_loop *loop, const gh_bridge_settings *settings,
                                         const gh_code_flow_options *options, gh_code_flow_done done,
                                         void *context, gh_code_flow **flow, gh_error *error);
void gh_code_flow_cancel(gh_code_flow *flow); /* NULL is fine; closes the listener at once */

/* The URL to open; NULL until it is known. Borrowed. */
const char *gh_code_flow_url(const gh_code_flow *flow);

#endif

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
 * GH_ERR_NOT_FOUND: the authorization server does not know the client any more. GH_ERR_CONFLICT: it refused
 * the scope that was asked for. */
typedef void (*gh_code_flow_done)(void *context, gh_status status, gh_credentials *credentials,
                                  const gh_error *error);

/* A client was registered: to be stored, for what follows takes a person and may be interrupted. Scope and
 * tokens are not in it yet; borrowed. */
typedef void (*gh_code_flow_registered)(void *context, const gh_credentials *credentials);

/* All is copied. */
typedef struct gh_code_flow_options {
    const char *metadata_url; /* from the challenge; NULL for none */
    const char *scope;        /* the challenge's; asked for when the settings name none; NULL for none: then
                                 what the resource metadata lists */
    const gh_credentials *previous; /* of an earlier login, or NULL: its client is used again with the same
                                       issuer unless it is in doubt, and what it was granted is asked for
                                       again */
    gh_code_flow_registered registered; /* NULL: nobody wants to know */
    void *registered_context;
} gh_code_flow_options;

GH_MUST_USE gh_status gh_code_flow_start(gh_loop *loop, const gh_bridge_settings *settings,
                                         const gh_code_flow_options *options, gh_code_flow_done done,
                                         void *context, gh_code_flow **flow, gh_error *error);
/* NULL is fine. Closes the listener at once; a browser that waits for the end page is told. */
void gh_code_flow_cancel(gh_code_flow *flow);

/* Takes the URL that the browser ended at in place of its request to the listener, for browsers on another
 * machine. The same rules hold; GH_ERR_INVALID with a sentence leaves the login pending. */
GH_MUST_USE gh_status gh_code_flow_paste(gh_code_flow *flow, gh_view text, gh_error *error);

/* The URL to open; NULL until it is known. Borrowed. */
const char *gh_code_flow_url(const gh_code_flow *flow);

#endif

/* How a login ends, whichever way it went: its credentials leave the flow, the flow is freed, and only then
 * is the caller told, who may start the next one. Belongs to the loop's thread. */
#ifndef GH_BRIDGE_LOGIN_OUTCOME_H
#define GH_BRIDGE_LOGIN_OUTCOME_H

#include "bridge/credentials/credentials.h"
#include "bridge/login/code_flow.h"
#include "shared/core/status.h"

typedef struct gh_login_outcome {
    gh_code_flow_done done;
    void *context;
    gh_credentials credentials;
    gh_error error;
} gh_login_outcome;

/* Moves `credentials` out of the flow, which can be freed afterwards. */
gh_login_outcome gh_login_outcome_take(gh_code_flow_done done, void *context, gh_credentials *credentials,
                                       const gh_error *error);
/* Calls `done` with them, or clears them when the login failed. */
void gh_login_outcome_tell(gh_login_outcome *outcome);

#endif

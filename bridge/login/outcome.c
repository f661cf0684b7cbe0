#include "bridge/login/outcome.h"

#include <string.h>

gh_login_outcome gh_login_outcome_take(gh_code_flow_done done, void *context, gh_credentials *credentials,
                                       const gh_error *error)
{
    gh_login_outcome outcome = {done, context, *credentials, *error};
    memset(credentials, 0, sizeof(*credentials));
    return outcome;
}

void gh_login_outcome_tell(gh_login_outcome *outcome)
{
    bool good = outcome->error.status == GH_OK;
    if (!good) {
        gh_credentials_clear(&outcome->credentials);
    }
    outcome->done(outcome->context, outcome->error.status, good ? &outcome->credentials : NULL,
                  &outcome->error);
}

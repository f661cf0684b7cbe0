#include "bridge/cause.h"

#include <stdlib.h>
#include <string.h>

#include "shared/core/secret.h"
#include "shared/oauth/challenge.h"

static gh_status read_challenge(gh_view header, gh_cause *cause)
{
    gh_challenge challenge = {NULL, NULL, NULL, NULL, NULL};
    gh_status status = header.ptr != NULL ? gh_challenge_parse(header, &challenge) : GH_ERR_NOT_FOUND;
    if (status == GH_OK) {
        cause->metadata_url = challenge.resource_metadata;
        cause->scope = challenge.scope;
        challenge.resource_metadata = NULL;
        challenge.scope = NULL;
    }
    gh_challenge_clear(&challenge);
    return status == GH_ERR_NOMEM ? GH_ERR_NOMEM : GH_OK;
}

gh_status gh_cause_take(const gh_authorizer_need *need, gh_cause *cause)
{
    gh_status status = read_challenge(need->challenge, cause);
    cause->step_up = need->http_status == 403;
    cause->rejected = gh_text_dup(need->rejected);
    if (need->rejected != NULL && cause->rejected == NULL) {
        status = GH_ERR_NOMEM;
    }
    if (status != GH_OK) {
        gh_cause_clear(cause);
    }
    return status;
}

void gh_cause_complete(const gh_authorizer_need *need, gh_cause *cause)
{
    gh_cause other = {false, NULL, NULL, NULL};
    if (cause->metadata_url != NULL || cause->scope != NULL ||
        read_challenge(need->challenge, &other) != GH_OK) {
        return;
    }
    cause->metadata_url = other.metadata_url;
    cause->scope = other.scope;
}

void gh_cause_clear(gh_cause *cause)
{
    free(cause->metadata_url);
    free(cause->scope);
    gh_wipe_free(cause->rejected);
    memset(cause, 0, sizeof(*cause));
}

/* What an attempt to get a token is for: the parts of a gh_authorizer_need that outlive the call. One
 * owner. */
#ifndef GH_BRIDGE_CAUSE_H
#define GH_BRIDGE_CAUSE_H

#include "bridge/authorizer.h"

typedef struct gh_cause {
    bool step_up;       /* 403: the token is good, its scope is too narrow */
    char *metadata_url; /* the challenge's resource_metadata; NULL for none */
    char *scope;        /* the challenge's scope; NULL for none */
    char *rejected;     /* the token that was refused; NULL for none */
} gh_cause;

/* Fills an empty cause. A challenge that cannot be parsed counts as none. GH_ERR_NOMEM leaves it empty. */
GH_MUST_USE gh_status gh_cause_take(const gh_authorizer_need *need, gh_cause *cause);
/* What a second caller's challenge says, as far as the first one's said nothing. Best effort. */
void gh_cause_complete(const gh_authorizer_need *need, gh_cause *cause);
void gh_cause_clear(gh_cause *cause);

#endif

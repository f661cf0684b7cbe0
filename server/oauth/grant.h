/* How a decision becomes a grant with its code. Thread-safe. */
#ifndef GH_SERVER_OAUTH_GRANT_H
#define GH_SERVER_OAUTH_GRANT_H

#include "server/oauth/internal.h"

/* Fills a new grant for what `flow` asks and whom it names (`subject` is set); nothing is stored. Clear it,
 * also after a failure. */
GH_MUST_USE gh_status gh_grant_make(const gh_oauth_server *server, const gh_flow *flow, gh_grant *grant);
/* Stores the grant with an authorization code of its own. *code is owned (gh_wipe_free). For a device (see
 * device.h) the grant goes to the device, and there is no code. */
GH_MUST_USE gh_status gh_grant_keep(const gh_oauth_server *server, const gh_flow *flow, const gh_grant *grant,
                                    char **code);

#endif

/* The settings that the connection is made of, checked against each other. Private to options. */
#ifndef GH_BRIDGE_OPTIONS_CONNECTION_H
#define GH_BRIDGE_OPTIONS_CONNECTION_H

#include "bridge/options.h"

/* Chooses the transport, and takes --header and --header-file apart, variables of `env` put in. What stays of
 * --header is masked. GH_ERR_INVALID or GH_ERR_DENIED with a sentence that holds no value. */
GH_MUST_USE gh_status gh_bridge_settle_connection(gh_bridge_settings *settings, char *const *env,
                                                  gh_error *error);
/* Wipes and frees what that made. */
void gh_bridge_clear_connection(gh_bridge_settings *settings);

#endif

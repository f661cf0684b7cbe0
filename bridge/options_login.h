/* The settings that signing in is made of, checked against each other. Private to options. */
#ifndef GH_BRIDGE_OPTIONS_LOGIN_H
#define GH_BRIDGE_OPTIONS_LOGIN_H

#include "bridge/options.h"

/* Derives the grant, takes mcp-remote's JSON forms apart, and remembers how the bridge was started (`program`
 * is argv[0] or NULL). GH_ERR_INVALID with a sentence. */
GH_MUST_USE gh_status gh_bridge_settle_login(gh_bridge_settings *settings, const char *program,
                                             gh_error *error);

#endif

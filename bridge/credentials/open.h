/* The keeper that the settings ask for. */
#ifndef GH_BRIDGE_CREDENTIALS_OPEN_H
#define GH_BRIDGE_CREDENTIALS_OPEN_H

#include "bridge/credentials/credentials.h"
#include "bridge/options.h"

/* Opens the keeper of files and, with --keyring, the keyring before it; where there is none, that is logged
 * and the files are used. */
GH_MUST_USE gh_status gh_credentials_open(const gh_bridge_settings *settings, gh_keeper **keeper,
                                          gh_error *error);

#endif

/* `gatehouse grants|clients|keys …`: what whoever runs the server does to its store, also while it runs.
 * Output for people goes to stdout, errors to stderr; never a secret. For the main thread. */
#ifndef GH_SERVER_ADMIN_H
#define GH_SERVER_ADMIN_H

#include "server/options.h"

/* Opens the store of the settings and does what the words after the options say. 0; 1 when it could not be
 * done; 64 for words that mean nothing. */
int gh_command_admin(const gh_settings *settings);

#endif

/* What `gatehouse COMMAND` does besides serving: check and healthcheck; the administration of grants, clients
 * and keys is in admin.h. For the main thread; output for people goes to stdout. */
#ifndef GH_SERVER_COMMANDS_H
#define GH_SERVER_COMMANDS_H

#include "server/options.h"

/* Every step towards the identity provider with a tick, or a cross and a remedy. 0 when all is good, else 1.
 * In dev mode it checks the store alone. */
int gh_command_check(const gh_settings *settings);
/* Asks the running server's /healthz over loopback, within 3 s: 0 when it is well, 1 otherwise. For container
 * health checks, which then need no shell and no curl. */
int gh_command_healthcheck(const gh_settings *settings);

#endif

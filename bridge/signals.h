/* SIGTERM, SIGINT and SIGHUP as a descriptor for the loop. */
#ifndef GH_BRIDGE_SIGNALS_H
#define GH_BRIDGE_SIGNALS_H

#include "shared/core/status.h"

/* Blocks the signals in this thread, and in those that it starts later, and opens a descriptor that becomes
 * readable when one arrives. Programs that are started must get an empty mask. Owned by the caller (close).
 */
GH_MUST_USE gh_status gh_signals_open(int *fd);
/* Takes one signal off; its number, or 0 when there is none. */
int gh_signals_take(int fd);

/* Writing to a closed pipe gives EPIPE instead of ending the process. */
void gh_signals_ignore_pipe(void);

#endif

/* Taking a port out of service, so that whatever was accepted on it still gets its reply. The HTTP library
 * has no way to do so; the sockets are found by their local port. Thread-safe. */
#ifndef GH_SERVER_HTTP_INTAKE_H
#define GH_SERVER_HTTP_INTAKE_H

#include <stdint.h>

#include "shared/core/clock.h"

/* Nobody can connect any more, and whoever has done so before is accepted and may send his request: for a
 * second, who had no reply yet; for a moment, who had one. What was sent then is the last that is read.
 * Returns when no connection is left, or when all that has been done, or at `latest`. While it runs the
 * library must go on to accept, and replies must close their connections. */
void gh_intake_close(uint16_t port, gh_deadline latest);

/* Shuts down every TCP socket of this process whose local port is `port`, the listening ones too, so that
 * whoever waits on one wakes up. For the end of the program. */
void gh_intake_shut(uint16_t port);

void gh_intake_pause(void); /* a few milliseconds, between two looks */

#endif

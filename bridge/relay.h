/* The relay: what arrives on stdin goes to the server, what the server says goes to stdout.
 *
 * The invariant: a request id gets exactly one reply, whatever happens; a cancelled one gets none. A legacy
 * `initialize` and `notifications/initialized` are done before anything behind them is sent; then up to
 * GH_RELAY_CALLS_MAX calls run at once and the rest waits in order; notifications go one at a time; responses
 * to the server's requests, and subscriptions, are outside the cap. A session that the server lost is opened
 * anew, and what was refused for it is sent once more. Belongs to the loop's thread. */
#ifndef GH_BRIDGE_RELAY_H
#define GH_BRIDGE_RELAY_H

#include "bridge/loop.h"
#include "bridge/options.h"
#include "bridge/remote.h"
#include "shared/core/status.h"

#define GH_RELAY_CALLS_MAX 32

typedef struct gh_relay gh_relay;

/* All are borrowed and outlive the relay. Reads and writes begin when the loop runs. At the end of input,
 * when nobody reads the output, or after gh_relay_shutdown, it answers what is open, deletes the session and
 * stops the loop: 0, or 1 when replies were lost because nobody read them, or for lack of memory, which ends
 * it at once. */
GH_MUST_USE gh_status gh_relay_new(gh_loop *loop, gh_remote *remote, const gh_bridge_settings *settings,
                                   int in, int out, gh_relay **relay);
void gh_relay_free(gh_relay *relay);

/* The process was asked to stop: ends within half a second. The second time: at once. */
void gh_relay_shutdown(gh_relay *relay);

#endif

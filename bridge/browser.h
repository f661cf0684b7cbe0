/* Opens a URL in the person's browser, without a shell. Belongs to one thread. */
#ifndef GH_BRIDGE_BROWSER_H
#define GH_BRIDGE_BROWSER_H

#include "shared/core/status.h"
#include "shared/core/text.h"

/* Starts `command` (words separated by spaces; no quoting, no shell; `%s` in a word stands for the URL,
 * else the URL is appended), or with NULL the first that can be started of $BROWSER (a list separated by
 * colons), xdg-open and open. The child gets /dev/null for its three streams, for stdout belongs to JSON-RPC,
 * a session of its own, and no other descriptor of this process. Refuses anything but http and https URLs.
 * Does not wait. GH_ERR_NOT_FOUND when nothing could be started. */
GH_MUST_USE gh_status gh_browser_open(const char *command, const char *url, gh_error *error);

/* Collects children that have ended. */
void gh_browser_reap(void);

#endif

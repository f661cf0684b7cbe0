/* Lines that a person pastes into the terminal while a sign-in waits. Belongs to the loop's thread. */
#ifndef GH_BRIDGE_PASTE_H
#define GH_BRIDGE_PASTE_H

#include "bridge/loop.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_paste gh_paste;

/* Calls `line` for each line that is not empty, trimmed; it may be secret and is wiped afterwards. Ends by
 * itself at the end of the input, at a line of over 8 KB, and where reading would stop this process (a job in
 * the background). `fd` is borrowed and stays as it is. */
GH_MUST_USE gh_status gh_paste_start(gh_loop *loop, int fd, void (*line)(void *context, gh_view text),
                                     void *context, gh_paste **paste);
void gh_paste_stop(gh_paste *paste); /* NULL is fine; not from within `line` */

#endif

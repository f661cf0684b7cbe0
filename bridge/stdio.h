/* Lines from a descriptor and lines to another: stdin and stdout as JSON-RPC hosts use them.
 *
 * Neither descriptor is ever made non-blocking, for that would leak into the parent that shares it: reads
 * follow poll, writes are at most PIPE_BUF bytes after poll. Belongs to the loop's thread; the callbacks run
 * from the loop, never from within gh_stdio_write_line, but for on_lost. */
#ifndef GH_BRIDGE_STDIO_H
#define GH_BRIDGE_STDIO_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/loop.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_stdio gh_stdio;

typedef struct gh_stdio_options {
    int in, out;       /* borrowed */
    size_t max_line;   /* bytes of a line without its end */
    size_t max_unread; /* bytes of output that may wait for the reader; from a quarter on, neither input nor
                          HTTP replies are read */
    void *context;
    void (*on_line)(void *context, gh_view line); /* without LF or CRLF; empty lines are left out */
    void (*on_too_long)(void *context);           /* once for each such line, which is skipped */
    void (*on_end)(void *context);                /* once: end of input, or it cannot be read */
    void (*on_closed)(void *context);             /* once: nobody reads the output any more */
    void (*on_lost)(void *context);               /* a line, of either side, for lack of memory */
} gh_stdio_options;

GH_MUST_USE gh_status gh_stdio_new(gh_loop *loop, const gh_stdio_options *options, gh_stdio **stdio);
void gh_stdio_free(gh_stdio *stdio); /* not from within a callback of its own */

/* Queues one line (without its end) and writes what can be written at once. A line that does not fit into
 * `max_unread` closes the output: a reader that lags so far behind has stopped reading. */
void gh_stdio_write_line(gh_stdio *stdio, gh_view line);
/* Stops and resumes reading: back-pressure while too much is queued behind the caller. */
void gh_stdio_pause(gh_stdio *stdio, bool paused);
/* Bytes that wait for the reader. */
size_t gh_stdio_unread(const gh_stdio *stdio);
/* Writes what is left, waiting for the reader up to `ms`. */
void gh_stdio_flush(gh_stdio *stdio, int ms);

#endif

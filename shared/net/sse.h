/* Server-sent events: an incremental parser with ceilings, and a writer.
 * A parser has one owner. Follows the HTML standard's event-stream interpretation: LF, CR and CRLF,
 * comments, multi-line data, a BOM at the start, unfinished events dropped at the end. */
#ifndef GH_SHARED_NET_SSE_H
#define GH_SHARED_NET_SSE_H

#include <stddef.h>
#include <stdint.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_sse_event {
    gh_view event;    /* "message" when the stream named none */
    gh_view data;     /* lines joined by LF; may be empty when only an id came */
    gh_view id;       /* the last id seen on the stream, this event's included */
    int64_t retry_ms; /* -1 unless this event carried `retry` */
} gh_sse_event;

/* Called for every event that has data, an id or a retry. Views are valid during the call. A status
 * other than GH_OK stops the feed and is returned by it. */
typedef gh_status (*gh_sse_handler)(void *context, const gh_sse_event *event);

typedef struct gh_sse_parser gh_sse_parser;

/* `max_event` bounds one event's bytes. NULL on lack of memory. */
gh_sse_parser *gh_sse_parser_new(size_t max_event, gh_sse_handler handler, void *context);
void gh_sse_parser_free(gh_sse_parser *parser);
/* GH_ERR_TOO_LARGE when an event outgrows its ceiling; the parser is unusable afterwards. */
GH_MUST_USE gh_status gh_sse_parser_feed(gh_sse_parser *parser, gh_view bytes);

/* Appends one event: optional id and event name (empty views leave them out), data split at newlines.
 * A name or id with CR, LF or NUL is GH_ERR_INVALID. */
gh_status gh_sse_write(gh_buf *out, gh_view event, gh_view id, gh_view data);

#endif

/* The stream of the old HTTP+SSE transport (2024-11-05): one GET that the server keeps open for the whole
 * session. Its first event, `endpoint`, says where messages are posted; their answers, and everything else
 * that the server has to say, are events of it. The session lasts as long as the stream.
 *
 * Follows "Transports", "HTTP with SSE" of 2024-11-05. The endpoint must be of the stream's own origin: the
 * access token goes there. Belongs to the loop's thread; callbacks may open and close it, not free it. */
#ifndef GH_BRIDGE_LEGACY_SSE_H
#define GH_BRIDGE_LEGACY_SSE_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/authorizer.h"
#include "bridge/loop.h"
#include "bridge/options.h"
#include "bridge/verdict.h"
#include "shared/core/status.h"
#include "shared/core/text.h"
#include "shared/rpc/message.h"

typedef struct gh_legacy_sse gh_legacy_sse;

typedef struct gh_legacy_sse_options {
    gh_loop *loop;                      /* borrowed, as is what follows */
    gh_authorizer *authorizer;          /* presents the token */
    const gh_bridge_settings *settings; /* `connect_timeout_ms` bounds the wait for the endpoint, too */
    const char *name;                   /* the URL, for words */
    void *context;
    void (*on_open)(void *context); /* the endpoint is known */
    /* Any message; responses are nobody's in particular. Views are valid during the call. */
    void (*on_message)(void *context, const gh_rpc_message *message, gh_view line);
    /* It could not be opened, or ended; never with an ANSWERED or ACCEPTED verdict. `challenge` is the
     * WWW-Authenticate value. */
    void (*on_lost)(void *context, const gh_verdict *verdict, gh_view challenge);
} gh_legacy_sse_options;

GH_MUST_USE gh_status gh_legacy_sse_new(const gh_legacy_sse_options *options, gh_legacy_sse **sse);
void gh_legacy_sse_free(gh_legacy_sse *sse); /* NULL is fine */

/* Opens the stream with this access token (copied; NULL for none); nothing happens when it is opening or
 * open already. */
GH_MUST_USE gh_status gh_legacy_sse_open(gh_legacy_sse *sse, const char *token);
/* Closes it without a callback. */
void gh_legacy_sse_close(gh_legacy_sse *sse);

/* The URL that messages are posted to; NULL unless the stream is open. Borrowed. */
const char *gh_legacy_sse_endpoint(const gh_legacy_sse *sse);
/* When the last message came, on the monotonic clock. */
int64_t gh_legacy_sse_heard_ms(const gh_legacy_sse *sse);

#endif

/* What comes back of one message: one HTTP response, or several when a stream is resumed, taken apart into
 * JSON-RPC messages, and a verdict in words when no answer can be had of it.
 *
 * Follows Streamable HTTP in both eras: one JSON object, or server-sent events, or 202 for what has no
 * answer. Everything else becomes a failure that a person understands. One owner, one thread. */
#ifndef GH_BRIDGE_REPLY_H
#define GH_BRIDGE_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/verdict.h"
#include "shared/core/status.h"
#include "shared/core/text.h"
#include "shared/net/http_client.h"
#include "shared/rpc/message.h"

typedef struct gh_reply gh_reply;

typedef struct gh_reply_options {
    gh_view id;          /* raw, copied; empty when no answer is expected */
    const char *url;     /* where it was sent, for the words; borrowed and outlives the reply */
    const char *program; /* how to start the bridge, likewise; NULL for its name */
    size_t max_message;  /* bytes */
    bool everything;     /* a stream for many: responses are messages like any other, whatever their id */
    void *context;
    /* A message from the server. `line` is its compact form; `is_answer` is true once at most, for the
     * response with the id. Views are valid during the call. */
    void (*on_message)(void *context, const gh_rpc_message *message, gh_view line, bool is_answer);
    /* The old HTTP+SSE transport's event that says where to post; a status other than GH_OK ends the stream.
     * NULL: such events mean nothing. */
    gh_status (*on_endpoint)(void *context, gh_view url);
} gh_reply_options;

GH_MUST_USE gh_status gh_reply_new(const gh_reply_options *options, gh_reply **reply);
void gh_reply_free(gh_reply *reply);

/* One response: head, body in pieces, end. `in_session` says that the request carried a session id. A status
 * other than GH_OK stops the transfer; gh_reply_end still gives the verdict. */
GH_MUST_USE gh_status gh_reply_begin(gh_reply *reply, const gh_http_response_head *head);
GH_MUST_USE gh_status gh_reply_body(gh_reply *reply, gh_view bytes);
/* `transfer` may be NULL in tests: then there are no further headers to look at. */
void gh_reply_end(gh_reply *reply, const gh_http_transfer *transfer, const gh_http_result *result,
                  bool in_session, gh_verdict *verdict);

int gh_reply_http_status(const gh_reply *reply); /* of the last response; 0 before one */
bool gh_reply_answered(const gh_reply *reply);
/* True when the response that is under way is a stream of events. */
bool gh_reply_is_stream(const gh_reply *reply);
/* For Last-Event-ID; empty when no event had an id. */
gh_view gh_reply_last_event_id(const gh_reply *reply);
int64_t gh_reply_retry_ms(const gh_reply *reply); /* -1 when the server named none */

#endif

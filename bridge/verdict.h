/* What became of a message that was sent, and the sentence that tells a person of it. Pure functions,
 * thread-safe. */
#ifndef GH_BRIDGE_VERDICT_H
#define GH_BRIDGE_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/core/status.h"
#include "shared/core/text.h"
#include "shared/net/http_client.h"

typedef enum gh_verdict_kind {
    GH_VERDICT_ANSWERED,     /* the answer to the id was handed on */
    GH_VERDICT_ACCEPTED,     /* a 2xx for what has no answer, or a stream that ended in order */
    GH_VERDICT_UNAUTHORIZED, /* 401, or 403 with insufficient_scope: see `http_status` */
    GH_VERDICT_SESSION_LOST, /* 404 for a request within a session */
    GH_VERDICT_CUT,          /* it broke off before the answer */
    GH_VERDICT_UNSENT,       /* no reply at all */
    GH_VERDICT_FAILED        /* everything else */
} gh_verdict_kind;

typedef struct gh_verdict {
    gh_verdict_kind kind;
    int http_status;       /* 0 without one */
    int code;              /* of the JSON-RPC error that tells of it */
    bool maybe_delivered;  /* the server may have acted on the message */
    bool is_stream;        /* the response was a stream of events */
    int64_t retry_after_s; /* -1 unless the server said so, with 429 or 503 */
    gh_error error;        /* the sentence; empty for ANSWERED and ACCEPTED */
} gh_verdict;

/* What is known when a response has ended; views are borrowed. */
typedef struct gh_verdict_facts {
    const char *url;     /* where the message went */
    const char *program; /* how to start the bridge, for hints; NULL for its name */
    const gh_http_result *result;
    int64_t retry_after_s;
    gh_view content_type, location, challenge;
    bool wants_answer, in_session;
    bool is_stream, is_json, is_empty, too_large;
    size_t max_message;
} gh_verdict_facts;

/* For a response that gave no answer so far. FAILED, for JSON, is what remains when the body turns out to be
 * no answer either. */
void gh_verdict_of(const gh_verdict_facts *facts, gh_verdict *verdict);

#endif

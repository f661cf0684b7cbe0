/* One JSON-RPC 2.0 message, classified, with its id and payload as raw slices.
 * Everything in a gh_rpc_message but `method` is borrowed from the text. Thread-safe. */
#ifndef GH_SHARED_RPC_MESSAGE_H
#define GH_SHARED_RPC_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"
#include "shared/json/gate.h"

typedef enum gh_rpc_kind {
    GH_RPC_REQUEST,
    GH_RPC_NOTIFICATION,
    GH_RPC_RESULT, /* a response with `result` */
    GH_RPC_ERROR,  /* a response with `error` */
    GH_RPC_BATCH   /* an array: only `raw` is set */
} gh_rpc_kind;

typedef struct gh_rpc_message {
    gh_rpc_kind kind;
    gh_view raw;    /* the whole message */
    gh_view id;     /* raw: a string with quotes or a number; empty when there is none */
    char *method;   /* owned; NULL for responses */
    gh_view params; /* raw; empty when absent; an object when present */
    gh_view result; /* raw */
    gh_view error;  /* raw object */
} gh_rpc_message;

/* Gate and classify. GH_ERR_PARSE or GH_ERR_TOO_LARGE mean -32700; GH_ERR_INVALID means -32600 (wrong
 * `jsonrpc`, `id` null or of another type, `method` not a string, `params` not an object,
 * both or neither of result and error) and then message->id holds the raw id when one of a legal form
 * could be read, so that the error reply can carry it. An id is a string of at most 1,024 raw bytes or an
 * number of at most 64 characters; only a response with `error` may have none, or null, for its sender
 * may not have been able to read it. Free with gh_rpc_message_clear in every case. */
GH_MUST_USE gh_status gh_rpc_parse(gh_view text, const gh_json_limits *limits, gh_rpc_message *message,
                                   gh_error *error);
void gh_rpc_message_clear(gh_rpc_message *message);

/* Ids equal as JSON-RPC means it: same type and, for strings, the same unescaped text. An empty
 * id equals nothing, not even another empty one. */
bool gh_rpc_id_equals(gh_view a, gh_view b);

/* Writers append one compact message. An empty `id` is written as null. `data` and `result` are raw JSON;
 * empty `data` is left out. A raw value with a broken string puts `out` into error. */
gh_status gh_rpc_write_result(gh_buf *out, gh_view id, gh_view result);
gh_status gh_rpc_write_error(gh_buf *out, gh_view id, int code, gh_view message, gh_view data);
gh_status gh_rpc_write_request(gh_buf *out, gh_view id, const char *method, gh_view params);
gh_status gh_rpc_write_notification(gh_buf *out, const char *method, gh_view params);

#endif

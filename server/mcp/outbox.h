/* An outbox: the JSON-RPC messages of one stream, between those who write them (handlers, announcements, on
 * any thread) and the worker that holds the client's connection. Writers never wait and never touch a socket;
 * bounds are met by closing (or, when messages are kept for resumption, by forgetting the oldest that were
 * read). Reference-counted; every function is safe from any thread; the lock is never held across I/O.
 *
 * Each message has a number, from 1. A reader says after which number it wants to go on, so that a client can
 * come back to a stream (2025-11-25, transports, "Resumability and Redelivery"). One reader at a time: a new
 * one takes over, since the old one's connection is usually dead. */
#ifndef GH_SERVER_MCP_OUTBOX_H
#define GH_SERVER_MCP_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/core/bytes.h"
#include "shared/core/clock.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_mcp_outbox gh_mcp_outbox;

typedef struct gh_mcp_outbox_options {
    size_t max_messages;
    size_t max_bytes;
    bool keep; /* messages that were read stay, for a reader that comes back */
    bool shed; /* at a bound the oldest are forgotten, read or not, and it stays open: for announcements */
} gh_mcp_outbox_options;

GH_MUST_USE gh_status gh_mcp_outbox_new(const gh_mcp_outbox_options *options, gh_mcp_outbox **outbox);
gh_mcp_outbox *gh_mcp_outbox_hold(gh_mcp_outbox *outbox);
void gh_mcp_outbox_release(gh_mcp_outbox *outbox); /* NULL is fine */

/* One message, not empty (GH_ERR_INVALID). GH_ERR_CLOSED after the end; GH_ERR_TOO_LARGE when it does not fit
 * any more, which closes the outbox: what is in it can still be read. */
gh_status gh_mcp_outbox_put(gh_mcp_outbox *outbox, gh_view text);
/* The response, and the end. `http_status` is for a client that has seen nothing yet. The first end counts;
 * false when it had ended before. `text` may be empty: just the status. It always fits. */
bool gh_mcp_outbox_finish(gh_mcp_outbox *outbox, int http_status, gh_view text);
/* The end without a response. */
void gh_mcp_outbox_close(gh_mcp_outbox *outbox);
bool gh_mcp_outbox_ended(gh_mcp_outbox *outbox);
/* Bytes of what is in it, the response included. */
size_t gh_mcp_outbox_size(gh_mcp_outbox *outbox);
/* The reader is told to let go of its connection once it has had what was put before; the stream goes on.
 * Without a reader it counts for the first that comes; nothing happens when there was one that has left. */
void gh_mcp_outbox_let_go(gh_mcp_outbox *outbox, uint32_t retry_ms);

typedef enum gh_mcp_taken {
    GH_MCP_TAKEN_MESSAGE,
    GH_MCP_TAKEN_LAST, /* the response; nothing follows */
    GH_MCP_TAKEN_END,  /* closed without one, or the last was taken before */
    GH_MCP_TAKEN_LOST, /* something is missing: it did not fit when it was put, or does not into item->text */
    GH_MCP_TAKEN_LET_GO,  /* retry_ms */
    GH_MCP_TAKEN_NOTHING, /* the deadline passed */
    GH_MCP_TAKEN_OVER     /* somebody else reads now */
} gh_mcp_taken;

typedef struct gh_mcp_item {
    uint64_t number;   /* of a message and of the last */
    int http_status;   /* of the last */
    uint32_t retry_ms; /* of a let-go */
    gh_buf text;       /* cleared and filled by each take; the reader's: init before, free after */
} gh_mcp_item;

/* For gh_mcp_outbox_attach: go on after the last message that any reader took, whatever was forgotten. */
#define GH_MCP_OUTBOX_UNREAD UINT64_MAX

/* The number from `number` on that a reader can go on after: itself, unless messages after it were forgotten.
 * GH_MCP_OUTBOX_UNREAD says what that stands for. */
uint64_t gh_mcp_outbox_nearest(gh_mcp_outbox *outbox, uint64_t number);

/* Becomes the reader, to go on after `number` (0: from the start). GH_ERR_NOT_FOUND when messages after it
 * were forgotten (without `keep`: all that were read), or when there was never one of that number. */
GH_MUST_USE gh_status gh_mcp_outbox_attach(gh_mcp_outbox *outbox, uint64_t number, uint64_t *reader);
/* Waits for what comes next. */
gh_mcp_taken gh_mcp_outbox_take(gh_mcp_outbox *outbox, uint64_t reader, gh_deadline deadline,
                                gh_mcp_item *item);
/* Nobody reads any more (harmless when somebody else took over). */
void gh_mcp_outbox_detach(gh_mcp_outbox *outbox, uint64_t reader);

#endif

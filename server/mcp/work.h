/* A work: one request that a handler answers (tools/call, resources/read, prompts/get,
 * completion/complete), from its acceptance to its response, however often the handler runs in between.
 *
 *     RUNNING --asks--> WAITING --all answered--> RUNNING --...--> ENDED
 *
 * 2026-07-28: asking ends the work with an InputRequiredResult; the client's retry is a new work. Sessions:
 * the asks go out as requests on the work's stream, and the work waits for the responses. Tasks: the response
 * is the task's handle, and the asks and the result go into its record.
 *
 * Quick handlers run where the request arrived, others on the executor; whoever runs it, messages go through
 * the outbox, which the worker with the connection empties (deliver.c). Reference-counted: the connection,
 * the executor, the session and the task each hold it. Thread-safe; the lock is never held while a handler
 * runs, and no other module's lock is taken under it but the outbox's. */
#ifndef GH_SERVER_MCP_WORK_H
#define GH_SERVER_MCP_WORK_H

#include "server/call/call.h"
#include "server/mcp/engine_private.h"
#include "server/mcp/outbox.h"

/* What is to be run: one of the catalog's items, with what the call asks. Views are copied by
 * gh_mcp_work_start; pointers are the catalog's. */
typedef struct gh_mcp_aim {
    gh_call_kind kind;
    const char *item;      /* the label, for the log */
    const char *mime_type; /* NULL for none */
    gh_view target;        /* plain text, as all that is not marked raw */
    gh_view arguments;     /* raw JSON object; empty for none */
    gh_view variables;     /* raw JSON object; NULL ptr for none */
    gh_view completing;
    gh_view typed;
    gatehouse_handler handler;
    void *data;
    const gh_mcp_tool *tool; /* for the output schema; NULL unless it is a tool */
    uint32_t flags;
    uint32_t timeout_ms; /* 0: the engine's */
} gh_mcp_aim;

/* Starts it: reads what the client says of progress, answers and state, and runs or queues the handler.
 * Afterwards request->work is set and the response comes through its outbox, or `out` has the response
 * (a quick handler that was quiet, or an error: busy is 503). */
void gh_mcp_work_start(gh_mcp_request *request, const gh_mcp_aim *aim);

gh_mcp_work *gh_mcp_work_hold(gh_mcp_work *work);
void gh_mcp_work_release(gh_mcp_work *work); /* NULL is fine */

/* These three may be called from any thread, without a session's or task table's lock held: they call
 * gh_mcp_session_leave and the like. */

/* The client does not want it any more: the handler is told, no response will come, the stream ends. */
void gh_mcp_work_cancel(gh_mcp_work *work);
/* The replies to all that was asked, a JSON object by key of ask: the handler runs again. Ignored unless the
 * work waits. */
void gh_mcp_work_answer(gh_mcp_work *work, gh_view answers);
/* Ends it with a JSON-RPC error, unless it has ended. */
void gh_mcp_work_fail(gh_mcp_work *work, int code, const char *message);

gh_view gh_mcp_work_id(const gh_mcp_work *work); /* the request's, raw */
gh_mcp_outbox *gh_mcp_work_outbox(gh_mcp_work *work);
gh_mcp_session *gh_mcp_work_session(gh_mcp_work *work); /* NULL in the modern era */
/* Of a work that has ended with an error: the code and the message, for the log; 0 for none. */
int gh_mcp_work_error(gh_mcp_work *work, gh_error *error);
/* Those that wait for their client fail. */
void gh_mcp_works_drain(gh_mcp_engine *engine);

/* deliver.c: empties an outbox into a reply until its end, the client's going, or a let-go. */
typedef struct gh_mcp_delivery {
    gh_mcp_engine *engine;
    const gh_principal *principal;
    gh_mcp_outbox *outbox;
    uint64_t after; /* the number of the last message that the client has */
    bool numbered;  /* events have ids, "STREAM-NUMBER" */
    uint64_t stream;
    gh_mcp_session
        *session;     /* numbered: where the stream gets its number when it opens; NULL: `stream` is it */
    bool prime;       /* numbered: begin with an event that has an id and no data */
    bool open;        /* open the stream at once, not at the first message */
    bool lapses;      /* the stream ends with the principal's token or grant */
    gh_view farewell; /* the message to end it with when it lapses; empty for none */
    const gh_mcp_reply *reply;
} gh_mcp_delivery;

/* True when the client was there to the end, or was let go, or reads elsewhere. */
bool gh_mcp_deliver(const gh_mcp_delivery *delivery);

#endif

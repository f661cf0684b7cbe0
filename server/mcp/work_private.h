/* What the files of a work share. */
#ifndef GH_SERVER_MCP_WORK_PRIVATE_H
#define GH_SERVER_MCP_WORK_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "server/mcp/work.h"

typedef enum gh_mcp_stage { GH_MCP_RUNNING, GH_MCP_WAITING, GH_MCP_ENDED } gh_mcp_stage;

/* One run of the handler on the executor. */
typedef struct gh_mcp_round {
    gh_executor_job job;
    gh_mcp_work *work; /* held */
    uint64_t number;
    int64_t began_ns; /* under the work's lock; 0 while it waits for a thread */
    bool late;        /* likewise: it ran past its deadline */
} gh_mcp_round;

struct gh_mcp_work {
    atomic_size_t holders;
    size_t size; /* of this block */
    gh_mcp_engine *engine;
    gh_mcp_work *next, *previous; /* in engine->works, under the engine's lock */
    bool listed;

    /* unchanged after the start */
    gh_mcp_catalog *catalog; /* held */
    gh_call_question question;
    gatehouse_handler handler;
    void *data;
    const gh_mcp_tool *tool;
    uint32_t flags;
    int64_t timeout_ms;
    const char *method; /* a constant */
    gh_view id;
    gh_view token; /* raw progress token; empty for none */
    bool logs;     /* from `level` on */
    gatehouse_level level;
    bool modern;
    const char *version;
    int64_t started_ns;
    gh_trace trace; /* the caller's; empty for none */
    bool events;    /* the client can be sent something before the response */

    /* A work that ends within the function that started it borrows these; see gh_mcp_work_keep. */
    gh_principal *principal; /* NULL while it is borrowed */
    gh_mcp_session *session; /* NULL in the modern era */
    char session_id[GH_MCP_SESSION_ID_MAX];

    pthread_mutex_t lock; /* for all that follows; read without it on the handler's thread */
    gh_mcp_stage stage;
    gh_call *call; /* that runs now; NULL between rounds */
    uint64_t rounds;
    unsigned asked;        /* times that the client was asked while it waited; on the handler's thread */
    gh_mcp_round *round;   /* of the call; NULL when it runs where the request arrived */
    gh_mcp_outbox *outbox; /* once there is one it stays */
    char *answers;         /* of the second round on */
    gh_buf state;
    bool is_task;
    char task[GH_MCP_TASK_ID_MAX];
    int code;               /* of the error that it ended with */
    bool refused;           /* it could not begin */
    gh_metrics_call ending; /* how it is counted, unless it fails */
    char *complaint;

    char text[]; /* what the views and the question point to */
};

extern const gh_call_hooks GH_MCP_WORK_HOOKS; /* without its context */

/* So that it may outlive the function that started it: a principal of its own, the session's flight, the
 * engine's list. GH_ERR_CONFLICT when the session has a request of that id in flight, GH_ERR_TOO_LARGE when
 * its user has too much under way. */
GH_MUST_USE gh_status gh_mcp_work_keep(gh_mcp_work *work);
/* There is an outbox from now on. On the handler's thread, or before it runs. */
GH_MUST_USE gh_status gh_mcp_work_open(gh_mcp_work *work);
/* Runs the handler again, or for the first time, on the executor. */
GH_MUST_USE gh_status gh_mcp_work_queue(gh_mcp_work *work);
/* Runs the handler here. `direct`: a quiet work answers there; NULL: always by the outbox. */
void gh_mcp_work_run(gh_mcp_work *work, gh_mcp_round *round, gh_mcp_request *direct);

/* Counts how a call of a tool ended; once. */
void gh_mcp_work_count(const gh_mcp_work *work, gh_metrics_call how);
/* " (trace 0af7...)" for a line of the log about it, or "". */
#define GH_MCP_TRACE_NOTE_MAX 48
const char *gh_mcp_work_trace(const gh_mcp_work *work, char out[GH_MCP_TRACE_NOTE_MAX]);

/* The handler that runs, if any, is told that nobody waits any more. */
void gh_mcp_work_tell(gh_mcp_work *work);

/* A request to write the response of `work` with: message and out are the caller's. */
gh_mcp_request gh_mcp_work_reply(const gh_mcp_work *work, gh_rpc_message *message, gh_buf *out);
/* The response has been written: it goes out, or into the task; the first end counts. */
void gh_mcp_work_finish(gh_mcp_work *work, gh_mcp_request *reply);

/* results.c: the response to what the handler said, asks of the modern era included. */
void gh_mcp_write_outcome(gh_mcp_request *request, const gh_mcp_work *work, gh_call *call);

#endif

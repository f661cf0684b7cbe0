/* What the files of the tasks share. Everything but the options is guarded by the table's lock. */
#ifndef GH_SERVER_MCP_TASKS_PRIVATE_H
#define GH_SERVER_MCP_TASKS_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include "server/mcp/tasks.h"
#include "shared/core/clock.h"

typedef enum gh_mcp_task_status {
    GH_MCP_TASK_WORKING,
    GH_MCP_TASK_INPUT_REQUIRED,
    GH_MCP_TASK_COMPLETED,
    GH_MCP_TASK_FAILED,
    GH_MCP_TASK_CANCELLED
} gh_mcp_task_status;

/* The worker, as long as it may be called: the record uses it until the task has ended, and so does each call
 * that is under way. Whoever was the last says `gone`. */
typedef struct gh_mcp_task_duty {
    gh_mcp_task_worker worker;
    size_t uses;
    struct gh_mcp_task_duty *next; /* of those whose task has ended: see gh_mcp_tasks_dismiss */
    bool cancel;                   /* its worker has not heard yet that it is over */
} gh_mcp_task_duty;

typedef struct gh_mcp_task_ask {
    char *wire; /* the key that the client sees */
    char *key;  /* the handler's */
    const char *method;
    char *params;
    char *answer; /* raw JSON object; NULL while there is none */
} gh_mcp_task_ask;

/* A key that has been on the wire. */
typedef struct gh_mcp_task_key {
    char *text;
    unsigned times; /* that a handler asked under it */
} gh_mcp_task_key;

/* A user with tasks, through whatever clients. */
typedef struct gh_mcp_task_owner {
    gh_principal *principal;
    size_t hash;
    size_t count;
    size_t bytes;
    struct gh_mcp_task_owner *next; /* in its bucket */
} gh_mcp_task_owner;

typedef struct gh_mcp_task {
    char id[GH_MCP_TASK_ID_MAX];
    gh_mcp_task_owner *owner;
    char *client_id; /* the client's that made it; NULL for none */
    char *scopes;    /* what the tool needs; NULL for nothing */
    gh_mcp_task_status status;
    char *message; /* NULL for none */
    int64_t created_ms;
    int64_t updated_ms;
    int64_t ttl_ms;
    int64_t poll_ms;
    gh_deadline expiry;
    gh_mcp_task_duty *duty; /* NULL once it has ended */
    char *payload;          /* the result or error; NULL: `fallback` */
    const char *fallback;
    gh_mcp_task_ask *asks;
    size_t ask_count;
    gh_mcp_task_key *keys;
    size_t key_count;
    size_t bytes;             /* charged to the owner */
    struct gh_mcp_task *next; /* in its bucket */
} gh_mcp_task;

struct gh_mcp_tasks {
    gh_mcp_tasks_options options;
    pthread_mutex_t lock;
    size_t count;
    size_t bytes;
    gh_deadline earliest; /* nothing expires before it */
    size_t buckets;       /* a power of two */
    gh_mcp_task **by_id;
    gh_mcp_task_owner **owners;
};

/* --- tasks_table.c --- */

gh_mcp_task *gh_mcp_tasks_find(const gh_mcp_tasks *tasks, gh_view id);
GH_MUST_USE gh_status gh_mcp_tasks_insert(gh_mcp_tasks *tasks, gh_mcp_task *task,
                                          const gh_principal *principal);
/* Takes it out and frees it. Its duty must have been taken before. */
void gh_mcp_tasks_forget(gh_mcp_tasks *tasks, gh_mcp_task *task);
/* False at a bound, and nothing happened. */
bool gh_mcp_tasks_charge(gh_mcp_tasks *tasks, gh_mcp_task *task, size_t bytes);
void gh_mcp_tasks_discharge(gh_mcp_tasks *tasks, gh_mcp_task *task, size_t bytes);
/* Now in `status`, which is announced. */
void gh_mcp_tasks_set_status(gh_mcp_tasks *tasks, gh_mcp_task *task, gh_mcp_task_status status);
/* The task has ended: announces it, and puts its duty in front of *duties. */
void gh_mcp_tasks_end(gh_mcp_tasks *tasks, gh_mcp_task *task, gh_mcp_task_status status, bool cancel,
                      gh_mcp_task_duty **duties);
/* Forgets what has expired. */
void gh_mcp_tasks_expire(gh_mcp_tasks *tasks, gh_mcp_task_duty **duties);

/* Without the lock: tells those whose task has ended. */
void gh_mcp_tasks_dismiss(gh_mcp_tasks *tasks, gh_mcp_task_duty *duties);
/* Without the lock: one use less. */
void gh_mcp_tasks_drop_use(gh_mcp_tasks *tasks, gh_mcp_task_duty *duty);

/* --- tasks_asks.c --- */

/* GH_OK: the asks are there and charged. */
GH_MUST_USE gh_status gh_mcp_task_ask_all(gh_mcp_tasks *tasks, gh_mcp_task *task, const gh_call_ask *asks,
                                          size_t count);
/* Takes in what answers an outstanding ask. */
GH_MUST_USE gh_status gh_mcp_task_answer(gh_mcp_tasks *tasks, gh_mcp_task *task, gh_view responses,
                                         bool *changed, gh_error *error);
bool gh_mcp_task_waits(const gh_mcp_task *task);
/* The answers by the handler's keys, as a JSON object. */
GH_MUST_USE gh_status gh_mcp_task_answers(const gh_mcp_task *task, gh_buf *out);
void gh_mcp_task_clear_asks(gh_mcp_tasks *tasks, gh_mcp_task *task);
void gh_mcp_task_free_keys(gh_mcp_task *task);

/* --- tasks_render.c --- */

/* A DetailedTask with its braces: a result, or the asks, and what is around them. */
#define GH_MCP_TASK_DETAIL_MAX (GH_MCP_TASK_PAYLOAD_MAX + (size_t)32 * 1024)
GH_MUST_USE gh_status gh_mcp_task_render_detail(const gh_mcp_task *task, gh_buf *out);
/* Appends the members of the Task, or of the DetailedTask. */
GH_MUST_USE gh_status gh_mcp_task_render(const gh_mcp_task *task, bool detailed, gh_buf *out);

#endif

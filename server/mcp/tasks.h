/* Tasks (extension io.modelcontextprotocol/tasks, SEP-2663): calls that outlive their request. A table of
 * records, each bound to the principal that made it; who runs the work is none of its business.
 *
 * Bounded in all and per user (through whatever clients), in number and in bytes (see below); ids carry 256
 * random bits. A record lives until its time to live has passed since it was created, whatever its status;
 * then it is forgotten, and an unfinished one is cancelled first. Changes are announced by the hub (topic
 * TASK, the id, the DetailedTask), in their order: with this table's lock held, so `hear` must not come back
 * here. Every function is safe from any thread, and calls the worker without a lock held. */
#ifndef GH_SERVER_MCP_TASKS_H
#define GH_SERVER_MCP_TASKS_H

#include <stddef.h>
#include <stdint.h>

#include "server/auth/principal.h"
#include "server/call/call.h"
#include "server/mcp/hub.h"
#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_MCP_TASK_ID_MAX 64 /* with the NUL */

/* A result, or the outstanding asks of a task. Less than 16 MiB by what the rest of the reply may need. */
#define GH_MCP_TASK_PAYLOAD_MAX ((size_t)(16 * 1024 * 1024 - 64 * 1024))
/* Of results, errors, asks and answers that are kept, of one principal and of all. A result that finds no
 * room makes its task `failed`, with an error that says so; asks and answers are refused. */
#define GH_MCP_TASK_BYTES_PER_PRINCIPAL ((size_t)64 * 1024 * 1024)
#define GH_MCP_TASK_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define GH_MCP_TASK_MESSAGE_MAX 2048 /* of a status message; the rest is cut off */
#define GH_MCP_TASK_KEYS_MAX 1024    /* asks of one task in its life */

typedef struct gh_mcp_tasks gh_mcp_tasks;

typedef struct gh_mcp_tasks_options {
    gh_mcp_hub *hub; /* borrowed */
    size_t max;
    size_t max_per_principal;
    int64_t ttl_ms;     /* when the handler does not say */
    int64_t ttl_max_ms; /* a handler's is cut to it */
    int64_t poll_ms;
} gh_mcp_tasks_options;

/* Who does the work: told when the client cancels, and when it has answered all that was asked. `answers` is
 * a JSON object by key of ask. Both may be called before gh_mcp_tasks_create returns to its caller, not
 * within; NULL members are not called. `gone`: the task has ended or is forgotten, neither of the two runs,
 * and the worker is not called any more. It comes exactly once for each task that was created, perhaps within
 * the call that ended the task; never when gh_mcp_tasks_create failed. */
typedef struct gh_mcp_task_worker {
    void *context;
    void (*cancel)(void *context);
    void (*resume)(void *context, gh_view answers);
    void (*gone)(void *context);
} gh_mcp_task_worker;

GH_MUST_USE gh_status gh_mcp_tasks_new(const gh_mcp_tasks_options *options, gh_mcp_tasks **tasks);
/* Cancels and forgets all. NULL is fine. */
void gh_mcp_tasks_free(gh_mcp_tasks *tasks);

/* --- the worker's side --- */

/* `scopes` (NULL or "" for none) is what the work's tool needs; copied. `ttl_ms` and `poll_ms` 0 mean the
 * options'. Fills *id and appends the members of the Task, without braces, to `out`. GH_ERR_UNAVAILABLE at a
 * bound. */
GH_MUST_USE gh_status gh_mcp_tasks_create(gh_mcp_tasks *tasks, const gh_principal *principal,
                                          const char *scopes, int64_t ttl_ms, int64_t poll_ms,
                                          const gh_mcp_task_worker *worker, char id[GH_MCP_TASK_ID_MAX],
                                          gh_buf *out);
/* These do nothing for a task that has ended or is forgotten: what came first stays. */
void gh_mcp_tasks_say(gh_mcp_tasks *tasks, const char *id, const char *status_message);
/* Now input_required. A key that the task has used before gets a suffix on the wire ("name-2"); `resume`
 * hears the handler's own. GH_ERR_CLOSED when the task has ended or is forgotten: nobody will answer.
 * GH_ERR_INVALID for no asks or the same key twice, GH_ERR_CONFLICT while others are outstanding,
 * GH_ERR_TOO_LARGE at a bound.
 */
GH_MUST_USE gh_status gh_mcp_tasks_ask(gh_mcp_tasks *tasks, const char *id, const gh_call_ask *asks,
                                       size_t count);
void gh_mcp_tasks_complete(gh_mcp_tasks *tasks, const char *id, gh_view result); /* raw JSON object */
void gh_mcp_tasks_fail(gh_mcp_tasks *tasks, const char *id, gh_view error);      /* likewise */
void gh_mcp_tasks_cancelled(gh_mcp_tasks *tasks, const char *id); /* the work has stopped without a result */

/* --- the client's side; GH_ERR_NOT_FOUND for an id that is unknown or another principal's --- */

/* Appends the scopes that the task's tool needs: whoever lacks them may not deal with the task either. */
GH_MUST_USE gh_status gh_mcp_tasks_scopes(gh_mcp_tasks *tasks, const gh_principal *principal, gh_view id,
                                          gh_buf *out);
/* Appends the members of the DetailedTask, without braces. */
GH_MUST_USE gh_status gh_mcp_tasks_get(gh_mcp_tasks *tasks, const gh_principal *principal, gh_view id,
                                       gh_buf *out);
/* Tells `hear` of the listener the state as an announcement does, in order with them: nothing that is newer
 * has been announced before. For a listener that was just added to the hub, which may hear the same state
 * twice. */
GH_MUST_USE gh_status gh_mcp_tasks_tell(gh_mcp_tasks *tasks, const gh_principal *principal, gh_view id,
                                        const gh_mcp_listener *listener);
/* `responses` is a raw JSON object (else GH_ERR_INVALID). Unknown and answered keys are ignored; when a
 * response to an outstanding one is not an object (GH_ERR_INVALID) or finds no room (GH_ERR_TOO_LARGE), none
 * counts. */
GH_MUST_USE gh_status gh_mcp_tasks_update(gh_mcp_tasks *tasks, const gh_principal *principal, gh_view id,
                                          gh_view responses, gh_error *error);
/* A working or waiting task is `cancelled` at once, and its worker is told; whatever it brings later is
 * dropped. For a task that has ended nothing happens. */
GH_MUST_USE gh_status gh_mcp_tasks_cancel(gh_mcp_tasks *tasks, const gh_principal *principal, gh_view id);

/* Forgets those whose time has passed. Called now and then. */
void gh_mcp_tasks_sweep(gh_mcp_tasks *tasks);
size_t gh_mcp_tasks_count(gh_mcp_tasks *tasks);

#endif

#include "server/mcp/tasks.h"

#include <stdlib.h>
#include <string.h>

#include "server/mcp/tasks_private.h"
#include "shared/core/random.h"
#include "shared/core/secret.h"
#include "shared/core/sparse.h"

#define ID_BYTES 32
#define BUCKETS_MAX 65536
#define ANSWERS_MAX (GH_MCP_TASK_BYTES_PER_PRINCIPAL + (size_t)1024 * 1024)

static const char NO_ROOM[] = "{\"code\":-32603,\"message\":\"The result is too large to be kept\"}";
static const char NO_MEMORY[] = "{\"code\":-32603,\"message\":\"There is not enough memory\"}";

static void free_table(gh_mcp_tasks *tasks)
{
    gh_sparse_free(tasks->by_id, tasks->buckets, sizeof(gh_mcp_task *));
    gh_sparse_free(tasks->owners, tasks->buckets, sizeof(gh_mcp_task_owner *));
    free(tasks);
}

gh_status gh_mcp_tasks_new(const gh_mcp_tasks_options *options, gh_mcp_tasks **tasks)
{
    gh_mcp_tasks *fresh = NULL;

    if (!options->hub || options->max == 0 || options->max_per_principal == 0 || options->ttl_ms <= 0 ||
        options->ttl_max_ms <= 0 || options->poll_ms <= 0) {
        return GH_ERR_INVALID;
    }
    fresh = calloc(1, sizeof *fresh);
    if (!fresh) {
        return GH_ERR_NOMEM;
    }
    fresh->options = *options;
    fresh->earliest = gh_deadline_never();
    fresh->buckets = 16;
    while (fresh->buckets < options->max && fresh->buckets < BUCKETS_MAX) {
        fresh->buckets *= 2;
    }
    fresh->by_id = gh_sparse_new(fresh->buckets, sizeof(gh_mcp_task *));
    fresh->owners = gh_sparse_new(fresh->buckets, sizeof(gh_mcp_task_owner *));
    if (!fresh->by_id || !fresh->owners || pthread_mutex_init(&fresh->lock, NULL) != 0) {
        free_table(fresh);
        return GH_ERR_NOMEM;
    }
    *tasks = fresh;
    return GH_OK;
}

void gh_mcp_tasks_free(gh_mcp_tasks *tasks)
{
    gh_mcp_task_duty *duties = NULL;

    if (!tasks) {
        return;
    }
    (void)pthread_mutex_lock(&tasks->lock);
    for (size_t i = 0; i < tasks->buckets; i++) {
        while (tasks->by_id[i]) {
            if (tasks->by_id[i]->duty) {
                gh_mcp_tasks_end(tasks, tasks->by_id[i], GH_MCP_TASK_CANCELLED, true, &duties);
            }
            gh_mcp_tasks_forget(tasks, tasks->by_id[i]);
        }
    }
    (void)pthread_mutex_unlock(&tasks->lock);
    gh_mcp_tasks_dismiss(tasks, duties);
    (void)pthread_mutex_destroy(&tasks->lock);
    free_table(tasks);
}

/* --- the worker's side --- */

static gh_mcp_task *new_task(const gh_mcp_tasks *tasks, int64_t ttl_ms, int64_t poll_ms,
                             const gh_mcp_task_worker *worker)
{
    gh_mcp_task *task = calloc(1, sizeof *task);
    gh_mcp_task_duty *duty = calloc(1, sizeof *duty);
    char *token = NULL;

    if (!task || !duty || gh_random_token(ID_BYTES, &token) != GH_OK) {
        free(task);
        free(duty);
        return NULL;
    }
    memcpy(task->id, token, strlen(token) + 1);
    gh_wipe_free(token);
    ttl_ms = ttl_ms > 0 ? ttl_ms : tasks->options.ttl_ms;
    task->ttl_ms = ttl_ms < tasks->options.ttl_max_ms ? ttl_ms : tasks->options.ttl_max_ms;
    task->poll_ms = poll_ms > 0 ? poll_ms : tasks->options.poll_ms;
    task->expiry = gh_deadline_in(task->ttl_ms);
    task->created_ms = gh_clock_wall_ms();
    task->updated_ms = task->created_ms;
    task->fallback = "{}";
    duty->worker = *worker;
    duty->uses = 1;
    task->duty = duty;
    return task;
}

gh_status gh_mcp_tasks_create(gh_mcp_tasks *tasks, const gh_principal *principal, const char *scopes,
                              int64_t ttl_ms, int64_t poll_ms, const gh_mcp_task_worker *worker,
                              char id[GH_MCP_TASK_ID_MAX], gh_buf *out)
{
    gh_mcp_task *task = new_task(tasks, ttl_ms, poll_ms, worker);
    gh_mcp_task_duty *expired = NULL;
    gh_status status = task ? gh_mcp_task_render(task, false, out) : GH_ERR_NOMEM;

    if (status != GH_OK) {
        goto out;
    }
    if (scopes && scopes[0] != '\0') {
        task->scopes = gh_text_dup(scopes);
        status = task->scopes ? GH_OK : GH_ERR_NOMEM;
    }
    if (status != GH_OK) {
        goto out;
    }
    memcpy(id, task->id, sizeof task->id);
    (void)pthread_mutex_lock(&tasks->lock);
    gh_mcp_tasks_expire(tasks, &expired);
    status = gh_mcp_tasks_insert(tasks, task, principal);
    (void)pthread_mutex_unlock(&tasks->lock);
    gh_mcp_tasks_dismiss(tasks, expired);
out:
    if (status != GH_OK && task) {
        free(task->duty);
        free(task->client_id);
        free(task->scopes);
        free(task);
    }
    return status;
}

/* One that has not ended, or NULL. */
static gh_mcp_task *find_alive(const gh_mcp_tasks *tasks, const char *id)
{
    gh_mcp_task *task = gh_mcp_tasks_find(tasks, gh_view_of(id));

    return task && task->duty ? task : NULL;
}

static char *copy_message(const char *text)
{
    size_t len = text ? strnlen(text, GH_MCP_TASK_MESSAGE_MAX + 1) : 0;

    if (len > GH_MCP_TASK_MESSAGE_MAX) {
        len = GH_MCP_TASK_MESSAGE_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return len > 0 ? gh_view_dup(gh_view_make(text, len)) : NULL;
}

void gh_mcp_tasks_say(gh_mcp_tasks *tasks, const char *id, const char *status_message)
{
    char *message = copy_message(status_message);
    gh_mcp_task *task = NULL;

    (void)pthread_mutex_lock(&tasks->lock);
    task = find_alive(tasks, id);
    if (task && !gh_view_eq(gh_view_of(message), gh_view_of(task->message))) {
        char *before = task->message;
        task->message = message;
        message = before;
        gh_mcp_tasks_set_status(tasks, task, task->status);
    }
    (void)pthread_mutex_unlock(&tasks->lock);
    free(message);
}

gh_status gh_mcp_tasks_ask(gh_mcp_tasks *tasks, const char *id, const gh_call_ask *asks, size_t count)
{
    gh_status status = GH_ERR_CLOSED;
    gh_mcp_task *task = NULL;

    (void)pthread_mutex_lock(&tasks->lock);
    task = find_alive(tasks, id);
    if (task) {
        status = gh_mcp_task_ask_all(tasks, task, asks, count);
    }
    if (status == GH_OK) {
        gh_mcp_tasks_set_status(tasks, task, GH_MCP_TASK_INPUT_REQUIRED);
    }
    (void)pthread_mutex_unlock(&tasks->lock);
    return status;
}

/* The end that the worker brings. */
static void end_with(gh_mcp_tasks *tasks, const char *id, gh_mcp_task_status status, gh_view payload)
{
    char *copy = payload.len > 0 && payload.len <= GH_MCP_TASK_PAYLOAD_MAX ? gh_view_dup(payload) : NULL;
    gh_mcp_task_duty *duty = NULL;
    gh_mcp_task *task = NULL;

    (void)pthread_mutex_lock(&tasks->lock);
    task = find_alive(tasks, id);
    if (task) {
        gh_mcp_task_clear_asks(tasks, task);
        if (payload.len > GH_MCP_TASK_PAYLOAD_MAX || !gh_mcp_tasks_charge(tasks, task, payload.len)) {
            status = GH_MCP_TASK_FAILED;
            task->fallback = NO_ROOM;
        } else if (payload.len > 0 && !copy) {
            gh_mcp_tasks_discharge(tasks, task, payload.len);
            status = GH_MCP_TASK_FAILED;
            task->fallback = NO_MEMORY;
        } else {
            task->payload = copy;
            copy = NULL;
        }
        gh_mcp_tasks_end(tasks, task, status, false, &duty);
    }
    (void)pthread_mutex_unlock(&tasks->lock);
    free(copy);
    gh_mcp_tasks_dismiss(tasks, duty);
}

void gh_mcp_tasks_complete(gh_mcp_tasks *tasks, const char *id, gh_view result)
{
    end_with(tasks, id, GH_MCP_TASK_COMPLETED, result);
}

void gh_mcp_tasks_fail(gh_mcp_tasks *tasks, const char *id, gh_view error)
{
    end_with(tasks, id, GH_MCP_TASK_FAILED, error);
}

void gh_mcp_tasks_cancelled(gh_mcp_tasks *tasks, const char *id)
{
    end_with(tasks, id, GH_MCP_TASK_CANCELLED, gh_view_make(NULL, 0));
}

/* --- the client's side --- */

static gh_mcp_task *find_own(const gh_mcp_tasks *tasks, const gh_principal *principal, gh_view id)
{
    gh_mcp_task *task = gh_mcp_tasks_find(tasks, id);

    return task && gh_principal_is(principal, task->owner->principal, task->client_id) ? task : NULL;
}

gh_status gh_mcp_tasks_scopes(gh_mcp_tasks *tasks, const gh_principal *principal, gh_view id, gh_buf *out)
{
    (void)pthread_mutex_lock(&tasks->lock);
    const gh_mcp_task *task = find_own(tasks, principal, id);
    gh_status status = task ? gh_buf_append_view(out, gh_view_of(task->scopes)) : GH_ERR_NOT_FOUND;
    (void)pthread_mutex_unlock(&tasks->lock);
    return status;
}

gh_status gh_mcp_tasks_get(gh_mcp_tasks *tasks, const gh_principal *principal, gh_view id, gh_buf *out)
{
    (void)pthread_mutex_lock(&tasks->lock);
    const gh_mcp_task *task = find_own(tasks, principal, id);
    gh_status status = task ? gh_mcp_task_render(task, true, out) : GH_ERR_NOT_FOUND;
    (void)pthread_mutex_unlock(&tasks->lock);
    return status;
}

gh_status gh_mcp_tasks_tell(gh_mcp_tasks *tasks, const gh_principal *principal, gh_view id,
                            const gh_mcp_listener *listener)
{
    gh_buf detail = GH_BUF_INIT(GH_MCP_TASK_DETAIL_MAX);

    (void)pthread_mutex_lock(&tasks->lock);
    const gh_mcp_task *task = find_own(tasks, principal, id);
    gh_status status = task ? gh_mcp_task_render_detail(task, &detail) : GH_ERR_NOT_FOUND;
    if (status == GH_OK) {
        listener->hear(listener->context, GH_MCP_TOPIC_TASK, id, gh_buf_view(&detail));
    }
    (void)pthread_mutex_unlock(&tasks->lock);
    gh_buf_free(&detail);
    return status;
}

/* All is answered: the worker goes on. With the lock held; *duty is set when it is to be called. */
static void go_on(gh_mcp_tasks *tasks, gh_mcp_task *task, gh_buf *answers, gh_mcp_task_duty **duty,
                  gh_mcp_task_duty **ended)
{
    gh_status status = gh_mcp_task_answers(task, answers);

    gh_mcp_task_clear_asks(tasks, task);
    if (status != GH_OK) {
        task->fallback = NO_MEMORY;
        gh_mcp_tasks_end(tasks, task, GH_MCP_TASK_FAILED, true, ended);
        return;
    }
    *duty = task->duty;
    (*duty)->uses++;
    gh_mcp_tasks_set_status(tasks, task, GH_MCP_TASK_WORKING);
}

gh_status gh_mcp_tasks_update(gh_mcp_tasks *tasks, const gh_principal *principal, gh_view id,
                              gh_view responses, gh_error *error)
{
    gh_buf answers = GH_BUF_INIT(ANSWERS_MAX);
    gh_mcp_task_duty *resumed = NULL;
    gh_mcp_task_duty *ended = NULL;
    gh_mcp_task *task = NULL;
    bool changed = false;
    gh_status status = GH_OK;

    (void)pthread_mutex_lock(&tasks->lock);
    task = find_own(tasks, principal, id);
    status = task ? gh_mcp_task_answer(tasks, task, responses, &changed, error)
                  : gh_error_set(error, GH_ERR_NOT_FOUND, "There is no such task");
    if (changed && gh_mcp_task_waits(task)) {
        gh_mcp_tasks_set_status(tasks, task, task->status);
    } else if (changed) {
        go_on(tasks, task, &answers, &resumed, &ended);
    }
    (void)pthread_mutex_unlock(&tasks->lock);
    if (resumed) {
        if (resumed->worker.resume) {
            resumed->worker.resume(resumed->worker.context, gh_buf_view(&answers));
        }
        gh_mcp_tasks_drop_use(tasks, resumed);
    }
    gh_mcp_tasks_dismiss(tasks, ended);
    gh_buf_free(&answers);
    return status;
}

gh_status gh_mcp_tasks_cancel(gh_mcp_tasks *tasks, const gh_principal *principal, gh_view id)
{
    gh_mcp_task_duty *duty = NULL;
    gh_mcp_task *task = NULL;
    gh_status status = GH_OK;

    (void)pthread_mutex_lock(&tasks->lock);
    task = find_own(tasks, principal, id);
    status = task ? GH_OK : GH_ERR_NOT_FOUND;
    if (task && task->duty) {
        free(task->message); /* it said how the work was going */
        task->message = NULL;
        gh_mcp_tasks_end(tasks, task, GH_MCP_TASK_CANCELLED, true, &duty);
    }
    (void)pthread_mutex_unlock(&tasks->lock);
    gh_mcp_tasks_dismiss(tasks, duty);
    return status;
}

void gh_mcp_tasks_sweep(gh_mcp_tasks *tasks)
{
    gh_mcp_task_duty *expired = NULL;

    (void)pthread_mutex_lock(&tasks->lock);
    gh_mcp_tasks_expire(tasks, &expired);
    (void)pthread_mutex_unlock(&tasks->lock);
    gh_mcp_tasks_dismiss(tasks, expired);
}

size_t gh_mcp_tasks_count(gh_mcp_tasks *tasks)
{
    (void)pthread_mutex_lock(&tasks->lock);
    size_t count = tasks->count;
    (void)pthread_mutex_unlock(&tasks->lock);
    return count;
}

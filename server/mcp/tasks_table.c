/* The table of tasks: who has which, how much they hold, and the end of a task. */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/tasks_private.h"

static size_t hash_bytes(size_t hash, gh_view text)
{
    uint64_t h = hash ^ UINT64_C(14695981039346656037);

    for (size_t i = 0; i < text.len; i++) {
        h = (h ^ (unsigned char)text.ptr[i]) * UINT64_C(1099511628211);
    }
    return (size_t)(h ^ (h >> 32));
}

static gh_mcp_task **bucket_of(const gh_mcp_tasks *tasks, gh_view id)
{
    return &tasks->by_id[hash_bytes(0, id) & (tasks->buckets - 1)];
}

gh_mcp_task *gh_mcp_tasks_find(const gh_mcp_tasks *tasks, gh_view id)
{
    gh_mcp_task *at = NULL;

    if (id.len == 0 || id.len >= GH_MCP_TASK_ID_MAX) {
        return NULL;
    }
    at = *bucket_of(tasks, id);
    while (at && !gh_view_eq_cstr(id, at->id)) {
        at = at->next;
    }
    return at && !gh_deadline_passed(at->expiry) ? at : NULL;
}

/* --- owners --- */

static gh_mcp_task_owner *find_owner(const gh_mcp_tasks *tasks, const gh_principal *principal, size_t hash)
{
    gh_mcp_task_owner *at = tasks->owners[hash & (tasks->buckets - 1)];

    while (at && !(at->hash == hash && gh_principal_same_user(at->principal, principal))) {
        at = at->next;
    }
    return at;
}

static gh_mcp_task_owner *add_owner(gh_mcp_tasks *tasks, const gh_principal *principal, size_t hash)
{
    gh_mcp_task_owner **bucket = &tasks->owners[hash & (tasks->buckets - 1)];
    gh_mcp_task_owner *owner = calloc(1, sizeof *owner);

    if (!owner) {
        return NULL;
    }
    owner->principal = gh_principal_copy_tokenless(principal);
    if (!owner->principal) {
        free(owner);
        return NULL;
    }
    owner->hash = hash;
    owner->next = *bucket;
    *bucket = owner;
    return owner;
}

static void drop_owner(gh_mcp_tasks *tasks, gh_mcp_task_owner *gone)
{
    gh_mcp_task_owner **at = &tasks->owners[gone->hash & (tasks->buckets - 1)];

    while (*at && *at != gone) {
        at = &(*at)->next;
    }
    *at = gone->next;
    gh_principal_free(gone->principal);
    free(gone);
}

/* --- records --- */

gh_status gh_mcp_tasks_insert(gh_mcp_tasks *tasks, gh_mcp_task *task, const gh_principal *principal)
{
    size_t hash = (size_t)gh_principal_user_key(principal);
    gh_mcp_task_owner *owner = find_owner(tasks, principal, hash);
    gh_mcp_task **bucket = bucket_of(tasks, gh_view_of(task->id));

    if (tasks->count >= tasks->options.max || (owner && owner->count >= tasks->options.max_per_principal)) {
        return GH_ERR_UNAVAILABLE;
    }
    task->client_id = gh_text_dup(principal->client_id);
    if (!task->client_id && principal->client_id) {
        return GH_ERR_NOMEM;
    }
    if (!owner) {
        owner = add_owner(tasks, principal, hash);
    }
    if (!owner) {
        return GH_ERR_NOMEM;
    }
    task->owner = owner;
    task->next = *bucket;
    *bucket = task;
    owner->count++;
    tasks->count++;
    tasks->earliest = gh_deadline_earlier(tasks->earliest, task->expiry);
    return GH_OK;
}

void gh_mcp_tasks_forget(gh_mcp_tasks *tasks, gh_mcp_task *task)
{
    gh_mcp_task **at = bucket_of(tasks, gh_view_of(task->id));

    while (*at && *at != task) {
        at = &(*at)->next;
    }
    *at = task->next;
    gh_mcp_task_clear_asks(tasks, task);
    gh_mcp_task_free_keys(task);
    gh_mcp_tasks_discharge(tasks, task, task->bytes);
    tasks->count--;
    if (--task->owner->count == 0) {
        drop_owner(tasks, task->owner);
    }
    free(task->client_id);
    free(task->scopes);
    free(task->message);
    free(task->payload);
    free(task);
}

bool gh_mcp_tasks_charge(gh_mcp_tasks *tasks, gh_mcp_task *task, size_t bytes)
{
    if (bytes > GH_MCP_TASK_BYTES_PER_PRINCIPAL - task->owner->bytes ||
        bytes > GH_MCP_TASK_BYTES_MAX - tasks->bytes) {
        return false;
    }
    task->bytes += bytes;
    task->owner->bytes += bytes;
    tasks->bytes += bytes;
    return true;
}

void gh_mcp_tasks_discharge(gh_mcp_tasks *tasks, gh_mcp_task *task, size_t bytes)
{
    task->bytes -= bytes;
    task->owner->bytes -= bytes;
    tasks->bytes -= bytes;
}

void gh_mcp_tasks_set_status(gh_mcp_tasks *tasks, gh_mcp_task *task, gh_mcp_task_status status)
{
    gh_buf detail = GH_BUF_INIT(GH_MCP_TASK_DETAIL_MAX);

    task->status = status;
    task->updated_ms = gh_clock_wall_ms();
    /* Within the lock, so that no stream hears of an older state after a newer one. A client that asks finds
     * the state even when memory lacks for the announcement. */
    if (gh_mcp_task_render_detail(task, &detail) == GH_OK) {
        gh_mcp_hub_announce(tasks->options.hub, GH_MCP_TOPIC_TASK, gh_view_of(task->id),
                            gh_buf_view(&detail));
    }
    gh_buf_free(&detail);
}

void gh_mcp_tasks_end(gh_mcp_tasks *tasks, gh_mcp_task *task, gh_mcp_task_status status, bool cancel,
                      gh_mcp_task_duty **duties)
{
    gh_mcp_task_duty *duty = task->duty;

    task->duty = NULL;
    duty->cancel = cancel;
    duty->next = *duties;
    *duties = duty;
    gh_mcp_task_clear_asks(tasks, task);
    gh_mcp_task_free_keys(task);
    gh_mcp_tasks_set_status(tasks, task, status);
}

static void expire_bucket(gh_mcp_tasks *tasks, gh_mcp_task *at, gh_mcp_task_duty **duties)
{
    while (at) {
        gh_mcp_task *next = at->next;
        if (!gh_deadline_passed(at->expiry)) {
            tasks->earliest = gh_deadline_earlier(tasks->earliest, at->expiry);
        } else {
            if (at->duty) {
                gh_mcp_tasks_end(tasks, at, GH_MCP_TASK_CANCELLED, true, duties);
            }
            gh_mcp_tasks_forget(tasks, at);
        }
        at = next;
    }
}

void gh_mcp_tasks_expire(gh_mcp_tasks *tasks, gh_mcp_task_duty **duties)
{
    if (!gh_deadline_passed(tasks->earliest)) {
        return;
    }
    tasks->earliest = gh_deadline_never();
    for (size_t i = 0; i < tasks->buckets; i++) {
        expire_bucket(tasks, tasks->by_id[i], duties);
    }
}

/* --- without the lock --- */

void gh_mcp_tasks_drop_use(gh_mcp_tasks *tasks, gh_mcp_task_duty *duty)
{
    bool last = false;

    (void)pthread_mutex_lock(&tasks->lock);
    last = --duty->uses == 0;
    (void)pthread_mutex_unlock(&tasks->lock);
    if (last) {
        if (duty->worker.gone) {
            duty->worker.gone(duty->worker.context);
        }
        free(duty);
    }
}

void gh_mcp_tasks_dismiss(gh_mcp_tasks *tasks, gh_mcp_task_duty *duties)
{
    while (duties) {
        gh_mcp_task_duty *next = duties->next;
        if (duties->cancel && duties->worker.cancel) {
            duties->worker.cancel(duties->worker.context);
        }
        gh_mcp_tasks_drop_use(tasks, duties);
        duties = next;
    }
}

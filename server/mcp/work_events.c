/* What a handler says while it works: progress, log messages, tasks (MCP 2026-07-28, basic/patterns/progress,
 * server/utilities/logging; extension io.modelcontextprotocol/tasks). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/work_private.h"
#include "shared/json/access.h"

#define RETRY_MAX_MS 3600000

#define EVENT_MAX ((size_t)1024 * 1024)
#define TASK_TEXT_MAX ((size_t)64 * 1024)

/* Progress and log messages belong to the stream of a call; tasks have none. */
static bool may_send(gh_mcp_work *work)
{
    return work->events && !work->is_task && gh_mcp_work_open(work) == GH_OK;
}

static void send_event(gh_mcp_work *work, const char *method, gh_buf *params)
{
    gh_buf message = GH_BUF_INIT(EVENT_MAX);
    if (gh_buf_status(params) == GH_OK &&
        gh_rpc_write_notification(&message, method, gh_buf_view(params)) == GH_OK) {
        (void)gh_mcp_outbox_put(work->outbox, gh_buf_view(&message));
    }
    gh_buf_free(&message);
}

/* The shortest form that reads back as the same number. */
static void write_number(gh_buf *out, double number)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.15g", number);
    if (strtod(text, NULL) < number || strtod(text, NULL) > number) {
        (void)snprintf(text, sizeof text, "%.17g", number);
    }
    (void)gh_buf_append_cstr(out, text);
}

static void on_progress(void *context, double progress, double total, const char *message)
{
    gh_mcp_work *work = context;
    if (work->token.len == 0 || !isfinite(progress) || !may_send(work)) {
        return;
    }
    gh_buf params = GH_BUF_INIT(EVENT_MAX);
    (void)gh_buf_append_cstr(&params, "{\"progressToken\":");
    (void)gh_buf_append_view(&params, work->token);
    (void)gh_buf_append_cstr(&params, ",\"progress\":");
    write_number(&params, progress);
    if (isfinite(total) && total > 0) {
        (void)gh_buf_append_cstr(&params, ",\"total\":");
        write_number(&params, total);
    }
    if (message != NULL) {
        (void)gh_buf_append_cstr(&params, ",\"message\":");
        (void)gh_json_write_string(&params, gh_view_of(message));
    }
    (void)gh_buf_append_char(&params, '}');
    send_event(work, "notifications/progress", &params);
    gh_buf_free(&params);
}

static void on_log(void *context, gatehouse_level level, const char *logger, gh_view json)
{
    gh_mcp_work *work = context;
    if (!work->logs || level < work->level || !may_send(work)) {
        return;
    }
    gh_buf params = GH_BUF_INIT(EVENT_MAX);
    (void)gh_buf_appendf(&params, "{\"level\":\"%s\"", gh_mcp_level_name(level));
    if (logger != NULL) {
        (void)gh_buf_append_cstr(&params, ",\"logger\":");
        (void)gh_json_write_string(&params, gh_view_of(logger));
    }
    (void)gh_buf_append_cstr(&params, ",\"data\":");
    (void)gh_buf_append_view(&params, json);
    (void)gh_buf_append_char(&params, '}');
    send_event(work, "notifications/message", &params);
    gh_buf_free(&params);
}

/* Only where the client knows how to come back: it needs an id to come back with. */
static void on_release(void *context, uint32_t retry_ms)
{
    gh_mcp_work *work = context;
    if (work->session != NULL && work->events && work->outbox != NULL &&
        strcmp(work->version, GH_MCP_VERSION_2025_11) >= 0) {
        gh_mcp_outbox_let_go(work->outbox, retry_ms < RETRY_MAX_MS ? retry_ms : RETRY_MAX_MS);
    }
}

/* --- tasks --- */

static void cancel_task(void *context)
{
    gh_mcp_work_cancel(context);
}

static void resume_task(void *context, gh_view answers)
{
    gh_mcp_work_answer(context, answers);
}

static void forget_task(void *context)
{
    gh_mcp_work_release(context);
}

static bool create(gh_mcp_work *work, uint32_t ttl_ms, uint32_t poll_ms, char id[GH_MCP_TASK_ID_MAX],
                   gh_buf *members)
{
    const gh_mcp_task_worker worker = {gh_mcp_work_hold(work), cancel_task, resume_task, forget_task};
    gh_status status = gh_mcp_tasks_create(work->engine->tasks, work->question.principal,
                                           work->tool != NULL ? work->tool->item.scopes : NULL, ttl_ms,
                                           poll_ms, &worker, id, members);
    if (status != GH_OK) {
        gh_mcp_work_release(work);
    }
    return status == GH_OK;
}

/* From here on the work's end is the task's. False when it has ended already. */
static bool enter_task(gh_mcp_work *work, const char *id)
{
    (void)pthread_mutex_lock(&work->lock);
    bool runs = work->stage == GH_MCP_RUNNING;
    if (runs) {
        work->is_task = true;
        (void)snprintf(work->task, sizeof work->task, "%s", id);
    }
    (void)pthread_mutex_unlock(&work->lock);
    return runs;
}

static void send_handle(gh_mcp_work *work, const gh_buf *members)
{
    gh_rpc_message message;
    gh_buf result = GH_BUF_INIT(TASK_TEXT_MAX);
    gh_buf out = GH_BUF_INIT(TASK_TEXT_MAX);
    gh_mcp_request reply = gh_mcp_work_reply(work, &message, &out);
    (void)gh_buf_append_cstr(&result, "{\"resultType\":\"task\",");
    (void)gh_buf_append_view(&result, gh_buf_view(members));
    (void)gh_buf_append_char(&result, ',');
    gh_mcp_write_meta(work->engine, NULL, &result);
    (void)gh_buf_append_char(&result, '}');
    gh_mcp_request_result(&reply, gh_buf_view(&result));
    (void)gh_mcp_outbox_finish(work->outbox, 200, gh_buf_view(&out));
    gh_buf_free(&result);
    gh_buf_free(&out);
}

static bool on_become_task(void *context, uint32_t ttl_ms, uint32_t poll_ms)
{
    gh_mcp_work *work = context;
    char id[GH_MCP_TASK_ID_MAX];
    gh_buf members = GH_BUF_INIT(TASK_TEXT_MAX);
    if (work->is_task) {
        return true;
    }
    bool knows =
        work->modern && work->question.kind == GH_CALL_TOOL &&
        gh_call_capability(gh_view_of(work->question.capabilities), "extensions/" GH_MCP_TASKS_EXTENSION);
    if (!knows || gh_mcp_work_open(work) != GH_OK || gh_mcp_work_keep(work) != GH_OK ||
        !create(work, ttl_ms, poll_ms, id, &members)) {
        gh_buf_free(&members);
        return false;
    }
    int64_t ttl = ttl_ms > 0 ? (int64_t)ttl_ms : work->engine->options.task_ttl_ms;
    bool entered = work->round == NULL ||
                   gh_executor_extend(work->engine->options.executor, &work->round->job, gh_deadline_in(ttl));
    entered = entered && enter_task(work, id);
    if (entered) {
        send_handle(work, &members);
    } else {
        gh_mcp_tasks_cancelled(work->engine->tasks, id);
    }
    gh_buf_free(&members);
    return entered;
}

static void on_status(void *context, const char *text)
{
    const gh_mcp_work *work = context;
    if (work->is_task) {
        gh_mcp_tasks_say(work->engine->tasks, work->task, text);
    }
}

const gh_call_hooks GH_MCP_WORK_HOOKS = {
    .progress = on_progress,
    .log = on_log,
    .release_connection = on_release,
    .become_task = on_become_task,
    .set_task_status = on_status,
};

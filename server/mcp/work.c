#include "server/mcp/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/mcp/work_private.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/json/slice.h"

/* Of one stream. Beyond these the oldest notifications are forgotten. */
#define STREAM_MESSAGES 512
#define STREAM_BYTES ((size_t)5 * 1024 * 1024)
/* Of one user, whatever the client: calls outlive connections, so that those alone are no bound. */
#define USER_BYTES ((size_t)128 * 1024 * 1024)

/* --- life --- */

gh_mcp_work *gh_mcp_work_hold(gh_mcp_work *work)
{
    (void)atomic_fetch_add(&work->holders, 1);
    return work;
}

/* One that nobody holds is being freed by a thread that waits for the engine's lock. */
static bool hold_if_live(gh_mcp_work *work)
{
    size_t holders = atomic_load(&work->holders);
    while (holders > 0 && !atomic_compare_exchange_weak(&work->holders, &holders, holders + 1)) {
    }
    return holders > 0;
}

static void unlist(gh_mcp_work *work)
{
    gh_mcp_engine *engine = work->engine;
    (void)pthread_mutex_lock(&engine->lock);
    if (work->listed) {
        *(work->previous == NULL ? &engine->works : &work->previous->next) = work->next;
        if (work->next != NULL) {
            work->next->previous = work->previous;
        }
        work->listed = false;
    }
    (void)pthread_mutex_unlock(&engine->lock);
}

void gh_mcp_work_release(gh_mcp_work *work)
{
    if (work == NULL || atomic_fetch_sub(&work->holders, 1) != 1) {
        return;
    }
    if (work->principal != NULL) {
        unlist(work);
        gh_principal_free(work->principal);
    }
    gh_mcp_catalog_release(work->catalog);
    gh_mcp_outbox_release(work->outbox);
    gh_buf_wipe_free(&work->state);
    free(work->answers);
    free(work->complaint);
    (void)pthread_mutex_destroy(&work->lock);
    free(work);
}

gh_view gh_mcp_work_id(const gh_mcp_work *work)
{
    return work->id;
}

gh_mcp_outbox *gh_mcp_work_outbox(gh_mcp_work *work)
{
    return work->outbox;
}

gh_mcp_session *gh_mcp_work_session(gh_mcp_work *work)
{
    return work->session;
}

int gh_mcp_work_error(gh_mcp_work *work, gh_error *error)
{
    (void)pthread_mutex_lock(&work->lock);
    int code = work->code;
    if (code != 0) {
        (void)gh_error_set(error, GH_ERR_INVALID, "%s", work->complaint == NULL ? "" : work->complaint);
    }
    (void)pthread_mutex_unlock(&work->lock);
    return code;
}

gh_status gh_mcp_work_open(gh_mcp_work *work)
{
    const gh_mcp_outbox_options options = {.max_messages = STREAM_MESSAGES,
                                           .max_bytes = STREAM_BYTES,
                                           .keep = work->session != NULL && work->events,
                                           .shed = true};
    return work->outbox != NULL ? GH_OK : gh_mcp_outbox_new(&options, &work->outbox);
}

/* With the engine's lock held. One alone always has room. */
static bool has_room(const gh_mcp_engine *engine, const gh_mcp_work *work)
{
    size_t count = 0;
    size_t bytes = work->size;
    for (const gh_mcp_work *at = engine->works; at != NULL; at = at->next) {
        if (gh_principal_same_user(at->principal, work->principal)) {
            count++;
            bytes += at->size + gh_mcp_outbox_size(at->outbox);
        }
    }
    return count == 0 || (count < engine->options.max_calls_per_principal && bytes <= USER_BYTES);
}

static gh_status enlist(gh_mcp_work *work)
{
    gh_mcp_engine *engine = work->engine;
    (void)pthread_mutex_lock(&engine->lock);
    if (has_room(engine, work)) {
        work->next = engine->works;
        if (work->next != NULL) {
            work->next->previous = work;
        }
        engine->works = work;
        work->listed = true;
    }
    (void)pthread_mutex_unlock(&engine->lock);
    return work->listed ? GH_OK : GH_ERR_TOO_LARGE;
}

gh_status gh_mcp_work_keep(gh_mcp_work *work)
{
    const gh_principal *borrowed = work->question.principal;
    if (work->principal != NULL) {
        return GH_OK;
    }
    work->principal = gh_principal_copy(borrowed);
    if (work->principal == NULL) {
        return GH_ERR_NOMEM;
    }
    work->question.principal = work->principal;
    gh_status status = enlist(work);
    if (status == GH_OK && work->session != NULL) {
        (void)snprintf(work->session_id, sizeof work->session_id, "%s", gh_mcp_session_id(work->session));
        status = gh_mcp_session_enter(work->session, work);
    }
    if (status != GH_OK) {
        unlist(work);
        gh_principal_free(work->principal);
        work->principal = NULL;
        work->question.principal = borrowed;
    }
    return status;
}

/* --- the end --- */

gh_mcp_request gh_mcp_work_reply(const gh_mcp_work *work, gh_rpc_message *message, gh_buf *out)
{
    *message = (gh_rpc_message){.kind = GH_RPC_REQUEST, .id = work->id};
    return (gh_mcp_request){.engine = work->engine,
                            .principal = work->question.principal,
                            .message = message,
                            .session = work->session,
                            .version = work->version,
                            .modern = work->modern,
                            .out = out,
                            .http_status = 200};
}

void gh_mcp_work_count(const gh_mcp_work *work, gh_metrics_call how)
{
    gh_metrics *metrics = work->engine->options.metrics;
    if (metrics != NULL && work->question.kind == GH_CALL_TOOL) {
        size_t tool = gh_metrics_tool(metrics, gh_view_of(work->question.target));
        gh_metrics_count(metrics, GH_METRIC_CALLS, tool, (size_t)how);
        if (how != GH_CALLS_REFUSED) {
            gh_metrics_observe(metrics, GH_METRIC_CALL_TIME, tool, gh_clock_mono_ns() - work->started_ns);
        }
    }
}

const char *gh_mcp_work_trace(const gh_mcp_work *work, char out[GH_MCP_TRACE_NOTE_MAX])
{
    out[0] = '\0';
    if (work->trace.trace_id[0] != '\0') {
        (void)snprintf(out, GH_MCP_TRACE_NOTE_MAX, " (trace %s)", work->trace.trace_id);
    }
    return out;
}

/* False when it had ended before. */
static bool enter_end(gh_mcp_work *work, int code, const char *complaint)
{
    (void)pthread_mutex_lock(&work->lock);
    bool first = work->stage != GH_MCP_ENDED;
    if (first) {
        work->stage = GH_MCP_ENDED;
        work->code = code;
        work->complaint = code == 0 ? NULL : gh_text_dup(complaint);
    }
    (void)pthread_mutex_unlock(&work->lock);
    return first;
}

static void end_task(gh_mcp_work *work, gh_view response)
{
    gh_view part = {NULL, 0};
    if (gh_json_slice_member(response, "result", &part)) {
        gh_mcp_tasks_complete(work->engine->tasks, work->task, part);
    } else if (gh_json_slice_member(response, "error", &part)) {
        gh_mcp_tasks_fail(work->engine->tasks, work->task, part);
    }
}

static void leave(gh_mcp_work *work)
{
    if (work->session != NULL && work->principal != NULL) {
        gh_mcp_session_leave(work->session, work);
    }
}

void gh_mcp_work_finish(gh_mcp_work *work, gh_mcp_request *reply)
{
    if (gh_buf_status(reply->out) != GH_OK) {
        gh_buf_clear(reply->out);
        gh_mcp_request_fail(reply, 500, GH_RPC_INTERNAL_ERROR, "Internal error: the reply is too large");
    }
    if (!enter_end(work, reply->code, reply->error.message)) {
        return;
    }
    gh_mcp_work_count(work, reply->code != 0 ? GH_CALLS_FAILED : work->ending);
    if (work->is_task) {
        end_task(work, gh_buf_view(reply->out));
    } else if (work->outbox != NULL) {
        (void)gh_mcp_outbox_finish(work->outbox, reply->http_status, gh_buf_view(reply->out));
    }
    leave(work);
}

void gh_mcp_work_fail(gh_mcp_work *work, int code, const char *message)
{
    gh_rpc_message of;
    gh_buf out = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    gh_mcp_request reply = gh_mcp_work_reply(work, &of, &out);
    gh_mcp_request_fail(&reply, 200, code, "%s", message);
    gh_mcp_work_finish(work, &reply);
    gh_buf_free(&out);
}

void gh_mcp_work_tell(gh_mcp_work *work)
{
    (void)pthread_mutex_lock(&work->lock);
    if (work->call != NULL) {
        gh_call_cancel(work->call);
    }
    (void)pthread_mutex_unlock(&work->lock);
}

void gh_mcp_work_cancel(gh_mcp_work *work)
{
    /* First the end, so that a handler that returns at once has nobody left to answer. */
    bool first = enter_end(work, 0, NULL);
    gh_mcp_work_tell(work);
    if (!first) {
        return;
    }
    gh_mcp_work_count(work, work->refused ? GH_CALLS_REFUSED : GH_CALLS_CANCELLED);
    if (work->is_task) {
        gh_mcp_tasks_cancelled(work->engine->tasks, work->task);
    } else if (work->outbox != NULL) {
        gh_mcp_outbox_close(work->outbox);
    }
    leave(work);
}

void gh_mcp_works_drain(gh_mcp_engine *engine)
{
    for (;;) {
        gh_mcp_work *found = NULL;
        (void)pthread_mutex_lock(&engine->lock);
        for (gh_mcp_work *at = engine->works; found == NULL && at != NULL; at = at->next) {
            (void)pthread_mutex_lock(&at->lock);
            if (at->stage == GH_MCP_WAITING && !at->is_task && hold_if_live(at)) {
                found = at;
            }
            (void)pthread_mutex_unlock(&at->lock);
        }
        (void)pthread_mutex_unlock(&engine->lock);
        if (found == NULL) {
            return;
        }
        gh_mcp_work_fail(found, GH_RPC_INTERNAL_ERROR, "The server is stopping");
        gh_mcp_work_release(found);
    }
}

/* While a handler works: progress, log, waiting, tasks. */
#include <math.h>
#include <string.h>

#include "server/call/call_private.h"
#include "shared/core/cond.h"
#include "shared/core/log.h"
#include "shared/json/gate.h"
#include "shared/json/slice.h"

/* NULL for text that no client could read. */
static const char *readable(const char *text)
{
    gh_view view = gh_view_make(text, text != NULL ? strnlen(text, GH_CALL_TEXT_MAX + 1) : 0);
    return text != NULL && view.len <= GH_CALL_TEXT_MAX && gh_text_is_utf8(view) ? text : NULL;
}

/* MCP (basic/patterns/progress): the value grows with each message. */
static void progress(gatehouse_call *call, double value, double total, const char *message)
{
    if (!gh_call_given(call, "progress")) {
        return;
    }
    const gh_call_hooks *hooks = &call->hooks;
    if (hooks->progress == NULL || !isfinite(value) || value <= call->last_progress) {
        return;
    }
    call->last_progress = value;
    hooks->progress(hooks->context, value, isfinite(total) ? total : 0, readable(message));
}

static void send_log(gatehouse_call *call, gatehouse_level level, const char *logger, const char *json)
{
    if (!gh_call_given(call, "log")) {
        return;
    }
    const gh_call_hooks *hooks = &call->hooks;
    gh_buf compact = GH_BUF_INIT(GH_CALL_TEXT_MAX);
    gh_error error = {GH_OK, "there is no JSON"};
    gh_status status = GH_ERR_INVALID;
    if (hooks->log == NULL || level < GATEHOUSE_DEBUG || level > GATEHOUSE_EMERGENCY) {
        return;
    }
    if (json != NULL) {
        gh_view view = gh_view_make(json, strnlen(json, GH_CALL_TEXT_MAX + 1));
        status = gh_json_gate(view, &GH_JSON_LIMITS_MESSAGE, &error);
        if (status == GH_OK) {
            status = gh_json_slice_compact(view, &compact);
        }
    }
    if (status == GH_OK) {
        hooks->log(hooks->context, level, readable(logger), gh_buf_view(&compact));
    } else {
        gh_log_warn("%s: a message for the client was dropped: %s", call->question.item, error.message);
    }
    gh_buf_free(&compact);
}

/* Without a call it says 1, so that loops end. */
static int cancelled(const gatehouse_call *call)
{
    return !gh_call_given(call, "cancelled") || atomic_load_explicit(&call->cancelled, memory_order_acquire);
}

static int wait_for(gatehouse_call *call, uint32_t ms)
{
    if (!gh_call_given(call, "wait")) {
        return 1;
    }
    gh_deadline deadline = gh_deadline_in(ms);
    (void)pthread_mutex_lock(&call->lock);
    while (!cancelled(call) && gh_cond_wait_until(&call->woken, &call->lock, deadline)) {
    }
    (void)pthread_mutex_unlock(&call->lock);
    return cancelled(call);
}

void gh_call_cancel(gh_call *call)
{
    (void)pthread_mutex_lock(&call->lock);
    atomic_store_explicit(&call->cancelled, true, memory_order_release);
    (void)pthread_cond_broadcast(&call->woken);
    (void)pthread_mutex_unlock(&call->lock);
}

static void release_connection(gatehouse_call *call, uint32_t retry_ms)
{
    if (gh_call_given(call, "release_connection") && call->hooks.release_connection != NULL) {
        call->hooks.release_connection(call->hooks.context, retry_ms);
    }
}

static int become_task(gatehouse_call *call, uint32_t ttl_ms, uint32_t poll_ms)
{
    gh_status status = gh_call_allowed(call, GH_CALL_IN(GH_CALL_TOOL), "become_task");
    if (status != GH_OK) {
        return (int)status;
    }
    const gh_call_hooks *hooks = &call->hooks;
    if (!call->is_task) {
        call->is_task = hooks->become_task != NULL && hooks->become_task(hooks->context, ttl_ms, poll_ms);
    }
    return call->is_task ? 0 : (int)GH_ERR_UNSUPPORTED;
}

static void set_task_status(gatehouse_call *call, const char *text)
{
    if (gh_call_given(call, "set_task_status") && call->is_task && call->hooks.set_task_status != NULL &&
        readable(text) != NULL) {
        call->hooks.set_task_status(call->hooks.context, text);
    }
}

void gh_call_fill_work(gatehouse_host *host)
{
    host->progress = progress;
    host->log = send_log;
    host->cancelled = cancelled;
    host->wait = wait_for;
    host->release_connection = release_connection;
    host->become_task = become_task;
    host->set_task_status = set_task_status;
}

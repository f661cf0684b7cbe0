#include "server/call/call.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/call/call_private.h"
#include "server/call/crash.h"
#include "shared/core/log.h"

void gh_call_init(gh_call *call, const gh_call_question *question, const gh_call_hooks *hooks)
{
    pthread_condattr_t monotonic;
    memset(call, 0, sizeof *call);
    call->question = *question;
    call->hooks = *hooks;
    call->last_progress = -DBL_MAX;
    gh_buf_init(&call->told.content, GH_CALL_ANSWER_MAX);
    gh_buf_init(&call->told.state, GH_CALL_STATE_MAX);
    atomic_init(&call->cancelled, false);
    /* None of these allocate or enter the kernel. */
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&call->lock, NULL);
    (void)pthread_cond_init(&call->woken, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
}

static gh_call_outcome fault(const gh_call *call, int code)
{
    if (call->refused != GH_OK) {
        gh_log_error("%s failed: %s", call->question.item, call->why.message);
    } else {
        gh_log_error("%s failed: it returned %d", call->question.item, code);
    }
    return GH_CALL_FAULT;
}

static bool has_answered(const gh_call *call)
{
    const gh_call_told *told = &call->told;
    return told->count > 0 || told->is_error || told->structured != NULL || told->description != NULL ||
           told->meta != NULL;
}

static gh_call_outcome outcome_of(gh_call *call)
{
    if (call->told.message != NULL) {
        return GH_CALL_PROTOCOL_ERROR;
    }
    if (call->told.ask_count > 0) {
        return GH_CALL_ASKS;
    }
    if (call->not_found) {
        return GH_CALL_NOT_FOUND;
    }
    if (call->lacks != 0 && !has_answered(call)) {
        call->told.lacking = gh_call_lacking(call->lacks);
        if (call->told.lacking == NULL) {
            (void)gh_call_refuse(call, GH_ERR_NOMEM, "ask", "out of memory");
        }
        return GH_CALL_LACKS;
    }
    gh_call_show_structured(call);
    if (call->told.total == 0 && call->beyond > 0) {
        call->told.total = call->told.count + call->beyond;
    }
    return GH_CALL_ANSWERED;
}

void gh_call_run(gh_call *call, gatehouse_handler handler, void *data)
{
    gh_crash_scope scope = {"", call->question.item, NULL};
    gh_crash_enter(&scope);
    int code = handler(data, call);
    gh_crash_leave(&scope);
    if (code == GH_CALL_CANNOT_ASK && call->lacks != 0) {
        code = 0;
    }
    if (code == 0 && call->refused == GH_OK) {
        call->told.outcome = outcome_of(call);
    }
    if (code != 0 || call->refused != GH_OK) {
        call->told.outcome = fault(call, code);
    }
}

static void clear_told(gh_call_told *told)
{
    gh_buf_free(&told->content);
    gh_buf_wipe_free(&told->state);
    free(told->structured);
    free(told->description);
    free(told->meta);
    free(told->message);
    free(told->data);
    free(told->lacking);
    for (size_t i = 0; i < told->ask_count; i++) {
        free(told->asks[i].key);
        free(told->asks[i].params);
    }
    free(told->asks);
}

void gh_call_clear(gh_call *call)
{
    clear_told(&call->told);
    gh_call_forget_texts(call);
    (void)pthread_cond_destroy(&call->woken);
    (void)pthread_mutex_destroy(&call->lock);
}

void gh_call_fill_host(gatehouse_host *host)
{
    gh_call_fill_question(host);
    gh_call_fill_content(host);
    gh_call_fill_result(host);
    gh_call_fill_input(host);
    gh_call_fill_work(host);
}

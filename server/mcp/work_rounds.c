/* The rounds of a work: its handler runs, perhaps asks, and runs again with the answers. */
#include <stdio.h>
#include <stdlib.h>

#include "server/mcp/work_private.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"

/* A handler that always asks again would hold its client, or its task, for good. */
#define ASKED_MAX 64

/* --- on the executor --- */

static void run_round(void *context)
{
    gh_mcp_round *round = context;
    gh_mcp_work_run(round->work, round, NULL);
}

static void forget_round(void *context)
{
    gh_mcp_round *round = context;
    gh_mcp_work_release(round->work);
    free(round);
}

static int64_t queue_ms(const gh_mcp_work *work)
{
    return work->is_task ? work->engine->options.task_ttl_ms : work->timeout_ms;
}

/* A deadline that passes just when a round is over must not end the next one. */
static void expire_round(void *context)
{
    gh_mcp_round *round = context;
    gh_mcp_work *work = round->work;
    char message[128] = "The task ran out of time";
    char trace[GH_MCP_TRACE_NOTE_MAX];
    double seconds = (double)work->timeout_ms / 1000.0;
    (void)pthread_mutex_lock(&work->lock);
    bool current = work->rounds == round->number && work->stage == GH_MCP_RUNNING;
    bool waited = round->began_ns == 0;
    round->late = !waited;
    if (waited) {
        seconds = (double)queue_ms(work) / 1000.0;
        (void)snprintf(message, sizeof message,
                       "The server is too busy: the call waited %g s for a free thread; try again later",
                       seconds);
    } else if (!work->is_task) {
        (void)snprintf(message, sizeof message, "The call did not finish in %g s", seconds);
    }
    (void)pthread_mutex_unlock(&work->lock);
    if (current) {
        if (waited) {
            gh_log_warn("%s was not called: it waited %g s for a free thread (--call-threads)%s",
                        work->question.item, seconds, gh_mcp_work_trace(work, trace));
        } else {
            gh_log_warn("%s: %s%s", work->question.item, message, gh_mcp_work_trace(work, trace));
        }
        gh_mcp_work_fail(work, GH_RPC_INTERNAL_ERROR, message);
        gh_mcp_work_tell(work);
    }
}

static void drop_round(void *context)
{
    gh_mcp_round *round = context;
    gh_mcp_work_fail(round->work, GH_RPC_INTERNAL_ERROR,
                     "The server is too busy or stopping; try again later");
    forget_round(round);
}

gh_status gh_mcp_work_queue(gh_mcp_work *work)
{
    gh_mcp_round *round = calloc(1, sizeof *round);
    if (round == NULL) {
        return GH_ERR_NOMEM;
    }
    int64_t ms = queue_ms(work);
    round->work = gh_mcp_work_hold(work);
    (void)pthread_mutex_lock(&work->lock);
    round->number = ++work->rounds;
    (void)pthread_mutex_unlock(&work->lock);
    round->job = (gh_executor_job){.context = round,
                                   .run = run_round,
                                   .expired = expire_round,
                                   .dropped = drop_round,
                                   .finished = forget_round,
                                   .deadline = gh_deadline_in(ms),
                                   .key = gh_principal_user_key(work->question.principal)};
    gh_status status = gh_executor_submit(work->engine->options.executor, &round->job);
    if (status != GH_OK) {
        forget_round(round);
    }
    return status;
}

/* --- one round --- */

/* The call is visible to those who cancel while it runs. False when the work has ended. */
static bool enter_call(gh_mcp_work *work, gh_call *call, gh_mcp_round *round)
{
    gh_call_hooks hooks = GH_MCP_WORK_HOOKS;
    gh_call_question question = work->question;
    hooks.context = work;
    if (work->answers != NULL) {
        question.answers = work->answers;
    }
    if (work->state.data != NULL) {
        question.state = gh_view_make(work->state.data, work->state.len);
    }
    if (round != NULL) {
        question.deadline = round->job.deadline;
    }
    gh_call_init(call, &question, &hooks);
    (void)pthread_mutex_lock(&work->lock);
    bool runs = work->stage == GH_MCP_RUNNING;
    if (round != NULL) {
        round->began_ns = gh_clock_mono_ns();
    }
    if (runs) {
        work->call = call;
        work->round = round;
        call->is_task = work->is_task;
    }
    (void)pthread_mutex_unlock(&work->lock);
    return runs;
}

static bool leave_call(gh_mcp_work *work)
{
    (void)pthread_mutex_lock(&work->lock);
    bool runs = work->stage == GH_MCP_RUNNING;
    work->call = NULL;
    work->round = NULL;
    (void)pthread_mutex_unlock(&work->lock);
    return runs;
}

/* In a session, the client's requests; in a task, its inputRequests. The answers may be here, and the next
 * round begin, before this returns. */
static gh_status put_asks(gh_mcp_work *work, const gh_call *call)
{
    gh_mcp_engine *engine = work->engine;
    if (work->is_task) {
        return gh_mcp_tasks_ask(engine->tasks, work->task, call->told.asks, call->told.ask_count);
    }
    /* The work may end meanwhile, and with it what it holds of the session. */
    gh_mcp_session *session = NULL;
    gh_status status =
        gh_mcp_sessions_hold(engine->sessions, work->principal, gh_view_of(work->session_id), &session);
    if (status == GH_OK) {
        status = gh_mcp_session_ask(session, work, call->told.asks, call->told.ask_count,
                                    engine->options.input_timeout_ms);
        gh_mcp_sessions_release(engine->sessions, session);
    }
    return status;
}

static gh_status wait_for_client(gh_mcp_work *work, gh_call *call)
{
    gh_status status = work->is_task ? GH_OK : gh_mcp_work_open(work);
    if (status == GH_OK) {
        status = gh_mcp_work_keep(work);
    }
    if (status != GH_OK) {
        return status;
    }
    (void)pthread_mutex_lock(&work->lock);
    bool runs = work->stage == GH_MCP_RUNNING;
    if (runs) {
        work->stage = GH_MCP_WAITING;
        gh_buf_wipe_free(&work->state);
        work->state = call->told.state;
        gh_buf_init(&call->told.state, GH_CALL_STATE_MAX);
    }
    (void)pthread_mutex_unlock(&work->lock);
    return runs ? put_asks(work, call) : GH_OK;
}

static void respond(gh_mcp_work *work, gh_call *call, gh_mcp_request *direct)
{
    work->ending = call->told.outcome == GH_CALL_ASKS ? GH_CALLS_INPUT
                   : call->told.is_error              ? GH_CALLS_ERROR
                                                      : GH_CALLS_OK;
    if (direct != NULL && work->outbox == NULL) {
        gh_mcp_write_outcome(direct, work, call);
        gh_mcp_work_count(work, direct->code != 0 ? GH_CALLS_FAILED : work->ending);
        return;
    }
    gh_rpc_message message;
    gh_buf out = GH_BUF_INIT(GH_MCP_REPLY_MAX);
    gh_mcp_request reply = gh_mcp_work_reply(work, &message, &out);
    gh_mcp_write_outcome(&reply, work, call);
    gh_mcp_work_finish(work, &reply);
    gh_buf_free(&out);
}

static void tell_late(gh_mcp_work *work, const gh_mcp_round *round)
{
    char trace[GH_MCP_TRACE_NOTE_MAX];
    (void)pthread_mutex_lock(&work->lock);
    bool late = round != NULL && round->late;
    (void)pthread_mutex_unlock(&work->lock);
    if (late) {
        gh_log_info("%s returned after %.1f s, too late%s", work->question.item,
                    (double)(gh_clock_mono_ns() - round->began_ns) / 1e9, gh_mcp_work_trace(work, trace));
    }
}

static void ask_client(gh_mcp_work *work, gh_call *call, gh_mcp_request *direct)
{
    if (work->asked >= ASKED_MAX) {
        gh_log_error("%s asked %d times without an end", work->question.item, ASKED_MAX);
        gh_mcp_work_fail(work, GH_RPC_INTERNAL_ERROR, "The call asked too many times without an end");
        return;
    }
    work->asked++;
    gh_status status = wait_for_client(work, call);
    if (status != GH_OK && direct != NULL && work->outbox == NULL) {
        gh_mcp_request_fail_status(direct, status);
        gh_mcp_work_count(work, GH_CALLS_FAILED);
    } else if (status != GH_OK) {
        gh_mcp_work_fail(work, GH_RPC_INTERNAL_ERROR, "The client could not be asked");
    }
}

void gh_mcp_work_run(gh_mcp_work *work, gh_mcp_round *round, gh_mcp_request *direct)
{
    gh_call call;
    bool runs = enter_call(work, &call, round);
    if (runs) {
        gh_call_run(&call, work->handler, work->data);
        runs = leave_call(work);
        tell_late(work, round);
    }
    if (!runs) {
        /* Nobody waits for what it said. */
    } else if (call.told.outcome == GH_CALL_ASKS && (work->is_task || !work->modern)) {
        ask_client(work, &call, direct);
    } else {
        respond(work, &call, direct);
    }
    gh_call_clear(&call);
}

void gh_mcp_work_answer(gh_mcp_work *work, gh_view answers)
{
    char *copy = gh_view_dup(answers);
    (void)pthread_mutex_lock(&work->lock);
    bool waits = work->stage == GH_MCP_WAITING;
    if (waits) {
        work->stage = GH_MCP_RUNNING;
        free(work->answers);
        work->answers = copy;
    }
    (void)pthread_mutex_unlock(&work->lock);
    if (!waits) {
        free(copy);
    } else if (copy == NULL || gh_mcp_work_queue(work) != GH_OK) {
        gh_mcp_work_fail(work, GH_RPC_INTERNAL_ERROR, "The server is too busy; try again later");
    }
}

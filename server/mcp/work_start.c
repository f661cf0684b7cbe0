/* How a work begins: what the request says besides its arguments, and one block of memory for all of it. */
#include <stdlib.h>
#include <string.h>

#include "server/mcp/state.h"
#include "server/mcp/work_private.h"
#include "shared/core/clock.h"
#include "shared/json/slice.h"

#define TOKEN_MAX 1024

/* --- what the request says --- */

typedef struct intake {
    gh_view meta;
    gh_view token;
    gh_view answers;
    gh_view state; /* sealed, raw */
    bool logs;
    gatehouse_level level;
} intake;

static bool is_integer(gh_view number)
{
    size_t digits = 0;
    for (size_t i = 0; i < number.len; i++) {
        if (number.ptr[i] >= '0' && number.ptr[i] <= '9') {
            digits++;
        } else if (i > 0 || number.ptr[i] != '-') {
            return false;
        }
    }
    return digits > 0;
}

static bool read_token(gh_mcp_request *request, intake *in)
{
    if (!gh_json_slice_member(in->meta, "progressToken", &in->token)) {
        return true;
    }
    gh_json_type type = gh_json_slice_type(in->token);
    if (in->token.len > TOKEN_MAX ||
        (type != GH_JSON_STRING && (type != GH_JSON_NUMBER || !is_integer(in->token)))) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                            "params._meta.progressToken must be a string or an integer");
        return false;
    }
    return true;
}

static void read_level(const gh_mcp_request *request, intake *in)
{
    gh_view level = {NULL, 0};
    if (request->session != NULL) {
        in->logs = true;
        in->level = gh_mcp_session_level(request->session);
    } else if (request->modern && gh_json_slice_member(in->meta, GH_MCP_META_LOG_LEVEL, &level)) {
        /* A wrong one has been refused with the other metadata. */
        in->logs = gh_mcp_level_of(level, &in->level);
    }
}

static bool check_answers(gh_mcp_request *request, gh_view answers)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    if (answers.ptr == NULL) {
        return true;
    }
    if (gh_json_slice_type(answers) != GH_JSON_OBJECT || !gh_json_iter_start(answers, &iter)) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                            "params.inputResponses must be an object, not %s", gh_mcp_type_name(answers));
        return false;
    }
    while (gh_json_iter_next(&iter, &key, &value)) {
        if (gh_json_slice_type(value) != GH_JSON_OBJECT) {
            gh_mcp_request_fail(request, 200, GH_RPC_INVALID_PARAMS,
                                "params.inputResponses must hold objects, not %s", gh_mcp_type_name(value));
            return false;
        }
    }
    return true;
}

static void read_params(const gh_mcp_request *request, bool answers, intake *in)
{
    gh_json_iter iter;
    gh_view key = {NULL, 0};
    gh_view value = {NULL, 0};
    if (!gh_json_iter_start(request->message->params, &iter)) {
        return;
    }
    while (gh_json_iter_next(&iter, &key, &value)) {
        if (gh_json_slice_is(key, GH_VIEW_LIT("_meta"))) {
            in->meta = value;
        } else if (answers && gh_json_slice_is(key, GH_VIEW_LIT("inputResponses"))) {
            in->answers = value;
        } else if (answers && gh_json_slice_is(key, GH_VIEW_LIT("requestState"))) {
            in->state = value;
        }
    }
}

/* --- one block --- */

static const char *place(char **at, gh_view text)
{
    char *start = *at;
    if (text.len > 0) {
        memcpy(start, text.ptr, text.len);
    }
    start[text.len] = '\0';
    *at += text.len + 1;
    return start;
}

static const char *place_or_null(char **at, gh_view text)
{
    return text.ptr == NULL ? NULL : place(at, text);
}

static void place_all(gh_mcp_work *work, const gh_mcp_request *request, const gh_mcp_aim *aim,
                      const intake *in)
{
    char *at = work->text;
    gh_view capabilities = gh_mcp_request_capabilities(request);
    work->id = gh_view_make(place(&at, request->message->id), request->message->id.len);
    work->token = gh_view_make(place(&at, in->token), in->token.len);
    work->question = (gh_call_question){
        .kind = aim->kind,
        .principal = request->principal,
        .item = aim->item,
        .target = place(&at, aim->target),
        .arguments = aim->arguments.len == 0 ? "{}" : place(&at, aim->arguments),
        .variables = place_or_null(&at, aim->variables),
        .mime_type = aim->mime_type,
        .completing = place_or_null(&at, aim->completing),
        .typed = place_or_null(&at, aim->typed),
        .capabilities = place(&at, capabilities),
        .can_be_asked = aim->kind != GH_CALL_COMPLETION && request->reply != NULL &&
                        (request->modern || request->streams),
        .answers = place_or_null(&at, in->answers),
    };
}

static size_t text_size(const gh_mcp_request *request, const gh_mcp_aim *aim, const intake *in)
{
    return request->message->id.len + in->token.len + aim->target.len + aim->arguments.len +
           aim->variables.len + aim->completing.len + aim->typed.len +
           gh_mcp_request_capabilities(request).len + in->answers.len + 9;
}

static gh_mcp_work *make(const gh_mcp_request *request, const gh_mcp_aim *aim, const intake *in)
{
    size_t size = sizeof(gh_mcp_work) + text_size(request, aim, in);
    gh_mcp_work *work = malloc(size);
    if (work == NULL) {
        return NULL;
    }
    memset(work, 0, sizeof *work);
    if (pthread_mutex_init(&work->lock, NULL) != 0) {
        free(work);
        return NULL;
    }
    atomic_init(&work->holders, 1);
    work->size = size;
    place_all(work, request, aim, in);
    work->engine = request->engine;
    work->started_ns = gh_clock_mono_ns();
    work->trace = request->trace;
    work->catalog = gh_mcp_catalog_hold(request->catalog);
    work->handler = aim->handler;
    work->data = aim->data;
    work->tool = aim->tool;
    work->flags = aim->flags;
    work->timeout_ms =
        aim->timeout_ms > 0 ? (int64_t)aim->timeout_ms : request->engine->options.call_timeout_ms;
    work->method = aim->kind == GH_CALL_TOOL       ? GH_MCP_TOOLS_CALL
                   : aim->kind == GH_CALL_RESOURCE ? GH_MCP_RESOURCES_READ
                   : aim->kind == GH_CALL_PROMPT   ? GH_MCP_PROMPTS_GET
                                                   : GH_MCP_COMPLETE;
    work->logs = in->logs;
    work->level = in->level;
    work->modern = request->modern;
    work->version = request->version;
    work->events = request->reply != NULL && request->streams;
    work->session = request->session;
    gh_buf_init(&work->state, GH_CALL_STATE_MAX);
    return work;
}

/* The state of the round before; answers and returns false when it is not this request's. */
static bool open_state(gh_mcp_request *request, gh_mcp_work *work, gh_view raw)
{
    if (raw.ptr == NULL) {
        return true;
    }
    gh_status status = gh_mcp_state_open(work, request->principal, raw, &work->state);
    if (status == GH_OK) {
        return true;
    }
    if (status == GH_ERR_NOMEM) {
        gh_mcp_request_fail_status(request, status);
    } else {
        gh_mcp_request_fail(
            request, 200, GH_RPC_INVALID_PARAMS,
            "params.requestState is not one that this request was given, or is too old: start "
            "again without it");
    }
    return false;
}

/* --- the start --- */

static void fail_too_many(gh_mcp_request *request)
{
    gh_metrics_count(request->engine->options.metrics, GH_METRIC_LIMITED, GH_LIMIT_CALLS_OF_USER, 0);
    gh_mcp_request_fail(
        request, 429, GH_RPC_INTERNAL_ERROR,
        "You have as many calls under way, or as much in them, as one user may; wait for some to "
        "end");
}

static void queue(gh_mcp_request *request, gh_mcp_work *work)
{
    gh_status status = gh_mcp_work_open(work);
    if (status == GH_OK) {
        status = gh_mcp_work_keep(work);
    }
    work->refused = status != GH_OK;
    if (status == GH_ERR_CONFLICT) {
        gh_mcp_request_fail(request, 200, GH_RPC_INVALID_REQUEST,
                            "Invalid request: another request with this id is in flight");
        return;
    }
    if (status == GH_OK) {
        status = gh_mcp_work_queue(work);
    }
    if (status == GH_OK) {
        request->work = gh_mcp_work_hold(work);
        return;
    }
    gh_mcp_work_cancel(work);
    if (status == GH_ERR_TOO_LARGE) {
        fail_too_many(request);
    } else {
        gh_mcp_request_fail_status(request, status);
    }
}

void gh_mcp_work_start(gh_mcp_request *request, const gh_mcp_aim *aim)
{
    intake in = {.logs = false};
    read_params(request, request->modern && aim->kind != GH_CALL_COMPLETION, &in);
    read_level(request, &in);
    if (!read_token(request, &in) || !check_answers(request, in.answers)) {
        return;
    }
    gh_mcp_work *work = make(request, aim, &in);
    if (work == NULL) {
        gh_mcp_request_fail_status(request, GH_ERR_NOMEM);
        return;
    }
    if (open_state(request, work, in.state)) {
        if ((aim->flags & GATEHOUSE_QUICK) != 0) {
            gh_mcp_work_run(work, NULL, request);
            request->work = work->outbox != NULL ? gh_mcp_work_hold(work) : NULL;
        } else {
            queue(request, work);
        }
    }
    gh_mcp_work_release(work);
}

/* Batches, which only 2025-03-26 has (basic/index, "Batching"): every message is served by itself, one after
 * the other, and the responses go back as one array. There is no stream for what a handler says meanwhile or
 * asks, so its events are dropped and it cannot ask. */
#include <string.h>

#include "server/mcp/engine_private.h"
#include "server/mcp/work.h"
#include "shared/core/clock.h"
#include "shared/json/slice.h"

#define BATCH_MAX 64
#define LOOK_MS 250 /* how often to look whether the client went away */

static bool is_gone(const gh_mcp_reply *reply)
{
    return reply != NULL && reply->closed != NULL && reply->closed(reply->context);
}

/* Until the response is there, or nobody is left to have it: no stream keeps it for a client that comes back.
 */
static void await_work(gh_mcp_request *element, const gh_mcp_reply *reply)
{
    gh_mcp_outbox *outbox = gh_mcp_work_outbox(element->work);
    gh_mcp_item item = {.text = GH_BUF_INIT(GH_MCP_REPLY_MAX)};
    gh_mcp_taken taken = GH_MCP_TAKEN_NOTHING;
    uint64_t reader = 0;
    if (gh_mcp_outbox_attach(outbox, 0, &reader) != GH_OK) {
        taken = GH_MCP_TAKEN_END;
    }
    while (taken == GH_MCP_TAKEN_NOTHING || taken == GH_MCP_TAKEN_MESSAGE || taken == GH_MCP_TAKEN_LET_GO) {
        taken = gh_mcp_outbox_take(outbox, reader, gh_deadline_in(LOOK_MS), &item);
        if (taken == GH_MCP_TAKEN_NOTHING && is_gone(reply)) {
            gh_mcp_work_cancel(element->work);
        }
    }
    gh_mcp_outbox_detach(outbox, reader);
    if (taken == GH_MCP_TAKEN_LAST) {
        (void)gh_buf_append_view(element->out, gh_buf_view(&item.text));
        element->code = gh_mcp_work_error(element->work, &element->error);
    }
    gh_buf_free(&item.text);
}

static void serve_parsed(gh_mcp_request *element, const gh_mcp_reply *reply)
{
    gh_mcp_trace_request(element);
    if (gh_mcp_is_modern(element->headers, element->message)) {
        gh_mcp_request_fail(element, 400, GH_RPC_INVALID_REQUEST,
                            "Per-request metadata of " GH_MCP_VERSION_MODERN " has no place in a batch");
    } else if (gh_mcp_wants_response(element) && strcmp(element->message->method, GH_MCP_INITIALIZE) == 0) {
        gh_mcp_request_fail(element, 400, GH_RPC_INVALID_REQUEST, "initialize must not be part of a batch");
    } else {
        gh_mcp_legacy_dispatch(element);
    }
    if (element->work != NULL) {
        await_work(element, reply);
        gh_mcp_work_release(element->work);
        element->work = NULL;
    }
}

static void serve_element(const gh_mcp_request *batch, gh_view raw, gh_buf *out)
{
    int64_t started = gh_clock_mono_ns();
    gh_error error = {GH_OK, ""};
    gh_rpc_message message = {.method = NULL};
    gh_mcp_request element = *batch;
    element.message = &message;
    element.out = out;
    element.reply = NULL;
    element.streams = false;
    gh_status status = gh_rpc_parse(raw, batch->engine->options.limits, &message, &error);
    if (status == GH_OK && message.kind != GH_RPC_BATCH) {
        serve_parsed(&element, batch->reply);
    } else if (status == GH_ERR_NOMEM) {
        gh_mcp_request_fail_status(&element, status);
    } else {
        gh_mcp_request_fail(&element, 400, GH_RPC_INVALID_REQUEST, "Invalid request: %s",
                            status == GH_OK ? "a batch within a batch" : error.message);
    }
    gh_mcp_trace_response(&element, started);
    gh_rpc_message_clear(&message);
}

static size_t count_elements(gh_view raw)
{
    gh_json_iter iter;
    gh_view element = {NULL, 0};
    size_t count = 0;
    if (gh_json_iter_start(raw, &iter)) {
        while (gh_json_iter_next(&iter, NULL, &element)) {
            count++;
        }
    }
    return count;
}

static void serve_all(gh_mcp_request *request)
{
    gh_json_iter iter;
    gh_view raw = {NULL, 0};
    size_t answers = 0;
    gh_buf *out = request->out;
    if (!gh_json_iter_start(request->message->raw, &iter)) {
        return;
    }
    while (gh_json_iter_next(&iter, NULL, &raw) && gh_buf_status(out) == GH_OK && !is_gone(request->reply)) {
        gh_buf one = GH_BUF_INIT(GH_MCP_REPLY_MAX);
        serve_element(request, raw, &one);
        if (gh_buf_status(&one) != GH_OK) {
            out->status = one.status;
        } else if (one.len > 0) {
            (void)gh_buf_append_char(out, answers++ == 0 ? '[' : ',');
            (void)gh_buf_append_view(out, gh_buf_view(&one));
        }
        gh_buf_free(&one);
    }
    if (answers > 0) {
        (void)gh_buf_append_char(out, ']');
    } else {
        request->http_status = 202;
    }
}

void gh_mcp_batch_serve(gh_mcp_request *request)
{
    if (request->modern) {
        gh_mcp_request_fail(request, 400, GH_RPC_INVALID_REQUEST,
                            "Batches are not supported since 2025-06-18");
        return;
    }
    if (!gh_mcp_legacy_enter(request)) {
        return;
    }
    size_t count = count_elements(request->message->raw);
    if (strcmp(request->version, GH_MCP_VERSION_2025_03) != 0) {
        gh_mcp_request_fail(request, 400, GH_RPC_INVALID_REQUEST, "Batches are not supported in %s",
                            request->version);
    } else if (count == 0 || count > BATCH_MAX) {
        gh_mcp_request_fail(request, 400, GH_RPC_INVALID_REQUEST, "A batch must hold 1 to %d messages",
                            BATCH_MAX);
    } else if (gh_mcp_require_batch_scopes(request)) {
        serve_all(request);
    }
}

#include "bridge/reply.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/verdict.h"
#include "shared/core/bytes.h"
#include "shared/core/log.h"
#include "shared/json/slice.h"
#include "shared/net/sse.h"

/* What is read of a body that is not looked at, so that the connection can be used again. */
#define DISCARD_MAX (64 * 1024)
#define EVENT_ID_MAX 4096
/* A server that talks nonsense must not fill the log: of one reply, this much is told. */
#define DROPS_TOLD_MAX 10

typedef enum body_kind { BODY_NONE, BODY_JSON, BODY_EVENTS, BODY_OTHER } body_kind;

struct gh_reply {
    gh_reply_options options;
    char *id; /* owned copy behind options.id */
    gh_json_limits limits;
    bool answered;
    gh_buf last_id;
    int64_t retry_ms;
    unsigned drops;
    /* of the response that is under way */
    gh_http_response_head head;
    gh_buf content_type;
    body_kind kind;
    gh_buf body;
    size_t discarded;
    bool too_large;
    gh_sse_parser *parser;
};

gh_status gh_reply_new(const gh_reply_options *options, gh_reply **reply)
{
    gh_reply *made = calloc(1, sizeof(*made));
    size_t max = options->max_message;

    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->options = *options;
    made->limits =
        (gh_json_limits){.size = max, .depth = GH_JSON_DEPTH_MAX, .members = max, .object_members = max};
    made->retry_ms = -1;
    gh_buf_init(&made->last_id, EVENT_ID_MAX);
    gh_buf_init(&made->body, max);
    gh_buf_init(&made->content_type, 128);
    if (options->id.len > 0) {
        made->id = gh_view_dup(options->id);
        if (made->id == NULL) {
            gh_reply_free(made);
            return GH_ERR_NOMEM;
        }
    }
    made->options.id = gh_view_of(made->id);
    *reply = made;
    return GH_OK;
}

void gh_reply_free(gh_reply *reply)
{
    if (reply == NULL) {
        return;
    }
    gh_sse_parser_free(reply->parser);
    gh_buf_free(&reply->last_id);
    gh_buf_free(&reply->body);
    gh_buf_free(&reply->content_type);
    free(reply->id);
    free(reply);
}

static void hand_on(gh_reply *reply, const gh_rpc_message *message, bool is_answer)
{
    gh_buf line = GH_BUF_INIT(reply->options.max_message);

    if (gh_json_slice_compact(message->raw, &line) == GH_OK) {
        reply->answered = reply->answered || is_answer;
        reply->options.on_message(reply->options.context, message, gh_buf_view(&line), is_answer);
    } else {
        gh_log_warn("A message from the server was dropped: no memory for it.");
    }
    gh_buf_free(&line);
}

static void tell_drop(gh_reply *reply, const char *what)
{
    if (reply->drops < DROPS_TOLD_MAX) {
        reply->drops++;
        gh_log_warn("Dropped %s%s", what,
                    reply->drops == DROPS_TOLD_MAX ? " (more of these are not told)" : "");
    }
}

static void deliver(gh_reply *reply, gh_view text);

/* Servers of 2025-03-26 may batch what they send. */
static void deliver_batch(gh_reply *reply, gh_view array)
{
    gh_json_iter iter;
    gh_view element;

    if (!gh_json_iter_start(array, &iter)) {
        return;
    }
    while (gh_json_iter_next(&iter, NULL, &element)) {
        if (gh_json_slice_type(element) == GH_JSON_OBJECT) {
            deliver(reply, element);
        }
    }
}

static void deliver(gh_reply *reply, gh_view text)
{
    gh_rpc_message message = {0};
    gh_error error = {0};

    if (gh_rpc_parse(text, &reply->limits, &message, &error) != GH_OK) {
        gh_error why = {0};

        (void)gh_error_set(&why, GH_ERR_PARSE, "what the server sent, for it is not a JSON-RPC message: %s",
                           error.message);
        tell_drop(reply, why.message);
    } else if (message.kind == GH_RPC_BATCH) {
        deliver_batch(reply, message.raw);
    } else if (message.kind == GH_RPC_REQUEST || message.kind == GH_RPC_NOTIFICATION ||
               reply->options.everything) {
        hand_on(reply, &message, false);
    } else if (!reply->answered && reply->options.id.len > 0 &&
               gh_rpc_id_equals(message.id, reply->options.id)) {
        hand_on(reply, &message, true);
    } else {
        tell_drop(reply, "a response of the server whose id nobody is waiting for.");
    }
    gh_rpc_message_clear(&message);
}

static gh_status on_event(void *context, const gh_sse_event *event)
{
    gh_reply *reply = context;

    gh_buf_clear(&reply->last_id);
    (void)gh_buf_append_view(&reply->last_id, event->id);
    if (event->retry_ms >= 0) {
        reply->retry_ms = event->retry_ms;
    }
    if (event->data.len > 0 && gh_view_eq_cstr(event->event, "message")) {
        deliver(reply, event->data);
    } else if (reply->options.on_endpoint != NULL && gh_view_eq_cstr(event->event, "endpoint")) {
        return reply->options.on_endpoint(reply->options.context, event->data);
    }
    return GH_OK;
}

gh_status gh_reply_begin(gh_reply *reply, const gh_http_response_head *head)
{
    bool success = head->status >= 200 && head->status < 300;

    reply->head = *head;
    gh_buf_clear(&reply->content_type);
    (void)gh_buf_append_view(&reply->content_type, head->content_type);
    reply->head.content_type = gh_buf_view(&reply->content_type);
    gh_buf_clear(&reply->body);
    reply->discarded = 0;
    reply->too_large = false;
    gh_sse_parser_free(reply->parser);
    reply->parser = NULL;
    if (success && gh_view_eq_nocase(head->content_type, GH_VIEW_LIT("text/event-stream"))) {
        reply->kind = BODY_EVENTS;
        reply->parser = gh_sse_parser_new(reply->options.max_message, on_event, reply);
        return reply->parser == NULL ? GH_ERR_NOMEM : GH_OK;
    }
    reply->kind =
        gh_view_eq_nocase(head->content_type, GH_VIEW_LIT("application/json")) ? BODY_JSON : BODY_OTHER;
    return GH_OK;
}

gh_status gh_reply_body(gh_reply *reply, gh_view bytes)
{
    gh_status status = GH_OK;

    if (reply->kind == BODY_EVENTS) {
        status = gh_sse_parser_feed(reply->parser, bytes);
    } else if (reply->kind == BODY_JSON) {
        status = gh_buf_append_view(&reply->body, bytes);
    } else {
        reply->discarded += bytes.len;
        return reply->discarded > DISCARD_MAX ? GH_ERR_CANCELLED : GH_OK;
    }
    reply->too_large = status == GH_ERR_TOO_LARGE;
    return status;
}

/* An error whose id is null or missing: nobody but our request can be meant. False when it is none. */
static bool deliver_orphan(gh_reply *reply, gh_view body)
{
    gh_view id, error, member;
    gh_buf line = GH_BUF_INIT(reply->options.max_message + 1024);
    gh_rpc_message message = {0};

    if (gh_json_gate(body, &reply->limits, NULL) != GH_OK || !gh_json_slice_member(body, "error", &error) ||
        !gh_json_slice_member(error, "code", &member) || gh_json_slice_type(member) != GH_JSON_NUMBER ||
        !gh_json_slice_member(error, "message", &member) || gh_json_slice_type(member) != GH_JSON_STRING ||
        (gh_json_slice_member(body, "id", &id) && gh_json_slice_type(id) != GH_JSON_NULL)) {
        return false;
    }
    (void)gh_buf_append_cstr(&line, "{\"jsonrpc\":\"2.0\",\"id\":");
    (void)gh_buf_append_view(&line, reply->options.id);
    (void)gh_buf_append_cstr(&line, ",\"error\":");
    (void)gh_buf_append_view(&line, error);
    (void)gh_buf_append_char(&line, '}');
    if (gh_buf_status(&line) == GH_OK &&
        gh_rpc_parse(gh_buf_view(&line), &reply->limits, &message, NULL) == GH_OK) {
        hand_on(reply, &message, true);
    }
    gh_rpc_message_clear(&message);
    gh_buf_free(&line);
    return true;
}

/* A JSON body of any status; an HTTP error that carries no JSON-RPC error is told in our own words. */
static void deliver_body(gh_reply *reply, int http_status)
{
    gh_view body = gh_view_trim(gh_buf_view(&reply->body));
    gh_view member;

    if (reply->options.id.len == 0 || body.len == 0 || deliver_orphan(reply, body)) {
        return;
    }
    if (http_status < 400 || (gh_json_gate(body, &reply->limits, NULL) == GH_OK &&
                              gh_json_slice_member(body, "jsonrpc", &member))) {
        deliver(reply, body);
    }
}

static void judge(gh_reply *reply, const gh_http_transfer *transfer, const gh_http_result *result,
                  bool in_session, gh_verdict *verdict)
{
    gh_verdict_facts facts = {
        .url = reply->options.url,
        .program = reply->options.program,
        .retry_after_s = reply->head.retry_after_s,
        .content_type = reply->head.content_type,
        .wants_answer = reply->options.id.len > 0,
        .in_session = in_session,
        .is_stream = reply->kind == BODY_EVENTS,
        .is_json = reply->kind == BODY_JSON,
        .is_empty = reply->body.len == 0 && reply->discarded == 0,
        .too_large = reply->too_large,
        .max_message = reply->options.max_message,
        .result = result,
    };

    if (transfer != NULL) {
        facts.location = gh_http_transfer_header(transfer, "Location");
        facts.challenge = gh_http_transfer_header(transfer, "WWW-Authenticate");
    }
    gh_verdict_of(&facts, verdict);
    if (verdict->kind != GH_VERDICT_FAILED || reply->kind != BODY_JSON || result->status != GH_OK) {
        return;
    }
    if (result->http_status < 300 || result->http_status >= 400) {
        deliver_body(reply, result->http_status);
    }
    if (reply->answered) {
        verdict->kind = GH_VERDICT_ANSWERED;
    }
}

void gh_reply_end(gh_reply *reply, const gh_http_transfer *transfer, const gh_http_result *result,
                  bool in_session, gh_verdict *verdict)
{
    if (result->http_status == 0) {
        reply->kind = BODY_NONE;
    }
    if (reply->answered) {
        memset(verdict, 0, sizeof(*verdict));
        verdict->kind = GH_VERDICT_ANSWERED;
        verdict->retry_after_s = -1;
    } else {
        judge(reply, transfer, result, in_session, verdict);
    }
    gh_buf_free(&reply->body);
    gh_buf_init(&reply->body, reply->options.max_message);
    gh_sse_parser_free(reply->parser);
    reply->parser = NULL;
}

int gh_reply_http_status(const gh_reply *reply)
{
    return reply->head.status;
}

bool gh_reply_answered(const gh_reply *reply)
{
    return reply->answered;
}

bool gh_reply_is_stream(const gh_reply *reply)
{
    return reply->kind == BODY_EVENTS;
}

gh_view gh_reply_last_event_id(const gh_reply *reply)
{
    return gh_buf_view(&reply->last_id);
}

int64_t gh_reply_retry_ms(const gh_reply *reply)
{
    return reply->retry_ms;
}

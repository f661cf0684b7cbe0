/* From an outbox to the client: one JSON body when the response is all there is, else an event stream (MCP
 * 2026-07-28, basic/transports/streamable-http; 2025-11-25, basic/transports, "Resumability"). */
#include <inttypes.h>
#include <string.h>

#include "server/mcp/work.h"
#include "shared/core/clock.h"

#define LOOK_MS 250                  /* how often the connection is looked at */
#define QUIET_MS 5000                /* after so long without a message it is a stream that mostly waits, */
#define QUIET_LOOK_MS 1000           /* of which there may be a thousand */
#define ALIVE_MS 5000                /* how often the grant is */
#define TOGETHER ((size_t)16 * 1024) /* messages that are there at once go out at once, up to this size */

typedef struct stream {
    const gh_mcp_delivery *delivery;
    uint64_t reader;
    bool open;
    bool numbered;
    uint64_t number;
    int64_t wrote_ms;
    int64_t message_ms; /* when the last message went out, or it began */
    int64_t asked_ms;
    gh_buf text;
    gh_status status; /* of the last write: GH_ERR_CLOSED when the client went away */
} stream;

/* --- writing --- */

static void put_by(stream *to, gh_status (*write)(void *context, gh_view text))
{
    if (gh_buf_status(&to->text) != GH_OK) {
        to->status = gh_buf_status(&to->text);
    }
    if (to->status == GH_OK) {
        to->status = write(to->delivery->reply->context, gh_buf_view(&to->text));
    }
    to->wrote_ms = gh_clock_mono_ms();
    gh_buf_clear(&to->text);
}

static void put(stream *to)
{
    put_by(to, to->delivery->reply->stream);
}

/* What is in `text`, and the end. */
static void put_end(stream *to)
{
    const gh_mcp_reply *reply = to->delivery->reply;
    if (reply->stream_end != NULL) {
        put_by(to, reply->stream_end);
    } else if (to->text.len > 0) {
        put(to);
    }
}

static void add_id(stream *to, uint64_t message)
{
    if (to->numbered) {
        (void)gh_buf_appendf(&to->text, "id: %" PRIu64 "-%" PRIu64 "\n", to->number, message);
    }
}

static void open_stream(stream *to)
{
    const gh_mcp_delivery *delivery = to->delivery;
    if (to->open) {
        return;
    }
    to->open = true;
    if (to->numbered && delivery->session != NULL) {
        to->number = gh_mcp_session_add_stream(delivery->session, delivery->outbox);
        to->numbered = to->number != 0;
    }
    if (delivery->prime && to->numbered) {
        add_id(to, delivery->after == GH_MCP_OUTBOX_UNREAD ? 0 : delivery->after);
        (void)gh_buf_append_cstr(&to->text, "data: \n\n");
    }
}

/* Stays in `text` until it is put. */
static void add_message(stream *to, uint64_t number, gh_view message)
{
    open_stream(to);
    add_id(to, number);
    (void)gh_buf_append_cstr(&to->text, "data: ");
    (void)gh_buf_append_view(&to->text, message);
    (void)gh_buf_append_cstr(&to->text, "\n\n");
    to->message_ms = gh_clock_mono_ms();
    if (to->text.len >= TOGETHER) {
        put(to);
    }
}

static void send_last(stream *to, const gh_mcp_item *item)
{
    const gh_mcp_reply *reply = to->delivery->reply;
    if (to->open && item->text.len > 0) {
        add_message(to, item->number, gh_buf_view(&item->text));
        put_end(to);
    } else if (!to->open && item->text.len > 0) {
        reply->json(reply->context, item->http_status, (gh_view){NULL, 0}, gh_buf_view(&item->text));
    } else if (!to->open) {
        reply->empty(reply->context, item->http_status);
    } else if (item->http_status < 500) {
        put_end(to);
    } else {
        put(to); /* there was no memory for the response: the stream is not whole */
    }
}

/* The stream needs an id for the client to come back with, and the time to do so. */
static void let_go(stream *to, uint32_t retry_ms)
{
    open_stream(to);
    (void)gh_buf_appendf(&to->text, "retry: %" PRIu32 "\n\n", retry_ms);
    put_end(to);
}

/* --- between messages --- */

static bool has_lapsed(stream *to)
{
    const gh_mcp_delivery *delivery = to->delivery;
    const gh_mcp_options *options = &delivery->engine->options;
    int64_t now = gh_clock_mono_ms();
    if (!delivery->lapses) {
        return false;
    }
    if (gh_clock_wall_s() >= delivery->principal->expires_at) {
        return true;
    }
    if (options->alive == NULL || now - to->asked_ms < ALIVE_MS) {
        return false;
    }
    to->asked_ms = now;
    return !options->alive(options->context, delivery->principal);
}

static void look(stream *to)
{
    const gh_mcp_reply *reply = to->delivery->reply;
    if (reply->closed(reply->context)) {
        to->status = GH_ERR_CLOSED;
    } else if (to->open && gh_clock_mono_ms() - to->wrote_ms >= to->delivery->engine->options.keep_alive_ms) {
        (void)gh_buf_append_cstr(&to->text, ":\n\n");
        put(to);
    }
}

static gh_deadline next_look(const stream *to)
{
    bool quiet = gh_clock_mono_ms() - to->message_ms >= QUIET_MS;
    return gh_deadline_in(quiet ? QUIET_LOOK_MS : LOOK_MS);
}

/* True when there is more to come. */
static bool step(stream *to, gh_mcp_item *item)
{
    bool pending = to->text.len > 0;
    switch (gh_mcp_outbox_take(to->delivery->outbox, to->reader, pending ? gh_deadline_in(0) : next_look(to),
                               item)) {
    case GH_MCP_TAKEN_MESSAGE:
        add_message(to, item->number, gh_buf_view(&item->text));
        return true;
    case GH_MCP_TAKEN_LAST:
        send_last(to, item);
        return false;
    case GH_MCP_TAKEN_LET_GO:
        let_go(to, item->retry_ms);
        return false;
    case GH_MCP_TAKEN_NOTHING:
        if (pending) {
            put(to);
        } else {
            look(to);
        }
        return true;
    case GH_MCP_TAKEN_END:
        /* Something must be answered: a stream without a message. */
        open_stream(to);
        put_end(to);
        return false;
    case GH_MCP_TAKEN_LOST:
    case GH_MCP_TAKEN_OVER:
        break;
    }
    open_stream(to);
    put(to);
    return false;
}

bool gh_mcp_deliver(const gh_mcp_delivery *delivery)
{
    int64_t now = gh_clock_mono_ms();
    gh_mcp_item item = {.text = GH_BUF_INIT(GH_MCP_REPLY_MAX)};
    stream to = {.delivery = delivery,
                 .numbered = delivery->numbered,
                 .number = delivery->stream,
                 .wrote_ms = now,
                 .message_ms = now,
                 .asked_ms = now,
                 .text = GH_BUF_INIT(GH_MCP_REPLY_MAX + 1024)};
    if (gh_mcp_outbox_attach(delivery->outbox, delivery->after, &to.reader) != GH_OK) {
        delivery->reply->empty(delivery->reply->context, 404);
        return true;
    }
    if (delivery->open) {
        open_stream(&to);
        put(&to);
    }
    while (to.status == GH_OK && step(&to, &item)) {
        if (has_lapsed(&to)) {
            if (delivery->farewell.len > 0) {
                add_message(&to, item.number + 1, delivery->farewell);
            }
            put_end(&to);
            break;
        }
    }
    gh_mcp_outbox_detach(delivery->outbox, to.reader);
    gh_buf_free(&to.text);
    gh_buf_free(&item.text);
    return to.status == GH_OK;
}

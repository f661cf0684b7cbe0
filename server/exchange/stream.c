/* Event streams. Where the connection is kept, each write is one chunk, so that the end of the stream is not
 * the end of the connection (RFC 9112, 7.1). */
#include "server/exchange/exchange_private.h"

/* Up to this size a text goes out in one write with what frames it; larger ones are not copied for that. */
#define JOINED_MAX ((size_t)64 * 1024)
#define FRAME_MAX 64
#define LAST_CHUNK "0\r\n\r\n"

static void append_size(gh_buf *out, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * sizeof size];
    size_t at = sizeof text;
    do {
        text[--at] = digits[size % 16];
        size /= 16;
    } while (size > 0);
    (void)gh_buf_append(out, text + at, sizeof text - at);
}

static gh_status put(const gh_response *response, gh_view bytes)
{
    return response->sink->write(response->sink->context, bytes);
}

/* Sends what is in `before`, then `text`, framed. A text without bytes must not become a chunk: that one
 * would be the last. */
static gh_status send_text(const gh_response *response, gh_buf *before, gh_view text, bool last)
{
    gh_view after = gh_view_of("");
    if (response->chunked && text.len > 0) {
        append_size(before, text.len);
        (void)gh_buf_append_cstr(before, "\r\n");
        after = last ? GH_VIEW_LIT("\r\n" LAST_CHUNK) : GH_VIEW_LIT("\r\n");
    } else if (response->chunked && last) {
        after = GH_VIEW_LIT(LAST_CHUNK);
    }
    if (before->len + after.len == 0) {
        return text.len > 0 ? put(response, text) : GH_OK;
    }
    bool joined = text.len <= JOINED_MAX;
    if (joined) {
        (void)gh_buf_append_view(before, text);
        (void)gh_buf_append_view(before, after);
    }
    gh_status status = gh_buf_status(before);
    if (status == GH_OK) {
        status = put(response, gh_buf_view(before));
    }
    if (status == GH_OK && !joined) {
        status = put(response, text);
        if (status == GH_OK && after.len > 0) {
            status = put(response, after);
        }
    }
    return status;
}

gh_status gh_response_stream_begin(gh_response *response, int status, gh_view first)
{
    gh_buf head = GH_BUF_INIT(GH_RESPONSE_HEAD_MAX + 1024 + JOINED_MAX + FRAME_MAX);
    const gh_response_sink *sink = response->sink;
    gh_status result = GH_ERR_CLOSED;
    if (sink == NULL || response->broken || response->streaming) {
        goto out;
    }
    response->chunked = !response->close && sink->keeps != NULL && sink->keeps(sink->context);
    response->close = !response->chunked;
    response->type = "text/event-stream";
    gh_response_header_cstr(response, "X-Accel-Buffering", "no");
    gh_response_write_head(response, status, response->chunked, &head);
    (void)gh_buf_append_cstr(&head, response->chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
    result = response->broken ? GH_ERR_CLOSED : gh_buf_status(&head);
    if (result != GH_OK) {
        goto out;
    }
    response->status = status;
    response->streaming = true;
    result = send_text(response, &head, first, false);
out:
    gh_buf_wipe_free(&head);
    return result;
}

static gh_status write_text(const gh_response *response, gh_view text, bool last)
{
    gh_buf frame = GH_BUF_INIT(JOINED_MAX + FRAME_MAX);
    if (!response->streaming) {
        return GH_ERR_INVALID;
    }
    if (response->ended) {
        return GH_ERR_CLOSED;
    }
    if (response->chunked && text.len <= JOINED_MAX) {
        (void)gh_buf_reserve(&frame, text.len + FRAME_MAX);
    }
    gh_status status = send_text(response, &frame, text, last);
    gh_buf_free(&frame);
    return status;
}

gh_status gh_response_stream_write(gh_response *response, gh_view bytes)
{
    return write_text(response, bytes, false);
}

gh_status gh_response_stream_end(gh_response *response, gh_view last)
{
    gh_status status = write_text(response, last, true);
    response->ended = response->ended || status == GH_OK;
    return status;
}

bool gh_response_peer_gone(const gh_response *response)
{
    return response->sink != NULL && response->sink->closed(response->sink->context);
}

bool gh_response_awaited(const gh_response *response)
{
    return response->sink != NULL && response->sink->awaited != NULL &&
           response->sink->awaited(response->sink->context);
}

bool gh_response_stream_closed(const gh_response *response)
{
    return !response->streaming || response->ended || response->sink->closed(response->sink->context);
}

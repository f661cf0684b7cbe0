/* What a host writes to the bridge's input, however it arrives: the same lines as from one piece, each within
 * the limit, one complaint for each that is not, and the end once. */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "bridge/loop.h"
#include "bridge/stdio.h"
#include "shared/core/bytes.h"
#include "shared/rpc/message.h"
#include "tests/fuzz/fuzz.h"

enum { LINE_MAX_BYTES = 300, INPUT_MAX = 4096 };

typedef struct reader {
    gh_loop *loop;
    gh_buf seen;
    int ends;
} reader;

typedef struct writer {
    gh_loop *loop;
    gh_view rest;
    size_t step;
    int fd; /* -1 when closed */
} writer;

static void note_line(gh_buf *out, gh_view line)
{
    gh_buf_append_view(out, line);
    gh_buf_append_char(out, '\n');
}

static void on_line(void *context, gh_view line)
{
    reader *in = context;
    gh_rpc_message message;
    GH_FUZZ_REQUIRE(line.len > 0 && line.len <= LINE_MAX_BYTES && gh_view_find(line, '\n') == line.len);
    note_line(&in->seen, line);
    (void)!gh_rpc_parse(line, &GH_JSON_LIMITS_MESSAGE, &message, NULL);
    gh_rpc_message_clear(&message);
}

static void on_too_long(void *context)
{
    reader *in = context;
    note_line(&in->seen, GH_VIEW_LIT("\n"));
}

static void on_end(void *context)
{
    reader *in = context;
    in->ends++;
    gh_loop_stop(in->loop, 0);
}

static void on_closed(void *context)
{
    (void)context;
}

static void write_more(void *context)
{
    writer *out = context;
    size_t len = out->rest.len < out->step ? out->rest.len : out->step;
    if (len > 0) {
        GH_FUZZ_REQUIRE(write(out->fd, out->rest.ptr, len) == (ssize_t)len);
        out->rest.ptr += len;
        out->rest.len -= len;
        GH_FUZZ_REQUIRE(gh_loop_timer_add(out->loop, 0, write_more, out, &(gh_loop_timer *){NULL}) == GH_OK);
        return;
    }
    (void)close(out->fd);
    out->fd = -1;
}

/* The lines as a plain reading of the whole text gives them. */
static void expect(gh_view text, gh_buf *out)
{
    while (text.len > 0) {
        size_t len = gh_view_find(text, '\n');
        gh_view line = gh_view_make(text.ptr, len);
        if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
            line.len--;
        }
        if (line.len > LINE_MAX_BYTES) {
            note_line(out, GH_VIEW_LIT("\n"));
        } else if (gh_view_trim(line).len > 0) {
            note_line(out, line);
        }
        size_t taken = len < text.len ? len + 1 : len;
        text.ptr += taken;
        text.len -= taken;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX) {
        return -1;
    }
    int in[2], out[2];
    GH_FUZZ_REQUIRE(pipe(in) == 0 && pipe(out) == 0);
    gh_view text = gh_fuzz_view(data + 1, size - 1);
    reader reads = {.seen = GH_BUF_INIT(1 << 20)};
    GH_FUZZ_REQUIRE(gh_loop_new(NULL, &reads.loop) == GH_OK);
    writer writes = {reads.loop, text, (size_t)data[0] * 16 + 1, in[1]};
    const gh_stdio_options options = {
        .in = in[0],
        .out = out[1],
        .max_line = LINE_MAX_BYTES,
        .max_unread = 65536,
        .context = &reads,
        .on_line = on_line,
        .on_too_long = on_too_long,
        .on_end = on_end,
        .on_closed = on_closed,
        .on_lost = on_closed,
    };
    gh_stdio *stdio = NULL;
    GH_FUZZ_REQUIRE(gh_stdio_new(reads.loop, &options, &stdio) == GH_OK);
    write_more(&writes);
    (void)gh_loop_run(reads.loop);
    gh_buf wanted = GH_BUF_INIT(1 << 20);
    expect(text, &wanted);
    GH_FUZZ_REQUIRE(reads.ends == 1);
    GH_FUZZ_REQUIRE(gh_view_eq(gh_buf_view(&reads.seen), gh_buf_view(&wanted)));
    gh_stdio_free(stdio);
    gh_loop_free(reads.loop);
    gh_buf_free(&reads.seen);
    gh_buf_free(&wanted);
    (void)close(in[0]);
    (void)close(out[0]);
    (void)close(out[1]);
    return 0;
}

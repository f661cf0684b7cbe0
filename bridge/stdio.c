#include "bridge/stdio.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/core/bytes.h"
#include "shared/core/clock.h"

#define READ_CHUNK (64 * 1024)
/* Memory that is kept between messages; what a large one took beyond it is given back. */
#define KEEP_MAX (256 * 1024)
/* Writes in a row before the loop gets its turn. */
#define WRITES_MAX 64
/* How long what was written before a line that is lost may take. */
#define LAST_FLUSH_MS 250

struct gh_stdio {
    gh_loop *loop;
    gh_stdio_options options;
    gh_buf line; /* the part of a line that has arrived */
    gh_buf out;
    size_t out_sent;  /* bytes at the front of `out` that are written */
    char *chunk;      /* what was read last, READ_CHUNK bytes */
    size_t chunk_at;  /* the part of it that is not taken apart yet */
    size_t chunk_end; /* equal to chunk_at when all of it is */
    bool skipping;    /* within a line that is too long */
    bool paused;      /* by the owner */
    bool choked;      /* for the output is not being read: more of anything would only make more of it */
    bool ended, closed;
    gh_loop_watch *in_watch, *out_watch;
    gh_loop_timer *resume_timer, *closed_timer;
};

static void take_line(gh_stdio *stdio, gh_view line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    if (line.len > stdio->options.max_line) {
        stdio->options.on_too_long(stdio->options.context);
    } else if (gh_view_trim(line).len > 0) {
        stdio->options.on_line(stdio->options.context, line);
    }
}

/* The line could not be kept. */
static void give_up_line(gh_stdio *stdio)
{
    if (gh_buf_status(&stdio->line) == GH_ERR_NOMEM) {
        stdio->options.on_lost(stdio->options.context);
    } else {
        stdio->options.on_too_long(stdio->options.context);
    }
}

static void finish_line(gh_stdio *stdio, gh_view end)
{
    if (stdio->skipping) {
        stdio->skipping = false;
    } else if (stdio->line.len == 0) {
        take_line(stdio, end); /* all of it is in the chunk: no copy */
    } else if (gh_buf_append_view(&stdio->line, end) == GH_OK) {
        take_line(stdio, gh_buf_view(&stdio->line));
    } else {
        give_up_line(stdio);
    }
    if (stdio->line.cap > KEEP_MAX) {
        gh_buf_free(&stdio->line);
        gh_buf_init(&stdio->line, stdio->options.max_line + 1);
    } else {
        gh_buf_clear(&stdio->line);
    }
}

static void keep_part(gh_stdio *stdio, gh_view part)
{
    if (stdio->skipping || gh_buf_append_view(&stdio->line, part) == GH_OK) {
        return;
    }
    stdio->skipping = true;
    give_up_line(stdio);
    gh_buf_free(&stdio->line);
    gh_buf_init(&stdio->line, stdio->options.max_line + 1);
}

static bool is_stopped(const gh_stdio *stdio)
{
    return stdio->paused || stdio->choked;
}

/* Hands out the lines of the chunk until it is used up or the reader is paused. */
static void split_chunk(gh_stdio *stdio)
{
    while (!is_stopped(stdio) && stdio->chunk_at < stdio->chunk_end) {
        const char *start = stdio->chunk + stdio->chunk_at;
        size_t left = stdio->chunk_end - stdio->chunk_at;
        const char *newline = memchr(start, '\n', left);

        if (newline == NULL) {
            stdio->chunk_at = stdio->chunk_end;
            keep_part(stdio, gh_view_make(start, left));
        } else {
            size_t len = (size_t)(newline - start);

            stdio->chunk_at += len + 1;
            finish_line(stdio, gh_view_make(start, len));
        }
    }
}

static void end_input(gh_stdio *stdio)
{
    gh_loop_watch_remove(stdio->in_watch);
    stdio->in_watch = NULL;
    stdio->ended = true;
    if (stdio->line.len > 0) {
        finish_line(stdio, gh_view_make("", 0)); /* a last line without its LF */
    }
    stdio->options.on_end(stdio->options.context);
}

static void on_readable(void *context, int fd, short revents)
{
    gh_stdio *stdio = context;
    ssize_t count;

    (void)revents;
    if (is_stopped(stdio)) {
        return;
    }
    count = read(fd, stdio->chunk, READ_CHUNK);
    if (count > 0) {
        stdio->chunk_at = 0;
        stdio->chunk_end = (size_t)count;
        split_chunk(stdio);
    } else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
        end_input(stdio);
    }
}

static void on_resume(void *context)
{
    gh_stdio *stdio = context;

    stdio->resume_timer = NULL;
    split_chunk(stdio);
    if (!is_stopped(stdio) && stdio->in_watch != NULL) {
        gh_loop_watch_set(stdio->in_watch, POLLIN);
    }
}

/* After a change of `paused` or `choked`. */
static void stop_or_go(gh_stdio *stdio, bool was_stopped)
{
    if (stdio->in_watch == NULL || is_stopped(stdio) == was_stopped) {
        return;
    }
    if (!was_stopped) {
        gh_loop_watch_set(stdio->in_watch, 0);
    } else if (stdio->resume_timer == NULL &&
               gh_loop_timer_add(stdio->loop, 0, on_resume, stdio, &stdio->resume_timer) != GH_OK) {
        gh_loop_stop(stdio->loop, 1);
    }
}

/* While the input is not read, its end is not seen either: then the output tells whether anybody is left.
 * Its errors come without being asked for, and POLLPRI never comes. */
static void watch_output(gh_stdio *stdio)
{
    short events = is_stopped(stdio) ? POLLPRI : 0;

    if (stdio->out_watch != NULL) {
        gh_loop_watch_set(stdio->out_watch, gh_stdio_unread(stdio) > 0 ? POLLOUT : events);
    }
}

void gh_stdio_pause(gh_stdio *stdio, bool paused)
{
    bool was_stopped = is_stopped(stdio);

    stdio->paused = paused;
    stop_or_go(stdio, was_stopped);
    watch_output(stdio);
}

static void set_choked(gh_stdio *stdio, bool choked)
{
    bool was_stopped = is_stopped(stdio);

    if (choked != stdio->choked && gh_loop_http(stdio->loop) != NULL) {
        gh_http_client_hold(gh_loop_http(stdio->loop), choked);
    }
    stdio->choked = choked;
    stop_or_go(stdio, was_stopped);
}

static void choke(gh_stdio *stdio)
{
    if (gh_stdio_unread(stdio) > stdio->options.max_unread / 4) {
        set_choked(stdio, true);
    } else if (gh_stdio_unread(stdio) <= stdio->options.max_unread / 8) {
        set_choked(stdio, false);
    }
    watch_output(stdio);
}

static void on_closed(void *context)
{
    gh_stdio *stdio = context;

    stdio->closed_timer = NULL;
    stdio->options.on_closed(stdio->options.context);
}

static void close_output(gh_stdio *stdio)
{
    if (stdio->closed) {
        return;
    }
    stdio->closed = true;
    set_choked(stdio, false);
    gh_loop_watch_remove(stdio->out_watch);
    stdio->out_watch = NULL;
    gh_buf_free(&stdio->out);
    stdio->out_sent = 0;
    if (gh_loop_timer_add(stdio->loop, 0, on_closed, stdio, &stdio->closed_timer) != GH_OK) {
        gh_loop_stop(stdio->loop, 1);
    }
}

static bool wait_writable(int fd, int ms)
{
    struct pollfd out = {.fd = fd, .events = POLLOUT};

    return poll(&out, 1, ms) > 0;
}

/* One write after POLLOUT; false when there is nothing more to do now. */
static bool write_some(gh_stdio *stdio)
{
    size_t left = stdio->out.len - stdio->out_sent;
    ssize_t count;

    if (left == 0 || stdio->closed) {
        return false;
    }
    count = write(stdio->options.out, stdio->out.data + stdio->out_sent, left < PIPE_BUF ? left : PIPE_BUF);
    if (count < 0) {
        if (errno == EINTR || errno == EAGAIN) {
            return errno == EINTR;
        }
        close_output(stdio);
        return false;
    }
    stdio->out_sent += (size_t)count;
    if (stdio->out_sent < stdio->out.len) {
        return true;
    }
    stdio->out_sent = 0;
    if (stdio->out.cap > KEEP_MAX) {
        gh_buf_free(&stdio->out);
        gh_buf_init(&stdio->out, stdio->options.max_unread);
    } else {
        gh_buf_clear(&stdio->out);
    }
    return false;
}

static void write_waiting(gh_stdio *stdio)
{
    for (int i = 0; i < WRITES_MAX && wait_writable(stdio->options.out, 0); i++) {
        if (!write_some(stdio)) {
            break;
        }
    }
    if (!stdio->closed) {
        choke(stdio);
    }
}

static void on_writable(void *context, int fd, short revents)
{
    (void)fd;
    if ((revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
        close_output(context);
    } else {
        write_waiting(context);
    }
}

void gh_stdio_write_line(gh_stdio *stdio, gh_view line)
{
    bool waiting = stdio->out.len > stdio->out_sent;

    if (stdio->closed) {
        return;
    }
    /* What was written makes room, for a client that reads slowly but steadily never empties the buffer; not
     * for every line, since what is left has to be moved. */
    if (stdio->out_sent > 0 && (stdio->out_sent >= gh_stdio_unread(stdio) ||
                                line.len >= stdio->options.max_unread - stdio->out.len)) {
        gh_buf_consume(&stdio->out, stdio->out_sent);
        stdio->out_sent = 0;
    }
    if (gh_buf_append_view(&stdio->out, line) != GH_OK || gh_buf_append_char(&stdio->out, '\n') != GH_OK) {
        if (gh_buf_status(&stdio->out) == GH_ERR_NOMEM) {
            stdio->options.on_lost(stdio->options.context);
            gh_stdio_flush(stdio, LAST_FLUSH_MS); /* what came before it */
        }
        close_output(stdio);
    } else if (!waiting) {
        write_waiting(stdio);
    } else {
        choke(stdio);
    }
}

size_t gh_stdio_unread(const gh_stdio *stdio)
{
    return stdio->out.len - stdio->out_sent;
}

void gh_stdio_flush(gh_stdio *stdio, int ms)
{
    gh_deadline deadline = gh_deadline_in(ms);

    while (gh_stdio_unread(stdio) > 0 &&
           wait_writable(stdio->options.out, gh_deadline_poll_ms(deadline, ms))) {
        (void)write_some(stdio);
        if (gh_deadline_passed(deadline)) {
            break;
        }
    }
}

gh_status gh_stdio_new(gh_loop *loop, const gh_stdio_options *options, gh_stdio **stdio)
{
    gh_stdio *made = calloc(1, sizeof(*made));
    gh_status status = GH_ERR_NOMEM;

    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->loop = loop;
    made->options = *options;
    gh_buf_init(&made->line, options->max_line + 1); /* one more for a CR */
    gh_buf_init(&made->out, options->max_unread);
    made->chunk = malloc(READ_CHUNK);
    if (made->chunk != NULL) {
        status = gh_loop_watch_add(loop, options->in, POLLIN, on_readable, made, &made->in_watch);
    }
    if (status == GH_OK) {
        status = gh_loop_watch_add(loop, options->out, 0, on_writable, made, &made->out_watch);
    }
    if (status != GH_OK) {
        gh_stdio_free(made);
        return status;
    }
    *stdio = made;
    return GH_OK;
}

void gh_stdio_free(gh_stdio *stdio)
{
    if (stdio == NULL) {
        return;
    }
    gh_loop_watch_remove(stdio->in_watch);
    gh_loop_watch_remove(stdio->out_watch);
    gh_loop_timer_remove(stdio->resume_timer);
    gh_loop_timer_remove(stdio->closed_timer);
    gh_buf_free(&stdio->line);
    gh_buf_free(&stdio->out);
    free(stdio->chunk);
    free(stdio);
}

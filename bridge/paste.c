#include "bridge/paste.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/core/secret.h"

enum { LINE_MAX_BYTES = 8192 };

struct gh_paste {
    gh_loop_watch *watch;
    void (*line)(void *context, gh_view text);
    void *context;
    gh_buf text;
};

static void end(gh_paste *paste)
{
    gh_loop_watch_remove(paste->watch);
    paste->watch = NULL;
    gh_buf_wipe_free(&paste->text);
}

static void hand_on(gh_paste *paste)
{
    gh_view rest = gh_buf_view(&paste->text);
    size_t used = 0;
    for (size_t at = gh_view_find(rest, '\n'); at < rest.len; at = gh_view_find(rest, '\n')) {
        gh_view line = gh_view_trim(gh_view_make(rest.ptr, at));
        used += at + 1;
        if (line.len > 0) {
            paste->line(paste->context, line);
        }
        rest = gh_view_make(rest.ptr + at + 1, rest.len - at - 1);
    }
    gh_buf_consume(&paste->text, used);
}

static void ready(void *context, int fd, short revents)
{
    gh_paste *paste = context;
    char chunk[4096];
    (void)revents;
    if (isatty(fd) && tcgetpgrp(fd) != getpgrp()) {
        end(paste);
        return;
    }
    ssize_t got = read(fd, chunk, sizeof(chunk));
    if (got > 0) {
        gh_buf_append(&paste->text, chunk, (size_t)got);
    } else if (paste->text.len > 0) {
        gh_buf_append_char(&paste->text, '\n');
    }
    gh_wipe(chunk, sizeof(chunk));
    if (gh_buf_status(&paste->text) == GH_OK) {
        hand_on(paste);
    }
    if (got <= 0 || gh_buf_status(&paste->text) != GH_OK) {
        end(paste);
    }
}

gh_status gh_paste_start(gh_loop *loop, int fd, void (*line)(void *context, gh_view text), void *context,
                         gh_paste **paste)
{
    gh_paste *started = calloc(1, sizeof(*started));
    if (started == NULL) {
        return GH_ERR_NOMEM;
    }
    started->line = line;
    started->context = context;
    gh_buf_init(&started->text, LINE_MAX_BYTES);
    gh_status status = gh_buf_reserve(&started->text, LINE_MAX_BYTES);
    if (status == GH_OK) {
        status = gh_loop_watch_add(loop, fd, POLLIN, ready, started, &started->watch);
    }
    if (status != GH_OK) {
        gh_paste_stop(started);
        return status;
    }
    *paste = started;
    return GH_OK;
}

void gh_paste_stop(gh_paste *paste)
{
    if (paste != NULL) {
        end(paste);
        free(paste);
    }
}

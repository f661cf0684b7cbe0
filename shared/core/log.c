#include "shared/core/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/core/clock.h"
#include "shared/core/log_line.h"
#include "shared/core/log_ring.h"

#define DEFAULT_RING_LINES 4096
#define RING_LINES_MAX (1U << 20)
#define STOP_MS 1000
/* After a batch the writer naps, so that a busy program does not wake it for every line. */
#define NAP_MS 4
/* A pipe that poll() calls writable takes this much without blocking. */
#define BATCH_MAX PIPE_BUF

/* The one log of the process. `lock` guards what is not atomic. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t written;
    pthread_t writer;
    bool conditions_made; /* once, and never unmade: somebody may still be leaving a wait */
    bool running;
    bool stopping;
    bool asleep;   /* the writer waits without a time limit */
    bool flushing; /* somebody waits: no naps */
    int fd;
    gh_log_ring ring;
    uint64_t lines_in;
    uint64_t lines_out;
    uint64_t dropped_reported;
    gh_deadline stop_by;
    atomic_uint_fast64_t dropped;
    atomic_int level;
    atomic_int format;
    _Atomic(const char *) tag;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = STDERR_FILENO, .level = GH_LOG_INFO};

bool gh_log_enabled(gh_log_level level)
{
    return (int)level <= atomic_load_explicit(&state.level, memory_order_relaxed);
}

void gh_log_set_level(gh_log_level level)
{
    atomic_store_explicit(&state.level, (int)level, memory_order_relaxed);
}

uint64_t gh_log_dropped(void)
{
    return atomic_load_explicit(&state.dropped, memory_order_relaxed);
}

static gh_log_format current_format(void)
{
    return (gh_log_format)atomic_load_explicit(&state.format, memory_order_relaxed);
}

static size_t compose(gh_log_head *head, const gh_log_line *line, char *out)
{
    gh_view body = gh_view_make(line->body, line->len);
    return gh_log_line_compose(head, line->wall_ms, body, current_format(), state.tag, out);
}

static gh_deadline stop_deadline(void)
{
    gh_deadline deadline = gh_deadline_never();

    pthread_mutex_lock(&state.lock);
    if (state.stopping) {
        deadline = state.stop_by;
    }
    pthread_mutex_unlock(&state.lock);
    return deadline;
}

/* Waits for room, however long that takes, unless the log is being stopped. */
static bool write_batch(int fd, const char *data, size_t len)
{
    int patience_ms = 0;

    while (len > 0) {
        struct pollfd wait = {.fd = fd, .events = POLLOUT};
        ssize_t done = 0;
        int ready = poll(&wait, 1, patience_ms);

        if (ready == 0 || (ready < 0 && errno == EINTR)) {
            gh_deadline deadline = stop_deadline();
            if (gh_deadline_passed(deadline)) {
                return false;
            }
            patience_ms = gh_deadline_poll_ms(deadline, 100);
            continue;
        }
        done = ready < 0 ? -1 : write(fd, data, len);
        if (done < 0 && errno != EINTR && errno != EAGAIN) {
            return false;
        }
        if (done > 0) {
            data += done;
            len -= (size_t)done;
        }
    }
    return true;
}

static void write_lines(gh_log_head *head, gh_log_batch batch)
{
    const char *tag = state.tag;
    char out[BATCH_MAX];
    uint64_t lines = 0;
    size_t len = 0;
    while ((len = gh_log_batch_compose(&batch, head, current_format(), tag, out, sizeof(out), &lines)) > 0) {
        if (!write_batch(state.fd, out, len)) {
            state.dropped += lines;
        }
    }
}

/* One line when all is written after a loss. */
static void report_drops(gh_log_head *head, uint64_t dropped)
{
    gh_log_line line;
    char out[GH_LOG_LINE_MAX];
    char text[64];

    (void)snprintf(text, sizeof(text), "%llu log lines dropped", (unsigned long long)dropped);
    gh_log_line_message(&line, current_format(), GH_LOG_WARN, gh_view_of(text));
    (void)write_batch(state.fd, out, compose(head, &line, out));
}

/* How many lines were lost since the last report, once there is nothing more to write. Called with the lock
 * held. */
static uint64_t drops_to_report(void)
{
    uint64_t dropped = gh_log_dropped();
    uint64_t more = dropped - state.dropped_reported;
    if (gh_log_ring_len(&state.ring) > 0) {
        return 0;
    }
    state.dropped_reported = dropped;
    return more;
}

static struct timespec monotonic_in(int64_t ms)
{
    struct timespec at = {0};
    int64_t ns = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    ns = at.tv_nsec + (ms % 1000) * 1000000;
    at.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
    at.tv_nsec = (long)(ns % 1000000000);
    return at;
}

/* Called with the lock held; true while there may be more to write. */
static bool wait_for_work(bool nap)
{
    if (nap && !state.stopping && !state.flushing && gh_log_ring_len(&state.ring) < state.ring.slots / 2) {
        struct timespec until = monotonic_in(NAP_MS);
        (void)pthread_cond_timedwait(&state.work, &state.lock, &until);
    }
    while (gh_log_ring_len(&state.ring) == 0 && !state.stopping) {
        state.asleep = true;
        pthread_cond_wait(&state.work, &state.lock);
        state.asleep = false;
    }
    return gh_log_ring_len(&state.ring) > 0;
}

static void *writer_main(void *unused)
{
    gh_log_head head = {0};
    bool nap = false;

    (void)unused;
    pthread_mutex_lock(&state.lock);
    for (; wait_for_work(nap); nap = true) {
        gh_log_batch batch = gh_log_ring_take(&state.ring);
        size_t lines = batch.side->lines;
        uint64_t dropped = 0;

        pthread_mutex_unlock(&state.lock);
        write_lines(&head, batch);
        pthread_mutex_lock(&state.lock);
        dropped = drops_to_report();
        if (dropped > 0) {
            pthread_mutex_unlock(&state.lock);
            report_drops(&head, dropped);
            pthread_mutex_lock(&state.lock);
        }
        state.lines_out += lines;
        pthread_cond_broadcast(&state.written);
    }
    pthread_mutex_unlock(&state.lock);
    return NULL;
}

static gh_status make_conditions(void)
{
    pthread_condattr_t attr;
    gh_status status = GH_OK;

    if (state.conditions_made) {
        return GH_OK;
    }
    if (pthread_condattr_init(&attr) != 0) {
        return GH_ERR_NOMEM;
    }
    if (pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&state.work, &attr) != 0) {
        status = GH_ERR_NOMEM;
        goto out;
    }
    if (pthread_cond_init(&state.written, &attr) != 0) {
        pthread_cond_destroy(&state.work);
        status = GH_ERR_NOMEM;
        goto out;
    }
    state.conditions_made = true;
out:
    pthread_condattr_destroy(&attr);
    return status;
}

/* The writer inherits a mask with every signal blocked: signals belong to the main thread, and a closed
 * pipe becomes EPIPE. */
static gh_status start_writer(void)
{
    sigset_t all;
    sigset_t before;
    int failed = 0;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&state.writer, NULL, writer_main, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? GH_ERR_NOMEM : GH_OK;
}

gh_status gh_log_start(const gh_log_options *options)
{
    size_t slots = options->ring_lines ? options->ring_lines : DEFAULT_RING_LINES;
    gh_status status = GH_OK;

    if (slots > RING_LINES_MAX) {
        return GH_ERR_TOO_LARGE;
    }
    pthread_mutex_lock(&state.lock);
    if (state.running) {
        status = GH_ERR_CONFLICT;
        goto out;
    }
    status = gh_log_ring_make(&state.ring, slots);
    if (status != GH_OK) {
        goto out;
    }
    status = make_conditions();
    if (status != GH_OK) {
        gh_log_ring_free(&state.ring);
        goto out;
    }
    state.fd = options->fd;
    state.lines_in = 0;
    state.lines_out = 0;
    state.stopping = false;
    state.flushing = false;
    state.dropped_reported = gh_log_dropped();
    atomic_store(&state.format, (int)options->format);
    atomic_store(&state.tag, options->tag);
    gh_log_set_level(options->level);
    status = start_writer();
    if (status != GH_OK) {
        gh_log_ring_free(&state.ring);
        goto out;
    }
    state.running = true;
out:
    pthread_mutex_unlock(&state.lock);
    return status;
}

void gh_log_stop(void)
{
    pthread_mutex_lock(&state.lock);
    if (!state.running || state.stopping) {
        pthread_mutex_unlock(&state.lock);
        return;
    }
    state.stopping = true;
    state.stop_by = gh_deadline_in(STOP_MS);
    pthread_cond_signal(&state.work);
    pthread_mutex_unlock(&state.lock);

    (void)pthread_join(state.writer, NULL);

    pthread_mutex_lock(&state.lock);
    state.running = false;
    state.fd = STDERR_FILENO;
    gh_log_ring_free(&state.ring);
    pthread_cond_broadcast(&state.written);
    pthread_mutex_unlock(&state.lock);
}

void gh_log_flush(int ms)
{
    struct timespec until = monotonic_in(ms > 0 ? ms : 0);
    uint64_t wanted = 0;
    int failed = 0;

    pthread_mutex_lock(&state.lock);
    wanted = state.lines_in;
    while (state.running && !state.stopping && state.lines_out < wanted && failed == 0) {
        state.flushing = true;
        pthread_cond_signal(&state.work);
        failed = pthread_cond_timedwait(&state.written, &state.lock, &until);
    }
    state.flushing = false;
    pthread_mutex_unlock(&state.lock);
}

/* Early start-up, tests, after the end. */
static void write_now(const gh_log_line *line)
{
    char text[GH_LOG_LINE_MAX];
    gh_log_head head = {0};
    size_t len = compose(&head, line, text);

    while (write(STDERR_FILENO, text, len) < 0 && errno == EINTR) {
    }
}

static void submit(const gh_log_line *line)
{
    bool queued = false;
    bool wake = false;
    pthread_mutex_lock(&state.lock);
    if (!state.running || state.stopping) {
        pthread_mutex_unlock(&state.lock);
        write_now(line);
        return;
    }
    queued = gh_log_ring_push(&state.ring, line);
    if (queued) {
        state.lines_in++;
        wake = state.asleep || gh_log_ring_len(&state.ring) == state.ring.slots / 2;
        state.asleep = false;
    }
    if (wake) {
        pthread_cond_signal(&state.work);
    }
    pthread_mutex_unlock(&state.lock);
    if (!queued) {
        state.dropped++;
    }
}

void gh_log_message(gh_log_level level, const char *format, ...)
{
    char text[GH_LOG_LINE_MAX];
    gh_log_line line;
    va_list args;
    int len = 0;

    if (!gh_log_enabled(level)) {
        return;
    }
    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0) {
        return;
    }
    gh_log_line_message(&line, current_format(), level,
                        gh_view_make(text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1));
    submit(&line);
}

void gh_log_event(gh_log_level level, const char *event, const gh_log_field *fields, size_t count)
{
    gh_log_line line;

    if (!gh_log_enabled(level)) {
        return;
    }
    gh_log_line_event(&line, current_format(), level, event, fields, count);
    submit(&line);
}

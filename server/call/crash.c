#include "server/call/crash.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/core/log.h"
#include "shared/core/sanitizer.h"

#define LINE_MAX_BYTES 512
#define WRITER_NS 100000000L /* for the log's writer, which goes on meanwhile */
#define FLUSH_MS 100

/* A signal handler gets no argument of ours: what its thread runs can only be found beside the thread. */
static _Thread_local const gh_crash_scope *volatile running;

void gh_crash_enter(gh_crash_scope *scope)
{
    scope->outer = running;
    running = scope;
}

void gh_crash_leave(const gh_crash_scope *scope)
{
    running = scope->outer;
}

/* Only functions that a signal handler may call, from here on down to on_signal. */

/* Names may hold anything but must not break the line. */
static size_t append(char *line, size_t len, const char *text)
{
    for (size_t i = 0; text[i] != '\0' && len < LINE_MAX_BYTES - 1; i++) {
        unsigned char c = (unsigned char)text[i];
        line[len++] = c < ' ' || c == 0x7f ? '?' : text[i];
    }
    return len;
}

static void say(const char *before, const gh_crash_scope *scope)
{
    char line[LINE_MAX_BYTES];
    size_t len = append(line, 0, before);
    len = append(line, len, scope != NULL ? scope->what : "");
    len = append(line, len, scope != NULL ? scope->label : "outside of plugins");
    line[len++] = '\n';
    /* When nobody takes it there is nobody else to tell. */
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written;
}

#if !defined(GH_CHECKS_MEMORY) && !defined(GH_CHECKS_THREADS)
static void on_signal(int number, siginfo_t *info, void *context)
{
    struct timespec rest = {.tv_nsec = WRITER_NS};
    (void)context;
    say(running != NULL ? "gatehouse: crashed in " : "gatehouse: crashed ", running);
    while (nanosleep(&rest, &rest) != 0) {
    }
    /* The instruction that failed fails again, now without this handler. What was sent does not come back by
     * itself. */
    if (info->si_code <= 0) {
        (void)raise(number);
    }
}

static void handle_signals(void)
{
    static const int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_signal;
    action.sa_flags = (int)((unsigned)SA_SIGINFO | (unsigned)SA_RESETHAND | (unsigned)SA_ONSTACK);
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof SIGNALS / sizeof SIGNALS[0]; i++) {
        (void)sigaction(SIGNALS[i], &action, NULL);
    }
}
#endif

static void on_exit_within(void)
{
    const gh_crash_scope *scope = running;
    if (scope != NULL) {
        gh_log_flush(FLUSH_MS);
        say("gatehouse: a plugin ended the process: ", scope);
    }
}

void gh_crash_install(void)
{
#if !defined(GH_CHECKS_MEMORY) && !defined(GH_CHECKS_THREADS)
    handle_signals();
#endif
    (void)atexit(on_exit_within);
}

/* gatehouse: settings, signals, start, housekeeping, drain. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/admin.h"
#include "server/app.h"
#include "server/call/crash.h"
#include "server/commands.h"
#include "server/commands_tools.h"
#include "server/exec/signal_stack.h"
#include "server/options.h"
#include "shared/core/log.h"

#define EXIT_USAGE 64
#define EXIT_CONFIGURATION 78

static int print(const gh_buf *text, gh_status status)
{
    bool written = status == GH_OK && fwrite(text->data, 1, text->len, stdout) == text->len;
    return written && fflush(stdout) == 0 ? 0 : 1;
}

/* --help, --version, --print-config; -1 when none was asked for. */
static int answer_and_leave(const gh_settings *settings)
{
    gh_buf text = GH_BUF_INIT((size_t)64 * 1024);
    int code = -1;
    if (settings->result.help) {
        code = print(&text, gh_settings_write_help(&text));
    } else if (settings->result.version) {
        code = print(&text, gh_buf_appendf(&text, "gatehouse %s\n", GATEHOUSE_VERSION));
    } else if (settings->result.print_config) {
        gh_status status = gh_settings_write_config(settings, &text);
        code = print(&text, status == GH_OK ? gh_buf_append_char(&text, '\n') : status);
    }
    gh_buf_free(&text);
    return code;
}

static gh_log_level level_of(const char *name)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return (gh_log_level)i;
        }
    }
    return GH_LOG_INFO;
}

static gh_status start_log(const gh_settings *settings)
{
    const gh_log_options options = {.fd = STDERR_FILENO,
                                    .format =
                                        strcmp(settings->log_format, "json") == 0 ? GH_LOG_JSON : GH_LOG_TEXT,
                                    .level = level_of(settings->log_level)};
    return gh_log_start(&options);
}

static void greet(const gh_settings *settings, const gh_app *app)
{
    const char *origin = gh_app_origin(app);
    bool open = strcmp(settings->auth, "none") == 0;
    gh_log_info("gatehouse %s: an MCP server that %s (--auth %s)", GATEHOUSE_VERSION,
                open ? "takes every caller" : "asks its callers to sign in", settings->auth);
    gh_log_info("listening on %s (MCP endpoint %s/mcp)", origin, origin);
    if (open) {
        gh_log_warn("nobody signs in: whatever runs on this machine can call every tool");
    } else if (strcmp(settings->auth, "dev") != 0) {
        gh_log_info("people sign in at %s", settings->issuer);
    } else if (settings->dev_password == NULL) {
        gh_log_warn("anyone on this machine can sign in as anyone; --dev-password-file ends that");
    }
}

static void block_signals(sigset_t *signals)
{
    (void)sigemptyset(signals);
    (void)sigaddset(signals, SIGTERM);
    (void)sigaddset(signals, SIGINT);
    (void)sigaddset(signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a store that may not grow is an error to answer, not the end */
}

/* What is given up by the facade is said at every start, where the operator sees it. */
static void warn_about_facade(const gh_settings *settings)
{
    if (strcmp(settings->auth, "facade") == 0) {
        gh_log_warn("facade mode: tokens are not bound to this server (any token of client %s opens it) and "
                    "no client "
                    "is asked for consent; --auth proxy has neither limit",
                    settings->client_id);
    }
}

/* Until somebody asks for the end, or the provider turns out not to work: then 0 with *error filled. */
static int serve(gh_app *app, const sigset_t *signals, gh_error *error)
{
    bool decided = false;
    for (;;) {
        if (!decided) {
            decided = gh_app_decided(app);
            if (decided && gh_app_refused(app, error)) {
                return 0;
            }
        }
        const struct timespec pause = {.tv_sec = 1};
        int number = sigtimedwait(signals, NULL, &pause);
        if (number == SIGTERM || number == SIGINT) {
            return number;
        }
        if (number == SIGHUP) {
            gh_app_reload(app);
        } else if (errno == EAGAIN) {
            gh_app_sweep(app);
        }
    }
}

static void finish(gh_app *app, int number)
{
    sigset_t ends; /* a reload that comes too late ends nothing */
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    gh_log_info("%s: finishing what is in flight; a second signal ends at once",
                number == SIGTERM ? "SIGTERM" : "SIGINT");
    (void)pthread_sigmask(SIG_UNBLOCK, &ends, NULL);
    if (!gh_app_drain(app)) {
        gh_log_warn("some requests did not end in time and are cut");
    }
    gh_app_stop(app);
    gh_log_info("stopped");
}

static int run(const gh_settings *settings)
{
    sigset_t signals;
    gh_error error = {0};
    gh_app *app = NULL;
    block_signals(&signals);
    if (start_log(settings) != GH_OK) {
        (void)fprintf(stderr, "gatehouse: the log could not be started: out of memory or threads\n");
        return 1;
    }
    int code = 0;
    gh_status status = gh_app_start(settings, &app, &error);
    if (status == GH_OK) {
        greet(settings, app);
        warn_about_facade(settings);
        int number = serve(app, &signals, &error);
        if (number != 0) {
            finish(app, number);
        } else {
            gh_log_error("%s", error.message);
            gh_app_stop(app);
            code = EXIT_CONFIGURATION;
        }
    } else {
        gh_log_error("%s", error.message);
        code = status == GH_ERR_INVALID || status == GH_ERR_DENIED ? EXIT_CONFIGURATION : 1;
    }
    gh_log_stop();
    return code;
}

static int run_admin(const gh_settings *settings)
{
    return gh_command_admin(settings);
}

static int dispatch(const gh_settings *settings)
{
    static const struct {
        const char *name;
        int (*run)(const gh_settings *settings);
    } commands[] = {{"check", gh_command_check}, {"healthcheck", gh_command_healthcheck},
                    {"tools", gh_command_tools}, {"grants", run_admin},
                    {"clients", run_admin},      {"keys", run_admin}};
    if (settings->result.positional.count == 0) {
        return run(settings);
    }
    const char *name = settings->result.positional.items[0];
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return commands[i].run(settings);
        }
    }
    (void)fprintf(stderr,
                  "gatehouse: there is no command \"%s\"; there are check, healthcheck, tools, grants, "
                  "clients and keys\n",
                  name);
    return EXIT_USAGE;
}

/* Each worker has its heap, and the C library keeps what a large body took for the next one: with hundreds of
 * workers that adds up. What is large is given back instead. */
static void give_memory_back(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 256 * 1024);
#endif
}

int main(int argc, char **argv)
{
    gh_settings settings;
    gh_error error = {0};
    (void)umask(077);
    give_memory_back();
    void *signal_stack = gh_signal_stack_new();
    gh_crash_install();
    gh_status status = gh_settings_load(argc, argv, environ, &settings, &error);
    int code = EXIT_CONFIGURATION;
    if (status == GH_OK) {
        code = answer_and_leave(&settings);
        code = code >= 0 ? code : dispatch(&settings);
    } else {
        (void)fprintf(stderr, "gatehouse: %s\n", error.message);
        if (status == GH_ERR_INVALID) {
            (void)fprintf(stderr, "gatehouse --help lists the options.\n");
            code = EXIT_USAGE;
        }
    }
    gh_settings_clear(&settings);
    gh_signal_stack_free(signal_stack);
    return code;
}

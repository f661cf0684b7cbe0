/* gatehouse-bridge: wiring. Exit codes: 0, 1 (it failed), 64 (usage), 78 (configuration). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bridge/authorizer.h"
#include "bridge/loop.h"
#include "bridge/options.h"
#include "bridge/relay.h"
#include "bridge/remote.h"
#include "bridge/signals.h"
#include "shared/core/log.h"

#define EXIT_USAGE 64
#define EXIT_CONFIG 78
#define TEXT_MAX (256 * 1024)

typedef struct program {
    gh_bridge_settings settings;
    gh_http_client *client;
    gh_loop *loop;
    gh_authorizer *authorizer;
    gh_remote *remote;
    gh_relay *relay;
    int signals;
    gh_loop_watch *signal_watch;
} program;

/* A socket must never get one of the standard descriptors: JSON-RPC or log lines would go there. */
static void hold_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            (void)open("/dev/null", O_RDWR);
        }
    }
}

static int complain(const char *sentence, int exit_code)
{
    (void)fprintf(stderr, "gatehouse-bridge: %s\n", sentence);
    return exit_code;
}

static int usage(const char *sentence)
{
    (void)fprintf(stderr,
                  "gatehouse-bridge: %s\nUsage: gatehouse-bridge [OPTIONS] URL\n"
                  "       gatehouse-bridge login|logout|status|check URL\n"
                  "Try gatehouse-bridge --help.\n",
                  sentence);
    return EXIT_USAGE;
}

static int print(gh_status (*write)(const program *bridge, gh_buf *out), const program *bridge)
{
    gh_buf out = GH_BUF_INIT(TEXT_MAX);
    int exit_code =
        write(bridge, &out) == GH_OK && fputs(gh_buf_cstr(&out), stdout) >= 0 && fflush(stdout) == 0 ? 0 : 1;

    gh_buf_free(&out);
    return exit_code;
}

static gh_status write_help(const program *bridge, gh_buf *out)
{
    (void)bridge;
    return gh_options_write_help(&GH_BRIDGE_OPTIONS, out);
}

static gh_status write_version(const program *bridge, gh_buf *out)
{
    (void)bridge;
    return gh_buf_append_cstr(out, "gatehouse-bridge " GATEHOUSE_VERSION "\n");
}

static gh_status write_config(const program *bridge, gh_buf *out)
{
    return gh_options_write_config(&GH_BRIDGE_OPTIONS, &bridge->settings, out);
}

static gh_log_level level_of(const char *name)
{
    static const char *const NAMES[] = {"error", "warn", "info", "debug"};

    for (int i = 0; i < 4; i++) {
        if (strcmp(name, NAMES[i]) == 0) {
            return (gh_log_level)i;
        }
    }
    return GH_LOG_WARN;
}

static gh_status start_log(const gh_bridge_settings *settings)
{
    gh_log_options options = {
        .fd = 2,
        .format = strcmp(settings->log_format, "json") == 0 ? GH_LOG_JSON : GH_LOG_TEXT,
        .level = level_of(settings->log_level),
        .ring_lines = 256,
        .tag = "gatehouse-bridge: ",
    };

    return gh_log_start(&options);
}

static void on_signal(void *context, int fd, short revents)
{
    program *bridge = context;

    (void)revents;
    if (gh_signals_take(fd) != 0) {
        gh_relay_shutdown(bridge->relay);
    }
}

static gh_status wire_http(program *bridge, gh_error *error)
{
    gh_http_client_options options = {
        .user_agent = "gatehouse-bridge/" GATEHOUSE_VERSION,
        .ca_file = bridge->settings.ca_file,
        .cert_file = bridge->settings.tls_cert,
        .key_file = bridge->settings.tls_key,
        .home = bridge->settings.url,
        .home_headers = bridge->settings.headers,
        .home_header_count = bridge->settings.header_count,
        .quick_exit = true,
    };
    gh_status status = gh_http_client_new(&options, &bridge->client, error);

    return status == GH_OK ? gh_loop_new(bridge->client, &bridge->loop) : status;
}

static gh_status wire_relay(program *bridge, gh_error *error)
{
    gh_status status = gh_authorizer_new(bridge->loop, &bridge->settings, &bridge->authorizer, error);

    if (status == GH_OK) {
        status = gh_remote_new(bridge->loop, bridge->authorizer, &bridge->settings, &bridge->remote);
    }
    if (status == GH_OK) {
        status = gh_relay_new(bridge->loop, bridge->remote, &bridge->settings, STDIN_FILENO, STDOUT_FILENO,
                              &bridge->relay);
    }
    if (status == GH_OK) {
        status = gh_loop_watch_add(bridge->loop, bridge->signals, POLLIN, on_signal, bridge,
                                   &bridge->signal_watch);
    }
    return status;
}

static int run_relay(program *bridge)
{
    gh_error error = {0};
    /* Before the log's thread starts, so that no thread takes the signals away. */
    gh_status status = gh_signals_open(&bridge->signals);

    if (status == GH_OK) {
        status = start_log(&bridge->settings);
    }
    if (status == GH_OK) {
        status = wire_http(bridge, &error);
    }
    if (status == GH_OK) {
        status = wire_relay(bridge, &error);
    }
    if (status != GH_OK) {
        return complain(error.message[0] != '\0' ? error.message : gh_status_text(status), EXIT_CONFIG);
    }
    return gh_loop_run(bridge->loop);
}

static int run_command(program *bridge)
{
    gh_error error = {0};
    gh_status status = start_log(&bridge->settings);

    if (status == GH_OK) {
        status = wire_http(bridge, &error);
    }
    if (status != GH_OK) {
        return complain(error.message[0] != '\0' ? error.message : gh_status_text(status), EXIT_CONFIG);
    }
    switch (bridge->settings.command) {
    case GH_BRIDGE_LOGIN:
        return gh_command_login(bridge->loop, &bridge->settings);
    case GH_BRIDGE_LOGOUT:
        return gh_command_logout(bridge->loop, &bridge->settings);
    case GH_BRIDGE_STATUS:
        return gh_command_status(&bridge->settings);
    default:
        return gh_command_check(bridge->loop, &bridge->settings);
    }
}

static int run(program *bridge, int argc, char **argv)
{
    gh_error error = {0};
    gh_status status = gh_bridge_options_load(argc, argv, environ, &bridge->settings, &error);

    if (status == GH_ERR_INVALID) {
        return usage(error.message);
    }
    if (status != GH_OK) {
        return complain(error.message, EXIT_CONFIG);
    }
    if (bridge->settings.result.help) {
        return print(write_help, bridge);
    }
    if (bridge->settings.result.version) {
        return print(write_version, bridge);
    }
    if (bridge->settings.result.print_config) {
        return print(write_config, bridge);
    }
    return bridge->settings.command == GH_BRIDGE_RUN ? run_relay(bridge) : run_command(bridge);
}

int main(int argc, char **argv)
{
    program bridge = {.signals = -1};
    int exit_code;

    hold_standard_descriptors();
    gh_signals_ignore_pipe();
    exit_code = run(&bridge, argc, argv);
    gh_relay_free(bridge.relay);
    gh_remote_free(bridge.remote);
    gh_authorizer_free(bridge.authorizer);
    gh_loop_free(bridge.loop);
    gh_http_client_free(bridge.client);
    gh_log_stop();
    if (bridge.signals >= 0) {
        (void)close(bridge.signals);
    }
    gh_bridge_options_clear(&bridge.settings);
    return exit_code;
}

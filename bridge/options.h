/* The bridge's settings, filled from its option table. Read-only after gh_bridge_options_load. */
#ifndef GH_BRIDGE_OPTIONS_H
#define GH_BRIDGE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/config/options.h"
#include "shared/core/bytes.h"
#include "shared/core/status.h"

typedef enum gh_bridge_command {
    GH_BRIDGE_RUN, /* gatehouse-bridge URL: stdio to HTTP */
    GH_BRIDGE_LOGIN,
    GH_BRIDGE_LOGOUT,
    GH_BRIDGE_STATUS,
    GH_BRIDGE_CHECK
} gh_bridge_command;

typedef struct gh_bridge_settings {
    gh_bridge_command command;
    char *url;       /* the MCP endpoint; owned */
    char *state_dir; /* PATH; default $XDG_STATE_HOME/gatehouse-bridge */
    char *browser;   /* command, words split at spaces, the URL is appended as one argument */
    bool no_browser; /* print the URL only */
    char *client_id; /* registered beforehand */
    gh_secret *client_secret;
    char *scope; /* asked for instead of the challenge's */
    char *ca_file;
    bool allow_http;       /* plain http to a host that is not loopback */
    int64_t callback_port; /* 0: any free one */
    int64_t login_timeout_ms;
    int64_t request_timeout_ms; /* a call without any byte of reply */
    int64_t connect_timeout_ms;
    int64_t eof_wait_ms;
    int64_t max_message; /* bytes of one message, either way */
    char *log_format, *log_level;
    gh_options_result result;
} gh_bridge_settings;

extern const gh_option_table GH_BRIDGE_OPTIONS;

/* Options, subcommand and URL. GH_ERR_INVALID with a sentence for the person. */
GH_MUST_USE gh_status gh_bridge_options_load(int argc, char **argv, char **env, gh_bridge_settings *settings,
                                             gh_error *error);
void gh_bridge_options_clear(gh_bridge_settings *settings);

#endif

/* The server's settings, filled from its option table. Read-only after gh_settings_load. */
#ifndef GH_SERVER_OPTIONS_H
#define GH_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/config/options.h"
#include "shared/core/bytes.h"
#include "shared/core/status.h"

#define GH_OWN_SCOPE "mcp" /* of the tokens that this server issues: modes dev and proxy */

#define GH_SETTING_UNSET (-1) /* before gh_settings_check */

typedef struct gh_settings {
    char *auth;       /* "dev", "proxy", "direct", "facade", "none"; never NULL after loading */
    char *listen;     /* HOST:PORT */
    char *public_url; /* an origin; NULL: http://localhost:PORT, of what is listened on */
    char *store;      /* "memory" or "sqlite:PATH" */
    char *name;
    gh_secret *dev_password; /* NULL: anyone may be anyone */
    char *issuer;            /* of the identity provider; NULL in dev mode */
    char *client_id;
    gh_secret *client_secret;
    char *scopes;          /* asked for at the provider */
    char *required_scopes; /* that a token must carry at /mcp; NULL: by mode */
    char *audience;        /* direct mode: what `aud` must hold; NULL: the MCP URL */
    bool accept_client_id_audience;
    gh_text_list required_claims; /* "groups=mcp" */
    char *connect_to;             /* HOST:PORT:HOST:PORT */
    char *ca_file;
    bool allow_insecure_http;
    char *secret_key_file; /* NULL: beside the store, or none */
    gh_text_list redirect_schemes;
    gh_text_list allowed_origins;
    gh_text_list trusted_proxies;
    int64_t access_token_ttl_ms, refresh_token_ttl_ms;
    int64_t max_clients, max_sessions, session_idle_ms;
    int64_t workers, max_head, max_body, max_depth, max_members;
    int64_t max_connections, max_streams, max_streams_user, max_sessions_user, max_calls_user;
    int64_t requests_per_minute, requests_per_minute_user; /* 0: any number */
    bool counts_local; /* the first was given, so that this machine's own count as well */
    bool counts_local_users;
    char *metrics_listen;     /* HOST:PORT; NULL: no /metrics */
    gh_secret *metrics_token; /* NULL: nobody needs one */
    char *instructions;       /* NULL for none */
    gh_text_list plugins;     /* paths */
    char *plugin_dir, *plugin_config;
    gh_text_list tools, openapi, openapi_select; /* files; files or URLs; patterns */
    char *openapi_upstream;                      /* NULL: the description's own server */
    gh_secret *user_token;                       /* for `tools call`; NULL */
    int64_t call_timeout_ms, input_timeout_ms, task_ttl_ms;
    bool hide_unscoped_tools;
    int64_t call_threads, call_queue, page_size;
    int64_t request_timeout_ms, body_timeout_ms, drain_timeout_ms;
    char *log_format, *log_level;
    gh_options_result result;
} gh_settings;

/* Reads command line, environment and file; then checks what belongs together. GH_ERR_INVALID: a wrong option
 * or value (usage); GH_ERR_DENIED: values that may not go together (configuration). After --help or --version
 * nothing else is checked. Free with gh_settings_clear in every case. */
GH_MUST_USE gh_status gh_settings_load(int argc, char **argv, char **env, gh_settings *settings,
                                       gh_error *error);
void gh_settings_clear(gh_settings *settings);
/* The second half of loading: fills in what depends on the mode and checks what belongs together. */
GH_MUST_USE gh_status gh_settings_check(gh_settings *settings, gh_error *error);

GH_MUST_USE gh_status gh_settings_write_help(gh_buf *out);
GH_MUST_USE gh_status gh_settings_write_config(const gh_settings *settings, gh_buf *out);

#endif

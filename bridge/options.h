/* The bridge's settings, filled from its option table. Read-only after gh_bridge_options_load. */
#ifndef GH_BRIDGE_OPTIONS_H
#define GH_BRIDGE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/config/options.h"
#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/net/http_client.h"

typedef enum gh_bridge_command {
    GH_BRIDGE_RUN, /* gatehouse-bridge URL: stdio to HTTP */
    GH_BRIDGE_LOGIN,
    GH_BRIDGE_LOGOUT,
    GH_BRIDGE_STATUS,
    GH_BRIDGE_CHECK
} gh_bridge_command;

/* How tokens are come by. All but the first two need no person. */
typedef enum gh_bridge_grant {
    GH_BRIDGE_GRANT_CODE,      /* in the browser (RFC 8252) */
    GH_BRIDGE_GRANT_DEVICE,    /* with a code, on another device (RFC 8628) */
    GH_BRIDGE_GRANT_CLIENT,    /* as the client itself (RFC 6749, 4.4) */
    GH_BRIDGE_GRANT_ASSERTION, /* with the assertion in a file (RFC 7523, 2.1) */
    GH_BRIDGE_GRANT_ENTERPRISE /* with an identity provider's grant (ID-JAG) */
} gh_bridge_grant;

/* Which transport is tried, and in which order: Streamable HTTP and the old HTTP+SSE (2024-11-05). */
typedef enum gh_bridge_transport {
    GH_BRIDGE_HTTP_FIRST,
    GH_BRIDGE_SSE_FIRST,
    GH_BRIDGE_HTTP_ONLY,
    GH_BRIDGE_SSE_ONLY
} gh_bridge_transport;

typedef struct gh_bridge_settings {
    gh_bridge_command command;
    char *program;   /* how to start the bridge, for hints: see gh_bridge_program; owned */
    char *url;       /* the MCP endpoint; owned */
    char *state_dir; /* PATH; default $XDG_STATE_HOME/gatehouse-bridge */
    char *browser;   /* command, words split at spaces, the URL is appended as one argument */
    bool no_browser; /* print the URL only */
    char *client_id; /* registered beforehand */
    gh_secret *client_secret;
    char *client_key;          /* PATH of a PEM key that the client signs with (RFC 7523, 2.2) */
    char *client_auth_method;  /* at the token endpoint, when the client's information says so; owned */
    char *client_metadata_url; /* a client ID metadata document */
    char *client_info;         /* mcp-remote's form of client_id and client_secret, until it is taken apart */
    char *client_metadata;     /* JSON object: members of the registration request */
    char *issuer;              /* the one to choose among the authorization servers */
    char *resource;            /* sent instead of what the server's metadata says */
    bool no_resource;          /* none is sent */
    gh_text_list authorize_params; /* NAME=VALUE, added to the authorization request */
    gh_bridge_grant grant;
    bool dpop; /* tokens are bound to a key (RFC 9449) */
    bool device, client_credentials;
    char *assertion_file;
    char *idp; /* issuer */
    char *idp_client_id;
    gh_secret *idp_client_secret;
    char *idp_token_file;
    char *scope; /* asked for instead of the challenge's */
    char *ca_file;
    bool allow_http;       /* plain http to a host that is not loopback */
    int64_t callback_port; /* 0: any free one */
    char *callback_host;   /* NULL: 127.0.0.1, or [::1] where there is no IPv4 */
    char *callback_path;
    bool keyring; /* keep the credentials in the Secret Service */
    char *transport_name;
    gh_bridge_transport transport; /* from transport_name */
    char *protocol;                /* "auto", or "legacy": nothing newer than 2025-11-25 is tried */
    gh_text_list header_lines;     /* values masked after loading: what counts is `headers` */
    char *header_file;
    gh_http_header *headers; /* for the MCP server's origin only; owned, values wiped when freed */
    size_t header_count;
    bool own_authorization; /* `headers` has an Authorization: no login is made */
    char *tls_cert, *tls_key;
    int64_t login_timeout_ms;
    int64_t request_timeout_ms; /* a call without any byte of reply */
    int64_t connect_timeout_ms;
    int64_t eof_wait_ms;
    int64_t max_message;                    /* bytes of one message, either way */
    gh_text_list allow_tools, ignore_tools; /* patterns */
    char *log_format, *log_level;
    gh_options_result result;
} gh_bridge_settings;

extern const gh_option_table GH_BRIDGE_OPTIONS;

/* Options, subcommand and URL. GH_ERR_INVALID with a sentence for the person. */
GH_MUST_USE gh_status gh_bridge_options_load(int argc, char **argv, char **env, gh_bridge_settings *settings,
                                             gh_error *error);
void gh_bridge_options_clear(gh_bridge_settings *settings);

/* What to type to start this bridge: argv[0] when it has a slash, else the program's name. Borrowed. */
const char *gh_bridge_program(const gh_bridge_settings *settings);
/* What the credentials are kept under: the URL, and whatever of the settings makes them others' for the same
 * URL. Owned by the caller. */
GH_MUST_USE gh_status gh_bridge_credentials_key(const gh_bridge_settings *settings, char **key);
/* True when the settings' grant needs no person. */
bool gh_bridge_is_machine(const gh_bridge_settings *settings);

#endif

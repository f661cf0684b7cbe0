#include "bridge/options.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/options_connection.h"
#include "bridge/options_login.h"
#include "shared/core/file.h"
#include "shared/net/url.h"

#define DAY_MS (24LL * 60 * 60 * 1000)
#define ROW(member) offsetof(gh_bridge_settings, member)

static const gh_option ROWS[] = {
    {.name = "client-id",
     .type = GH_OPTION_STRING,
     .field = ROW(client_id),
     .argument = "ID",
     .group = "Signing in",
     .help = "Client that was registered beforehand; without it the bridge registers itself."},
    {.name = "client-secret",
     .type = GH_OPTION_SECRET,
     .field = ROW(client_secret),
     .argument = "FILE",
     .help = "Secret of that client, for servers that insist on one."},
    {.name = "client-key",
     .type = GH_OPTION_PATH,
     .field = ROW(client_key),
     .argument = "FILE",
     .help = "Private key (PEM, P-256 or RSA) that the client proves itself with instead of a secret."},
    {.name = "client-metadata-url",
     .type = GH_OPTION_STRING,
     .field = ROW(client_metadata_url),
     .argument = "URL",
     .help = "Metadata document that names the client, for servers that support those."},
    {.name = "static-oauth-client-info",
     .type = GH_OPTION_STRING,
     .field = ROW(client_info),
     .argument = "JSON|@FILE",
     .help = "Client id and secret as a JSON object, as mcp-remote takes them."},
    {.name = "static-oauth-client-metadata",
     .type = GH_OPTION_STRING,
     .field = ROW(client_metadata),
     .argument = "JSON|@FILE",
     .help = "JSON object whose members go into the registration request, as mcp-remote takes it."},
    {.name = "issuer",
     .type = GH_OPTION_STRING,
     .field = ROW(issuer),
     .argument = "URL",
     .help = "Authorization server to sign in at, when the MCP server names several or none."},
    {.name = "resource",
     .type = GH_OPTION_STRING,
     .field = ROW(resource),
     .argument = "URL",
     .help = "Resource to ask a token for, instead of what the server's metadata says."},
    {.name = "no-resource",
     .type = GH_OPTION_BOOL,
     .field = ROW(no_resource),
     .help = "Send no resource, for authorization servers that refuse it."},
    {.name = "authorize-param",
     .type = GH_OPTION_LIST,
     .field = ROW(authorize_params),
     .argument = "NAME=VALUE",
     .help = "Parameter to add to the sign-in page's URL; may be given several times."},
    {.name = "scope",
     .type = GH_OPTION_STRING,
     .field = ROW(scope),
     .argument = "SCOPES",
     .help = "Scopes to ask for, separated by spaces, instead of those that the server names."},
    {.name = "browser",
     .type = GH_OPTION_STRING,
     .field = ROW(browser),
     .argument = "COMMAND",
     .help = "Command that opens the sign-in page; the URL is added as its last argument.\n"
             "Default: $BROWSER, else xdg-open or open."},
    {.name = "no-browser",
     .type = GH_OPTION_BOOL,
     .field = ROW(no_browser),
     .help = "Open no browser; only print the URL."},
    {.name = "device",
     .type = GH_OPTION_BOOL,
     .field = ROW(device),
     .help = "Sign in on another device, with a code that is printed."},
    {.name = "dpop",
     .type = GH_OPTION_BOOL,
     .field = ROW(dpop),
     .help = "Bind tokens to a key of the bridge (DPoP), where the authorization server can do that."},
    {.name = "callback-port",
     .type = GH_OPTION_INT,
     .field = ROW(callback_port),
     .initial = "0",
     .min = 0,
     .max = 65535,
     .argument = "PORT",
     .help = "Loopback port that the sign-in comes back to; 0 takes any free one."},
    {.name = "callback-host",
     .type = GH_OPTION_ENUM,
     .field = ROW(callback_host),
     .choices = "127.0.0.1 ::1 localhost",
     .argument = "HOST",
     .help = "Name of this machine in the address that the sign-in comes back to.\n"
             "Default: 127.0.0.1, or ::1 without IPv4."},
    {.name = "callback-path",
     .type = GH_OPTION_STRING,
     .field = ROW(callback_path),
     .initial = "/callback",
     .argument = "PATH",
     .help = "Path of that address."},
    {.name = "login-timeout",
     .type = GH_OPTION_DURATION,
     .field = ROW(login_timeout_ms),
     .initial = "5m",
     .min = 1000,
     .max = DAY_MS,
     .argument = "TIME",
     .help = "How long to wait for a person to sign in."},
    {.name = "state-dir",
     .type = GH_OPTION_PATH,
     .field = ROW(state_dir),
     .argument = "FOLDER",
     .help = "Where tokens are kept, readable by nobody else.\n"
             "Default: $XDG_STATE_HOME/gatehouse-bridge."},
    {.name = "keyring",
     .type = GH_OPTION_BOOL,
     .field = ROW(keyring),
     .help = "Keep tokens in the desktop's keyring (Secret Service) instead, if there is one."},
    {.name = "client-credentials",
     .type = GH_OPTION_BOOL,
     .field = ROW(client_credentials),
     .group = "Signing in without a person",
     .help = "Sign in as the client itself, with --client-id and its secret or key."},
    {.name = "assertion-file",
     .type = GH_OPTION_PATH,
     .field = ROW(assertion_file),
     .argument = "FILE",
     .help = "Sign in with the JWT in this file, which is read anew each time."},
    {.name = "idp",
     .type = GH_OPTION_STRING,
     .field = ROW(idp),
     .argument = "URL",
     .help = "Identity provider of the enterprise, which grants access to the server (ID-JAG)."},
    {.name = "idp-client-id",
     .type = GH_OPTION_STRING,
     .field = ROW(idp_client_id),
     .argument = "ID",
     .help = "Client at that identity provider."},
    {.name = "idp-client-secret",
     .type = GH_OPTION_SECRET,
     .field = ROW(idp_client_secret),
     .argument = "FILE",
     .help = "Secret of that client, for providers that insist on one."},
    {.name = "idp-token-file",
     .type = GH_OPTION_PATH,
     .field = ROW(idp_token_file),
     .argument = "FILE",
     .help = "ID token of that identity provider; the file is read anew each time."},
    {.name = "transport",
     .type = GH_OPTION_ENUM,
     .field = ROW(transport_name),
     .initial = "http-first",
     .choices = "http-first sse-first http-only sse-only",
     .argument = "ORDER",
     .group = "Connection",
     .help = "Streamable HTTP, or the old HTTP+SSE transport of 2024-11-05."},
    {.name = "protocol",
     .type = GH_OPTION_ENUM,
     .field = ROW(protocol),
     .initial = "auto",
     .choices = "auto legacy",
     .argument = "ERA",
     .help = "legacy: nothing newer than 2025-11-25 is tried on the server's side."},
    {.name = "header",
     .type = GH_OPTION_LIST,
     .field = ROW(header_lines),
     .argument = "\"NAME: VALUE\"",
     .help = "Header of every request to the MCP server's origin; ${NAME} stands for an\n"
             "environment variable. With Authorization no sign-in is made."},
    {.name = "header-file",
     .type = GH_OPTION_PATH,
     .field = ROW(header_file),
     .argument = "FILE",
     .help = "The same, one header on a line; # begins a comment. Nobody else may read the file."},
    {.name = "allow-http",
     .type = GH_OPTION_BOOL,
     .field = ROW(allow_http),
     .help = "Accept http:// to another machine: whoever is on the way can read the tokens."},
    {.name = "ca-file",
     .type = GH_OPTION_PATH,
     .field = ROW(ca_file),
     .argument = "FILE",
     .help = "Certificate authorities (PEM) to trust instead of the system's."},
    {.name = "tls-cert",
     .type = GH_OPTION_PATH,
     .field = ROW(tls_cert),
     .argument = "FILE",
     .help = "Certificate (PEM) to show to servers that ask for one; it may hold the key, too."},
    {.name = "tls-key",
     .type = GH_OPTION_PATH,
     .field = ROW(tls_key),
     .argument = "FILE",
     .help = "Key (PEM) of that certificate."},
    {.name = "connect-timeout",
     .type = GH_OPTION_DURATION,
     .field = ROW(connect_timeout_ms),
     .initial = "10s",
     .min = 100,
     .max = 10 * 60 * 1000,
     .argument = "TIME",
     .help = "How long setting up a connection may take."},
    {.name = "request-timeout",
     .type = GH_OPTION_DURATION,
     .field = ROW(request_timeout_ms),
     .initial = "10m",
     .min = 0,
     .max = DAY_MS,
     .argument = "TIME",
     .help = "How long a call may stay without any byte of its answer; 0 waits for ever."},
    {.name = "eof-wait",
     .type = GH_OPTION_DURATION,
     .field = ROW(eof_wait_ms),
     .initial = "800ms",
     .min = 0,
     .max = DAY_MS,
     .argument = "TIME",
     .help = "How long calls may still take when the input has ended."},
    {.name = "max-message",
     .type = GH_OPTION_SIZE,
     .field = ROW(max_message),
     .initial = "16m",
     .min = 1024,
     .max = 256 * 1024 * 1024,
     .argument = "BYTES",
     .help = "Largest message that is passed on, either way."},
    {.name = "allow-tool",
     .type = GH_OPTION_LIST,
     .field = ROW(allow_tools),
     .argument = "PATTERN",
     .group = "Tools",
     .help = "Show and call only tools of this name, * for any text; may be given several times."},
    {.name = "ignore-tool",
     .type = GH_OPTION_LIST,
     .field = ROW(ignore_tools),
     .argument = "PATTERN",
     .help = "Neither show nor call tools of this name, likewise."},
    {.name = "log-level",
     .type = GH_OPTION_ENUM,
     .field = ROW(log_level),
     .choices = "error warn info debug",
     .argument = "LEVEL",
     .group = "Log (on stderr)",
     .help = "Default: warn; info for the commands below."},
    {.name = "log-format",
     .type = GH_OPTION_ENUM,
     .field = ROW(log_format),
     .initial = "text",
     .choices = "text json",
     .argument = "FORMAT",
     .help = "Lines for people or for programs."},
};

/* mcp-remote's spellings, so that its users need only change the command. */
static const gh_option_alias ALIASES[] = {
    {.name = "auth-timeout", .option = "login-timeout", .unit = "s"},
    {.name = "cacert", .option = "ca-file"},
    {.name = "debug", .option = "log-level", .value = "debug"},
    {.name = "device-code", .option = "device"},
    {.name = "disable-resource-parameter", .option = "no-resource"},
    {.name = "enable-proxy"}, /* the proxy variables always count */
    {.name = "host", .option = "callback-host"},
    {.name = "silent", .option = "log-level", .value = "error"},
};

const gh_option_table GH_BRIDGE_OPTIONS = {
    .program = "gatehouse-bridge",
    .env_prefix = "GATEHOUSE_BRIDGE_",
    .version = GATEHOUSE_VERSION,
    .usage = "gatehouse-bridge [OPTIONS] URL\n"
             "gatehouse-bridge COMMAND [OPTIONS] URL",
    .footer =
        "Without a command it is an MCP server on stdin and stdout that passes everything on to the one\n"
        "at URL, and signs in through the browser when that is needed.\n"
        "\n"
        "Commands:\n"
        "  login   sign in now\n"
        "  logout  revoke and forget the tokens\n"
        "  status  who is signed in, where, until when\n"
        "  check   go through every step and say what does not work\n"
        "\n"
        "The flags of mcp-remote are understood as well: a port after the URL, --host, --auth-timeout\n"
        "(seconds), --device-code, --disable-resource-parameter, --debug, --silent, --cacert, and\n"
        "--enable-proxy, which changes nothing: http_proxy, https_proxy, all_proxy and no_proxy always "
        "count.\n"
        "\n"
        "Example:\n"
        "  gatehouse-bridge http://localhost:8080/mcp",
    .options = ROWS,
    .count = sizeof(ROWS) / sizeof(ROWS[0]),
    .aliases = ALIASES,
    .alias_count = sizeof(ALIASES) / sizeof(ALIASES[0]),
};

static const struct command_word {
    const char *word;
    gh_bridge_command command;
} COMMANDS[] = {
    {"login", GH_BRIDGE_LOGIN},
    {"logout", GH_BRIDGE_LOGOUT},
    {"status", GH_BRIDGE_STATUS},
    {"check", GH_BRIDGE_CHECK},
};

static gh_bridge_command command_of(const char *word)
{
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
        if (strcmp(word, COMMANDS[i].word) == 0) {
            return COMMANDS[i].command;
        }
    }
    return GH_BRIDGE_RUN;
}

static gh_status check_url(const char *text, bool allow_http, gh_error *error)
{
    gh_url url;
    gh_error cause = {0};

    if (strstr(text, "://") == NULL) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "\"%.100s\" is neither a command nor a URL; a URL begins with https:// or "
                            "http://, as in http://localhost:8080/mcp.",
                            text);
    }
    if (gh_url_parse(gh_view_of(text), &url, &cause) != GH_OK) {
        return gh_error_set(error, GH_ERR_INVALID, "\"%.200s\" is not a usable URL: %s", text, cause.message);
    }
    if (!gh_url_is_http(&url)) {
        return gh_error_set(error, GH_ERR_INVALID, "The URL must begin with https:// or http://.");
    }
    if (url.has_userinfo) {
        return gh_error_set(
            error, GH_ERR_INVALID,
            "The URL must not hold a user name or password: arguments are public, and the bridge "
            "signs in through the browser.");
    }
    if (url.has_fragment) {
        return gh_error_set(error, GH_ERR_INVALID, "The URL must not have a fragment (#...).");
    }
    if (!gh_url_is_https(&url) && !gh_url_is_loopback(&url) && !allow_http) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "http:// to %.*s would send the access token in the clear: use https://, or "
                            "--allow-http if you accept that.",
                            (int)(url.host.len < 200 ? url.host.len : 200), url.host.ptr);
    }
    return GH_OK;
}

/* mcp-remote takes the callback's port after the URL. */
static bool is_port(const char *word, int64_t *port)
{
    int64_t number = 0;

    if (gh_view_to_int64(gh_view_of(word), 1, 65535, &number) != GH_OK) {
        return false;
    }
    *port = number;
    return true;
}

static gh_status take_positional(gh_bridge_settings *settings, gh_error *error)
{
    const gh_text_list *words = &settings->result.positional;
    size_t next = 0;

    if (words->count > 0) {
        settings->command = command_of(words->items[0]);
        next = settings->command == GH_BRIDGE_RUN ? 0 : 1;
    }
    if (words->count == next) {
        return gh_error_set(error, GH_ERR_INVALID, "The URL of the MCP server is missing.");
    }
    settings->url = gh_text_dup(words->items[next]);
    if (settings->url == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "No memory is left.");
    }
    if (check_url(settings->url, settings->allow_http, error) != GH_OK) {
        return GH_ERR_INVALID;
    }
    if (words->count == next + 2 && is_port(words->items[next + 1], &settings->callback_port)) {
        return GH_OK;
    }
    if (words->count > next + 1) {
        return gh_error_set(error, GH_ERR_INVALID, "\"%.100s\" is one argument too many.",
                            words->items[next + 1]);
    }
    return GH_OK;
}

static gh_status fill_defaults(gh_bridge_settings *settings, gh_error *error)
{
    if (settings->log_level == NULL) {
        settings->log_level = gh_text_dup(settings->command == GH_BRIDGE_RUN ? "warn" : "info");
        if (settings->log_level == NULL) {
            return gh_error_set(error, GH_ERR_NOMEM, "No memory is left.");
        }
    }
    return settings->state_dir != NULL ? GH_OK
                                       : gh_file_state_dir("gatehouse-bridge", &settings->state_dir, error);
}

gh_status gh_bridge_options_load(int argc, char **argv, char **env, gh_bridge_settings *settings,
                                 gh_error *error)
{
    gh_status status;

    memset(settings, 0, sizeof(*settings));
    status = gh_options_load(&GH_BRIDGE_OPTIONS, argc, argv, env, settings, &settings->result, error);
    if (status != GH_OK || settings->result.help || settings->result.version) {
        return status;
    }
    if (!settings->result.print_config || settings->result.positional.count > 0) {
        status = take_positional(settings, error);
    }
    if (status == GH_OK) {
        status = gh_bridge_settle_login(settings, argc > 0 ? argv[0] : NULL, error);
    }
    if (status == GH_OK) {
        status = gh_bridge_settle_connection(settings, env, error);
    }
    if (status == GH_OK) {
        status = fill_defaults(settings, error);
    }
    return status;
}

void gh_bridge_options_clear(gh_bridge_settings *settings)
{
    gh_options_clear(&GH_BRIDGE_OPTIONS, settings, &settings->result);
    gh_bridge_clear_connection(settings);
    free(settings->url);
    free(settings->program);
    free(settings->client_auth_method);
    settings->url = NULL;
    settings->program = NULL;
    settings->client_auth_method = NULL;
}

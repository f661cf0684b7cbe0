#include "server/options_table.h"

#include <string.h>

#include "server/http/address.h"
#include "shared/net/url.h"

#define FIELD(member) offsetof(gh_settings, member)
#define DAY_MS (24LL * 3600 * 1000)

static gh_status check_listen(const char *value, gh_error *error)
{
    gh_address address;
    return gh_address_parse(value, &address, error);
}

static gh_status check_store(const char *value, gh_error *error)
{
    if (strcmp(value, "memory") == 0 || (strncmp(value, "sqlite:", 7) == 0 && value[7] != '\0')) {
        return GH_OK;
    }
    return gh_error_set(error, GH_ERR_INVALID, "write memory, or sqlite: and a path");
}

static gh_status check_issuer(const char *value, gh_error *error)
{
    gh_url url;
    gh_error why = {0};
    if (gh_url_parse(gh_view_of(value), &url, &why) != GH_OK) {
        return gh_error_set(error, GH_ERR_INVALID, "%s", why.message);
    }
    if (!gh_url_is_http(&url) || url.has_query || url.has_fragment || url.has_userinfo) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "an issuer is an http or https URL without query and fragment");
    }
    return GH_OK;
}

static const gh_option OPTIONS[] = {
    {.name = "auth",
     .type = GH_OPTION_ENUM,
     .field = FIELD(auth),
     .choices = "dev proxy direct facade none",
     .argument = "MODE",
     .help = "Where users sign in. proxy: at your identity provider, through this server, which any client "
             "can use at once. direct: at the provider, for clients that are registered there. facade: at "
             "the provider, with one client id for all. dev: on a page of this server, for people on this "
             "machine only. none: nowhere, for measurements, tests and writing plugins on this machine.\n"
             "The default is proxy when --issuer is given, else dev.",
     .group = "Server"},
    {.name = "listen",
     .type = GH_OPTION_STRING,
     .field = FIELD(listen),
     .initial = "127.0.0.1:8080",
     .argument = "HOST:PORT",
     .help = "Address to listen on; port 0 takes a free one.",
     .check = check_listen},
    {.name = "public-url",
     .type = GH_OPTION_STRING,
     .field = FIELD(public_url),
     .argument = "URL",
     .help = "How clients reach this server: an origin without path.\nThe default is http://localhost:PORT."},
    {.name = "name",
     .type = GH_OPTION_STRING,
     .field = FIELD(name),
     .initial = "Gatehouse",
     .argument = "TEXT",
     .help = "Name that users and clients see."},
    {.name = "store",
     .type = GH_OPTION_STRING,
     .field = FIELD(store),
     .argument = "STORE",
     .help = "Where clients, grants and keys are kept: memory, or sqlite:PATH.\n"
             "The default is sqlite:$XDG_STATE_HOME/gatehouse/MODE.db.",
     .check = check_store},
    {.name = "instructions",
     .type = GH_OPTION_STRING,
     .field = FIELD(instructions),
     .argument = "TEXT",
     .help = "What a model should know of this server; clients may show it to theirs."},
    {.name = "tools",
     .type = GH_OPTION_LIST,
     .field = FIELD(tools),
     .argument = "FILE",
     .help = "JSON file that describes tools, resources and prompts, most of them requests to an API behind "
             "this server. Read again on SIGHUP.",
     .group = "Tools from files"},
    {.name = "openapi",
     .type = GH_OPTION_LIST,
     .field = FIELD(openapi),
     .argument = "FILE|URL",
     .help = "OpenAPI 3.0 or 3.1 description, JSON or YAML, whose operations become tools."},
    {.name = "openapi-select",
     .type = GH_OPTION_LIST,
     .field = FIELD(openapi_select),
     .argument = "PATTERN",
     .help = "Which operations: getPet, 'GET /pets*' or tag:pets; with ! before it, which not.\n"
             "The default is all."},
    {.name = "openapi-upstream",
     .type = GH_OPTION_STRING,
     .field = FIELD(openapi_upstream),
     .argument = "NAME",
     .help = "Upstream of a tools file that the operations are called at, with its credential.\n"
             "The default is the server that the description names, without a credential."},
    {.name = "user-token",
     .type = GH_OPTION_SECRET,
     .field = FIELD(user_token),
     .argument = "FILE",
     .help = "For tools call only: a token of yours at the identity provider, for upstreams that want the "
             "user's."},
    {.name = "plugin",
     .type = GH_OPTION_LIST,
     .field = FIELD(plugins),
     .argument = "FILE",
     .help = "Shared object with tools, resources and prompts of your own, see gatehouse/plugin.h.",
     .group = "Plugins"},
    {.name = "plugin-dir",
     .type = GH_OPTION_PATH,
     .field = FIELD(plugin_dir),
     .argument = "FOLDER",
     .help = "Load every *.so in it, by name."},
    {.name = "plugin-config",
     .type = GH_OPTION_PATH,
     .field = FIELD(plugin_config),
     .argument = "FILE",
     .help = "Settings for plugins: a JSON object with one object per plugin, by its file name without .so."},
    {.name = "call-timeout",
     .type = GH_OPTION_DURATION,
     .field = FIELD(call_timeout_ms),
     .initial = "1m",
     .min = 100,
     .max = DAY_MS,
     .argument = "TIME",
     .help = "How long a plugin may take for one call, unless it says otherwise itself."},
    {.name = "input-timeout",
     .type = GH_OPTION_DURATION,
     .field = FIELD(input_timeout_ms),
     .initial = "10m",
     .min = 1000,
     .max = DAY_MS,
     .argument = "TIME",
     .help = "How long a person may take for what a call asks."},
    {.name = "call-threads",
     .type = GH_OPTION_INT,
     .field = FIELD(call_threads),
     .initial = "32",
     .min = 1,
     .max = 1024,
     .argument = "N",
     .help = "Threads for calls of plugins; started when needed."},
    {.name = "call-queue",
     .type = GH_OPTION_INT,
     .field = FIELD(call_queue),
     .initial = "256",
     .min = 1,
     .max = 100000,
     .argument = "N",
     .help = "Calls that wait for a thread; more are refused."},
    {.name = "task-ttl",
     .type = GH_OPTION_DURATION,
     .field = FIELD(task_ttl_ms),
     .initial = "1h",
     .min = 1000,
     .max = 30 * DAY_MS,
     .argument = "TIME",
     .help = "How long a task and its result are kept, unless the plugin says otherwise."},
    {.name = "page-size",
     .type = GH_OPTION_INT,
     .field = FIELD(page_size),
     .initial = "1000",
     .min = 0,
     .max = 1000000,
     .argument = "N",
     .help = "Tools, resources and so on in one page of a list; 0: all. Some clients read one page only."},
    {.name = "hide-unscoped-tools",
     .type = GH_OPTION_BOOL,
     .field = FIELD(hide_unscoped_tools),
     .help = "Leave out of lists what the caller's token does not allow: tools, resources and prompts that "
             "need scopes. Without this everything is shown, and a call that lacks a scope lets the client "
             "ask its user for more."},
    {.name = "issuer",
     .type = GH_OPTION_STRING,
     .field = FIELD(issuer),
     .argument = "URL",
     .help = "The identity provider, exactly as it calls itself, trailing slash included, such as "
             "http://localhost:9000/application/o/gatehouse/.",
     .group = "Identity provider",
     .check = check_issuer},
    {.name = "client-id",
     .type = GH_OPTION_STRING,
     .field = FIELD(client_id),
     .argument = "ID",
     .help = "This server's client id at the provider."},
    {.name = "client-secret",
     .type = GH_OPTION_SECRET,
     .field = FIELD(client_secret),
     .argument = "FILE",
     .help = "Its client secret."},
    {.name = "scopes",
     .type = GH_OPTION_STRING,
     .field = FIELD(scopes),
     .initial = "openid profile email offline_access",
     .argument = "WORDS",
     .help = "Scopes that are asked for at the provider."},
    {.name = "required-scopes",
     .type = GH_OPTION_STRING,
     .field = FIELD(required_scopes),
     .argument = "WORDS",
     .help = "direct and facade modes: scopes that a token must carry at /mcp. The default is openid; in the "
             "other modes it is mcp, which every token of this server carries."},
    {.name = "audience",
     .type = GH_OPTION_STRING,
     .field = FIELD(audience),
     .argument = "TEXT",
     .help =
         "direct mode: the audience that tokens must be for. The default is the URL of the MCP endpoint."},
    {.name = "accept-client-id-audience",
     .type = GH_OPTION_BOOL,
     .field = FIELD(accept_client_id_audience),
     .help = "direct and facade modes: also take tokens whose audience is the client id. Then every token of "
             "that client opens this server, whatever it was issued for."},
    {.name = "require-claim",
     .type = GH_OPTION_LIST,
     .field = FIELD(required_claims),
     .argument = "NAME=VALUE",
     .help = "Only let in users of whom the provider says this, such as groups=mcp."},
    {.name = "idp-connect-to",
     .type = GH_OPTION_STRING,
     .field = FIELD(connect_to),
     .argument = "HOST:PORT:HOST:PORT",
     .help = "Reach the provider's HOST:PORT at the second HOST:PORT, under its public name: for a provider "
             "in the same container network."},
    {.name = "ca-file",
     .type = GH_OPTION_PATH,
     .field = FIELD(ca_file),
     .argument = "FILE",
     .help = "Certificate authorities (PEM) for the provider. The default is the system's."},
    {.name = "allow-insecure-http",
     .type = GH_OPTION_BOOL,
     .field = FIELD(allow_insecure_http),
     .help = "Accept plain http off this machine, for the provider and for --public-url. For a network that "
             "you trust; most clients refuse such a server."},
    {.name = "secret-key-file",
     .type = GH_OPTION_PATH,
     .field = FIELD(secret_key_file),
     .argument = "FILE",
     .help =
         "Key for secrets in the store (proxy mode; by default STORE.key beside the store) and for what "
         "clients carry from one MCP request to the next: give replicas the same. Created at first start."},
    {.name = "dev-password",
     .type = GH_OPTION_SECRET,
     .field = FIELD(dev_password),
     .argument = "FILE",
     .help = "Password that the dev sign-in page asks for; without it "
             "anyone on this machine can sign in as anyone.",
     .group = "Signing in"},
    {.name = "redirect-scheme",
     .type = GH_OPTION_LIST,
     .field = FIELD(redirect_schemes),
     .initial = "cursor",
     .argument = "SCHEME",
     .help = "Private-use URI scheme that clients may register redirects with."},
    {.name = "access-token-ttl",
     .type = GH_OPTION_DURATION,
     .field = FIELD(access_token_ttl_ms),
     .initial = "10m",
     .min = 1000,
     .max = DAY_MS,
     .argument = "TIME",
     .help = "How long an access token is good."},
    {.name = "refresh-token-ttl",
     .type = GH_OPTION_DURATION,
     .field = FIELD(refresh_token_ttl_ms),
     .initial = "30d",
     .min = 1000,
     .max = 365 * DAY_MS,
     .argument = "TIME",
     .help = "How long a grant outlives its last use."},
    {.name = "max-clients",
     .type = GH_OPTION_INT,
     .field = FIELD(max_clients),
     .initial = "1000",
     .min = 1,
     .max = 1000000,
     .argument = "N",
     .help = "Registered clients; unused ones make room."},
#include "server/options_limits.inc"
    {.name = "allow-origin",
     .type = GH_OPTION_LIST,
     .field = FIELD(allowed_origins),
     .argument = "ORIGIN",
     .help = "Web pages that may call this server, such as https://inspector.example.",
     .group = "Network"},
    {.name = "trusted-proxy",
     .type = GH_OPTION_LIST,
     .field = FIELD(trusted_proxies),
     .argument = "ADDRESS",
     .help = "Address or network whose X-Forwarded-For is believed."},
    {.name = "metrics-listen",
     .type = GH_OPTION_STRING,
     .field = FIELD(metrics_listen),
     .argument = "HOST:PORT",
     .help = "Serve /metrics (Prometheus) there: on a loopback address, or on another with a token.",
     .group = "Log and metrics",
     .check = check_listen},
    {.name = "metrics-token",
     .type = GH_OPTION_SECRET,
     .field = FIELD(metrics_token),
     .argument = "FILE",
     .help = "What callers of /metrics must show: Authorization: Bearer TOKEN."},
    {.name = "log-format",
     .type = GH_OPTION_ENUM,
     .field = FIELD(log_format),
     .initial = "text",
     .choices = "text json",
     .argument = "FORMAT",
     .help = "Form of the log, which goes to standard error."},
    {.name = "log-level",
     .type = GH_OPTION_ENUM,
     .field = FIELD(log_level),
     .initial = "info",
     .choices = "error warn info debug",
     .argument = "LEVEL",
     .help = "The least important level that is logged."},
};

const gh_option_table GH_SETTINGS_TABLE = {
    .program = "gatehouse",
    .env_prefix = "GATEHOUSE_",
    .env_exclude = "GATEHOUSE_BRIDGE_",
    .version = GATEHOUSE_VERSION,
    .usage = "gatehouse [OPTIONS]\n"
             "gatehouse [OPTIONS] check\n"
             "gatehouse [OPTIONS] healthcheck\n"
             "gatehouse [OPTIONS] tools check FILE [NAME] | tools call FILE NAME [ARGUMENTS]\n"
             "gatehouse [OPTIONS] grants list | grants revoke ID\n"
             "gatehouse [OPTIONS] clients list | clients remove ID\n"
             "gatehouse [OPTIONS] keys rotate",
    .footer = "Commands use the same settings as the server: check tries every step towards the identity\n"
              "provider, healthcheck asks the running server, tools shows and tries what a tools file or an\n"
              "OpenAPI description comes to, the others look into the server's store.\n"
              "\n"
              "Examples:\n"
              "  gatehouse\n"
              "      An MCP server at http://localhost:8080/mcp with a sign-in page of its own\n"
              "  gatehouse --listen localhost:0 --store memory\n"
              "      The same on a free port, keeping nothing",
    .options = OPTIONS,
    .count = sizeof OPTIONS / sizeof OPTIONS[0],
};

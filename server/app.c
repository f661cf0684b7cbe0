#include "server/app.h"

#include <stdlib.h>
#include <string.h>

#include "server/http/listener.h"
#include "server/http/routes.h"
#include "server/identity.h"
#include "server/mcp/engine.h"
#include "server/mcp/registry.h"
#include "server/plugin/plugin.h"
#include "server/tools/tool.h"

#define SESSIONS_PER_PRINCIPAL 100

struct gh_app {
    const gh_settings *settings;
    gh_reservation reservation;
    gh_site *site;
    gh_identity identity;
    gh_plugins *plugins;
    gh_mcp_registry *registry;
    gh_mcp_engine *engine;
    gh_mcp_endpoint endpoint;
    gh_pages *pages;
    gh_route routes[GH_ROUTES_MAX];
    gh_router *router;
    gh_proxies *proxies;
    gh_watchdog *watchdog;
    gh_transaction_setting transactions;
    gh_listener *listener;
};

static gh_status is_ready(void *context, gh_error *error)
{
    const gh_app *app = context;
    return gh_identity_ready(&app->identity, error);
}

/* `localhost` is 127.0.0.1 and ::1 to every client; other addresses must be named. */
static void write_default_url(const gh_address *address, gh_buf *out)
{
    const char *host = strcmp(address->host, "127.0.0.1") == 0 ? "localhost" : address->host;
    (void)gh_buf_append_cstr(out, "http://");
    (void)gh_buf_appendf(out, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, (unsigned)address->port);
}

static gh_status take_address(gh_app *app, gh_error *error)
{
    gh_address address;
    gh_buf url = GH_BUF_INIT(256);
    gh_status status = gh_address_parse(app->settings->listen, &address, error);
    if (status == GH_OK) {
        status = gh_reservation_take(&address, gh_listener_has_ipv6(), &app->reservation, error);
    }
    if (status == GH_OK) {
        write_default_url(&app->reservation.address, &url);
        const char *public_url = app->settings->public_url;
        status = gh_site_new(public_url != NULL ? public_url : gh_buf_cstr(&url),
                             &app->settings->allowed_origins, &app->site, error);
    }
    gh_buf_free(&url);
    return status;
}

static gh_status open_identity(gh_app *app, gh_error *error)
{
    return gh_identity_open(app->settings, app->site, &app->identity, error);
}

static gh_status add_tool(void *registry, const gh_tool *tool, gh_error *error)
{
    return gh_mcp_registry_add(registry, tool, error);
}

static gh_status make_engine(gh_app *app, gh_error *error)
{
    static const gh_tool *const tools[] = {&GH_TOOL_SAY_HELLO, &GH_TOOL_WHOAMI};
    const gh_mcp_options options = {.server_name = "gatehouse",
                                    .server_title = app->settings->name,
                                    .server_version = GATEHOUSE_VERSION,
                                    .max_sessions = (size_t)app->settings->max_sessions,
                                    .max_sessions_per_principal = SESSIONS_PER_PRINCIPAL,
                                    .session_idle_ms = app->settings->session_idle_ms};
    app->registry = gh_mcp_registry_new();
    gh_status status = app->registry == NULL ? GH_ERR_NOMEM : GH_OK;
    for (size_t i = 0; status == GH_OK && i < sizeof tools / sizeof tools[0]; i++) {
        status = gh_mcp_registry_add(app->registry, tools[i], error);
    }
    if (status == GH_OK) {
        app->plugins = gh_plugins_new(&(gh_plugin_sink){app->registry, add_tool});
        status = app->plugins == NULL ? GH_ERR_NOMEM
                                      : gh_plugins_load(app->plugins, &app->settings->plugins, error);
    }
    return status == GH_OK ? gh_mcp_engine_new(&options, app->registry, &app->engine) : status;
}

static gh_status make_routes(gh_app *app, gh_error *error)
{
    gh_identity *identity = &app->identity;
    const gh_pages_options pages = {.site = app->site,
                                    .server_name = app->settings->name,
                                    .scopes = identity->challenge_scope,
                                    .authorization_server = identity->issuer,
                                    .own_metadata = identity->oauth != NULL || identity->has_facade,
                                    .context = app,
                                    .ready = is_ready};
    gh_status status = gh_pages_new(&pages, &app->pages);
    if (status != GH_OK) {
        return status;
    }
    app->endpoint = (gh_mcp_endpoint){.bearer = identity->bearer,
                                      .engine = app->engine,
                                      .resource_metadata = gh_site_resource_metadata(app->site),
                                      .scope = identity->challenge_scope,
                                      .required_scope = identity->required_scope};
    const gh_routes_parts parts = {.pages = app->pages,
                                   .endpoint = &app->endpoint,
                                   .oauth = identity->oauth,
                                   .dev_login = identity->idp == NULL,
                                   .facade = identity->has_facade ? &identity->facade : NULL,
                                   .max_body = (size_t)app->settings->max_body};
    size_t count = gh_routes_fill(&parts, app->routes);
    status = gh_router_new(app->site, app->routes, count, &app->router);
    return status == GH_OK ? gh_proxies_new(&app->settings->trusted_proxies, &app->proxies, error) : status;
}

static gh_status listen_now(gh_app *app, gh_error *error)
{
    gh_status status = gh_watchdog_start(&app->watchdog);
    if (status != GH_OK) {
        return gh_error_set(error, status, "Cannot start a thread.");
    }
    app->transactions = (gh_transaction_setting){.router = app->router,
                                                 .proxies = app->proxies,
                                                 .watchdog = app->watchdog,
                                                 .body_timeout_ms = app->settings->body_timeout_ms};
    const gh_listener_options options = {.workers = (size_t)app->settings->workers,
                                         .request_timeout_ms = app->settings->request_timeout_ms,
                                         .setting = &app->transactions};
    return gh_listener_start(&options, &app->reservation, &app->listener, error);
}

gh_status gh_app_start(const gh_settings *settings, gh_app **app, gh_error *error)
{
    static gh_status (*const steps[])(gh_app *, gh_error *) = {take_address, open_identity, make_engine,
                                                               make_routes, listen_now};
    gh_status status = GH_OK;
    gh_app *made = calloc(1, sizeof *made);
    *app = NULL;
    if (made == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
    }
    made->settings = settings;
    made->reservation = (gh_reservation){.ipv4 = -1, .ipv6 = -1};
    for (size_t i = 0; status == GH_OK && i < sizeof steps / sizeof steps[0]; i++) {
        status = steps[i](made, error);
    }
    if (status != GH_OK) {
        if (error->message[0] == '\0') {
            (void)gh_error_set(error, status, "The server could not start: %s.", gh_status_text(status));
        }
        gh_app_stop(made);
        return status;
    }
    *app = made;
    return GH_OK;
}

const char *gh_app_origin(const gh_app *app)
{
    return gh_site_origin(app->site);
}

void gh_app_sweep(gh_app *app)
{
    gh_identity_sweep(&app->identity);
}

bool gh_app_refused(gh_app *app, gh_error *error)
{
    return gh_identity_refused(&app->identity, error);
}

bool gh_app_decided(gh_app *app)
{
    return gh_identity_decided(&app->identity);
}

bool gh_app_drain(gh_app *app)
{
    return gh_listener_drain(app->listener, app->settings->drain_timeout_ms);
}

void gh_app_stop(gh_app *app)
{
    if (app == NULL) {
        return;
    }
    gh_identity_stop(&app->identity); /* a login that waits for the provider would hold the listener up */
    gh_listener_stop(app->listener);
    gh_watchdog_stop(app->watchdog);
    gh_reservation_release(&app->reservation);
    gh_router_free(app->router);
    gh_proxies_free(app->proxies);
    gh_pages_free(app->pages);
    gh_mcp_engine_free(app->engine);
    gh_mcp_registry_free(app->registry);
    gh_plugins_free(app->plugins);
    gh_identity_clear(&app->identity);
    gh_site_free(app->site);
    free(app);
}

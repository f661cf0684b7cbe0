#include "server/app.h"

#include <stdlib.h>
#include <string.h>

#include "server/auth/bearer.h"
#include "server/http/listener.h"
#include "server/http/routes.h"
#include "server/mcp/engine.h"
#include "server/mcp/registry.h"
#include "server/oauth/server.h"
#include "server/plugin/plugin.h"
#include "server/store/store.h"
#include "server/tools/tool.h"
#include "shared/core/log.h"

#define SCOPE "mcp"
#define SCOPES_SUPPORTED "mcp offline_access"
#define CODE_TTL_S 60
#define REFRESH_GRACE_S 30
#define FLOW_TTL_S 600
#define SESSIONS_PER_PRINCIPAL 100

struct gh_app {
    const gh_settings *settings;
    gh_reservation reservation;
    gh_site *site;
    gh_store *store;
    gh_oauth_server *oauth;
    gh_bearer *bearer;
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

static gh_keyset *current_keys(void *context)
{
    gh_app *app = context;
    return gh_oauth_server_keys(app->oauth);
}

static gh_status grant_alive(void *context, const char *grant_id)
{
    gh_app *app = context;
    return gh_store_grant_alive(app->store, grant_id);
}

static gh_status is_ready(void *context, gh_error *error)
{
    gh_app *app = context;
    if (gh_store_ping(app->store) != GH_OK) {
        return gh_error_set(error, GH_ERR_UNAVAILABLE, "The store does not answer.");
    }
    gh_keyset *keys = gh_oauth_server_keys(app->oauth);
    bool some = keys != NULL && gh_keyset_count(keys) > 0;
    gh_keyset_free(keys);
    return some ? GH_OK : gh_error_set(error, GH_ERR_UNAVAILABLE, "There are no signing keys.");
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

static gh_status open_authorization_server(gh_app *app, gh_error *error)
{
    const gh_settings *settings = app->settings;
    const gh_oauth_options options = {.issuer = gh_site_origin(app->site),
                                      .resource = gh_site_mcp_url(app->site),
                                      .scopes_supported = SCOPES_SUPPORTED,
                                      .default_scope = SCOPE,
                                      .server_name = settings->name,
                                      .redirect_schemes = &settings->redirect_schemes,
                                      .dev_password = settings->dev_password,
                                      .max_clients = (size_t)settings->max_clients,
                                      .code_ttl_s = CODE_TTL_S,
                                      .access_ttl_s = settings->access_token_ttl_ms / 1000,
                                      .refresh_ttl_s = settings->refresh_token_ttl_ms / 1000,
                                      .refresh_grace_s = REFRESH_GRACE_S,
                                      .flow_ttl_s = FLOW_TTL_S};
    const gh_bearer_options bearer = {.issuer = gh_site_origin(app->site),
                                      .resource = gh_site_mcp_url(app->site),
                                      .required_scope = SCOPE,
                                      .context = app,
                                      .keys = current_keys,
                                      .grant_alive = grant_alive};
    gh_status status = gh_store_open(settings->store, &app->store, error);
    if (status == GH_OK) {
        status = gh_oauth_server_new(&options, app->store, &app->oauth, error);
    }
    return status == GH_OK ? gh_bearer_new(&bearer, &app->bearer) : status;
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
    const gh_pages_options pages = {.site = app->site,
                                    .server_name = app->settings->name,
                                    .scopes = SCOPE,
                                    .context = app,
                                    .ready = is_ready};
    gh_status status = gh_pages_new(&pages, &app->pages);
    if (status != GH_OK) {
        return status;
    }
    app->endpoint = (gh_mcp_endpoint){.bearer = app->bearer,
                                      .engine = app->engine,
                                      .resource_metadata = gh_site_resource_metadata(app->site),
                                      .scope = SCOPE};
    size_t count =
        gh_routes_fill(app->pages, app->oauth, &app->endpoint, (size_t)app->settings->max_body, app->routes);
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
    static gh_status (*const steps[])(gh_app *, gh_error *) = {take_address, open_authorization_server,
                                                               make_engine, make_routes, listen_now};
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
    gh_status status = gh_store_sweep(app->store);
    if (status != GH_OK) {
        gh_log_warn("Expired entries could not be removed from the store: %s", gh_status_text(status));
    }
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
    gh_listener_stop(app->listener);
    gh_watchdog_stop(app->watchdog);
    gh_reservation_release(&app->reservation);
    gh_router_free(app->router);
    gh_proxies_free(app->proxies);
    gh_pages_free(app->pages);
    gh_mcp_engine_free(app->engine);
    gh_mcp_registry_free(app->registry);
    gh_plugins_free(app->plugins);
    gh_bearer_free(app->bearer);
    gh_oauth_server_free(app->oauth);
    gh_store_close(app->store);
    gh_site_free(app->site);
    free(app);
}

#include "server/app.h"

#include <stdlib.h>
#include <string.h>

#include "server/file_tools.h"
#include "server/http/listener.h"
#include "server/http/routes.h"
#include "server/identity.h"
#include "server/limits.h"
#include "server/mcp/engine.h"
#include "server/mcp/registry.h"
#include "server/observe.h"
#include "server/plugin/plugin.h"
#include "server/tools/builtin.h"
#include "shared/core/log.h"

#define TASKS 10000
#define TASKS_PER_PRINCIPAL 100
#define KEEP_ALIVE_MS 15000
#define CALLS_END_MS 1000
#define IDENTITY_SWEEP_S 60

struct gh_app {
    const gh_settings *settings;
    gh_reservation reservation;
    gh_site *site;
    gh_metrics *metrics; /* NULL when nobody looks at them */
    gh_limits limits;
    gh_identity identity;
    gh_plugins *plugins;
    gh_mcp_registry *registry;
    gh_file_tools *tools;
    gh_executor *executor;
    gh_mcp_engine *engine;
    int sweeps;
    gh_mcp_endpoint endpoint;
    gh_pages *pages;
    gh_route routes[GH_ROUTES_MAX];
    gh_router *router;
    gh_proxies *proxies;
    gh_watchdog *watchdog;
    gh_transaction_setting transactions;
    gh_listener *listener;
    gh_observe *observe;
};

static gh_status is_ready(void *context, gh_error *error)
{
    const gh_app *app = context;
    if (gh_executor_exhausted(app->executor)) {
        return gh_error_set(error, GH_ERR_UNAVAILABLE,
                            "Calls of plugins hang and hold too many threads; the log names them.");
    }
    return gh_identity_ready(&app->identity, error);
}

static gh_view state_key(const gh_app *app)
{
    return gh_view_make((const char *)app->identity.state_key, sizeof app->identity.state_key);
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
    const gh_settings *settings = app->settings;
    if (settings->metrics_listen != NULL &&
        gh_metrics_new(GATEHOUSE_VERSION, settings->auth, &app->metrics) != GH_OK) {
        return GH_ERR_NOMEM;
    }
    app->identity.metrics = app->metrics;
    if (gh_limits_open(settings, &app->limits) != GH_OK) {
        return GH_ERR_NOMEM;
    }
    return gh_identity_open(app->settings, app->site, &app->identity, error);
}

static bool is_alive(void *context, const gh_principal *principal)
{
    const gh_app *app = context;
    return gh_identity_alive(&app->identity, principal);
}

static void tell_updated(void *context, gh_view uri)
{
    gh_mcp_engine_updated(context, uri);
}

static void tell_changed(void *context, gh_mcp_kind kind)
{
    gh_mcp_engine_changed(context, kind);
}

static gh_status load_plugins(gh_app *app, gh_error *error)
{
    const gh_settings *settings = app->settings;
    gh_status status = GH_OK;
    app->plugins = gh_plugins_new(app->registry);
    if (app->plugins == NULL) {
        return GH_ERR_NOMEM;
    }
    if (settings->plugin_config != NULL) {
        status = gh_plugins_configure(app->plugins, settings->plugin_config, error);
    }
    if (status == GH_OK) {
        status = gh_plugins_add(app->plugins, "gatehouse", gh_builtin_init, error);
    }
    if (status == GH_OK) {
        status = gh_plugins_load(app->plugins, &settings->plugins, error);
    }
    if (status == GH_OK && settings->plugin_dir != NULL) {
        status = gh_plugins_load_folder(app->plugins, settings->plugin_dir, error);
    }
    if (status == GH_OK) {
        gh_plugins_warn_unused(app->plugins);
    }
    return status;
}

static gh_status open_tools(gh_app *app, gh_error *error)
{
    return gh_file_tools_open(app->settings, &app->identity, app->registry, &app->tools, error);
}

void gh_app_reload(gh_app *app)
{
    gh_file_tools_reload(app->tools);
}

static gh_status start_engine(gh_app *app)
{
    const gh_settings *settings = app->settings;
    const gh_mcp_options options = {.server_name = "gatehouse",
                                    .server_title = settings->name,
                                    .server_version = GATEHOUSE_VERSION,
                                    .instructions = settings->instructions,
                                    .executor = app->executor,
                                    .key = state_key(app),
                                    .max_sessions = (size_t)settings->max_sessions,
                                    .max_sessions_per_principal = (size_t)settings->max_sessions_user,
                                    .session_idle_ms = settings->session_idle_ms,
                                    .call_timeout_ms = settings->call_timeout_ms,
                                    .input_timeout_ms = settings->input_timeout_ms,
                                    .keep_alive_ms = KEEP_ALIVE_MS,
                                    .task_ttl_ms = settings->task_ttl_ms,
                                    .max_tasks = TASKS,
                                    .max_tasks_per_principal = TASKS_PER_PRINCIPAL,
                                    .hide_unscoped = settings->hide_unscoped_tools,
                                    .ignore_scopes = strcmp(settings->auth, "none") == 0,
                                    .max_calls_per_principal = (size_t)settings->max_calls_user,
                                    .limits = &app->limits.message,
                                    .metrics = app->metrics,
                                    .alive = is_alive,
                                    .context = app};
    return gh_mcp_engine_new(&options, app->registry, &app->engine);
}

static gh_status make_engine(gh_app *app, gh_error *error)
{
    const gh_settings *settings = app->settings;
    const gh_mcp_registry_options lists = {.page_size = (size_t)settings->page_size, .key = state_key(app)};
    const gh_executor_options threads = {.threads = (size_t)settings->call_threads,
                                         .queue = (size_t)settings->call_queue,
                                         .spare = (size_t)settings->call_threads,
                                         .share = app->limits.call_share};
    gh_status status = gh_mcp_registry_new(&lists, &app->registry);
    if (status == GH_OK) {
        status = gh_executor_new(&threads, &app->executor);
    }
    if (status == GH_OK) {
        status = load_plugins(app, error);
    }
    if (status == GH_OK) {
        status = open_tools(app, error);
    }
    if (status == GH_OK) {
        status = start_engine(app);
    }
    if (status == GH_OK) {
        app->identity.registry = app->registry;
        const gh_plugin_listener listener = {app->engine, tell_updated, tell_changed};
        gh_plugins_listen(app->plugins, &listener);
    }
    return status;
}

static gh_status make_routes(gh_app *app, gh_error *error)
{
    gh_identity *identity = &app->identity;
    const gh_pages_options pages = {.site = app->site,
                                    .server_name = app->settings->name,
                                    .scopes = identity->challenge_scope,
                                    .authorization_server = identity->issuer,
                                    .open = identity->issuer == NULL,
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
                                      .required_scope = identity->required_scope,
                                      .max_streams = (size_t)app->settings->max_streams,
                                      .share = app->limits.share,
                                      .rates = app->limits.user_rates,
                                      .metrics = app->metrics};
    const gh_routes_parts parts = {.pages = app->pages,
                                   .endpoint = &app->endpoint,
                                   .oauth = identity->oauth,
                                   .dev_login = identity->idp == NULL,
                                   .facade = identity->has_facade ? &identity->facade : NULL,
                                   .open = identity->issuer == NULL,
                                   .max_body = (size_t)app->settings->max_body};
    size_t count = gh_routes_fill(&parts, app->routes);
    for (size_t i = 0; i < count; i++) {
        gh_metrics_name_route(app->metrics, i, app->routes[i].method, app->routes[i].path);
    }
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
                                                 .metrics = app->metrics,
                                                 .rates = app->limits.rates,
                                                 .body_timeout_ms = app->settings->body_timeout_ms};
    const gh_settings *settings = app->settings;
    const gh_listener_options options = {.workers = (size_t)settings->workers,
                                         .waiting = (size_t)(settings->max_connections - settings->workers),
                                         .max_head = (size_t)settings->max_head,
                                         .request_timeout_ms = app->settings->request_timeout_ms,
                                         .setting = &app->transactions};
    return gh_listener_start(&options, &app->reservation, &app->listener, error);
}

static gh_status observe_now(gh_app *app, gh_error *error)
{
    const gh_observe_parts parts = {.settings = app->settings,
                                    .metrics = app->metrics,
                                    .identity = &app->identity,
                                    .engine = app->engine,
                                    .executor = app->executor,
                                    .endpoint = &app->endpoint,
                                    .listener = app->listener,
                                    .watchdog = app->watchdog,
                                    .proxies = app->proxies,
                                    .context = app,
                                    .ready = is_ready};
    return app->metrics == NULL ? GH_OK : gh_observe_start(&parts, &app->observe, error);
}

gh_status gh_app_start(const gh_settings *settings, gh_app **app, gh_error *error)
{
    static gh_status (*const steps[])(gh_app *, gh_error *) = {take_address, open_identity, make_engine,
                                                               make_routes,  listen_now,    observe_now};
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
    gh_mcp_engine_sweep(app->engine);
    gh_file_tools_tend(app->tools);
    if (++app->sweeps >= IDENTITY_SWEEP_S) {
        app->sweeps = 0;
        gh_identity_sweep(&app->identity);
    }
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
    gh_mcp_engine_drain(app->engine);
    return gh_listener_drain(app->listener, app->settings->drain_timeout_ms);
}

/* A plugin's call that does not return uses the engine, the plugin and what they stand on: those then stay as
 * they are until the process ends, which is next. */
static bool stop_calls(gh_app *app)
{
    if (app->plugins != NULL) {
        gh_plugins_listen(app->plugins, NULL);
    }
    if (app->executor != NULL && !gh_executor_stop(app->executor, CALLS_END_MS)) {
        gh_log_warn("some calls of plugins did not end and are abandoned");
        return false;
    }
    return true;
}

void gh_app_stop(gh_app *app)
{
    if (app == NULL) {
        return;
    }
    gh_identity_stop(&app->identity); /* a login that waits for the provider would hold the listener up */
    gh_file_tools_stop(app->tools);
    gh_observe_stop(app->observe);
    gh_listener_stop(app->listener);
    gh_watchdog_stop(app->watchdog);
    gh_reservation_release(&app->reservation);
    gh_router_free(app->router);
    gh_proxies_free(app->proxies);
    gh_pages_free(app->pages);
    gh_limits_clear(&app->limits);
    if (stop_calls(app)) {
        gh_mcp_engine_free(app->engine);
        gh_executor_free(app->executor);
        gh_plugins_free(app->plugins);
        gh_file_tools_close(app->tools);
        gh_mcp_registry_free(app->registry);
        gh_identity_clear(&app->identity);
        gh_site_free(app->site);
        gh_metrics_free(app->metrics);
        free(app);
    }
}

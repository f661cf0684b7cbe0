#include <stdlib.h>
#include <string.h>

#include "server/http/address.h"
#include "server/options.h"
#include "shared/core/file.h"
#include "shared/net/url.h"

#define REQUESTS_PER_MINUTE 60000
#define CONNECTIONS_WAITING 16384
#define METRICS_TOKEN_MIN 16

static gh_status default_store(gh_settings *settings, gh_error *error)
{
    gh_buf spec = GH_BUF_INIT(4096);
    char *folder = NULL;
    if (settings->store != NULL) {
        return GH_OK;
    }
    gh_status status = gh_file_state_dir("gatehouse", &folder, error);
    if (status == GH_OK) {
        (void)gh_buf_appendf(&spec, "sqlite:%s/%s.db", folder, settings->auth);
        settings->store = gh_buf_steal(&spec);
        status = settings->store != NULL ? GH_OK : gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
    }
    free(folder);
    gh_buf_free(&spec);
    return status;
}

/* Modes in which whoever reaches the server is believed: for this machine only. */
static bool is_local(const gh_settings *settings)
{
    return strcmp(settings->auth, "dev") == 0 || strcmp(settings->auth, "none") == 0;
}

static gh_status check_public_url(const gh_settings *settings, gh_error *error)
{
    gh_url url;
    gh_error why = {0};
    const char *text = settings->public_url;
    if (gh_url_parse(gh_view_of(text), &url, &why) != GH_OK || !gh_url_is_http(&url)) {
        return gh_error_set(error, GH_ERR_INVALID, "--public-url: %s",
                            why.message[0] != '\0' ? why.message : "it must be an http or https URL");
    }
    if (is_local(settings) && gh_url_is_https(&url)) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "--public-url is https, but this server does not speak TLS and --auth %s is for this "
            "machine only. Use http://localhost:PORT.",
            settings->auth);
    }
    if (is_local(settings) && !gh_url_is_loopback(&url)) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "--public-url %s is not on this machine: with --auth %s anyone who reaches the server "
            "can be anyone. Use http://localhost:PORT.",
            text, settings->auth);
    }
    if (!gh_url_is_https(&url) && !gh_url_is_loopback(&url) && !settings->allow_insecure_http) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "--public-url %s is plain http to other machines: tokens could be read on the way, and "
            "newer clients refuse it. Put a TLS proxy before this server and give its https URL, or "
            "say --allow-insecure-http in a network you trust.",
            text);
    }
    return GH_OK;
}

/* In these modes nothing may be reachable from another machine. */
static gh_status check_listen_address(const gh_settings *settings, gh_error *error)
{
    gh_address address;
    gh_status status = gh_address_parse(settings->listen, &address, error);
    if (status != GH_OK || gh_host_is_loopback(gh_view_of(address.host))) {
        return status;
    }
    if (is_local(settings)) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "--listen %s would let other machines in: with --auth %s anyone who reaches the "
                            "server can be anyone. Use --listen 127.0.0.1:%u.",
                            settings->listen, settings->auth, (unsigned)address.port);
    }
    if (settings->public_url == NULL) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "--listen %s is reachable from other machines, so clients must be told under which name: "
            "give --public-url https://...",
            settings->listen);
    }
    return GH_OK;
}

/* A scope that nobody is ever granted would keep everybody out. */
static gh_status check_own_scopes(const gh_settings *settings, gh_error *error)
{
    gh_view rest = gh_view_of(settings->required_scopes);
    gh_view word;
    bool own = is_local(settings) || strcmp(settings->auth, "proxy") == 0;
    while (own && gh_view_next(&rest, ' ', &word)) {
        if (word.len > 0 && !gh_view_eq_cstr(word, GH_OWN_SCOPE)) {
            return gh_error_set(error, GH_ERR_DENIED,
                                "--required-scopes %s: with --auth %s the tokens are this server's own, and "
                                "their scope is " GH_OWN_SCOPE ". Leave the option out.",
                                settings->required_scopes, settings->auth);
        }
    }
    return GH_OK;
}

/* What each mode needs, and what it has no use for. */
static gh_status check_mode(const gh_settings *settings, gh_error *error)
{
    bool facade = strcmp(settings->auth, "facade") == 0;
    bool proxy = strcmp(settings->auth, "proxy") == 0;
    if (is_local(settings)) {
        bool dev = strcmp(settings->auth, "dev") == 0;
        if (settings->issuer != NULL) {
            return gh_error_set(error, GH_ERR_DENIED,
                                "--issuer has no use with --auth %s, which %s. Leave out one of the two.",
                                settings->auth, dev ? "signs people in itself" : "asks nobody to sign in");
        }
        if (!dev && settings->required_scopes != NULL) {
            return gh_error_set(
                error, GH_ERR_DENIED,
                "--required-scopes has no use with --auth none, where callers have no tokens. "
                "Leave out one of the two.");
        }
        return dev || settings->dev_password == NULL
                   ? GH_OK
                   : gh_error_set(error, GH_ERR_DENIED, "--dev-password-file is for --auth dev only.");
    }
    if (settings->issuer == NULL) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "--auth %s needs --issuer: the identity provider's own name.", settings->auth);
    }
    if (settings->dev_password != NULL) {
        return gh_error_set(error, GH_ERR_DENIED, "--dev-password-file is for --auth dev only.");
    }
    if ((proxy || facade || settings->accept_client_id_audience) && settings->client_id == NULL) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "--auth %s needs --client-id: what this server is called at the identity provider.",
            settings->auth);
    }
    if (facade && !settings->accept_client_id_audience) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "--auth facade takes every token of the one client id, whatever it was issued for, and no "
            "client is asked for consent. Say --accept-client-id-audience if that is acceptable, or "
            "use --auth proxy.");
    }
    return GH_OK;
}

static gh_status check_claims(const gh_settings *settings, gh_error *error)
{
    for (size_t i = 0; i < settings->required_claims.count; i++) {
        const char *item = settings->required_claims.items[i];
        const char *equals = strchr(item, '=');
        if (equals == NULL || equals == item || equals[1] == '\0') {
            return gh_error_set(error, GH_ERR_INVALID,
                                "--require-claim %s: write NAME=VALUE, such as groups=mcp", item);
        }
    }
    return GH_OK;
}

/* `tools check` takes them for the description that it is given. */
static gh_status check_openapi(const gh_settings *settings, gh_error *error)
{
    if (settings->result.positional.count > 0 || settings->openapi.count > 0) {
        return GH_OK;
    }
    if (settings->openapi_select.count > 0 || settings->openapi_upstream != NULL) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "%s is about the descriptions of --openapi, and there is none. (In a tools file, "
                            "\"select\" and \"upstream\" stand beside the description's file.)",
                            settings->openapi_select.count > 0 ? "--openapi-select" : "--openapi-upstream");
    }
    return GH_OK;
}

static gh_status resolve_mode(gh_settings *settings, gh_error *error)
{
    if (settings->auth != NULL) {
        return GH_OK;
    }
    settings->auth = gh_text_dup(settings->issuer != NULL ? "proxy" : "dev");
    return settings->auth != NULL ? GH_OK : gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
}

/* Without a limit of the operator's own there is one that no honest client comes near: a thousand requests a
 * second, from a whole company behind one address, too. What comes from this machine is a proxy's or a
 * measurement's, and may be more. */
static void resolve_rates(gh_settings *settings)
{
    settings->counts_local = settings->requests_per_minute != GH_SETTING_UNSET;
    settings->counts_local_users = settings->requests_per_minute_user != GH_SETTING_UNSET;
    if (!settings->counts_local) {
        settings->requests_per_minute = REQUESTS_PER_MINUTE;
    }
    if (!settings->counts_local_users) {
        settings->requests_per_minute_user = REQUESTS_PER_MINUTE;
    }
}

static gh_status check_limits(gh_settings *settings, gh_error *error)
{
    if (settings->max_connections == 0) {
        settings->max_connections = settings->workers + CONNECTIONS_WAITING;
    }
    if (settings->max_streams == 0) {
        /* Two are left for calls, even of the fewest workers. */
        settings->max_streams = settings->workers - (settings->workers < 10 ? 2 : settings->workers / 5);
    }
    if (settings->max_streams_user == 0) {
        settings->max_streams_user = (settings->max_streams + 1) / 2;
    }
    resolve_rates(settings);
    if (settings->max_connections <= settings->workers) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "--max-connections %lld is not more than there are workers (%lld), which take a "
                            "connection each. Raise it, or lower --workers.",
                            (long long)settings->max_connections, (long long)settings->workers);
    }
    if (settings->max_streams > settings->workers) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "--max-streams %lld is more than there are workers (%lld), and each stream holds "
                            "one. Raise --workers above it.",
                            (long long)settings->max_streams, (long long)settings->workers);
    }
    return GH_OK;
}

/* Numbers about users are nobody else's business. */
static gh_status check_metrics(const gh_settings *settings, gh_error *error)
{
    gh_address address;
    if (settings->metrics_listen == NULL) {
        return settings->metrics_token == NULL
                   ? GH_OK
                   : gh_error_set(error, GH_ERR_DENIED,
                                  "--metrics-token-file has no use without --metrics-listen.");
    }
    gh_status status = gh_address_parse(settings->metrics_listen, &address, error);
    if (status == GH_OK && settings->metrics_token == NULL &&
        !gh_host_is_loopback(gh_view_of(address.host))) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "--metrics-listen %s is reachable from other machines: give --metrics-token-file "
                            "as well, or listen on 127.0.0.1:%u.",
                            settings->metrics_listen, (unsigned)address.port);
    }
    if (settings->metrics_token != NULL && gh_secret_view(settings->metrics_token).len < METRICS_TOKEN_MIN) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "The token in --metrics-token-file can be guessed: it needs at least %d "
                            "characters, such as `openssl rand -hex 32` prints.",
                            METRICS_TOKEN_MIN);
    }
    return status;
}

gh_status gh_settings_check(gh_settings *settings, gh_error *error)
{
    gh_status status = resolve_mode(settings, error);
    if (status == GH_OK) {
        status = default_store(settings, error);
    }
    if (status == GH_OK) {
        status = check_mode(settings, error);
    }
    if (status == GH_OK) {
        status = check_claims(settings, error);
    }
    if (status == GH_OK) {
        status = check_openapi(settings, error);
    }
    if (status == GH_OK) {
        status = check_own_scopes(settings, error);
    }
    if (status == GH_OK) {
        status = check_listen_address(settings, error);
    }
    if (status == GH_OK) {
        status = check_limits(settings, error);
    }
    if (status == GH_OK) {
        status = check_metrics(settings, error);
    }
    return status == GH_OK && settings->public_url != NULL ? check_public_url(settings, error) : status;
}

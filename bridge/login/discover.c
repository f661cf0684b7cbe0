#include "bridge/login/discover.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/login/fetch.h"
#include "bridge/login/issuer.h"
#include "bridge/login/policy.h"
#include "shared/core/log.h"
#include "shared/net/url.h"
#include "shared/oauth/discovery.h"

typedef enum stage { STAGE_RESOURCE, STAGE_SERVER } stage;

struct gh_discover {
    gh_loop *loop;
    const gh_bridge_settings *settings;
    gh_discover_done done;
    void *context;
    stage stage;
    gh_discovery candidates;
    size_t next;         /* the candidate that comes next */
    char *challenge_url; /* the challenge's document, tried before the candidates; NULL when there is none */
    char *issuer;
    const char *base; /* what may lead where is judged by this URL: the MCP server's, or the issuer's own */
    bool issuer_only, resource_only, may_guess;
    gh_fetch *fetch;
    gh_loop_timer *soon; /* the first step, from the loop */
    gh_error error;
    gh_discovered found;
};

void gh_discovered_clear(gh_discovered *found)
{
    free(found->resource_metadata_url);
    free(found->server_metadata_url);
    gh_resource_metadata_clear(&found->resource);
    gh_server_metadata_clear(&found->server);
    memset(found, 0, sizeof(*found));
}

static void discover_free(gh_discover *discover)
{
    gh_fetch_cancel(discover->fetch);
    gh_loop_timer_remove(discover->soon);
    gh_discovery_clear(&discover->candidates);
    gh_discovered_clear(&discover->found);
    free(discover->challenge_url);
    free(discover->issuer);
    free(discover);
}

void gh_discover_cancel(gh_discover *discover)
{
    if (discover != NULL) {
        discover_free(discover);
    }
}

static void conclude(gh_discover *discover)
{
    gh_discover_done done = discover->done;
    void *context = discover->context;
    gh_error error = discover->error;
    gh_discovered found = discover->found;
    memset(&discover->found, 0, sizeof(discover->found));
    discover_free(discover);
    if (error.status == GH_OK) {
        done(context, GH_OK, &found, &error);
    } else {
        gh_discovered_clear(&found);
        done(context, error.status, NULL, &error);
    }
}

static void try_next(gh_discover *discover);

/* The address that was asked last. */
static const char *current_url(const gh_discover *discover)
{
    return discover->next == 0 ? discover->challenge_url : discover->candidates.urls[discover->next - 1];
}

static const char *stage_name(const gh_discover *discover)
{
    return discover->stage == STAGE_RESOURCE ? "resource metadata URL"
                                             : "authorization server's metadata URL";
}

/* The issuer follows from the resource metadata; without any it is the one that the person named, else the
 * origin of the MCP URL (2025-03-26). */
static gh_status begin_server_stage(gh_discover *discover)
{
    gh_error *error = &discover->error;
    if (discover->issuer_only) {
        discover->base = discover->issuer;
    } else if (discover->found.resource.authorization_server_count > 0) {
        const char *chosen = NULL;
        if (gh_issuer_choose(discover->settings, &discover->found.resource, &chosen, error) != GH_OK) {
            return error->status;
        }
        discover->issuer = gh_text_dup(chosen);
    } else {
        const char *wanted = discover->settings->issuer;
        discover->issuer =
            wanted != NULL ? gh_text_dup(wanted) : gh_issuer_at_origin(discover->settings->url, "");
        discover->found.resource.resource = gh_text_dup(discover->settings->url);
        if (discover->found.resource.resource == NULL) {
            return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
        }
    }
    if (discover->issuer == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    gh_discovery_clear(&discover->candidates);
    discover->next = 0;
    discover->stage = STAGE_SERVER;
    gh_status status = gh_policy_check(discover->base, discover->issuer, "authorization server's issuer",
                                       discover->settings->allow_http, error);
    return status == GH_OK ? gh_discovery_issuer(gh_view_of(discover->issuer), &discover->candidates, error)
                           : status;
}

static gh_status accept_resource(gh_discover *discover, const char *source, gh_view body)
{
    gh_error *error = &discover->error;
    gh_status status = gh_resource_metadata_parse(body, &discover->found.resource, error);
    if (status != GH_OK) {
        return status;
    }
    gh_url resource;
    gh_url url;
    if (gh_url_parse(gh_view_of(discover->found.resource.resource), &resource, NULL) != GH_OK ||
        gh_url_parse(gh_view_of(discover->settings->url), &url, NULL) != GH_OK ||
        !gh_url_resource_covers(&resource, &url)) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "the server's resource metadata is for %.200s, not for %.200s; check the URL, or ask "
            "whoever runs the server",
            discover->found.resource.resource, discover->settings->url);
    }
    if (discover->found.resource.authorization_server_count == 0) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "the server's resource metadata names no authorization server");
    }
    discover->found.resource_metadata_url = gh_text_dup(source);
    if (discover->found.resource_metadata_url == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    return discover->resource_only ? GH_OK : begin_server_stage(discover);
}

static gh_status check_endpoints(gh_discover *discover)
{
    const gh_server_metadata *server = &discover->found.server;
    gh_bridge_grant grant = discover->settings->grant;
    const struct {
        const char *url;
        const char *what;
        bool required;
    } endpoints[] = {
        {server->authorization_endpoint, "authorization endpoint",
         grant == GH_BRIDGE_GRANT_CODE && !discover->issuer_only},
        {server->device_authorization_endpoint, "device authorization endpoint (which --device needs)",
         grant == GH_BRIDGE_GRANT_DEVICE},
        {server->token_endpoint, "token endpoint", true},
        {server->registration_endpoint, "registration endpoint", false},
        {server->revocation_endpoint, "revocation endpoint", false},
    };
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        if (endpoints[i].url == NULL && endpoints[i].required) {
            return gh_error_set(&discover->error, GH_ERR_INVALID, "the authorization server names no %s",
                                endpoints[i].what);
        }
        if (endpoints[i].url != NULL) {
            gh_status status = gh_policy_check(discover->base, endpoints[i].url, endpoints[i].what,
                                               discover->settings->allow_http, &discover->error);
            if (status != GH_OK) {
                return status;
            }
        }
    }
    return GH_OK;
}

static gh_status accept_server(gh_discover *discover, const char *source, gh_view body)
{
    gh_error *error = &discover->error;
    gh_status status = gh_server_metadata_parse(body, &discover->found.server, error);
    if (status != GH_OK) {
        return status;
    }
    if (strcmp(discover->found.server.issuer, discover->issuer) != 0) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "the authorization server calls itself %.200s but was announced as %.200s; that is "
            "either a mistake in its configuration or an attack",
            discover->found.server.issuer, discover->issuer);
    }
    const char *methods = discover->found.server.code_challenge_methods_supported;
    if (discover->settings->grant == GH_BRIDGE_GRANT_CODE &&
        (methods == NULL || !gh_text_has_word(gh_view_of(methods), GH_VIEW_LIT("S256")))) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "the authorization server does not announce PKCE with S256, without which a login is "
            "not safe");
    }
    discover->found.server_metadata_url = gh_text_dup(source);
    return discover->found.server_metadata_url == NULL ? gh_error_set(error, GH_ERR_NOMEM, "out of memory")
                                                       : check_endpoints(discover);
}

/* Servers of single-page applications answer 200 with their own page to everything. */
static bool is_document(int http_status, gh_view body)
{
    return http_status == 200 && gh_view_starts_with(gh_view_trim(body), GH_VIEW_LIT("{"));
}

/* A candidate that is not there leads to the next one; one that is there but wrong ends the search, lest
 * an attacker's second document take the place of a broken first one. */
static void fetched(void *context, gh_status status, int http_status, gh_view body, const gh_error *error)
{
    gh_discover *discover = context;
    discover->fetch = NULL;
    const char *source = current_url(discover);
    if (status != GH_OK) {
        discover->error = *error;
        conclude(discover);
        return;
    }
    gh_log_debug("%s: HTTP %d", source, http_status);
    if (http_status >= 500) {
        (void)gh_error_set(&discover->error, GH_ERR_UNAVAILABLE, "%.300s answered HTTP %d; try again later",
                           source, http_status);
        conclude(discover);
        return;
    }
    if (!is_document(http_status, body)) {
        if (source == discover->challenge_url) {
            gh_log_warn(
                "the server's challenge names %s, which is no metadata document (HTTP %d); trying the "
                "well-known addresses",
                source, http_status);
        }
        try_next(discover);
        return;
    }
    stage before = discover->stage;
    status = before == STAGE_RESOURCE ? accept_resource(discover, source, body)
                                      : accept_server(discover, source, body);
    if (status == GH_OK && before == STAGE_RESOURCE && !discover->resource_only) {
        try_next(discover);
    } else {
        conclude(discover);
    }
}

static void ask(gh_discover *discover);

/* The challenge's address may be one of the candidates: it is not asked twice. */
static bool was_asked(const gh_discover *discover)
{
    return discover->stage == STAGE_RESOURCE && discover->challenge_url != NULL &&
           strcmp(discover->candidates.urls[discover->next], discover->challenge_url) == 0;
}

/* Nobody has the document. A server whose challenge names resource metadata is not one of 2025-03-26: what
 * cannot be read now must not turn its origin into the authorization server. */
static void exhausted(gh_discover *discover)
{
    bool guess = discover->may_guess && discover->challenge_url == NULL &&
                 discover->found.resource_metadata_url == NULL && discover->settings->issuer == NULL &&
                 discover->settings->grant == GH_BRIDGE_GRANT_CODE;
    if (guess) {
        gh_log_info(
            "no authorization server metadata was found; trying /authorize, /token and /register of %s",
            discover->issuer);
        discover->error.status =
            gh_issuer_guess(discover->settings->url, &discover->found.server, &discover->error);
    } else {
        (void)gh_error_set(
            &discover->error, GH_ERR_NOT_FOUND,
            "no authorization server metadata was found for %.200s; the server may not offer sign-in",
            discover->issuer);
    }
    conclude(discover);
}

static void try_next(gh_discover *discover)
{
    while (discover->next < discover->candidates.count && was_asked(discover)) {
        discover->next++;
    }
    if (discover->next == discover->candidates.count && discover->stage == STAGE_RESOURCE) {
        if (discover->resource_only) {
            (void)gh_error_set(&discover->error, GH_ERR_NOT_FOUND, "the server has no resource metadata");
            conclude(discover);
            return;
        }
        if (begin_server_stage(discover) != GH_OK) {
            conclude(discover);
            return;
        }
    }
    if (discover->next == discover->candidates.count) {
        exhausted(discover);
        return;
    }
    discover->next++;
    ask(discover);
}

static void ask(gh_discover *discover)
{
    gh_fetch_request request = {.url = current_url(discover)};
    gh_status status = gh_policy_check(discover->base, request.url, stage_name(discover),
                                       discover->settings->allow_http, &discover->error);
    if (status == GH_OK) {
        status = gh_fetch_start(discover->loop, discover->settings, &request, fetched, discover,
                                &discover->fetch, &discover->error);
    }
    if (status != GH_OK) {
        conclude(discover);
    }
}

static void begin(void *context)
{
    gh_discover *discover = context;
    discover->soon = NULL;
    if (discover->issuer_only && begin_server_stage(discover) != GH_OK) {
        conclude(discover);
    } else if (discover->challenge_url != NULL) {
        ask(discover);
    } else {
        try_next(discover);
    }
}

/* Copies what the options name. */
static bool take_options(gh_discover *discover, const gh_discover_options *options)
{
    discover->issuer_only = options->issuer != NULL;
    discover->resource_only = options->resource_only;
    discover->may_guess = options->may_guess;
    discover->issuer = gh_text_dup(options->issuer);
    discover->challenge_url = discover->issuer_only ? NULL : gh_text_dup(options->metadata_url);
    return (options->issuer == NULL || discover->issuer != NULL) &&
           (options->metadata_url == NULL || discover->issuer_only || discover->challenge_url != NULL);
}

gh_status gh_discover_start(gh_loop *loop, const gh_bridge_settings *settings,
                            const gh_discover_options *options, gh_discover_done done, void *context,
                            gh_discover **discover, gh_error *error)
{
    gh_discover *started = calloc(1, sizeof(*started));
    if (started == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    started->loop = loop;
    started->settings = settings;
    started->base = settings->url;
    started->done = done;
    started->context = context;
    gh_status status = GH_OK;
    if (!take_options(started, options)) {
        status = gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    } else if (!started->issuer_only) {
        status = gh_discovery_resource(gh_view_of(settings->url), &started->candidates, error);
    }
    if (status == GH_OK) {
        /* From the loop, so that `done` never runs before this function has returned. */
        status = gh_loop_timer_add(loop, 0, begin, started, &started->soon);
    }
    if (status != GH_OK) {
        discover_free(started);
        return status;
    }
    *discover = started;
    return GH_OK;
}

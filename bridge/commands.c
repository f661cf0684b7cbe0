/* login, logout, status and check: what a person runs in a terminal. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/authorizer.h"
#include "bridge/credentials/credentials.h"
#include "bridge/identity.h"
#include "bridge/login/discover.h"
#include "bridge/login/token.h"
#include "bridge/probe.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"

typedef struct command {
    gh_loop *loop;
    const gh_bridge_settings *settings;
    gh_authorizer *authorizer;
    gh_credentials credentials;
    gh_token_call *call;
    char *metadata_url;
    bool with_token; /* the probe under way carries a token */
} command;

static int complain(const gh_error *error)
{
    (void)fprintf(stderr, "gatehouse-bridge: %s\n", error->message);
    return 1;
}

/* What a server chose is shown without the characters that would steer a terminal. */
static void print_line(const char *label, const char *text)
{
    (void)fputs(label, stdout);
    for (; *text != '\0'; text++) {
        (void)putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
    }
    (void)putchar('\n');
}

static void print_until(int64_t expires_at)
{
    int64_t left = expires_at - gh_clock_wall_s();
    char when[GH_CLOCK_TEXT_MAX];
    if (expires_at == 0) {
        (void)printf("Access token: no expiry was given\n");
        return;
    }
    gh_clock_format_local(expires_at * 1000, when);
    if (left > 0) {
        (void)printf("Access token: good until %s (%" PRId64 " min)\n", when, left / 60);
    } else {
        (void)printf("Access token: expired at %s\n", when);
    }
}

/* The stored credentials in words; true when a call would need no browser. */
static bool print_credentials(const gh_credentials *credentials)
{
    char *who = gh_identity_describe(credentials->access_token);
    bool usable = credentials->refresh_token != NULL ||
                  (credentials->access_token != NULL &&
                   (credentials->expires_at == 0 || credentials->expires_at > gh_clock_wall_s()));
    print_line("Server:       ", credentials->mcp_url);
    print_line("Signed in at: ", credentials->issuer);
    print_line("As:           ", who != NULL ? who : usable ? "(the token does not say)" : "(nobody)");
    print_line("Client:       ", credentials->client_id);
    print_line("Scope:        ", credentials->scope != NULL ? credentials->scope : "(none)");
    if (credentials->access_token != NULL) {
        print_until(credentials->expires_at);
    }
    (void)printf("Refresh:      %s\n", credentials->refresh_token != NULL
                                           ? "yes, without a browser"
                                           : "no; signing in again is needed when the token expires");
    free(who);
    return usable;
}

static gh_status load(const gh_bridge_settings *settings, gh_keeper **keeper, gh_credentials *credentials,
                      gh_error *error)
{
    gh_status status = gh_keeper_open(settings->state_dir, settings->url, keeper, error);
    if (status == GH_OK) {
        status = gh_keeper_load(*keeper, credentials, error);
    }
    return status;
}

int gh_command_status(const gh_bridge_settings *settings)
{
    gh_keeper *keeper = NULL;
    gh_credentials credentials = {0};
    gh_error error = {GH_OK, ""};
    int code = 1;
    gh_status status = load(settings, &keeper, &credentials, &error);
    if (status == GH_OK) {
        code = print_credentials(&credentials) ? 0 : 1;
    } else if (status == GH_ERR_NOT_FOUND) {
        (void)printf("Not signed in to %s. Run `gatehouse-bridge login %s`.\n", settings->url, settings->url);
    } else {
        code = complain(&error);
    }
    gh_credentials_clear(&credentials);
    gh_keeper_close(keeper);
    return code;
}

static void obtained(void *context, gh_status status, const gh_error *error)
{
    command *running = context;
    if (status != GH_OK) {
        gh_loop_stop(running->loop, complain(error));
        return;
    }
    gh_loop_stop(running->loop, gh_command_status(running->settings));
}

static void login_probed(void *context, const gh_probe_result *result)
{
    command *running = context;
    gh_error error = result->error;
    if (result->status != GH_OK) {
        gh_loop_stop(running->loop, complain(&error));
        return;
    }
    if (result->http_status != 401 && result->http_status != 403) {
        if (running->with_token) {
            (void)printf(
                "Already signed in. To sign in as somebody else, run `gatehouse-bridge logout %s` first.\n",
                running->settings->url);
            gh_loop_stop(running->loop, gh_command_status(running->settings));
        } else {
            (void)printf("%s answered HTTP %d without asking for a sign-in: none is needed.\n",
                         running->settings->url, result->http_status);
            gh_loop_stop(running->loop, result->http_status < 500 ? 0 : 1);
        }
        return;
    }
    gh_authorizer_wait *wait = NULL;
    gh_authorizer_need need = {result->http_status, result->challenge,
                               gh_authorizer_token(running->authorizer), true};
    if (gh_authorizer_obtain(running->authorizer, &need, obtained, running, &wait) != GH_OK) {
        (void)gh_error_set(&error, GH_ERR_NOMEM, "out of memory");
        gh_loop_stop(running->loop, complain(&error));
    }
}

int gh_command_login(gh_loop *loop, const gh_bridge_settings *settings)
{
    command running = {.loop = loop, .settings = settings};
    gh_error error = {GH_OK, ""};
    int code = 1;
    gh_status status = gh_authorizer_new(loop, settings, &running.authorizer, &error);
    if (status == GH_OK) {
        const char *token = gh_authorizer_token(running.authorizer);
        running.with_token = token != NULL;
        status = gh_probe_start(loop, settings, token, login_probed, &running, &error);
    }
    code = status == GH_OK ? gh_loop_run(loop) : complain(&error);
    gh_authorizer_free(running.authorizer);
    return code;
}

static void revoked(void *context, gh_status status, const gh_error *error)
{
    command *running = context;
    running->call = NULL;
    if (status != GH_OK) {
        (void)fprintf(stderr,
                      "gatehouse-bridge: the tokens were forgotten here but could not be revoked: %s\n",
                      error->message);
    }
    gh_loop_stop(running->loop, status == GH_OK ? 0 : 1);
}

int gh_command_logout(gh_loop *loop, const gh_bridge_settings *settings)
{
    command running = {.loop = loop, .settings = settings};
    gh_keeper *keeper = NULL;
    gh_error error = {GH_OK, ""};
    int code = 0;
    gh_status status = load(settings, &keeper, &running.credentials, &error);
    if (status == GH_ERR_NOT_FOUND) {
        (void)printf("Not signed in to %s.\n", settings->url);
        goto out;
    }
    if (status == GH_OK) {
        status = gh_keeper_forget(keeper, &error);
    }
    if (status != GH_OK) {
        code = complain(&error);
        goto out;
    }
    if (gh_token_revoke(loop, settings, &running.credentials, revoked, &running, &running.call, &error) ==
        GH_OK) {
        code = gh_loop_run(loop);
    }
    (void)printf("Signed out of %s.\n", settings->url);
out:
    gh_token_cancel(running.call);
    gh_credentials_clear(&running.credentials);
    gh_keeper_close(keeper);
    return code;
}

static void tick(const char *what, const char *detail)
{
    (void)printf("  \xe2\x9c\x93 %s%s%s\n", what, detail[0] != '\0' ? ": " : "", detail);
}

static void cross(command *running, const char *what, const char *reason, const char *hint)
{
    (void)printf("  \xe2\x9c\x97 %s: %s\n", what, reason);
    if (hint != NULL) {
        (void)printf("    %s\n", hint);
    }
    gh_loop_stop(running->loop, 1);
}

static void token_probed(void *context, const gh_probe_result *result)
{
    command *running = context;
    char detail[64];
    if (result->status != GH_OK) {
        cross(running, "the server accepts the stored token", result->error.message, NULL);
        return;
    }
    (void)snprintf(detail, sizeof(detail), "HTTP %d", result->http_status);
    if (result->http_status == 401 || result->http_status == 403 || result->http_status >= 500) {
        cross(running, "the server accepts the stored token", detail,
              "Run `gatehouse-bridge logout URL`, then `gatehouse-bridge login URL`.");
        return;
    }
    tick("the server accepts the stored token", detail);
    gh_loop_stop(running->loop, 0);
}

static void check_token(command *running)
{
    gh_error error = {GH_OK, ""};
    const char *token = gh_authorizer_token(running->authorizer);
    if (token == NULL) {
        if (gh_authorizer_can_refresh(running->authorizer)) {
            tick("a refresh token is stored", "the next call fetches a new access token without a browser");
            gh_loop_stop(running->loop, 0);
        } else {
            cross(running, "signed in", "no token is stored", "Run `gatehouse-bridge login URL`.");
        }
        return;
    }
    if (gh_probe_start(running->loop, running->settings, token, token_probed, running, &error) != GH_OK) {
        cross(running, "the server accepts the stored token", error.message, NULL);
    }
}

static void check_discovered(void *context, gh_status status, gh_discovered *found, const gh_error *error)
{
    command *running = context;
    if (status != GH_OK) {
        cross(running, "the way to the authorization server", error->message, NULL);
        return;
    }
    tick("resource metadata", found->resource_metadata_url != NULL ? found->resource_metadata_url
                                                                   : "none; the server's origin is used");
    tick("authorization server", found->server.issuer);
    tick("its metadata", found->server_metadata_url);
    tick("PKCE with S256", "");
    bool registrable = found->server.registration_endpoint != NULL || running->settings->client_id != NULL;
    const char *registration =
        running->settings->client_id != NULL ? "--client-id" : found->server.registration_endpoint;
    if (registrable) {
        tick("client registration", registration);
    }
    gh_discovered_clear(found);
    if (!registrable) {
        cross(running, "client registration", "the authorization server has no registration endpoint",
              "Ask whoever runs it for a client id and pass it with --client-id.");
        return;
    }
    check_token(running);
}

static void check_probed(void *context, const gh_probe_result *result)
{
    command *running = context;
    char detail[64];
    if (result->status != GH_OK) {
        cross(running, "the server answers", result->error.message, "Is it running, and is the URL right?");
        return;
    }
    (void)snprintf(detail, sizeof(detail), "HTTP %d", result->http_status);
    if (result->http_status == 404 || result->http_status >= 500) {
        cross(running, "the server answers", detail, "Is the path of the URL right? Most servers use /mcp.");
        return;
    }
    tick("the server answers", detail);
    if (result->http_status != 401) {
        tick("it asks for no sign-in", "");
        gh_loop_stop(running->loop, 0);
        return;
    }
    gh_error error = {GH_OK, ""};
    gh_discover *discover = NULL;
    if (gh_identity_challenge_url(result->challenge, &running->metadata_url) == GH_OK) {
        tick("the 401 names the resource metadata", running->metadata_url);
    } else {
        tick("the 401 names no resource metadata", "the well-known addresses are tried");
    }
    if (gh_discover_start(running->loop, running->settings, running->metadata_url, check_discovered, running,
                          &discover, &error) != GH_OK) {
        cross(running, "the way to the authorization server", error.message, NULL);
    }
}

int gh_command_check(gh_loop *loop, const gh_bridge_settings *settings)
{
    command running = {.loop = loop, .settings = settings};
    gh_error error = {GH_OK, ""};
    (void)printf("Checking %s\n", settings->url);
    gh_status status = gh_authorizer_new(loop, settings, &running.authorizer, &error);
    if (status == GH_OK) {
        tick("credentials folder", settings->state_dir);
        status = gh_probe_start(loop, settings, NULL, check_probed, &running, &error);
    }
    int code = status == GH_OK ? gh_loop_run(loop) : complain(&error);
    gh_authorizer_free(running.authorizer);
    free(running.metadata_url);
    return code;
}

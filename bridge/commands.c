/* login, logout and status: what a person runs in a terminal. */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "bridge/authorizer.h"
#include "bridge/credentials/open.h"
#include "bridge/identity.h"
#include "bridge/login/token.h"
#include "bridge/paste.h"
#include "bridge/probe.h"
#include "bridge/terminal.h"
#include "bridge/translate/memory.h"
#include "shared/core/clock.h"

enum { LOCK_POLL_MS = 100, LOCK_WAIT_MS = 5000 };

typedef struct command {
    gh_loop *loop;
    const gh_bridge_settings *settings;
    gh_authorizer *authorizer;
    gh_paste *paste;
    gh_keeper *keeper;
    gh_credentials credentials;
    gh_token_call *call;
    gh_deadline lock_deadline;
    bool with_token; /* the probe under way carries a token */
} command;

static void stop_with(const command *running, const gh_error *error)
{
    gh_loop_stop(running->loop, gh_terminal_complain(error));
}

static void say_validity(int64_t expires_at)
{
    int64_t left = expires_at - gh_clock_wall_s();
    char when[GH_CLOCK_TEXT_MAX];
    if (expires_at == 0) {
        gh_terminal_say("Access token: valid until the server says otherwise");
        return;
    }
    gh_clock_format_local(expires_at * 1000, when);
    if (left <= 0) {
        gh_terminal_say("Access token: expired at %s", when);
    } else if (left < 60) {
        gh_terminal_say("Access token: valid until %s (less than a minute)", when);
    } else {
        gh_terminal_say("Access token: valid until %s (%" PRId64 " min)", when, left / 60);
    }
}

/* The stored credentials in words; true when a call would need no browser. */
static bool say_credentials(const gh_credentials *credentials)
{
    char *who = gh_identity_describe(credentials->access_token);
    bool refreshable = credentials->refresh_token != NULL;
    bool usable =
        refreshable || (credentials->access_token != NULL &&
                        (credentials->expires_at == 0 || credentials->expires_at > gh_clock_wall_s()));
    gh_terminal_say("Server:       %s", credentials->mcp_url);
    gh_terminal_say("Signed in as: %s", who != NULL ? who
                                        : usable    ? "(the token does not say)"
                                                    : "(nobody any more)");
    gh_terminal_say("Signed in at: %s", credentials->issuer);
    gh_terminal_say("Permissions:  %s", credentials->scope != NULL ? credentials->scope : "(none named)");
    gh_terminal_say("Client:       %s", credentials->client_id != NULL ? credentials->client_id : "(none)");
    if (credentials->access_token != NULL) {
        say_validity(credentials->expires_at);
    }
    gh_terminal_say("Renewal:      %s",
                    refreshable ? "by itself, without a browser" : "needs a sign-in in the browser");
    free(who);
    return usable;
}

static void say_not_signed_in(const gh_bridge_settings *settings)
{
    gh_terminal_say("Not signed in to %s. To sign in, run:", settings->url);
    gh_terminal_say("  %s login %s", gh_bridge_program(settings), settings->url);
}

static gh_status load(const gh_bridge_settings *settings, gh_keeper **keeper, gh_credentials *credentials,
                      gh_error *error)
{
    gh_status status = gh_credentials_open(settings, keeper, error);
    return status == GH_OK ? gh_keeper_load(*keeper, credentials, error) : status;
}

/* What an earlier start found out. */
static void say_era(const gh_bridge_settings *settings)
{
    gh_server_memory memory = {.only = GH_MCP_ERA_UNKNOWN};
    char *key = NULL;
    if (gh_bridge_credentials_key(settings, &key) == GH_OK &&
        gh_server_memory_load(settings->state_dir, key, &memory) == GH_OK) {
        gh_terminal_say("Protocol:     %s%s",
                        memory.only == GH_MCP_ERA_MODERN   ? GH_MCP_VERSION_MODERN " only"
                        : memory.only == GH_MCP_ERA_LEGACY ? "up to 2025-11-25"
                                                           : "as the client speaks it",
                        memory.sse_until > 0 ? ", over the old HTTP+SSE transport" : "");
    }
    free(key);
    gh_server_memory_clear(&memory);
}

int gh_command_status(const gh_bridge_settings *settings)
{
    gh_keeper *keeper = NULL;
    gh_credentials credentials = {0};
    gh_error error = {GH_OK, ""};
    int code = 1;
    gh_status status = load(settings, &keeper, &credentials, &error);
    /* Only a client is there after a first login that did not come to its end. */
    bool empty =
        credentials.access_token == NULL && credentials.refresh_token == NULL && credentials.scope == NULL;
    if (status == GH_OK && !empty) {
        code = say_credentials(&credentials) ? 0 : 1;
        say_era(settings);
    } else if (status == GH_OK || status == GH_ERR_NOT_FOUND) {
        say_not_signed_in(settings);
        say_era(settings);
    } else {
        code = gh_terminal_complain(&error);
    }
    gh_credentials_clear(&credentials);
    gh_keeper_close(keeper);
    return code;
}

static void obtained(void *context, gh_status status, const gh_error *error)
{
    const command *running = context;
    if (status != GH_OK) {
        stop_with(running, error);
        return;
    }
    gh_terminal_say("You are signed in.");
    gh_terminal_say("%s", "");
    gh_loop_stop(running->loop, gh_command_status(running->settings));
}

/* What an answer other than 401 and 403 means for somebody who wants to sign in: 0 or 1 to stop with that
 * exit code, or -1 to go on. A 400 may come from a server that looks at the rest of a request first. */
static int judge(const command *running, int http_status)
{
    const char *url = running->settings->url;
    if (gh_probe_is_elsewhere(http_status)) {
        gh_terminal_warn("%s answers HTTP %d: is the path right? Many servers use /mcp", url, http_status);
        return 1;
    }
    if (http_status >= 300 && http_status <= 399) {
        gh_terminal_warn(
            "%s answers HTTP %d and points to another address, which the bridge does not follow: "
            "use that one as the URL",
            url, http_status);
        return 1;
    }
    if (http_status == 421) {
        gh_terminal_warn(
            "the server does not go by the host name in %s (HTTP 421): use the URL that it names "
            "itself when it starts, for example with localhost",
            url);
        return 1;
    }
    if (http_status >= 500) {
        gh_terminal_warn("%s answers HTTP %d: it is out of order; try again later", url, http_status);
        return 1;
    }
    if (running->with_token) {
        gh_terminal_say("Already signed in. To sign in as somebody else, first run:");
        gh_terminal_say("  %s logout %s", gh_bridge_program(running->settings), url);
        gh_terminal_say("%s", "");
        return gh_command_status(running->settings);
    }
    if (http_status >= 200 && http_status <= 299) {
        gh_terminal_say("%s works without signing in; there is nothing to do.", url);
        return 0;
    }
    return -1;
}

static void pasted(void *context, gh_view text)
{
    const command *running = context;
    gh_error error = {GH_OK, ""};
    if (gh_authorizer_paste(running->authorizer, text, &error) != GH_OK) {
        gh_terminal_warn("%s", error.message);
    }
}

/* For a browser on another machine, which cannot come back to the listener here. */
static gh_status accept_paste(command *running)
{
    const gh_bridge_settings *settings = running->settings;
    if (settings->grant != GH_BRIDGE_GRANT_CODE) {
        return GH_OK;
    }
    if (settings->no_browser || isatty(STDIN_FILENO)) {
        gh_terminal_warn("if your browser runs on another machine, paste the URL that it ends at here");
    }
    return gh_paste_start(running->loop, STDIN_FILENO, pasted, running, &running->paste);
}

static void login_probed(void *context, const gh_probe_result *result)
{
    command *running = context;
    gh_error error = result->error;
    if (result->status != GH_OK) {
        stop_with(running, &error);
        return;
    }
    int code =
        result->http_status == 401 || result->http_status == 403 ? -1 : judge(running, result->http_status);
    if (code >= 0) {
        gh_loop_stop(running->loop, code);
        return;
    }
    gh_authorizer_wait *wait = NULL;
    gh_authorizer_need need = {
        .http_status = result->http_status,
        .challenge = result->challenge,
        .rejected = running->with_token ? gh_authorizer_token(running->authorizer) : NULL,
        .interactive = true,
    };
    if (gh_authorizer_obtain(running->authorizer, &need, obtained, running, &wait) != GH_OK ||
        accept_paste(running) != GH_OK) {
        (void)gh_error_set(&error, GH_ERR_NOMEM, "out of memory");
        stop_with(running, &error);
    }
}

int gh_command_login(gh_loop *loop, const gh_bridge_settings *settings)
{
    command running = {.loop = loop, .settings = settings};
    gh_error error = {GH_OK, ""};
    gh_status status = gh_authorizer_new(loop, settings, &running.authorizer, &error);
    if (status == GH_OK) {
        const char *token = gh_authorizer_token(running.authorizer);
        running.with_token = token != NULL;
        status = gh_probe_start(loop, settings, token, running.authorizer, login_probed, &running, &error);
    }
    int code = status == GH_OK ? gh_loop_run(loop) : gh_terminal_complain(&error);
    gh_paste_stop(running.paste);
    gh_authorizer_free(running.authorizer);
    return code;
}

static void revoked(void *context, gh_status status, const gh_error *error)
{
    command *running = context;
    running->call = NULL;
    if (status != GH_OK) {
        gh_terminal_warn("the tokens are forgotten here, but could not be revoked there: %s", error->message);
    }
    gh_terminal_say("Signed out of %s.", running->settings->url);
    gh_loop_stop(running->loop, status == GH_OK ? 0 : 1);
}

/* The lock is held: forget first, for that is what must not fail. */
static void sign_out(command *running)
{
    const gh_bridge_settings *settings = running->settings;
    gh_error error = {GH_OK, ""};
    gh_status status = gh_keeper_load(running->keeper, &running->credentials, &error);
    bool found = status == GH_OK;
    if (status == GH_OK || status == GH_ERR_NOT_FOUND) {
        status = gh_keeper_forget(running->keeper, &error); /* a damaged file counts as not found */
    }
    if (status != GH_OK) {
        stop_with(running, &error);
        return;
    }
    if (!found) {
        gh_terminal_say("Not signed in to %s; there is nothing to do.", settings->url);
        gh_loop_stop(running->loop, 0);
        return;
    }
    status = gh_token_revoke(running->loop, settings, &running->credentials, revoked, running, &running->call,
                             &error);
    if (status == GH_ERR_UNSUPPORTED) {
        gh_terminal_say("Signed out of %s.", settings->url);
        if (running->credentials.revocation_endpoint == NULL) {
            gh_terminal_say("Its authorization server cannot revoke tokens: they end when they expire.");
        }
        gh_loop_stop(running->loop, 0);
    } else if (status != GH_OK) {
        revoked(running, status, &error);
    }
}

/* A sibling that refreshes at this moment would store its new tokens after we have forgotten the old. */
static void try_sign_out(void *context)
{
    command *running = context;
    gh_error error = {GH_OK, ""};
    gh_loop_timer *timer = NULL;
    gh_status status = gh_keeper_try_lock(running->keeper, &error);
    if (status == GH_OK) {
        sign_out(running);
        return;
    }
    if (status == GH_ERR_CONFLICT && !gh_deadline_passed(running->lock_deadline) &&
        gh_loop_timer_add(running->loop, LOCK_POLL_MS, try_sign_out, running, &timer) == GH_OK) {
        return;
    }
    if (status == GH_ERR_CONFLICT) {
        (void)gh_error_set(&error, status,
                           "another gatehouse-bridge is just signing in to this server; finish that in the "
                           "browser, or stop it, and try again");
    }
    stop_with(running, &error);
}

int gh_command_logout(gh_loop *loop, const gh_bridge_settings *settings)
{
    command running = {.loop = loop, .settings = settings, .lock_deadline = gh_deadline_in(LOCK_WAIT_MS)};
    gh_error error = {GH_OK, ""};
    gh_loop_timer *timer = NULL;
    gh_status status = gh_credentials_open(settings, &running.keeper, &error);
    if (status == GH_OK && gh_loop_timer_add(loop, 0, try_sign_out, &running, &timer) != GH_OK) {
        status = gh_error_set(&error, GH_ERR_NOMEM, "out of memory");
    }
    int code = status == GH_OK ? gh_loop_run(loop) : gh_terminal_complain(&error);
    gh_token_cancel(running.call);
    gh_credentials_clear(&running.credentials);
    gh_keeper_close(running.keeper);
    return code;
}

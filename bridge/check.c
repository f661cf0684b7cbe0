/* check: every step of the way to a working call, with a tick each, up to the first that does not work. */
#include <stdlib.h>

#include "bridge/authorizer.h"
#include "bridge/identity.h"
#include "bridge/login/discover.h"
#include "bridge/probe.h"
#include "bridge/terminal.h"

typedef struct checkup {
    gh_loop *loop;
    const gh_bridge_settings *settings;
    gh_authorizer *authorizer;
    char *metadata_url;
    bool challenged; /* the server answered 401 */
} checkup;

static const char TOKEN_STEP[] = "the server accepts the stored token";
static const char DISCOVERY_STEP[] = "the way to the authorization server";

static void tick(const char *what, const char *detail)
{
    gh_terminal_say("  \xe2\x9c\x93 %s%s%s", what, detail != NULL ? ": " : "", detail != NULL ? detail : "");
}

/* The end: `hint`, when not NULL, says what to do. */
static void cross(const checkup *running, const char *what, const char *reason, const char *hint)
{
    gh_terminal_say("  \xe2\x9c\x97 %s: %s", what, reason);
    if (hint != NULL) {
        gh_terminal_say("    %s", hint);
    }
    gh_loop_stop(running->loop, 1);
}

/* The same, with a command line as the hint. */
static void cross_command(const checkup *running, const char *what, const char *reason, const char *verb)
{
    cross(running, what, reason, "To change that, run:");
    gh_terminal_say("    %s %s %s", gh_bridge_program(running->settings), verb, running->settings->url);
}

static void end_well(const checkup *running)
{
    gh_terminal_say("All is well.");
    gh_loop_stop(running->loop, 0);
}

static void token_probed(void *context, const gh_probe_result *result)
{
    const checkup *running = context;
    gh_error detail = {GH_OK, ""};
    if (result->status != GH_OK) {
        cross(running, TOKEN_STEP, result->error.message, NULL);
        return;
    }
    (void)gh_error_set(&detail, GH_OK, "HTTP %d", result->http_status);
    if (result->http_status == 401) {
        cross_command(running, TOKEN_STEP, detail.message, "login");
    } else if (result->http_status == 403) {
        cross(running, TOKEN_STEP, detail.message,
              "The account that is signed in may not use this server, or not with these permissions.");
    } else if (result->http_status >= 500) {
        cross(running, TOKEN_STEP, detail.message, "The server is out of order; try again later.");
    } else {
        tick(TOKEN_STEP, NULL);
        end_well(running);
    }
}

static void check_token(checkup *running)
{
    gh_error error = {GH_OK, ""};
    const char *token = gh_authorizer_token(running->authorizer);
    if (token == NULL && gh_authorizer_can_refresh(running->authorizer)) {
        tick("signed in", "the access token has expired, and the next call renews it without a browser");
        end_well(running);
    } else if (token == NULL) {
        cross_command(running, "signed in", "no token is stored", "login");
    } else if (gh_probe_start(running->loop, running->settings, token, running->authorizer, token_probed,
                              running, &error) != GH_OK) {
        cross(running, TOKEN_STEP, error.message, NULL);
    }
}

static void check_server(const gh_discovered *found)
{
    bool guessed = found->server_metadata_url == NULL;
    const char *methods = found->server.code_challenge_methods_supported;
    bool announced = methods != NULL && gh_text_has_word(gh_view_of(methods), GH_VIEW_LIT("S256"));
    tick("its metadata",
         guessed ? "none; /authorize, /token and /register are used" : found->server_metadata_url);
    if (announced || guessed) {
        tick("PKCE with S256", guessed ? "not announced, and used all the same" : NULL);
    }
}

/* Which client signs in, in the order of gh_preparation_start. */
static void check_client(checkup *running, const gh_server_metadata *server)
{
    const gh_bridge_settings *settings = running->settings;
    if (settings->client_id != NULL) {
        tick("client", "the one of --client-id");
    } else if (settings->client_metadata_url != NULL && server->client_id_metadata_document_supported) {
        tick("client", settings->client_metadata_url);
    } else if (gh_bridge_is_machine(settings)) {
        tick("client", "none is named");
    } else if (server->registration_endpoint != NULL) {
        tick("client registration", server->registration_endpoint);
    } else {
        cross(running, "client registration", "the authorization server offers none",
              server->client_id_metadata_document_supported
                  ? "Ask whoever runs it for a client id and pass it with --client-id, or name a metadata "
                    "document of your own with --client-metadata-url."
                  : "Ask whoever runs it for a client id and pass it with --client-id.");
        return;
    }
    check_token(running);
}

static void check_discovered(void *context, gh_status status, gh_discovered *found, const gh_error *error)
{
    checkup *running = context;
    if (status == GH_ERR_NOT_FOUND && !running->challenged) {
        cross(running, DISCOVERY_STEP, error->message,
              "Perhaps this is not an MCP server, or the path of the URL is not right.");
        return;
    }
    if (status != GH_OK) {
        cross(running, DISCOVERY_STEP, error->message, NULL);
        return;
    }
    tick("resource metadata", found->resource_metadata_url != NULL
                                  ? found->resource_metadata_url
                                  : "none; the server's own address is used");
    tick("authorization server", found->server.issuer);
    check_server(found);
    check_client(running, &found->server);
    gh_discovered_clear(found);
}

static void discover(checkup *running, gh_view challenge)
{
    gh_error error = {GH_OK, ""};
    gh_discover *started = NULL;
    if (gh_identity_challenge_url(challenge, &running->metadata_url) == GH_OK) {
        tick("it says where its metadata is", running->metadata_url);
    } else if (running->challenged) {
        tick("it does not say where its metadata is", "the well-known addresses are tried");
    }
    gh_discover_options options = {.metadata_url = running->metadata_url, .may_guess = running->challenged};
    if (gh_discover_start(running->loop, running->settings, &options, check_discovered, running, &started,
                          &error) != GH_OK) {
        cross(running, DISCOVERY_STEP, error.message, NULL);
    }
}

static void check_probed(void *context, const gh_probe_result *result)
{
    checkup *running = context;
    gh_error detail = {GH_OK, ""};
    if (result->status != GH_OK) {
        cross(running, "the server answers", result->error.message,
              "Is the URL right, and can this machine reach it?");
        return;
    }
    (void)gh_error_set(&detail, GH_OK, "HTTP %d", result->http_status);
    if (gh_probe_is_elsewhere(result->http_status)) {
        cross(running, "the server answers as an MCP server", detail.message,
              "Nothing takes MCP messages at this path. Is the URL right? Many servers use /mcp.");
    } else if (result->http_status == 421) {
        cross(running, "the server answers", detail.message,
              "It does not go by the host name in this URL: use the one that it names itself when it starts, "
              "for example with localhost.");
    } else if (result->http_status >= 500) {
        cross(running, "the server answers", detail.message, "It is out of order; try again later.");
    } else if (result->http_status >= 300 && result->http_status <= 399) {
        cross(running, "the server answers", detail.message,
              "It points to another address, which the bridge does not follow: use that one as the URL.");
    } else if (result->http_status <= 299) {
        tick(running->settings->own_authorization
                 ? "the server accepts the Authorization header that was given"
                 : "the server answers, and asks for no sign-in",
             NULL);
        end_well(running);
    } else if (running->settings->own_authorization) {
        cross(running, "the server accepts the Authorization header that was given", detail.message,
              "It is sent as --header or --header-file has it, and no sign-in is made.");
    } else {
        running->challenged = result->http_status == 401;
        tick(running->challenged ? "the server answers, and asks for a sign-in" : "the server answers",
             detail.message);
        discover(running, result->challenge);
    }
}

int gh_command_check(gh_loop *loop, const gh_bridge_settings *settings)
{
    checkup running = {.loop = loop, .settings = settings};
    gh_error error = {GH_OK, ""};
    gh_terminal_say("Checking %s", settings->url);
    gh_status status = gh_authorizer_new(loop, settings, &running.authorizer, &error);
    if (status == GH_OK) {
        tick("the folder for tokens", settings->state_dir);
        status = gh_probe_start(loop, settings, NULL, NULL, check_probed, &running, &error);
    }
    int code = status == GH_OK ? gh_loop_run(loop) : gh_terminal_complain(&error);
    gh_authorizer_free(running.authorizer);
    free(running.metadata_url);
    return code;
}

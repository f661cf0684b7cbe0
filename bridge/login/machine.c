#include "bridge/login/machine.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/login/discover.h"
#include "bridge/login/outcome.h"
#include "bridge/login/preparation.h"
#include "bridge/login/token.h"
#include "shared/core/file.h"

#define JWT_BEARER "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define TOKEN_EXCHANGE "urn:ietf:params:oauth:grant-type:token-exchange"
#define TYPE_ID_TOKEN "urn:ietf:params:oauth:token-type:id_token"
#define TYPE_ID_JAG "urn:ietf:params:oauth:token-type:id-jag"

struct gh_machine {
    gh_loop *loop;
    const gh_bridge_settings *settings;
    gh_code_flow_done done;
    void *context;
    char *scope_hint;
    gh_prepared prepared; /* its credentials grow until they are handed over */
    gh_preparation *preparation;
    gh_discover *provider;   /* looks for the identity provider's token endpoint */
    gh_credentials exchange; /* of the client there; its access token becomes the ID-JAG */
    gh_token_call *call;
    gh_error error;
};

static void machine_free(gh_machine *machine)
{
    gh_preparation_cancel(machine->preparation);
    gh_discover_cancel(machine->provider);
    gh_token_cancel(machine->call);
    gh_prepared_clear(&machine->prepared);
    gh_credentials_clear(&machine->exchange);
    free(machine->scope_hint);
    free(machine);
}

void gh_machine_cancel(gh_machine *machine)
{
    if (machine != NULL) {
        machine_free(machine);
    }
}

static void conclude(gh_machine *machine)
{
    gh_login_outcome outcome = gh_login_outcome_take(machine->done, machine->context,
                                                     &machine->prepared.credentials, &machine->error);
    machine_free(machine);
    gh_login_outcome_tell(&outcome);
}

static void granted(void *context, gh_status status, const gh_error *error)
{
    gh_machine *machine = context;
    machine->call = NULL;
    machine->error = *error;
    machine->error.status = status;
    conclude(machine);
}

static gh_status ask_as_client(gh_machine *machine)
{
    gh_credentials *credentials = &machine->prepared.credentials;
    gh_token_request request = {
        .grant_type = "client_credentials", .fields = {{"scope", credentials->scope, NULL}}, .count = 1};
    return gh_token_obtain(machine->loop, machine->settings, credentials, &request, granted, machine,
                           &machine->call, &machine->error);
}

static gh_status ask_with(gh_machine *machine, const gh_secret *assertion)
{
    gh_credentials *credentials = &machine->prepared.credentials;
    gh_token_request request = {
        .grant_type = JWT_BEARER,
        .fields = {{"assertion", NULL, assertion}, {"scope", credentials->scope, NULL}},
        .count = 2,
    };
    return gh_token_obtain(machine->loop, machine->settings, credentials, &request, granted, machine,
                           &machine->call, &machine->error);
}

/* Platforms mount such files readable by the pod's own users, and renew them. */
static gh_status read_token(const char *path, gh_secret **token, gh_error *error)
{
    return gh_file_read_secret(path, true, token, error);
}

static gh_status ask_with_file(gh_machine *machine)
{
    gh_secret *assertion = NULL;
    gh_status status = read_token(machine->settings->assertion_file, &assertion, &machine->error);
    if (status == GH_OK) {
        status = ask_with(machine, assertion);
    }
    gh_secret_free(assertion);
    return status;
}

static void exchanged(void *context, gh_status status, const gh_error *error)
{
    gh_machine *machine = context;
    machine->call = NULL;
    if (status == GH_OK) {
        machine->error.status = ask_with(machine, machine->exchange.access_token);
    } else {
        (void)gh_error_set(&machine->error, status == GH_ERR_NOT_FOUND ? GH_ERR_DENIED : status,
                           "the identity provider grants no access to this server: %.350s", error->message);
    }
    if (machine->error.status != GH_OK) {
        conclude(machine);
    }
}

/* Enterprise-Managed Authorization, Token Exchange. */
static gh_status ask_provider(gh_machine *machine, const gh_server_metadata *provider)
{
    const gh_bridge_settings *settings = machine->settings;
    gh_credentials *exchange = &machine->exchange;
    gh_secret *token = NULL;
    exchange->client_id = gh_text_dup(settings->idp_client_id);
    exchange->issuer = gh_text_dup(provider->issuer);
    exchange->token_endpoint = gh_text_dup(provider->token_endpoint);
    exchange->resource = gh_text_dup(machine->prepared.credentials.resource);
    bool copied = exchange->client_id != NULL && exchange->issuer != NULL &&
                  exchange->token_endpoint != NULL && exchange->resource != NULL;
    if (settings->idp_client_secret != NULL) {
        exchange->client_secret = gh_secret_new(gh_secret_view(settings->idp_client_secret));
        copied = copied && exchange->client_secret != NULL;
    }
    if (!copied) {
        return gh_error_set(&machine->error, GH_ERR_NOMEM, "out of memory");
    }
    gh_status status = read_token(settings->idp_token_file, &token, &machine->error);
    if (status != GH_OK) {
        return status;
    }
    gh_token_request request = {
        .grant_type = TOKEN_EXCHANGE,
        .fields = {{"requested_token_type", TYPE_ID_JAG, NULL},
                   {"audience", machine->prepared.credentials.issuer, NULL},
                   {"scope", machine->prepared.credentials.scope, NULL},
                   {"subject_token", NULL, token},
                   {"subject_token_type", TYPE_ID_TOKEN, NULL}},
        .count = 5,
        .issued_type = TYPE_ID_JAG,
    };
    status = gh_token_obtain(machine->loop, settings, exchange, &request, exchanged, machine, &machine->call,
                             &machine->error);
    gh_secret_free(token);
    return status;
}

static void provider_found(void *context, gh_status status, gh_discovered *found, const gh_error *error)
{
    gh_machine *machine = context;
    machine->provider = NULL;
    if (status == GH_OK) {
        machine->error.status = ask_provider(machine, &found->server);
        gh_discovered_clear(found);
    } else {
        (void)gh_error_set(&machine->error, status == GH_ERR_NOT_FOUND ? GH_ERR_UNSUPPORTED : status,
                           "the identity provider of --idp: %.400s", error->message);
    }
    if (machine->error.status != GH_OK) {
        conclude(machine);
    }
}

static gh_status find_provider(gh_machine *machine)
{
    gh_discover_options where = {.issuer = machine->settings->idp};
    return gh_discover_start(machine->loop, machine->settings, &where, provider_found, machine,
                             &machine->provider, &machine->error);
}

static gh_status ask(gh_machine *machine)
{
    switch (machine->settings->grant) {
    case GH_BRIDGE_GRANT_CLIENT:
        return ask_as_client(machine);
    case GH_BRIDGE_GRANT_ASSERTION:
        return ask_with_file(machine);
    default:
        return find_provider(machine);
    }
}

static void prepared(void *context, gh_status status, gh_prepared *result, const gh_error *error)
{
    gh_machine *machine = context;
    machine->preparation = NULL;
    machine->error = *error;
    machine->error.status = status;
    if (status == GH_OK) {
        machine->prepared = *result;
        machine->error.status = gh_prepared_scope(machine->settings, &machine->prepared, machine->scope_hint,
                                                  &machine->prepared.credentials.scope, &machine->error);
    }
    if (machine->error.status == GH_OK) {
        machine->error.status = ask(machine);
    }
    if (machine->error.status != GH_OK) {
        conclude(machine);
    }
}

gh_status gh_machine_start(gh_loop *loop, const gh_bridge_settings *settings,
                           const gh_code_flow_options *options, gh_code_flow_done done, void *context,
                           gh_machine **machine, gh_error *error)
{
    gh_machine *started = calloc(1, sizeof(*started));
    if (started == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    started->loop = loop;
    started->settings = settings;
    started->done = done;
    started->context = context;
    started->scope_hint = gh_text_dup(options->scope);
    gh_preparation_options ground = {.metadata_url = options->metadata_url, .previous = options->previous};
    gh_status status =
        options->scope != NULL && started->scope_hint == NULL
            ? gh_error_set(error, GH_ERR_NOMEM, "out of memory")
            : gh_preparation_start(loop, settings, &ground, prepared, started, &started->preparation, error);
    if (status != GH_OK) {
        machine_free(started);
        return status;
    }
    *machine = started;
    return GH_OK;
}

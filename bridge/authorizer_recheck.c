/* The authorizer's second look at the server when a token was refused: who gives tokens for it may have
 * changed (MCP authorization, Authorization Server Binding). */
#include <stdlib.h>
#include <string.h>

#include "bridge/authorizer_parts.h"
#include "shared/core/log.h"

static bool is_named(const gh_resource_metadata *resource, const char *issuer)
{
    for (size_t i = 0; i < resource->authorization_server_count; i++) {
        if (strcmp(resource->authorization_servers[i], issuer) == 0) {
            return true;
        }
    }
    return false;
}

/* Tokens of another issuer, or for another resource, are nobody's business any more. */
static void forget_tokens(gh_authorizer *authorizer)
{
    gh_credentials *credentials = &authorizer->credentials;
    gh_secret_free(credentials->access_token);
    gh_secret_free(credentials->refresh_token);
    credentials->access_token = NULL;
    credentials->refresh_token = NULL;
    authorizer->origin = GH_ORIGIN_STORE;
}

static void rechecked(void *context, gh_status status, gh_discovered *found, const gh_error *error)
{
    gh_authorizer *authorizer = context;
    const gh_credentials *credentials = &authorizer->credentials;
    authorizer->recheck = NULL;
    if (status == GH_ERR_DENIED || status == GH_ERR_INVALID) {
        gh_authorizer_conclude(authorizer, GH_ERR_DENIED, error);
        return;
    }
    if (status == GH_OK) {
        const char *wanted = authorizer->settings->resource;
        const char *resource = wanted != NULL ? wanted : found->resource.resource;
        bool moved =
            !is_named(&found->resource, credentials->issuer) || strcmp(resource, credentials->resource) != 0;
        gh_discovered_clear(found);
        if (moved) {
            gh_log_info("the server does not take tokens of %s any more", credentials->issuer);
            forget_tokens(authorizer);
        }
    } else {
        gh_log_debug("%s", error->message); /* what is stored goes to its own issuer all the same */
    }
    authorizer->after_recheck(authorizer);
}

void gh_authorizer_recheck(gh_authorizer *authorizer, void (*next)(gh_authorizer *authorizer))
{
    gh_error error = {GH_OK, ""};
    gh_discover_options options = {.metadata_url = authorizer->cause.metadata_url, .resource_only = true};
    authorizer->phase = GH_PHASE_RECHECK;
    authorizer->after_recheck = next;
    if (gh_discover_start(authorizer->loop, authorizer->settings, &options, rechecked, authorizer,
                          &authorizer->recheck, &error) != GH_OK) {
        gh_authorizer_conclude(authorizer, error.status, &error);
    }
}

/* Finds the authorization server of an MCP server: challenge, protected-resource metadata (RFC 9728),
 * authorization-server metadata (RFC 8414, OpenID Connect Discovery), in the order of the MCP specification,
 * and checks what it finds: the resource covers the URL, the issuer is the one asked for, S256 is offered,
 * and no step leads where gh_policy_check forbids. An address that answers 4xx, or without a JSON object, is
 * passed over, the challenge's too; a document that is there and does not fit ends the search.
 * Belongs to the loop's thread. */
#ifndef GH_BRIDGE_LOGIN_DISCOVER_H
#define GH_BRIDGE_LOGIN_DISCOVER_H

#include "bridge/loop.h"
#include "bridge/options.h"
#include "shared/core/status.h"
#include "shared/oauth/metadata.h"

typedef struct gh_discover gh_discover;

/* What was found. `resource_metadata_url` is NULL when the server has no resource metadata; then the
 * resource is the MCP URL and the issuer the one of the settings, else the MCP URL's origin.
 * `server_metadata_url` is NULL when there is no authorization server metadata either and the endpoints are
 * those of the 2025-03-26 specification: /authorize, /token and /register at the MCP URL's origin. */
typedef struct gh_discovered {
    char *resource_metadata_url;
    char *server_metadata_url;
    gh_resource_metadata resource;
    gh_server_metadata server;
} gh_discovered;

void gh_discovered_clear(gh_discovered *found);

/* `found` is handed over on GH_OK (clear it), NULL otherwise. */
typedef void (*gh_discover_done)(void *context, gh_status status, gh_discovered *found,
                                 const gh_error *error);

typedef struct gh_discover_options {
    const char *metadata_url; /* the challenge's resource_metadata; NULL for none; copied */
    const char *issuer; /* only this issuer's metadata is looked for, and no MCP server asked: an identity
                           provider that the person named; NULL otherwise; copied */
    bool resource_only; /* only the resource metadata: `server` stays empty */
    bool may_guess;     /* where nothing is found, nor named by a challenge, the endpoints are guessed */
} gh_discover_options;

/* Authorization and PKCE are asked for only where the settings' grant needs them. */
GH_MUST_USE gh_status gh_discover_start(gh_loop *loop, const gh_bridge_settings *settings,
                                        const gh_discover_options *options, gh_discover_done done,
                                        void *context, gh_discover **discover, gh_error *error);
void gh_discover_cancel(gh_discover *discover); /* NULL is fine */

#endif

/* Metadata documents: protected resource (RFC 9728) and authorization server (RFC 8414, OpenID Connect
 * Discovery 1.0), read and written. No member is ever written as null. Structs own their strings; a
 * filled struct may be read from several threads. */
#ifndef GH_SHARED_OAUTH_METADATA_H
#define GH_SHARED_OAUTH_METADATA_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/core/bytes.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

#define GH_METADATA_SERVERS_MAX 8

typedef struct gh_resource_metadata {
    char *resource;
    char *authorization_servers[GH_METADATA_SERVERS_MAX];
    size_t authorization_server_count;
    char *scopes_supported; /* space-separated; NULL when undefined */
    char *resource_name;
} gh_resource_metadata;

typedef struct gh_server_metadata {
    char *issuer;
    char *authorization_endpoint;
    char *token_endpoint;
    char *registration_endpoint;
    char *revocation_endpoint;
    char *device_authorization_endpoint;
    char *jwks_uri;
    char *userinfo_endpoint;
    char *scopes_supported; /* lists are space-separated; NULL when undefined */
    char *grant_types_supported;
    char *response_types_supported;
    char *code_challenge_methods_supported;
    char *token_endpoint_auth_methods_supported;
    char *token_endpoint_auth_signing_alg_values_supported;
    char *id_token_signing_alg_values_supported;
    bool iss_parameter_supported; /* authorization_response_iss_parameter_supported */
    bool client_id_metadata_document_supported;
} gh_server_metadata;

/* Parse a document (gated with GH_JSON_LIMITS_DOCUMENT). null members are treated as absent on reading.
 * Wrong types, words with spaces and a missing required member (resource; issuer) are GH_ERR_INVALID with
 * a sentence. Empty strings count as absent. Response types of several words ("code id_token") are left
 * out; so are authorization servers beyond GH_METADATA_SERVERS_MAX.
 * Whether URLs may be used is the caller's policy. */
GH_MUST_USE gh_status gh_resource_metadata_parse(gh_view json, gh_resource_metadata *out, gh_error *error);
GH_MUST_USE gh_status gh_server_metadata_parse(gh_view json, gh_server_metadata *out, gh_error *error);
void gh_resource_metadata_clear(gh_resource_metadata *metadata);
void gh_server_metadata_clear(gh_server_metadata *metadata);

/* Append the JSON document. `openid` adds the members that OpenID discovery requires
 * (subject_types_supported, id_token_signing_alg_values_supported: RS256 when the struct names none),
 * which are left out otherwise. */
GH_MUST_USE gh_status gh_resource_metadata_write(const gh_resource_metadata *metadata, gh_buf *out);
GH_MUST_USE gh_status gh_server_metadata_write(const gh_server_metadata *metadata, bool openid, gh_buf *out);

#endif

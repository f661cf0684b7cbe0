/* What bearer.c (header, signature, cache) and bearer_claims.c (what the claims must say) share. */
#ifndef GH_SERVER_AUTH_BEARER_PRIVATE_H
#define GH_SERVER_AUTH_BEARER_PRIVATE_H

#include "server/auth/bearer.h"

/* Fills `error` with a fixed text and returns GH_BEARER_INVALID; or GH_BEARER_UNAVAILABLE. */
gh_bearer_outcome gh_bearer_refuse(gh_error *error, const char *why);
gh_bearer_outcome gh_bearer_outage(gh_error *error);

/* From verified claims to a principal (owned), by the rules for our own or for foreign tokens. Grants and
 * required scopes are not looked at. */
gh_bearer_outcome gh_bearer_read_claims(const gh_bearer_options *options, gh_view token, const cJSON *claims,
                                        gh_principal **principal, gh_error *error);

#endif

/* Who may enter, by the claims that a provider makes about an account. Thread-safe. */
#ifndef GH_SERVER_AUTH_CLAIMS_H
#define GH_SERVER_AUTH_CLAIMS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* `rules` are "name=value", and all must hold: the claim is that string, that boolean ("true"), or an array
 * with that string in it. A name with dots that is no claim by itself is a path ("realm_access.roles=mcp").
 * Without rules everybody may enter; without claims nobody may when there are rules. */
bool gh_claims_allow(const cJSON *claims, const char *const *rules, size_t count);
/* True for a rule that gh_claims_allow understands. */
bool gh_claims_rule_is_valid(const char *rule);

#endif

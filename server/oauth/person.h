/* The person whom the identity provider vouches for, and whether that person may use this server.
 * Thread-safe. */
#ifndef GH_SERVER_OAUTH_PERSON_H
#define GH_SERVER_OAUTH_PERSON_H

#include <cjson/cJSON.h>

#include "server/oauth/internal.h"

/* GH_ERR_INVALID with a sentence when a required claim is not of the form name=value. */
GH_MUST_USE gh_status gh_requirements_check(const gh_text_list *requirements, gh_error *error);

/* Fills subject, name and e-mail address of *flow: `sub` as it is, name and address when they are fit to be
 * shown. GH_ERR_DENIED without a usable `sub` (OpenID Connect Core 1.0, 2). */
GH_MUST_USE gh_status gh_person_read(const cJSON *claims, gh_flow *flow);

/* At a login: every required claim must hold. */
bool gh_person_may_enter(const gh_oauth_server *server, const cJSON *claims);
/* At a refresh: the same person (OpenID Connect Core 1.0, 12.2), of whom every required claim still holds.
 * `claims` NULL, when the provider said nothing of the person, changes nothing. */
bool gh_person_may_stay(const gh_oauth_server *server, const cJSON *claims, const char *subject);

#endif

/* Where the credentials for APIs come from in an auth mode: what the identity can do for server/api. */
#ifndef GH_SERVER_CREDENTIALS_H
#define GH_SERVER_CREDENTIALS_H

#include "server/api/credential.h"
#include "server/identity.h"

/* Fills *source from an open identity, which is borrowed and outlives every use. `user` is there in proxy
 * mode, `exchange` where this server has a client at a provider, `client` always (gh_credential_check tells
 * whether a given one is complete). */
void gh_credentials_source(const gh_identity *identity, gh_credential_source *source);

/* To be called with every toolset that came into use: bearer tokens are kept for the calls under way only
 * while some upstream exchanges them, in the modes whose tokens are the provider's. NULL: none. */
void gh_credentials_adopt(const gh_identity *identity, const gh_toolset *set);

#endif

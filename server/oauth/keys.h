/* The signing key of the authorization server, kept in the store. */
#ifndef GH_SERVER_OAUTH_KEYS_H
#define GH_SERVER_OAUTH_KEYS_H

#include "server/auth/key.h"
#include "server/store/store.h"
#include "shared/core/status.h"

#define GH_SIGNING_ALG "ES256"

/* Loads the active key, or creates one when there is none. When another process creates it at the same time,
 * the key that the store kept is the one that is used. *signing is the active private key, *all every key
 * that still verifies; both are owned (gh_key_free, gh_keyset_free). */
GH_MUST_USE gh_status gh_signing_keys_load(gh_store *store, gh_key **signing, gh_keyset **all,
                                           gh_error *error);

#endif

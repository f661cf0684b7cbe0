/* The keys of the authorization server as they are now: the one that signs and all that verify. They may be
 * exchanged while requests run, so that whoever uses them takes a reference. Thread-safe. */
#ifndef GH_SERVER_OAUTH_SIGNING_H
#define GH_SERVER_OAUTH_SIGNING_H

#include "server/auth/key.h"
#include "server/store/store.h"
#include "shared/core/status.h"

typedef struct gh_signing gh_signing;

/* Loads the keys of `store`; creates the first one. */
GH_MUST_USE gh_status gh_signing_new(gh_store *store, gh_signing **signing, gh_error *error);
void gh_signing_free(gh_signing *signing);

/* Reads the keys anew. The former ones stay after a failure, and when nothing has changed. */
GH_MUST_USE gh_status gh_signing_reload(gh_signing *signing, gh_store *store, gh_error *error);

/* With a reference for the caller. */
gh_key *gh_signing_key(gh_signing *signing);
gh_keyset *gh_signing_keyset(gh_signing *signing);

#endif

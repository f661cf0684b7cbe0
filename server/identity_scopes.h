/* The scopes that the registry's items need, for whoever grants and checks them. Thread-safe; what a reload
 * changes counts from the next call on. */
#ifndef GH_SERVER_IDENTITY_SCOPES_H
#define GH_SERVER_IDENTITY_SCOPES_H

#include "server/identity.h"

/* For gh_oauth_options; the context is `identity`, which is borrowed. */
gh_oauth_scopes gh_identity_scopes(gh_identity *identity);
/* For gh_bearer_options: which scopes stand for others; the context is the gh_identity. */
gh_scope_table *gh_identity_scope_table(void *context);

#endif

/* The identity provider as a login or a refresh needs it at the moment. Thread-safe. */
#ifndef GH_SERVER_OAUTH_PROVIDER_H
#define GH_SERVER_OAUTH_PROVIDER_H

#include "server/oauth/internal.h"

#define GH_PROVIDER_UNKNOWN "the identity provider" /* where its name is not known */

typedef struct gh_provider {
    gh_server_metadata metadata;
    char *place; /* host and port of the issuer, as a person reads it */
} gh_provider;

/* GH_ERR_UNAVAILABLE before the first contact, GH_ERR_UNSUPPORTED when it cannot work as it is configured.
 * Clear it, also after a failure. */
GH_MUST_USE gh_status gh_provider_read(const gh_oauth_server *server, gh_provider *provider);
void gh_provider_clear(gh_provider *provider);

/* One sentence for a person or a client on why gh_provider_read failed; a constant. */
const char *gh_provider_problem(gh_status status);
/* The same as a page: 503, or 500 for what is not an outage. */
void gh_provider_page(gh_response *response, gh_status status);

#endif

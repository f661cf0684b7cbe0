/* The facade mode: metadata under this server's name with the provider's endpoints, and a registration that
 * hands out the one client id that the provider knows. Clients that insist on dynamic registration (RFC 7591)
 * and on authorization-server metadata at the MCP origin (RFC 8414) get both; everything else happens at the
 * provider. Immutable; any thread. */
#ifndef GH_SERVER_OAUTH_FACADE_H
#define GH_SERVER_OAUTH_FACADE_H

#include "server/exchange/exchange.h"
#include "server/idp/idp.h"
#include "shared/config/options.h"

/* The context of the handlers; everything is borrowed. */
typedef struct gh_facade {
    gh_idp *idp;
    const char *issuer;    /* this server's origin */
    const char *client_id; /* at the provider */
    const char *scopes;    /* that clients should ask for: "openid profile email" */
    const gh_text_list *redirect_schemes;
} gh_facade;

/* 503 with the reason while the provider has not been reached. */
void gh_facade_handle_metadata(void *facade, const gh_request *request, gh_response *response);
void gh_facade_handle_openid_metadata(void *facade, const gh_request *request, gh_response *response);
/* 201 with the fixed client id and the redirect URIs that were asked for; loopback ones and private-use
 * schemes on the list only, for whoever else received a code would receive it for everybody's client. */
void gh_facade_handle_register(void *facade, const gh_request *request, gh_response *response);

#endif

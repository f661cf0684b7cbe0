/* What the server itself has to say: protected-resource metadata (RFC 9728), health, and the start page. Any
 * thread. */
#ifndef GH_SERVER_HTTP_PAGES_H
#define GH_SERVER_HTTP_PAGES_H

#include <stdbool.h>

#include "server/exchange/exchange.h"
#include "server/http/site.h"
#include "shared/core/status.h"

typedef struct gh_pages gh_pages;

typedef struct gh_pages_options {
    const gh_site *site;              /* copied from */
    const char *server_name;          /* copied */
    const char *scopes;               /* of the resource, without offline_access: "mcp" */
    const char *authorization_server; /* its issuer, byte for byte; NULL: this server */
    bool open;                        /* nobody signs in */
    bool own_metadata;                /* this server has authorization-server metadata to link to */
    void *context;
    /* GH_OK when requests can be served; else the error says what is missing. Asked once a second at most. */
    gh_status (*ready)(void *context, gh_error *error);
} gh_pages_options;

GH_MUST_USE gh_status gh_pages_new(const gh_pages_options *options, gh_pages **pages);
void gh_pages_free(gh_pages *pages);

/* Handlers; the context is the gh_pages. */
void gh_pages_handle_resource_metadata(void *context, const gh_request *request, gh_response *response);
void gh_pages_handle_health(void *context, const gh_request *request, gh_response *response);
void gh_pages_handle_ready(void *context, const gh_request *request, gh_response *response);
void gh_pages_handle_home(void *context, const gh_request *request, gh_response *response);
void gh_pages_handle_icon(void *context, const gh_request *request, gh_response *response);

#endif

/* The site: the public identity of this server, from configuration alone. No URL is ever built from a
 * header; Host and Origin are only compared with it. Immutable after creation, so any thread may use it. */
#ifndef GH_SERVER_HTTP_SITE_H
#define GH_SERVER_HTTP_SITE_H

#include <stdbool.h>

#include "shared/config/options.h"
#include "shared/core/status.h"
#include "shared/core/text.h"

typedef struct gh_site gh_site;

typedef enum gh_site_host {
    GH_SITE_HOST_OURS,
    GH_SITE_HOST_OTHER,  /* a name that is not the public one: 421 */
    GH_SITE_HOST_INVALID /* no host[:port] at all: 400 */
} gh_site_host;

/* `public_url` is an origin ("http://localhost:8080"; one trailing slash is fine). `allowed_origins` (copied,
 * may be NULL) are origins too. The error says what is wrong with which one. */
GH_MUST_USE gh_status gh_site_new(const char *public_url, const gh_text_list *allowed_origins, gh_site **site,
                                  gh_error *error);
void gh_site_free(gh_site *site);

const char *gh_site_origin(const gh_site *site);            /* "http://localhost:8080" */
const char *gh_site_mcp_url(const gh_site *site);           /* "http://localhost:8080/mcp" */
const char *gh_site_resource_metadata(const gh_site *site); /* its RFC 9728 well-known URL */

gh_site_host gh_site_check_host(const gh_site *site, gh_view host);
/* Byte for byte, as browsers serialise origins. "null" is nobody's. */
bool gh_site_is_own_origin(const gh_site *site, gh_view origin);
/* The own origin or one that was allowed. */
bool gh_site_allows_origin(const gh_site *site, gh_view origin);

#endif

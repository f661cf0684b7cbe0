#include "server/oauth/resource.h"

#include "server/oauth/internal.h"
#include "shared/net/url.h"

bool gh_resource_is_ours(const gh_oauth_server *server, const gh_form *form)
{
    gh_url ours;
    gh_url theirs;
    const char *value = NULL;
    if (gh_url_parse(gh_view_of(server->resource), &ours, NULL) != GH_OK) {
        return false;
    }
    for (size_t i = 0; (value = gh_form_get_nth(form, "resource", i)) != NULL; i++) {
        if (gh_url_parse(gh_view_of(value), &theirs, NULL) != GH_OK ||
            !gh_url_resource_covers(&theirs, &ours)) {
            return false;
        }
    }
    return true;
}

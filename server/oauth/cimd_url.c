#include <string.h>

#include "server/oauth/cimd_private.h"
#include "shared/net/url.h"

bool gh_cimd_is_url(const char *client_id)
{
    return gh_view_starts_with_nocase(gh_view_of(client_id), GH_VIEW_LIT("https://"));
}

/* A client shows itself with this URL: the same document must not have two spellings. */
static bool is_dot_segment(gh_view segment)
{
    size_t dots = 0;
    for (size_t i = 0; i < segment.len; dots++) {
        if (segment.ptr[i] == '.') {
            i++;
        } else if (segment.len - i >= 3 &&
                   gh_view_eq_nocase(gh_view_make(segment.ptr + i, 3), GH_VIEW_LIT("%2e"))) {
            i += 3;
        } else {
            return false;
        }
    }
    return dots == 1 || dots == 2;
}

static bool has_dot_segment(gh_view path)
{
    gh_view rest = path;
    gh_view segment;
    while (gh_view_next(&rest, '/', &segment)) {
        if (is_dot_segment(segment)) {
            return true;
        }
    }
    return false;
}

gh_status gh_cimd_url_check(const char *text, gh_error *error)
{
    gh_url url;
    gh_error cause = {0};
    if (strlen(text) > GH_OAUTH_CLIENT_ID_MAX) {
        return gh_error_set(error, GH_ERR_INVALID, "The application's client_id is longer than %d bytes.",
                            GH_OAUTH_CLIENT_ID_MAX);
    }
    if (gh_url_parse(gh_view_of(text), &url, &cause) != GH_OK) {
        return gh_error_set(error, GH_ERR_INVALID, "The application's client_id is no usable URL: %s.",
                            cause.message);
    }
    const char *problem = NULL;
    if (!gh_url_is_https(&url) || !url.has_authority) {
        problem = "begin with https:// and name a host";
    } else if (url.has_userinfo) {
        problem = "have no user part";
    } else if (url.has_fragment) {
        problem = "have no fragment";
    } else if (url.path.len < 2) {
        problem = "name a document by its path";
    } else if (has_dot_segment(url.path)) {
        problem = "have no \".\" or \"..\" in its path";
    } else if (gh_host_is_local(url.host)) {
        problem = "name a host on the public Internet";
    }
    return problem == NULL
               ? GH_OK
               : gh_error_set(error, GH_ERR_INVALID, "A client_id that is a URL must %s.", problem);
}

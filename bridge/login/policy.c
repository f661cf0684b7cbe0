#include "bridge/login/policy.h"

static gh_status parse(const char *text, const char *what, gh_url *url, gh_error *error)
{
    gh_error cause = {GH_OK, ""};
    if (gh_url_parse(gh_view_of(text), url, &cause) != GH_OK) {
        return gh_error_set(error, GH_ERR_DENIED, "the %s is not a usable URL: %s", what, cause.message);
    }
    return GH_OK;
}

/* Names and addresses that end on this machine. */
static bool is_this_machine(const gh_url *url)
{
    return gh_host_is_local(url->host) && !gh_host_is_link_local(url->host);
}

gh_status gh_policy_check(const char *mcp_url, const char *target, const char *what, bool allow_http,
                          gh_error *error)
{
    gh_url from;
    gh_url to;
    gh_status status = parse(mcp_url, "server's URL", &from, error);
    if (status == GH_OK) {
        status = parse(target, what, &to, error);
    }
    if (status != GH_OK) {
        return status;
    }
    if (!gh_url_is_http(&to) || to.has_userinfo || to.has_fragment) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "the %s must be an http or https URL without user name and fragment", what);
    }
    if (!gh_url_is_https(&to) && !gh_url_is_loopback(&to) && !allow_http) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "the %s uses plain http to another machine; the server should use https "
                            "(--allow-http accepts it in a network you trust)",
                            what);
    }
    if (!is_this_machine(&from) && gh_host_is_local(to.host)) {
        return gh_error_set(
            error, GH_ERR_DENIED,
            "the %s points at this machine or its local link, where a remote server may not lead", what);
    }
    return GH_OK;
}

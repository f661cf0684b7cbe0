#include "server/http/cors.h"

static const char *const HEADERS[] = {"Accept",        "Authorization",  "Content-Type",
                                      "Last-Event-ID", "Mcp-Session-Id", "MCP-Protocol-Version",
                                      "Mcp-Method",    "Mcp-Name"};

void gh_cors_headers(gh_view origin, gh_response *response)
{
    gh_response_header_cstr(response, "Vary", "Origin");
    if (origin.ptr != NULL) {
        gh_response_header(response, "Access-Control-Allow-Origin", origin);
        gh_response_header_cstr(response, "Access-Control-Expose-Headers",
                                "WWW-Authenticate, Mcp-Session-Id, Retry-After");
    }
}

static bool is_known(gh_view name)
{
    bool known = gh_view_starts_with_nocase(name, GH_VIEW_LIT("Mcp-Param-"));
    for (size_t i = 0; i < sizeof HEADERS / sizeof HEADERS[0] && !known; i++) {
        known = gh_view_eq_nocase(name, gh_view_of(HEADERS[i]));
    }
    return known;
}

void gh_cors_preflight(const gh_request *request, gh_view origin, gh_view methods, gh_response *response)
{
    gh_buf allowed = GH_BUF_INIT(4096);
    gh_view rest = gh_request_header(request, "Access-Control-Request-Headers");
    gh_view name;
    while (rest.ptr != NULL && gh_view_next(&rest, ',', &name)) {
        name = gh_view_trim(name);
        if (is_known(name)) {
            (void)gh_buf_append_cstr(&allowed, allowed.len > 0 ? ", " : "");
            (void)gh_buf_append_view(&allowed, name);
        }
    }
    gh_response_header_cstr(response, "Vary", "Origin, Access-Control-Request-Headers");
    gh_response_header(response, "Access-Control-Allow-Origin", origin);
    gh_response_header(response, "Access-Control-Allow-Methods", methods);
    if (allowed.len > 0) {
        gh_response_header(response, "Access-Control-Allow-Headers", gh_buf_view(&allowed));
    }
    gh_response_header_cstr(response, "Access-Control-Max-Age", "600");
    gh_buf_free(&allowed);
}

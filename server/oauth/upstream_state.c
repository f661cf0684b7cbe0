#include "server/oauth/upstream_state.h"

#include <string.h>

static gh_status bind_cookie(gh_browser *cookie, gh_view text)
{
    memcpy(cookie->cookie, text.ptr, GH_OAUTH_TOKEN_LEN);
    cookie->cookie[GH_OAUTH_TOKEN_LEN] = '\0';
    return gh_sha256_text(text, cookie->cookie_hash);
}

/* The callback is the only place that needs it; the __Host- prefix demands Path=/. */
static gh_status set_cookie(const gh_oauth_server *server, const gh_browser *cookie, gh_response *response)
{
    gh_buf value = GH_BUF_INIT(512);
    gh_status status = gh_buf_reserve(&value, 256);
    (void)gh_buf_append_cstr(&value, server->state_cookie_name);
    (void)gh_buf_append_char(&value, '=');
    (void)gh_buf_append_cstr(&value, cookie->cookie);
    (void)gh_buf_appendf(&value, "; Path=%s; Max-Age=%d; HttpOnly; SameSite=Lax%s",
                         server->secure ? "/" : "/callback", GH_UPSTREAM_LOGIN_S,
                         server->secure ? "; Secure" : "");
    if (status == GH_OK) {
        status = gh_buf_status(&value);
    }
    if (status == GH_OK) {
        gh_response_header(response, "Set-Cookie", gh_buf_view(&value));
    }
    gh_buf_wipe_free(&value);
    return status;
}

gh_status gh_upstream_cookie_set(const gh_oauth_server *server, const gh_browser *browser,
                                 gh_response *response, gh_browser *cookie)
{
    char text[GH_SHA256_TEXT_MAX];
    gh_status status = gh_csrf_token(server, "upstream", "", browser, NULL, text);
    if (status == GH_OK) {
        status = bind_cookie(cookie, gh_view_of(text));
    }
    if (status == GH_OK) {
        status = set_cookie(server, cookie, response);
    }
    gh_wipe(text, sizeof text);
    return status;
}

gh_status gh_upstream_cookie_read(const gh_oauth_server *server, const gh_request *request,
                                  gh_browser *cookie)
{
    gh_view text = gh_request_cookie(request, server->state_cookie_name);
    return gh_oauth_is_token(text) ? bind_cookie(cookie, text) : GH_ERR_NOT_FOUND;
}

gh_status gh_upstream_login_key(gh_view state, const gh_browser *cookie, char out[GH_SHA256_TEXT_MAX])
{
    gh_buf both = GH_BUF_INIT(2 * GH_OAUTH_TOKEN_LEN + 1);
    gh_status status = gh_buf_reserve(&both, 2 * GH_OAUTH_TOKEN_LEN + 1);
    (void)gh_buf_append_view(&both, state);
    (void)gh_buf_append_char(&both, '.');
    (void)gh_buf_append_cstr(&both, cookie->cookie);
    if (status == GH_OK) {
        status = gh_buf_status(&both);
    }
    if (status == GH_OK) {
        status = gh_sha256_text(gh_buf_view(&both), out);
    }
    gh_buf_wipe_free(&both);
    return status;
}

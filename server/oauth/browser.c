#include "server/oauth/browser.h"

#include <string.h>

#include "shared/core/random.h"
#include "shared/net/base64.h"

bool gh_oauth_is_token(gh_view text)
{
    if (text.len != GH_OAUTH_TOKEN_LEN) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool valid = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '_';
        if (!valid) {
            return false;
        }
    }
    return true;
}

gh_status gh_hmac_text(const gh_secret *key, gh_view data, char out[GH_SHA256_TEXT_MAX])
{
    unsigned char mac[GH_SHA256_LEN];
    gh_buf text = GH_BUF_INIT(GH_SHA256_TEXT_MAX);
    gh_status status = gh_buf_reserve(&text, GH_SHA256_TEXT_MAX);
    if (status == GH_OK) {
        status = gh_hmac_sha256(gh_secret_view(key), data, mac);
    }
    if (status == GH_OK) {
        status = gh_base64url_encode(gh_view_make((const char *)mac, sizeof mac), &text);
    }
    if (status == GH_OK && text.len + 1 != GH_SHA256_TEXT_MAX) {
        status = GH_ERR_CRYPTO;
    }
    if (status == GH_OK) {
        memcpy(out, gh_buf_cstr(&text), GH_SHA256_TEXT_MAX);
    }
    gh_wipe(mac, sizeof mac);
    gh_buf_wipe_free(&text);
    return status;
}

static gh_status bind_cookie(gh_browser *browser, gh_view cookie)
{
    memcpy(browser->cookie, cookie.ptr, GH_OAUTH_TOKEN_LEN);
    browser->cookie[GH_OAUTH_TOKEN_LEN] = '\0';
    return gh_sha256_text(cookie, browser->cookie_hash);
}

gh_status gh_browser_read(const gh_oauth_server *server, const gh_request *request, gh_browser *browser)
{
    gh_view cookie = gh_request_cookie(request, server->cookie_name);
    return gh_oauth_is_token(cookie) ? bind_cookie(browser, cookie) : GH_ERR_NOT_FOUND;
}

/* The pages below /authorize need it, and /device; the __Host- prefix demands Path=/. */
static gh_status set_cookie(const gh_oauth_server *server, const gh_browser *browser, gh_response *response)
{
    gh_buf value = GH_BUF_INIT(512);
    gh_status status = gh_buf_reserve(&value, 256);
    (void)gh_buf_append_cstr(&value, server->cookie_name);
    (void)gh_buf_append_char(&value, '=');
    (void)gh_buf_append_cstr(&value, browser->cookie);
    (void)gh_buf_append_cstr(&value, server->secure ? "; Path=/; HttpOnly; SameSite=Lax; Secure"
                                                    : "; Path=/; HttpOnly; SameSite=Lax");
    if (status == GH_OK) {
        status = gh_buf_status(&value);
    }
    if (status == GH_OK) {
        gh_response_header(response, "Set-Cookie", gh_buf_view(&value));
    }
    gh_buf_wipe_free(&value);
    return status;
}

gh_status gh_browser_open(const gh_oauth_server *server, const gh_request *request, gh_response *response,
                          gh_browser *browser)
{
    char *fresh = NULL;
    gh_status status = gh_browser_read(server, request, browser);
    if (status != GH_ERR_NOT_FOUND) {
        return status;
    }
    status = gh_random_token(GH_OAUTH_TOKEN_BYTES, &fresh);
    if (status == GH_OK && fresh != NULL) {
        status = bind_cookie(browser, gh_view_of(fresh));
    }
    if (status == GH_OK) {
        status = set_cookie(server, browser, response);
    }
    gh_wipe_free(fresh);
    return status;
}

void gh_browser_clear(gh_browser *browser)
{
    gh_wipe(browser, sizeof *browser);
}

static void append_field(gh_buf *out, const char *text)
{
    /* No field can hold a newline: tokens are base64url, names and addresses have no control characters. */
    (void)gh_buf_append_cstr(out, text != NULL ? text : "");
    (void)gh_buf_append_char(out, '\n');
}

gh_status gh_csrf_token(const gh_oauth_server *server, const char *purpose, const char *flow_id,
                        const gh_browser *browser, const gh_flow *person, char out[GH_SHA256_TEXT_MAX])
{
    gh_buf data = GH_BUF_INIT(4096);
    gh_status status = gh_buf_reserve(&data, 2048);
    append_field(&data, purpose);
    append_field(&data, flow_id);
    append_field(&data, browser->cookie);
    if (person != NULL) {
        append_field(&data, person->subject);
        append_field(&data, person->name);
        append_field(&data, person->email);
    }
    if (status == GH_OK) {
        status = gh_buf_status(&data);
    }
    if (status == GH_OK) {
        status = gh_hmac_text(server->csrf_secret, gh_buf_view(&data), out);
    }
    gh_buf_wipe_free(&data);
    return status;
}

gh_status gh_csrf_check(const gh_oauth_server *server, const char *purpose, const char *flow_id,
                        const gh_browser *browser, const gh_flow *person, const char *token)
{
    char expected[GH_SHA256_TEXT_MAX];
    if (token == NULL) {
        return GH_ERR_DENIED;
    }
    gh_status status = gh_csrf_token(server, purpose, flow_id, browser, person, expected);
    if (status == GH_OK && !gh_equal_constant_time(gh_view_of(expected), gh_view_of(token))) {
        status = GH_ERR_DENIED;
    }
    gh_wipe(expected, sizeof expected);
    return status;
}

#include <string.h>

#include "server/oauth/device.h"
#include "server/oauth/device_code.h"
#include "server/oauth/flow.h"
#include "server/oauth/page.h"
#include "server/oauth/upstream_state.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/core/random.h"

/* One visit of /device. */
typedef struct visit {
    const gh_oauth_server *server;
    const gh_request *request;
    gh_form *form;
    gh_browser browser;
    char code[GH_USER_CODE_LEN + 1];
} visit;

static void write_form(const visit *v, const char *csrf, const char *problem, gh_buf *page)
{
    char shown[GH_USER_CODE_SHOWN + 1] = "";
    if (v->code[0] != '\0') {
        gh_user_code_show(v->code, shown);
    }
    (void)gh_buf_append_cstr(page, "<form method=\"post\" action=\"/device\">\n"
                                   "<input type=\"hidden\" name=\"csrf\" value=\"");
    gh_page_escape(page, gh_view_of(csrf));
    (void)gh_buf_append_cstr(page, "\">\n<label for=\"user_code\">Code</label>\n"
                                   "<input id=\"user_code\" name=\"user_code\" type=\"text\" "
                                   "autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" "
                                   "placeholder=\"XXXX-XXXX\" maxlength=\"32\" required autofocus value=\"");
    (void)gh_buf_append_cstr(page, shown);
    (void)gh_buf_append_cstr(page, problem != NULL
                                       ? "\" aria-invalid=\"true\" aria-describedby=\"user_code-problem\">\n"
                                         "<p class=\"problem\" id=\"user_code-problem\">"
                                       : "\">\n");
    gh_page_escape(page, gh_view_of(problem));
    (void)gh_buf_append_cstr(page, problem != NULL ? "</p>\n" : "");
    (void)gh_buf_append_cstr(page, "<div class=\"row\"><button type=\"submit\">Continue</button></div>\n"
                                   "</form>\n");
}

static void write_page(const visit *v, const char *csrf, const char *problem, gh_buf *page)
{
    gh_page_begin(page, "Connect a device");
    (void)gh_buf_append_cstr(page, "<h1>Connect a device</h1>\n<p>A device or a program without a browser "
                                   "wants to connect to <strong>");
    gh_page_escape(page, gh_view_of(v->server->server_name));
    (void)gh_buf_append_cstr(page, v->code[0] != '\0'
                                       ? "</strong>. Compare this code with the one that it shows.</p>\n"
                                       : "</strong>. Enter the code that it shows.</p>\n");
    write_form(v, csrf, problem, page);
    (void)gh_buf_append_cstr(page, "<p class=\"soft\">Did somebody send you this address or a code? Then "
                                   "close this page: whoever has you enter it gets access in your "
                                   "name.</p>\n");
    gh_page_end(page);
}

static void show(visit *v, int http_status, const char *problem, gh_response *response)
{
    char csrf[GH_SHA256_TEXT_MAX];
    gh_buf page = GH_BUF_INIT(GH_PAGE_MAX);
    gh_status status = gh_browser_open(v->server, v->request, response, &v->browser);
    if (status == GH_OK) {
        status = gh_csrf_token(v->server, "device", "", &v->browser, NULL, csrf);
    }
    if (status == GH_OK) {
        write_page(v, csrf, problem, &page);
        gh_page_send(response, http_status, &page, NULL);
    } else {
        gh_flow_page_failure(response, status);
    }
    gh_buf_free(&page);
}

static gh_status keep_flow(const visit *v, const gh_device *device, const char *id)
{
    char hash[GH_SHA256_TEXT_MAX];
    char target[] = GH_DEVICE_TARGET;
    char none[] = "";
    char cookie_hash[GH_SHA256_TEXT_MAX];
    gh_status status = gh_sha256_text(gh_view_of(id), hash);
    if (status != GH_OK) {
        return status;
    }
    memcpy(cookie_hash, v->browser.cookie_hash, sizeof cookie_hash);
    int64_t until = gh_clock_wall_s() + v->server->flow_ttl_s;
    if (v->server->idp != NULL) {
        until += GH_UPSTREAM_LOGIN_S;
    }
    const gh_flow flow = {.id_hash = hash,
                          .cookie_hash = cookie_hash,
                          .client_id = device->client_id,
                          .redirect_uri = target,
                          .state = device->user_code_hash,
                          .scope = device->scope,
                          .resource = device->resource,
                          .challenge = none,
                          .expires_at = until < device->expires_at ? until : device->expires_at};
    return gh_store_flow_add(v->server->store, &flow, GH_OAUTH_FLOWS_MAX);
}

/* The code was right: on to the sign-in, or with an identity provider to the consent, which comes first then.
 */
static void proceed(const visit *v, const gh_device *device, gh_response *response)
{
    char *id = NULL;
    gh_status status = gh_random_token(GH_OAUTH_TOKEN_BYTES, &id);
    if (status == GH_OK) {
        status = keep_flow(v, device, id);
    }
    if (status == GH_OK) {
        gh_log_info("device code entered: client %s", device->client_id);
        gh_flow_redirect(response, v->server->idp == NULL ? "/authorize/login" : "/authorize/consent", id);
    } else {
        gh_flow_page_failure(response, status);
    }
    gh_wipe_free(id);
}

static gh_status find(const visit *v, gh_device *device)
{
    char hash[GH_SHA256_TEXT_MAX];
    gh_status status = gh_user_code_hash(v->server, v->code, hash);
    if (status == GH_OK) {
        status = gh_store_device_by_user_code(v->server->store, hash, device);
    }
    return status == GH_OK && device->state != GH_DEVICE_PENDING ? GH_ERR_NOT_FOUND : status;
}

static void page_throttled(gh_response *response, int64_t wait_s)
{
    char seconds[24];
    gh_buf text = GH_BUF_INIT(sizeof seconds);
    (void)gh_buf_appendf(&text, "%lld", (long long)wait_s);
    gh_response_header_cstr(response, "Retry-After", gh_buf_cstr(&text));
    gh_buf_free(&text);
    gh_page_message(response, 429, "Too many wrong codes", "Too many codes were wrong within a minute.",
                    "Wait a minute, go back one page and try again.");
}

static void try_code(visit *v, gh_response *response)
{
    gh_view address = v->request->remote_host;
    gh_device device;
    int64_t wait_s = 0;
    if (!gh_device_may_try(v->server->device_limits, address, &wait_s)) {
        page_throttled(response, wait_s);
        return;
    }
    memset(&device, 0, sizeof device);
    gh_status status = find(v, &device);
    if (status == GH_ERR_NOT_FOUND) {
        show(v, 400,
             "This code is not known here, was used already or has expired. Compare it with your "
             "device, or start the sign-in there again.",
             response);
    } else {
        gh_device_tried_well(v->server->device_limits, address);
        if (status == GH_OK) {
            proceed(v, &device, response);
        } else {
            gh_flow_page_failure(response, status);
        }
    }
    gh_device_clear(&device);
}

/* GH_ERR_DENIED when the form was not made for this browser. */
static gh_status check_form(visit *v)
{
    if (gh_browser_read(v->server, v->request, &v->browser) != GH_OK) {
        return GH_ERR_DENIED;
    }
    return gh_csrf_check(v->server, "device", "", &v->browser, NULL, gh_form_get(v->form, "csrf"));
}

static void receive(visit *v, gh_response *response)
{
    gh_status status = check_form(v);
    if (status == GH_ERR_DENIED) {
        gh_page_message(response, 403, "This page cannot be used",
                        "The form does not come from this browser, it is out of date, or the browser did not "
                        "send the cookie that it was given.",
                        "Allow cookies for this address, open the address that your device shows again, and "
                        "enter the code there.");
    } else if (status != GH_OK) {
        gh_flow_page_failure(response, status);
    } else if (v->code[0] == '\0') {
        show(v, 400, "A code has eight letters, such as WDJB-MJHT.", response);
    } else {
        try_code(v, response);
    }
}

/* Reads the form of a POST, or the query of a GET. */
static bool read_form(visit *v, gh_response *response)
{
    bool post = gh_visit_is_post(v->request);
    gh_status status = GH_ERR_PARSE;
    if (!post || gh_request_is_type(v->request, "application/x-www-form-urlencoded")) {
        status = gh_form_parse(post ? v->request->body : v->request->query, &v->form, NULL);
    }
    if (status == GH_OK && gh_form_has_duplicate(v->form, NULL)) {
        status = GH_ERR_PARSE;
    }
    if (status == GH_ERR_NOMEM) {
        gh_flow_page_failure(response, status);
    } else if (status != GH_OK) {
        gh_page_message(response, 400, "The request could not be read",
                        "The form that arrived is not one that this page sends.",
                        "Open the address that your device shows again.");
    } else if (!gh_user_code_read(gh_view_of(gh_form_get(v->form, "user_code")), v->code)) {
        v->code[0] = '\0';
    }
    return status == GH_OK;
}

void gh_oauth_handle_device(void *server, const gh_request *request, gh_response *response)
{
    visit v;
    memset(&v, 0, sizeof v);
    v.server = server;
    v.request = request;
    if (read_form(&v, response)) {
        if (gh_visit_is_post(request)) {
            receive(&v, response);
        } else {
            show(&v, 200, NULL, response);
        }
    }
    gh_form_free(v.form);
    gh_browser_clear(&v.browser);
    gh_wipe(v.code, sizeof v.code);
}

#include <stdlib.h>
#include <string.h>

#include "shared/core/secret.h"
#include "shared/net/http_internal.h"
#include "shared/net/url.h"

#define WHERE_MAX 200

void gh_http_transfer_abort(gh_http_transfer *transfer, gh_status status, bool by_caller)
{
    if (transfer->abort_status == GH_OK) {
        transfer->abort_status = status;
        transfer->abort_by_caller = by_caller;
    }
}

char *gh_http_where(gh_view url)
{
    gh_buf text = GH_BUF_INIT(GH_URL_MAX + 16);
    gh_url parsed;
    if (gh_url_parse(url, &parsed, NULL) == GH_OK) {
        (void)gh_url_write_origin(&parsed, &text);
        (void)gh_buf_append_view(&text, parsed.path);
    }
    if (text.len > WHERE_MAX) {
        text.len = WHERE_MAX;
        text.data[WHERE_MAX] = '\0';
    }
    char *where = gh_buf_steal(&text);
    gh_buf_free(&text);
    return where;
}

static gh_status check_request(const gh_http_request *request, gh_url *url, gh_error *error)
{
    static const char *const METHODS[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    bool known = false;
    gh_status status = gh_url_parse(gh_view_of(request->url), url, error);
    if (status != GH_OK) {
        return status;
    }
    if (!gh_url_is_http(url) || !url->has_authority) {
        return gh_error_set(error, GH_ERR_INVALID, "the URL must begin with http:// or https://");
    }
    if (url->has_userinfo) {
        return gh_error_set(error, GH_ERR_INVALID, "the URL must not carry a user name or password");
    }
    for (size_t i = 0; i < sizeof METHODS / sizeof *METHODS; i++) {
        known = known || strcmp(request->method, METHODS[i]) == 0;
    }
    if (!known) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "the HTTP client only knows GET, HEAD, POST, PUT, PATCH and DELETE");
    }
    if (request->body.len > 0 &&
        (strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0)) {
        return gh_error_set(error, GH_ERR_INVALID, "a %s request has no body", request->method);
    }
    if (request->on_body == NULL && request->max_response == SIZE_MAX) {
        return gh_error_set(error, GH_ERR_INVALID, "a reply without a limit needs a reader");
    }
    return GH_OK;
}

static gh_status copy_request(gh_http_transfer *transfer, const gh_http_request *request)
{
    transfer->request = *request;
    transfer->request.headers = NULL;
    transfer->request.url = NULL;
    transfer->request.body = gh_view_make(NULL, 0);
    if (request->max_response == 0) {
        transfer->request.max_response = GH_HTTP_RESPONSE_DEFAULT;
    }
    gh_buf_init(&transfer->collected, transfer->request.max_response);
    transfer->connect_ms =
        request->connect_timeout_ms > 0 ? request->connect_timeout_ms : GH_HTTP_CONNECT_DEFAULT_MS;
    transfer->whole = request->timeout_ms > 0 ? gh_deadline_in(request->timeout_ms) : gh_deadline_never();
    transfer->last_byte_ms = gh_clock_mono_ms();
    transfer->url = gh_text_dup(request->url);
    transfer->where = gh_http_where(gh_view_of(request->url));
    if (transfer->url == NULL || transfer->where == NULL) {
        return GH_ERR_NOMEM;
    }
    if (request->body.len > 0) {
        transfer->body = malloc(request->body.len);
        if (transfer->body == NULL) {
            return GH_ERR_NOMEM;
        }
        memcpy(transfer->body, request->body.ptr, request->body.len);
        transfer->body_len = request->body.len;
    }
    return GH_OK;
}

gh_status gh_http_transfer_new(gh_http_client *client, const gh_http_request *request, gh_http_transfer **out,
                               gh_error *error)
{
    gh_url url;
    gh_status status = check_request(request, &url, error);
    if (status != GH_OK) {
        return status;
    }
    gh_http_transfer *transfer = calloc(1, sizeof *transfer);
    if (transfer == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the request");
    }
    transfer->client = client;
    transfer->easy = gh_curl()->easy_init();
    status = transfer->easy == NULL ? GH_ERR_NOMEM : copy_request(transfer, request);
    if (status == GH_OK) {
        status = gh_http_setup_names(transfer, &url);
    }
    if (status != GH_OK) {
        gh_http_transfer_free(transfer);
        return gh_error_set(error, status, "not enough memory for the request");
    }
    status = gh_http_setup_headers(transfer, request, error);
    if (status == GH_OK && !gh_http_setup_easy(transfer, &url)) {
        status = gh_error_set(error, GH_ERR_UNSUPPORTED, "this libcurl lacks an option that is needed");
    }
    if (status != GH_OK) {
        gh_http_transfer_free(transfer);
        return status;
    }
    *out = transfer;
    return GH_OK;
}

static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *item = headers; item != NULL; item = item->next) {
        gh_wipe(item->data, strlen(item->data)); /* Authorization among them */
    }
    gh_curl()->slist_free_all(headers);
}

void gh_http_transfer_free(gh_http_transfer *transfer)
{
    if (transfer == NULL) {
        return;
    }
    gh_curl()->easy_cleanup(transfer->easy);
    free_headers(transfer->headers);
    gh_curl()->slist_free_all(transfer->resolve);
    gh_http_reply_clear(transfer);
    gh_buf_wipe_free(&transfer->collected);
    if (transfer->body != NULL) {
        gh_wipe(transfer->body, transfer->body_len);
    }
    free(transfer->body);
    free(transfer->url);
    free(transfer->where);
    free(transfer);
}

gh_status gh_http_transfer_follow(gh_http_transfer *transfer)
{
    char *url = gh_http_reply_redirect(transfer);
    char *where = url != NULL ? gh_http_where(gh_view_of(url)) : NULL;
    if (where == NULL || gh_curl()->easy_setopt(transfer->easy, CURLOPT_URL, url) != CURLE_OK) {
        free(url);
        free(where);
        return GH_ERR_NOMEM;
    }
    free(transfer->url);
    free(transfer->where);
    transfer->url = url;
    transfer->where = where;
    transfer->redirects++;
    transfer->body_bytes = 0;
    gh_http_reply_clear(transfer);
    return GH_OK;
}

gh_deadline gh_http_transfer_deadline(const gh_http_transfer *transfer)
{
    int64_t idle = transfer->request.idle_timeout_ms;
    if (idle <= 0 || !transfer->connected || transfer->paused) {
        return transfer->whole;
    }
    return gh_deadline_earlier(transfer->whole, (gh_deadline){transfer->last_byte_ms + idle});
}

gh_view gh_http_transfer_body(const gh_http_transfer *transfer)
{
    return gh_buf_view(&transfer->collected);
}

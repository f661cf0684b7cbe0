#include "bridge/login/fetch.h"

#include <stdlib.h>
#include <string.h>

enum { FETCH_MS = 20000, FETCH_BYTES_MAX = 256 * 1024, HEADERS_MAX = 4 };

struct gh_fetch {
    gh_fetch_done done;
    void *context;
    gh_http_transfer *transfer;
    char *nonce;
};

static void keep_nonce(gh_view nonce, char *out)
{
    if (nonce.len > 0 && nonce.len < GH_FETCH_NONCE_MAX) {
        memcpy(out, nonce.ptr, nonce.len);
        out[nonce.len] = '\0';
    }
}

static void finished(void *context, gh_http_transfer *transfer, const gh_http_result *result)
{
    gh_fetch *fetch = context;
    gh_fetch_done done = fetch->done;
    void *receiver = fetch->context;
    if (fetch->nonce != NULL && result->status == GH_OK) {
        keep_nonce(gh_http_transfer_header(transfer, "DPoP-Nonce"), fetch->nonce);
    }
    free(fetch);
    done(receiver, result->status, result->http_status,
         result->status == GH_OK ? gh_http_transfer_body(transfer) : gh_view_make("", 0), &result->error);
}

gh_status gh_fetch_start(gh_loop *loop, const gh_bridge_settings *settings, const gh_fetch_request *request,
                         gh_fetch_done done, void *context, gh_fetch **fetch, gh_error *error)
{
    gh_fetch *started = calloc(1, sizeof(*started));
    if (started == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    started->done = done;
    started->context = context;
    gh_http_header headers[HEADERS_MAX];
    size_t count = 0;
    headers[count++] = (gh_http_header){"Accept", "application/json"};
    if (request->content_type != NULL) {
        headers[count++] = (gh_http_header){"Content-Type", request->content_type};
    }
    if (request->authorization != NULL) {
        headers[count++] = (gh_http_header){"Authorization", request->authorization};
    }
    if (request->dpop != NULL) {
        headers[count++] = (gh_http_header){"DPoP", request->dpop};
    }
    started->nonce = request->nonce;
    gh_http_request http = {
        .method = request->content_type != NULL ? "POST" : "GET",
        .url = request->url,
        .headers = headers,
        .header_count = count,
        .body = request->body,
        .connect_timeout_ms = settings->connect_timeout_ms,
        .timeout_ms = FETCH_MS,
        .max_response = FETCH_BYTES_MAX,
        .context = started,
        .on_done = finished,
    };
    gh_status status = gh_http_start(gh_loop_http(loop), &http, &started->transfer, error);
    if (status != GH_OK) {
        free(started);
        return status;
    }
    *fetch = started;
    return GH_OK;
}

void gh_fetch_cancel(gh_fetch *fetch)
{
    if (fetch != NULL) {
        gh_http_cancel(fetch->transfer);
        free(fetch);
    }
}

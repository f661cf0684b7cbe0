#include "bridge/probe.h"

#include <stdlib.h>

#include "shared/core/bytes.h"
#include "shared/core/secret.h"
#include "shared/rpc/mcp.h"

enum { PROBE_MS = 20000, PROBE_BYTES_MAX = 1024 * 1024, AUTHORIZATION_MAX = 65536 };

static const char PROBE_BODY[] =
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"" GH_MCP_DISCOVER
    "\",\"params\":{\"_meta\":{\"" GH_MCP_META_VERSION "\":\"" GH_MCP_VERSION_MODERN
    "\",\"" GH_MCP_META_CLIENT_CAPABILITIES "\":{},\"" GH_MCP_META_CLIENT_INFO
    "\":{\"name\":\"gatehouse-bridge\",\"version\":\"" GATEHOUSE_VERSION "\"}}}}";

typedef struct probe {
    gh_probe_done done;
    void *context;
    int http_status; /* of a stream that was left at its head; else 0 */
} probe;

/* An event stream may stay open for ever; its head says enough. */
static gh_status on_head(void *context, gh_http_transfer *transfer, const gh_http_response_head *head)
{
    probe *running = context;
    (void)transfer;
    if (!gh_view_eq_nocase(head->content_type, GH_VIEW_LIT("text/event-stream"))) {
        return GH_OK;
    }
    running->http_status = head->status;
    return GH_ERR_CANCELLED;
}

static void finished(void *context, gh_http_transfer *transfer, const gh_http_result *result)
{
    probe *running = context;
    gh_probe_result answer = {result->status, result->http_status, {NULL, 0}, result->error};
    if (running->http_status != 0) {
        answer.status = GH_OK;
        answer.http_status = running->http_status;
        answer.error = (gh_error){GH_OK, ""};
    }
    if (answer.status == GH_OK) {
        answer.challenge = gh_http_transfer_header(transfer, "WWW-Authenticate");
    }
    running->done(running->context, &answer);
    free(running);
}

bool gh_probe_is_elsewhere(int http_status)
{
    return http_status == 404 || http_status == 405 || http_status == 410 || http_status == 415;
}

gh_status gh_probe_start(gh_loop *loop, const gh_bridge_settings *settings, const char *token,
                         gh_probe_done done, void *context, gh_error *error)
{
    probe *started = calloc(1, sizeof(*started));
    gh_buf authorization = GH_BUF_INIT(AUTHORIZATION_MAX);
    gh_status status = started != NULL ? gh_buf_reserve(&authorization, AUTHORIZATION_MAX) : GH_ERR_NOMEM;
    if (status != GH_OK) {
        free(started);
        return gh_error_set(error, status, "out of memory");
    }
    started->done = done;
    started->context = context;
    gh_buf_appendf(&authorization, "Bearer %s", token != NULL ? token : "");
    const gh_http_header headers[] = {
        {"Content-Type", "application/json"},           {"Accept", "application/json, text/event-stream"},
        {GH_MCP_HEADER_VERSION, GH_MCP_VERSION_MODERN}, {GH_MCP_HEADER_METHOD, GH_MCP_DISCOVER},
        {"Authorization", gh_buf_cstr(&authorization)},
    };
    size_t count = sizeof(headers) / sizeof(headers[0]);
    gh_http_request request = {
        .method = "POST",
        .url = settings->url,
        .headers = headers,
        .header_count = token != NULL ? count : count - 1,
        .body = GH_VIEW_LIT(PROBE_BODY),
        .connect_timeout_ms = settings->connect_timeout_ms,
        .timeout_ms = PROBE_MS,
        .max_response = PROBE_BYTES_MAX,
        .context = started,
        .on_head = on_head,
        .on_done = finished,
    };
    status = gh_http_start(gh_loop_http(loop), &request, NULL, error);
    gh_buf_wipe_free(&authorization);
    if (status != GH_OK) {
        free(started);
    }
    return status;
}

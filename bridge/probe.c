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
    gh_loop *loop;
    const gh_bridge_settings *settings;
    const gh_authorizer *authorizer; /* NULL: a bearer token */
    char *token;
    gh_probe_done done;
    void *context;
    bool gets;         /* the old transport's GET is under way */
    int refusal;       /* of the POST before it; 0 for none */
    int stream_status; /* of a stream that was left at its head; else 0 */
} probe;

static gh_status launch(probe *running, gh_error *error);

static void probe_free(probe *over)
{
    gh_wipe_free(over->token);
    free(over);
}

/* An event stream may stay open for ever; its head says enough. */
static gh_status on_head(void *context, gh_http_transfer *transfer, const gh_http_response_head *head)
{
    probe *running = context;
    (void)transfer;
    if (!gh_view_eq_nocase(head->content_type, GH_VIEW_LIT("text/event-stream"))) {
        return GH_OK;
    }
    running->stream_status = head->status;
    return GH_ERR_CANCELLED;
}

/* A server of the old HTTP+SSE transport takes no POST here, and shows itself by a stream. */
static bool goes_on_with_get(probe *running, const gh_http_result *result)
{
    if (running->gets || result->status != GH_OK || !gh_probe_is_elsewhere(result->http_status) ||
        running->settings->transport == GH_BRIDGE_HTTP_ONLY) {
        return false;
    }
    running->gets = true;
    running->refusal = result->http_status;
    return launch(running, NULL) == GH_OK;
}

static void finished(void *context, gh_http_transfer *transfer, const gh_http_result *result)
{
    probe *running = context;
    gh_probe_result answer = {result->status, result->http_status, {NULL, 0}, result->error};
    if (goes_on_with_get(running, result)) {
        return;
    }
    if (running->stream_status != 0) {
        answer.status = GH_OK;
        answer.http_status = running->stream_status;
        answer.error = (gh_error){GH_OK, ""};
    }
    bool better = running->stream_status != 0 || answer.http_status == 401 || answer.http_status == 403;
    if (running->refusal != 0 && !better) {
        answer = (gh_probe_result){GH_OK, running->refusal, {NULL, 0}, {GH_OK, ""}};
    } else if (answer.status == GH_OK) {
        answer.challenge = gh_http_transfer_header(transfer, "WWW-Authenticate");
    }
    running->done(running->context, &answer);
    probe_free(running);
}

bool gh_probe_is_elsewhere(int http_status)
{
    return http_status == 404 || http_status == 405 || http_status == 410 || http_status == 415;
}

static gh_status present(const probe *running, gh_buf *authorization, gh_buf *proof)
{
    gh_status status = gh_buf_reserve(authorization, AUTHORIZATION_MAX);
    if (status != GH_OK || running->token == NULL) {
        return status;
    }
    return running->authorizer != NULL
               ? gh_authorizer_present(running->authorizer, running->token, running->gets ? "GET" : "POST",
                                       running->settings->url, authorization, proof)
               : gh_buf_appendf(authorization, "Bearer %s", running->token);
}

static gh_status launch(probe *running, gh_error *error)
{
    gh_buf authorization = GH_BUF_INIT(AUTHORIZATION_MAX);
    gh_buf proof = GH_BUF_INIT(AUTHORIZATION_MAX);
    gh_status status = present(running, &authorization, &proof);
    gh_http_header headers[6] = {{"Accept", "text/event-stream"}};
    gh_http_request request = {
        .method = running->gets ? "GET" : "POST",
        .url = running->settings->url,
        .headers = headers,
        .header_count = 1,
        .connect_timeout_ms = running->settings->connect_timeout_ms,
        .timeout_ms = PROBE_MS,
        .max_response = PROBE_BYTES_MAX,
        .context = running,
        .on_head = on_head,
        .on_done = finished,
    };
    if (!running->gets) {
        request.body = GH_VIEW_LIT(PROBE_BODY);
        headers[0].value = "application/json, text/event-stream";
        headers[request.header_count++] = (gh_http_header){"Content-Type", "application/json"};
        headers[request.header_count++] = (gh_http_header){GH_MCP_HEADER_VERSION, GH_MCP_VERSION_MODERN};
        headers[request.header_count++] = (gh_http_header){GH_MCP_HEADER_METHOD, GH_MCP_DISCOVER};
    }
    if (authorization.len > 0) {
        headers[request.header_count++] = (gh_http_header){"Authorization", gh_buf_cstr(&authorization)};
    }
    if (proof.len > 0) {
        headers[request.header_count++] = (gh_http_header){"DPoP", gh_buf_cstr(&proof)};
    }
    if (status == GH_OK) {
        status = gh_http_start(gh_loop_http(running->loop), &request, NULL, error);
    } else {
        (void)gh_error_set(error, status, "the token could not be presented");
    }
    gh_buf_free(&proof);
    gh_buf_wipe_free(&authorization);
    return status;
}

gh_status gh_probe_start(gh_loop *loop, const gh_bridge_settings *settings, const char *token,
                         const gh_authorizer *authorizer, gh_probe_done done, void *context, gh_error *error)
{
    probe *started = calloc(1, sizeof(*started));
    if (started == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    started->loop = loop;
    started->settings = settings;
    started->authorizer = authorizer;
    started->token = gh_text_dup(token);
    started->done = done;
    started->context = context;
    started->gets = settings->transport == GH_BRIDGE_SSE_ONLY;
    if (token != NULL && started->token == NULL) {
        probe_free(started);
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    gh_status status = launch(started, error);
    if (status != GH_OK) {
        probe_free(started);
    }
    return status;
}

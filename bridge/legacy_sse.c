#include "bridge/legacy_sse.h"

#include <stdlib.h>

#include "bridge/reply.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"
#include "shared/core/secret.h"
#include "shared/rpc/mcp.h"

#define AUTHORIZATION_MAX (64 * 1024)
#define PROOF_MAX (32 * 1024)

struct gh_legacy_sse {
    gh_legacy_sse_options options;
    gh_reply *reply;
    gh_http_transfer *transfer; /* NULL unless it is opening or open */
    gh_loop_timer *deadline;    /* for the endpoint */
    char *endpoint;
    int64_t heard_ms;
    gh_error fault; /* why we gave up on a stream that was under way; empty for none */
};

static void on_message(void *context, const gh_rpc_message *message, gh_view line, bool is_answer)
{
    gh_legacy_sse *sse = context;

    (void)is_answer;
    sse->heard_ms = gh_clock_mono_ms();
    if (sse->endpoint != NULL) {
        sse->options.on_message(sse->options.context, message, line);
    }
}

static gh_status on_endpoint(void *context, gh_view text)
{
    gh_legacy_sse *sse = context;
    char *reference;

    if (sse->endpoint != NULL) {
        return GH_OK; /* once is enough */
    }
    reference = gh_view_dup(gh_view_trim(text));
    sse->endpoint =
        reference != NULL ? gh_http_resolve_same_origin(sse->options.settings->url, reference) : NULL;
    free(reference);
    if (sse->endpoint == NULL) {
        return gh_error_set(&sse->fault, GH_ERR_DENIED,
                            "The server at %s wants messages posted to what is no URL of its own origin. The "
                            "access token is not sent elsewhere.",
                            sse->options.name);
    }
    gh_loop_timer_remove(sse->deadline);
    sse->deadline = NULL;
    sse->heard_ms = gh_clock_mono_ms();
    sse->options.on_open(sse->options.context);
    return GH_OK;
}

gh_status gh_legacy_sse_new(const gh_legacy_sse_options *options, gh_legacy_sse **sse)
{
    gh_legacy_sse *made = calloc(1, sizeof(*made));

    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->options = *options;
    *sse = made;
    return GH_OK;
}

static void forget(gh_legacy_sse *sse)
{
    gh_loop_timer_remove(sse->deadline);
    sse->deadline = NULL;
    free(sse->endpoint);
    sse->endpoint = NULL;
}

void gh_legacy_sse_close(gh_legacy_sse *sse)
{
    gh_http_cancel(sse->transfer);
    sse->transfer = NULL;
    forget(sse);
}

void gh_legacy_sse_free(gh_legacy_sse *sse)
{
    if (sse != NULL) {
        gh_legacy_sse_close(sse);
        gh_reply_free(sse->reply);
        free(sse);
    }
}

static gh_status on_head(void *context, gh_http_transfer *transfer, const gh_http_response_head *head)
{
    gh_legacy_sse *sse = context;

    (void)transfer;
    return gh_reply_begin(sse->reply, head);
}

static gh_status on_body(void *context, gh_http_transfer *transfer, gh_view bytes)
{
    gh_legacy_sse *sse = context;
    gh_status status = gh_reply_body(sse->reply, bytes);

    /* Closed, and perhaps opened anew, by one of the callbacks. */
    return sse->transfer == transfer ? status : GH_ERR_CANCELLED;
}

/* A stream that ended, in order or not, is lost; an answer that is no stream is none. */
static void settle(const gh_legacy_sse *sse, gh_verdict *verdict)
{
    if (sse->fault.message[0] != '\0') {
        verdict->kind = GH_VERDICT_FAILED;
        verdict->error = sse->fault;
    } else if (verdict->kind == GH_VERDICT_ACCEPTED && verdict->is_stream) {
        verdict->kind = GH_VERDICT_CUT;
        (void)gh_error_set(&verdict->error, GH_ERR_CLOSED,
                           "The server ended its stream of events. The request may have been carried out: "
                           "look before you repeat it.");
    } else if (verdict->kind == GH_VERDICT_ACCEPTED) {
        verdict->kind = GH_VERDICT_FAILED;
        (void)gh_error_set(&verdict->error, GH_ERR_PARSE,
                           "The server has no stream of events at %s (HTTP %d), so it does not speak the old "
                           "HTTP+SSE transport.",
                           sse->options.name, verdict->http_status);
    }
}

static void on_done(void *context, gh_http_transfer *transfer, const gh_http_result *result)
{
    gh_legacy_sse *sse = context;
    gh_verdict verdict;

    if (sse->transfer != transfer) {
        return;
    }
    gh_reply_end(sse->reply, transfer, result, false, &verdict);
    if (sse->transfer != transfer) {
        return;
    }
    settle(sse, &verdict);
    gh_authorizer_note_nonce(sse->options.authorizer, gh_http_transfer_header(transfer, "DPoP-Nonce"));
    sse->transfer = NULL;
    forget(sse);
    sse->options.on_lost(sse->options.context, &verdict,
                         gh_http_transfer_header(transfer, "WWW-Authenticate"));
}

static void on_deadline(void *context)
{
    gh_legacy_sse *sse = context;
    gh_verdict verdict = {.kind = GH_VERDICT_FAILED, .code = GH_RPC_LOCAL_ERROR, .retry_after_s = -1};

    sse->deadline = NULL;
    (void)gh_error_set(
        &verdict.error, GH_ERR_TIMEOUT,
        "The server at %s opened no stream of events that names an endpoint, as the old HTTP+SSE "
        "transport wants it, within %lld s.",
        sse->options.name, (long long)(sse->options.settings->connect_timeout_ms / 1000));
    gh_legacy_sse_close(sse);
    sse->options.on_lost(sse->options.context, &verdict, gh_view_make(NULL, 0));
}

static gh_status start(gh_legacy_sse *sse, const char *token)
{
    const gh_bridge_settings *settings = sse->options.settings;
    gh_buf authorization = GH_BUF_INIT(AUTHORIZATION_MAX);
    gh_buf proof = GH_BUF_INIT(PROOF_MAX);
    gh_http_header headers[3] = {{"Accept", "text/event-stream"}};
    gh_http_request request = {
        .method = "GET",
        .url = settings->url,
        .headers = headers,
        .header_count = 1,
        .connect_timeout_ms = settings->connect_timeout_ms,
        .max_response = SIZE_MAX, /* the reply bounds what it keeps */
        .tcp_keepalive = true,
        .context = sse,
        .on_head = on_head,
        .on_body = on_body,
        .on_done = on_done,
    };
    gh_error error = {0};
    gh_status status = GH_OK;

    if (token != NULL) {
        status = gh_authorizer_present(sse->options.authorizer, token, "GET", settings->url, &authorization,
                                       &proof);
        headers[request.header_count++] = (gh_http_header){"Authorization", gh_buf_cstr(&authorization)};
    }
    if (proof.len > 0) {
        headers[request.header_count++] = (gh_http_header){"DPoP", gh_buf_cstr(&proof)};
    }
    if (status == GH_OK) {
        status = gh_http_start(gh_loop_http(sse->options.loop), &request, &sse->transfer, &error);
    }
    if (status != GH_OK) {
        gh_log_error("The stream of events could not be opened: %s",
                     error.message[0] != '\0' ? error.message : gh_status_text(status));
    }
    gh_buf_wipe_free(&authorization);
    gh_buf_free(&proof);
    return status;
}

gh_status gh_legacy_sse_open(gh_legacy_sse *sse, const char *token)
{
    gh_reply *reply = NULL;
    gh_status status;

    if (sse->transfer != NULL) {
        return GH_OK;
    }
    status = gh_reply_new(&(gh_reply_options){.url = sse->options.name,
                                              .program = gh_bridge_program(sse->options.settings),
                                              .max_message = (size_t)sse->options.settings->max_message,
                                              .everything = true,
                                              .context = sse,
                                              .on_message = on_message,
                                              .on_endpoint = on_endpoint},
                          &reply);
    if (status != GH_OK) {
        return status;
    }
    gh_reply_free(sse->reply);
    sse->reply = reply;
    sse->fault = (gh_error){GH_OK, ""};
    status = gh_loop_timer_add(sse->options.loop, sse->options.settings->connect_timeout_ms, on_deadline, sse,
                               &sse->deadline);
    if (status == GH_OK) {
        status = start(sse, token);
    }
    if (status != GH_OK) {
        forget(sse);
    }
    return status;
}

const char *gh_legacy_sse_endpoint(const gh_legacy_sse *sse)
{
    return sse->endpoint;
}

int64_t gh_legacy_sse_heard_ms(const gh_legacy_sse *sse)
{
    return sse->heard_ms;
}

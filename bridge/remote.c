#include "bridge/remote.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/exchange.h"
#include "shared/core/log.h"
#include "shared/core/secret.h"

#define HEADERS_MAX (GH_ERA_HEADERS_MAX + 5)
/* For messages that have no answer: nothing takes long about them. */
#define NOTE_TIMEOUT_MS 30000
/* How long a reply that nobody reads any more may take to end. */
#define DRAIN_MS 1000
#define AUTHORIZATION_MAX (64 * 1024)
#define PROOF_MAX (32 * 1024)

gh_status gh_remote_new(gh_loop *loop, gh_authorizer *authorizer, const gh_bridge_settings *settings,
                        gh_remote **remote)
{
    gh_remote *made = calloc(1, sizeof(*made));
    gh_view url = gh_view_of(settings->url);

    if (made == NULL) {
        return GH_ERR_NOMEM;
    }
    made->loop = loop;
    made->authorizer = authorizer;
    made->settings = settings;
    made->name = gh_view_dup(gh_view_make(url.ptr, gh_view_find(url, '?')));
    if (made->name == NULL) {
        free(made);
        return GH_ERR_NOMEM;
    }
    *remote = made;
    return GH_OK;
}

/* Ends what is under way and frees it; it is in no list any more. */
static void dispose(gh_exchange *exchange)
{
    free(exchange->held);
    gh_http_cancel(exchange->transfer);
    gh_authorizer_wait_cancel(exchange->wait);
    gh_loop_timer_remove(exchange->timer);
    gh_loop_timer_remove(exchange->drain_timer);
    gh_era_headers_clear(&exchange->request.headers);
    gh_reply_free(exchange->reply);
    gh_wipe_free(exchange->token);
    free(exchange);
}

void gh_exchange_destroy(gh_exchange *exchange)
{
    if (exchange->previous != NULL) {
        exchange->previous->next = exchange->next;
    } else {
        exchange->remote->exchanges = exchange->next;
    }
    if (exchange->next != NULL) {
        exchange->next->previous = exchange->previous;
    }
    dispose(exchange);
}

void gh_remote_free(gh_remote *remote)
{
    gh_exchange *next = NULL;

    if (remote == NULL) {
        return;
    }
    for (gh_exchange *exchange = remote->exchanges; exchange != NULL; exchange = next) {
        next = exchange->next;
        dispose(exchange);
    }
    gh_remote_forget_sse(remote);
    free(remote->name);
    free(remote);
}

const char *gh_remote_login_url(const gh_remote *remote)
{
    return gh_authorizer_login_pending(remote->authorizer) ? gh_authorizer_login_url(remote->authorizer)
                                                           : NULL;
}

const char *gh_remote_name(const gh_remote *remote)
{
    return remote->name;
}

static void on_message(void *context, const gh_rpc_message *message, gh_view line, bool is_answer)
{
    gh_exchange *exchange = context;

    if (exchange->resuming || exchange->request.kind == GH_EXCHANGE_LISTEN) {
        exchange->retries = 0; /* it goes forward */
    }
    if (is_answer && gh_exchange_holds(exchange, message, line)) {
        return;
    }
    if (!exchange->released && !exchange->dead) {
        exchange->request.on_message(exchange->request.context, exchange, message, line, is_answer);
    }
}

static gh_status on_head(void *context, gh_http_transfer *transfer, const gh_http_response_head *head)
{
    gh_exchange *exchange = context;
    gh_status status;

    (void)transfer;
    exchange->sent = true;
    exchange->http_status = head->status;
    status = gh_reply_begin(exchange->reply, head);
    if (!exchange->opened && gh_reply_is_stream(exchange->reply)) {
        exchange->opened = true;
        if (exchange->request.on_open != NULL && !exchange->released && !exchange->dead) {
            exchange->busy = true;
            exchange->request.on_open(exchange->request.context, exchange);
            exchange->busy = false;
        }
    }
    return exchange->dead ? GH_ERR_CANCELLED : status;
}

static gh_status on_body(void *context, gh_http_transfer *transfer, gh_view bytes)
{
    gh_exchange *exchange = context;
    gh_status status;

    (void)transfer;
    exchange->busy = true;
    status = gh_reply_body(exchange->reply, bytes);
    exchange->busy = false;
    return exchange->dead ? GH_ERR_CANCELLED : status;
}

static void on_done(void *context, gh_http_transfer *transfer, const gh_http_result *result)
{
    gh_exchange *exchange = context;
    gh_verdict verdict;

    exchange->busy = true;
    gh_reply_end(exchange->reply, transfer, result, exchange->request.in_session, &verdict);
    exchange->busy = false;
    exchange->transfer = NULL;
    if (exchange->dead || exchange->released) {
        gh_exchange_destroy(exchange);
        return;
    }
    gh_authorizer_note_nonce(exchange->remote->authorizer, gh_http_transfer_header(transfer, "DPoP-Nonce"));
    gh_exchange_next(exchange, &verdict, gh_http_transfer_header(transfer, "WWW-Authenticate"));
}

static const char *method_of(const gh_exchange *exchange)
{
    if (exchange->request.kind == GH_EXCHANGE_DELETE) {
        return "DELETE";
    }
    return exchange->request.kind == GH_EXCHANGE_POST && !exchange->resuming ? "POST" : "GET";
}

/* Appends the headers that every request carries. `authorization` and `proof` hold values that they borrow.
 */
static size_t common_headers(gh_exchange *exchange, const char *url, gh_buf *authorization, gh_buf *proof,
                             gh_http_header *headers)
{
    bool posts = exchange->request.kind == GH_EXCHANGE_POST && !exchange->resuming;
    gh_view last_id = gh_reply_last_event_id(exchange->reply);
    size_t count = 0;

    if (posts) {
        headers[count++] = (gh_http_header){"Content-Type", "application/json"};
        headers[count++] = (gh_http_header){"Accept", "application/json, text/event-stream"};
    } else if (exchange->request.kind != GH_EXCHANGE_DELETE) {
        headers[count++] = (gh_http_header){"Accept", "text/event-stream"};
    }
    if (!posts && last_id.len > 0) {
        headers[count++] = (gh_http_header){"Last-Event-ID", last_id.ptr}; /* a gh_buf's: ends with NUL */
    }
    if (exchange->token != NULL) {
        authorization->status = gh_authorizer_present(exchange->remote->authorizer, exchange->token,
                                                      method_of(exchange), url, authorization, proof);
        if (proof->len > 0) {
            headers[count++] = (gh_http_header){"DPoP", gh_buf_cstr(proof)};
        }
        headers[count++] = (gh_http_header){"Authorization", gh_buf_cstr(authorization)};
    }
    for (size_t i = 0; i < exchange->request.headers.count; i++) {
        headers[count++] = exchange->request.headers.list[i];
    }
    return count;
}

static int64_t idle_timeout(const gh_exchange *exchange)
{
    if (exchange->request.endless || exchange->request.kind == GH_EXCHANGE_LISTEN) {
        return 0;
    }
    return exchange->request.id.len > 0 ? exchange->remote->settings->request_timeout_ms : NOTE_TIMEOUT_MS;
}

gh_status gh_exchange_start(gh_exchange *exchange, const char *url)
{
    const gh_bridge_settings *settings = exchange->remote->settings;
    gh_http_header headers[HEADERS_MAX];
    gh_buf authorization = GH_BUF_INIT(AUTHORIZATION_MAX);
    gh_buf proof = GH_BUF_INIT(PROOF_MAX);
    bool posts = exchange->request.kind == GH_EXCHANGE_POST && !exchange->resuming;
    gh_http_request request = {
        .method = method_of(exchange),
        .url = url,
        .headers = headers,
        .connect_timeout_ms = settings->connect_timeout_ms,
        .idle_timeout_ms = idle_timeout(exchange),
        .max_response = SIZE_MAX, /* the reply bounds what it keeps */
        .tcp_keepalive = true,
        .context = exchange,
        .on_head = on_head,
        .on_body = on_body,
        .on_done = on_done,
    };
    gh_error error = {0};
    gh_status status;

    if (posts) {
        request.body = exchange->request.body;
    }
    exchange->http_status = 0;
    request.header_count = common_headers(exchange, url, &authorization, &proof, headers);
    status = gh_buf_status(&authorization);
    if (status == GH_OK) {
        status = gh_http_start(gh_loop_http(exchange->remote->loop), &request, &exchange->transfer, &error);
    }
    if (status == GH_OK) {
        exchange->sent = true;
    } else {
        gh_log_error("A request could not be started: %s",
                     error.message[0] != '\0' ? error.message : gh_status_text(status));
    }
    gh_buf_wipe_free(&authorization);
    gh_buf_free(&proof);
    return status;
}

gh_status gh_exchange_go(gh_exchange *exchange)
{
    const char *token;
    bool asked = false;
    gh_status status = gh_exchange_ask_ahead(exchange, &asked);

    if (status != GH_OK || asked) {
        return status;
    }
    token = exchange->remote->settings->own_authorization ? NULL
                                                          : gh_authorizer_token(exchange->remote->authorizer);
    gh_wipe_free(exchange->token);
    exchange->token = gh_text_dup(token);
    if (token != NULL && exchange->token == NULL) {
        return GH_ERR_NOMEM;
    }
    return gh_exchange_prefers_sse(exchange) ? gh_exchange_go_sse(exchange)
                                             : gh_exchange_start(exchange, exchange->remote->settings->url);
}

gh_status gh_remote_send(gh_remote *remote, const gh_exchange_request *request, gh_exchange **exchange)
{
    gh_exchange *made = calloc(1, sizeof(*made));
    gh_era_headers headers = request->headers;
    gh_status status;

    if (made == NULL) {
        gh_era_headers_clear(&headers);
        return GH_ERR_NOMEM;
    }
    made->remote = remote;
    made->request = *request;
    made->next = remote->exchanges;
    if (made->next != NULL) {
        made->next->previous = made;
    }
    remote->exchanges = made;
    status = gh_reply_new(&(gh_reply_options){.id = request->id,
                                              .url = remote->name,
                                              .program = gh_bridge_program(remote->settings),
                                              .max_message = (size_t)remote->settings->max_message,
                                              .context = made,
                                              .on_message = on_message},
                          &made->reply);
    if (status == GH_OK) {
        status = gh_exchange_go(made);
    }
    if (status != GH_OK) {
        gh_exchange_destroy(made);
        return status;
    }
    *exchange = made;
    return GH_OK;
}

void gh_exchange_finish(gh_exchange *exchange, const gh_verdict *verdict)
{
    if (!exchange->dead && !exchange->released) {
        exchange->busy = true;
        exchange->request.on_done(exchange->request.context, exchange, verdict);
    }
    gh_exchange_destroy(exchange);
}

void gh_exchange_cancel(gh_exchange *exchange)
{
    if (exchange == NULL) {
        return;
    }
    if (exchange->busy) {
        exchange->dead = true;
    } else {
        gh_exchange_destroy(exchange);
    }
}

static void on_drained(void *context)
{
    gh_exchange *exchange = context;

    exchange->drain_timer = NULL;
    gh_exchange_destroy(exchange);
}

void gh_exchange_release(gh_exchange *exchange)
{
    if (exchange == NULL || exchange->released) {
        return;
    }
    exchange->released = true;
    if (exchange->transfer == NULL || gh_loop_timer_add(exchange->remote->loop, DRAIN_MS, on_drained,
                                                        exchange, &exchange->drain_timer) != GH_OK) {
        gh_exchange_cancel(exchange);
    }
}

bool gh_exchange_is_sent(const gh_exchange *exchange)
{
    return exchange->sent && exchange->wait == NULL;
}

bool gh_exchange_is_open(const gh_exchange *exchange)
{
    return exchange->opened || (exchange->over_sse && exchange->place == GH_SSE_WAITING);
}

bool gh_exchange_awaits_login(const gh_exchange *exchange)
{
    /* A sibling that holds the lock may wait for a person, too. */
    return exchange->wait != NULL && (exchange->waits_for_person || exchange->request.unattended);
}

int gh_exchange_http_status(const gh_exchange *exchange)
{
    return gh_reply_http_status(exchange->reply);
}

gh_view gh_exchange_session_id(const gh_exchange *exchange)
{
    return exchange->transfer != NULL ? gh_http_transfer_header(exchange->transfer, GH_MCP_HEADER_SESSION)
                                      : gh_view_make(NULL, 0);
}

const gh_error *gh_exchange_trouble(const gh_exchange *exchange)
{
    return exchange->trouble.error.message[0] != '\0' ? &exchange->trouble.error : NULL;
}

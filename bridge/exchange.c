#include "bridge/exchange.h"

#include <string.h>

#include "bridge/login/dpop.h"
#include "shared/core/log.h"
#include "shared/rpc/mcp.h"

/* A server that is being restarted is back within this many tries: 3.5 s in all. */
#define RETRIES_MAX 6
#define RETRY_FIRST_MS 100
#define RETRY_LAST_MS 1000
/* The longest Retry-After that is waited out on the client's behalf. */
#define RETRY_AFTER_MAX_S 5
#define RESUME_MS 1000
#define RESUME_MAX_MS 60000
#define RESUMES_MAX 5
/* RFC 6750 step-up: the union of scopes may take a second round. */
#define STEP_UPS_MAX 2

static void fail(gh_exchange *exchange, gh_status status)
{
    gh_verdict verdict = {.kind = GH_VERDICT_FAILED, .code = GH_RPC_LOCAL_ERROR, .retry_after_s = -1};

    (void)gh_error_set(&verdict.error, status, "The request could not be sent: %s.", gh_status_text(status));
    gh_exchange_finish(exchange, &verdict);
}

static void on_timer(void *context)
{
    gh_exchange *exchange = context;

    exchange->timer = NULL;
    gh_exchange_go_on(exchange, 0);
}

void gh_exchange_go_on(gh_exchange *exchange, int64_t ms)
{
    gh_status status =
        ms == 0 ? gh_exchange_go(exchange)
                : gh_loop_timer_add(exchange->remote->loop, ms, on_timer, exchange, &exchange->timer);

    if (status != GH_OK) {
        fail(exchange, status);
    }
}

static void on_end(void *context)
{
    gh_exchange *exchange = context;
    gh_verdict verdict = exchange->end;

    exchange->timer = NULL;
    gh_exchange_finish(exchange, &verdict);
}

gh_status gh_exchange_finish_soon(gh_exchange *exchange, const gh_verdict *verdict)
{
    exchange->end = *verdict;
    return gh_loop_timer_add(exchange->remote->loop, 0, on_end, exchange, &exchange->timer);
}

static void on_obtained(void *context, gh_status status, const gh_error *error)
{
    gh_exchange *exchange = context;
    gh_verdict verdict = {.kind = GH_VERDICT_FAILED, .code = GH_RPC_LOCAL_AUTH_REQUIRED, .retry_after_s = -1};

    exchange->wait = NULL;
    if (status == GH_OK || !exchange->waits_for_person) {
        /* Without a token after all: the server's challenge says what it wants. */
        gh_exchange_go_on(exchange, 0);
        return;
    }
    if (error != NULL && error->message[0] != '\0') {
        verdict.error = *error;
    } else {
        (void)gh_error_set(&verdict.error, status, "Signing in failed: %s.", gh_status_text(status));
    }
    gh_exchange_finish(exchange, &verdict);
}

static gh_status obtain(gh_exchange *exchange, int http_status, gh_view challenge, bool interactive)
{
    gh_authorizer_need need = {
        .http_status = http_status,
        .challenge = challenge,
        .rejected = http_status != 0 ? exchange->token : NULL,
        .interactive = interactive,
    };

    exchange->waits_for_person = interactive;
    return gh_authorizer_obtain(exchange->remote->authorizer, &need, on_obtained, exchange, &exchange->wait);
}

static bool may_ask(const gh_exchange *exchange)
{
    return exchange->request.kind == GH_EXCHANGE_POST && !exchange->request.unattended;
}

gh_status gh_exchange_ask_ahead(gh_exchange *exchange, bool *asked)
{
    gh_authorizer *authorizer = exchange->remote->authorizer;
    bool pending = gh_authorizer_login_pending(authorizer);
    gh_status status = GH_OK;

    *asked = false;
    if (exchange->request.kind == GH_EXCHANGE_DELETE || exchange->asked_ahead ||
        exchange->remote->settings->own_authorization || gh_authorizer_token(authorizer) != NULL ||
        (!pending && !gh_authorizer_can_refresh(authorizer))) {
        return GH_OK;
    }
    exchange->asked_ahead = true;
    status = obtain(exchange, 0, gh_view_make(NULL, 0), pending && may_ask(exchange));
    *asked = status == GH_OK;
    return status;
}

/* Asks for another token because of a refusal; false when that was tried often enough. */
static bool authorize(gh_exchange *exchange, const gh_verdict *verdict, gh_view challenge)
{
    if (exchange->request.kind == GH_EXCHANGE_DELETE || exchange->remote->settings->own_authorization) {
        return false;
    }
    if (verdict->http_status == 403 ? ++exchange->forbidden > STEP_UPS_MAX : ++exchange->unauthorized > 1) {
        return false;
    }
    exchange->asked_ahead = true;
    return obtain(exchange, verdict->http_status, challenge, may_ask(exchange)) == GH_OK;
}

/* A proxy that cannot reach its server: it may have passed the request on before. */
static bool is_away(const gh_verdict *verdict)
{
    return verdict->http_status >= 502 && verdict->http_status <= 504;
}

int64_t gh_exchange_retry_delay(const gh_exchange *exchange, const gh_verdict *verdict)
{
    int64_t ms = RETRY_FIRST_MS << (exchange->retries < 4 ? exchange->retries : 4);

    bool tells = verdict->kind == GH_VERDICT_UNSENT || verdict->kind == GH_VERDICT_CUT ||
                 verdict->kind == GH_VERDICT_FAILED;

    if (!tells || exchange->retries >= RETRIES_MAX || exchange->request.kind == GH_EXCHANGE_DELETE) {
        return -1;
    }
    if (verdict->kind == GH_VERDICT_FAILED && verdict->retry_after_s >= 0) {
        bool soon = verdict->retry_after_s <= RETRY_AFTER_MAX_S;

        return soon ? verdict->retry_after_s * 1000 + RETRY_FIRST_MS : -1;
    }
    if (verdict->kind == GH_VERDICT_FAILED && !is_away(verdict)) {
        return -1;
    }
    if (verdict->maybe_delivered && !exchange->request.repeatable) {
        return -1;
    }
    if (verdict->error.status == GH_ERR_TIMEOUT || verdict->error.status == GH_ERR_INVALID ||
        verdict->error.status == GH_ERR_DENIED) {
        return -1; /* waiting does not cure these */
    }
    return ms < RETRY_LAST_MS ? ms : RETRY_LAST_MS;
}

static int64_t resume_delay(const gh_exchange *exchange, const gh_verdict *verdict)
{
    int64_t ms = gh_reply_retry_ms(exchange->reply);
    int64_t after_ms =
        verdict->retry_after_s > RESUME_MAX_MS / 1000 ? RESUME_MAX_MS : verdict->retry_after_s * 1000;

    if (ms < 0) {
        ms = RESUME_MS;
    } else if (ms < RETRY_FIRST_MS) {
        ms = RETRY_FIRST_MS; /* "retry: 0" must not become a loop at full speed */
    }
    for (int i = 1; i < exchange->retries && ms < RESUME_MAX_MS; i++) {
        ms = ms * 2 + RETRY_FIRST_MS;
    }
    ms = ms < RESUME_MAX_MS ? ms : RESUME_MAX_MS;
    return ms > after_ms ? ms : after_ms;
}

static bool broke_off(const gh_verdict *verdict)
{
    return verdict->http_status == 429 || verdict->kind == GH_VERDICT_CUT ||
           verdict->kind == GH_VERDICT_UNSENT ||
           (verdict->kind == GH_VERDICT_ACCEPTED && verdict->is_stream) || verdict->http_status >= 500;
}

static void next_of_listen(gh_exchange *exchange, const gh_verdict *verdict)
{
    /* Anything but a stream at the first try means that the server has none. */
    if (!exchange->opened || !broke_off(verdict)) {
        gh_exchange_finish(exchange, verdict);
        return;
    }
    exchange->retries++;
    exchange->unauthorized = 0;
    exchange->asked_ahead = false;
    gh_exchange_go_on(exchange, resume_delay(exchange, verdict));
}

/* True when a stream that broke off is worth another GET. */
static bool may_resume(gh_exchange *exchange, const gh_verdict *verdict)
{
    if (!exchange->request.resumable || gh_reply_last_event_id(exchange->reply).len == 0 ||
        exchange->retries >= RESUMES_MAX) {
        return false;
    }
    return (verdict->kind == GH_VERDICT_CUT && verdict->is_stream) ||
           (exchange->resuming && broke_off(verdict));
}

static void next_of_post(gh_exchange *exchange, const gh_verdict *verdict)
{
    if (may_resume(exchange, verdict)) {
        exchange->trouble = exchange->resuming ? exchange->trouble : *verdict;
        exchange->resuming = true;
        exchange->retries++;
        gh_exchange_go_on(exchange, resume_delay(exchange, verdict));
        return;
    }
    if (exchange->resuming && verdict->kind != GH_VERDICT_ANSWERED) {
        gh_verdict first = exchange->trouble; /* what a refused GET says would only mislead */

        gh_exchange_finish(exchange, &first);
        return;
    }
    gh_exchange_retry(exchange, verdict, gh_exchange_retry_delay(exchange, verdict));
}

void gh_exchange_retry(gh_exchange *exchange, const gh_verdict *verdict, int64_t delay)
{
    if (delay < 0) {
        gh_exchange_finish(exchange, verdict);
        return;
    }
    gh_log_debug("Trying again in %lld ms: %s", (long long)delay, verdict->error.message);
    exchange->trouble = *verdict;
    exchange->retries++;
    exchange->sent = verdict->maybe_delivered;
    gh_exchange_go_on(exchange, delay);
}

/* Nobody can sign in to change what --header says. */
static void tell_own_refused(gh_exchange *exchange, const gh_verdict *verdict)
{
    gh_verdict told = *verdict;

    (void)gh_error_set(
        &told.error, GH_ERR_DENIED,
        "The server refused the Authorization header that --header or --header-file gives (HTTP "
        "%d). No sign-in is made while there is one.",
        verdict->http_status);
    gh_exchange_finish(exchange, &told);
}

bool gh_exchange_gets_in(gh_exchange *exchange, const gh_verdict *verdict, gh_view challenge)
{
    if (verdict->kind == GH_VERDICT_UNAUTHORIZED && exchange->remote->settings->own_authorization) {
        tell_own_refused(exchange, verdict);
        return true;
    }
    if (verdict->http_status == 401 && gh_dpop_wants_nonce(challenge) && !exchange->nonce_tried) {
        exchange->nonce_tried = true; /* the authorizer has noted it */
        exchange->sent = false;
        gh_exchange_go_on(exchange, 0);
        return true;
    }
    if (verdict->kind == GH_VERDICT_UNAUTHORIZED && authorize(exchange, verdict, challenge)) {
        exchange->sent = false;
        return true;
    }
    return false;
}

void gh_exchange_next(gh_exchange *exchange, const gh_verdict *verdict, gh_view challenge)
{
    exchange->place = GH_SSE_NONE;
    if (gh_exchange_gets_in(exchange, verdict, challenge)) {
        return;
    }
    if (exchange->over_sse) {
        gh_exchange_next_sse(exchange, verdict);
        return;
    }
    if (gh_exchange_falls_back(exchange, verdict)) {
        return;
    }
    switch (exchange->request.kind) {
    case GH_EXCHANGE_POST:
        next_of_post(exchange, verdict);
        break;
    case GH_EXCHANGE_LISTEN:
        next_of_listen(exchange, verdict);
        break;
    case GH_EXCHANGE_DELETE:
        gh_exchange_finish(exchange, verdict);
        break;
    }
}

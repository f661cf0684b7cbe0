/* The conversation with an API: one request, again when that may help, until it is answered, the time is up
 * or nobody waits any more. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/api/api_private.h"
#include "shared/core/log.h"
#include "shared/core/random.h"

#define SLICE_MS 50          /* how soon a cancelled call lets go */
#define MARGIN_MS 100        /* of the call's time, to say what happened */
#define BACK_OFF_MS 100      /* doubled from try to try */
#define BACK_OFF_MAX_MS 2000 /* also the longest Retry-After that is waited for */
#define REDIRECTS_MAX 3
#define PROGRESS_FROM ((size_t)64 * 1024)
#define PROGRESS_MS 300
#define ERROR_BODY_MAX ((size_t)16 * 1024) /* of a reply that says what is wrong: more is not read */

/* One request on the wire. */
typedef struct exchange {
    const gh_api_job *job;
    gh_api_reply *reply;
    gh_http_result result;
    bool done;
    bool cut; /* enough of an error's body was read */
    int64_t length;
    int64_t told_ms;
} exchange;

void gh_api_reply_clear(gh_api_reply *reply)
{
    gh_buf_wipe_free(&reply->body);
    free(reply->type);
    free(reply->location);
    gh_secret_free(reply->credential);
    memset(reply, 0, sizeof *reply);
}

/* What the reply before said is forgotten; its credential stays. */
static void begin_reply(const gh_api_job *job, gh_api_reply *reply)
{
    gh_secret *credential = reply->credential;
    reply->credential = NULL;
    gh_api_reply_clear(reply);
    reply->credential = credential;
    reply->retry_after_s = -1;
    gh_buf_init(&reply->body, job->entry->request.max_response);
}

/* --- callbacks --- */

static char *header_text(const gh_http_transfer *transfer, const char *name)
{
    gh_view value = gh_http_transfer_header(transfer, name);
    return value.ptr == NULL ? NULL : gh_view_dup(value);
}

static gh_status on_head(void *context, gh_http_transfer *transfer, const gh_http_response_head *head)
{
    exchange *self = context;
    gh_api_reply *reply = self->reply;
    gh_view encoding = gh_view_trim(gh_http_transfer_header(transfer, "Content-Encoding"));
    gh_view length = gh_http_transfer_header(transfer, "Content-Length");
    reply->status = head->status;
    reply->retry_after_s = head->retry_after_s;
    reply->type = header_text(transfer, "Content-Type");
    reply->location = header_text(transfer, "Location");
    reply->encoded = encoding.len > 0 && !gh_view_eq_nocase(encoding, GH_VIEW_LIT("identity"));
    if (length.ptr != NULL && gh_view_to_int64(length, 0, INT64_MAX, &self->length) != GH_OK) {
        return GH_ERR_PARSE; /* one that is none, or two (RFC 9112, 6.3): where the answer ends is unknown */
    }
    return GH_OK;
}

static void tell_progress(exchange *self)
{
    const gh_api_job *job = self->job;
    size_t len = self->reply->body.len;
    int64_t now = gh_clock_mono_ms();
    if ((len > PROGRESS_FROM || self->length > (int64_t)PROGRESS_FROM) &&
        now - self->told_ms >= PROGRESS_MS) {
        self->told_ms = now;
        job->host->progress(job->call, (double)len, (double)self->length, "Reading the answer");
    }
}

static gh_status on_body(void *context, gh_http_transfer *transfer, gh_view bytes)
{
    exchange *self = context;
    gh_buf *body = &self->reply->body;
    (void)transfer;
    if (self->reply->status >= 300 && body->len + bytes.len > ERROR_BODY_MAX) {
        self->cut = true;
        return GH_ERR_CANCELLED;
    }
    gh_status status = gh_buf_append_view(body, bytes);
    tell_progress(self);
    return status;
}

static void on_done(void *context, gh_http_transfer *transfer, const gh_http_result *result)
{
    exchange *self = context;
    (void)transfer;
    self->result = *result;
    self->done = true;
}

/* --- one exchange --- */

static bool is_cancelled(const gh_api_job *job)
{
    return job->host->cancelled(job->call) != 0;
}

/* Milliseconds that a try may take, 0 when the call's time is up. */
static int64_t time_left(const gh_api_job *job)
{
    int64_t limit = job->entry->request.timeout_ms;
    if (job->deadline.at_ms == INT64_MAX) {
        return limit;
    }
    int64_t left = job->deadline.at_ms - MARGIN_MS - gh_clock_mono_ms();
    return left <= 0 ? 0 : left < limit ? left : limit;
}

static gh_status drive(gh_http_client *client, const gh_http_request *request, exchange *self)
{
    gh_http_transfer *transfer = NULL;
    gh_status status = gh_http_start(client, request, &transfer, &self->result.error);
    if (status != GH_OK) {
        self->result.status = status;
        return status;
    }
    while (status == GH_OK && !self->done) {
        status = gh_http_client_poll(client, NULL, 0, SLICE_MS);
        if (!self->done && is_cancelled(self->job)) {
            status = GH_ERR_CANCELLED;
        }
    }
    if (!self->done) {
        gh_http_cancel(transfer);
        self->result.status =
            gh_error_set(&self->result.error, status, "the request was stopped (%s)", gh_status_text(status));
    }
    return self->result.status;
}

/* An error's status says enough, however long or broken its body is. */
static void judge(exchange *self)
{
    if (self->cut || (self->result.status == GH_ERR_TOO_LARGE && self->result.http_status >= 300)) {
        self->reply->status = self->result.http_status;
        self->result.status = GH_OK;
    }
}

static void exchange_once(const gh_api_job *job, const gh_api_wire *wire, const char *url,
                          const char *credential_name, exchange *self)
{
    gh_http_header headers[GH_API_HEADERS_MAX + 1];
    gh_http_client *client = NULL;
    int64_t ms = time_left(job);
    *self = (exchange){.job = job, .reply = self->reply, .told_ms = gh_clock_mono_ms()};
    begin_reply(job, self->reply);
    if (ms == 0) {
        self->result.status = gh_error_set(&self->result.error, GH_ERR_TIMEOUT, "the call's time is up");
        return;
    }
    memcpy(headers, wire->headers, wire->header_count * sizeof *headers);
    gh_http_request request = {.method = wire->method,
                               .url = url,
                               .headers = headers,
                               .header_count = wire->header_count,
                               .body = gh_buf_view(&wire->body),
                               .connect_timeout_ms = job->entry->request.upstream->connect_timeout_ms,
                               .timeout_ms = ms,
                               .max_response = job->entry->request.max_response,
                               .context = self,
                               .on_head = on_head,
                               .on_body = on_body,
                               .on_done = on_done};
    if (self->reply->credential != NULL) {
        headers[request.header_count++] =
            (gh_http_header){credential_name, gh_secret_view(self->reply->credential).ptr};
    }
    self->result.status = gh_http_pool_take(job->pool, job->owner, &client, &self->result.error);
    if (self->result.status == GH_OK) {
        (void)drive(client, &request, self);
        gh_http_pool_give(job->pool, job->owner, client);
        judge(self);
    }
}

/* --- redirects: of a GET, on the same origin, below the upstream's path --- */

static char *redirect_of(const gh_api_job *job, const gh_api_wire *wire, const char *url,
                         const gh_api_reply *reply)
{
    bool redirects = reply->status == 301 || reply->status == 302 || reply->status == 303 ||
                     reply->status == 307 || reply->status == 308;
    if (!redirects || reply->location == NULL || strcmp(wire->method, "GET") != 0) {
        return NULL;
    }
    char *to = gh_http_resolve_same_origin(url, reply->location);
    if (to != NULL && !gh_api_url_is_below(job->entry->request.upstream->url, to)) {
        free(to);
        return NULL;
    }
    return to;
}

static void exchange_and_follow(const gh_api_job *job, const gh_api_wire *wire, const char *credential_name,
                                exchange *self)
{
    char *url = NULL;
    exchange_once(job, wire, wire->url, credential_name, self);
    for (int i = 0; i < REDIRECTS_MAX && self->result.status == GH_OK; i++) {
        char *next = redirect_of(job, wire, url != NULL ? url : wire->url, self->reply);
        if (next == NULL) {
            break;
        }
        free(url);
        url = next;
        exchange_once(job, wire, url, credential_name, self);
    }
    free(url);
}

/* --- who asks --- */

static gh_status get_credential(const gh_api_job *job, const gh_secret *stale, const char **name,
                                gh_secret **value, gh_error *error)
{
    gh_error why = {GH_OK, ""};
    const gh_upstream *upstream = job->entry->request.upstream;
    gh_status status =
        gh_credential_get(job->cache, upstream, job->values.principal, stale, name, value, &why);
    if (status == GH_OK) {
        return GH_OK;
    }
    gh_log_warn("%s: no credential for upstream %s: %s", job->call->question.item, upstream->name,
                why.message[0] != '\0' ? why.message : gh_status_text(status));
    bool is_for_the_user = status == GH_ERR_DENIED || status == GH_ERR_UNAVAILABLE;
    return gh_error_set(error, status, "%s",
                        is_for_the_user && why.message[0] != '\0'
                            ? why.message
                            : "The server could not get permission to call the API. Try again later.");
}

/* After a 401, once: another credential than the one that was refused. GH_ERR_UNSUPPORTED when there can be
 * none; else the error is for whoever asks. */
static gh_status renew(const gh_api_job *job, gh_api_reply *reply, const char **name, gh_error *error)
{
    gh_credential_kind kind = job->entry->request.upstream->credential.kind;
    gh_secret *fresh = NULL;
    if (kind != GH_CREDENTIAL_USER && kind != GH_CREDENTIAL_EXCHANGE && kind != GH_CREDENTIAL_CLIENT) {
        return GH_ERR_UNSUPPORTED;
    }
    gh_status status = get_credential(job, reply->credential, name, &fresh, error);
    if (status == GH_OK) {
        gh_secret_free(reply->credential);
        reply->credential = fresh;
    }
    return status;
}

/* --- trying again --- */

static bool is_idempotent(const char *method)
{
    return strcmp(method, "POST") != 0 && strcmp(method, "PATCH") != 0;
}

static bool could_not_connect(const gh_http_result *result)
{
    return result->status == GH_ERR_UNAVAILABLE || result->status == GH_ERR_CLOSED ||
           (result->status == GH_ERR_TIMEOUT && !result->maybe_delivered);
}

static bool may_help(const exchange *self)
{
    const gh_api_reply *reply = self->reply;
    if (self->result.status != GH_OK) {
        return could_not_connect(&self->result);
    }
    if (reply->retry_after_s > BACK_OFF_MAX_MS / 1000) {
        return false;
    }
    return reply->status == 502 || reply->status == 503 || reply->status == 504 ||
           (reply->status == 429 && reply->retry_after_s >= 0);
}

/* Half of it by chance, so that those who failed together do not come back together. */
static int64_t pause_ms(unsigned tries, int64_t retry_after_s)
{
    uint16_t chance = 0;
    int64_t most = tries > 4 ? BACK_OFF_MAX_MS : (int64_t)BACK_OFF_MS << tries;
    if (gh_random_bytes(&chance, sizeof chance) != GH_OK) {
        chance = UINT16_MAX / 2;
    }
    int64_t ms = most / 2 + (most / 2) * chance / UINT16_MAX;
    return retry_after_s > 0 ? retry_after_s * 1000 : ms;
}

/* False when there is no time for it or nobody waits any more. */
static bool wait_to_retry(const gh_api_job *job, const exchange *self, unsigned tries)
{
    int64_t ms = pause_ms(tries, self->result.status == GH_OK ? self->reply->retry_after_s : -1);
    if (job->deadline.at_ms != INT64_MAX && job->deadline.at_ms - MARGIN_MS - gh_clock_mono_ms() <= ms) {
        return false;
    }
    return job->host->wait(job->call, (uint32_t)ms) == 0;
}

static void note(const gh_api_job *job, const exchange *self, const char *what)
{
    const char *item = job->call->question.item;
    if (self->result.status != GH_OK) {
        gh_log_warn("%s: %s%s", item, self->result.error.message, what);
    } else {
        gh_log_debug("%s: HTTP status %d%s", item, self->reply->status, what);
    }
}

/* --- in words --- */

static gh_status explain(const gh_api_job *job, const gh_api_wire *wire, const exchange *self,
                         gh_error *error)
{
    const char *api = job->entry->request.upstream->name;
    bool unsure = self->result.maybe_delivered && !is_idempotent(wire->method);
    const char *hint =
        unsure ? "It may have been done all the same: look before you try again." : "Try again later.";
    switch (self->result.status) {
    case GH_ERR_UNAVAILABLE:
        return gh_error_set(error, GH_ERR_UNAVAILABLE, "The API %s cannot be reached. Try again later.", api);
    case GH_ERR_TIMEOUT:
        return gh_error_set(error, GH_ERR_TIMEOUT, "The API %s did not answer in time. %s", api, hint);
    case GH_ERR_CLOSED:
        return gh_error_set(error, GH_ERR_CLOSED,
                            "The API %s closed the connection before its answer was complete. %s", api, hint);
    case GH_ERR_TOO_LARGE:
        return gh_error_set(error, GH_ERR_TOO_LARGE,
                            "The answer of the API %s is larger than the %zu bytes that are allowed. Ask for "
                            "less.",
                            api, job->entry->request.max_response);
    case GH_ERR_CANCELLED:
        return gh_error_set(error, GH_ERR_CANCELLED, "The call was cancelled.");
    case GH_ERR_DENIED:
        return gh_error_set(error, GH_ERR_DENIED,
                            "The API %s cannot be called safely; the server's log says why.", api);
    default:
        return gh_error_set(error, self->result.status, "The call of the API %s failed. %s", api, hint);
    }
}

gh_status gh_api_perform(const gh_api_job *job, const gh_api_wire *wire, gh_api_reply *reply, gh_error *error)
{
    const char *name = NULL;
    bool renewed = false;
    unsigned tries = 0;
    memset(reply, 0, sizeof *reply);
    gh_status status = get_credential(job, NULL, &name, &reply->credential, error);
    if (status != GH_OK) {
        return status;
    }
    exchange self = {.reply = reply};
    for (;;) {
        exchange_and_follow(job, wire, name, &self);
        if (is_cancelled(job)) {
            return gh_error_set(error, GH_ERR_CANCELLED, "The call was cancelled.");
        }
        if (self.result.status == GH_OK && reply->status == 401 && !renewed) {
            status = renew(job, reply, &name, error);
            if (status == GH_OK) {
                renewed = true;
                note(job, &self, "; once more with a fresh credential");
                continue;
            }
            if (status != GH_ERR_UNSUPPORTED) {
                note(job, &self, "; and there is no other credential");
                return status;
            }
        }
        if (tries >= job->entry->request.retries || !may_help(&self) || !wait_to_retry(job, &self, tries)) {
            break;
        }
        tries++;
        note(job, &self, "; trying again");
    }
    if (is_cancelled(job)) {
        return gh_error_set(error, GH_ERR_CANCELLED, "The call was cancelled.");
    }
    note(job, &self, "");
    return self.result.status == GH_OK ? GH_OK : explain(job, wire, &self, error);
}

#include <string.h>
#include <unistd.h>

#include "server/idp/idp_private.h"

#define CONNECT_MS 5000

void gh_idp_reply_clear(gh_idp_reply *reply)
{
    gh_buf_wipe_free(&reply->body);
    gh_buf_free(&reply->location);
    gh_buf_free(&reply->content_type);
}

gh_status gh_idp_client_new(const gh_idp *idp, gh_http_client **client, gh_error *error)
{
    const gh_http_client_options options = {.user_agent = "gatehouse/" GATEHOUSE_VERSION,
                                            .ca_file = idp->ca_file,
                                            .quick_exit = true,
                                            .connect_to = idp->connect_to};
    return gh_http_client_new(&options, client, error);
}

typedef struct fetch_state {
    gh_idp_reply *reply;
    gh_http_result result;
    bool done;
} fetch_state;

static gh_status on_head(void *context, gh_http_transfer *transfer, const gh_http_response_head *head)
{
    fetch_state *state = context;
    state->reply->http_status = head->status;
    (void)gh_buf_append_view(&state->reply->content_type, head->content_type);
    return gh_buf_append_view(&state->reply->location, gh_http_transfer_header(transfer, "Location"));
}

static gh_status on_body(void *context, gh_http_transfer *transfer, gh_view bytes)
{
    fetch_state *state = context;
    (void)transfer;
    return gh_buf_append_view(&state->reply->body, bytes);
}

static void on_done(void *context, gh_http_transfer *transfer, const gh_http_result *result)
{
    fetch_state *state = context;
    (void)transfer;
    state->result = *result;
    state->done = true;
}

gh_status gh_idp_fetch(const gh_idp *idp, gh_http_client *client, const gh_http_request *request,
                       gh_deadline deadline, gh_idp_reply *reply, gh_error *error)
{
    fetch_state state = {.reply = reply};
    gh_http_transfer *transfer = NULL;
    gh_http_request copy = *request;
    struct pollfd stop = {.fd = idp != NULL ? idp->stop_fd[0] : -1, .events = POLLIN};
    int64_t left = gh_deadline_poll_ms(deadline, GH_IDP_CALL_MS);
    if (left <= 0) {
        return gh_error_set(error, GH_ERR_TIMEOUT, "the identity provider did not answer in time");
    }
    copy.context = &state;
    copy.on_head = on_head;
    copy.on_body = on_body;
    copy.on_done = on_done;
    copy.max_response = reply->body.max;
    copy.timeout_ms = left;
    copy.connect_timeout_ms = left < CONNECT_MS ? left : CONNECT_MS;
    gh_status status = gh_http_start(client, &copy, &transfer, error);
    if (status != GH_OK) {
        return status;
    }
    while (!state.done && status == GH_OK && stop.revents == 0) {
        status = gh_http_client_poll(client, &stop, idp != NULL ? 1 : 0, GH_IDP_CALL_MS);
    }
    if (!state.done) {
        gh_http_cancel(transfer);
        status = status == GH_OK ? GH_ERR_CANCELLED : status;
        return gh_error_set(error, status, "the request to the identity provider was not finished (%s)",
                            gh_status_text(status));
    }
    if (state.result.status != GH_OK && error != NULL) {
        *error = state.result.error;
    }
    return state.result.status;
}

gh_status gh_idp_get(const gh_idp *idp, gh_http_client *client, const char *url, gh_deadline deadline,
                     gh_idp_reply *reply, gh_error *error)
{
    static const gh_http_header headers[] = {{"Accept", "application/json"}};
    const gh_http_request request = {.method = "GET", .url = url, .headers = headers, .header_count = 1};
    return gh_idp_fetch(idp, client, &request, deadline, reply, error);
}

gh_status gh_idp_borrow(gh_idp *idp, gh_deadline deadline, gh_http_client **client, gh_error *error)
{
    gh_http_client *found = NULL;
    gh_status status = GH_OK;
    (void)pthread_mutex_lock(&idp->lock);
    while (status == GH_OK && !idp->stopping && idp->idle_count == 0 &&
           idp->client_count >= GH_IDP_POOL_MAX) {
        bool may_wait = idp->client_waiters < GH_IDP_WAITERS_MAX;
        idp->client_waiters++;
        status = may_wait && gh_idp_wait_changed(idp, deadline) ? GH_OK : GH_ERR_UNAVAILABLE;
        idp->client_waiters--;
    }
    if (idp->stopping) {
        status = GH_ERR_UNAVAILABLE;
    }
    if (status == GH_OK && idp->idle_count > 0) {
        found = idp->idle[--idp->idle_count];
    } else if (status == GH_OK) {
        idp->client_count++; /* the place is taken before the client is made without the lock */
    }
    (void)pthread_mutex_unlock(&idp->lock);
    if (status != GH_OK) {
        return gh_error_set(
            error, status, "too many requests to the identity provider are under way; try again in a moment");
    }
    if (found == NULL) {
        status = gh_idp_client_new(idp, &found, error);
    }
    if (status != GH_OK) {
        (void)pthread_mutex_lock(&idp->lock);
        idp->client_count--;
        (void)pthread_cond_broadcast(&idp->changed);
        (void)pthread_mutex_unlock(&idp->lock);
        return status;
    }
    *client = found;
    return GH_OK;
}

void gh_idp_give_back(gh_idp *idp, gh_http_client *client)
{
    if (client == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&idp->lock);
    idp->idle[idp->idle_count++] = client;
    (void)pthread_cond_broadcast(&idp->changed);
    (void)pthread_mutex_unlock(&idp->lock);
}

void gh_idp_drop_idle(gh_idp *idp)
{
    gh_http_client *dropped[GH_IDP_POOL_MAX];
    (void)pthread_mutex_lock(&idp->lock);
    size_t count = idp->idle_count;
    memcpy(dropped, idp->idle, count * sizeof *dropped);
    idp->idle_count = 0;
    idp->client_count -= count;
    (void)pthread_cond_broadcast(&idp->changed);
    (void)pthread_mutex_unlock(&idp->lock);
    for (size_t i = 0; i < count; i++) {
        gh_http_client_free(dropped[i]);
    }
}

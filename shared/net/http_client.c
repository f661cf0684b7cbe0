#include "shared/net/http_client.h"

#include <stdlib.h>
#include <string.h>

#include "shared/net/http_internal.h"

#define POLL_MAX_MS 3600000
#define LOOK_MS 100 /* at whether to go on waiting */
#define PERFORM_DEFAULT_MS 30000

gh_status gh_http_client_new(const gh_http_client_options *options, gh_http_client **out, gh_error *error)
{
    if (options->connect_to != NULL && !gh_http_connect_to_is_valid(options->connect_to)) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "where to connect to must be written as HOST:PORT:HOST:PORT");
    }
    if (!gh_curl_is_there()) {
        return gh_error_set(
            error, GH_ERR_UNSUPPORTED,
            "%s could not be loaded, and it is needed to call other servers: is it installed?",
            GH_CURL_LIBRARY);
    }
    if (gh_curl()->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return gh_error_set(error, GH_ERR_UNSUPPORTED, "libcurl could not be initialised");
    }
    gh_http_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        gh_curl()->global_cleanup();
        return gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the HTTP client");
    }
    client->quick_exit = options->quick_exit;
    client->may_connect = options->may_connect;
    client->multi = gh_curl()->multi_init();
    client->user_agent = gh_text_dup(options->user_agent);
    client->ca_file = gh_text_dup(options->ca_file);
    client->cert_file = gh_text_dup(options->cert_file);
    client->key_file = gh_text_dup(options->key_file);
    client->connect_to =
        options->connect_to == NULL ? NULL : gh_curl()->slist_append(NULL, options->connect_to);
    if (client->multi == NULL || (options->user_agent != NULL && client->user_agent == NULL) ||
        (options->ca_file != NULL && client->ca_file == NULL) ||
        (options->cert_file != NULL && client->cert_file == NULL) ||
        (options->key_file != NULL && client->key_file == NULL) ||
        (options->connect_to != NULL && client->connect_to == NULL) ||
        gh_curl()->multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, options->max_connections) !=
            CURLM_OK ||
        gh_curl()->multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)GH_HTTP_KEPT_MAX) != CURLM_OK) {
        gh_http_client_free(client);
        return gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the HTTP client");
    }
    gh_status status = gh_http_home_set(client, options, error);
    if (status != GH_OK) {
        gh_http_client_free(client);
        return status;
    }
    *out = client;
    return GH_OK;
}

static void detach(gh_http_transfer *transfer)
{
    if (transfer->added) {
        (void)gh_curl()->multi_remove_handle(transfer->client->multi, transfer->easy);
        transfer->added = false;
    }
}

static void destroy(gh_http_transfer *transfer)
{
    gh_http_client *client = transfer->client;
    detach(transfer);
    if (transfer->prev != NULL) {
        transfer->prev->next = transfer->next;
    } else {
        client->first = transfer->next;
    }
    if (transfer->next != NULL) {
        transfer->next->prev = transfer->prev;
    }
    gh_http_transfer_free(transfer);
}

void gh_http_client_free(gh_http_client *client)
{
    if (client == NULL) {
        return;
    }
    while (client->first != NULL) {
        destroy(client->first);
    }
    (void)gh_curl()->multi_cleanup(client->multi);
    free(client->user_agent);
    free(client->ca_file);
    free(client->cert_file);
    free(client->key_file);
    gh_http_home_clear(client);
    gh_curl()->slist_free_all(client->connect_to);
    free(client->fds);
    free(client);
    gh_curl()->global_cleanup();
}

static bool attach(gh_http_transfer *transfer)
{
    transfer->added = gh_curl()->multi_add_handle(transfer->client->multi, transfer->easy) == CURLM_OK;
    return transfer->added;
}

gh_status gh_http_start(gh_http_client *client, const gh_http_request *request, gh_http_transfer **out,
                        gh_error *error)
{
    gh_http_transfer *transfer = NULL;
    gh_status status = gh_http_transfer_new(client, request, &transfer, error);
    if (status != GH_OK) {
        return status;
    }
    if (client->depth == 0 && !attach(transfer)) {
        gh_http_transfer_free(transfer);
        return gh_error_set(error, GH_ERR_NOMEM, "not enough memory for the request");
    }
    transfer->next = client->first;
    if (client->first != NULL) {
        client->first->prev = transfer;
    }
    client->first = transfer;
    if (out != NULL) {
        *out = transfer;
    }
    return GH_OK;
}

void gh_http_cancel(gh_http_transfer *transfer)
{
    if (transfer == NULL) {
        return;
    }
    transfer->cancelled = true;
    if (transfer->client->depth == 0) {
        destroy(transfer);
    }
}

size_t gh_http_client_active(const gh_http_client *client)
{
    size_t count = 0;
    for (const gh_http_transfer *t = client->first; t != NULL; t = t->next) {
        count += t->cancelled || t->finished ? 0U : 1U;
    }
    return count;
}

static void report(gh_http_transfer *transfer, const gh_http_result *result)
{
    transfer->finished = true;
    if (!transfer->cancelled && transfer->request.on_done != NULL) {
        transfer->request.on_done(transfer->request.context, transfer, result);
    }
}

/* Nothing of the request has left: it begins again, on a connection of its own. */
static bool renew(gh_http_transfer *transfer)
{
    transfer->soiled = false;
    return gh_curl()->easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK && attach(transfer);
}

static void complete(gh_http_transfer *transfer, CURLcode code)
{
    gh_http_result result;
    if (code == CURLE_OK) {
        gh_http_kept_note(transfer);
    }
    detach(transfer);
    if (transfer->cancelled) {
        return;
    }
    if (code == CURLE_OK && transfer->redirecting) {
        code =
            gh_http_transfer_follow(transfer) == GH_OK && attach(transfer) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
        if (code == CURLE_OK) {
            return;
        }
    }
    if (code == CURLE_ABORTED_BY_CALLBACK && transfer->soiled && renew(transfer)) {
        return;
    }
    gh_http_result_fill(transfer, code, &result);
    report(transfer, &result);
}

static void take_messages(gh_http_client *client)
{
    int left = 0;
    const CURLMsg *message = NULL;
    while ((message = gh_curl()->multi_info_read(client->multi, &left)) != NULL) {
        gh_http_transfer *transfer = NULL;
        CURLcode code = message->data.result;
        if (message->msg == CURLMSG_DONE &&
            gh_curl()->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) == CURLE_OK) {
            complete(transfer, code);
        }
    }
}

static bool is_waiting(const gh_http_transfer *transfer)
{
    return !transfer->cancelled && !transfer->finished;
}

/* Callbacks may put new transfers at the front of the list, which this pass then does not see, and
 * nothing leaves the list before `tidy`. */
static void end_overdue(gh_http_client *client)
{
    for (gh_http_transfer *t = client->first; t != NULL; t = t->next) {
        if (is_waiting(t) && gh_deadline_passed(gh_http_transfer_deadline(t))) {
            gh_http_result result;
            gh_http_result_timeout(t, &result);
            detach(t);
            report(t, &result);
        }
    }
}

/* Frees what is over and starts what callbacks asked for. */
static void tidy(gh_http_client *client)
{
    gh_http_transfer *next = NULL;
    for (gh_http_transfer *t = client->first; t != NULL; t = next) {
        next = t->next;
        if (!is_waiting(t)) {
            destroy(t);
        } else if (!t->added && !attach(t)) {
            gh_http_result result;
            gh_http_result_fill(t, CURLE_OUT_OF_MEMORY, &result);
            client->depth++;
            report(t, &result);
            client->depth--;
        }
    }
}

static int wait_ms(const gh_http_client *client, int timeout_ms)
{
    int wait = timeout_ms < 0 ? 0 : timeout_ms > POLL_MAX_MS ? POLL_MAX_MS : timeout_ms;
    for (const gh_http_transfer *t = client->first; t != NULL; t = t->next) {
        wait = is_waiting(t) ? gh_deadline_poll_ms(gh_http_transfer_deadline(t), wait) : 0;
    }
    return wait;
}

static gh_status copy_fds(gh_http_client *client, const struct pollfd *extra, size_t count, unsigned *used)
{
    if (count > client->fds_cap) {
        struct curl_waitfd *fds = realloc(client->fds, count * sizeof *fds);
        if (fds == NULL) {
            return GH_ERR_NOMEM;
        }
        client->fds = fds;
        client->fds_cap = count;
    }
    *used = 0;
    for (size_t i = 0; i < count; i++) {
        if (extra[i].fd < 0) {
            continue;
        }
        struct curl_waitfd *fd = &client->fds[(*used)++];
        int events = ((extra[i].events & POLLIN) != 0 ? CURL_WAIT_POLLIN : 0) |
                     ((extra[i].events & POLLPRI) != 0 ? CURL_WAIT_POLLPRI : 0) |
                     ((extra[i].events & POLLOUT) != 0 ? CURL_WAIT_POLLOUT : 0);
        fd->fd = extra[i].fd;
        fd->events = (short)events;
        fd->revents = 0;
    }
    return GH_OK;
}

void gh_http_client_hold(gh_http_client *client, bool held)
{
    client->held = held;
}

/* curl may hand out the kept bytes at once, from here. */
static void resume(gh_http_client *client)
{
    client->depth++;
    for (gh_http_transfer *t = client->first; t != NULL && !client->held; t = t->next) {
        if (t->paused) {
            t->paused = false;
            t->last_byte_ms = gh_clock_mono_ms();
            (void)gh_curl()->easy_pause(t->easy, CURLPAUSE_CONT);
        }
    }
    client->depth--;
    tidy(client);
}

gh_status gh_http_client_poll(gh_http_client *client, struct pollfd *extra, size_t extra_count,
                              int timeout_ms)
{
    unsigned used = 0;
    int running = 0;
    if (client->depth > 0) {
        return GH_ERR_INVALID;
    }
    gh_status status = copy_fds(client, extra, extra_count, &used);
    if (status != GH_OK) {
        return status;
    }
    if (!client->held) {
        resume(client);
    }
    if (gh_curl()->multi_poll(client->multi, client->fds, used, wait_ms(client, timeout_ms), NULL) !=
        CURLM_OK) {
        return GH_ERR_IO;
    }
    /* curl reports neither POLLHUP nor POLLERR, and the end of a pipe is nothing but POLLHUP. */
    if (extra_count > 0 && poll(extra, (nfds_t)extra_count, 0) < 0) {
        for (size_t i = 0; i < extra_count; i++) {
            extra[i].revents = 0;
        }
    }
    client->depth++;
    status = gh_curl()->multi_perform(client->multi, &running) == CURLM_OK ? GH_OK : GH_ERR_IO;
    take_messages(client);
    end_overdue(client);
    client->depth--;
    tidy(client);
    return status;
}

typedef struct perform_state {
    gh_buf *body;
    gh_http_result *result;
    bool done;
} perform_state;

static gh_status perform_on_body(void *context, gh_http_transfer *transfer, gh_view bytes)
{
    const perform_state *state = context;
    (void)transfer;
    return gh_buf_append_view(state->body, bytes);
}

static void perform_on_done(void *context, gh_http_transfer *transfer, const gh_http_result *result)
{
    perform_state *state = context;
    (void)transfer;
    *state->result = *result;
    state->done = true;
}

gh_status gh_http_perform(gh_http_client *client, const gh_http_request *request, gh_buf *body,
                          gh_http_result *result)
{
    return gh_http_perform_until(client, request, NULL, body, result);
}

gh_status gh_http_perform_until(gh_http_client *client, const gh_http_request *request,
                                const atomic_bool *stop, gh_buf *body, gh_http_result *result)
{
    gh_http_transfer *transfer = NULL;
    perform_state state = {body, result, false};
    gh_http_request copy = *request;
    copy.context = &state;
    copy.on_head = NULL;
    copy.on_body = perform_on_body;
    copy.on_done = perform_on_done;
    size_t room = body->max - body->len;
    copy.max_response =
        request->max_response == 0 || request->max_response > room ? room : request->max_response;
    if (copy.timeout_ms <= 0) {
        copy.timeout_ms = PERFORM_DEFAULT_MS;
    }
    memset(result, 0, sizeof *result);
    if (client->depth > 0) {
        result->status =
            gh_error_set(&result->error, GH_ERR_INVALID, "a request cannot be waited for within a callback");
        return result->status;
    }
    result->status = gh_http_start(client, &copy, &transfer, &result->error);
    if (result->status != GH_OK) {
        return result->status;
    }
    gh_status status = GH_OK;
    while (status == GH_OK && !state.done) {
        bool stopped = stop != NULL && atomic_load(stop);
        status = stopped ? GH_ERR_CANCELLED
                         : gh_http_client_poll(client, NULL, 0, stop != NULL ? LOOK_MS : POLL_MAX_MS);
    }
    if (!state.done) {
        gh_http_cancel(transfer);
        result->status =
            gh_error_set(&result->error, status, "waiting for a reply failed (%s)", gh_status_text(status));
    }
    return result->status;
}

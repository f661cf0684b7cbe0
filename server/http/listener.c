#include "server/http/listener.h"

#include <civetweb.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/http/admission.h"
#include "server/http/descriptors.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"

#define HEAD_MAX 16384 /* bytes of a request head */
#define QUEUE 256
#define BACKLOG 1024
#define SPARE_DESCRIPTORS 100
#define WORKER_STACK ((size_t)1024 * 1024)
#define BUFFER_ALIGNMENT 16U /* malloc's, of civetweb's buffer */

struct gh_listener {
    struct mg_context *civetweb;
    const gh_transaction_setting *setting;
    gh_admission admission;
    int64_t request_timeout_ms;
    uint16_t port;
    atomic_bool draining;
    atomic_size_t in_flight;
};

/* Of one worker thread. */
typedef struct worker {
    const char *buffer; /* where request heads begin, once one was seen */
} worker;

typedef struct connection {
    int64_t waiting_from; /* since when the next request is awaited, monotonic ms */
    bool failed;          /* an error reply was sent */
} connection;

/* civetweb gives its workers stacks of 100 KB, of which a handler finds three quarters. It calls this
 * function through the dynamic linker, so this definition comes before the C library's, whose names the
 * parameters have. */
int pthread_attr_setstacksize(pthread_attr_t *__attr, size_t __stacksize)
{
    int (*real)(pthread_attr_t *, size_t) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "pthread_attr_setstacksize");
    memcpy(&real, &symbol, sizeof real);
    if (real == NULL) {
        return 0;
    }
    return real(__attr, __stacksize < WORKER_STACK ? WORKER_STACK : __stacksize);
}

static gh_listener *listener_of(const struct mg_connection *conn)
{
    return mg_get_user_data(mg_get_context(conn));
}

static connection *connection_of(const struct mg_connection *conn)
{
    return mg_get_user_connection_data(conn);
}

static int read_body(void *context, void *buffer, size_t len)
{
    return mg_read(context, buffer, len);
}

static gh_status write_all(void *context, gh_view bytes)
{
    if (bytes.len > INT32_MAX) {
        return GH_ERR_TOO_LARGE;
    }
    return mg_write(context, bytes.ptr, bytes.len) == (int)bytes.len ? GH_OK : GH_ERR_CLOSED;
}

static gh_transaction_peer peer_of(struct mg_connection *conn, const struct mg_request_info *info)
{
    return (gh_transaction_peer){.context = conn,
                                 .host = gh_view_of(info->remote_addr),
                                 .port = (uint16_t)info->remote_port,
                                 .read = read_body,
                                 .write = write_all};
}

static void fill_wire(const struct mg_request_info *info, gh_wire *wire)
{
    wire->method = gh_view_of(info->request_method);
    wire->target = gh_view_of(info->request_uri);
    wire->query = gh_view_of(info->query_string);
    wire->version = gh_view_of(info->http_version);
    wire->header_count = info->num_headers < 0 ? 0 : (size_t)info->num_headers;
    for (size_t i = 0; i < wire->header_count; i++) {
        wire->headers[i] = (gh_header){.name = gh_view_of(info->http_headers[i].name),
                                       .value = gh_view_of(info->http_headers[i].value)};
    }
}

/* civetweb forgets how long a head is that follows stray empty lines, so where the method stands matters: at
 * the start of the worker's buffer, which is the lowest place where one was ever seen. */
static bool is_clean(worker *self, const gh_wire *wire)
{
    const char *begin = wire->method.ptr - ((uintptr_t)wire->method.ptr % BUFFER_ALIGNMENT);
    if (self == NULL || (self->buffer != NULL && begin > self->buffer)) {
        return false;
    }
    self->buffer = begin;
    return gh_wire_is_clean(wire, begin, begin + HEAD_MAX);
}

/* civetweb serves nothing by itself: this takes every request. */
static int on_request(struct mg_connection *conn)
{
    gh_listener *listener = listener_of(conn);
    const struct mg_request_info *info = mg_get_request_info(conn);
    gh_transaction_peer peer = peer_of(conn, info);
    gh_wire wire;
    atomic_fetch_add(&listener->in_flight, 1);
    fill_wire(info, &wire);
    gh_transaction_state state = {.clean = is_clean(mg_get_thread_pointer(conn), &wire),
                                  .crowded = gh_admission_is_crowded(&listener->admission),
                                  .draining = atomic_load(&listener->draining)};
    for (size_t i = 0; i < wire.header_count; i++) {
        wire.headers[i].value = gh_view_trim(wire.headers[i].value);
    }
    gh_transaction_result result = gh_transaction_run(listener->setting, &wire, &peer, state);
    if (!result.keep_alive) {
        mg_disable_connection_keep_alive(conn);
    }
    atomic_fetch_sub(&listener->in_flight, 1);
    return result.status;
}

static void on_request_end(const struct mg_connection *conn, int status)
{
    connection *state = connection_of(conn);
    (void)status;
    if (state != NULL) {
        state->waiting_from = gh_clock_mono_ms();
    }
}

/* What may be logged of a head that was refused: no query, nothing that was not understood. */
static gh_view safe_part(const char *text)
{
    gh_view view = gh_view_of(text);
    size_t end = 0;
    while (end < view.len && view.ptr[end] > ' ' && view.ptr[end] < 0x7f && view.ptr[end] != '?') {
        end++;
    }
    return end <= 256 ? gh_view_make(view.ptr, end) : gh_view_of(NULL);
}

/* Requests that civetweb could not parse end here; the connection closes afterwards. */
static int on_error(struct mg_connection *conn, int status, const char *message)
{
    const gh_listener *listener = listener_of(conn);
    const struct mg_request_info *info = mg_get_request_info(conn);
    connection *state = connection_of(conn);
    (void)message;
    if (info == NULL || state == NULL) {
        return 0;
    }
    state->failed = true;
    gh_transaction_peer peer = peer_of(conn, info);
    bool late = gh_clock_mono_ms() - state->waiting_from >= listener->request_timeout_ms;
    /* Its list of methods is looked at after the request line was read and before the headers are. */
    bool before_headers = status == 400 && info->num_headers == 0 && info->http_version != NULL;
    bool unknown_method = before_headers && strncmp(info->http_version, "1.", 2) == 0;
    if (before_headers && info->http_version[0] >= '2' && info->http_version[0] <= '9') {
        status = 505; /* the HTTP/2 preface, method PRI */
    }
    gh_view method = unknown_method || status == 505 ? safe_part(info->request_method) : gh_view_of(NULL);
    gh_view path = unknown_method || status == 505 ? safe_part(info->request_uri) : gh_view_of(NULL);
    if (status == 413) {
        gh_transaction_refuse(&peer, method, path, 431, "invalid_request",
                              "The request head is larger than 16 KiB.");
    } else if (status == 505) {
        gh_transaction_refuse(&peer, method, path, 505, "invalid_request", "This server speaks HTTP/1.1.");
    } else if (unknown_method) {
        gh_transaction_refuse(&peer, method, path, 501, "method_not_implemented",
                              "This server does not know that method.");
    } else if (late) {
        gh_transaction_refuse(&peer, method, path, 408, "request_timeout",
                              "The request head did not arrive in time.");
    } else if (status >= 500) {
        gh_transaction_refuse(&peer, method, path, 500, "server_error", "The server failed at this request.");
    } else {
        gh_transaction_refuse(
            &peer, method, path, 400, "invalid_request",
            "This is not a well-formed HTTP/1.1 request, or its head is larger than 16 KiB.");
    }
    return 0;
}

static void *on_thread_start(const struct mg_context *context, int kind)
{
    (void)context;
    (void)kind;
    return calloc(1, sizeof(worker));
}

static void on_thread_end(const struct mg_context *context, int kind, void *self)
{
    (void)context;
    (void)kind;
    free(self);
}

static int on_open(const struct mg_connection *conn, void **data)
{
    connection *state = calloc(1, sizeof *state);
    gh_admission_enter(&listener_of(conn)->admission);
    if (state != NULL) {
        state->waiting_from = gh_clock_mono_ms();
    }
    *data = state;
    return 0;
}

static void on_close(const struct mg_connection *conn)
{
    const struct mg_request_info *info = mg_get_request_info(conn);
    connection *state = connection_of(conn);
    gh_admission_leave(&listener_of(conn)->admission);
    /* `OPTIONS *` and `GET http://elsewhere/` reach no callback: civetweb would just hang up. */
    if (state != NULL && !state->failed && info != NULL && info->request_uri != NULL &&
        info->local_uri == NULL) {
        gh_transaction_peer peer = peer_of((struct mg_connection *)(uintptr_t)conn, info);
        gh_transaction_refuse(&peer, safe_part(info->request_method), gh_view_of(NULL), 400,
                              "invalid_request",
                              "The request target must be a path that begins with a slash.");
    }
    free(state);
}

static int on_message(const struct mg_connection *conn, const char *message)
{
    (void)conn;
    gh_log_debug("civetweb: %s", message);
    return 1;
}

bool gh_listener_has_ipv6(void)
{
    return mg_check_feature(MG_FEATURES_IPV6) != 0;
}

static void write_ports(const gh_reservation *reservation, char *out, size_t size)
{
    const char *host =
        strcmp(reservation->address.host, "localhost") == 0 ? "127.0.0.1" : reservation->address.host;
    unsigned port = reservation->address.port;
    if (reservation->serve_ipv4 && reservation->serve_ipv6) {
        (void)snprintf(out, size, "%s:%u,[::1]:%u", host, port, port);
    } else if (reservation->serve_ipv6) {
        (void)snprintf(out, size, "[::1]:%u", port);
    } else {
        (void)snprintf(out, size, "%s:%u", host, port);
    }
}

static struct mg_context *start_civetweb(gh_listener *listener, const gh_listener_options *options,
                                         const gh_reservation *reservation)
{
    static const struct mg_callbacks callbacks = {.begin_request = on_request,
                                                  .end_request = on_request_end,
                                                  .http_error = on_error,
                                                  .init_connection = on_open,
                                                  .connection_close = on_close,
                                                  .log_message = on_message,
                                                  .init_thread = on_thread_start,
                                                  .exit_thread = on_thread_end};
    char ports[160], workers[24], timeout[24], head[24], queue[24], backlog[24];
    write_ports(reservation, ports, sizeof ports);
    (void)snprintf(workers, sizeof workers, "%zu", options->workers);
    (void)snprintf(timeout, sizeof timeout, "%lld", (long long)options->request_timeout_ms);
    (void)snprintf(head, sizeof head, "%d", HEAD_MAX);
    (void)snprintf(queue, sizeof queue, "%d", QUEUE);
    (void)snprintf(backlog, sizeof backlog, "%d", BACKLOG);
    const char *settings[] = {"listening_ports",
                              ports,
                              "num_threads",
                              workers,
                              "request_timeout_ms",
                              timeout,
                              "keep_alive_timeout_ms",
                              timeout,
                              "max_request_size",
                              head,
                              "connection_queue",
                              queue,
                              "listen_backlog",
                              backlog,
                              "enable_keep_alive",
                              "yes",
                              "tcp_nodelay",
                              "1",
                              "decode_url",
                              "no", /* paths are matched as sent */
                              "enable_auth_domain_check",
                              "no",
                              "enable_directory_listing",
                              "no",
                              "access_control_allow_origin",
                              "",
                              "access_control_allow_methods",
                              "",
                              "access_control_allow_headers",
                              "",
                              "cgi_pattern",
                              "",
                              "ssi_pattern",
                              "",
                              NULL};
    return mg_start(&callbacks, listener, settings);
}

gh_status gh_listener_start(const gh_listener_options *options, gh_reservation *reservation,
                            gh_listener **listener, gh_error *error)
{
    *listener = NULL;
    gh_status status = gh_descriptors_ensure(options->workers + QUEUE + SPARE_DESCRIPTORS, error);
    if (status != GH_OK) {
        return status;
    }
    gh_listener *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
    }
    made->setting = options->setting;
    made->request_timeout_ms = options->request_timeout_ms;
    made->port = reservation->address.port;
    gh_admission_init(&made->admission, options->workers);
    (void)mg_init_library(0);
    made->civetweb = start_civetweb(made, options, reservation);
    if (made->civetweb == NULL) {
        (void)mg_exit_library();
        free(made);
        return gh_error_set(error, GH_ERR_UNAVAILABLE,
                            "The HTTP server could not start on port %u; --log-level debug says why.",
                            (unsigned)reservation->address.port);
    }
    gh_reservation_settle(reservation);
    *listener = made;
    return GH_OK;
}

static void pause_a_little(void)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000000L};
    (void)nanosleep(&pause, NULL);
}

/* Connections that were accepted but wait for a worker, or whose request is on its way, get their reply, too.
 */
static void close_intake(uint16_t port, gh_deadline latest)
{
    static const struct {
        gh_intake step;
        int64_t ms; /* how long it may take */
    } steps[] = {{GH_INTAKE_BACKLOG, 20}, {GH_INTAKE_LISTEN, 150}, {GH_INTAKE_READ, 1000}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        gh_deadline deadline = gh_deadline_earlier(latest, gh_deadline_in(steps[i].ms));
        while (gh_watchdog_close_intake(port, steps[i].step) > 0 && !gh_deadline_passed(deadline)) {
            pause_a_little();
        }
    }
}

bool gh_listener_drain(gh_listener *listener, int64_t ms)
{
    gh_deadline deadline = gh_deadline_in(ms);
    atomic_store(&listener->draining, true);
    while (atomic_load(&listener->in_flight) > 0 && !gh_deadline_passed(deadline)) {
        pause_a_little();
    }
    if (atomic_load(&listener->in_flight) > 0) {
        return false;
    }
    close_intake(listener->port, deadline);
    return atomic_load(&listener->in_flight) == 0;
}

void gh_listener_stop(gh_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    /* Its threads sleep in poll for up to two seconds; this wakes them. */
    gh_watchdog_shut_port(listener->port);
    mg_stop(listener->civetweb);
    (void)mg_exit_library();
    free(listener);
}

#include "server/http/listener.h"

#include <civetweb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/exec/signal_stack.h"
#include "server/http/admission.h"
#include "server/http/descriptors.h"
#include "server/http/head_error.h"
#include "server/http/intake.h"
#include "server/http/library_fixes.h"
#include "server/http/patience.h"
#include "shared/core/clock.h"
#include "shared/core/log.h"

#define HEAD_MAX ((size_t)16 * 1024)
#define WAITING 256
#define BACKLOG 4096
/* civetweb cannot say that a head is larger than its buffer, so the buffer takes more than the server does.
 */
#define HEAD_BUFFER 4
#define SPARE_DESCRIPTORS 100
#define MASTER_THREAD 0      /* civetweb's number for the thread that accepts */
#define BUFFER_ALIGNMENT 16U /* malloc's, of civetweb's buffer */

struct gh_listener {
    struct mg_context *civetweb;
    const gh_transaction_setting *setting;
    gh_admission admission;
    gh_patience *patience;
    gh_waiting_room *room;
    int64_t request_timeout_ms;
    size_t max_head;
    size_t waiting;
    uint16_t port;
    atomic_bool draining;
    atomic_size_t in_flight;
};

/* Of one worker thread. */
typedef struct worker {
    const char *buffer; /* where request heads begin, once one was received */
    void *signal_stack; /* quick handlers run here, too */
} worker;

typedef struct connection {
    int64_t waiting_from; /* since when the next request is awaited, monotonic ms */
    bool failed;          /* an error reply was sent */
    gh_guest guest;
} connection;

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

static bool expect(void *context, gh_expects what)
{
    connection *state = connection_of(context);
    return state == NULL || gh_guest_expect(&state->guest, what);
}

static bool is_awaited(void *context)
{
    return gh_admission_is_awaited(&listener_of(context)->admission);
}

static gh_socket_name name_of(const struct mg_request_info *info)
{
    return (gh_socket_name){.host = gh_view_of(info->remote_addr),
                            .port = (uint16_t)info->remote_port,
                            .local_port = (uint16_t)info->server_port};
}

/* There is none before civetweb begins to read, shortly after on_open. */
static bool find_name(const void *conn, gh_socket_name *name)
{
    const struct mg_request_info *info = mg_get_request_info(conn);
    if (info != NULL) {
        *name = name_of(info);
    }
    return info != NULL;
}

static gh_transaction_peer peer_of(struct mg_connection *conn, const struct mg_request_info *info)
{
    return (gh_transaction_peer){.context = conn,
                                 .name = name_of(info),
                                 .read = read_body,
                                 .write = write_all,
                                 .expect = expect,
                                 .is_awaited = is_awaited};
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
 * the start of the worker's buffer. Were that unknown, it is the lowest place where one was ever seen. */
static bool is_clean(worker *self, const gh_wire *wire, size_t max_head, bool *long_head)
{
    const char *begin = wire->method.ptr - ((uintptr_t)wire->method.ptr % BUFFER_ALIGNMENT);
    if (self == NULL || (self->buffer != NULL && begin > self->buffer)) {
        return false;
    }
    if (self->buffer == NULL) {
        gh_library_fixes_find_buffer(NULL);
    }
    self->buffer = begin;
    for (size_t i = 0; i < wire->header_count; i++) {
        gh_view value = wire->headers[i].value;
        *long_head = *long_head || (value.ptr != NULL && value.ptr + value.len > begin + max_head);
    }
    *long_head = *long_head || wire->target.len > max_head;
    return gh_wire_is_clean(wire, begin, begin + max_head * HEAD_BUFFER);
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
    bool long_head = false;
    bool clean = is_clean(mg_get_thread_pointer(conn), &wire, listener->max_head, &long_head);
    gh_transaction_state state = {.clean = clean,
                                  .long_head = long_head,
                                  .cut = !expect(conn, GH_EXPECTS_NOTHING),
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
        (void)gh_guest_expect(&state->guest, GH_EXPECTS_BYTES);
    }
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
    bool cut = !gh_guest_expect(&state->guest, GH_EXPECTS_NOTHING);
    gh_head_error error = gh_head_error_of(status, info->http_version, info->num_headers, late, cut);
    gh_view method = gh_view_of(NULL);
    gh_view path = gh_view_of(NULL);
    if (error.names_request) {
        method = gh_head_error_part(info->request_method);
        path = gh_head_error_part(info->request_uri);
    }
    gh_transaction_refuse(listener->setting, &peer, method, path, error.status, error.code,
                          error.description);
    return 0;
}

static void *on_thread_start(const struct mg_context *context, int kind)
{
    worker *self = calloc(1, sizeof *self);
    if (kind == MASTER_THREAD) {
        gh_listener *listener = mg_get_user_data(context);
        gh_library_fixes_count(&listener->admission);
    }
    if (self != NULL) {
        self->signal_stack = gh_signal_stack_new();
        gh_library_fixes_find_buffer(&self->buffer);
    }
    return self;
}

static void on_thread_end(const struct mg_context *context, int kind, void *pointer)
{
    worker *self = pointer;
    (void)context;
    (void)kind;
    if (self != NULL) {
        gh_library_fixes_find_buffer(NULL);
        gh_signal_stack_free(self->signal_stack);
    }
    free(self);
}

static int on_open(const struct mg_connection *conn, void **data)
{
    connection *state = calloc(1, sizeof *state);
    gh_listener *listener = listener_of(conn);
    gh_admission_enter(&listener->admission);
    if (state != NULL) {
        state->waiting_from = gh_clock_mono_ms();
        gh_patience_enter(listener->patience, &state->guest, conn);
    }
    *data = state;
    return 0;
}

static void on_close(const struct mg_connection *conn)
{
    const struct mg_request_info *info = mg_get_request_info(conn);
    const gh_listener *listener = listener_of(conn);
    connection *state = connection_of(conn);
    gh_admission_leave(&listener_of(conn)->admission);
    /* `OPTIONS *` and `GET http://elsewhere/` reach no callback: civetweb would just hang up. */
    if (state != NULL && !state->failed && info != NULL && info->request_uri != NULL &&
        info->local_uri == NULL) {
        gh_transaction_peer peer = peer_of((struct mg_connection *)(uintptr_t)conn, info);
        gh_transaction_refuse(listener->setting, &peer, gh_head_error_part(info->request_method),
                              gh_view_of(NULL), 400, "invalid_request",
                              "The request target must be a path that begins with a slash.");
    }
    if (state != NULL) {
        gh_patience_leave(listener->patience, &state->guest);
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
    char ports[GH_RESERVATION_PORTS_MAX], workers[24], timeout[24], head[24], queue[24], backlog[24];
    gh_reservation_write_ports(reservation, ports);
    (void)snprintf(workers, sizeof workers, "%zu", options->workers);
    (void)snprintf(timeout, sizeof timeout, "%lld", (long long)options->request_timeout_ms);
    (void)snprintf(head, sizeof head, "%zu", listener->max_head * HEAD_BUFFER);
    (void)snprintf(queue, sizeof queue, "%zu", listener->waiting);
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
    size_t waiting = options->waiting > 0 ? options->waiting : WAITING;
    size_t others = options->workers + SPARE_DESCRIPTORS;
    *listener = NULL;
    gh_status status = gh_descriptors_ensure(others + (waiting < WAITING ? waiting : WAITING), error);
    if (status != GH_OK) {
        return status;
    }
    size_t descriptors = gh_descriptors_raise(others + waiting);
    if (descriptors < others + waiting) {
        waiting = descriptors - others;
        gh_log_info("%zu connections may wait for a worker: the limit on open files allows no more", waiting);
    }
    gh_listener *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory.");
    }
    made->setting = options->setting;
    made->request_timeout_ms = options->request_timeout_ms;
    made->waiting = waiting;
    made->max_head = options->max_head > 0 ? options->max_head : HEAD_MAX;
    made->port = reservation->address.port;
    gh_admission_init(&made->admission, options->workers);
    made->room = gh_waiting_room_new(made->port, others + waiting);
    if (gh_patience_start(&made->admission, find_name, made->room, &made->patience) != GH_OK) {
        gh_waiting_room_free(made->room);
        free(made);
        return gh_error_set(error, GH_ERR_NOMEM, "Out of memory or threads.");
    }
    gh_library_fixes();
    (void)mg_init_library(0);
    made->civetweb = start_civetweb(made, options, reservation);
    if (made->civetweb == NULL) {
        (void)mg_exit_library();
        gh_patience_stop(made->patience);
        gh_waiting_room_free(made->room);
        free(made);
        return gh_error_set(error, GH_ERR_UNAVAILABLE,
                            "The HTTP server could not start on port %u; --log-level debug says why.",
                            (unsigned)reservation->address.port);
    }
    gh_reservation_settle(reservation);
    *listener = made;
    return GH_OK;
}

size_t gh_listener_connections(const gh_listener *listener)
{
    return gh_admission_connections(&listener->admission);
}

bool gh_listener_drain(gh_listener *listener, int64_t ms)
{
    gh_deadline deadline = gh_deadline_in(ms);
    atomic_store(&listener->draining, true);
    while (atomic_load(&listener->in_flight) > 0 && !gh_deadline_passed(deadline)) {
        gh_intake_pause();
    }
    if (atomic_load(&listener->in_flight) > 0) {
        return false;
    }
    gh_intake_close(listener->port, deadline);
    return atomic_load(&listener->in_flight) == 0;
}

void gh_listener_stop(gh_listener *listener)
{
    if (listener == NULL) {
        return;
    }
    /* Its threads sleep in poll for up to two seconds; this wakes them. */
    gh_intake_shut(listener->port);
    mg_stop(listener->civetweb);
    (void)mg_exit_library();
    gh_patience_stop(listener->patience);
    gh_waiting_room_free(listener->room);
    free(listener);
}

#include "tests/support/http_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "shared/core/bytes.h"
#include "shared/core/clock.h"

#define CONNECTIONS_MAX 64
#define REQUESTS_MAX 256
#define STEPS_MAX 64
#define REQUEST_BYTES_MAX ((size_t)8 * 1024 * 1024)

static const char NO_STEP[] = "HTTP/1.1 500 No Step\r\nContent-Length: 0\r\n\r\n";

typedef struct record {
    gh_buf bytes; /* head and body */
    size_t head_len;
    size_t connection;
} record;

typedef struct connection {
    gh_http_fixture *fixture;
    pthread_t thread;
    int fd;
    size_t number;
} connection;

struct gh_http_fixture {
    const gh_http_fixture_step *steps;
    size_t step_count;
    int listener;
    uint16_t port;
    pthread_t acceptor;
    pthread_mutex_t lock; /* for all below */
    bool stopping;
    bool hung_up;
    bool used[STEPS_MAX];
    connection connections[CONNECTIONS_MAX];
    size_t connection_count;
    record records[REQUESTS_MAX];
    size_t record_count;
};

static void nap(int ms)
{
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000L};
    (void)nanosleep(&pause, NULL);
}

static bool read_flag(gh_http_fixture *fixture, const bool *flag)
{
    (void)pthread_mutex_lock(&fixture->lock);
    bool set = *flag || fixture->stopping;
    (void)pthread_mutex_unlock(&fixture->lock);
    return set;
}

static bool is_stopping(gh_http_fixture *fixture)
{
    return read_flag(fixture, &fixture->stopping);
}

/* Tests that move the clock do so beside these threads, which therefore only look at it when they must. */
static void wait_unless(gh_http_fixture *fixture, const bool *flag, int ms)
{
    if (ms <= 0) {
        return;
    }
    gh_deadline deadline = gh_deadline_in(ms);
    while (!gh_deadline_passed(deadline) && !read_flag(fixture, flag)) {
        nap(gh_deadline_poll_ms(deadline, 5));
    }
}

static bool receive(int fd, gh_buf *bytes)
{
    char block[4096];
    ssize_t got = recv(fd, block, sizeof block, 0);
    return got > 0 && gh_buf_append(bytes, block, (size_t)got) == GH_OK;
}

/* The value of Content-Length in a head, or 0. */
static size_t content_length(gh_view head)
{
    gh_view rest = head;
    gh_view line;
    const gh_view name = GH_VIEW_LIT("Content-Length:");
    while (gh_view_next(&rest, '\n', &line)) {
        int64_t length = 0;
        if (gh_view_starts_with_nocase(line, name) &&
            gh_view_to_int64(gh_view_trim(gh_view_make(line.ptr + name.len, line.len - name.len)), 0,
                             (int64_t)REQUEST_BYTES_MAX, &length) == GH_OK) {
            return (size_t)length;
        }
    }
    return 0;
}

/* Reads one request into `pending`, which may hold bytes already; returns its lengths. */
static bool read_request(int fd, gh_buf *pending, size_t *head_len, size_t *len)
{
    const char *end = NULL;
    while ((end = strstr(gh_buf_cstr(pending), "\r\n\r\n")) == NULL) {
        if (!receive(fd, pending)) {
            return false;
        }
    }
    *head_len = (size_t)(end - pending->data) + 2;
    *len = *head_len + 2 + content_length(gh_view_make(pending->data, *head_len));
    while (pending->len < *len) {
        if (!receive(fd, pending)) {
            return false;
        }
    }
    return true;
}

/* A path that ends in '?' stands for every query. */
static bool path_matches(gh_view target, gh_view path)
{
    return gh_view_ends_with(path, GH_VIEW_LIT("?")) ? gh_view_starts_with(target, path)
                                                     : gh_view_eq(target, path);
}

/* "GET /path HTTP/1.1" */
static bool fits(const gh_http_fixture_step *step, gh_view head)
{
    gh_view rest = head;
    gh_view method;
    gh_view target;
    return gh_view_next(&rest, ' ', &method) && gh_view_next(&rest, ' ', &target) &&
           (step->method == NULL || gh_view_eq_cstr(method, step->method)) &&
           (step->path == NULL || path_matches(target, gh_view_of(step->path)));
}

/* Records the request and finds its step; NULL without one. */
static const gh_http_fixture_step *take(connection *conn, const gh_buf *pending, size_t head_len, size_t len)
{
    gh_http_fixture *fixture = conn->fixture;
    const gh_http_fixture_step *step = NULL;
    (void)pthread_mutex_lock(&fixture->lock);
    for (size_t i = 0; step == NULL && i < fixture->step_count; i++) {
        if (!fixture->used[i] && fits(&fixture->steps[i], gh_view_make(pending->data, head_len))) {
            fixture->used[i] = !fixture->steps[i].repeat;
            step = &fixture->steps[i];
        }
    }
    if (fixture->record_count < REQUESTS_MAX) {
        record *entry = &fixture->records[fixture->record_count++];
        gh_buf_init(&entry->bytes, REQUEST_BYTES_MAX);
        (void)gh_buf_append(&entry->bytes, pending->data, len);
        entry->head_len = head_len;
        entry->connection = conn->number;
    }
    (void)pthread_mutex_unlock(&fixture->lock);
    return step;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

static bool answer(connection *conn, const gh_http_fixture_step *step)
{
    if (step == NULL) {
        return send_all(conn->fd, NO_STEP, sizeof NO_STEP - 1);
    }
    wait_unless(conn->fixture, &conn->fixture->stopping, step->delay_ms);
    size_t len = step->reply == NULL ? 0 : strlen(step->reply);
    size_t piece = step->piece == 0 ? len : step->piece;
    for (size_t at = 0; at < len; at += piece) {
        if (at > 0) {
            while (!is_stopping(conn->fixture) && !gh_http_fixture_wait(conn->fixture, step->after, 20)) {
            }
            wait_unless(conn->fixture, &conn->fixture->stopping, step->piece_delay_ms);
        }
        if (!send_all(conn->fd, step->reply + at, len - at < piece ? len - at : piece)) {
            return false;
        }
    }
    wait_unless(conn->fixture, &conn->fixture->hung_up, step->stall_ms);
    return step->reply != NULL && !step->close;
}

static void *serve(void *context)
{
    connection *conn = context;
    gh_buf pending = GH_BUF_INIT(REQUEST_BYTES_MAX);
    size_t head_len = 0;
    size_t len = 0;
    bool open = true;
    while (open && read_request(conn->fd, &pending, &head_len, &len)) {
        const gh_http_fixture_step *step = take(conn, &pending, head_len, len);
        gh_buf_consume(&pending, len);
        open = answer(conn, step) && !is_stopping(conn->fixture);
    }
    (void)shutdown(conn->fd, SHUT_RDWR);
    gh_buf_free(&pending);
    return NULL;
}

static void *accept_all(void *context)
{
    gh_http_fixture *fixture = context;
    for (;;) {
        int fd = accept(fixture->listener, NULL, NULL);
        int on = 1;
        if (fd < 0) {
            return NULL;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        (void)pthread_mutex_lock(&fixture->lock);
        bool taken = false;
        if (!fixture->stopping && fixture->connection_count < CONNECTIONS_MAX) {
            connection *conn = &fixture->connections[fixture->connection_count];
            conn->fixture = fixture;
            conn->fd = fd;
            conn->number = fixture->connection_count;
            taken = pthread_create(&conn->thread, NULL, serve, conn) == 0;
            fixture->connection_count += taken ? 1U : 0U;
        }
        (void)pthread_mutex_unlock(&fixture->lock);
        if (!taken) {
            (void)close(fd);
        }
    }
}

static int bind_loopback(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        (void)close(fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

gh_http_fixture *gh_http_fixture_start(const gh_http_fixture_step *steps, size_t count)
{
    gh_http_fixture *fixture = calloc(1, sizeof *fixture);
    if (fixture == NULL || count > STEPS_MAX) {
        free(fixture);
        return NULL;
    }
    fixture->steps = steps;
    fixture->step_count = count;
    fixture->listener = bind_loopback(&fixture->port);
    (void)pthread_mutex_init(&fixture->lock, NULL);
    if (fixture->listener < 0 || listen(fixture->listener, CONNECTIONS_MAX) != 0 ||
        pthread_create(&fixture->acceptor, NULL, accept_all, fixture) != 0) {
        (void)close(fixture->listener);
        (void)pthread_mutex_destroy(&fixture->lock);
        free(fixture);
        return NULL;
    }
    return fixture;
}

void gh_http_fixture_stop(gh_http_fixture *fixture)
{
    if (fixture == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&fixture->lock);
    fixture->stopping = true;
    (void)pthread_mutex_unlock(&fixture->lock);
    (void)shutdown(fixture->listener, SHUT_RDWR);
    (void)pthread_join(fixture->acceptor, NULL);
    (void)close(fixture->listener);
    for (size_t i = 0; i < fixture->connection_count; i++) {
        (void)shutdown(fixture->connections[i].fd, SHUT_RDWR);
        (void)pthread_join(fixture->connections[i].thread, NULL);
        (void)close(fixture->connections[i].fd);
    }
    for (size_t i = 0; i < fixture->record_count; i++) {
        gh_buf_free(&fixture->records[i].bytes);
    }
    (void)pthread_mutex_destroy(&fixture->lock);
    free(fixture);
}

void gh_http_fixture_hang_up(gh_http_fixture *fixture)
{
    (void)pthread_mutex_lock(&fixture->lock);
    fixture->hung_up = true;
    (void)pthread_mutex_unlock(&fixture->lock);
}

uint16_t gh_http_fixture_port(const gh_http_fixture *fixture)
{
    return fixture->port;
}

void gh_http_fixture_url(const gh_http_fixture *fixture, const char *path, char out[GH_HTTP_FIXTURE_URL_MAX])
{
    (void)snprintf(out, GH_HTTP_FIXTURE_URL_MAX, "http://127.0.0.1:%u%s", (unsigned)fixture->port, path);
}

size_t gh_http_fixture_connections(gh_http_fixture *fixture)
{
    (void)pthread_mutex_lock(&fixture->lock);
    size_t count = fixture->connection_count;
    (void)pthread_mutex_unlock(&fixture->lock);
    return count;
}

size_t gh_http_fixture_requests(gh_http_fixture *fixture)
{
    (void)pthread_mutex_lock(&fixture->lock);
    size_t count = fixture->record_count;
    (void)pthread_mutex_unlock(&fixture->lock);
    return count;
}

bool gh_http_fixture_wait(gh_http_fixture *fixture, size_t count, int ms)
{
    gh_deadline deadline = gh_deadline_in(ms);
    while (gh_http_fixture_requests(fixture) < count && !gh_deadline_passed(deadline)) {
        nap(2);
    }
    return gh_http_fixture_requests(fixture) >= count;
}

static record record_at(gh_http_fixture *fixture, size_t request)
{
    record copy = {GH_BUF_INIT(0), 0, 0};
    (void)pthread_mutex_lock(&fixture->lock);
    if (request < fixture->record_count) {
        copy = fixture->records[request];
    }
    (void)pthread_mutex_unlock(&fixture->lock);
    return copy;
}

gh_view gh_http_fixture_head(gh_http_fixture *fixture, size_t request)
{
    record entry = record_at(fixture, request);
    return gh_view_make(entry.bytes.data, entry.head_len);
}

gh_view gh_http_fixture_body(gh_http_fixture *fixture, size_t request)
{
    record entry = record_at(fixture, request);
    size_t start = entry.head_len + 2;
    return entry.bytes.len <= start ? GH_VIEW_LIT("")
                                    : gh_view_make(entry.bytes.data + start, entry.bytes.len - start);
}

size_t gh_http_fixture_connection_of(gh_http_fixture *fixture, size_t request)
{
    return record_at(fixture, request).connection;
}

bool gh_http_fixture_has_line(gh_http_fixture *fixture, size_t request, const char *line)
{
    gh_view rest = gh_http_fixture_head(fixture, request);
    gh_view part;
    while (rest.len > 0 && gh_view_next(&rest, '\n', &part)) {
        if (part.len > 0 && gh_view_eq_cstr(gh_view_make(part.ptr, part.len - 1), line)) {
            return true;
        }
    }
    return false;
}

uint16_t gh_http_fixture_free_port(void)
{
    uint16_t port = 0;
    int fd = bind_loopback(&port);
    if (fd >= 0) {
        (void)close(fd);
    }
    return port;
}

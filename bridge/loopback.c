#include "bridge/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bridge/end_page.h"
#include "shared/core/bytes.h"
#include "shared/core/clock.h"
#include "shared/core/secret.h"
#include "shared/core/text.h"

enum {
    CONNECTIONS_MAX = 16,
    HEAD_MAX = 16384,
    CONNECTION_MS = 10000,
    FINISH_MS = 500,
    DRAIN_MAX = 256 * 1024
};

#define CALLBACK_PATH "/callback"
#define PATH_ROOM 128

typedef struct connection {
    gh_loopback *owner;
    int fd; /* -1 when the slot is free */
    gh_loop_watch *watch;
    gh_loop_timer *timer;
    gh_buf head;
    uint64_t number; /* the smallest is the oldest */
    bool held;       /* waits for gh_loopback_finish */
} connection;

struct gh_loopback {
    gh_loop *loop;
    int fd;
    gh_loop_watch *watch;
    gh_loopback_handler handler;
    void *context;
    char host[64]; /* "127.0.0.1:4455", what the Host header must say */
    char path[PATH_ROOM];
    char redirect_uri[80 + PATH_ROOM];
    uint64_t accepted;
    connection connections[CONNECTIONS_MAX];
};

/* Closing a socket with unread bytes resets the connection, and the peer may lose the page. */
static void drain(int fd)
{
    char chunk[4096];
    size_t total = 0;
    ssize_t got = 0;
    do {
        got = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT);
        total += got > 0 ? (size_t)got : 0;
    } while (got > 0 && total < DRAIN_MAX);
}

static void connection_close(connection *peer)
{
    if (peer->fd < 0) {
        return;
    }
    gh_loop_watch_remove(peer->watch);
    gh_loop_timer_remove(peer->timer);
    (void)shutdown(peer->fd, SHUT_WR);
    drain(peer->fd);
    (void)close(peer->fd);
    gh_buf_wipe_free(&peer->head); /* it may hold an authorization code */
    gh_loopback *owner = peer->owner;
    *peer = (connection){.owner = owner, .fd = -1};
}

static void connection_expired(void *context)
{
    connection *peer = context;
    peer->timer = NULL;
    connection_close(peer);
}

/* Writes all of `text`, waiting at most FINISH_MS; a peer that does not read loses its page. */
static void send_all(int fd, gh_view text)
{
    gh_deadline deadline = gh_deadline_in(FINISH_MS);
    while (text.len > 0 && !gh_deadline_passed(deadline)) {
        ssize_t sent = send(fd, text.ptr, text.len, MSG_NOSIGNAL);
        if (sent > 0) {
            text.ptr += sent;
            text.len -= (size_t)sent;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return;
        }
        struct pollfd wait = {fd, POLLOUT, 0};
        (void)poll(&wait, 1, gh_deadline_poll_ms(deadline, FINISH_MS));
    }
}

static void respond(connection *peer, int status, bool success, const char *message)
{
    gh_buf page = GH_BUF_INIT(64 * 1024);
    if (gh_end_page_write(&page, status, success, message) == GH_OK) {
        send_all(peer->fd, gh_buf_view(&page));
    }
    gh_buf_free(&page);
    connection_close(peer);
}

/* Cuts the line at the front of *rest; false without a CRLF. */
static bool next_line(gh_view *rest, gh_view *line)
{
    const char *end = memmem(rest->ptr, rest->len, "\r\n", 2);
    if (end == NULL) {
        return false;
    }
    *line = gh_view_make(rest->ptr, (size_t)(end - rest->ptr));
    rest->len -= line->len + 2;
    rest->ptr = end + 2;
    return true;
}

/* Exactly one Host header, and it is ours: a page elsewhere whose name was rebound to this address
 * cannot feed the listener. */
static bool host_is_ours(const gh_loopback *loopback, gh_view headers)
{
    gh_view line;
    size_t seen = 0;
    bool right = false;
    while (next_line(&headers, &line) && line.len > 0) {
        size_t colon = gh_view_find(line, ':');
        if (!gh_view_eq_nocase(gh_view_make(line.ptr, colon), GH_VIEW_LIT("host")) || colon == line.len) {
            continue;
        }
        gh_view value = gh_view_trim(gh_view_make(line.ptr + colon + 1, line.len - colon - 1));
        right = gh_view_eq_cstr(value, loopback->host);
        seen++;
    }
    return seen == 1 && right;
}

static void dispatch(connection *peer, gh_view query)
{
    gh_form *form = NULL;
    if (gh_form_parse(query, &form, NULL) != GH_OK || gh_form_has_duplicate(form, NULL)) {
        gh_form_free(form);
        respond(peer, 400, false,
                "This address was called with a query that makes no sense. The sign-in is still waiting.");
        return;
    }
    gh_loopback *owner = peer->owner;
    peer->held = true;
    /* How long a held one waits is the handler's affair. */
    gh_loop_timer_remove(peer->timer);
    peer->timer = NULL;
    gh_loopback_verdict verdict = owner->handler(owner->context, form);
    gh_form_free(form);
    if (verdict == GH_LOOPBACK_REFUSE) {
        peer->held = false;
        respond(peer, 400, false,
                "This does not belong to the sign-in that is waiting. Use the page that was opened last.");
    }
}

static void handle_head(connection *peer)
{
    gh_view rest = gh_buf_view(&peer->head);
    gh_view line;
    gh_view method;
    gh_view target;
    if (!next_line(&rest, &line) || !gh_view_next(&line, ' ', &method) ||
        !gh_view_next(&line, ' ', &target) ||
        !(gh_view_eq_cstr(line, "HTTP/1.1") || gh_view_eq_cstr(line, "HTTP/1.0"))) {
        respond(peer, 400, false, "That was not an HTTP request.");
        return;
    }
    size_t mark = gh_view_find(target, '?');
    gh_view path = gh_view_make(target.ptr, mark);
    gh_view query =
        mark < target.len ? gh_view_make(target.ptr + mark + 1, target.len - mark - 1) : gh_view_make("", 0);
    if (!host_is_ours(peer->owner, rest)) {
        respond(peer, 400, false, "This request was meant for another host.");
    } else if (!gh_view_eq_cstr(path, peer->owner->path)) {
        respond(peer, 400, false, "There is nothing at this address. The sign-in is still waiting.");
    } else if (!gh_view_eq_cstr(method, "GET")) {
        respond(peer, 400, false, "Only a browser's GET is understood here. The sign-in is still waiting.");
    } else {
        dispatch(peer, query);
    }
}

static void connection_ready(void *context, int fd, short revents)
{
    connection *peer = context;
    char chunk[4096];
    (void)revents;
    ssize_t got = recv(fd, chunk, sizeof(chunk), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got == 0 && peer->held) {
        gh_loop_watch_set(peer->watch, 0); /* it may have closed its sending side only */
        return;
    }
    if (got <= 0) {
        connection_close(peer);
        return;
    }
    if (peer->held) {
        return; /* one request a connection */
    }
    gh_status status = gh_buf_append(&peer->head, chunk, (size_t)got);
    gh_wipe(chunk, sizeof(chunk));
    if (status != GH_OK) {
        respond(peer, 431, false, "That request was too large.");
        return;
    }
    gh_view head = gh_buf_view(&peer->head);
    if (memmem(head.ptr, head.len, "\r\n\r\n", 4) != NULL) {
        handle_head(peer);
    }
}

/* A free slot, made by closing the oldest connection that holds no answer: whoever keeps all of them busy
 * cannot keep the browser out. NULL when all are held. */
static connection *free_slot(gh_loopback *loopback)
{
    connection *oldest = NULL;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        connection *peer = &loopback->connections[i];
        if (peer->fd < 0) {
            return peer;
        }
        if (!peer->held && (oldest == NULL || peer->number < oldest->number)) {
            oldest = peer;
        }
    }
    if (oldest != NULL) {
        connection_close(oldest);
    }
    return oldest;
}

static void accept_ready(void *context, int fd, short revents)
{
    gh_loopback *loopback = context;
    (void)revents;
    int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted < 0) {
        return;
    }
    connection *peer = free_slot(loopback);
    if (peer == NULL) {
        (void)close(accepted);
        return;
    }
    peer->fd = accepted;
    peer->number = loopback->accepted++;
    gh_buf_init(&peer->head, HEAD_MAX);
    if (gh_buf_reserve(&peer->head, HEAD_MAX) != GH_OK ||
        gh_loop_watch_add(loopback->loop, accepted, POLLIN, connection_ready, peer, &peer->watch) != GH_OK ||
        gh_loop_timer_add(loopback->loop, CONNECTION_MS, connection_expired, peer, &peer->timer) != GH_OK) {
        connection_close(peer);
    }
}

/* Binds 127.0.0.1, or [::1] where the machine has no IPv4. Never any other address. */
static int bind_loopback(uint16_t port, bool ipv6, struct sockaddr_storage *bound)
{
    int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    struct sockaddr_in v4 = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 v6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const struct sockaddr *address = ipv6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
    socklen_t length = ipv6 ? sizeof(v6) : sizeof(v4);
    socklen_t bound_length = sizeof(*bound);
    int on = 1;
    /* For connections of an earlier sign-in that are in TIME_WAIT; no second listener gets in by it. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, address, length) != 0 || listen(fd, CONNECTIONS_MAX) != 0 ||
        getsockname(fd, (struct sockaddr *)bound, &bound_length) != 0) {
        int cause = errno;
        (void)close(fd);
        errno = cause;
        return -1;
    }
    return fd;
}

/* What stands for the bound address in the redirect. */
static const char *shown_host(const gh_loopback_address *address, bool ipv6)
{
    return address->host != NULL && strcmp(address->host, "localhost") == 0 ? "localhost"
           : ipv6                                                           ? "[::1]"
                                                                            : "127.0.0.1";
}

static gh_status open_port(gh_loopback *loopback, const gh_loopback_address *address, gh_error *error)
{
    struct sockaddr_storage bound;
    memset(&bound, 0, sizeof(bound));
    bool ipv6 = address->host != NULL && strcmp(address->host, "::1") == 0;
    loopback->fd = bind_loopback(address->port, ipv6, &bound);
    if (loopback->fd < 0 && address->host == NULL && errno != EADDRINUSE && errno != EACCES) {
        ipv6 = true;
        loopback->fd = bind_loopback(address->port, true, &bound);
    }
    if (loopback->fd < 0) {
        if (errno == EADDRINUSE) {
            return gh_error_set(
                error, GH_ERR_CONFLICT,
                "port %u is in use; choose another --callback-port, or leave it out for a free one",
                (unsigned)address->port);
        }
        return gh_error_set(error, GH_ERR_IO, "cannot listen on the loopback interface: %s", strerror(errno));
    }
    unsigned actual = ipv6 ? ntohs(((struct sockaddr_in6 *)&bound)->sin6_port)
                           : ntohs(((struct sockaddr_in *)&bound)->sin_port);
    (void)snprintf(loopback->host, sizeof(loopback->host), "%s:%u", shown_host(address, ipv6), actual);
    (void)snprintf(loopback->path, sizeof(loopback->path), "%s",
                   address->path != NULL ? address->path : CALLBACK_PATH);
    (void)snprintf(loopback->redirect_uri, sizeof(loopback->redirect_uri), "http://%s%s", loopback->host,
                   loopback->path);
    return GH_OK;
}

gh_status gh_loopback_new(gh_loop *loop, uint16_t port, gh_loopback_handler handler, void *context,
                          gh_loopback **loopback, gh_error *error)
{
    return gh_loopback_new_at(loop, &(gh_loopback_address){.port = port}, handler, context, loopback, error);
}

gh_status gh_loopback_new_at(gh_loop *loop, const gh_loopback_address *address, gh_loopback_handler handler,
                             void *context, gh_loopback **loopback, gh_error *error)
{
    gh_loopback *opened = calloc(1, sizeof(*opened));
    if (opened == NULL) {
        return gh_error_set(error, GH_ERR_NOMEM, "out of memory");
    }
    opened->loop = loop;
    opened->fd = -1;
    opened->handler = handler;
    opened->context = context;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        opened->connections[i] = (connection){.owner = opened, .fd = -1};
    }
    gh_status status = open_port(opened, address, error);
    if (status == GH_OK) {
        status = gh_loop_watch_add(loop, opened->fd, POLLIN, accept_ready, opened, &opened->watch);
        if (status != GH_OK) {
            (void)gh_error_set(error, status, "cannot watch the loopback listener");
        }
    }
    if (status != GH_OK) {
        gh_loopback_free(opened);
        return status;
    }
    *loopback = opened;
    return GH_OK;
}

void gh_loopback_free(gh_loopback *loopback)
{
    if (loopback == NULL) {
        return;
    }
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        connection_close(&loopback->connections[i]);
    }
    gh_loop_watch_remove(loopback->watch);
    if (loopback->fd >= 0) {
        (void)close(loopback->fd);
    }
    free(loopback);
}

const char *gh_loopback_redirect_uri(const gh_loopback *loopback)
{
    return loopback->redirect_uri;
}

void gh_loopback_finish(gh_loopback *loopback, bool success, const char *message)
{
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        connection *peer = &loopback->connections[i];
        if (peer->fd >= 0 && peer->held) {
            respond(peer, success ? 200 : 400, success, message);
        }
    }
}

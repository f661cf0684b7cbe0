#include "server/http/waiting_room.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/core/clock.h"
#include "shared/core/sparse.h"

#define PORTS 65536U
#define PEEK 4096 /* what is longer is taken for a request once so much of it is there */

typedef struct visitor {
    int64_t since; /* monotonic ms */
    uint16_t peer_port;
    bool settled; /* a request is there, or it was shut */
} visitor;

struct gh_waiting_room {
    uint16_t port;
    size_t size;
    uint8_t served[PORTS / 8];
    visitor visitors[]; /* by descriptor */
};

static size_t size_for(size_t descriptors)
{
    return sizeof(gh_waiting_room) + descriptors * sizeof(visitor);
}

gh_waiting_room *gh_waiting_room_new(uint16_t port, size_t descriptors)
{
    gh_waiting_room *room = gh_sparse_new(1, size_for(descriptors));
    if (room != NULL) {
        room->port = port;
        room->size = descriptors;
    }
    return room;
}

void gh_waiting_room_free(gh_waiting_room *room)
{
    if (room != NULL) {
        gh_sparse_free(room, 1, size_for(room->size));
    }
}

void gh_waiting_room_served(gh_waiting_room *room, uint16_t peer_port)
{
    room->served[peer_port / 8] = (uint8_t)(room->served[peer_port / 8] | (1U << (peer_port % 8)));
}

static bool is_served(const gh_waiting_room *room, uint16_t peer_port)
{
    return (room->served[peer_port / 8] & (1U << (peer_port % 8))) != 0;
}

/* In host order; 0 for what is no TCP socket of either family, or not connected. */
static uint16_t port_of(int fd, int (*name)(int fd, struct sockaddr *address, socklen_t *length))
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (name(fd, (struct sockaddr *)&address, &length) != 0) {
        return 0;
    }
    if (address.ss_family == AF_INET) {
        return ntohs(((const struct sockaddr_in *)(const void *)&address)->sin_port);
    }
    return address.ss_family == AF_INET6
               ? ntohs(((const struct sockaddr_in6 *)(const void *)&address)->sin6_port)
               : 0;
}

static uint16_t peer_port_of(int fd)
{
    return port_of(fd, getpeername);
}

static uint16_t local_port_of(int fd)
{
    return port_of(fd, getsockname);
}

/* Whether the body behind the head, which ends at `body`, has come whole. Only a guess that is right for
 * decent requests: what the head really means is found out by the worker. */
static bool has_body(const char *head, const char *body, size_t got)
{
    static const char length_name[] = "\r\nContent-Length:";
    const char *length = strcasestr(head, length_name);
    if (length != NULL && length < body) {
        unsigned long long announced = strtoull(length + strlen(length_name), NULL, 10);
        return (size_t)(body - head) + announced <= got;
    }
    const char *chunked = strcasestr(head, "\r\nTransfer-Encoding:");
    return chunked == NULL || chunked >= body || strstr(body - 2, "\r\n0\r\n") != NULL;
}

static bool has_request(int fd)
{
    char bytes[PEEK + 1];
    ssize_t got = recv(fd, bytes, PEEK, MSG_PEEK | MSG_DONTWAIT);
    if (got <= 0 || got == PEEK) {
        return got > 0;
    }
    bytes[got] = '\0';
    const char *end = strstr(bytes, "\r\n\r\n");
    return end != NULL && has_body(bytes, end + 4, (size_t)got);
}

/* By a descriptor of its own, which nobody else closes and opens again meanwhile; false without one. */
static bool shut_if_idle(int fd, uint16_t peer_port)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own >= 0 && peer_port_of(own) == peer_port && !has_request(own)) {
        (void)shutdown(own, SHUT_RD);
    }
    if (own >= 0) {
        (void)close(own);
    }
    return own >= 0;
}

static void look_at(gh_waiting_room *room, int fd, int64_t now)
{
    visitor *one = &room->visitors[fd];
    uint16_t peer_port = peer_port_of(fd);
    if (peer_port == 0 || is_served(room, peer_port)) {
        *one = (visitor){0};
        return;
    }
    if (one->peer_port != peer_port) {
        bool settled = local_port_of(fd) != room->port;
        *one = (visitor){.since = now, .peer_port = peer_port, .settled = settled};
        return;
    }
    if (!one->settled && now - one->since >= GH_PATIENCE_MS) {
        one->settled = shut_if_idle(fd, peer_port);
    }
}

void gh_waiting_room_look(gh_waiting_room *room)
{
    int64_t now = gh_clock_mono_ms();
    for (size_t fd = 0; fd < room->size; fd++) {
        look_at(room, (int)fd, now);
    }
    memset(room->served, 0, sizeof room->served);
}

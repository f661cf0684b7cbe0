/* The sockets of this process, found by their addresses: the HTTP library has no way to reach a connection's
 * descriptor. Each look goes over every descriptor of the process. Thread-safe; a descriptor stays what it is
 * for as long as whoever owns it cannot close it. */
#ifndef GH_SERVER_HTTP_SOCKETS_H
#define GH_SERVER_HTTP_SOCKETS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/core/text.h"

typedef struct gh_endpoint {
    char host[INET6_ADDRSTRLEN];
    uint16_t port;
} gh_endpoint;

/* What a connection of clients is known by. Its peer alone may be that of a connection to another port of
 * this process, or of one that this process made. */
typedef struct gh_socket_name {
    gh_view host; /* the peer's */
    uint16_t port;
    uint16_t local_port; /* where it came to */
} gh_socket_name;

/* Calls `visit` for every descriptor, sockets or not. Takes milliseconds where the process may open no more,
 * however high its limit. */
void gh_sockets_each(void (*visit)(void *context, int fd), void *context);

/* False for what is no TCP socket, and for the peer when there is none. */
bool gh_sockets_peer(int fd, gh_endpoint *peer);
bool gh_sockets_local(int fd, gh_endpoint *local);
/* `peer` is that of `fd`, and most are somebody else's: only where it fits is the other end looked at. A
 * link-local address may name its interface, which is none of the socket's. */
bool gh_socket_is_called(int fd, const gh_endpoint *peer, const gh_socket_name *name);
bool gh_sockets_is_listening(int fd);

/* --- of a listening one --- */
/* Connections that wait to be accepted. */
size_t gh_sockets_queued(int fd);
/* From now on nobody begins to connect: the kernel drops that, and who tries waits without an answer. Who has
 * begun may still get among these. False where the system keeps filters to itself: then only one at a time
 * gets among them. */
bool gh_sockets_bolt(int fd);

/* --- of a connection --- */
/* Its peer has had bytes from us. */
bool gh_sockets_was_answered(int fd);

#endif

/* Listening addresses: what --listen says, and holding them. A reservation belongs to one thread. */
#ifndef GH_SERVER_HTTP_ADDRESS_H
#define GH_SERVER_HTTP_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/core/status.h"

#define GH_ADDRESS_HOST_MAX 64

typedef struct gh_address {
    char host[GH_ADDRESS_HOST_MAX]; /* "localhost", "127.0.0.1", "::1" (no brackets) */
    uint16_t port;                  /* 0: any free one */
} gh_address;

/* "HOST:PORT", "[IPV6]:PORT" or "PORT" (of localhost). HOST is `localhost` or an address. */
GH_MUST_USE gh_status gh_address_parse(const char *text, gh_address *address, gh_error *error);

/* The port of an address, held before the server listens: the public URL needs it, and whoever else wants it
 * is refused.
 *
 * `localhost` and 127.0.0.1 come with [::1] on the same port where IPv6 exists, because clients resolve
 * `localhost` to both and another user of the machine must not get half of them. If the HTTP library has no
 * IPv6, the socket stays bound without listening: a client that tries [::1] first is refused at once and
 * goes on to 127.0.0.1. */
typedef struct gh_reservation {
    gh_address address; /* with the real port */
    bool serve_ipv4, serve_ipv6;
    int ipv4, ipv6; /* descriptors, or -1 */
} gh_reservation;

/* `library_has_ipv6`: gh_listener_has_ipv6. The error is a sentence with a remedy. */
GH_MUST_USE gh_status gh_reservation_take(const gh_address *address, bool library_has_ipv6,
                                          gh_reservation *reservation, gh_error *error);
/* The server listens now: lets go of what it took over. */
void gh_reservation_settle(gh_reservation *reservation);
void gh_reservation_release(gh_reservation *reservation);
/* The addresses as civetweb wants them: "127.0.0.1:8080,[::1]:8080". */
#define GH_RESERVATION_PORTS_MAX 160
void gh_reservation_write_ports(const gh_reservation *reservation, char out[GH_RESERVATION_PORTS_MAX]);

#endif

#include "server/http/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/core/text.h"

#define PORT_ATTEMPTS 20

gh_status gh_address_parse(const char *text, gh_address *address, gh_error *error)
{
    gh_view all = gh_view_of(text);
    gh_view host = GH_VIEW_LIT("localhost");
    gh_view port = all;
    int64_t number;
    size_t colon = all.len;
    while (colon > 0 && all.ptr[colon - 1] != ':') {
        colon--;
    }
    if (colon > 0) {
        host = gh_view_make(all.ptr, colon - 1);
        port = gh_view_make(all.ptr + colon, all.len - colon);
    }
    bool bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (bracketed) {
        host = gh_view_make(host.ptr + 1, host.len - 2);
    }
    bool has_colon = gh_view_find(host, ':') < host.len;
    if (host.len == 0 || host.len >= sizeof address->host || has_colon != bracketed ||
        gh_view_to_int64(port, 0, INT64_MAX, &number) != GH_OK) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "\"%s\" is not HOST:PORT; write it like 127.0.0.1:8080 or localhost:8080.", text);
    }
    if (number > UINT16_MAX) {
        return gh_error_set(error, GH_ERR_INVALID,
                            "There is no port %" PRId64 ": ports go from 1 to %d, and 0 takes a free one.",
                            number, UINT16_MAX);
    }
    memcpy(address->host, host.ptr, host.len);
    address->host[host.len] = '\0';
    address->port = (uint16_t)number;
    return GH_OK;
}

static int bind_ipv4(const struct in_addr *host, uint16_t *port)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port), .sin_addr = *host};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    /* As the HTTP library will bind it, so that the two can overlap for a moment. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        int cause = errno;
        (void)close(fd);
        errno = cause;
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static int bind_ipv6_loopback(uint16_t *port, bool shared)
{
    int on = 1;
    struct sockaddr_in6 address = {
        .sin6_family = AF_INET6, .sin6_port = htons(*port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (shared) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        int cause = errno;
        (void)close(fd);
        errno = cause;
        return -1;
    }
    *port = ntohs(address.sin6_port);
    return fd;
}

static gh_status explain(const char *host, uint16_t port, int cause, gh_error *error)
{
    if (cause == EADDRINUSE) {
        return gh_error_set(error, GH_ERR_CONFLICT,
                            "Another program already uses %s port %u. Stop it, or choose another port with "
                            "--listen, for example --listen localhost:%u.",
                            host, (unsigned)port, port < 65535 ? port + 1U : 8080U);
    }
    if (cause == EACCES) {
        return gh_error_set(error, GH_ERR_DENIED,
                            "This user may not listen on %s port %u. Choose a port above 1023 with --listen.",
                            host, (unsigned)port);
    }
    if (cause == EADDRNOTAVAIL || cause == EAFNOSUPPORT) {
        return gh_error_set(error, GH_ERR_UNAVAILABLE,
                            "This machine has no address %s. Use --listen localhost:%u.", host,
                            (unsigned)port);
    }
    return gh_error_set(error, GH_ERR_IO, "Cannot listen on %s port %u: %s.", host, (unsigned)port,
                        strerror(cause));
}

static gh_status take_ipv6(bool library_has_ipv6, gh_reservation *made, gh_error *error)
{
    if (!library_has_ipv6) {
        return gh_error_set(error, GH_ERR_UNSUPPORTED,
                            "The civetweb library of this system has no IPv6. Use --listen 127.0.0.1:%u.",
                            (unsigned)made->address.port);
    }
    made->ipv6 = bind_ipv6_loopback(&made->address.port, true);
    made->serve_ipv6 = made->ipv6 >= 0;
    return made->ipv6 >= 0 ? GH_OK : explain("[::1]", made->address.port, errno, error);
}

/* GH_ERR_CONFLICT when [::1] is somebody else's. */
static gh_status take_both(const struct in_addr *host, const char *name, bool twin, bool library_has_ipv6,
                           gh_reservation *made, gh_error *error)
{
    made->ipv4 = bind_ipv4(host, &made->address.port);
    if (made->ipv4 < 0) {
        return explain(name, made->address.port, errno, error);
    }
    made->serve_ipv4 = true;
    if (!twin) {
        return GH_OK;
    }
    made->ipv6 = bind_ipv6_loopback(&made->address.port, library_has_ipv6);
    if (made->ipv6 >= 0) {
        made->serve_ipv6 = library_has_ipv6;
        return GH_OK;
    }
    bool no_ipv6 = errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL || errno == EPROTONOSUPPORT;
    return no_ipv6 ? GH_OK : explain("[::1]", made->address.port, errno, error);
}

gh_status gh_reservation_take(const gh_address *address, bool library_has_ipv6, gh_reservation *reservation,
                              gh_error *error)
{
    struct in_addr host;
    gh_status status = GH_ERR_INVALID;
    const char *name = strcmp(address->host, "localhost") == 0 ? "127.0.0.1" : address->host;
    bool twin = strcmp(name, "127.0.0.1") == 0;
    for (int attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
        *reservation = (gh_reservation){.address = *address, .ipv4 = -1, .ipv6 = -1};
        if (strcmp(name, "::1") == 0) {
            status = take_ipv6(library_has_ipv6, reservation, error);
        } else if (inet_pton(AF_INET, name, &host) == 1) {
            status = take_both(&host, name, twin, library_has_ipv6, reservation, error);
        } else {
            status = gh_error_set(error, GH_ERR_INVALID,
                                  "\"%s\" is not an address of this machine. Use --listen localhost:%u.",
                                  address->host, (unsigned)address->port);
        }
        if (status == GH_OK) {
            return GH_OK;
        }
        gh_reservation_release(reservation);
        if (status != GH_ERR_CONFLICT || address->port != 0) {
            break;
        }
    }
    return status;
}

static void drop(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

void gh_reservation_settle(gh_reservation *reservation)
{
    drop(&reservation->ipv4);
    if (reservation->serve_ipv6) {
        drop(&reservation->ipv6);
    }
}

void gh_reservation_release(gh_reservation *reservation)
{
    drop(&reservation->ipv4);
    drop(&reservation->ipv6);
}

void gh_reservation_write_ports(const gh_reservation *reservation, char out[GH_RESERVATION_PORTS_MAX])
{
    const char *host =
        strcmp(reservation->address.host, "localhost") == 0 ? "127.0.0.1" : reservation->address.host;
    unsigned port = reservation->address.port;
    if (reservation->serve_ipv4 && reservation->serve_ipv6) {
        (void)snprintf(out, GH_RESERVATION_PORTS_MAX, "%s:%u,[::1]:%u", host, port, port);
    } else if (reservation->serve_ipv6) {
        (void)snprintf(out, GH_RESERVATION_PORTS_MAX, "[::1]:%u", port);
    } else {
        (void)snprintf(out, GH_RESERVATION_PORTS_MAX, "%s:%u", host, port);
    }
}

/* A TCP connection of this process with itself, for what finds sockets by their addresses. */
#ifndef GH_TESTS_SUPPORT_TCP_PAIR_H
#define GH_TESTS_SUPPORT_TCP_PAIR_H

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/http/sockets.h"

typedef struct tcp_pair {
    int served; /* the accepted end */
    int peer;
    gh_socket_name name; /* of the accepted end */
} tcp_pair;

/* Listens on a free port of 127.0.0.1. */
static inline int tcp_listen(int backlog, struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(listening, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(bind(listening, (struct sockaddr *)address, sizeof *address), 0);
    ck_assert_int_eq(listen(listening, backlog), 0);
    ck_assert_int_eq(getsockname(listening, (struct sockaddr *)address, &length), 0);
    return listening;
}

static inline int tcp_connect(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)to, sizeof *to), 0);
    return fd;
}

static inline tcp_pair tcp_pair_open(void)
{
    struct sockaddr_in local;
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    int listening = tcp_listen(1, &local);
    tcp_pair pair = {.peer = tcp_connect(&local)};
    pair.served = accept(listening, (struct sockaddr *)&from, &length);
    ck_assert_int_ge(pair.served, 0);
    pair.name = (gh_socket_name){GH_VIEW_LIT("127.0.0.1"), ntohs(from.sin_port), ntohs(local.sin_port)};
    (void)close(listening);
    return pair;
}

static inline void tcp_pair_close(const tcp_pair *pair)
{
    (void)close(pair->served);
    (void)close(pair->peer);
}

#endif

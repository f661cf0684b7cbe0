/* Finding sockets, also where the process may open nothing more. */
#include "server/http/sockets.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "tests/support/suite.h"
#include "tests/support/tcp_pair.h"

typedef struct finding {
    uint16_t port; /* of the peer */
    int fd;
    size_t found;
} finding;

static void match(void *context, int fd)
{
    finding *wanted = context;
    gh_endpoint peer;
    /* The limit may be a thousand million: numbers that are none would take minutes. */
    ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
    if (gh_sockets_peer(fd, &peer) && peer.port == wanted->port) {
        wanted->fd = fd;
        wanted->found++;
    }
}

START_TEST(each_socket_is_found_once)
{
    tcp_pair pair = tcp_pair_open();
    finding wanted = {.port = pair.name.port, .fd = -1};
    gh_sockets_each(match, &wanted);
    ck_assert_uint_eq(wanted.found, 1);
    ck_assert_int_eq(wanted.fd, pair.served);
}
END_TEST

START_TEST(they_are_found_when_no_descriptor_is_left)
{
    struct rlimit before;
    tcp_pair pair = tcp_pair_open();
    finding wanted = {.port = pair.name.port, .fd = -1};
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit limit = {.rlim_cur = 100, .rlim_max = before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (dup(STDERR_FILENO) >= 0) {
    }
    ck_assert_ptr_null(opendir("/proc/self/fd"));
    gh_sockets_each(match, &wanted);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0); /* a sanitizer looks around at the end */
    ck_assert_uint_eq(wanted.found, 1);
    ck_assert_int_eq(wanted.fd, pair.served);
}
END_TEST

/* The peer's host and port may be those of a connection that this process made. */
START_TEST(a_connection_is_known_by_its_peer_and_where_it_came_to)
{
    tcp_pair pair = tcp_pair_open();
    gh_endpoint peer;
    ck_assert(gh_sockets_peer(pair.served, &peer));
    ck_assert(gh_socket_is_called(pair.served, &peer, &pair.name));
    gh_socket_name other = pair.name;
    other.host = GH_VIEW_LIT("127.0.0.1%lo");
    ck_assert(gh_socket_is_called(pair.served, &peer, &other));
    other.host = GH_VIEW_LIT("127.0.0.2");
    ck_assert(!gh_socket_is_called(pair.served, &peer, &other));
    other = pair.name;
    other.local_port++;
    ck_assert(!gh_socket_is_called(pair.served, &peer, &other));
    other = pair.name;
    other.port++;
    ck_assert(!gh_socket_is_called(pair.served, &peer, &other));
    ck_assert(gh_sockets_peer(pair.peer, &peer));
    ck_assert(!gh_socket_is_called(pair.peer, &peer, &pair.name));
    ck_assert(!gh_sockets_peer(STDERR_FILENO, &peer));
    tcp_pair_close(&pair);
}
END_TEST

START_TEST(a_listening_one_is_told_from_a_connection)
{
    struct sockaddr_in address;
    int listening = tcp_listen(1, &address);
    tcp_pair pair = tcp_pair_open();
    ck_assert(gh_sockets_is_listening(listening));
    ck_assert(!gh_sockets_is_listening(pair.served));
    tcp_pair_close(&pair);
    (void)close(listening);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sockets");
    TCase *cases = tcase_create("all");
    tcase_add_test(cases, each_socket_is_found_once);
    tcase_add_test(cases, they_are_found_when_no_descriptor_is_left);
    tcase_add_test(cases, a_connection_is_known_by_its_peer_and_where_it_came_to);
    tcase_add_test(cases, a_listening_one_is_told_from_a_connection);
    suite_add_tcase(suite, cases);
    return gh_suite_run(suite);
}

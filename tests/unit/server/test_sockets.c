/* Finding sockets, also where the process may open nothing more. */
#include "server/http/sockets.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/suite.h"

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

/* A connection; returns the accepted end, and where the other one has its port. */
static int connect_pair(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listening, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(listening, 1), 0);
    ck_assert_int_eq(getsockname(listening, (struct sockaddr *)&address, &length), 0);
    ck_assert_int_eq(connect(peer, (struct sockaddr *)&address, sizeof address), 0);
    length = sizeof address;
    int served = accept(listening, (struct sockaddr *)&address, &length);
    ck_assert_int_ge(served, 0);
    ck_assert(gh_sockets_is_listening(listening) && !gh_sockets_is_listening(served));
    *port = ntohs(address.sin_port);
    return served;
}

START_TEST(each_socket_is_found_once)
{
    finding wanted = {.fd = -1};
    int served = connect_pair(&wanted.port);
    gh_sockets_each(match, &wanted);
    ck_assert_uint_eq(wanted.found, 1);
    ck_assert_int_eq(wanted.fd, served);
}
END_TEST

START_TEST(they_are_found_when_no_descriptor_is_left)
{
    struct rlimit before;
    finding wanted = {.fd = -1};
    int served = connect_pair(&wanted.port);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit limit = {.rlim_cur = 100, .rlim_max = before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (dup(STDERR_FILENO) >= 0) {
    }
    ck_assert_ptr_null(opendir("/proc/self/fd"));
    gh_sockets_each(match, &wanted);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0); /* a sanitizer looks around at the end */
    ck_assert_uint_eq(wanted.found, 1);
    ck_assert_int_eq(wanted.fd, served);
}
END_TEST

/* The peer's host and port may be those of a connection that this process made. */
START_TEST(a_connection_is_known_by_its_peer_and_where_it_came_to)
{
    uint16_t port = 0;
    int served = connect_pair(&port);
    gh_socket_ends ends;
    ck_assert(gh_sockets_ends(served, &ends));
    gh_socket_name name = {GH_VIEW_LIT("127.0.0.1"), port, ends.local.port};
    ck_assert(gh_socket_is_called(&ends, &name));
    name.host = GH_VIEW_LIT("127.0.0.1%lo");
    ck_assert(gh_socket_is_called(&ends, &name));
    name.host = GH_VIEW_LIT("127.0.0.2");
    ck_assert(!gh_socket_is_called(&ends, &name));
    name = (gh_socket_name){GH_VIEW_LIT("127.0.0.1"), port, (uint16_t)(ends.local.port + 1)};
    ck_assert(!gh_socket_is_called(&ends, &name));
    name = (gh_socket_name){GH_VIEW_LIT("127.0.0.1"), (uint16_t)(port + 1), ends.local.port};
    ck_assert(!gh_socket_is_called(&ends, &name));
    ck_assert(!gh_sockets_ends(STDERR_FILENO, &ends));
    (void)close(served);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sockets");
    TCase *cases = tcase_create("all");
    tcase_add_test(cases, each_socket_is_found_once);
    tcase_add_test(cases, they_are_found_when_no_descriptor_is_left);
    tcase_add_test(cases, a_connection_is_known_by_its_peer_and_where_it_came_to);
    suite_add_tcase(suite, cases);
    return gh_suite_run(suite);
}

#include "server/http/sockets.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/tcp.h> /* that of the C library lacks the newer half of tcp_info */
#include <sys/socket.h>

#define NUMBERS 65536

/* When none is left for looking into the folder: that is when nearly each number is one. The limit may have
 * been lowered since some were given out, and where it is a thousand million that many numbers would take
 * minutes: beyond the common ones, so many in a row that are none are the end. */
static void visit_numbers(void (*visit)(void *context, int fd), void *context)
{
    int unused = 0;
    for (int fd = 0; fd < INT_MAX && (fd < NUMBERS || unused < NUMBERS); fd++) {
        bool open = fcntl(fd, F_GETFD) >= 0;
        unused = open ? 0 : unused + 1;
        if (open) {
            visit(context, fd);
        }
    }
}

void gh_sockets_each(void (*visit)(void *context, int fd), void *context)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        visit_numbers(visit, context);
        return;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        int64_t fd = -1;
        if (gh_view_to_int64(gh_view_of(entry->d_name), 0, INT32_MAX, &fd) == GH_OK && fd != dirfd(folder)) {
            visit(context, (int)fd);
        }
    }
    (void)closedir(folder);
}

static bool name_endpoint(const struct sockaddr_storage *address, gh_endpoint *out)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        out->port = ntohs(in->sin_port);
        return inet_ntop(AF_INET, &in->sin_addr, out->host, sizeof out->host) != NULL;
    }
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        out->port = ntohs(in6->sin6_port);
        return inet_ntop(AF_INET6, &in6->sin6_addr, out->host, sizeof out->host) != NULL;
    }
    return false;
}

bool gh_sockets_peer(int fd, gh_endpoint *end)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    return getpeername(fd, (struct sockaddr *)&address, &length) == 0 && name_endpoint(&address, end);
}

bool gh_sockets_local(int fd, gh_endpoint *end)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    return getsockname(fd, (struct sockaddr *)&address, &length) == 0 && name_endpoint(&address, end);
}

bool gh_socket_is_called(int fd, const gh_endpoint *peer, const gh_socket_name *name)
{
    gh_endpoint local;
    return name->port == peer->port &&
           gh_view_eq_cstr(gh_view_make(name->host.ptr, gh_view_find(name->host, '%')), peer->host) &&
           gh_sockets_local(fd, &local) && name->local_port == local.port;
}

bool gh_sockets_is_listening(int fd)
{
    int listening = 0;
    socklen_t length = sizeof listening;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 && listening != 0;
}

/* Older kernels fill less of it: the rest stays 0. */
static struct tcp_info info_of(int fd)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    (void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
    return info;
}

size_t gh_sockets_queued(int fd)
{
    return info_of(fd).tcpi_unacked; /* its meaning for listening sockets */
}

/* At a listening socket a filter sees segments from their TCP header on. Accepted sockets inherit it, and get
 * no such segment. */
bool gh_sockets_bolt(int fd)
{
    enum { FLAGS = 13, SYN = 0x02, ACK = 0x10 };
    struct sock_filter drop_first[] = {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS),
                                       BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN | ACK),
                                       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN, 0, 1),
                                       BPF_STMT(BPF_RET | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, UINT32_MAX)};
    const struct sock_fprog program = {.len = sizeof drop_first / sizeof drop_first[0], .filter = drop_first};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0) {
        return true;
    }
    (void)listen(fd, 0);
    return false;
}

bool gh_sockets_was_answered(int fd)
{
    return info_of(fd).tcpi_bytes_acked > 0;
}

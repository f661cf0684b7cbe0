#include "server/http/library_fixes.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define WORKER_STACK ((size_t)1024 * 1024)
#define PAUSE_NS (20 * 1000000L)

/* Of a thread that accepts; there is no other way to know who waits in civetweb's queue. */
static _Thread_local gh_admission *arriving_at;
/* Of a thread that has received nothing yet. */
static _Thread_local const char **first_buffer;

/* The C library's names for the parameters are kept. civetweb gives its workers stacks of 100 KB, of which a
 * handler finds three quarters. */
int pthread_attr_setstacksize(pthread_attr_t *__attr, size_t __stacksize)
{
    int (*real)(pthread_attr_t *, size_t) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "pthread_attr_setstacksize");
    memcpy(&real, &symbol, sizeof real);
    if (real == NULL) {
        return 0;
    }
    return real(__attr, __stacksize < WORKER_STACK ? WORKER_STACK : __stacksize);
}

/* Without a free descriptor a connection stays where it is, and a socket that was shut for the end of the
 * server (EINVAL) is always ready: civetweb would try again at once, for as long as that lasts. */
int accept(int __fd, struct sockaddr *__addr, socklen_t *__addr_len)
{
    int (*real)(int, struct sockaddr *, socklen_t *) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "accept");
    memcpy(&real, &symbol, sizeof real);
    if (real == NULL) {
        errno = ENOSYS;
        return -1;
    }
    int fd = real(__fd, __addr, __addr_len);
    if (fd < 0 &&
        (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM || errno == EINVAL)) {
        const struct timespec pause = {.tv_nsec = PAUSE_NS};
        int reason = errno;
        (void)nanosleep(&pause, NULL);
        errno = reason;
    }
    if (fd >= 0 && arriving_at != NULL) {
        gh_admission_arrive(arriving_at);
    }
    return fd;
}

/* A worker's first bytes are those of a head, so this is where civetweb keeps its heads. */
ssize_t recv(int __fd, void *__buf, size_t __n, int __flags)
{
    if (first_buffer != NULL) {
        *first_buffer = __buf;
        first_buffer = NULL;
    }
    return recvfrom(__fd, __buf, __n, __flags, NULL, NULL);
}

void gh_library_fixes(void)
{
}

void gh_library_fixes_count(gh_admission *admission)
{
    arriving_at = admission;
}

void gh_library_fixes_find_buffer(const char **buffer)
{
    first_buffer = buffer;
}

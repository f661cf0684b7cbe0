/* A clock that a test moves while the program runs: the wall clock is off by as many seconds as the file
 * $FAKE_TIME_FILE says, which holds one int64 in the machine's order. The monotonic clock is not touched. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_file;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAKE_TIME_FILE");
    void *symbol = dlsym(RTLD_NEXT, "clock_gettime");
    memcpy(&real_clock_gettime, &symbol, sizeof real_clock_gettime);
    int fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *page = mmap(NULL, sizeof *offset_file, PROT_READ, MAP_SHARED, fd, 0);
        offset_file = page != MAP_FAILED ? page : NULL;
        (void)close(fd);
    }
}

static int64_t offset_s(void)
{
    return offset_file != NULL ? *offset_file : 0;
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    int result = real_clock_gettime(clock, out);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        out->tv_sec += (time_t)offset_s();
    }
    return result;
}

time_t time(time_t *out)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone)
{
    struct timespec now = {0};
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

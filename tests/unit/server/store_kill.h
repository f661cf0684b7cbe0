/* Processes that are killed while they work on a store. */
#ifndef GH_TESTS_STORE_KILL_H
#define GH_TESTS_STORE_KILL_H

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/server/store_fixture.h"

#define KILL_REPORTS 4096

/* In a process of its own: works until it is killed, and writes a report for each thing that was answered. */
typedef void (*kill_work)(int fd, int first);

/* Runs `work` and kills it at an odd moment once it has reported. Returns how many reports of `size` bytes it
 * made, which are in `reports` (room for KILL_REPORTS). */
static inline size_t work_and_kill(kill_work work, int round, void *reports, size_t size)
{
    int fds[2];
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        work(fds[1], round * 100000);
    }
    close(fds[1]);
    char *at = reports;
    size_t count = 0;
    ck_assert_int_eq(read(fds[0], at, size), (ssize_t)size);
    const struct timespec moment = {0, (20 + 13 * round) * 1000000L};
    nanosleep(&moment, NULL);
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    do {
        count++;
    } while (count < KILL_REPORTS && read(fds[0], at + count * size, size) == (ssize_t)size);
    close(fds[0]);
    return count;
}

#endif
